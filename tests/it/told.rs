//! Narrative on its way to a result: it counts where no coded result says it, and never alone against one.

use her2_adapter::app;
use her2_adapter::config::Config;
use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::pipeline::derive;
use her2_adapter::pipeline::ledger::UnitContent;
use her2_adapter::pipeline::record::DecisionRecord;
use her2_adapter::pipeline::results::{Composer, Release};
use serde_json::{Value, json};

use crate::golden_cases::rules;
use crate::reading::{coded, derived, ihc, observation, only};

const LOINC: &str = "http://loinc.org";

fn breast() -> Value {
    json!({"resourceType": "Specimen", "id": "s", "subject": {"reference": "Patient/p"},
        "collection": {"bodySite": coded("http://snomed.info/sct", "76752008")}})
}

/// A pathology report of one specimen with some results and texts.
fn report(results: &[&str], more: Value) -> Value {
    let results: Vec<Value> = (results.iter())
        .map(|id| json!({"reference": format!("Observation/{id}")}))
        .collect();
    let mut resource = json!({
        "resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": coded(LOINC, "60568-3"),
        "subject": {"reference": "Patient/p"}, "specimen": [{"reference": "Specimen/s"}], "result": results,
    });
    for (key, value) in more.as_object().unwrap() {
        resource[key] = value.clone();
    }
    resource
}

fn record(resources: &[Value]) -> Value {
    serde_json::to_value(DecisionRecord::of(only(&derived(resources)))).unwrap()
}

fn review(record: &Value) -> Vec<&str> {
    (record["review"].as_array().unwrap().iter())
        .map(|item| item["code"].as_str().unwrap())
        .collect()
}

#[test]
fn a_conclusion_is_evidence_with_its_words_where_nothing_is_coded() {
    let text = "Invasives Karzinom NST, G2. HER2 negativ (Score 1+), Ki-67 15%.";
    let record = record(&[breast(), report(&[], json!({"conclusion": text}))]);
    let ihc = &record["evidence"]["ihc"][0];
    assert_eq!(ihc["score"], "1+");
    assert_eq!(ihc["origin"], "narrative");
    assert!(text.contains(ihc["span"].as_str().unwrap()));
    assert_eq!(ihc["span_at"], "DiagnosticReport.conclusion:28-50");
    assert_eq!(record["status"], "negative");
    assert_eq!(record["category"], "low");
}

#[test]
fn fish_in_words_resolves_a_coded_2_plus() {
    let text = "HER2 FISH: not amplified, HER2/CEP17 ratio 1.2, average HER2 copy number 2.4.";
    let record = record(&[
        breast(),
        ihc("i", "2+"),
        report(&["i"], json!({"conclusion": text})),
    ]);
    assert_eq!(record["status"], "negative");
    assert_eq!(record["evidence"]["ihc"][0]["origin"], "text");
    assert_eq!(record["evidence"]["ish"][0]["origin"], "narrative");
    assert_eq!(record["evidence"]["ish"][0]["ratio"], "1.2");
}

#[test]
fn narrative_that_repeats_a_coded_result_adds_nothing() {
    let record = record(&[
        breast(),
        ihc("i", "3+"),
        report(&["i"], json!({"conclusion": "HER2: positive (3+)."})),
    ]);
    assert_eq!(record["status"], "positive");
    assert_eq!(record["evidence"]["ihc"].as_array().unwrap().len(), 1);
    assert!(review(&record).is_empty());
}

#[test]
fn narrative_that_contradicts_a_coded_result_is_a_question() {
    for text in [
        "HER2 IHC: score 1+.",
        "HER2 immunohistochemistry is negative.",
    ] {
        let record = record(&[
            breast(),
            ihc("i", "3+"),
            report(&["i"], json!({"conclusion": text})),
        ]);
        assert_eq!(record["status"], "insufficient", "{text}");
        assert!(!review(&record).is_empty(), "{text}");
    }
}

