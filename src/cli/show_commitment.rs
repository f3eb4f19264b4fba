//! `kinitro show-commitment`

use clap::Args;
use serde::Serialize;

use super::settings_args::{SettingsArgs, start_log};
use crate::chain::CommitmentData;
use crate::domain::{Hotkey, Netuid, Uid, printable};
use crate::service::chain_access::{open_chain, own_hotkey};
use crate::service::claims::{Meaning, Slot, Who, read_slot};

/// Longest text of a commitment that is shown.
const SHOWN_BYTES: usize = 512;
/// Most bytes of a field that are shown as digits.
const SHOWN_HEX_BYTES: usize = 64;
/// Longest field of another program's commitment that is shown.
const SHOWN_FIELD_CHARS: usize = 120;

/// Show what a hotkey has in its commitment slot, and whether the contest of the settings would admit it
///
/// Without --uid and --hotkey that of the wallet. Reads at the finalized head; needs no secret.
#[derive(Debug, Args)]
pub struct ShowCommitmentArgs {
    /// That of the hotkey which has this uid
    #[arg(long, conflicts_with = "hotkey")]
    uid: Option<u16>,

    /// That of this hotkey, an ss58 address
    #[arg(long, value_name = "ADDRESS")]
    hotkey: Option<Hotkey>,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// The slot for scripts.
#[derive(Default, Serialize)]
struct Shown {
    network: String,
    netuid: u16,
    read_at_block: u64,
    hotkey: String,
    uid: Option<Uid>,
    committed_in_block: Option<u64>,
    kind: &'static str,
    repo: Option<String>,
    revision: Option<String>,
    deployment: Option<String>,
    cycle: Option<u64>,
    manifest: Option<String>,
    content: Vec<Part>,
    admitted: Option<bool>,
    reasons: Vec<String>,
}

/// A part of a slot that is no claim and no log: a field of a foreign JSON object, a field that is not plain bytes, or
/// the whole text that cannot be read.
#[derive(Serialize)]
struct Part {
    /// The field's name, or the kind of its data.
    name: String,
    /// Length of its data.
    bytes: usize,
    /// What it holds, safe to show and cut: JSON, text, or hexadecimal digits behind `0x`.
    value: String,
}

impl Part {
    fn digits(name: &str, bytes: &[u8]) -> Part {
        let cut = if bytes.len() > SHOWN_HEX_BYTES { "…" } else { "" };
        let value = format!("0x{}{cut}", hex::encode(&bytes[..bytes.len().min(SHOWN_HEX_BYTES)]));
        Part { name: name.to_owned(), bytes: bytes.len(), value }
    }

