//! coffee-button-v3: push the button of the coffee machine.
//!
//! Task vector: x, y, z of the machine, metres. The goal is where the pressed button is, (0, -0.19, 0.3) from the
//! machine. Success: the button is within 0.02 m of it, along y.

use crate::sim::engine::{Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{minus, plus};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME_NEAR, Objects, Task, TaskSpec};

use super::button::{Goal, Press};
use super::button_press;
use super::coffee::{CoffeeMachine, MUG_TO_MACHINE_M, place_mug};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "coffee-button-v3",
    sentence: "Push the button of the coffee machine.",
    model: "coffee",
    low: &[-0.1, 0.8, -0.001],
    high: &[0.1, 0.9, 0.001],
    apart: None,
    objects: 1,
    home: HOME_NEAR,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1 - 0.001, 0.8 + (-0.22 + TRAVEL_M), -0.001 + 0.299],
    goal_high: [0.1 + 0.001, 0.9 + (-0.22 + TRAVEL_M), 0.001 + 0.301],
    build: |model| Ok(Box::new(CoffeeButton::find(model)?)),
};

/// How far the button has to go, along y, metres.
const TRAVEL_M: f64 = 0.03;

/// The button in the frame of the machine, metres.
const BUTTON_M: [f64; 3] = [0.0, -0.22, 0.3];

/// Distance of the button from the goal that counts as pressed, metres.
const SUCCESS_M: f64 = 0.02;

struct CoffeeButton {
    machine: CoffeeMachine,
    button: SiteId,
    goal: Goal,
}

impl CoffeeButton {
    fn find(model: &Model) -> Result<CoffeeButton, SimError> {
        Ok(CoffeeButton {
            machine: CoffeeMachine::find(model)?,
            button: model.site("buttonStart")?,
            goal: Goal { position: [0.0; 3], axis: 1, travel_m: TRAVEL_M },
        })
    }
}

impl Task for CoffeeButton {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.machine.furnish(scene, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        let machine = [vector[0], vector[1], vector[2]];
        place_mug(scene, minus(machine, MUG_TO_MACHINE_M));
        self.goal.position = plus(plus(machine, BUTTON_M), [0.0, TRAVEL_M, 0.0]);
    }

    /// MetaWorld shows the button as not turned: w, x, y, z.
    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().site_xpos(self.button), [1.0, 0.0, 0.0, 0.0])
    }

    fn goal(&self) -> [f64; 3] {
        self.goal.position
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let press = Press::measure(scene, observation, &self.goal, button_press::REACHED_M);
        press.evaluation(button_press::reward(&press), SUCCESS_M)
    }
}
