//! `kinitro miner-deploy`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::miner_push::full_sha;
use super::platform_args::{PlatformArgs, bearer, kept_secret, model_hub};
use super::progress::Progress as Bar;
use super::settings_args::{SettingsArgs, start_log};
use super::table::Table;
use crate::domain::{Contest, EnvId, printable};
use crate::hub::RepoName;
use crate::hub::platform::{Deployment, PlainUrl};
use crate::hub::upload::{Progress, STATE_FOLDER, UploadSettings};
use crate::service::appliance::open_simulator;
use crate::service::chain_access::ChainAccess;
use crate::service::deploy::{DeployPlan, Ending, Report, Services, Step, Watch, deploy};

/// From a project's folder to a claim: ask the admission rules, upload, deploy, look at the server, evaluate, commit
///
/// What is done is not done again, so after a failure the same command goes on. Tokens come from the environment or from
/// files: HF_TOKEN or HF_TOKEN_PATH, CHUTES_API_KEY or CHUTES_API_KEY_FILE; CHUTE_USER is your name at Chutes. The fee that
/// Chutes takes for a new deployment is accepted. Example:
/// kinitro miner-deploy --repo alice/policy --path my-policy --network finney --netuid 26 --wallet-name main
#[derive(Debug, Args)]
pub struct MinerDeployArgs {
    /// Model repository, owner/name; it is made when it is missing
    #[arg(long)]
    repo: RepoName,

    /// Folder of the project
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    path: PathBuf,

    /// Server that you run by yourself, for contests of a local network; nothing is deployed then
    #[arg(long, value_name = "URL", conflicts_with = "chute_id")]
    url: Option<String>,

    /// What the claim names, deployed already by other means; nothing is deployed then. Chutes' key goes along with calls to
    /// hosts of Chutes only
    #[arg(long, value_name = "ID", alias = "deployment")]
    chute_id: Option<String>,

    /// File with the bearer credential of another platform, sent with calls to the policy over https
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,

    /// Upload nothing; the revision is that of the last upload, or --revision
    #[arg(long)]
    skip_upload: bool,

    /// Deploy nothing; what runs is taken as it is
    #[arg(long)]
    skip_deploy: bool,

    /// Neither look at the server nor evaluate it
    #[arg(long)]
    skip_evaluation: bool,

    /// Commit nothing
    #[arg(long)]
    skip_commit: bool,

    /// Upload into a private repository, commit, and only then show it to everybody, deploy, look and evaluate: nobody can copy and
    /// claim it meanwhile. The claim names what runs already, or --url or --chute-id
    #[arg(long, conflicts_with_all = ["skip_upload", "skip_commit", "private"])]
    claim_first: bool,

    /// Change nothing anywhere, and show what would be done
    #[arg(long)]
    dry_run: bool,

    /// First line of the commit in the model repository
    #[arg(long, default_value = "Upload by kinitro")]
    message: String,

    /// Full commit sha, where nothing is uploaded
    #[arg(long, requires = "skip_upload", value_parser = full_sha)]
    revision: Option<String>,

    /// Make a new repository private; nobody else can check it then, and contests refuse it
    #[arg(long)]
    private: bool,

    /// Remove files from the repository that the folder does not have; what uploads leave out stays there
    #[arg(long)]
    prune: bool,

    /// Name or path to leave out of the upload, `*` stands for any characters; repeatable
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,

    /// Environment of the evaluation, repeatable [default: the contest's first]
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<EnvId>,

    /// Episodes of each environment in the evaluation
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    episodes: u32,

    #[command(flatten)]
    platform: PlatformArgs,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// The run for scripts.
#[derive(Serialize)]
struct Shown<'a> {
    repo: &'a str,
    revision: Option<&'a str>,
    claim_id: Option<&'a str>,
    steps: &'a [Step],
    error: Option<String>,
}

