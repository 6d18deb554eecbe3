//! Shadow mode: everything but the write, for months, and then the write.

use std::collections::BTreeSet;

use her2_adapter::config::{Config, Mode};
use her2_adapter::service::fake_server::FakeServer;
use her2_adapter::service::pass::{PassOptions, PassReport};
use her2_adapter::service::publish::Change;
use her2_adapter::service::serve::Runner;
use her2_adapter::service::shadow::Comparison;
use serde_json::Value;

use crate::support::{Adapter, case_file, open_tasks, results, stage};

const LOW: &str = "group-5-with-2-plus-is-negative-low";
const AGREES: &str = "group-1-with-2-plus-is-positive";
const DIFFERS: &str = "a-negative-overall-status-beside-an-open-2-plus-needs-review";
const INSUFFICIENT: &str = "group-2-without-ihc-asks-for-ihc";
const AMENDED: &str = "amended-report-corrects-the-result";
const RETRACTED: &str = "retracted-report-withdraws-the-result";
const BROKEN: &str = "broken-entries-do-not-cost-the-good-case";

async fn shadow_pass(adapter: &Adapter) -> PassReport {
    let options = PassOptions {
        mode: Mode::Shadow,
        ..PassOptions::default()
    };
    adapter.try_pass(&options).await.unwrap()
}

fn arrives(server: &FakeServer, case: &str, file: &str) {
    server.seed_bundle(&case_file(case, file)).unwrap();
}

fn assert_only_read(server: &FakeServer) {
    let requests = server.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|request| request.method == "GET"));
}

/// What stands on a server of ours, without what differs from one writing to the next.
fn ours(server: &FakeServer) -> BTreeSet<String> {
    let standing = |kind: &str| -> Vec<String> {
        let texts = server.all(kind);
        let resources = texts
            .iter()
            .map(|text| serde_json::from_str::<Value>(text).unwrap());
        resources
            .filter(|resource| resource["id"].as_str().unwrap().starts_with("h2"))
            .map(|resource| {
                format!(
                    "{kind}/{} {} {} {}",
                    resource["id"],
                    resource["meta"]["versionId"],
                    resource["status"],
                    resource["interpretation"]
                )
            })
            .collect()
    };
    let kinds = ["Observation", "Task"];
    kinds.into_iter().flat_map(standing).collect()
}

#[tokio::test]
async fn a_shadow_pass_of_the_whole_program_only_reads_from_the_server() {
    let (server, _) = stage(&[LOW, INSUFFICIENT, BROKEN]).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::load(None).unwrap();
    config.server.read = Some(server.base_url().parse().unwrap());
    config.store.path = folder.path().join("store.sqlite");
    config.mode = Mode::Shadow;
    let runner = Runner::open(config).await.unwrap();
    for _ in 0..2 {
        runner.pass(&PassOptions::default()).await.unwrap();
    }
    assert_only_read(&server);
    runner.close().await;
}

#[tokio::test]
async fn a_shadow_pass_keeps_what_it_would_write_and_a_second_one_finds_nothing_new() {
    let (server, adapter) = stage(&[LOW, INSUFFICIENT]).await;
    let first = shadow_pass(&adapter).await;
    assert_eq!((first.ledger.written, first.ledger.review), (1, 1));
    assert_eq!(first.changes.get(&Change::New), Some(&1));
    assert_eq!(first.changes.get(&Change::Worklist), Some(&1));
    assert!(adapter.store.cursor("pull").await.unwrap().is_some());
    let pass = adapter.store.last_pass().await.unwrap().unwrap();
    assert!(pass.shadow && pass.written == 1);
    let second = shadow_pass(&adapter).await;
    assert_eq!((second.ledger.written, second.ledger.unchanged), (0, 1));
    assert!(second.changes.is_empty());
    assert_only_read(&server);
    for (case, _) in &first.cases {
        let kept = adapter.store.shadow_results(&case.id).await.unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].fingerprint, case.fingerprint);
        assert_eq!(kept[0].status, case.decision.status.name());
        let text = kept[0].observation.as_deref();
        match kept[0].status.as_str() {
            "insufficient" => assert_eq!(text, None),
            _ => assert!(text.unwrap().contains("260385009"), "the code of negative"),
        }
    }
}

#[tokio::test]
async fn an_amended_report_adds_a_result_to_the_shadow_and_removes_none() {
    let (server, adapter) = stage(&[AMENDED]).await;
    let first = shadow_pass(&adapter).await;
    arrives(&server, AMENDED, "bundle-amended.json");
    let second = shadow_pass(&adapter).await;
    assert_eq!(second.changes.get(&Change::Revised), Some(&1));
    let id = &first.cases[0].0.id;
    let kept = adapter.store.shadow_results(id).await.unwrap();
    let statuses: Vec<&str> = kept.iter().map(|kept| kept.status.as_str()).collect();
    assert_eq!(statuses, ["negative", "positive"]);
}

