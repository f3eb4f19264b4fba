//! Nodes that stand still, leave things out, tell a wrong time or describe their runtime as it is not.

mod dev_node;

use std::time::Duration;

use dev_node::{by_hand, connect, metadata, node, runtime, settings};
use kinitro::beacon::OperatorKey;
use kinitro::chain::{
    Chain, ChainError, DevChain, DevFault, DevNode, DevNodeFault, DevRuntime, Hyperparameters, NodeChain, NodeSettings,
    OpaqueField, Registration, WeightSubmission,
};
use kinitro::domain::{Netuid, Uid};
use scale_info::form::PortableForm;
use scale_info::{Field, TypeDef, TypeDefArray, TypeDefComposite, TypeDefPrimitive, TypeDefSequence, TypeDefTuple};
use subxt::ext::codec::{Decode, Encode};
use subxt::ext::frame_metadata::v14::{StorageEntryModifier, StorageEntryType, StorageHasher};
use subxt::ext::frame_metadata::v15::{
    PalletMetadata, PalletStorageMetadata, RuntimeMetadataV15, SignedExtensionMetadata, StorageEntryMetadata,
};
use subxt::ext::frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};

const NETUID: Netuid = Netuid(2);

fn key(number: u16) -> OperatorKey {
    OperatorKey::dev(&format!("suite-{number}"))
}

/// A subnet with a validator in uid 0 and miners in uids 1 and 2, behind a node.
struct Subnet {
    chain: DevChain,
    node: DevNode,
}

impl Subnet {
    async fn new() -> Subnet {
        let chain = by_hand("dev");
        chain.register(NETUID, &Registration::validator(key(0).hotkey())).unwrap();
        for number in 1..=2 {
            chain.register(NETUID, &Registration::miner(key(number).hotkey())).unwrap();
        }
        let subnet = Subnet { node: node(&chain, runtime(461)).await, chain };
        subnet.set_commit_reveal(false);
        subnet.chain.advance(10).unwrap();
        subnet
    }

    fn set_commit_reveal(&self, commit_reveal_weights_enabled: bool) {
        let rules = Hyperparameters { weights_set_rate_limit_blocks: 0, ..Hyperparameters::default() };
        let rules = Hyperparameters { commit_reveal_weights_enabled, ..rules };
        self.chain.set_hyperparameters(NETUID, &rules).unwrap();
    }

    async fn client(&self) -> Result<NodeChain, ChainError> {
        NodeChain::connect(settings(&self.chain, &[&self.node])).await
    }

    /// A client of the node once it tells this description of its runtime.
    async fn misled(&self, metadata: Vec<u8>) -> Result<NodeChain, ChainError> {
        self.node.upgrade(&runtime(461).serving(metadata)).unwrap();
        self.chain.advance(10).unwrap();
        self.client().await
    }

    /// How many writes reached the chain.
    async fn written(&self) -> usize {
        self.chain.advance(10).unwrap();
        let at = self.chain.finalized_head().await.unwrap();
        let commitments = self.chain.commitments_at(NETUID, &at).await.unwrap().len();
        commitments + self.chain.weights_at(NETUID, Uid(0), &at).await.unwrap().len()
    }
}

async fn submit(client: &NodeChain) -> Result<(), ChainError> {
    let weights = WeightSubmission {
        uids: vec![Uid(1)],
        values: vec![65_535],
        version_key: 0,
        holders: vec![key(1).hotkey()],
        salt: [0; 8],
    };
    client.submit_weights(&key(0), NETUID, &weights).await.map(drop)
}

async fn commit(client: &NodeChain, number: u16) -> Result<(), ChainError> {
    client.set_commitment(&key(number), NETUID, b"{}").await.map(drop)
}