#[test]
fn each_breast_of_one_text_goes_to_its_specimen() {
    let specimen = |id: &str, code: &str| {
        json!({"resourceType": "Specimen", "id": id, "subject": {"reference": "Patient/p"},
            "collection": {"bodySite": coded("http://snomed.info/sct", code)}})
    };
    let mut report = report(
        &[],
        json!({"conclusion": "Left breast, core biopsy. Invasive carcinoma, HER2 3+.\n\nRight breast, core biopsy. Invasive carcinoma, HER2 1+."}),
    );
    report["specimen"] = json!([{"reference": "Specimen/l"}, {"reference": "Specimen/r"}]);
    let derived = derived(&[specimen("l", "80248007"), specimen("r", "73056007"), report]);
    let statuses: Vec<(Option<&str>, &str)> = (derived.cases.iter())
        .map(|case| (case.tissue.as_deref(), case.decision.status.name()))
        .collect();
    assert_eq!(
        statuses,
        [
            (Some("Specimen/l"), "positive"),
            (Some("Specimen/r"), "negative")
        ]
    );
}

#[test]
fn a_history_or_a_drug_alone_is_a_worklist_item_and_no_result() {
    for text in [
        "Outside report: HER2 3+. Current specimen: no residual tumor.",
        "Candidate for anti-HER2 therapy with trastuzumab.",
        "HER2 scoring: 0 no staining, 1+ faint, 2+ moderate, 3+ strong staining.",
    ] {
        let derived = derived(&[breast(), report(&[], json!({"conclusion": text}))]);
        for case in &derived.cases {
            assert!(
                case.evidence.ihc.is_empty() && case.evidence.ish.is_empty(),
                "{text}"
            );
            assert!(!case.decision.review.is_empty(), "{text}");
        }
    }
}

#[test]
fn a_test_that_is_only_announced_is_no_result() {
    let derived = derived(&[
        breast(),
        report(
            &[],
            json!({"conclusion": "HER2 immunohistochemistry: pending."}),
        ),
    ]);
    assert!(derived.cases.is_empty());
    assert_eq!(derived.units[0].content, UnitContent::NoResult);
}

#[test]
fn a_note_is_read_beside_the_result_it_stands_at() {
    let noted = observation(
        "i",
        coded(LOINC, "85319-2"),
        json!({"valueString": "3+", "note": [{"text": "Score 1+"}]}),
    );
    let record = record(&[breast(), noted]);
    assert_eq!(record["status"], "insufficient");
    assert!(!review(&record).is_empty());
}

#[test]
fn a_result_from_narrative_is_preliminary_and_its_task_shows_the_words() {
    let rules = rules();
    let mut config = Config::load(None).unwrap();
    config.publish.final_without_sign_off = true;
    let publishing = app::publishing(&config, Release::R4).unwrap();
    let texts: Vec<String> = [
        breast(),
        json!({"resourceType": "Patient", "id": "p"}),
        report(
            &[],
            json!({"conclusion": "HER2 status: positive. HER2 IHC: 3+.", "issued": "2026-01-02T10:00:00Z"}),
        ),
    ]
    .iter()
    .map(Value::to_string)
    .collect();
    let mut pool = Pool::new(None);
    for text in &texts {
        pool.add(Json::parse(text).unwrap(), None, "a scene")
            .unwrap();
    }
    let derived = derive(&pool, &rules);
    let case = only(&derived);
    assert_eq!(case.decision.status.name(), "positive");
    let composer = Composer::new(case, &pool, &rules, &publishing, "2026-01-03T10:00:00Z");
    let resources = composer.compose(None).unwrap();
    let written: Vec<Value> = (resources.all())
        .map(|written| serde_json::from_str(&written.text).unwrap())
        .collect();
    let of_kind = |kind: &str| {
        written
            .iter()
            .find(|resource| resource["resourceType"] == kind)
            .unwrap()
    };
    assert_eq!(of_kind("Observation")["status"], "preliminary");
    let inputs = of_kind("Task")["input"].as_array().unwrap();
    let shown: Vec<&str> = (inputs.iter())
        .filter(|input| input["type"]["text"] == "read from narrative")
        .map(|input| input["valueString"].as_str().unwrap())
        .collect();
    assert!(
        shown.contains(&"DiagnosticReport.conclusion: HER2 IHC: 3+"),
        "{shown:?}"
    );
    // What the server shows to all says where it was read, and not what was written.
    assert!(!of_kind("Observation").to_string().contains("HER2 IHC: 3+"));
}
