//! What the documentation says is held against the program: settings, codes, endpoints, examples, links.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use assert_cmd::Command as Kinitro;
use kinitro::admission::ReasonCode;
use kinitro::domain::{FaultReason, MissReason};
use kinitro::service::settings::Settings;
use kinitro::sim::Simulator;

const EXAMPLE: &str = "docs/examples/kinitro.toml";
/// Widest line of prose, in characters.
const MAX_WIDTH: usize = 130;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages for people: those in the root and below `docs/`.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    let is_page = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    pages.extend(fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| is_page(path)));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_page(&path) {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 3, "the pages were not found");
    pages.sort();
    pages
}

/// The lines of a page outside of fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((number + 1, line))
    })
}

#[test]
fn the_example_settings_are_the_defaults_and_name_every_key() {
    let text = read(EXAMPLE);
    let written: toml::Table = text.parse().unwrap();
    assert_eq!(written, toml::Table::try_from(Settings::default()).unwrap());
    // What is unset by default has no TOML form; JSON shows it as null.
    let mut unset = Vec::new();
    find_nulls(&serde_json::to_value(Settings::default()).unwrap(), &mut unset);
    assert!(unset.contains(&"max_cycles".to_owned()), "{unset:?}");
    for key in unset {
        assert!(text.lines().any(|line| line.starts_with(&format!("# {key} = "))), "{EXAMPLE} does not name {key}");
    }
}

fn find_nulls(value: &serde_json::Value, found: &mut Vec<String>) {
    let Some(object) = value.as_object() else { return };
    for (key, value) in object {
        if value.is_null() {
            found.push(key.clone());
        }
        find_nulls(value, found);
    }
}

#[test]
fn each_unset_example_setting_can_be_set() {
    let mut section = String::new();
    let mut seen = 0;
    for line in read(EXAMPLE).lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        }
        let Some(setting) = line.strip_prefix("# ").filter(|line| line.contains(" = ")) else { continue };
        let set = toml::from_str::<Settings>(&format!("{section}\n{setting}"));
        assert!(set.is_ok_and(|settings| settings != Settings::default()), "{section} {setting}");
        seen += 1;
    }
    assert_eq!(seen, 15);
}

#[test]
fn the_example_of_first_commit_shows_its_defaults() {
    let text = read(EXAMPLE);
    let line = text.lines().find_map(|line| line.strip_prefix("# strategy = ")).unwrap();
    let settings = |strategy: &str| toml::from_str::<Settings>(&format!("[contest.scoring]\nstrategy = {strategy}"));
    assert_eq!(settings(line).unwrap(), settings("{ name = \"first_commit\" }").unwrap());
}

#[test]
fn check_config_accepts_the_example_settings() {
    let checked = Kinitro::cargo_bin("kinitro").unwrap().args(["check-config", "--config", EXAMPLE]).assert();
    checked.success();
}

#[test]
fn every_fault_and_every_reason_is_explained() {
    let operators = read("docs/operators.md");
    for reason in FaultReason::ALL {
        let row = format!("| `{}` | {} |", reason.slug(), reason.party());
        assert!(operators.contains(&row), "docs/operators.md lacks {row}");
    }
    let miners = read("docs/miners.md");
    for code in ReasonCode::ALL {
        let row = miners.lines().find(|line| line.starts_with(&format!("| `{}` |", code.slug())));
        let cells =
            row.map_or(Vec::new(), |row| row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect());
        assert_eq!(cells.len(), 3, "docs/miners.md lacks code, reason or cure of {}", code.slug());
    }
    for reason in MissReason::ALL {
        assert!(miners.contains(&format!("| `{reason}` |")), "docs/miners.md lacks {reason}");
    }
}

#[test]
fn every_endpoint_is_in_the_operators_table() {
    let operators = read("docs/operators.md");
    let api: serde_json::Value = serde_json::from_str(&read("tests/golden/openapi.json")).unwrap();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let row = format!("| `{} {path}` |", method.to_uppercase());
            assert!(operators.contains(&row), "docs/operators.md lacks {row}");
        }
    }
}

/// The Python server of the miners' page, stopped when dropped.
struct PolicyServer(Child);

impl Drop for PolicyServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_example_policy_server_plays_an_episode_without_faults() {
    let script = root().join("docs/examples/policy_server.py");
    let child = Command::new("python3").arg(script).arg("0").stdout(Stdio::piped()).spawn().expect("python3 is needed");
    let mut server = PolicyServer(child);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").expect("the server says where it is").to_owned();
    let output = Kinitro::cargo_bin("kinitro")
        .unwrap()
        .args(["evaluate", &url, "--env", "metaworld/reach-v3", "--episodes", "1", "--max-steps", "20", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["episodes"], 1, "{rows}");
    assert_eq!(rows[0]["faults"], serde_json::json!({}), "{rows}");
    assert_eq!(rows[0]["lost_by_platform"], 0, "{rows}");
    // It moved towards its point, which a server whose answers were all missed would not.
    assert!(rows[0]["mean_reward"].as_f64().unwrap() > 40.0, "{rows}");
}

#[test]
fn the_fingerprint_names_the_libm_that_is_locked() {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let mut versions = packages.filter(|package| package["name"].as_str() == Some("libm"));
    let version = versions.next().unwrap()["version"].as_str().unwrap();
    assert!(versions.next().is_none(), "two versions of libm are locked");
    let simulator = Simulator::locate(None).unwrap();
    assert_eq!(simulator.fingerprint().maths, format!("libm {version}"));
}

#[test]
fn every_relative_link_leads_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (number, line) in prose(&text) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap();
                if target.is_empty() || target.contains("://") {
                    continue;
                }
                let exists = page.parent().unwrap().join(target).exists();
                assert!(exists, "{}:{number} links to {target}, which does not exist", page.display());
            }
        }
    }
}

#[test]
fn pages_are_finished_and_fit_a_screen() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (number, line) in prose(&text) {
            let at = format!("{}:{number}", page.display());
            assert!(line.starts_with('|') || line.chars().count() <= MAX_WIDTH, "{at} is wider than {MAX_WIDTH}");
            for unfinished in ["TODO", "FIXME"] {
                assert!(!line.contains(unfinished), "{at} says {unfinished}");
            }
        }
    }
}
