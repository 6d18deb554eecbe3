//! What a client meets at a server with a dialect; all without a connection.

use serde_json::Value;

use super::*;
use crate::config::Config;
use crate::service::client::{ClientError, FhirClient, Precondition, ReadAnswer};

fn server_speaking(dialects: &[&str]) -> (FakeServer, FhirClient) {
    let dialects = dialects.iter().map(|text| text.parse().unwrap()).collect();
    let server = FakeServer::in_process(FakeServerOptions {
        dialects,
        ..FakeServerOptions::default()
    })
    .unwrap();
    let mut config = Config::load(None).unwrap();
    config.server.read = Some(server.base_url().parse().unwrap());
    let client = FhirClient::new(&config.read_server().unwrap()).unwrap();
    let client = client.through(server.wire());
    (server, client)
}

fn observation(id: &str, more: &str) -> String {
    format!(r#"{{"resourceType":"Observation","id":"{id}"{more}}}"#)
}

async fn etag(client: &FhirClient, id: &str) -> String {
    match client.read("Observation", id).await.unwrap() {
        ReadAnswer::Found { etag, .. } => etag.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn refusal(error: ClientError) -> u16 {
    match error {
        ClientError::Refused { status, .. } | ClientError::Conflict { status } => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_assigns_ids_refuses_unknown_ones_and_updates_its_own() {
    for (dialect, status) in [
        ("server-assigned-ids", 405),
        ("server-assigned-ids=404", 404),
        ("server-assigned-ids=422", 422),
    ] {
        let (_server, client) = server_speaking(&[dialect]);
        let text = observation("chosen", "");
        let put = |id: &'static str, text: String| {
            let client = client.clone();
            async move {
                client
                    .put("Observation", id, &text, Precondition::None)
                    .await
            }
        };
        assert_eq!(
            refusal(put("chosen", text.clone()).await.unwrap_err()),
            status
        );
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[
                {{"resource":{text},"request":{{"method":"PUT","url":"Observation/chosen"}}}}]}}"#
        );
        assert_eq!(
            refusal(client.transaction(&bundle).await.unwrap_err()),
            status
        );
        let created = client.create("Observation", &text, None).await.unwrap();
        let location = "http://localhost/fhir/Observation/assigned-1/_history/1";
        assert_eq!(created.status, 201);
        assert_eq!(created.location.as_deref(), Some(location));
        assert!(
            put("assigned-1", observation("assigned-1", ""))
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn opaque_versions_fence_as_numbers_do() {
    let (server, client) = server_speaking(&["opaque-versions"]);
    server.put_json(&observation("a", "")).unwrap();
    let first = etag(&client, "a").await;
    assert_eq!(first.len(), 24 + 4, "{first}");
    let put = |tag: &str| {
        let (client, tag) = (client.clone(), Precondition::Version(tag.to_owned()));
        async move {
            client
                .put("Observation", "a", &observation("a", ""), tag)
                .await
        }
    };
    let second = put(&first).await.unwrap().etag.unwrap();
    assert_ne!(first, second);
    assert_eq!(refusal(put(&first).await.unwrap_err()), 412);
    let bare = second.trim_start_matches("W/").trim_matches('"');
    assert!(put(bare).await.is_ok());
    let text = server.history("Observation", "a").remove(1);
    assert!(text.contains(&format!("\"versionId\":\"{bare}\"")));
}

#[tokio::test]
async fn preconditions_can_be_ignored_one_by_one() {
    let (server, client) = server_speaking(&["ignores-if-match", "ignores-if-none-exist"]);
    let text = observation("a", r#","identifier":[{"system":"urn:s","value":"v"}]"#);
    server.put_json(&text).unwrap();
    let stale = Precondition::Version("7".to_owned());
    assert_eq!(
        client
            .put("Observation", "a", &text, stale)
            .await
            .unwrap()
            .status,
        200
    );
    let absent = client.put("Observation", "a", &text, Precondition::Absent);
    assert_eq!(refusal(absent.await.unwrap_err()), 412);
    let unless = Some("identifier=urn:s|v");
    let created = client.create("Observation", &text, unless).await.unwrap();
    assert_eq!(created.status, 201);

    let (server, client) = server_speaking(&["ignores-if-none-match"]);
    server.put_json(&text).unwrap();
    let absent = client.put("Observation", "a", &text, Precondition::Absent);
    assert_eq!(absent.await.unwrap().status, 200);
    // The version in the answer tells what the server does not.
    assert_eq!(client.read_unless("Observation", "a", "2").await, Ok(None));
    let newer = client.read_unless("Observation", "a", "1").await.unwrap();
    assert!(matches!(newer, Some(ReadAnswer::Found { .. })));
}

#[tokio::test]
async fn a_conditional_create_looks_at_identifiers_and_tags() {
    let (server, client) = server_speaking(&[]);
    let tagged = r#"{"resourceType":"Provenance","meta":{"tag":[{"system":"urn:t","code":"c"}]}}"#;
    let unless = Some("_tag=urn:t|c");
    let first = client.create("Provenance", tagged, unless).await.unwrap();
    let again = client.create("Provenance", tagged, unless).await.unwrap();
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.location, again.location);
    let other = client
        .create("Provenance", tagged, Some("_tag=urn:t|other"))
        .await;
    assert_eq!(other.unwrap().status, 201);
    let several = client.create("Provenance", tagged, unless).await;
    assert_eq!(refusal(several.unwrap_err()), 412);
    assert_eq!(server.all("Provenance").len(), 2);
}

#[tokio::test]
async fn deletions_and_histories_differ_between_servers() {
    let (server, client) = server_speaking(&[]);
    server.put_json(&observation("a", "")).unwrap();
    client.delete("Observation", "a").await.unwrap();
    client.delete("Observation", "never").await.unwrap();
    assert_eq!(client.read("Observation", "a").await, Ok(ReadAnswer::Gone));

    let (server, client) =
        server_speaking(&["gone-is-not-found", "not-found-deletes", "no-history"]);
    server.put_json(&observation("a", "")).unwrap();
    client.delete("Observation", "a").await.unwrap();
    client.delete("Observation", "never").await.unwrap();
    assert_eq!(
        client.read("Observation", "a").await,
        Ok(ReadAnswer::NotFound)
    );
    let history = client.read("Observation", "a/_history").await;
    assert_eq!(history, Ok(ReadAnswer::NotFound));
    assert_eq!(server.history("Observation", "a").len(), 1);
}

#[tokio::test]
async fn the_capability_statement_tells_what_can_be_told() {
    async fn statement(dialects: &[&str]) -> Value {
        let dialects = dialects.iter().map(|text| text.parse().unwrap()).collect();
        let server = FakeServer::start(FakeServerOptions {
            dialects,
            ..FakeServerOptions::default()
        });
        let server = server.await.unwrap();
        let text = reqwest::get(server.base_url() + "/metadata").await.unwrap();
        serde_json::from_str(&text.text().await.unwrap()).unwrap()
    }
    let claims = |statement: &Value| {
        let resource = &statement["rest"][0]["resource"][0];
        [
            "updateCreate",
            "versioning",
            "conditionalCreate",
            "readHistory",
        ]
        .map(|claim| resource[claim].to_string())
    };
    let usual = statement(&[]).await;
    assert_eq!(
        claims(&usual),
        ["true", "\"versioned-update\"", "true", "true"]
    );
    assert!(
        usual["rest"][0]["interaction"]
            .to_string()
            .contains("transaction")
    );
    let dialects = [
        "server-assigned-ids",
        "ignores-if-match",
        "ignores-if-none-exist",
        "no-history",
        "no-transactions",
    ];
    let odd = statement(&dialects).await;
    assert_eq!(claims(&odd), ["false", "\"versioned\"", "false", "false"]);
    assert!(
        !odd["rest"][0]["interaction"]
            .to_string()
            .contains("transaction")
    );
}

#[tokio::test]
async fn every_fault_reaches_a_client_in_the_same_process() {
    let lost = ClientError::Ambiguous { status: None };
    let untold = ClientError::Ambiguous { status: Some(200) };
    for (fault, error, versions) in [
        ("reset:before-commit", lost.clone(), 0),
        ("reset:after-commit", lost.clone(), 1),
        ("hang:before-commit", lost.clone(), 0),
        ("hang:after-commit", lost, 1),
        ("outcome-as-success:before-commit", untold.clone(), 0),
        ("outcome-as-success:after-commit", untold, 1),
        ("status:code=304", ClientError::Conflict { status: 304 }, 0),
        (
            "status:code=304,after-commit",
            ClientError::Conflict { status: 304 },
            1,
        ),
        ("status:code=410", ClientError::Gone, 0),
        (
            "status:code=503,after-commit",
            ClientError::Busy {
                status: 503,
                retry_after: None,
            },
            1,
        ),
    ] {
        let (server, client) = server_speaking(&[]);
        server.order_fault(fault.parse().unwrap());
        let text = observation("a", "");
        let put = client.put("Observation", "a", &text, Precondition::Absent);
        assert_eq!(put.await, Err(error), "{fault}");
        assert_eq!(
            server.history("Observation", "a").len(),
            versions,
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_wait_can_be_a_date_and_a_server_that_asks_for_more_is_left_alone() {
    let (server, client) = server_speaking(&[]);
    server.order_fault(
        "status:code=429,retry-after-date=90,times=1"
            .parse()
            .unwrap(),
    );
    let put = async || {
        let text = observation("a", "");
        client
            .put("Observation", "a", &text, Precondition::None)
            .await
    };
    match put().await {
        Err(ClientError::Busy { retry_after, .. }) => {
            assert_eq!(retry_after.unwrap().as_secs(), 90)
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(put().await, Err(ClientError::Resting { .. })));
    assert_eq!(server.requests().len(), 1);
}
