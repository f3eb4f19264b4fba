//! Weights that nobody can read before a round of drand's quicknet is published, and that everybody can read then.
//!
//! Identity-based encryption to the round's signature (Boneh and Franklin's FullIdent over BLS12-381) of a key for
//! AES-256-GCM. The chain reads another form of it than the crate writes: there each part has its length before it.

use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rand_core_06::{CryptoRng, Error, RngCore};
use sha2::{Digest, Sha256};
use subxt::ext::codec::Encode;
use timelock::block_ciphers::AESGCMBlockCipherProvider;
use timelock::engines::EngineBLS;
use timelock::engines::drand::TinyBLS381;
use timelock::ibe::fullident::Identity;
use timelock::tlock::{TLECiphertext, tle};

use super::super::{ChainError, WeightSubmission};
use crate::domain::Hotkey;

/// Public key of drand's quicknet (chain 52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971).
const QUICKNET_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c\
                            8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb\
                            5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";

/// Longest commit that the chain takes.
pub(super) const MAX_COMMIT_BYTES: usize = 5_000;

/// The weights as the chain reads them once they are opened.
pub(super) fn payload(signer: &Hotkey, weights: &WeightSubmission) -> Vec<u8> {
    let uids: Vec<u16> = weights.uids.iter().map(|uid| uid.0).collect();
    (signer.0.to_vec(), uids, weights.values.clone(), weights.version_key).encode()
}

/// Locks bytes until a round is published.
pub(super) fn lock(bytes: &[u8], round: u64) -> Result<Vec<u8>, ChainError> {
    lock_with(bytes, round, SystemRandomness)
}

fn lock_with(bytes: &[u8], round: u64, mut random: impl RngCore + CryptoRng) -> Result<Vec<u8>, ChainError> {
    let failed = |what: &str| ChainError::Refused(format!("the weights cannot be locked ({what}); try again"));
    let key = hex::decode(QUICKNET_KEY).map_err(|_| failed("the public key"))?;
    let key = <TinyBLS381 as EngineBLS>::PublicKeyGroup::deserialize_compressed(&key[..])
        .map_err(|_| failed("the public key"))?;
    let identity = Identity::new(b"", &Sha256::digest(round.to_be_bytes()));
    let mut secret = [0; 32];
    random.try_fill_bytes(&mut secret).map_err(|_| failed("no randomness"))?;
    let sealed = tle::<TinyBLS381, AESGCMBlockCipherProvider, _>(key, secret, bytes, identity, random)
        .map_err(|_| failed("the cipher"))?;
    let sealed = chain_form(&sealed).ok_or_else(|| failed("the form"))?;
    if sealed.len() > MAX_COMMIT_BYTES { Err(failed("they are too many")) } else { Ok(sealed) }
}

/// The parts as the chain reads them: a point, then byte strings with their lengths.
fn chain_form(sealed: &TLECiphertext<TinyBLS381>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    sealed.header.u.serialize_compressed(&mut bytes).ok()?;
    for part in [&sealed.header.v[..], &sealed.header.w, &sealed.body, &sealed.cipher_suite] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Some(bytes)
}

/// The operating system's randomness, in the form that the crate asks for.
struct SystemRandomness;

