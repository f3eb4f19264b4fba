//! The validator: verifies published cycles and sets their weights on the chain. What it could not verify it never sets.

mod examination;
mod facts;
mod memory;
mod memory_file;
mod options;
mod patience;
mod payment;
mod report;
mod round;
mod sent;
mod upkeep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use self::memory::{Found, Memory, Subject};
use self::memory_file::{MemoryFile, Owner};
use self::patience::Patience;
use super::published::{FetchError, Published};
use super::supervision::Pulse;
use crate::beacon::OperatorKey;
use crate::chain::{Chain, ChainError};
use crate::domain::{Hotkey, printable};
use crate::replay::{Answer, SignedCycle};
use crate::sim::Simulator;

pub use facts::chain_facts;
pub use options::{ValidatorError, ValidatorOptions};
pub use round::{Payment, Round, Verdict};

/// What a look is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// For a cycle that was not dealt with yet.
    New,
    /// At the newest cycle, whether it was dealt with or not.
    Afresh,
}

/// Longest time that a look, a payment or the upkeep takes beside the replay of episodes, slow servers and blocks that wait to be
/// final included.
const LONGEST_LOOK: Duration = Duration::from_secs(3_600);

/// Verifies one operator's cycles and sets their weights.
pub struct Validator {
    options: ValidatorOptions,
    chain: Arc<dyn Chain>,
    key: Arc<OperatorKey>,
    simulator: Simulator,
    published: Published,
    memory: Mutex<Memory>,
    file: MemoryFile,
    patience: Mutex<Patience>,
    /// Held while weights are compared, sent or revealed.
    turn: tokio::sync::Mutex<()>,
    /// Of the looks at new manifests.
    looking: Pulse,
    /// Of what looks after weights that were sent.
    keeping: Pulse,
}

impl Validator {
    /// A validator of what `published` publishes, with what it remembers in the data folder.
    ///
    /// # Errors
    /// [`ValidatorError::Memory`]: another one works there for the same hotkey, or what is remembered cannot be read.
    pub fn open(
        options: ValidatorOptions,
        chain: Arc<dyn Chain>,
        key: Arc<OperatorKey>,
        simulator: Simulator,
        published: Published,
    ) -> Result<Validator, ValidatorError> {
        let owner = Owner { genesis: chain.genesis(), netuid: options.netuid, hotkey: key.hotkey() };
        let (file, memory) = MemoryFile::open(&options.data_dir, owner, options.dry_run)?;
        let (memory, patience, turn) = (Mutex::new(memory), Mutex::default(), Default::default());
        let (looking, keeping) = (Pulse::new("validator"), Pulse::new("weights"));
        Ok(Validator { options, chain, key, simulator, published, memory, file, patience, turn, looking, keeping })
    }

    /// The signs of life that [`Validator::run`] gives.
    pub fn pulses(&self) -> Vec<Pulse> {
        vec![self.looking.clone(), self.keeping.clone()]
    }

    /// Looks for new manifests until `shutdown`, and beside that after the weights that were sent: no server of the operator's can
    /// hold that up.
    pub async fn run(&self, shutdown: CancellationToken) {
        let rounds = self.at_every_poll(&shutdown, async || {
            self.looking.doing("looking for a new cycle", LONGEST_LOOK);
            self.look().await;
            self.looking.doing("waiting for a new cycle", self.options.poll_interval.saturating_add(LONGEST_LOOK));
        });
        let upkeep = self.at_every_poll(&shutdown, async || {
            self.keeping.doing("looking after weights", LONGEST_LOOK);
            match self.upkeep().await {
                Ok(round) => round.iter().for_each(Round::log),
                Err(error) => warn(&error, "weights that stand could not be looked after; trying again"),
            }
            self.keeping.doing("weights are looked after", self.options.poll_interval.saturating_add(LONGEST_LOOK));
        });
        tokio::join!(self.looking.keep(rounds), self.keeping.keep(upkeep));
    }

