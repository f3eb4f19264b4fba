//! The renderer `mujoco-gl` on this machine's driver. Where there is none, each test says so and passes; with KINITRO_REQUIRE_GL=1
//! (`make test-gl`) it fails.

mod gl_driver;

use kinitro::domain::{
    CameraSetting, Contest, Digest, EnvId, EpisodeSeed, FovFactor, GlName, Hotkey, Image, Marks, Orientation,
    PolicyProfile, PolicyReply, Randomisation, Renderer, RendererProfile, Side, standard_cameras,
};
use kinitro::episode::{EpisodeRules, Rollout, Turn};
use kinitro::replay::{ReplayOptions, ReplayReport, replay};
use kinitro::service::executor::Assignment;
use kinitro::sim::{self, Simulator, World};
use kinitro::transcript::{Header, Transcript};

use gl_driver::driver;

const GL: RendererProfile = RendererProfile::MujocoGl;

fn world(simulator: &Simulator, env: &str, randomisation: Randomisation, steps: u32) -> World {
    let env: EnvId = format!("metaworld/{env}-v3").parse().unwrap();
    let mut world = simulator.episode(&env, &EpisodeSeed([5; 32]), randomisation).unwrap();
    let mut expert = sim::expert(&env).unwrap();
    for _ in 0..steps {
        let action = expert.act(&world.observation_with_goal());
        world.step(sim::Command::unclipped(action).unwrap()).unwrap();
    }
    world
}

fn camera(side: u32, orientation: Orientation, fov_factor: f64) -> CameraSetting {
    let side: Side = side.try_into().unwrap();
    let fov_factor: FovFactor = fov_factor.try_into().unwrap();
    let camera = "corner2".parse().unwrap();
    CameraSetting {
        name: "eye".parse().unwrap(),
        camera,
        width: side,
        height: side,
        orientation,
        fov_factor,
        marks: Marks::default(),
    }
}

fn upright(side: u32) -> CameraSetting {
    camera(side, Orientation::AsRendered, 1.0)
}

fn picture(world: &mut World, renderer: RendererProfile, camera: &CameraSetting) -> Image {
    world.pictures_by(renderer, std::slice::from_ref(camera)).unwrap().remove(0)
}

/// Peak signal-to-noise ratio, decibels.
fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mean = one.iter().zip(other).map(square).sum::<f64>() / one.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[test]
fn both_renderers_show_the_same_world_the_same_way_up() {
    if driver().is_none() {
        return;
    }
    let simulator = Simulator::locate(None).unwrap();
    for (env, fov_factor) in [("pick-place", 1.0), ("door-open", 0.6)] {
        let mut world = world(&simulator, env, Randomisation::None, 30);
        let mut rgb = |renderer, orientation| {
            picture(&mut world, renderer, &camera(128, orientation, fov_factor)).frame.rgb().to_vec()
        };
        let ours = rgb(RendererProfile::Reference, Orientation::AsRendered);
        let theirs = rgb(GL, Orientation::AsRendered);
        let turned = rgb(GL, Orientation::Rotated180);
        let alike = psnr(&ours, &theirs);
        println!("{env}: {alike:.1} dB");
        assert!(alike > 25.0, "{env}: {alike}");
        assert!(psnr(&ours, &turned) < 20.0, "{env}: upside down it looks no worse");
        let mut back = turned;
        Orientation::Rotated180.turn(&mut back);
        assert_eq!(back, theirs);
    }
}

#[test]
fn a_picture_does_not_depend_on_what_was_drawn_before_nor_on_threads() {
    if driver().is_none() {
        return;
    }
    let simulator = Simulator::locate(None).unwrap();
    let mut reach = world(&simulator, "reach", Randomisation::None, 10);
    let alone = picture(&mut reach, GL, &upright(96));
    let mut door = world(&simulator, "door-open", Randomisation::None, 0);
    // Larger than the buffer that the model asks for.
    assert_eq!(picture(&mut door, GL, &upright(1024)).frame.rgb().len(), 1024 * 1024 * 3);
    assert_eq!(picture(&mut reach, GL, &upright(1024)).frame.width(), 1024);
    assert_eq!(picture(&mut reach, GL, &upright(96)), alone);
    std::thread::scope(|scope| {
        let draw = || {
            let mut world = world(&simulator, "reach", Randomisation::None, 10);
            (0..5).map(|_| picture(&mut world, GL, &upright(96))).collect::<Vec<_>>()
        };
        let drawing: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        for thread in drawing {
            assert!(thread.join().unwrap().iter().all(|image| *image == alone));
        }
    });
}

