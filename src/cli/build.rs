//! `kinitro build`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::hub::image::{ImageOrder, build_image};

/// Build a policy project's container image with docker or podman
///
/// Example: kinitro build my-policy --tag ghcr.io/alice/policy:v1 --push
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Folder of the project, with a Dockerfile
    #[arg(value_name = "PATH")]
    project: PathBuf,

    /// What the image is called
    #[arg(long)]
    tag: String,

    /// Push it to the registry in its tag, where the engine is logged in
    #[arg(long)]
    push: bool,

    /// Engine to use [default: docker where its engine answers, else podman]
    #[arg(long, value_name = "PROGRAM")]
    engine: Option<PathBuf>,
}

/// Builds the image.
///
/// # Errors
/// What is missing, or the engine's own failure with its last lines.
pub async fn run(args: BuildArgs) -> anyhow::Result<()> {
    let project = std::path::absolute(&args.project).context("the path cannot be used")?;
    let order = ImageOrder { project, tag: args.tag, engine: args.engine, push: args.push };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let engine = build_image(&order, &path, &mut |line| println!("{line}")).await?;
    let pushed = if order.push { ", and pushed" } else { "" };
    println!("{} is built with {}{pushed}", order.tag, engine.display());
    println!("try it: {} run --rm -p 127.0.0.1:8001:8000 {}", engine.display(), order.tag);
    Ok(())
}
