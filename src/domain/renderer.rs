//! What draws the pictures of a contest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::ParseError;

/// Most bytes of one of a GL driver's names.
const MAX_GL_NAME: usize = 200;

/// Which renderer draws a contest's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RendererProfile {
    /// This program's own renderer: the same bytes on every machine. Part of the engine fingerprint.
    #[default]
    #[serde(rename = "reference")]
    Reference,
    /// MuJoCo's renderer over EGL, on a GPU where there is one. Its bytes are those of one GL driver.
    #[serde(rename = "mujoco-gl")]
    MujocoGl,
}

impl RendererProfile {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            RendererProfile::Reference => "reference",
            RendererProfile::MujocoGl => "mujoco-gl",
        }
    }

    /// Whether the engine fingerprint decides the bytes of its pictures.
    pub fn is_reference(&self) -> bool {
        *self == RendererProfile::Reference
    }
}

impl fmt::Display for RendererProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What drew the pictures of an episode: a renderer, and the driver where its bytes depend on one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "name")]
pub enum Renderer {
    /// [`RendererProfile::Reference`].
    #[default]
    #[serde(rename = "reference")]
    Reference,
    /// [`RendererProfile::MujocoGl`] on this driver.
    #[serde(rename = "mujoco-gl")]
    MujocoGl(GlDriver),
}

impl Renderer {
    /// Which renderer it is.
    pub fn profile(&self) -> RendererProfile {
        match self {
            Renderer::Reference => RendererProfile::Reference,
            Renderer::MujocoGl(_) => RendererProfile::MujocoGl,
        }
    }

    /// Whether the engine fingerprint decides the bytes of its pictures.
    pub fn is_reference(&self) -> bool {
        self.profile().is_reference()
    }
}

/// A GL driver as it names itself. Pictures are compared only between equal ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlDriver {
    /// `GL_VENDOR`, who made it.
    pub vendor: GlName,
    /// `GL_RENDERER`, the device: a GPU, or `llvmpipe` where the CPU draws.
    pub renderer: GlName,
    /// `GL_VERSION`, with the driver's own version.
    pub driver: GlName,
}

impl fmt::Display for GlDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.vendor, self.renderer, self.driver)
    }
}

/// One of a GL driver's names: 1 to 200 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct GlName(String);

impl GlName {
    /// A driver's own words: what is not printable ASCII becomes `?`, and what is too long is cut off.
    pub fn of(words: &str) -> GlName {
        let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let text: String = words.chars().map(printable).take(MAX_GL_NAME).collect();
        GlName(if text.is_empty() { "?".to_owned() } else { text })
    }
}

impl FromStr for GlName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let name = GlName::of(text);
        if name.0 == text {
            Ok(name)
        } else {
            Err(ParseError::new("name of a GL driver", text, "expected 1 to 200 printable ASCII characters"))
        }
    }
}

impl fmt::Display for GlName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for GlName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renderer_is_written_with_its_driver_and_read_back() {
        let driver = GlDriver {
            vendor: GlName::of("Mesa"),
            renderer: GlName::of("llvmpipe (LLVM 15.0.6, 256 bits)"),
            driver: GlName::of("4.5 (Compatibility Profile) Mesa 22.3.6"),
        };
        let written = serde_json_canonicalizer::to_string(&Renderer::MujocoGl(driver.clone())).unwrap();
        assert_eq!(
            written,
            r#"{"driver":"4.5 (Compatibility Profile) Mesa 22.3.6","name":"mujoco-gl","renderer":"llvmpipe (LLVM 15.0.6, 256 bits)","vendor":"Mesa"}"#
        );
        assert_eq!(serde_json::from_str::<Renderer>(&written).unwrap(), Renderer::MujocoGl(driver));
        for (wrong, needle) in [
            (written.replace("Mesa", "Me\\u001bsa"), "printable ASCII"),
            (written.replace("\"Mesa\"", "\"\""), "printable ASCII"),
            (written.replace("vendor", "maker"), "unknown field `maker`"),
            (written.replace("mujoco-gl", "opengl"), "unknown variant `opengl`"),
        ] {
            let error = serde_json::from_str::<Renderer>(&wrong).unwrap_err().to_string();
            assert!(error.contains(needle), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_drivers_own_words_become_a_name_whatever_they_are() {
        for (words, name) in [("NVIDIA\u{7}\n", "NVIDIA??"), ("", "?"), ("é", "?")] {
            assert_eq!(GlName::of(words).to_string(), name);
        }
        assert_eq!(GlName::of(&"x".repeat(900)).to_string().len(), MAX_GL_NAME);
    }
}
