//! Runs tests of this test program again in processes of their own, also as if on an older CPU.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::process::{Command, Stdio};

/// A test of this test program alone in a process, with the variable `child` set to `value`.
pub fn own_test(name: &str, child: &str, value: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(child, value).stdin(Stdio::null());
    command
}

/// Hides FMA and AVX2 from glibc in the process that `command` starts, so that it picks the maths functions of an older
/// CPU. Changes nothing where there are none to hide; `make identical` emulates CPUs with and without.
pub fn hide_fma(mut command: Command) -> Command {
    command.env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4");
    command
}

/// Runs the test `name` alone, with the variable `child` set, as if on a CPU without FMA and AVX2.
///
/// # Panics
/// If it fails there, or if there is no such test.
pub fn run_self_without_fma(name: &str, child: &str) {
    let said = output_of(hide_fma(own_test(name, child, "1")));
    assert!(said.contains("1 passed"), "there is no test {name}: {said}");
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
