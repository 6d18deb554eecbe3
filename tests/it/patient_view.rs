//! The patient view: a second result over the specimens of one tumour, beside theirs.

use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use serde_json::{Value, json};

use crate::reading::{LOINC, coded, ihc};
use crate::support::{Adapter, results};

/// The score of a specimen of the patient's left breast cancer.
fn result(specimen: &str, score: &str) -> Value {
    let mut result = ihc(&format!("{specimen}-ihc"), score);
    result["specimen"] = json!({"reference": format!("Specimen/{specimen}")});
    result
}

fn specimen(id: &str, site: &str) -> Value {
    json!({"resourceType": "Specimen", "id": id, "subject": {"reference": "Patient/p"},
        "collection": {"bodySite": coded("http://snomed.info/sct", site)}})
}

const LEFT: &str = "80248007";
const RIGHT: &str = "73056007";

async fn server(resources: &[Value]) -> FakeServer {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    put(&server, resources);
    server
}

fn put(server: &FakeServer, resources: &[Value]) {
    let entry: Vec<Value> = (resources.iter())
        .map(|resource| json!({ "resource": resource }))
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entry});
    server.seed_bundle(&bundle.to_string()).unwrap();
}

async fn adapter(server: &FakeServer) -> Adapter {
    let mut adapter = Adapter::beside(&server.base_url()).await;
    adapter.rules.patient_summary = true;
    adapter
}

/// The results that stand on results.
fn views(server: &FakeServer) -> Vec<Value> {
    let of_results = |result: &Value| {
        let from = result["derivedFrom"][0]["reference"].as_str();
        from.is_some_and(|reference| reference.starts_with("Observation/h2o-"))
    };
    results(server).into_iter().filter(of_results).collect()
}

#[tokio::test]
async fn a_core_and_an_excision_of_one_side_have_a_view_that_follows_them() {
    let patient = [
        json!({"resourceType": "Patient", "id": "p"}),
        specimen("core", LEFT),
        specimen("excision", LEFT),
        result("core", "1+"),
        result("excision", "3+"),
    ];
    let server = server(&patient).await;
    let adapter = adapter(&server).await;
    let report = adapter.pass().await;
    assert_eq!(report.ledger.review, 2, "the view asks why they differ");

    let seen = views(&server);
    assert_eq!(results(&server).len(), 3);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["valueCodeableConcept"]["text"], "HER2 positive");
    assert_eq!(seen[0]["derivedFrom"].as_array().unwrap().len(), 2);
    assert_eq!(seen[0]["status"], "preliminary");

    let again = adapter.pass().await;
    assert_eq!(again.ledger.written, 0);
    assert_eq!(
        views(&server)[0]["meta"]["versionId"],
        seen[0]["meta"]["versionId"]
    );

    let mut withdrawn = result("excision", "3+");
    withdrawn["status"] = json!("entered-in-error");
    put(&server, &[withdrawn]);
    let report = adapter.pass().await;
    assert_eq!(report.ledger.review, 0, "nothing differs any more");
    let left = views(&server);
    assert_eq!(
        left[0]["valueCodeableConcept"]["text"],
        "HER2 negative, HER2-low"
    );
    assert_eq!(left[0]["derivedFrom"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn left_and_right_have_a_view_each_and_none_is_written_unless_asked_for() {
    let patient = [
        json!({"resourceType": "Patient", "id": "p"}),
        specimen("left", LEFT),
        specimen("right", RIGHT),
        result("left", "1+"),
        result("right", "3+"),
        json!({"resourceType": "Observation", "id": "er", "status": "final", "code": coded(LOINC, "85337-4"),
            "subject": {"reference": "Patient/p"}, "valueString": "positive"}),
    ];
    let server = server(&patient).await;
    let mut adapter = adapter(&server).await;
    adapter.rules.patient_summary = false;
    adapter.pass().await;
    assert!(views(&server).is_empty());

    let second = self::server(&patient).await;
    let adapter = self::adapter(&second).await;
    let report = adapter.pass().await;
    assert_eq!(report.ledger.review, 0);
    assert_eq!(views(&second).len(), 2);
}
