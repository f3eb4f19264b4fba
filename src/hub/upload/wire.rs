//! What the hub is told and answers, in the forms of its HTTP API and of Git LFS's batch API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Media type of Git LFS.
pub const LFS_JSON: &str = "application/vnd.git-lfs+json";
/// Media type of a commit: a JSON document a line.
pub const NDJSON: &str = "application/x-ndjson";

/// `POST /api/repos/create`
#[derive(Serialize)]
pub struct Create<'a> {
    pub name: &'a str,
    pub organization: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub private: bool,
}

/// `GET /api/models/{repo}`
#[derive(Deserialize)]
pub struct Described {
    #[serde(default)]
    pub private: bool,
}

/// `PUT /api/models/{repo}/settings`
#[derive(Serialize)]
pub struct Settings {
    pub private: bool,
}

/// `GET /api/models/{repo}/revision/{revision}`
#[derive(Deserialize)]
pub struct Revision {
    pub sha: Option<String>,
}

/// An entry of `GET /api/models/{repo}/tree/{revision}`
#[derive(Deserialize)]
pub struct TreeEntry {
    #[serde(rename = "type")]
    pub kind: String,
    pub path: String,
    /// Git's name of the blob; of a large file that is its pointer's.
    #[serde(default)]
    pub oid: String,
    pub lfs: Option<LfsEntry>,
}

#[derive(Deserialize)]
pub struct LfsEntry {
    /// SHA-256 of the content.
    pub oid: String,
}

impl TreeEntry {
    pub fn is_file(&self) -> bool {
        self.kind == "file"
    }
}

/// `POST /api/models/{repo}/preupload/{revision}`
#[derive(Serialize)]
pub struct Preupload<'a> {
    pub files: Vec<PreuploadFile<'a>>,
    /// Stands in place of the repository's own `.gitignore`, by which the hub would silently leave files out.
    #[serde(rename = "gitIgnore")]
    pub git_ignore: &'static str,
}

#[derive(Serialize)]
pub struct PreuploadFile<'a> {
    pub path: &'a str,
    /// The first bytes in base64, from which the hub tells text from other content.
    pub sample: String,
    pub size: u64,
}

#[derive(Deserialize)]
pub struct Preuploaded {
    pub files: Vec<Mode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mode {
    pub path: String,
    pub upload_mode: String,
    #[serde(default)]
    pub should_ignore: bool,
}

/// `POST /{repo}.git/info/lfs/objects/batch`
#[derive(Serialize)]
pub struct Batch<'a> {
    pub operation: &'static str,
    pub transfers: [&'static str; 2],
    pub objects: Vec<Object<'a>>,
    pub hash_algo: &'static str,
}

#[derive(Serialize)]
pub struct Object<'a> {
    pub oid: &'a str,
    pub size: u64,
}

#[derive(Deserialize)]
pub struct Batched {
    pub objects: Vec<BatchedObject>,
}

#[derive(Deserialize)]
pub struct BatchedObject {
    pub oid: String,
    /// None when the hub has the object already.
    pub actions: Option<Actions>,
    pub error: Option<ObjectError>,
}

#[derive(Deserialize)]
pub struct ObjectError {
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
pub struct Actions {
    pub upload: Option<Action>,
    pub verify: Option<Action>,
}

#[derive(Deserialize)]
pub struct Action {
    pub href: String,
    /// Headers of a basic transfer; of a transfer in parts, `chunk_size` and the URL of each part by its number.
    #[serde(default)]
    pub header: BTreeMap<String, serde_json::Value>,
}

/// What ends a transfer in parts.
#[derive(Serialize)]
pub struct Completion<'a> {
    pub oid: &'a str,
    pub parts: Vec<Part>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub part_number: usize,
    pub etag: String,
}

/// A line of `POST /api/models/{repo}/commit/{revision}`
#[derive(Serialize)]
#[serde(tag = "key", content = "value", rename_all = "camelCase")]
pub enum Line<'a> {
    #[serde(rename_all = "camelCase")]
    Header {
        summary: &'a str,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_commit: Option<&'a str>,
    },
    File {
        path: &'a str,
        content: String,
        encoding: &'static str,
    },
    LfsFile {
        path: &'a str,
        algo: &'static str,
        oid: &'a str,
        size: u64,
    },
    DeletedFile {
        path: &'a str,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Committed {
    pub commit_oid: String,
}
