//! Inclusion proofs over published manifests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ApiError;
use crate::domain::{CycleId, Digest};
use crate::store::Store;
use crate::transcript::{EpisodeRow, InclusionProof, MerkleTree, episodes_tree};

/// Trees kept in memory. The largest cycle takes about 250 MB of rows; questions are about the newest cycles.
const MAX_TREES: usize = 2;

/// Shows that a row stands in a signed manifest.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProofOut {
    /// The cycle.
    cycle_id: u64,
    /// Digest of its signed manifest, which names the root.
    manifest_digest: String,
    /// Merkle root over the manifest's episode rows.
    episodes_root: String,
    /// The row; its canonical JSON is the leaf.
    #[schema(value_type = Object)]
    row: EpisodeRow,
    /// Place of the leaf, from 0.
    index: u64,
    /// Number of leaves.
    size: u64,
    /// Digests beside the way from the leaf up to the root.
    path: Vec<String>,
}

/// The parts of a signed manifest that a proof needs; everything else is passed over.
#[derive(Deserialize)]
struct SignedPart {
    manifest: ManifestPart,
    digest: Digest,
}

#[derive(Deserialize)]
struct ManifestPart {
    episodes: Vec<EpisodeRow>,
}

struct CycleTree {
    digest: Digest,
    rows: Vec<EpisodeRow>,
    places: BTreeMap<Digest, u64>,
    tree: MerkleTree,
}

/// Makes proofs and keeps the trees of the cycles asked about last.
#[derive(Clone, Default)]
pub(super) struct Proofs(Arc<Mutex<BTreeMap<CycleId, Arc<CycleTree>>>>);

impl Proofs {
    /// The proof for one transcript of a published cycle; `None` when its manifest does not name it.
    pub(super) async fn proof(
        &self,
        store: &dyn Store,
        cycle: CycleId,
        transcript: &Digest,
    ) -> Result<Option<ProofOut>, ApiError> {
        let tree = self.tree(store, cycle).await?;
        let Some(&place) = tree.places.get(transcript) else { return Ok(None) };
        let InclusionProof { index, size, path } =
            tree.tree.proof(place).ok_or_else(|| ApiError::Unavailable("a place outside its own tree".into()))?;
        Ok(Some(ProofOut {
            cycle_id: cycle.0,
            manifest_digest: tree.digest.to_string(),
            episodes_root: tree.tree.root().to_string(),
            row: tree.rows[place as usize].clone(),
            index,
            size,
            path: path.iter().map(ToString::to_string).collect(),
        }))
    }

    async fn tree(&self, store: &dyn Store, cycle: CycleId) -> Result<Arc<CycleTree>, ApiError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&cycle).cloned();
        if let Some(tree) = kept {
            return Ok(tree);
        }
        let Some(manifest) = store.manifest(cycle).await? else {
            return Err(ApiError::Unavailable(format!("the manifest of cycle {cycle} is missing")));
        };
        let building = tokio::task::spawn_blocking(move || build(&manifest));
        let tree = building.await.map_err(|error| ApiError::Unavailable(error.to_string()))?;
        let tree =
            Arc::new(tree.map_err(|error| ApiError::Unavailable(format!("manifest of cycle {cycle}: {error}")))?);
        let mut trees = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trees.insert(cycle, tree.clone());
        while trees.len() > MAX_TREES {
            trees.pop_first();
        }
        Ok(tree)
    }
}

fn build(manifest: &[u8]) -> Result<CycleTree, serde_json::Error> {
    let signed: SignedPart = serde_json::from_slice(manifest)?;
    let rows = signed.manifest.episodes;
    let places = rows.iter().enumerate().filter_map(|(place, row)| Some((row.transcript_id?, place as u64))).collect();
    Ok(CycleTree { digest: signed.digest, tree: episodes_tree(&rows), places, rows })
}
