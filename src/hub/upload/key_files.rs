//! Files of wallets, told by what they hold.

use serde_json::{Map, Value};

/// Longest file that is read as a key file; they have some 500 bytes.
const MAX_KEY_FILE_BYTES: usize = 64 << 10;
/// The fields of a key file that are secret, as `btcli`, Polkadot's tools and the settings of Chutes name them.
const SECRET_FIELDS: [&str; 4] = ["secretSeed", "secretPhrase", "privateKey", "hotkey_seed"];
/// How encrypted key files begin: by NaCl, by Ansible's vault, and by Fernet.
const ENCRYPTED: [&[u8]; 3] = [b"$NACL", b"$ANSIBLE_VAULT", b"gAAAAA"];
/// Digits of the shortest secret in hexadecimal.
const SECRET_DIGITS: usize = 64;
/// Words of the shortest phrase.
const PHRASE_WORDS: usize = 12;
/// Letters of a word of a phrase.
const WORD_LETTERS: std::ops::RangeInclusive<usize> = 3..=8;
/// Bytes behind a field's name in which its value is looked for.
const VALUE_BYTES: usize = 300;

/// Whether a text is a wallet's key file, or holds a field of one with a seed, a private key or a phrase behind it. A file
/// without its secret, such as `coldkeypub.txt`, is none.
pub(super) fn holds_key(text: &[u8]) -> bool {
    ENCRYPTED.iter().any(|mark| text.starts_with(mark))
        || is_key_file(text)
        || SECRET_FIELDS
            .iter()
            .any(|field| behind(text, field.as_bytes()).any(|rest| is_secret(&rest[..rest.len().min(VALUE_BYTES)])))
}

/// What stands behind each place of `needle`, which is not empty.
pub(super) fn behind<'a>(text: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.iter().position(|byte| *byte == needle[0])?;
            let found = rest[at..].strip_prefix(needle);
            rest = &rest[at + 1..];
            if found.is_some() {
                return found;
            }
        }
    })
}

fn is_key_file(text: &[u8]) -> bool {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    if text.len() > MAX_KEY_FILE_BYTES {
        return false;
    }
    let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(text) else { return false };
    SECRET_FIELDS
        .iter()
        .any(|field| fields.get(*field).and_then(Value::as_str).is_some_and(|secret| !secret.is_empty()))
}

/// Whether the value behind a field's name, in whatever notation, is a secret: digits, or the words of a phrase.
fn is_secret(behind: &[u8]) -> bool {
    let is_mark = |byte: &u8| b"\"'`\\:= \t\r\n".contains(byte);
    let value = &behind[behind.iter().position(|byte| !is_mark(byte)).unwrap_or(behind.len())..];
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    let words = value.split(|byte| !byte.is_ascii_lowercase());
    digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count() >= SECRET_DIGITS
        || words.take_while(|word| WORD_LETTERS.contains(&word.len())).count() >= PHRASE_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phrase of Substrate's development accounts.
    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    #[test]
    fn a_key_is_told_by_its_secret_in_any_file() {
        let seed = "0x".to_owned() + &"0f".repeat(32);
        let keys = [
            format!(r#"{{"accountId": "0x00", "secretSeed": "{seed}", "ss58Address": "5x"}}"#),
            format!("\u{feff}{{\"secretPhrase\": \"{PHRASE}\"}}"),
            r#"{"privateKey": "of another form"}"#.to_owned(),
            format!("# my notes\nsecretPhrase = '{PHRASE}'\n"),
            format!("wallet:\n  secretSeed: {}\n", &seed[2..]),
            format!(r#"{{"keys": [{{"privateKey": "{seed}{}"}}]}}"#, &seed[2..]),
            "$NACLxyz".to_owned(),
            format!("[auth]\nhotkey_name = default\nhotkey_seed = {}\n", &seed[2..]),
        ];
        for key in keys {
            assert!(holds_key(key.as_bytes()), "{key}");
        }
        let others = [
            format!(r#"{{"accountId": "{seed}", "publicKey": "{seed}", "ss58Address": "5x", "secretSeed": null}}"#),
            r#"{"secretSeed": ""}"#.to_owned(),
            "assert \"secretSeed\" not in text  # the privateKey is never opened by what stands in this folder\n"
                .to_owned(),
            format!("secretSeed: {}", &seed[..40]),
            format!("the phrase {PHRASE} is known to everybody"),
            "secretPhrase".to_owned(),
        ];
        for other in others {
            assert!(!holds_key(other.as_bytes()), "{other}");
        }
    }
}
