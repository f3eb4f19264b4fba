//! A verification's report for people.

use super::table::Table;
use crate::domain::printable;
use crate::replay::{Answer, LevelReport, Report};

/// Prints each level with its counts and time, what was found, and the answer in the last line.
pub fn print(target: &str, report: &Report, seconds: f64) {
    let mut table = Table::new(&["level", "checked", "differ", "unchecked", "cpu seconds", "answer"]);
    for level in &report.levels {
        table.row([
            level.level.to_string(),
            level.checked.to_string(),
            level.differs.to_string(),
            level.unchecked.to_string(),
            format!("{:.3}", level.seconds),
            answer_of(level),
        ]);
    }
    table.print();
    for level in &report.levels {
        for finding in &level.findings {
            println!("{}: {}", level.level, printable(&finding.to_string(), 600));
        }
        let more = (level.differs + level.unchecked).saturating_sub(level.findings.len() as u64);
        if more > 0 {
            println!("{}: and {more} more", level.level);
        }
        for note in &level.notes {
            println!("{}: note: {}", level.level, printable(note, 600));
        }
    }
    match (report.answer, report.first_finding()) {
        (Answer::Identical, _) | (_, None) => println!("{target}: {} ({seconds:.1} s)", report.answer),
        (answer, Some((_, finding))) => {
            println!("{target}: {answer} ({seconds:.1} s); first: {}", printable(&finding.to_string(), 600))
        }
    }
}

fn answer_of(level: &LevelReport) -> String {
    if level.checked == 0 { "-".into() } else { level.answer().to_string() }
}
