//! Domain randomisation as its users see it: `standard` varies each episode from its seed alone, `none` nothing.

mod support_cpu;

use std::thread;

use kinitro::domain::{Action, EnvId, EpisodeSeed, Randomisation};
use kinitro::sim::{SimError, Simulator, World, tasks};

fn simulator() -> Simulator {
    Simulator::locate(None).unwrap()
}

fn environments() -> Vec<EnvId> {
    tasks().iter().map(|spec| spec.env_id()).collect()
}

fn standard(simulator: &Simulator, env: &EnvId, seed: u8) -> World {
    simulator.episode(env, &EpisodeSeed([seed; 32]), Randomisation::Standard).unwrap()
}

/// Plays some steps and gives a digest of all that could be seen and of the state at the end.
fn play(world: &mut World, steps: u32) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut state = Vec::new();
    for step in 0..steps {
        // Down to the table and along it with the fingers working.
        let along = f64::from((step / 20) % 3) - 1.0;
        let action = Action::clipped([0.4, along, if step < 40 { -1.0 } else { 0.2 }, 0.9]).unwrap();
        let result = world.step(action).unwrap();
        world.integration_state(&mut state);
        state.extend(world.observation());
        state.push(result.reward);
        state.iter().for_each(|value| _ = hasher.update(&value.to_le_bytes()));
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn none_is_the_compiled_model_and_the_placement_is_the_same_under_both() {
    let simulator = simulator();
    for env in environments() {
        let mut none = simulator.episode(&env, &EpisodeSeed([4; 32]), Randomisation::None).unwrap();
        let mut given = simulator.episode_at(&env, none.task_vector()).unwrap();
        let mut varied = standard(&simulator, &env, 4);
        assert!(none.variation().is_none() && given.variation().is_none());
        assert!(varied.variation().is_some());
        assert_eq!(varied.task_vector(), none.task_vector(), "{env}");
        let digest = play(&mut none, 60);
        assert_eq!(play(&mut given, 60), digest, "{env}");
        assert_ne!(play(&mut varied, 60), digest, "{env}");
    }
}

#[test]
fn the_variation_is_of_the_seed_and_of_nothing_else() {
    let simulator = simulator();
    let environments = environments();
    let first = standard(&simulator, &environments[0], 1);
    for env in &environments {
        assert_eq!(standard(&simulator, env, 1).variation(), first.variation(), "{env}");
        assert_ne!(standard(&simulator, env, 2).variation(), first.variation(), "{env}");
    }
}

/// Set in the child process that plays one episode alone.
const CHILD: &str = "KINITRO_TEST_RANDOMISATION_CHILD";

#[test]
fn the_thousandth_episode_equals_the_first_of_another_process() {
    let simulator = simulator();
    let environments = environments();
    let alone = std::env::var_os(CHILD).is_some();
    let before = if alone { 0 } else { 999 };
    for number in 0..before {
        let env = &environments[number % environments.len()];
        let randomisation = if number % 7 == 0 { Randomisation::None } else { Randomisation::Standard };
        let seed = EpisodeSeed(*blake3::hash(&number.to_le_bytes()).as_bytes());
        let mut world = simulator.episode(env, &seed, randomisation).unwrap();
        play(&mut world, 3);
    }
    let mut last = standard(&simulator, &"metaworld/push-v3".parse().unwrap(), 77);
    let digest = format!("digest {} {:?}", play(&mut last, 120), last.variation().unwrap());
    println!("{digest}");
    if !alone {
        let name = "the_thousandth_episode_equals_the_first_of_another_process";
        let output = support_cpu::output_of(support_cpu::own_test(name, CHILD, "1"));
        assert!(output.contains(&digest), "here {digest}, in a fresh process:\n{output}");
    }
}

#[test]
fn episodes_on_many_threads_at_once_keep_their_bits() {
    let simulator = simulator();
    for env in environments() {
        let expected: Vec<String> = (0..3).map(|seed| play(&mut standard(&simulator, &env, seed), 20)).collect();
        thread::scope(|scope| {
            for (seed, expected) in expected.iter().enumerate() {
                let (simulator, env) = (&simulator, &env);
                scope.spawn(move || {
                    assert_eq!(play(&mut standard(simulator, env, seed as u8), 20), *expected, "{env}");
                });
            }
        });
    }
}

#[test]
fn a_checkpoint_carries_the_variation() {
    let simulator = simulator();
    for env in environments() {
        let mut world = standard(&simulator, &env, 3);
        play(&mut world, 50);
        let checkpoint = world.checkpoint();
        let expected = play(&mut world, 50);
        let mut resumed = simulator.resume(&checkpoint).unwrap();
        assert_eq!(resumed.variation(), world.variation(), "{env}");
        assert_eq!(resumed.checkpoint(), checkpoint, "{env}");
        assert_eq!(play(&mut resumed, 50), expected, "{env}: in a new world");
        world.restore(&checkpoint).unwrap();
        assert_eq!(play(&mut world, 50), expected, "{env}: in the same world");
        let mut plain = simulator.episode_at(&env, checkpoint.task_vector()).unwrap();
        assert!(matches!(plain.restore(&checkpoint), Err(SimError::ForeignCheckpoint { .. })), "{env}");
    }
}

/// Environment and digest of 200 steps of a varied episode: a digest that changes means another trajectory, and
/// `TASK_CODE` of the simulator must rise.
const GOLDEN: [(&str, &str); 4] = [
    ("door-open-v3", "0bccf60aaa155467893411e9078855036ee132577fd8e9cb00a4e557a39db88c"),
    ("peg-insert-side-v3", "f2ad7917d8bbedcef739b9409d3efdca2dfb8daaa9b2015f350256a21090e5b5"),
    ("pick-place-v3", "6d7741c0e7028cac75f111e38c9dbc5022e5677fda700dabd8f6d145ba5b234c"),
    ("reach-v3", "f01bb1e25c13118f009888caeed31d6d434c52feabebdd865f8b5eb01aa579d0"),
];

#[test]
fn varied_episodes_are_the_recorded_ones_to_the_bit() {
    let simulator = simulator();
    let mut changed = Vec::new();
    for (name, expected) in GOLDEN {
        let env = format!("metaworld/{name}").parse().unwrap();
        let found = play(&mut standard(&simulator, &env, 51), 200);
        if found != expected {
            changed.push(format!("(\"{name}\", \"{found}\"),"));
        }
    }
    assert!(changed.is_empty(), "changed episodes:\n{}", changed.join("\n"));
}

/// Set in the child process that plays the recorded episodes on another CPU, as far as glibc can see.
const OTHER_CPU: &str = "KINITRO_TEST_RANDOMISATION_CPU";

#[test]
fn a_cpu_without_fma_gives_the_same_varied_episodes() {
    if std::env::var_os(OTHER_CPU).is_none() {
        support_cpu::run_self_without_fma("varied_episodes_are_the_recorded_ones_to_the_bit", OTHER_CPU);
    }
}
