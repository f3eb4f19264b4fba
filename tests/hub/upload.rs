//! A project's folder on its way into its repository.

use std::fs;
use std::time::Duration;

use kinitro::hub::upload::{KeptSecret, Progress, UploadError, UploadSettings, Uploaded, upload};
use kinitro::hub::{HubError, HubHttp, Patience, Token};
use kinitro::policy::Secret;
use serde_json::json;
use tempfile::TempDir;

use crate::loopback::Reply;
use crate::model_hub::{ModelHub, sha, sha256};

const TOKEN: &str = "hf_never_to_be_seen";

struct Project {
    folder: TempDir,
    settings: UploadSettings,
}

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().unwrap();
        let settings = UploadSettings {
            message: "Upload".into(),
            private: false,
            only_private: false,
            prune: false,
            exclude: vec![],
            max_bytes: 1_000_000,
            hash_cache: Some(folder.path().join(".kinitro/hashes.json")),
            kept_secret: KeptSecret::default(),
        };
        let project = Project { folder, settings };
        project.put("policy.py", b"class RobotPolicy: pass\n");
        project.put("weights/a.safetensors", &[7; 2_500]);
        project.put("weights/empty.safetensors", b"");
        project
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    async fn upload(&self, hub: &ModelHub) -> Result<Uploaded, UploadError> {
        let token = Token::new(TOKEN, "HF_TOKEN").unwrap();
        let patience =
            Patience { first_pause: Duration::from_millis(1), stall: Duration::from_secs(5), ..Patience::default() };
        let http = HubHttp::with_patience(hub.api.url("").parse().unwrap(), Some(token), patience).unwrap();
        let repo = "alice/policy".parse().unwrap();
        upload(&http, &repo, self.folder.path(), &self.settings, &mut |_: Progress| ()).await
    }
}

#[tokio::test]
async fn a_new_repository_is_made_and_holds_the_folder_and_nothing_is_sent_twice() {
    let (hub, project) = (ModelHub::start(), Project::new());
    let first = project.upload(&hub).await.unwrap();
    assert_eq!((first.revision.as_str(), first.committed, first.sent_bytes), (sha(2).as_str(), true, 2_500));
    {
        let held = hub.held();
        assert_eq!(held.small["policy.py"], b"class RobotPolicy: pass\n");
        assert_eq!(held.objects[&held.large["weights/a.safetensors"]], [7; 2_500]);
        assert_eq!(held.small["weights/empty.safetensors"], b"");
    }
    let again = project.upload(&hub).await.unwrap();
    assert_eq!((again.revision, again.committed, again.sent_bytes), (sha(2), false, 0));
    assert_eq!((hub.held().commits.len(), hub.storage.asked().len()), (1, 1));
    let create = hub.api.asked().into_iter().find(|asked| asked.path() == "/api/repos/create").unwrap().json();
    assert_eq!(create, json!({"name": "policy", "organization": "alice", "type": "model", "private": false}));
    assert!(hub.api.asked().iter().all(|asked| asked.header("authorization") == format!("Bearer {TOKEN}")));
}

#[tokio::test]
async fn a_commit_holds_what_changed_and_names_its_parent() {
    let (hub, mut project) = (ModelHub::start(), Project::new());
    project.put("old.safetensors", b"stale");
    project.upload(&hub).await.unwrap();
    project.put("policy.py", b"class RobotPolicy: ...\n");
    fs::remove_file(project.folder.path().join("old.safetensors")).unwrap();
    let second = project.upload(&hub).await.unwrap();
    assert_eq!(second.left_there, ["old.safetensors"]);
    let paths =
        |lines: &[serde_json::Value]| lines.iter().map(|line| line["value"]["path"].clone()).collect::<Vec<_>>();
    {
        let held = hub.held();
        let lines = &held.commits[1];
        assert_eq!(lines[0]["value"]["parentCommit"], sha(2));
        assert_eq!(paths(&lines[1..]), ["policy.py"]);
    }
    project.settings.prune = true;
    let third = project.upload(&hub).await.unwrap();
    assert!(third.committed && third.left_there.is_empty());
    assert!(!hub.held().large.contains_key("old.safetensors"));
    assert!(hub.held().small.contains_key(".gitattributes"));
}

