//! Raw servers on loopback, and clients with short limits to meet them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kinitro::domain::{DeploymentRules, Fault, Hotkey, Limits, PolicyObservation, PolicyReply, PolicySeed};
use kinitro::policy::{ClientOptions, Endpoint, EpisodeTicket, PolicyClient, PolicySession};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Far more than any deadline in these tests; what takes this long hangs.
pub const HANGS: Duration = Duration::from_secs(30);

/// What a server does about one request.
pub enum Script {
    /// Answers as it should with this JSON and keeps the connection.
    Json(&'static str),
    /// Answers as it should with these bytes of this content type.
    Typed(&'static str, Vec<u8>),
    /// Writes these bytes and closes.
    Raw(Vec<u8>),
    /// Writes these bytes and then nothing, keeping the connection open.
    Stall(Vec<u8>),
    /// Writes the first, then one byte of the second at a time with this pause, for ever.
    Trickle(Vec<u8>, u8, Duration),
    /// Writes the first, then the second again and again, as fast as it is taken.
    Endless(Vec<u8>, Vec<u8>),
}

/// One request as it came in.
#[derive(Clone)]
pub struct Call {
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
    /// How many calls of this path came before.
    pub number: usize,
}

/// What a server has seen.
#[derive(Default)]
pub struct Seen {
    pub connections: AtomicUsize,
    pub open: AtomicUsize,
    pub most_open: AtomicUsize,
    pub written: AtomicUsize,
    pub calls: Mutex<Vec<Call>>,
}

/// A server that runs until dropped.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Behaviour = Arc<dyn Fn(&Call) -> Script + Send + Sync>;

impl Server {
    /// A server that does as `behaviour` says about every request.
    pub async fn start(behaviour: impl Fn(&Call) -> Script + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, behaviour): (Arc<Seen>, Behaviour) = (Arc::default(), Arc::new(behaviour));
        let shared = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(connection(stream, shared.clone(), behaviour.clone()));
            }
        });
        Server { address, seen, task }
    }

    /// A server whose `/health` and `/reset` are as they should be and whose `/act` is as `act` says.
    pub async fn acting(act: impl Fn(&Call) -> Script + Send + Sync + 'static) -> Server {
        Server::start(move |call| if call.path == "/act" { act(call) } else { well_behaved(call) }).await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.url(), &local_rules()).unwrap()
    }

    pub fn calls_of(&self, path: &str) -> Vec<Call> {
        self.seen.calls.lock().unwrap().iter().filter(|call| call.path == path).cloned().collect()
    }
}

/// What an honest server answers.
pub fn well_behaved(call: &Call) -> Script {
    Script::Json(match call.path.as_str() {
        "/health" => r#"{"status":"healthy","model_loaded":true,"uptime_seconds":1.5}"#,
        "/reset" => r#"{"status":"ok","episode_id":"abc"}"#,
        _ => r#"{"action":[0.5,0.0,0.0,1.0]}"#,
    })
}

async fn connection(mut stream: TcpStream, seen: Arc<Seen>, behaviour: Behaviour) {
    seen.connections.fetch_add(1, SeqCst);
    let open = seen.open.fetch_add(1, SeqCst) + 1;
    seen.most_open.fetch_max(open, SeqCst);
    let mut buffer = Vec::new();
    while let Some(mut call) = read_request(&mut stream, &mut buffer).await {
        {
            let mut calls = seen.calls.lock().unwrap();
            call.number = calls.iter().filter(|earlier| earlier.path == call.path).count();
            calls.push(call.clone());
        }
        if play(&mut stream, behaviour(&call), &seen).await.is_none() {
            break;
        }
    }
    seen.open.fetch_sub(1, SeqCst);
}

/// Does what the script says; `None` when the connection is over.
async fn play(stream: &mut TcpStream, script: Script, seen: &Seen) -> Option<()> {
    let mut scratch = [0u8; 1];
    match script {
        Script::Json(body) => write(stream, &answer("application/json", body.as_bytes()), seen).await,
        Script::Typed(content_type, body) => write(stream, &answer(content_type, &body), seen).await,
        Script::Raw(bytes) => {
            write(stream, &bytes, seen).await?;
            None
        }
        Script::Stall(bytes) => {
            write(stream, &bytes, seen).await?;
            // Until the other side cuts the connection.
            let _ = stream.read(&mut scratch).await;
            None
        }
        Script::Trickle(head, byte, pause) => {
            write(stream, &head, seen).await?;
            loop {
                write(stream, &[byte], seen).await?;
                tokio::time::sleep(pause).await;
            }
        }
        Script::Endless(head, part) => {
            write(stream, &head, seen).await?;
            loop {
                write(stream, &part, seen).await?;
            }
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8], seen: &Seen) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    seen.written.fetch_add(bytes.len(), SeqCst);
    Some(())
}

/// A complete answer with status 200.
pub fn answer(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(&format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len()));
    bytes.extend(body);
    bytes
}

/// The head of an answer with status 200 and these header lines.
pub fn head(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes()
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Call> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let length = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    let path = head.split(' ').nth(1).unwrap().to_owned();
    Some(Call { path, head, body, number: 0 })
}

/// The value of a header in the head of a request.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

pub fn local_rules() -> DeploymentRules {
    DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() }
}

pub fn client() -> PolicyClient {
    PolicyClient::new(&local_rules(), ClientOptions::default()).unwrap()
}

/// Limits short enough for tests, long enough for honest answers on a busy machine.
pub fn short_limits() -> Limits {
    Limits {
        connect_timeout_ms: 2_000,
        reset_timeout_ms: 500,
        act_timeout_ms: 400,
        reset_retry_pause_ms: 10,
        ..Limits::default()
    }
}

pub fn ticket(miner: u8) -> EpisodeTicket {
    EpisodeTicket {
        episode: "0123456789abcdef".into(),
        miner: Hotkey([miner; 32]),
        env_id: "metaworld/pick-place-v3".parse().unwrap(),
        policy_seed: PolicySeed(42),
        task_id: 7,
    }
}

pub async fn begin(server: &Server) -> Result<PolicySession, Fault> {
    client().begin(&server.endpoint(), &short_limits(), &ticket(1)).await
}

pub fn observation() -> PolicyObservation {
    PolicyObservation { hand_m: [0.0, 0.6, 0.2], gripper: 1.0, images: Vec::new() }
}

/// Begins an episode with a server whose `/act` is as `act` says, and takes one step.
pub async fn one_step(act: impl Fn(&Call) -> Script + Send + Sync + 'static) -> (PolicyReply, Server) {
    let server = Server::acting(act).await;
    let mut session = begin(&server).await.unwrap();
    let reply = tokio::time::timeout(HANGS, session.act(0, &observation())).await.expect("the step hangs").unwrap();
    (reply, server)
}
