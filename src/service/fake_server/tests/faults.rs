//! What ordered faults do to a client.

use std::time::Duration;

use super::*;

async fn put(client: &reqwest::Client, server: &FakeServer) -> Result<u16, reqwest::Error> {
    let request = client
        .put(server.base_url() + "/Basic/a")
        .header("if-match", "*")
        .body(A);
    Ok(request.send().await?.status().as_u16())
}

#[tokio::test]
async fn a_reset_before_the_commit_leaves_nothing_done() {
    let server = server_with(&["reset:before-commit,times=1"]).await;
    server.put_json(A).unwrap();
    let client = reqwest::Client::new();
    // The connection is a used one, so a client that sends again by itself would be found out.
    assert_eq!(get(&client, &server, "/Basic/a").await.unwrap(), 200);
    let error = put(&client, &server).await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect() && error.status().is_none());
    assert_eq!(server.history("Basic", "a").len(), 1);
    let statuses: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [Some(200), None]);
    assert_eq!(put(&client, &server).await.unwrap(), 200);
}

#[tokio::test]
async fn a_reset_after_the_commit_leaves_everything_done_and_the_client_untold() {
    let server = server_with(&["reset:after-commit,times=1"]).await;
    server.put_json(A).unwrap();
    let client = reqwest::Client::new();
    let error = put(&client, &server).await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect() && error.status().is_none());
    assert_eq!(server.history("Basic", "a").len(), 2);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(get(&client, &server, "/Basic/a").await.unwrap(), 200);
}

#[tokio::test]
async fn a_request_that_waits_longer_than_its_client_is_never_done() {
    let server = server_with(&["latency:ms=3600000,method=PUT"]).await;
    server.put_json(A).unwrap();
    let client = reqwest::Client::builder()
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    assert!(put(&client, &server).await.unwrap_err().is_timeout());
    assert_eq!(server.history("Basic", "a").len(), 1);
    assert_eq!(server.requests()[0].status, None);
    // The abandoned request does not keep the server from stopping.
    server.stop().await;
}

#[tokio::test]
async fn a_hanging_server_answers_nobody_and_may_have_done_everything() {
    for (fault, versions) in [("hang:before-commit", 1), ("hang:after-commit", 2)] {
        let server = server_with(&[fault]).await;
        server.put_json(A).unwrap();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        assert!(put(&client, &server).await.unwrap_err().is_timeout());
        assert_eq!(server.history("Basic", "a").len(), versions, "{fault}");
        server.stop().await;
    }
}

#[tokio::test]
async fn an_ordered_status_comes_with_an_outcome_and_a_time_to_wait() {
    let server = server_with(&["status:code=429,retry-after=2,times=1"]).await;
    let response = reqwest::get(server.base_url() + "/metadata").await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(response.headers()["retry-after"], "2");
    assert!(response.text().await.unwrap().contains("\"throttled\""));
    assert_eq!(
        get(&reqwest::Client::new(), &server, "/metadata")
            .await
            .unwrap(),
        200
    );
}

#[tokio::test]
async fn an_expired_page_stays_expired() {
    let server = server_with(&["expired-page,times=1"]).await;
    server.put_json(A).unwrap();
    server
        .put_json(r#"{"resourceType":"Basic","id":"b"}"#)
        .unwrap();
    let client = reqwest::Client::new();
    let next = "/Basic?_getpages=00000001&_offset=1";
    assert_eq!(get(&client, &server, "/Basic?_count=1").await.unwrap(), 200);
    assert_eq!(get(&client, &server, next).await.unwrap(), 410);
    assert_eq!(get(&client, &server, next).await.unwrap(), 410);
    assert_eq!(get(&client, &server, "/Basic?_count=1").await.unwrap(), 200);
    assert_eq!(
        get(&client, &server, &next.replace("00001", "00002"))
            .await
            .unwrap(),
        200
    );
}

#[tokio::test]
async fn a_stale_index_makes_a_conditional_create_blind() {
    let server = server_with(&["stale-index:writes=1,method=POST,times=1"]).await;
    server
        .put_json(r#"{"resourceType":"Basic","id":"a","identifier":[{"value":"v"}]}"#)
        .unwrap();
    let client = reqwest::Client::new();
    let create = || {
        client
            .post(server.base_url() + "/Basic")
            .header("if-none-exist", "identifier=v")
            .body(A)
    };
    assert_eq!(create().send().await.unwrap().status().as_u16(), 201);
    assert_eq!(create().send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn faults_are_ordered_and_cleared_over_http() {
    let server = server_with(&[]).await;
    let client = reqwest::Client::new();
    let url = server.base_url() + "/$faults";
    let order = |body: &'static str| client.post(&url).body(body).send();
    assert_eq!(
        order(r#"["status:code=503","latency:ms=0"]"#)
            .await
            .unwrap()
            .status()
            .as_u16(),
        204
    );
    assert_eq!(get(&client, &server, "/metadata").await.unwrap(), 503);
    assert_eq!(
        client.delete(&url).send().await.unwrap().status().as_u16(),
        204
    );
    assert_eq!(get(&client, &server, "/metadata").await.unwrap(), 200);
    let refused = order(r#"["status:code=503","fire"]"#).await.unwrap();
    assert_eq!(refused.status().as_u16(), 400);
    assert!(refused.text().await.unwrap().contains("unknown fault"));
    assert_eq!(order("fire").await.unwrap().status().as_u16(), 400);
    assert_eq!(get(&client, &server, "/metadata").await.unwrap(), 200);
    assert_eq!(server.requests().len(), 3);

    server.order_fault("status:code=500".parse().unwrap());
    server.clear_faults();
    assert_eq!(get(&client, &server, "/metadata").await.unwrap(), 200);
}
