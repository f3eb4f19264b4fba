//! The pieces that MetaWorld's rewards are made of (`metaworld/utils/reward_utils.py`), to the bit.

use super::norm::{distance, xz};
use super::scalar::Scalar;

/// How a reward falls off outside its interval; both are worth 0.1 at one margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sigmoid {
    /// 1 / ((3 d)² + 1).
    LongTail,
    /// exp(−(s d)² / 2) with s = √(−2 ln 0.1).
    Gaussian,
}

/// Value of a sigmoid at a distance of one margin.
const VALUE_AT_MARGIN: f64 = 0.1;

impl Sigmoid {
    /// The value at `d` margins from the interval. A square is `pow(x, 2)`, as numpy computes it on scalars:
    /// it can differ from x·x in the last bit.
    fn at(self, d: f64) -> f64 {
        match self {
            Sigmoid::LongTail => {
                let scale = libm::sqrt(1.0 / VALUE_AT_MARGIN - 1.0);
                1.0 / (libm::pow(d * scale, 2.0) + 1.0)
            }
            Sigmoid::Gaussian => {
                let scale = libm::sqrt(-2.0 * libm::log(VALUE_AT_MARGIN));
                libm::exp(-0.5 * libm::pow(d * scale, 2.0))
            }
        }
    }
}

/// 1 where `x` lies in the closed interval `bounds`, falling off outside as `sigmoid` says over a length of
/// `margin`, at once where the margin is 0.
///
/// The margin is never negative in MetaWorld's tasks (Python raises an error there); a negative one counts as 0.
pub fn tolerance(x: f64, bounds: (f64, f64), margin: f64, sigmoid: Sigmoid) -> f64 {
    let (lower, upper) = bounds;
    if lower <= x && x <= upper {
        return 1.0;
    }
    if margin <= 0.0 {
        return 0.0;
    }
    let outside = if x < lower { lower - x } else { x - upper };
    sigmoid.at(outside / margin)
}

/// Hamacher's product of two numbers in [0, 1], a smooth "and": ab / (a + b − ab), 0 where both are 0.
pub fn hamacher_product(a: impl Into<Scalar>, b: impl Into<Scalar>) -> Scalar {
    let (a, b) = (a.into(), b.into());
    let product = a * b;
    let denominator = a + b - product;
    if denominator.value() > 0.0 { product / denominator } else { Scalar::Weak(0.0) }
}

/// 1 outside the box between the corners `zero` and `one`; inside, the product of the three coordinates, each
/// scaled from 0 at `zero` to 1 at `one`.
pub fn rect_prism_tolerance(point: [f64; 3], zero: [f64; 3], one: [f64; 3]) -> Scalar {
    let inside = (0..3).all(|axis| {
        let (low, high) = if one[axis] >= zero[axis] { (zero[axis], one[axis]) } else { (one[axis], zero[axis]) };
        low <= point[axis] && point[axis] <= high
    });
    if !inside {
        return Scalar::Weak(1.0);
    }
    let scale = |axis: usize| (point[axis] - zero[axis]) / (one[axis] - zero[axis]);
    Scalar::Double(scale(0) * scale(1) * scale(2))
}

/// The closing command of the fingers, `min(max(0, gripper), most)`. Python hands on the number that won, with
/// its type: the action's own single or a Python number at the ends.
pub fn closing_effort(gripper: f32, most: f64) -> Scalar {
    if gripper <= 0.0 {
        Scalar::Weak(0.0)
    } else if gripper > most as f32 {
        Scalar::Weak(most)
    } else {
        Scalar::Single(gripper)
    }
}

/// How far the command closes the fingers, 0 open … 1 closed, the command clipped first; single precision, widened.
pub fn closing_share(gripper: f32) -> f64 {
    f64::from((gripper.clamp(-1.0, 1.0) + 1.0) / 2.0)
}

/// 1 for a quaternion that equals `ideal`, falling in proportion to their distance as vectors, to 0 at `most`.
pub fn orientation_reward(quaternion: [f64; 4], ideal: [f64; 4], most: f64) -> f64 {
    (1.0 - distance(quaternion, ideal) / most).max(0.0)
}

/// Which terms are mixed into [`caging_reward`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Density {
    /// Caging and gripping alone.
    Plain,
    /// The mean of that and caging.
    High,
    /// The mean of that and the reach towards the object.
    Medium,
}

/// A task's numbers for [`caging_reward`]; lengths in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Caging {
    /// Radius of the object's bounding sphere.
    pub object_radius: f64,
    /// A pad nearer than this to the object, along y, is well placed.
    pub pad_success_threshold: f64,
    /// The hand nearer than this to the object is at the object.
    pub object_reach_radius: f64,
    /// The hand nearer than this to the object, in the plane of x and z, is well placed.
    pub xz_threshold: f64,
    /// Closing command that counts as full effort.
    pub desired_effort: f64,
    /// Terms mixed in.
    pub density: Density,
}

