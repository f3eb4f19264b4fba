//! The flag `--randomisation`, which several commands have.

use clap::{Args, ValueEnum};

use crate::domain::Randomisation;

/// Whether physics and looks vary between episodes.
#[derive(Debug, Args)]
pub struct RandomisationArgs {
    /// What varies between episodes besides positions, as the contest's setting of that name
    #[arg(long, value_enum, default_value_t = RandomisationChoice::None)]
    randomisation: RandomisationChoice,
}

/// One of the settings, by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RandomisationChoice {
    /// Nothing
    None,
    /// Friction, damping, masses and looks
    Standard,
}

impl RandomisationArgs {
    /// The setting.
    pub fn setting(&self) -> Randomisation {
        self.randomisation.setting()
    }
}

impl RandomisationChoice {
    /// The setting.
    pub fn setting(self) -> Randomisation {
        match self {
            RandomisationChoice::None => Randomisation::None,
            RandomisationChoice::Standard => Randomisation::Standard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_named_as_in_settings() {
        for choice in RandomisationChoice::value_variants() {
            assert_eq!(choice.to_possible_value().unwrap().get_name(), choice.setting().name());
        }
    }
}
