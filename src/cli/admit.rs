//! `kinitro admit`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::platform_args::bearer;
use super::progress::Progress;
use super::settings_args::{SettingsArgs, start_log};
use crate::admission::{ChainFacts, Finding};
use crate::domain::{Hotkey, Netuid};
use crate::hub::Patience;
use crate::hub::repository::{DEFAULT_ENDPOINT, ENDPOINT_VARIABLE, HubReader, ReadCache};
use crate::service::admission_check::{Candidate, Checked, Place, chain_facts, check, duplicates};
use crate::service::chain_access::{dev_chain_file, is_dev, open_chain};
use crate::service::published::{Published, parse_address};
use crate::service::settings::Settings;

/// Check a model repository by the admission rules before paying for anything
///
/// Asks every rule of the settings' contest, or of a contest with default rules about repositories, and prints what to fix.
/// Reads the repository as a stranger does, without a token. Exit codes: 0 nothing against it, 1 refused, 2 could not check.
/// Example: kinitro admit alice/policy@0123456789abcdef0123456789abcdef01234567 --network finney --netuid 26 --hotkey 5…
#[derive(Debug, Args)]
pub struct AdmitArgs {
    /// Repository and revision: a full sha, or a branch to look its sha up
    #[arg(value_name = "REPO@REV", required_unless_present = "path", conflicts_with = "path", value_parser = parse_place)]
    target: Option<Place>,

    /// A folder of this machine in place of a repository
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,

    /// The hotkey that will claim it: its coldkey and stake are read from the chain
    #[arg(long, value_name = "ADDRESS")]
    hotkey: Option<Hotkey>,

    /// The coldkey that owns the hotkey, to ask no chain; then nobody asks for stake
    #[arg(long, value_name = "ADDRESS")]
    coldkey: Option<Hotkey>,

    /// Where the policy runs, as the claim will name it; it is called
    #[arg(long, value_name = "ID or URL")]
    endpoint: Option<String>,

    /// File with the bearer credential for calls to it, sent over https only [default: CHUTES_API_KEY, for hosts of Chutes]
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    bearer_file: Option<PathBuf>,

    /// The address of an operator: refuse tensors that another hotkey claimed before, by what it tells of its newest cycle
    #[arg(long, value_name = "URL")]
    operator: Option<String>,

    /// Also tell how much of this other model stands in it
    #[arg(long, value_name = "REPO@REV", value_parser = parse_place)]
    against: Option<Place>,

    /// The model hub
    #[arg(long, value_name = "URL", env = ENDPOINT_VARIABLE, default_value = DEFAULT_ENDPOINT)]
    hub: String,

    /// Folder that remembers what was read [default: ~/.cache/kinitro/weights]
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,

