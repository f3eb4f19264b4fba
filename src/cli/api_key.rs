//! `kinitro api-key`

use std::io::Write;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::print_json;
use super::settings_args::SettingsArgs;
use super::table::Table;
use crate::domain::ExecutorId;
use crate::store::{ApiKeyRow, DataDir, NewApiKey, SqliteSettings, SqliteStore, Store};

/// Longest life of a key that can be asked for, ten years: beyond that "for ever" is meant.
const MAX_DAYS: i64 = 3_650;

/// Make, list and revoke the API keys of executors
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kinitro api-key create rack-3 --expires-in-days 90 > rack-3.key
  kinitro api-key list
  kinitro api-key revoke 2")]
pub struct ApiKeyArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: ApiKeyCommand,
}

#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    /// Make a key for one executor and print it; it is shown this once and stored as a digest only
    Create {
        /// Name of the executor that the key is for
        executor: ExecutorId,
        /// Days until the key stops to work; without it, it works until it is revoked
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
        expires_in_days: Option<i64>,
    },
    /// Show all keys, without the keys themselves
    List {
        /// Print JSON for scripts
        #[arg(long)]
        json: bool,
    },
    /// Make a key stop to work at once
    Revoke {
        /// Number of the key, as `list` shows it
        id: u64,
    },
}

/// Runs one of the commands.
///
/// # Errors
/// No database, or no key of that number.
pub async fn run(args: ApiKeyArgs) -> anyhow::Result<()> {
    let folder = args.settings.load()?.storage.data_dir;
    let store = SqliteStore::open_existing(&DataDir::database_path(&folder), SqliteSettings::default())?;
    match args.command {
        ApiKeyCommand::Create { executor, expires_in_days } => create(&store, executor, expires_in_days).await,
        ApiKeyCommand::List { json } => list(&store.api_keys().await?, json),
        ApiKeyCommand::Revoke { id } => {
            if !store.revoke_api_key(id).await? {
                bail!("there is no key {id}; `kinitro api-key list` shows them all");
            }
            println!("key {id} is revoked");
            Ok(())
        }
    }
}

async fn create(store: &SqliteStore, executor: ExecutorId, days: Option<i64>) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let expires_at = days
        .map(|days| now.checked_add(SignedDuration::from_hours(24 * days)))
        .transpose()
        .context("that is beyond the calendar")?;
    let (key, new) = NewApiKey::generate(executor, expires_at).context("the system has no random numbers")?;
    let id = store.add_api_key(new).await?;
    // Only the key goes to standard output, so that it can be redirected into a file.
    if let Err(error) = writeln!(std::io::stdout(), "{}", *key) {
        store.revoke_api_key(id).await?;
        bail!("key {id} could not be written to standard output ({error}), so it is revoked; make another one");
    }
    eprintln!("This is key {id}. It is shown only now; keep it in a file that only the executor may read.");
    Ok(())
}

fn list(keys: &[ApiKeyRow], json: bool) -> anyhow::Result<()> {
    let now = Timestamp::now();
    if json {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                serde_json::json!({
                    "id": key.id, "executor": key.executor, "role": key.role, "created_at": key.created_at,
                    "expires_at": key.expires_at, "revoked_at": key.revoked_at, "valid": key.is_valid_at(now),
                })
            })
            .collect();
        return print_json(&rows);
    }
    let mut table = Table::new(&["key", "executor", "role", "made", "state"]);
    for key in keys {
        let created = key.created_at.to_string();
        table.row([&key.id.to_string(), key.executor.as_str(), key.role.as_str(), &created, &state(key, now)]);
    }
    table.print();
    Ok(())
}

fn state(key: &ApiKeyRow, now: Timestamp) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(end)) if end <= now => format!("expired {end}"),
        (None, Some(end)) => format!("valid until {end}"),
        (None, None) => "valid".into(),
    }
}
