//! The flag `--renderer`.

use clap::{Args, ValueEnum};

use crate::domain::RendererProfile;

/// What draws.
#[derive(Debug, Args)]
pub struct RendererArgs {
    /// What draws, as the contest's setting of that name
    #[arg(long, value_enum, default_value_t = RendererChoice::Reference)]
    renderer: RendererChoice,
}

/// One of the settings, by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RendererChoice {
    /// This program's own, the same bytes on every machine
    Reference,
    /// MuJoCo's over EGL, in builds with the feature `gl`
    #[value(name = "mujoco-gl")]
    MujocoGl,
}

impl RendererArgs {
    /// The setting.
    pub fn setting(&self) -> RendererProfile {
        self.renderer.setting()
    }
}

impl RendererChoice {
    fn setting(self) -> RendererProfile {
        match self {
            RendererChoice::Reference => RendererProfile::Reference,
            RendererChoice::MujocoGl => RendererProfile::MujocoGl,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_named_as_in_settings() {
        for choice in RendererChoice::value_variants() {
            assert_eq!(choice.to_possible_value().unwrap().get_name(), choice.setting().name());
        }
    }
}
