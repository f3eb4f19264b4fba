//! `kinitro check-config`

use clap::Args;

use super::settings_args::SettingsArgs;

/// Check a settings file and tell every problem at once
///
/// Example: kinitro check-config --config kinitro.toml --show
#[derive(Debug, Args)]
pub struct CheckConfigArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Print the settings as they would be used, defaults included
    #[arg(long)]
    show: bool,
}

/// Checks the settings.
///
/// # Errors
/// All problems at once.
pub fn run(args: &CheckConfigArgs) -> anyhow::Result<()> {
    let settings = args.settings.load()?;
    if args.show {
        print!("{}", toml::to_string_pretty(&settings)?);
    } else {
        println!("the settings are good (contest {})", settings.contest.digest().short());
    }
    Ok(())
}
