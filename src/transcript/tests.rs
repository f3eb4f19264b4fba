//! The format as a whole: round trips, golden values, and every way to damage a file.

use proptest::prelude::*;

use super::sample::{header, record, transcript};
use super::*;
use crate::domain::{CameraSetting, Fault, FaultReason, GlDriver, GlName, Marks, Outcome, Renderer, standard_cameras};

fn zstd_of(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 1).unwrap()
}

#[test]
fn a_transcript_survives_its_file() {
    for (steps, heavy, fault) in
        [(0, false, Some(Fault::new(FaultReason::Unreachable))), (1, false, None), (60, false, None), (25, true, None)]
    {
        let original = transcript(1, steps, heavy, fault);
        let read = Transcript::from_bytes(&original.to_bytes().unwrap()).unwrap();
        assert_eq!(read, original);
    }
}

#[test]
fn cameras_and_the_driver_that_drew_survive_the_file() {
    let name = GlName::of;
    let driver = GlDriver { vendor: name("Mesa"), renderer: name("llvmpipe"), driver: name("4.5") };
    let mut cameras = standard_cameras();
    cameras[1].fov_factor = 0.7.try_into().unwrap();
    for (cameras, renderer) in [
        (cameras.clone(), Renderer::Reference),
        (cameras, Renderer::MujocoGl(driver.clone())),
        (Vec::<CameraSetting>::new(), Renderer::MujocoGl(driver)),
    ] {
        let header = Header { cameras, renderer, ..header(false) };
        let original = record(header, 1, 0, Some(Fault::new(FaultReason::Unreachable)));
        let read = Transcript::from_bytes(&original.to_bytes().unwrap()).unwrap();
        assert_eq!(read, original);
        let line = serde_json::to_value(&read.header).unwrap();
        assert_eq!(line.get("renderer").is_some(), !read.header.renderer.is_reference());
        if let Some(camera) = read.header.cameras.get(1) {
            assert_eq!(line["cameras"][1]["fov_factor"], format!("{:016x}", camera.fov_factor.get().to_bits()));
        }
    }
}

#[test]
fn cameras_survive_the_file_and_are_left_out_where_there_are_none() {
    let with = |cameras: Vec<CameraSetting>| record(Header { cameras, ..header(false) }, 1, 0, None);
    let mut cameras = standard_cameras();
    cameras[0].fov_factor = 0.1.try_into().unwrap();
    cameras[1].marks = Marks::Hidden;
    let original = with(cameras);
    let read = Transcript::from_bytes(&original.to_bytes().unwrap()).unwrap();
    assert_eq!(read, original);
    let has =
        |transcript: &Transcript, text: &str| transcript.body().windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has(&original, "marks") && has(&original, "3fb999999999999a"));
    assert!(!has(&with(standard_cameras()), "marks"));
    assert!(!has(&with(Vec::new()), "cameras"));
}

#[test]
fn the_golden_transcript_keeps_its_digests() {
    let golden = transcript(1, 30, false, None);
    assert_eq!(golden.id().to_string(), "556582eb18fbb0bd9440858df7d32b8cce3ff631e9833e6d0711fc68564ebc1b");
    assert_eq!(
        golden.footer.replay_root.to_string(),
        "b2451b3fa0dea737f9b9b269ef45d368fb5107b9b981b883c0240eb2ed39e207"
    );
    assert_eq!(golden.body().len(), 5417);
    assert_eq!(golden.footer.first_success_step, Some(22));
    assert_eq!(golden.footer.outcome, Outcome::Success);
}

#[test]
fn clocks_change_the_id_and_leave_the_replay_root() {
    let one = transcript(1, 5, false, None);
    let mut header = header(false);
    header.executor = "another-machine".parse().unwrap();
    let other = record(header, 1, 5, None);
    assert_ne!(one.id(), other.id());
    assert_eq!(one.footer.replay_root, other.footer.replay_root);
    let heavy = transcript(1, 5, true, None);
    assert_ne!(one.id(), heavy.id());
    assert_eq!(one.footer.replay_root, heavy.footer.replay_root);
}

#[test]
fn a_500_step_transcript_of_full_entropy_fits_64_kib() {
    let size = transcript(1, 500, false, None).to_bytes().unwrap().len();
    assert!(size <= 64 * 1024, "{size} bytes");
}

#[test]
fn a_fault_makes_no_success() {
    let faulted = transcript(1, 40, false, Some(Fault::new(FaultReason::EpisodeTimeout)));
    assert_eq!(faulted.footer.first_success_step, Some(22));
    assert_eq!(faulted.footer.outcome, Outcome::Faulted);
}

