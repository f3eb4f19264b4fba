//! Every name of the runtime that this program uses, and the check that a runtime has them.

use subxt::metadata::Metadata;

/// A storage item: pallet and name.
pub(in crate::chain) type Item = (&'static str, &'static str);

/// Whether a subnet exists, by netuid.
pub(in crate::chain) const NETWORKS_ADDED: Item = ("SubtensorModule", "NetworksAdded");
/// Number of uids, by netuid.
pub(in crate::chain) const SUBNETWORK_N: Item = ("SubtensorModule", "SubnetworkN");
/// Hotkey by netuid and uid.
pub(in crate::chain) const KEYS: Item = ("SubtensorModule", "Keys");
/// Uid by netuid and hotkey.
pub(in crate::chain) const UIDS: Item = ("SubtensorModule", "Uids");
/// Block in which a uid was taken, by netuid and uid.
pub(in crate::chain) const BLOCK_AT_REGISTRATION: Item = ("SubtensorModule", "BlockAtRegistration");
/// Permits by uid, by netuid.
pub(in crate::chain) const VALIDATOR_PERMIT: Item = ("SubtensorModule", "ValidatorPermit");
/// Blocks by uid, by index of netuid and mechanism.
pub(in crate::chain) const LAST_UPDATE: Item = ("SubtensorModule", "LastUpdate");
/// The owner's hotkey, by netuid; zeros where there is none.
pub(in crate::chain) const SUBNET_OWNER_HOTKEY: Item = ("SubtensorModule", "SubnetOwnerHotkey");
/// Coldkey by hotkey.
pub(in crate::chain) const OWNER: Item = ("SubtensorModule", "Owner");
/// Weights by index of netuid and mechanism, and uid.
pub(in crate::chain) const WEIGHTS: Item = ("SubtensorModule", "Weights");
/// Blocks of an epoch less one, by netuid.
pub(in crate::chain) const TEMPO: Item = ("SubtensorModule", "Tempo");
/// Blocks since the last epoch ended, by netuid.
pub(in crate::chain) const BLOCKS_SINCE_LAST_STEP: Item = ("SubtensorModule", "BlocksSinceLastStep");
/// Blocks between two settings of weights, by netuid.
pub(in crate::chain) const WEIGHTS_SET_RATE_LIMIT: Item = ("SubtensorModule", "WeightsSetRateLimit");
/// Fewest weights, by netuid.
pub(in crate::chain) const MIN_ALLOWED_WEIGHTS: Item = ("SubtensorModule", "MinAllowedWeights");
/// Largest share, by netuid.
pub(in crate::chain) const MAX_WEIGHTS_LIMIT: Item = ("SubtensorModule", "MaxWeightsLimit");
/// Lowest version key, by netuid.
pub(in crate::chain) const WEIGHTS_VERSION_KEY: Item = ("SubtensorModule", "WeightsVersionKey");
/// Least stake of who sets weights.
pub(in crate::chain) const STAKE_THRESHOLD: Item = ("SubtensorModule", "StakeThreshold");
/// Whether weights are committed first, by netuid.
pub(in crate::chain) const COMMIT_REVEAL_ENABLED: Item = ("SubtensorModule", "CommitRevealWeightsEnabled");
/// Blocks after which weights stop counting, in thousandths of the tempo, by netuid. Older runtimes have the next one
/// instead, and newer ones no longer look at it.
pub(in crate::chain) const ACTIVITY_CUTOFF_FACTOR: Item = ("SubtensorModule", "ActivityCutoffFactorMilli");
/// The same in blocks, by netuid.
pub(in crate::chain) const ACTIVITY_CUTOFF: Item = ("SubtensorModule", "ActivityCutoff");
/// Epochs from a commit of weights to their opening, by netuid.
pub(in crate::chain) const REVEAL_PERIOD: Item = ("SubtensorModule", "RevealPeriodEpochs");
/// Version of the form of committed weights.
pub(in crate::chain) const COMMIT_REVEAL_VERSION: Item = ("SubtensorModule", "CommitRevealWeightsVersion");
/// Hashes of weights that wait to be revealed, by index of netuid and mechanism, and hotkey.
pub(in crate::chain) const WEIGHT_COMMITS: Item = ("SubtensorModule", "WeightCommits");
/// Block of the last epoch, by netuid. Older runtimes have none of these three.
pub(in crate::chain) const LAST_EPOCH_BLOCK: Item = ("SubtensorModule", "LastEpochBlock");
/// Block of an epoch that the owner asked for, by netuid.
pub(in crate::chain) const PENDING_EPOCH_AT: Item = ("SubtensorModule", "PendingEpochAt");
/// Number of the epoch, by netuid.
pub(in crate::chain) const SUBNET_EPOCH_INDEX: Item = ("SubtensorModule", "SubnetEpochIndex");
/// Commitments by netuid and hotkey.
pub(in crate::chain) const COMMITMENT_OF: Item = ("Commitments", "CommitmentOf");
/// Time of a block in milliseconds since 1970. Recorded runtimes do not have it.
pub(in crate::chain) const TIMESTAMP_NOW: Item = ("Timestamp", "Now");
/// What happened in a block.
pub(in crate::chain) const EVENTS: Item = ("System", "Events");

