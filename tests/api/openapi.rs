//! The description of the API is the one in `tests/golden/`.

use kinitro::service::api::openapi_document;

use crate::server::start;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");

#[test]
fn the_description_is_the_golden_one() {
    let document = openapi_document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &document).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    assert!(
        document == golden,
        "the API changed; if that is meant, run UPDATE_GOLDEN=1 cargo test --test api and read the difference"
    );
}

#[tokio::test]
async fn the_description_is_served_and_is_openapi_3_1() {
    let server = start().await;
    let (status, body) = server.get("/openapi.json").await;
    assert_eq!((status, body["openapi"].as_str()), (200, Some("3.1.0")));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&openapi_document()).unwrap(), body);
}

#[tokio::test]
async fn every_described_path_exists() {
    let server = start().await;
    let document: serde_json::Value = serde_json::from_str(&openapi_document()).unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        let concrete = path.replace(['{', '}'], "");
        // A wrong method is told from a path that is not there.
        let status = server.answer(server.http.patch(server.at(&concrete))).await.0;
        assert_eq!(status, 405, "{path}");
    }
}
