//! From a phrase of words to a seed, as Substrate does.

use bip39::{Language, Mnemonic};
use sha2::Sha512;
use zeroize::Zeroizing;

/// Rounds of the key derivation.
const ROUNDS: u32 = 2_048;
/// Its salt where no password is used.
const SALT: &[u8] = b"mnemonic";
/// Bytes that the derivation gives; the first 32 are the seed.
const DERIVED_BYTES: usize = 64;

/// The seed of an English BIP-39 phrase without a password. Unlike Bitcoin, Substrate derives it from the entropy that the
/// words stand for, not from their letters. None when the phrase is none.
pub(super) fn seed(phrase: &str) -> Option<Zeroizing<[u8; 32]>> {
    let words = Mnemonic::parse_in_normalized(Language::English, phrase).ok()?;
    let (entropy, length) = words.to_entropy_array();
    let entropy = Zeroizing::new(entropy);
    let mut derived = Zeroizing::new([0; DERIVED_BYTES]);
    pbkdf2::pbkdf2_hmac::<Sha512>(&entropy[..length], SALT, ROUNDS, &mut derived[..]);
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(&derived[..32]);
    Some(seed)
}

#[cfg(test)]
mod tests {
    use super::seed;

    #[test]
    fn the_well_known_phrase_gives_its_well_known_seed() {
        // Substrate's development phrase and the secret seed that its own `subkey` prints for it.
        let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let expected = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
        assert_eq!(hex::encode(*seed(phrase).unwrap()), expected);
    }

    #[test]
    fn a_wrong_word_or_checksum_gives_none() {
        assert!(seed("bottom drive obey lake curtain smoke basket hold race lonely fit").is_none());
        assert!(seed("bottom drive obey lake curtain smoke basket hold race lonely fit fit").is_none());
        assert!(seed("bottom drive obey lake curtain smoke basket hold race lonely fit wallk").is_none());
        assert!(seed("").is_none());
    }
}
