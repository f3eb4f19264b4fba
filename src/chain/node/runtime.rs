//! One version of the chain's runtime: what keys, values and calls look like.

use subxt::client::{OfflineClient, OfflineClientAtBlock};
use subxt::config::SubstrateConfig;
use subxt::config::substrate::{H256, SpecVersionForRange};
use subxt::dynamic::Value;
use subxt::ext::codec::Decode;
use subxt::ext::scale_decode::DecodeAsType;
use subxt::ext::scale_encode::EncodeAsType;
use subxt::metadata::Metadata;

use super::super::ChainError;
use super::link::{Link, SHOWN_CHARS};
use super::names::{self, Item};
use super::type_graph::TypeGraph;
use crate::domain::{BlockHash, printable};

/// Version of the description that runtimes are asked for: the oldest that describes runtime calls.
const METADATA_VERSION: u32 = 15;
/// Bytes before the version at the beginning of a description.
const METADATA_MAGIC: [u8; 4] = *b"meta";

/// Time from block to block on the main network.
const DEFAULT_BLOCK_TIME_S: f64 = 12.0;

/// A runtime whose names were checked.
pub(in crate::chain) struct Runtime {
    client: OfflineClientAtBlock<SubstrateConfig>,
}

impl Runtime {
    /// Reads the runtime that is in force at a block, and checks that it has all that is used.
    pub(in crate::chain::node) async fn load(
        link: &Link,
        at: H256,
        versions: (u32, u32),
        genesis: BlockHash,
    ) -> Result<Runtime, ChainError> {
        let parameters = METADATA_VERSION.to_le_bytes();
        let call = link.rpc().state_call("Metadata_metadata_at_version", Some(&parameters), Some(at));
        let answer = link.answer(call).await?;
        let metadata = Option::<Vec<u8>>::decode(&mut &answer[..])
            .ok()
            .flatten()
            .ok_or_else(|| unreadable(format!("no metadata of version {METADATA_VERSION}")))?;
        Runtime::new(&metadata, versions, genesis)
    }

    /// A runtime from its description. `versions` are those of the runtime and of its transactions.
    pub(in crate::chain) fn new(
        metadata: &[u8],
        versions: (u32, u32),
        genesis: BlockHash,
    ) -> Result<Runtime, ChainError> {
        let form = metadata.strip_prefix(&METADATA_MAGIC).and_then(|rest| rest.first());
        if form.is_none_or(|version| u32::from(*version) != METADATA_VERSION) {
            return Err(unreadable(format!("the metadata is not of version {METADATA_VERSION}")));
        }
        let metadata = Metadata::decode_from(metadata).map_err(unreadable)?;
        let (spec_version, transaction_version) = versions;
        let mut types = TypeGraph::new(metadata.types());
        names::types_in_use(&metadata).into_iter().try_for_each(|id| types.check(id)).map_err(unreadable)?;
        let missing = names::missing(&metadata);
        if !missing.is_empty() {
            return Err(ChainError::Incompatible { spec_version, missing });
        }
        let always = SpecVersionForRange { block_range: 0..u64::MAX, spec_version, transaction_version };
        let config = SubstrateConfig::builder()
            .set_genesis_hash(H256(genesis.0))
            .set_spec_version_for_block_ranges([always])
            .set_metadata_for_spec_versions([(spec_version, metadata.arc())])
            .build();
        let client = OfflineClient::new_with_config(config).at_block(0u64).map_err(unreadable)?;
        Ok(Runtime { client })
    }

    pub(in crate::chain) fn client(&self) -> &OfflineClientAtBlock<SubstrateConfig> {
        &self.client
    }

    pub(in crate::chain) fn spec_version(&self) -> u32 {
        self.client.spec_version()
    }

    /// The key of a value; with fewer keys than the item has, the beginning of all keys below.
    pub(in crate::chain) fn key(&self, item: Item, keys: Vec<Value>) -> Result<Vec<u8>, ChainError> {
        let entry = self.client.storage().entry(item).map_err(unreadable)?;
        let whole = self.entry(item)?.keys().len() == keys.len();
        if whole { entry.fetch_key(keys) } else { entry.iter_key(keys) }.map_err(unreadable)
    }

