use wiremock::Mock;
use wiremock::matchers::{any, header, method, path};

use super::*;

const OBSERVATION: &str =
    r#"{"resourceType":"Observation","id":"o1","valueQuantity":{"value":2.00}}"#;

async fn read_one(server: &MockServer) -> Result<ReadAnswer, ClientError> {
    client(server).read("Observation", "o1").await
}

#[tokio::test]
async fn a_resource_is_read_character_for_character_with_its_version() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/fhir/Observation/o1"))
        .and(header("accept", "application/fhir+json"))
        .and(header("cache-control", "no-cache"))
        .and(header("authorization", "Bearer s3cret-token"))
        .and(header(
            "user-agent",
            concat!("her2-adapter/", env!("CARGO_PKG_VERSION")),
        ))
        .respond_with(json(200, OBSERVATION).insert_header("etag", "W/\"7\""))
        .expect(1)
        .mount(&server)
        .await;
    let expected = ReadAnswer::Found {
        text: OBSERVATION.into(),
        etag: Some("W/\"7\"".into()),
    };
    assert_eq!(read_one(&server).await, Ok(expected));
}

#[tokio::test]
async fn missing_and_deleted_resources_are_answers_and_not_errors() {
    for (status, answer) in [(404, ReadAnswer::NotFound), (410, ReadAnswer::Gone)] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(json(status, &outcome("not-found")))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(read_one(&server).await, Ok(answer));
    }
}

