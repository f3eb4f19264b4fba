//! The methods of a Substrate node, those that clients of a subnet need.

use std::sync::Arc;

use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{PendingSubscriptionSink, RpcModule, SubscriptionMessage};
use serde_json::{Value, json};
use subxt::ext::codec::{Decode, Encode};

use super::super::super::node::names::SUBNET_STATE;
use super::node::Node;
use super::refusals::{internal, unknown_block};
use super::storage::{some_bytes, subnet_state};
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid};

type Answer = Result<Value, ErrorObjectOwned>;
type Module = RpcModule<Arc<Node>>;

/// Versions of the metadata that are served.
const METADATA_VERSIONS: [u32; 1] = [15];
/// Time that each page of an endless list takes.
const ENDLESS_PAGE: std::time::Duration = std::time::Duration::from_millis(20);
/// Most keys in one page.
const MAX_PAGE: usize = 1_000;

/// All methods over a node.
pub(super) fn module(node: Arc<Node>) -> Module {
    let mut module = RpcModule::new(node);
    method(&mut module, "system_chain", |node, _| Ok(json!(node.chain.shared.name)));
    method(&mut module, "system_accountNextIndex", |node, params| {
        let address: String = params.one()?;
        let hotkey: Hotkey = address.parse().map_err(|error| wrong(&error))?;
        Ok(json!(node.nonce(&hotkey, None)))
    });
    method(&mut module, "chain_getFinalizedHead", |node, _| {
        Ok(json!(node.hash_of(node.heads().map_err(|error| internal(&error))?.1)))
    });
    method(&mut module, "chain_getBlockHash", block_hash);
    method(&mut module, "chain_getHeader", |node, params| {
        let block = node.block(optional(params)?).map_err(|error| internal(&error))?;
        Ok(block.map_or(Value::Null, |block| header(node, block)))
    });
    method(&mut module, "chain_getBlock", |node, params| {
        if let Some((code, message)) = node.refuses_bodies() {
            return Err(ErrorObjectOwned::owned(code, message, None::<()>));
        }
        let block = node.block(optional(params)?).map_err(|error| internal(&error))?;
        let block = block.filter(|block| !node.has_no_body(block.number));
        Ok(block.map_or(Value::Null, |block| {
            let body: Vec<String> = node.body(block.number).iter().map(|bytes| to_hex(bytes)).collect();
            json!({"block": {"header": header(node, block), "extrinsics": body}, "justifications": null})
        }))
    });
    method(&mut module, "state_getRuntimeVersion", |node, params| {
        Ok(node.running(state(node, optional(params)?)?.number).version())
    });
    method(&mut module, "state_getMetadata", |node, params| {
        let block = state(node, optional(params)?)?;
        Ok(json!(to_hex(&node.running(block.number).served)))
    });
    method(&mut module, "state_getStorage", |node, params| {
        let (key, at): (String, Option<BlockHash>) = two(params)?;
        let storage = storage(node, at)?;
        Ok(json!(storage.get(&from_hex(&key)?).map(|value| to_hex(value))))
    });
    method(&mut module, "state_getKeysPaged", keys_paged);
    method(&mut module, "state_queryStorageAt", |node, params| {
        let (keys, at): (Vec<String>, Option<BlockHash>) = two(params)?;
        let block = state(node, at)?;
        let storage = storage(node, Some(block.hash))?;
        let mut changes = Vec::new();
        for key in keys {
            let value = storage.get(&from_hex(&key)?).map(|value| to_hex(value));
            changes.push((key, value));
        }
        if let Some((_, last)) = changes.last_mut().filter(|_| node.hides_last_value()) {
            *last = None;
        }
        Ok(json!([{"block": block.hash, "changes": changes}]))
    });
    method(&mut module, "state_call", runtime_call);
    module
        .register_subscription(
            "author_submitAndWatchExtrinsic",
            "author_extrinsicUpdate",
            "author_unwatchExtrinsic",
            |params, pending, node, _| async move { watch(params, pending, node.as_ref().clone()).await },
        )
        .expect("each method is registered once");
    module
}

