//! Secrets in every form in which a program could let them out, and a search for them.

use std::path::Path;
use std::process::Output;

use kinitro::beacon::{OperatorKey, dev_seed};
use schnorrkel::{ExpansionMode, MiniSecretKey};

/// Bytes of a secret that are looked for: a part of it is too much.
const PART: usize = 12;

/// Substrate's development phrase without a path, its seed and its address.
pub const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
pub const PHRASE_ADDRESS: &str = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
const PHRASE_SEED: &str = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";

/// The private key of a development hotkey, as hotkey files have it.
pub fn private_key(name: &str) -> String {
    format!("0x{}", hex::encode(expanded(&dev_seed(name))))
}

fn expanded(seed: &[u8; 32]) -> [u8; 64] {
    MiniSecretKey::from_bytes(seed).unwrap().expand(ExpansionMode::Ed25519).to_bytes()
}

/// What must be nowhere: texts, and raw bytes for files.
pub struct Secrets {
    texts: Vec<String>,
    bytes: Vec<Vec<u8>>,
}

impl Secrets {
    /// Seeds and private keys of development hotkeys and of the phrase, the phrase, and some texts.
    pub fn of(hotkeys: &[&str], texts: &[&str]) -> Secrets {
        let mut secrets = Secrets { texts: texts.iter().map(ToString::to_string).collect(), bytes: Vec::new() };
        secrets.texts.push(PHRASE.split(' ').take(3).collect::<Vec<_>>().join(" "));
        let seeds = hotkeys.iter().map(|name| dev_seed(name));
        for seed in seeds.chain([hex::decode(PHRASE_SEED).unwrap().try_into().unwrap()]) {
            let private = expanded(&seed);
            for part in [&seed[..PART], &private[..PART], &private[32..32 + PART]] {
                secrets.texts.extend(forms(part));
                secrets.bytes.push(part.to_vec());
            }
        }
        for name in hotkeys {
            assert_eq!(OperatorKey::from_seed(&dev_seed(name)).hotkey(), OperatorKey::dev(name).hotkey());
        }
        secrets
    }

    /// Asserts that a text holds none of them.
    #[track_caller]
    pub fn are_not_in(&self, what: &str, text: &str) {
        for secret in &self.texts {
            let place = text.find(secret.as_str());
            let line = place.map(|at| text[..at].rsplit('\n').next().unwrap_or_default());
            assert!(place.is_none(), "{what} shows {secret:?} behind {:?}", line.unwrap_or_default());
        }
    }

    /// The same of all that a command said.
    #[track_caller]
    pub fn are_not_said(&self, what: &str, output: &Output) {
        self.are_not_in(what, &String::from_utf8_lossy(&output.stdout));
        self.are_not_in(what, &String::from_utf8_lossy(&output.stderr));
    }

    /// The same of every file below a folder, where the bytes themselves count as well.
    #[track_caller]
    pub fn are_not_below(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                self.are_not_below(&entry.path());
                continue;
            }
            // A database's journal may be gone by now.
            let Ok(content) = std::fs::read(entry.path()) else { continue };
            let path = entry.path().display().to_string();
            self.are_not_in(&path, &String::from_utf8_lossy(&content));
            for secret in &self.bytes {
                let found = content.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{path} holds the bytes {secret:?}");
            }
        }
    }
}

/// Hexadecimal digits, base64, and lists of numbers as `Debug` and JSON write them.
fn forms(bytes: &[u8]) -> Vec<String> {
    let list = |text: String| text.trim_matches(['[', ']']).to_owned();
    let json: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    vec![
        hex::encode(bytes),
        hex::encode_upper(bytes),
        base64(bytes),
        list(format!("{bytes:?}")),
        list(format!("{bytes:x?}")),
        list(format!("{bytes:02x?}")),
        json.join(","),
    ]
}

/// Base64 of a number of bytes that three divides.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: u32, place: u32| char::from(DIGITS[(group >> (18 - 6 * place)) as usize & 63]);
    let group = |three: &[u8]| u32::from_be_bytes([0, three[0], three[1], three[2]]);
    bytes.chunks_exact(3).flat_map(|three| (0..4).map(move |place| digit(group(three), place))).collect()
}