#[test]
fn domain_randomisation_shows() {
    if driver().is_none() {
        return;
    }
    let simulator = Simulator::locate(None).unwrap();
    let [plain, varied] = [Randomisation::None, Randomisation::Standard].map(|randomisation| {
        let mut world = world(&simulator, "reach", randomisation, 0);
        [RendererProfile::Reference, GL].map(|renderer| picture(&mut world, renderer, &upright(128)))
    });
    for (plain, varied) in plain.iter().zip(&varied) {
        assert!(psnr(plain.frame.rgb(), varied.frame.rgb()) < 25.0, "table, light and view have changed");
    }
    assert!(psnr(varied[0].frame.rgb(), varied[1].frame.rgb()) > 25.0, "both renderers show the same variation");
}

fn episode(simulator: &Simulator, renderer: Renderer, steps: u32) -> Transcript {
    let contest = Contest { max_steps: steps, cameras: standard_cameras(), renderer: GL, ..Contest::default() };
    let environment: EnvId = "metaworld/push-v3".parse().unwrap();
    let seed = EpisodeSeed([8; 32]);
    let world = simulator.episode(&environment, &seed, contest.randomisation).unwrap();
    let trial = Assignment::trial(environment, 0, seed, Hotkey([0; 32]));
    let executor = "test".parse().unwrap();
    let header = trial.header(&contest, simulator.fingerprint(), &world, None, executor).unwrap();
    let header = Header { renderer, ..header };
    assert!(header.agrees_with(&contest));
    let mut rollout = Rollout::start(world, header, EpisodeRules::of(&contest, PolicyProfile::KinitroV1)).unwrap();
    let reply = PolicyReply { answer: Ok([0.6, -0.4, 0.2, 1.0]), latency_us: 1, bytes: 1 };
    while rollout.step(&reply) != Turn::Over {}
    rollout.finish()
}

#[test]
fn an_episode_names_its_driver_and_replays_with_its_pictures_on_that_driver_alone() {
    let Some(here) = driver() else { return };
    let simulator = Simulator::locate(None).unwrap();
    let recorded = episode(&simulator, here.clone(), 6);
    let read = Transcript::from_bytes(&recorded.to_bytes().unwrap()).unwrap();
    assert_eq!(read.header.renderer, here);
    assert!(read.steps.iter().all(|step| step.frames.len() == 2));
    let frames = ReplayOptions { heavy: false, frames: true };
    assert_eq!(replay(&read, &simulator, frames), ReplayReport::Identical { steps: 6 });

    let mut forged = read.clone();
    forged.steps[3].frames[1] = Digest([0; 32]);
    match replay(&forged, &simulator, frames) {
        ReplayReport::Differs(difference) => {
            assert_eq!((difference.step, difference.field.as_str()), (Some(4), "frame of gripper"));
        }
        other => panic!("{other:?}"),
    }

    let Renderer::MujocoGl(mut other) = here else { panic!("{here:?} is no GL driver") };
    other.driver = GlName::of("4.5 of another day");
    forged.header.renderer = Renderer::MujocoGl(other);
    assert!(matches!(replay(&forged, &simulator, frames), ReplayReport::DrawnElsewhere { steps: 6, .. }));
}

/// Memory of this process that is in use, MiB.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// For docs/operators.md: `cargo test --locked --features gl --test gl -- --ignored --nocapture --test-threads 1 memory`
#[test]
#[ignore = "prints figures, asserts nothing"]
fn memory_by_environments() {
    if driver().is_none() {
        return;
    }
    let simulator = Simulator::locate(None).unwrap();
    for (count, task) in (1..).zip(sim::tasks()) {
        let mut world = simulator.episode(&task.env_id(), &EpisodeSeed([5; 32]), Randomisation::None).unwrap();
        let before = resident_mib();
        for _ in 0..10 {
            picture(&mut world, GL, &upright(84));
        }
        println!("{count} {}: {before} MiB before, {} MiB after its pictures", task.name, resident_mib());
    }
}
