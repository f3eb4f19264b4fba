//! Chutes: its own program builds and deploys, its HTTP service says what is there.
//!
//! Building and deploying must be signed by the hotkey that is registered with Chutes, which its program reads from its own
//! settings file and this crate never sees. The program ends with status 0 also where the service refused, so
//! that only the service's answer tells whether something was done.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::{DeployError, Deployment, Order, Running};
use crate::domain::printable;
use crate::hub::program::{Program, Say};
use crate::hub::{HubError, HubHttp, escape};

/// Where the service is.
pub const DEFAULT_CHUTES_API: &str = "https://api.chutes.ai";
/// Hosts of what runs there, `*.` standing for one label. The account's key goes along with calls to these alone.
pub const CHUTES_HOSTS: &str = "*.chutes.ai";
/// Longest answer about one chute or image; it holds the schemas of its calls.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Digits of the revision in an image's tag, as the template's `chute.py` writes it.
const TAG_DIGITS: usize = 12;
/// Longest build: downloads of some GB on the platform's side.
const BUILD_LIMIT: Duration = Duration::from_secs(2 * 3600);
/// Longest deployment; its program makes a few calls.
const DEPLOY_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How the service calls an image that can be used.
const IMAGE_READY: &str = "built and pushed";
/// Looks at an image that is being built, after the program has ended.
const IMAGE_LOOKS: u32 = 60;
/// Between two of them.
const IMAGE_PAUSE: Duration = Duration::from_secs(10);
/// Most bytes of the answer to a warm-up, which says each five seconds that nothing is up yet, for ten minutes.
const MAX_WARM_UP_BYTES: usize = 1 << 20;
/// Longest warm-up, of an answer that never ends.
const WARM_UP_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Whose chute, and which.
#[derive(Debug, Clone)]
pub struct ChutesSettings {
    /// The user's name at Chutes.
    pub user: String,
    /// The chute's name.
    pub chute: String,
    /// The program, `chutes` by default.
    pub program: PathBuf,
}

/// The platform Chutes.
pub struct Chutes {
    http: HubHttp,
    settings: ChutesSettings,
    image_pause: Duration,
}

#[derive(Deserialize)]
struct Chute {
    chute_id: String,
    #[serde(default)]
    slug: Option<String>,
    #[serde(default)]
    hot: bool,
    #[serde(default)]
    image: Option<Runs>,
}

/// The image of a chute.
#[derive(Deserialize)]
struct Runs {
    #[serde(default)]
    tag: String,
}

/// An image by itself.
#[derive(Deserialize)]
struct Image {
    status: String,
}

