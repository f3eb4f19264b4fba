//! A development chain that a process serves as a node, and commands that meet it there, with wallets.

use std::path::PathBuf;
use std::process::Command;

use kinitro::beacon::dev_genesis;

use super::process::{Process, kinitro};

/// A served chain in a folder of its own; the node ends with it.
pub struct ServedChain {
    pub folder: tempfile::TempDir,
    pub node: Process,
    /// The node's address.
    pub endpoint: String,
}

impl ServedChain {
    /// Serves a chain with these settings; they say nothing of storage.
    pub fn start(settings: &str) -> ServedChain {
        let folder = tempfile::tempdir().unwrap();
        let storage = format!("[storage]\ndata_dir = {:?}\n", folder.path().join("data"));
        std::fs::write(folder.path().join("kinitro.toml"), storage + settings).unwrap();
        let mut command = kinitro();
        command.args(["dev-chain", "--listen", "127.0.0.1:0", "--config"]).arg(folder.path().join("kinitro.toml"));
        let mut node = Process::start(&mut command);
        let line = node.wait_for("ws://");
        let endpoint = line[line.find("ws://").unwrap()..].split(' ').next().unwrap().to_owned();
        ServedChain { folder, node, endpoint }
    }

    /// Where the wallets are.
    pub fn wallets(&self) -> PathBuf {
        self.folder.path().join("wallets")
    }

    /// A command on the chain's file.
    pub fn local(&self, command: &str) -> Command {
        let mut local = kinitro();
        local.arg(command).arg("--config").arg(self.folder.path().join("kinitro.toml"));
        local
    }

    /// A command that meets the chain through the node, with a wallet.
    pub fn remote(&self, command: &str, wallet: &str) -> Command {
        let mut remote = self.local(command);
        remote.args(["--network", &self.endpoint, "--genesis", &dev_genesis("dev").to_string()]);
        remote.args(["--wallet-name", wallet]).arg("--wallet-path").arg(self.wallets());
        remote
    }

    /// Runs `kinitro dev-chain` on the chain's file.
    pub fn dev_chain(&self, arguments: &[&str]) {
        let mut command = self.local("dev-chain");
        let done = command.args(arguments).arg("--wallet-path").arg(self.wallets()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}