/// Runs the steps; the exit status is 0 when none failed.
///
/// # Errors
/// What is missing before the first step.
pub async fn run(args: MinerDeployArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settings.load()?;
    start_log(&settings)?;
    let project = std::path::absolute(&args.path).context("the path cannot be used")?;
    anyhow::ensure!(project.is_dir(), "{} is no folder", project.display());
    let contest = evaluated(&args, &settings.contest);
    super::environments::check(&contest.environments)?;
    let named = args.url.as_deref().or(args.chute_id.as_deref());
    anyhow::ensure!(
        named.is_some() || !(args.claim_first && args.skip_deploy),
        "--claim-first uploads a revision that the chute cannot run yet: leave out --skip-deploy, or name by --chute-id or \
         --url what runs it"
    );
    let (platform, bearer) = (platform(&args)?, bearer(args.bearer_file.as_deref(), named)?);
    let try_out = !args.skip_evaluation;
    let simulator = if try_out && !args.dry_run { Some(open_simulator(&settings)?) } else { None };
    let chain = if args.skip_commit { None } else { Some(ChainAccess::open(&settings).await?) };
    let upload = UploadSettings {
        message: args.message.clone(),
        private: args.private || args.claim_first,
        only_private: args.claim_first,
        prune: args.prune,
        exclude: args.exclude.clone(),
        max_bytes: contest.repository.clone().unwrap_or_default().max_bytes,
        hash_cache: Some(project.join(STATE_FOLDER).join("hashes.json")),
        kept_secret: kept_secret(&settings, args.bearer_file.as_deref()),
    };
    let plan = DeployPlan {
        project,
        repo: args.repo.clone(),
        upload: (!args.skip_upload).then_some(upload),
        revision: args.revision.clone(),
        deploy: !args.skip_deploy,
        gpu_count: args.platform.gpu_count,
        min_vram_gb: args.platform.min_vram,
        try_out,
        commit: !args.skip_commit,
        claim_first: args.claim_first,
        dry_run: args.dry_run,
        contest,
    };
    let services =
        Services { hub: model_hub(plan.upload.is_some() && !plan.dry_run)?, platform, bearer, simulator, chain };
    let mut teller = Teller::default();
    let report = deploy(&plan, &services, &mut teller).await;
    teller.clear();
    print(&args, &report)?;
    Ok(if report.failure.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The contest with the environments and episodes of the evaluation.
fn evaluated(args: &MinerDeployArgs, contest: &Contest) -> Contest {
    let first = contest.environments.iter().take(1).cloned().collect();
    let environments = if args.environments.is_empty() { first } else { args.environments.clone() };
    Contest { environments, episodes_per_env: args.episodes, ..contest.clone() }
}

fn platform(args: &MinerDeployArgs) -> anyhow::Result<Box<dyn Deployment>> {
    match args.url.as_ref().or(args.chute_id.as_ref()) {
        Some(deployed) => Ok(Box::new(PlainUrl::new(deployed))),
        None => args.platform.chutes(),
    }
}

/// Tells on standard error what happens.
#[derive(Default)]
struct Teller {
    bar: Option<(bool, Bar)>,
}

impl Teller {
    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.clear();
        }
    }
}

impl Watch for Teller {
    fn say(&mut self, line: &str) {
        self.clear();
        eprintln!("{}", printable(line, 500));
    }

    fn progress(&mut self, progress: Progress) {
        let (is_sending, what, done, total) = match progress {
            Progress::Reading { done, total } => (false, "bytes read", done, total),
            Progress::Sending { done, total } => (true, "bytes sent", done, total),
        };
        if self.bar.as_ref().is_none_or(|(sending, _)| *sending != is_sending) {
            self.clear();
            self.bar = Some((is_sending, Bar::new(what, total)));
        }
        if let Some((_, bar)) = &self.bar {
            bar.set(done);
        }
    }
}

fn print(args: &MinerDeployArgs, report: &Report) -> anyhow::Result<()> {
    if args.json {
        return super::print_json(&Shown {
            repo: args.repo.as_str(),
            revision: report.revision.as_deref(),
            claim_id: report.claim_id.as_deref(),
            steps: &report.steps,
            error: report.failure.as_ref().map(ToString::to_string),
        });
    }
    let mut table = Table::new(&["step", "state", "seen"]);
    for step in &report.steps {
        let seen = if step.state == Ending::Failed { "see below" } else { step.seen.as_str() };
        table.row([step.step, word(step.state), seen]);
    }
    table.print();
    if let Some(error) = &report.failure {
        eprintln!("kinitro: {error}");
        eprintln!("go on with: {}", command_line());
    } else if args.dry_run {
        println!("nothing was changed");
    }
    Ok(())
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Already => "done before",
        Ending::Skipped => "skipped",
        Ending::Planned => "planned",
        Ending::Failed => "FAILED",
        Ending::NotReached => "-",
    }
}

/// The command as it was typed: it holds no token, and goes on where it stopped.
fn command_line() -> String {
    let quoted = |word: String| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+".contains(&byte);
        let text = printable(&word, 300);
        if !text.is_empty() && text.bytes().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    format!("kinitro {}", words.collect::<Vec<_>>().join(" "))
}
