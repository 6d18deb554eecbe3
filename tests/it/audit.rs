//! What passed between the adapter and its servers, told as AuditEvents.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use her2_adapter::config::{Config, Mode};
use her2_adapter::service::client::ClientError;
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::pass::{PassError, PassOptions};
use her2_adapter::service::serve::Runner;
use serde_json::{Value, json};

use crate::support::{Adapter, case_file, results, stage};

const LOW: &str = "group-5-with-2-plus-is-negative-low";
const PATIENT: &str = "Patient/g5l-pat";
const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";

/// The AuditEvents on a server.
fn events(server: &FakeServer) -> Vec<Value> {
    let texts = server.all("AuditEvent");
    let events = texts.iter().map(|text| serde_json::from_str(text).unwrap());
    events.collect()
}

/// The end of the name of the profile that an event claims.
fn profile(event: &Value) -> &str {
    let claimed = event["meta"]["profile"][0].as_str().unwrap_or_default();
    claimed.strip_prefix(PROFILE).unwrap_or_default()
}

/// What the entity of a role in an event names.
fn named<'e>(event: &'e Value, role: &str) -> Option<&'e str> {
    let entities = event["entity"].as_array().unwrap();
    let entity = entities.iter().find(|it| it["role"]["code"] == role)?;
    entity["what"]["reference"].as_str()
}

/// The request id in an event.
fn request_id(event: &Value) -> &str {
    let entities = event["entity"].as_array().unwrap();
    let request = entities
        .iter()
        .find(|it| it["type"]["code"] == "XrequestId");
    request.unwrap()["what"]["identifier"]["value"]
        .as_str()
        .unwrap()
}

/// The search in an event.
fn query(event: &Value) -> Option<String> {
    let query = event["entity"][0]["query"].as_str()?;
    Some(String::from_utf8(STANDARD.decode(query).unwrap()).unwrap())
}

/// The requests of a server that are to be told, by their ids.
fn told_requests(server: &FakeServer) -> BTreeSet<String> {
    let requests = server.requests().into_iter();
    requests
        .filter(|request| {
            !request.path_and_query.ends_with("/metadata")
                && !request.path_and_query.ends_with("/AuditEvent")
        })
        .map(|request| request.x_request_id.unwrap())
        .collect()
}

#[tokio::test]
async fn a_pass_tells_of_its_searches_reads_and_writes_with_patient_and_request_id() {
    let (server, adapter) = stage(&[LOW]).await;
    let report = adapter.audited().pass().await;
    assert_eq!(report.ledger.written, 1);
    let events = events(&server);
    let told: BTreeSet<String> = events.iter().map(|it| request_id(it).to_owned()).collect();
    assert_eq!(told, told_requests(&server));
    let of = |wanted: &str| -> Vec<&Value> {
        let found = events.iter().filter(|event| profile(event) == wanted);
        found.collect()
    };
    let searches = of("PatientQuery");
    assert!(searches.iter().any(|event| {
        let query = query(event).unwrap();
        query.starts_with(&format!("GET {}/Observation?", server.base_url()))
            && query.contains("subject=Patient%2Fg5l-pat")
    }));
    assert!(!of("PatientRead").is_empty());
    // The Provenance names no patient, and is of the one that the transaction is about.
    let written: BTreeSet<&str> = (of("PatientCreate").iter())
        .map(|event| named(event, "4").unwrap().split('/').next().unwrap())
        .collect();
    assert_eq!(written, ["Observation", "Provenance", "Task"].into());
    let id = results(&server)[0]["id"].clone();
    let versioned = format!("Observation/{}/_history/1", id.as_str().unwrap());
    assert!((of("PatientCreate").iter()).any(|event| named(event, "4") == Some(&versioned)));
    for event in events
        .iter()
        .filter(|it| profile(it).starts_with("Patient"))
    {
        assert_eq!(named(event, "1"), Some(PATIENT));
    }
    for event in &events {
        let [client, teller] = [&event["agent"][0], &event["source"]["observer"]];
        assert_eq!(client["who"], *teller);
        assert_eq!(
            (&client["requestor"], &client["network"]),
            (&json!(true), &json!({"address": "127.0.0.1", "type": "2"}))
        );
        assert_eq!(event["agent"][1]["network"]["address"], server.base_url());
    }
}

