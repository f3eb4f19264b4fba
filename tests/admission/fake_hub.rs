//! A model hub with one repository: its description, its files by redirect to a second server, and faults on demand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::loopback::{Asked, Loopback, Reply};

pub const REPO: &str = "alice/policy";
pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// Substrate's well-known development account.
pub const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

/// What the storage does with a file.
pub type Storage = Box<dyn Fn(&Asked, &[u8]) -> Reply + Send + Sync>;

/// What the hub holds.
#[derive(Clone)]
pub struct Content {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Put over the description.
    pub info: Value,
    /// Answers in place of the description, each once.
    pub instead: Vec<Reply>,
}

pub struct FakeHub {
    pub hub: Loopback,
    pub storage: Loopback,
}

/// A safetensors file of one tensor, `[bytes]` of F32.
pub fn safetensors(name: &str, data: &[u8]) -> Vec<u8> {
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![data.len() / 4], data).unwrap();
    safetensors::serialize([(name, view)], None).unwrap()
}

impl Content {
    pub fn good() -> Content {
        let files = [
            ("model.safetensors", safetensors("w", &[7; 4_000])),
            ("coldkey.txt", format!("{ALICE}\n").into_bytes()),
            ("README.md", b"a policy".to_vec()),
        ];
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        Content { files, info: json!({}), instead: Vec::new() }
    }

    pub fn with(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Content {
        self.files.insert(name.to_owned(), bytes.into());
        self
    }

    pub fn without(mut self, name: &str) -> Content {
        self.files.remove(name);
        self
    }

    pub fn info(self, info: Value) -> Content {
        Content { info, ..self }
    }

    pub fn answering(self, reply: Reply) -> Content {
        Content { instead: vec![reply; 9], ..self }
    }

    fn description(&self) -> Value {
        let sibling = |(name, bytes): (&String, &Vec<u8>)| {
            let large = name.ends_with(".safetensors");
            let sha256 = hex::encode(Sha256::digest(bytes));
            let lfs = large.then(|| json!({"sha256": sha256, "size": bytes.len(), "pointerSize": 134}));
            let blob = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
            let blob_id = hex::encode(sha1::Sha1::digest(blob));
            json!({"rfilename": name, "size": bytes.len(), "blobId": blob_id, "lfs": lfs})
        };
        let mut info = json!({
            "id": REPO, "sha": SHA, "lastModified": "2026-01-01T00:00:00.000Z", "private": false, "gated": false,
            "disabled": false, "tags": ["robotics"], "siblings": self.files.iter().map(sibling).collect::<Vec<_>>(),
        });
        for (name, value) in self.info.as_object().unwrap() {
            info[name] = value.clone();
        }
        info
    }
}

/// A file served whole or by range.
pub fn plainly(asked: &Asked, file: &[u8]) -> Reply {
    let Some(range) = asked.header("range").strip_prefix("bytes=") else { return Reply::bytes(file) };
    let (from, to) = range.split_once('-').unwrap();
    let (from, to) = (from.parse::<usize>().unwrap(), to.parse::<usize>().unwrap() + 1);
    let to = to.min(file.len());
    let named = format!("bytes {from}-{}/{}", to - 1, file.len());
    Reply { status: 206, ..Reply::bytes(&file[from..to]) }.with("content-range", named)
}

/// The same, but the connection is cut after so many bytes of each answer.
pub fn cut_after(bytes: usize) -> Storage {
    Box::new(move |asked, file| Reply { cut_after: Some(bytes), ..plainly(asked, file) })
}

/// The first answers are made by one, the later ones by the other.
pub fn first(count: usize, early: Storage, late: Storage) -> Storage {
    let asked_before = AtomicUsize::new(0);
    Box::new(move |asked, file| match asked_before.fetch_add(1, Ordering::Relaxed) < count {
        true => early(asked, file),
        false => late(asked, file),
    })
}

impl FakeHub {
    pub fn of(content: Content) -> FakeHub {
        FakeHub::with_storage(content, Box::new(plainly))
    }

    /// Small files come from the hub itself, as on the real one; safetensors by redirect to the storage.
    pub fn with_storage(content: Content, storage: Storage) -> FakeHub {
        let files = Arc::new(content.files.clone());
        let stored = files.clone();
        let storage = Loopback::serve(move |asked| match stored.get(asked.path().trim_start_matches("/blob/")) {
            Some(file) => storage(asked, file),
            None => Reply::status(404),
        });
        let blobs = storage.url("/blob/");
        let instead = Mutex::new(content.instead.clone());
        let hub = Loopback::serve(move |asked| {
            let described = |revision| format!("/api/models/{REPO}/revision/{revision}?blobs=true");
            if [described(SHA), described("main")].contains(&asked.target) {
                let instead = instead.lock().unwrap().pop();
                return instead.unwrap_or_else(|| Reply::json(&content.description()));
            }
            match asked.path().strip_prefix(&format!("/{REPO}/resolve/{SHA}/")) {
                Some(name) if name.ends_with(".safetensors") => Reply::redirect(302, &format!("{blobs}{name}?X-Amz=1")),
                Some(name) if files.contains_key(name) => plainly(asked, &files[name]),
                _ => Reply::status(404).with("x-error-code", "RevisionNotFound"),
            }
        });
        FakeHub { hub, storage }
    }
}
