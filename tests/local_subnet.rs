//! A whole local subnet of separate processes: a node, a daemon, three miners and two validators, each with a hotkey file
//! of its own. Nobody but the node opens the chain's file; the beacon is the operator's VRF. All of them say everything
//! that they can, and no secret.

mod stage;

use std::process::Output;

use kinitro::beacon::{OperatorKey, dev_seed};
use kinitro::chain::{Chain, DevChain, DevChainSettings, Neuron};
use kinitro::domain::{BlockNumber, BlockRef, Uid};
use kinitro::score::chain_vector;
use kinitro::transcript::Verdict;
use stage::process::{Process, assert_refused, kinitro};
use stage::secrets::{PHRASE, PHRASE_ADDRESS, Secrets, private_key};
use stage::served_chain::ServedChain;
use stage::{NETUID, eventually, http, manifest, wait};

/// A blind push closes this drawer wherever it is, so that policies which cannot know the world have scores.
const ENVIRONMENT: &str = "metaworld/drawer-close-v3";
const MINERS: [(&str, &str); 3] = [("alice", "push"), ("bob", "push"), ("carol", "zero")];
const VALIDATORS: [&str; 2] = ["victor", "wanda"];

/// Has its hotkey as a phrase.
const BY_PHRASE: &str = "wanda";
/// Has its hotkey as a private key; all others have seeds.
const BY_PRIVATE_KEY: &str = "victor";
/// The path of the node's address, for providers put tokens there.
const TOKEN: &str = "7d5b1f2c-token-of-a-provider";

/// When weights are sent again: not within the test, however slow the machine, and within some seconds.
const LONG_AFTER: &str = "refresh_after_blocks = 4000";
const SOON_AFTER: &str = "refresh_after_blocks = 40";

struct Subnet(ServedChain);

impl Subnet {
    fn start() -> Subnet {
        let mut served = ServedChain::start(&format!(
            "[chain]\nnetuid = {NETUID}\ndev_block_time_ms = 100\n\
             [api]\nlisten = \"127.0.0.1:0\"\n[scheduler]\npoll_interval_ms = 50\n\
             [validator]\npoll_interval_s = 1\n{LONG_AFTER}\n\
             [contest]\nenvironments = [{ENVIRONMENT:?}]\nepisodes_per_env = 4\nmax_steps = 400\ncameras = []\n\
             [contest.limits]\nact_timeout_ms = 20000\nreset_timeout_ms = 30000\n\
             [contest.deployment]\nallow_private_endpoints = true\n\
             [contest.scoring]\nstrategy = {{ name = \"first_commit\" }}\n"
        ));
        served.endpoint = format!("{}/{TOKEN}", served.endpoint);
        Subnet(served)
    }

