//! When an episode must end, and with which fault: what an executor decides while it runs, derived again from the record.

use super::Difference;
use crate::domain::{Fault, FaultReason, MissedSteps};
use crate::transcript::{Header, StepRecord, Transcript};

/// Follows the rules that end an episode, step by step.
pub(super) struct Ending {
    missed: MissedSteps,
    max_steps: u32,
    stop_on_success: bool,
    succeeded: bool,
    ended: Option<Option<Fault>>,
}

impl Ending {
    pub(super) fn new(header: &Header) -> Ending {
        Ending {
            missed: MissedSteps::new(&header.limits, header.max_steps),
            max_steps: header.max_steps,
            stop_on_success: header.stop_on_success,
            succeeded: false,
            ended: None,
        }
    }

    /// Takes note of step `number` (from 1). A step after the end is a difference.
    pub(super) fn step(&mut self, number: u32, step: &StepRecord, unstable: bool) -> Result<(), Difference> {
        if let Some(fault) = self.ended {
            let expected = format!("the end after step {}{}", number - 1, because(fault));
            return Err(Difference::at(number, "end of the episode", expected, "another step"));
        }
        self.succeeded |= step.success;
        let missed = self.missed.note(step.sent.map(|_| ()));
        let fault = if unstable { Some(FaultReason::SimulationUnstable) } else { missed };
        let complete = number >= self.max_steps || (self.stop_on_success && self.succeeded);
        if fault.is_some() || complete {
            self.ended = Some(fault.map(Fault::new));
        }
        Ok(())
    }

    /// Checks that the episode may end here as its footer says.
    pub(super) fn finish(&self, transcript: &Transcript) -> Result<(), Difference> {
        let (steps, stated) = (transcript.footer.steps, transcript.footer.fault);
        let got = stated.map_or("none".to_owned(), |fault| fault.to_string());
        match self.ended {
            Some(fault) if fault == stated => Ok(()),
            Some(fault) => {
                let expected = fault.map_or("none".to_owned(), |fault| fault.to_string());
                Err(Difference::at(steps, "fault", expected, got))
            }
            None if stated.is_some_and(|fault| may_come_from_outside(fault.reason, steps)) => Ok(()),
            None => Err(Difference::at(steps, "fault", "one that breaks an episode off at this step", got)),
        }
    }
}

fn because(fault: Option<Fault>) -> String {
    fault.map_or(String::new(), |fault| format!(" ({fault})"))
}

/// Whether an episode may break off after `steps` steps for a reason that its record does not show. Those of the reset come before
/// the first step, and those that follow from the record are derived from it instead.
fn may_come_from_outside(reason: FaultReason, steps: u32) -> bool {
    use FaultReason::*;
    match reason {
        EndpointRefused | Unreachable | ResetTimeout | ResetFailed => steps == 0,
        EpisodeTimeout | EngineFailure | ExecutorLost | PlatformOutage | StorageFailure | ChainUnavailable => true,
        TooManyMissedSteps | MalformedActions | SimulationUnstable => false,
    }
}
