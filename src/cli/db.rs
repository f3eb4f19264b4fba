//! `kinitro db`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};

use super::confirm::confirm;
use super::print_json;
use super::settings_args::SettingsArgs;
use super::table::Table;
use crate::domain::CycleId;
use crate::service::backup::{self, Checked, Made};
use crate::store::{BlobStore, CycleStatus, DataDir, Page, Role, SqliteSettings, SqliteStore, Store};

/// Look after the database of the data folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kinitro db init --data-dir /var/lib/kinitro
  kinitro db status --json
  kinitro db backup --to /var/backups/kinitro --keep 7
  kinitro db backup --check /var/backups/kinitro
  kinitro db reset --force")]
pub struct DbArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Make the data folder and an empty database; `init` does this too
    Create,
    /// Make the database if it is missing and bring its schema up to date
    Init,
    /// Show what the database holds
    Status {
        /// Print JSON for scripts
        #[arg(long)]
        json: bool,
    },
    /// Copy database and transcripts into a new folder that can take the data folder's place; the daemon may run
    Backup(BackupArgs),
    /// Delete all cycles, results, manifests and transcripts; API keys stay
    Reset {
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
    /// Delete the database and all transcripts
    Drop {
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
struct BackupArgs {
    /// Folder of the backups; each one is a folder in it, named by its time. Nothing else may be in it
    #[arg(long, value_name = "FOLDER", required_unless_present = "check", conflicts_with = "check")]
    to: Option<PathBuf>,
    /// Keep so many backups, this one included, and remove older ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "check")]
    keep: Option<u16>,
    /// Read a backup, or the newest one of a folder, and hold all of it against its digests; nothing is written
    #[arg(long, value_name = "FOLDER")]
    check: Option<PathBuf>,
    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// Runs one of the commands.
///
/// # Errors
/// A folder in use or not writable, a foreign or newer database, or no confirmation.
pub async fn run(args: DbArgs) -> anyhow::Result<()> {
    let folder = args.settings.load()?.storage.data_dir;
    match args.command {
        DbCommand::Create => create(&folder),
        DbCommand::Init => init(&folder).await,
        DbCommand::Status { json } => status(&folder, json).await,
        DbCommand::Backup(args) => match &args.check {
            Some(checked) => check_backup(checked, args.json),
            None => make_backup(&folder, &args),
        },
        DbCommand::Reset { force } => reset(&folder, force).await,
        DbCommand::Drop { force } => drop_all(&folder, force),
    }
}

fn create(folder: &Path) -> anyhow::Result<()> {
    let _lock = DataDir::open(folder, Role::Api)?;
    let path = DataDir::database_path(folder);
    let is_new = SqliteStore::create_empty(&path)?;
    println!("{} {}", path.display(), if is_new { "is made; `kinitro db init` gives it its schema" } else { "exists" });
    Ok(())
}

async fn init(folder: &Path) -> anyhow::Result<()> {
    let _lock = DataDir::open(folder, Role::Api)?;
    let path = DataDir::database_path(folder);
    let store = SqliteStore::open(&path, SqliteSettings::default())?;
    BlobStore::open(&DataDir::transcripts_path(folder))?;
    println!("{} is ready (schema {})", path.display(), store.scale().await?.schema_version);
    Ok(())
}

async fn status(folder: &Path, json: bool) -> anyhow::Result<()> {
    let path = DataDir::database_path(folder);
    let store = SqliteStore::open_existing(&path, SqliteSettings::default())?;
    let scale = store.scale().await?;
    let newest = store.cycles(Page { limit: 1, after: None }).await?.rows.pop();
    let transcripts = BlobStore::open(&DataDir::transcripts_path(folder))?.list()?.len();
    if json {
        return print_json(&serde_json::json!({
            "path": path,
            "bytes": scale.bytes,
            "schema_version": scale.schema_version,
            "rows": scale.rows,
            "transcripts": transcripts,
            "newest_cycle": newest.as_ref().map(|cycle| cycle.id),
            "newest_cycle_status": newest.as_ref().map(|cycle| cycle.status),
        }));
    }
    println!("{}: {} KiB, schema {}", path.display(), scale.bytes / 1_024, scale.schema_version);
    match newest.map(|cycle| (cycle.id, cycle.status)) {
        None => println!("no cycle yet"),
        Some((id, status)) => println!("newest cycle: {id}, {}", CycleStatus::as_str(status)),
    }
    let mut table = Table::new(&["table", "rows"]);
    for (name, count) in &scale.rows {
        table.row([name.clone(), count.to_string()]);
    }
    table.row(["transcript files".to_owned(), transcripts.to_string()]);
    table.print();
    Ok(())
}

/// Problems that are told at most; the rest is counted.
const MAX_PROBLEMS: usize = 20;

fn make_backup(folder: &Path, args: &BackupArgs) -> anyhow::Result<()> {
    let to = args.to.as_deref().context("name a folder with --to")?;
    let made = backup::backup(folder, to, args.keep.map(usize::from))?;
    if args.json {
        print_json(&made)?;
    } else {
        let Made { folder, newest_cycle, database_bytes, transcripts, new_transcripts, removed, .. } = &made;
        println!("{} holds {}", folder.display(), contents(*newest_cycle, *transcripts));
        println!("  database: {} KiB; new transcripts: {new_transcripts}", database_bytes / 1_024);
        for older in removed {
            println!("  removed: {}", older.display());
        }
    }
    let what = "the backup is made, but the data folder has losses, so backups without are kept";
    no_problems(what, &made.damage)
}

fn check_backup(folder: &Path, json: bool) -> anyhow::Result<()> {
    let checked = backup::check(folder)?;
    let Checked { folder, newest_cycle, transcripts, problems } = &checked;
    if json {
        print_json(&checked)?;
    } else if problems.is_empty() {
        println!("{} is whole: {}", folder.display(), contents(*newest_cycle, *transcripts));
    }
    no_problems(&format!("{} is not whole", folder.display()), problems)
}

fn contents(newest: Option<CycleId>, transcripts: u64) -> String {
    let cycles = newest.map_or("no published cycle".to_owned(), |id| format!("cycles up to {id}"));
    format!("{cycles}, {transcripts} transcripts")
}

fn no_problems(what: &str, problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut text: String = problems.iter().take(MAX_PROBLEMS).map(|problem| format!("\n  - {problem}")).collect();
    if problems.len() > MAX_PROBLEMS {
        text += &format!("\n  - and {} more", problems.len() - MAX_PROBLEMS);
    }
    anyhow::bail!("{what}:{text}")
}

async fn reset(folder: &Path, force: bool) -> anyhow::Result<()> {
    let path = DataDir::database_path(folder);
    anyhow::ensure!(path.exists(), "there is no database {}; run `kinitro db init`", path.display());
    let _lock = DataDir::open(folder, Role::Upkeep)?;
    let store = SqliteStore::open_existing(&path, SqliteSettings::default())?;
    confirm(&losses(&path, "API keys stay"), force)?;
    store.reset().await?;
    BlobStore::open(&DataDir::transcripts_path(folder))?.clear()?;
    println!("{} is empty", path.display());
    Ok(())
}

fn drop_all(folder: &Path, force: bool) -> anyhow::Result<()> {
    let path = DataDir::database_path(folder);
    anyhow::ensure!(path.exists(), "there is no database {}", path.display());
    let _lock = DataDir::open(folder, Role::Upkeep)?;
    confirm(&losses(&path, "API keys too"), force)?;
    SqliteStore::remove(&path)?;
    BlobStore::open(&DataDir::transcripts_path(folder))?.clear()?;
    println!("{} is deleted", path.display());
    Ok(())
}

fn losses(path: &Path, keys: &str) -> String {
    format!(
        "this deletes all cycles, results, manifests and transcripts of {} ({keys}); what was published from it can no \
         longer be verified here",
        path.display()
    )
}
