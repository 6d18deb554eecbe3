//! Scenes of the transport against a server on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod paging;
mod reading;
mod writing;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Utc;
use url::Url;
use wiremock::{MockServer, ResponseTemplate};

use super::*;
use crate::config::TransportLimits;
use crate::service::clock::Clock;

const TOKEN: &str = "s3cret-token";

fn settings(base: &str) -> ServerSettings {
    ServerSettings {
        base: Url::parse(base).unwrap(),
        bearer_token: Some(TOKEN.into()),
        allow_http: false,
        limits: TransportLimits {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            page_size: 10,
            max_body_bytes: 64 * 1024,
            attempts: 3,
            max_retry_after: Duration::from_secs(60),
            breaker_failures: 5,
            breaker_rest: Duration::from_secs(30),
        },
    }
}

/// A client that never waits, and the clock that knows the waits it would have made.
fn client_of(settings: &ServerSettings) -> (FhirClient, Clock) {
    let clock = Clock::standing_at(Utc::now());
    let client = FhirClient::new(settings).unwrap().with_clock(clock.clone());
    (client, clock)
}

/// A client of `{server}/fhir`.
fn client(server: &MockServer) -> FhirClient {
    client_of(&settings(&format!("{}/fhir", server.uri()))).0
}

fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/fhir+json")
}

fn outcome(code: &str) -> String {
    format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"{code}","diagnostics":"canary"}}]}}"#
    )
}

/// A server that answers each connection by the next of these texts and closes it; no text is a connection cut after the
/// request has arrived. Returns its base URL and the number of requests seen.
fn scripted(answers: Vec<Option<&'static str>>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut part = [0; 1024];
                let length = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..length]);
            }
            count.fetch_add(1, Ordering::SeqCst);
            stream
                .write_all(answer.unwrap_or_default().as_bytes())
                .unwrap();
        }
    });
    (base, seen)
}

/// An address at which nothing listens.
fn closed_base() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/fhir", listener.local_addr().unwrap())
}
