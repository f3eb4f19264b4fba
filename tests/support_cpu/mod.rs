//! Runs one test of this test program again in a process in which glibc does not see the CPU's FMA and AVX2, as if
//! on an older machine.

use std::process::Command;

/// Runs the test `name` alone, with the variable `child` set, and gives its output.
///
/// # Panics
/// If the test fails there.
pub fn run_self(name: &str, child: &str, hide_features: bool) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(child, "1");
    if hide_features {
        command.env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
