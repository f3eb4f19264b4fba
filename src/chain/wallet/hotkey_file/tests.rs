use std::fs::{self, Permissions};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::WalletRoot;
use super::*;

/// Substrate's development phrase without a path, its seed, private key and address.
const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
const SEED: &str = "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
const ADDRESS: &str = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
const PUBLIC: &str = "0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a";
/// Alice's address, of another key.
const OTHER: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

fn private_key() -> String {
    let seed: [u8; 32] = hex::decode(&SEED[2..]).unwrap().try_into().unwrap();
    let secret = schnorrkel::MiniSecretKey::from_bytes(&seed).unwrap().expand(schnorrkel::ExpansionMode::Ed25519);
    format!("0x{}", hex::encode(secret.to_bytes()))
}

/// A file as Bittensor's tools write it.
fn whole() -> Value {
    json!({
        "accountId": PUBLIC, "publicKey": PUBLIC, "privateKey": private_key(), "secretPhrase": PHRASE,
        "secretSeed": SEED, "ss58Address": ADDRESS, "cryptoType": 1, "somethingNew": {"a": [1]},
    })
}

fn without(fields: &[&str]) -> Value {
    let mut file = whole();
    for field in fields {
        file.as_object_mut().unwrap().remove(*field).unwrap();
    }
    file
}

fn with(field: &str, value: Value) -> Value {
    let mut file = whole();
    file[field] = value;
    file
}

struct Wallet {
    root: tempfile::TempDir,
}

impl Wallet {
    fn new(content: impl AsRef<[u8]>, mode: u32) -> Wallet {
        let wallet = Wallet { root: tempfile::tempdir().unwrap() };
        fs::create_dir_all(wallet.file().parent().unwrap()).unwrap();
        fs::write(wallet.file(), content).unwrap();
        fs::set_permissions(wallet.file(), Permissions::from_mode(mode)).unwrap();
        wallet
    }

    fn file(&self) -> PathBuf {
        self.place().file().to_owned()
    }

    fn place(&self) -> WalletPlace {
        WalletPlace::new(&WalletRoot(self.root.path().to_owned()), "main", "default").unwrap()
    }
}

fn read_value(file: &Value) -> Result<OperatorKey, WalletError> {
    read_hotkey(&Wallet::new(file.to_string(), 0o600).place(), true)
}

fn refusal(file: &Value) -> WalletError {
    read_value(file).unwrap_err()
}

#[test]
fn seed_private_key_and_phrase_each_suffice() {
    let files = [
        whole(),
        without(&["privateKey", "secretPhrase"]),
        without(&["secretSeed", "secretPhrase"]),
        without(&["secretSeed", "privateKey"]),
        without(&["cryptoType", "accountId", "publicKey", "somethingNew"]),
        with("secretSeed", Value::Null),
        with("secretSeed", json!(&SEED[2..])),
    ];
    for file in files {
        let key = read_value(&file).unwrap();
        assert_eq!(key.hotkey().to_string(), ADDRESS, "{file}");
        let signature = key.sign_transaction(b"payload");
        assert!(crate::beacon::verify_transaction(&key.hotkey(), b"payload", &signature));
    }
}

#[test]
fn a_secret_of_another_address_is_refused_whichever_it_is() {
    let secrets = ["secretSeed", "privateKey", "secretPhrase"];
    for kept in secrets {
        let mut file = without(&secrets.into_iter().filter(|field| *field != kept).collect::<Vec<_>>());
        file["ss58Address"] = json!(OTHER);
        file.as_object_mut().unwrap().remove("publicKey");
        match refusal(&file) {
            WalletError::OtherAddress { field, derived, stated, .. } => {
                assert_eq!((field, derived.to_string(), stated.to_string()), (kept, ADDRESS.into(), OTHER.into()));
            }
            other => panic!("{other}"),
        }
    }
    let error = refusal(&with("ss58Address", json!(OTHER)));
    assert!(matches!(error, WalletError::Field { field: "publicKey", .. }), "{error}");
}

#[test]
fn other_kinds_of_keys_are_refused() {
    for name in ["cryptoType", "crypto_type"] {
        let mut file = without(&["cryptoType"]);
        file[name] = json!(0);
        assert!(matches!(refusal(&file), WalletError::CryptoType { found: 0, .. }));
    }
}

#[test]
fn a_file_without_secret_is_refused_for_signing_and_tells_its_address() {
    let file = without(&["secretSeed", "privateKey", "secretPhrase"]);
    let wallet = Wallet::new(file.to_string(), 0o644);
    assert_eq!(read_hotkey(&wallet.place(), false).unwrap_err(), WalletError::NoSecret(wallet.file()));
    assert_eq!(read_hotkey_address(&wallet.place()).unwrap().to_string(), ADDRESS);
}