/// Where hand and object are, for [`caging_reward`]; metres, world frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grip {
    /// y of the left and right pad, of MuJoCo's bodies `leftpad` and `rightpad`.
    pub pads_y: [f64; 2],
    /// Between the two finger tips.
    pub tcp: [f64; 3],
    /// The same after the hand was put in place at reset.
    pub initial_tcp: [f64; 3],
    /// The object.
    pub object: [f64; 3],
    /// The object at reset.
    pub initial_object: [f64; 3],
    /// Component 3 of the action, before any clipping.
    pub gripper: f32,
}

/// Reward for holding the object between the pads: MetaWorld's `_gripper_caging_reward`.
pub fn caging_reward(caging: &Caging, grip: &Grip) -> Scalar {
    let lr = grip.pads_y.map(|pad| {
        let margin = ((pad - grip.initial_object[1]).abs() - caging.pad_success_threshold).abs();
        let bounds = (caging.object_radius, caging.pad_success_threshold);
        tolerance((pad - grip.object[1]).abs(), bounds, margin, Sigmoid::LongTail)
    });
    let along_y = hamacher_product(lr[0], lr[1]);
    let caged = hamacher_product(along_y, along_xz(grip, caging.xz_threshold));
    let closed = closing_effort(grip.gripper, caging.desired_effort) / caging.desired_effort;
    let gripping = if caged.value() > 0.97 { closed } else { Scalar::Weak(0.0) };
    let held = hamacher_product(caged, gripping);

    match caging.density {
        Density::Plain => held,
        Density::High => (held + caged) / 2.0,
        Density::Medium => (held + reach_reward(caging, grip)) / 2.0,
    }
}

/// Reward for the hand's nearness to the object in the plane of x and z, full within `threshold` metres.
fn along_xz(grip: &Grip, threshold: f64) -> f64 {
    let margin = distance(xz(grip.initial_object), xz(grip.initial_tcp)) - threshold;
    tolerance(distance(xz(grip.tcp), xz(grip.object)), (0.0, threshold), margin, Sigmoid::LongTail)
}

/// Reward for the hand's nearness to the object, 0.1 where it started.
fn reach_reward(caging: &Caging, grip: &Grip) -> f64 {
    let margin = (distance(grip.initial_object, grip.initial_tcp) - caging.object_reach_radius).abs();
    let bounds = (0.0, caging.object_reach_radius);
    tolerance(distance(grip.object, grip.tcp), bounds, margin, Sigmoid::LongTail)
}

/// A pad nearer than this to the object, along y, encloses it, metres.
const ENCLOSING_M: f64 = 0.05;

/// Reward for pads to the left and right of an object of `radius` metres, the hand within `xz_threshold` metres of
/// it in the plane of x and z: caging as the tasks with a caging reward of their own have it.
pub fn enclosing_reward(grip: &Grip, radius: f64, xz_threshold: f64) -> f64 {
    let along_y = pads_reward(grip, (radius, ENCLOSING_M));
    hamacher_product(along_y, along_xz(grip, xz_threshold)).value()
}

/// Reward for both pads within `bounds` of the object along y, each on its side. MetaWorld's margin means the pads
/// at reset, but it keeps live views of them: it is taken from where they are now.
fn pads_reward(grip: &Grip, bounds: (f64, f64)) -> f64 {
    let object = grip.object[1];
    let pad = |pad: f64, offset: f64| {
        let margin = ((object - pad).abs() - ENCLOSING_M).abs();
        tolerance(offset, bounds, margin, Sigmoid::LongTail)
    };
    let [left, right] = grip.pads_y;
    hamacher_product(pad(left, left - object), pad(right, object - right)).value()
}

/// A task's numbers for [`pinching_reward`], metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pinching {
    /// Radius of the object's bounding sphere.
    pub object_radius: f64,
    /// A pad nearer than this to the object, along y, grips it.
    pub grip_threshold: f64,
    /// The hand nearer than this to the object, in the plane of x and z, is well placed.
    pub xz_threshold: f64,
}

/// Reward for an object enclosed and, once it is, for pads close to it; the closing command plays no part.
pub fn pinching_reward(pinching: &Pinching, grip: &Grip) -> f64 {
    let enclosed = enclosing_reward(grip, pinching.object_radius, pinching.xz_threshold);
    let gripped =
        if enclosed > 0.95 { pads_reward(grip, (pinching.object_radius, pinching.grip_threshold)) } else { 0.0 };
    (enclosed + gripped) / 2.0
}

#[cfg(test)]
mod tests {
    use super::Scalar::{Double, Single, Weak};
    use super::*;

