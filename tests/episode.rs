//! One episode from replies to transcript, on real physics.

use kinitro::domain::{
    Contest, EpisodeSeed, Fault, FaultReason, Hotkey, Limits, MissReason, Outcome, PolicyProfile, PolicyReply,
};
use kinitro::episode::{EpisodeRules, Rollout, Turn};
use kinitro::service::executor::Assignment;
use kinitro::sim::Simulator;
use kinitro::transcript::Transcript;

fn contest(max_steps: u32) -> Contest {
    Contest { max_steps, cameras: Vec::new(), ..Contest::default() }
}

fn start(contest: &Contest) -> Rollout {
    let simulator = Simulator::locate(None).unwrap();
    let environment: kinitro::domain::EnvId = "metaworld/reach-v3".parse().unwrap();
    let seed = EpisodeSeed([7; 32]);
    let world = simulator.episode(&environment, &seed, contest.randomisation).unwrap();
    let trial = Assignment::trial(environment, 0, seed, Hotkey([0; 32]));
    let executor = "test".parse().unwrap();
    let header = trial.header(contest, simulator.fingerprint(), &world, None, executor).unwrap();
    Rollout::start(world, header, EpisodeRules::of(contest, PolicyProfile::KinitroV1)).unwrap()
}

fn reply(answer: Result<[f64; 4], MissReason>) -> PolicyReply {
    PolicyReply { answer, latency_us: 900, bytes: 40 }
}

fn run(contest: &Contest, replies: impl IntoIterator<Item = Result<[f64; 4], MissReason>>) -> Transcript {
    let mut rollout = start(contest);
    for answer in replies {
        if rollout.step(&reply(answer)) == Turn::Over {
            break;
        }
    }
    rollout.finish()
}

#[test]
fn an_episode_ends_at_its_step_limit_and_its_transcript_reads_back() {
    let transcript = run(&contest(20), std::iter::repeat(Ok([0.1, 0.2, -0.1, 1.0])));
    assert_eq!(transcript.footer.steps, 20);
    assert_eq!(transcript.footer.outcome, Outcome::Failure);
    let back = Transcript::from_bytes(&transcript.to_bytes().unwrap()).unwrap();
    assert_eq!(back.id(), transcript.id());
}

#[test]
fn equal_replies_make_equal_transcripts_whatever_the_clocks_did() {
    let actions = || (0..30).map(|n| Ok([(f64::from(n) * 0.37).rem_euclid(2.0) - 1.0, 0.5, -0.3, 0.2]));
    let first = run(&contest(30), actions());
    let second = run(&contest(30), actions());
    assert_eq!(first.footer.replay_root, second.footer.replay_root);
}

#[test]
fn a_positive_gripper_opens_the_fingers() {
    let opening = |gripper: f64| {
        let mut rollout = start(&contest(40));
        for _ in 0..39 {
            rollout.step(&reply(Ok([0.0, 0.0, 0.0, gripper])));
        }
        rollout.observation().gripper
    };
    let (open, closed) = (opening(1.0), opening(-1.0));
    assert!(open > closed + 0.2, "opened to {open}, closed to {closed}");
}

#[test]
fn a_missed_step_holds_the_arm_and_the_episode_goes_on() {
    let missed = [Ok([1.0, 0.0, 0.0, -1.0]), Err(MissReason::Timeout)];
    let transcript = run(&contest(20), missed.into_iter().chain(std::iter::repeat(Ok([0.0; 4]))));
    assert_eq!(transcript.footer.steps, 20);
    assert_eq!(transcript.footer.outcome, Outcome::Failure);
    assert_eq!(transcript.steps[1].applied.values(), [0.0, 0.0, 0.0, 1.0], "the fingers stay as they were");
}

#[test]
fn too_many_missed_steps_are_the_miners_fault() {
    let transcript = run(&contest(500), std::iter::repeat(Err(MissReason::Disconnected)));
    assert_eq!(transcript.footer.fault, Some(Fault::new(FaultReason::TooManyMissedSteps)));
    assert_eq!(transcript.footer.steps, Limits::default().max_missed_steps);
}

#[test]
fn malformed_answers_never_reach_physics() {
    let mut rollout = start(&contest(10));
    let before = rollout.observation();
    // A client refuses such numbers; should one slip through, the arm holds.
    rollout.step(&reply(Ok([f64::NAN, 0.0, 0.0, 0.0])));
    let after = rollout.observation();
    assert!(after.values().iter().all(|value| value.is_finite()));
    assert!((after.hand_m[0] - before.hand_m[0]).abs() < 0.01);
}
