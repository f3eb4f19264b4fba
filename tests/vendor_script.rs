//! `scripts/vendor`: what it takes, what it refuses, what it leaves behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A copy of the project's vendor script and lock in a folder of its own.
fn project() -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scripts")).unwrap();
    for file in ["vendor.lock", "scripts/vendor"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn vendor(project: &Path, wheels: &Path) -> Output {
    Command::new("bash").arg(project.join("scripts/vendor")).env("KINITRO_WHEELS", wheels).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_wheel_with_another_digest_is_refused_and_nothing_is_installed() {
    let project = project();
    let wheels = tempfile::tempdir().unwrap();
    let name = "mujoco-3.17.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl";
    fs::write(wheels.path().join(name), b"the beginning of a download that was cut").unwrap();

    let output = vendor(project.path(), wheels.path());

    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("is not the file that vendor.lock names"), "{message}");
    assert!(message.contains("make vendor"), "{message}");
    assert_eq!(names(&project.path().join("vendor")), Vec::<String>::new());
}

#[test]
fn a_missing_wheel_is_named() {
    let project = project();
    let wheels = tempfile::tempdir().unwrap();
    let output = vendor(project.path(), wheels.path());
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no mujoco-3.17.0"));
}

#[test]
fn a_damaged_library_is_noticed() {
    let project = project();
    let library = project.path().join("vendor/mujoco/lib");
    fs::create_dir_all(&library).unwrap();
    fs::write(library.join("libmujoco.so.3.17.0"), b"damaged").unwrap();
    fs::write(library.join("libmujoco.so"), b"damaged").unwrap();
    let wheels = tempfile::tempdir().unwrap();
    // It wants the wheel again instead of trusting what lies there.
    let output = vendor(project.path(), wheels.path());
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no mujoco-3.17.0"));
}
