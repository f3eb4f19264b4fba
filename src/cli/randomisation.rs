//! The flag `--randomisation`, which several commands have.

use clap::{Args, ValueEnum};

use crate::domain::Randomisation;

/// Whether physics and looks vary between episodes.
#[derive(Debug, Args)]
pub struct RandomisationArgs {
    /// What varies between episodes besides positions, as the contest's setting of that name
    #[arg(long, value_enum, default_value_t = Choice::None)]
    randomisation: Choice,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choice {
    /// Nothing
    None,
    /// Friction, damping, masses and looks
    Standard,
}

impl RandomisationArgs {
    /// The setting.
    pub fn setting(&self) -> Randomisation {
        match self.randomisation {
            Choice::None => Randomisation::None,
            Choice::Standard => Randomisation::Standard,
        }
    }
}
