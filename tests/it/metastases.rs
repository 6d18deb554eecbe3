//! Advice to test a metastasis: given where codes say for certain that tissue of a distant one is there and untested.

use her2_adapter::her2::decision::{Decision, WarningCode};
use serde_json::{Value, json};

use crate::reading::{LOINC, coded, derived, observation};

const SCT: &str = "http://snomed.info/sct";
const ICD_10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const DIAGNOSIS: &str = "https://www.medizininformatik-initiative.de/fhir/ext/modul-biobank/StructureDefinition/Diagnose";

fn condition(id: &str, system: &str, code: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"}, "code": coded(system, code)})
}

/// A specimen of some type, from some place.
fn specimen(id: &str, kind: &str, site: &str) -> Value {
    json!({"resourceType": "Specimen", "id": id, "subject": {"reference": "Patient/p"},
        "type": coded(SCT, kind), "collection": {"bodySite": coded(SCT, site)}})
}

const TISSUE: &str = "119376003";
const SERUM: &str = "119364003";
const BREAST: &str = "76752008";
const LIVER: &str = "10200004";

/// The same, said to hold material of a Condition.
fn of_condition(mut specimen: Value, condition: &str) -> Value {
    let reference = json!({"reference": format!("Condition/{condition}")});
    specimen["extension"] = json!([{"url": DIAGNOSIS, "valueReference": reference}]);
    specimen
}

fn score(specimen: &str, score: &str) -> Value {
    let on =
        json!({"valueString": score, "specimen": {"reference": format!("Specimen/{specimen}")}});
    observation(&format!("{specimen}-ihc"), coded(LOINC, "85319-2"), on)
}

/// An oestrogen receptor on the liver tissue, of some Conditions.
fn other_marker(conditions: &[&str]) -> Value {
    let focus: Vec<Value> = (conditions.iter())
        .map(|condition| json!({"reference": format!("Condition/{condition}")}))
        .collect();
    let on = json!({"valueString": "positive", "specimen": {"reference": "Specimen/liver"}, "focus": focus});
    observation("er", coded(LOINC, "85337-4"), on)
}

/// A breast tumour of score 1+, with more resources of the patient.
fn patient(more: &[Value]) -> Vec<Value> {
    let tested = [specimen("breast", TISSUE, BREAST), score("breast", "1+")];
    tested.iter().chain(more).cloned().collect()
}

fn decision_on(specimen: &str, resources: &[Value]) -> Decision {
    let derived = derived(resources);
    let tissue = format!("Specimen/{specimen}");
    let is_of = |tissue: &Option<String>, key: &str| tissue.as_deref() == Some(key);
    let mut cases = derived.cases.iter();
    let case = cases.find(|case| is_of(&case.tissue, &tissue)).unwrap();
    case.decision.clone()
}

fn is_advised(resources: &[Value]) -> bool {
    let decision = decision_on("breast", resources);
    let is_advice = |code| code == WarningCode::MetastasisNotTested;
    (decision.warnings.iter()).any(|warning| is_advice(warning.code))
}

fn liver_of(system: &str, code: &str) -> Vec<Value> {
    let liver = of_condition(specimen("liver", TISSUE, LIVER), "met");
    patient(&[condition("met", system, code), liver])
}

#[test]
fn tissue_that_holds_a_distant_metastasis_is_to_be_tested_and_nothing_else_changes() {
    for (system, code) in [(ICD_10, "C78.7"), (ICD_10, "C79.51"), (SCT, "94381002")] {
        let resources = liver_of(system, code);
        assert!(is_advised(&resources), "{code}");
        let advised = decision_on("breast", &resources);
        assert!(advised.warnings[0].detail.contains("Specimen/liver"));
        let without = Decision {
            warnings: Vec::new(),
            ..advised
        };
        assert_eq!(without, decision_on("breast", &patient(&[])));
    }
}

#[test]
fn a_result_on_tissue_that_names_nothing_but_the_metastasis_says_what_the_tissue_is() {
    let liver = specimen("liver", TISSUE, LIVER);
    let met = condition("met", SCT, "94381002");
    let primary = condition("primary", ICD_10, "C50.9");
    let with = |conditions: &[&str]| {
        is_advised(&patient(&[
            met.clone(),
            primary.clone(),
            liver.clone(),
            other_marker(conditions),
        ]))
    };
    assert!(with(&["met"]));
    assert!(!with(&["met", "primary"]));
    assert!(!with(&["primary"]));
    assert!(!with(&[]));
}

#[test]
fn what_is_not_certainly_a_distant_metastasis_is_no_advice() {
    // Nodes may be regional, and a place that is not told may be one.
    for (system, code) in [(ICD_10, "C77.3"), (SCT, "128462008"), (ICD_10, "C22.0")] {
        assert!(!is_advised(&liver_of(system, code)), "{code}");
    }
    let liver = || of_condition(specimen("liver", TISSUE, LIVER), "met");
    let met = || condition("met", ICD_10, "C78.7");
    let quiet = |more: &[Value]| assert!(!is_advised(&patient(more)));
    for status in ["provisional", "refuted", "entered-in-error"] {
        let mut doubted = met();
        doubted["verificationStatus"] = coded("urn:status", status);
        quiet(&[doubted, liver()]);
    }
    let words = json!({"resourceType": "Condition", "id": "met", "subject": {"reference": "Patient/p"},
        "code": {"text": "Secondary malignant neoplasm of liver"}});
    quiet(&[words, liver()]);
    quiet(&[met(), of_condition(specimen("liver", SERUM, LIVER), "met")]);
    quiet(&[
        met(),
        of_condition(specimen("liver", TISSUE, BREAST), "met"),
    ]);
    let mut used_up = liver();
    used_up["status"] = json!("unavailable");
    quiet(&[met(), used_up]);
    let mut of_another = met();
    of_another["subject"] = json!({"reference": "Patient/q"});
    quiet(&[of_another, liver()]);
    // Nobody can tell of which primary it is.
    quiet(&[met(), liver(), condition("colon", ICD_10, "C18.7")]);
}

#[test]
fn a_test_that_may_be_of_a_metastasis_is_reason_for_no_advice() {
    let with = |more: Value| {
        let mut resources = liver_of(ICD_10, "C78.7");
        resources.push(more);
        is_advised(&resources)
    };
    assert!(!with(score("liver", "0")));
    assert!(!with(score("somewhere", "0")));
    let mut pending = score("liver", "0");
    pending["status"] = json!("registered");
    assert!(!with(pending));
    let mut nowhere = score("nowhere", "0");
    nowhere.as_object_mut().unwrap().remove("specimen");
    assert!(!with(nowhere));
    let mut withdrawn = score("liver", "0");
    withdrawn["status"] = json!("entered-in-error");
    assert!(with(withdrawn));
}

#[test]
fn a_metastasis_in_another_organ_makes_that_no_primary_site() {
    let mut lung = condition("met", SCT, "94391008");
    lung["bodySite"] = json!([coded(
        "http://terminology.hl7.org/CodeSystem/icd-o-3",
        "C34.1"
    )]);
    let mut tested = score("lung", "3+");
    tested["focus"] = json!([{"reference": "Condition/met"}]);
    let decision = decision_on(
        "lung",
        &[specimen("lung", TISSUE, "39607008"), lung, tested],
    );
    assert_eq!(decision.status.name(), "positive");
}
