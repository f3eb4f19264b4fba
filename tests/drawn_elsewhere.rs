//! Cycles whose pictures were drawn by GL drivers that no machine has: what verifiers, validators and two operators' cycles held
//! against each other say of them, and that nothing hostile in them reaches a terminal.

mod cycle;
#[allow(dead_code, reason = "this file only serves")]
#[path = "stage/http.rs"]
mod http;

use std::collections::BTreeMap;

use cycle::{Cycle, Ground, contest, driver, gl_contest, play_contest, play_on};
use kinitro::admission::{ClaimText, encode_claim};
use kinitro::beacon::OperatorKey;
use kinitro::chain::{Chain, DevChain, DevChainSettings, Registration};
use kinitro::domain::*;
use kinitro::replay::{Answer, Finding, Level, Report};
use kinitro::service::scheduler::claims_at;
use kinitro::sim::Simulator;
use kinitro::transcript::{Header, Transcript};

const NETUID: Netuid = Netuid(2);

fn simulator() -> Simulator {
    Simulator::locate(None).unwrap()
}

/// A cycle of `mujoco-gl` whose episode of `index` and `uid` was drawn on `renderers(index, uid)`.
fn drawn(simulator: &Simulator, renderer: impl Fn(u32, u16) -> &'static str) -> Cycle {
    play_contest(simulator, gl_contest(), |header| {
        header.renderer = driver(renderer(header.index, header.miner.as_ref().unwrap().uid.0));
    })
}

fn level(report: &Report, level: Level) -> &kinitro::replay::LevelReport {
    report.levels.iter().find(|report| report.level == level).unwrap()
}

/// What the program says, on both streams, without control characters but for ends of lines.
fn kinitro(arguments: &[&str]) -> (i32, String) {
    let output = assert_cmd::Command::cargo_bin("kinitro").unwrap().args(arguments).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let stray = said.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(stray, None, "{arguments:?} lets through {stray:?}: {said:?}");
    (output.status.code().unwrap(), said)
}