#[tokio::test]
async fn after_three_shadow_passes_the_first_pass_that_writes_writes_every_case_once() {
    let (server, adapter) = stage(&[LOW, BROKEN]).await;
    shadow_pass(&adapter).await;
    for case in [AMENDED, RETRACTED, INSUFFICIENT] {
        arrives(&server, case, "bundle.json");
    }
    shadow_pass(&adapter).await;
    arrives(&server, AMENDED, "bundle-amended.json");
    arrives(&server, RETRACTED, "bundle-retracted.json");
    shadow_pass(&adapter).await;
    assert_only_read(&server);
    // Months later nothing of it is in the window any more.
    let now = "2099-01-01T00:00:00Z";
    adapter.store.set_cursor("pull", now).await.unwrap();

    let dry = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    let dry = adapter.try_pass(&dry).await.unwrap();
    assert_only_read(&server);
    let live = adapter.pass().await;
    assert_eq!(dry.ledger, live.ledger);
    assert_eq!(dry.changes, live.changes);
    assert_eq!(live.ledger.retry, 0);
    assert_eq!(live.changes.get(&Change::New), Some(&3));
    assert_eq!(live.changes.get(&Change::Worklist), Some(&2));

    // The same as if there had never been a shadow.
    let (other, without_shadow) = stage(&[LOW, BROKEN, AMENDED, RETRACTED, INSUFFICIENT]).await;
    arrives(&other, AMENDED, "bundle-amended.json");
    arrives(&other, RETRACTED, "bundle-retracted.json");
    without_shadow.pass().await;
    assert_eq!(ours(&server), ours(&other));
    assert!(
        results(&server)
            .iter()
            .all(|result| result["meta"]["versionId"] == "1")
    );
    assert!(
        open_tasks(&server)
            .iter()
            .any(|task| task.get("for").is_none())
    );

    let again = adapter.pass().await;
    assert_eq!(again.ledger.written, 0);
    assert!(adapter.store.parked().await.unwrap().is_empty());
    assert!(adapter.store.open_shadow().await.unwrap().is_empty());
    assert!(adapter.store.unnamed().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_case_that_could_not_be_written_when_the_shadow_ended_is_written_later() {
    let (server, adapter) = stage(&[LOW]).await;
    shadow_pass(&adapter).await;
    let far = "2099-01-01T00:00:00Z";
    adapter.store.set_cursor("pull", far).await.unwrap();
    server.order_fault("status:code=422,method=POST,times=1".parse().unwrap());
    assert_eq!(adapter.pass().await.ledger.failed, 1);
    assert_eq!(adapter.pass().await.ledger.written, 1);
    assert_eq!(results(&server).len(), 1);
}

#[tokio::test]
async fn what_changes_in_a_shadow_after_go_live_is_written_when_it_ends() {
    let (server, adapter) = stage(&[RETRACTED, AMENDED, LOW]).await;
    adapter.pass().await;
    let before = ours(&server);
    arrives(&server, RETRACTED, "bundle-retracted.json");
    arrives(&server, AMENDED, "bundle-amended.json");
    let shadow = shadow_pass(&adapter).await;
    assert_eq!(shadow.changes.get(&Change::Withdrawn), Some(&1));
    assert_eq!(shadow.changes.get(&Change::Revised), Some(&1));
    assert_eq!(ours(&server), before);
    let far = "2099-01-01T00:00:00Z";
    adapter.store.set_cursor("pull", far).await.unwrap();
    let live = adapter.pass().await;
    assert_eq!(live.changes.get(&Change::Withdrawn), Some(&1));
    assert_eq!(live.changes.get(&Change::Revised), Some(&1));
}

#[tokio::test]
async fn the_shadow_is_compared_with_what_the_laboratory_reports_and_names_no_patient() {
    let (server, adapter) = stage(&[AGREES, DIFFERS, LOW, INSUFFICIENT]).await;
    arrives(&server, RETRACTED, "bundle.json");
    shadow_pass(&adapter).await;
    arrives(&server, RETRACTED, "bundle-retracted.json");
    shadow_pass(&adapter).await;
    let comparison = Comparison::read(&adapter.store).await.unwrap();
    assert_eq!(
        comparison.to_string(),
        "\
asco-cap-2018: 4 cases = 1 agree + 1 differ + 1 laboratory silent + 1 adapter undecided
       1  agree              laboratory positive, adapter positive
       1  differ             laboratory negative, adapter equivocal
       1  laboratory silent  laboratory nothing, adapter negative
       1  adapter undecided  laboratory nothing, adapter insufficient
4 cases = 1 agree + 1 differ + 1 laboratory silent + 1 adapter undecided
"
    );
}
