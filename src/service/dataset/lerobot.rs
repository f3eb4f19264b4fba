//! A dataset in LeRobot's format 3.0: `meta/info.json` tells the features, Parquet tables hold the numbers, and each camera
//! has a video of each episode.
//!
//! The format lets several episodes share a video; here each has its own, so that no video is ever large.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::DatasetError;
use super::episode::{EpisodeRows, each_picture};
use super::statistics::{NumberStatistics, PictureStatistics};
use super::table::{Table, Values, write_table};
use crate::domain::CameraSetting;
use crate::service::media::{FrameRate, VideoWriter, size_of_video};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// The version of the format.
const VERSION: &str = "v3.0";
/// Files in a folder of files.
const CHUNK: usize = 1_000;
/// Names of the four numbers.
const STATE: [&str; 4] = ["x", "y", "z", "gripper"];
const ACTION: [&str; 4] = ["dx", "dy", "dz", "gripper"];

/// A dataset under way.
pub(super) struct LeRobot {
    folder: PathBuf,
    cameras: Vec<CameraSetting>,
    data: Table,
    episodes: Vec<Episode>,
    /// Names of tasks by their numbers.
    tasks: Vec<String>,
    frames: usize,
    /// The features that are numbers, with what was counted of them.
    numbers: Vec<(&'static str, NumberStatistics)>,
    pictures: Vec<PictureStatistics>,
}

struct Episode {
    task: String,
    begins: usize,
    length: usize,
}

/// The name of a camera's feature.
fn key(camera: &CameraSetting) -> String {
    format!("observation.images.{}", camera.name.as_str())
}

fn video_path(folder: &Path, camera: &CameraSetting, place: usize) -> PathBuf {
    let (chunk, file) = (place / CHUNK, place % CHUNK);
    folder.join(format!("videos/{}/chunk-{chunk:03}/file-{file:03}.mp4", key(camera)))
}

/// Writes the videos of one episode and gives its numbers.
pub(super) fn write_videos(
    folder: &Path,
    place: usize,
    transcript: &Transcript,
    cameras: &[CameraSetting],
    simulator: &Simulator,
) -> Result<EpisodeRows, DatasetError> {
    let mut rows = EpisodeRows::of(transcript, simulator)?;
    for camera in cameras {
        let path = video_path(folder, camera, place);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(DatasetError::file(parent))?;
        }
        let mut video = VideoWriter::create(&path, FrameRate::REAL_TIME, transcript.steps.len() as u32)?;
        let mut statistics = PictureStatistics::new();
        each_picture(transcript, camera, simulator, |frame| {
            statistics.count(frame);
            Ok(video.push(frame)?)
        })?;
        video.finish()?;
        rows.pictures.push(statistics);
    }
    Ok(rows)
}

impl LeRobot {
    /// Begins a dataset in an empty folder.
    pub(super) fn begin(folder: &Path, cameras: &[CameraSetting]) -> Result<LeRobot, DatasetError> {
        for part in ["meta/episodes/chunk-000", "data/chunk-000"] {
            fs::create_dir_all(folder.join(part)).map_err(DatasetError::file(folder))?;
        }
        let data = Table::create(&folder.join("data/chunk-000/file-000.parquet"), &columns(None, 0, 0, 0))?;
        let numbers = [
            ("observation.state", 4),
            ("action", 4),
            ("next.reward", 1),
            ("next.done", 1),
            ("next.success", 1),
            ("timestamp", 1),
            ("frame_index", 1),
            ("episode_index", 1),
            ("index", 1),
            ("task_index", 1),
        ];
        Ok(LeRobot {
            folder: folder.to_owned(),
            cameras: cameras.to_vec(),
            data,
            episodes: Vec::new(),
            tasks: Vec::new(),
            frames: 0,
            numbers: numbers.map(|(name, width)| (name, NumberStatistics::new(width))).to_vec(),
            pictures: vec![PictureStatistics::new(); cameras.len()],
        })
    }

