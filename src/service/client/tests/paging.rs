use wiremock::Mock;
use wiremock::matchers::{header, path, query_param, query_param_is_missing};

use super::*;

fn code() -> Vec<(String, String)> {
    vec![(
        "code".into(),
        "http://loinc.org|85319-2,http://loinc.org|18474-7".into(),
    )]
}

fn bundle(links: &str, entries: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"searchset","link":[{links}],"entry":[{entries}]}}"#
    )
}

fn next(url: &str) -> String {
    format!(r#"{{"relation":"self","url":"x"}},{{"relation":"next","url":"{url}"}}"#)
}

fn resource(id: &str) -> String {
    format!(r#"{{"resource":{{"id":"{id}"}}}}"#)
}

fn found(id: &str) -> PageEntry {
    PageEntry::Resource {
        full_url: None,
        mode: EntryMode::Unstated,
        resource: format!(r#"{{"id":"{id}"}}"#),
    }
}

async fn page(server: &MockServer, number: &str, answer: ResponseTemplate) {
    Mock::given(path("/fhir/Observation"))
        .and(query_param("page", number))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn first_page(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(path("/fhir/Observation"))
        .and(query_param_is_missing("page"))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn first(body: &str) -> Result<Option<Page>, ClientError> {
    let server = MockServer::start().await;
    first_page(&server, json(200, body)).await;
    client(&server).search("Observation", &code()).next().await
}

#[tokio::test]
async fn a_search_follows_absolute_and_relative_links_to_the_end() {
    let server = MockServer::start().await;
    let absolute = format!("{}/fhir/Observation?page=2", server.uri());
    let dated = json(200, &bundle(&next(&absolute), &resource("a")));
    first_page(
        &server,
        dated.insert_header("date", "Fri, 20 Nov 2026 10:00:00 GMT"),
    )
    .await;
    page(&server, "2", json(200, &bundle(&next("?page=3"), ""))).await;
    page(&server, "3", json(200, &bundle("", &resource("b")))).await;

    let mut pages = client(&server).search("Observation", &code());
    let one = pages.next().await.unwrap().unwrap();
    assert_eq!(one.entries, [found("a")]);
    assert_eq!(
        one.server_date.unwrap().to_rfc3339(),
        "2026-11-20T10:00:00+00:00"
    );
    assert_eq!(pages.next().await.unwrap().unwrap().entries, []);
    assert_eq!(pages.next().await.unwrap().unwrap().entries, [found("b")]);
    assert_eq!(pages.next().await, Ok(None));
    assert_eq!(pages.next().await, Ok(None));

    let requests = server.received_requests().await.unwrap();
    assert_eq!(
        requests[0].url.query(),
        Some("code=http%3A%2F%2Floinc.org%7C85319-2%2Chttp%3A%2F%2Floinc.org%7C18474-7")
    );
    assert_eq!(requests[1].url.query(), Some("page=2"));
}

#[tokio::test]
async fn a_search_asks_for_strict_handling_and_fresh_results() {
    let server = MockServer::start().await;
    Mock::given(header("prefer", "handling=strict"))
        .and(header("cache-control", "no-cache"))
        .respond_with(json(200, &bundle("", "")))
        .expect(1)
        .mount(&server)
        .await;
    assert!(
        client(&server)
            .search("Observation", &[])
            .next()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_costs_no_other() {
    let deep = format!(
        r#"{{"resource":{{"a":{}{}}}}}"#,
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let entries = [
        r#"{"fullUrl":"urn:uuid:1","search":{"mode":"match"},"resource":{"value": 2.00}}"#,
        r#"{"search":{"mode":"match"}}"#,
        r#"{"resource":null}"#,
        r#"{"resource":[]}"#,
        r#"["resource"]"#,
        "null",
        &deep,
        r#"{"resource":{"id":"a"},"resource":{"id":"b"}}"#,
        r#"{"fullUrl":5,"search":{"mode":"include"},"resource":{}}"#,
        r#"{"search":{"mode":"outcome"},"resource":{"resourceType":"OperationOutcome","issue":[{"code":"not-supported"}]}}"#,
        r#"{"search":"match","resource":{}}"#,
    ];
    let page = first(&bundle("", &entries.join(",")))
        .await
        .unwrap()
        .unwrap();
    let resource = |mode, text: &str| PageEntry::Resource {
        full_url: None,
        mode,
        resource: text.into(),
    };
    let unreadable = |index, why| PageEntry::Unreadable { index, why };
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"code":"not-supported"}]}"#;
    let expected = [
        PageEntry::Resource {
            full_url: Some("urn:uuid:1".into()),
            mode: EntryMode::Match,
            resource: r#"{"value": 2.00}"#.into(),
        },
        unreadable(1, EntryFault::NoResource),
        unreadable(2, EntryFault::NoResource),
        unreadable(3, EntryFault::ResourceMalformed),
        unreadable(4, EntryFault::Malformed),
        unreadable(5, EntryFault::Malformed),
        unreadable(6, EntryFault::TooDeep),
        unreadable(7, EntryFault::Malformed),
        resource(EntryMode::Include, "{}"),
        resource(EntryMode::Outcome, outcome),
        resource(EntryMode::Unstated, "{}"),
    ];
    assert_eq!(page.entries, expected);
    assert_eq!(page.outcome_codes, ["not-supported"]);
}

#[tokio::test]
async fn an_answer_that_may_hide_further_pages_is_an_error() {
    let malformed = ClientError::Unreadable(Misread::Bundle);
    for body in [
        r#"{"resourceType":"Bundle","link":{"relation":"next","url":"?page=2"}}"#,
        r#"{"resourceType":"Bundle","link":[{"url":"?page=2"}]}"#,
        r#"{"resourceType":"Bundle","link":[{"relation":"next"}]}"#,
        r#"{"resourceType":"Bundle","link":[{"relation":"next","url":""}]}"#,
        r#"{"resourceType":"Bundle","entry":{}}"#,
        &bundle(&format!("{},{}", next("?page=2"), next("?page=3")), ""),
    ] {
        assert_eq!(first(body).await, Err(malformed.clone()), "{body}");
    }
    for (body, why) in [
        ("<html>", Misread::NotJson),
        (r#"{"resourceType":"Bundle","entry":[{"#, Misread::NotJson),
        (&outcome("throttled"), Misread::OperationOutcome),
        (
            r#"{"resourceType":"Observation"}"#,
            Misread::AnotherResource,
        ),
    ] {
        assert_eq!(
            first(body).await,
            Err(ClientError::Unreadable(why)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_page_with_too_many_entries_is_refused() {
    let entries = |count| vec!["{}"; count].join(",");
    assert_eq!(
        first(&bundle("", &entries(1_000)))
            .await
            .unwrap()
            .unwrap()
            .entries
            .len(),
        1_000
    );
    assert_eq!(
        first(&bundle("", &entries(1_001))).await,
        Err(ClientError::TooLarge(Limit::Entries(1_000)))
    );
}

#[tokio::test]
async fn a_link_to_another_place_is_not_followed_but_the_page_is_kept() {
    let sink = MockServer::start().await;
    for link in [
        format!("{}/fhir/Observation?page=2", sink.uri()),
        "//attacker.example/fhir/Observation?page=2".into(),
        "../admin?page=2".into(),
        "/fhirx/Observation?page=2".into(),
        "file:///etc/passwd".into(),
    ] {
        let server = MockServer::start().await;
        first_page(&server, json(200, &bundle(&next(&link), &resource("a")))).await;
        let mut pages = client(&server).search("Observation", &[]);
        assert_eq!(pages.next().await.unwrap().unwrap().entries, [found("a")]);
        for _ in 0..2 {
            assert_eq!(
                pages.next().await,
                Err(ClientError::Untrusted(Distrust::ForeignLink)),
                "{link}"
            );
        }
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
    assert_eq!(sink.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn links_that_lead_in_a_circle_are_noticed() {
    let server = MockServer::start().await;
    first_page(&server, json(200, &bundle(&next("?page=2"), ""))).await;
    page(&server, "2", json(200, &bundle(&next("?page=3"), ""))).await;
    page(&server, "3", json(200, &bundle(&next("?page=2#again"), ""))).await;
    let mut pages = client(&server).search("Observation", &[]);
    for _ in 0..3 {
        assert!(matches!(pages.next().await, Ok(Some(_))));
    }
    assert_eq!(
        pages.next().await,
        Err(ClientError::Untrusted(Distrust::LoopingLink))
    );
}

#[tokio::test]
async fn an_expired_page_is_told_apart_from_a_search_the_server_does_not_know() {
    for status in [404, 410] {
        let server = MockServer::start().await;
        first_page(&server, json(200, &bundle(&next("?page=2"), ""))).await;
        page(&server, "2", json(status, "")).await;
        let mut pages = client(&server).search("Observation", &[]);
        assert!(matches!(pages.next().await, Ok(Some(_))));
        assert_eq!(pages.next().await, Err(ClientError::PageExpired));
    }
    let server = MockServer::start().await;
    assert_eq!(
        client(&server).search("Observation", &[]).next().await,
        Err(ClientError::NotFound)
    );
}

#[tokio::test]
async fn a_page_that_failed_can_be_asked_for_again() {
    let server = MockServer::start().await;
    first_page(&server, json(200, &bundle(&next("?page=2"), ""))).await;
    Mock::given(query_param("page", "2"))
        .respond_with(json(500, ""))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    page(&server, "2", json(200, &bundle("", &resource("b")))).await;
    let mut pages = client(&server).search("Observation", &[]);
    assert!(matches!(pages.next().await, Ok(Some(_))));
    assert_eq!(
        pages.next().await,
        Err(ClientError::Ambiguous { status: Some(500) })
    );
    assert_eq!(pages.next().await.unwrap().unwrap().entries, [found("b")]);
    assert_eq!(pages.next().await, Ok(None));
}

#[tokio::test]
async fn no_message_quotes_the_search_or_the_body() {
    let secret = vec![("identifier".into(), "urn:mrn|Canary-4711".into())];
    let mut messages = Vec::new();
    for answer in [
        json(400, &outcome("invalid")),
        json(500, "canary"),
        json(200, "canary"),
        json(200, &bundle(&next("https://canary.example/"), "")),
        ResponseTemplate::new(302).insert_header("location", "https://canary.example/"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/fhir/Patient"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let mut pages = client(&server).search("Patient", &secret);
        let error = match pages.next().await {
            Ok(_) => pages.next().await.unwrap_err(),
            Err(error) => error,
        };
        messages.push(format!("{error} {error:?}"));
    }
    for base in [closed_base(), scripted(vec![None, None, None]).0] {
        let (client, _) = client_of(&settings(&base));
        let error = client.search("Patient", &secret).next().await.unwrap_err();
        messages.push(format!("{error} {error:?}"));
    }
    for message in messages {
        assert!(
            !message.to_lowercase().contains("canary") && !message.contains("4711"),
            "{message}"
        );
    }
}
