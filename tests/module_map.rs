//! Holds the crate to the map of ARCHITECTURE.md: a row may use only rows below it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rows from top to bottom. Modules of one row do not know each other.
const ROWS: &[&[&str]] = &[
    &["cli"],
    &["service"],
    &["store", "policy", "chain", "hub"],
    &["net"],
    &["episode"],
    &["replay"],
    &["score"],
    &["transcript"],
    &["admission"],
    &["sim"],
    &["beacon"],
    &["domain"],
];

/// Longest source file; a longer one holds two concepts.
const MAX_LINES: usize = 800;

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

fn source_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files
}

/// The top-level modules that `line` refers to by `crate::…`, braces one level deep included.
fn referred(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or("");
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        let group = match rest.strip_prefix('{') {
            Some(inner) => inner.split('}').next().unwrap_or("").split(',').collect(),
            None => vec![rest],
        };
        for item in group {
            let name: String = item.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn no_row_knows_a_row_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = Vec::new();
    for file in source_files() {
        let module = file.strip_prefix(&root).unwrap().components().next().unwrap().as_os_str().to_owned();
        let module = module.to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some(own_row) = row_of(&module) else { continue };
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            for name in referred(line) {
                let Some(row) = row_of(&name) else { continue };
                if name != module && row <= own_row {
                    upward.push(format!("{}:{}: {module} uses {name}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(upward.is_empty(), "arrows that point up or sideways:\n{}", upward.join("\n"));
}

#[test]
fn every_module_has_its_row() {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> =
        library.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mapped: BTreeSet<&str> = ROWS.iter().flat_map(|row| row.iter().copied()).collect();
    assert_eq!(declared, mapped, "src/lib.rs and the rows of this test differ");
}

#[test]
fn the_architecture_page_draws_the_same_rows() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let map = page.split("```").nth(1).expect("ARCHITECTURE.md holds the map in its first code block");
    let drawn: Vec<usize> =
        map.lines().filter_map(|line| row_of(line.split('/').next().unwrap_or("").trim())).collect();
    assert!(drawn.is_sorted(), "the map in ARCHITECTURE.md has another order: {drawn:?}");
    let names: usize = ROWS.iter().map(|row| row.len()).sum();
    assert_eq!(drawn.len(), names, "the map in ARCHITECTURE.md lacks a module or has one too many");
}

#[test]
fn no_file_is_longer_than_one_concept() {
    for file in source_files() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines; split it by concept", file.display());
    }
}

#[test]
fn unsafe_code_stays_in_the_engine_and_the_maths_symbols() {
    let allowed = ["src/sim/engine", "src/sim/maths"];
    for file in source_files() {
        let text = fs::read_to_string(&file).unwrap();
        let has_unsafe = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or("");
            code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl")
        });
        let path = file.to_str().unwrap();
        assert!(!has_unsafe || allowed.iter().any(|part| path.contains(part)), "{path} holds unsafe code");
    }
}
