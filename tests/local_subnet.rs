//! A whole local subnet of separate processes: a node, a daemon, three miners and two validators, each with a hotkey file
//! of its own. Nobody but the node opens the chain's file; the beacon is the operator's VRF.

mod stage;

use std::process::Output;

use kinitro::beacon::OperatorKey;
use kinitro::chain::{Chain, DevChain, DevChainSettings, Neuron};
use kinitro::domain::{BlockNumber, BlockRef, Uid};
use kinitro::score::chain_vector;
use kinitro::transcript::Verdict;
use stage::process::{Process, kinitro};
use stage::served_chain::ServedChain;
use stage::{NETUID, eventually, manifest, wait};

/// Random actions press this handle in most episodes, so that policies which know nothing of a world have scores.
const ENVIRONMENT: &str = "metaworld/handle-press-v3";
const MINERS: [&str; 3] = ["alice", "bob", "carol"];
const VALIDATORS: [&str; 2] = ["victor", "wanda"];

struct Subnet(ServedChain);

impl Subnet {
    fn start() -> Subnet {
        Subnet(ServedChain::start(&format!(
            "[chain]\nnetuid = {NETUID}\ndev_block_time_ms = 100\n\
             [api]\nlisten = \"127.0.0.1:0\"\n[scheduler]\npoll_interval_ms = 50\n\
             [validator]\npoll_interval_s = 1\nrefresh_after_blocks = 40\n\
             [contest]\nenvironments = [{ENVIRONMENT:?}]\nepisodes_per_env = 4\nmax_steps = 400\ncameras = []\n\
             [contest.limits]\nact_timeout_ms = 20000\nreset_timeout_ms = 30000\n\
             [contest.deployment]\nallow_private_endpoints = true\n"
        )))
    }

    /// A command with the wallet called `name`, on the chain behind the node.
    fn role(&self, command: &str, name: &str) -> std::process::Command {
        let mut role = self.0.remote(command, name);
        role.arg("--strict");
        role
    }

    /// Gives a name a hotkey file and a uid.
    fn join(&self, name: &str, more: &[&str]) {
        self.0.dev_chain(&["write-hotkey", "--wallet-name", name]);
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
    subnet.join("operator", &["--validator"]);
    for name in VALIDATORS {
        subnet.join(name, &["--validator"]);
    }
    let mut miners = Vec::new();
    for name in MINERS {
        subnet.join(name, &[]);
        let mut command = kinitro();
        command.args(["mock-miner", "--policy", "random", "--listen", "127.0.0.1:0", "--hotkey", &hotkey(name)]);
        let mut miner = Process::start(&mut command);
        let url = miner.url();
        miners.push((miner, url));
    }
    // Until the registrations are final.
    subnet.0.dev_chain(&["advance", "5"]);
    for (number, (name, (_, url))) in MINERS.into_iter().zip(&miners).enumerate() {
        let mut commit = subnet.role("commit", name);
        commit.args(["--repo", &format!("{name}/policy"), "--revision", &format!("{number:040}"), "--chute-id", url]);
        assert!(succeeded(commit.output().unwrap()).contains("final and read back"));
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
    assert!(!expected.is_empty(), "nobody is paid");
    let validate = |name: &str| {
        let mut command = subnet.role("validate", name);
        command.args(["--once", "--sample", "all", "--backend-url", &url, "--log", "warn"]);
        succeeded(command.output().unwrap())
    };
    for name in VALIDATORS {
        assert!(validate(name).contains("are set in block"));
        assert_eq!(subnet.weights_of(name), expected, "{name}");
    }
    assert!(validate(VALIDATORS[0]).contains("stood on the chain already"));

    // No newer cycle comes: weights that have stood for long are sent again.
    let set_in = subnet.last_update(VALIDATORS[1]);
    let mut validator = Process::start(subnet.role("validate", VALIDATORS[1]).args(["--backend-url", &url]));
    eventually("the weights are sent again", || (subnet.last_update(VALIDATORS[1]) > set_in).then_some(()));
    let refreshed = subnet.last_update(VALIDATORS[1]);
    eventually("and again", || (subnet.last_update(VALIDATORS[1]) > refreshed).then_some(()));
    assert_eq!(subnet.weights_of(VALIDATORS[1]), expected);
    validator.interrupt();
    assert!(validator.ended().success(), "{}", validator.text());
}
