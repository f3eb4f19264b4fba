//! Asking before something is lost.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::bail;

/// Goes on only when a person at a terminal types "yes", or `force` was given.
///
/// # Errors
/// When the answer is another one, or nobody is there to ask.
pub fn confirm(what_is_lost: &str, force: bool) -> anyhow::Result<()> {
    if force {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("{what_is_lost}; nobody is at a terminal to confirm it, so nothing was done: pass --force to do it");
    }
    eprint!("{what_is_lost}. Type yes to go on: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    if answer.trim() != "yes" {
        bail!("nothing was done");
    }
    Ok(())
}