    /// Longest time for a repository
    #[arg(long, value_name = "MINUTES", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: u64,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

fn parse_place(text: &str) -> Result<Place, String> {
    match text.rsplit_once('@') {
        Some((repo, revision)) if !repo.is_empty() && !revision.is_empty() => {
            Ok(Place::Hub { repo: repo.to_owned(), revision: revision.to_owned() })
        }
        _ => Err("expected owner/name@revision, such as alice/policy@main".to_owned()),
    }
}

/// The check for scripts.
#[derive(Serialize)]
struct Shown {
    admitted: bool,
    revision: Option<String>,
    weights: Option<String>,
    rules: Vec<ShownRule>,
    against: Option<ShownAgainst>,
}

#[derive(Serialize)]
struct ShownRule {
    rule: &'static str,
    finding: &'static str,
    text: String,
    code: Option<&'static str>,
    evidence: Option<String>,
}

#[derive(Serialize)]
struct ShownAgainst {
    weights: String,
    equal: bool,
    percent_of_other: u32,
    percent_of_this: u32,
}

/// Checks the repository.
///
/// # Errors
/// None: what could not be checked is told with exit code 2.
pub async fn run(args: AdmitArgs) -> anyhow::Result<ExitCode> {
    match checked(args).await {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => Ok(ExitCode::from(super::could_not_check(&error).exit_code())),
    }
}

async fn checked(args: AdmitArgs) -> anyhow::Result<bool> {
    let settings = args.settings.load()?;
    start_log(&settings)?;
    let chain = facts(&args, &settings).await?;
    let cache = args.cache.or_else(default_cache).map(|folder| {
        ReadCache::open(&folder).with_context(|| format!("{}: name another folder with --cache", folder.display()))
    });
    let reader = HubReader::new(&args.hub, cache.transpose()?, Patience::default())?;
    let place = args.path.map(Place::Folder).or(args.target).context("name a repository or a folder")?;
    let time = Duration::from_secs(args.minutes * 60);
    let bearer = match &args.endpoint {
        Some(endpoint) => bearer(args.bearer_file.as_deref(), Some(endpoint))?,
        None => None,
    };
    let candidate = Candidate { place, deployment: args.endpoint, bearer, chain };
    let told = match &args.operator {
        Some(address) => Some(Published::open(&parse_address(address)?.0)?.submissions().await?),
        None => None,
    };
    let mut first = read(&reader, &candidate, &settings, time).await?;
    let duplicates = duplicates(first.weights.as_ref(), told.as_deref(), args.hotkey);
    first.findings.push(("duplicates", duplicates));
    let against = match args.against {
        Some(place) => {
            let other = Candidate { place, deployment: None, bearer: None, chain: ChainFacts::default() };
            Some(compared(&first, &read(&reader, &other, &settings, time).await?)?)
        }
        None => None,
    };
    let shown = shown(&first, against);
    if args.json {
        super::print_json(&shown)?;
    } else {
        print(&shown);
    }
    Ok(shown.admitted)
}

async fn read(
    reader: &HubReader,
    candidate: &Candidate,
    settings: &Settings,
    time: Duration,
) -> anyhow::Result<Checked> {
    let bar = Progress::new("bytes", 0);
    let progress = |read: crate::hub::repository::Read| {
        bar.set_total(read.total);
        bar.set(read.done);
    };
    let checked = check(reader, candidate, &settings.contest, time, &progress).await;
    bar.clear();
    Ok(checked?)
}

/// What the chain says, or what was given in its place.
async fn facts(args: &AdmitArgs, settings: &Settings) -> anyhow::Result<ChainFacts> {
    let Some(hotkey) = args.hotkey.filter(|_| args.coldkey.is_none()) else {
        return Ok(ChainFacts { coldkey: args.coldkey, ..ChainFacts::default() });
    };
    if is_dev(settings) && !dev_chain_file(settings).exists() {
        bail!("there is no development chain here; name a chain with --network, or the coldkey with --coldkey");
    }
    let chain = open_chain(settings).await?;
    let netuid = Netuid(settings.chain.netuid);
    chain_facts(chain.as_ref(), netuid, hotkey).await?.with_context(|| {
        format!("the hotkey {hotkey} is not registered in subnet {netuid}; register it, or name its --coldkey")
    })
}

fn default_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(folder.join("kinitro/weights"))
}

fn compared(first: &Checked, other: &Checked) -> anyhow::Result<ShownAgainst> {
    let of =
        |checked: &Checked, which| checked.weights.clone().with_context(|| format!("{which} has no readable tensors"));
    let (first, other) = (of(first, "the repository")?, of(other, "the one of --against")?);
    Ok(ShownAgainst {
        weights: other.digest().to_string(),
        equal: first.digest() == other.digest(),
        percent_of_other: other.percent_in(&first),
        percent_of_this: first.percent_in(&other),
    })
}

fn shown(checked: &Checked, against: Option<ShownAgainst>) -> Shown {
    let rule = |(rule, finding): &(&'static str, Finding)| {
        let (finding, text, code, evidence) = match finding {
            Finding::Good(seen) => ("good", seen.clone(), None, None),
            Finding::NotAsked(why) => ("not_asked", why.clone(), None, None),
            Finding::Bad(reason) => {
                ("bad", reason.sentence.clone(), Some(reason.code.slug()), Some(reason.evidence.clone()))
            }
        };
        ShownRule { rule, finding, text, code, evidence }
    };
    Shown {
        admitted: checked.is_admitted(),
        revision: checked.revision.clone(),
        weights: checked.weights.as_ref().map(|weights| weights.digest().to_string()),
        rules: checked.findings.iter().map(rule).collect(),
        against,
    }
}

fn print(shown: &Shown) {
    for rule in &shown.rules {
        let mark = match rule.finding {
            "good" => "good",
            "bad" => "BAD",
            _ => "not asked",
        };
        println!("{:<12} {mark:<10} {}", rule.rule, rule.text);
        if let Some((code, evidence)) = rule.code.zip(rule.evidence.as_deref()) {
            let seen = if evidence.is_empty() { String::new() } else { format!(": {evidence}") };
            println!("{:<12} {:<10} {code}{seen}", "", "");
        }
    }
    if let Some(weights) = &shown.weights {
        println!("weights      {weights}");
    }
    if let Some(ShownAgainst { weights, equal, percent_of_other, percent_of_this }) = &shown.against {
        println!("against      {weights}");
        match equal {
            true => println!("             the same tensors: whoever claims them later is refused"),
            false => println!(
                "             {percent_of_other} % of its bytes stand here, {percent_of_this} % of the bytes here stand there"
            ),
        }
    }
    match shown.admitted {
        true => println!("nothing stands against it"),
        false => println!("it would be refused; what is marked BAD says what to do"),
    }
}
