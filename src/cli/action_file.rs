//! Files of actions: JSON lines of four numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail};

use crate::domain::printable;

/// Longest line taken, bytes; four numbers in any sensible notation need far less.
const MAX_LINE_BYTES: u64 = 4096;

/// Reads at most `most` actions from a file, or from standard input if its name is `-`. Blank lines are skipped.
/// Each number is rounded to single precision.
///
/// # Errors
/// A file that cannot be read, or the first line that is no action, by its number.
pub fn read(path: &Path, most: u32) -> anyhow::Result<Vec<[f32; 4]>> {
    let shown = path.display();
    if path == Path::new("-") {
        return parse(io::stdin().lock(), "standard input", most);
    }
    let file = File::open(path).with_context(|| format!("the actions in {shown} cannot be read"))?;
    parse(BufReader::new(file), &shown.to_string(), most)
}

fn parse(mut lines: impl BufRead, name: &str, most: u32) -> anyhow::Result<Vec<[f32; 4]>> {
    let mut actions = Vec::new();
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        let read = lines.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
        if read.with_context(|| format!("line {number} of {name} cannot be read"))? == 0 {
            break;
        }
        if line.len() as u64 > MAX_LINE_BYTES {
            bail!("line {number} of {name} is longer than {MAX_LINE_BYTES} bytes: write one action per line");
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if actions.len() == most as usize {
            bail!("{name} has more than {most} actions, the length of an episode: shorten it");
        }
        actions.push(action(&line).with_context(|| format!("line {number} of {name}"))?);
    }
    Ok(actions)
}

/// Reads one action.
fn action(line: &[u8]) -> anyhow::Result<[f32; 4]> {
    let numbers: [f64; 4] = serde_json::from_slice(line).ok().with_context(|| {
        let shown = printable(&String::from_utf8_lossy(line.trim_ascii()), 60);
        format!("{shown:?} is no action: write four numbers such as [0.5, 0, -1, 1]")
    })?;
    let rounded = numbers.map(|number| number as f32);
    if rounded.iter().any(|number| !number.is_finite()) {
        bail!("{numbers:?} does not fit single precision: keep numbers between -1 and 1");
    }
    Ok(rounded)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn error_of(text: &str) -> String {
        format!("{:#}", parse(text.as_bytes(), "a file", 2).unwrap_err())
    }

    #[test]
    fn actions_are_rounded_to_single_precision_and_blank_lines_skipped() {
        let actions = parse(&b"[0.1, -3, 1e-3, 0]\n\n  [1,1,1,1]"[..], "a file", 2).unwrap();
        assert_eq!(actions, [[0.1_f32, -3.0, 1e-3, 0.0], [1.0; 4]]);
    }

    #[test]
    fn the_first_bad_line_is_named_by_its_number() {
        for bad in ["[1,2,3]", "[1,2,3,4,5]", "[1,2,3,NaN]", "[1,2,3,null]", "{}", "[1,2,3,4] x", "\u{7f}"] {
            let error = error_of(&format!("[0,0,0,0]\n{bad}\n"));
            assert!(error.starts_with("line 2 of a file: ") && error.contains("is no action"), "{error}");
        }
        assert!(error_of("[0,0,0,1e39]").contains("does not fit single precision"));
    }

    #[test]
    fn more_actions_than_an_episode_has_steps_and_endless_lines_are_refused() {
        assert!(error_of("[0,0,0,0]\n[0,0,0,0]\n[0,0,0,0]").contains("more than 2 actions"));
        assert!(error_of(&" ".repeat(5000)).contains("longer than 4096 bytes"));
    }
}
