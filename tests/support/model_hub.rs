//! A model hub on loopback that speaks as much of the documented API as an upload needs, with its storage on a server of its
//! own. It fails when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::Digest as _;

use crate::loopback::{Asked, Loopback, Reply};

/// What the hub holds.
#[derive(Default)]
pub struct Held {
    /// Newest commit; none before the repository is made.
    pub head: Option<u64>,
    /// Whether only its owner sees the repository.
    pub private: bool,
    /// Small files by path.
    pub small: BTreeMap<String, Vec<u8>>,
    /// Digests of large files by path.
    pub large: BTreeMap<String, String>,
    /// Large objects by digest.
    pub objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<(String, u64), Vec<u8>>,
    /// Lines of each commit.
    pub commits: Vec<Vec<Value>>,
    /// Objects go in parts of this size.
    pub part_bytes: Option<usize>,
    /// Storage keeps something else than it is sent.
    pub corrupts: bool,
    /// Refusals to come: of the next request with this method and such a path; `true` when it is carried out all the same.
    pub faults: Vec<(&'static str, &'static str, Reply, bool)>,
    /// Paths that the hub wants to leave out.
    pub ignored: Vec<&'static str>,
}

pub struct ModelHub {
    pub api: Loopback,
    pub storage: Loopback,
    held: Arc<Mutex<Held>>,
}

