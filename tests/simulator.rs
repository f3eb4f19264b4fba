//! The simulator as its users see it.

use kinitro::domain::{Action, EnvId, EpisodeSeed, Randomisation};
use kinitro::sim::{SimError, Simulator, World, prove_maths_pin};

fn simulator() -> Simulator {
    let configured = std::env::var_os("KINITRO_ASSETS");
    Simulator::locate(configured.as_deref().map(std::path::Path::new)).unwrap()
}

fn reach() -> EnvId {
    "metaworld/reach-v3".parse().unwrap()
}

fn play(world: &mut World, steps: u32) -> Vec<u64> {
    let mut bits = Vec::new();
    for step in 0..steps {
        let phase = f64::from(step % 7) / 7.0;
        let action = Action::clipped([phase, -phase, 0.5 - phase, 1.0]).unwrap();
        let result = world.step(action).unwrap();
        bits.push(result.reward.to_bits());
        bits.extend(world.observation().map(f64::to_bits));
    }
    bits
}

#[test]
fn libmujoco_uses_our_maths() {
    prove_maths_pin().unwrap();
}

#[test]
fn a_seed_gives_one_world() {
    let simulator = simulator();
    let seed = EpisodeSeed([7; 32]);
    let mut one = simulator.episode(&reach(), &seed, Randomisation::None).unwrap();
    let mut other = simulator.episode_at(&reach(), one.task_vector()).unwrap();
    assert_eq!(play(&mut one, 50), play(&mut other, 50));
}

#[test]
fn there_is_no_step_after_the_last() {
    let mut world = simulator().episode_at(&reach(), &[0.0, 0.6, 0.02, 0.0, 0.8, 0.2]).unwrap();
    for _ in 0..500 {
        world.step(Action::ZERO).unwrap();
    }
    assert!(matches!(world.step(Action::ZERO), Err(SimError::EpisodeOver(500))));
}