    /// Bytes of the hash before an item's last key, in the item's storage keys.
    pub(in crate::chain) fn last_hash_bytes(&self, item: Item) -> Result<usize, ChainError> {
        let last = self.entry(item)?.keys().last();
        let last = last.ok_or_else(|| unreadable(format!("{}.{} has no keys", item.0, item.1)))?;
        if last.hasher.ends_with_key() {
            return Ok(last.hasher.len_excluding_key());
        }
        Err(unreadable(format!("the keys of {}.{} do not end in what they are of", item.0, item.1)))
    }

    /// A value, by the names of its fields.
    pub(in crate::chain) fn decode<T: DecodeAsType>(&self, item: Item, bytes: &[u8]) -> Result<T, ChainError> {
        let wrong = |error: &dyn std::fmt::Display| unreadable(format!("{}.{}: {error}", item.0, item.1));
        let mut rest = bytes;
        let types = self.client.metadata_ref().types();
        let value = T::decode_as_type(&mut rest, self.entry(item)?.value_ty(), types).map_err(|error| wrong(&error))?;
        if rest.is_empty() { Ok(value) } else { Err(wrong(&"bytes are left over")) }
    }

    /// The bytes of a value, from the names of its fields.
    pub(in crate::chain) fn encode(&self, item: Item, value: &Value) -> Result<Vec<u8>, ChainError> {
        let types = self.client.metadata_ref().types();
        let wrong = |error| unreadable(format!("{}.{}: {error}", item.0, item.1));
        value.encode_as_type(self.entry(item)?.value_ty(), types).map_err(wrong)
    }

    /// The bytes that a runtime call returns.
    pub(in crate::chain) fn encode_output(&self, call: (&str, &str), value: &Value) -> Result<Vec<u8>, ChainError> {
        let types = self.client.metadata_ref().types();
        value.encode_as_type(self.output(call)?, types).map_err(|error| unreadable(format!("{}: {error}", call.1)))
    }

    /// What a runtime call returned, by the names of its fields.
    pub(in crate::chain) fn decode_output<T: DecodeAsType>(
        &self,
        call: (&str, &str),
        bytes: &[u8],
    ) -> Result<T, ChainError> {
        let (value, left) = self.decode_beginning(call, bytes)?;
        if left == 0 { Ok(value) } else { Err(unreadable(format!("{}: {left} bytes are left over", call.1))) }
    }

    /// The same of bytes with something behind them. The value, and how many bytes are left over.
    pub(in crate::chain) fn decode_beginning<T: DecodeAsType>(
        &self,
        call: (&str, &str),
        bytes: &[u8],
    ) -> Result<(T, usize), ChainError> {
        let (mut rest, types) = (bytes, self.client.metadata_ref().types());
        let value = T::decode_as_type(&mut rest, self.output(call)?, types).map_err(unreadable)?;
        Ok((value, rest.len()))
    }

    fn output(&self, (api, method): (&str, &str)) -> Result<u32, ChainError> {
        let found = self.client.metadata_ref().runtime_api_trait_by_name(api);
        found
            .and_then(|found| found.method_by_name(method))
            .map(|found| found.output_ty())
            .ok_or_else(|| unreadable(format!("no runtime call {api}.{method}")))
    }

    /// What an item is where nothing was written, if the runtime says.
    pub(in crate::chain) fn default_of<T: DecodeAsType>(&self, item: Item) -> Result<Option<T>, ChainError> {
        self.entry(item)?.default_value().map(|bytes| self.decode(item, bytes)).transpose()
    }

    fn entry(&self, (pallet, item): Item) -> Result<&subxt::metadata::StorageEntryMetadata, ChainError> {
        let storage = self.client.metadata_ref().pallet_by_name(pallet).and_then(|found| found.storage());
        storage
            .and_then(|storage| storage.entry_by_name(item))
            .ok_or_else(|| unreadable(format!("no storage {pallet}.{item}")))
    }

    /// Checks that the arguments of a call can be written within bounds.
    pub(in crate::chain) fn check_arguments(&self, pallet: &str, call: &str) -> Result<(), ChainError> {
        let metadata = self.client.metadata_ref();
        let found = metadata.pallet_by_name(pallet);
        let variant = found.as_ref().and_then(|found| found.call_variant_by_name(call));
        let variant = variant.ok_or_else(|| unreadable(format!("no call {pallet}.{call}")))?;
        let mut types = TypeGraph::new(metadata.types());
        variant.fields.iter().try_for_each(|field| types.check(field.ty.id)).map_err(unreadable)
    }