#[tokio::test]
async fn what_an_exclusion_names_is_never_pruned() {
    let (hub, mut project) = (ModelHub::start(), Project::new());
    project.put("notes/a.md", b"mine");
    project.put("old.md", b"old");
    project.upload(&hub).await.unwrap();
    fs::remove_file(project.folder.path().join("old.md")).unwrap();
    project.settings.exclude = vec!["notes".into()];
    project.settings.prune = true;
    let second = project.upload(&hub).await.unwrap();
    assert_eq!((second.committed, second.left_there), (true, vec!["notes/a.md".to_owned()]));
    assert!(hub.held().small.contains_key("notes/a.md") && !hub.held().small.contains_key("old.md"));
    assert!(!project.upload(&hub).await.unwrap().committed, "nothing is left to prune");
}

#[tokio::test]
async fn a_token_in_the_folder_is_refused_before_the_hub_is_asked() {
    let (hub, mut project) = (ModelHub::start(), Project::new());
    project.put("login.py", format!("token = '{TOKEN}'\n").as_bytes());
    project.settings.kept_secret.tokens = vec![Secret::new(TOKEN)];
    let error = project.upload(&hub).await.unwrap_err();
    assert!(matches!(&error, UploadError::Secret { path, .. } if path == "login.py"), "{error}");
    assert!(hub.api.asked().is_empty() && !error.to_string().contains(TOKEN));
}

#[tokio::test]
async fn large_files_go_in_parts_where_the_hub_wants_it() {
    let (hub, project) = (ModelHub::start(), Project::new());
    hub.held().part_bytes = Some(1_000);
    let content: Vec<u8> = (0..2_500_u32).map(|byte| (byte / 10) as u8).collect();
    project.put("weights/a.safetensors", &content);
    project.upload(&hub).await.unwrap();
    assert_eq!(hub.held().objects[&sha256(&content)], content);
    let lengths: Vec<usize> = hub.storage.asked().iter().map(|asked| asked.body.len()).collect();
    assert_eq!(lengths, [1_000, 1_000, 500]);
}

#[tokio::test]
async fn faults_that_pass_are_waited_out() {
    let (hub, project) = (ModelHub::start(), Project::new());
    hub.held().part_bytes = Some(1_000);
    hub.fail("PUT", "/part/", Reply::status(500));
    hub.fail("PUT", "/part/", Reply::silence());
    hub.fail("POST", "preupload", Reply::status(429).with("retry-after", 1));
    hub.fail("POST", "batch", Reply::status(503));
    hub.fail("GET", "/tree/", Reply { cut_after: Some(5), ..Reply::bytes("[{\"type\"") });
    let uploaded = project.upload(&hub).await.unwrap();
    assert_eq!((uploaded.revision, uploaded.sent_bytes), (sha(2), 2_500));
}

#[tokio::test]
async fn a_hub_that_asks_to_wait_is_waited_for_at_every_step_of_a_file() {
    let (hub, project) = (ModelHub::start(), Project::new());
    let busy = || Reply::status(429).with("retry-after", 1);
    for (method, part) in [("POST", "/create"), ("PUT", "/object/"), ("POST", "/verify"), ("POST", "/commit/")] {
        hub.fail(method, part, busy());
    }
    let begun = std::time::Instant::now();
    let uploaded = project.upload(&hub).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(4), "Retry-After was not honoured");
    assert_eq!((uploaded.revision, uploaded.sent_bytes, hub.held().commits.len()), (sha(2), 2_500, 1));
}

#[tokio::test]
async fn what_was_sent_before_a_break_is_not_sent_again() {
    let (hub, project) = (ModelHub::start(), Project::new());
    project.put("weights/b.safetensors", &[9; 300]);
    for _ in 0..5 {
        let oid: &'static str = Box::leak(sha256(&[9; 300]).into_boxed_str());
        hub.fail("PUT", oid, Reply::status(500));
    }
    let error = project.upload(&hub).await.unwrap_err();
    assert!(matches!(error, UploadError::Hub(HubError::Server { status: 500, .. })), "{error}");
    assert!(error.to_string().contains("the same command goes on"), "{error}");
    assert!(hub.held().commits.is_empty(), "a half upload is visible");
    let second = project.upload(&hub).await.unwrap();
    assert_eq!((second.sent_bytes, second.revision), (300, sha(2)));
    assert_eq!(hub.storage.count("PUT", &sha256(&[7; 2_500])), 1);
}

