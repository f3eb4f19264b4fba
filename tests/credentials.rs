//! Secrets that systemd hands over, and settings that are checked where there is nothing.

mod stage;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use kinitro::beacon::OperatorKey;
use stage::process::{Process, assert_refused, kinitro};
use stage::{Miner, Play, Stage, eventually, manifest};

fn write(file: &Path, text: &str, mode: u32) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

/// A hotkey's file of a name that everybody can know, as `btcli` would write it.
fn hotkey_file(folder: &Path, wallet: &str) -> String {
    let wallets = folder.join("wallets");
    let made = kinitro()
        .args(["dev-chain", "--data-dir"])
        .arg(folder.join("chain"))
        .args(["write-hotkey", "--wallet-name", wallet, "--wallet-path"])
        .arg(&wallets)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::read_to_string(wallets.join(wallet).join("hotkeys/default")).unwrap()
}

/// A command that signs, on a node that is not there: the key is read before anything is connected to.
fn validate(folder: &Path, credentials: &Path, arguments: &[&str]) -> Output {
    let mut command = kinitro();
    command.env("CREDENTIALS_DIRECTORY", credentials).env("HOME", folder);
    command.args(["validate", "--once", "--strict", "--network", "ws://127.0.0.1:1", "--data-dir"]);
    command.arg(folder.join("data")).args(arguments).output().unwrap()
}

#[test]
fn a_hotkey_is_read_from_a_credential_unless_another_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    let missing = validate(folder.path(), &credentials, &[]);
    assert_refused("no credential", &missing, 1, &["there is no hotkey file", ".bittensor/wallets/default"]);

    let operator = OperatorKey::dev("operator/default").hotkey();
    let given = credentials.join("hotkey");
    write(&given, &hotkey_file(folder.path(), "operator"), 0o440);
    let read = |arguments: &[&str]| String::from_utf8(validate(folder.path(), &credentials, arguments).stderr).unwrap();
    for arguments in [&[][..], &["--wallet-name", "main"]] {
        let log = read(arguments);
        assert!(log.contains(&format!("is a credential of the service manager hotkey={operator}")), "{log}");
        assert!(!log.contains("others may use"), "{log}");
    }
    let log = read(&["--hotkey-file", "/nowhere/hotkey"]);
    assert!(log.contains("there is no hotkey file /nowhere/hotkey"), "{log}");
    let log = read(&["--wallet-path", "/nowhere"]);
    assert!(log.contains("there is no hotkey file /nowhere/default/hotkeys/default"), "{log}");
    fs::set_permissions(&given, fs::Permissions::from_mode(0o444)).unwrap();
    let log = read(&[]);
    assert!(log.contains("others may use the hotkey file") && log.contains("mode is 444"), "{log}");
}

#[test]
fn a_hotkey_may_be_in_a_file_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let arguments = ["--hotkey-file", file.to_str().unwrap()];
    let refused = validate(folder.path(), folder.path(), &arguments);
    assert_refused("no file", &refused, 1, &["there is no hotkey file", file.to_str().unwrap()]);
    write(&file, &hotkey_file(folder.path(), "operator"), 0o600);
    let read = String::from_utf8(validate(folder.path(), &file, &arguments).stderr).unwrap();
    assert!(read.contains("ws://127.0.0.1:1") && !read.contains("hotkey file"), "the node is next: {read}");
}

#[test]
fn an_executor_takes_its_key_from_a_credential() {
    let miners = [Miner::start("zero", &["--policy", "zero"])];
    let stage = Stage::set(&Play { episodes: 1, ..Play::default() }, &miners);
    let mut api = Process::start(&mut stage.role("api"));
    let url = api.url();
    let credentials = tempfile::tempdir().unwrap();
    let executor = |name: &str| {
        let mut command = stage.role("executor");
        command.env("CREDENTIALS_DIRECTORY", credentials.path());
        Process::start(command.args(["--executor-id", name, "--api-url", &url]))
    };
    let key = stage.role("api-key").args(["create", "rack-1"]).output().unwrap();
    let file = credentials.path().join("api-key");
    write(&file, "no key of this API\n", 0o400);
    let mut refused = executor("rack-1");
    assert_eq!(refused.ended().code(), Some(1), "{}", refused.text());
    fs::remove_file(&file).unwrap();
    write(&file, &String::from_utf8(key.stdout).unwrap(), 0o400);
    let _executor = executor("rack-1");
    let _scheduler = Process::start(&mut stage.role("scheduler"));
    eventually("the cycle is published", || manifest(&url, 1));
}

#[test]
fn settings_are_checked_where_there_is_nothing_but_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kinitro.toml");
    let check = |text: &str| {
        write(&file, text, 0o400);
        // Not even root can write into the working folder.
        let checked = kinitro().env_clear().current_dir("/proc").args(["check-config", "--config"]).arg(&file).output();
        fs::remove_file(&file).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
        checked.unwrap()
    };
    let good = check(
        "[storage]\ndata_dir = \"/nowhere/data\"\nassets = \"/nowhere/assets\"\n[chain]\nnetwork = \"finney\"\nnetuid = 26\n\
         hotkey_file = \"/nowhere/hotkey\"\n[executor]\napi_key_file = \"/nowhere/key\"\nbearer_file = \"/nowhere/bearer\"\n\
         api_url = \"https://api.example\"\n[validator]\nbackend_url = \"https://operator.example\"\n",
    );
    assert!(good.status.success(), "{good:?}");
    let bad = check(
        "[chain]\nnetwork = \"finney\"\nhotkey_file = \"/etc/hotkey\"\nwallet_path = \"/etc/wallets\"\nwallet_name = \"a/b\"\n\
         [executor]\napi_url = \"ftp://api.example\"\n[validator]\nbackend_url = \"operator.example\"\n\
         [log]\nfilter = \"kinitro=loud\"\n[contest]\nmax_steps = 501\n",
    );
    let problems = [
        "[chain] hotkey_file and wallet_path",
        "[chain] the wallet's name \"a/b\"",
        "[executor] api_url: \"ftp://api.example\"",
        "[validator] backend_url: \"operator.example\"",
        "[log] filter: \"kinitro=loud\"",
        "[contest] max_steps",
    ];
    assert_refused("all at once", &bad, 1, &problems);
    let on_dev = check("[chain]\nhotkey_file = \"/etc/hotkey\"\n");
    assert_refused("a key on dev", &on_dev, 1, &["on the network `dev` keys follow from names"]);
}
