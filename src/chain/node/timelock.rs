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

    /// Weights that Bittensor's own library locked: the package `bittensor-drand` 2.0.0, whose `get_encrypted_commit_v2` was
    /// called at 2023-08-23 15:59:15 UTC (a clock set back) with uids 0 and 258, values 65,535 and 1, version key 3, a hotkey
    /// of 32 times 7, the last epoch in block 90, tempo 10, block 91, a period of one epoch and blocks of one second. It
    /// chose round 1,000, whose signature follows.
    ///
    /// The other way was tried by hand, with the same package: `cargo test --lib locked_bytes_open_elsewhere -- --nocapture`
    /// prints what we lock for that round, with the round behind it as the package keeps it, and
    /// `bittensor_drand.decrypt_with_signature(bytes.fromhex("9d04a688…"), "b44679b9…")` gave back the payload.
    const THEIR_COMMIT: &str = "a42efdfbb4584fd6dc276435435830c09b4a18b7a06fd1b06d538bdb6f70d113cfb93d7b2fa9d5c6\
         a37938db62343159\
         188c9cb234ea5059c17c42f37d617b277437b2356674502e530aa9c49e343716426ebe9e74a344c3ddd4a4e58d3718c7\
         2000000000000000498ea12cf7e9b1fbe2c0b94c6603d5eec7654bd8133234441f7aa278f47178e82000000000000000\
         2bd8b53e944a9720f004153d6c41317a75eae234d58eab39f79ecaaf362f79d35f000000000000004300000000000000\
         ae395a17f15bf218a2b91157499ac9d51fd2a6481dacd3b4fd1d08c38325750db415e574c431f03fa19ef8b32eddbb07\
         c1b59f0cfb8425c3dea40e548e5be33e1988d30c0000000000000044863550ca82c7aba059cf74080000000000000041\
         45535f47434d5f";
    const THEIR_ROUND: u64 = 1_000;
    const THEIR_SIGNATURE: &str =
        "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";

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
        open_with(SIGNATURE, bytes)
    }

    fn open_with(signature: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let signature = hex::decode(signature).unwrap();
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
    fn what_bittensors_own_library_locks_is_opened_here_and_is_our_payload() {
        let theirs = hex::decode(THEIR_COMMIT).unwrap();
        let ours = payload(&Hotkey([7; 32]), &weights());
        assert_eq!(open_with(THEIR_SIGNATURE, &theirs), Some(ours.clone()));
        assert_eq!(open(&theirs), None, "another round's signature");
        // What we make for the same round has the same form: parts of the same lengths in the same places.
        let lock = lock(&ours, THEIR_ROUND).unwrap();
        assert_eq!(lock.len(), theirs.len());
        for place in [96..104, 136..144, 176..192] {
            assert_eq!(lock[place.clone()], theirs[place]);
        }
        assert_eq!(open_with(THEIR_SIGNATURE, &lock), Some(ours));
    }

    #[test]
    fn their_library_aims_at_the_round_that_we_aim_at() {
        let epochs = super::super::schedule::Epochs::Stateful {
            tempo: 10,
            last_epoch_block: 90,
            pending_epoch_at: 0,
            index: 1,
            blocks_since_last_step: 1,
        };
        let reveal = epochs.reveal_block(91, 1).unwrap();
        assert_eq!(super::super::schedule::round(91, reveal, 1.0, 1_692_806_355.0), Ok(THEIR_ROUND));
    }

    #[test]
    fn locked_bytes_open_elsewhere() {
        let ours = payload(&Hotkey([7; 32]), &weights());
        let lock = lock_with(&ours, THEIR_ROUND, Counter(0)).unwrap();
        let kept = (lock.clone(), THEIR_ROUND).encode();
        println!("{}", hex::encode(&kept));
        assert_eq!(open_with(THEIR_SIGNATURE, &lock), Some(ours));
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
