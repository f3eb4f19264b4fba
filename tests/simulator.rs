//! The simulator as its users see it: episodes are pure functions of environment, task vector and actions.

use std::path::Path;
use std::thread;

use kinitro::domain::{Action, EnvId, EpisodeSeed, Randomisation, standard_cameras};
use kinitro::sim::{Apart, Command, EPISODE_STEPS, SimError, Simulator, StepResult, World, prove_maths_pin, tasks};

/// Where `make vendor` puts the assets.
const WHEEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor/metaworld/metaworld-3.1.1-py3-none-any.whl");

fn simulator() -> Simulator {
    Simulator::open(Path::new(WHEEL)).unwrap()
}

fn environments() -> Vec<EnvId> {
    tasks().iter().map(|spec| spec.env_id()).collect()
}

fn env(name: &str) -> EnvId {
    format!("metaworld/{name}").parse().unwrap()
}

fn seeded(simulator: &Simulator, env: &EnvId, seed: u8) -> World {
    simulator.episode(env, &EpisodeSeed([seed; 32]), Randomisation::None).unwrap()
}

/// The action of a step: different in each world and step, moving about with the fingers working.
fn action(salt: u32, step: u32) -> Action {
    let digest = blake3::hash(&[salt.to_le_bytes(), step.to_le_bytes()].concat());
    let number = |i: usize| f64::from(digest.as_bytes()[i]) / 127.5 - 1.0;
    Action::clipped([number(0), number(1), number(2) - 0.3, number(3)]).unwrap()
}

/// Everything a world shows after a step, as bits.
fn bits(world: &World, result: &StepResult) -> Vec<u64> {
    let mut state = Vec::new();
    world.integration_state(&mut state);
    state.extend(world.observation());
    state.push(result.reward);
    state.push(f64::from(result.success));
    state.iter().map(|value| value.to_bits()).collect()
}

fn play(world: &mut World, salt: u32, steps: std::ops::Range<u32>) -> Vec<Vec<u64>> {
    steps
        .map(|step| {
            let result = world.step(action(salt, step)).unwrap();
            bits(world, &result)
        })
        .collect()
}

#[test]
fn libmujoco_uses_our_maths() {
    prove_maths_pin().unwrap();
}

#[test]
fn the_fingerprint_names_engine_and_assets() {
    let simulator = simulator();
    let fingerprint = simulator.fingerprint();
    assert_eq!(fingerprint.mujoco_version, "3.17.0");
    assert_eq!(fingerprint.architecture, "x86_64");
    assert_eq!(fingerprint.assets.to_string(), "9b7d245e92e9c670ccda8889157354fe3133aa078596c5d2a0da867aaf80b955");
    assert_eq!(fingerprint.libmujoco.to_string(), "e5611a62d8cb6d2a84892f3f9f12428212d766db14352a0b0da3a95c96dc3246");
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let simulator = simulator();
    for env in environments() {
        let one = seeded(&simulator, &env, 1);
        let same = seeded(&simulator, &env, 1);
        let other = seeded(&simulator, &env, 2);
        assert_eq!(one.task_vector(), same.task_vector(), "{env}");
        assert_eq!(one.observation(), same.observation(), "{env}");
        assert_ne!(one.task_vector(), other.task_vector(), "{env}");
    }
}

#[test]
fn task_vectors_are_drawn_within_their_bounds_and_apart() {
    let simulator = simulator();
    for spec in tasks() {
        for seed in 0..20 {
            let world = seeded(&simulator, &spec.env_id(), seed);
            let vector = world.task_vector();
            for (value, (low, high)) in vector.iter().zip(spec.low.iter().zip(spec.high)) {
                assert!(low <= value && value <= high, "{} {vector:?}", spec.name);
            }
            if let Some(Apart { least_m, fixed_goal }) = spec.apart {
                let goal = fixed_goal.unwrap_or_else(|| [vector[3], vector[4]]);
                let (x, y) = (vector[0] - goal[0], vector[1] - goal[1]);
                assert!(x * x + y * y >= least_m * least_m * 0.999, "{} {vector:?}", spec.name);
            }
        }
    }
}

