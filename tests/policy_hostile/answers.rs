//! Answers that are no action.

use kinitro::domain::{Encoding, FaultReason, MissReason, PolicyProfile};

use crate::server::*;

#[tokio::test]
async fn wrong_types_and_shapes_are_malformed() {
    for body in [
        "",
        "null",
        "true",
        "[0,0,0,0]",
        "{}",
        r#"{"action":null}"#,
        r#"{"action":"up"}"#,
        r#"{"action":[0,0,0]}"#,
        r#"{"action":[0,0,0,0,0]}"#,
        r#"{"action":["0",0,0,0]}"#,
        r#"{"action":[true,0,0,0]}"#,
        r#"{"action":[[0,0,0,0]]}"#,
        r#"{"action":[NaN,0,0,0]}"#,
        r#"{"action":[Infinity,0,0,0]}"#,
        r#"{"action":[1e400,0,0,0]}"#,
        r#"{"action":[0,0,0,0]"#,
        r#"{"action":[0,0,0,0]} trailing"#,
        r#"{"action":[0,0,0,0],"action":[1,1,1,1]}"#,
        "<html>502</html>",
    ] {
        let (reply, _server) = one_step(move |_| Script::Json(body)).await;
        assert_eq!(reply.answer, Err(MissReason::Malformed), "{body}");
        assert_eq!(reply.bytes as usize, body.len());
    }
}