    /// Adds the next episode's numbers.
    pub(super) fn append(&mut self, rows: &EpisodeRows) -> Result<(), DatasetError> {
        let task = rows.environment.task_name().to_owned();
        let number = self.tasks.iter().position(|known| *known == task).unwrap_or_else(|| {
            self.tasks.push(task.clone());
            self.tasks.len() - 1
        });
        let columns = columns(Some(rows), self.episodes.len(), self.frames, number);
        self.data.append(&columns)?;
        for ((_, statistics), (_, values)) in self.numbers.iter_mut().zip(&columns) {
            count(statistics, values);
        }
        for (mine, theirs) in self.pictures.iter_mut().zip(&rows.pictures) {
            mine.add(theirs);
        }
        let length = rows.actions.len();
        self.episodes.push(Episode { task, begins: self.frames, length });
        self.frames += length;
        Ok(())
    }

    /// Writes what describes the whole.
    pub(super) fn finish(self) -> Result<(), DatasetError> {
        let meta = self.folder.join("meta");
        write_json(&meta.join("info.json"), &self.info())?;
        write_json(&meta.join("stats.json"), &self.statistics())?;
        write_tasks(&meta.join("tasks.parquet"), &self.tasks)?;
        write_table(&meta.join("episodes/chunk-000/file-000.parquet"), &self.episode_columns())?;
        self.data.finish()
    }

    fn info(&self) -> Value {
        let number = |kind: &str| json!({ "dtype": kind, "shape": [1], "names": null });
        let four = |names: [&str; 4]| json!({ "dtype": "float32", "shape": [4], "names": names });
        let mut features = json!({
            "observation.state": four(STATE),
            "action": four(ACTION),
            "next.reward": number("float32"),
            "next.done": number("bool"),
            "next.success": number("bool"),
            "timestamp": number("float32"),
            "frame_index": number("int64"),
            "episode_index": number("int64"),
            "index": number("int64"),
            "task_index": number("int64"),
        });
        let rate = FrameRate::REAL_TIME.get();
        for camera in &self.cameras {
            let (width, height) = size_of_video(camera.width.get(), camera.height.get());
            features[key(camera)] = json!({
                "dtype": "video",
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
                "info": {
                    "video.height": height,
                    "video.width": width,
                    "video.codec": "h264",
                    "video.pix_fmt": "yuv420p",
                    "video.fps": rate,
                    "video.channels": 3,
                    "is_depth_map": false,
                    "has_audio": false,
                },
            });
        }
        let episodes = self.episodes.len();
        let video_path = (!self.cameras.is_empty())
            .then_some("videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4");
        json!({
            "codebase_version": VERSION,
            "robot_type": "sawyer",
            "fps": rate,
            "total_episodes": episodes,
            "total_frames": self.frames,
            "total_tasks": self.tasks.len(),
            "chunks_size": CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "splits": { "train": format!("0:{episodes}") },
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": video_path,
            "features": features,
        })
    }

    fn statistics(&self) -> Value {
        let mut all: serde_json::Map<String, Value> =
            self.numbers.iter().map(|(name, statistics)| ((*name).to_owned(), statistics.json())).collect();
        for (camera, statistics) in self.cameras.iter().zip(&self.pictures) {
            all.insert(key(camera), statistics.json(self.frames as u64));
        }
        Value::Object(all)
    }

