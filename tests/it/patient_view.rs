//! The patient view: a second result over the specimens of one tumour, beside theirs.

use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::pipeline::{Rules, derive};
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use serde_json::{Value, json};

use crate::golden_cases::rules;
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

/// How many specimens each view of some resources takes together, sorted.
fn sizes(resources: &[Value]) -> Vec<usize> {
    let texts: Vec<String> = resources.iter().map(Value::to_string).collect();
    let mut pool = Pool::new(None);
    for text in &texts {
        pool.add(Json::parse(text).unwrap(), None, "a scene")
            .unwrap();
    }
    let rules = Rules {
        patient_summary: true,
        ..rules()
    };
    let derived = derive(&pool, &rules);
    let views = derived.cases.iter().filter(|case| case.is_patient_view());
    let mut sizes: Vec<usize> = views.map(|view| view.summarises.len()).collect();
    sizes.sort_unstable();
    sizes
}

/// Two tested specimens.
fn both(one: Value, other: Value) -> Vec<Value> {
    let results = [&one, &other].map(|specimen| result(specimen["id"].as_str().unwrap(), "1+"));
    [one, other].into_iter().chain(results).collect()
}

fn without_place(id: &str) -> Value {
    json!({"resourceType": "Specimen", "id": id, "subject": {"reference": "Patient/p"}})
}

#[test]
fn sides_are_not_merged_and_one_side_is() {
    assert_eq!(sizes(&both(specimen("a", LEFT), specimen("b", LEFT))), [2]);
    let sides = both(specimen("a", LEFT), specimen("b", RIGHT));
    assert_eq!(sizes(&sides), [1, 1]);
    let one_unstated = both(specimen("a", LEFT), without_place("b"));
    assert_eq!(sizes(&one_unstated), [1, 1]);
}

#[test]
fn a_metastasis_is_not_merged_with_its_primary_whatever_tells_of_it() {
    const ICD_O: &str = "http://terminology.hl7.org/CodeSystem/icd-o-3";
    const DIAGNOSIS: &str = "https://www.medizininformatik-initiative.de/fhir/ext/modul-biobank/StructureDefinition/Diagnose";
    let condition = |id: &str, system: &str, code: &str| {
        json!({"resourceType": "Condition", "id": id,
        "subject": {"reference": "Patient/p"}, "code": coded(system, code)})
    };
    let of = |mut specimen: Value, condition: &str| {
        let reference = json!({"reference": format!("Condition/{condition}")});
        specimen["extension"] = json!([{"url": DIAGNOSIS, "valueReference": reference}]);
        specimen
    };
    // By its place.
    let by_place = both(specimen("a", LEFT), specimen("b", "10200004"));
    assert_eq!(sizes(&by_place), [1, 1]);
    // By a Condition of the specimen.
    let mut by_condition = both(without_place("a"), of(without_place("b"), "met"));
    by_condition.push(condition("met", "http://hl7.org/fhir/sid/icd-10", "C78.7"));
    assert_eq!(sizes(&by_condition), [1, 1]);
    // By another result on the specimen, of a metastasis without a place.
    let mut by_result = both(without_place("a"), without_place("b"));
    assert_eq!(sizes(&by_result), [2]);
    let mut other = result("b", "positive");
    other["id"] = json!("er");
    other["code"] = coded(LOINC, "85337-4");
    other["focus"] = json!([{"reference": "Condition/met"}]);
    by_result.extend([other, condition("met", ICD_O, "8500/6")]);
    assert_eq!(sizes(&by_result), [1, 1]);
    // Two metastases are no one tumour either.
    let mut two = both(of(without_place("a"), "one"), of(without_place("b"), "two"));
    two.extend(["one", "two"].map(|id| condition(id, "http://hl7.org/fhir/sid/icd-10", "C79.5")));
    assert_eq!(sizes(&two), [1, 1]);
}

#[test]
fn a_biopsy_and_a_resection_of_known_days_are_not_merged_for_treatment_may_lie_between() {
    const CORE: &str = "122737001";
    const EXCISION: &str = "397199005";
    let taken = |id: &str, kind: &str, day: Option<&str>| {
        let mut specimen = specimen(id, LEFT);
        specimen["type"] = coded("http://snomed.info/sct", kind);
        if let Some(day) = day {
            specimen["collection"]["collectedDateTime"] = json!(day);
        }
        specimen
    };
    let (first, last) = (Some("2024-01-10"), Some("2024-07-01"));
    let apart = both(taken("a", CORE, first), taken("b", EXCISION, last));
    assert_eq!(sizes(&apart), [1, 1]);
    let cores = both(
        taken("a", CORE, first),
        taken("b", CORE, Some("2024-01-17")),
    );
    assert_eq!(sizes(&cores), [2]);
    let blocks = both(taken("a", EXCISION, last), taken("b", EXCISION, last));
    assert_eq!(sizes(&blocks), [2]);
    // Without days nothing says that there were two occasions.
    let undated = both(taken("a", CORE, None), taken("b", EXCISION, Some("2024")));
    assert_eq!(sizes(&undated), [2]);
}

#[tokio::test]
async fn a_view_is_written_revised_and_withdrawn_with_its_last_specimen() {
    let tested = |id: &str, score: &str, status: &str| {
        let mut result = result(id, score);
        result["status"] = json!(status);
        result
    };
    let patient = [
        json!({"resourceType": "Patient", "id": "p"}),
        specimen("core", LEFT),
        specimen("excision", LEFT),
        tested("core", "1+", "final"),
        tested("excision", "0", "final"),
    ];
    let server = server(&patient).await;
    let mut adapter = Adapter::in_process(&server).await;
    adapter.rules.patient_summary = true;
    adapter.pass().await;
    let [written] = views(&server).try_into().unwrap();
    assert_eq!(
        written["valueCodeableConcept"]["text"],
        "HER2 negative, HER2-low"
    );

    put(&server, &[tested("excision", "3+", "corrected")]);
    adapter.pass().await;
    let [revised] = views(&server).try_into().unwrap();
    assert_eq!(revised["id"], written["id"]);
    assert_eq!(revised["meta"]["versionId"], "2");
    assert_eq!(revised["valueCodeableConcept"]["text"], "HER2 positive");

    put(&server, &[tested("core", "1+", "entered-in-error")]);
    adapter.pass().await;
    let [left] = views(&server).try_into().unwrap();
    assert_eq!(left["derivedFrom"].as_array().unwrap().len(), 1);

    put(&server, &[tested("excision", "3+", "entered-in-error")]);
    let report = adapter.pass().await;
    assert_eq!(report.ledger.failed, 0);
    let every = results(&server);
    assert_eq!(every.len(), 3);
    for result in &every {
        assert_eq!(result["status"], "entered-in-error", "{}", result["id"]);
    }
    assert!(every.iter().any(|result| result["id"] == written["id"]));

    // A result that comes back brings its view back.
    put(&server, &[tested("excision", "3+", "final")]);
    adapter.pass().await;
    let mut standing = results(&server);
    standing.retain(|result| result["status"] != "entered-in-error");
    assert!(standing.iter().any(|result| result["id"] == written["id"]));
    assert_eq!(standing.len(), 2);
}
