//! The chain's state at one block.

use std::sync::Arc;

use subxt::config::substrate::H256;
use subxt::dynamic::Value;
use subxt::ext::scale_decode::DecodeAsType;

use super::super::ChainError;
use super::link::Link;
use super::names::Item;
use super::runtime::{Runtime, unreadable};
use crate::domain::BlockRef;

/// Values asked for in one call.
const PAGE: usize = 512;
/// Most values of one item: more than any subnet has, so that a node cannot keep us reading.
const MAX_VALUES: usize = 65_536;
/// Times the wait for one answer that a whole list may take, so that a node cannot keep us waiting page by page.
const LIST_ANSWERS: u32 = 4;

/// One block's state through one connection: everything that is read of it is of this block.
pub(super) struct State {
    pub(super) link: Arc<Link>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) block: BlockRef,
}

impl State {
    fn hash(&self) -> Option<H256> {
        Some(H256(self.block.hash.0))
    }

    /// One value, or what the runtime says where nothing was written.
    pub(super) async fn value<T: DecodeAsType>(&self, item: Item, keys: Vec<Value>) -> Result<Option<T>, ChainError> {
        let key = self.runtime.key(item, keys)?;
        let call = self.link.rpc().state_get_storage(&key, self.hash());
        match self.link.answer(call).await.map_err(|failure| failure.at(self.block))? {
            Some(bytes) => self.runtime.decode(item, &bytes).map(Some),
            None => self.runtime.default_of(item),
        }
    }

    /// One value of an item that always has one.
    pub(super) async fn needed<T: DecodeAsType>(&self, item: Item, keys: Vec<Value>) -> Result<T, ChainError> {
        let value = self.value(item, keys).await?;
        value.ok_or_else(|| unreadable(format!("{}.{} is not set", item.0, item.1)))
    }

    /// The values of all these keys, in their order; none where nothing was written. A node says of each key that it has
    /// none, so a key of which it says nothing is a fault.
    pub(super) async fn values<T: DecodeAsType>(
        &self,
        item: Item,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<T>>, ChainError> {
        self.values_as(item, keys, usize::MAX, |value| value).await
    }

    /// The same of values of at most `most_bytes`, each as `made` of it before the next one is decoded.
    async fn values_as<T: DecodeAsType, R>(
        &self,
        item: Item,
        keys: &[Vec<u8>],
        most_bytes: usize,
        made: impl Fn(T) -> R,
    ) -> Result<Vec<Option<R>>, ChainError> {
        let decode = |bytes: &Vec<u8>| {
            if bytes.len() > most_bytes {
                let ((pallet, item), length) = (item, bytes.len());
                return Err(unreadable(format!("a value of {pallet}.{item} has {length} bytes, over {most_bytes}")));
            }
            self.runtime.decode(item, bytes).map(&made)
        };
        let mut values = Vec::with_capacity(keys.len());
        for page in keys.chunks(PAGE) {
            let call = self.link.rpc().state_query_storage_at(page.iter().map(Vec::as_slice), self.hash());
            let sets = self.link.answer(call).await.map_err(|failure| failure.at(self.block))?;
            let found: std::collections::BTreeMap<Vec<u8>, Option<Vec<u8>>> = sets
                .into_iter()
                .flat_map(|set| set.changes)
                .map(|(key, value)| (key.0, value.map(|value| value.0)))
                .collect();
            for key in page {
                let told = found.get(key).ok_or_else(|| left_out(item))?;
                values.push(told.as_ref().map(decode).transpose()?);
            }
        }
        Ok(values)
    }

    /// Every value below some first keys, with the last `TAIL` bytes of its key, which hold the last key plainly.
    pub(super) async fn below<T: DecodeAsType, const TAIL: usize>(
        &self,
        item: Item,
        first: Vec<Value>,
    ) -> Result<Vec<([u8; TAIL], T)>, ChainError> {
        self.below_as(item, first, usize::MAX, |value| value).await
    }

    /// The same of values of at most `most_bytes`, each as `made` of it before the next one is decoded: what is decoded
    /// may take much more memory than what is kept.
    pub(super) async fn below_as<T: DecodeAsType, R, const TAIL: usize>(
        &self,
        item: Item,
        first: Vec<Value>,
        most_bytes: usize,
        made: impl Fn(T) -> R,
    ) -> Result<Vec<([u8; TAIL], R)>, ChainError> {
        let prefix = self.runtime.key(item, first)?;
        let key_bytes = prefix.len() + self.runtime.last_hash_bytes(item)? + TAIL;
        let list = async {
            let keys = self.keys_below(&prefix, key_bytes).await?;
            let values = self.values_as(item, &keys, most_bytes, made).await?;
            Ok::<_, ChainError>((keys, values))
        };
        let (keys, values) = self.link.within(LIST_ANSWERS, list).await?;
        let mut below = Vec::with_capacity(keys.len());
        for (key, value) in keys.iter().zip(values) {
            let tail = key.last_chunk().ok_or_else(|| unreadable("a storage key is too short"))?;
            below.push((*tail, value.ok_or_else(|| left_out(item))?));
        }
        Ok(below)
    }

    /// Every key with this beginning, each `key_bytes` long. Only an empty page ends them: a node may make its pages
    /// shorter than asked for.
    async fn keys_below(&self, prefix: &[u8], key_bytes: usize) -> Result<Vec<Vec<u8>>, ChainError> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        loop {
            let last = keys.last().map(Vec::as_slice);
            let call = self.link.rpc().state_get_keys_paged(prefix, PAGE as u32, last, self.hash());
            let page = self.link.answer(call).await.map_err(|failure| failure.at(self.block))?;
            if page.is_empty() {
                return Ok(keys);
            }
            for key in page {
                if key.len() != key_bytes {
                    return Err(unreadable(format!("a storage key has {} bytes, not {key_bytes}", key.len())));
                }
                if !key.starts_with(prefix) || keys.last().is_some_and(|last| key <= *last) || keys.len() >= MAX_VALUES
                {
                    return Err(unreadable("a list of storage keys is out of order or too long"));
                }
                keys.push(key);
            }
        }
    }

    /// Asks the runtime itself.
    pub(super) async fn call<T: DecodeAsType>(
        &self,
        (api, method): (&'static str, &'static str),
        arguments: Vec<Value>,
    ) -> Result<T, ChainError> {
        let payload = subxt::runtime_apis::dynamic::<Vec<Value>, Value>(api, method, arguments);
        let apis = self.runtime.client().runtime_apis();
        let parameters = apis.encode_args(&payload).map_err(unreadable)?;
        let name = apis.encode_name(&payload);
        let call = self.link.rpc().state_call(&name, Some(&parameters), self.hash());
        let answer = self.link.answer(call).await.map_err(|failure| failure.at(self.block))?;
        self.runtime.decode_output((api, method), &answer)
    }
}

fn left_out((pallet, item): Item) -> ChainError {
    unreadable(format!("a value of {pallet}.{item} is left out of a list"))
}
