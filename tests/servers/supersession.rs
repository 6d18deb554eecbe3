//! Every cell of the table of supersession, all of them side by side: one installation follows the sources of some two
//! hundred patients. Their scenes are those of the test target `it`.
//!
//! It takes minutes, and a server that keeps histories and lets clients give ids, so that it is asked for by
//! `HER2_TEST_SUPERSESSION`.

use std::env;
use std::time::{Duration, Instant};

use chrono::DateTime;
use her2_adapter::config::TokenSource;
use her2_adapter::pipeline::lifecycle::ResultState;
use her2_adapter::pipeline::lifecycle::events::SourceEvent;
use serde_json::{Value, json};

use crate::matrix;
use crate::matrix::play::play;
use crate::matrix::scenes::Scene;
use crate::matrix::writer::{SIGNER, Writer};
use crate::saying::say;
use crate::server::Server;
use crate::stage::Stage;

const ASKED_FOR: &str = "HER2_TEST_SUPERSESSION";

#[tokio::test]
async fn every_cell_of_the_table_is_what_the_server_shows() {
    if env::var_os(ASKED_FOR).is_none() {
        say(&format!(
            "left out, since {ASKED_FOR} is not set: the table of supersession"
        ));
        return;
    }
    let Some(stage) = Stage::enter("the table of supersession").await else {
        return;
    };
    let began = Instant::now();
    let signer = SIGNER.trim_start_matches("Practitioner/");
    matrix::Server::put(
        &stage.server,
        &json!({"resourceType": "Practitioner", "id": signer}),
    )
    .await;
    let scenes: Vec<Scene> = (SourceEvent::all().into_iter().enumerate())
        .flat_map(|(row, event)| {
            let stage = &stage;
            (ResultState::ALL.into_iter().enumerate()).map(move |(column, state)| {
                Scene::of(event, state, &stage.name(&format!("{row}-{column}")))
            })
        })
        .collect();
    let writer = Writer::beside(&stage.server.base, None, |config| {
        config.server.allow_http = true;
        config.identifiers.base.clone_from(&stage.base);
        if let Some(token) = &stage.server.token {
            config.server.token = TokenSource::Given(token.clone().into());
        }
        // Each pass reads what has changed since the one before, so that what no search shows is really not shown.
        config.pull.overlap = Duration::ZERO;
        config.pull.transaction_timeout = Duration::ZERO;
        config.pull.clock_drift = Duration::ZERO;
        config.pull.initial_since = Some(DateTime::parse_from_rfc3339(&stage.since).unwrap());
        config.pull.recheck_at_most = 100_000;
    })
    .await;
    let played = play(&scenes, &stage.server, &writer).await;
    let wrong: Vec<String> = played.iter().flat_map(|played| played.wrong()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(played.len(), SourceEvent::all().len() * 5);
    say(&format!(
        "   {} cells in {} s",
        played.len(),
        began.elapsed().as_secs()
    ));
}

impl matrix::Server for Server {
    async fn put(&self, resource: &Value) {
        let [kind, id] = ["resourceType", "id"].map(|key| resource[key].as_str().unwrap());
        let answer = Server::put(self, kind, id, resource.to_string()).await;
        assert!(
            answer.is_success(),
            "{kind}/{id}: {} {}",
            answer.status,
            answer.text
        );
    }

    async fn delete(&self, key: &str) {
        let answer = Server::delete(self, key).await;
        assert!(
            answer.is_success(),
            "{key}: {} {}",
            answer.status,
            answer.text
        );
    }

    async fn about(&self, kind: &str, patient: &str) -> Vec<Value> {
        self.search(&format!("{kind}?subject={patient}")).await
    }

    async fn provenances(&self, target: &str) -> Vec<Value> {
        self.search(&format!("Provenance?target={target}")).await
    }

    async fn history(&self, key: &str) -> Vec<Value> {
        let history = Server::history(self, key).await;
        history.unwrap_or_else(|| panic!("{key} has no history"))
    }

    async fn an_hour_passes(&self) {}
}
