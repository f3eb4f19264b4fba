//! Quaternions from rotation matrices, to the bit as scipy's `Rotation.from_matrix(m).as_quat()`.

/// Unit quaternion, in scipy's order x, y, z, w, of the rotation matrix `m` (nine numbers, row by row, as
/// MuJoCo's `xmat`). Shepperd's method: the largest of the diagonal and the trace decides which component is
/// computed first. The matrix must be orthogonal to about 1e-12, which MuJoCo's are; scipy repairs others.
pub fn quaternion_xyzw(m: &[f64; 9]) -> [f64; 4] {
    let at = |row: usize, column: usize| m[3 * row + column];
    let trace = at(0, 0) + at(1, 1) + at(2, 2);
    let mut quaternion = [0.0; 4];
    match largest([at(0, 0), at(1, 1), at(2, 2), trace]) {
        3 => {
            quaternion[0] = at(2, 1) - at(1, 2);
            quaternion[1] = at(0, 2) - at(2, 0);
            quaternion[2] = at(1, 0) - at(0, 1);
            quaternion[3] = 1.0 + trace;
        }
        i => {
            let j = (i + 1) % 3;
            let k = (j + 1) % 3;
            quaternion[i] = 1.0 - trace + 2.0 * at(i, i);
            quaternion[j] = at(j, i) + at(i, j);
            quaternion[k] = at(k, i) + at(i, k);
            quaternion[3] = at(k, j) - at(j, k);
        }
    }
    let [x, y, z, w] = quaternion;
    let length = libm::sqrt(x * x + y * y + z * z + w * w);
    quaternion.map(|component| component / length)
}

/// Index of the first of the largest numbers.
fn largest(values: [f64; 4]) -> usize {
    (1..4).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::quaternion_xyzw;

    /// One matrix for each of Shepperd's four cases, with what scipy 1.17.1 returns.
    const SCIPY: [([u64; 9], [u64; 4]); 4] = [
        (
            [
                0x3fe73dfa9c4b73e0,
                0xbfe0d79435e50d79,
                0x3fdc4b73dfa9c4b7,
                0x3fe3896e7bf53897,
                0x3fe9435e50d79436,
                0xbfb02b1da46102b4,
                0xbfd435e50d79435f,
                0x3fd435e50d79435e,
                0x3feca1af286bca1b,
            ],
            [0x3fba43da0adc6899, 0x3fca43da0adc6899, 0x3fd3b2e388254e73, 0x3fed8c554c37f5ac],
        ),
        (
            [
                0x3fec52640bc52641,
                0x3fd02f149902f14a,
                0xbfd902f149902f14,
                0x3fc49902f149902f,
                0xbfee875b37e875b3,
                0xbfd02f149902f14a,
                0xbfdbf43ad9bf43ae,
                0x3fc49902f149902f,
                0xbfec52640bc52641,
            ],
            [0x3feee078a6e91673, 0x3fbb72325b79db11, 0xbfcb72325b79db10, 0x3fbb72325b79db11],
        ),
        (
            [
                0xbfef128cfc4a33f2,
                0xbfcdae6076b981dc,
                0xbfadae6076b981dc,
                0xbfc7beb3922e017c,
                0x3fec4a33f128cfc4,
                0xbfdb747fa10531b8,
                0x3fc34af1e6c56135,
                0xbfd9f89467e251a0,
                0xbfecd8ac2695e3ce,
            ],
            [0xbfbb90ade46b6c2a, 0x3fef02c3a0f8d9af, 0xbfcb90ade46b6c2a, 0xbfab90ade46b6c2a],
        ),
        (
            [
                0xbfef475f1da711e5,
                0x3fcae80fc16bee5c,
                0x3f93f8c9b72886b3,
                0xbfc9cc048c9458a8,
                0xbfee9cf1fdf284df,
                0x3fcae80fc16bee5c,
                0x3fb016a27e35fabb,
                0x3fc9cc048c9458a8,
                0x3fef475f1da711e4,
            ],
            [0x3f95517c4d1e59be, 0x3fbaa5db6065f02e, 0x3fefa4f482790d36, 0xbfbaa5db6065f02e],
        ),
    ];

    #[test]
    fn quaternions_are_scipys_bits_in_all_four_cases() {
        for (matrix, expected) in SCIPY {
            let quaternion = quaternion_xyzw(&matrix.map(f64::from_bits));
            assert_eq!(quaternion.map(f64::to_bits), expected, "{quaternion:?}");
        }
    }
}