impl Chutes {
    /// The platform, asked through `http` with the miner's API key.
    ///
    /// # Errors
    /// [`DeployError::Project`] for names that Chutes does not have.
    pub fn new(http: HubHttp, settings: ChutesSettings) -> Result<Chutes, DeployError> {
        let is_name = |name: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !name.is_empty() && name.len() <= 64 && name.bytes().all(allowed) && !name.contains("..")
        };
        for (what, name) in [("user (CHUTE_USER)", &settings.user), ("chute", &settings.chute)] {
            if !is_name(name) {
                let name = printable(name, 80);
                let text = format!("{name:?} is no name of a {what} at Chutes: letters, digits, `-`, `_` and `.`");
                return Err(DeployError::Project(text));
            }
        }
        let image_pause = IMAGE_PAUSE.min(http.patience().stall);
        Ok(Chutes { http, settings, image_pause })
    }

    async fn chute(&self) -> Result<Option<Running>, HubError> {
        let path = format!("/chutes/{}", escape(&self.settings.chute));
        let chute = match self.http.get_json::<Chute>(&path, MAX_ANSWER_BYTES).await {
            Ok(chute) => chute,
            Err(HubError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let slug = chute.slug.filter(|slug| !slug.is_empty());
        let claim_id = printable(slug.as_deref().unwrap_or(&chute.chute_id), 80);
        let revision = chute.image.map(|image| image.tag).filter(|tag| is_digits(tag));
        Ok(Some(Running { claim_id, platform_id: Some(printable(&chute.chute_id, 80)), hot: chute.hot, revision }))
    }

    /// The state of the image for a revision; none when there is none.
    async fn image(&self, tag: &str) -> Result<Option<String>, HubError> {
        let ChutesSettings { user, chute, .. } = &self.settings;
        let path = format!("/images/{}/{}:{}", escape(user), escape(chute), escape(tag));
        match self.http.get_json::<Image>(&path, MAX_ANSWER_BYTES).await {
            Ok(image) => Ok(Some(image.status)),
            Err(HubError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn program(&self, order: &Order, arguments: &[&str], limit: Duration) -> Program {
        Program {
            program: self.settings.program.clone(),
            cure: "install Chutes' own with `pip install chutes`, and register with it: `chutes register`".to_owned(),
            arguments: arguments.iter().map(Into::into).collect(),
            folder: order.folder.clone(),
            environment: vec![
                ("CHUTE_USER", self.settings.user.clone()),
                ("CHUTE_NAME", self.settings.chute.clone()),
                ("HF_REPO", order.repo.to_string()),
                ("HF_REVISION", order.revision.clone()),
                ("GPU_COUNT", order.gpu_count.to_string()),
                ("MIN_VRAM_GB", order.min_vram_gb.to_string()),
            ],
            // It asks whether to show all files, to submit them, to deploy.
            input: "y\ny\ny\n",
            limit,
        }
    }

    async fn build(&self, order: &Order, tag: &str, say: Say<'_>) -> Result<(), DeployError> {
        let mut state = self.image(tag).await?;
        let mut tail = String::new();
        if state.is_none() {
            say("building the image on Chutes");
            tail = self.program(order, &["build", "chute:chute", "--wait"], BUILD_LIMIT).run(&mut *say).await?;
        }
        for look in 0..IMAGE_LOOKS {
            if look > 0 || state.is_none() {
                state = self.image(tag).await?;
            }
            match state.as_deref() {
                Some(IMAGE_READY) => return Ok(()),
                None => break,
                Some(status) if status.contains("error") || status.contains("fail") => {
                    let (image, status) = (format!("{}:{tag}", self.settings.chute), printable(status, 60));
                    return Err(DeployError::BrokenImage { image, status, tail });
                }
                Some(status) => say(&format!("the image is {}", printable(status, 60))),
            }
            tokio::time::sleep(self.image_pause).await;
        }
        let what = match state {
            None => format!("the image {}:{tag}", self.settings.chute),
            Some(status) => format!("a usable image {}:{tag} (it is {})", self.settings.chute, printable(&status, 60)),
        };
        Err(DeployError::NotThere { platform: "Chutes", what, tail })
    }
}

impl Deployment for Chutes {
    fn name(&self) -> &'static str {
        "Chutes"
    }

    fn deploy<'a>(&'a self, order: &'a Order, say: Say<'a>) -> BoxFuture<'a, Result<Running, DeployError>> {
        Box::pin(async move {
            if !order.folder.join("chute.py").is_file() {
                let folder = order.folder.display();
                let text = format!("{folder} has no chute.py; `kinitro init-miner` writes one into a new project");
                return Err(DeployError::Project(text));
            }
            let runs_it = |running: &Running| running.revision.is_some() && running.runs(&order.revision);
            if let Some(running) = self.chute().await?.filter(runs_it) {
                say("the chute runs this revision already");
                return Ok(running);
            }
            let tag: String = order.revision.chars().take(TAG_DIGITS).collect();
            self.build(order, &tag, &mut *say).await?;
            say("deploying the chute");
            let program = self.program(order, &["deploy", "chute:chute", "--accept-fee"], DEPLOY_LIMIT);
            let tail = program.run(&mut *say).await?;
            let deployed = self.chute().await?.filter(runs_it);
            let what = format!("the chute {} with revision {tag}", self.settings.chute);
            deployed.ok_or(DeployError::NotThere { platform: "Chutes", what, tail })
        })
    }

    fn state(&self) -> BoxFuture<'_, Result<Option<Running>, DeployError>> {
        Box::pin(async { Ok(self.chute().await?) })
    }

    fn warm_up<'a>(&'a self, running: &'a Running, say: Say<'a>) -> BoxFuture<'a, Result<Running, DeployError>> {
        Box::pin(async move {
            let id = running.platform_id.as_deref().unwrap_or(&self.settings.chute);
            say("waiting for an instance; that may take ten minutes");
            let path = format!("/chutes/warmup/{}", escape(id));
            self.http.wait_for_word(&path, "\"hot\"", MAX_WARM_UP_BYTES, WARM_UP_LIMIT).await?;
            // Whatever was said there, this is what counts.
            Ok(self.chute().await?.unwrap_or_else(|| running.clone()))
        })
    }
}

/// Whether a tag is the beginning of a sha.
fn is_digits(tag: &str) -> bool {
    tag.len() >= 7 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
}
