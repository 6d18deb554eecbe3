//! Requests and their answers on the wire.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::*;

const A: &str =
    r#"{"resourceType":"Basic","id":"a","identifier":[{"system":"urn:s","value":"v"}],"n":1.50}"#;

struct Scene {
    server: FakeServer,
    client: reqwest::Client,
}

/// An answer that has been read to its end.
struct Got {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Scene {
    async fn start() -> Scene {
        let server = FakeServer::start(FakeServerOptions::default())
            .await
            .unwrap();
        Scene {
            server,
            client: reqwest::Client::new(),
        }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client
            .request(method.parse().unwrap(), self.server.base_url() + path)
    }

    async fn get(&self, path: &str) -> Got {
        got(self.request("GET", path)).await
    }
}

async fn got(request: RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}

#[tokio::test]
async fn a_resource_is_created_read_updated_and_deleted() {
    let scene = Scene::start().await;
    let created = got(scene.request("PUT", "/Basic/a").body(A)).await;
    assert_eq!((created.status, created.header("etag")), (201, "W/\"1\""));
    assert_eq!(
        created.header("location"),
        scene.server.base_url() + "/Basic/a/_history/1"
    );
    assert_eq!(
        created.header("content-type"),
        "application/fhir+json; fhirVersion=4.0"
    );

    let read = scene.get("/Basic/a").await;
    assert_eq!(read.status, 200);
    assert!(read.text.contains("\"n\":1.50"));
    assert!(!read.header("last-modified").is_empty() && !read.header("date").is_empty());
    let known = got(scene
        .request("GET", "/Basic/a")
        .header("if-none-match", "W/\"1\""))
    .await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));

    let updated = got(scene
        .request("PUT", "/Basic/a")
        .header("if-match", "W/\"1\"")
        .body(A))
    .await;
    assert_eq!((updated.status, updated.header("etag")), (200, "W/\"2\""));
    assert_eq!(
        scene.get("/Basic/a/_history/1").await.json()["meta"]["versionId"],
        "1"
    );

    let deleted = got(scene.request("DELETE", "/Basic/a")).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(scene.get("/Basic/a").await.status, 410);
    assert_eq!(scene.get("/Basic/b").await.status, 404);
    assert_eq!(scene.get("/nonsense").await.status, 404);
    assert_eq!(got(scene.request("PATCH", "/Basic/a")).await.status, 405);
}

#[tokio::test]
async fn a_stale_if_match_is_refused() {
    let scene = Scene::start().await;
    let missing = got(scene
        .request("PUT", "/Basic/a")
        .header("if-match", "W/\"1\"")
        .body(A))
    .await;
    assert_eq!(missing.status, 412);
    scene.server.put_json(A).unwrap();
    scene.server.put_json(A).unwrap();
    let stale = got(scene
        .request("PUT", "/Basic/a")
        .header("if-match", "W/\"1\"")
        .body(A))
    .await;
    assert_eq!(
        (stale.status, &stale.json()["issue"][0]["code"]),
        (412, &json!("conflict"))
    );
    let exists = got(scene
        .request("PUT", "/Basic/a")
        .header("if-none-match", "*")
        .body(A))
    .await;
    assert_eq!(exists.status, 412);
    let stale = got(scene
        .request("DELETE", "/Basic/a")
        .header("if-match", "W/\"1\""))
    .await;
    assert_eq!(stale.status, 412);
    let other_id = got(scene.request("PUT", "/Basic/b").body(A)).await;
    assert_eq!(
        (other_id.status, &other_id.json()["issue"][0]["code"]),
        (400, &json!("invalid"))
    );
    assert_eq!(scene.server.history("Basic", "a").len(), 2);
}

#[tokio::test]
async fn a_conditional_create_makes_one_resource() {
    let scene = Scene::start().await;
    let create = || {
        scene
            .request("POST", "/Basic")
            .header("if-none-exist", "identifier=urn:s|v")
            .body(A)
    };
    let (first, second) = (got(create()).await, got(create()).await);
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.header("location"), second.header("location"));
    scene.server.put_json(A).unwrap();
    assert_eq!(got(create()).await.status, 412);
    let unconditional = scene
        .request("POST", "/Basic")
        .header("prefer", "return=minimal")
        .body(A);
    let minimal = got(unconditional).await;
    assert_eq!((minimal.status, minimal.text.as_str()), (201, ""));
}

