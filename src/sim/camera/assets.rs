//! What all pictures of a model share: its meshes and textures, made ready to be drawn.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lanes::F4;
use super::mesh::Mesh;
use super::simplify::Ladder;
use super::stage::{MeshSource, Quality, TextureKind, TextureSource};
use super::texture::Texture;

/// A model's meshes and textures.
#[derive(Debug)]
pub struct Assets {
    pub(super) quality: Quality,
    pub(super) meshes: Vec<Arc<Ladder>>,
    pub(super) textures: Vec<Arc<Texture>>,
    pub(super) sky: Option<Sky>,
}

/// What is seen where nothing is.
#[derive(Debug)]
pub(super) struct Sky {
    pub texture: Arc<Texture>,
    /// Its only colour, if it has but one.
    pub plain: Option<F4>,
}

/// Meshes and textures that were made before, by what they were made from. Most models share the arm's.
#[derive(Debug, Default)]
pub struct AssetCache {
    meshes: BTreeMap<[u8; 32], Arc<Ladder>>,
    textures: BTreeMap<[u8; 32], Arc<Texture>>,
}

impl Assets {
    /// Makes those of a model, or takes them from the cache. A model with new meshes takes about a quarter of a second.
    pub fn new(quality: Quality, meshes: &[MeshSource], textures: &[TextureSource], cache: &mut AssetCache) -> Assets {
        let textures: Vec<Arc<Texture>> = textures.iter().map(|texture| cache.texture(texture)).collect();
        let sky = textures.iter().find(|texture| texture.kind == TextureKind::Skybox);
        let sky = sky.map(|texture| Sky { texture: Arc::clone(texture), plain: texture.plain() });
        let meshes = meshes.iter().map(|mesh| cache.mesh(Mesh::of_model(mesh))).collect();
        Assets { quality, meshes, textures, sky }
    }
}

impl AssetCache {
    fn mesh(&mut self, mesh: Mesh) -> Arc<Ladder> {
        let mut hasher = blake3::Hasher::new();
        let numbers = mesh.positions.iter().chain(&mesh.normals).flatten().chain(mesh.coordinates.iter().flatten());
        numbers.for_each(|number| _ = hasher.update(&number.to_le_bytes()));
        mesh.triangles.iter().flatten().for_each(|corner| _ = hasher.update(&corner.to_le_bytes()));
        // Which numbers are which.
        for count in [mesh.positions.len(), mesh.coordinates.len()] {
            hasher.update(&(count as u64).to_le_bytes());
        }
        Arc::clone(self.meshes.entry(*hasher.finalize().as_bytes()).or_insert_with(|| Arc::new(Ladder::new(mesh))))
    }

    fn texture(&mut self, source: &TextureSource) -> Arc<Texture> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&source.pixels[..source.width * source.height * source.channels]);
        for number in [source.kind as usize, source.width, source.height, source.channels] {
            hasher.update(&(number as u64).to_le_bytes());
        }
        let make = || Arc::new(Texture::of_model(source));
        Arc::clone(self.textures.entry(*hasher.finalize().as_bytes()).or_insert_with(make))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_share_what_is_equal() {
        let quality = Quality { slices: 8, stacks: 4, quads: 2, shadow_clip: 1.0 };
        let texture = |pixels| TextureSource { kind: TextureKind::Flat, width: 2, height: 1, channels: 1, pixels };
        let (one, other): (&[u8], &[u8]) = (&[1, 2, 9], &[1, 3]);
        let mut cache = AssetCache::default();
        let first = Assets::new(quality, &[], &[texture(one), texture(other)], &mut cache);
        let second = Assets::new(quality, &[], &[texture(&one[..2])], &mut cache);
        assert!(Arc::ptr_eq(&first.textures[0], &second.textures[0]));
        assert!(!Arc::ptr_eq(&first.textures[0], &first.textures[1]));
    }
}