    /// Replaces a piece of the settings file, for the commands that are started from now on.
    fn change_settings(&self, from: &str, to: &str) {
        let file = self.0.wallets().with_file_name("kinitro.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }

    /// A command with the wallet called `name`, on the chain behind the node.
    fn role(&self, command: &str, name: &str) -> std::process::Command {
        let mut role = self.0.remote(command, name);
        role.arg("--strict");
        if command != "commit" {
            role.args(["--log", "trace"]);
        }
        role
    }

    /// Writes the secret of a hotkey file anew, and perhaps another address into it.
    fn rewrite(&self, name: &str, field: &str, secret: &str, address: &str) {
        let file = self.0.wallets().join(name).join("hotkeys/default");
        let json = serde_json::json!({ field: secret, "ss58Address": address });
        std::fs::write(file, json.to_string()).unwrap();
    }

    /// Gives a name a hotkey file and a uid.
    fn join(&self, name: &str, more: &[&str]) {
        self.0.dev_chain(&["write-hotkey", "--wallet-name", name]);
        match name {
            BY_PHRASE => self.rewrite(name, "secretPhrase", PHRASE, &hotkey(name)),
            BY_PRIVATE_KEY => {
                self.rewrite(name, "privateKey", &private_key(&format!("{name}/default")), &hotkey(name));
            }
            _ => {}
        }
        self.0.dev_chain(&[&["register", "--hotkey", &hotkey(name)], more].concat());
    }

    /// The weights that a validator has on the chain, once there are some.
    fn weights_of(&self, name: &str) -> Vec<(Uid, u16)> {
        let chain = self.chain();
        eventually("the weights are final", || {
            let head = wait(chain.finalized_head()).unwrap();
            let uid = neuron(&chain, &head, name).uid;
            Some(wait(chain.weights_at(NETUID, uid, &head)).unwrap()).filter(|weights| !weights.is_empty())
        })
    }

    /// The final block in which a validator last set weights.
    fn last_update(&self, name: &str) -> Option<BlockNumber> {
        let chain = self.chain();
        let head = wait(chain.finalized_head()).unwrap();
        neuron(&chain, &head, name).last_update
    }

    fn chain(&self) -> DevChain {
        let settings = DevChainSettings { block_time_ms: 100, ..DevChainSettings::default() };
        DevChain::open(&self.0.folder.path().join("data/dev-chain.db"), &settings).unwrap()
    }
}

fn neuron(chain: &DevChain, head: &BlockRef, name: &str) -> Neuron {
    let neurons = wait(chain.neurons_at(NETUID, head)).unwrap();
    neurons.into_iter().find(|neuron| neuron.hotkey.to_string() == hotkey(name)).unwrap()
}

fn hotkey(name: &str) -> String {
    if name == BY_PHRASE {
        return PHRASE_ADDRESS.to_owned();
    }
    OperatorKey::dev(&format!("{name}/default")).hotkey().to_string()
}

#[track_caller]
fn succeeded(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn two_validators_of_a_subnet_of_processes_set_equal_weights() {
    let subnet = Subnet::start();
    let owners: Vec<String> = ["operator"]
        .into_iter()
        .chain(MINERS.map(|(name, _)| name))
        .chain(VALIDATORS)
        .map(|name| format!("{name}/default"))
        .collect();
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    let (keys, secrets) = (Secrets::of(&owners, &[]), Secrets::of(&owners, &[TOKEN]));
    subnet.join("operator", &["--validator"]);
    for name in VALIDATORS {
        subnet.join(name, &["--validator"]);
    }
    let mut miners = Vec::new();
    for (name, policy) in MINERS {
        subnet.join(name, &[]);
        let mut command = kinitro();
        command.args(["mock-miner", "--policy", policy, "--listen", "127.0.0.1:0", "--hotkey", &hotkey(name)]);
        let mut miner = Process::start(&mut command);
        let url = miner.url();
        miners.push((miner, url));
    }
    // Until the registrations are final.
    subnet.0.dev_chain(&["advance", "5"]);
    for (number, ((name, _), (_, url))) in MINERS.into_iter().zip(&miners).enumerate() {
        let mut commit = subnet.role("commit", name);
        commit.args(["--repo", &format!("{name}/policy"), "--revision", &format!("{number:040}"), "--chute-id", url]);
        // The first says every byte that goes to the node and comes from it, and so the node's whole address.
        let (filter, unsaid) = match number {
            0 => ("trace,jsonrpsee=trace,soketto=trace,subxt=trace", &keys),
            _ => ("trace", &secrets),
        };
        let done = commit.args(["--log", filter]).output().unwrap();
        let is_said = String::from_utf8_lossy(&done.stderr).contains("author_submitAndWatchExtrinsic");
        assert_eq!(is_said, number == 0, "{done:?}");
        unsaid.are_not_said("commit", &done);
        assert!(succeeded(done).contains("final and read back"));
    }

    let mut daemon = Process::start(&mut subnet.role("daemon", "operator"));
    let url = daemon.url();
    let signed = eventually("the cycle is published", || manifest(&url, 1));
    assert!(signed.verify().is_ok());
    let published = &signed.manifest;
    assert!(!published.beacon.is_dev(), "the operator's VRF");
    assert_eq!((published.operator.to_string(), published.network.as_str()), (hotkey("operator"), "custom"));
    assert_eq!(published.submissions.iter().filter(|submission| submission.verdict == Verdict::Admitted).count(), 3);
    eventually("the manifest's digest is in the operator's slot", || {
        let mut show = subnet.role("show-commitment", "operator");
        let shown: serde_json::Value = serde_json::from_str(&succeeded(show.arg("--json").output().unwrap())).unwrap();
        (shown["kind"] == "log" && shown["manifest"] == signed.digest.to_string()).then_some(())
    });

    let weights = chain_vector(&published.scores.standing.weights);
    let expected: Vec<(Uid, u16)> = weights.uids.iter().copied().zip(weights.values.iter().copied()).collect();
    let uid_of = |name: &str| {
        let row = published.submissions.iter().find(|row| row.hotkey.to_string() == hotkey(name));
        row.expect("every miner has a row").uid
    };
    // One point for the only environment, so the softmax gives e : 1 : 1, and 65535 / e is 24109.
    let paid = MINERS.iter().zip([u16::MAX, 24_109, 24_109]);
    assert_eq!(expected, paid.map(|((name, _), weight)| (uid_of(name), weight)).collect::<Vec<_>>());
    let validate = |name: &str| {
        let mut command = subnet.role("validate", name);
        command.args(["--once", "--verify", "all", "--backend-url", &url]);
        let done = command.output().unwrap();
        secrets.are_not_said("validate --once", &done);
        succeeded(done)
    };
    for name in VALIDATORS {
        assert!(validate(name).contains("are set in block"));
        assert_eq!(subnet.weights_of(name), expected, "{name}");
    }
    assert!(validate(VALIDATORS[0]).contains("stood on the chain already"));

    // No newer cycle comes: weights that have stood for long are sent again.
    subnet.change_settings(LONG_AFTER, SOON_AFTER);
    let set_in = subnet.last_update(VALIDATORS[1]);
    let mut validator = Process::start(subnet.role("validate", VALIDATORS[1]).args(["--backend-url", &url]));
    eventually("the weights are sent again", || (subnet.last_update(VALIDATORS[1]) > set_in).then_some(()));
    let refreshed = subnet.last_update(VALIDATORS[1]);
    eventually("and again", || (subnet.last_update(VALIDATORS[1]) > refreshed).then_some(()));
    assert_eq!(subnet.weights_of(VALIDATORS[1]), expected);
    validator.interrupt();
    assert!(validator.ended().success(), "{}", validator.text());

    // Everything that anybody said or wrote down, beside what was looked at already.
    secrets.are_not_in("validate", &validator.text());
    for page in ["/metrics", "/health", "/v1/status", "/v1/cycles/1/manifest"] {
        let (status, body) = http::request("GET", &format!("{url}{page}"), &[], b"").unwrap();
        assert_eq!(status, 200, "{page}");
        secrets.are_not_in(page, &String::from_utf8(body).unwrap());
    }
    for name in ["operator", BY_PHRASE, BY_PRIVATE_KEY] {
        let seen = subnet.role("doctor", name).output().unwrap();
        assert!(String::from_utf8_lossy(&seen.stdout).contains(&hotkey(name)), "{seen:?}");
        secrets.are_not_said("doctor", &seen);
    }
    let (nobody, seed) = (OperatorKey::dev("nobody").hotkey().to_string(), private_key("operator/default"));
    let wrong =
        [("secretPhrase", PHRASE), ("secretPhrase", &PHRASE[1..]), ("privateKey", &seed), ("secretSeed", &seed)];
    for (field, secret) in wrong {
        subnet.rewrite(BY_PHRASE, field, secret, &nobody);
        let sha = "0".repeat(40);
        let claim = ["--repo", "a/b", "--revision", &sha, "--chute-id", "alice"];
        for (command, more) in [("doctor", &[][..]), ("validate", &["--backend-url", &url]), ("commit", &claim)] {
            let refused = subnet.role(command, BY_PHRASE).args(more).output().unwrap();
            assert!(!refused.status.success(), "{command} with a wrong {field}");
            secrets.are_not_said(command, &refused);
        }
    }
    let mut elsewhere = subnet.0.local("show-commitment");
    elsewhere.args(["--network", &format!("http://127.0.0.1:1/{TOKEN}"), "--uid", "0"]);
    let refused = elsewhere.output().unwrap();
    secrets.are_not_said("show-commitment", &refused);
    assert_refused("an address that is none", &refused, 1, &["ws://"]);
    daemon.interrupt();
    assert!(daemon.ended().success(), "{}", daemon.text());
    assert!(daemon.err.find("DEBUG").is_some(), "the daemon says too little to show anything: {}", daemon.text());
    secrets.are_not_in("daemon", &daemon.text());
    secrets.are_not_in("the node", &subnet.0.node.text());
    secrets.are_not_below(&subnet.0.folder.path().join("data"));
}

/// The base64 is that of the phrase's seed.
#[test]
fn a_secret_is_found_in_every_form() {
    let secrets = Secrets::of(&["alice/default"], &["token"]);
    let seed = dev_seed("alice/default");
    let texts = [
        format!("key={}", hex::encode_upper(seed)),
        format!("{seed:?}"),
        format!("{seed:02x?}"),
        serde_json::to_string(&seed.to_vec()).unwrap(),
        "+seVnb/nLwUuWgw8jWUw8g==".to_owned(),
        private_key("alice/default"),
        format!("words {PHRASE}"),
        "ws://host/token".to_owned(),
    ];
    for text in texts {
        assert!(std::panic::catch_unwind(|| secrets.are_not_in("it", &text)).is_err(), "{text}");
    }
    secrets.are_not_in("a hotkey", &hotkey("alice"));
}
