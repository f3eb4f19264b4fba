//! Unions of power sets over few elements, as one bit per subset.

/// The six lowest elements live inside one word.
const LOW_ELEMENTS: u32 = 6;

/// `INSIDE[t]`: one bit for each subset of the low set `t`.
const INSIDE: [u64; 64] = inside();

/// `OF_SIZE[k]`: one bit for each low set of k elements.
const OF_SIZE: [u64; 7] = of_size();

const fn inside() -> [u64; 64] {
    let mut table = [0u64; 64];
    let mut set = 0;
    while set < 64 {
        let mut subset = 0;
        while subset < 64 {
            if subset & !set == 0 {
                table[set] |= 1 << subset;
            }
            subset += 1;
        }
        set += 1;
    }
    table
}

const fn of_size() -> [u64; 7] {
    let mut masks = [0u64; 7];
    let mut set = 0u64;
    while set < 64 {
        masks[set.count_ones() as usize] |= 1 << set;
        set += 1;
    }
    masks
}

/// Steps that [`Bitmap::count`] takes for `sets` over `elements`, roughly in machine operations.
pub(super) fn cost(elements: u32, sets: usize) -> u64 {
    let high = elements.saturating_sub(LOW_ELEMENTS);
    8 * sets as u64 + (40 + u64::from(high)) * (1 << high)
}

/// Reusable memory for [`Bitmap::count`].
#[derive(Default)]
pub(super) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    /// Adds, for each size, the number of subsets that lie inside at least one of `sets` to `counts[size]`.
    ///
    /// Only elements of `support` may occur; there must be fewer than 32 of them.
    pub(super) fn count(&mut self, support: u64, sets: &[u64], counts: &mut [u64]) {
        let elements = support.count_ones();
        let high = elements.saturating_sub(LOW_ELEMENTS);
        self.words.clear();
        self.words.resize(1 << high, 0);
        let rank = ranks(support);
        for &set in sets {
            let packed = pack(set, &rank);
            self.words[(packed >> LOW_ELEMENTS) as usize] |= INSIDE[(packed & 63) as usize];
        }
        for bit in 0..high {
            close_downwards(&mut self.words, 1 << bit);
        }
        for (index, &word) in self.words.iter().enumerate() {
            if word == 0 {
                continue;
            }
            let above = index.count_ones() as usize;
            for (size, mask) in OF_SIZE.iter().enumerate() {
                let found = (word & mask).count_ones();
                if found > 0 {
                    counts[above + size] += u64::from(found);
                }
            }
        }
    }
}

/// What holds for an index with the bit holds for the index without it.
fn close_downwards(words: &mut [u64], bit: usize) {
    for block in words.chunks_exact_mut(2 * bit) {
        let (without, with) = block.split_at_mut(bit);
        for (lower, upper) in without.iter_mut().zip(with) {
            *lower |= *upper;
        }
    }
}

/// The place of each element among those of `support`.
fn ranks(support: u64) -> [u8; 64] {
    let mut rank = [0u8; 64];
    let mut rest = support;
    let mut next = 0;
    while rest != 0 {
        rank[rest.trailing_zeros() as usize] = next;
        next += 1;
        rest &= rest - 1;
    }
    rank
}

fn pack(set: u64, rank: &[u8; 64]) -> u32 {
    let mut packed = 0;
    let mut rest = set;
    while rest != 0 {
        packed |= 1 << rank[rest.trailing_zeros() as usize];
        rest &= rest - 1;
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_counted_by_size() {
        let mut counts = [0u64; 12];
        // {a, b, c} and {c, d}: 8 + 4 subsets, of which {} and {c} are common.
        let (a, b, c, d) = (1u64 << 3, 1u64 << 17, 1u64 << 40, 1u64 << 63);
        Bitmap::default().count(a | b | c | d, &[a | b | c, c | d], &mut counts);
        assert_eq!(counts[..4], [1, 4, 4, 1]);
    }

    #[test]
    fn more_elements_than_a_word_holds() {
        let mut counts = [0u64; 16];
        let all = (1u64 << 10) - 1;
        Bitmap::default().count(all, &[all], &mut counts);
        assert_eq!(counts[..11], [1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1]);
    }
}
