//! Scenes of a running server and its clients, and of searches in a filled store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod dialects;
mod faults;
mod http;
mod lifecycle;
mod search;
mod seeding;

use super::*;

const A: &str = r#"{"resourceType":"Basic","id":"a"}"#;

async fn server_with(faults: &[&str]) -> FakeServer {
    let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    FakeServer::start(FakeServerOptions {
        faults,
        ..FakeServerOptions::default()
    })
    .await
    .unwrap()
}

/// The status of a read, or why there was no answer.
async fn get(
    client: &reqwest::Client,
    server: &FakeServer,
    path: &str,
) -> Result<u16, reqwest::Error> {
    get_url(client, &(server.base_url() + path)).await
}

async fn get_url(client: &reqwest::Client, url: &str) -> Result<u16, reqwest::Error> {
    Ok(client.get(url).send().await?.status().as_u16())
}
