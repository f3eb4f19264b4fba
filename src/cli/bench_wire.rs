//! `kinitro bench wire`: what it costs to write an observation with pictures.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::table::Table;
use crate::beacon::SubStream;
use crate::domain::{CameraSetting, EpisodeSeed, Frame, Image, PolicyObservation, standard_cameras};
use crate::policy::wire::{WireEncoding, decode_observation, encode_observation};

/// How long each figure is measured, and in how many rounds, of which the best counts: other work on the machine can only
/// slow a round down.
const MEASURE: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;

/// One encoding.
#[derive(Debug, Serialize)]
pub struct WireFigures {
    /// `json` or `msgpack`.
    pub encoding: &'static str,
    /// Bytes of the body.
    pub bytes: usize,
    /// Writing the body, milliseconds.
    pub encode_ms: f64,
    /// The most that it should take, milliseconds.
    pub bar_ms: f64,
    /// Whether it takes no more.
    pub met: bool,
    /// Reading the body by our own policy server, milliseconds.
    pub decode_ms: f64,
}

/// Measures both encodings on two pictures of noise, whose digits are as long as they get on average.
///
/// # Errors
/// When a body does not read back to what was written.
pub fn measure() -> anyhow::Result<Vec<WireFigures>> {
    let mut noise = SubStream::new(&EpisodeSeed([0; 32]), "benchmark pictures");
    let image = |camera: CameraSetting| -> anyhow::Result<Image> {
        let rgb: Vec<u8> = (0..camera.pixels() * 3).map(|_| noise.next_u64() as u8).collect();
        let frame = Frame::new(camera.width.get(), camera.height.get(), rgb)?;
        Ok(Image { camera: camera.name, frame })
    };
    let images = standard_cameras().into_iter().map(image).collect::<anyhow::Result<Vec<Image>>>()?;
    let observation = PolicyObservation { hand_m: [0.0061, 0.6, 0.1943], gripper: 1.0, images };
    let figures = |(encoding, bar_ms): (WireEncoding, f64)| {
        let body = encode_observation(encoding, &observation);
        let read = decode_observation(encoding, &body).map_err(anyhow::Error::msg).context("a body cannot be read")?;
        ensure!(read == observation, "what was read from {encoding} is not what was written");
        let encode_ms = shortest_ms(|| drop(black_box(encode_observation(encoding, black_box(&observation)))));
        let decode_ms = shortest_ms(|| drop(black_box(decode_observation(encoding, black_box(&body)))));
        let met = encode_ms <= bar_ms;
        Ok(WireFigures { encoding: encoding.as_str(), bytes: body.len(), encode_ms, bar_ms, met, decode_ms })
    };
    [(WireEncoding::Json, 1.0), (WireEncoding::Msgpack, 0.05)].into_iter().map(figures).collect()
}

/// Mean milliseconds of `work` in the best round.
fn shortest_ms(mut work: impl FnMut()) -> f64 {
    let round = |_| {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < MEASURE {
            work();
            count += 1;
        }
        start.elapsed().as_secs_f64() * 1e3 / f64::from(count)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// Prints the figures for people, and whether the bars are met.
pub fn print(figures: &[WireFigures]) {
    let mut table = Table::new(&["two pictures of 84 × 84", "bytes", "encode ms", "bar ms", "decode ms"]);
    for row in figures {
        let number = |ms: f64| format!("{ms:.3}");
        let times = [row.encode_ms, row.bar_ms, row.decode_ms].map(number);
        table.row([row.encoding.to_owned(), row.bytes.to_string()].into_iter().chain(times));
    }
    table.print();
    for row in figures {
        let met = if row.met { "met   " } else { "missed" };
        println!("{met}  {}: {:.3} ms, at most {} ms", row.encoding, row.encode_ms, row.bar_ms);
    }
}
