//! Varied physics beside the slow obvious way: a whole copy of the model, changed through the safe interface.

use std::collections::BTreeMap;
use std::ffi::c_void;

use super::*;
use crate::beacon::SubStream;
use crate::domain::{Action, EpisodeSeed, Randomisation};
use crate::sim::placement;
use crate::sim::task::TaskSpec;
use crate::sim::tasks::tasks;
use crate::sim::template::Library;
use crate::sim::world::World;

/// Every bit of a model: the structure's numbers and all arrays, wherever they lie.
fn whole(model: &mj::mjModel) -> Vec<u8> {
    // SAFETY: the buffer is as long as MuJoCo asks for.
    unsafe {
        let len = mj::mj_sizeModel(model);
        let mut bytes = vec![0_u8; len as usize];
        mj::mj_saveModel(model, std::ptr::null(), bytes.as_mut_ptr().cast::<c_void>(), len);
        bytes
    }
}

fn variation(salt: u8) -> Variation {
    Variation::draw(Randomisation::Standard, &EpisodeSeed([salt; 32])).unwrap()
}

/// A varied view of a model.
fn varied(model: &Arc<Model>, variation: &Variation) -> Physics {
    let (arm, table) = (model.body("hand").unwrap(), model.body("tablelink").unwrap());
    Physics::varied(Arc::clone(model), variation, arm, table).unwrap()
}

/// Bodies that move and are not the arm's, found by their names and roots.
fn objects(model: &Model) -> Vec<usize> {
    let compiled = &model.compiled;
    let roots = ["base", "mocap"].map(|name| model.body(name).unwrap().0 as i32);
    (0..compiled.body_mass().len())
        .filter(|&body| compiled.body_weldid()[body] != 0 && !roots.contains(&compiled.body_rootid()[body]))
        .collect()
}

/// A whole copy of a model with the variation written into it.
fn varied_copy(model: &Model, variation: &Variation) -> Model {
    let mut compiled = model.compiled.clone();
    compiled.geom_friction_mut().as_flattened_mut().iter_mut().for_each(|value| *value *= variation.friction);
    compiled.dof_damping_mut().iter_mut().for_each(|value| *value *= variation.damping);
    compiled.cam_fovy_mut().iter_mut().for_each(|value| *value *= variation.field_of_view);
    for value in compiled.light_diffuse_mut().as_flattened_mut() {
        *value = (f64::from(*value) * variation.light) as f32;
    }
    for body in objects(model) {
        compiled.body_mass_mut()[body] *= variation.mass;
        compiled.body_inertia_mut()[body].iter_mut().for_each(|value| *value *= variation.mass);
    }
    let table = model.body("tablelink").unwrap().0 as i32;
    for geom in 0..compiled.geom_rgba().len() {
        // MetaWorld's own group of geoms to look at is 1, that of geoms to collide with is 4.
        if compiled.geom_bodyid()[geom] == table && compiled.geom_group()[geom] == 1 {
            compiled.geom_rgba_mut()[geom] = variation.table_colour;
        }
    }
    // SAFETY: the data is made for this model and deleted once.
    unsafe {
        let raw = compiled.ffi_mut();
        let data = mj::mj_makeData(raw);
        mj::mj_setConst(raw, data);
        // MuJoCo derives the data of welds as well; MetaWorld's own stand.
        let welds = slice(model.raw().eq_data, raw.neq as usize * mj::mjNEQDATA as usize);
        ptr::copy_nonoverlapping(welds.as_ptr(), raw.eq_data, welds.len());
        mj::mj_deleteData(data);
    }
    Model { compiled, inert_mocap: model.inert_mocap }
}

/// Each model once, by its name.
fn models(library: &Library) -> BTreeMap<&'static str, Arc<Model>> {
    tasks().iter().map(|spec| (spec.model, Arc::clone(&library.prepare(spec).unwrap().model))).collect()
}

fn task_vector(spec: &TaskSpec, seed: &EpisodeSeed) -> Vec<f64> {
    let mut stream = SubStream::new(seed, "placement");
    placement::draw(spec, |low, high| stream.uniform(low, high)).unwrap()
}

/// Every bit that decides or describes a world.
fn bits(world: &World) -> Vec<u64> {
    let mut state = Vec::new();
    world.integration_state(&mut state);
    state.iter().chain(world.observation()).chain(&world.goal()).map(|value| value.to_bits()).collect()
}

#[test]
fn every_number_of_a_varied_view_equals_that_of_a_whole_copy() {
    let library = Library::vendored();
    for (name, model) in models(&library) {
        for salt in 0..3 {
            let variation = variation(salt);
            let physics = varied(&model, &variation);
            let copy = varied_copy(&model, &variation);
            assert!(whole(&physics.view) == whole(copy.raw()), "{name}");
            assert!(whole(&physics.view) != whole(model.raw()), "{name}");
        }
    }
}

#[test]
fn deriving_again_what_did_not_change_changes_nothing() {
    let one = Variation {
        friction: 1.0,
        damping: 1.0,
        mass: 1.0,
        light: 1.0,
        field_of_view: 1.0,
        table_colour: [0.5, 0.5, 0.5, 1.0],
    };
    let library = Library::vendored();
    for (name, model) in models(&library) {
        assert!(whole(&varied(&model, &one).view) == whole(model.raw()), "{name}");
    }
}

