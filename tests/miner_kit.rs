//! What a newcomer does, with a real Python: a project, its server, a dataset, a training, an evaluation.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use kinitro::domain::Encoding;
use kinitro::transcript::Transcript;
use serde_json::Value;

const REACH: &str = "metaworld/reach-v3";

/// The Python of the virtual environment that `make test` prepares.
fn python() -> String {
    std::env::var("KINITRO_MINER_PYTHON").expect(
        "KINITRO_MINER_PYTHON is not set: run the tests by `make test`, which installs the packages of a miner's project and \
         sets it",
    )
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn kinitro(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kinitro")).args(arguments).output().unwrap()
}

/// What a command printed, which must have gone well.
fn done(arguments: &[&str]) -> String {
    let output = kinitro(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = kinitro(arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A project's server; it ends with this value.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(project: &Path) -> Server {
        // Not the program beside the environment's Python: that one names the folder where it was installed, which may have
        // been moved since.
        let mut process = Command::new(python())
            .args(["-m", "uvicorn", "server:app", "--host", "127.0.0.1", "--port", "0"])
            .current_dir(project)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut before = Vec::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the server ended: {}", before.join("\n")) };
            if let Some((_, rest)) = line.split_once("running on ") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
            before.push(line);
        };
        // Nobody may have to wait until somebody reads.
        std::thread::spawn(move || lines.for_each(drop));
        Server { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The one row of an evaluation.
fn evaluated(server: &Server, arguments: &[&str]) -> Value {
    let rows = done(&[&["evaluate", &server.url, "--env", REACH, "--json"], arguments].concat());
    let rows: Value = serde_json::from_str(&rows).unwrap();
    rows[0].clone()
}

fn encodings(folder: &Path) -> Vec<Option<Encoding>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| Transcript::from_bytes(&bytes).unwrap().header.encoding).collect()
}

#[test]
fn a_new_project_is_served_and_plays_the_same_in_both_encodings() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my-policy");
    assert!(done(&["init-miner", text(&project)]).contains("policy.py, server.py, train.py"));
    assert!(refused(&["miner", "init", text(&project)]).contains("nothing was written"));
    let play = |name: &str| {
        let record = folder.path().join(name);
        let server = Server::start(&project);
        let report = folder.path().join(format!("{name}.html"));
        let arguments = ["--max-steps", "40", "--record", text(&record), "--report", text(&report)];
        let row = evaluated(&server, &[&["--episodes", "2"], &arguments[..]].concat());
        let page = fs::read_to_string(&report).unwrap();
        assert!(page.contains(&server.url) && page.contains("src=\"data:video/mp4;base64,"));
        let json: Value = serde_json::from_slice(&fs::read(report.with_extension("json")).unwrap()).unwrap();
        assert_eq!((&json["steps"], &json["latency"]["answers"]), (&Value::from(80), &Value::from(80)));
        assert_eq!(json["environments"][0], row);
        (row, encodings(&record))
    };
    let elsewhere = ["evaluate", "http://127.0.0.1:1", "--report", "report.txt"];
    assert!(refused(&elsewhere).contains("ends with .html"), "before anything is played");
    let (packed, encodings) = play("packed");
    assert_eq!(encodings, [Some(Encoding::Msgpack); 2]);
    assert_eq!((&packed["episodes"], &packed["faults"]), (&Value::from(2), &serde_json::json!({})));
    let server = fs::read_to_string(project.join("server.py")).unwrap();
    let changed = server.replace(r#"["json", "msgpack"]"#, r#"["json"]"#);
    assert_ne!(changed, server);
    fs::write(project.join("server.py"), changed).unwrap();
    let (plain, encodings) = play("plain");
    assert_eq!(encodings, [Some(Encoding::Json); 2]);
    assert_eq!(plain, packed);
}

#[test]
fn the_trained_example_beats_random_in_worlds_it_has_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my-policy");
    assert!(refused(&["miner", "train-example", text(&project)]).contains("kinitro init-miner"));
    done(&["init-miner", text(&project)]);
    let train = ["miner", "train-example", text(&project), "--episodes", "30", "--max-steps", "100"];
    let bare = refused(&[&train[..], &["--python", "false"]].concat());
    assert!(bare.contains("false lacks what train.py needs") && bare.contains("pip install"), "{bare}");
    assert!(refused(&[&train[..], &["--python", "no-such-python"]].concat()).contains("cannot run no-such-python"));
    let short =
        ["miner", "train-example", text(&project), "--episodes", "2", "--max-steps", "2", "--python", &python()];
    let short = refused(&short);
    assert!(
        short.contains("no episode in") && short.contains("--max-steps") && !short.contains("Traceback"),
        "{short}"
    );
    let files = || fs::read_dir(&project).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
    let before = files();
    let output = done(&[&train[..], &["--python", &python()]].concat());
    assert!(output.contains("kept back:"), "{output}");
    assert_eq!(files(), before + 1, "the weights, and no dataset");
    assert!(refused(&train).contains("policy.safetensors is there already"));

    let worlds = ["--episodes", "10", "--seed", "2", "--max-steps", "100"];
    let trained = evaluated(&Server::start(&project), &worlds)["successes"].as_u64().unwrap();
    let random = done(&[&["test-env", REACH, "--policy", "random", "--json"], &worlds[..]].concat());
    let random: Vec<Value> = serde_json::from_str(&random).unwrap();
    let random = random.iter().filter(|episode| episode["success"] == true).count() as u64;
    println!("of 10: trained {trained}, random {random}");
    assert!(trained >= 4 && trained >= random + 3, "of 10: trained {trained}, random {random}");
}

/// A script in the place of Python: it has all packages, and trains until its data is gone.
fn stand_in(folder: &Path) -> std::path::PathBuf {
    let program = folder.join("python-stand-in");
    let script = "#!/bin/sh\nenv >>../environment\n[ \"$1\" = -c ] && exit 0\n\
                  echo training\nwhile [ -d \"$2\" ]; do sleep 0.05; done\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn a_training_is_told_no_token_and_leaves_nothing_when_it_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my-policy");
    done(&["init-miner", text(&project)]);
    let left = project.join(".kinitro/training-999999999/dataset");
    fs::create_dir_all(&left).unwrap();
    let names = |folder: &Path| -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".gitignore").collect()
    };
    let before = names(&project).len();
    let train = ["miner", "train-example", text(&project), "--episodes", "2", "--max-steps", "1", "--python"];
    let mut process = Command::new(env!("CARGO_BIN_EXE_kinitro"))
        .args(train)
        .arg(stand_in(folder.path()))
        .envs(["HF_TOKEN", "HF_TOKEN_PATH", "CHUTES_API_KEY", "CHUTES_API_KEY_FILE"].map(|name| (name, "hidden_token")))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "training"), "{:?}", process.wait());
    assert_eq!(
        names(&project.join(".kinitro")),
        [format!("training-{}", process.id())],
        "what was left before is gone"
    );
    assert_eq!(names(&project).len(), before, "the episodes lie where no upload takes them");
    rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::INT).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert_eq!(names(&project.join(".kinitro")), Vec::<String>::new());
    let environment = fs::read_to_string(folder.path().join("environment")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("hidden_token"), "{environment}");
}

