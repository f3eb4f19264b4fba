//! Bin-picking: grasp the cube, lift it over the edges, carry it to the other bin and go down.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The bottom of the other bin.
const BIN: [f64; 3] = [0.12, 0.7, 0.02];

/// Heights that clear the edges of the bins: for leaving one, and for travelling.
const CLEAR_Z: f64 = 0.15;
const TRAVEL_Z: f64 = 0.18;

/// The fingers stay within these y, so that they fit into the bin; closing, they drag the cube along.
const REACH_Y: (f64, f64) = (0.675, 0.725);

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let mut cube = view.object_shifted([0.0, 0.0, 0.03]);
    cube[1] = cube[1].clamp(REACH_Y.0, REACH_Y.1);
    let off_cube = distance(xy(hand), xy(cube)) > 0.02;
    let above_cube = (hand[2] - cube[2]).abs();
    let target = if off_cube {
        plus(cube, [0.0, 0.0, 0.15])
    } else if above_cube > 0.01 {
        cube
    } else if distance(xy(hand), xy(BIN)) <= 0.02 {
        BIN
    } else if hand[2] < CLEAR_Z {
        plus(hand, [0.0, 0.0, 0.1])
    } else {
        [BIN[0], BIN[1], TRAVEL_Z]
    };
    let away = off_cube || above_cube > 0.02;
    view.move_to(target, 25.0, if away { -1.0 } else { 0.6 })
}