#[tokio::test]
async fn what_was_not_found_is_told_as_a_failure_that_claims_no_profile() {
    let (server, adapter) = stage(&[LOW]).await;
    adapter.audited().pass().await;
    // The result is looked for before it is written.
    let id = results(&server)[0]["id"].clone();
    let sought = format!("Observation/{}", id.as_str().unwrap());
    let events = events(&server);
    let missing = (events.iter()).find(|event| named(event, "4") == Some(&sought));
    let missing = missing.unwrap();
    assert_eq!(
        (&missing["action"], &missing["outcome"]),
        (&json!("R"), &json!("4"))
    );
    assert_eq!(profile(missing), "");
}

#[tokio::test]
async fn an_event_is_told_once() {
    let (server, adapter) = stage(&[LOW]).await;
    let adapter = adapter.audited();
    adapter.pass().await;
    adapter.pass().await;
    let events = events(&server);
    let told: BTreeSet<(String, Option<&str>)> = events
        .iter()
        .map(|event| {
            let what = format!("{} {}", request_id(event), event["entity"][0]["what"]);
            (what, named(event, "1"))
        })
        .collect();
    assert_eq!(told.len(), events.len());
    assert_eq!(adapter.store.count_untold().await.unwrap(), 0);
}

#[tokio::test]
async fn a_read_that_is_tried_again_is_one_exchange_with_one_request_id() {
    let (server, adapter) = stage(&[LOW]).await;
    let busy = "status:code=503,path=/DiagnosticReport,times=2";
    server.order_fault(busy.parse().unwrap());
    adapter.audited().pass().await;
    let of_reports = server.requests().into_iter().filter(|request| {
        request.path_and_query.contains("/DiagnosticReport?") && request.status == Some(503)
    });
    let ids: BTreeSet<String> = of_reports.map(|it| it.x_request_id.unwrap()).collect();
    let [id] = ids.into_iter().collect::<Vec<_>>().try_into().unwrap();
    let told = events(&server);
    let told = told.iter().filter(|event| request_id(event) == id);
    assert!(told.map(|event| &event["outcome"]).eq([&json!("0")]));
}