#[test]
fn a_file_that_others_may_use_is_refused_where_that_is_asked_for() {
    for mode in [0o640, 0o604, 0o660, 0o601] {
        let wallet = Wallet::new(whole().to_string(), mode);
        let refused = read_hotkey(&wallet.place(), true).unwrap_err();
        assert_eq!(refused, WalletError::Exposed { file: wallet.file(), mode });
        assert!(refused.to_string().contains(&format!("{mode:o}")), "{refused}");
        assert!(read_hotkey(&wallet.place(), false).is_ok());
    }
    for mode in [0o600, 0o400] {
        assert!(read_hotkey(&Wallet::new(whole().to_string(), mode).place(), true).is_ok());
    }
}

#[test]
fn a_credential_may_be_readable_by_its_group_and_by_nobody_else() {
    let read = |mode| {
        let wallet = Wallet::new(whole().to_string(), mode);
        read_hotkey(&WalletPlace::credential_at(wallet.file()), true)
    };
    for mode in [0o400, 0o440, 0o600, 0o640] {
        assert_eq!(read(mode).unwrap().hotkey().to_string(), ADDRESS, "{mode:o}");
    }
    for mode in [0o444, 0o460, 0o404] {
        assert!(matches!(read(mode), Err(WalletError::Exposed { .. })), "{mode:o}");
    }
}

#[test]
fn encrypted_files_are_not_touched_further() {
    for mark in ["$NACL", "$ANSIBLE_VAULT;1.1;AES256\n", "gAAAAABk"] {
        let wallet = Wallet::new(format!("{mark}6f7a"), 0o600);
        assert_eq!(read_hotkey(&wallet.place(), true).unwrap_err(), WalletError::Encrypted(wallet.file()));
    }
}

#[test]
fn what_is_no_file_says_so() {
    let wallet = Wallet { root: tempfile::tempdir().unwrap() };
    assert_eq!(read_hotkey(&wallet.place(), true).unwrap_err(), WalletError::Missing(wallet.file()));
    fs::create_dir_all(wallet.file()).unwrap();
    let no_file = WalletError::Unreadable { file: wallet.file(), why: "it is no regular file".into() };
    assert_eq!(read_hotkey(&wallet.place(), true).unwrap_err(), no_file);
    assert_eq!(read_hotkey_address(&wallet.place()).unwrap_err(), no_file);
    let long = Wallet::new(vec![b' '; MAX_FILE_BYTES + 1], 0o600);
    assert!(matches!(read_hotkey(&long.place(), true), Err(WalletError::Unreadable { .. })));
}

#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let wallet = Wallet::new("", 0o600);
    let no_file = WalletError::Unreadable { file: wallet.file(), why: "it is no regular file".into() };
    fs::remove_file(wallet.file()).unwrap();
    // Nobody ever writes into the pipe.
    rustix::fs::mkfifoat(rustix::fs::CWD, wallet.file(), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    assert_eq!(read_hotkey(&wallet.place(), true).unwrap_err(), no_file);
    assert_eq!(read_hotkey_address(&wallet.place()).unwrap_err(), no_file);
    fs::remove_file(wallet.file()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", wallet.file()).unwrap();
    assert_eq!(read_hotkey(&wallet.place(), false).unwrap_err(), no_file);
}

#[test]
fn no_error_and_no_debug_text_holds_a_secret() {
    let private = private_key();
    let secrets = [&SEED[2..], &private[2..], PHRASE, "bottom drive", &SEED[2..20], &private[2..20]];
    let bad = [
        with("ss58Address", json!(SEED)),
        with("ss58Address", json!(PHRASE)),
        with("publicKey", json!(SEED)),
        with("secretSeed", json!(format!("{SEED}00"))),
        with("secretSeed", json!([PHRASE])),
        with("cryptoType", json!(SEED)),
        with("cryptoType", json!(9)),
        with("privateKey", json!({ "key": private })),
        json!([SEED, PHRASE]),
        json!(PHRASE),
        with("ss58Address", json!(OTHER)),
    ];
    let mut texts: Vec<String> = bad
        .iter()
        .flat_map(|file| {
            let error = refusal(file);
            [error.to_string(), format!("{error:?}")]
        })
        .collect();
    for cut in [&b"{"[..], PHRASE.as_bytes(), &whole().to_string().into_bytes()[..300]] {
        let error = read_hotkey(&Wallet::new(cut, 0o600).place(), true).unwrap_err();
        texts.extend([error.to_string(), format!("{error:?}")]);
    }
    let mut lone_key = without(&["secretSeed", "secretPhrase"]);
    lone_key["privateKey"] = json!(format!("0x{}", "ff".repeat(64)));
    texts.push(refusal(&lone_key).to_string());
    let mut lone_phrase = without(&["secretSeed", "privateKey"]);
    lone_phrase["secretPhrase"] = json!(format!("{PHRASE} walk"));
    texts.push(refusal(&lone_phrase).to_string());
    texts.push(format!("{:?}", read_value(&whole()).unwrap()));
    assert!(texts.last().unwrap().contains(ADDRESS));
    for text in texts {
        for secret in secrets {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
