//! What a look of a validator came to.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::chain::{WeightSubmission, WeightsForm};
use crate::domain::{BlockNumber, CycleId, printable};

/// How far a manifest was found true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was looked at.
    Verified,
    /// All but pictures that were drawn elsewhere, which the settings accept.
    ExceptPictures,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Verified => "verified",
            Verdict::ExceptPictures => "verified except for pictures",
        })
    }
}

/// What became of the weights of a cycle that was found true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// They were sent.
    Sent {
        /// The block that holds them.
        block: BlockNumber,
        /// In which form.
        form: WeightsForm,
    },
    /// They were sent before and count still.
    Stands,
    /// They, or others of the same hotkey, were sent, and no block is known to hold those yet.
    UnderWay {
        /// After this block no block can take what is under way.
        until: BlockNumber,
        /// Whether it is these that are under way.
        of_these: bool,
    },
    /// Nothing was to be sent.
    DryRun {
        /// Whether the subnet takes weights by commit and reveal.
        committed_first: bool,
        /// Why the chain would refuse them now.
        obstacle: Option<String>,
    },
}

/// What a look did.
#[derive(Debug)]
pub enum Round {
    /// The newest cycle was dealt with before, or there is none.
    NothingNew,
    /// The server shows an older cycle than one that was looked at before; it is not looked at.
    Older {
        /// What it shows.
        shown: CycleId,
        /// What was dealt with before.
        known: CycleId,
        /// Where that is remembered.
        file: PathBuf,
    },
    /// The cycle was found true and pays.
    Paid {
        /// The cycle.
        cycle: CycleId,
        /// How far it was found true.
        verdict: Verdict,
        /// What it pays.
        weights: WeightSubmission,
        /// What became of that.
        payment: Payment,
    },
    /// Weights that stood on the chain as a hash are open now.
    Revealed {
        /// The cycle that they are of.
        cycle: CycleId,
        /// The block that opened them.
        block: BlockNumber,
    },
    /// The cycle pays nobody, or nobody who is still there.
    NothingToPay {
        /// The cycle.
        cycle: CycleId,
        /// How far it was found true.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// The operator signed what is not true; nothing was set.
    Differs {
        /// The cycle.
        cycle: CycleId,
        /// The folder with the evidence, which anybody can check.
        report: PathBuf,
    },
    /// What the server shows is not the operator's word, so it says nothing about anybody; nothing was set, and it is tried
    /// again.
    NotSigned {
        /// The cycle.
        cycle: CycleId,
        /// What is wrong with it.
        reason: String,
    },
    /// Something could not be checked; nothing was set, and it is tried again.
    CouldNotCheck {
        /// The cycle.
        cycle: CycleId,
        /// The first reason.
        reason: String,
    },
}

impl Round {
    /// The cycle that needs no further look.
    pub(super) fn finished(&self) -> Option<CycleId> {
        match self {
            Round::Paid { payment: Payment::UnderWay { .. } | Payment::DryRun { .. }, .. } => None,
            Round::Paid { cycle, .. } | Round::NothingToPay { cycle, .. } | Round::Differs { cycle, .. } => {
                Some(*cycle)
            }
            Round::NothingNew
            | Round::Older { .. }
            | Round::Revealed { .. }
            | Round::NotSigned { .. }
            | Round::CouldNotCheck { .. } => None,
        }
    }

    /// The cycle that is looked at again later.
    pub(super) fn put_off(&self) -> Option<CycleId> {
        match self {
            Round::NotSigned { cycle, .. } | Round::CouldNotCheck { cycle, .. } => Some(*cycle),
            _ => None,
        }
    }

    /// Writes it to the log.
    pub fn log(&self) {
        match self {
            Round::NothingNew => {}
            Round::Older { shown, known, file } => {
                let file = file.display();
                tracing::warn!(%shown, %known, %file, "the server shows an older cycle than before; it is not looked at");
            }
            Round::Paid { cycle, verdict, weights, payment } => {
                let uids = weights.uids.len();
                match payment {
                    Payment::Sent { block, form } => {
                        tracing::info!(%cycle, %verdict, %block, %form, uids, "weights sent");
                    }
                    Payment::Stands => tracing::info!(%cycle, %verdict, uids, "the weights stand already"),
                    Payment::UnderWay { until, of_these } => {
                        tracing::info!(%cycle, %verdict, %until, of_these, "weights are under way");
                    }
                    Payment::DryRun { .. } => tracing::info!(%cycle, %verdict, uids, "a dry run: no weights sent"),
                }
            }
            Round::Revealed { cycle, block } => tracing::info!(%cycle, %block, "committed weights revealed"),
            Round::NothingToPay { cycle, verdict, reason } => tracing::info!(%cycle, %verdict, reason, "nobody to pay"),
            Round::Differs { cycle, report } => {
                tracing::error!(%cycle, report = %report.display(), "the manifest is not true; no weights were set");
            }
            Round::NotSigned { cycle, reason } => {
                tracing::warn!(%cycle, reason = %printable(reason, 600), "not the operator's word; no weights were set");
            }
            Round::CouldNotCheck { cycle, reason } => {
                tracing::warn!(%cycle, reason = %printable(reason, 600), "could not be checked; no weights were set");
            }
        }
    }
}