    /// The name of an extension of transactions that holds something and is none of these.
    pub(in crate::chain) fn unknown_extension(&self, known: &[&str]) -> Result<Option<String>, ChainError> {
        let metadata = self.client.metadata_ref();
        let mut types = TypeGraph::new(metadata.types());
        for extension in metadata.extrinsic().transaction_extensions_to_use_for_encoding() {
            let mut is_empty = |id| types.is_empty(id).map_err(unreadable);
            let holds_nothing = is_empty(extension.extra_ty())? && is_empty(extension.additional_ty())?;
            if !holds_nothing && !known.contains(&extension.identifier()) {
                return Ok(Some(printable(extension.identifier(), SHOWN_CHARS)));
            }
        }
        Ok(None)
    }

    /// Whether the runtime has an item that not every runtime has.
    pub(in crate::chain) fn has(&self, item: Item) -> bool {
        self.entry(item).is_ok()
    }

    /// Whether the runtime takes weights that are committed in this way.
    pub(in crate::chain) fn takes(&self, way: &names::Way) -> bool {
        names::has_way(self.client.metadata_ref(), way)
    }

    /// Time from block to block as the runtime says it, in seconds; 12 where it does not.
    pub(in crate::chain) fn block_time_s(&self) -> f64 {
        let slot = subxt::dynamic::constant::<u64>("Aura", "SlotDuration");
        let slot = self.client.constants().entry(slot).ok();
        slot.map_or(DEFAULT_BLOCK_TIME_S, |ms| ms as f64 / 1_000.0)
    }

    /// The two numbers of a dispatch error from its names.
    pub(in crate::chain) fn error_index(&self, pallet: &str, error: &str) -> Result<(u8, u8), ChainError> {
        let found = self.client.metadata_ref().pallet_by_name(pallet);
        let variants = found.as_ref().and_then(|found| found.error_variants()).unwrap_or_default();
        let variant = variants.iter().find(|variant| variant.name == error);
        found
            .as_ref()
            .zip(variant)
            .map(|(pallet, variant)| (pallet.error_index(), variant.index))
            .ok_or_else(|| unreadable(format!("no error {pallet}.{error}")))
    }

    /// The name of a dispatch error from its two numbers.
    pub(in crate::chain) fn error_name(&self, pallet: u8, error: u8) -> Option<(String, String)> {
        let pallet = self.client.metadata_ref().pallet_by_error_index(pallet)?;
        Some((pallet.name().to_owned(), pallet.error_variant_by_index(error)?.name.clone()))
    }
}

/// An answer that does not fit what the runtime says of itself. The error may quote the node; it is made fit to be shown.
pub(in crate::chain) fn unreadable(error: impl std::fmt::Display) -> ChainError {
    ChainError::Unreadable(printable(&error.to_string(), SHOWN_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_quotes_of_a_node_is_made_fit_to_be_shown() {
        let shown = unreadable("a\u{1b}[2Jb\nc\u{202e}").to_string();
        assert!(shown.contains("a\\u{1b}[2Jb\\u{a}c\\u{202e}"), "{shown}");
        assert!(unreadable("x".repeat(100_000)).to_string().len() < 2 * SHOWN_CHARS);
    }

    #[test]
    fn what_a_runtime_call_returns_is_read_to_its_last_byte() {
        let metadata = crate::chain::DevRuntime::recorded().metadata().to_vec();
        let runtime = Runtime::new(&metadata, (461, 1), BlockHash([0; 32])).unwrap();
        let read = |bytes: &[u8]| runtime.decode_output::<Option<Value>>(names::SUBNET_STATE, bytes);
        assert!(read(&[0]).unwrap().is_none());
        assert_eq!(read(&[0, 0, 0]).unwrap_err(), unreadable("get_subnet_state: 2 bytes are left over"));
    }

    #[test]
    fn metadata_of_another_version_is_refused() {
        let mut metadata = crate::chain::DevRuntime::recorded().metadata().to_vec();
        for version in [0, 13, 14, 16, 255] {
            metadata[METADATA_MAGIC.len()] = version;
            let error = Runtime::new(&metadata, (461, 1), BlockHash([0; 32])).err().unwrap();
            assert_eq!(error, unreadable("the metadata is not of version 15"));
        }
        assert!(Runtime::new(b"met", (461, 1), BlockHash([0; 32])).is_err());
    }
}
