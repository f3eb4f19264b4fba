//! The client of real chains against a node over a development chain, which serves the metadata of real runtimes.

mod chain_suite;
mod dev_node;
mod finality;
mod unknown_fate;
mod weight_commits;

use chain_suite::{Subnet, all, key};
use dev_node::{by_hand, connect, metadata, node, runtime, settings};
use kinitro::beacon::OperatorKey;
use kinitro::chain::{
    Chain, ChainError, DevChain, DevChainSettings, DevFault, DevNode, DevNodeFault, DevRuntime, Hyperparameters,
    NodeChain, NodeSettings, Registration, WeightSubmission,
};
use kinitro::domain::{BlockHash, BlockNumber, BlockRef, Netuid, Uid};

const NETUID: Netuid = Netuid(2);

struct NodeSubnet {
    chain: DevChain,
    node: DevNode,
    client: NodeChain,
}

impl NodeSubnet {
    async fn new(spec_version: u32) -> NodeSubnet {
        NodeSubnet::of(runtime(spec_version)).await
    }

    async fn of(runtime: DevRuntime) -> NodeSubnet {
        let chain = by_hand("dev");
        chain.register(NETUID, &Registration::validator(key(0).hotkey())).unwrap();
        for number in 1..=2 {
            chain.register(NETUID, &Registration::miner(key(number).hotkey())).unwrap();
        }
        let rules = Hyperparameters { weights_set_rate_limit_blocks: 0, ..Hyperparameters::default() };
        chain.set_hyperparameters(NETUID, &rules).unwrap();
        chain.advance(10).unwrap();
        let node = node(&chain, runtime).await;
        let client = connect(&chain, &[&node]).await;
        NodeSubnet { chain, node, client }
    }

    async fn head(&self) -> BlockRef {
        self.client.finalized_head().await.unwrap()
    }

    async fn submit(&self, uid: u16) -> Result<BlockNumber, ChainError> {
        let weights = WeightSubmission {
            uids: vec![Uid(uid)],
            values: vec![65_535],
            version_key: 0,
            holders: vec![key(uid).hotkey()],
            salt: [0; 8],
        };
        self.client.submit_weights(&key(0), NETUID, &weights).await.map(|receipt| receipt.block)
    }

    async fn commit(&self, data: &[u8]) -> Result<BlockNumber, ChainError> {
        self.client.set_commitment(&key(1), NETUID, data).await.map(|receipt| receipt.block)
    }
}

