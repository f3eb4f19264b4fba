//! Runs tests of this test program again in processes of their own.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::process::{Command, Stdio};

/// A test of this test program alone in a process, with the variable `child` set to `value`.
pub fn own_test(name: &str, child: &str, value: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(child, value).stdin(Stdio::null());
    command
}

/// Runs the test `name` alone, with the variable `child` set, and gives its output; with `hide_features` glibc does not see
/// the CPU's FMA and AVX2 there, as if on an older machine.
///
/// # Panics
/// If the test fails there.
pub fn run_self(name: &str, child: &str, hide_features: bool) -> String {
    let mut command = own_test(name, child, "1");
    if hide_features {
        command.env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4");
    }
    output_of(command)
}

/// Runs a command to its end and gives its output.
///
/// # Panics
/// If it fails.
pub fn output_of(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
