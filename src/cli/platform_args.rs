//! The services that a miner uses: where they are and who asks, from flags and the environment.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;

use crate::domain::DeploymentRules;
use crate::hub::platform::{CHUTES_HOSTS, Chutes, ChutesSettings, DEFAULT_CHUTES_API, Deployment};
use crate::hub::repository::{DEFAULT_ENDPOINT, ENDPOINT_VARIABLE};
use crate::hub::upload::KeptSecret;
use crate::hub::{HubHttp, Token, TokenPlaces, parse_endpoint};
use crate::policy::{Endpoint, Secret};
use crate::service::bearer::Bearer;
use crate::service::chain_access::{hotkey_place, is_dev};
use crate::service::credentials::Credentials;
use crate::service::files::{MAX_SECRET_BYTES, read_text_capped};
use crate::service::settings::Settings;

/// Where another service that speaks the API of Chutes is named.
const CHUTES_VARIABLE: &str = "CHUTES_API_URL";
/// The user's name at Chutes.
const USER_VARIABLE: &str = "CHUTE_USER";

/// What an instance on the platform has.
#[derive(Debug, Clone, Args)]
pub struct PlatformArgs {
    /// Graphics cards of an instance
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub gpu_count: u8,

    /// Least memory of each, in GB
    #[arg(long, value_name = "GB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub min_vram: u16,

    /// Name of the chute [default: USER-kinitro-policy]
    #[arg(long, value_name = "NAME")]
    pub chute_name: Option<String>,

    /// The program of Chutes, which reads its own settings for the key that signs
    #[arg(long, value_name = "PROGRAM", default_value = "chutes")]
    pub chutes_program: PathBuf,
}

impl PlatformArgs {
    /// The platform Chutes.
    ///
    /// # Errors
    /// What is missing in the environment.
    pub fn chutes(&self) -> anyhow::Result<Box<dyn Deployment>> {
        let user = std::env::var(USER_VARIABLE).ok().filter(|user| !user.is_empty());
        let user = user.ok_or_else(|| anyhow!("set {USER_VARIABLE} to your user name at Chutes"))?;
        let chute = self.chute_name.clone().unwrap_or_else(|| format!("{user}-kinitro-policy"));
        let token = chutes_token()?.ok_or_else(|| {
            let TokenPlaces { variable, file_variable, .. } = TokenPlaces::CHUTES;
            anyhow!("set {variable} to an API key of Chutes, or {file_variable} to a file that holds one")
        })?;
        let http = HubHttp::new(address(CHUTES_VARIABLE, DEFAULT_CHUTES_API)?, Some(token))?;
        let program = self.program()?;
        Ok(Box::new(Chutes::new(http, ChutesSettings { user, chute, program })?))
    }

    /// A relative path is one of this folder, not of the project in which the program runs.
    fn program(&self) -> anyhow::Result<PathBuf> {
        let is_path = self.chutes_program.parent().is_some_and(|folder| folder != Path::new(""));
        if is_path { Ok(std::path::absolute(&self.chutes_program)?) } else { Ok(self.chutes_program.clone()) }
    }
}

/// Chutes' key, where there is one.
///
/// # Errors
/// When it cannot be used.
pub fn chutes_token() -> anyhow::Result<Option<Token>> {
    Ok(TokenPlaces::CHUTES.of_process()?)
}

/// The credential for calls to a policy: the one in `file`, for that policy wherever it is, else Chutes' key, for hosts of Chutes.
/// Where `deployment` names no host of Chutes, that key is not even looked for.
///
/// # Errors
/// When what is there cannot be used.
pub fn bearer(file: Option<&Path>, deployment: Option<&str>) -> anyhow::Result<Option<Bearer>> {
    let Some(file) = file else {
        let rules = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
        let is_at_chutes = |text: &str| Endpoint::parse(text, &rules).is_ok_and(|place| place.is_at(CHUTES_HOSTS));
        if !deployment.is_none_or(is_at_chutes) {
            return Ok(None);
        }
        let hosts = Some(CHUTES_HOSTS.to_owned());
        return Ok(chutes_token()?.map(|token| Bearer { secret: Secret::new(token.expose()), hosts }));
    };
    let text = read_text_capped(file, MAX_SECRET_BYTES).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Some(Bearer { secret: Secret::new(&text), hosts: None }))
}

/// What no upload may hold: the tokens of this process, the files that they and `bearer_file` stand in, and the hotkey's file.
pub fn kept_secret(settings: &Settings, bearer_file: Option<&Path>) -> KeptSecret {
    let mut kept = KeptSecret { files: bearer_file.map(Path::to_owned).into_iter().collect(), tokens: Vec::new() };
    if !is_dev(settings)
        && let Ok(place) = hotkey_place(&settings.chain, &Credentials::own())
    {
        kept.files.push(place.file().to_owned());
    }
    for places in [TokenPlaces::HUGGING_FACE, TokenPlaces::CHUTES] {
        kept.files.extend(places.files(|name| std::env::var_os(name)));
        // One that cannot be used is an error where it is needed.
        kept.tokens.extend(places.of_process().ok().flatten().map(|token| Secret::new(token.expose())));
    }
    let bearer = bearer_file.and_then(|file| read_text_capped(file, MAX_SECRET_BYTES).ok());
    kept.tokens.extend(bearer.map(|text| Secret::new(&text)));
    kept
}

/// The model hub, with the token if there is one; for `writing` there must be.
///
/// # Errors
/// An address or a token that cannot be used, or is missing.
pub fn model_hub(writing: bool) -> anyhow::Result<HubHttp> {
    let places = TokenPlaces::HUGGING_FACE;
    let token = places.of_process()?;
    let (variable, file) = (places.variable, places.file_variable);
    anyhow::ensure!(
        token.is_some() || !writing,
        "set {variable} to a token of the model hub that may write, or {file} to a file that holds one"
    );
    Ok(HubHttp::new(address(ENDPOINT_VARIABLE, DEFAULT_ENDPOINT)?, token)?)
}

fn address(variable: &str, default: &str) -> anyhow::Result<reqwest::Url> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_owned());
    parse_endpoint(&text).with_context(|| format!("{variable} is no address of a service"))
}
