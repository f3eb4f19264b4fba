//! What the renderer leaves out, no model of MetaWorld shows.

use super::*;
use crate::sim::scene::Scene;
use crate::sim::tasks::tasks;
use crate::sim::template::Library;

#[test]
fn no_model_shows_what_is_not_drawn() {
    let library = Library::vendored();
    for spec in tasks() {
        let prepared = library.prepare(spec).unwrap();
        let mut world = Scene::new(&prepared.model).unwrap();
        world.take_homing(&prepared.homed);
        world.end_homing();
        let physics = world.physics_mut();
        physics.forward();
        let mut visualiser = Visualiser::new(&prepared.model);
        visualiser.update(physics, prepared.model.camera("corner").unwrap(), Marks::AsMetaworld).unwrap();
        let (scene, name) = (&*visualiser.scene, spec.name);

        // SAFETY: MuJoCo filled this many geoms.
        let geoms = unsafe { slice(scene.geoms.cast_const(), scene.ngeom as usize) };
        assert!(geoms.len() > 20, "{name}");
        for geom in geoms {
            let prop = prop(&physics.view, geom).unwrap_or_else(|| panic!("{name}: a geom of type {}", geom.type_));
            assert!(
                prop.form != Form::Plane || prop.size[0] * prop.size[1] > 0.0,
                "{name}: haze above an endless plane"
            );
            assert!(geom.label[0] == 0, "{name}: a label");
        }

        let lights: Vec<Light> = scene.lights[..scene.nlight as usize].iter().map(|l| light(l).unwrap()).collect();
        let shadows: Vec<&Light> = lights.iter().filter(|light| light.casts_shadow).collect();
        assert!(shadows.len() <= 1, "{name}: shadows of {} lights", shadows.len());
        assert!(shadows.iter().all(|light| light.kind == LightKind::Directional), "{name}: the shadow of a spot");
        assert_eq!(scene.flags[mj::mjtRndFlag::mjRND_FOG as usize], 0, "{name}: fog");

        let textures = prepared.model.textures();
        for sky in textures.iter().filter(|texture| texture.kind == TextureKind::Skybox) {
            let pixels = sky.pixels[..sky.width * sky.height * sky.channels].chunks_exact(sky.channels);
            assert!(pixels.clone().all(|pixel| pixel == &sky.pixels[..sky.channels]), "{name}: a sky with a pattern");
        }
    }
}

#[test]
fn whoever_panics_while_looking_leaves_the_data_in_its_place() {
    let prepared = Library::vendored().prepare(&tasks()[0]).unwrap();
    let mut world = Scene::new(&prepared.model).unwrap();
    world.take_homing(&prepared.homed);
    let physics = world.physics_mut();
    let (data, derived) = (physics.data, physics.derived);
    let mut looked_at = data;
    let look = || {
        physics.derived_aside(|aside| {
            looked_at = aside.data;
            panic!("on purpose");
        })
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).is_err());
    assert_ne!(looked_at, data, "it looks at a copy");
    assert_eq!((physics.data, physics.derived), (data, derived));
}

#[test]
fn a_scene_without_room_for_all_that_it_shows_is_an_error_and_no_warning_of_the_episode() {
    let prepared = Library::vendored().prepare(&tasks()[0]).unwrap();
    let mut world = Scene::new(&prepared.model).unwrap();
    let physics = world.physics_mut();
    physics.forward();
    physics.take_warnings();
    let geoms = {
        let mut visualiser = Visualiser::new(&prepared.model);
        visualiser.update(physics, 0, Marks::AsMetaworld).unwrap();
        visualiser.scene.ngeom
    };
    let mut look = |room: c_int| {
        let mut visualiser = Visualiser::with_room(&prepared.model, room);
        visualiser.look(physics, 0, Marks::AsMetaworld, &mut Stage::default())
    };
    assert!(look(geoms).is_ok(), "just enough");
    let told = look(geoms - 1).unwrap_err().to_string();
    assert!(told.contains(&format!("more than {} geoms", geoms - 1)), "{told}");
    assert!(look(geoms).is_ok());
    assert_eq!(physics.take_warnings(), 0);
}
