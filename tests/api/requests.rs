//! Malformed requests get the right code, whatever else is routed.

use serde_json::json;

use crate::server::{KEY, start};

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let server = start().await;
    for path in ["/", "/v1", "/v1/nothing", "/v1/tasks/steal", "/v1/weights", "/v1/cycles/1/manifest/x"] {
        let (status, body) = server.get(path).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    let wrong = [
        (server.http.post(server.at("/health")), "GET"),
        (server.http.delete(server.at("/v1/weights/latest")), "GET"),
        (server.http.put(server.at("/v1/cycles/1")), "GET"),
        (server.http.get(server.at("/v1/tasks/fetch")), "POST"),
        (server.http.get(server.at("/v1/transcripts/x")), "PUT"),
    ];
    for (request, allowed) in wrong {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], allowed);
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let server = start().await;
    let response = server.http.head(server.at("/health")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn bodies_that_are_no_json_are_400_or_415() {
    let server = start().await;
    let post = |content_type: &'static str, body: &'static str| {
        let request = server.http.post(server.at("/v1/tasks/fetch")).bearer_auth(KEY);
        server.answer(request.header("content-type", content_type).body(body))
    };
    for body in ["", "{", "not json", "{} trailing", "\u{feff}{}"] {
        let (status, answer) = post("application/json", body).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("malformed")), "{body:?} {answer}");
    }
    assert_eq!(post("text/plain", r#"{"executor_id":"a"}"#).await.0, 415);
    assert_eq!(post("application/json; charset=utf-8", r#"{"executor_id":"a"}"#).await.0, 200);
    let deep: &'static str = Box::leak("[".repeat(100_000).into_boxed_str());
    assert_eq!(post("application/json", deep).await.0 / 100, 4);
}

#[tokio::test]
async fn a_body_larger_than_its_cap_is_413() {
    let server = start().await;
    let large = json!({"executor_id": "a", "task_uuids": vec!["x".repeat(100); 11_000]});
    let (status, answer) = server.post("/v1/tasks/heartbeat", &large).await;
    assert_eq!((status, answer["code"].as_str()), (413, Some("too_large")));
    // Without a length announced the cap holds as well.
    let chunks = futures_util::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 10_000])));
    let request = server.http.post(server.at("/v1/tasks/heartbeat")).bearer_auth(KEY);
    let streamed = request.header("content-type", "application/json").body(reqwest::Body::wrap_stream(chunks));
    if let Ok(response) = streamed.send().await {
        assert_eq!(response.status(), 413);
    }
}

#[tokio::test]
async fn a_mistyped_parameter_is_refused_and_not_ignored() {
    let server = start().await;
    for path in ["/v1/episodes?cycle=1", "/v1/episodes?uid=1&uid=2", "/health?x=1"] {
        assert_eq!(server.get(path).await.0, 400, "{path}");
    }
    for path in ["/v1/episodes?uid=70000", "/v1/episodes?limit=1001", "/v1/cycles?cursor=x", "/v1/cycles/x"] {
        assert_eq!(server.get(path).await.0, 422, "{path}");
    }
}

/// Sends a whole body before it listens, as simple clients do; the status of the answer.
fn send_then_listen(url: &str, head: &str, body: &[u8]) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = std::net::TcpStream::connect(host)?;
    stream.write_all(format!("{head}host: a\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes())?;
    stream.write_all(body)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[9..]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_lost_with_the_body_that_it_refuses() {
    let server = start().await;
    let url = server.at("/");
    let large = vec![b'x'; 20 << 20];
    let json = "content-type: application/json\r\n";
    let key = format!("authorization: Bearer {KEY}\r\n");
    for (head, status) in [
        (format!("POST /v1/tasks/fetch HTTP/1.1\r\n{key}{json}"), "413"),
        (format!("POST /v1/tasks/fetch HTTP/1.1\r\n{json}"), "401"),
        (format!("POST /v1/tasks/fetch HTTP/1.1\r\n{key}"), "415"),
        ("POST /v1/status HTTP/1.1\r\n".to_owned(), "405"),
        (format!("PUT /v1/transcripts/zz HTTP/1.1\r\n{key}"), "422"),
        ("PUT /nowhere HTTP/1.1\r\n".to_owned(), "404"),
    ] {
        for _ in 0..5 {
            let (url, head, large) = (url.clone(), head.clone(), large.clone());
            let asked = head.clone();
            let answered = tokio::task::spawn_blocking(move || send_then_listen(&url, &head, &large)).await.unwrap();
            assert_eq!(answered.as_deref().map_err(ToString::to_string), Ok(status), "{asked}");
        }
    }
}
