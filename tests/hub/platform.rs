//! Chutes behind its documented HTTP service. The program `chutes` cannot run here: a shell script stands in for it, which
//! notes how it was called and changes what the service says.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use kinitro::hub::platform::{Chutes, ChutesSettings, DeployError, Deployment, Order, PlainUrl};
use kinitro::hub::{HubError, HubHttp, Patience, Token};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::loopback::{Loopback, Reply};

pub const KEY: &str = "cpk_never_to_be_seen";
const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// A folder in which `image` and `chute` are what the service knows, written by the stand-in of the program.
pub struct Platform {
    folder: TempDir,
    pub service: Loopback,
}

impl Platform {
    fn start(script: &str) -> Platform {
        Platform::with_faults(script, |_, _| None)
    }

    /// A service that is asked for what it does instead with the request of this path and number, counted from 1 for each path.
    pub fn with_faults(script: &str, fault: impl Fn(&str, usize) -> Option<Reply> + Send + Sync + 'static) -> Platform {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chute.py"), "chute = ...\n").unwrap();
        let program = folder.path().join("chutes-stand-in");
        fs::write(
            &program,
            format!("#!/bin/sh\necho \"$@ $HF_REPO $HF_REVISION\" >>calls\nenv >>environment\n{script}"),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let state = folder.path().to_owned();
        let counts = Mutex::new(HashMap::<String, usize>::new());
        let service = Loopback::serve(move |asked| {
            let number = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(asked.path().to_owned()).or_default();
                *count += 1;
                *count
            };
            if let Some(instead) = fault(asked.path(), number) {
                return instead;
            }
            let known = |name: &str| fs::read_to_string(state.join(name)).ok();
            match asked.path() {
                "/images/alice/alice-policy:0123456789ab" => {
                    reply(known("image").map(|status| json!({"status": status.trim()})))
                }
                "/chutes/alice-policy" => {
                    reply(known("chute").map(|tag| chute(tag.trim(), state.join("hot").exists())))
                }
                "/chutes/warmup/id-1" => {
                    fs::write(state.join("hot"), "").unwrap();
                    Reply::bytes("data: {\"status\": \"cold\"}\n\ndata: {\"status\": \"hot\"}\n\n")
                }
                other => panic!("{other}"),
            }
        });
        Platform { folder, service }
    }

    fn chutes(&self) -> Chutes {
        self.chutes_within(Duration::from_millis(500))
    }

    /// The client, which waits so long for a byte.
    pub fn chutes_within(&self, stall: Duration) -> Chutes {
        let patience = Patience { first_pause: Duration::from_millis(1), stall, ..Patience::default() };
        let token = Token::new(KEY, "CHUTES_API_KEY").unwrap();
        let http = HubHttp::with_patience(self.service.url("").parse().unwrap(), Some(token), patience).unwrap();
        let program = self.folder.path().join("chutes-stand-in");
        Chutes::new(http, ChutesSettings { user: "alice".into(), chute: "alice-policy".into(), program }).unwrap()
    }

    pub fn order(&self) -> Order {
        Order {
            folder: self.folder.path().to_owned(),
            repo: "alice/policy".parse().unwrap(),
            revision: REVISION.into(),
            gpu_count: 1,
            min_vram_gb: 16,
        }
    }

    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

fn reply(found: Option<Value>) -> Reply {
    found.map_or_else(
        || Reply { status: 404, ..Reply::json(&json!({"detail": "not found"})) },
        |found| Reply::json(&found),
    )
}

pub fn chute(tag: &str, hot: bool) -> Value {
    json!({"chute_id": "id-1", "slug": "alice-alice-policy", "hot": hot, "name": "alice-policy", "image": {"tag": tag}})
}

const WORKING: &str = r#"
case "$1" in
  build) read answer; echo "answered $answer"; echo building >image; (sleep 0.2; echo 'built and pushed' >image) & ;;
  deploy) read answer; [ "$answer" = y ] && echo 0123456789ab >chute ;;
esac
"#;

