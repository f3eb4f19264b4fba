//! What this program was built from.

use serde::Serialize;

/// What tells one build of this program from another. A part that the build did not know is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildIdentity {
    /// The release.
    pub version: &'static str,
    /// The commit that it was built from, 40 hexadecimal digits, with `-dirty` behind them when sources differed from it. The
    /// variable KINITRO_GIT_REVISION at build time, else what git says; development builds do not ask git.
    pub git_revision: Option<&'static str>,
    /// The NAR hash of the flake that it was built from (`sha256-…`): KINITRO_NAR_HASH at build time. Only Nix knows it.
    pub nar_hash: Option<&'static str>,
    /// The machine it runs on, as Rust names it, for example `x86_64-unknown-linux-gnu`.
    pub target: Option<&'static str>,
    /// The compiler, as it names itself.
    pub rustc: Option<&'static str>,
    /// Whether the build is optimised as releases are.
    pub is_release: bool,
    /// The cargo features that it was built with.
    pub features: Vec<&'static str>,
}

impl BuildIdentity {
    /// Of the program that asks.
    pub fn own() -> BuildIdentity {
        let known = |value: &'static str| (!value.is_empty()).then_some(value);
        let features = [("gl", cfg!(feature = "gl")), ("system-maths", cfg!(feature = "system-maths"))];
        BuildIdentity {
            version: env!("CARGO_PKG_VERSION"),
            git_revision: known(env!("KINITRO_BUILD_GIT_REVISION")),
            nar_hash: known(env!("KINITRO_BUILD_NAR_HASH")),
            target: known(env!("KINITRO_BUILD_TARGET")),
            rustc: known(env!("KINITRO_BUILD_RUSTC")),
            is_release: !cfg!(debug_assertions),
            features: features.into_iter().filter_map(|(name, is_on)| is_on.then_some(name)).collect(),
        }
    }
}
