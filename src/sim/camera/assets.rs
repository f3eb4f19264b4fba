//! What all pictures of a model share: its meshes and textures, made ready to be drawn.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

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

/// Meshes and textures of models that there are, by what they were made from. Most models share the arm's.
#[derive(Debug, Default)]
pub struct AssetCache {
    meshes: Shared<Ladder>,
    textures: Shared<Texture>,
}

/// Things that somebody holds, by their digests.
#[derive(Debug)]
struct Shared<T>(BTreeMap<[u8; 32], Weak<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(BTreeMap::new())
    }
}

impl<T> Shared<T> {
    fn get(&mut self, digest: [u8; 32], make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(found) = self.0.get(&digest).and_then(Weak::upgrade) {
            return found;
        }
        self.0.retain(|_, held| held.strong_count() > 0);
        let made = Arc::new(make());
        self.0.insert(digest, Arc::downgrade(&made));
        made
    }
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
        self.meshes.get(*hasher.finalize().as_bytes(), || Ladder::new(mesh))
    }

    fn texture(&mut self, source: &TextureSource) -> Arc<Texture> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&source.pixels[..source.width * source.height * source.channels]);
        for number in [source.kind as usize, source.width, source.height, source.channels] {
            hasher.update(&(number as u64).to_le_bytes());
        }
        self.textures.get(*hasher.finalize().as_bytes(), || Texture::of_model(source))
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
        drop((first, second));
        Assets::new(quality, &[], &[texture(&[7, 8])], &mut cache);
        assert_eq!(cache.textures.0.len(), 1, "what nobody holds is forgotten");
    }
}
