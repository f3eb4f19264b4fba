//! `kinitro validate`

use std::time::Duration;

use clap::Args;

use super::settings_args::{SettingsArgs, start_log};
use crate::domain::printable;
use crate::replay::Sample;
use crate::service::appliance::open_simulator;
use crate::service::chain_access::ChainAccess;
use crate::service::published::{Published, parse_address};
use crate::service::settings::Settings;
use crate::service::shutdown;
use crate::service::validator::{Round, Validator, ValidatorOptions, log};

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

    /// Episodes to replay before weights are set: all, a number, or a share such as 10%
    #[arg(long, value_name = "SAMPLE")]
    sample: Option<Sample>,

    /// Look once and end; the exit status says whether weights were set or nothing was owed
    #[arg(long)]
    once: bool,

    /// Verify and show what would be set, but set nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the validator until Ctrl-C, or once.
///
/// # Errors
/// What cannot start; with `--once` also what could not be fetched, verified or set.
pub async fn run(args: ValidateArgs) -> anyhow::Result<()> {
    let settings = args.settings.load_with(|settings| {
        if let Some(url) = &args.backend_url {
            settings.validator.backend_url = url.clone();
        }
    })?;
    start_log(&settings)?;
    let shutdown = shutdown::on_signal()?;
    let validator = validator(&args, &settings).await?;
    if !args.once {
        validator.run(shutdown).await;
        return Ok(());
    }
    let round = tokio::select! {
        () = shutdown.cancelled() => anyhow::bail!("interrupted; no weights were set"),
        round = validator.round(None) => round?,
    };
    log(&round);
    report(&round, args.dry_run)
}

async fn validator(args: &ValidateArgs, settings: &Settings) -> anyhow::Result<Validator> {
    let ChainAccess { chain, key, netuid } = ChainAccess::open(settings).await?;
    let (base, _) = parse_address(&settings.validator.backend_url)?;
    let sample = args.sample.unwrap_or(Sample::Percent(settings.validator.sample_percent.into()));
    let options = ValidatorOptions {
        netuid,
        poll_interval: Duration::from_secs(settings.validator.poll_interval_s),
        sample,
        operator: settings.validator.operator,
        accept_unchecked_pictures: settings.validator.accept_unchecked_pictures,
        refresh_after_blocks: settings.validator.refresh_after_blocks,
        dry_run: args.dry_run,
        reports: settings.storage.data_dir.join("reports"),
    };
    let simulator = open_simulator(settings)?;
    Ok(Validator::new(options, chain, key, simulator, Published::open(&base)?))
}

fn report(round: &Round, dry_run: bool) -> anyhow::Result<()> {
    match round {
        Round::NothingNew => println!("the operator has not published a cycle yet"),
        Round::Set { cycle, verdict, weights, block } => {
            let verb = match (dry_run, block) {
                (true, _) => "would be set".to_owned(),
                (false, Some(block)) => format!("are set in block {block}"),
                (false, None) => "stood on the chain already".to_owned(),
            };
            println!("cycle {cycle} is {verdict}; these weights {verb}:");
            for (uid, value) in weights.uids.iter().zip(&weights.values) {
                println!("  uid {uid}: {value}");
            }
        }
        Round::NothingToPay { cycle, verdict, reason } => println!("cycle {cycle} is {verdict}; no weights: {reason}"),
        Round::Differs { cycle, file } => {
            anyhow::bail!("cycle {cycle} is not true; nothing was set; the report is {}", file.display())
        }
        Round::CouldNotCheck { cycle, reason } => {
            anyhow::bail!("cycle {cycle} could not be checked, so nothing was set: {}", printable(reason, 600))
        }
    }
    Ok(())
}
