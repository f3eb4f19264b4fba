//! Pictures of a small stage.

use std::sync::Arc;

use super::*;

const QUALITY: Quality = Quality { slices: 28, stacks: 16, quads: 4, shadow_clip: 3.0 };
const UPRIGHT: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
const SIZE: [usize; 2] = [48, 36];

/// A floor's pattern, and a sky of one colour.
fn assets() -> Arc<Assets> {
    let tiles: Vec<u8> = (0..16 * 16 * 3).map(|k| if (k / 3 % 16 < 8) ^ (k / 48 < 8) { 250 } else { 170 }).collect();
    let sky = [40; 12];
    let texture = |kind, width, pixels| TextureSource { kind, width, height: width, channels: 3, pixels };
    let textures = [texture(TextureKind::Flat, 16, &tiles), texture(TextureKind::Skybox, 2, &sky)];
    Arc::new(Assets::new(QUALITY, &[], &textures, &mut AssetCache::default()))
}

fn prop(form: Form, position: [f32; 3], size: [f32; 3], rgba: [f32; 4]) -> Prop {
    let (orientation, surface) = (UPRIGHT, Surface::plain(rgba));
    Prop { form, position, orientation, size, surface, explicit_texture_coordinates: false, object: None }
}

/// A tiled floor with a box, a ball, a capsule and a pane of glass, from above and aside.
fn stage() -> Stage {
    let mut floor = prop(Form::Plane, [0.0; 3], [2.0, 2.0, 0.5], [1.0; 4]);
    floor.surface.texture = Some(0);
    floor.surface.texture_repeat = [4.0; 2];
    let light = |position: [f32; 3], direction: [f32; 3], casts_shadow| Light {
        kind: LightKind::Directional,
        position,
        direction,
        ambient: [0.1; 3],
        diffuse: [0.5; 3],
        specular: [0.3; 3],
        casts_shadow,
    };
    Stage {
        props: vec![
            floor,
            prop(Form::Box, [0.0, 0.0, 0.2], [0.2, 0.3, 0.2], [0.9, 0.2, 0.1, 1.0]),
            prop(Form::Ellipsoid, [0.6, 0.1, 0.2], [0.2, 0.2, 0.2], [0.1, 0.6, 0.2, 1.0]),
            prop(Form::Capsule, [-0.6, 0.2, 0.4], [0.1, 0.1, 0.3], [0.2, 0.2, 0.9, 1.0]),
            prop(Form::Box, [0.0, -0.7, 0.3], [0.3, 0.02, 0.3], [0.5, 0.9, 0.9, 0.3]),
        ],
        lights: vec![light([0.0, 0.0, 3.0], [0.6, 0.0, -0.8], true), light([0.0, 0.0, 3.0], [0.0, 0.6, -0.8], false)],
        camera: Camera {
            position: [0.0, -3.0, 1.5],
            forward: [0.0, 0.894_427_2, -0.447_213_6],
            up: [0.0, 0.447_213_6, 0.894_427_2],
            bottom: -0.04,
            top: 0.04,
            center: 0.0,
            near: 0.1,
            far: 50.0,
        },
    }
}

fn draw(renderer: &mut Renderer, assets: &Arc<Assets>, stage: &Stage, size: [usize; 2]) -> Vec<u8> {
    let mut out = Vec::new();
    renderer.draw(assets, stage, size, &mut out);
    assert_eq!(out.len(), size[0] * size[1] * 3);
    out
}

fn fresh(stage: &Stage) -> Vec<u8> {
    draw(&mut Renderer::new(), &assets(), stage, SIZE)
}

/// Pixels of which a byte differs.
fn differing(a: &[u8], b: &[u8]) -> usize {
    a.chunks(3).zip(b.chunks(3)).filter(|(a, b)| a != b).count()
}

/// The small stage with a floor that mirrors, a textured ball, things around the camera, a spot light.
fn rich_stage() -> Stage {
    let mut stage = stage();
    stage.props[0].surface.reflectance = 0.2;
    stage.props[2].surface.texture = Some(0);
    stage.props[3].position = [0.0, -2.9, 1.4];
    let mut spot = stage.lights[1].clone();
    spot.kind = LightKind::Spot { attenuation: [1.0, 0.1, 0.0], cutoff_degrees: 40.0, exponent: 10.0 };
    stage.lights.push(spot);
    stage
}

// These run on SSE2's lanes and on plain ones (`sim::plain`).
#[test]
fn a_picture_has_the_same_bytes_everywhere() {
    let digest = blake3::hash(&fresh(&stage()));
    assert_eq!(&digest.to_hex()[..16], "f2f67eb1798f3f34");
}

