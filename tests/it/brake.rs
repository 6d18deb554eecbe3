//! New rules over published results: a few are altered, more wait for a person, and nothing is lost.

use her2_adapter::pipeline::results::observation_id;
use her2_adapter::service::brake::Alteration;
use her2_adapter::service::fake_server::FakeServer;
use her2_adapter::service::pass::{PassOptions, PassReport};
use her2_adapter::service::publish::{Change, Outcome};
use her2_adapter::service::replay::Selection;
use her2_adapter::service::store::{PublishedAnswer, PublishedCase};
use serde_json::{Value, json};

use crate::support::{Adapter, case_file, results, stage};

/// Negative by group 4 with IHC 2+: low, or without a category, as the site chooses.
const GROUP_4: &str = "group-4-adjudicated-in-group-4-is-negative";
const OTHER: &str = "ihc-1-plus-is-low";
const RETRACTED: &str = "retracted-report-withdraws-the-result";

/// So many patients with the same results.
pub fn seed(server: &FakeServer, count: usize) {
    for number in 0..count {
        server.seed_bundle(&of_patient(number)).unwrap();
    }
}

fn of_patient(number: usize) -> String {
    case_file(GROUP_4, "bundle.json")
        .replace("g4j-", &format!("g4j{number}-"))
        .replace("G4J-", &format!("G4J{number}-"))
}

/// Another choice of the site, by which each of these results has another category.
pub fn change_the_rules(adapter: &mut Adapter) {
    let low = &mut adapter.rules.conventions.group_2_or_4_with_2_plus_is_low;
    *low = !*low;
}

fn at_most(max_changed: usize) -> PassOptions {
    PassOptions {
        max_changed: Some(max_changed),
        ..PassOptions::default()
    }
}

async fn pass(adapter: &Adapter, max_changed: usize) -> PassReport {
    adapter.try_pass(&at_most(max_changed)).await.unwrap()
}

/// A pass over the published cases alone.
async fn over_published(adapter: &Adapter, dry_run: bool) -> PassReport {
    let units = Selection::Published.units(&adapter.store).await.unwrap();
    let options = PassOptions {
        dry_run,
        only: Some(units),
        max_changed: (!dry_run).then_some(0),
        ..PassOptions::default()
    };
    adapter.try_pass(&options).await.unwrap()
}

fn versions(server: &FakeServer) -> Vec<String> {
    let version = |result: &Value| result["meta"]["versionId"].as_str().unwrap().to_owned();
    let mut versions: Vec<String> = results(server).iter().map(version).collect();
    versions.sort();
    versions
}

#[tokio::test]
async fn an_empty_store_needs_nobody_and_neither_do_new_rules_that_alter_few() {
    let (server, mut adapter) = stage(&[]).await;
    seed(&server, 2);
    assert_eq!(pass(&adapter, 0).await.ledger.written, 2);
    change_the_rules(&mut adapter);
    let report = pass(&adapter, 2).await;
    assert_eq!((report.ledger.written, report.held.len()), (2, 0));
    let category = Alteration::Category("low".to_owned(), "none".to_owned());
    assert_eq!(report.altered.get(&category), Some(&2));
    assert_eq!(versions(&server), ["2", "2"]);
    assert_eq!(pass(&adapter, 0).await.ledger.unchanged, 2);
}

