//! The validator: verifies published cycles and sets their weights on the chain. What it could not verify it never sets.

mod facts;
mod memory;
mod refresh;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::memory::Memory;
use self::refresh::is_old;
use super::published::{FetchError, Published};
use super::verifier::{Subject, VerifyOptions, verify_cycle};
use crate::beacon::OperatorKey;
use crate::chain::{Chain, ChainError, Kept, WeightSubmission, check_weights, keep_same_hands};
use crate::domain::{BlockNumber, CycleId, Digest, Hotkey, Netuid, Uid, printable};
use crate::replay::{Answer, Report, Sample, SignedCycle, scores_of};
use crate::score::chain_vector;
use crate::sim::Simulator;
use crate::transcript::EpisodeRow;

pub use facts::chain_facts;

/// Cycles that may have been given up between a manifest and the one before it; looked for one by one.
const MAX_CYCLES_GIVEN_UP: u64 = 20;
/// Context of the seed that decides which episodes are replayed.
const SAMPLE_CONTEXT: &str = "kinitro validator sample v1";

/// How a validator works.
#[derive(Debug, Clone)]
pub struct ValidatorOptions {
    /// The subnet.
    pub netuid: Netuid,
    /// Between two looks for a new manifest.
    pub poll_interval: Duration,
    /// Which episodes are replayed.
    pub sample: Sample,
    /// Whose manifests are believed; without it, those of whoever signed the first one that was found true.
    pub operator: Option<Hotkey>,
    /// Set weights also where nothing is left unchecked but pictures that were drawn elsewhere.
    pub accept_unchecked_pictures: bool,
    /// Send the same weights again when they have stood for so many blocks.
    pub refresh_after_blocks: u64,
    /// Verify and print, set nothing.
    pub dry_run: bool,
    /// Folder for reports of what differs.
    pub reports: PathBuf,
}

