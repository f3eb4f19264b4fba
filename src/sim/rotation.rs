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