#[tokio::test]
async fn more_than_the_brake_allows_stay_parked_as_they_are_while_new_evidence_is_written() {
    let (server, mut adapter) = stage(&[]).await;
    seed(&server, 3);
    pass(&adapter, 1).await;
    change_the_rules(&mut adapter);
    server
        .seed_bundle(&case_file(OTHER, "bundle.json"))
        .unwrap();
    let report = pass(&adapter, 1).await;
    assert_eq!((report.ledger.written, report.ledger.retry), (2, 2));
    assert_eq!(report.held.len(), 2);
    assert_eq!(versions(&server), ["1", "1", "1", "2"]);
    let parked = adapter.store.parked().await.unwrap();
    let why: Vec<&str> = parked.iter().map(|parked| parked.why.as_str()).collect();
    assert_eq!(why, ["brake", "brake"]);
    // The limit is for these rules, not for a pass.
    let again = pass(&adapter, 1).await;
    assert_eq!((again.ledger.retry, again.ledger.written), (2, 0));
    // New evidence of a patient whose result is held is written under the rules in force; a result that says the same under
    // them already makes no further version.
    for number in 0..3 {
        server.seed_bundle(&of_patient(number)).unwrap();
    }
    let report = pass(&adapter, 1).await;
    assert_eq!((report.ledger.retry, report.held.len()), (0, 0));
    assert_eq!(versions(&server), ["1", "2", "2", "2"]);
    assert!(adapter.store.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_would_change_is_shown_by_kind_and_written_once_somebody_confirms() {
    let (server, mut adapter) = stage(&[OTHER]).await;
    seed(&server, 3);
    adapter.pass().await;
    change_the_rules(&mut adapter);
    pass(&adapter, 0).await;
    let writes = |server: &FakeServer| {
        let requests = server.requests();
        (requests.iter())
            .filter(|request| request.method != "GET")
            .count()
    };
    let before = writes(&server);
    let survey = over_published(&adapter, true).await;
    assert_eq!(writes(&server), before);
    assert_eq!((survey.ledger.seen(), survey.ledger.unchanged), (4, 1));
    assert_eq!(survey.altered_in_all, 3);
    assert!(!survey.rules_are_confirmed);
    let hash = adapter.rules.hash();
    let now = "2026-11-20T10:00:00Z";
    adapter.store.confirm_rules(&hash, now).await.unwrap();
    let report = over_published(&adapter, false).await;
    assert_eq!((report.ledger.written, report.ledger.unchanged), (3, 1));
    assert_eq!(versions(&server), ["1", "2", "2", "2"]);
    assert!(adapter.store.parked().await.unwrap().is_empty());
    assert_eq!(pass(&adapter, 0).await.ledger.unchanged, 4);
}

#[tokio::test]
async fn rules_that_go_back_release_what_was_held() {
    let (server, mut adapter) = stage(&[]).await;
    seed(&server, 1);
    adapter.pass().await;
    change_the_rules(&mut adapter);
    assert_eq!(pass(&adapter, 0).await.held.len(), 1);
    change_the_rules(&mut adapter);
    assert_eq!(pass(&adapter, 0).await.ledger.unchanged, 1);
    assert!(adapter.store.parked().await.unwrap().is_empty());
    assert_eq!(versions(&server), ["1"]);
}

#[tokio::test]
async fn rules_that_change_nothing_of_a_result_leave_it_as_it_was_written() {
    let (server, mut adapter) = stage(&[OTHER, "group-2-without-ihc-asks-for-ihc"]).await;
    adapter.pass().await;
    let tasks = server.all("Task");
    change_the_rules(&mut adapter);
    let report = pass(&adapter, 0).await;
    assert_eq!((report.ledger.unchanged, report.ledger.review), (1, 1));
    assert!(report.altered.is_empty());
    assert_eq!(versions(&server), ["1"]);
    assert_eq!(server.all("Task"), tasks);
}

#[tokio::test]
async fn a_result_that_new_rules_would_withdraw_is_held_and_one_whose_report_is_withdrawn_is_not() {
    let bundle = case_file(RETRACTED, "bundle.json").replace("\"final\"", "\"preliminary\"");
    for by_rules in [true, false] {
        let (server, mut adapter) = stage(&[]).await;
        adapter.rules.input.accept_preliminary = true;
        server.seed_bundle(&bundle).unwrap();
        assert_eq!(adapter.pass().await.ledger.written, 1);
        adapter.rules.input.accept_preliminary = false;
        if !by_rules {
            let retracted = case_file(RETRACTED, "bundle-retracted.json");
            server.seed_bundle(&retracted).unwrap();
        }
        let report = pass(&adapter, 0).await;
        let status = results(&server)[0]["status"].clone();
        if by_rules {
            assert_eq!((report.held.len(), status), (1, json!("preliminary")));
            let withdrawn = Alteration::Withdrawn("positive".to_owned());
            assert_eq!(
                report.altered.get(&withdrawn),
                Some(&1),
                "{:?}",
                report.altered
            );
        } else {
            assert_eq!((report.held.len(), status), (0, json!("entered-in-error")));
        }
    }
}

#[tokio::test]
async fn rules_that_read_more_of_what_was_there_are_not_taken_for_new_evidence() {
    let case = "ihc-report-with-a-later-fish-addendum";
    let addendum = case_file(case, "bundle-addendum.json");
    for comes_later in [false, true] {
        let (server, mut adapter) = stage(&[case]).await;
        let unsigned = addendum.replace("\"final\"", "\"preliminary\"");
        if !comes_later {
            server.seed_bundle(&unsigned).unwrap();
        }
        adapter.pass().await;
        adapter.rules.input.accept_preliminary = true;
        if comes_later {
            server.seed_bundle(&unsigned).unwrap();
        }
        let report = pass(&adapter, 0).await;
        let held = usize::from(!comes_later);
        assert_eq!(report.held.len(), held, "{:?}", report.altered);
        let code = &results(&server)[0]["interpretation"][0]["coding"][0]["code"];
        assert_eq!(*code, if comes_later { "POS" } else { "E" });
    }
}

/// Earlier rules made another case of the same evidence; its result stands, and the store knows what it rests on.
async fn published_as_another_case(server: &FakeServer, adapter: &Adapter) {
    let case_id = "case-of-earlier-rules".to_owned();
    let observation_id = observation_id(&case_id);
    let identifier = json!([{"system": adapter.rules.own_identifier_system(), "value": &case_id}]);
    let result = json!({"resourceType": "Observation", "id": &observation_id, "identifier": identifier,
        "status": "preliminary", "code": {"coding": [{"system": "http://loinc.org", "code": "48676-1"}]}});
    server.put_json(&result.to_string()).unwrap();
    let sources = ["Observation/g5l-ihc", "Observation/g5l-ish"].map(str::to_owned);
    let answer = PublishedAnswer {
        case_id: case_id.clone(),
        fingerprint: "earlier".to_owned(),
        content: "earlier".to_owned(),
        rules: "earlier".to_owned(),
        inputs: (sources.iter())
            .map(|source| format!("{source} 1"))
            .collect(),
        read_until: String::new(),
        status: "negative".to_owned(),
        category: "low".to_owned(),
        next_action: "none".to_owned(),
        altered_under: None,
    };
    let published = PublishedCase {
        case_id: case_id.clone(),
        observation_id,
        fingerprint: "earlier".to_owned(),
        judged: "earlier".to_owned(),
        etag: Some("1".to_owned()),
        status: "preliminary".to_owned(),
        task_ids: Vec::new(),
        subject: Some("Patient/g5l-pat".to_owned()),
    };
    let store = &adapter.store;
    let (base, now) = (server.base_url(), "2026-01-01T00:00:00Z");
    let confirmed = store.confirm(&published, &base, &[], &[], &[], now);
    confirmed.await.unwrap();
    store.set_published_answer(&answer).await.unwrap();
    store.set_sources_of_case(&case_id, &sources).await.unwrap();
}

#[tokio::test]
async fn while_the_end_of_a_result_is_held_no_other_takes_its_evidence_over() {
    let (server, adapter) = stage(&["group-5-with-2-plus-is-negative-low"]).await;
    published_as_another_case(&server, &adapter).await;
    let in_force = |server: &FakeServer| {
        let mut results = results(server);
        results.retain(|result| result["status"] != "entered-in-error");
        results
    };
    let [before] = in_force(&server).try_into().unwrap();
    let report = pass(&adapter, 0).await;
    assert_eq!((report.held.len(), report.ledger.retry), (2, 1));
    assert_eq!(in_force(&server), std::slice::from_ref(&before));
    let hash = adapter.rules.hash();
    let now = "2026-11-20T10:00:00Z";
    adapter.store.confirm_rules(&hash, now).await.unwrap();
    pass(&adapter, 0).await;
    let [after] = in_force(&server).try_into().unwrap();
    assert_ne!(after["id"], before["id"]);
    assert!(adapter.store.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_dry_run_holds_what_the_pass_after_it_holds() {
    let (server, mut adapter) = stage(&[]).await;
    seed(&server, 3);
    adapter.pass().await;
    change_the_rules(&mut adapter);
    let options = PassOptions {
        dry_run: true,
        ..at_most(1)
    };
    let dry = adapter.try_pass(&options).await.unwrap();
    let real = pass(&adapter, 1).await;
    assert_eq!(dry.ledger, real.ledger);
    assert_eq!(dry.held, real.held);
    assert_eq!(real.changes.get(&Change::Revised), Some(&1));
    let written = |report: &PassReport| -> Vec<String> {
        (report.cases.iter())
            .filter(|(_, outcome)| matches!(outcome, Outcome::Written(_) | Outcome::Would(..)))
            .map(|(case, _)| case.id.clone())
            .collect()
    };
    assert_eq!(written(&dry), written(&real));
}