#[tokio::test]
async fn an_id_that_leads_elsewhere_is_not_found_and_never_sent() {
    let server = MockServer::start().await;
    let client = client(&server);
    for (kind, id) in [
        ("Observation", ""),
        ("Observation", ".."),
        ("Observation", "."),
        ("Observation", ".\t."),
        ("Observation", "a/b"),
        ("Observation", "a?_count=1"),
        ("Observation", "a%2Fb"),
        ("../admin", "a"),
        ("", "a"),
    ] {
        assert_eq!(
            client.read(kind, id).await,
            Ok(ReadAnswer::NotFound),
            "{kind}/{id}"
        );
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn each_status_says_what_the_caller_can_do() {
    let refused = |status, code: Option<&str>| ClientError::Refused {
        status,
        issue_code: code.map(str::to_owned),
    };
    let canary = "Jane Canary is unknown";
    for (status, body, expected) in [
        (400, outcome("invalid"), refused(400, Some("invalid"))),
        (400, outcome(canary), refused(400, None)),
        (400, "<html>".into(), refused(400, None)),
        (401, String::new(), ClientError::Unauthorized),
        (403, outcome("forbidden"), ClientError::Forbidden),
        (405, String::new(), refused(405, None)),
        (406, String::new(), refused(406, None)),
        (409, String::new(), ClientError::Conflict { status: 409 }),
        (
            500,
            outcome("exception"),
            ClientError::Ambiguous { status: Some(500) },
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(json(status, &body))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(read_one(&server).await, Err(expected));
    }
}

#[tokio::test]
async fn a_success_without_the_resource_is_unreadable() {
    for (body, why) in [
        ("<html>login</html>", Misread::NotJson),
        (&outcome("information"), Misread::OperationOutcome),
        (r#"{"resourceType":"Patient"}"#, Misread::AnotherResource),
    ] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(json(200, body))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(read_one(&server).await, Err(ClientError::Unreadable(why)));
    }
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_bytes([0x22, 0xff, 0x22]))
        .mount(&server)
        .await;
    assert_eq!(
        read_one(&server).await,
        Err(ClientError::Unreadable(Misread::NotJson))
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let sink = MockServer::start().await;
    for status in [301, 302, 307, 308] {
        let server = MockServer::start().await;
        let redirect = ResponseTemplate::new(status).insert_header("location", sink.uri());
        Mock::given(any())
            .respond_with(redirect)
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(
            read_one(&server).await,
            Err(ClientError::Untrusted(Distrust::Redirect))
        );
    }
    assert_eq!(sink.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_after_the_wait_it_asks_for() {
    let server = MockServer::start().await;
    let (seconds, date) = ("7", "Fri, 20 Nov 2026 10:00:30 GMT");
    let busy = |status, wait| ResponseTemplate::new(status).insert_header("retry-after", wait);
    Mock::given(any())
        .respond_with(busy(429, seconds))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let dated = busy(503, date).insert_header("date", "Fri, 20 Nov 2026 10:00:00 GMT");
    Mock::given(any())
        .respond_with(dated)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(json(200, OBSERVATION))
        .mount(&server)
        .await;
    let (client, clock) = client_of(&settings(&format!("{}/fhir", server.uri())));
    assert!(matches!(
        client.read("Observation", "o1").await,
        Ok(ReadAnswer::Found { .. })
    ));
    assert_eq!(clock.waits(), [7, 30].map(Duration::from_secs));
}

#[tokio::test]
async fn a_server_that_asks_for_too_long_a_wait_is_left_alone() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "3600");
    Mock::given(any())
        .respond_with(busy)
        .expect(1)
        .mount(&server)
        .await;
    let retry_after = Some(Duration::from_secs(3600));
    assert_eq!(
        read_one(&server).await,
        Err(ClientError::Busy {
            status: 503,
            retry_after
        })
    );
}

#[tokio::test]
async fn a_read_is_given_up_after_the_configured_attempts() {
    for (status, expected) in [
        (502, ClientError::Ambiguous { status: Some(502) }),
        (
            503,
            ClientError::Busy {
                status: 503,
                retry_after: None,
            },
        ),
        (504, ClientError::Ambiguous { status: Some(504) }),
    ] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(json(status, ""))
            .expect(3)
            .mount(&server)
            .await;
        let (client, clock) = client_of(&settings(&format!("{}/fhir", server.uri())));
        assert_eq!(client.read("Observation", "o1").await, Err(expected));
        let waits = clock.waits();
        assert_eq!(waits.len(), 2);
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(1)));
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_is_read_again() {
    let whole = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 30\r\n\r\n{\"resourceType\":\"Observation\"}";
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{\"resourceType\"";
    let (base, seen) = scripted(vec![None, Some(half), Some(whole)]);
    let (client, _) = client_of(&settings(&base));
    assert!(matches!(
        client.read("Observation", "o1").await,
        Ok(ReadAnswer::Found { etag: None, .. })
    ));
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_unreachable_server_is_named_as_such() {
    let (client, clock) = client_of(&settings(&closed_base()));
    let error = client.read("Observation", "o1").await.unwrap_err();
    assert!(
        matches!(&error, ClientError::NotSent { why } if why.contains("refused")),
        "{error}"
    );
    assert_eq!(clock.waits().len(), 2);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_taken_in_even_when_compressed() {
    let large = format!(
        r#"{{"resourceType":"Observation","note":"{}"}}"#,
        " ".repeat(1024 * 1024)
    );
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(large.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    assert!(compressed.len() < 64 * 1024);
    let zipped = ResponseTemplate::new(200)
        .set_body_bytes(compressed)
        .insert_header("content-encoding", "gzip");
    for answer in [json(200, &large), zipped] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(
            read_one(&server).await,
            Err(ClientError::TooLarge(Limit::BodyBytes(64 * 1024)))
        );
    }
}

#[tokio::test]
async fn the_capability_statement_is_read_below_the_base() {
    let server = MockServer::start().await;
    let statement = r#"{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}"#;
    Mock::given(path("/fhir/metadata"))
        .respond_with(json(200, statement))
        .mount(&server)
        .await;
    assert_eq!(
        client(&server)
            .capabilities()
            .await
            .unwrap()
            .fhir_version
            .as_deref(),
        Some("4.0.1")
    );
}

#[test]
fn a_client_does_not_show_its_token_and_refuses_one_that_cannot_be_sent() {
    let mut settings = settings("http://localhost/fhir");
    let client = FhirClient::new(&settings).unwrap();
    assert!(!format!("{client:?}").contains(TOKEN));
    settings.bearer_token = Some("two\nlines".into());
    assert!(matches!(
        FhirClient::new(&settings),
        Err(ClientSetupError::Token)
    ));
}