#[test]
fn interleaved_episodes_equal_fresh_ones() {
    let simulator = simulator();
    for env in environments() {
        let mut worlds: Vec<World> = (0..3).map(|seed| seeded(&simulator, &env, seed)).collect();
        let mut interleaved = vec![Vec::new(); worlds.len()];
        for step in 0..60 {
            for (salt, world) in worlds.iter_mut().enumerate() {
                interleaved[salt].extend(play(world, salt as u32, step..step + 1));
            }
        }
        for (salt, seen) in interleaved.iter().enumerate() {
            let mut fresh = seeded(&simulator, &env, salt as u8);
            assert!(*seen == play(&mut fresh, salt as u32, 0..60), "{env}, episode {salt}");
        }
    }
}

#[test]
fn an_episode_that_moves_between_threads_keeps_its_bits() {
    let simulator = simulator();
    let env = env("pick-place-v3");
    let expected = play(&mut seeded(&simulator, &env, 9), 4, 0..100);
    let mut world = seeded(&simulator, &env, 9);
    let mut seen = Vec::new();
    for part in 0..10 {
        let steps = part * 10..part * 10 + 10;
        (world, seen) = thread::scope(|scope| {
            let moved = scope.spawn(move || {
                seen.extend(play(&mut world, 4, steps));
                (world, seen)
            });
            moved.join().unwrap()
        });
    }
    assert!(expected == seen);
}

#[test]
fn episodes_on_many_threads_at_once_keep_their_bits() {
    let simulator = simulator();
    for env in environments() {
        let expected = play(&mut seeded(&simulator, &env, 5), 6, 0..60);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(play(&mut seeded(&simulator, &env, 5), 6, 0..60) == expected, "{env}"));
            }
        });
    }
}

#[test]
fn a_restored_checkpoint_goes_on_to_the_bit() {
    let simulator = simulator();
    for env in environments() {
        let mut world = seeded(&simulator, &env, 3);
        play(&mut world, 1, 0..70);
        let checkpoint = world.checkpoint();
        let expected = play(&mut world, 1, 70..120);
        let mut resumed = simulator.resume(&checkpoint).unwrap();
        assert_eq!(resumed.steps(), 70);
        assert_eq!(resumed.checkpoint(), checkpoint, "{env}");
        assert!(play(&mut resumed, 1, 70..120) == expected, "{env}: in a new world");
        world.restore(&checkpoint).unwrap();
        assert!(play(&mut world, 1, 70..120) == expected, "{env}: in the same world");
    }
}

#[test]
fn a_checkpoint_of_another_world_is_refused() {
    let simulator = simulator();
    let checkpoint = seeded(&simulator, &env("reach-v3"), 1).checkpoint();
    let mut other = seeded(&simulator, &env("reach-v3"), 2);
    assert!(matches!(other.restore(&checkpoint), Err(SimError::ForeignCheckpoint { .. })));
    let mut other = seeded(&simulator, &env("push-v3"), 1);
    assert!(matches!(other.restore(&checkpoint), Err(SimError::ForeignCheckpoint { .. })));
}

#[test]
fn there_is_no_step_after_the_last() {
    let mut world = seeded(&simulator(), &env("reach-v3"), 0);
    for _ in 0..EPISODE_STEPS {
        world.step(Action::ZERO).unwrap();
    }
    let before = *world.observation();
    assert!(matches!(world.step(Action::ZERO), Err(SimError::EpisodeOver(500))));
    assert_eq!(*world.observation(), before);
}

#[test]
fn numbers_that_are_not_finite_cannot_become_a_command() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(Command::unclipped([0.0, 0.0, bad, 0.0]), None);
    }
    assert!(Command::unclipped([1.5, -1.5, 0.0, 0.0]).is_some());
}

