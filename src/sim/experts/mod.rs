//! MetaWorld's scripted policies: what a perfect miner would do, seeing everything.
//!
//! They read the whole observation with its goal, which no policy over the network does; they serve tests, the
//! mock miners and `--policy expert`. One file of its task's name each, one line here; bit-equal to
//! `metaworld.policies`.

mod assembly;
mod basketball;
mod bin_picking;
mod box_close;
mod button_press;
mod button_press_topdown;
mod button_press_topdown_wall;
mod button_press_wall;
mod coffee_button;
mod coffee_mug;
mod coffee_pull;
mod coffee_push;
mod dial_turn;
mod disassemble;
mod door_close;
mod door_lock;
mod door_open;
mod door_unlock;
mod drawer_close;
mod drawer_open;
mod faucet;
mod faucet_close;
mod faucet_open;
mod hammer;
mod hand_insert;
mod handle_press;
mod handle_press_side;
mod handle_pull;
mod handle_pull_side;
mod lever_pull;
mod peg_insert_side;
mod peg_unplug_side;
mod pick_out_of_hole;
mod pick_place;
mod pick_place_wall;
mod plate_slide;
mod plate_slide_back;
mod plate_slide_back_side;
mod plate_slide_side;
mod push;
mod push_back;
mod push_wall;
mod reach;
mod reach_wall;
mod shelf_place;
mod soccer;
mod stick;
mod stick_pull;
mod stick_push;
mod sweep;
mod sweep_into;
#[cfg(test)]
mod tests;
mod view;
mod window;
mod window_close;
mod window_open;

use crate::domain::EnvId;

/// A policy that sees the world as it is.
pub trait Expert {
    /// The action for one observation, whose last three numbers are the goal's position (not zeros). In
    /// MetaWorld's convention: +1 closes the fingers. Components may lie outside [-1, 1]; the arm clips them.
    fn act(&mut self, observation: &[f64; 39]) -> [f32; 4];
}

/// An expert that keeps nothing from one step to the next.
struct Memoryless(fn(&view::View) -> [f32; 4]);

impl Expert for Memoryless {
    fn act(&mut self, observation: &[f64; 39]) -> [f32; 4] {
        (self.0)(&view::View::of(observation))
    }
}

/// The scripted expert of an environment, if there is one.
pub fn expert(env: &EnvId) -> Option<Box<dyn Expert + Send>> {
    let act = match env.as_str() {
        "metaworld/assembly-v3" => assembly::act,
        "metaworld/basketball-v3" => basketball::act,
        "metaworld/bin-picking-v3" => bin_picking::act,
        "metaworld/box-close-v3" => box_close::act,
        "metaworld/button-press-topdown-v3" => button_press_topdown::act,
        "metaworld/button-press-topdown-wall-v3" => button_press_topdown_wall::act,
        "metaworld/button-press-v3" => button_press::act,
        "metaworld/button-press-wall-v3" => button_press_wall::act,
        "metaworld/coffee-button-v3" => coffee_button::act,
        "metaworld/coffee-pull-v3" => coffee_pull::act,
        "metaworld/coffee-push-v3" => coffee_push::act,
        "metaworld/dial-turn-v3" => dial_turn::act,
        "metaworld/disassemble-v3" => disassemble::act,
        "metaworld/door-close-v3" => door_close::act,
        "metaworld/door-lock-v3" => door_lock::act,
        "metaworld/door-open-v3" => door_open::act,
        "metaworld/door-unlock-v3" => door_unlock::act,
        "metaworld/drawer-close-v3" => drawer_close::act,
        "metaworld/drawer-open-v3" => drawer_open::act,
        "metaworld/faucet-close-v3" => faucet_close::act,
        "metaworld/faucet-open-v3" => faucet_open::act,
        "metaworld/hammer-v3" => hammer::act,
        "metaworld/hand-insert-v3" => hand_insert::act,
        "metaworld/handle-press-side-v3" => handle_press_side::act,
        "metaworld/handle-press-v3" => handle_press::act,
        "metaworld/handle-pull-side-v3" => handle_pull_side::act,
        "metaworld/handle-pull-v3" => handle_pull::act,
        "metaworld/lever-pull-v3" => lever_pull::act,
        "metaworld/peg-insert-side-v3" => peg_insert_side::act,
        "metaworld/peg-unplug-side-v3" => peg_unplug_side::act,
        "metaworld/pick-out-of-hole-v3" => pick_out_of_hole::act,
        "metaworld/pick-place-v3" => pick_place::act,
        "metaworld/pick-place-wall-v3" => pick_place_wall::act,
        "metaworld/plate-slide-back-side-v3" => plate_slide_back_side::act,
        "metaworld/plate-slide-back-v3" => plate_slide_back::act,
        "metaworld/plate-slide-side-v3" => plate_slide_side::act,
        "metaworld/plate-slide-v3" => plate_slide::act,
        "metaworld/push-back-v3" => push_back::act,
        "metaworld/push-v3" => push::act,
        "metaworld/push-wall-v3" => push_wall::act,
        "metaworld/reach-v3" => reach::act,
        "metaworld/reach-wall-v3" => reach_wall::act,
        "metaworld/shelf-place-v3" => shelf_place::act,
        "metaworld/soccer-v3" => soccer::act,
        "metaworld/stick-pull-v3" => stick_pull::act,
        "metaworld/stick-push-v3" => stick_push::act,
        "metaworld/sweep-into-v3" => sweep_into::act,
        "metaworld/sweep-v3" => sweep::act,
        "metaworld/window-close-v3" => window_close::act,
        "metaworld/window-open-v3" => window_open::act,
        _ => return None,
    };
    Some(Box::new(Memoryless(act)))
}