#[tokio::test]
async fn huge_finite_numbers_are_numbers_and_reach_physics_clipped() {
    let (reply, _server) = one_step(|_| Script::Json(r#"{"action":[1e308,-1e308,1e-320,0]}"#)).await;
    let action = PolicyProfile::KinitroV1.to_action(reply.answer.unwrap()).unwrap();
    assert_eq!(action.values(), [1.0, -1.0, 0.0, 0.0]);
}

#[tokio::test]
async fn deep_nesting_is_malformed() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = 8_000;
        let inner = if open == "[" { "" } else { "0" };
        let body = format!(r#"{{"action":[0,0,0,0],"x":{}{inner}{}}}"#, open.repeat(depth), close.repeat(depth));
        let (reply, _server) = one_step(move |_| Script::Typed("application/json", body.clone().into_bytes())).await;
        assert_eq!(reply.answer, Err(MissReason::Malformed));
    }
}

#[tokio::test]
async fn huge_strings_are_skipped_within_the_cap_and_cut_beyond_it() {
    let with_note = |length: usize| format!(r#"{{"note":"{}","action":[0,0,0,0]}}"#, "x".repeat(length)).into_bytes();
    let (reply, _server) = one_step(move |_| Script::Typed("application/json", with_note(60_000))).await;
    assert_eq!(reply.answer, Ok([0.0; 4]));
    let (reply, _server) = one_step(move |_| Script::Typed("application/json", with_note(70_000))).await;
    assert_eq!(reply.answer, Err(MissReason::TooLarge));
}

/// A server that offers msgpack and answers `/act` with these bytes.
async fn packed_step(body: Vec<u8>) -> Result<[f64; 4], MissReason> {
    let server = Server::start(move |call| match call.path.as_str() {
        "/health" => Script::Json(r#"{"status":"healthy","encodings":["json","msgpack"]}"#),
        "/act" => Script::Typed("application/msgpack", body.clone()),
        _ => well_behaved(call),
    })
    .await;
    let mut session = begin(&server).await.unwrap();
    assert_eq!(session.encoding(), Encoding::Msgpack);
    let reply = session.act(0, &observation()).await.unwrap();
    assert_eq!(header(&server.calls_of("/act")[0].head, "content-type"), Some("application/msgpack"));
    assert_eq!(header(&server.calls_of("/reset")[0].head, "content-type"), Some("application/json"));
    reply.answer
}

#[tokio::test]
async fn msgpack_is_read_as_strictly_as_json() {
    let with = |values: &[u8]| [&[0x81, 0xa6][..], b"action", values].concat();
    assert_eq!(packed_step(with(&[0x94, 0, 1, 0xff, 0])).await, Ok([0.0, 1.0, -1.0, 0.0]));
    let nan = with(&[0x94, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let lying_length = with(&[0xdd, 0xff, 0xff, 0xff, 0xff]);
    let deep = [&[0x81, 0xa1, b'x'][..], &[0x91; 60_000]].concat();
    for body in [nan, lying_length, deep, with(&[0x93, 0, 0, 0]), with(&[0x94, 0xc0, 0, 0, 0]), vec![0xc1], vec![]] {
        assert_eq!(packed_step(body).await, Err(MissReason::Malformed));
    }
}

#[tokio::test]
async fn an_error_status_is_a_miss_whatever_its_body_says() {
    for status in ["201 Created", "204 No Content", "400 Bad", "404 Not Found", "429 Slow Down", "500 Oops", "999 ?"] {
        let body = r#"{"action":[0,0,0,0]}"#;
        let length = if status.starts_with("204") { 0 } else { body.len() };
        let full = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{}", &body[..length]);
        let (reply, _server) = one_step(move |_| Script::Raw(full.clone().into_bytes())).await;
        assert_eq!(reply.answer, Err(MissReason::HttpStatus), "{status}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_broken_connection() {
    for bytes in
        [&b""[..], b"\x00\xff\x1b[2J\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 200"]
    {
        let (reply, _server) = one_step(move |_| Script::Raw(bytes.to_vec())).await;
        assert_eq!(reply.answer, Err(MissReason::Disconnected), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_connection_closed_in_the_middle_costs_one_step_only() {
    let server = Server::acting(|call| match call.number {
        0 => Script::Raw([head(CONTENT_AND_LENGTH), br#"{"action":[0,"#.to_vec()].concat()),
        _ => well_behaved(call),
    })
    .await;
    const CONTENT_AND_LENGTH: &str = "Content-Type: application/json\r\nContent-Length: 28\r\n";
    let mut session = begin(&server).await.unwrap();
    assert_eq!(session.act(0, &observation()).await.unwrap().answer, Err(MissReason::Disconnected));
    assert_eq!(session.act(1, &observation()).await.unwrap().answer, Ok([0.5, 0.0, 0.0, 1.0]));
}

#[tokio::test]
async fn terminal_escapes_from_a_policy_reach_no_message() {
    let escapes = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nfake log line";
    let body = format!(r#"{{"status":"{escapes}","detail":"{escapes}"}}"#);
    let full = format!("HTTP/1.1 500 Oops\r\nX-Detail: hello\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let server = Server::start(move |_| Script::Raw(full.clone().into_bytes())).await;
    let fault = begin(&server).await.err().unwrap();
    assert_eq!(fault.reason, FaultReason::ResetFailed);
    assert!(!format!("{fault} {fault:?}").chars().any(char::is_control));
    let refused = kinitro::policy::Endpoint::parse(&format!("https://{escapes}"), &local_rules()).unwrap_err();
    assert!(!format!("{refused}").chars().any(char::is_control), "{refused}");
    let long = kinitro::policy::Endpoint::parse(&"x".repeat(100_000), &local_rules()).unwrap_err();
    assert!(long.to_string().len() < 300);
}

#[tokio::test]
async fn a_reset_that_is_not_ok_is_tried_twice_and_is_the_miners_fault() {
    for body in [r#"{"status":"loading"}"#, "[]", "ok", r#"{"status":1}"#, ""] {
        let server = Server::start(move |call| match call.path.as_str() {
            "/reset" => Script::Json(body),
            _ => well_behaved(call),
        })
        .await;
        assert_eq!(begin(&server).await.err().unwrap().reason, FaultReason::ResetFailed, "{body}");
        assert_eq!(server.calls_of("/reset").len(), 2);
    }
}