    #[test]
    fn tolerances_are_pythons_bits() {
        use Sigmoid::{Gaussian, LongTail};
        let cases = [
            (LongTail, 0x3fd51a530eb452a6, 0x3fdef3e383f65595, 0x3fcfe9d7098addd9),
            (LongTail, 0x3fd3678b4907ee46, 0x3fd329c29b44612d, 0x3fc136fde57eb057),
            (LongTail, 0x3fc1284740fd0b40, 0x3fd163bb538a4ae5, 0x3fe131e2240b43cf),
            (LongTail, 0x3fca0ad24273b210, 0x3fc8ddea7b7cf57e, 0x3fc3594230e1a8a6),
            (Gaussian, 0x3fe802fcc620a262, 0x3fca2409eecac428, 0x3d7e869a2d423f4d),
            (Gaussian, 0x3fdf0d5e71dfe33e, 0x3fe2dc68d6ca0ee0, 0x3fd23d49764ebb45),
        ];
        for (sigmoid, x, margin, expected) in cases {
            let value = tolerance(f64::from_bits(x), (0.0, 0.05), f64::from_bits(margin), sigmoid);
            assert_eq!(value.to_bits(), expected, "{sigmoid:?}");
        }
    }

    #[test]
    fn inside_its_bounds_a_tolerance_is_one_and_without_margin_outside_is_zero() {
        assert_eq!(tolerance(0.05, (0.0, 0.05), 0.3, Sigmoid::LongTail), 1.0);
        assert_eq!(tolerance(0.06, (0.0, 0.05), 0.0, Sigmoid::LongTail), 0.0);
        assert!(tolerance(f64::NAN, (0.0, 0.05), 0.3, Sigmoid::LongTail).is_nan());
    }

    #[test]
    fn a_product_with_a_single_precision_number_is_single_precision() {
        let product = hamacher_product(0.3, Single(0.7));
        assert!(matches!(product, Single(_)), "{product:?}");
        assert_eq!(product.value().to_bits(), 0x3fd1033da0000000);
        assert_eq!(hamacher_product(0.3, 0.7), Weak(f64::from_bits(0x3fd1033d91d2a206)));
        assert_eq!(hamacher_product(Double(0.3), Single(0.7)), Double(f64::from_bits(0x3fd1033d8ffa17df)));
        assert_eq!(hamacher_product(1.0, Single(0.1)).value().to_bits(), 0x3fb99999a0000000);
        assert_eq!(hamacher_product(0.0, 0.0), Weak(0.0));
    }

    #[test]
    fn a_prism_costs_only_inside() {
        let (zero, one) = ([0.0, 0.5, 0.1], [0.3, 0.1, 0.7]);
        let inside = rect_prism_tolerance([0.1, 0.2, 0.3], zero, one);
        assert_eq!(inside, Double(f64::from_bits(0x3fb5555555555555)));
        assert_eq!(rect_prism_tolerance([1.1, 1.2, 1.3], zero, one), Weak(1.0));
    }

    const CAGING: Caging = Caging {
        object_radius: 0.0075,
        pad_success_threshold: 0.03,
        object_reach_radius: 0.01,
        xz_threshold: 0.005,
        desired_effort: 1.0,
        density: Density::Plain,
    };
    const FAR: Grip = Grip {
        pads_y: [0.64, 0.56],
        tcp: [0.0, 0.6, 0.19],
        initial_tcp: [0.0, 0.6, 0.2],
        object: [0.1, 0.55, 0.02],
        initial_object: [0.1, 0.55, 0.02],
        gripper: 0.3,
    };
    const HELD: Grip = Grip {
        pads_y: [0.62, 0.58],
        tcp: [0.1, 0.6, 0.021],
        initial_tcp: [0.0, 0.6, 0.2],
        object: [0.1, 0.6, 0.02],
        initial_object: [0.1, 0.601, 0.02],
        gripper: 0.6,
    };

    #[test]
    fn caging_rewards_are_pythons_bits_and_types() {
        let at = |grip: Grip| {
            [Density::Plain, Density::High, Density::Medium]
                .map(|density| caging_reward(&Caging { density, ..CAGING }, &grip))
        };
        let weak = |bits| Weak(f64::from_bits(bits));
        assert_eq!(at(FAR), [weak(0), weak(0x3f9c125c67788e87), weak(0x3faba1ef9486b47c)]);
        let bits = at(HELD).map(|reward| (matches!(reward, Single(_)), reward.value().to_bits()));
        assert_eq!(bits, [0x3fe3333340000000, 0x3fe99999a0000000, 0x3fe99999a0000000].map(|b| (true, b)));
    }

    #[test]
    fn pinching_rewards_are_pythons_bits() {
        const PINCHING: Pinching = Pinching { object_radius: 0.007, grip_threshold: 0.01, xz_threshold: 0.01 };
        let gripped = Grip { pads_y: [0.609, 0.592], ..HELD };
        let bits = [FAR, HELD, gripped].map(|grip| pinching_reward(&PINCHING, &grip).to_bits());
        assert_eq!(bits, [0x3f99cc932d4dde3c, 0x3fe5555555555551, 0x3ff0000000000000]);
    }

    #[test]
    fn beyond_the_box_the_closing_command_is_a_python_number() {
        assert_eq!(caging_reward(&CAGING, &Grip { gripper: 1.7, ..HELD }), Weak(1.0));
        assert_eq!(caging_reward(&CAGING, &Grip { gripper: 1.0, ..HELD }), Single(1.0));
    }
}