/// Items with the number of their keys.
const ITEMS: &[(Item, usize)] = &[
    (NETWORKS_ADDED, 1),
    (SUBNETWORK_N, 1),
    (KEYS, 2),
    (UIDS, 2),
    (BLOCK_AT_REGISTRATION, 2),
    (VALIDATOR_PERMIT, 1),
    (LAST_UPDATE, 1),
    (SUBNET_OWNER_HOTKEY, 1),
    (OWNER, 1),
    (WEIGHTS, 2),
    (TEMPO, 1),
    (BLOCKS_SINCE_LAST_STEP, 1),
    (WEIGHTS_SET_RATE_LIMIT, 1),
    (MIN_ALLOWED_WEIGHTS, 1),
    (MAX_WEIGHTS_LIMIT, 1),
    (WEIGHTS_VERSION_KEY, 1),
    (STAKE_THRESHOLD, 0),
    (COMMIT_REVEAL_ENABLED, 1),
    (REVEAL_PERIOD, 1),
    (COMMITMENT_OF, 2),
    (EVENTS, 0),
];

/// A call: pallet, name and names of its arguments.
pub(in crate::chain) struct Call {
    pub(in crate::chain) pallet: &'static str,
    pub(in crate::chain) name: &'static str,
    arguments: &'static [&'static str],
}

/// Sets weights.
pub(in crate::chain) const SET_WEIGHTS: Call =
    Call { pallet: "SubtensorModule", name: "set_weights", arguments: &["netuid", "dests", "weights", "version_key"] };
/// Commits weights that are locked until a round of drand's.
pub(in crate::chain) const COMMIT_WEIGHTS: Call = Call {
    pallet: "SubtensorModule",
    name: "commit_timelocked_weights",
    arguments: &["netuid", "commit", "reveal_round", "commit_reveal_version"],
};
/// Commits the hash of weights.
pub(in crate::chain) const COMMIT_HASH: Call =
    Call { pallet: "SubtensorModule", name: "commit_weights", arguments: &["netuid", "commit_hash"] };
/// Reveals weights whose hash was committed.
pub(in crate::chain) const REVEAL_WEIGHTS: Call = Call {
    pallet: "SubtensorModule",
    name: "reveal_weights",
    arguments: &["netuid", "uids", "values", "salt", "version_key"],
};
/// Writes a commitment.
pub(in crate::chain) const SET_COMMITMENT: Call =
    Call { pallet: "Commitments", name: "set_commitment", arguments: &["netuid", "info"] };

/// A runtime call: trait and method. It tells the stake that counts of every neuron of a subnet, parents' and root's
/// shares included, which storage has in parts only.
pub(in crate::chain) const SUBNET_STATE: (&str, &str) = ("SubnetInfoRuntimeApi", "get_subnet_state");

/// A way in which weights are committed first: what it needs, of which a runtime may have all or not.
pub(in crate::chain) struct Way {
    items: &'static [(Item, usize)],
    calls: &'static [Call],
}