/// The full sha of commit number `number`.
pub fn sha(number: u64) -> String {
    format!("{number:040x}")
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

fn git(bytes: &[u8]) -> String {
    hex::encode(sha1::Sha1::digest([format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat()))
}

impl ModelHub {
    pub fn start() -> ModelHub {
        let held = Arc::new(Mutex::new(Held::default()));
        let shared = held.clone();
        let storage = Loopback::serve(move |asked| with_faults(&shared, asked, store));
        let (shared, base) = (held.clone(), storage.url(""));
        let api = Loopback::serve(move |asked| with_faults(&shared, asked, |held, asked| answer(held, asked, &base)));
        ModelHub { api, storage, held }
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// The next request of this kind is answered so, and not carried out.
    pub fn fail(&self, method: &'static str, part: &'static str, reply: Reply) {
        self.held().faults.push((method, part, reply, false));
    }
}

fn with_faults(held: &Mutex<Held>, asked: &Asked, serve: impl Fn(&mut Held, &Asked) -> Reply) -> Reply {
    let mut held = held.lock().unwrap();
    let is_due = |fault: &(&str, &str, Reply, bool)| asked.method == fault.0 && asked.target.contains(fault.1);
    let Some(due) = held.faults.iter().position(is_due) else { return serve(&mut held, asked) };
    let (_, _, reply, is_done) = held.faults.remove(due);
    if is_done {
        serve(&mut held, asked);
    }
    reply
}

/// `PUT /object/{oid}` and `PUT /part/{oid}/{number}`
fn store(held: &mut Held, asked: &Asked) -> Reply {
    assert_eq!(asked.header("authorization"), "", "the token went to storage");
    let mut body = asked.body.clone();
    if held.corrupts {
        body[0] ^= 1;
    }
    let words: Vec<&str> = asked.path().split('/').collect();
    match words[1] {
        "object" => {
            held.objects.insert(words[2].to_owned(), body);
        }
        _ => {
            held.parts.insert((words[2].to_owned(), words[3].parse().unwrap()), body);
        }
    }
    Reply::bytes("").with("etag", format!("\"{}\"", words.last().unwrap()))
}

fn answer(held: &mut Held, asked: &Asked, storage: &str) -> Reply {
    let own = format!("http://{}", asked.header("host"));
    let missing = || Reply { status: 404, ..Reply::json(&json!({"error": "Repository not found"})) };
    match (asked.method.as_str(), asked.path()) {
        ("POST", "/api/repos/create") => {
            held.head = Some(1);
            held.private = asked.json()["private"] == true;
            held.small.insert(".gitattributes".into(), b"*.safetensors filter=lfs".to_vec());
            Reply::json(&json!({"url": format!("{own}/alice/policy")}))
        }
        (_, path) if path.contains("/alice/policy") && held.head.is_none() => missing(),
        ("GET", "/api/models/alice/policy") => Reply::json(&json!({"id": "alice/policy", "private": held.private})),
        ("PUT", "/api/models/alice/policy/settings") => {
            held.private = asked.json()["private"] == true;
            Reply::json(&json!({"private": held.private}))
        }
        ("GET", "/api/models/alice/policy/revision/main") => Reply::json(&json!({"sha": sha(held.head.unwrap())})),
        ("GET", path) if path.starts_with("/api/models/alice/policy/tree/") => tree(held, asked),
        ("POST", "/api/models/alice/policy/preupload/main") => preupload(held, &asked.json()),
        ("POST", "/alice/policy.git/info/lfs/objects/batch") => batch(held, &asked.json(), &own, storage),
        ("POST", path) if path.starts_with("/complete/") => complete(held, &asked.json()),
        ("POST", "/verify") => verify(held, &asked.json()),
        ("POST", "/api/models/alice/policy/commit/main") => commit(held, asked),
        other => panic!("the hub has no {other:?}"),
    }
}

/// Two entries a page.
fn tree(held: &Held, asked: &Asked) -> Reply {
    let small = held.small.iter().map(|(path, bytes)| json!({"type": "file", "path": path, "oid": git(bytes)}));
    let large = held
        .large
        .iter()
        .map(|(path, oid)| json!({"type": "file", "path": path, "oid": "pointer", "lfs": {"oid": oid, "size": 1}}));
    let all: Vec<Value> = small.chain(large).chain([json!({"type": "directory", "path": "weights"})]).collect();
    let page: usize = asked.target.split("cursor=").nth(1).map_or(0, |page| page.parse().unwrap());
    let reply = Reply::json(&all.iter().skip(2 * page).take(2).cloned().collect());
    if 2 * page + 2 >= all.len() {
        return reply;
    }
    reply.with("link", format!("<{}?recursive=true&cursor={}>; rel=\"next\"", asked.path(), page + 1))
}

fn preupload(held: &Held, asked: &Value) -> Reply {
    let mode = |file: &Value| {
        let path = file["path"].as_str().unwrap();
        let mode = if path.ends_with(".safetensors") { "lfs" } else { "regular" };
        json!({"path": path, "uploadMode": mode, "shouldIgnore": held.ignored.contains(&path)})
    };
    Reply::json(&json!({"files": asked["files"].as_array().unwrap().iter().map(mode).collect::<Vec<_>>()}))
}

fn batch(held: &Held, asked: &Value, own: &str, storage: &str) -> Reply {
    let object = |object: &Value| {
        let (oid, size) = (object["oid"].as_str().unwrap(), object["size"].as_u64().unwrap() as usize);
        if held.objects.get(oid).is_some_and(|bytes| sha256(bytes) == oid) {
            return json!({"oid": oid, "size": size});
        }
        let upload = match held.part_bytes {
            None => json!({"href": format!("{storage}/object/{oid}?signature=x")}),
            Some(bytes) => {
                let mut header = json!({"chunk_size": bytes.to_string()});
                for part in 1..=size.div_ceil(bytes) {
                    header[format!("{part:05}")] = json!(format!("{storage}/part/{oid}/{part}?signature=x"));
                }
                json!({"href": format!("{own}/complete/{oid}"), "header": header})
            }
        };
        json!({"oid": oid, "size": size, "actions": {"upload": upload, "verify": {"href": format!("{own}/verify")}}})
    };
    Reply::json(&json!({"objects": asked["objects"].as_array().unwrap().iter().map(object).collect::<Vec<_>>()}))
}

fn complete(held: &mut Held, asked: &Value) -> Reply {
    let oid = asked["oid"].as_str().unwrap();
    let mut whole = Vec::new();
    for part in asked["parts"].as_array().unwrap() {
        let number = part["partNumber"].as_u64().unwrap();
        assert_eq!(part["etag"], format!("\"{number}\""));
        whole.extend_from_slice(&held.parts[&(oid.to_owned(), number)]);
    }
    held.objects.insert(oid.to_owned(), whole);
    Reply::json(&json!({}))
}

fn verify(held: &Held, asked: &Value) -> Reply {
    let oid = asked["oid"].as_str().unwrap();
    match held.objects.get(oid) {
        Some(bytes) if sha256(bytes) == oid && bytes.len() as u64 == asked["size"].as_u64().unwrap() => {
            Reply::bytes("")
        }
        _ => Reply { status: 422, ..Reply::json(&json!({"error": "the object has another digest"})) },
    }
}

fn commit(held: &mut Held, asked: &Asked) -> Reply {
    assert_eq!(asked.header("content-type"), "application/x-ndjson");
    let text = String::from_utf8(asked.body.clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    if lines[0]["value"]["parentCommit"] != sha(held.head.unwrap()) {
        return Reply { status: 412, ..Reply::json(&json!({"error": "the branch has moved"})) };
    }
    for line in &lines[1..] {
        let (path, value) = (line["value"]["path"].as_str().unwrap().to_owned(), &line["value"]);
        match line["key"].as_str().unwrap() {
            "file" => {
                let bytes = STANDARD.decode(value["content"].as_str().unwrap()).unwrap();
                held.small.insert(path, bytes);
            }
            "lfsFile" => {
                let oid = value["oid"].as_str().unwrap().to_owned();
                assert!(held.objects.contains_key(&oid), "a commit names an object that is not there");
                held.large.insert(path, oid);
            }
            "deletedFile" => {
                held.small.remove(&path);
                held.large.remove(&path);
            }
            other => panic!("{other}"),
        }
    }
    held.head = held.head.map(|head| head + 1);
    held.commits.push(lines);
    Reply::json(&json!({"commitOid": sha(held.head.unwrap()), "commitUrl": "x", "success": true}))
}
