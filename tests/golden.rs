//! Whole episodes pinned to the bit, checked against Python metaworld when they were recorded (`make parity` repeats
//! that). A digest that changes means another trajectory: then `TASK_CODE` of the simulator must rise as well.

mod support_cpu;

use kinitro::sim::{Command, EPISODE_STEPS, SimError, Simulator, TaskSpec, World, expert, tasks};

/// Task, who acts, and the blake3 digest of all values of the episode; every task has both.
const GOLDEN: &[(&str, Mode, &str)] = &[
    ("assembly-v3", Mode::Random, "0b8a859d080b189567aaa958a0893442e32b5d98d5a148e89e0c0e6174af48a5"),
    ("assembly-v3", Mode::Expert, "987b17a2146f29d5a1c01414ce5d4aa0bb922fb71ce51dc3e52861639a70a8fc"),
    ("basketball-v3", Mode::Random, "15cbab12fce406a7d58e10f6648e1e0778b56362e89872db06e6ec2b0afb061d"),
    ("basketball-v3", Mode::Expert, "158e952843f7dfd149966730daa22d0122fe52ee9b29409b820ad60332dce1dc"),
    ("bin-picking-v3", Mode::Random, "d326b839c5cbb8ee9b71498db83ed891564c08fc9168f520986d0b04e9ee07e0"),
    ("bin-picking-v3", Mode::Expert, "0d4640a2b8f8c6ff5a6cfe87a0f0f18d99627455bde56d4fd30776c58075da5f"),
    ("box-close-v3", Mode::Random, "24f801e6a5c625642ec82d5fc7a2ae908d7baa3302451efc564dc6fb498f5f64"),
    ("box-close-v3", Mode::Expert, "b4a6952bb3f21612f6b63d56dc032281a887d5b53e0d816945aa5c02673c7e30"),
    ("button-press-topdown-v3", Mode::Random, "faaefab91209731c5365eff94bb2c97b1cf7e8d34393ade6a6317391f09b3026"),
    ("button-press-topdown-v3", Mode::Expert, "18c1aa12eb1b8ef387603da16c4c2e247e81ab7e1f6c37511060f2c8d050ca81"),
    ("button-press-topdown-wall-v3", Mode::Random, "a451b947d86a9552bc3131c2aab17f0f03e60abafd2d2782983c2369f0ce5dd9"),
    ("button-press-topdown-wall-v3", Mode::Expert, "3287ae4dfabc27fd644acdfc0f84c96c3531fff6879ac9041b4d01ebbf510922"),
    ("button-press-v3", Mode::Random, "5f40eb25b26f72bfdabcc5835f7576888058d33c890191e9ef290112be3ad726"),
    ("button-press-v3", Mode::Expert, "186b7f8b26b2dc089bdae800c91290d2b01f1020a7e6e5ece4bb35d4ce4b038d"),
    ("button-press-wall-v3", Mode::Random, "cf93d4346f449dcb4675690637aa81b2c0c029aefc31cdd0290d034269dd9e95"),
    ("button-press-wall-v3", Mode::Expert, "d8c5ba82d3833ec54085030cbc8291ce7cfd532aa07a773573b46bf7baf3f7e7"),
    ("coffee-button-v3", Mode::Random, "c1b0420ae3b569e7d6f9491876839b0ccdcc93afec733b412c70ef229c07f32e"),
    ("coffee-button-v3", Mode::Expert, "4bda22880695033fe449697f1a7bb63fc5f28466516f14b36087a775e94219aa"),
    ("coffee-pull-v3", Mode::Random, "e8183da45921f5ec74152130e7f73c84352030fbcbc147d9e96cb22aabe89fbf"),
    ("coffee-pull-v3", Mode::Expert, "ac16def612e975153ac06ea9c92f9dc86c247fd72fcc81480d93532837b939be"),
    ("coffee-push-v3", Mode::Random, "697a2d01002582fe482a7201427cd5eb7aa71798c8ec49c23ac14bdc52e52caa"),
    ("coffee-push-v3", Mode::Expert, "0bd7867d90545d9672bb47e4c111ddfb6624ef3868998f34ea8a0242cf87d654"),
    ("dial-turn-v3", Mode::Random, "19c35dd905059b2bf7df57095733f583253220eb99c0238282bcb8effe713103"),
    ("dial-turn-v3", Mode::Expert, "662383c27f22acd63f621ccd1dafb0278be83c4da9c304e22fb0b2e5528dd92b"),
    ("disassemble-v3", Mode::Random, "cdb331813b804c9988324727b79ffc3c1e118fd59cdd41c552a307b52458f158"),
    ("disassemble-v3", Mode::Expert, "6e00d8a35c6198d665e066a90c50dcfbe15ef27e25e62f709182b571f24af400"),
    ("door-close-v3", Mode::Random, "1bf5d307415a44db12eabfcebc0135e69741f20f42f9cc097be673abf45d0e8b"),
    ("door-close-v3", Mode::Expert, "7b5789195a28fbc9a1a91797d928e62783d5ca172fca407b90fd055709c4b7bd"),
    ("door-lock-v3", Mode::Random, "2e8491a52c5ac55ca6ac9434c0c7cc9877bc0e6024f5278bca84658b8ff2faa2"),
    ("door-lock-v3", Mode::Expert, "e1342fedda2aeee831e9410e42416de2b6bd66b086518601dc551e1ba75f9b2c"),
    ("door-open-v3", Mode::Random, "ade74bbca577c7cc00863a9b23fccf67310136442ac7a8472b089dead4c52217"),
    ("door-open-v3", Mode::Expert, "fe7e47cd714db10a4c5a997c1e7f746f010c03c1fc36c5ce5324aca70ef4d9f0"),
    ("door-unlock-v3", Mode::Random, "d3b1af1ac55271f0b6ad0df81a5152f2419e5dd7d68f3a5c07468b5ac4cb2264"),
    ("door-unlock-v3", Mode::Expert, "a7a0dcd66b48fe654b527bdfa016f866ed75fb056112eeb2546c7d9153cc5752"),
    ("drawer-close-v3", Mode::Random, "61f76e40e9cff2ebc7d923bcec38bd5eaa2da3a1be7f9ee1ec06b7727da785ed"),
    ("drawer-close-v3", Mode::Expert, "5f7a5fef9a0e50a377241c20da446d71182f96bb7ededda852a9c8ab237fa3b4"),
    ("drawer-open-v3", Mode::Random, "b62b2be3968535d13da5e55022a87cc41cad2f3b18e6e1752c3359fc97869d68"),
    ("drawer-open-v3", Mode::Expert, "6f4775a92c8758dc7a3c43eec973c8f42c9dbea0a1e351cae5f540d0127dd520"),
    ("faucet-close-v3", Mode::Random, "a462a63f51895917ff3df16dddcc977c15df4896963a5d3d75dabb77046bc003"),
    ("faucet-close-v3", Mode::Expert, "fde88bbea54f642bb966e424096ad33ecfc2e70302ea4aea48cef5ce2c73fa83"),
    ("faucet-open-v3", Mode::Random, "526c0e1860b3bae615de9add130a861171d68199e01076462a92431ae1fbcddb"),
    ("faucet-open-v3", Mode::Expert, "499610130846714726852a67ff84df9f0032cf728c4809e29caa3b35671aec0f"),
    ("hammer-v3", Mode::Random, "80c30c5c1b696857812ab5d67728f2d358927360fced1ec6d46fcb586f12f103"),
    ("hammer-v3", Mode::Expert, "4e0cd5e801d10125c5b904380bb684dd48a953a0fd0c8543e1a67f4a8cbc2621"),
    ("hand-insert-v3", Mode::Random, "548be2bbc28f5798e32dc736a872f8b2d7c18ef9e049987f18201a25ed1ea319"),
    ("hand-insert-v3", Mode::Expert, "b263052bd4b6f1919f6c0baa83520519cfabbc18f43626007e06df32d0af124d"),
    ("handle-press-side-v3", Mode::Random, "2914d8fa2d512b6885a63f6779c2580c38c67b5bc7452dea2b6c0b6e9ff69a10"),
    ("handle-press-side-v3", Mode::Expert, "6979678106b513779fbbbe4473a56f5cd5875258842520314e6f6a35dd2b6c50"),
    ("handle-press-v3", Mode::Random, "61916fa6fd5d9d82ac8c37bd07a0b33a8d129df70b59ae866173e3efb74de0d8"),
    ("handle-press-v3", Mode::Expert, "159c6f37e5897781d3ba59c858dd0044cf5d4c1b452792663b59049f2fcf6630"),
    ("handle-pull-side-v3", Mode::Random, "1b6fa1d9d6808581665599247a1ed12884d27b899153d0ce7faffb1f6769073d"),
    ("handle-pull-side-v3", Mode::Expert, "f67fa17af312a9efa1fc42a7a4d2a122f23f0d4b078abad140f5baf0fe4b019b"),
    ("handle-pull-v3", Mode::Random, "4a8bfd5da78c73f1b89f80c48f5e3f6141ac4ce88d938a59b10678ac82b5ba5d"),
    ("handle-pull-v3", Mode::Expert, "3fa4511d38426bd425ec3bc9fe06484ec5316b7b1d9119b4cb20c82aaa71a731"),
    ("lever-pull-v3", Mode::Random, "06ab2c73545611515b02fa3bf12c3f916f97857ad2de70fa8b62294a90f0f9d2"),
    ("lever-pull-v3", Mode::Expert, "ea3ef95980602498a0c56828da4f61aa46db613e731b8bf248fb9622c28501d7"),
    ("peg-insert-side-v3", Mode::Random, "7d5ac240dd7bc4efea20b727a62524ca7e658cff6e3cd84553a1a6b51fe94622"),
    ("peg-insert-side-v3", Mode::Expert, "a5db528d9fa1ec45422c2d5a903daa2329ca94d1d7da0cf9cc7db3320c8819ff"),
    ("peg-unplug-side-v3", Mode::Random, "c981ac12a4225000479f8578797f381a1222719cadb959e5be97e83b67a084d2"),
    ("peg-unplug-side-v3", Mode::Expert, "6c735b95b8b82a0075d551839c0abf48f148f7683be8c55326f74cba2961210c"),
    ("pick-out-of-hole-v3", Mode::Random, "9b1716d6daf5c65f557cfce55806953eefbbb91961df75b85a0a79cf4f7cdae9"),
    ("pick-out-of-hole-v3", Mode::Expert, "f63bbf01c28cb1efe4ccd11007863165107d36d9ffa99def02c1a658d7737430"),
    ("pick-place-v3", Mode::Random, "ac904047da4d95c2115f39a6e78f5461a1ccbd56f6dfedc2ad3bf9a536db6e1d"),
    ("pick-place-v3", Mode::Expert, "6a977877f1f4494cee418b82a2796ae7793839854326783bddc28a3e8a3bd51c"),
    ("pick-place-wall-v3", Mode::Random, "b793179f4a15bc01d3ffba47df27dec327e180a4a03a8b45c809985ccdb64791"),
    ("pick-place-wall-v3", Mode::Expert, "94d2f0bfff550e3cfc5af25cbec5eb42b2069da1aedf95263648ace47e31e10b"),
    ("plate-slide-back-side-v3", Mode::Random, "aaebcef8bd5b18cb458788cc440c90332e8433c16c8baa17cbb4a9cbac72c67b"),
    ("plate-slide-back-side-v3", Mode::Expert, "cefba012ec4b72e66c695a8de1b9ec58562bdd7426e9f38ce3c079fb6c3821a5"),
    ("plate-slide-back-v3", Mode::Random, "651840ec75542b9a07ee98aba063e7b1310f6ccc7253b9095bea2ecddc65e6df"),
    ("plate-slide-back-v3", Mode::Expert, "bff04719f161a9879006c6c27619f669476cef5b68f77487fd9f813815a4d05e"),
    ("plate-slide-side-v3", Mode::Random, "8bdf2fef9a6a8ed2187c26cee27cd29ba6df69a594520543f3d32cff9130efd8"),
    ("plate-slide-side-v3", Mode::Expert, "97157133c52d21a3030f5e35dd887edd454e1c408205d0ff5c3e73a3ec3fa2cd"),
    ("plate-slide-v3", Mode::Random, "9e533ed8cb381498465eca7d84955468d3ba497e71acdbec0d2a5e8aac7472c0"),
    ("plate-slide-v3", Mode::Expert, "1daa8e07536cd15d38ee83bcae35a4209d51b0a0250d94aa6e62526c4cfd69bf"),
    ("push-back-v3", Mode::Random, "40a29f55ed365ac9f751a94341eca8ecf715b7cddfc5f0dd50f608e494af171a"),
    ("push-back-v3", Mode::Expert, "ed0d72089d633c1a3a8847ee58aec37b13fba55291a2d0fa23c0a7a7a395bf55"),
    ("push-v3", Mode::Random, "ceb44027a9ebc9326bcee7aa0ca17e6cf1e952da99d98fd69a930dacd576b7ea"),
    ("push-v3", Mode::Expert, "c4bbd2bd93e337fa0ad8435e9c078d6e4840d49c9678839318e668f30af18a80"),
    ("push-wall-v3", Mode::Random, "fcf2ee9df55870c7eb0230677de4d262193b09e5f6c46c30721cccfc085d93ea"),
    ("push-wall-v3", Mode::Expert, "6a7f58587b3c892fbe9b933042b8faf994415e5f2349c393fd4a0991401fa90e"),
    ("reach-v3", Mode::Random, "8aeaeff79ef61b8fa5f8716e98709826679da830b7ac96a808260c06a87ae76b"),
    ("reach-v3", Mode::Expert, "08f9dfd8e4c27371f155b9b574f3e7da2e2156afe2f829188ee6b9c58b02755c"),
    ("reach-wall-v3", Mode::Random, "26975beae7094963d2b9c4f6c8d65ad3cd3278816da934ad793b4148ac079af1"),
    ("reach-wall-v3", Mode::Expert, "5b900c9ec057ebc5714a7490f18797b3b957bfba3f834c50e615a258a05adfe7"),
    ("shelf-place-v3", Mode::Random, "104c6f359fd40a940e23cfbae34d203492750a464bbfa1b43bb8026e847641e2"),
    ("shelf-place-v3", Mode::Expert, "54765c0872bd9ba40cc4b74801b6b90a7d429b473f8d12da4ca6b571a9a61c7f"),
    ("soccer-v3", Mode::Random, "037cc3aa27ac7e3c6e16982a81627818767c32f90ca8b55a84b3aaaa56c9db5b"),
    ("soccer-v3", Mode::Expert, "84526068b5dbb34fe0c17d587a91a92239b1839b4a38665e729c164bfd01a13f"),
    ("stick-pull-v3", Mode::Random, "f766f27f2bfc48511c6bf7cf8bd8d8e995eced0c7f80b5dd43d7d3d3e2db4c6d"),
    ("stick-pull-v3", Mode::Expert, "1e7e46c96246df637026a73add8accf1222fe3fe3724d85d09cb713c5363aaa9"),
    ("stick-push-v3", Mode::Random, "b4674422f477c9d0badbc5845d0c16004c14d075b1fe66473f41683bb6eaf549"),
    ("stick-push-v3", Mode::Expert, "d87f0fed482c5b36d67cfdfe5b1526ce5651ce235c3382ee3ed6fdbeb27995a9"),
    ("sweep-into-v3", Mode::Random, "d4ef5bf4b4ead372726adec10ce5dca598dc9985bd7a4ce7ba9f08d12ee6039c"),
    ("sweep-into-v3", Mode::Expert, "5a8c73dec12a0b3474ff43cdca65d5562cadc1f9618f6350bbd5a456d929eb74"),
    ("sweep-v3", Mode::Random, "bdefa634445b3c9be870a4743abb772f9bc76c7d1cad642b753bbc609cea1b1c"),
    ("sweep-v3", Mode::Expert, "f0173a9e3fd12ff5e5ecdc6a47df5b515c9d591891535f7a31c7fd52d22379e1"),
    ("window-close-v3", Mode::Random, "ab4baad8deed76cf73edae3364b11d1a969b50a50875b7bc092b897b1794bc9b"),
    ("window-close-v3", Mode::Expert, "aac9f449ee2de1519ea5c1f52a0eea9137c81cce7dfc41686a804beb194ac7a1"),
    ("window-open-v3", Mode::Random, "ebccababe2515a71f7490aaa16f093029bc1667e7102a74d3e180b29cfb818dd"),
    ("window-open-v3", Mode::Expert, "3f0f3ce12b328d03c0eba8589d0028ee1fe1a007184e5f1dc7fd187bfa7bef31"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    /// Actions up to half as large again as the box.
    Random,
    /// The scripted expert, which sees the goal.
    Expert,
}

/// Numbers in [0, 1) out of blake3's extendable output, the same for ever.
struct Numbers(blake3::OutputReader);

impl Numbers {
    fn of(name: &str) -> Numbers {
        Numbers(blake3::Hasher::new().update(name.as_bytes()).finalize_xof())
    }

    fn next(&mut self) -> f64 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes) >> 8) / f64::from(1 << 24)
    }

    fn action(&mut self) -> [f32; 4] {
        std::array::from_fn(|_| (self.next() * 3.0 - 1.5) as f32)
    }
}

