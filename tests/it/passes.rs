//! Passes against a server with a memory: written once, corrected, withdrawn, whatever the network does.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use her2_adapter::service::client::ClientError;
use her2_adapter::service::fake_server::FakeServer;
use her2_adapter::service::pass::{PassError, PassOptions};
use her2_adapter::service::publish::{Change, Outcome};
use her2_adapter::service::store::SourceVersion;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Adapter, Manners, Odd, all_written, case_file, open_tasks, results, stage};

const LOW: &str = "group-5-with-2-plus-is-negative-low";

#[tokio::test]
async fn a_second_pass_over_the_same_reports_writes_nothing() {
    let (server, adapter) = stage(&[LOW]).await;
    let first = adapter.pass().await;
    assert_eq!((first.ledger.written, first.ledger.seen()), (1, 1));
    let writes = |server: &FakeServer| {
        server
            .requests()
            .iter()
            .filter(|request| request.method != "GET")
            .count()
    };
    let before = writes(&server);
    let second = adapter.pass().await;
    assert_eq!((second.ledger.written, second.ledger.unchanged), (0, 1));
    assert_eq!(writes(&server), before);
}

#[tokio::test]
async fn a_result_arrives_with_every_digit_its_provenance_and_a_sign_off_task() {
    let (server, adapter) = stage(&["a-ratio-of-exactly-2-with-4-copies-is-group-1"]).await;
    adapter.pass().await;
    let texts = server.all("Observation");
    let text = texts.iter().find(|text| text.contains("h2o-")).unwrap();
    assert!(
        text.contains(r#""value":2.00"#),
        "the ratio lost its digits: {text}"
    );
    let result = &results(&server)[0];
    assert_eq!(result["status"], "preliminary");
    assert_eq!(
        result["valueCodeableConcept"]["coding"][0]["code"],
        "10828004"
    );
    assert_eq!(
        result["valueCodeableConcept"]["coding"][1]["code"],
        "LA6576-8"
    );
    assert_eq!(server.all("Provenance").len(), 1);
    let tasks = open_tasks(&server);
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["reasonCode"]["coding"][0]["code"], "sign-off");
}

#[tokio::test]
async fn an_amended_report_makes_a_further_version_of_the_same_result() {
    let case = "amended-report-corrects-the-result";
    let (server, adapter) = stage(&[case]).await;
    adapter.pass().await;
    let before = results(&server);
    server
        .seed_bundle(&case_file(case, "bundle-amended.json"))
        .unwrap();
    let report = adapter.pass().await;
    assert_eq!(report.changes.get(&Change::Revised), Some(&1));
    let after = results(&server);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(before[0]["id"], after[0]["id"]);
    assert_eq!(after[0]["meta"]["versionId"], "2");
    assert_eq!(before[0]["interpretation"][0]["coding"][0]["code"], "NEG");
    assert_eq!(after[0]["interpretation"][0]["coding"][0]["code"], "POS");
    // One Provenance per version; the second names the version it replaces.
    let provenance = server.all("Provenance");
    assert_eq!(provenance.len(), 2);
    let id = after[0]["id"].as_str().unwrap();
    let replaced = format!("Observation/{id}/_history/1");
    assert_eq!(
        provenance
            .iter()
            .filter(|text| text.contains(&replaced))
            .count(),
        1
    );
}

#[tokio::test]
async fn an_attachment_that_a_report_links_to_is_fetched_and_read() {
    let case = case_file(
        "a-score-in-the-conclusion-alone-is-read-as-narrative",
        "bundle.json",
    );
    let mut bundle: Value = serde_json::from_str(&case).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    for entry in entries.iter_mut() {
        let resource = entry["resource"].as_object_mut().unwrap();
        if resource["resourceType"] == "DiagnosticReport" {
            resource.remove("conclusion");
            let link = json!([{"contentType": "text/plain", "url": "Binary/att"}]);
            resource.insert("presentedForm".to_owned(), link);
        }
    }
    let data = STANDARD.encode("Invasive carcinoma. HER2 immunohistochemistry: score 2+.");
    entries.push(json!({"resource":
        {"resourceType": "Binary", "id": "att", "contentType": "text/plain", "data": data}}));
    let (server, adapter) = stage(&[]).await;
    server.seed_bundle(&bundle.to_string()).unwrap();
    adapter.pass().await;
    let [result] = results(&server).try_into().unwrap();
    assert_eq!(result["interpretation"][0]["coding"][0]["code"], "E");
    assert_eq!(result["status"], "preliminary");
}

