//! What is part of a picture: sites, and what `standard` varies.

use super::*;
use crate::beacon::SubStream;
use crate::domain::{EpisodeSeed, Marks, Side};
use crate::sim::engine::Visualiser;
use crate::sim::tasks::{task, tasks};
use crate::sim::template::Library;
use crate::sim::variation::Variation;
use crate::sim::world::World;
use crate::sim::{placement, task::TaskSpec};

/// Sites of the arm that MetaWorld draws in every task.
const ARM: [&str; 5] = ["basesite", "headsite", "armsite", "rightEndEffector", "leftEndEffector"];

/// Sites that MetaWorld made transparent.
const NEVER: [&str; 4] = ["endEffector", "mocap", "objSite", "hand-goal-site"];

/// The world of a seed, with a variation of the test's own.
fn world(library: &Library, spec: &'static TaskSpec, seed: u8, variation: Option<Variation>) -> World {
    let mut stream = SubStream::new(&EpisodeSeed([seed; 32]), "placement");
    let vector = placement::draw(spec, |low, high| stream.uniform(low, high));
    World::reset(spec, &library.prepare(spec).unwrap(), &vector.unwrap(), variation).unwrap()
}

fn sites(world: &mut World, marks: Marks) -> Vec<(String, [f32; 3])> {
    world.look(|physics| {
        let model = Arc::clone(physics.model());
        let mut visualiser = Visualiser::new(&model);
        visualiser.look(physics, 0, marks, &mut Stage::default()).unwrap();
        visualiser.sites(&model)
    })
}

fn is_at(place: [f32; 3], goal: [f64; 3]) -> bool {
    place.iter().zip(goal).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5)
}

#[test]
fn the_marks_of_every_task_are_those_of_the_table() {
    let library = Library::vendored();
    let mut drawn = Vec::new();
    for spec in tasks() {
        let mut one = world(&library, spec, 1, None);
        let mut other = world(&library, spec, 2, None);
        let (first, second) = (sites(&mut one, Marks::AsMetaworld), sites(&mut other, Marks::AsMetaworld));
        assert_eq!(sites(&mut one, Marks::Hidden), [], "{}", spec.name);
        for arm in ARM {
            assert!(first.iter().any(|(name, _)| name == arm), "{}: {arm} is not drawn", spec.name);
        }
        let mut row: Vec<String> = Vec::new();
        for ((name, place), (_, also)) in first.iter().zip(&second) {
            assert!(!NEVER.contains(&name.as_str()), "{}: {name} is drawn", spec.name);
            if !ARM.contains(&name.as_str()) {
                let star = if is_at(*place, one.goal()) && is_at(*also, other.goal()) { "*" } else { "" };
                row.push(format!("`{name}`{star}"));
            }
        }
        row.sort();
        let row = if row.is_empty() { "none".to_owned() } else { row.join(", ") };
        drawn.push(format!("| {} | {row} |", spec.name));
    }
    let table: Vec<&str> =
        include_str!("../../../docs/cameras.md").lines().filter(|line| line.contains("-v3 |")).collect();
    assert_eq!(drawn, table, "docs/cameras.md has another table; it should be:\n{}", drawn.join("\n"));
}

/// Nothing but what a test changes.
const PLAIN: Variation =
    Variation { friction: 1.0, damping: 1.0, mass: 1.0, light: 1.0, field_of_view: 1.0, table_colour: [1.0; 4] };

#[test]
fn light_field_of_view_and_table_colour_change_the_picture_each_by_itself() {
    let library = Library::vendored();
    let spec = task(&"metaworld/drawer-open-v3".parse().unwrap()).unwrap();
    let side = Side::try_from(40).unwrap();
    let cameras = ["corner", "gripperPOV"].map(|name| CameraSetting::upright(name, side).unwrap());
    let pictures = |variation: Variation| {
        let images = world(&library, spec, 3, Some(variation)).pictures(&cameras).unwrap();
        images.iter().map(|image| image.frame.rgb().to_vec()).collect::<Vec<_>>()
    };
    let mean = |rgb: &[u8], colour: usize| {
        let all = rgb.iter().skip(colour).step_by(3);
        all.map(|value| f64::from(*value)).sum::<f64>() / (rgb.len() / 3) as f64
    };
    let plain = pictures(PLAIN);
    assert_eq!(pictures(PLAIN), plain);
    let bright = pictures(Variation { light: 1.2, ..PLAIN });
    let dim = pictures(Variation { light: 0.8, ..PLAIN });
    let wide = pictures(Variation { field_of_view: 1.05, ..PLAIN });
    let blue = pictures(Variation { table_colour: [0.55, 0.70, 0.95, 1.0], ..PLAIN });
    for (camera, place) in cameras.iter().zip(0..) {
        let (plain, name) = (&plain[place], &camera.name);
        let brightness = |pictures: &[Vec<u8>]| (0..3).map(|colour| mean(&pictures[place], colour)).sum::<f64>();
        let plainly: f64 = (0..3).map(|colour| mean(plain, colour)).sum();
        assert!(brightness(&dim) + 3.0 < plainly && plainly + 3.0 < brightness(&bright), "{name}: light");
        let moved = plain.chunks(3).zip(wide[place].chunks(3)).filter(|(a, b)| a != b).count();
        assert!(moved > 100, "{name}: field of view: {moved} pixels");
        let redness = |rgb: &[u8]| mean(rgb, 0) - mean(rgb, 2);
        assert!(redness(&blue[place]) + 5.0 < redness(plain), "{name}: table colour");
    }
}

#[test]
#[should_panic(expected = "within one model only")]
fn cameras_that_were_found_in_another_model_are_refused() {
    let library = Library::vendored();
    let of = |name: &str| world(&library, task(&name.parse().unwrap()).unwrap(), 1, None);
    let camera = CameraSetting::upright("corner", Side::try_from(8).unwrap()).unwrap();
    let views = of("metaworld/reach-v3").views(RendererProfile::Reference, &[camera]).unwrap();
    let _ = of("metaworld/door-open-v3").seen(&views);
}