#[test]
fn any_flipped_bit_of_the_body_is_found() {
    let body = transcript(1, 3, false, None).body().to_vec();
    for place in 0..body.len() {
        for bit in [1, 0x20, 0x80] {
            let mut changed = body.clone();
            changed[place] ^= bit;
            assert!(Transcript::from_body(changed).is_err(), "byte {place}, bit {bit:#x}");
        }
    }
}

#[test]
fn a_flipped_byte_of_the_file_is_found_or_changes_nothing() {
    let original = transcript(1, 3, false, None);
    let file = original.to_bytes().unwrap();
    let mut harmless = 0;
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 0x41;
        if let Ok(read) = Transcript::from_bytes(&changed) {
            // zstd ignores a few bits of its own frame header; what it unpacks is then the same.
            assert_eq!(read, original, "byte {place}");
            harmless += 1;
        }
    }
    assert!(harmless <= 4, "{harmless} bytes of the file mean nothing");
}

#[test]
fn every_truncation_is_found() {
    let original = transcript(1, 3, false, None);
    let (body, file) = (original.body(), original.to_bytes().unwrap());
    for length in 0..body.len() {
        assert!(Transcript::from_body(body[..length].to_vec()).is_err(), "body cut to {length}");
    }
    for length in 0..file.len() {
        assert!(Transcript::from_bytes(&file[..length]).is_err(), "file cut to {length}");
    }
}

#[test]
fn what_follows_the_end_is_found() {
    let original = transcript(1, 3, false, None);
    let mut file = original.to_bytes().unwrap();
    file.push(0);
    assert_eq!(Transcript::from_bytes(&file).unwrap_err(), TranscriptError::TrailingBytes { count: 1 });
    let mut body = original.body().to_vec();
    body.extend([0; 3]);
    assert_eq!(Transcript::from_body(body).unwrap_err(), TranscriptError::TrailingBytes { count: 3 });
}

/// The body of a transcript whose records `change` has touched; chain, sums and id are not made again.
fn with_records(change: impl FnOnce(&mut Vec<StepRecord>)) -> Vec<u8> {
    let mut original = transcript(1, 6, false, None);
    change(&mut original.steps);
    let mut body = original.header.encode();
    original.reset.encode(&mut body);
    original.steps.iter().for_each(|step| step.encode(&mut body));
    original.footer.encode(&mut body);
    cbor::put_bytes(&mut body, original.id().as_bytes());
    body
}

#[test]
fn reordered_dropped_and_repeated_steps_are_found() {
    assert!(Transcript::from_body(with_records(|_| {})).is_ok());
    for body in [
        with_records(|steps| steps.swap(1, 2)),
        with_records(|steps| drop(steps.remove(3))),
        with_records(|steps| steps.insert(3, steps[3].clone())),
        with_records(|steps| steps.clear()),
    ] {
        let error = Transcript::from_body(body).unwrap_err();
        assert!(matches!(error, TranscriptError::Differs { field: "transcript_id", .. }), "{error}");
    }
}

#[test]
fn a_footer_that_does_not_follow_is_found_even_under_a_sound_chain() {
    let original = transcript(1, 30, false, None);
    let forge = |change: &dyn Fn(&mut Footer)| {
        let mut footer = original.footer;
        change(&mut footer);
        let mut body = original.header.encode();
        let mut tally = recorder::Tally::new(&original.header, &body);
        let start = body.len();
        original.reset.encode(&mut body);
        tally.reset(&original.reset, &body[start..]);
        for step in &original.steps {
            let start = body.len();
            step.encode(&mut body);
            tally.step(step, &body[start..]);
        }
        let start = body.len();
        footer.encode(&mut body);
        let id = tally.transcript_id(&body[start..]);
        cbor::put_bytes(&mut body, id.as_bytes());
        Transcript::from_body(body).map_err(|error| error.to_string())
    };
    assert!(forge(&|_| {}).is_ok());
    for (change, field) in [
        (&(|f: &mut Footer| f.steps = 29) as &dyn Fn(&mut Footer), "number of steps"),
        (&|f| f.total_reward += 1.0, "total reward"),
        (&|f| f.first_success_step = Some(1), "first success step"),
        (&|f| f.outcome = Outcome::Failure, "outcome"),
        (&|f| f.replay_root = crate::domain::Digest::ZERO, "replay_root"),
        (&|f| f.fault = Some(Fault::new(FaultReason::EngineFailure)), "outcome"),
    ] {
        let error = forge(change).unwrap_err();
        assert!(error.contains(field), "{field}: {error}");
    }
}