#[test]
fn what_was_played_is_printed_where_the_report_fails() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my-policy");
    done(&["init-miner", text(&project)]);
    let server = Server::start(&project);
    let report = folder.path().join("model.html");
    let evaluate = |videos: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinitro"));
        command.args(["evaluate", &server.url, "--env", REACH, "--episodes", "1", "--max-steps", "5", "--report"]);
        command.arg(&report).env("TMPDIR", videos).output().unwrap()
    };
    let output = evaluate("/no/such/folder");
    assert!(!output.status.success(), "{}", said(&output));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("0 of 1") && err.contains("/no/such/folder"), "{}", said(&output));
    fs::write(report.with_extension("json"), "{\"weights\": 1}").unwrap();
    let output = evaluate(text(folder.path()));
    let said = said(&output);
    assert!(said.contains("model.json") && !said.contains("0 of 1") && !report.exists(), "before it is played: {said}");
    assert_eq!(fs::read_to_string(report.with_extension("json")).unwrap(), "{\"weights\": 1}");
}

/// The status of the answer to a POST.
fn posted(server: &Server, path: &str, media_type: &str, body: &[u8]) -> u16 {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    connection.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_request_that_is_none_is_told_so_and_is_no_fault_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my-policy");
    done(&["init-miner", text(&project)]);
    let server = Server::start(&project);
    let act = |observation: &str, images: &str| {
        let body = format!("{{\"observation\": {observation}, \"images\": {images}}}");
        posted(&server, "/act", "application/json", body.as_bytes())
    };
    let four = "[0, 0.6, 0.2, 1]";
    assert_eq!((act(four, "null"), act(four, "{\"corner\": [[[1, 2, 255]]]}")), (200, 200));
    let long = format!("[0, 0, 0, 1{}]", "0".repeat(400));
    for observation in [&long, "[0, 0, 0, NaN]", "[0, 0, 0, null]", "[0, 0, 0]", "{}", "[1e39, 0, 0, 0]"] {
        assert_eq!(act(observation, "null"), 400, "{observation}");
    }
    let images = [
        "{\"corner\": [[[1, 2, 300]]]}",
        "{\"corner\": [[1, 2, 3]]}",
        "{\"corner\": [[[1, 2]]]}",
        "[1]",
        "{\"corner\": null}",
    ];
    for images in images {
        assert_eq!(act(four, images), 400, "{images}");
    }
    let packed = |dtype: &str| {
        let image = serde_json::json!({"shape": [1, 1, 3], "dtype": dtype, "data": "abc"});
        let body = serde_json::json!({"observation": [0.0, 0.6, 0.2, 1.0], "images": {"corner": image}});
        posted(&server, "/act", "Application/MsgPack; charset=x", &rmp_serde::to_vec(&body).unwrap())
    };
    for dtype in ["float128x", "object", "a,,b"] {
        assert_eq!(packed(dtype), 400, "{dtype}");
    }
    let observation = serde_json::json!({"observation": [0.0, 0.6, 0.2, 1.0], "images": null});
    let body = rmp_serde::to_vec(&observation).unwrap();
    assert_eq!(posted(&server, "/act", "Application/MsgPack", &body), 200, "media types have no case");
    assert_eq!(posted(&server, "/reset", "application/json", b"{\"task_config\": [1]}"), 400);
}