#[test]
fn large_pictures_and_surveys_of_a_rich_stage_have_the_same_bytes_everywhere() {
    let (mut hasher, stage, size) = (blake3::Hasher::new(), rich_stage(), [150, 131]);
    hasher.update(&draw(&mut Renderer::new(), &assets(), &stage, size));
    for Sight { depth_m, object } in survey(&stage, size) {
        hasher.update(&depth_m.to_le_bytes()).update(&object.map_or(-1, |object| object.id).to_le_bytes());
    }
    assert_eq!(&hasher.finalize().to_hex()[..16], "27fa08f9d3e7d7ac");
}

#[test]
fn what_was_drawn_before_does_not_show() {
    let (assets, others) = (assets(), assets());
    let mut renderer = Renderer::new();
    let stage = stage();
    let mut moved = stage.clone();
    moved.props[1].position[0] = 0.7;
    moved.props.swap(2, 3);
    moved.camera.position[2] = 1.0;
    let mut below = stage.clone();
    below.camera.position[2] = -1.0;
    let fresh = fresh(&stage);
    draw(&mut renderer, &assets, &moved, [200, 10]);
    draw(&mut renderer, &others, &below, [7, 90]);
    for other in [&moved, &stage, &stage, &moved, &below, &Stage::default(), &moved] {
        draw(&mut renderer, &assets, other, SIZE);
        assert_eq!(draw(&mut renderer, &assets, &stage, SIZE), fresh);
        assert_eq!(draw(&mut renderer, &assets, &stage, SIZE), fresh);
        draw(&mut renderer, &others, other, SIZE);
    }
}

#[test]
fn shadows_follow_what_moves_while_other_things_stand_still() {
    let assets = assets();
    let mut renderer = Renderer::new();
    let mut stage = stage();
    for step in 0..6 {
        stage.props[2].position[1] = 0.1 * step as f32;
        assert_eq!(draw(&mut renderer, &assets, &stage, SIZE), fresh(&stage), "step {step}");
    }
    stage.props[1].position[0] = 0.3;
    assert_eq!(draw(&mut renderer, &assets, &stage, SIZE), fresh(&stage));
}

#[test]
fn things_hide_what_is_behind_them_in_any_order() {
    let stage = stage();
    let mut turned = stage.clone();
    turned.props[..4].reverse();
    assert_eq!(differing(&fresh(&stage), &fresh(&turned)), 0);
}

#[test]
fn a_box_casts_a_shadow() {
    let mut stage = stage();
    stage.props.truncate(2);
    let with = fresh(&stage);
    stage.lights[0].casts_shadow = false;
    let without = fresh(&stage);
    let darker =
        |by: u8| with.iter().zip(&without).filter(|(with, without)| with.saturating_add(by) < **without).count();
    assert!(darker(20) > 40, "{}", darker(20));
    // The shadow map is filtered: a shadow's rim is neither dark nor light.
    assert!(darker(1) > darker(20) + 40, "{} {}", darker(1), darker(20));
    assert!(with.iter().zip(&without).all(|(with, without)| *with <= without.saturating_add(1)));
}

#[test]
fn a_floor_mirrors_what_stands_on_it() {
    let mut stage = stage();
    stage.props.truncate(2);
    let plain = fresh(&stage);
    stage.props[0].surface.reflectance = 0.3;
    let mirrored = fresh(&stage);
    let brighter = mirrored.iter().zip(&plain).filter(|(a, b)| a > b).count();
    assert!(brighter > 20, "{brighter}");
    assert!(mirrored.iter().zip(&plain).all(|(a, b)| a >= b));
}

#[test]
fn glass_lets_colours_through() {
    let mut stage = stage();
    let glass = fresh(&stage);
    stage.props.pop();
    let none = fresh(&stage);
    let behind = differing(&glass, &none);
    assert!(behind > 50 && behind < SIZE[0] * SIZE[1] / 3, "{behind}");
}

#[test]
fn things_around_the_camera_are_cut_off() {
    let mut stage = stage();
    stage.props[3].position = stage.camera.position;
    stage.props[1].position = [0.0, -3.0, 1.2];
    let picture = fresh(&stage);
    assert!(differing(&picture, &fresh(&Stage { props: Vec::new(), ..stage })) > 100);
}

#[test]
fn without_things_and_lights_there_is_the_sky() {
    let stage = Stage { camera: stage().camera, ..Stage::default() };
    assert!(fresh(&stage).iter().all(|byte| *byte == 40));
}

/// Numbers that a simulation which has become unstable may leave behind, and places far from the stage that can be drawn.
const WILD: [f32; 18] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    1e30,
    -1e20,
    1e9,
    f32::MIN_POSITIVE,
    4.0,
    -4.0,
    6.0,
    -6.0,
    30.0,
    -30.0,
    1e3,
    -1e3,
    9.9e3,
    -9.9e3,
];

