//! A manifest is held against the chain, the one before it, and its own transcripts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::report::{Choice, Evidence};
use super::{LONGEST_LOOK, Validator, ValidatorError, facts};
use crate::domain::{CycleId, Digest, Hotkey};
use crate::replay::{Answer, ChainFacts, Level, Report, Sample, SignedCycle};
use crate::service::panic_text::panic_text;
use crate::service::published::{FetchError, Published};
use crate::service::verifier::{Subject, VerifyOptions, episode_at, verify_cycle};
use crate::transcript::{EpisodeRow, Transcript};

/// Cycles that may have been given up between a manifest and the one before it; looked for one by one.
const MAX_CYCLES_GIVEN_UP: u64 = 100;
/// Transcripts that go into a report: as many as a level lists findings.
const MAX_TRANSCRIPTS: usize = 16;
/// Context of the seed that decides which episodes are looked at.
const SAMPLE_CONTEXT: &str = "kinitro validator sample v1";

/// A manifest after its examination.
pub(super) struct Examined {
    pub(super) report: Report,
    signed: Arc<SignedCycle>,
    previous: Option<Arc<SignedCycle>>,
    facts: Arc<ChainFacts>,
    choice: Choice,
}

impl Validator {
    /// Verifies a manifest against the chain, the manifest before it and its transcripts, or says why it is not even looked
    /// at.
    pub(super) async fn examine(
        &self,
        signed: &Arc<SignedCycle>,
        operator: Hotkey,
        sample_seed: [u8; 32],
    ) -> Result<Result<Examined, String>, ValidatorError> {
        let (chain, manifest, netuid) = (self.chain.as_ref(), &signed.manifest, self.options.netuid);
        let mut facts = facts::chain_facts(chain, netuid, manifest, Some(operator)).await?;
        if let Some(logged) = facts::logged(chain, netuid, &operator).await? {
            if logged.cycle > manifest.cycle {
                let (newest, shown) = (logged.cycle, manifest.cycle);
                return Ok(Err(format!(
                    "the operator has logged cycle {newest} on the chain, the server shows {shown}"
                )));
            }
            facts.log = Some(logged.text).filter(|_| logged.cycle == manifest.cycle);
        }
        let facts = Arc::new(facts);
        let previous = self.manifest_before(signed).await?.map(Arc::new);
        let digest = manifest.previous;
        let is_known = self.memory().earned().is_some_and(|earned| earned.digest == digest);
        if previous.is_none() && digest != Digest::ZERO && !is_known {
            return Ok(Err(format!(
                "the manifest before it, {digest}, is not at hand: the operator's server has to show it"
            )));
        }
        let options = self.verify_options(sample_seed);
        let choice =
            Choice { read: self.options.read, replays: self.options.replays, sample_seed: Digest(sample_seed) };
        let (published, simulator) = (self.published.clone(), self.simulator.clone());
        let runtime = tokio::runtime::Handle::current();
        let (pulse, cycle) = (self.looking.clone(), manifest.cycle);
        let (own_signed, own_previous, own_facts) = (signed.clone(), previous.clone(), facts.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let fetch = |row: &EpisodeRow| fetch(&published, row, &runtime);
            let subject = Subject {
                signed: &own_signed,
                previous: own_previous.as_deref(),
                facts: &own_facts,
                transcripts: &fetch,
                simulator: Ok(&simulator),
            };
            let progress = |done: u64, all: u64| {
                pulse.doing(&format!("verifying cycle {cycle}: {done} of {all} episodes"), LONGEST_LOOK);
            };
            verify_cycle(&subject, &options, &progress)
        });
        let report = match checked.await {
            Ok(report) => report,
            Err(error) => {
                let text =
                    error.try_into_panic().map_or_else(|error| error.to_string(), |panic| panic_text(panic.as_ref()));
                return Ok(Err(format!("this program failed while it checked it: {text}; report this")));
            }
        };
        Ok(Ok(Examined { report, signed: signed.clone(), previous, facts, choice }))
    }

    fn verify_options(&self, sample_seed: [u8; 32]) -> VerifyOptions {
        let mut levels = BTreeSet::from(Level::ALL);
        if self.options.replays == Sample::None {
            levels.retain(|level| !matches!(level, Level::Physics | Level::Frames));
        }
        VerifyOptions {
            levels,
            sample: self.options.read,
            replays: self.options.replays,
            sample_seed,
            heavy: false,
            threads: self.options.threads,
        }
    }

    /// The manifest that the operator names as the one before; cycles that were given up have none. What the server shows in its
    /// place says nothing about the operator.
    async fn manifest_before(&self, signed: &SignedCycle) -> Result<Option<SignedCycle>, ValidatorError> {
        let digest = signed.manifest.previous;
        if digest == Digest::ZERO {
            return Ok(None);
        }
        let cycle = signed.manifest.cycle.0;
        for before in (cycle.saturating_sub(MAX_CYCLES_GIVEN_UP).max(1)..cycle).rev() {
            match self.published.manifest(CycleId(before)).await {
                Ok(previous) if previous.digest == digest && previous.verify_signature().is_ok() => {
                    return Ok(Some(previous));
                }
                Ok(_)
                | Err(FetchError::NotFound { .. } | FetchError::Manifest { .. } | FetchError::OtherCycle { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Drawn from a secret of this process and from a block that is younger than the manifest, so that the operator
    /// could neither know nor choose which episodes are looked at.
    pub(super) async fn draw_sample_seed(&self) -> Result<[u8; 32], ValidatorError> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret).map_err(|error| ValidatorError::Randomness(error.to_string()))?;
        let head = self.chain.finalized_head().await?;
        let mut hasher = blake3::Hasher::new_derive_key(SAMPLE_CONTEXT);
        hasher.update(&secret).update(&head.hash.0);
        Ok(*hasher.finalize().as_bytes())
    }

    /// Writes the evidence of a manifest that is not true, with the transcripts that differ.
    pub(super) async fn report(&self, examined: &Examined) -> Result<PathBuf, ValidatorError> {
        let Examined { report, signed, previous, facts, choice } = examined;
        let rows: Vec<&EpisodeRow> =
            signed.manifest.episodes.iter().filter(|row| row.transcript_id.is_some()).collect();
        // Place 0 is the manifest itself.
        let differing: BTreeSet<u64> =
            report.levels.iter().flat_map(|level| level.differences().map(|(place, _)| place)).collect();
        let differing =
            differing.into_iter().filter(|place| *place > 0).filter_map(|place| rows.get(episode_at(place)));
        let mut transcripts = Vec::new();
        for id in differing.filter_map(|row| row.transcript_id).take(MAX_TRANSCRIPTS) {
            // The operator may have withdrawn it; the manifest that names it is evidence by itself.
            match self.published.transcript(&id).await {
                Ok(bytes) => transcripts.push((id, bytes)),
                Err(error) => tracing::warn!(%id, %error, "a transcript that differs could not be kept"),
            }
        }
        Evidence {
            signed,
            previous: previous.as_deref(),
            second: None,
            facts: Some(facts),
            choice: Some(*choice),
            report: Some(report),
            transcripts,
            backend_url: self.published.base(),
        }
        .write(&self.options.data_dir)
    }

    /// Writes the evidence of two manifests of one cycle, if the first is at hand.
    pub(super) fn report_second(&self, first: Digest, second: &SignedCycle) -> Result<Option<PathBuf>, ValidatorError> {
        let Some(first) = self.file.kept_manifest(first) else { return Ok(None) };
        let evidence = Evidence {
            signed: &first,
            previous: None,
            second: Some(second),
            facts: None,
            choice: None,
            report: None,
            transcripts: Vec::new(),
            backend_url: self.published.base(),
        };
        evidence.write(&self.options.data_dir).map(Some)
    }
}

/// Fetches a transcript that is the one its row names. Other bytes are the server's, and no word of the operator's.
fn fetch(published: &Published, row: &EpisodeRow, runtime: &tokio::runtime::Handle) -> Result<Vec<u8>, String> {
    let bytes = published.transcript_of(row, runtime)?;
    let found =
        Transcript::from_bytes(&bytes).map_err(|error| format!("the server's file is no transcript: {error}"))?;
    match row.transcript_id {
        Some(id) if id != found.id() => Err(format!("the server's file is transcript {}, not {id}", found.id())),
        _ => Ok(bytes),
    }
}

/// Why nothing is set, and what to do where pictures alone are left.
pub(super) fn reason(report: &Report) -> String {
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
