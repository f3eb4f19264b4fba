//! Container images by the engine that is here.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::program::{Program, ProgramError, Say, found_in_path};

/// The engines that are looked for, the first that answers counts.
pub const ENGINES: [&str; 2] = ["docker", "podman"];
/// Longest build or push.
const LIMIT: Duration = Duration::from_secs(4 * 3600);
/// Longest time in which an engine answers what runs there.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// Longest reference of an image.
const MAX_TAG_CHARS: usize = 300;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No engine.
    #[error(
        "neither docker nor podman is here; install one, or name another that takes the same arguments with --engine"
    )]
    NoEngine,
    /// Programs without an engine behind them, each with what it said.
    #[error("{0}; start it, or install another, or name one that takes the same arguments with --engine")]
    SilentEngine(String),
    /// Nothing to build.
    #[error("{0} has no Dockerfile; `kinitro init-miner` writes one into a new project")]
    NoDockerfile(String),
    /// A tag that cannot be one.
    #[error("{0:?} is no tag of an image: name[:tag], perhaps with a registry before it, in lower case")]
    Tag(String),
    /// The engine failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// An image that is to be built.
#[derive(Debug, Clone)]
pub struct ImageOrder {
    /// The project's folder, with a Dockerfile.
    pub project: PathBuf,
    /// What the image is called.
    pub tag: String,
    /// The engine; else the first of [`ENGINES`] in `PATH` that answers.
    pub engine: Option<PathBuf>,
    /// Whether it is pushed to the registry in its tag.
    pub push: bool,
}

/// Builds an image, and pushes it if that is asked for. Returns the engine's name. `say` is told of engines that do not
/// answer where another does.
///
/// # Errors
/// [`ImageError`].
pub async fn build_image(order: &ImageOrder, path: &OsStr, say: Say<'_>) -> Result<PathBuf, ImageError> {
    if !is_tag(&order.tag) {
        return Err(ImageError::Tag(crate::domain::printable(&order.tag, 80)));
    }
    if !order.project.join("Dockerfile").is_file() {
        return Err(ImageError::NoDockerfile(order.project.display().to_string()));
    }
    let engine = match &order.engine {
        Some(engine) => engine.clone(),
        None => answering_engine(&order.project, path, &mut *say).await?,
    };
    program(&engine, &order.project, &["build", "--tag", &order.tag, "."]).run(&mut *say).await?;
    if order.push {
        program(&engine, &order.project, &["push", &order.tag]).run(&mut *say).await?;
    }
    Ok(engine)
}

/// The first of [`ENGINES`] that answers: its program may be there alone, as a client of an engine that does not run.
async fn answering_engine(project: &Path, path: &OsStr, say: Say<'_>) -> Result<PathBuf, ImageError> {
    let mut silent: Vec<String> = Vec::new();
    for name in found_in_path(&ENGINES, path) {
        let engine = PathBuf::from(name);
        let look = Program { limit: ANSWER_LIMIT, ..program(&engine, project, &["ps", "--quiet"]) };
        match look.run(&mut |_| ()).await {
            Ok(_) => {
                silent.iter().for_each(|what| say(what));
                return Ok(engine);
            }
            Err(error) => silent.push(format!("{name} is here, but its engine does not answer ({error})")),
        }
    }
    if silent.is_empty() { Err(ImageError::NoEngine) } else { Err(ImageError::SilentEngine(silent.join("; "))) }
}

fn program(engine: &Path, project: &Path, arguments: &[&str]) -> Program {
    Program {
        program: engine.to_owned(),
        cure: "install it, or name another with --engine".to_owned(),
        arguments: arguments.iter().map(Into::into).collect(),
        folder: project.to_owned(),
        environment: Vec::new(),
        input: "",
        limit: LIMIT,
    }
}

/// Whether a text can be a reference: it begins with a letter or digit, so that no engine takes it for an option.
fn is_tag(tag: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    let name = tag.rsplit_once(':').filter(|(_, version)| !version.contains('/')).map_or(tag, |(name, _)| name);
    tag.len() <= MAX_TAG_CHARS
        && tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && tag.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && tag.bytes().all(allowed)
        && !name.bytes().any(|byte| byte.is_ascii_uppercase())
        && !tag.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_references_and_no_options() {
        for tag in ["policy", "policy:v1", "ghcr.io/alice/policy:V1.2", "localhost:5000/policy"] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in ["", "-f", "--file=/etc/passwd", "Policy", "a b", "a//b", "policy:", "a;b"] {
            assert!(!is_tag(tag), "{tag}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_said() {
        let project = tempfile::tempdir().unwrap();
        let order = |engine: Option<&str>| ImageOrder {
            project: project.path().to_owned(),
            tag: "policy:v1".into(),
            engine: engine.map(PathBuf::from),
            push: true,
        };
        let error = build_image(&order(None), OsStr::new("/nowhere"), &mut |_| ()).await.unwrap_err();
        assert!(matches!(error, ImageError::NoDockerfile(_)), "{error}");
        std::fs::write(project.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let error = build_image(&order(None), OsStr::new("/nowhere"), &mut |_| ()).await.unwrap_err();
        assert!(matches!(error, ImageError::NoEngine), "{error}");
        // `echo` stands in for an engine: it says how it was called.
        let mut said = Vec::new();
        let engine = order(Some("echo"));
        build_image(&engine, OsStr::new(""), &mut |line| said.push(line.to_owned())).await.unwrap();
        assert_eq!(said, ["build --tag policy:v1 .", "push policy:v1"]);
    }
}
