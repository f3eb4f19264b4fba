//! The operator's hotkey: signs manifests and requests, and makes the beacon.

use std::fmt;
use std::str::FromStr;

use rand_core_06::{CryptoRng, Error, RngCore};
use schnorrkel::context::attach_rng;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, PublicKey, SecretKey, signing_context};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::BeaconError;
use crate::domain::{Hotkey, ParseError, parse_text};

/// The signing context of everything that this program signs.
pub(super) const CONTEXT: &[u8] = b"kinitro";

/// The signing context of Substrate's transactions.
const CHAIN_CONTEXT: &[u8] = b"substrate";

/// Context of keys derived from a name.
const DEV_KEY_CONTEXT: &str = "kinitro dev operator key";

/// An sr25519 key pair. The secret half is erased from memory when dropped and `Debug` shows the address alone.
pub struct OperatorKey(pub(super) Keypair);

impl OperatorKey {
    /// The key of a 32-byte seed, expanded as Substrate does (a wallet file's `secretSeed`).
    pub fn from_seed(seed: &[u8; 32]) -> OperatorKey {
        let secret = MiniSecretKey::from_bytes(seed).expect("any 32 bytes are a seed");
        OperatorKey(secret.expand_to_keypair(ExpansionMode::Ed25519))
    }

    /// The key of 64 secret bytes in schnorrkel's own form (a wallet file's `privateKey`).
    ///
    /// # Errors
    /// [`BeaconError::NotASecretKey`] when the bytes are no canonical scalar and nonce.
    pub fn from_secret_bytes(bytes: &[u8; 64]) -> Result<OperatorKey, BeaconError> {
        let secret = SecretKey::from_bytes(bytes).map_err(|_| BeaconError::NotASecretKey)?;
        Ok(OperatorKey(secret.to_keypair()))
    }

    /// A key that follows from `name` alone: for development chains, where anybody may know it.
    pub fn dev(name: &str) -> OperatorKey {
        OperatorKey::from_seed(&dev_seed(name))
    }

    /// The public half: who this is on the chain.
    pub fn hotkey(&self) -> Hotkey {
        Hotkey(self.0.public.to_bytes())
    }

    /// Signs `message` in the context `kinitro`. The same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.sign_in(CONTEXT, message)
    }

    /// Signs the payload of a chain's transaction, in the context `substrate`.
    pub fn sign_transaction(&self, payload: &[u8]) -> Signature {
        self.sign_in(CHAIN_CONTEXT, payload)
    }

    fn sign_in(&self, context: &'static [u8], message: &[u8]) -> Signature {
        let transcript = attach_rng(signing_context(context).bytes(message), NoRandomness);
        Signature(self.0.sign(transcript).to_bytes())
    }
}

/// The seed of the development key of `name`: `blake3::derive_key("kinitro dev operator key", name)`.
pub fn dev_seed(name: &str) -> [u8; 32] {
    blake3::derive_key(DEV_KEY_CONTEXT, name.as_bytes())
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorKey({})", self.hotkey())
    }
}

/// Whether `signature` is `hotkey`'s over `message` in the context `kinitro`.
pub fn verify_signature(hotkey: &Hotkey, message: &[u8], signature: &Signature) -> bool {
    verify_in(CONTEXT, hotkey, message, signature)
}

/// Whether `signature` is `hotkey`'s over the payload of a chain's transaction.
pub fn verify_transaction(hotkey: &Hotkey, payload: &[u8], signature: &Signature) -> bool {
    verify_in(CHAIN_CONTEXT, hotkey, payload, signature)
}

fn verify_in(context: &'static [u8], hotkey: &Hotkey, message: &[u8], signature: &Signature) -> bool {
    let Ok(public) = PublicKey::from_bytes(&hotkey.0) else { return false };
    let Ok(signature) = schnorrkel::Signature::from_bytes(&signature.0) else { return false };
    public.verify_simple(context, message, &signature).is_ok()
}

/// An sr25519 signature, written as 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl FromStr for Signature {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_hex64("signature", text).map(Signature)
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_text(deserializer)
    }
}

/// Decodes exactly 128 hexadecimal digits.
pub(super) fn parse_hex64(what: &'static str, text: &str) -> Result<[u8; 64], ParseError> {
    let mut bytes = [0u8; 64];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| ParseError::new(what, text, "expected 128 hexadecimal digits"))?;
    Ok(bytes)
}

/// Zeros in place of ambient randomness.
///
/// schnorrkel makes each nonce from the whole transcript (message and public key), the key's own secret nonce seed
/// and a random source on top. The first two already make it unpredictable and never the same for two messages (as
/// in RFC 6979 and Ed25519); leaving the third out makes signatures and proofs repeatable, so that a cycle that is
/// published again after a crash is the same bytes.
pub(super) struct NoRandomness;

impl RngCore for NoRandomness {
    fn next_u32(&mut self) -> u32 {
        0
    }
    fn next_u64(&mut self) -> u64 {
        0
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(0);
        Ok(())
    }
}

impl CryptoRng for NoRandomness {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_substrates_key() {
        // Substrate's well-known development account Alice (`//Alice`, its secret seed and address).
        let seed = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
        let mut bytes = [0; 32];
        hex::decode_to_slice(seed, &mut bytes).unwrap();
        let key = OperatorKey::from_seed(&bytes);
        assert_eq!(key.hotkey().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        let again = OperatorKey::from_secret_bytes(&key.0.secret.to_bytes()).unwrap();
        assert_eq!(again.hotkey(), key.hotkey());
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let key = OperatorKey::dev("a");
        let signature = key.sign(b"message");
        assert!(verify_signature(&key.hotkey(), b"message", &signature));
        assert!(!verify_signature(&key.hotkey(), b"other", &signature));
        assert!(!verify_signature(&OperatorKey::dev("b").hotkey(), b"message", &signature));
        for place in 0..64 {
            let mut changed = signature;
            changed.0[place] ^= 1;
            assert!(!verify_signature(&key.hotkey(), b"message", &changed), "byte {place}");
        }
    }

    #[test]
    fn a_transactions_signature_is_none_of_a_message() {
        let key = OperatorKey::dev("a");
        let signature = key.sign_transaction(b"payload");
        assert!(verify_transaction(&key.hotkey(), b"payload", &signature));
        assert!(!verify_signature(&key.hotkey(), b"payload", &signature));
        assert!(!verify_transaction(&key.hotkey(), b"payload", &key.sign(b"payload")));
    }

    #[test]
    fn signing_again_gives_the_same_bytes_and_another_message_another_nonce() {
        let key = OperatorKey::dev("a");
        assert_eq!(key.sign(b"message"), key.sign(b"message"));
        assert_ne!(key.sign(b"message").0[..32], key.sign(b"other").0[..32]);
    }

    #[test]
    fn debug_shows_the_address_alone() {
        let key = OperatorKey::dev("a");
        assert_eq!(format!("{key:?}"), format!("OperatorKey({})", key.hotkey()));
    }
}