/// A client that calls a head stalled once it was read twice.
async fn impatient(chain: &DevChain, nodes: &[&DevNode]) -> NodeChain {
    let settings = NodeSettings { head_patience: Duration::ZERO, ..settings(chain, nodes) };
    NodeChain::connect(settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_stands_is_called_stalled_and_the_next_endpoint_asked() {
    let (first_chain, second_chain) = (by_hand("dev"), by_hand("dev"));
    first_chain.advance(20).unwrap();
    second_chain.advance(10).unwrap();
    let (first, second) = (node(&first_chain, runtime(461)).await, node(&second_chain, runtime(461)).await);
    first.inject_into_chain(DevFault::Stall).unwrap();
    let client = impatient(&first_chain, &[&first, &second]).await;
    let block = first_chain.finalized_head().await.unwrap().number;
    // On the first node, which stands; on the second one, which is behind; and on the first again.
    for _ in 0..3 {
        let stalled = client.finalized_head().await.unwrap_err();
        assert!(matches!(stalled, ChainError::Stalled { block: at, .. } if at == block), "{stalled}");
        assert!(stalled.is_temporary());
        second_chain.advance(1).unwrap();
    }
    second_chain.advance(20).unwrap();
    assert_eq!(client.finalized_head().await, second_chain.finalized_head().await);
    // Writes need a chain that goes on, and reads of what is final do not.
    second_chain.advance(1).unwrap();
    assert_eq!(commit(&client, 1).await, Err(ChainError::UnknownSubnet(NETUID)));
    client.block_hash(block).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_only_endpoint_is_asked_again_until_its_chain_goes_on() {
    let chain = by_hand("dev");
    chain.advance(10).unwrap();
    let node = node(&chain, runtime(461)).await;
    let client = impatient(&chain, &[&node]).await;
    for _ in 0..3 {
        assert!(matches!(client.finalized_head().await, Err(ChainError::Stalled { .. })));
    }
    for _ in 0..3 {
        chain.advance(1).unwrap();
        assert_eq!(client.finalized_head().await, chain.finalized_head().await);
        assert!(matches!(client.finalized_head().await, Err(ChainError::Stalled { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_whole_from_short_pages_and_refused_when_it_is_cut() {
    let subnet = Subnet::new().await;
    let client = subnet.client().await.unwrap();
    for number in 0..3 {
        commit(&client, number).await.unwrap();
    }
    subnet.chain.advance(4).unwrap();
    let at = client.finalized_head().await.unwrap();
    subnet.node.inject(DevNodeFault::ShortPages { keys: 1 });
    assert_eq!(client.neurons_at(NETUID, &at).await, subnet.chain.neurons_at(NETUID, &at).await);
    assert_eq!(client.commitments_at(NETUID, &at).await, subnet.chain.commitments_at(NETUID, &at).await);
    assert_eq!(client.commitments_at(NETUID, &at).await.unwrap().len(), 3);
    subnet.node.inject(DevNodeFault::HideKeys { shown: 2 });
    let error = client.neurons_at(NETUID, &at).await.unwrap_err();
    assert_eq!(error, ChainError::Unreadable("subnet 2 has 3 neurons and 2 of them are listed".into()));
    subnet.node.inject(DevNodeFault::HideLastValue);
    for error in [
        client.neurons_at(NETUID, &at).await.map(drop).unwrap_err(),
        client.commitments_at(NETUID, &at).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(&error, ChainError::Unreadable(why) if why.contains("is left out")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lie_about_the_head_does_not_stop_the_client_for_good() {
    let chain = by_hand("dev");
    chain.advance(20).unwrap();
    let (liar, honest) = (node(&chain, runtime(461)).await, node(&chain, runtime(461)).await);
    let patience = Duration::from_secs(2);
    let settings = NodeSettings { head_patience: patience, ..settings(&chain, &[&liar, &honest]) };
    liar.inject(DevNodeFault::FarHead { number: 4_000_000_000 });
    let client = NodeChain::connect(settings).await.unwrap();
    let mut told = client.finalized_head().await;
    for _ in 0..400 {
        if told == chain.finalized_head().await {
            break;
        }
        tokio::time::sleep(patience / 80).await;
        chain.advance(1).unwrap();
        told = client.finalized_head().await;
    }
    assert_eq!(told, chain.finalized_head().await);
    // And a chain that stands is found standing as before.
    tokio::time::sleep(patience + patience / 10).await;
    let stalled = client.finalized_head().await.unwrap_err();
    assert!(matches!(stalled, ChainError::Stalled { .. }), "{stalled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_runtime_cannot_be_read_is_passed_by_at_the_start() {
    let subnet = Subnet::new().await;
    let mut old = metadata(461);
    old[4] = 14;
    assert!(matches!(subnet.misled(old).await.err(), Some(ChainError::Unreadable(_))));
    let second = node(&subnet.chain, runtime(461)).await;
    let client = connect(&subnet.chain, &[&subnet.node, &second]).await;
    assert_eq!(client.finalized_head().await, subnet.chain.finalized_head().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_cannot_answer_is_left_for_the_next_one() {
    type IsExpected = fn(&ChainError) -> bool;
    let cases: [(DevNodeFault, IsExpected); 3] = [
        (DevNodeFault::HideKeys { shown: 2 }, |error| matches!(error, ChainError::Unreadable(_))),
        (DevNodeFault::ForgetStates { kept_blocks: 2 }, |error| matches!(error, ChainError::UnknownBlock(_))),
        (DevNodeFault::RefuseLists, |error| matches!(error, ChainError::Refused(why) if why.contains("limit"))),
    ];
    for (fault, is_expected) in cases {
        let subnet = Subnet::new().await;
        let second = node(&subnet.chain, runtime(461)).await;
        let client = connect(&subnet.chain, &[&subnet.node, &second]).await;
        let at = client.finalized_head().await.unwrap();
        subnet.chain.advance(10).unwrap();
        subnet.node.inject(fault.clone());
        let error = client.neurons_at(NETUID, &at).await.unwrap_err();
        assert!(is_expected(&error), "{fault:?}: {error}");
        assert_eq!(client.neurons_at(NETUID, &at).await, subnet.chain.neurons_at(NETUID, &at).await, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_keys_of_another_length_are_refused() {
    let subnet = Subnet::new().await;
    let client = subnet.client().await.unwrap();
    let at = client.finalized_head().await.unwrap();
    subnet.node.inject(DevNodeFault::LongKeys { bytes: 100_000 });
    let error = client.neurons_at(NETUID, &at).await.unwrap_err();
    assert!(matches!(&error, ChainError::Unreadable(why) if why.contains("a storage key has 1000")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_one_endpoint_describes_otherwise_goes_to_the_next_one() {
    let subnet = Subnet::new().await;
    let swapped = doctored(|metadata| arguments(metadata, "Commitments", "set_commitment").swap(0, 1));
    subnet.misled(swapped).await.unwrap();
    let second = node(&subnet.chain, runtime(461)).await;
    let client = connect(&subnet.chain, &[&subnet.node, &second]).await;
    assert!(matches!(commit(&client, 1).await, Err(ChainError::UnknownForm { .. })));
    assert_eq!(subnet.written().await, 0);
    commit(&client, 1).await.unwrap();
    assert_eq!(subnet.written().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commitment_slot_fuller_than_the_chain_takes_is_refused() {
    let subnet = Subnet::new().await;
    let client = subnet.client().await.unwrap();
    let fill = |bytes: usize| {
        let field = OpaqueField { kind: "TimelockEncrypted".into(), bytes: vec![7; bytes] };
        subnet.chain.commit_opaque(NETUID, key(1).hotkey(), &field).unwrap();
        subnet.chain.advance(10).unwrap();
    };
    fill(1_024);
    let at = client.finalized_head().await.unwrap();
    assert_eq!(client.commitments_at(NETUID, &at).await, subnet.chain.commitments_at(NETUID, &at).await);
    fill(20_000);
    let at = client.finalized_head().await.unwrap();
    let error = client.commitments_at(NETUID, &at).await.unwrap_err();
    assert!(matches!(&error, ChainError::Unreadable(why) if why.contains("over 16384")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_is_given_up() {
    let subnet = Subnet::new().await;
    let impatient = NodeSettings { answer_timeout: Duration::from_secs(1), ..settings(&subnet.chain, &[&subnet.node]) };
    let client = NodeChain::connect(impatient).await.unwrap();
    commit(&client, 1).await.unwrap();
    subnet.chain.advance(4).unwrap();
    let at = client.finalized_head().await.unwrap();
    subnet.node.inject(DevNodeFault::EndlessKeys);
    let read = tokio::time::timeout(Duration::from_secs(60), client.commitments_at(NETUID, &at)).await;
    let error = read.expect("the list is not read for ever").unwrap_err();
    assert!(matches!(error, ChainError::Disconnected(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_by_uid_that_are_cut_are_refused() {
    for (name, shorter, told) in [
        ("ValidatorPermit", vec![true, true].encode(), "2 permits"),
        ("LastUpdate", vec![1u64, 2].encode(), "2 updates"),
    ] {
        let subnet = Subnet::new().await;
        // A key of another form, under which nothing is written.
        let metadata = doctored(|metadata| {
            let item = item(metadata, name);
            item.default = shorter;
            let StorageEntryType::Map { hashers, .. } = &mut item.ty else { panic!("a map") };
            *hashers = vec![StorageHasher::Blake2_256];
        });
        let client = subnet.misled(metadata).await.unwrap();
        let at = client.finalized_head().await.unwrap();
        let error = client.neurons_at(NETUID, &at).await.unwrap_err();
        assert_eq!(error, ChainError::Unreadable(format!("subnet 2 has 3 neurons and {told}")));
    }
}

/// The metadata of runtime 461, changed.
fn doctored(change: impl FnOnce(&mut RuntimeMetadataV15)) -> Vec<u8> {
    let mut prefixed = RuntimeMetadataPrefixed::decode(&mut &metadata(461)[..]).unwrap();
    let RuntimeMetadata::V15(v15) = &mut prefixed.1 else { panic!("version 15") };
    change(v15);
    prefixed.encode()
}

/// Adds a type.
fn add(metadata: &mut RuntimeMetadataV15, definition: TypeDef<PortableForm>) -> u32 {
    let mut entry = metadata.types.types[0].clone();
    entry.id = metadata.types.types.len() as u32;
    (entry.ty.path, entry.ty.type_params, entry.ty.type_def) = (Default::default(), vec![], definition);
    metadata.types.types.push(entry);
    metadata.types.types.len() as u32 - 1
}

/// The number of the type of whole numbers of this size.
fn primitive(metadata: &RuntimeMetadataV15, wanted: TypeDefPrimitive) -> u32 {
    let is_wanted = |definition: &TypeDef<PortableForm>| *definition == TypeDef::Primitive(wanted.clone());
    metadata.types.types.iter().position(|entry| is_wanted(&entry.ty.type_def)).unwrap() as u32
}

fn pallet<'a>(metadata: &'a mut RuntimeMetadataV15, name: &str) -> &'a mut PalletMetadata<PortableForm> {
    metadata.pallets.iter_mut().find(|pallet| pallet.name == name).unwrap()
}

/// The arguments of a call.
fn arguments<'a>(metadata: &'a mut RuntimeMetadataV15, name: &str, call: &str) -> &'a mut Vec<Field<PortableForm>> {
    let calls = pallet(metadata, name).calls.as_ref().unwrap().ty.id;
    let TypeDef::Variant(calls) = &mut metadata.types.types[calls as usize].ty.type_def else { panic!("calls") };
    &mut calls.variants.iter_mut().find(|variant| variant.name == call).unwrap().fields
}

fn swap_names(fields: &mut [Field<PortableForm>], one: usize, other: usize) {
    let name = fields[one].name.take();
    fields[one].name = fields[other].name.take();
    fields[other].name = name;
}

fn item<'a>(metadata: &'a mut RuntimeMetadataV15, name: &str) -> &'a mut StorageEntryMetadata<PortableForm> {
    let storage = pallet(metadata, "SubtensorModule").storage.as_mut().unwrap();
    storage.entries.iter_mut().find(|entry| entry.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_where_a_node_describes_a_call_otherwise() {
    type Change = fn(&mut RuntimeMetadataV15);
    let plain: [Change; 3] = [
        |metadata| swap_names(arguments(metadata, "SubtensorModule", "set_weights"), 1, 2),
        |metadata| {
            let narrow = primitive(metadata, TypeDefPrimitive::U16);
            arguments(metadata, "SubtensorModule", "set_weights")[3].ty = narrow.into();
        },
        |metadata| arguments(metadata, "SubtensorModule", "set_weights").swap(0, 3),
    ];
    let locked: [Change; 1] =
        [|metadata| swap_names(arguments(metadata, "SubtensorModule", "commit_timelocked_weights"), 2, 3)];
    let hashed: [Change; 1] = [|metadata| arguments(metadata, "SubtensorModule", "commit_weights").swap(0, 1)];
    let commitments: [Change; 2] = [
        |metadata| arguments(metadata, "Commitments", "set_commitment").swap(0, 1),
        |metadata| {
            for entry in &mut metadata.types.types {
                if let TypeDef::Variant(kinds) = &mut entry.ty.type_def
                    && kinds.variants.iter().any(|kind| kind.name == "Raw2")
                {
                    kinds.variants.iter_mut().find(|kind| kind.name == "Raw2").unwrap().index = 200;
                }
            }
        },
    ];
    let unknown = |call: &str| ChainError::UnknownForm { spec_version: 461, what: format!("the call {call}") };
    for (changes, call) in [
        (&plain[..], "SubtensorModule.set_weights"),
        (&locked, "SubtensorModule.commit_timelocked_weights"),
        (&hashed, "SubtensorModule.commit_weights"),
        (&commitments, "Commitments.set_commitment"),
    ] {
        for change in changes {
            let subnet = Subnet::new().await;
            subnet.set_commit_reveal(call.contains("commit_"));
            if call == "SubtensorModule.commit_weights" {
                subnet.node.inject(DevNodeFault::CommitVersion { version: 9 });
            }
            let client = subnet.misled(doctored(change)).await.unwrap();
            let refused = match call.starts_with("Commitments") {
                true => commit(&client, 1).await,
                false => submit(&client).await,
            };
            assert_eq!(refused, Err(unknown(call)));
            assert_eq!(subnet.written().await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_with_an_extension_that_holds_something_unknown() {
    type Types = fn(&mut RuntimeMetadataV15) -> (u32, u32);
    let extended = |types: Types| {
        doctored(|metadata| {
            let (extra, additional) = types(metadata);
            metadata.extrinsic.signed_extensions.push(SignedExtensionMetadata {
                identifier: "Hidden\u{1b}".into(),
                ty: extra.into(),
                additional_signed: additional.into(),
            });
        })
    };
    let unknown =
        ChainError::UnknownForm { spec_version: 461, what: "transactions with the extension Hidden\\u{1b}".into() };
    let cases: [Types; 2] = [
        |metadata| (option(metadata), nothing(metadata)),
        |metadata| (nothing(metadata), primitive(metadata, TypeDefPrimitive::U32)),
    ];
    for types in cases {
        let subnet = Subnet::new().await;
        let client = subnet.misled(extended(types)).await.unwrap();
        assert_eq!(commit(&client, 1).await.unwrap_err(), unknown);
        assert_eq!(subnet.written().await, 0);
    }
    let subnet = Subnet::new().await;
    let client = subnet.misled(extended(|metadata| (nothing(metadata), nothing(metadata)))).await.unwrap();
    // A node that checks signatures knows of no such extension, but nothing is written for it either.
    commit(&client, 1).await.unwrap();
    assert_eq!(subnet.written().await, 1);
}

/// The number of some optional type, which encoders fill with nothing by themselves.
fn option(metadata: &mut RuntimeMetadataV15) -> u32 {
    let is_option = |segments: &[String]| segments.last().is_some_and(|last| last == "Option");
    metadata.types.types.iter().position(|entry| is_option(&entry.ty.path.segments)).unwrap() as u32
}

/// Adds the type of nothing.
fn nothing(metadata: &mut RuntimeMetadataV15) -> u32 {
    add(metadata, TypeDef::Tuple(TypeDefTuple::new_portable(vec![])))
}

/// Adds the type of lists of one byte and these.
fn list_beside_a_byte(metadata: &mut RuntimeMetadataV15, others: &[u32]) -> u32 {
    let byte = primitive(metadata, TypeDefPrimitive::U8);
    let parts = [byte].iter().chain(others).map(|id| Field::new(None, (*id).into(), None, vec![])).collect::<Vec<_>>();
    let element = add(metadata, TypeDef::Composite(TypeDefComposite::new(parts)));
    add(metadata, TypeDef::Sequence(TypeDefSequence::new(element.into())))
}

#[tokio::test(flavor = "multi_thread")]
async fn types_without_end_are_refused_before_anything_is_read_by_them() {
    type Change = fn(&mut RuntimeMetadataV15) -> u32;
    let cases: [(Change, &str); 7] = [
        (
            |metadata| {
                let own = metadata.types.types.len() as u32;
                let inside = Field::new(None, own.into(), None, vec![]);
                add(metadata, TypeDef::Composite(TypeDefComposite::new([inside])))
            },
            "holds itself",
        ),
        (
            |metadata| {
                let own = metadata.types.types.len() as u32;
                add(metadata, TypeDef::Sequence(TypeDefSequence::new(own.into())))
            },
            "holds itself",
        ),
        (
            |metadata| {
                let nothing = nothing(metadata);
                add(metadata, TypeDef::Sequence(TypeDefSequence::new(nothing.into())))
            },
            "is a list of nothing",
        ),
        (
            |metadata| {
                let nothing = nothing(metadata);
                add(metadata, TypeDef::Array(TypeDefArray::new(u32::MAX, nothing.into())))
            },
            "is an array of nothing",
        ),
        (
            |metadata| {
                let nothing = nothing(metadata);
                let nothings = add(metadata, TypeDef::Array(TypeDefArray::new(65_000, nothing.into())));
                list_beside_a_byte(metadata, &[nothings])
            },
            "is an array of nothing",
        ),
        (
            |metadata| {
                let nothing = nothing(metadata);
                list_beside_a_byte(metadata, &[nothing; 65])
            },
            "more than 64 parts that take no bytes",
        ),
        (|metadata| metadata.types.types.len() as u32, "is not described"),
    ];
    for (change, expected) in cases {
        let subnet = Subnet::new().await;
        let metadata = doctored(|metadata| {
            let id = change(metadata);
            let StorageEntryType::Map { value, .. } = &mut item(metadata, "Tempo").ty else { panic!("a map") };
            *value = id.into();
        });
        let error = subnet.misled(metadata).await.err().unwrap();
        assert!(matches!(&error, ChainError::Unreadable(why) if why.contains(expected)), "{error}");
        let metadata = doctored(|metadata| {
            let id = change(metadata);
            arguments(metadata, "SubtensorModule", "set_weights")[1].ty = id.into();
        });
        let client = subnet.misled(metadata).await.unwrap();
        let error = submit(&client).await.unwrap_err();
        assert!(matches!(&error, ChainError::Unreadable(why) if why.contains(expected)), "{error}");
        assert_eq!(subnet.written().await, 0);
    }
}

/// Runtime 461 with the time that real runtimes tell.
fn timed(metadata: &mut RuntimeMetadataV15) {
    let number = primitive(metadata, TypeDefPrimitive::U64);
    let mut timestamp = pallet(metadata, "Aura").clone();
    (timestamp.name, timestamp.index) = ("Timestamp".into(), 200);
    timestamp.constants.clear();
    let now = StorageEntryMetadata {
        name: "Now".into(),
        modifier: StorageEntryModifier::Default,
        ty: StorageEntryType::Plain(number.into()),
        default: vec![0; 8],
        docs: vec![],
    };
    timestamp.storage = Some(PalletStorageMetadata { prefix: "Timestamp".into(), entries: vec![now] });
    metadata.pallets.push(timestamp);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_locked_only_by_a_clock_that_agrees_with_the_chains() {
    let subnet = Subnet::new().await;
    subnet.set_commit_reveal(true);
    subnet.node.upgrade(&DevRuntime::new(461, doctored(timed))).unwrap();
    subnet.chain.advance(10).unwrap();
    let client = connect(&subnet.chain, &[&subnet.node]).await;
    submit(&client).await.unwrap();
    for ahead_s in [600, -600] {
        subnet.node.inject(DevNodeFault::WrongTime { ahead_s });
        let apart = submit(&client).await.unwrap_err();
        assert!(matches!(apart, ChainError::ClocksApart { seconds: 590..=610 }), "{apart}");
    }
    subnet.set_commit_reveal(false);
    submit(&client).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reveal_period_without_end_is_refused() {
    let subnet = Subnet::new().await;
    subnet.set_commit_reveal(true);
    // A key of another form, under which nothing is written.
    let metadata = doctored(|metadata| {
        let item = item(metadata, "RevealPeriodEpochs");
        item.default = u64::MAX.encode();
        let StorageEntryType::Map { hashers, .. } = &mut item.ty else { panic!("a map") };
        *hashers = vec![StorageHasher::Blake2_256];
    });
    let client = subnet.misled(metadata).await.unwrap();
    let error = submit(&client).await.unwrap_err();
    assert!(matches!(&error, ChainError::Unreadable(why) if why.contains("a reveal period of")), "{error}");
}
