//! Python's numbers as numpy mixes them.
//!
//! MetaWorld's actions are `float32`, and numpy 2 lets a Python number take the type of the array scalar that it
//! meets (NEP 50). So some rewards are computed in single precision, and equal bits need the same rule here.

use std::ops::{Add, Div, Mul, Sub};

/// A number with the type that numpy's promotion sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// A Python `int` or `float`: computed in double precision, but takes the type of what it meets.
    Weak(f64),
    /// A `numpy.float32`.
    Single(f32),
    /// A `numpy.float64`.
    Double(f64),
}

impl Scalar {
    /// The number, widened to double precision without change.
    pub fn value(self) -> f64 {
        match self {
            Scalar::Weak(value) | Scalar::Double(value) => value,
            Scalar::Single(value) => f64::from(value),
        }
    }

    /// Applies an operation in the precision that the two types call for.
    fn combine(self, other: Scalar, single: fn(f32, f32) -> f32, double: fn(f64, f64) -> f64) -> Scalar {
        use Scalar::{Double, Single, Weak};
        match (self, other) {
            (Weak(a), Weak(b)) => Weak(double(a, b)),
            (Single(a), Single(b)) => Single(single(a, b)),
            (Single(a), Weak(b)) => Single(single(a, b as f32)),
            (Weak(a), Single(b)) => Single(single(a as f32, b)),
            (a, b) => Double(double(a.value(), b.value())),
        }
    }
}

/// A plain number behaves as Python's own.
impl From<f64> for Scalar {
    fn from(value: f64) -> Scalar {
        Scalar::Weak(value)
    }
}

macro_rules! operator {
    ($($operator:ident $method:ident;)+) => {$(
        impl<T: Into<Scalar>> $operator<T> for Scalar {
            type Output = Scalar;
            fn $method(self, other: T) -> Scalar {
                self.combine(other.into(), f32::$method, f64::$method)
            }
        }
    )+};
}

operator! {
    Add add;
    Sub sub;
    Mul mul;
    Div div;
}

#[cfg(test)]
mod tests {
    use super::Scalar::{Double, Single, Weak};

    #[test]
    fn a_python_float_takes_the_type_it_meets() {
        // numpy: float32(0.1) + 0.2 is a float32, float64(0.1) + 0.2 and float64(0.1) + float32(0.2) are float64.
        assert_eq!(Single(0.1) + Weak(0.2), Single(f32::from_bits(0x3e99_999a)));
        assert_eq!(Double(0.1) + Weak(0.2), Double(0.1 + 0.2));
        assert_eq!(Double(0.1) + Single(0.2), Double(0.1 + f64::from(0.2_f32)));
        assert_eq!(Weak(0.1) * 0.2, Weak(0.1 * 0.2));
    }
}