#[tokio::test]
async fn a_fish_addendum_completes_the_case_of_the_ihc_report() {
    let case = "ihc-report-with-a-later-fish-addendum";
    let (server, adapter) = stage(&[case]).await;
    adapter.pass().await;
    assert_eq!(
        results(&server)[0]["interpretation"][0]["coding"][0]["code"],
        "E"
    );
    server
        .seed_bundle(&case_file(case, "bundle-addendum.json"))
        .unwrap();
    adapter.pass().await;
    let after = results(&server);
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["interpretation"][0]["coding"][0]["code"], "POS");
}

#[tokio::test]
async fn a_retracted_report_withdraws_the_result_and_keeps_its_value() {
    let case = "retracted-report-withdraws-the-result";
    let (server, adapter) = stage(&[case]).await;
    adapter.pass().await;
    let before = results(&server);
    server
        .seed_bundle(&case_file(case, "bundle-retracted.json"))
        .unwrap();
    let report = adapter.pass().await;
    assert_eq!(report.changes.get(&Change::Withdrawn), Some(&1));
    let after = results(&server);
    assert_eq!(after[0]["status"], "entered-in-error");
    assert_eq!(
        after[0]["valueCodeableConcept"],
        before[0]["valueCodeableConcept"]
    );
    assert!(
        open_tasks(&server).is_empty(),
        "its Tasks are closed with it"
    );
    assert!(
        server
            .all("Provenance")
            .iter()
            .any(|text| text.contains("NULLIFY"))
    );
    let again = adapter.pass().await;
    assert_eq!(again.ledger.written, 0);
}

#[tokio::test]
async fn an_insufficient_case_writes_tasks_and_no_result() {
    let (server, adapter) = stage(&["group-2-without-ihc-asks-for-ihc"]).await;
    let report = adapter.pass().await;
    assert_eq!(report.ledger.review, 1);
    assert!(results(&server).is_empty());
    let tasks = open_tasks(&server);
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["reasonCode"]["coding"][0]["code"], "ihc-missing");
    let before = server.requests().len();
    let again = adapter.pass().await;
    assert_eq!((again.ledger.review, again.ledger.written), (1, 0));
    assert!(
        server
            .requests()
            .iter()
            .skip(before)
            .all(|request| request.method == "GET")
    );
}

#[tokio::test]
async fn an_entry_that_is_no_resource_is_one_item_on_the_worklist() {
    let (server, adapter) = stage(&["broken-entries-do-not-cost-the-good-case"]).await;
    let report = adapter.pass().await;
    assert_eq!((report.ledger.failed, report.ledger.written), (1, 1));
    let nameless = |server: &FakeServer| {
        let tasks = open_tasks(server);
        let of_entry = |task: &&serde_json::Value| task.get("for").is_none();
        tasks.iter().filter(of_entry).count()
    };
    assert_eq!(nameless(&server), 1);
    adapter.pass().await;
    assert_eq!(nameless(&server), 1);
}

#[tokio::test]
async fn the_cursor_waits_for_an_unreadable_entry_that_could_not_be_named() {
    let (server, adapter) = stage(&["broken-entries-do-not-cost-the-good-case"]).await;
    let busy = "status:code=429,retry-after=3600,method=POST,times=1";
    server.order_fault(busy.parse().unwrap());
    adapter.pass().await;
    assert_eq!(adapter.store.cursor("pull").await.unwrap(), None);
    adapter.clock.advance(Duration::from_secs(3600));
    adapter.pass().await;
    assert!(adapter.store.cursor("pull").await.unwrap().is_some());
    let tasks = open_tasks(&server);
    assert!(tasks.iter().any(|task| task.get("for").is_none()));
}

