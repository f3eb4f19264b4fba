//! Our own accept loop in front of warp's filters.
//!
//! warp's server has no bounds. This one has: connections in all, connections per address, time to send the
//! headers, and time to finish when the process stops.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// Bounds of an HTTP server.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Connections at once. Default 1,024, a quarter of the usual limit of open files.
    pub max_connections: usize,
    /// Connections at once from one address. Default 128: an executor uses a handful, and one address must not
    /// keep all others out.
    pub max_per_address: usize,
    /// Time in which a client must have sent a request's headers. Default 10 s.
    pub header_timeout: Duration,
    /// Time that running requests get when the server stops. Default 10 s.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        HttpLimits {
            max_connections: 1_024,
            max_per_address: 128,
            header_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

/// Most bytes of a request's line and headers: far more than any client of ours sends.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Pause after the system refused to accept, for example because too many files are open; without it the loop
/// would spin until a file is closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time to tell a client that it is one too many.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// Refusals told at once; beyond that a connection is closed without a word.
const MAX_REFUSALS: usize = 64;

/// Serves `routes` on `listener` until `shutdown` is cancelled, then lets running requests end for at most
/// [`HttpLimits::drain`].
///
/// # Errors
/// When the listener has no address any more; refusals of single connections are logged and survived.
pub async fn serve(
    listener: TcpListener,
    routes: BoxedFilter<(Response,)>,
    limits: HttpLimits,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving HTTP");
    let door = Arc::new(Door::new(limits));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, &door, &connections, &routes, &shutdown),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were still open when the server stopped");
    }
    Ok(())
}

fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    door: &Arc<Door>,
    connections: &TaskTracker,
    routes: &BoxedFilter<(Response,)>,
    shutdown: &CancellationToken,
) {
    match door.enter(peer.ip()) {
        Ok(place) => {
            let serving = serve_one(stream, routes.clone(), door.limits, shutdown.clone(), place);
            connections.spawn(serving);
        }
        Err(refusal) => {
            metrics::counter!("kinitro_http_refused_connections_total", "reason" => refusal.reason()).increment(1);
            if let Ok(place) = door.refusals.clone().try_acquire_owned() {
                connections.spawn(tell(stream, refusal, place));
            }
        }
    }
}

async fn serve_one(
    stream: TcpStream,
    routes: BoxedFilter<(Response,)>,
    limits: HttpLimits,
    shutdown: CancellationToken,
    _place: Place,
) {
    // Answers are small and complete; waiting to fill packets would only delay them.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(warp::service(routes));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_header_size(MAX_HEADER_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // The deadline is the same for all: whatever is not done by then is cut off.
            match tokio::time::timeout(limits.drain, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Tells a client why it is not served, without reading its request.
async fn tell(mut stream: TcpStream, refusal: Refusal, _place: OwnedSemaphorePermit) {
    let telling = async {
        stream.write_all(refusal.response().as_bytes()).await?;
        stream.shutdown().await
    };
    // A client that does not listen is not worth a second try.
    let _: Result<io::Result<()>, _> = tokio::time::timeout(REFUSAL_TIMEOUT, telling).await;
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The server is full.
    Full,
    /// This address has too many connections.
    Greedy,
}

impl Refusal {
    fn reason(self) -> &'static str {
        match self {
            Refusal::Full => "full",
            Refusal::Greedy => "per_address",
        }
    }

    fn response(self) -> String {
        let (status, body) = match self {
            Refusal::Full => {
                ("503 Service Unavailable", r#"{"detail":"too many connections; try again soon","code":"unavailable"}"#)
            }
            Refusal::Greedy => (
                "429 Too Many Requests",
                r#"{"detail":"too many connections from this address; reuse them","code":"too_many_requests"}"#,
            ),
        };
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

/// Counts who is inside.
struct Door {
    limits: HttpLimits,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A place inside; leaving is dropping it.
struct Place {
    _permit: OwnedSemaphorePermit,
    address: IpAddr,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Door {
    fn new(limits: HttpLimits) -> Door {
        Door {
            limits,
            places: Arc::new(Semaphore::new(limits.max_connections)),
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
            by_address: Arc::default(),
        }
    }

    fn enter(&self, address: IpAddr) -> Result<Place, Refusal> {
        let permit = self.places.clone().try_acquire_owned().map_err(|_| Refusal::Full)?;
        let mut inside = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(address).or_default();
        if *count >= self.limits.max_per_address {
            return Err(Refusal::Greedy);
        }
        *count += 1;
        Ok(Place { _permit: permit, address, by_address: self.by_address.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.address);
            }
        }
    }
}