impl RngCore for SystemRandomness {
    fn next_u32(&mut self) -> u32 {
        rand_core_06::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        rand_core_06::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRandomness {}

#[cfg(test)]
mod tests {
    use timelock::ibe::fullident::Ciphertext;
    use timelock::tlock::tld;

    use super::*;
    use crate::domain::Uid;

    /// A round of the past and its published signature.
    const ROUND: u64 = 17_200_000;
    const SIGNATURE: &str =
        "9672ff8379fd8339523ab38b8c79637b92dca07988352f7a2c1abd3ec8b4672a2f7a61ca8984b4051b7c9fc66c6ee4db";

    /// Counts up; for bytes that are to be the same each time.
    struct Counter(u8);

    impl RngCore for Counter {
        fn next_u32(&mut self) -> u32 {
            rand_core_06::impls::next_u32_via_fill(self)
        }
        fn next_u64(&mut self) -> u64 {
            rand_core_06::impls::next_u64_via_fill(self)
        }
        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    impl CryptoRng for Counter {}

    fn weights() -> WeightSubmission {
        WeightSubmission {
            uids: vec![Uid(0), Uid(258)],
            values: vec![65_535, 1],
            version_key: 3,
            holders: vec![],
            salt: [0; 8],
        }
    }

    /// Reads the chain's form back, strictly.
    fn parts(bytes: &[u8]) -> TLECiphertext<TinyBLS381> {
        let (point, mut rest) = bytes.split_at(96);
        let u = <TinyBLS381 as EngineBLS>::PublicKeyGroup::deserialize_compressed(point).unwrap();
        let mut next = || {
            let (length, after) = rest.split_first_chunk().unwrap();
            let (part, after) = after.split_at(u64::from_le_bytes(*length) as usize);
            rest = after;
            part.to_vec()
        };
        let (v, w, body, cipher_suite) = (next(), next(), next(), next());
        assert!(rest.is_empty());
        let header = Ciphertext { u, v: v.try_into().unwrap(), w: w.try_into().unwrap() };
        TLECiphertext { header, body, cipher_suite }
    }

    fn open(bytes: &[u8]) -> Option<Vec<u8>> {
        let signature = hex::decode(SIGNATURE).unwrap();
        let signature = <TinyBLS381 as EngineBLS>::SignatureGroup::deserialize_compressed(&signature[..]).unwrap();
        tld::<TinyBLS381, AESGCMBlockCipherProvider>(parts(bytes), signature).ok()
    }

    #[test]
    fn the_payload_is_the_chains() {
        let expected =
            [&[32 << 2][..], &[7; 32], &[2 << 2, 0, 0, 2, 1], &[2 << 2, 255, 255, 1, 0], &[3, 0, 0, 0, 0, 0, 0, 0]];
        assert_eq!(payload(&Hotkey([7; 32]), &weights()), expected.concat());
    }

    #[test]
    fn a_published_round_opens_what_was_locked_for_it_and_nothing_else() {
        let bytes = payload(&Hotkey([7; 32]), &weights());
        assert_eq!(open(&lock(&bytes, ROUND).unwrap()), Some(bytes.clone()));
        assert_eq!(open(&lock(&bytes, ROUND + 1).unwrap()), None);
    }

    #[test]
    fn locked_bytes_have_the_chains_form() {
        let locked = lock_with(b"weights", ROUND, Counter(0)).unwrap();
        assert_eq!(locked[96..104], 32u64.to_le_bytes());
        assert_eq!(locked[136..144], 32u64.to_le_bytes());
        // The body: ciphertext with a tag of 16 bytes, and a nonce of 12, each after its length.
        assert_eq!(locked[176..184], (8 + 7 + 16 + 8 + 12u64).to_le_bytes());
        assert_eq!(locked[184..192], (7 + 16u64).to_le_bytes());
        assert_eq!(locked[235..], [&8u64.to_le_bytes()[..], b"AES_GCM_"].concat());
        let digest = hex::encode(Sha256::digest(&locked));
        assert_eq!(digest, "1efac4aa9e3eb84325c37ddb36dc87febf4b9becb8119833cfdfba1a6511e2cb");
    }

    #[test]
    fn the_weights_of_a_whole_subnet_fit_into_a_commit() {
        let all = WeightSubmission {
            uids: (0..256).map(Uid).collect(),
            values: vec![9; 256],
            version_key: u64::MAX,
            ..weights()
        };
        assert!(lock(&payload(&Hotkey([7; 32]), &all), ROUND).unwrap().len() < MAX_COMMIT_BYTES);
        assert!(lock(&[0; MAX_COMMIT_BYTES], ROUND).is_err());
    }
}
