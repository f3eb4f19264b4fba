//! Random numbers inside an episode.

use std::fmt;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use crate::domain::EpisodeSeed;

/// First bytes hashed to a stream's key.
const LABEL: &[u8] = b"substream";

/// One named stream of random numbers of an episode: ChaCha12 with the key
/// `blake3::keyed_hash(episode seed, "substream" ‖ 0x00 ‖ name)`, nonce 0 and counter from 0.
///
/// Each purpose (`placement`, `friction`, `light`, …) has its own stream, so that a draw added to one never moves
/// another.
pub struct SubStream(ChaCha12Rng);

impl SubStream {
    /// The stream `name` of the episode, at its beginning.
    pub fn new(seed: &EpisodeSeed, name: &str) -> SubStream {
        let mut hasher = blake3::Hasher::new_keyed(&seed.0);
        hasher.update(LABEL);
        hasher.update(&[0]);
        hasher.update(name.as_bytes());
        SubStream(ChaCha12Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// The next 8 bytes of the key stream as a little-endian number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next number in [low, high]: `u = (next_u64 >> 11) · 2⁻⁵³` in [0, 1), then `low + (high − low) · u` in double
    /// precision without fused operations, and no more than `high` should rounding carry it there.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
        let unit = (self.next_u64() >> 11) as f64 * SCALE;
        let value = low + (high - low) * unit;
        if value > high { high } else { value }
    }
}

impl fmt::Debug for SubStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubStream(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::SubStream;
    use crate::domain::EpisodeSeed;

    #[test]
    fn the_numbers_are_pinned() {
        let mut stream = SubStream::new(&EpisodeSeed([0x33; 32]), "placement");
        let words: Vec<u64> = (0..4).map(|_| stream.next_u64()).collect();
        assert_eq!(words, [0xc41e_5b7a_a0e2_bf94, 0xd95a_26c8_0322_3192, 0xd3cf_107a_a93a_fc55, 0x4632_7164_afa6_4324]);
        let floats: Vec<u64> = (0..4).map(|_| stream.uniform(-0.1, 0.2).to_bits()).collect();
        assert_eq!(
            floats,
            [0xbf8a_25cc_05a2_8890, 0x3fa1_09be_8ffd_c1f8, 0x3fc1_0034_d23b_f056, 0xbfa2_9541_f7ef_a2a0]
        );
    }

    #[test]
    fn streams_of_other_names_and_seeds_are_others() {
        let first = |seed: u8, name: &str| SubStream::new(&EpisodeSeed([seed; 32]), name).next_u64();
        assert_ne!(first(1, "placement"), first(1, "friction"));
        assert_ne!(first(1, "placement"), first(2, "placement"));
    }

    #[test]
    fn a_range_without_width_is_its_one_value() {
        let mut stream = SubStream::new(&EpisodeSeed([1; 32]), "placement");
        assert_eq!(stream.uniform(0.25, 0.25), 0.25);
    }

    #[test]
    fn numbers_stay_in_their_range_and_fill_it() {
        let mut stream = SubStream::new(&EpisodeSeed([1; 32]), "placement");
        let values: Vec<f64> = (0..10_000).map(|_| stream.uniform(2.0, 3.0)).collect();
        assert!(values.iter().all(|value| (2.0..=3.0).contains(value)));
        let mean = values.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 2.5).abs() < 0.02, "{mean}");
    }
}
