//! Accepting connections for servers of ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::policy::PolicyError;

/// The routes of a server.
pub type Routes = BoxedFilter<(Response,)>;

/// Connections at the same time; more wait in the system's backlog.
const MAX_CONNECTIONS: usize = 2048;
/// Longest that a client may take to send the head of a request, idle time between two included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Pause after a failed accept, so that a full table of open files is no busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on `address`; port 0 takes any free one.
///
/// # Errors
/// [`PolicyError::Listen`], for example when the port is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, PolicyError> {
    TcpListener::bind(address).await.map_err(|source| PolicyError::Listen { address, source })
}

/// Serves `routes` on `listener` until `shutdown`, which also cuts open connections.
pub async fn accept_connections(listener: TcpListener, routes: Routes, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = async { (slots.clone().acquire_owned().await, listener.accept().await) } => accepted,
        };
        let (Ok(slot), Ok((stream, _))) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (routes, shutdown) = (routes.clone(), shutdown.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = connection(stream, routes) => {}
            }
            drop(slot);
        });
    }
}

async fn connection(stream: TcpStream, routes: Routes) {
    // Answers are one small packet each; waiting to fill it would cost 40 ms. Without it they are only slower.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(warp::service(routes));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    // How a connection ends is the client's business.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