#[tokio::test]
async fn nothing_but_references_of_a_patient_is_told() {
    let mut bundle: Value = serde_json::from_str(&case_file(LOW, "bundle.json")).unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        let resource = &mut entry["resource"];
        if resource["resourceType"] == "Patient" {
            resource["name"] = json!([{"family": "Canaryname"}]);
            resource["birthDate"] = json!("1951-07-13");
        }
        if resource["resourceType"] == "DiagnosticReport" {
            resource["conclusion"] = json!("Canarytext of a report.");
            resource["subject"]["display"] = json!("Canaryname");
        }
    }
    let (server, adapter) = stage(&[]).await;
    server.seed_bundle(&bundle.to_string()).unwrap();
    let adapter = adapter.audited();
    // What is told of a read of the Patient itself is no more.
    adapter.client.read("Patient", "g5l-pat").await.unwrap();
    adapter.pass().await;
    let texts = server.all("AuditEvent");
    assert!(!texts.is_empty());
    for text in texts {
        for secret in ["Canary", "1951-07-13", "MRN-G5L-PAT", "Authorization"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_refused_audit_event_is_kept_and_tried_again_and_holds_up_nothing() {
    let (server, adapter) = stage(&[LOW]).await;
    let adapter = adapter.audited();
    let refusal = "status:code=422,method=POST,path=/AuditEvent";
    server.order_fault(refusal.parse().unwrap());
    let report = adapter.pass().await;
    assert_eq!((report.ledger.written, report.ledger.seen()), (1, 1));
    assert!(events(&server).is_empty());
    let kept = adapter.store.count_untold().await.unwrap();
    assert!(kept > 3);
    // A server that takes none is not asked about each.
    let asked = |server: &FakeServer| {
        let requests = server.requests().into_iter();
        let posts = requests.filter(|it| it.path_and_query.ends_with("/AuditEvent"));
        posts.count()
    };
    assert_eq!(asked(&server), 3);
    server.clear_faults();
    let second = adapter.pass().await;
    assert_eq!((second.ledger.written, second.ledger.unchanged), (0, 1));
    assert_eq!(adapter.store.count_untold().await.unwrap(), 0);
    let told: BTreeSet<String> = (events(&server).iter())
        .map(|event| request_id(event).to_owned())
        .collect();
    assert_eq!(told, told_requests(&server));
}

#[tokio::test]
async fn one_event_that_is_refused_holds_up_no_other() {
    let (server, adapter) = stage(&[LOW]).await;
    let adapter = adapter.audited();
    let refusal = "status:code=422,method=POST,path=/AuditEvent,times=1";
    server.order_fault(refusal.parse().unwrap());
    adapter.pass().await;
    assert!(events(&server).len() > 3);
    assert_eq!(adapter.store.count_untold().await.unwrap(), 1);
}

#[tokio::test]
async fn what_a_pass_did_before_it_broke_off_is_told_by_the_next() {
    let (server, adapter) = stage(&[LOW]).await;
    let adapter = adapter.audited();
    server.order_fault("status:code=401,method=POST".parse().unwrap());
    let broken = adapter.try_pass(&PassOptions::default()).await;
    assert!(matches!(
        broken,
        Err(PassError::Server(ClientError::Unauthorized))
    ));
    assert!(events(&server).is_empty());
    assert!(adapter.store.count_untold().await.unwrap() > 0);
    server.clear_faults();
    adapter.pass().await;
    let refused = events(&server);
    let mut refused = refused.iter().filter(|event| {
        event["outcomeDesc"] == "the server does not accept the credentials (HTTP 401)"
    });
    assert!(refused.any(|event| named(event, "1") == Some(PATIENT)));
}

#[tokio::test]
async fn a_dry_run_keeps_and_tells_nothing_and_a_shadow_tells_when_it_is_over() {
    let (server, adapter) = stage(&[LOW]).await;
    let adapter = adapter.audited();
    let dry = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    adapter.try_pass(&dry).await.unwrap();
    assert_eq!(adapter.store.count_untold().await.unwrap(), 0);
    let shadow = PassOptions {
        mode: Mode::Shadow,
        ..PassOptions::default()
    };
    adapter.try_pass(&shadow).await.unwrap();
    assert!(server.requests().iter().all(|it| it.method == "GET"));
    assert!(adapter.store.count_untold().await.unwrap() > 0);
    adapter.pass().await;
    assert_eq!(adapter.store.count_untold().await.unwrap(), 0);
    assert!(events(&server).iter().any(|event| event["action"] == "E"));
}

#[tokio::test]
async fn what_is_read_from_another_server_is_named_by_its_whole_address() {
    let (reports, _) = stage(&[LOW]).await;
    let (other, _) = stage(&[]).await;
    let adapter = Adapter::between(&reports.base_url(), &other.base_url()).await;
    adapter.audited().pass().await;
    assert!(events(&reports).is_empty());
    let events = events(&other);
    let absolute = format!("{}/{PATIENT}", reports.base_url());
    let searched = events.iter().find(|it| profile(it) == "PatientQuery");
    assert_eq!(named(searched.unwrap(), "1"), Some(absolute.as_str()));
}

#[tokio::test]
async fn events_are_told_only_where_the_settings_want_them() {
    for wanted in [false, true] {
        let server = FakeServer::start(FakeServerOptions::default())
            .await
            .unwrap();
        server.seed_bundle(&case_file(LOW, "bundle.json")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.server.read = Some(server.base_url().parse().unwrap());
        config.store.path = folder.path().join("store.sqlite");
        if wanted {
            config.audit.events = true;
        }
        let runner = Runner::open(config).await.unwrap();
        runner.pass(&PassOptions::default()).await.unwrap();
        assert_eq!(results(&server).len(), 1);
        let events = events(&server);
        assert_eq!(!events.is_empty(), wanted);
        // The trial of what the server honours is told, as of no patient.
        let mut of_trial = (events.iter()).filter(|event| profile(event) == "Delete");
        assert_eq!(of_trial.next().is_some(), wanted);
        let requests = server.requests();
        assert!(
            requests
                .iter()
                .all(|request| request.x_request_id.is_some())
        );
        runner.close().await;
    }
}
