//! Pictures: a software renderer that draws what MuJoCo's own renderer draws, the same bytes on every CPU.

mod assets;
mod built_in;
mod canvas;
mod clip;
mod coat;
mod easel;
mod extent;
mod forms;
mod item;
mod lighting;
mod lit;
mod mesh;
mod mirror;
mod paint;
mod pass;
mod picture;
mod projection;
mod quadric;
mod raster;
mod shadow;
mod shares;
mod sheet;
mod sheet_view;
mod simplify;
mod skin;
mod spans;
mod stage;
mod survey;
mod texture;
mod transparent;
mod vector;
mod view;

// Relative, so that tests can draw with others.
use super::lanes;

pub use assets::{AssetCache, Assets};
pub use picture::Renderer;
#[cfg(feature = "gl")]
pub use stage::widened;
pub use stage::{
    Camera, Form, Light, LightKind, MeshSource, Object, Prop, Quality, Stage, Surface, TextureKind, TextureSource,
};
pub use survey::Sight;

#[cfg(test)]
mod tests;
