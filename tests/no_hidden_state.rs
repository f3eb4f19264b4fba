//! Nothing crosses episodes: whatever else runs, has run or was given up in a process, an episode's transcript is the one
//! that it has alone in a fresh process. And nothing is hidden in one: each task's episodes replay heavily.

mod support_cpu;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, ThreadId};

use futures_util::future::join_all;
use kinitro::beacon::SubStream;
use kinitro::domain::{
    CameraSetting, Contest, EnvId, EpisodeSeed, MissReason, PolicyProfile, PolicyReply, Randomisation, standard_cameras,
};
use kinitro::episode::{EpisodeRules, Rollout, Turn};
use kinitro::replay::{Answer, Level};
use kinitro::service::executor::PhysicsPool;
use kinitro::service::verifier::{VerifyOptions, verify_transcripts};
use kinitro::sim::{Expert, Simulator, expert, tasks};
use kinitro::transcript::{Header, Transcript};

/// Steps of each episode.
const STEPS: u32 = 60;
/// Steps of the episodes with pictures, which take far longer to draw than to step.
const STEPS_WITH_CAMERAS: u32 = 6;
/// Steps of the episodes that are replayed heavily: enough for most experts to get hold of what they move.
const HEAVY_STEPS: u32 = 120;
/// Episodes in flight at once, more than there are threads, so that several are of one model.
const IN_FLIGHT: usize = 24;
/// Most steps that an episode takes before it gives its thread away.
const LONGEST_BURST: usize = 10;
/// Set in a child process to the place of the episode that it plays and the folder where its transcript goes.
const CHILD: &str = "KINITRO_TEST_ALONE";

/// One for all tests of this process, so that their episodes share models.
fn simulator() -> &'static Simulator {
    static SIMULATOR: OnceLock<Simulator> = OnceLock::new();
    SIMULATOR.get_or_init(|| Simulator::locate(None).unwrap())
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Who {
    /// The scripted expert, some of whose answers come too late.
    Expert,
    /// Uniform numbers, some of them beyond the action box.
    Random,
}

/// Everything that decides an episode.
#[derive(Debug, Clone)]
struct Episode {
    env: EnvId,
    seed: EpisodeSeed,
    who: Who,
    randomisation: Randomisation,
    steps: u32,
    cameras: Vec<CameraSetting>,
}

fn seed(number: usize) -> EpisodeSeed {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    EpisodeSeed(bytes)
}

/// Two episodes of every registered task: an expert's, and a random one in varied physics.
fn episodes(steps: u32) -> Vec<Episode> {
    let of_task = |(place, env): (usize, EnvId)| {
        let episode = move |who, randomisation, number| {
            let (env, seed) = (env.clone(), seed(number));
            Episode { env, seed, who, randomisation, steps, cameras: Vec::new() }
        };
        [
            episode(Who::Expert, Randomisation::None, 2 * place),
            episode(Who::Random, Randomisation::Standard, 2 * place + 1),
        ]
    };
    tasks().iter().map(|spec| spec.env_id()).enumerate().flat_map(of_task).collect()
}

/// Several short episodes of a few tasks with pictures, so that those of one model share what draws them. Pictures of
/// both sizes of the shadow map.
fn episodes_with_cameras() -> Vec<Episode> {
    let mut cameras = standard_cameras();
    cameras[1].width = 130.try_into().unwrap();
    cameras[1].fov_factor = 1.2.try_into().unwrap();
    let tasks = ["pick-place-v3", "door-open-v3"].map(|name| format!("metaworld/{name}").parse::<EnvId>().unwrap());
    let episode = |number: usize| {
        let (who, randomisation) = match number / 2 % 2 {
            0 => (Who::Expert, Randomisation::None),
            _ => (Who::Random, Randomisation::Standard),
        };
        let (env, cameras) = (tasks[number % 2].clone(), cameras.clone());
        Episode { env, seed: seed(number), who, randomisation, steps: STEPS_WITH_CAMERAS, cameras }
    };
    (0..6).map(episode).collect()
}

/// An episode under way with whoever acts in it.
struct Playing {
    rollout: Rollout,
    expert: Box<dyn Expert + Send>,
    random: SubStream,
    who: Who,
    over: bool,
    threads: HashSet<ThreadId>,
}

impl Playing {
    fn start(episode: &Episode) -> Playing {
        Playing::start_in(simulator(), episode)
    }