fn serve(cycle: &Cycle, transcripts: &BTreeMap<Digest, Vec<u8>>) -> String {
    let mut pages = BTreeMap::new();
    pages.insert("/v1/cycles/1/manifest".to_owned(), serde_json::to_vec(&cycle.signed).unwrap());
    pages.insert("/v1/status".to_owned(), br#"{"last_completed_cycle": {"id": 1}}"#.to_vec());
    pages.extend(transcripts.iter().map(|(id, bytes)| (format!("/v1/episodes/{id}/transcript"), bytes.clone())));
    http::serve(pages)
}

#[test]
fn a_cycle_that_one_foreign_driver_drew_is_verified_except_for_its_pictures() {
    let simulator = simulator();
    let report = drawn(&simulator, |_, _| "GPU").verify(&simulator);
    assert_eq!(report.answer, Answer::ExceptPictures, "{report:?}");
    let frames = level(&report, Level::Frames);
    assert_eq!((frames.checked, frames.drawn_elsewhere, report.drawn_elsewhere()), (6, 6, 6));
    assert_eq!(level(&report, Level::Physics).answer(), Answer::Identical);
}

#[test]
fn a_cycle_that_several_drivers_drew_is_told_and_not_excused() {
    let simulator = simulator();
    let report =
        drawn(&simulator, |index, uid| if (index, uid) == (2, 1) { "GPU 2" } else { "GPU 1" }).verify(&simulator);
    assert_eq!(report.answer, Answer::CouldNotCheck, "{report:?}");
    let told = report.first_finding().unwrap();
    assert!(matches!(told, (Level::Structure, Finding::Unchecked { .. })), "{told:?}");
    let told = told.1.to_string();
    assert!(told.contains("Nobody / GPU 1 / 4.5 drawing 7; Nobody / GPU 2 / 4.5 drawing 7"), "{told}");
    assert!(told.contains("let the executors of a contest draw on one driver"), "{told}");
}

#[test]
fn honest_operators_with_different_drivers_do_not_differ_and_are_not_identical() {
    let simulator = simulator();
    let ours = drawn(&simulator, |_, _| "GPU 1");
    assert_eq!(ours.compare(&ours).answer, Answer::Identical);
    let report = ours.compare(&drawn(&simulator, |_, _| "GPU 2"));
    assert_eq!(report.answer, Answer::ExceptPictures, "{report:?}");
    assert_eq!(
        (level(&report, Level::Physics).checked, level(&report, Level::Physics).answer()),
        (6, Answer::Identical)
    );
    let told = level(&report, Level::Frames).findings[0].to_string();
    assert!(told.contains("drawn on Nobody / GPU 1 / 4.5 drawing 7 and on Nobody / GPU 2 /"), "{told}");

    let swayed = ours.compare(&drawn(&simulator, |_, _| "swayed"));
    assert_eq!(swayed.answer, Answer::CouldNotCheck, "{swayed:?}");
    let told = swayed.first_finding().unwrap().1.to_string();
    assert!(told.contains("up to step 6 nothing differs but the pictures"), "{told}");
}

#[test]
fn what_pictures_cannot_explain_still_differs_between_drivers() {
    let simulator = simulator();
    let ours = drawn(&simulator, |_, _| "GPU 1");
    let physics = |theirs: &Cycle| match ours.compare(theirs).levels.into_iter().find(|l| l.level == Level::Physics) {
        Some(level) => level.findings.first().map(ToString::to_string).unwrap_or_default(),
        None => panic!("no physics"),
    };
    let generous = drawn(&simulator, |_, _| "generous");
    assert!(physics(&generous).contains("step 4, reward"), "{}", physics(&generous));
    let mut theirs = play_contest(&simulator, gl_contest(), |header| {
        header.renderer = driver("GPU 2");
        header.seed = EpisodeSeed([1; 32]);
    });
    assert!(physics(&theirs).contains("step 0, seed"), "{}", physics(&theirs));
    theirs = drawn(&simulator, |_, _| "GPU 2");
    theirs.transcripts.clear();
    assert!(physics(&theirs).contains("a transcript is missing"), "{}", physics(&theirs));
    assert_eq!(ours.compare(&theirs).answer, Answer::CouldNotCheck);
    let same_driver = drawn(&simulator, |_, _| "GPU 1").lie(|m| m.episodes[1].replay_root = Some(Digest::ZERO));
    assert_eq!(ours.compare(&same_driver).answer, Answer::Differs);
}

#[test]
fn operators_with_other_versions_of_the_reference_renderer_are_compared_in_all_else() {
    let simulator = simulator();
    let with = |version: &str| {
        let cycle = play_contest(&simulator, contest(), |header| header.engine.renderer = version.to_owned());
        cycle.lie(|m| {
            m.engine.renderer = version.to_owned();
            m.engine_digest = m.engine.digest();
        })
    };
    let report = with("reference 98").compare(&with("reference 99"));
    assert_eq!(report.answer, Answer::Identical, "there are no pictures: {report:?}");
    let verified = with("reference 99").verify(&simulator);
    assert_eq!(verified.answer, Answer::Identical, "{verified:?}");
}

/// A folder with a development chain on which a validator and two miners are registered.
struct Appliance {
    folder: tempfile::TempDir,
    chain: DevChain,
}

impl Appliance {
    fn new() -> Appliance {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let options = DevChainSettings { block_time_ms: 0, ..DevChainSettings::default() };
        let chain = DevChain::open(&folder.path().join("data/dev-chain.db"), &options).unwrap();
        for name in ["default/default", "default/validator"] {
            chain.register(NETUID, &Registration::validator(OperatorKey::dev(name).hotkey())).unwrap();
        }
        for name in ["one", "two"] {
            let key = OperatorKey::dev(name);
            chain.register(NETUID, &Registration::miner(key.hotkey())).unwrap();
            let repo = format!("owner/{name}");
            let revision = "0123456789012345678901234567890123456789".to_owned();
            let deployment = format!("http://127.0.0.1:{}", 8001 + name.len());
            let data = encode_claim(&ClaimText { repo, revision, deployment }).unwrap();
            wait(chain.set_commitment(&key, NETUID, &data)).unwrap();
            chain.advance(1).unwrap();
        }
        chain.advance(10).unwrap();
        Appliance { folder, chain }
    }

    /// A cycle of this chain whose episodes name `renderer`.
    fn play(&self, simulator: &Simulator, forge: impl Fn(&mut Header)) -> Cycle {
        let deployment = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
        let contest = Contest { deployment, ..gl_contest() };
        let anchor = wait(self.chain.finalized_head()).unwrap();
        let claims = wait(claims_at(&self.chain, NETUID, &anchor, &contest)).unwrap();
        let ground = Ground {
            network: self.chain.network().to_owned(),
            genesis: self.chain.genesis(),
            netuid: NETUID,
            anchor,
            submissions: claims.on_chain().rows,
            operator: "default/default",
            ..Ground::default()
        };
        play_on(ground, simulator, contest, forge)
    }

    /// What a validator with these lines in its section says of the cycle at `url`.
    fn validate(&self, url: &str, settings: &str) -> (i32, String) {
        let file = self.folder.path().join("kinitro.toml");
        let data = self.folder.path().join("data");
        let text = format!(
            "[storage]\ndata_dir = {data:?}\n[chain]\ndev_block_time_ms = 0\n[validator]\nverify = \"all\"\n{settings}\n"
        );
        std::fs::write(&file, text).unwrap();
        // Each look is that of a validator which saw nothing before, not even another manifest of the same cycle.
        let _ = std::fs::remove_dir_all(data.join("validator"));
        let config = file.to_str().unwrap();
        let options = ["validate", "--once", "--hotkey-name", "validator", "--backend-url", url, "--config", config];
        kinitro(&options)
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_validator_does_without_pictures_only_when_it_is_told_to() {
    let (simulator, appliance) = (simulator(), Appliance::new());
    let accept = "accept_unchecked_pictures = true";
    let cycle = appliance.play(&simulator, |header| header.renderer = driver("GPU"));
    let url = serve(&cycle, &cycle.transcripts);
    for settings in ["", "accept_unchecked_pictures = false"] {
        let (code, said) = appliance.validate(&url, settings);
        assert_eq!(code, 1, "{said}");
        let needle = "nothing was set: verified except for pictures (6 episodes): validate where these can be drawn, or set \
                      [validator] accept_unchecked_pictures = true";
        assert!(said.contains(needle), "{said}");
    }
    let (code, said) = appliance.validate(&url, accept);
    assert_eq!((code, said.contains("cycle 1 is verified except for pictures; ")), (0, true), "{said}");

    let mixed = appliance.play(&simulator, |header| {
        header.renderer = driver(if header.index == 1 { "GPU 1" } else { "GPU 2" });
    });
    let (code, said) = appliance.validate(&serve(&mixed, &mixed.transcripts), accept);
    assert!(code == 1 && said.contains("several GL drivers drew its episodes"), "{said}");
    let lost = serve(&cycle, &cycle.transcripts.clone().into_iter().skip(1).collect());
    let (code, said) = appliance.validate(&lost, accept);
    assert!(code == 1 && said.contains("could not be checked") && !said.contains("except for"), "{said}");
}

/// The file of a transcript with some bytes of its header changed to as many others; the rest stays.
fn with_bytes(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut body = Transcript::from_bytes(file).unwrap().body().to_vec();
    let place = body.windows(from.len()).position(|window| window == from).unwrap();
    body[place..][..to.len()].copy_from_slice(to);
    zstd::bulk::compress(&body, 1).unwrap()
}

#[test]
fn hostile_names_and_sizes_of_pictures_are_refused_and_reach_no_terminal() {
    let (simulator, appliance) = (simulator(), Appliance::new());
    let honest = appliance.play(&simulator, |header| header.renderer = driver("Paper and pencil"));
    let theirs = appliance.play(&simulator, |header| header.renderer = driver("Paper or pencils"));
    let url = serve(&honest, &honest.transcripts);
    let forgeries: [(&[u8], &[u8], &str); 6] = [
        (b"Paper or pencils", b"Paper\x1b[2J pencil", "printable ASCII characters"),
        (b"Paper or pencils", b"Pa\xe2\x80\xae rolicnepap", "printable ASCII characters"),
        (b"mujoco-gl", b"mujoco\x1b[m", "unknown variant"),
        (b"gripperPOV", b"gri\x1b[2JPOV", "camera"),
        (b"gripperPOV", b"gripperPOX", "the transcript was changed"),
        // A width of 84 becomes one of 0.
        (b"ewidth\x18\x54", b"ewidth\x18\x00", "header"),
    ];
    for (from, to, needle) in forgeries {
        let forged: BTreeMap<_, _> =
            theirs.transcripts.iter().map(|(id, file)| (*id, with_bytes(file, from, to))).collect();
        let forged_url = serve(&theirs, &forged);
        let named = String::from_utf8_lossy(to).into_owned();
        for (code, said) in [
            kinitro(&["verify", &forged_url]),
            kinitro(&["verify", &url, "--against", &forged_url]),
            appliance.validate(&forged_url, "accept_unchecked_pictures = true"),
        ] {
            assert!(code != 0 && !said.contains("verified except"), "{named:?}: {said}");
        }
        let (_, said) = kinitro(&["verify", &forged_url]);
        assert!(said.contains(needle), "{named:?}: {said}");
        let file = appliance.folder.path().join("forged.ktr");
        std::fs::write(&file, forged.values().next().unwrap()).unwrap();
        for arguments in [&["replay"][..], &["replay", "--dump"], &["verify"]] {
            let (code, said) = kinitro(&[arguments, &[file.to_str().unwrap()]].concat());
            assert!(code != 0, "{named:?} {arguments:?}: {said}");
        }
    }
}
