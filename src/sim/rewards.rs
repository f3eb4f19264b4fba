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

    let xz_margin = distance(xz(grip.initial_object), xz(grip.initial_tcp)) - caging.xz_threshold;
    let xz_distance = distance(xz(grip.tcp), xz(grip.object));
    let along_xz = tolerance(xz_distance, (0.0, caging.xz_threshold), xz_margin, Sigmoid::LongTail);

    let caged = hamacher_product(along_y, along_xz);
    let closed = closing_effort(grip.gripper, caging.desired_effort) / caging.desired_effort;
    let gripping = if caged.value() > 0.97 { closed } else { Scalar::Weak(0.0) };
    let held = hamacher_product(caged, gripping);

    match caging.density {
        Density::Plain => held,
        Density::High => (held + caged) / 2.0,
        Density::Medium => (held + reach_reward(caging, grip)) / 2.0,
    }
}

/// Reward for the hand's nearness to the object, 0.1 where it started.
fn reach_reward(caging: &Caging, grip: &Grip) -> f64 {
    let margin = (distance(grip.initial_object, grip.initial_tcp) - caging.object_reach_radius).abs();
    let bounds = (0.0, caging.object_reach_radius);
    tolerance(distance(grip.object, grip.tcp), bounds, margin, Sigmoid::LongTail)
}