    /// Does something at every poll until `shutdown`.
    async fn at_every_poll(&self, shutdown: &CancellationToken, work: impl AsyncFn()) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = work() => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.options.poll_interval) => {}
            }
        }
    }

    async fn look(&self) {
        match self.round(Look::New).await {
            Ok(round) => {
                round.log();
                if let Some(cycle) = round.put_off() {
                    self.patience().in_vain(cycle, self.options.poll_interval, Instant::now());
                }
            }
            Err(error) => warn(&error, "nothing was set; trying again"),
        }
    }

    /// One look: fetch, verify, recompute, set.
    ///
    /// # Errors
    /// [`ValidatorError`]; it is not known that anything was set then.
    pub async fn round(&self, look: Look) -> Result<Round, ValidatorError> {
        let cycle = match self.published.latest().await {
            Err(FetchError::NoCycle { .. }) => return Ok(Round::NothingNew),
            latest => latest?,
        };
        let operator = match self.operator().await? {
            Ok(operator) => operator,
            Err(reason) => return Ok(Round::CouldNotCheck { cycle, reason }),
        };
        self.remember(|memory| memory.listen_to(operator))?;
        let (newest, done) = {
            let memory = self.memory();
            (memory.newest(), memory.done())
        };
        if let Some(known) = newest.filter(|newest| cycle < *newest) {
            return Ok(Round::Older { shown: cycle, known, file: self.file.path().to_owned() });
        }
        let is_put_off = self.patience().asks_to_wait(cycle, Instant::now());
        if look == Look::New && (done == Some(cycle) || is_put_off) {
            return Ok(Round::NothingNew);
        }
        let signed = Arc::new(self.published.manifest(cycle).await?);
        if let Some(reason) = self.not_the_word_of(&signed, operator) {
            return Ok(Round::NotSigned { cycle, reason });
        }
        let round = self.deal_with(&signed, operator, look).await?;
        self.conclude(&round)?;
        Ok(round)
    }

    /// Remembers what a round means for those after it.
    fn conclude(&self, round: &Round) -> Result<(), ValidatorError> {
        self.remember(|memory| {
            if let Round::Differs { cycle, .. } = round {
                memory.untrue(*cycle);
            }
            if let Some(cycle) = round.finished() {
                memory.finish(cycle);
            }
        })
    }

    /// Verifies and pays a manifest that the operator signed.
    async fn deal_with(
        &self,
        signed: &Arc<SignedCycle>,
        operator: Hotkey,
        look: Look,
    ) -> Result<Round, ValidatorError> {
        let cycle = signed.manifest.cycle;
        if let Some(reason) = self.does_not_follow(signed) {
            return Ok(Round::CouldNotCheck { cycle, reason });
        }
        let drawn = self.draw_sample_seed().await?;
        let sample_seed = match self.remember(|memory| memory.examine(cycle, signed.digest, drawn))? {
            Subject::Second { first } => {
                return Ok(match self.report_second(first, signed)? {
                    Some(report) => Round::Differs { cycle, report },
                    None => {
                        let reason = format!("the operator signed another manifest of it before, {first}, not at hand");
                        Round::CouldNotCheck { cycle, reason }
                    }
                });
            }
            Subject::This { found: Some(found), .. } if look == Look::New && self.suffices(&found) => {
                return self.pay_for(signed, found.verdict).await;
            }
            Subject::This { sample_seed, .. } => sample_seed,
        };
        self.file.keep_manifest(signed)?;
        let examined = match self.examine(signed, operator, sample_seed).await? {
            Ok(examined) => examined,
            Err(reason) => return Ok(Round::CouldNotCheck { cycle, reason }),
        };
        let verdict = match examined.report.answer {
            Answer::Identical => Verdict::Verified,
            Answer::ExceptPictures if self.options.accept_unchecked_pictures => Verdict::ExceptPictures,
            Answer::ExceptPictures | Answer::CouldNotCheck => {
                return Ok(Round::CouldNotCheck { cycle, reason: examination::reason(&examined.report) });
            }
            Answer::Differs => return Ok(Round::Differs { cycle, report: self.report(&examined).await? }),
        };
        self.pay_for(signed, verdict).await
    }

    async fn pay_for(&self, signed: &SignedCycle, verdict: Verdict) -> Result<Round, ValidatorError> {
        let earned = match payment::earned_in(signed, verdict) {
            Ok(earned) => earned,
            Err(reason) => return Ok(Round::CouldNotCheck { cycle: signed.manifest.cycle, reason }),
        };
        let found = Found { verdict, read: self.options.read, replays: self.options.replays };
        self.remember(|memory| memory.verified(found, earned.clone()))?;
        self.pay(&earned).await
    }

    /// Whether a manifest that was found true so needs no further look by today's settings.
    fn suffices(&self, found: &Found) -> bool {
        self.accepts(found.verdict) && (found.read, found.replays) == (self.options.read, self.options.replays)
    }

    /// Why a manifest cannot come after the newest one that was found true.
    fn does_not_follow(&self, signed: &SignedCycle) -> Option<String> {
        let memory = self.memory();
        let before = memory.earned().filter(|before| before.cycle < signed.manifest.cycle)?;
        let (anchor, cycle) = (signed.manifest.anchor.number, before.cycle);
        // A development chain may stand still.
        let is_later = anchor > before.anchor || (anchor == before.anchor && signed.manifest.beacon.is_dev());
        (!is_later).then(|| {
            format!("its anchor, block {anchor}, is not later than that of cycle {cycle}, block {}", before.anchor)
        })
    }

    /// Whose manifests are believed, or a sentence where nobody's are.
    async fn operator(&self) -> Result<Result<Hotkey, String>, ChainError> {
        if let Some(operator) = self.options.operator {
            return Ok(Ok(operator));
        }
        let netuid = self.options.netuid;
        let head = self.chain.finalized_head().await?;
        let owner = self.chain.owner_at(netuid, &head).await?;
        let nobody = || format!("the chain names no owner of subnet {netuid}: set [validator] operator, or --operator");
        Ok(owner.ok_or_else(nobody))
    }

    /// What is wrong with a manifest that the operator did not sign for this subnet. Nothing else in it says anything then.
    fn not_the_word_of(&self, signed: &SignedCycle, operator: Hotkey) -> Option<String> {
        let (signer, netuid) = (signed.manifest.operator, signed.manifest.netuid);
        if signer != operator {
            return Some(format!(
                "it is signed by {signer}, and {operator} is listened to; if {signer} is who you trust, set [validator] \
                 operator, or --operator"
            ));
        }
        if netuid != self.options.netuid || signed.manifest.genesis != self.chain.genesis() {
            let genesis = signed.manifest.genesis;
            return Some(format!("it speaks of subnet {netuid} of the chain {genesis}; is the backend the right one?"));
        }
        signed.verify_signature().err().map(|error| error.to_string())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is remembered, on the disk too.
    fn remember<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> Result<T, ValidatorError> {
        let mut memory = self.memory();
        let mut changed = memory.clone();
        let value = change(&mut changed);
        if changed != *memory {
            self.file.store(&changed)?;
            *memory = changed;
        }
        Ok(value)
    }
}

fn warn(error: &ValidatorError, what: &'static str) {
    tracing::warn!(error = %printable(&error.to_string(), 400), "{what}");
}
