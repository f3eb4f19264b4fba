//! The report as one HTML page: no scripts, nothing from elsewhere, every text escaped by maud.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Clip, EnvironmentRow, Latencies, TrialReport};
use crate::domain::printable;

/// Longest foreign text that is shown.
const MAX_TEXT: usize = 300;

const STYLE: &str = "
:root { color-scheme: light dark; --bar: #2a6fb0; --soft: #8886; --good: #2c8a4b; --bad: #b5482f; }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid var(--soft); }
code { font-size: 0.9em; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 0.3rem 0.6rem 0.3rem 0; border-bottom: 1px solid var(--soft); white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
.rate { width: 12rem; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
figure { margin: 0; } video { width: 100%; background: #000; }
.good { color: var(--good); } .bad { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0; } dd { margin: 0; }
";

/// The page.
pub(super) fn page(report: &TrialReport) -> String {
    let endpoint = printable(&report.endpoint, MAX_TEXT);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; media-src data:";
                title { "kinitro evaluate: " (endpoint) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Evaluation of " code { (endpoint) } }
                dl {
                    dt { "worlds" } dd { "block " (report.seed) " of the development chain" }
                    dt { "contest" } dd { code { (report.contest) } }
                    dt { "program" } dd { "kinitro " (report.version) }
                }
                (rates(&report.environments))
                (latencies(&report.latency, report.act_timeout_ms))
                (missed(report))
                (clips(&report.shown))
            }
        }
    };
    markup.into_string()
}

fn rates(rows: &[EnvironmentRow]) -> Markup {
    html! {
        h2 { "Success" }
        div.wide {
            table {
                tr { th { "environment" } th { "success" } th { "rate, 95 % interval" } th { "mean reward" } th { "faults" } }
                @for row in rows {
                    tr {
                        td { (row.env_id) }
                        td.number { (row.successes) " of " (row.episodes) }
                        td { (interval(row)) }
                        td.number { (format!("{:.1}", row.mean_reward)) }
                        td { (faults(row)) }
                    }
                }
            }
        }
    }
}

/// A rate as a dot on its interval, from 0 to 100 %.
fn interval(row: &EnvironmentRow) -> Markup {
    let at = |rate: f64| format!("{:.1}", 4.0 + 192.0 * rate);
    let text =
        format!("{:.0} % ({:.0} – {:.0})", 100.0 * row.success_rate, 100.0 * row.rate_low, 100.0 * row.rate_high);
    html! {
        div.rate {
            svg viewBox="0 0 200 12" role="img" aria-label=(text) {
                line x1="4" x2="196" y1="6" y2="6" stroke="var(--soft)" {}
                line x1=(at(row.rate_low)) x2=(at(row.rate_high)) y1="6" y2="6" stroke="var(--bar)" stroke-width="5" {}
                circle cx=(at(row.success_rate)) cy="6" r="4" fill="currentColor" {}
            }
            (text)
        }
    }
}

fn faults(row: &EnvironmentRow) -> String {
    let mut faults: Vec<String> =
        row.faults.iter().map(|(reason, count)| format!("{} × {count}", printable(reason, MAX_TEXT))).collect();
    if row.lost_by_platform > 0 {
        faults.push(format!("lost on this side × {}", row.lost_by_platform));
    }
    if faults.is_empty() { "-".into() } else { faults.join(", ") }
}

fn latencies(latency: &Latencies, timeout_ms: u32) -> Markup {
    let time = |time_us: Option<u32>| time_us.map_or("-".to_owned(), milliseconds);
    let most = latency.histogram.iter().map(|bar| bar.answers).max().unwrap_or(0).max(1);
    let share = |answers: u64| 300.0 * answers as f64 / most as f64;
    let height = 18 * latency.histogram.len();
    html! {
        h2 { "Answers to /act" }
        p {
            (latency.answers) " answers: half within " b { (time(latency.p50_us)) } ", 95 % within "
            b { (time(latency.p95_us)) } ", 99 % within " b { (time(latency.p99_us)) } "; the slowest took "
            (time(latency.max_us)) ". There are " (timeout_ms) " ms for each; what is later is missed and not counted here."
        }
        svg viewBox=(format!("0 0 480 {height}")) role="img" aria-label="how many answers took how long" {
            @for (place, bar) in latency.histogram.iter().enumerate() {
                @let y = 18 * place;
                text x="92" y=(y + 13) text-anchor="end" {
                    @match bar.below_us { Some(end) => { "< " (milliseconds(end)) } None => { "longer" } }
                }
                rect x="100" y=(y + 2) width=(format!("{:.1}", share(bar.answers))) height="14" fill="var(--bar)" {}
                text x=(format!("{:.1}", 106.0 + share(bar.answers))) y=(y + 13) { (bar.answers) }
            }
        }
    }
}

fn milliseconds(time_us: u32) -> String {
    let time_ms = f64::from(time_us) / 1_000.0;
    if time_ms < 10.0 { format!("{time_ms:.1} ms") } else { format!("{time_ms:.0} ms") }
}

fn missed(report: &TrialReport) -> Markup {
    let all: u64 = report.missed.values().sum();
    html! {
        h2 { "Missed steps" }
        p { (all) " of " (report.steps) " steps had no usable answer." }
        @if all > 0 {
            table {
                tr { th { "reason" } th { "steps" } }
                @for (reason, count) in report.missed.iter().filter(|(_, count)| **count > 0) {
                    tr { td { (reason) } td.number { (count) } }
                }
            }
        }
    }
}

fn clips(clips: &[Clip]) -> Markup {
    html! {
        h2 { "Episodes" }
        p { "Of each environment the first success and the first failure, through the cameras corner and gripper." }
        div.clips {
            @for clip in clips {
                figure {
                    video controls="" playsinline="" preload="metadata" src=(format!("data:video/mp4;base64,{}", clip.video)) {}
                    figcaption {
                        (clip.env_id) ", episode " (clip.index) ": "
                        @if clip.success { span.good { "success" } } @else { span.bad { "failure" } }
                        @if let Some(step) = clip.first_success_step { ", first at step " (step) }
                        @if let Some(fault) = &clip.fault { ", ended by " (fault) }
                        ", " (clip.steps) " steps, reward " (format!("{:.1}", clip.total_reward)) br;
                        code { (clip.transcript) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::Digest;

    #[test]
    fn foreign_text_is_text_and_nothing_comes_from_elsewhere() {
        let clip = Clip {
            env_id: "metaworld/reach-v3".parse().unwrap(),
            index: 3,
            success: false,
            steps: 9,
            first_success_step: None,
            total_reward: 1.5,
            fault: Some("<b>slow</b>".into()),
            transcript: Digest([1; 32]),
            video: "AAAA".into(),
        };
        let row = EnvironmentRow::of(&clip.env_id, &Default::default());
        let faults = BTreeMap::from([("<i>x</i>\u{1b}[31m".to_owned(), 2)]);
        let report = TrialReport {
            version: "1",
            endpoint: "http://a/\"><script>alert(1)</script>".into(),
            seed: 1,
            contest: Digest([2; 32]),
            act_timeout_ms: 500,
            environments: vec![EnvironmentRow { faults, lost_by_platform: 1, ..row }],
            steps: 9,
            missed: BTreeMap::from([("timeout".to_owned(), 4)]),
            latency: Latencies::of(vec![1_500, 700_000]),
            shown: vec![clip],
        };
        let page = page(&report);
        for tag in ["<script", "<b>slow", "<i>x", "\u{1b}", " src=\"http", "href=", "url("] {
            assert!(!page.contains(tag), "{tag}");
        }
        for text in
            ["&lt;script&gt;", "4 of 9 steps", "data:video/mp4;base64,AAAA", "500 ms for each", "lost on this side × 1"]
        {
            assert!(page.contains(text), "{text}: {page}");
        }
    }
}
