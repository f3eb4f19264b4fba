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
