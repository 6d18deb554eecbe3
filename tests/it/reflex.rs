//! The in situ hybridisation that a score of 2+ needs: due, overdue and cancelled. The adapter orders none.

use std::time::Duration;

use chrono::{DateTime, Utc};
use her2_adapter::pipeline::reflex::Reflex;
use her2_adapter::render;
use her2_adapter::service::clock::Clock;
use her2_adapter::service::desk::About;
use her2_adapter::service::fake_server::FakeServer;
use serde_json::{Value, json};

use crate::support::{Adapter, case_file, open_tasks, results, stage};

/// IHC 2+, reported on 2024-09-30; a later bundle brings its FISH.
const TWO_PLUS: &str = "ihc-report-with-a-later-fish-addendum";
const DAY: Duration = Duration::from_secs(86_400);
const OWNER: &str = "Organization/pathology";

fn limit(days: u32) -> Reflex {
    Reflex {
        due_days: Some(days),
        owner: Some(OWNER.to_owned()),
    }
}

/// The adapter on a day, with a limit of 14 days.
async fn on(day: &str) -> (FakeServer, Adapter) {
    let (server, mut adapter) = stage(&[TWO_PLUS]).await;
    adapter.publishing.reflex = limit(14);
    let now: DateTime<Utc> = format!("{day}T09:00:00Z").parse().unwrap();
    adapter.clock = Clock::standing_at(now);
    (server, adapter)
}

fn tasks(server: &FakeServer, reason: &str) -> Vec<Value> {
    let is_so = |task: &Value| task["reasonCode"]["coding"][0]["code"] == reason;
    open_tasks(server).into_iter().filter(is_so).collect()
}

fn order(server: &FakeServer, id: &str, status: &str, code: &str) {
    let order = json!({"resourceType": "ServiceRequest", "id": id, "status": status, "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/fsh-pat"}, "specimen": [{"reference": "Specimen/fsh-spc"}]});
    server.put_json(&order.to_string()).unwrap();
}

/// LOINC: HER2 in tissue by FISH.
const FISH: &str = "85318-4";

#[tokio::test]
async fn an_overdue_reflex_test_raises_one_task_to_its_owner_on_the_day_after_it_was_due() {
    let (server, adapter) = on("2024-10-14").await;
    adapter.pass().await;
    assert!(tasks(&server, "reflex-overdue").is_empty(), "due today");
    assert_eq!(results(&server)[0]["status"], "preliminary");

    adapter.clock.advance(DAY);
    let report = adapter.pass().await;
    assert_eq!(report.ledger.seen(), 1);
    let [task] = tasks(&server, "reflex-overdue").try_into().unwrap();
    assert_eq!(task["owner"]["reference"], OWNER);
    assert_eq!(task["restriction"]["period"]["end"], "2024-10-14");
    assert_eq!(task["for"]["reference"], "Patient/fsh-pat");
    assert!(
        task["focus"]["reference"]
            .as_str()
            .unwrap()
            .starts_with("Observation/h2o-")
    );
    assert_eq!(
        results(&server)[0]["meta"]["versionId"],
        "1",
        "the result stays as it is"
    );

    adapter.clock.advance(DAY);
    adapter.pass().await;
    assert_eq!(tasks(&server, "reflex-overdue").len(), 1);
}

#[tokio::test]
async fn the_day_by_which_a_reflex_test_is_due_is_shown_before_it_has_passed() {
    let (_server, mut adapter) = on("2024-10-01").await;
    let case = adapter.pass().await.cases[0].0.id.clone();
    let show = async |adapter: &Adapter| {
        let about = About::parse(&case).unwrap();
        let shown = adapter.desk(async |desk| desk.show(&about).await).await;
        render::shown(&shown.unwrap())
    };
    let due = "Reflex    in situ hybridisation is due by 2024-10-14\n";
    let page = show(&adapter).await;
    assert!(page.contains(due), "{page}");
    adapter.publishing.reflex = Reflex::default();
    let page = show(&adapter).await;
    assert!(!page.contains("Reflex "), "{page}");
}

#[tokio::test]
async fn a_fish_that_comes_after_all_closes_the_question_of_where_it_is() {
    let (server, adapter) = on("2024-11-01").await;
    adapter.pass().await;
    assert_eq!(tasks(&server, "reflex-overdue").len(), 1);
    server
        .seed_bundle(&case_file(TWO_PLUS, "bundle-addendum.json"))
        .unwrap();
    adapter.pass().await;
    assert!(tasks(&server, "reflex-overdue").is_empty());
}