#[tokio::test]
async fn a_search_goes_by_get_by_post_and_by_the_next_link() {
    let scene = Scene::start().await;
    for id in ["a", "b", "c"] {
        scene
            .server
            .put_json(&A.replace(r#""id":"a""#, &format!(r#""id":"{id}""#)))
            .unwrap();
    }
    let form = scene
        .request("POST", "/Basic/_search?_count=2")
        .body("identifier=urn%3As%7Cv");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let first = got(form).await.json();
    assert_eq!(first["entry"].as_array().unwrap().len(), 2);
    assert!(
        first["link"][0]["url"]
            .as_str()
            .unwrap()
            .contains("identifier=urn%3As%7Cv")
    );
    let next = first["link"][1]["url"].as_str().unwrap();
    let second = got(scene.client.get(next)).await.json();
    assert_eq!(second["entry"][0]["resource"]["id"], "c");
    assert!(
        scene
            .get("/Basic?_count=1")
            .await
            .text
            .contains("\"n\":1.50")
    );

    let strict = scene
        .request("GET", "/Basic?colour=red")
        .header("prefer", "handling=strict");
    assert_eq!(got(strict).await.status, 400);
    assert_eq!(scene.get("/Basic?colour=red").await.status, 200);
}

#[tokio::test]
async fn history_shows_newest_first_and_deletions_without_resource() {
    let scene = Scene::start().await;
    scene.server.put_json(A).unwrap();
    got(scene.request("DELETE", "/Basic/a")).await;
    let of_one = scene.get("/Basic/a/_history").await.json();
    assert_eq!(of_one["entry"][0]["request"]["method"], "DELETE");
    assert_eq!(of_one["entry"][0].get("resource"), None);
    assert_eq!(of_one["entry"][1]["response"]["etag"], "W/\"1\"");
    let of_type = scene
        .get("/Basic/_history?_since=2000-01-01T00:00:00Z")
        .await
        .json();
    assert_eq!(of_type["entry"].as_array().unwrap().len(), 2);
    assert_eq!(
        scene
            .get("/Basic/_history?_since=2999-01-01")
            .await
            .json()
            .get("entry"),
        None
    );
    assert_eq!(scene.get("/Basic/_history?_since=lately").await.status, 400);
    assert_eq!(scene.get("/Basic/b/_history").await.status, 404);
}

#[tokio::test]
async fn a_transaction_goes_to_the_base() {
    let scene = Scene::start().await;
    let entry = format!(
        r#"{{"resource":{A},"request":{{"method":"PUT","url":"Basic/a","ifMatch":"W/\"9\""}}}}"#
    );
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{entry}]}}"#);
    let failed = got(scene.request("POST", "").body(bundle.clone())).await;
    assert_eq!(
        (failed.status, &failed.json()["issue"][0]["expression"][0]),
        (412, &json!("Bundle.entry[0]"))
    );
    let done = got(scene
        .request("POST", "/")
        .body(bundle.replace("ifMatch", "ignored")))
    .await;
    assert_eq!(
        (done.status, &done.json()["entry"][0]["response"]["status"]),
        (200, &json!("201 Created"))
    );
}

#[tokio::test]
async fn the_capability_statement_says_what_can_be_searched_and_done() {
    let scene = Scene::start().await;
    let statement = scene.get("/metadata").await.json();
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let observation = resources
        .iter()
        .find(|resource| resource["type"] == "Observation")
        .unwrap();
    let parameters = observation["searchParam"].as_array().unwrap();
    assert!(parameters.contains(&json!({ "name": "combo-code", "type": "token" })));
    assert!(parameters.contains(&json!({ "name": "_lastUpdated", "type": "date" })));
    let includes = observation["searchInclude"].as_array().unwrap();
    assert!(includes.contains(&json!("Observation:derived-from")));
    assert_eq!(
        statement["rest"][0]["interaction"][0]["code"],
        "transaction"
    );
}
