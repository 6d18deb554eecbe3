//! Starting with options, the clock, the notes of requests, and stopping.

use chrono::{DateTime, TimeDelta};

use super::*;

#[tokio::test]
async fn a_stepping_clock_makes_every_run_the_same() {
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let clock = FakeClock::starting_at(start, TimeDelta::seconds(10));
    let options = FakeServerOptions {
        clock: clock.clone(),
        ..FakeServerOptions::default()
    };
    let server = FakeServer::start(options).await.unwrap();
    server.put_json(A).unwrap();
    clock.advance(TimeDelta::seconds(1));
    server.put_json(A).unwrap();
    let history = server.history("Basic", "a");
    assert!(history[0].contains("2027-01-15T08:00:00.000Z"));
    assert!(history[1].contains("2027-01-15T08:00:11.000Z"));
    let refused = reqwest::get(server.base_url() + "/Basic/b").await.unwrap();
    assert_eq!(refused.headers()["date"], "Fri, 15 Jan 2027 08:00:21 GMT");
}

#[tokio::test]
async fn the_headers_a_client_has_to_send_are_noted() {
    let server = server_with(&[]).await;
    let request = reqwest::Client::new().get(server.base_url() + "/Basic?_count=1");
    request
        .header("prefer", "handling=strict")
        .header("cache-control", "no-cache")
        .send()
        .await
        .unwrap();
    let seen = &server.requests()[0];
    assert_eq!(
        (seen.method.as_str(), seen.path_and_query.as_str()),
        ("GET", "/fhir/Basic?_count=1")
    );
    assert_eq!(seen.prefer.as_deref(), Some("handling=strict"));
    assert_eq!(seen.cache_control.as_deref(), Some("no-cache"));
    assert_eq!((seen.status, seen.if_match.as_deref()), (Some(200), None));
}

#[tokio::test]
async fn another_base_path_or_none_is_served_and_the_rest_is_not() {
    for (base_path, elsewhere) in [("/a/b", "/a/bc/metadata"), ("", "/fhir/metadata/x/y/z")] {
        let options = FakeServerOptions {
            base_path: base_path.to_owned(),
            ..FakeServerOptions::default()
        };
        let server = FakeServer::start(options).await.unwrap();
        let client = reqwest::Client::new();
        assert_eq!(get(&client, &server, "/metadata").await.unwrap(), 200);
        let origin = format!("http://{}", server.shared.authority);
        assert_eq!(get_url(&client, &(origin + elsewhere)).await.unwrap(), 404);
    }
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let options = [
        FakeServerOptions {
            base_path: "fhir".to_owned(),
            ..FakeServerOptions::default()
        },
        FakeServerOptions {
            base_path: "/".to_owned(),
            ..FakeServerOptions::default()
        },
        FakeServerOptions {
            dialects: vec![Dialect::TransactionConflict(200)],
            ..FakeServerOptions::default()
        },
        FakeServerOptions {
            dialects: vec![Dialect::ServerAssignedIds(9)],
            ..FakeServerOptions::default()
        },
    ];
    for options in options {
        let error = FakeServer::start(options).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn a_stopped_or_dropped_server_answers_nobody() {
    let client = reqwest::Client::new();
    let server = server_with(&[]).await;
    let url = server.base_url() + "/metadata";
    assert_eq!(get_url(&client, &url).await.unwrap(), 200);
    server.stop().await;
    assert!(get_url(&client, &url).await.unwrap_err().is_connect());

    let server = server_with(&[]).await;
    let url = server.base_url() + "/metadata";
    assert_eq!(get_url(&client, &url).await.unwrap(), 200);
    drop(server);
    // The task ends by itself; each attempt gives it a turn.
    for _ in 0..1000 {
        if get_url(&client, &url).await.is_err() {
            break;
        }
    }
    assert!(get_url(&client, &url).await.unwrap_err().is_connect());
}
