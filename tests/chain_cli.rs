//! The commands that meet a chain through a node: processes over a served development chain, with hotkey files.

#[path = "stage/process.rs"]
#[allow(dead_code, reason = "stages for whole cycles use the rest")]
mod process;
#[path = "stage/served_chain.rs"]
mod served_chain;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use kinitro::beacon::{OperatorKey, dev_genesis, dev_seed};
use kinitro::chain::{Chain, DevChain, DevChainSettings, OpaqueField};
use kinitro::domain::{CycleId, Digest, Netuid};
use kinitro::transcript::log_commitment;
use process::assert_refused;
use served_chain::ServedChain;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A served development chain with a miner in uid 0.
struct Served(ServedChain);

impl Served {
    fn start() -> Served {
        let served = Served(ServedChain::start(
            "[chain]\ndev_block_time_ms = 40\n[log]\nfilter = \"warn\"\n\
             [contest.deployment]\nallow_private_endpoints = true\n",
        ));
        served.wallet("miner");
        let hotkey = OperatorKey::dev("miner/default").hotkey().to_string();
        served.0.dev_chain(&["register", "--hotkey", &hotkey]);
        // Until the registration is final.
        served.0.dev_chain(&["advance", "5"]);
        served
    }

    /// Writes the hotkey of a wallet.
    fn wallet(&self, name: &str) -> PathBuf {
        self.0.dev_chain(&["write-hotkey", "--wallet-name", name]);
        self.0.wallets().join(name).join("hotkeys/default")
    }

    fn commit(&self, wallet: &str, more: &[&str]) -> Output {
        let claim = ["--repo", "alice/policy", "--revision", SHA, "--chute-id", "alice-policy"];
        self.0.remote("commit", wallet).args(claim).args(more).output().unwrap()
    }

