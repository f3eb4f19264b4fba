//! Whether a transcript belongs to a task, and a result to its transcript.

use super::TaskResult;
use crate::domain::{Contest, JobKind, TaskId};
use crate::store::{Rejection, TaskFacts};
use crate::transcript::{Footer, Header};

/// The task that a transcript says it is of; `None` outside a cycle.
pub(super) fn task_named_by(header: &Header) -> Option<TaskId> {
    let (cycle, miner) = (header.cycle?, header.miner.as_ref()?);
    Some(TaskId::of(cycle, JobKind::Rollout, &miner.hotkey, &header.environment, header.index))
}

/// The first field in which a transcript's header contradicts its task.
pub(super) fn foreign_field(header: &Header, facts: &TaskFacts, contest: &Contest) -> Option<&'static str> {
    let checks = [
        ("cycle", header.cycle == Some(facts.cycle)),
        ("anchor", header.anchor == Some(facts.anchor)),
        ("environment", header.environment == facts.environment),
        ("index", header.index == facts.index),
        ("seed", header.seed == facts.seed),
        ("miner", header.miner.as_ref() == Some(&facts.miner)),
        ("contest", header.contest == facts.contest),
        ("settings", header.agrees_with(contest)),
        ("engine fingerprint", header.engine.digest() == facts.fingerprint),
    ];
    checks.into_iter().find(|(_, holds)| !holds).map(|(field, _)| field)
}

/// Whether a result says what its transcript's footer says.
pub(super) fn contradiction(result: &TaskResult, footer: &Footer) -> Option<Rejection> {
    let same = result.outcome == footer.outcome
        && result.fault == footer.fault
        && result.steps == footer.steps
        && same_total(result.total_reward, footer.total_reward);
    (!same).then_some(Rejection::ContradictsTranscript)
}

/// Bit for bit; totals that are no finite numbers cannot travel in JSON and are one.
fn same_total(said: f64, recorded: f64) -> bool {
    if recorded.is_finite() { said.to_bits() == recorded.to_bits() } else { !said.is_finite() }
}
