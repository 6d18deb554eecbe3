//! What a laboratory takes back does not stay.

use crate::adapter::Adapter;
use crate::origins::{ihc, report, withdrawn};
use crate::results::WITHDRAWN;
use crate::stage::Stage;

#[tokio::test]
async fn a_retracted_report_withdraws_its_result_and_keeps_the_value() {
    let Some(stage) = Stage::enter("a retracted report withdraws its result").await else {
        return;
    };
    let sources = report("retracted", &[ihc("retracted-ihc", 1)]);
    stage.put(&sources).await;
    let adapter = Adapter::new(&stage, "store");
    adapter.pass().came_to(&[("written", 1)]);
    let before = stage.result("retracted").await;
    stage.put(&withdrawn(sources)).await;
    adapter.pass().came_to(&[("written", 1)]);
    stays_withdrawn(&stage, &adapter, "retracted", &before.key).await;
}

#[tokio::test]
async fn a_deleted_result_withdraws_what_rested_on_it() {
    let Some(stage) = Stage::enter("a deleted source withdraws what rested on it").await else {
        return;
    };
    stage
        .put(&report("deleted", &[ihc("deleted-ihc", 1)]))
        .await;
    let adapter = Adapter::new(&stage, "store");
    adapter.pass().came_to(&[("written", 1)]);
    let before = stage.result("deleted").await;
    // The report is sent anew without the result, as a laboratory system does that deletes one.
    stage.put(&report("deleted", &[])).await;
    if !stage.delete("Observation/deleted-ihc").await {
        return;
    }
    adapter.pass().came_to(&[("written", 1)]);
    stays_withdrawn(&stage, &adapter, "deleted", &before.key).await;
}

/// The one result of the patient is withdrawn with its Tasks, and further passes leave it so.
async fn stays_withdrawn(stage: &Stage, adapter: &Adapter, patient: &str, key: &str) {
    for _ in 0..2 {
        let results = stage.results(patient).await;
        let [after] = results.as_slice() else {
            panic!("{results:#?}");
        };
        assert_eq!(
            (after.key.as_str(), after.status.as_str()),
            (key, WITHDRAWN)
        );
        assert_eq!(after.interpretation(), "NEG");
        assert!(stage.open_tasks(patient).await.is_empty());
        assert_eq!(stage.versions_of(after).await.unwrap_or(2), 2);
        stage.is_whole(after).await;
        assert_eq!(adapter.pass().ledger()["written"], 0);
    }
}