#[tokio::test]
async fn without_a_limit_nothing_is_ever_overdue() {
    let (server, mut adapter) = on("2030-01-01").await;
    adapter.publishing.reflex = Reflex::default();
    adapter.pass().await;
    assert!(tasks(&server, "reflex-overdue").is_empty());
}

#[tokio::test]
async fn a_cancelled_order_raises_a_task_at_once_and_a_new_order_takes_it_back() {
    let (server, adapter) = on("2024-10-01").await;
    order(&server, "fish-1", "active", FISH);
    adapter.pass().await;
    assert_eq!(
        open_tasks(&server).len(),
        1,
        "only the signature is asked for"
    );

    order(&server, "fish-1", "revoked", FISH);
    adapter.pass().await;
    let [task] = tasks(&server, "reflex-cancelled").try_into().unwrap();
    assert_eq!(task["owner"]["reference"], OWNER);
    assert!(
        task["description"]
            .as_str()
            .unwrap()
            .contains("ServiceRequest/fish-1")
    );

    order(&server, "fish-2", "active", FISH);
    adapter.pass().await;
    assert!(tasks(&server, "reflex-cancelled").is_empty());
}

#[tokio::test]
async fn a_question_that_returns_is_asked_by_the_task_that_was_closed_when_it_went() {
    let (server, adapter) = on("2024-10-01").await;
    order(&server, "fish", "revoked", FISH);
    adapter.pass().await;
    let [asked] = tasks(&server, "reflex-cancelled").try_into().unwrap();
    let id = asked["id"].as_str().unwrap();
    order(&server, "fish", "active", FISH);
    adapter.pass().await;
    order(&server, "fish", "revoked", FISH);
    adapter.pass().await;
    let statuses: Vec<Value> = (server.history("Task", id).iter())
        .map(|text| serde_json::from_str::<Value>(text).unwrap()["status"].take())
        .collect();
    assert_eq!(statuses, ["requested", "cancelled", "requested"]);
}

#[tokio::test]
async fn an_order_that_is_cancelled_anew_after_the_answer_of_a_person_is_asked_about_anew() {
    let (server, adapter) = on("2024-10-01").await;
    order(&server, "fish", "revoked", FISH);
    adapter.pass().await;
    let [asked] = tasks(&server, "reflex-cancelled").try_into().unwrap();
    let id = asked["id"].as_str().unwrap();
    let mut answered = asked.clone();
    answered["status"] = json!("completed");
    server.put_json(&answered.to_string()).unwrap();
    adapter.pass().await;
    assert!(tasks(&server, "reflex-cancelled").is_empty());

    order(&server, "fish", "active", FISH);
    adapter.pass().await;
    order(&server, "fish", "revoked", FISH);
    adapter.pass().await;
    let statuses: Vec<Value> = (server.history("Task", id).iter())
        .map(|text| serde_json::from_str::<Value>(text).unwrap()["status"].take())
        .collect();
    assert_eq!(statuses, ["requested", "completed", "requested"]);
}

#[tokio::test]
async fn an_order_of_another_test_or_tissue_is_not_the_reflex_test() {
    let (server, adapter) = on("2024-10-01").await;
    // Estrogen receptor, and a FISH of another specimen.
    order(&server, "er", "revoked", "16112-5");
    let other = json!({"resourceType": "ServiceRequest", "id": "other", "status": "revoked", "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": FISH}]},
        "subject": {"reference": "Patient/fsh-pat"}, "specimen": [{"reference": "Specimen/elsewhere"}]});
    server.put_json(&other.to_string()).unwrap();
    adapter.pass().await;
    assert!(tasks(&server, "reflex-cancelled").is_empty());
}

#[tokio::test]
async fn a_test_that_the_laboratory_has_cancelled_is_told_like_a_cancelled_order() {
    let (server, adapter) = on("2024-10-01").await;
    let test = json!({"resourceType": "Observation", "id": "fish", "status": "cancelled",
        "code": {"coding": [{"system": "http://loinc.org", "code": FISH}]},
        "subject": {"reference": "Patient/fsh-pat"}, "specimen": {"reference": "Specimen/fsh-spc"}});
    server.put_json(&test.to_string()).unwrap();
    adapter.pass().await;
    let [task] = tasks(&server, "reflex-cancelled").try_into().unwrap();
    assert!(
        task["description"]
            .as_str()
            .unwrap()
            .contains("Observation/fish")
    );
}

#[tokio::test]
async fn no_test_is_ever_ordered() {
    let (server, adapter) = on("2024-12-01").await;
    order(&server, "fish-1", "revoked", FISH);
    adapter.pass().await;
    assert_eq!(server.all("ServiceRequest").len(), 1);
    assert_eq!(server.history("ServiceRequest", "fish-1").len(), 1);
}
