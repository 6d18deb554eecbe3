use wiremock::Mock;
use wiremock::matchers::{any, body_string, header, method, path};

use super::*;

const BUNDLE: &str =
    r#"{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"value":2.00}}]}"#;
const DONE: &str = r#"{"resourceType":"Bundle","type":"transaction-response",
    "entry":[{"response":{"status":"201 Created","etag":"W/\"1\"","location":"Observation/a/_history/1"}}]}"#;

/// Sends the bundle to a server that always answers so, and checks that it was sent once.
async fn sent_once(answer: ResponseTemplate) -> Result<Vec<EntryAnswer>, ClientError> {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    client(&server).transaction(BUNDLE).await
}

#[tokio::test]
async fn a_transaction_goes_to_the_base_as_it_is() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/fhir"))
        .and(header("content-type", "application/fhir+json"))
        .and(header("prefer", "return=minimal"))
        .and(header("authorization", "Bearer s3cret-token"))
        .and(body_string(BUNDLE))
        .respond_with(json(200, DONE))
        .expect(1)
        .mount(&server)
        .await;
    let answers = client(&server).transaction(BUNDLE).await.unwrap();
    let (etag, location) = (
        Some("W/\"1\"".into()),
        Some("Observation/a/_history/1".into()),
    );
    assert_eq!(
        answers,
        [EntryAnswer {
            status: 201,
            etag,
            location
        }]
    );
}

#[tokio::test]
async fn a_transaction_is_never_repeated_by_itself() {
    let refused = |status, code: Option<&str>| ClientError::Refused {
        status,
        issue_code: code.map(str::to_owned),
    };
    for (status, expected) in [
        (304, ClientError::Conflict { status: 304 }),
        (400, refused(400, Some("processing"))),
        (401, ClientError::Unauthorized),
        (403, ClientError::Forbidden),
        (404, refused(404, Some("processing"))),
        (405, refused(405, Some("processing"))),
        (408, ClientError::Ambiguous { status: Some(408) }),
        (409, ClientError::Conflict { status: 409 }),
        (410, ClientError::Gone),
        (412, ClientError::Conflict { status: 412 }),
        (413, refused(413, Some("processing"))),
        (422, refused(422, Some("processing"))),
        (
            429,
            ClientError::Busy {
                status: 429,
                retry_after: None,
            },
        ),
        (500, ClientError::Ambiguous { status: Some(500) }),
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
        assert_eq!(
            sent_once(json(status, &outcome("processing"))).await,
            Err(expected)
        );
    }
    let redirect = ResponseTemplate::new(307).insert_header("location", "/fhir/");
    assert_eq!(
        sent_once(redirect).await,
        Err(ClientError::Untrusted(Distrust::Redirect))
    );
}

#[tokio::test]
async fn a_success_that_tells_nothing_is_ambiguous() {
    let ambiguous = Err(ClientError::Ambiguous { status: Some(200) });
    for body in [
        "",
        "<html>",
        &outcome("processing"),
        r#"{"resourceType":"Bundle"}"#,
    ] {
        assert_eq!(sent_once(json(200, body)).await, ambiguous);
    }
    let large = sent_once(json(200, &" ".repeat(65 * 1024))).await;
    assert_eq!(large, Err(ClientError::Ambiguous { status: None }));
}

#[tokio::test]
async fn a_connection_cut_after_sending_is_ambiguous_and_not_repeated() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n{\"resourceType\"";
    for cut in [None, Some(half)] {
        let (base, seen) = scripted(vec![cut, None]);
        let (client, clock) = client_of(&settings(&base));
        assert_eq!(
            client.transaction(BUNDLE).await,
            Err(ClientError::Ambiguous { status: None })
        );
        assert_eq!(seen.load(Ordering::SeqCst), 1);
        assert!(clock.waits().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_ambiguous() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&format!("http://{}/fhir", silent.local_addr().unwrap()));
    settings.limits.request_timeout = Duration::from_millis(20);
    let (client, _) = client_of(&settings);
    assert_eq!(
        client.transaction(BUNDLE).await,
        Err(ClientError::Ambiguous { status: None })
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_got_nothing() {
    let (client, clock) = client_of(&settings(&closed_base()));
    assert!(matches!(
        client.transaction(BUNDLE).await,
        Err(ClientError::NotSent { .. })
    ));
    assert!(clock.waits().is_empty());
}
