//! What the hub says of a repository at a revision: `GET /api/models/{repo}/revision/{revision}?blobs=true`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    pub sha: Option<String>,
    pub last_modified: Option<Timestamp>,
    #[serde(default)]
    pub private: bool,
    /// `false`, or how one gets in: `"auto"` or `"manual"`.
    #[serde(default)]
    pub gated: Value,
    #[serde(default)]
    pub disabled: bool,
    #[serde(default)]
    pub siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sibling {
    pub rfilename: String,
    pub size: Option<u64>,
    /// Git's name of the blob; of a large file that is its pointer's.
    pub blob_id: Option<String>,
    pub lfs: Option<Lfs>,
}

#[derive(Deserialize)]
pub struct Lfs {
    pub sha256: String,
    pub size: u64,
}

impl ModelInfo {
    /// Why not everybody may read it.
    pub fn barrier(&self) -> Option<&'static str> {
        let is_gated = !matches!(self.gated, Value::Null | Value::Bool(false));
        [(self.disabled, "disabled"), (self.private, "private"), (is_gated, "gated")]
            .into_iter()
            .find_map(|(is_so, kind)| is_so.then_some(kind))
    }
}

impl Sibling {
    /// Its size. A large file's is that of its content, not of its pointer.
    pub fn bytes(&self) -> Option<u64> {
        self.lfs.as_ref().map(|lfs| lfs.size).or(self.size)
    }

    /// A name for its content that other content cannot have, of characters that a file's name may have.
    pub fn content(&self) -> Option<String> {
        let is_hex = |text: &&str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match &self.lfs {
            Some(lfs) => Some(lfs.sha256.as_str()).filter(|text| is_hex(text, 64)).map(|sha| format!("sha256-{sha}")),
            None => self.blob_id.as_deref().filter(|text| is_hex(text, 40)).map(|id| format!("git-{id}")),
        }
    }
}
