//! Canonical JSON (RFC 8785): one text per value, so that a digest over it means something.

use serde::Serialize;

/// The largest whole number that RFC 8785 keeps exact, 2⁵³ − 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The canonical JSON of plain data. Keys are sorted by UTF-16 units, floats are the shortest decimal that reads back as the same
/// double, there is no white space. A double that is not finite becomes `null`; whole numbers beyond [`MAX_SAFE_INTEGER`] would
/// be rounded, so whoever signs or checks a manifest refuses them.
pub fn canonical_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("plain data with text keys always serialises")
}

#[cfg(test)]
mod tests {
    use super::canonical_json;

    #[test]
    fn numbers_are_ecmascripts() {
        // From RFC 8785, appendix B.
        for (bits, text) in [
            (0x0000000000000000u64, "0"),
            (0x8000000000000000, "0"),
            (0x0000000000000001, "5e-324"),
            (0x7fefffffffffffff, "1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"),
            (0x4430000000000000, "295147905179352830000"),
            (0x44b52d02c7e14af5, "9.999999999999997e+22"),
            (0x44b52d02c7e14af6, "1e+23"),
            (0x3eb0c6f7a0b5ed8d, "0.000001"),
            (0x41b3de4355555557, "333333333.33333343"),
        ] {
            assert_eq!(canonical_json(&f64::from_bits(bits)), text.as_bytes());
        }
    }
}
