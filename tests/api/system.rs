//! Health, metrics, and what the server does with connections.

use std::time::Duration;

use kinitro::service::api::{Access, install_metrics};
use kinitro::service::http_server::HttpLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Server, start, start_with};

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap()
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut text)).await.unwrap().unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn health_tells_version_and_database() {
    let (status, body) = start().await.get("/health").await;
    assert_eq!(status, 200);
    assert_eq!(body["status"], "ok");
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body["database"], "connected");
}

#[tokio::test]
async fn metrics_count_requests_and_tasks() {
    install_metrics();
    let server = Server::with_cycle(1, 3).await;
    server.get("/health").await;
    let text = server.http.get(server.at("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(r#"kinitro_http_requests_total{route="/health",status="200"}"#), "{text}");
    assert!(text.contains(r#"kinitro_tasks{state="pending"}"#), "{text}");
    assert!(text.contains("kinitro_store_up 1"), "{text}");
}

#[tokio::test]
async fn a_client_that_sends_no_headers_is_dropped() {
    let limits = HttpLimits { header_timeout: Duration::from_millis(100), ..HttpLimits::default() };
    let server = start_with(Access::Keys, limits).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    read_to_end(&mut slow).await;
    assert_eq!(server.get("/health").await.0, 200);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let limits = HttpLimits { max_per_address: 2, ..HttpLimits::default() };
    let server = start_with(Access::Keys, limits).await;
    let kept = [connect(&server).await, connect(&server).await];
    let text = read_to_end(&mut connect(&server).await).await;
    assert!(text.starts_with("HTTP/1.1 429"), "{text}");
    assert!(text.contains("retry-after: 1"), "{text}");
    drop(kept);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if server.http.get(server.at("/health")).send().await.is_ok_and(|response| response.status() == 200) {
            return;
        }
    }
    panic!("places were not given back");
}

#[tokio::test]
async fn a_full_server_says_so() {
    let limits = HttpLimits { max_connections: 1, ..HttpLimits::default() };
    let server = start_with(Access::Keys, limits).await;
    let _kept = connect(&server).await;
    let text = read_to_end(&mut connect(&server).await).await;
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    assert!(text.ends_with(r#""code":"unavailable"}"#), "{text}");
}

#[tokio::test]
async fn stopping_waits_for_idle_connections_no_longer_than_the_deadline() {
    let limits = HttpLimits { drain: Duration::from_millis(300), ..HttpLimits::default() };
    let server = start_with(Access::Keys, limits).await;
    let mut half = connect(&server).await;
    half.write_all(b"PUT /v1/transcripts/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    assert_eq!(server.get("/health").await.0, 200);
    server.shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(5), server.serving).await;
    stopped.expect("the deadline holds").unwrap().unwrap();
}
