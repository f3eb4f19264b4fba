//! `kinitro doctor --miner URL`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::platform_args::bearer;
use super::table::Table;
use crate::service::appliance::open_simulator;
use crate::service::miner_check::{MinerCheck, check_miner};
use crate::service::settings::Settings;

/// The flags of a look at a policy's server.
#[derive(Debug, Args)]
pub struct DoctorMinerArgs {
    /// Look at a policy's server instead of this machine, as the contest's executors would call it: a URL or a
    /// platform's id
    #[arg(long, value_name = "URL")]
    pub miner: Option<String>,

    /// Calls of /act in each encoding
    #[arg(long, default_value_t = 50, requires = "miner", value_parser = clap::value_parser!(u32).range(1..=500))]
    acts: u32,

    /// Private addresses, ports and plain http are fine: the contest is one of a local network
    #[arg(long, requires = "miner")]
    local: bool,

    /// File with the bearer credential of your platform, sent over https only [default: CHUTES_API_KEY, for hosts of Chutes]
    #[arg(long, value_name = "FILE", requires = "miner")]
    bearer_file: Option<PathBuf>,
}

/// Looks at the server at `deployment`; the exit status is 0 when a contest would find nothing wrong.
///
/// # Errors
/// When something on this side fails.
pub async fn run(
    args: &DoctorMinerArgs,
    deployment: &str,
    settings: &Settings,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut contest = settings.contest.clone();
    contest.deployment.allow_private_endpoints |= args.local;
    let bearer = bearer(args.bearer_file.as_deref(), Some(deployment))?
        .and_then(|bearer| bearer.of(deployment, &contest.deployment));
    let simulator = open_simulator(settings)?;
    let check = check_miner(&simulator, &contest, deployment, bearer, args.acts).await?;
    if json {
        super::print_json(&check)?;
    } else {
        print(&check);
    }
    Ok(if check.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(check: &MinerCheck) {
    let mut table = Table::new(&["check", "", "seen"]);
    for finding in &check.findings {
        table.row([finding.what.as_str(), if finding.ok { "good" } else { "BAD" }, &finding.seen]);
    }
    table.print();
    // A cell is cut; what is wrong is said whole.
    for finding in check.findings.iter().filter(|finding| !finding.ok) {
        println!("{}: {}", finding.what, finding.seen);
    }
}