    fn start_in(simulator: &Simulator, episode: &Episode) -> Playing {
        let (max_steps, randomisation, cameras) = (episode.steps, episode.randomisation, episode.cameras.clone());
        let contest = Contest { max_steps, randomisation, cameras, ..Contest::default() };
        let world = simulator.episode(&episode.env, &episode.seed, contest.randomisation).unwrap();
        let header = Header {
            engine: simulator.fingerprint().clone(),
            contest: contest.digest(),
            environment: episode.env.clone(),
            index: 0,
            cycle: None,
            anchor: None,
            seed: episode.seed,
            randomisation: contest.randomisation,
            task_vector: world.task_vector().to_vec(),
            miner: None,
            profile: PolicyProfile::KinitroV1,
            encoding: None,
            limits: contest.limits.clone(),
            max_steps: contest.max_steps,
            stop_on_success: false,
            cameras: contest.cameras.clone(),
            renderer: Default::default(),
            executor: "test".parse().unwrap(),
            // With every number of the state, so that a difference can be told exactly.
            heavy: true,
        };
        Playing {
            rollout: Rollout::start(world, header, EpisodeRules::of(&contest, PolicyProfile::KinitroV1)).unwrap(),
            expert: expert(&episode.env).unwrap(),
            random: SubStream::new(&episode.seed, "random actions"),
            who: episode.who,
            over: false,
            threads: HashSet::new(),
        }
    }

    fn answer(&mut self) -> Result<[f64; 4], MissReason> {
        if self.rollout.steps() % 23 == 11 {
            return Err(MissReason::Timeout);
        }
        Ok(match self.who {
            Who::Expert => {
                let action = self.expert.act(&self.rollout.world().observation_with_goal()).map(f64::from);
                [action[0], action[1], action[2], -action[3]]
            }
            Who::Random => std::array::from_fn(|_| self.random.uniform(-1.3, 1.3)),
        })
    }

    /// Takes so many steps, or fewer if the episode is over before.
    fn steps(mut self, count: u32) -> Playing {
        self.threads.insert(thread::current().id());
        for _ in 0..count {
            if self.over {
                break;
            }
            let answer = self.answer();
            self.over = self.rollout.step(&PolicyReply { answer, latency_us: 900, bytes: 40 }) == Turn::Over;
        }
        self
    }

    /// The transcript, to the end.
    fn alone(episode: &Episode) -> Transcript {
        Playing::start(episode).steps(episode.steps).rollout.finish()
    }
}