async fn assert_written_once_despite(fault: &str) {
    let (server, adapter) = stage(&[LOW]).await;
    server.order_fault(fault.parse().unwrap());
    let report = adapter.pass().await;
    assert_eq!(report.ledger.written, 1);
    let id = results(&server)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.history("Observation", &id).len(), 1);
}

#[tokio::test]
async fn a_connection_lost_after_the_commit_is_read_back_and_not_written_twice() {
    assert_written_once_despite("reset:after-commit,times=1").await;
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_is_written_once_all_the_same() {
    assert_written_once_despite("reset:before-commit,times=1").await;
}

#[tokio::test]
async fn a_server_that_stays_busy_leaves_the_case_for_the_next_pass() {
    let (server, adapter) = stage(&[LOW]).await;
    server.order_fault(
        "status:code=429,retry-after=3600,method=POST,times=1"
            .parse()
            .unwrap(),
    );
    let report = adapter.pass().await;
    assert_eq!((report.ledger.retry, report.ledger.seen()), (1, 1));
    let left_alone = adapter.pass().await;
    assert_eq!(left_alone.ledger.retry, 1);
    let requests = server.requests();
    let posts = (requests.iter()).filter(|request| request.method == "POST");
    assert_eq!(posts.count(), 1);
    adapter.clock.advance(Duration::from_secs(3600));
    let next = adapter.pass().await;
    assert_eq!((next.ledger.retry, next.ledger.written), (0, 1));
}

#[tokio::test]
async fn a_stale_index_does_not_make_a_second_result() {
    let (server, adapter) = stage(&[LOW]).await;
    adapter.pass().await;
    server.order_fault("stale-index:writes=1000".parse().unwrap());
    let blind = adapter.pass().await;
    assert_eq!(blind.ledger.written, 0);
    server.clear_faults();
    adapter.pass().await;
    assert_eq!(results(&server).len(), 1);
    assert_eq!(results(&server)[0]["meta"]["versionId"], "1");
}

#[tokio::test]
async fn a_lost_store_finds_the_results_that_stand() {
    let (server, adapter) = stage(&[LOW]).await;
    adapter.pass().await;
    let without_memory = Adapter::beside(&server.base_url()).await;
    let report = without_memory.pass().await;
    assert_eq!((report.ledger.written, report.ledger.unchanged), (0, 1));
    assert_eq!(results(&server)[0]["meta"]["versionId"], "1");
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_names_every_field() {
    let (server, adapter) = stage(&[LOW]).await;
    let options = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    let report = adapter.try_pass(&options).await.unwrap();
    assert!(results(&server).is_empty());
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
    assert!(
        report
            .would_change
            .iter()
            .any(|line| line.contains("+ status: “preliminary”"))
    );
    assert_eq!(
        adapter.pass().await.ledger.written,
        1,
        "a dry run moves no cursor"
    );
}

#[tokio::test]
async fn a_person_who_deleted_the_result_is_not_overruled() {
    let (server, adapter) = stage(&[LOW]).await;
    adapter.pass().await;
    let id = results(&server)[0]["id"].as_str().unwrap().to_owned();
    let url = format!("{}/Observation/{id}", server.base_url());
    reqwest::Client::new().delete(url).send().await.unwrap();
    let report = adapter.pass().await;
    assert_eq!(report.ledger.failed, 1);
    assert!(results(&server).is_empty());
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_ends_the_pass_and_moves_no_cursor() {
    let (server, adapter) = stage(&[LOW]).await;
    server.stop().await;
    let error = adapter.try_pass(&PassOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, PassError::Server(ClientError::NotSent { .. })),
        "{error}"
    );
    assert_eq!(adapter.store.cursor("pull").await.unwrap(), None);
}

#[tokio::test]
async fn a_pass_asked_to_begin_later_leaves_no_gap_behind_the_cursor() {
    let (_server, adapter) = stage(&[LOW]).await;
    let long_ago = "2001-01-01T00:00:00+00:00";
    adapter.store.set_cursor("pull", long_ago).await.unwrap();
    let before = adapter.store.cursor("pull").await.unwrap();
    let options = PassOptions {
        since: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        ..PassOptions::default()
    };
    adapter.try_pass(&options).await.unwrap();
    assert_eq!(adapter.store.cursor("pull").await.unwrap(), before);
    adapter.pass().await;
    assert!(adapter.store.cursor("pull").await.unwrap() > before);
}

/// A searchset of Observations, with a link to the next page.
fn page(ids: &[&str], next: Option<String>) -> ResponseTemplate {
    let entries: Vec<serde_json::Value> = ids
        .iter()
        .map(|id| {
            serde_json::json!({"search":{"mode":"match"},"resource":{"resourceType":"Observation","id":id,"status":"final",
                "code":{"coding":[{"system":"http://loinc.org","code":"85319-2"}]},
                "valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA11841-6"}]}}})
        })
        .collect();
    let link: Vec<serde_json::Value> = next
        .iter()
        .map(|url| serde_json::json!({"relation":"next","url":url}))
        .collect();
    ResponseTemplate::new(200).set_body_json(
        serde_json::json!({"resourceType":"Bundle","type":"searchset","link":link,"entry":entries}),
    )
}