#[tokio::test]
async fn a_wrong_digest_is_found_before_and_after_the_commit() {
    let (hub, project) = (ModelHub::start(), Project::new());
    hub.held().corrupts = true;
    let error = project.upload(&hub).await.unwrap_err().to_string();
    assert!(error.contains("another digest"), "{error}");
    assert!(hub.held().commits.is_empty());
    hub.held().corrupts = false;
    // A hub that forgets a file of the commit: the list behind it is another.
    hub.held().faults.push(("GET", "/tree/", Reply::json(&json!([])), false));
    hub.held().faults.push(("GET", "/tree/", Reply::json(&json!([])), false));
    let error = project.upload(&hub).await.unwrap_err();
    assert!(matches!(error, UploadError::Unequal { .. }), "{error}");
}

#[tokio::test]
async fn a_commit_of_unknown_fate_is_looked_for_and_not_made_twice() {
    let (hub, project) = (ModelHub::start(), Project::new());
    hub.held().faults.push(("POST", "/commit/", Reply::status(502), true));
    let uploaded = project.upload(&hub).await.unwrap();
    assert_eq!((uploaded.revision, hub.held().commits.len()), (sha(2), 1));
    project.put("policy.py", b"new");
    hub.fail("POST", "/commit/", Reply::status(502));
    let error = project.upload(&hub).await.unwrap_err();
    assert!(matches!(error, UploadError::Hub(HubError::Server { .. })), "{error}");
    hub.fail("POST", "/commit/", Reply { status: 412, ..Reply::json(&json!({"error": "moved"})) });
    assert!(matches!(project.upload(&hub).await.unwrap_err(), UploadError::Moved { .. }));
}

#[tokio::test]
async fn a_commit_of_somebody_else_is_not_taken_for_ours() {
    let (hub, project) = (ModelHub::start(), Project::new());
    project.upload(&hub).await.unwrap();
    project.put("policy.py", b"new");
    {
        // Meanwhile another program commits the same file, and other weights.
        let mut held = hub.held();
        let weights = json!({"oid": sha256(&[7; 2_500]), "size": 2_500});
        let before = json!([{"type": "file", "path": "weights/a.safetensors", "oid": "pointer", "lfs": weights}]);
        held.faults.push(("GET", "/revision/main", Reply::json(&json!({"sha": sha(2)})), false));
        held.faults.push(("GET", "/tree/", Reply::json(&before), false));
        held.faults.push(("POST", "/commit/", Reply::status(502), false));
        held.head = Some(3);
        held.small.insert("policy.py".into(), b"new".to_vec());
        held.large.insert("weights/a.safetensors".into(), sha256(b"other weights"));
    }
    let error = project.upload(&hub).await.unwrap_err();
    assert!(matches!(&error, UploadError::Unequal { path, .. } if path == "weights/a.safetensors"), "{error}");
}

#[tokio::test]
async fn refusals_say_what_to_do_and_never_the_token() {
    let (hub, project) = (ModelHub::start(), Project::new());
    hub.fail("GET", "/api/models", Reply::status(401));
    let error = project.upload(&hub).await.unwrap_err().to_string();
    assert!(error.contains("HF_TOKEN") && !error.contains(TOKEN), "{error}");
    hub.held().ignored = vec!["policy.py"];
    let error = project.upload(&hub).await.unwrap_err().to_string();
    assert!(error.contains("policy.py") && error.contains("--exclude"), "{error}");
    let asked = hub.api.asked().len();
    project.put("model.bin", b"pickle");
    assert!(matches!(project.upload(&hub).await.unwrap_err(), UploadError::Pickled { .. }));
    assert_eq!(hub.api.asked().len(), asked, "the hub was asked about what no contest takes");
    for file in ["policy.py", ".kinitro/hashes.json"] {
        assert!(!fs::read_to_string(project.folder.path().join(file)).unwrap().contains(TOKEN));
    }
}
