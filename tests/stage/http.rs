//! The least of an HTTP client and of an HTTP server.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Sends one request; status and body of the answer.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let rest = url.strip_prefix("http://").expect("tests speak plain http");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut stream = TcpStream::connect(host)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    head += &format!("content-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    Ok((status, body))
}

/// The JSON at `url`, or `None` while nobody answers with 200 there.
pub fn json(url: &str) -> Option<serde_json::Value> {
    match request("GET", url, &[], b"") {
        Ok((200, body)) => Some(serde_json::from_slice(&body).unwrap()),
        _ => None,
    }
}

/// Pages by their paths, which a test may change while they are served.
pub type Pages = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// Serves `pages` by their paths on a free port until the test's process ends; the server's address.
pub fn serve(pages: BTreeMap<String, Vec<u8>>) -> String {
    serve_shared(Arc::new(Mutex::new(pages)))
}

/// The same with pages that may change.
pub fn serve_shared(pages: Pages) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let pages = pages.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &pages));
        }
    });
    url
}

fn answer(mut stream: TcpStream, pages: &Pages) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
        line.clear();
    }
    let page = request.split(' ').nth(1).and_then(|path| pages.lock().unwrap().get(path).cloned());
    let (status, body) = match page {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", b"{}".to_vec()),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A reader that has gone away has seen enough.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}
