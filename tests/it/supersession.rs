//! What becomes of a result when its sources change: the table as it was accepted, and each of its cells on a server that
//! remembers everything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chrono::{TimeDelta, Utc};
use her2_adapter::config::Config;
use her2_adapter::pipeline::lifecycle::ResultState;
use her2_adapter::pipeline::lifecycle::events::{Group, SourceEvent};
use her2_adapter::render::{Format, supersession};
use her2_adapter::service::client::FhirClient;
use her2_adapter::service::fake_server::{FakeClock, FakeServer, FakeServerOptions};
use serde_json::Value;

use crate::matrix::Server;
use crate::matrix::play::play;
use crate::matrix::scenes::Scene;
use crate::matrix::writer::Writer;
use crate::table::{ACCEPT, difference};

#[test]
fn the_table_is_as_it_was_accepted() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/supersession.txt");
    let now = supersession(Format::Text);
    if std::env::var_os(ACCEPT).is_some() {
        fs::write(&file, &now).unwrap();
    }
    let accepted = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        accepted == now,
        "the table of supersession is not the accepted one (-: accepted, +: now):\n{}\n\
         If every line is as it should be: {ACCEPT}=1 cargo test --test it supersession",
        difference(&accepted, &now)
    );
}

#[test]
fn every_cell_is_printed_in_full_once() {
    let csv = supersession(Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let rows: Vec<(String, Vec<String>)> = (SourceEvent::all().into_iter())
        .map(|event| {
            let cells = ResultState::ALL.map(|state| event.cell(state).words());
            (event.words(), cells.to_vec())
        })
        .collect();
    let printed: Vec<(String, Vec<String>)> = (records.iter())
        .map(|record| {
            let mut fields = record.iter().skip(1).map(str::to_owned);
            (fields.next().unwrap(), fields.collect())
        })
        .collect();
    assert_eq!(printed, rows);
    let markdown = supersession(Format::Markdown);
    for event in SourceEvent::all() {
        let cells = ResultState::ALL.map(|state| event.cell(state).words());
        let row = format!(" | {} |", cells.join(" | "));
        assert!(markdown.contains(&row), "{row}");
    }
}

/// The fake server as laboratory and judge meet it.
struct Fake {
    server: FakeServer,
    clock: FakeClock,
    laboratory: FhirClient,
}

impl Fake {
    fn start() -> Self {
        let clock = FakeClock::starting_at(Utc::now(), TimeDelta::milliseconds(10));
        let options = FakeServerOptions {
            clock: clock.clone(),
            ..FakeServerOptions::default()
        };
        let server = FakeServer::in_process(options).unwrap();
        let mut config = Config::load(None).unwrap();
        config.server.read = Some(server.base_url().parse().unwrap());
        let laboratory = FhirClient::new(&config.read_server().unwrap()).unwrap();
        Self {
            laboratory: laboratory.through(server.wire()),
            server,
            clock,
        }
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        parsed(&self.server.all(kind))
    }
}

impl Server for Fake {
    async fn put(&self, resource: &Value) {
        self.server.put_json(&resource.to_string()).unwrap();
    }

    async fn delete(&self, key: &str) {
        let (kind, id) = key.split_once('/').unwrap();
        self.laboratory.delete(kind, id).await.unwrap();
    }

    async fn about(&self, kind: &str, patient: &str) -> Vec<Value> {
        let subject = match kind {
            "Task" => "for",
            _ => "subject",
        };
        let mut all = self.all(kind);
        all.retain(|resource| resource[subject]["reference"] == patient);
        all
    }

    async fn provenances(&self, target: &str) -> Vec<Value> {
        let mut all = self.all("Provenance");
        all.retain(|provenance| provenance["target"].to_string().contains(target));
        all
    }

    async fn history(&self, key: &str) -> Vec<Value> {
        let (kind, id) = key.split_once('/').unwrap();
        parsed(&self.server.history(kind, id))
    }

    async fn an_hour_passes(&self) {
        self.clock.advance(TimeDelta::hours(1));
    }
}

fn parsed(texts: &[String]) -> Vec<Value> {
    let parsed = texts.iter().map(|text| serde_json::from_str(text).unwrap());
    parsed.collect()
}

/// Everything that a cell of the table says.
fn all_words() -> BTreeSet<String> {
    (SourceEvent::all().into_iter())
        .flat_map(|event| ResultState::ALL.map(|state| event.cell(state).words()))
        .collect()
}

/// Plays every cell of a group, each on a server of its own; none may be missing. What stands there is what its cell says,
/// and what no other cell does.
async fn judge_group(group: Group) {
    let events = group.events();
    let mut judged = 0;
    let mut wrong = Vec::new();
    for event in &events {
        for state in ResultState::ALL {
            let fake = Fake::start();
            let base = fake.server.base_url();
            let writer = Writer::beside(&base, Some(fake.server.wire()), |_| {}).await;
            let scenes = [Scene::of(*event, state, "scene")];
            for played in play(&scenes, &fake, &writer).await {
                wrong.extend(played.wrong());
                let others = all_words();
                let others = others
                    .iter()
                    .filter(|words| **words != played.scene.words());
                for other in others.filter(|words| played.against(words).is_empty()) {
                    let title = played.scene.title();
                    wrong.push(format!("{title}: nothing is said against {other:?}"));
                }
                judged += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(judged, events.len() * 5);
}

#[test]
fn the_groups_that_are_judged_have_every_cell_of_the_table() {
    let judged: usize = Group::ALL
        .map(|group| group.events().len() * 5)
        .iter()
        .sum();
    assert_eq!(judged, SourceEvent::all().len() * 5);
    assert_eq!(judged, 200);
}

#[tokio::test]
async fn each_status_of_the_observation_has_its_consequence() {
    judge_group(Group::ObservationStatus).await;
}

#[tokio::test]
async fn each_status_of_the_report_has_its_consequence() {
    judge_group(Group::ReportStatus).await;
}

#[tokio::test]
async fn each_status_of_a_report_in_words_has_its_consequence() {
    judge_group(Group::NarrativeStatus).await;
}

#[tokio::test]
async fn each_new_version_of_the_observation_has_its_consequence() {
    judge_group(Group::Version).await;
}

#[tokio::test]
async fn each_deletion_has_its_consequence() {
    judge_group(Group::Deletion).await;
}

#[tokio::test]
async fn each_change_of_patient_or_specimen_has_its_consequence() {
    judge_group(Group::Identity).await;
}