#[tokio::test]
async fn an_item_that_slips_between_two_pages_is_found_by_reading_the_window_again() {
    let server = MockServer::start().await;
    let next = format!("{}/Observation?page=2", server.uri());
    Mock::given(method("GET"))
        .and(path("/metadata"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            serde_json::json!({"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}),
        ))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/DiagnosticReport"))
        .respond_with(page(&[], None))
        .mount(&server)
        .await;
    // While the first reading is between its pages, item a is updated: c moves up into the page already read.
    Mock::given(method("GET"))
        .and(path("/Observation"))
        .and(query_param("page", "2"))
        .respond_with(page(&["d", "a"], None))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/Observation"))
        .and(query_param("page", "2"))
        .respond_with(page(&["d", "a"], None))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/Observation"))
        .respond_with(page(&["a", "b"], Some(next.clone())))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/Observation"))
        .respond_with(page(&["b", "c"], Some(next)))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;

    let adapter = Adapter::beside(&server.uri()).await;
    let options = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    let report = adapter.try_pass(&options).await.unwrap();
    assert_eq!(report.ledger.seen(), 4, "{}", report.ledger);
}

#[tokio::test]
async fn a_next_link_to_another_host_is_not_followed() {
    let stranger = MockServer::start().await;
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/metadata"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            serde_json::json!({"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}),
        ))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/DiagnosticReport"))
        .respond_with(page(
            &[],
            Some(format!("{}/DiagnosticReport?page=2", stranger.uri())),
        ))
        .mount(&server)
        .await;
    let adapter = Adapter::beside(&server.uri()).await;
    let error = adapter.try_pass(&PassOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, PassError::Server(ClientError::Untrusted(_))),
        "{error}"
    );
    assert!(stranger.received_requests().await.unwrap().is_empty());
}

/// A report that states the same status as its scores.
const STATED: &str = "group-1-with-2-plus-is-positive";
const INSUFFICIENT: &str = "group-2-without-ihc-asks-for-ihc";
const AMENDED: &str = "amended-report-corrects-the-result";
const RETRACTED: &str = "retracted-report-withdraws-the-result";

/// A well-behaved server to write to.
const GOOD: Manners = Manners {
    keeps: usize::MAX,
    answer: all_written,
    etag: "W/\"1\"",
};

fn arrives(server: &FakeServer, case: &str, file: &str) {
    server.seed_bundle(&case_file(case, file)).unwrap();
}

/// Somebody deletes a resource.
async fn delete(server: &FakeServer, key: &str) {
    let url = format!("{}/{key}", server.base_url());
    reqwest::Client::new().delete(url).send().await.unwrap();
}

/// Somebody changes the status of a resource of ours, as a client of the server does.
fn set_status(server: &FakeServer, resource: &Value, status: &str) {
    let mut changed = resource.clone();
    changed["status"] = json!(status);
    changed.as_object_mut().unwrap().remove("meta");
    server.put_json(&changed.to_string()).unwrap();
}

fn tasks(server: &FakeServer) -> Vec<Value> {
    let texts = server.all("Task");
    let parsed = texts.iter().map(|text| serde_json::from_str(text).unwrap());
    parsed.collect()
}