/// Why a round brought nothing. The next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorError {
    /// The manifest or a transcript could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The chain could not be read or refused the weights.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// This machine has no randomness to choose episodes with.
    #[error("the system gives no random numbers: {0}")]
    Randomness(String),
    /// A report could not be written.
    #[error("cannot write the report {file}: {error}")]
    Report {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// How far a manifest was found true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What a round did.
#[derive(Debug)]
pub enum Round {
    /// The newest cycle was dealt with before.
    NothingNew,
    /// The weights are on the chain.
    Set {
        /// The cycle.
        cycle: CycleId,
        /// How far it was found true.
        verdict: Verdict,
        /// What was set.
        weights: WeightSubmission,
        /// The block that holds it; none in a dry run, or when the chain held the same before.
        block: Option<BlockNumber>,
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
    /// The manifest is not true; nothing was set.
    Differs {
        /// The cycle.
        cycle: CycleId,
        /// The report that anybody can check.
        file: PathBuf,
    },
    /// Something could not be checked; nothing was set, and it is tried again.
    CouldNotCheck {
        /// The cycle.
        cycle: CycleId,
        /// The first reason.
        reason: String,
    },
}

/// Verifies one operator's cycles and sets their weights.
pub struct Validator {
    options: ValidatorOptions,
    chain: Arc<dyn Chain>,
    key: Arc<OperatorKey>,
    simulator: Simulator,
    published: Published,
    memory: Mutex<Memory>,
}

impl Validator {
    /// A validator of what `published` publishes.
    pub fn new(
        options: ValidatorOptions,
        chain: Arc<dyn Chain>,
        key: Arc<OperatorKey>,
        simulator: Simulator,
        published: Published,
    ) -> Validator {
        let memory = Mutex::new(Memory::new(options.operator));
        Validator { options, chain, key, simulator, published, memory }
    }

    /// Looks for new manifests until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut done = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.round(done) => match round {
                    Ok(round) => {
                        log(&round);
                        done = finished(&round).or(done);
                    }
                    Err(error) => {
                        tracing::warn!(error = %printable(&error.to_string(), 400), "nothing was set; trying again");
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.options.poll_interval) => {}
            }
        }
    }

    /// One look: fetch, verify, recompute, set. `done` is the cycle that was dealt with last.
    ///
    /// # Errors
    /// [`ValidatorError`]; nothing was set then.
    pub async fn round(&self, done: Option<CycleId>) -> Result<Round, ValidatorError> {
        let cycle = match self.published.latest().await {
            Err(FetchError::NoCycle { .. }) => return Ok(Round::NothingNew),
            latest => latest?,
        };
        if let Some(done) = done.filter(|done| cycle <= *done) {
            if cycle < done {
                tracing::warn!(%cycle, %done, "the server shows an older cycle than before; it is not looked at");
                return Ok(Round::NothingNew);
            }
            return self.refresh(done).await;
        }
        let signed = Arc::new(self.published.manifest(cycle).await?);
        let known = self.memory().verdict(&signed.digest);
        if let Some(verdict) = known.filter(|_| signed.verify().is_ok()) {
            return self.set_weights(&signed, verdict).await;
        }
        let report = match self.verify(signed.clone()).await? {
            Ok(report) => report,
            Err(reason) => return Ok(Round::CouldNotCheck { cycle, reason }),
        };
        let verdict = match report.answer {
            Answer::Identical => Verdict::Verified,
            Answer::ExceptPictures if self.options.accept_unchecked_pictures => Verdict::ExceptPictures,
            Answer::ExceptPictures | Answer::CouldNotCheck => {
                return Ok(Round::CouldNotCheck { cycle, reason: reason(&report) });
            }
            Answer::Differs => return Ok(Round::Differs { cycle, file: self.keep_report(cycle, &signed, &report)? }),
        };
        self.memory().verified(signed.manifest.operator, verdict);
        self.set_weights(&signed, verdict).await
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Verifies a manifest against the chain, the manifest before it and a sample of its episodes, or says why it is not
    /// even looked at.
    async fn verify(&self, signed: Arc<SignedCycle>) -> Result<Result<Report, String>, ValidatorError> {
        let (chain, manifest, netuid) = (self.chain.as_ref(), &signed.manifest, self.options.netuid);
        let operator = self.memory().operator();
        let mut facts = facts::chain_facts(chain, netuid, manifest, operator).await?;
        if let Some(logged) = facts::logged(chain, netuid, &manifest.operator).await? {
            if logged.cycle > manifest.cycle {
                let (newest, shown) = (logged.cycle, manifest.cycle);
                return Ok(Err(format!(
                    "the operator has logged cycle {newest} on the chain, the server shows {shown}"
                )));
            }
            facts.log = Some(logged.text).filter(|_| logged.cycle == manifest.cycle);
        }
        let mut sample_seed = self.draw_sample_seed().await?;
        // What its signer did not sign says nothing about the signer: the structure's check names it.
        if signed.verify().is_ok() {
            match self.memory().examine(manifest.cycle, signed.digest, || sample_seed) {
                Ok(seed) => sample_seed = seed,
                Err(reason) => return Ok(Err(reason)),
            }
        }
        let previous = self.manifest_before(&signed).await?;
        let options = VerifyOptions { sample: self.options.sample, sample_seed, ..Default::default() };
        let (published, simulator) = (self.published.clone(), self.simulator.clone());
        let runtime = tokio::runtime::Handle::current();
        let checked = tokio::task::spawn_blocking(move || {
            let fetch = |row: &EpisodeRow| published.transcript_of(row, &runtime);
            let subject = Subject {
                signed: &signed,
                previous: previous.as_ref(),
                facts: &facts,
                transcripts: &fetch,
                simulator: Ok(&simulator),
            };
            verify_cycle(&subject, &options, &|_, _| {})
        });
        Ok(Ok(checked.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))))
    }

    /// The newest manifest that the server has of an earlier cycle; cycles that were given up have none.
    async fn manifest_before(&self, signed: &SignedCycle) -> Result<Option<SignedCycle>, ValidatorError> {
        if signed.manifest.previous == Digest::ZERO {
            return Ok(None);
        }
        let cycle = signed.manifest.cycle.0;
        for before in (cycle.saturating_sub(MAX_CYCLES_GIVEN_UP).max(1)..cycle).rev() {
            match self.published.manifest(CycleId(before)).await {
                Ok(previous) => return Ok(Some(previous)),
                Err(FetchError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Drawn from a secret of this process and from a block that is younger than the manifest, so that the operator
    /// could neither know nor choose which episodes are looked at.
    async fn draw_sample_seed(&self) -> Result<[u8; 32], ValidatorError> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret).map_err(|error| ValidatorError::Randomness(error.to_string()))?;
        let head = self.chain.finalized_head().await?;
        let mut hasher = blake3::Hasher::new_derive_key(SAMPLE_CONTEXT);
        hasher.update(&secret).update(&head.hash.0);
        Ok(*hasher.finalize().as_bytes())
    }

    async fn set_weights(&self, signed: &SignedCycle, verdict: Verdict) -> Result<Round, ValidatorError> {
        let manifest = &signed.manifest;
        let cycle = manifest.cycle;
        // The verification has compared the scores; the weights are taken from our own computation all the same.
        let scores = scores_of(&manifest.contest, &manifest.submissions, &manifest.episodes);
        let Ok(scores) = scores else {
            return Ok(Round::CouldNotCheck { cycle, reason: "the scores cannot be computed".into() });
        };
        if let Some(reason) = scores.standing.reason {
            return Ok(Round::NothingToPay { cycle, verdict, reason: reason.sentence().to_owned() });
        }
        let head = self.chain.finalized_head().await?;
        let neurons = self.chain.neurons_at(self.options.netuid, &head).await?;
        let earned_by: BTreeMap<Uid, Hotkey> =
            manifest.submissions.iter().map(|submission| (submission.uid, submission.hotkey)).collect();
        let Kept { weights, dropped } = keep_same_hands(&scores.standing.weights, &earned_by, &neurons);
        if !dropped.is_empty() {
            tracing::warn!(%cycle, ?dropped, "uids that changed hands since the cycle get nothing");
        }
        if weights.is_empty() {
            return Ok(Round::NothingToPay {
                cycle,
                verdict,
                reason: "every miner with weight has left the subnet".into(),
            });
        }
        let rules = self.chain.hyperparameters_at(self.options.netuid, &head).await?;
        let vector = chain_vector(&weights);
        let submission = WeightSubmission::new(vector, rules.weights_version_key, &earned_by, [0; 8])?;
        let own = neurons.iter().find(|neuron| neuron.hotkey == self.key.hotkey());
        let own = own.ok_or(ChainError::NotRegistered { hotkey: self.key.hotkey(), netuid: self.options.netuid })?;
        let stands = self.chain.weights_at(self.options.netuid, own.uid, &head).await?;
        let wanted = submission.uids.iter().copied().zip(submission.values.iter().copied());
        let is_young = own.last_update.is_some_and(|block| {
            block >= manifest.anchor.number && !is_old(block, head.number, self.options.refresh_after_blocks)
        });
        let same = stands.iter().copied().eq(wanted) && is_young;
        if self.options.dry_run || same {
            return Ok(Round::Set { cycle, verdict, weights: submission, block: None });
        }
        check_weights(self.options.netuid, &self.key.hotkey(), &submission, &neurons, &rules, head.number)?;
        let receipt = self.chain.submit_weights(&self.key, self.options.netuid, &submission).await?;
        Ok(Round::Set { cycle, verdict, weights: submission, block: Some(receipt.block) })
    }

    fn keep_report(&self, cycle: CycleId, signed: &SignedCycle, report: &Report) -> Result<PathBuf, ValidatorError> {
        #[derive(serde::Serialize)]
        struct Kept<'a> {
            cycle: CycleId,
            manifest_digest: Digest,
            operator: Hotkey,
            report: &'a Report,
        }
        let file = self.options.reports.join(format!("cycle-{cycle}-differs.json"));
        let (manifest_digest, operator) = (signed.digest, signed.manifest.operator);
        let json = serde_json::to_vec_pretty(&Kept { cycle, manifest_digest, operator, report })
            .expect("a report is plain data");
        let written = std::fs::create_dir_all(&self.options.reports).and_then(|()| std::fs::write(&file, json));
        written.map_err(|error| ValidatorError::Report { file: file.display().to_string(), error })?;
        Ok(file)
    }
}