fn absorb(hasher: &mut blake3::Hasher, values: &[f64]) {
    for value in values {
        hasher.update(&value.to_le_bytes());
    }
}

fn absorb_world(hasher: &mut blake3::Hasher, world: &World) {
    absorb(hasher, world.observation());
    absorb(hasher, world.qpos());
    absorb(hasher, world.qvel());
    absorb(hasher, world.mocap_pos());
}

/// Set in the child process that repeats the recorded episodes on another CPU, as far as glibc can see.
const CHILD: &str = "KINITRO_TEST_GOLDEN_CHILD";

/// The task at the first vector out of the numbers that it admits.
fn reset(simulator: &Simulator, spec: &TaskSpec, numbers: &mut Numbers) -> World {
    loop {
        let bounds = spec.low.iter().zip(spec.high);
        let vector: Vec<f64> = bounds.map(|(low, high)| low + (high - low) * numbers.next()).collect();
        match simulator.episode_at(&spec.env_id(), &vector) {
            Err(SimError::TooClose { .. }) => continue,
            world => return world.unwrap(),
        }
    }
}

fn digest(simulator: &Simulator, spec: &TaskSpec, mode: Mode) -> String {
    let mut numbers = Numbers::of(&format!("golden {}", spec.name));
    let mut world = reset(simulator, spec, &mut numbers);
    let mut acting = expert(&spec.env_id()).unwrap();
    let mut hasher = blake3::Hasher::new();
    absorb_world(&mut hasher, &world);
    for _ in 0..EPISODE_STEPS {
        let action = match mode {
            Mode::Random => numbers.action(),
            Mode::Expert => acting.act(&world.observation_with_goal()),
        };
        let result = world.step(Command::unclipped(action).unwrap()).unwrap();
        let info = result.info;
        absorb_world(&mut hasher, &world);
        absorb(&mut hasher, &[result.reward, f64::from(result.success), info.near_object, info.grasp_success]);
        absorb(&mut hasher, &[info.grasp_reward, info.in_place_reward, info.obj_to_target, info.unscaled_reward]);
    }
    hasher.finalize().to_hex().to_string()
}