fn method(module: &mut Module, name: &'static str, answer: fn(&Node, Params) -> Answer) {
    module
        .register_async_method(name, move |params, node, _| async move {
            while node.is_silent() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            // The chain's file may be held by another process for a moment.
            let joined = tokio::task::spawn_blocking(move || answer(&node, params)).await;
            joined.unwrap_or_else(|error| Err(wrong(&error)))
        })
        .expect("each method is registered once");
}

fn wrong(error: &dyn std::fmt::Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(-32_602, error.to_string(), None::<()>)
}

fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn from_hex(text: &str) -> Result<Vec<u8>, ErrorObjectOwned> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| wrong(&error))
}

fn optional<T: serde::de::DeserializeOwned>(params: Params) -> Result<Option<T>, ErrorObjectOwned> {
    params.sequence().optional_next()
}

fn two<A, B>(params: Params) -> Result<(A, Option<B>), ErrorObjectOwned>
where
    A: serde::de::DeserializeOwned,
    B: serde::de::DeserializeOwned,
{
    let mut sequence = params.sequence();
    Ok((sequence.next()?, sequence.optional_next()?))
}

/// The block of a read; its state must still be there.
fn state(node: &Node, hash: Option<BlockHash>) -> Result<BlockRef, ErrorObjectOwned> {
    let block = node.block(hash).map_err(|error| internal(&error))?;
    let block = block.ok_or_else(|| unknown_block("Header was not found in the database"))?;
    if node.is_forgotten(block.number).map_err(|error| internal(&error))? {
        return Err(unknown_block(&format!("State already discarded for {}", block.hash)));
    }
    Ok(block)
}

fn storage(node: &Node, at: Option<BlockHash>) -> Result<super::storage::Storage, ErrorObjectOwned> {
    node.storage(state(node, at)?.number).map_err(|error| internal(&error))
}

fn header(node: &Node, block: BlockRef) -> Value {
    let parent = node.hash_of(BlockNumber(block.number.0.saturating_sub(1)));
    let nothing = BlockHash([0; 32]);
    json!({
        "parentHash": parent,
        "number": format!("{:#x}", node.told_number(block.number)),
        "stateRoot": nothing,
        "extrinsicsRoot": nothing,
        "digest": {"logs": []},
    })
}

fn block_hash(node: &Node, params: Params) -> Answer {
    let newest = node.heads().map_err(|error| internal(&error))?.0;
    let number = match optional::<Value>(params)? {
        None | Some(Value::Null) => newest,
        Some(Value::Number(number)) => BlockNumber(number.as_u64().ok_or_else(|| wrong(&"not a block number"))?),
        Some(_) => return Err(wrong(&"not a block number")),
    };
    Ok(if number > newest { Value::Null } else { json!(node.hash_of(number)) })
}

fn keys_paged(node: &Node, params: Params) -> Answer {
    if node.refuses_lists() {
        return Err(ErrorObjectOwned::owned(-32_005, "limit exceeded", None::<()>));
    }
    let mut sequence = params.sequence();
    let prefix = from_hex(&sequence.next::<String>()?)?;
    let count: usize = sequence.next()?;
    let start: Option<String> = sequence.optional_next()?;
    let at: Option<BlockHash> = sequence.optional_next()?;
    let start = start.map(|start| from_hex(&start)).transpose()?;
    if let Some(start) = start.as_ref().filter(|_| node.has_endless_keys()) {
        std::thread::sleep(ENDLESS_PAGE);
        return Ok(json!([to_hex(&key_after(start))]));
    }
    let storage = storage(node, at)?;
    let after = |key: &&Vec<u8>| start.as_ref().is_none_or(|start| *key > start);
    let below = storage.range(prefix.clone()..).map(|(key, _)| key).take_while(|key| key.starts_with(&prefix));
    let (limit, shown) = node.list_limits();
    let page = below.take(shown).filter(after).take(count.min(MAX_PAGE).min(limit));
    let more = vec![0; node.longer_keys()];
    let page: Vec<String> = page.map(|key| to_hex(&[&key[..], &more].concat())).collect();
    Ok(json!(page))
}