    /// What plain bytes hold: the fields of a JSON object, or text, or any bytes.
    fn of_bytes(data: &[u8]) -> Vec<Part> {
        type Fields = serde_json::Map<String, serde_json::Value>;
        let Ok(text) = std::str::from_utf8(data) else { return vec![Part::digits("bytes", data)] };
        let part = |name: &str, value: &str, shown| Part {
            name: printable(name, SHOWN_FIELD_CHARS),
            bytes: value.len(),
            value: printable(value, shown),
        };
        match serde_json::from_str::<Fields>(text) {
            Ok(fields) => {
                let field =
                    |(name, value): (&String, &serde_json::Value)| part(name, &value.to_string(), SHOWN_FIELD_CHARS);
                fields.iter().map(field).collect()
            }
            Err(_) => vec![part("text", text, SHOWN_BYTES)],
        }
    }
}

/// Shows the slot.
///
/// # Errors
/// What cannot be read, with what to do.
pub async fn run(args: ShowCommitmentArgs) -> anyhow::Result<()> {
    let settings = args.settings.load()?;
    start_log(&settings)?;
    let who = match (args.uid, args.hotkey) {
        (Some(uid), _) => Who::Uid(Uid(uid)),
        (None, Some(hotkey)) => Who::Hotkey(hotkey),
        (None, None) => Who::Hotkey(own_hotkey(&settings)?),
    };
    let netuid = Netuid(settings.chain.netuid);
    let chain = open_chain(&settings).await?;
    let slot = read_slot(chain.as_ref(), netuid, who).await?;
    let mut shown = described(&slot, slot.meaning(&settings.contest.deployment));
    (shown.network, shown.netuid) = (chain.network().to_owned(), netuid.0);
    if args.json {
        return super::print_json(&shown);
    }
    print(&shown);
    Ok(())
}

fn described(slot: &Slot, meaning: Meaning) -> Shown {
    let mut shown = Shown {
        read_at_block: slot.head.number.0,
        hotkey: slot.hotkey.to_string(),
        uid: slot.uid,
        committed_in_block: slot.commitment.as_ref().map(|commitment| commitment.block.0),
        ..Shown::default()
    };
    let text = |text: &str| Some(printable(text, SHOWN_BYTES));
    match meaning {
        Meaning::Empty => shown.kind = "empty",
        Meaning::Claim(claim, verdict) => {
            shown.kind = "claim";
            (shown.repo, shown.revision) = (text(&claim.repo), text(&claim.revision));
            shown.deployment = text(&claim.deployment);
            shown.admitted = Some(verdict.is_admitted() && slot.uid.is_some());
            shown.reasons = verdict.reasons().iter().map(ToString::to_string).collect();
        }
        Meaning::Log(cycle, digest) => {
            (shown.kind, shown.admitted) = ("log", Some(false));
            (shown.cycle, shown.manifest) = (Some(cycle.0), Some(digest.to_string()));
            shown.reasons = vec!["An operator's entry is no claim; a contest ignores it.".to_owned()];
        }
        Meaning::Foreign => {
            (shown.kind, shown.admitted) = ("foreign", Some(false));
            shown.reasons = vec!["A commitment with a field `t` is no claim; a contest ignores it.".to_owned()];
        }
        Meaning::Refused(reason) => {
            (shown.kind, shown.admitted) = ("unreadable", Some(false));
            shown.reasons = vec![reason.to_string()];
        }
    }
    let is_explained = matches!(shown.kind, "claim" | "log");
    match slot.commitment.as_ref().map(|commitment| &commitment.data).filter(|_| !is_explained) {
        Some(CommitmentData::Opaque(fields)) => {
            shown.kind = "opaque";
            shown.content = fields.iter().map(|field| Part::digits(&field.kind, &field.bytes)).collect();
        }
        Some(CommitmentData::Bytes(data)) => shown.content = Part::of_bytes(data),
        None => {}
    }
    if slot.uid.is_none() && shown.admitted.is_some() {
        shown.reasons.push("The hotkey is not registered in the subnet.".to_owned());
    }
    shown
}

fn print(shown: &Shown) {
    let line = |name: &str, value: &str| println!("{name:<24} {value}");
    println!("finalized block {} of {}, subnet {}", shown.read_at_block, shown.network, shown.netuid);
    line("hotkey", &shown.hotkey);
    line("uid", &shown.uid.map_or_else(|| "none; it is not registered".to_owned(), |uid| uid.to_string()));
    match shown.kind {
        "empty" => return println!("the slot is empty; `kinitro commit` writes a claim"),
        "foreign" => println!("the slot holds something of another kind, which kinitro ignores"),
        "opaque" => println!("the slot holds something that is not plain bytes, which kinitro does not open"),
        "log" => println!("the slot holds an operator's entry: the manifest of a cycle"),
        "claim" => println!("the slot holds a claim"),
        _ => println!("the slot holds nothing that can be read as a claim"),
    }
    let optional = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            line(name, value);
        }
    };
    optional("written in block", &shown.committed_in_block.map(|block| format!("{block}, its date")));
    optional("model repository (m)", &shown.repo);
    optional("revision (r)", &shown.revision);
    optional("deployment (c)", &shown.deployment);
    optional("cycle (c)", &shown.cycle.map(|cycle| cycle.to_string()));
    optional("manifest's digest (h)", &shown.manifest);
    for part in &shown.content {
        line(&format!("{} ({} bytes)", part.name, part.bytes), &part.value);
    }
    if let Some(admitted) = shown.admitted {
        line("under these settings", if admitted { "admitted" } else { "refused" });
    }
    for reason in &shown.reasons {
        println!("- {reason}");
    }
}
