//! The `kinitro` program: parses the command line and lets the library do the work.

use std::process::ExitCode;

use clap::Parser;
use kinitro::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