/// Why nothing is set, and what to do where pictures alone are left.
fn reason(report: &Report) -> String {
    let first = report.first_finding().map_or_else(|| "no reason was given".into(), |(_, finding)| finding.to_string());
    if report.answer != Answer::ExceptPictures {
        return first;
    }
    format!(
        "{} ({} episodes): validate where these can be drawn, or set [validator] accept_unchecked_pictures = true to do \
         without; first: {first}",
        report.answer,
        report.drawn_elsewhere()
    )
}

/// The cycle that needs no further look.
fn finished(round: &Round) -> Option<CycleId> {
    match round {
        Round::Set { cycle, .. } | Round::NothingToPay { cycle, .. } | Round::Differs { cycle, .. } => Some(*cycle),
        Round::NothingNew | Round::CouldNotCheck { .. } => None,
    }
}

/// Writes what a round did to the log.
pub fn log(round: &Round) {
    match round {
        Round::NothingNew => {}
        Round::Set { cycle, verdict, weights, block: Some(block) } => {
            tracing::info!(%cycle, %verdict, %block, uids = weights.uids.len(), "weights set");
        }
        Round::Set { cycle, verdict, block: None, .. } => tracing::info!(%cycle, %verdict, "no weights sent"),
        Round::NothingToPay { cycle, verdict, reason } => tracing::info!(%cycle, %verdict, reason, "nobody to pay"),
        Round::Differs { cycle, file } => {
            tracing::error!(%cycle, report = %file.display(), "the manifest is not true; no weights were set");
        }
        Round::CouldNotCheck { cycle, reason } => {
            tracing::warn!(%cycle, reason = %printable(reason, 600), "could not be checked; no weights were set");
        }
    }
}