    fn episode_columns(&self) -> Vec<(String, Values)> {
        let ints = |of: &dyn Fn(usize, &Episode) -> usize| {
            Values::Int(self.episodes.iter().enumerate().map(|(place, episode)| of(place, episode) as i64).collect())
        };
        let mut columns = vec![
            ("episode_index".to_owned(), ints(&|place, _| place)),
            ("tasks".to_owned(), Values::Texts(self.episodes.iter().map(|episode| episode.task.clone()).collect())),
            ("length".to_owned(), ints(&|_, episode| episode.length)),
            ("data/chunk_index".to_owned(), ints(&|_, _| 0)),
            ("data/file_index".to_owned(), ints(&|_, _| 0)),
            ("dataset_from_index".to_owned(), ints(&|_, episode| episode.begins)),
            ("dataset_to_index".to_owned(), ints(&|_, episode| episode.begins + episode.length)),
        ];
        let rate = f64::from(FrameRate::REAL_TIME.get());
        for camera in &self.cameras {
            let name = |what: &str| format!("videos/{}/{what}", key(camera));
            let ends = self.episodes.iter().map(|episode| episode.length as f64 / rate).collect();
            columns.push((name("chunk_index"), ints(&|place, _| place / CHUNK)));
            columns.push((name("file_index"), ints(&|place, _| place % CHUNK)));
            columns.push((name("from_timestamp"), Values::Double(vec![0.0; self.episodes.len()])));
            columns.push((name("to_timestamp"), Values::Double(ends)));
        }
        columns.push(("meta/episodes/chunk_index".to_owned(), ints(&|_, _| 0)));
        columns.push(("meta/episodes/file_index".to_owned(), ints(&|_, _| 0)));
        columns
    }
}

/// The columns of an episode in the table of all frames; empty ones without an episode.
fn columns(rows: Option<&EpisodeRows>, episode: usize, begins: usize, task: usize) -> Vec<(String, Values)> {
    let length = rows.map_or(0, |rows| rows.actions.len());
    let all = |value: usize| Values::Int(vec![value as i64; length]);
    let from = |first: usize| Values::Int((first..first + length).map(|value| value as i64).collect());
    let rate = f32::from(FrameRate::REAL_TIME.get());
    let of = |name: &str, values: Values| (name.to_owned(), values);
    vec![
        of("observation.state", Values::Floats(rows.map_or_else(Vec::new, |rows| rows.states.clone()))),
        of("action", Values::Floats(rows.map_or_else(Vec::new, |rows| rows.actions.clone()))),
        of("next.reward", Values::Float(rows.map_or_else(Vec::new, |rows| rows.rewards.clone()))),
        of("next.done", Values::Bool((1..=length).map(|step| step == length).collect())),
        of("next.success", Values::Bool(rows.map_or_else(Vec::new, |rows| rows.successes.clone()))),
        of("timestamp", Values::Float((0..length).map(|step| step as f32 / rate).collect())),
        of("frame_index", from(0)),
        of("episode_index", all(episode)),
        of("index", from(begins)),
        of("task_index", all(task)),
    ]
}

fn count(statistics: &mut NumberStatistics, values: &Values) {
    match values {
        Values::Floats(rows) => rows.iter().for_each(|row| statistics.count(&row.map(f64::from))),
        Values::Float(values) => values.iter().for_each(|value| statistics.count(&[f64::from(*value)])),
        Values::Double(values) => values.iter().for_each(|value| statistics.count(&[*value])),
        Values::Int(values) => values.iter().for_each(|value| statistics.count(&[*value as f64])),
        Values::Bool(values) => values.iter().for_each(|value| statistics.count(&[f64::from(u8::from(*value))])),
        Values::Text(_) | Values::Texts(_) => {}
    }
}

/// Readers look tasks up in pandas by their name, which must be the index there: pandas finds that in a note of its own.
fn write_tasks(path: &Path, tasks: &[String]) -> Result<(), DatasetError> {
    let columns = [
        ("task_index".to_owned(), Values::Int((0..tasks.len() as i64).collect())),
        ("task".to_owned(), Values::Text(tasks.to_vec())),
    ];
    let column = |name: &str, kind: [&str; 2]| {
        let [pandas, numpy] = kind;
        json!({ "name": name, "field_name": name, "pandas_type": pandas, "numpy_type": numpy, "metadata": null })
    };
    let note = json!({
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [column("task_index", ["int64", "int64"]), column("task", ["unicode", "object"])],
        "creator": { "library": "kinitro", "version": env!("CARGO_PKG_VERSION") },
        "pandas_version": "2.0.0",
    });
    let mut table = Table::create(path, &columns)?;
    table.append(&columns)?;
    table.note("pandas", note.to_string());
    table.finish()
}

fn write_json(path: &Path, value: &Value) -> Result<(), DatasetError> {
    fs::write(path, format!("{value:#}\n")).map_err(DatasetError::file(path))
}
