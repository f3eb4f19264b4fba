//! Four numbers at a time, in SSE2, which every x86-64 CPU has; elsewhere in plain Rust with the same results.
//!
//! Each operation rounds each lane as its scalar counterpart does; nothing is fused and nothing is reordered.

#[cfg(target_arch = "x86_64")]
pub use sse2::{F4, I4};

#[cfg(not(target_arch = "x86_64"))]
pub use plain::{F4, I4};

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;
    use std::ops::{Add, BitAnd, BitOr, Div, Mul, Sub};

    /// Four single-precision numbers.
    #[derive(Debug, Clone, Copy)]
    pub struct F4(__m128);

    /// Four whole numbers, or four masks (all bits set or none).
    #[derive(Debug, Clone, Copy)]
    pub struct I4(__m128i);

    impl F4 {
        /// Four numbers.
        #[inline(always)]
        pub fn new([a, b, c, d]: [f32; 4]) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_setr_ps(a, b, c, d)) }
        }

        /// One number four times.
        #[inline(always)]
        pub fn splat(value: f32) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_set1_ps(value)) }
        }

        /// Four bytes, as numbers from 0 to 255.
        #[inline(always)]
        pub fn of_bytes(bytes: u32) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                let zero = _mm_setzero_si128();
                let words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes as i32), zero);
                F4(_mm_cvtepi32_ps(_mm_unpacklo_epi16(words, zero)))
            }
        }

        /// Twice four bytes, the first four in the lower half.
        #[inline(always)]
        pub fn of_byte_pair(bytes: u64) -> [F4; 2] {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                let zero = _mm_setzero_si128();
                let words = _mm_unpacklo_epi8(_mm_cvtsi64_si128(bytes as i64), zero);
                let (first, second) = (_mm_unpacklo_epi16(words, zero), _mm_unpackhi_epi16(words, zero));
                [F4(_mm_cvtepi32_ps(first)), F4(_mm_cvtepi32_ps(second))]
            }
        }

        /// The numbers cut to whole ones, as bytes; must be from 0 to below 256.
        #[inline(always)]
        pub fn to_bytes(self) -> u32 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                let words = _mm_packs_epi32(_mm_cvttps_epi32(self.0), _mm_setzero_si128());
                _mm_cvtsi128_si32(_mm_packus_epi16(words, words)) as u32
            }
        }

        /// The numbers one by one.
        #[inline(always)]
        pub fn array(self) -> [f32; 4] {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                [
                    _mm_cvtss_f32(self.0),
                    _mm_cvtss_f32(_mm_shuffle_ps::<0b01_01_01_01>(self.0, self.0)),
                    _mm_cvtss_f32(_mm_shuffle_ps::<0b10_10_10_10>(self.0, self.0)),
                    _mm_cvtss_f32(_mm_shuffle_ps::<0b11_11_11_11>(self.0, self.0)),
                ]
            }
        }

        /// The first number.
        #[inline(always)]
        pub fn first(self) -> f32 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { _mm_cvtss_f32(self.0) }
        }

        /// The last number.
        #[inline(always)]
        pub fn last(self) -> f32 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { _mm_cvtss_f32(_mm_shuffle_ps::<0b11_11_11_11>(self.0, self.0)) }
        }

        /// Cut to whole numbers; must be within 32 bits.
        #[inline(always)]
        pub fn whole(self) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_cvttps_epi32(self.0)) }
        }

        /// The greatest whole numbers below; must be within 32 bits.
        #[inline(always)]
        pub fn floor(self) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                let cut = _mm_cvtepi32_ps(_mm_cvttps_epi32(self.0));
                F4(_mm_sub_ps(cut, _mm_and_ps(_mm_cmpgt_ps(cut, self.0), _mm_set1_ps(1.0))))
            }
        }

        /// The lesser of each two.
        #[inline(always)]
        pub fn min(self, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_min_ps(self.0, other.0)) }
        }

        /// The greater of each two.
        #[inline(always)]
        pub fn max(self, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_max_ps(self.0, other.0)) }
        }

        /// The bits of the numbers.
        #[inline(always)]
        pub fn bits(self) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_castps_si128(self.0)) }
        }

        /// Masks: not less than `other`.
        #[inline(always)]
        pub fn at_least(self, other: F4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_castps_si128(_mm_cmpge_ps(self.0, other.0))) }
        }

        /// Masks: greater than `other`.
        #[inline(always)]
        pub fn exceeds(self, other: F4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_castps_si128(_mm_cmpgt_ps(self.0, other.0))) }
        }

        /// These numbers where the mask is set, `other` elsewhere.
        #[inline(always)]
        pub fn or_else(self, mask: I4, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                let mask = _mm_castsi128_ps(mask.0);
                F4(_mm_or_ps(_mm_and_ps(mask, self.0), _mm_andnot_ps(mask, other.0)))
            }
        }
    }

    impl Add for F4 {
        type Output = F4;
        #[inline(always)]
        fn add(self, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_add_ps(self.0, other.0)) }
        }
    }

    impl Sub for F4 {
        type Output = F4;
        #[inline(always)]
        fn sub(self, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_sub_ps(self.0, other.0)) }
        }
    }

    impl Mul for F4 {
        type Output = F4;
        #[inline(always)]
        fn mul(self, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_mul_ps(self.0, other.0)) }
        }
    }

    impl Div for F4 {
        type Output = F4;
        #[inline(always)]
        fn div(self, other: F4) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_div_ps(self.0, other.0)) }
        }
    }

    impl I4 {
        /// Four numbers.
        #[inline(always)]
        pub fn new([a, b, c, d]: [i32; 4]) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_setr_epi32(a, b, c, d)) }
        }

        /// One number four times.
        #[inline(always)]
        pub fn splat(value: i32) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_set1_epi32(value)) }
        }

        /// x · a + y · b for each pair (a, b) of `pairs`; all must fit into 16 bits.
        #[inline(always)]
        pub fn combined(x: i32, y: i32, pairs: [[i16; 2]; 4]) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                let both = _mm_set1_epi32((y << 16) | (x & 0xffff));
                let [[a, b], [c, d], [e, f], [g, h]] = pairs;
                I4(_mm_madd_epi16(both, _mm_setr_epi16(a, b, c, d, e, f, g, h)))
            }
        }

        /// The numbers one by one.
        #[inline(always)]
        pub fn array(self) -> [i32; 4] {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe {
                [
                    _mm_cvtsi128_si32(self.0),
                    _mm_cvtsi128_si32(_mm_shuffle_epi32::<0b01>(self.0)),
                    _mm_cvtsi128_si32(_mm_shuffle_epi32::<0b10>(self.0)),
                    _mm_cvtsi128_si32(_mm_shuffle_epi32::<0b11>(self.0)),
                ]
            }
        }

        /// The first number.
        #[inline(always)]
        pub fn first(self) -> i32 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { _mm_cvtsi128_si32(self.0) }
        }

        /// The nearest single-precision numbers.
        #[inline(always)]
        pub fn numbers(self) -> F4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { F4(_mm_cvtepi32_ps(self.0)) }
        }

        /// Masks: less than zero.
        #[inline(always)]
        pub fn negative(self) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_srai_epi32::<31>(self.0)) }
        }

        /// Masks: equal.
        #[inline(always)]
        pub fn equals(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_cmpeq_epi32(self.0, other.0)) }
        }

        /// Masks: greater.
        #[inline(always)]
        pub fn exceeds(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_cmpgt_epi32(self.0, other.0)) }
        }

        /// The lesser of each two.
        #[inline(always)]
        pub fn min(self, other: I4) -> I4 {
            other.or_else(self.exceeds(other), self)
        }

        /// The greater of each two.
        #[inline(always)]
        pub fn max(self, other: I4) -> I4 {
            self.or_else(self.exceeds(other), other)
        }

        /// This mask without `other`.
        #[inline(always)]
        pub fn without(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_andnot_si128(other.0, self.0)) }
        }

        /// These numbers where the mask is set, `other` elsewhere.
        #[inline(always)]
        pub fn or_else(self, mask: I4, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_or_si128(_mm_and_si128(mask.0, self.0), _mm_andnot_si128(mask.0, other.0))) }
        }

        /// The sign bits, the first number's lowest.
        #[inline(always)]
        pub fn signs(self) -> u32 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { _mm_movemask_ps(_mm_castsi128_ps(self.0)) as u32 }
        }
    }

    impl Add for I4 {
        type Output = I4;
        #[inline(always)]
        fn add(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_add_epi32(self.0, other.0)) }
        }
    }

    impl Sub for I4 {
        type Output = I4;
        #[inline(always)]
        fn sub(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_sub_epi32(self.0, other.0)) }
        }
    }

    impl BitOr for I4 {
        type Output = I4;
        #[inline(always)]
        fn bitor(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_or_si128(self.0, other.0)) }
        }
    }

    impl BitAnd for I4 {
        type Output = I4;
        #[inline(always)]
        fn bitand(self, other: I4) -> I4 {
            // SAFETY: x86-64 has SSE2; no memory is touched.
            unsafe { I4(_mm_and_si128(self.0, other.0)) }
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
pub mod plain {
    use std::ops::{Add, BitAnd, BitOr, Div, Mul, Sub};

    /// Four single-precision numbers.
    #[derive(Debug, Clone, Copy)]
    #[repr(align(16))]
    pub struct F4([f32; 4]);

    /// Four whole numbers, or four masks (all bits set or none).
    #[derive(Debug, Clone, Copy)]
    #[repr(align(16))]
    pub struct I4([i32; 4]);

    fn each<A: Copy, B: Copy, C>(a: [A; 4], b: [B; 4], with: impl Fn(A, B) -> C) -> [C; 4] {
        std::array::from_fn(|k| with(a[k], b[k]))
    }

    /// The number cut to a whole one; what does not fit, and what is no number, is the least, as SSE2 has it.
    fn cut(value: f32) -> i32 {
        if (-2_147_483_648.0..2_147_483_648.0).contains(&value) { value as i32 } else { i32::MIN }
    }

    fn mask(set: bool) -> i32 {
        -i32::from(set)
    }

    impl F4 {
        pub fn new(values: [f32; 4]) -> F4 {
            F4(values)
        }

        pub fn splat(value: f32) -> F4 {
            F4([value; 4])
        }

        pub fn of_bytes(bytes: u32) -> F4 {
            F4(bytes.to_le_bytes().map(f32::from))
        }

        pub fn of_byte_pair(bytes: u64) -> [F4; 2] {
            [bytes as u32, (bytes >> 32) as u32].map(F4::of_bytes)
        }

        pub fn to_bytes(self) -> u32 {
            u32::from_le_bytes(self.0.map(|value| value as u8))
        }

        pub fn array(self) -> [f32; 4] {
            self.0
        }

        pub fn first(self) -> f32 {
            self.0[0]
        }

        pub fn last(self) -> f32 {
            self.0[3]
        }

        pub fn whole(self) -> I4 {
            I4(self.0.map(cut))
        }

        pub fn floor(self) -> F4 {
            F4(self.0.map(|value| {
                let cut = cut(value) as f32;
                if cut > value { cut - 1.0 } else { cut - 0.0 }
            }))
        }

        pub fn min(self, other: F4) -> F4 {
            F4(each(self.0, other.0, |a, b| if a < b { a } else { b }))
        }

        pub fn max(self, other: F4) -> F4 {
            F4(each(self.0, other.0, |a, b| if a > b { a } else { b }))
        }

        pub fn bits(self) -> I4 {
            I4(self.0.map(|value| value.to_bits() as i32))
        }

        pub fn at_least(self, other: F4) -> I4 {
            I4(each(self.0, other.0, |a, b| mask(a >= b)))
        }

        pub fn exceeds(self, other: F4) -> I4 {
            I4(each(self.0, other.0, |a, b| mask(a > b)))
        }

        pub fn or_else(self, mask: I4, other: F4) -> F4 {
            let bits = each(self.0.map(f32::to_bits), other.0.map(f32::to_bits), |a, b| [a, b]);
            F4(each(bits, mask.0, |[a, b], mask| f32::from_bits(a & mask as u32 | b & !mask as u32)))
        }
    }

    impl Add for F4 {
        type Output = F4;
        fn add(self, other: F4) -> F4 {
            F4(each(self.0, other.0, |a, b| a + b))
        }
    }

    impl Sub for F4 {
        type Output = F4;
        fn sub(self, other: F4) -> F4 {
            F4(each(self.0, other.0, |a, b| a - b))
        }
    }

    impl Mul for F4 {
        type Output = F4;
        fn mul(self, other: F4) -> F4 {
            F4(each(self.0, other.0, |a, b| a * b))
        }
    }

    impl Div for F4 {
        type Output = F4;
        fn div(self, other: F4) -> F4 {
            F4(each(self.0, other.0, |a, b| a / b))
        }
    }

    impl I4 {
        pub fn new(values: [i32; 4]) -> I4 {
            I4(values)
        }

        pub fn splat(value: i32) -> I4 {
            I4([value; 4])
        }

        pub fn combined(x: i32, y: i32, pairs: [[i16; 2]; 4]) -> I4 {
            I4(pairs.map(|[a, b]| x * i32::from(a) + y * i32::from(b)))
        }

        pub fn array(self) -> [i32; 4] {
            self.0
        }

        pub fn first(self) -> i32 {
            self.0[0]
        }

        pub fn numbers(self) -> F4 {
            F4(self.0.map(|value| value as f32))
        }

        pub fn negative(self) -> I4 {
            I4(self.0.map(|a| a >> 31))
        }

        pub fn equals(self, other: I4) -> I4 {
            I4(each(self.0, other.0, |a, b| mask(a == b)))
        }

        pub fn exceeds(self, other: I4) -> I4 {
            I4(each(self.0, other.0, |a, b| mask(a > b)))
        }

        pub fn min(self, other: I4) -> I4 {
            I4(each(self.0, other.0, i32::min))
        }

        pub fn max(self, other: I4) -> I4 {
            I4(each(self.0, other.0, i32::max))
        }

        pub fn without(self, other: I4) -> I4 {
            I4(each(self.0, other.0, |a, b| a & !b))
        }

        pub fn or_else(self, mask: I4, other: I4) -> I4 {
            let both = each(self.0, other.0, |a, b| [a, b]);
            I4(each(both, mask.0, |[a, b], mask| a & mask | b & !mask))
        }

        pub fn signs(self) -> u32 {
            (0..4).map(|k| u32::from(self.0[k] < 0) << k).sum()
        }
    }

    impl Add for I4 {
        type Output = I4;
        fn add(self, other: I4) -> I4 {
            I4(each(self.0, other.0, i32::wrapping_add))
        }
    }

    impl Sub for I4 {
        type Output = I4;
        fn sub(self, other: I4) -> I4 {
            I4(each(self.0, other.0, i32::wrapping_sub))
        }
    }

    impl BitOr for I4 {
        type Output = I4;
        fn bitor(self, other: I4) -> I4 {
            I4(each(self.0, other.0, |a, b| a | b))
        }
    }

    impl BitAnd for I4 {
        type Output = I4;
        fn bitand(self, other: I4) -> I4 {
            I4(each(self.0, other.0, |a, b| a & b))
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{plain, sse2};

    const FLOATS: [[f32; 4]; 4] =
        [[0.0, 1.5, -2.25, 1e-30], [255.0, 0.5, 17.9, 3.0], [1e20, -0.0, 254.99, 0.1], [4.0, 4.0, -4.0, 0.3]];
    /// Beyond what 32 bits hold.
    const OUTSIDE: [[f32; 4]; 2] =
        [[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN], [2_147_483_648.0, -2_147_483_648.0, 3e9, -3e9]];
    const WHOLE: [[i32; 4]; 4] = [[0, -1, i32::MAX, i32::MIN], [5, 5, -5, -5], [1 << 20, 7, -8, 0], [-1, 0, -1, 0]];

    #[test]
    fn sse2_and_plain_rust_agree_on_floats() {
        for a in FLOATS {
            for b in FLOATS {
                let (s, t) = (sse2::F4::new(a), sse2::F4::new(b));
                let (p, q) = (plain::F4::new(a), plain::F4::new(b));
                let pairs = [
                    ((s + t).array(), (p + q).array()),
                    ((s - t).array(), (p - q).array()),
                    ((s * t).array(), (p * q).array()),
                    ((s / sse2::F4::splat(3.0)).array(), (p / plain::F4::splat(3.0)).array()),
                    (s.min(t).array(), p.min(q).array()),
                    (s.max(t).array(), p.max(q).array()),
                    (s.or_else(s.at_least(t), t).array(), p.or_else(p.at_least(q), q).array()),
                ];
                for (ours, plain) in pairs {
                    assert_eq!(ours.map(f32::to_bits), plain.map(f32::to_bits), "{a:?} {b:?}");
                }
                assert_eq!(s.at_least(t).array(), p.at_least(q).array());
                assert_eq!(s.exceeds(t).array(), p.exceeds(q).array());
                assert_eq!(s.bits().array(), p.bits().array());
                assert_eq!(s.bits().numbers().array(), p.bits().numbers().array());
                assert_eq!([s.first(), s.last()], [p.first(), p.last()]);
            }
        }
        for a in FLOATS.into_iter().chain(OUTSIDE) {
            let (s, p) = (sse2::F4::new(a), plain::F4::new(a));
            assert_eq!(s.whole().array(), p.whole().array(), "{a:?}");
            assert_eq!(s.floor().array().map(f32::to_bits), p.floor().array().map(f32::to_bits), "{a:?}");
        }
        assert_eq!(sse2::F4::new(FLOATS[1]).to_bytes(), plain::F4::new(FLOATS[1]).to_bytes());
        let (ours, plain) =
            (sse2::F4::of_byte_pair(0x1234_5678_ff01_8002), plain::F4::of_byte_pair(0x1234_5678_ff01_8002));
        assert_eq!(ours.map(sse2::F4::array), plain.map(plain::F4::array));
        assert_eq!(sse2::F4::of_bytes(0xff01_8002).array(), plain::F4::of_bytes(0xff01_8002).array());
    }

    #[test]
    fn sse2_and_plain_rust_agree_on_whole_numbers() {
        for a in WHOLE {
            for b in WHOLE {
                let (s, t) = (sse2::I4::new(a), sse2::I4::new(b));
                let (p, q) = (plain::I4::new(a), plain::I4::new(b));
                let pairs = [
                    ((s + t).array(), (p + q).array()),
                    ((s - t).array(), (p - q).array()),
                    (s.min(t).array(), p.min(q).array()),
                    (s.max(t).array(), p.max(q).array()),
                    ((s | t).array(), (p | q).array()),
                    ((s & t).array(), (p & q).array()),
                    (s.negative().array(), p.negative().array()),
                    (s.equals(t).array(), p.equals(q).array()),
                    (s.exceeds(t).array(), p.exceeds(q).array()),
                    (s.without(t).array(), p.without(q).array()),
                    (s.or_else(t, s + t).array(), p.or_else(q, p + q).array()),
                ];
                for (ours, plain) in pairs {
                    assert_eq!(ours, plain, "{a:?} {b:?}");
                }
                assert_eq!((s.signs(), s.first()), (p.signs(), p.first()));
            }
        }
        let pairs = [[96, -32], [224, 96], [-32, 160], [160, i16::MIN]];
        for (x, y) in [(0, 0), (-16_000, 16_000), (3, -7), (16_383, -16_384)] {
            let (ours, plain) = (sse2::I4::combined(x, y, pairs), plain::I4::combined(x, y, pairs));
            assert_eq!(ours.array(), plain.array());
        }
    }
}