fn reason(task: &Value) -> String {
    let code = &task["reasonCode"]["coding"][0]["code"];
    code.as_str().unwrap().to_owned()
}

fn open_sign_offs(server: &FakeServer) -> Vec<Value> {
    let mut open = open_tasks(server);
    open.retain(|task| reason(task) == "sign-off");
    open
}

fn key(resource: &Value) -> String {
    let part = |name: &str| resource[name].as_str().unwrap().to_owned();
    format!("{}/{}", part("resourceType"), part("id"))
}

#[tokio::test]
async fn tasks_of_others_are_left_alone_where_a_server_ignores_the_identifier() {
    let (server, _) = stage(&[LOW]).await;
    let odd = Odd::start(GOOD).await;
    let theirs = json!({"resourceType": "Task", "id": "theirs", "status": "requested", "intent": "order",
        "meta": {"versionId": "1"}, "identifier": [{"system": "urn:ward", "value": "7"}]});
    odd.put("Task/theirs", theirs);
    let adapter = Adapter::between(&server.base_url(), &odd.server.uri()).await;
    assert_eq!(adapter.pass().await.ledger.written, 1);
    let sent = odd.transactions().await;
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].to_string().contains("theirs"), "{}", sent[0]);
}

#[tokio::test]
async fn a_deleted_task_is_neither_written_again_nor_a_reason_to_fail() {
    let (server, adapter) = stage(&[AMENDED, INSUFFICIENT]).await;
    adapter.pass().await;
    for task in tasks(&server) {
        delete(&server, &key(&task)).await;
    }
    arrives(&server, AMENDED, "bundle-amended.json");
    let report = adapter.pass().await;
    assert_eq!(report.changes.get(&Change::Revised), Some(&1));
    assert_eq!((report.ledger.failed, report.ledger.retry), (0, 0));
    // The amended result has Tasks of its own; nothing else has come back.
    let codes = open_tasks(&server).iter().map(reason).collect::<Vec<_>>();
    assert_eq!(codes.len(), 2, "{codes:?}");
    assert!(!codes.contains(&"ihc-missing".to_owned()), "{codes:?}");
}