/// Locked until a round of drand's, opened by the chain.
pub(in crate::chain) const TIMELOCKED: Way = Way { items: &[(COMMIT_REVEAL_VERSION, 0)], calls: &[COMMIT_WEIGHTS] };
/// As a hash, revealed by who sent it.
pub(in crate::chain) const HASHED: Way = Way { items: &[(WEIGHT_COMMITS, 2)], calls: &[COMMIT_HASH, REVEAL_WEIGHTS] };

/// What a runtime lacks of all these. Of the ways to commit weights one is enough.
pub(in crate::chain) fn missing(metadata: &Metadata) -> Vec<String> {
    let mut missing = lacking(metadata, ITEMS, &[SET_WEIGHTS, SET_COMMITMENT]);
    let ways = [TIMELOCKED, HASHED].map(|way| lacking(metadata, way.items, way.calls));
    if ways.iter().all(|lacks| !lacks.is_empty()) {
        missing.extend(ways.into_iter().flatten());
    }
    let (api, method) = SUBNET_STATE;
    if metadata.runtime_api_trait_by_name(api).and_then(|found| found.method_by_name(method)).is_none() {
        missing.push(format!("runtime call {api}.{method}"));
    }
    missing
}

/// Whether a runtime has all that a way needs.
pub(in crate::chain) fn has_way(metadata: &Metadata, way: &Way) -> bool {
    lacking(metadata, way.items, way.calls).is_empty()
}

fn lacking(metadata: &Metadata, items: &[(Item, usize)], calls: &[Call]) -> Vec<String> {
    let mut missing = Vec::new();
    for &((pallet, item), keys) in items {
        let storage = metadata.pallet_by_name(pallet).and_then(|found| found.storage());
        match storage.and_then(|storage| storage.entry_by_name(item)) {
            None => missing.push(format!("storage {pallet}.{item}")),
            Some(entry) if entry.keys().len() != keys => {
                missing.push(format!("storage {pallet}.{item} by {keys} keys"));
            }
            Some(_) => {}
        }
    }
    for Call { pallet, name, arguments } in calls {
        let found = metadata.pallet_by_name(pallet);
        let Some(variant) = found.as_ref().and_then(|found| found.call_variant_by_name(name)) else {
            missing.push(format!("call {pallet}.{name}"));
            continue;
        };
        let has = |argument: &&str| variant.fields.iter().any(|field| field.name.as_deref() == Some(*argument));
        missing.extend(
            arguments.iter().filter(|one| !has(one)).map(|one| format!("argument {one} of call {pallet}.{name}")),
        );
        let unknown = variant.fields.iter().filter_map(|field| field.name.as_deref());
        missing.extend(
            unknown.filter(|one| !arguments.contains(one)).map(|one| format!("{pallet}.{name} without argument {one}")),
        );
    }
    missing
}

/// Pallets of which storage is read.
const READ_PALLETS: [&str; 4] = ["System", "Timestamp", "SubtensorModule", "Commitments"];

/// Every type that is read or written, but for the arguments of calls.
pub(in crate::chain::node) fn types_in_use(metadata: &Metadata) -> Vec<u32> {
    let mut ids = Vec::new();
    for pallet in READ_PALLETS.iter().filter_map(|name| metadata.pallet_by_name(name)) {
        for entry in pallet.storage().map_or(&[][..], |storage| storage.entries()) {
            ids.push(entry.value_ty());
            ids.extend(entry.keys().map(|key| key.key_id));
        }
    }
    let (api, method) = SUBNET_STATE;
    if let Some(method) = metadata.runtime_api_trait_by_name(api).and_then(|found| found.method_by_name(method)) {
        ids.push(method.output_ty());
        ids.extend(method.inputs().map(|input| input.id));
    }
    if let Some(constant) = metadata.pallet_by_name("Aura").and_then(|found| found.constant_by_name("SlotDuration")) {
        ids.push(constant.ty());
    }
    for extension in metadata.extrinsic().transaction_extensions_to_use_for_encoding() {
        ids.extend([extension.extra_ty(), extension.additional_ty()]);
    }
    ids
}
