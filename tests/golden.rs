//! Whole episodes pinned to the bit, checked against Python metaworld when they were recorded (`make parity` repeats
//! that). A digest that changes means another trajectory: then `TASK_CODE` of the simulator must rise as well.

mod support_cpu;

use kinitro::domain::EnvId;
use kinitro::sim::{Command, EPISODE_STEPS, Simulator, World, expert, task};

/// Environment, who acts, and the blake3 digest of all values of the episode.
const GOLDEN: &[(&str, Mode, &str)] = &[
    ("button-press-v3", Mode::Random, "5f40eb25b26f72bfdabcc5835f7576888058d33c890191e9ef290112be3ad726"),
    ("button-press-v3", Mode::Expert, "186b7f8b26b2dc089bdae800c91290d2b01f1020a7e6e5ece4bb35d4ce4b038d"),
    ("door-open-v3", Mode::Random, "ade74bbca577c7cc00863a9b23fccf67310136442ac7a8472b089dead4c52217"),
    ("door-open-v3", Mode::Expert, "fe7e47cd714db10a4c5a997c1e7f746f010c03c1fc36c5ce5324aca70ef4d9f0"),
    ("drawer-close-v3", Mode::Random, "61f76e40e9cff2ebc7d923bcec38bd5eaa2da3a1be7f9ee1ec06b7727da785ed"),
    ("drawer-close-v3", Mode::Expert, "5f7a5fef9a0e50a377241c20da446d71182f96bb7ededda852a9c8ab237fa3b4"),
    ("drawer-open-v3", Mode::Random, "b62b2be3968535d13da5e55022a87cc41cad2f3b18e6e1752c3359fc97869d68"),
    ("drawer-open-v3", Mode::Expert, "6f4775a92c8758dc7a3c43eec973c8f42c9dbea0a1e351cae5f540d0127dd520"),
    ("peg-insert-side-v3", Mode::Random, "7d5ac240dd7bc4efea20b727a62524ca7e658cff6e3cd84553a1a6b51fe94622"),
    ("peg-insert-side-v3", Mode::Expert, "a5db528d9fa1ec45422c2d5a903daa2329ca94d1d7da0cf9cc7db3320c8819ff"),
    ("pick-place-v3", Mode::Random, "ac904047da4d95c2115f39a6e78f5461a1ccbd56f6dfedc2ad3bf9a536db6e1d"),
    ("pick-place-v3", Mode::Expert, "6a977877f1f4494cee418b82a2796ae7793839854326783bddc28a3e8a3bd51c"),
    ("push-v3", Mode::Random, "ceb44027a9ebc9326bcee7aa0ca17e6cf1e952da99d98fd69a930dacd576b7ea"),
    ("push-v3", Mode::Expert, "c4bbd2bd93e337fa0ad8435e9c078d6e4840d49c9678839318e668f30af18a80"),
    ("reach-v3", Mode::Random, "8aeaeff79ef61b8fa5f8716e98709826679da830b7ac96a808260c06a87ae76b"),
    ("reach-v3", Mode::Expert, "08f9dfd8e4c27371f155b9b574f3e7da2e2156afe2f829188ee6b9c58b02755c"),
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

fn digest(simulator: &Simulator, name: &str, mode: Mode) -> String {
    let env: EnvId = format!("metaworld/{name}").parse().unwrap();
    let spec = task(&env).unwrap();
    let mut numbers = Numbers::of(&format!("golden {name}"));
    let vector: Vec<f64> =
        spec.low.iter().zip(spec.high).map(|(low, high)| low + (high - low) * numbers.next()).collect();
    let mut world = simulator.episode_at(&env, &vector).unwrap();
    let mut acting = expert(&env).unwrap();
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

#[test]
fn episodes_are_the_recorded_ones_to_the_bit() {
    let simulator = Simulator::locate(None).unwrap();
    let mut changed = Vec::new();
    for (name, mode, expected) in GOLDEN {
        let found = digest(&simulator, name, *mode);
        if found != *expected {
            changed.push(format!("(\"{name}\", Mode::{mode:?}, \"{found}\"),"));
        }
    }
    assert!(changed.is_empty(), "changed episodes:\n{}", changed.join("\n"));
}

#[test]
fn a_cpu_without_fma_gives_the_same_episodes() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    support_cpu::run_self("episodes_are_the_recorded_ones_to_the_bit", CHILD, true);
}
