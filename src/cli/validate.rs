//! `kinitro validate`

use std::time::Duration;

use clap::Args;

use super::settings_args::{SettingsArgs, start_log};
use crate::chain::{WEIGHTS_VERSION_KEY, WeightsForm};
use crate::domain::{Hotkey, printable};
use crate::replay::Sample;
use crate::service::appliance::open_simulator;
use crate::service::chain_access::ChainAccess;
use crate::service::published::{Published, parse_address};
use crate::service::roles;
use crate::service::settings::Settings;
use crate::service::shutdown;
use crate::service::validator::{Look, Payment, Round, Validator, ValidatorOptions};

/// Verify an operator's cycles and set their weights on the chain
///
/// Nothing that could not be verified is ever set. Example:
/// kinitro validate --backend-url https://operator.example --network archive --netuid 26 --wallet-name main --dry-run
#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// The operator's API
    #[arg(long, value_name = "URL")]
    backend_url: Option<String>,

    /// Episodes whose physics and pictures are replayed before weights are set: all, none, a number, or a share such as 10%.
    /// Structure and seeds are always checked
    #[arg(long, value_name = "SAMPLE")]
    verify: Option<Sample>,

    /// Whose manifests are believed; default the hotkey of the subnet's owner
    #[arg(long, value_name = "SS58")]
    operator: Option<Hotkey>,

    /// Look once, also at a cycle that was dealt with before, and end; the exit status is 0 when its weights stand or are under
    /// way, or nothing is owed
    #[arg(long)]
    once: bool,

    /// Look once, show what would be set and what is in its way, but set nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the validator until Ctrl-C, or once.
///
/// # Errors
/// What cannot start; with `--once` also what could not be fetched, verified or set.
pub async fn run(args: ValidateArgs) -> anyhow::Result<()> {
    let settings = args.settings.load_with(|settings| {
        let validator = &mut settings.validator;
        args.backend_url.clone().into_iter().for_each(|url| validator.backend_url = url);
        args.verify.into_iter().for_each(|sample| validator.verify = sample);
        validator.operator = args.operator.or(validator.operator);
    })?;
    start_log(&settings)?;
    let shutdown = shutdown::on_signal()?;
    let validator = validator(&args, &settings).await?;
    if !args.once && !args.dry_run {
        roles::validate(validator, shutdown).await;
        return Ok(());
    }
    tokio::select! {
        () = shutdown.cancelled() => {
            anyhow::bail!("interrupted; whether weights were set is on the chain, and the next run finds out")
        }
        done = once(&validator) => done,
    }
}

async fn once(validator: &Validator) -> anyhow::Result<()> {
    let round = validator.round(Look::Afresh).await;
    // What was committed before is opened in its time, whatever the operator's server says.
    let kept = validator.upkeep().await;
    for round in kept.iter().flatten().chain(&round) {
        round.log();
    }
    if let Some(kept) = kept? {
        report(&kept)?;
    }
    report(&round?)
}

async fn validator(args: &ValidateArgs, settings: &Settings) -> anyhow::Result<Validator> {
    let ChainAccess { chain, key, netuid } = ChainAccess::open(settings).await?;
    let (base, _) = parse_address(&settings.validator.backend_url)?;
    let validator = &settings.validator;
    let options = ValidatorOptions {
        netuid,
        poll_interval: Duration::from_secs(validator.poll_interval_s),
        read: validator.read,
        replays: validator.verify,
        threads: validator.threads,
        operator: validator.operator,
        accept_unchecked_pictures: validator.accept_unchecked_pictures,
        refresh_after_blocks: validator.refresh_after_blocks,
        version_key: validator.version_key.unwrap_or(WEIGHTS_VERSION_KEY),
        dry_run: args.dry_run,
        data_dir: settings.storage.data_dir.clone(),
    };
    // Cycles are replayed environment by environment, so each thread needs one model at a time.
    let simulator = open_simulator(settings)?.keeping(validator.threads);
    Ok(Validator::open(options, chain, key, simulator, Published::open(&base)?)?)
}

/// Prints what a look did; what is no success is an error.
fn report(round: &Round) -> anyhow::Result<()> {
    match round {
        Round::NothingNew => println!("the operator has not published a cycle yet"),
        Round::Older { shown, known, file } => anyhow::bail!(
            "the server shows cycle {shown}, and cycle {known} was dealt with before, so nothing was set; if the operator \
             began anew, remove {}",
            file.display()
        ),
        Round::Paid { cycle, payment: Payment::UnderWay { until, of_these: false }, .. } => {
            anyhow::bail!(
                "other weights are under way, so those of cycle {cycle} were not sent; run again after block {until}"
            )
        }
        Round::Paid { cycle, verdict, weights, payment } => {
            println!("cycle {cycle} is {verdict}; these weights {}:", fate(payment));
            for (uid, value) in weights.uids.iter().zip(&weights.values) {
                println!("  uid {uid}: {value}");
            }
            if let Payment::DryRun { obstacle: Some(obstacle), .. } = payment {
                println!("but the chain would refuse them now: {obstacle}");
            }
        }
        Round::Revealed { cycle, block } => {
            println!("the weights of cycle {cycle}, committed before, are open since block {block}");
        }
        Round::NothingToPay { cycle, verdict, reason } => println!("cycle {cycle} is {verdict}; no weights: {reason}"),
        Round::Differs { cycle, report } => {
            anyhow::bail!("cycle {cycle} is not true; nothing was set; the report is {}", report.display())
        }
        Round::NotSigned { cycle, reason } => {
            let reason = printable(reason, 600);
            anyhow::bail!(
                "what the server shows as cycle {cycle} is not the operator's word, so nothing was set: {reason}"
            )
        }
        Round::CouldNotCheck { cycle, reason } => {
            anyhow::bail!("cycle {cycle} could not be checked, so nothing was set: {}", printable(reason, 600))
        }
    }
    Ok(())
}

fn fate(payment: &Payment) -> String {
    match payment {
        Payment::Sent { block, form: WeightsForm::Plain } => format!("are set in block {block}"),
        Payment::Sent { block, form: WeightsForm::Timelocked } => {
            format!("are committed in block {block}, and the chain opens them in their epoch")
        }
        Payment::Sent { block, form: WeightsForm::Hashed } => {
            format!("are committed in block {block}; let the validator run, for it has to reveal them in their epoch")
        }
        Payment::Stands => "stood on the chain already".into(),
        Payment::UnderWay { until, .. } => {
            format!("are under way since before; if no block takes them until {until}, send again")
        }
        Payment::DryRun { committed_first: false, .. } => "would be set (set_weights)".into(),
        Payment::DryRun { committed_first: true, .. } => {
            "would be committed, since the subnet takes weights by commit and reveal".into()
        }
    }
}