#[tokio::test]
async fn the_image_is_built_once_the_chute_deployed_once_and_the_service_tells_what_runs() {
    let platform = Platform::start(WORKING);
    let chutes = platform.chutes();
    assert_eq!(chutes.state().await.unwrap(), None);
    let mut said = Vec::new();
    let running = chutes.deploy(&platform.order(), &mut |line| said.push(line.to_owned())).await.unwrap();
    assert_eq!((running.claim_id.as_str(), running.hot), ("alice-alice-policy", false));
    assert!(running.runs(REVISION) && !running.runs(&"f".repeat(40)));
    assert!(said.contains(&"answered y".to_owned()), "{said:?}");
    let asked = format!("alice/policy {REVISION}");
    assert_eq!(
        platform.calls(),
        [format!("build chute:chute --wait {asked}"), format!("deploy chute:chute --accept-fee {asked}")]
    );
    let running = chutes.warm_up(&running, &mut |_| ()).await.unwrap();
    assert!(running.hot);
    assert_eq!(chutes.deploy(&platform.order(), &mut |_| ()).await.unwrap(), running);
    assert_eq!(platform.calls().len(), 2, "what runs already was deployed again");
    assert!(platform.service.asked().iter().all(|asked| asked.header("authorization") == format!("Bearer {KEY}")));
    let environment = fs::read_to_string(platform.folder.path().join("environment")).unwrap();
    assert!(environment.contains("GPU_COUNT=1") && environment.contains("MIN_VRAM_GB=16"));
    assert!(!environment.contains(KEY));
}

#[tokio::test]
async fn a_program_that_ends_well_without_having_done_its_work_is_found_out() {
    let refused = Platform::start("echo 'balance is $0.00'");
    let error = refused.chutes().deploy(&refused.order(), &mut |_| ()).await.unwrap_err();
    assert!(matches!(&error, DeployError::NotThere { tail, .. } if tail.contains("balance")), "{error}");
    let failed = Platform::start("echo error >image");
    let error = failed.chutes().deploy(&failed.order(), &mut |_| ()).await.unwrap_err().to_string();
    let cures = ["chutes images delete", "a new revision is built under a new tag", "alice-policy:0123456789ab"];
    assert!(cures.iter().all(|cure| error.contains(cure)), "{error}");
    let again = failed.chutes().deploy(&failed.order(), &mut |_| ()).await.unwrap_err();
    assert!(matches!(again, DeployError::BrokenImage { .. }) && failed.calls().len() == 1, "{again}");
    let broken = Platform::start("echo no wallet >&2; exit 1");
    let error = broken.chutes().deploy(&broken.order(), &mut |_| ()).await.unwrap_err();
    assert!(matches!(&error, DeployError::Program(_)) && error.to_string().contains("no wallet"), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_cure() {
    let platform = Platform::start("");
    fs::remove_file(platform.folder.path().join("chutes-stand-in")).unwrap();
    let error = platform.chutes().deploy(&platform.order(), &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("pip install chutes"), "{error}");
    fs::remove_file(platform.folder.path().join("chute.py")).unwrap();
    let error = platform.chutes().deploy(&platform.order(), &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("kinitro init-miner"), "{error}");
    let unknown = Loopback::serve(|_| Reply::status(401));
    let http =
        HubHttp::new(unknown.url("").parse().unwrap(), Some(Token::new(KEY, "CHUTES_API_KEY").unwrap())).unwrap();
    let settings = |user: &str| ChutesSettings { user: user.into(), chute: "p".into(), program: "chutes".into() };
    let error = Chutes::new(http.clone(), settings("alice")).unwrap().state().await.unwrap_err();
    assert!(
        matches!(error, DeployError::Service(HubError::Unauthorised { variable: "CHUTES_API_KEY", .. })),
        "{error}"
    );
    assert!(Chutes::new(http, settings("../x")).err().unwrap().to_string().contains("CHUTE_USER"));
}

#[tokio::test]
async fn a_plain_url_runs_where_it_is() {
    let plain = PlainUrl::new("http://127.0.0.1:8001");
    let order = Platform::start("").order();
    let running = plain.deploy(&order, &mut |_| ()).await.unwrap();
    assert_eq!((running.claim_id.as_str(), running.hot, running.runs(REVISION)), ("http://127.0.0.1:8001", true, true));
    assert!(Path::new(&order.folder).is_absolute());
}
