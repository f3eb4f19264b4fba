//! Bodies that are larger, smaller or other than they say.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use kinitro::domain::{FaultReason, MissReason, PolicyReply};

use crate::server::*;

const CHUNKED: &str = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
/// The cap of 64 KiB and what the system buffers on both sides of a loopback connection.
const CAP_AND_BUFFERS: usize = 16 << 20;

/// The server's writes stop: the connection was cut and the attacker's bytes are not taken any more.
async fn assert_cut(reply: &PolicyReply, server: &Server) {
    assert_eq!(reply.answer, Err(MissReason::TooLarge));
    let closed = async {
        while server.seen.open.load(SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANGS, closed).await.expect("the connection is still open");
    let written = server.seen.written.load(SeqCst);
    assert!(written < CAP_AND_BUFFERS, "{written} bytes were taken");
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_cap() {
    let (reply, server) =
        one_step(|_| Script::Endless(head("Content-Type: application/json\r\n"), vec![b' '; 8192])).await;
    assert_cut(&reply, &server).await;
}

#[tokio::test]
async fn endless_chunks_are_cut_at_the_cap() {
    let chunk = [b"2000\r\n".to_vec(), vec![b' '; 0x2000], b"\r\n".to_vec()].concat();
    let (reply, server) = one_step(move |_| Script::Endless(head(CHUNKED), chunk.clone())).await;
    assert_cut(&reply, &server).await;
}

#[tokio::test]
async fn endless_tiny_chunks_end_too() {
    let chunks = b"1\r\n \r\n".repeat(1000);
    let (reply, _server) = one_step(move |_| Script::Endless(head(CHUNKED), chunks.clone())).await;
    assert!(matches!(reply.answer, Err(MissReason::TooLarge | MissReason::Timeout)), "{reply:?}");
}

#[tokio::test]
async fn an_endless_chunk_header_ends_too() {
    let (reply, server) =
        one_step(|_| Script::Endless([head(CHUNKED), b"1;".to_vec()].concat(), vec![b'x'; 4096])).await;
    assert!(matches!(reply.answer, Err(MissReason::Disconnected | MissReason::Timeout)), "{reply:?}");
    assert!(server.seen.written.load(SeqCst) < CAP_AND_BUFFERS);
}

#[tokio::test]
async fn endless_headers_end_too() {
    let line = format!("X-More: {}\r\n", "x".repeat(4000)).into_bytes();
    let (reply, server) = one_step(move |_| Script::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), line.clone())).await;
    assert!(matches!(reply.answer, Err(MissReason::Disconnected | MissReason::Timeout)), "{reply:?}");
    assert!(server.seen.written.load(SeqCst) < CAP_AND_BUFFERS);
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_not_read() {
    for length in ["65537", "1000000000000", "9223372036854775807"] {
        let (reply, _server) = one_step(move |_| {
            Script::Stall(head(&format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")))
        })
        .await;
        assert_eq!(reply.answer, Err(MissReason::TooLarge), "{length}");
        assert_eq!(reply.bytes, 0);
    }
}

#[tokio::test]
async fn a_length_that_no_number_holds_is_no_answer() {
    for length in ["18446744073709551615", "99999999999999999999999", "-1", "1, 2", "abc"] {
        let (reply, _server) = one_step(move |_| Script::Stall(head(&format!("Content-Length: {length}\r\n")))).await;
        assert_eq!(reply.answer, Err(MissReason::Disconnected), "{length}");
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_no_answer_however_complete_it_looks() {
    let lying = || {
        let head = head("Content-Type: application/json\r\nContent-Length: 1000\r\n");
        [head, br#"{"action":[0,0,0,0]}"#.to_vec()].concat()
    };
    let (reply, _server) = one_step(move |_| Script::Raw(lying())).await;
    assert_eq!(reply.answer, Err(MissReason::Disconnected), "closed in the middle");
    let (reply, _server) = one_step(move |_| Script::Stall(lying())).await;
    assert_eq!(reply.answer, Err(MissReason::Timeout), "kept open");
}

#[tokio::test]
async fn bytes_behind_the_announced_length_do_not_answer_the_next_step() {
    let server = Server::acting(|call| match call.number {
        0 => {
            let honest = answer("application/json", br#"{"action":[0,0,0,0]}"#);
            let planted = answer("application/json", br#"{"action":[9,9,9,9]}"#);
            Script::Stall([honest, planted].concat())
        }
        _ => well_behaved(call),
    })
    .await;
    let mut session = begin(&server).await.unwrap();
    assert_eq!(session.act(0, &observation()).await.unwrap().answer, Ok([0.0; 4]));
    let next = session.act(1, &observation()).await.unwrap().answer;
    assert_ne!(next, Ok([9.0; 4]));
}

#[tokio::test]
async fn a_compressed_bomb_is_not_unpacked() {
    let bomb = gzip_bomb();
    let compressed = bomb.len();
    let (reply, server) = one_step(move |_| {
        let lines =
            format!("Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n", bomb.len());
        Script::Stall([head(&lines), bomb.clone()].concat())
    })
    .await;
    assert_eq!(reply.answer, Err(MissReason::Malformed));
    assert_eq!(reply.bytes as usize, compressed, "the bytes are taken as they are");
    assert_eq!(header(&server.calls_of("/act")[0].head, "accept-encoding"), None, "nor is compression asked for");
}

/// Sixty kilobytes of gzip that unpack to a valid action behind ten megabytes of spaces: one block of fixed Huffman
/// codes (RFC 1951), a space and then matches of 258 bytes at distance 1.
fn gzip_bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bit_buffer, mut bits) = (0u32, 0u32);
    // Codes are packed from their most significant bit, everything else from the least.
    let mut push = |code: u32, length: u32, bytes: &mut Vec<u8>| {
        for index in (0..length).rev() {
            bit_buffer |= ((code >> index) & 1) << bits;
            bits += 1;
            if bits == 8 {
                bytes.push(bit_buffer as u8);
                (bit_buffer, bits) = (0, 0);
            }
        }
    };
    push(0b110, 3, &mut bytes);
    let literal = |byte: u8| 0x30 + u32::from(byte);
    push(literal(b' '), 8, &mut bytes);
    for _ in 0..37_000 {
        push(0b1100_0101, 8, &mut bytes);
        push(0, 5, &mut bytes);
    }
    for byte in br#"{"action":[0,0,0,0]}"# {
        push(literal(*byte), 8, &mut bytes);
    }
    push(0, 7, &mut bytes);
    push(0, 7, &mut bytes);
    assert!(bytes.len() < 64 << 10);
    bytes
}

#[tokio::test]
async fn a_reset_with_an_endless_body_is_the_miners_fault() {
    let server = Server::start(|call| match call.path.as_str() {
        "/reset" => Script::Endless(head("Content-Type: application/json\r\n"), vec![b' '; 8192]),
        _ => well_behaved(call),
    })
    .await;
    assert_eq!(begin(&server).await.err().unwrap().reason, FaultReason::ResetFailed);
}

#[tokio::test]
async fn health_with_an_endless_body_is_cut_and_forgotten() {
    let server = Server::start(|call| match call.path.as_str() {
        "/health" => Script::Endless(head("Content-Type: application/json\r\n"), vec![b' '; 8192]),
        _ => well_behaved(call),
    })
    .await;
    assert!(begin(&server).await.is_ok());
    assert!(server.seen.written.load(SeqCst) < CAP_AND_BUFFERS);
}