impl Subnet for NodeSubnet {
    fn chain(&self) -> &dyn Chain {
        &self.client
    }
    fn netuid(&self) -> Netuid {
        NETUID
    }
    fn finalize(&self) {
        self.chain.advance(4).unwrap();
    }
    fn advance(&self) {
        self.chain.advance(1).unwrap();
    }
    fn set_rules(&self, rules: &Hyperparameters) {
        self.chain.set_hyperparameters(NETUID, rules).unwrap();
    }
    fn replace(&self, uid: Uid, hotkey: &OperatorKey) {
        self.chain.replace(NETUID, uid, &Registration::miner(hotkey.hotkey())).unwrap();
    }
    fn inject(&self, fault: DevFault) {
        self.node.inject_into_chain(fault).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_runtime_461_does_what_a_chain_must() {
    all(&NodeSubnet::new(461).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_runtime_419_does_what_a_chain_must() {
    all(&NodeSubnet::new(419).await).await;
}

/// The main network's runtime when its metadata was recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_runtime_365_does_what_a_chain_must() {
    all(&NodeSubnet::new(365).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_what_the_chain_itself_tells() {
    let subnet = NodeSubnet::new(461).await;
    subnet
        .chain
        .replace(
            NETUID,
            Uid(1),
            &Registration { coldkey: Some(key(9).hotkey()), stake_rao: 77, ..Registration::miner(key(1).hotkey()) },
        )
        .unwrap();
    subnet.finalize();
    subnet.commit(br#"{"m":"a/b"}"#).await.unwrap();
    subnet.submit(2).await.unwrap();
    subnet.finalize();
    let at = subnet.head().await;
    assert_eq!(at, subnet.chain.finalized_head().await.unwrap());
    let (client, chain) = (&subnet.client, &subnet.chain);
    assert_eq!(client.genesis(), chain.genesis());
    assert_eq!(client.neurons_at(NETUID, &at).await, chain.neurons_at(NETUID, &at).await);
    assert_eq!(client.commitments_at(NETUID, &at).await, chain.commitments_at(NETUID, &at).await);
    assert_eq!(client.hyperparameters_at(NETUID, &at).await, chain.hyperparameters_at(NETUID, &at).await);
    assert_eq!(client.weights_at(NETUID, Uid(0), &at).await, chain.weights_at(NETUID, Uid(0), &at).await);
}

/// Newer runtimes say it as a share of the tempo, older ones in blocks, and where nothing is said subtensor's default holds.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_weights_count_is_read_as_each_runtime_says_it() {
    let newer = metadata(461);
    let runtimes = [
        (newer.clone(), 777),
        (metadata_without(&newer, "ActivityCutoffFactorMilli"), 777),
        (metadata_without(&newer, "ActivityCutoff"), 5_000),
    ];
    for (described, expected) in runtimes {
        let chain = by_hand("dev");
        let rules = Hyperparameters { activity_cutoff_blocks: 777, ..Hyperparameters::default() };
        chain.set_hyperparameters(NETUID, &rules).unwrap();
        chain.advance(10).unwrap();
        let node = node(&chain, DevRuntime::new(461, described)).await;
        let client = connect(&chain, &[&node]).await;
        let at = client.finalized_head().await.unwrap();
        assert_eq!(client.hyperparameters_at(NETUID, &at).await.unwrap().activity_cutoff_blocks, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_of_256_is_read_whole() {
    let chain = by_hand("dev");
    for number in 0..256 {
        chain.register(NETUID, &Registration::miner(key(number).hotkey())).unwrap();
    }
    chain.advance(10).unwrap();
    let node = node(&chain, runtime(461)).await;
    let client = connect(&chain, &[&node]).await;
    let at = client.finalized_head().await.unwrap();
    assert_eq!(client.neurons_at(NETUID, &at).await, chain.neurons_at(NETUID, &at).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_while_connected_changes_nothing() {
    let subnet = NodeSubnet::new(365).await;
    let before = subnet.head().await;
    subnet.commit(b"before").await.unwrap();
    subnet.node.upgrade(&runtime(461)).unwrap();
    subnet.finalize();
    subnet.finalize();
    assert_eq!(subnet.client.spec_version().await, Ok(461));
    subnet.commit(b"after").await.unwrap();
    subnet.submit(1).await.unwrap();
    subnet.finalize();
    let after = subnet.head().await;
    for at in [before, after] {
        assert_eq!(subnet.client.neurons_at(NETUID, &at).await, subnet.chain.neurons_at(NETUID, &at).await);
        assert_eq!(subnet.client.commitments_at(NETUID, &at).await, subnet.chain.commitments_at(NETUID, &at).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_drops_a_name_is_refused_with_that_name() {
    let subnet = NodeSubnet::new(461).await;
    let served = metadata_without(&metadata(461), "CommitmentOf");
    subnet.node.upgrade(&DevRuntime::new(500, metadata(461)).serving(served)).unwrap();
    subnet.finalize();
    subnet.finalize();
    let head = subnet.head().await;
    let expected =
        ChainError::Incompatible { spec_version: 500, missing: vec!["storage Commitments.CommitmentOf".into()] };
    assert_eq!(subnet.client.neurons_at(NETUID, &head).await, Err(expected.clone()));
    let connected = NodeChain::connect(settings(&subnet.chain, &[&subnet.node])).await;
    assert_eq!(connected.err(), Some(expected));
}

/// Metadata of which every mention of a name is misspelt.
fn metadata_without(metadata: &[u8], name: &str) -> Vec<u8> {
    let mut changed = metadata.to_vec();
    let places: Vec<usize> = (0..metadata.len()).filter(|at| metadata[*at..].starts_with(name.as_bytes())).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| changed[*at] = b'X');
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_chain_is_not_read() {
    let (ours, other) = (by_hand("ours"), by_hand("other"));
    let (our_node, other_node) = (node(&ours, runtime(461)).await, node(&other, runtime(461)).await);
    let wrong = NodeChain::connect(settings(&ours, &[&other_node])).await.err().unwrap();
    assert_eq!(wrong, ChainError::WrongGenesis { expected: ours.genesis(), found: other.genesis() });
    let client = connect(&ours, &[&other_node, &our_node]).await;
    assert_eq!(client.genesis(), ours.genesis());
    assert_eq!(client.finalized_head().await, ours.finalized_head().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_for_a_chain_that_the_settings_do_not_name() {
    let subnet = NodeSubnet::new(461).await;
    let unnamed = NodeSettings { genesis: None, ..settings(&subnet.chain, &[&subnet.node]) };
    let client = NodeChain::connect(unnamed).await.unwrap();
    let refused = ChainError::UnconfirmedGenesis { found: subnet.chain.genesis() };
    assert_eq!(client.set_commitment(&key(1), NETUID, b"{}").await, Err(refused.clone()));
    let weights = WeightSubmission {
        uids: vec![Uid(1)],
        values: vec![65_535],
        version_key: 0,
        holders: vec![key(1).hotkey()],
        salt: [0; 8],
    };
    assert_eq!(client.submit_weights(&key(0), NETUID, &weights).await, Err(refused));
    assert_eq!(client.finalized_head().await.unwrap(), subnet.head().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_endpoint_takes_over_when_a_node_is_gone() {
    let chain = by_hand("dev");
    chain.advance(9).unwrap();
    let (first, second) = (node(&chain, runtime(461)).await, node(&chain, runtime(461)).await);
    let client = connect(&chain, &[&first, &second]).await;
    client.finalized_head().await.unwrap();
    drop(first);
    let lost = client.finalized_head().await.unwrap_err();
    assert!(matches!(lost, ChainError::Disconnected(_)) && lost.is_temporary(), "{lost}");
    assert_eq!(client.finalized_head().await, chain.finalized_head().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_answer_is_given_up() {
    let subnet = NodeSubnet::new(461).await;
    let impatient = NodeSettings {
        answer_timeout: std::time::Duration::from_millis(300),
        ..settings(&subnet.chain, &[&subnet.node])
    };
    let client = NodeChain::connect(impatient).await.unwrap();
    subnet.node.inject(DevNodeFault::Silence);
    let silent = client.finalized_head().await.unwrap_err();
    assert!(matches!(&silent, ChainError::Disconnected(why) if why.contains("no answer")), "{silent}");
    subnet.node.inject(DevNodeFault::Speech);
    client.finalized_head().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_thrown_away_is_said_to_be_unknown() {
    let subnet = NodeSubnet::new(461).await;
    let old = subnet.head().await;
    subnet.chain.advance(100).unwrap();
    subnet.node.inject(DevNodeFault::ForgetStates { kept_blocks: 50 });
    let error = subnet.client.neurons_at(NETUID, &old).await.unwrap_err();
    assert_eq!(error, ChainError::UnknownBlock(old));
    assert!(error.to_string().contains("archive endpoint"));
    assert_eq!(subnet.client.block_hash(old.number).await, Ok(old.hash), "hashes outlive states");
    subnet.client.neurons_at(NETUID, &subnet.head().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_are_not_final_are_not_read() {
    let subnet = NodeSubnet::new(461).await;
    let head = subnet.head().await;
    let above = BlockRef { number: BlockNumber(head.number.0 + 1), hash: BlockHash([1; 32]) };
    let expected = ChainError::NotFinalized { asked: above.number, finalized: head.number };
    assert_eq!(subnet.client.block_hash(above.number).await, Err(expected.clone()));
    assert_eq!(subnet.client.neurons_at(NETUID, &above).await, Err(expected));
    let mixed = BlockRef { number: BlockNumber(head.number.0 - 1), hash: head.hash };
    assert_eq!(subnet.client.neurons_at(NETUID, &mixed).await, Err(ChainError::UnknownBlock(mixed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_is_taken_is_drawn_again_but_not_for_ever() {
    let subnet = NodeSubnet::new(461).await;
    subnet.node.inject(DevNodeFault::StealNonce { times: 2 });
    subnet.commit(b"third time").await.unwrap();
    subnet.node.inject(DevNodeFault::StealNonce { times: 3 });
    let taken = subnet.commit(b"never").await.unwrap_err();
    assert_eq!(taken, ChainError::NonceTaken(key(1).hotkey()));
    assert!(taken.is_temporary());
    subnet.node.inject(DevNodeFault::RefuseAtPool { code: 1014, data: "too low".into() });
    subnet.commit(b"after another of the same priority").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_one_hotkey_take_turns() {
    let subnet = NodeSubnet::new(461).await;
    let data: Vec<[u8; 3]> = (0..24).map(|number| [number; 3]).collect();
    let all = futures_util::future::join_all(data.iter().map(|data| subnet.commit(data))).await;
    let mut blocks: Vec<u64> = all.into_iter().map(|block| block.unwrap().0).collect();
    blocks.sort();
    assert!(blocks.windows(2).all(|pair| pair[0] < pair[1]), "{blocks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_no_block_takes_is_not_waited_for_for_ever() {
    let settings_of_chain = DevChainSettings { block_time_ms: 50, ..DevChainSettings::default() };
    let chain = DevChain::in_memory(&settings_of_chain).unwrap();
    chain.register(NETUID, &Registration::miner(key(1).hotkey())).unwrap();
    chain.advance(5).unwrap();
    let node = node(&chain, runtime(461)).await;
    let impatient = NodeSettings { inclusion_timeout: std::time::Duration::from_secs(1), ..settings(&chain, &[&node]) };
    let client = NodeChain::connect(impatient).await.unwrap();
    let block = client.set_commitment(&key(1), NETUID, b"{}").await.unwrap().block;
    assert!(chain.finalized_head().await.unwrap().number >= block, "waited for until it was final");
    node.inject_into_chain(DevFault::Stall).unwrap();
    let stalled = client.set_commitment(&key(1), NETUID, b"{}").await.unwrap_err();
    assert_eq!(stalled, ChainError::NotIncluded { seconds: 1 });
    node.inject_into_chain(DevFault::Resume).unwrap();
    let done = |result: &Result<_, ChainError>| !matches!(result, Err(ChainError::StillUnderWay { .. }));
    let mut result = client.set_commitment(&key(1), NETUID, b"{}").await;
    for _ in 0..10_000 {
        if done(&result) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        result = client.set_commitment(&key(1), NETUID, b"{}").await;
    }
    result.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_committed_where_the_subnet_asks_for_that() {
    for spec_version in [461, 419, 365] {
        let subnet = NodeSubnet::new(spec_version).await;
        let open = Hyperparameters { weights_set_rate_limit_blocks: 0, ..Hyperparameters::default() };
        subnet.set_rules(&Hyperparameters { commit_reveal_weights_enabled: true, ..open.clone() });
        subnet.submit(1).await.unwrap();
        subnet.finalize();
        let at = subnet.head().await;
        assert_eq!(subnet.client.weights_at(NETUID, Uid(0), &at).await, Ok(vec![]), "nothing is to be read yet");
        subnet.set_rules(&open);
        subnet.submit(1).await.unwrap();
        subnet.finalize();
        let at = subnet.head().await;
        assert_eq!(subnet.client.weights_at(NETUID, Uid(0), &at).await, Ok(vec![(Uid(1), 65_535)]));
    }
}

/// Refusals that none of our own checks foresees: each with what the node says and what we make of it.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_error_wherever_it_comes_from() {
    use ChainError::*;
    let subnet = NodeSubnet::new(461).await;
    let (hotkey, netuid) = (key(0).hotkey(), NETUID);
    let at_pool = |code: u8| DevNodeFault::RefuseAtPool { code: 1010, data: format!("Custom error: {code}") };
    let in_block = |error: &str| DevNodeFault::FailInBlock { pallet: "SubtensorModule".into(), error: error.into() };
    let stake_rao = 1_000_000_000_000;
    let stake = StakeTooLow { stake_rao, needed_rao: 0 };
    let other = |why: &str| Refused(why.into());
    let table = [
        (at_pool(1), stake.clone()),
        (in_block("NotEnoughStakeToSetWeights"), stake),
        (at_pool(3), UnknownSubnet(netuid)),
        (in_block("SubnetNotExists"), UnknownSubnet(netuid)),
        (in_block("MechanismDoesNotExist"), UnknownSubnet(netuid)),
        (at_pool(6), RateLimited { blocks_left: 1 }),
        (in_block("SettingWeightsTooFast"), RateLimited { blocks_left: 1 }),
        (in_block("CommittingWeightsTooFast"), RateLimited { blocks_left: 1 }),
        (at_pool(10), NotRegistered { hotkey, netuid }),
        (at_pool(19), NotRegistered { hotkey, netuid }),
        (in_block("HotKeyNotRegisteredInSubNet"), NotRegistered { hotkey, netuid }),
        (in_block("HotKeyNotRegisteredInNetwork"), NotRegistered { hotkey, netuid }),
        (in_block("NeuronNoValidatorPermit"), NoValidatorPermit(hotkey)),
        (at_pool(15), RevealRoundPast),
        (in_block("InvalidRevealRound"), RevealRoundPast),
        (at_pool(16), CommitNotFound),
        (in_block("NoWeightsCommitFound"), CommitNotFound),
        (in_block("ExpiredWeightCommit"), CommitNotFound),
        (at_pool(17), NotInRevealRange),
        (in_block("RevealTooEarly"), NotInRevealRange),
        (in_block("InvalidRevealCommitHashNotMatch"), CommitNotFound),
        (in_block("TooManyUnrevealedCommits"), TooManyUnrevealedCommits),
        (at_pool(18), LengthMismatch { uids: 1, values: 1 }),
        (in_block("WeightVecNotEqualSize"), LengthMismatch { uids: 1, values: 1 }),
        (in_block("DuplicateUids"), DuplicateUid(Uid(1))),
        (in_block("UidVecContainInvalidOne"), UidOutOfRange { uid: Uid(1), neurons: 3 }),
        (in_block("UidsLengthExceedUidsInSubNet"), UidOutOfRange { uid: Uid(1), neurons: 3 }),
        (in_block("WeightVecLengthIsLow"), TooFewWeights { given: 1, needed: 1 }),
        (in_block("MaxWeightExceeded"), WeightTooLarge { uid: Uid(1), limit: 65_535 }),
        (in_block("IncorrectWeightVersionKey"), VersionKeyTooOld { given: 0, needed: 0 }),
        (in_block("CommitRevealEnabled"), CommitRevealNeeded(netuid)),
        (in_block("CommitRevealDisabled"), CommitRevealDisabled(netuid)),
        (in_block("InsufficientLiquidity"), other("SubtensorModule.InsufficientLiquidity")),
        (at_pool(7), other("custom error 7 of the pool")),
        (at_pool(255), other("the pool calls it a bad request (custom error 255)")),
    ];
    for (fault, expected) in table {
        subnet.node.inject(fault.clone());
        assert_eq!(subnet.submit(1).await, Err(expected), "{fault:?}");
    }
    subnet.submit(1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_commitments_have_their_errors() {
    use ChainError::*;
    let subnet = NodeSubnet::new(419).await;
    let fail = |error: &str| DevNodeFault::FailInBlock { pallet: "Commitments".into(), error: error.into() };
    subnet.node.inject(fail("AccountNotAllowedCommit"));
    assert_eq!(subnet.commit(b"{}").await, Err(NotRegistered { hotkey: key(1).hotkey(), netuid: NETUID }));
    subnet.node.inject(fail("TooManyFieldsInCommitmentInfo"));
    assert_eq!(subnet.commit(b"{}").await, Err(CommitmentTooLong { bytes: 513, limit: 512 }));
    subnet.node.inject(fail("SpaceLimitExceeded"));
    let error = subnet.commit(b"{}").await.unwrap_err();
    assert!(matches!(error, SpaceLimitExceeded { blocks_left: 1..=100 }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commitment_that_comes_too_soon_is_told_no_number_of_the_weights_rules() {
    let subnet = NodeSubnet::new(461).await;
    let in_block = DevNodeFault::FailInBlock { pallet: "SubtensorModule".into(), error: "TxRateLimitExceeded".into() };
    for fault in [DevNodeFault::RefuseAtPool { code: 1010, data: "Custom error: 6".into() }, in_block] {
        subnet.node.inject(fault);
        let error = subnet.commit(b"{}").await.unwrap_err();
        assert_eq!(error, ChainError::Refused("it comes too soon after the last one; wait".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subnets_owner_sets_weights_without_a_permit_and_others_do_not() {
    let subnet = NodeSubnet::new(461).await;
    let unpermitted =
        |number: u16| Registration { validator_permit: false, ..Registration::validator(key(number).hotkey()) };
    for number in 0..2 {
        subnet.chain.replace(NETUID, Uid(number), &unpermitted(number)).unwrap();
    }
    subnet.chain.advance(20).unwrap();
    let head = subnet.head().await;
    assert_eq!(subnet.client.owner_at(NETUID, &head).await, Ok(Some(key(0).hotkey())));
    subnet.submit(1).await.unwrap();
    let weights = WeightSubmission {
        uids: vec![Uid(2)],
        values: vec![65_535],
        version_key: 0,
        holders: vec![key(2).hotkey()],
        salt: [0; 8],
    };
    let refused = Err(ChainError::NoValidatorPermit(key(1).hotkey()));
    assert_eq!(subnet.client.submit_weights(&key(1), NETUID, &weights).await, refused.clone());
    assert_eq!(subnet.chain.submit_weights(&key(1), NETUID, &weights).await, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_under_way_when_the_socket_drops_is_of_unknown_fate_and_said_so() {
    let chain =
        DevChain::in_memory(&DevChainSettings { block_time_ms: 60_000, ..DevChainSettings::default() }).unwrap();
    chain.register(NETUID, &Registration::miner(key(1).hotkey())).unwrap();
    chain.advance(5).unwrap();
    let node = node(&chain, runtime(461)).await;
    let client = connect(&chain, &[&node]).await;
    let signer = key(1);
    let (written, ()) = tokio::join!(client.set_commitment(&signer, NETUID, b"{}"), async {
        for _ in 0..3_000 {
            if node.taken_of(&signer.hotkey()) > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        node.inject_into_chain(DevFault::Disconnect { calls: 1 }).unwrap();
    });
    assert!(written.as_ref().is_err_and(ChainError::is_of_unknown_fate), "{written:?}");
    client.finalized_head().await.unwrap();

    let again = async |data: &'static [u8]| client.set_commitment(&signer, NETUID, data).await;
    let waits = ChainError::StillUnderWay { blocks_left: 63 };
    assert_eq!(again(b"{}").await, Err(waits.clone()), "not sent twice");
    assert_eq!(again(b"other").await, Err(waits.clone()), "nor another one beside it");
    assert!(waits.is_temporary());
    chain.advance(1).unwrap();
    assert_eq!(again(b"{}").await, Err(ChainError::StillUnderWay { blocks_left: 62 }), "included, not final");
    chain.advance(3).unwrap();
    let held = again(b"{}").await.unwrap().block;
    let at = chain.finalized_head().await.unwrap();
    let slots = client.commitments_at(NETUID, &at).await.unwrap();
    assert_eq!(slots.iter().map(|slot| slot.block).collect::<Vec<_>>(), [held], "it was taken, and once");
}
