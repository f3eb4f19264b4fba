//! `kinitro db`

use std::path::Path;

use clap::{Args, Subcommand};

use super::confirm::confirm;
use super::print_json;
use super::settings_args::SettingsArgs;
use super::table::Table;
use crate::store::{BlobStore, CycleStatus, DataDir, Page, Role, SqliteSettings, SqliteStore, Store};

/// Look after the database of the data folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kinitro db init --data-dir /var/lib/kinitro
  kinitro db status --json
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