/// The table as it should be.
fn recorded_anew(simulator: &Simulator) -> Vec<(&'static str, Mode, String)> {
    let episodes = tasks().iter().flat_map(|spec| [Mode::Random, Mode::Expert].map(|mode| (spec, mode)));
    episodes.map(|(spec, mode)| (spec.name, mode, digest(simulator, spec, mode))).collect()
}

#[test]
fn episodes_of_every_task_are_the_recorded_ones_to_the_bit() {
    let found = recorded_anew(&Simulator::locate(None).unwrap());
    let found: Vec<_> = found.iter().map(|(name, mode, digest)| (*name, *mode, digest.as_str())).collect();
    let missing: Vec<String> = found
        .iter()
        .filter(|row| !GOLDEN.contains(row))
        .map(|(name, mode, digest)| format!("    (\"{name}\", Mode::{mode:?}, \"{digest}\"),\n"))
        .collect();
    assert!(missing.is_empty(), "new or changed episodes:\n{}", missing.concat());
    assert_eq!(GOLDEN, found, "the table has other rows than the tasks, or another order");
}

#[test]
fn a_cpu_without_fma_gives_the_same_episodes() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    support_cpu::run_self_without_fma("episodes_of_every_task_are_the_recorded_ones_to_the_bit", CHILD);
}
