//! The registry of tasks: one file of its name each, one line here. The other files hold what several tasks share.

mod assembly;
mod basketball;
mod bin_picking;
mod box_close;
mod button;
mod button_press;
mod button_press_topdown;
mod button_press_topdown_wall;
mod button_press_wall;
mod coffee;
mod coffee_button;
mod coffee_mug;
mod coffee_pull;
mod coffee_push;
mod dial_turn;
mod disassemble;
mod door;
mod door_close;
mod door_lock;
mod door_open;
mod door_unlock;
mod drawer;
mod drawer_close;
mod drawer_open;
mod faucet;
mod faucet_close;
mod faucet_open;
mod funnel;
mod hammer;
mod hand_insert;
mod handle;
mod handle_press;
mod handle_press_side;
mod handle_pull;
mod handle_pull_side;
mod lever_pull;
mod lock;
mod nut;
mod peg_insert_side;
mod peg_unplug_side;
mod pick_out_of_hole;
mod pick_place;
mod pick_place_wall;
mod plate;
mod plate_slide;
mod plate_slide_back;
mod plate_slide_back_side;
mod plate_slide_side;
mod puck;
mod push;
mod push_back;
mod push_wall;
mod reach;
mod reach_wall;
mod shelf_place;
mod shoulder;
mod soccer;
mod stick;
mod stick_pull;
mod stick_push;
mod sweep;
mod sweep_into;
mod tool;
mod wall;
mod window;
mod window_close;
mod window_open;

use super::task::TaskSpec;
use crate::domain::EnvId;

/// Every task, sorted by name.
static TASKS: &[TaskSpec] = &[
    assembly::SPEC,
    basketball::SPEC,
    bin_picking::SPEC,
    box_close::SPEC,
    button_press_topdown::SPEC,
    button_press_topdown_wall::SPEC,
    button_press::SPEC,
    button_press_wall::SPEC,
    coffee_button::SPEC,
    coffee_pull::SPEC,
    coffee_push::SPEC,
    dial_turn::SPEC,
    disassemble::SPEC,
    door_close::SPEC,
    door_lock::SPEC,
    door_open::SPEC,
    door_unlock::SPEC,
    drawer_close::SPEC,
    drawer_open::SPEC,
    faucet_close::SPEC,
    faucet_open::SPEC,
    hammer::SPEC,
    hand_insert::SPEC,
    handle_press_side::SPEC,
    handle_press::SPEC,
    handle_pull_side::SPEC,
    handle_pull::SPEC,
    lever_pull::SPEC,
    peg_insert_side::SPEC,
    peg_unplug_side::SPEC,
    pick_out_of_hole::SPEC,
    pick_place::SPEC,
    pick_place_wall::SPEC,
    plate_slide_back_side::SPEC,
    plate_slide_back::SPEC,
    plate_slide_side::SPEC,
    plate_slide::SPEC,
    push_back::SPEC,
    push::SPEC,
    push_wall::SPEC,
    reach::SPEC,
    reach_wall::SPEC,
    shelf_place::SPEC,
    soccer::SPEC,
    stick_pull::SPEC,
    stick_push::SPEC,
    sweep_into::SPEC,
    sweep::SPEC,
    window_close::SPEC,
    window_open::SPEC,
];

/// Every task, sorted by name.
pub fn tasks() -> &'static [TaskSpec] {
    TASKS
}

/// The task of an environment, if there is one.
pub fn task(env: &EnvId) -> Option<&'static TaskSpec> {
    TASKS.iter().find(|spec| spec.env_id() == *env)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_sorted_and_well_formed() {
        assert!(TASKS.is_sorted_by(|a, b| a.name < b.name));
        for spec in TASKS {
            assert_eq!(task(&spec.env_id()).map(|found| found.name), Some(spec.name));
            assert_eq!(spec.low.len(), spec.high.len(), "{}", spec.name);
            assert!(spec.low.iter().zip(spec.high).all(|(low, high)| low <= high), "{}", spec.name);
            let goal_is_drawn = spec.apart.is_some_and(|apart| apart.fixed_goal.is_none());
            assert!(!goal_is_drawn || spec.low.len() == 6, "{}", spec.name);
        }
    }

    #[test]
    fn every_task_has_its_file_which_tells_vector_redraw_and_success() {
        for spec in TASKS {
            let file = spec.name.trim_end_matches("-v3").replace('-', "_");
            let path = format!("{}/src/sim/tasks/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).expect(&path);
            let docs: String = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
            assert!(docs.starts_with(&format!(" {}: ", spec.name)), "{path}");
            for part in [" Task vector: ", "metres", " Success: "] {
                assert!(docs.contains(part), "{path} lacks `{part}`");
            }
            let redraw = spec.apart.map(|apart| format!("nearer than {} m", apart.least_m));
            assert_eq!(redraw.is_some(), docs.contains("drawn again"), "{path}");
            assert!(redraw.is_none_or(|rule| docs.contains(&rule)), "{path}");
        }
    }
}
