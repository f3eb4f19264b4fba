//! Lets every program of this package find libmujoco, and tells `kinitro version` what it was built from.
//!
//! A program that is made for release depends on nothing but its sources, so that two builds in different folders are equal: it
//! looks for libmujoco in `../lib` of itself alone, knows no path of this machine, and is the one whose git revision is asked
//! for. Programs for development know where the build found libmujoco, and are not built again at each commit.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = variable("PROFILE").as_deref() == Some("release");
    find_libmujoco(is_release);
    tell_identity(is_release);
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn find_libmujoco(is_release: bool) {
    println!("cargo::rerun-if-env-changed=MUJOCO_DYNAMIC_LINK_DIR");
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    let Some(folder) = variable("MUJOCO_DYNAMIC_LINK_DIR") else { return };
    if is_release {
        // The sources would have the path of this folder in the program; seen from here it is the same.
        println!("cargo::rustc-env=CARGO_MANIFEST_DIR=.");
        lie_beside(Path::new(&folder));
    } else {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
}

/// Makes `target/` look like the place where a release is installed: `lib` and `share/kinitro` stand beside the folder of the
/// program, and `lib` beside that of tests and examples.
fn lie_beside(libmujoco: &Path) {
    let out = PathBuf::from(variable("OUT_DIR").unwrap_or_default());
    // OUT_DIR is target/release/build/kinitro-…/out.
    let Some((release, target)) = out.ancestors().nth(3).and_then(|folder| Some((folder, folder.parent()?))) else {
        return;
    };
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR").unwrap_or_default());
    let assets = package.join("vendor/metaworld");
    let links = [
        (target.join("lib"), libmujoco),
        (release.join("lib"), libmujoco),
        (target.join("share/kinitro"), assets.as_path()),
    ];
    for (link, to) in links {
        if let Some(folder) = link.parent() {
            // Where a link cannot be made, the program says at its start what it does not find.
            let _ = std::fs::create_dir_all(folder);
        }
        if link.is_symlink() {
            let _ = std::fs::remove_file(&link);
        }
        let _ = std::os::unix::fs::symlink(to, &link);
    }
}

/// What `kinitro version` says: set by whoever builds it, else found out.
fn tell_identity(is_release: bool) {
    for name in ["KINITRO_GIT_REVISION", "KINITRO_NAR_HASH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let revision = variable("KINITRO_GIT_REVISION").or_else(|| is_release.then(git_revision).flatten());
    let rustc = variable("RUSTC").and_then(|rustc| line_of(Command::new(rustc).arg("--version")));
    let facts = [
        ("GIT_REVISION", revision),
        ("NAR_HASH", variable("KINITRO_NAR_HASH")),
        ("TARGET", variable("TARGET")),
        ("RUSTC", rustc),
    ];
    for (name, value) in facts {
        println!("cargo::rustc-env=KINITRO_BUILD_{name}={}", value.unwrap_or_default());
    }
}

/// What the program is made of.
const SOURCES: [&str; 6] = ["src", "build.rs", "Cargo.toml", "Cargo.lock", ".cargo", "vendor.lock"];

/// The commit that is checked out, with `-dirty` behind it when the program's sources differ from it. None where there is no
/// git, or no repository of this package alone.
fn git_revision() -> Option<String> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        // A repository around this folder is another one's.
        command.env("GIT_CEILING_DIRECTORIES", package.parent().unwrap_or(&package));
        command.arg("-C").arg(&package).args(arguments);
        command
    };
    let commit = line_of(&mut git(&["rev-parse", "HEAD"]))?;
    // What decides the answer: which commit is checked out, and the files that the program is made of. One that is not there
    // would count as changed always.
    let watch = |file: PathBuf| {
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    };
    let branch = line_of(&mut git(&["symbolic-ref", "--quiet", "HEAD"]));
    for file in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        watch(package.join(line_of(&mut git(&["rev-parse", "--git-path", file]))?));
    }
    let sources =
        git(&["ls-files", "-z", "--"]).args(SOURCES).output().ok().filter(|output| output.status.success())?;
    for file in sources.stdout.split(|byte| *byte == 0).filter(|file| !file.is_empty()) {
        watch(package.join(String::from_utf8_lossy(file).as_ref()));
    }
    // Without the optional lock, asking changes nothing in the repository.
    let changes = git(&["--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "--"])
        .args(SOURCES)
        .output()
        .ok()?;
    Some(if changes.stdout.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// The first line that a command prints, if it succeeds.
fn line_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}
