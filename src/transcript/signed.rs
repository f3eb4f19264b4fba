//! A manifest under its operator's signature.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, ManifestError, canonical_json};
use crate::beacon::{OperatorKey, Signature, verify_signature};
use crate::domain::{Digest, printable};

/// Largest manifest that is read. A row takes about 450 bytes, so this is room for 256 miners in 50 environments with 50 episodes
/// of each, and bounds what a hostile server can make a verifier keep.
pub const MAX_MANIFEST_BYTES: usize = 512 * 1024 * 1024;

/// What is published for a cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedManifest<S> {
    /// The summary.
    pub manifest: Manifest<S>,
    /// blake3 of its canonical JSON.
    pub digest: Digest,
    /// The operator's sr25519 signature, in the context `kinitro`, over the 32 bytes of the digest.
    pub signature: Signature,
}

/// Only what says which reader is needed; everything else is passed over.
#[derive(Deserialize)]
struct Probe {
    manifest: ProbeManifest,
}

#[derive(Deserialize)]
struct ProbeManifest {
    format: String,
    version: u64,
}

impl<S: Serialize + DeserializeOwned + PartialEq> SignedManifest<S> {
    /// Signs a manifest that holds, and no other: what contradicts itself, or would not survive its own file, is refused.
    ///
    /// # Errors
    /// The first thing in it that does not hold.
    pub fn sign(manifest: Manifest<S>, key: &OperatorKey) -> Result<SignedManifest<S>, ManifestError> {
        if manifest.operator != key.hotkey() {
            return Err(ManifestError::Rule(format!("it names {} and {} signs it", manifest.operator, key.hotkey())));
        }
        manifest.check()?;
        let json = canonical_json(&manifest);
        let read: Result<Manifest<S>, _> = serde_json::from_slice(&json);
        if read.as_ref().ok() != Some(&manifest) {
            return Err(ManifestError::Rule("it does not read back from its own JSON; is a number not finite?".into()));
        }
        let digest = Digest::of(&json);
        let signature = key.sign(digest.as_bytes());
        Ok(SignedManifest { manifest, digest, signature })
    }

    /// The canonical JSON of the whole: the bytes that are published.
    pub fn to_json(&self) -> Vec<u8> {
        canonical_json(self)
    }

    /// Reads published bytes, refusing unknown fields, other versions and what is too large. Nothing in it is believed yet:
    /// see [`SignedManifest::verify`].
    ///
    /// # Errors
    /// What is wrong with the form.
    pub fn from_json(bytes: &[u8]) -> Result<SignedManifest<S>, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge { cap_bytes: MAX_MANIFEST_BYTES });
        }
        let malformed = |error: serde_json::Error| ManifestError::Malformed(printable(&error.to_string(), 200));
        let Probe { manifest } = serde_json::from_slice(bytes).map_err(malformed)?;
        if manifest.format != MANIFEST_FORMAT {
            return Err(ManifestError::Malformed(format!("its format is {:?}", printable(&manifest.format, 40))));
        }
        match manifest.version {
            MANIFEST_VERSION => serde_json::from_slice(bytes).map_err(malformed),
            version if version < MANIFEST_VERSION => Err(ManifestError::OlderVersion(version)),
            version => Err(ManifestError::NewerVersion(version)),
        }
    }

    /// Checks digest, signature and all that [`Manifest::check`] does.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self) -> Result<(), ManifestError> {
        self.verify_signature()?;
        self.manifest.check()
    }

    /// Checks digest and signature alone: whether this is what its operator said, be it true or not.
    ///
    /// # Errors
    /// [`ManifestError::Differs`], [`ManifestError::SignatureRefused`].
    pub fn verify_signature(&self) -> Result<(), ManifestError> {
        // The signature first: what nobody signed is not worth its canonical JSON.
        let operator = &self.manifest.operator;
        if !verify_signature(operator, self.digest.as_bytes(), &self.signature) {
            return Err(ManifestError::SignatureRefused { operator: operator.ss58() });
        }
        let computed = Digest::of(&canonical_json(&self.manifest));
        if self.digest != computed {
            let (stored, computed) = (self.digest.to_string(), computed.to_string());
            return Err(ManifestError::Differs { field: "digest", stored, computed });
        }
        Ok(())
    }
}