/// The next key of the same length.
fn key_after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    for byte in next.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    next
}

fn runtime_call(node: &Node, params: Params) -> Answer {
    let mut sequence = params.sequence();
    let name: String = sequence.next()?;
    let input = from_hex(&sequence.next::<String>()?)?;
    let block = state(node, sequence.optional_next()?)?;
    let running = node.running(block.number);
    let subnet_state_name = format!("{}_{}", SUBNET_STATE.0, SUBNET_STATE.1);
    let output = match name.as_str() {
        "Core_version" => running.encoded_version(),
        "Metadata_metadata_versions" => METADATA_VERSIONS.to_vec().encode(),
        "Metadata_metadata_at_version" if input == METADATA_VERSIONS[0].to_le_bytes() => some_bytes(&running.served),
        "Metadata_metadata_at_version" => None::<()>.encode(),
        "AccountNonceApi_account_nonce" => {
            let account = <[u8; 32]>::decode(&mut &input[..]).map_err(|error| wrong(&error))?;
            (node.nonce(&Hotkey(account), Some(block.number)) as u32).encode()
        }
        name if name == subnet_state_name => {
            let netuid = Netuid(u16::decode(&mut &input[..]).map_err(|error| wrong(&error))?);
            let subnets = node.chain.shared.view(block.number).map_err(|error| internal(&error))?;
            let subnet = subnets.iter().find(|subnet| subnet.netuid == netuid);
            subnet_state(&running.runtime, subnet).map_err(|error| internal(&error))?
        }
        other => return Err(wrong(&format!("the development node has no runtime call {other}"))),
    };
    Ok(json!(to_hex(&output)))
}

/// Takes a transaction and tells what becomes of it, until it is final. What a fork drops goes back to the pool, and from
/// there into another block.
async fn watch(params: Params<'static>, pending: PendingSubscriptionSink, node: Arc<Node>) {
    let take = async |bytes: Vec<u8>| {
        let (node, handle) = (node.clone(), tokio::runtime::Handle::current());
        let joined = tokio::task::spawn_blocking(move || handle.block_on(node.submit(bytes))).await;
        joined.map_err(|error| wrong(&error))?.map_err(ErrorObjectOwned::from)
    };
    let taken = async {
        let bytes = from_hex(&params.one::<String>()?)?;
        Ok::<_, ErrorObjectOwned>((take(bytes.clone()).await?, bytes))
    };
    let (mut block, bytes) = match taken.await {
        Ok(taken) => taken,
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else { return };
    let tell = async |status: Value| {
        let text = serde_json::value::to_raw_value(&status).ok()?;
        sink.send(SubscriptionMessage::from(text)).await.ok()
    };
    let story = async {
        tell(json!("ready")).await?;
        if let Some(status) = node.told_instead() {
            return tell(if status == "usurped" { json!({"usurped": BlockHash([0; 32])}) } else { json!(status) })
                .await;
        }
        if node.wavers() {
            let hash = node.hash_of(block);
            loop {
                tell(json!({"inBlock": hash})).await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                tell(json!({"retracted": hash})).await?;
            }
        }
        loop {
            let hash = node.hash_of(block);
            let mut is_held = node.wait_for(block, &bytes, false).await.ok()?;
            if is_held {
                tell(json!({"inBlock": hash})).await?;
                is_held = node.calls_final_at_once().ok()? || node.wait_for(block, &bytes, true).await.ok()?;
            }
            if is_held {
                return tell(json!({"finalized": hash})).await;
            }
            tell(json!({"retracted": hash})).await?;
            block = match take(bytes.clone()).await {
                Ok(block) => block,
                Err(_) => return tell(json!("invalid")).await,
            };
        }
    };
    tokio::select! {
        _ = story => {}
        () = sink.closed() => {}
    }
}