#[test]
fn a_varied_world_equals_one_on_a_whole_copy_to_the_bit() {
    let library = Library::vendored();
    for (number, spec) in tasks().iter().enumerate() {
        let prepared = library.prepare(spec).unwrap();
        let seed = EpisodeSeed([number as u8; 32]);
        let variation = Variation::draw(Randomisation::Standard, &seed).unwrap();
        let vector = task_vector(spec, &seed);
        let copy = Arc::new(varied_copy(&prepared.model, &variation));
        let mut ours = World::reset(spec, &prepared, &vector, Some(variation)).unwrap();
        let mut theirs = World::reset_step_by_step(spec, &copy, &vector).unwrap();
        let mut plain = World::reset(spec, &prepared, &vector, None).unwrap();
        assert_eq!(bits(&ours), bits(&theirs), "{}", spec.name);
        for step in 0..100_u32 {
            // Down to the table and along it with the fingers working, so that there are contacts.
            let along = ((step / 25) % 3) as f32 - 1.0;
            let down = if step < 45 { -1.0 } else { 0.2 };
            let action = Action::clipped([0.4, along, down, 0.9].map(f64::from)).unwrap();
            assert_eq!(ours.step(action).unwrap(), theirs.step(action).unwrap(), "{} at step {step}", spec.name);
            assert_eq!(bits(&ours), bits(&theirs), "{} at step {step}", spec.name);
            plain.step(action).unwrap();
        }
        assert_ne!(bits(&ours), bits(&plain), "{}: the variation changes nothing", spec.name);
    }
}

/// Memory that the kernel lets nobody write, page by page; what shares a page with it stays writable.
struct ReadOnly {
    start: *mut c_void,
    len: usize,
}

const PAGE: usize = 4096;
const PROT_READ: i32 = 1;
const PROT_WRITE: i32 = 2;

unsafe extern "C" {
    fn mprotect(start: *mut c_void, len: usize, protection: i32) -> i32;
}

impl ReadOnly {
    fn new(start: *mut c_void, len: usize) -> ReadOnly {
        let skipped = start.cast::<u8>().align_offset(PAGE);
        let whole = ReadOnly { start: start.wrapping_byte_add(skipped), len: (len - skipped) / PAGE * PAGE };
        whole.allow(PROT_READ);
        whole
    }

    fn allow(&self, protection: i32) {
        // SAFETY: whole pages inside one allocation.
        assert_eq!(unsafe { mprotect(self.start, self.len, protection) }, 0);
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        self.allow(PROT_READ | PROT_WRITE);
    }
}

/// A write would end this process with a segmentation fault.
#[test]
fn nothing_ever_writes_into_a_shared_model() {
    let library = Library::vendored();
    for spec in tasks() {
        let prepared = library.prepare(spec).unwrap();
        let shared = prepared.model.raw();
        let before = whole(shared);
        let protected = ReadOnly::new(shared.buffer, shared.nbuffer as usize);
        assert!(protected.len > shared.nbuffer as usize - 2 * PAGE);
        let vector = task_vector(spec, &EpisodeSeed([7; 32]));
        for variation in [Some(variation(7)), None] {
            let mut world = World::reset(spec, &prepared, &vector, variation).unwrap();
            for _ in 0..20 {
                world.step(Action::clipped([0.2, 0.5, -1.0, 0.8]).unwrap()).unwrap();
            }
            let checkpoint = world.checkpoint();
            world.restore(&checkpoint).unwrap();
        }
        drop(protected);
        assert!(whole(shared) == before, "{}", spec.name);
    }
}

#[test]
fn factors_reach_just_what_they_are_for() {
    let library = Library::vendored();
    // A colour that no geom has.
    let variation = Variation { table_colour: [0.1, 0.2, 0.3, 1.0], ..variation(5) };
    for (name, model) in models(&library) {
        let physics = varied(&model, &variation);
        let (view, compiled) = (&*physics.view, &model.compiled);
        // SAFETY: the arrays of the view are as long as the model's.
        let (friction, masses, diffuse, fovy, rgba) = unsafe {
            (
                slice(view.geom_friction, compiled.geom_friction().len() * 3),
                slice(view.body_mass, compiled.body_mass().len()),
                slice(view.light_diffuse, compiled.light_diffuse().len() * 3),
                slice(view.cam_fovy, compiled.cam_fovy().len()),
                slice(view.geom_rgba.cast::<[f32; 4]>(), compiled.geom_rgba().len()),
            )
        };
        for (was, is) in compiled.geom_friction().as_flattened().iter().zip(friction) {
            assert_eq!(was * variation.friction, *is, "{name}");
        }
        for (was, is) in compiled.light_diffuse().as_flattened().iter().zip(diffuse) {
            assert_eq!((f64::from(*was) * variation.light) as f32, *is, "{name}");
        }
        assert!(compiled.cam_fovy().iter().zip(fovy).all(|(was, is)| was * variation.field_of_view == *is), "{name}");
        let objects = objects(&model);
        assert!(objects.iter().any(|&body| compiled.body_mass()[body] > 0.0), "{name} has nothing that moves");
        for (body, (was, is)) in compiled.body_mass().iter().zip(masses).enumerate() {
            let factor = if objects.contains(&body) { variation.mass } else { 1.0 };
            assert_eq!(was * factor, *is, "{name}, body {body}");
        }
        let coloured = (0..rgba.len()).filter(|&geom| rgba[geom] == variation.table_colour);
        let table = model.body("tablelink").unwrap().0 as i32;
        assert!(coloured.clone().count() >= 2, "{name}");
        assert!(coloured.into_iter().all(|geom| compiled.geom_bodyid()[geom] == table), "{name}");
    }
}
