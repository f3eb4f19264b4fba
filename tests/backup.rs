//! `kinitro db backup`: what it keeps of a daemon that works, what it finds, and that a daemon goes on from it.

mod stage;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stage::process::{Process, assert_refused, kinitro};
use stage::{Miner, Play, Stage, eventually, http, manifest};

/// A stage whose daemon has published its first cycle and goes on.
fn published() -> (Stage, Process, String) {
    let miners = [Miner::start("zero", &["--policy", "zero"])];
    let stage = Stage::set(&Play { episodes: 1, ..Play::default() }, &miners);
    let mut daemon = Process::start(&mut stage.role("daemon"));
    let url = daemon.url();
    eventually("the cycle is published", || manifest(&url, 1));
    (stage, daemon, url)
}

fn back_up(stage: &Stage, arguments: &[&str]) -> Output {
    stage.role("db").arg("backup").args(arguments).output().unwrap()
}

fn made(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check(folder: &Path) -> Output {
    kinitro().args(["db", "backup", "--check"]).arg(folder).output().unwrap()
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let shelves = fs::read_dir(folder.join("transcripts")).unwrap();
    let mut files: Vec<PathBuf> = shelves
        .flat_map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A file that nobody else has, in the place of one that others may have linked.
fn overwrite(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_daemon_goes_on_from_a_backup_of_one_that_was_at_work() {
    let (stage, mut daemon, url) = published();
    let path = format!("{url}/v1/cycles/1/manifest");
    let (_, original) = http::request("GET", &path, &[], b"").unwrap();
    let backups = stage.data().join("backups");
    let to = backups.to_str().unwrap();
    let first = made(&back_up(&stage, &["--to", to, "--json"]));
    assert_eq!((&first["newest_cycle"], &first["transcripts"]), (&1.into(), &4.into()), "{first}");
    assert_eq!(first["new_transcripts"], 4);
    let second = made(&back_up(&stage, &["--to", to, "--keep", "2", "--json"]));
    assert_eq!((&second["new_transcripts"], &second["removed"]), (&0.into(), &serde_json::json!([])), "{second}");
    let third = made(&back_up(&stage, &["--to", to, "--keep", "2", "--json"]));
    assert_eq!(third["removed"], serde_json::json!([first["folder"]]));
    assert!(daemon.is_alive());
    daemon.kill_nine();

    let folder = PathBuf::from(third["folder"].as_str().unwrap());
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700, "it holds secrets");
    assert!(check(&folder).status.success());
    let newest = check(&backups);
    assert!(String::from_utf8_lossy(&newest.stdout).contains("is whole: cycles up to 1, 4 transcripts"), "{newest:?}");
    let mut restored = Process::start(stage.role("daemon").arg("--data-dir").arg(&folder));
    let url = restored.url();
    let (status, shown) = http::request("GET", &format!("{url}/v1/cycles/1/manifest"), &[], b"").unwrap();
    assert_eq!((status, shown == original), (200, true), "the very same bytes");
    let verified = kinitro().args(["verify", &format!("{url}/v1/cycles/1")]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn losses_are_told_healed_from_the_backup_before_and_keep_older_backups() {
    let (stage, mut daemon, _) = published();
    daemon.interrupt();
    assert!(daemon.ended().success());
    let backups = stage.data().join("backups");
    let to = backups.to_str().unwrap();
    let first = made(&back_up(&stage, &["--to", to, "--json"]));
    let [one, other, ..] = &transcripts(&stage.data())[..] else { panic!("four transcripts") };
    overwrite(one, b"no transcript");
    let healed = made(&back_up(&stage, &["--to", to, "--json"]));
    assert_eq!(healed["damage"], serde_json::json!([]));
    assert!(check(Path::new(healed["folder"].as_str().unwrap())).status.success());

    // Neither the data folder nor the backup before has it now.
    let in_backup = |file: &Path| {
        let below = file.strip_prefix(stage.data()).unwrap();
        Path::new(healed["folder"].as_str().unwrap()).join(below)
    };
    overwrite(&in_backup(one), b"no transcript");
    overwrite(&in_backup(other), &fs::read(&transcripts(&stage.data())[2]).unwrap());
    let refused = check(&backups);
    let name = |file: &Path| {
        let shelf = file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        shelf + file.file_stem().unwrap().to_str().unwrap()
    };
    let damaged = format!("transcript {} is damaged", name(one));
    assert_refused(
        "check",
        &refused,
        1,
        &["is not whole", &damaged, &format!("the file of transcript {}", name(other))],
    );
    let lossy = back_up(&stage, &["--to", to, "--keep", "1"]);
    assert_refused("backup", &lossy, 1, &["the data folder has losses", &damaged]);
    // However often that is repeated: those with losses make room for one another, and those without stay.
    back_up(&stage, &["--to", to, "--keep", "1"]);
    for whole in [&first, &healed] {
        assert!(Path::new(whole["folder"].as_str().unwrap()).exists(), "older backups may have what is lost");
    }
    assert_eq!(fs::read_dir(&backups).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(), 3);
}

#[test]
fn a_clock_that_went_back_and_a_spoilt_backup_stop_nothing() {
    let (stage, mut daemon, _) = published();
    daemon.kill_nine();
    let backups = stage.data().join("backups");
    let make = || made(&back_up(&stage, &["--to", backups.to_str().unwrap(), "--keep", "2", "--json"]));
    let (future, spoilt) =
        ["kinitro-2031-01-01T00-00-00.000Z", "kinitro-2026-01-01T00-00-00.000Z"].map(|name| backups.join(name)).into();
    fs::rename(make()["folder"].as_str().unwrap(), &future).unwrap();
    let record = future.join("backup.json");
    let mut said: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    said["made_at"] = "2031-01-01T00:00:00Z".into();
    fs::write(&record, said.to_string()).unwrap();
    fs::create_dir(&spoilt).unwrap();
    let second = make();
    assert_eq!(second["removed"], serde_json::json!([]));
    let third = make();
    assert_eq!(third["removed"], serde_json::json!([future]), "the oldest, whatever the clock says now");
    assert!(Path::new(second["folder"].as_str().unwrap()).exists() && spoilt.exists());
    let newest = check(&backups);
    assert!(String::from_utf8_lossy(&newest.stdout).contains(third["folder"].as_str().unwrap()), "{newest:?}");
}

#[test]
fn a_backup_that_was_changed_is_found_out() {
    let (stage, mut daemon, _) = published();
    daemon.kill_nine();
    let backups = stage.data().join("backups");
    let first = made(&back_up(&stage, &["--to", backups.to_str().unwrap(), "--json"]));
    let folder = PathBuf::from(first["folder"].as_str().unwrap());
    let database = rusqlite::Connection::open(folder.join("kinitro.sqlite3")).unwrap();
    database.execute_batch("UPDATE publication SET digest = zeroblob(32)").unwrap();
    drop(database);
    let with = ["the database is not the one that was written", "the manifest of cycle 1 is not the one"];
    assert_refused("check", &check(&folder), 1, &with);
}

#[test]
fn nothing_is_made_of_nothing_nor_among_other_things() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let back_up =
        |to: &Path| kinitro().args(["db", "--data-dir"]).arg(&data).args(["backup", "--to"]).arg(to).output().unwrap();
    assert_refused("no database", &back_up(&folder.path().join("b")), 1, &["there is no database"]);
    assert!(!data.exists() && !folder.path().join("b").exists());
    assert!(kinitro().args(["db", "--data-dir"]).arg(&data).arg("init").output().unwrap().status.success());
    assert_refused("data folder", &back_up(&data), 1, &["holds something that is no backup"]);
    assert!(back_up(&folder.path().join("b")).status.success(), "an empty database is one");
    assert_refused("check", &check(&data), 1, &["holds no backup"]);
}

/// In a mount namespace of its own, on a disk of 64 MiB: one backup, then further ones with more and more room until one fits.
/// Prints a line for each try that fails, what lies beside the first backup after it, and whether the first is whole.
const FULL_DISK: &str = r#"
mount -t tmpfs -o size=64m,mode=0700 tmpfs "$3" || { echo "no disk" ; exit 7; }
back_up() { "$1" db --data-dir "$2" backup --to "$3/backups"; }
back_up "$@" >"$3/first" || exit 8
first=$(ls "$3/backups")
room=0
while head -c 64M /dev/zero >"$3/filler" 2>/dev/null; truncate -s "-$room" "$3/filler"; ! said=$(back_up "$@" 2>&1); do
    echo "$room: $said"
    echo "left: $(ls -A "$3/backups" | grep -v -e "$first" -e lock)"
    "$1" db backup --check "$3/backups" | grep -q "is whole" || exit 9
    [ "$room" -le 33554432 ] || exit 10
    room=$((room * 3 / 2 + 16384))
done
echo "backups: $(ls "$3/backups" | wc -l)"
"#;

#[test]
fn a_full_disk_leaves_no_half_backup_and_keeps_the_older_ones() {
    let may_mount = ["-m", "-Urm"].into_iter().find(|how| {
        let tried = Command::new("unshare").args([how, "sh", "-c", "mount -t tmpfs tmpfs /tmp"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    let Some(how) = may_mount else {
        eprintln!(
            "SKIPPED: a full disk needs a small tmpfs, and this user may not mount one (unshare -m, unshare -Urm)"
        );
        return;
    };
    let (stage, mut daemon, _) = published();
    daemon.kill_nine();
    let disk = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args([how, "sh", "-c", FULL_DISK, "sh"]).arg(kinitro().get_program());
    let output = command.arg(stage.data()).arg(disk.path()).output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{printed}");
    let (left, tries): (Vec<_>, Vec<_>) = printed.lines().partition(|line| line.starts_with("left:"));
    let (found, tries) = tries.split_last().unwrap();
    assert_eq!(*found, "backups: 2", "{printed}");
    assert!(left.len() > 2 && left.iter().all(|line| *line == "left: "), "{printed}");
    for line in tries {
        assert!(line.contains("no backup was made in") && line.contains("older ones are as they were"), "{line}");
        assert!(["make room", "Make room", "No space left on device"].iter().any(|why| line.contains(why)), "{line}");
    }
}
