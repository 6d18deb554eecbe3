//! Filling the server without HTTP.

use super::*;

/// The first page of everything of a type.
async fn page_of(server: &FakeServer, resource_type: &str) -> String {
    let url = format!("{}/{resource_type}", server.base_url());
    let response = reqwest::get(url).await.unwrap();
    response.text().await.unwrap()
}

#[tokio::test]
async fn what_is_seeded_is_found_with_its_history() {
    let server = server_with(&[]).await;
    assert_eq!(server.put_json(A).unwrap(), "1");
    assert_eq!(
        server
            .put_json(r#"{"resourceType":"Basic","id":"a","n":2.0}"#)
            .unwrap(),
        "2"
    );
    assert!(server.history("Basic", "a")[1].contains("\"n\":2.0"));
    assert_eq!(server.all("Basic").len(), 1);
    assert!(matches!(
        server.put_json("{}"),
        Err(SeedError::NotAResource(_))
    ));
    assert!(matches!(
        server.put_json(r#"{"resourceType":"Basic"}"#),
        Err(SeedError::NoId)
    ));
    assert!(matches!(
        server.put_json(r#"{"resourceType":"Basic","id":"_"}"#),
        Err(SeedError::NoId)
    ));

    server.put_broken_entry("Basic", "no JSON");
    assert!(page_of(&server, "Basic").await.contains("\"no JSON\""));
}

#[tokio::test]
async fn a_bundle_is_seeded_entry_by_entry_and_digit_for_digit() {
    let server = server_with(&[]).await;
    let seeded = server.seed_bundle(
        r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Basic","id":"a","n":1.50}},
            {"resource":{"resourceType":"Task","id":"t","n":[2.0, 3.99999999999999999999]}},
            {"resource":{"resourceType":"Basic","id":"a","n":1.500}}]}"#,
    );
    assert_eq!(seeded.unwrap(), 3);
    let versions = server.history("Basic", "a");
    assert_eq!(versions.len(), 2);
    assert!(versions[0].ends_with(r#""n":1.50}"#));
    assert!(versions[1].ends_with(r#""n":1.500}"#));
    assert!(server.all("Task")[0].contains(r#""n":[2.0, 3.99999999999999999999]"#));
}

#[tokio::test]
async fn what_is_no_resource_in_a_bundle_becomes_a_broken_entry_and_is_not_counted() {
    let server = server_with(&[]).await;
    let seeded = server.seed_bundle(
        r#"{"resourceType":"Bundle","entry":[
            {"resource":{"resourceType":"Task","n":1.50}},
            {"resource":{"resourceType":"Task","id":"a_b"}},
            {"resource":{"resourceType":"Task","id":"c","id":"c"}},
            {"resource":{"resourceType":"Task","id":"t"}},
            {"resource":{"id":"typeless"}},
            {"resource":{"id":"misnamed","resourceType":"task"}},
            {"resource":["listed"]},
            {"resource":null},
            {"fullUrl":"urn:uuid:alone"},
            {"resourceType":"Basic","id":"bare"},
            7]}"#,
    );
    assert_eq!(seeded.unwrap(), 1);
    assert_eq!(server.all("Task").len(), 1);
    assert!(server.all("Basic").is_empty());

    let tasks = page_of(&server, "Task").await;
    for broken in [
        r#"{"resourceType":"Task","n":1.50}"#,
        r#"{"resourceType":"Task","id":"a_b"}"#,
        r#"{"resourceType":"Task","id":"c","id":"c"}"#,
    ] {
        assert!(
            tasks.contains(&format!(r#""resource":{broken},"#)),
            "{broken}"
        );
    }
    let observations = page_of(&server, "Observation").await;
    for broken in [
        r#"{"id":"typeless"}"#,
        r#"{"id":"misnamed","resourceType":"task"}"#,
        r#"["listed"]"#,
        "null",
        r#"{"fullUrl":"urn:uuid:alone"}"#,
        "7",
    ] {
        assert!(
            observations.contains(&format!(r#""resource":{broken},"#)),
            "{broken}"
        );
    }
    assert!(page_of(&server, "Basic").await.contains(r#""id":"bare""#));
}

#[tokio::test]
async fn a_text_that_is_no_bundle_is_refused_as_a_whole() {
    let server = server_with(&[]).await;
    assert_eq!(
        server.seed_bundle(r#"{"resourceType":"Bundle"}"#).unwrap(),
        0
    );
    for text in [
        "no JSON",
        "[]",
        A,
        r#"{"entry":[]}"#,
        r#"{"resourceType":"Bundle","entry":{"resource":{}}}"#,
    ] {
        assert!(
            matches!(server.seed_bundle(text), Err(SeedError::NotAResource(_))),
            "{text}"
        );
    }
    assert!(server.all("Basic").is_empty());
}