#[test]
fn impossible_numbers_give_some_picture_and_leave_nothing_behind() {
    let assets = assets();
    let mut renderer = Renderer::new();
    let good = stage();
    let expected = fresh(&good);
    let changes: [fn(&mut Stage, f32); 9] = [
        |stage, wild| stage.props[1].position[0] = wild,
        |stage, wild| stage.props[2].position = [wild; 3],
        |stage, wild| stage.props[3].orientation = [wild; 9],
        |stage, wild| stage.props[3].size = [wild; 3],
        |stage, wild| stage.props[4].position[1] = wild,
        |stage, wild| stage.props.iter_mut().for_each(|prop| prop.position[2] = wild),
        |stage, wild| stage.camera.position[1] = wild,
        |stage, wild| (stage.camera.forward, stage.camera.far) = ([wild; 3], wild),
        |stage, wild| stage.lights[0].direction = [wild; 3],
    ];
    for change in changes {
        for wild in WILD {
            let mut stage = good.clone();
            change(&mut stage, wild);
            let first = draw(&mut renderer, &assets, &stage, SIZE);
            assert_eq!(first, fresh(&stage), "{wild}");
            assert_eq!(survey(&stage, SIZE).len(), first.len() / 3, "{wild}");
            assert_eq!(draw(&mut renderer, &assets, &good, SIZE), expected, "after {wild}");
        }
    }
}

/// What the small stage shows, its props named by their places; row 0 is on top.
fn survey(stage: &Stage, size: [usize; 2]) -> Vec<Sight> {
    let mut stage = stage.clone();
    for (prop, id) in stage.props.iter_mut().zip(0..) {
        prop.object = Some(Object { id, kind: 5 });
    }
    let mut sights = Vec::new();
    Renderer::new().survey(&assets(), &stage, size, &mut sights);
    assert_eq!(sights.len(), size[0] * size[1]);
    sights
}

#[test]
fn a_survey_tells_the_distance_along_the_axis() {
    let mut stage = stage();
    stage.props.truncate(1);
    let camera = stage.camera;
    let [width, height] = SIZE;
    let mut seen = 0;
    for (place, sight) in survey(&stage, SIZE).iter().enumerate() {
        // Where the ray through the pixel's middle meets the floor, by the camera's own axes.
        let right =
            ((place % width) as f32 + 0.5 - width as f32 / 2.0) / (height as f32 / 2.0) * camera.top / camera.near;
        let up =
            (height as f32 / 2.0 - 0.5 - (place / width) as f32) / (height as f32 / 2.0) * camera.top / camera.near;
        let down = -(camera.forward[2] + up * camera.up[2]);
        let distance = camera.position[2] / down;
        let along = camera.position[1] + distance * (camera.forward[1] + up * camera.up[1]);
        let on_floor = down > 0.0 && along.abs() <= 2.0 && (distance * right).abs() <= 2.0;
        assert_eq!(sight.object.is_some(), on_floor, "{place}");
        let expected = if on_floor { distance } else { camera.far };
        assert!((sight.depth_m - expected).abs() < 1e-4 * expected, "{place}: {} and not {expected}", sight.depth_m);
        seen += usize::from(on_floor);
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn a_survey_names_the_nearest_object_and_glass_too() {
    let stage = stage();
    // Odd sizes end in half a block.
    let [width, height] = [49, 37];
    let sights = survey(&stage, [width, height]);
    let mut counts = [0; 5];
    sights.iter().filter_map(|sight| sight.object).for_each(|object| counts[object.id as usize] += 1);
    assert!(counts.iter().all(|count| *count >= 10), "{counts:?}");
    // The pane stands before the box and hides its middle.
    let middle = sights[height / 2 * width + width / 2];
    assert_eq!(middle.object, Some(Object { id: 4, kind: 5 }));
    let mut without = stage.clone();
    without.props.pop();
    let behind = survey(&without, [width, height])[height / 2 * width + width / 2];
    assert!(behind.object.is_some_and(|object| object.id == 1) && behind.depth_m > middle.depth_m, "{behind:?}");
}

#[test]
fn a_survey_leaves_out_what_is_no_object_or_beyond_the_far_plane() {
    let mut stage = stage();
    stage.camera.far = 2.5;
    let near = survey(&stage, SIZE);
    assert!(near.iter().all(|sight| sight.object.is_some() == (sight.depth_m < 2.5)));
    assert!(near.iter().any(|sight| sight.object.is_none()) && near.iter().any(|sight| sight.object.is_some()));
    let mut sights = Vec::new();
    Renderer::new().survey(&assets(), &stage, SIZE, &mut sights);
    assert!(sights.iter().all(|sight| *sight == Sight { depth_m: 2.5, object: None }));
}

#[test]
fn a_survey_and_a_picture_leave_nothing_to_each_other() {
    let (assets, stage) = (assets(), stage());
    let mut renderer = Renderer::new();
    let picture = draw(&mut renderer, &assets, &stage, SIZE);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    renderer.survey(&assets, &stage, [31, 17], &mut first);
    assert!(picture == draw(&mut renderer, &assets, &stage, SIZE));
    Renderer::new().survey(&assets, &stage, [31, 17], &mut second);
    assert_eq!(first, second);
}
