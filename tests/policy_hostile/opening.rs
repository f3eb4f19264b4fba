//! What lies before a policy's first call, and what becomes of an engine that fails.

use kinitro::domain::{CameraSetting, Contest, FaultReason, Limits, Outcome};
use kinitro::service::executor::{Ended, PhysicsPool, Runner};
use kinitro::service::trial::Trial;
use kinitro::sim::Simulator;

use crate::server::*;

async fn run(server: &Server, contest: Contest) -> Ended {
    let runner = Runner {
        simulator: Simulator::locate(None).unwrap(),
        policies: client(),
        pool: PhysicsPool::start(1).unwrap(),
    };
    let environments = vec!["metaworld/reach-v3".parse().unwrap()];
    let limits = Limits { act_timeout_ms: 20_000, ..short_limits() };
    let contest = Contest { environments, limits, deployment: local_rules(), ..contest };
    let trial = Trial {
        contest: contest.clone(),
        genesis: kinitro::beacon::dev_genesis(kinitro::beacon::DEFAULT_DEV_CHAIN),
        block: kinitro::domain::BlockNumber(1),
        hotkey: kinitro::domain::Hotkey([1; 32]),
    };
    let assignment = trial.assignments().swap_remove(0);
    runner.run(&"test".parse().unwrap(), &assignment, &contest, Ok(server.endpoint())).await
}

fn camera(name: &str) -> CameraSetting {
    CameraSetting::upright(name, 16.try_into().unwrap()).unwrap()
}

#[tokio::test]
async fn the_first_picture_is_drawn_before_the_policy_is_called() {
    let server = Server::start(well_behaved).await;
    let drawn = run(&server, Contest { cameras: vec![camera("corner")], max_steps: 2, ..Contest::default() }).await;
    assert_eq!(drawn.unwrap().footer.outcome, Outcome::Failure);
    let called = server.seen.calls.lock().unwrap().len();
    assert_eq!(called, 4, "health, reset, and two steps");

    let undrawn = run(&server, Contest { cameras: vec![camera("door")], max_steps: 2, ..Contest::default() }).await;
    let lost = undrawn.unwrap_err();
    assert_eq!(lost.fault.reason, FaultReason::EngineFailure);
    assert!(lost.note.starts_with("camera door: the model of metaworld/reach-v3 has topview, corner"), "{}", lost.note);
    assert_eq!(server.seen.calls.lock().unwrap().len(), called, "a policy was called for an episode that cannot begin");
}

#[tokio::test]
async fn an_episode_that_the_engine_breaks_off_is_lost_with_what_the_engine_said() {
    let server = Server::start(well_behaved).await;
    // One step more than MetaWorld's episodes have.
    let broken = run(&server, Contest { cameras: Vec::new(), max_steps: 501, ..Contest::default() }).await;
    let lost = broken.unwrap_err();
    assert_eq!(lost.fault.reason, FaultReason::EngineFailure);
    assert!(lost.note.contains("over after 500 steps"), "{}", lost.note);
}

#[tokio::test]
async fn what_a_server_says_of_its_own_health_ends_no_episode() {
    let server = Server::start(|call| match call.path.as_str() {
        "/health" => Script::Json(r#"{"status":"unhealthy","model_loaded":false}"#),
        _ => well_behaved(call),
    })
    .await;
    let played = run(&server, Contest { cameras: Vec::new(), max_steps: 2, ..Contest::default() }).await;
    assert_eq!(played.unwrap().footer.outcome, Outcome::Failure);
    assert_eq!(server.seen.calls.lock().unwrap().len(), 4, "health, reset, and two steps");
}