#[test]
fn the_largest_commands_do_not_upset_physics() {
    let mut world = seeded(&simulator(), &env("pick-place-v3"), 0);
    let command = Command::unclipped([f32::MAX, -f32::MAX, f32::MIN, f32::MAX]).unwrap();
    for _ in 0..100 {
        let result = world.step(command).unwrap();
        assert!(!result.unstable && result.warnings == 0, "{result:?}");
        assert!(world.observation().iter().all(|value| value.is_finite()));
    }
}

#[test]
fn impossible_task_vectors_are_refused_with_what_to_do() {
    let simulator = simulator();
    let reach = env("reach-v3");
    let refused = |vector: &[f64]| simulator.episode_at(&reach, vector).err().unwrap();
    assert!(matches!(refused(&[0.0; 5]), SimError::TaskVectorLength { expected: 6, found: 5, .. }));
    assert!(matches!(refused(&[f64::NAN, 0.6, 0.02, 0.0, 0.8, 0.2]), SimError::TaskVectorValue { index: 0, .. }));
    assert!(matches!(refused(&[0.0, 0.6, 1e300, 0.0, 0.8, 0.2]), SimError::TaskVectorValue { index: 2, .. }));
    assert!(matches!(refused(&[0.0, 0.6, 0.02, 0.0, 0.7, 0.2]), SimError::TooClose { .. }));
    let unknown = simulator.episode_at(&env("juggle-v3"), &[]).err().unwrap().to_string();
    assert!(unknown.contains("list-envs"), "{unknown}");
}

#[test]
fn the_goal_is_hidden_unless_asked_for() {
    let world = seeded(&simulator(), &env("reach-v3"), 0);
    assert_eq!(world.observation()[36..], [0.0; 3]);
    assert_eq!(world.observation_with_goal()[36..], world.goal());
    assert_eq!(world.observation_with_goal()[..36], world.observation()[..36]);
}

#[test]
fn a_missing_torn_or_damaged_wheel_says_to_run_make_vendor() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Simulator::locate(Some(&folder.path().join("no.whl"))).err().unwrap().to_string();
    assert!(missing.contains("make vendor"), "{missing}");
    let whole = std::fs::read(WHEEL).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    for (name, bytes) in [("torn.whl", &whole[..whole.len() / 2]), ("tiny.whl", &whole[..6]), ("damaged.whl", &damaged)]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let message = Simulator::open(&path).err().unwrap().to_string();
        assert!(message.contains("make vendor") && message.contains(name), "{message}");
    }
}

#[test]
fn mujoco_leaves_no_log_file() {
    let mut world = seeded(&simulator(), &env("push-v3"), 0);
    world.step(Action::ZERO).unwrap();
    assert!(!Path::new("MUJOCO_LOG.TXT").exists());
}

#[test]
fn pictures_change_nothing() {
    let simulator = simulator();
    let mut camera = standard_cameras().swap_remove(0);
    (camera.width, camera.height) = (16.try_into().unwrap(), 16.try_into().unwrap());
    // Some environments: a test build needs seconds to make each one's meshes ready.
    for (salt, env) in (0..).zip(environments()).step_by(9) {
        let (mut seen, mut unseen) = (seeded(&simulator, &env, 3), seeded(&simulator, &env, 3));
        for step in 0..5 {
            // After a reset, for which MuJoCo has to derive positions aside, and later.
            if step % 3 == 0 {
                let before = (state(&seen), seen.checkpoint());
                let pictures = seen.pictures(std::slice::from_ref(&camera)).unwrap();
                assert!(pictures[0].frame.rgb().iter().any(|byte| *byte > 0), "{env}: a black picture");
                assert!(seen.survey(&camera).unwrap().iter().any(|sight| sight.object.is_some()), "{env}");
                assert!(before == (state(&seen), seen.checkpoint()), "{env}");
            }
            assert_eq!(play(&mut seen, salt, step..step + 1), play(&mut unseen, salt, step..step + 1), "{env}");
        }
        assert_eq!(seen.observation_with_goal().map(f64::to_bits), unseen.observation_with_goal().map(f64::to_bits));
    }
}

fn state(world: &World) -> Vec<u64> {
    let mut state = Vec::new();
    world.integration_state(&mut state);
    state.into_iter().map(f64::to_bits).collect()
}
