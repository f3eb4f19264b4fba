//! `kinitro` with the system's maths functions instead of ours: what `make identical` must find different.

use std::process::ExitCode;

use clap::Parser;
use kinitro::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
