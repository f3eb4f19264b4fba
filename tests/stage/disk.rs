//! Disks that run full: a small one in a private mount where this user may mount, else a limit on the size of files, at
//! which writes fail as well.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::process::Process;

/// How writes can be made to fail here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// `unshare` with these flags, and a tmpfs.
    Mounted { flags: &'static str },
    /// `RLIMIT_FSIZE`.
    Limited,
}

impl Disk {
    /// Root needs a private mount only, others a user namespace as well; where neither is allowed, a limit.
    pub fn here() -> Disk {
        let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
        let folder = tempfile::tempdir().unwrap();
        let mut probe = Command::new("unshare");
        probe.args([flags, "mount", "-t", "tmpfs", "-o", "size=100k", "none"]).arg(folder.path());
        let allowed = probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if allowed { Disk::Mounted { flags } } else { Disk::Limited }
    }

    /// What the system says about a write that found no room.
    pub fn no_room(self) -> &'static str {
        match self {
            Disk::Mounted { .. } => "No space left",
            Disk::Limited => "File too large",
        }
    }

    /// Runs a shell script in `folder` on a disk of `kib` KiB. The script has `fill` and `free`, and the program is `$KINITRO`.
    pub fn script(self, folder: &Path, kib: u32, script: &str) -> Command {
        let (mut command, begin) = match self {
            Disk::Mounted { flags } => {
                let mut command = Command::new("unshare");
                command.args([flags, "bash", "-c"]);
                let mount = format!(
                    "mount -t tmpfs -o size={kib}k none \"$FOLDER\"; \
                     fill() {{ head -c 16M /dev/zero >filling 2>/dev/null || true; }}; free() {{ rm filling; }}"
                );
                (command, mount)
            }
            Disk::Limited => {
                let mut command = Command::new("bash");
                command.arg("-c");
                let limit = "trap '' XFSZ; fill() { ulimit -S -f 0; }; free() { ulimit -S -f unlimited; }";
                (command, limit.to_owned())
            }
        };
        command.arg(format!("set -e; {begin}; cd \"$FOLDER\"; {script}"));
        command.env("FOLDER", folder).env("KINITRO", env!("CARGO_BIN_EXE_kinitro"));
        command
    }

    /// Leaves a process that [`Disk::script`] became no room in `folder`.
    pub fn fill(self, process: &Process, folder: &Path) {
        match self {
            Disk::Mounted { .. } => {
                let written = std::fs::write(filling(process, folder), vec![1; 16 << 20]);
                assert!(written.is_err(), "the disk is not small");
            }
            Disk::Limited => limit(process, Some(0)),
        }
    }

    /// Gives it room again.
    pub fn free(self, process: &Process, folder: &Path) {
        match self {
            Disk::Mounted { .. } => std::fs::remove_file(filling(process, folder)).unwrap(),
            Disk::Limited => limit(process, None),
        }
    }
}

/// The file that fills the disk, seen from outside of its mount.
fn filling(process: &Process, folder: &Path) -> String {
    format!("/proc/{}/root{}/filling", process.id(), folder.display())
}

fn limit(process: &Process, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap());
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}