/// Does `work` for each place below `count` on all cores, and gives what came of it in order.
fn spread<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count {
                        break;
                    }
                    let result = work(place);
                    done.lock().unwrap().insert(place, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// The transcript of each episode, each from a process in which nothing else was done.
fn from_fresh_processes(episodes: &[Episode]) -> Vec<Transcript> {
    let folder = tempfile::tempdir().unwrap();
    spread(episodes.len(), |place| {
        let value = format!("{place} {}", folder.path().display());
        support_cpu::output_of(support_cpu::own_test("an_episode_alone_in_its_process", CHILD, &value));
        let body = std::fs::read(body_path(folder.path(), place)).expect("each child leaves its transcript");
        Transcript::from_body(body).unwrap()
    })
}

fn body_path(folder: &Path, place: usize) -> PathBuf {
    folder.join(format!("{place}.body"))
}

/// What a child process does; nothing otherwise.
#[test]
fn an_episode_alone_in_its_process() {
    let Some(value) = std::env::var_os(CHILD) else { return };
    let value = value.into_string().unwrap();
    let (place, folder) = value.split_once(' ').unwrap();
    let place = place.parse().unwrap();
    std::fs::write(body_path(Path::new(folder), place), Playing::alone(&episodes(STEPS)[place]).body()).unwrap();
}

/// What came of a schedule.
struct Played {
    /// The transcript of each place, and the number of threads that had a part in it.
    episodes: BTreeMap<usize, (Transcript, usize)>,
    /// Episodes that were given up midway.
    abandoned: usize,
}

/// Plays one random schedule: episodes begin, take turns in bursts on the threads of `pools`, and end, while others that nobody
/// asks for begin and are given up midway.
async fn schedule(number: usize, pools: &[PhysicsPool], episodes: &[Episode]) -> Played {
    let mut random = SubStream::new(&seed(number), "schedule");
    let longest_burst = LONGEST_BURST.min(episodes[0].steps as usize / 2);
    let mut pick = |count: usize| (random.next_u64() % count as u64) as usize;
    let mut waiting: Vec<usize> = (0..episodes.len()).collect();
    let mut flying = Vec::new();
    let mut played = Played { episodes: BTreeMap::new(), abandoned: 0 };
    while !waiting.is_empty() || !flying.is_empty() {
        while flying.len() < IN_FLIGHT && !waiting.is_empty() {
            let place = (pick(4) > 0).then(|| waiting.swap_remove(pick(waiting.len())));
            let episode = match place {
                Some(place) => episodes[place].clone(),
                None => Episode { seed: seed(1000 + pick(1000)), ..episodes[pick(episodes.len())].clone() },
            };
            let pool = &pools[pick(pools.len())];
            flying.push((place, pool.run(move || Playing::start(&episode)).await.unwrap()));
        }
        let mut turns = Vec::new();
        while !flying.is_empty() {
            let (place, playing): (_, Playing) = flying.swap_remove(pick(flying.len()));
            if place.is_none() && pick(6) == 0 {
                played.abandoned += 1;
                continue;
            }
            let (pool, burst) = (&pools[pick(pools.len())], 1 + pick(longest_burst) as u32);
            turns.push(async move { (place, pool.run(move || playing.steps(burst)).await.unwrap()) });
        }
        for (place, playing) in join_all(turns).await {
            match place {
                _ if !playing.over => flying.push((place, playing)),
                Some(place) => {
                    let threads = playing.threads.len();
                    played.episodes.insert(place, (playing.rollout.finish(), threads));
                }
                None => {}
            }
        }
    }
    played
}

#[test]
fn whatever_runs_beside_it_an_episode_is_the_one_of_a_fresh_process() {
    let episodes = episodes(STEPS);
    let alone = from_fresh_processes(&episodes);
    for (number, threads) in [(0, 2), (1, 4)] {
        assert_schedule_gives(&alone, number, &[PhysicsPool::start(threads).unwrap()], &episodes);
    }
}

#[test]
fn whatever_is_drawn_beside_them_its_pictures_are_those_of_a_simulator_of_its_own() {
    let episodes = episodes_with_cameras();
    // Another simulator than the schedules', with renderers of its own, and one episode after the other.
    let other = Simulator::locate(None).unwrap();
    let alone = |episode: &Episode| Playing::start_in(&other, episode).steps(episode.steps).rollout.finish();
    let alone: Vec<Transcript> = episodes.iter().map(alone).collect();
    for transcript in &alone {
        let frames: BTreeSet<_> = transcript.steps.iter().flat_map(|step| &step.frames).collect();
        assert!(frames.len() > STEPS_WITH_CAMERAS as usize, "pictures change");
    }
    // A few episodes might stay on one thread of a pool by chance. Where each pool has one thread, the schedule decides.
    for (number, threads) in [(0, 2), (1, 4)] {
        let pools: Vec<_> = (0..threads).map(|_| PhysicsPool::start(1).unwrap()).collect();
        assert_schedule_gives(&alone, number, &pools, &episodes);
    }
}

/// Plays a schedule and compares its transcripts.
#[track_caller]
fn assert_schedule_gives(alone: &[Transcript], number: usize, pools: &[PhysicsPool], episodes: &[Episode]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let played = runtime.block_on(schedule(number, pools, episodes));
    assert_eq!(played.episodes.len(), episodes.len());
    let moved = played.episodes.values().filter(|(_, threads)| *threads > 1).count();
    assert!(played.abandoned > 0, "schedule {number} gave up no episode");
    assert!(moved > episodes.len() / 2, "in schedule {number} only {moved} episodes were moved between threads");
    for (place, (transcript, _)) in played.episodes {
        assert_same(&alone[place], &transcript, &format!("schedule {number}, {:?}", episodes[place]));
    }
}

/// Panics at the first record in which two transcripts differ, or else at any byte.
fn assert_same(alone: &Transcript, beside_others: &Transcript, what: &str) {
    assert_eq!(alone.reset, beside_others.reset, "{what}: reset");
    for (step, (a, b)) in alone.steps.iter().zip(&beside_others.steps).enumerate() {
        assert_eq!(a, b, "{what}: step {}", step + 1);
    }
    assert_eq!(alone.footer.replay_root, beside_others.footer.replay_root, "{what}");
    assert!(alone.body() == beside_others.body(), "{what}: the transcripts' bytes differ");
}

#[test]
fn episodes_of_every_task_replay_heavily() {
    assert_replay_heavily(&episodes(HEAVY_STEPS), &[Level::Physics]);
}

#[test]
fn pictures_replay_heavily() {
    let mut episodes = episodes_with_cameras();
    episodes.truncate(2);
    assert_replay_heavily(&episodes, &[Level::Physics, Level::Frames]);
}

#[track_caller]
fn assert_replay_heavily(episodes: &[Episode], levels: &[Level]) {
    let files = spread(episodes.len(), |place| Playing::alone(&episodes[place]).to_bytes().unwrap());
    let levels = levels.iter().copied().collect();
    let options = VerifyOptions { heavy: true, levels, ..VerifyOptions::default() };
    let name = |place: usize| format!("{:?}", episodes[place]);
    let read = |place: usize| Ok(files[place].clone());
    let report = verify_transcripts(files.len(), &name, &read, Ok(simulator()), &options, &|_, _| {});
    assert_eq!(report.answer, Answer::Identical, "{report:?}");
    assert!(report.levels.iter().all(|level| level.checked == files.len() as u64), "{report:?}");
}
