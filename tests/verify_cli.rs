//! `kinitro verify`, `replay` and `beacon` as a person types them, against a server on loopback and files.

#![allow(
    clippy::disallowed_methods,
    reason = "the bans of clippy.toml are for the pure rows; this server needs threads"
)]

mod cycle;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use cycle::{Cycle, operator, play};
use kinitro::domain::Digest;
use kinitro::sim::Simulator;
use kinitro::transcript::Transcript;

/// Paths and their whole answers, head and body.
type Pages = BTreeMap<String, Vec<u8>>;

fn page(status: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Serves pages on a free port until the test's process ends.
fn serve(pages: Pages) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pages = Arc::new(pages);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let pages = pages.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &pages));
        }
    });
    address
}

fn answer(mut stream: TcpStream, pages: &Pages) {
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    reader.read_line(&mut request).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("");
    let missing = page("404 Not Found", b"{}");
    let _ = stream.write_all(pages.get(path).unwrap_or(&missing));
}

fn pages_of(cycle: &Cycle) -> Pages {
    let mut pages = Pages::new();
    pages.insert("/v1/status".into(), page("200 OK", br#"{"last_completed_cycle":{"id":1},"total_cycles":1}"#));
    pages.insert("/v1/cycles/1/manifest".into(), page("200 OK", &cycle.signed.to_json()));
    for (id, bytes) in &cycle.transcripts {
        pages.insert(format!("/v1/episodes/{id}/transcript"), page("200 OK", bytes));
    }
    pages
}

fn kinitro(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kinitro")).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn simulator() -> Simulator {
    Simulator::locate(None).unwrap()
}

#[test]
fn a_published_cycle_is_fetched_and_identical() {
    let cycle = play(&simulator(), |_| {});
    let address = serve(pages_of(&cycle));
    for target in [format!("http://{address}"), format!("http://{address}/v1/cycles/1")] {
        let output = kinitro(&["verify", &target]);
        assert_eq!(code(&output), 0, "{}", said(&output));
        assert!(said(&output).contains("identical"));
    }
    let target = format!("http://{address}/v1/cycles/1");
    let output = kinitro(&["verify", &target, "--json", "--sample", "50%", "--heavy"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["answer"], "identical");
    assert_eq!(report["manifest_digest"], cycle.signed.digest.to_string());
    assert_eq!(report["levels"][2]["checked"], 3);
    assert_eq!(report["sample_seed"].as_str().unwrap().len(), 64);
    let output = kinitro(&["verify", &target, "--against", &target]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let stranger = kinitro::beacon::OperatorKey::dev("stranger").hotkey().to_string();
    assert_eq!(code(&kinitro(&["verify", &target, "--operator", &stranger])), 1);
    assert_eq!(code(&kinitro(&["verify", &target, "--operator", &operator().hotkey().to_string()])), 0);
}

#[test]
fn a_server_that_lies_or_fails_is_told_apart() {
    let cycle = play(&simulator(), |_| {});
    let verify = |change: &dyn Fn(&mut Pages)| {
        let mut pages = pages_of(&cycle);
        change(&mut pages);
        let output = kinitro(&["verify", &format!("http://{}/v1/cycles/1", serve(pages))]);
        (code(&output), said(&output))
    };
    let manifest = "/v1/cycles/1/manifest".to_owned();
    let ids: Vec<_> = cycle.transcripts.keys().map(|id| format!("/v1/episodes/{id}/transcript")).collect();

    let (code, text) = verify(&|pages| drop(pages.remove(&manifest)));
    assert!(code == 2 && text.contains("does not exist on the server"), "{text}");
    let redirect = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (code, text) = verify(&|pages| drop(pages.insert(manifest.clone(), redirect.to_vec())));
    assert!(code == 2 && text.contains("redirects are not followed"), "{text}");
    let (code, text) = verify(&|pages| drop(pages.insert(manifest.clone(), page("200 OK", b"{}"))));
    assert!(code == 2 && text.contains("not a kinitro manifest"), "{text}");
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{";
    let (code, text) = verify(&|pages| drop(pages.insert(ids[0].clone(), huge.to_vec())));
    assert!(code == 2 && text.contains("which no honest answer has"), "{text}");
    let (code, text) = verify(&|pages| drop(pages.insert(ids[0].clone(), page("503 Busy", b""))));
    assert!(code == 2 && text.contains("status 503"), "{text}");
    let (code, text) = verify(&|pages| {
        let other = pages[&ids[1]].clone();
        pages.insert(ids[0].clone(), other);
    });
    assert!(code == 1 && text.contains("transcript_id"), "{text}");
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_that_are_no_transcripts_get_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let cycle = play(&simulator(), |_| {});
    let good = cycle.transcripts.values().next().unwrap();
    let mut newer = Transcript::from_bytes(good).unwrap().body().to_vec();
    newer[20] = 2;
    let newer = zstd::bulk::compress(&newer, 1).unwrap();
    for (name, bytes, sentence) in [
        ("empty", &b""[..], "not a transcript"),
        ("foreign", b"PK\x03\x04 an archive", "not a transcript"),
        ("truncated", &good[..good.len() / 2], "truncated"),
        ("newer", &newer, "newer than version 1"),
    ] {
        let path = write(folder.path(), name, bytes);
        for command in ["verify", "replay"] {
            let output = kinitro(&[command, &path]);
            assert_ne!(code(&output), 0, "{command} {name}");
            assert!(said(&output).contains(sentence), "{command} {name}: {}", said(&output));
        }
    }
    let output = kinitro(&["verify", "/no/such/place"]);
    assert!(code(&output) == 2 && said(&output).contains("does not exist"), "{}", said(&output));
    let output = kinitro(&["verify", folder.path().to_str().unwrap()]);
    assert!(code(&output) == 2 && said(&output).contains("holds neither"), "{}", said(&output));
}

#[test]
fn a_transcript_is_replayed_and_dumped() {
    let folder = tempfile::tempdir().unwrap();
    let cycle = play(&simulator(), |_| {});
    let path = write(folder.path(), "one.ktr", cycle.transcripts.values().next().unwrap());
    for arguments in [&["replay", &path][..], &["replay", &path, "--heavy"], &["verify", &path]] {
        assert_eq!(code(&kinitro(arguments)), 0, "{arguments:?}");
    }
    let dump = kinitro(&["replay", &path, "--dump"]);
    let lines: Vec<serde_json::Value> = said(&dump).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3 + cycle::STEPS as usize);
    assert_eq!(lines.last().unwrap()["footer"]["steps"], cycle::STEPS);
}

#[test]
fn beacons_are_shown_verified_and_derived() {
    let folder = tempfile::tempdir().unwrap();
    let cycle = play(&simulator(), |_| {});
    let manifest = write(folder.path(), "manifest.json", &cycle.signed.to_json());
    let shown: serde_json::Value =
        serde_json::from_slice(&kinitro(&["beacon", "show", &manifest, "--json"]).stdout).unwrap();
    assert_eq!(shown["kind"], "vrf");
    assert_eq!(shown["operator"], operator().hotkey().to_string());
    assert_eq!(code(&kinitro(&["beacon", "verify", &manifest])), 0);
    let other = format!("0x{}", Digest::ZERO);
    assert_eq!(code(&kinitro(&["beacon", "verify", &manifest, "--anchor-hash", &other])), 1);

    let output = shown["output"].as_str().unwrap();
    let derive = ["beacon", "derive", "--output", output, "--cycle", "1", "metaworld/reach-v3", "2", "--json"];
    let derived: serde_json::Value = serde_json::from_slice(&kinitro(&derive).stdout).unwrap();
    assert_eq!(derived["cycle_seed"], shown["cycle_seed"]);
    let row = &cycle.signed.manifest.episodes[4];
    assert_eq!(row.index, 2);
    let transcript = Transcript::from_bytes(&cycle.transcripts[&row.transcript_id.unwrap()]).unwrap();
    assert_eq!(derived["episode_seed"], transcript.header.seed.to_hex());
}