#[test]
fn foreign_files_and_other_versions_get_their_own_sentence() {
    assert_eq!(Transcript::from_bytes(b"").unwrap_err(), TranscriptError::NotZstd);
    assert_eq!(Transcript::from_bytes(b"PK\x03\x04 some archive").unwrap_err(), TranscriptError::NotZstd);
    assert_eq!(Transcript::from_bytes(&zstd_of(b"hello")).unwrap_err(), TranscriptError::Foreign);
    let body = transcript(1, 1, false, None).body().to_vec();
    let version_at = 1 + 1 + "kinitro-transcript".len();
    for (version, expected) in
        [(0, TranscriptError::OlderVersion { version: 0 }), (2, TranscriptError::NewerVersion { version: 2 })]
    {
        let mut changed = body.clone();
        assert_eq!(u64::from(changed[version_at]), FORMAT_VERSION);
        changed[version_at] = version;
        assert_eq!(Transcript::from_bytes(&zstd_of(&changed)).unwrap_err(), expected);
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let bomb = zstd_of(&vec![0; 4 * MAX_TRANSCRIPT_BYTES]);
    assert!(bomb.len() < 10_000);
    let error = Transcript::from_bytes(&bomb).unwrap_err();
    assert_eq!(error, TranscriptError::TooLarge { cap_bytes: MAX_TRANSCRIPT_BYTES });
}

#[test]
fn more_steps_than_the_contest_has_are_refused() {
    let mut header = header(false);
    header.max_steps = 3;
    let long = record(header, 1, 4, None);
    assert!(Transcript::from_body(long.body().to_vec()).unwrap_err().to_string().contains("more than the 3 steps"));
}

#[test]
fn an_unknown_header_field_is_refused() {
    let original = transcript(1, 0, false, None);
    let mut tree = serde_json::to_value(&original.header).unwrap();
    tree["extra"] = 1.into();
    let mut body = Vec::new();
    cbor::put_array(&mut body, 3);
    cbor::put_text(&mut body, "kinitro-transcript");
    cbor::put_uint(&mut body, FORMAT_VERSION);
    cbor::put_value(&mut body, &tree);
    let error = Transcript::from_body(body).unwrap_err().to_string();
    assert!(error.contains("unknown field `extra`"), "{error}");
}

/// A transcript without steps and pictures whose header names these cameras of the model.
fn filmed(cameras: &[&str]) -> Vec<u8> {
    let mut header = header(false);
    header.cameras = vec![standard_cameras()[0].clone(); cameras.len()];
    for ((setting, camera), number) in header.cameras.iter_mut().zip(cameras).zip(0..) {
        setting.name = format!("eye{number}").parse().unwrap();
        setting.camera = camera.parse().unwrap();
    }
    let nothing = Observed { observation: &[0.0; 39], state: &[0.0], frames: &[] };
    Recorder::new(header, nothing).finish(None).body().to_vec()
}

#[test]
fn a_record_has_one_picture_of_each_camera() {
    assert!(Transcript::from_body(filmed(&[])).is_ok());
    let error = Transcript::from_body(filmed(&["corner", "gripperPOV"])).unwrap_err().to_string();
    assert!(error.contains("0 pictures in one step of a contest with 2 cameras"), "{error}");
}

#[test]
fn cameras_that_no_contest_may_have_are_refused() {
    let refused = |body: Vec<u8>, needle: &str| {
        let error = Transcript::from_body(body).unwrap_err().to_string();
        assert!(error.contains(needle), "{error}");
    };
    refused(filmed(&["corner"; 9]), "there are 9; at most 8");
    // A name that would end early in C.
    let (good, hostile) = (filmed(&["corner"]), b"corn\0r");
    let place = good.windows(6).rposition(|window| window == b"corner").unwrap();
    let mut body = good;
    body[place..place + hostile.len()].copy_from_slice(hostile);
    refused(body, "camera of the model");
    let mut header = header(false);
    header.cameras = standard_cameras();
    header.cameras[1].name = header.cameras[0].name.clone();
    refused(record(header, 1, 2, None).body().to_vec(), "corner stands twice");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn decoding_gives_back_what_was_encoded(seed: u8, steps in 0u32..40, heavy: bool, fault in 0usize..20) {
        let fault = FaultReason::ALL.get(fault).map(|reason| Fault::new(*reason));
        let original = transcript(seed, steps, heavy, fault);
        prop_assert_eq!(Transcript::from_bytes(&original.to_bytes().unwrap()).unwrap(), original);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Transcript::from_bytes(&bytes).is_err());
        prop_assert!(Transcript::from_bytes(&zstd_of(&bytes)).is_err());
        prop_assert!(Transcript::from_body(bytes).is_err());
    }

    #[test]
    fn arbitrary_damage_never_panics_and_is_found(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let body = transcript(2, 4, true, None).body().to_vec();
        let mut changed = body.clone();
        for (place, value) in edits {
            let place = place.index(changed.len());
            changed[place] = value;
        }
        prop_assert!(changed == body || Transcript::from_body(changed.clone()).is_err());
        changed.truncate(cut.index(changed.len()));
        prop_assert!(Transcript::from_body(changed).is_err());
    }
}