#[tokio::test]
async fn a_transaction_that_is_torn_apart_fails_at_once_whatever_stands() {
    let (server, _) = stage(&[LOW]).await;
    let torn = |entries: usize| {
        let mut entry = vec![json!({"response": {"status": "201"}}); entries];
        entry[entries - 1] = json!({"response": {"status": "412"}});
        let answer =
            json!({"resourceType": "Bundle", "type": "transaction-response", "entry": entry});
        ResponseTemplate::new(200).set_body_json(answer)
    };
    let manners = Manners {
        keeps: 1,
        answer: torn,
        ..GOOD
    };
    let odd = Odd::start(manners).await;
    let adapter = Adapter::between(&server.base_url(), &odd.server.uri()).await;
    let report = adapter.pass().await;
    assert_eq!(report.cases[0].1, Outcome::Failed("not-atomic"));
    assert_eq!(
        (report.ledger.failed, odd.transactions().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_case_without_a_result_has_arrived_only_with_all_of_its_tasks() {
    let (server, _) = stage(&[INSUFFICIENT]).await;
    let manners = Manners {
        keeps: 1,
        answer: |_| ResponseTemplate::new(500),
        ..GOOD
    };
    let odd = Odd::start(manners).await;
    let adapter = Adapter::between(&server.base_url(), &odd.server.uri()).await;
    let options = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    let case_id = adapter.try_pass(&options).await.unwrap().cases[0]
        .0
        .id
        .clone();
    // An earlier Task of the case, which is to be closed. The first transaction is kept without that.
    let system = format!("{}/identifier/her2-case", adapter.rules.base);
    let earlier = json!({"resourceType": "Task", "id": "h2t-earlier", "status": "requested", "intent": "order",
        "meta": {"versionId": "1"}, "identifier": [{"system": system, "value": case_id}]});
    odd.put("Task/h2t-earlier", earlier);
    let report = adapter.pass().await;
    assert_eq!(report.cases[0].1, Outcome::Written(Change::Worklist));
    let sent = odd.transactions().await;
    let sizes: Vec<usize> = sent
        .iter()
        .map(|bundle| bundle["entry"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [2, 1]);
    assert_eq!(sent[1]["entry"][0]["resource"]["status"], "cancelled");
}

#[tokio::test]
async fn a_refused_case_is_taken_up_again_by_the_next_pass() {
    let (server, adapter) = stage(&[LOW]).await;
    let refusal = "status:code=422,method=POST,times=1";
    server.order_fault(refusal.parse().unwrap());
    let report = adapter.pass().await;
    assert_eq!((report.ledger.failed, report.ledger.seen()), (1, 1));
    let parked = adapter.store.parked().await.unwrap();
    assert_eq!((parked.len(), parked[0].why.as_str()), (1, "failed"));
    assert_eq!(adapter.pass().await.ledger.written, 1);
    assert!(adapter.store.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_store_still_closes_the_tasks_of_a_withdrawn_result() {
    for with_a_pass_between in [true, false] {
        let (server, adapter) = stage(&[RETRACTED]).await;
        adapter.pass().await;
        assert_eq!(open_tasks(&server).len(), 1);
        let without_memory = Adapter::beside(&server.base_url()).await;
        if with_a_pass_between {
            without_memory.pass().await;
        }
        arrives(&server, RETRACTED, "bundle-retracted.json");
        without_memory.pass().await;
        assert_eq!(results(&server)[0]["status"], "entered-in-error");
        assert!(open_tasks(&server).is_empty());
    }
}

#[tokio::test]
async fn a_parked_unit_that_cannot_be_read_waits_on_and_ends_no_pass() {
    let (server, adapter) = stage(&[LOW]).await;
    let since = "2026-01-01T00:00:00Z";
    let unit = "Observation/elsewhere";
    adapter.store.park(unit, "retry", since).await.unwrap();
    server.order_fault("status:code=500,path=/Observation/else".parse().unwrap());
    let report = adapter.pass().await;
    assert_eq!((report.ledger.written, report.ledger.retry), (1, 1));
    assert_eq!(adapter.store.parked().await.unwrap().len(), 1);
    server.clear_faults();
    adapter.pass().await;
    assert!(adapter.store.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_parked_unit_that_is_gone_takes_its_result_with_it() {
    let (server, adapter) = stage(&[RETRACTED]).await;
    adapter.pass().await;
    let since = "2026-01-01T00:00:00Z";
    let unit = "DiagnosticReport/wdr-rep";
    adapter.store.park(unit, "retry", since).await.unwrap();
    delete(&server, unit).await;
    delete(&server, "Observation/wdr-ihc").await;
    let report = adapter.pass().await;
    assert_eq!((report.ledger.written, report.ledger.seen()), (1, 1));
    assert_eq!(results(&server)[0]["status"], "entered-in-error");
    assert!(adapter.store.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_report_whose_result_is_deleted_counts_as_written_when_that_withdraws_its_case() {
    let (server, adapter) = stage(&[RETRACTED]).await;
    adapter.pass().await;
    delete(&server, "Observation/wdr-ihc").await;
    let bundle: Value = serde_json::from_str(&case_file(RETRACTED, "bundle.json")).unwrap();
    let mut reports = bundle["entry"].as_array().unwrap().iter();
    let report = reports.find(|entry| entry["resource"]["id"] == "wdr-rep");
    let mut report = report.unwrap()["resource"].clone();
    report.as_object_mut().unwrap().remove("result");
    server.put_json(&report.to_string()).unwrap();
    let report = adapter.pass().await;
    assert_eq!((report.ledger.written, report.ledger.seen()), (1, 1));
    assert_eq!(results(&server)[0]["status"], "entered-in-error");
    let again = adapter.pass().await;
    assert_eq!((again.ledger.not_her2, again.ledger.seen()), (1, 1));
}

#[tokio::test]
async fn a_withdrawal_takes_the_servers_answers_as_a_result_does() {
    for (fault, written, failed) in [
        ("status:code=400,method=POST,times=1", 1, 0),
        ("status:code=429,retry-after=7,method=POST,times=1", 1, 0),
        ("status:code=403,method=POST,times=1", 0, 1),
        ("status:code=422,method=POST,times=1", 0, 1),
    ] {
        let (server, adapter) = stage(&[RETRACTED]).await;
        adapter.pass().await;
        arrives(&server, RETRACTED, "bundle-retracted.json");
        server.order_fault(fault.parse().unwrap());
        let report = adapter.pass().await;
        let ledger = report.ledger;
        assert_eq!(
            (ledger.written, ledger.failed),
            (written, failed),
            "{fault}"
        );
        let waited = adapter.waits().contains(&Duration::from_secs(7));
        assert_eq!(waited, fault.contains("retry-after"), "{fault}");
        adapter.pass().await;
        assert_eq!(results(&server)[0]["status"], "entered-in-error", "{fault}");
    }
}

#[tokio::test]
async fn a_signature_on_an_earlier_version_is_never_overwritten() {
    let (server, adapter) = stage(&[AMENDED]).await;
    adapter.pass().await;
    let signed = open_tasks(&server)[0].clone();
    set_status(&server, &signed, "completed");
    arrives(&server, AMENDED, "bundle-amended.json");
    adapter.pass().await;
    let history = server.history("Task", signed["id"].as_str().unwrap());
    assert!(history.last().unwrap().contains("completed"));
    let open = open_sign_offs(&server);
    assert_eq!(open.len(), 1);
    assert_ne!(open[0]["id"], signed["id"]);
}

#[tokio::test]
async fn an_open_sign_off_task_is_closed_when_a_later_version_has_its_own() {
    let (server, adapter) = stage(&[AMENDED]).await;
    adapter.pass().await;
    let earlier = open_tasks(&server)[0]["id"].clone();
    arrives(&server, AMENDED, "bundle-amended.json");
    adapter.pass().await;
    let all = tasks(&server);
    let closed = all.iter().find(|task| task["id"] == earlier).unwrap();
    assert_eq!(closed["status"], "cancelled");
    assert_eq!(open_sign_offs(&server).len(), 1);
}

/// The report of a case with another status; its Observation stays as it is.
fn report_with(server: &FakeServer, status: &str) {
    let bundle: Value = serde_json::from_str(&case_file(RETRACTED, "bundle.json")).unwrap();
    let entries = bundle["entry"].as_array().unwrap().iter();
    for entry in entries {
        if entry["resource"]["resourceType"] == "DiagnosticReport" {
            set_status(server, &entry["resource"], status);
        }
    }
}

#[tokio::test]
async fn a_reinstated_report_brings_back_its_result_with_its_task_and_a_provenance_of_its_own() {
    let (server, adapter) = stage(&[RETRACTED]).await;
    adapter.pass().await;
    let before = results(&server)[0].clone();
    report_with(&server, "cancelled");
    adapter.pass().await;
    assert_eq!(results(&server)[0]["status"], "entered-in-error");
    assert!(open_tasks(&server).is_empty());
    report_with(&server, "final");
    let report = adapter.pass().await;
    assert_eq!(report.changes.get(&Change::Revised), Some(&1));
    let after = results(&server)[0].clone();
    assert_eq!(after["status"], "preliminary");
    assert_eq!(
        after["identifier"], before["identifier"],
        "the same evidence"
    );
    assert_eq!((open_tasks(&server).len(), tasks(&server).len()), (1, 1));
    assert_eq!(server.all("Provenance").len(), 3);
    for text in server.all("Provenance") {
        let provenance: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(provenance["meta"]["versionId"], "1", "none is overwritten");
    }
}

#[tokio::test]
async fn a_result_that_somebody_else_withdrew_stays_withdrawn() {
    let (server, adapter) = stage(&[LOW]).await;
    adapter.pass().await;
    set_status(&server, &results(&server)[0], "entered-in-error");
    let report = adapter.pass().await;
    assert_eq!(report.cases[0].1, Outcome::Failed("withdrawn-by-another"));
    assert_eq!(results(&server)[0]["status"], "entered-in-error");
    assert_eq!(results(&server)[0]["meta"]["versionId"], "2");
}

#[tokio::test]
async fn only_a_first_version_is_final_at_once() {
    for at_first in [true, false] {
        let (server, mut adapter) = stage(&[STATED]).await;
        adapter.publishing.final_without_sign_off = at_first;
        adapter.pass().await;
        let status = |server: &FakeServer| results(server)[0]["status"].clone();
        assert_eq!(
            status(&server),
            if at_first { "final" } else { "preliminary" }
        );
        adapter.publishing.final_without_sign_off = true;
        arrives(&server, STATED, "bundle.json");
        let report = adapter.pass().await;
        assert_eq!(report.changes.get(&Change::Revised), None);
        assert_eq!(
            status(&server),
            if at_first { "final" } else { "preliminary" }
        );
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_at_odds_with_others_is_left_alone_for_a_moment() {
    for code in [429, 503, 409] {
        let (server, adapter) = stage(&[LOW]).await;
        let fault = format!("status:code={code},method=POST,times=2");
        server.order_fault(fault.parse().unwrap());
        assert_eq!(adapter.pass().await.ledger.written, 1);
        let waits = adapter.waits();
        assert_eq!(waits.len(), 2, "{code}");
        assert!(waits[0] <= Duration::from_secs(1) && waits[1] <= Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_version_is_named_to_the_server_as_the_server_printed_it() {
    let (server, _) = stage(&[AMENDED]).await;
    let manners = Manners {
        etag: "\"0a-7\"",
        ..GOOD
    };
    let odd = Odd::start(manners).await;
    let adapter = Adapter::between(&server.base_url(), &odd.server.uri()).await;
    adapter.pass().await;
    arrives(&server, AMENDED, "bundle-amended.json");
    adapter.pass().await;
    let sent = odd.transactions().await;
    assert_eq!(sent[1]["entry"][0]["request"]["ifMatch"], "\"0a-7\"");
}

#[tokio::test]
async fn an_older_version_of_an_input_than_a_result_rests_on_is_not_used() {
    let (server, adapter) = stage(&[AMENDED]).await;
    let first = adapter.pass().await;
    let before = results(&server);
    // The result rests on a later version than the server, or a search of it that lags behind, gives now.
    let case = &first.cases[0].0;
    let published = adapter.store.published(&case.id).await.unwrap().unwrap();
    let later: Vec<SourceVersion> = (case.inputs.iter())
        .map(|input| SourceVersion {
            source: input.reference.clone(),
            version: "later".to_owned(),
            last_updated: "2999-01-01T00:00:00Z".to_owned(),
        })
        .collect();
    let (base, now) = (server.base_url(), "2026-01-01T00:00:00Z");
    let confirmed = adapter
        .store
        .confirm(&published, &base, &[], &later, &[], now);
    confirmed.await.unwrap();
    arrives(&server, AMENDED, "bundle-amended.json");
    let report = adapter.pass().await;
    assert_eq!(report.cases[0].1, Outcome::Retry("older-input"));
    assert_eq!(results(&server), before);
}

#[tokio::test]
async fn every_version_that_was_written_is_kept_here_as_it_was_sent() {
    let (server, adapter) = stage(&[AMENDED]).await;
    let case = adapter.pass().await.cases[0].0.id.clone();
    arrives(&server, AMENDED, "bundle-amended.json");
    adapter.pass().await;
    let kept = adapter.store.written_versions(&case).await.unwrap();
    let of_kind = |kind: &str| kept.iter().filter(|it| it.kind == kind).collect::<Vec<_>>();
    assert_eq!(of_kind("Provenance").len(), 2);
    let results = of_kind("Observation");
    let versions: Vec<Option<&str>> = results.iter().map(|it| it.version.as_deref()).collect();
    assert_eq!(versions, [Some("1"), Some("2")]);
    for (kept, stood) in results
        .iter()
        .zip(server.history("Observation", &results[0].own_id))
    {
        let [mut kept, mut stood]: [Value; 2] =
            [&kept.text, &stood].map(|text| serde_json::from_str(text).unwrap());
        for text in [&mut kept, &mut stood] {
            text["meta"] = json!({"profile": text["meta"]["profile"]});
        }
        assert_eq!(kept, stood);
    }
}