    fn show(&self, who: &[&str]) -> serde_json::Value {
        let shown = self.0.remote("show-commitment", "miner").args(who).arg("--json").output().unwrap();
        assert!(shown.status.success(), "{shown:?}");
        serde_json::from_slice(&shown.stdout).unwrap()
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_claim_is_written_through_a_node_and_read_back() {
    let served = Served::start();
    let empty = served.show(&[]);
    assert_eq!((&empty["kind"], &empty["uid"]), (&"empty".into(), &0.into()));

    let planned = text(&served.commit("miner", &["--dry-run"]));
    let json = format!(r#"{{"m":"alice/policy","r":"{SHA}","c":"alice-policy"}}"#);
    assert!(planned.contains(&format!("{} bytes: {json}", json.len())), "{planned}");
    assert!(planned.contains("uid 0 of subnet 2 on custom") && planned.contains("nothing was written"), "{planned}");
    assert_eq!(served.show(&[])["kind"], "empty");

    let written = text(&served.commit("miner", &[]));
    let word_after = |text: &str| {
        let rest = &written[written.find(text).unwrap_or_else(|| panic!("{written}")) + text.len()..];
        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u64>().unwrap()
    };
    let block = word_after("written in block ");
    assert_eq!(word_after("dated by block "), block);
    let hotkey = OperatorKey::dev("miner/default").hotkey().to_string();
    for who in [vec![], vec!["--uid", "0"], vec!["--hotkey", &hotkey]] {
        let shown = served.show(&who);
        assert_eq!((&shown["kind"], &shown["admitted"]), (&"claim".into(), &true.into()), "{shown}");
        assert_eq!((&shown["repo"], &shown["revision"]), (&"alice/policy".into(), &SHA.into()));
        assert_eq!((&shown["hotkey"], &shown["committed_in_block"]), (&hotkey.as_str().into(), &block.into()));
    }
    let people = text(&served.0.remote("show-commitment", "miner").output().unwrap());
    for needle in ["alice/policy", "its date", "admitted"] {
        assert!(people.contains(needle), "{people}");
    }

    let since = format!("this claim since block {block}");
    assert_refused("the same claim again", &served.commit("miner", &[]), 1, &[&since, "--force"]);
    assert!(text(&served.commit("miner", &["--force"])).contains("final and read back"));
    assert!(served.show(&[])["committed_in_block"].as_u64() > Some(block));
}

#[test]
fn a_slot_of_any_kind_is_explained_and_only_a_claim_would_be_admitted() {
    let served = Served::start();
    let key = OperatorKey::dev("miner/default");
    let settings = DevChainSettings { block_time_ms: 40, ..DevChainSettings::default() };
    let chain = DevChain::open(&served.0.folder.path().join("data/dev-chain.db"), &settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // What is in the slot by --uid, by --hotkey and as the wallet's own, and what people are told.
    let explained = || {
        served.0.dev_chain(&["advance", "5"]);
        let own = served.show(&[]);
        let ways = [served.show(&["--uid", "0"]), served.show(&["--hotkey", &key.hotkey().to_string()])];
        for other in ways {
            assert_eq!((&own["kind"], &own["content"]), (&other["kind"], &other["content"]));
        }
        assert_eq!(own["admitted"], false, "{own}");
        let people = text(&served.0.remote("show-commitment", "miner").output().unwrap());
        assert!(people.contains("refused") && people.contains("its date"), "{people}");
        (own, people)
    };
    let put = |data: &[u8]| assert!(runtime.block_on(chain.set_commitment(&key, Netuid(2), data)).is_ok());
    let part =
        |name: &str, bytes: usize, value: &str| serde_json::json!({"name": name, "bytes": bytes, "value": value});

    for (kind, bytes) in [("BlakeTwo256", vec![7; 32]), ("TimelockEncrypted", vec![9; 80]), ("ResetBondsFlag", vec![])]
    {
        let field = OpaqueField { kind: kind.into(), bytes };
        chain.commit_opaque(Netuid(2), key.hotkey(), &field).unwrap();
        let (shown, people) = explained();
        let cut = if field.bytes.len() > 64 { "…" } else { "" };
        let digits = format!("0x{}{cut}", hex::encode(&field.bytes[..field.bytes.len().min(64)]));
        assert_eq!((&shown["kind"], &shown["content"][0]), (&"opaque".into(), &part(kind, field.bytes.len(), &digits)));
        assert!(shown["reasons"][0].as_str().unwrap().contains(&format!("commitment_opaque: {kind}")), "{shown}");
        assert!(people.contains(&format!("{kind} ({} bytes)", field.bytes.len())), "{people}");
        let listed = text(&served.0.local("dev-chain").args(["show", "--json"]).output().unwrap());
        assert!(listed.contains("refused: commitment_opaque"), "{listed}");
    }

    put("{\"t\":\"chat\",\"say\":\"\u{202e}hi\"}".as_bytes());
    let (shown, people) = explained();
    let fields = [part("say", 7, "\"\\u{202e}hi\""), part("t", 6, "\"chat\"")];
    assert_eq!((&shown["kind"], &shown["content"]), (&"foreign".into(), &fields.to_vec().into()));
    assert!(people.contains("another kind") && !people.contains('\u{202e}'), "{people}");

    let digest = Digest::of(b"manifest");
    put(log_commitment(CycleId(7), &digest).as_bytes());
    let (shown, _) = explained();
    assert_eq!((&shown["cycle"], &shown["manifest"]), (&7.into(), &digest.to_string().into()));

    put(b"alice/policy:main\x1b[2J");
    let (shown, people) = explained();
    assert_eq!((&shown["kind"], &shown["content"][0]["bytes"]), (&"unreadable".into(), &21.into()));
    assert!(people.contains("commitment_not_json") && !people.contains('\u{1b}'), "{people}");
    put(&[0xff, 0xfe]);
    assert_eq!(explained().0["content"][0], part("bytes", 2, "0xfffe"));
}

#[test]
fn what_no_contest_would_take_or_the_chain_would_refuse_is_not_sent() {
    let served = Served::start();
    served.wallet("stranger");
    let unregistered = OperatorKey::dev("stranger/default").hotkey().to_string();
    assert_refused("a stranger", &served.commit("stranger", &[]), 1, &[&unregistered, "is not registered"]);
    let mut short = served.0.remote("commit", "miner");
    short.args(["--repo", "alice", "--revision", "main", "--chute-id", "a b"]);
    let codes = ["repo_malformed", "revision_malformed", "deployment_malformed"];
    assert_refused("a malformed claim", &short.output().unwrap(), 1, &codes);

    let mut unnamed = served.0.local("commit");
    unnamed
        .args(["--network", &served.0.endpoint, "--wallet-name", "miner"])
        .arg("--wallet-path")
        .arg(served.0.wallets());
    unnamed.args(["--repo", "alice/policy", "--revision", SHA, "--chute-id", "alice-policy"]);
    let genesis = dev_genesis("dev").to_string();
    assert_refused("an unconfirmed chain", &unnamed.output().unwrap(), 1, &["not confirmed", &genesis]);
    let mut other = served.0.local("show-commitment");
    let wrong = format!("0x{}", "07".repeat(32));
    assert_refused(
        "another chain",
        &other.args(["--network", &served.0.endpoint, "--genesis", &wrong, "--uid", "0"]).output().unwrap(),
        1,
        &["genesis"],
    );
    let nobody = served.0.remote("show-commitment", "miner").args(["--uid", "9"]).output().unwrap();
    assert_refused("a uid that nobody has", &nobody, 1, &["subnet 2 has no uid 9"]);
    assert_eq!(served.show(&[])["kind"], "empty");
}

#[test]
fn hotkey_files_that_are_not_safe_or_not_there_are_refused_and_no_secret_is_shown() {
    let served = Served::start();
    let missing = served.commit("nobody", &[]);
    assert_refused("no such wallet", &missing, 1, &["there is no hotkey file", "nobody/hotkeys/default"]);
    let file = served.0.wallets().join("miner/hotkeys/default");
    let seed = hex::encode(dev_seed("miner/default"));
    assert!(std::fs::read_to_string(&file).unwrap().contains(&seed));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let strict = served.commit("miner", &["--strict"]);
    assert_refused("a file that others may read", &strict, 1, &["644", "chmod 600"]);
    let warned = served.commit("miner", &["--log", "trace"]);
    let said = format!("{}{}", text(&warned), String::from_utf8_lossy(&warned.stderr));
    assert!(said.contains("chmod 600") && said.contains("final and read back"), "{said}");
    let words = [seed.as_str(), "secretSeed"];
    for text in [said, served.0.node.text(), String::from_utf8(strict.stderr).unwrap()] {
        assert!(words.iter().all(|word| !text.contains(word)), "{text}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "$NACLxxxx").unwrap();
    assert_refused("an encrypted file", &served.commit("miner", &[]), 1, &["is encrypted"]);
}

#[test]
fn the_token_in_a_nodes_address_is_told_to_nobody() {
    let served = Served::start();
    let show = |network: &str, log: &str| {
        let mut command = served.0.local("show-commitment");
        command.args(["--network", network, "--genesis", &dev_genesis("dev").to_string()]);
        let output = command.args(["--uid", "0", "--log", log]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), said)
    };
    let port = served.0.endpoint.rsplit(':').next().unwrap();
    let good = format!("ws://SECRETUSER:SECRETPASS@127.0.0.1:{port}/SECRETPATH?key=SECRETKEY");
    for log in ["trace", "trace,subxt=error", "warn,kinitro=debug"] {
        let (is_read, said) = show(&good, log);
        assert!(is_read && said.contains("connected to the chain"), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
    // Who names the library sees what it says: the token is there to be kept back.
    let (_, asked) = show(&good, "warn,jsonrpsee=debug");
    assert!(asked.contains("SECRETPATH"), "{asked}");
    for wrong in ["ws://127.0.0.1:1/SECRETPATH", "https://u:SECRETPASS@127.0.0.1/SECRETPATH", "wss:/h/SECRETPATH"] {
        let (is_read, said) = show(wrong, "trace");
        assert!(!is_read && !said.contains("SECRET"), "{said}");
    }
    let (_, nobody) = show("ws://127.0.0.1:1", "warn");
    assert!(nobody.contains("no connection to the chain was made") && nobody.contains("--network"), "{nobody}");
}