/// Puts a script in the place of a container engine into `programs`: it says how it was called, and what `ps` answers.
fn engine(programs: &Path, name: &str, ps: &str) {
    let script = format!("#!/bin/sh\n[ \"$1\" = ps ] && {{ {ps}; }}\necho \"{name} was called: $*\"\n");
    fs::write(programs.join(name), script).unwrap();
    fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_container_is_built_by_the_first_engine_that_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (project, programs) = (folder.path().join("my-policy"), folder.path().join("programs"));
    done(&["init-miner", text(&project)]);
    fs::create_dir(&programs).unwrap();
    let build = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinitro"));
        command.args(["build", text(&project), "--tag", "policy:v1"]).args(more).env("PATH", &programs);
        let output = command.output().unwrap();
        (output.status.success(), said(&output))
    };
    assert!(build(&[]).1.contains("neither docker nor podman is here"), "{:?}", build(&[]));
    let silent = "echo 'Cannot connect to the daemon' >&2; exit 1";
    engine(&programs, "docker", silent);
    let (good, said) = build(&[]);
    let what =
        "docker is here, but its engine does not answer (docker failed with status 1: Cannot connect to the daemon)";
    assert!(!good && said.contains(what) && said.contains("--engine") && !said.contains("build --tag"), "{said}");
    engine(&programs, "podman", "exit 0");
    let (good, said) = build(&["--push"]);
    let (built, pushed) = ("podman was called: build --tag policy:v1 .", "podman was called: push policy:v1");
    assert!(good && said.contains(what) && said.contains(built) && said.contains(pushed), "{said}");
    assert!(said.contains("policy:v1 is built with podman, and pushed") && said.contains("podman run"), "{said}");
    engine(&programs, "podman", silent);
    let (good, said) = build(&[]);
    assert!(!good && said.contains(what) && said.contains("podman is here, but"), "{said}");
    let (good, said) = build(&["--engine", "docker"]);
    assert!(good && said.contains("docker was called: build"), "the one that is named is not asked: {said}");
    engine(&programs, "docker", "exit 0");
    let (good, said) = build(&[]);
    assert!(good && said.contains("is built with docker") && !said.contains("podman"), "{said}");
}

#[test]
fn others_read_the_datasets() {
    let folder = tempfile::tempdir().unwrap();
    let (archives, dataset) = (folder.path().join("npz"), folder.path().join("lerobot"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/miner/read_dataset.py");
    let read = |arguments: &[&str]| {
        let output = Command::new(python()).arg(&script).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    let same = ["--env", REACH, "--episodes", "3", "--max-steps", "20"];
    done(&[&["dataset", "export", text(&archives)], &same[..]].concat());
    read(&["npz", text(&archives), "3", "20"]);
    let output = done(&[&["dataset", "export", text(&dataset), "--format", "lerobot"], &same[..]].concat());
    assert!(output.contains("3 episodes, 0 of them successful, 60 frames, a LeRobot dataset v3.0"), "{output}");
    read(&["lerobot", text(&dataset), text(&archives), "3", "20"]);
    let again = refused(&[&["dataset", "export", text(&dataset)], &same[..]].concat());
    assert!(again.contains("is there already"), "{again}");
}

#[test]
fn recorded_episodes_become_the_same_data_as_the_expert_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (runs, recorded, played) = (at("runs"), at("recorded"), at("played"));
    let same = ["--episodes", "1", "--seed", "5", "--max-steps", "10"];
    done(&[&["test-env", REACH, "--record", text(&runs), "--record-every", "500"], &same[..]].concat());
    done(&["dataset", "export", text(&recorded), "--recorded", text(&runs)]);
    done(&[&["dataset", "export", text(&played), "--env", REACH], &same[..]].concat());
    let bytes = |folder: &Path| fs::read(folder.join("episode-000000.npz")).unwrap();
    assert_eq!(bytes(&recorded), bytes(&played));

    let empty = at("empty");
    fs::create_dir(&empty).unwrap();
    let error = refused(&["dataset", "export", text(&at("none")), "--recorded", text(&empty)]);
    assert!(error.contains("no episodes") && error.contains("*.ktr"), "{error}");
    fs::write(empty.join("broken.ktr"), "not a transcript").unwrap();
    let error = refused(&["dataset", "export", text(&at("none")), "--recorded", text(&empty)]);
    assert!(error.contains("broken.ktr"), "{error}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "nothing is left of what failed: {left:?}");
}
