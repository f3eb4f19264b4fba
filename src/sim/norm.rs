//! Lengths and distances with numpy's own order of operations.

/// Length of `v`: the square root of the products summed from left to right, without fused multiply-add.
/// This is `numpy.linalg.norm` where BLAS is plain (spec: OpenBLAS' Haswell kernel), to the bit.
pub fn norm(v: &[f64]) -> f64 {
    let mut sum = 0.0;
    for value in v {
        sum += value * value;
    }
    libm::sqrt(sum)
}

/// Distance between two points, `norm(a - b)`.
pub fn distance<const N: usize>(a: [f64; N], b: [f64; N]) -> f64 {
    norm(&minus(a, b))
}

/// `a + b`, by component.
pub fn plus<const N: usize>(a: [f64; N], b: [f64; N]) -> [f64; N] {
    std::array::from_fn(|i| a[i] + b[i])
}

/// `a - b`, by component.
pub fn minus<const N: usize>(a: [f64; N], b: [f64; N]) -> [f64; N] {
    std::array::from_fn(|i| a[i] - b[i])
}

/// `a * b`, by component.
pub fn times<const N: usize>(a: [f64; N], b: [f64; N]) -> [f64; N] {
    std::array::from_fn(|i| a[i] * b[i])
}

/// The first two components, x and y.
pub fn xy(point: [f64; 3]) -> [f64; 2] {
    [point[0], point[1]]
}

/// The components x and z.
pub fn xz(point: [f64; 3]) -> [f64; 2] {
    [point[0], point[2]]
}

#[cfg(test)]
mod tests {
    use super::norm;

    #[test]
    fn lengths_are_numpys_bits() {
        let cases: [(&[u64], u64); 4] = [
            (&[0x3fd61e0d28bbb3a1, 0x3fea4ab22204681f], 0x3fec85d8e3becc2f),
            (&[0x3fd525e18ce5fc0a, 0xbff4d9bb65b49607, 0x3fecf8acddd349f3], 0x3ff9eee72a16ccaf),
            (&[0x3fdc9166a7847147, 0xbfe12eb88d2b5275, 0x3fe29884fe946122], 0x3fed11f570fd94a5),
            (&[0x3fd7552775a92fee, 0x3fd2d3111b74e252, 0x3f9d1ab853b8b22f, 0x3fe17eac3bb990f6], 0x3fe70e6404a06df3),
        ];
        for (bits, expected) in cases {
            let v: Vec<f64> = bits.iter().map(|b| f64::from_bits(*b)).collect();
            assert_eq!(norm(&v).to_bits(), expected, "norm of {v:?}");
        }
    }
}
