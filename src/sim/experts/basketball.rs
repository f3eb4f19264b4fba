//! Basketball: grasp the ball, lift it above the hoop, bring it there.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// y and z of the point aimed at: the middle of where hoops are, and above all of them.
const HOOP_Y: f64 = 0.875;
const HOOP_Z: f64 = 0.35;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let ball = view.object_shifted([0.0, 0.0, 0.01]);
    let off_ball = distance(xy(hand), xy(ball)) > 0.04;
    let target = if off_ball {
        plus(ball, [0.0, 0.0, 0.3])
    } else if (hand[2] - ball[2]).abs() > 0.025 {
        ball
    } else if (ball[2] - HOOP_Z).abs() > 0.025 {
        [hand[0], hand[1], HOOP_Z]
    } else {
        [view.goal[0], HOOP_Y, HOOP_Z]
    };
    let away = off_ball || (hand[2] - view.object[2]).abs() > 0.15;
    view.move_to(target, 25.0, if away { -1.0 } else { 0.6 })
}
