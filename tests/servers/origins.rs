//! Sources: what a laboratory sends. References go by the scene's own names.

use serde_json::{Value, json};

const LOINC: &str = "http://loinc.org";

/// A report on one specimen of a breast of a patient of its own, with its results.
pub fn report(name: &str, results: &[Value]) -> Vec<Value> {
    let names = |kind: &str| format!("{kind}/{name}");
    let mut sources = vec![
        json!({"resourceType": "Patient", "id": name, "gender": "female",
               "identifier": [{"system": "https://hospital.example/mrn", "value": name}]}),
        json!({"resourceType": "Specimen", "id": name, "status": "available",
               "identifier": [{"system": "https://hospital.example/specimen", "value": name}],
               "type": {"coding": [{"system": "http://snomed.info/sct", "code": "119376003"}]},
               "subject": {"reference": names("Patient")},
               "collection": {"collectedDateTime": "2026-03-02T10:15:00Z",
                   "bodySite": {"coding": [{"system": "http://snomed.info/sct", "code": "80248007"}]}}}),
    ];
    for result in results {
        let mut result = result.clone();
        result["subject"] = json!({"reference": names("Patient")});
        result["specimen"] = json!({"reference": names("Specimen")});
        sources.push(result);
    }
    let named: Vec<Value> = results.iter().map(|result| {
        json!({"reference": format!("Observation/{}", result["id"].as_str().unwrap())})
    }).collect();
    sources.push(
        json!({"resourceType": "DiagnosticReport", "id": name, "status": "final",
        "identifier": [{"system": "https://hospital.example/accession", "value": name}],
        "code": {"coding": [{"system": LOINC, "code": "22637-3"}]},
        "subject": {"reference": names("Patient")}, "specimen": [{"reference": names("Specimen")}],
        "effectiveDateTime": "2026-03-02T10:15:00Z", "issued": "2026-03-05T16:00:00.000Z",
        "result": named}),
    );
    sources
}

fn result(name: &str, code: &str) -> Value {
    json!({"resourceType": "Observation", "id": name, "status": "final",
           "category": [{"coding": [{"code": "laboratory",
               "system": "http://terminology.hl7.org/CodeSystem/observation-category"}]}],
           "code": {"coding": [{"system": LOINC, "code": code}]},
           "effectiveDateTime": "2026-03-02T10:15:00Z", "issued": "2026-03-05T15:00:00.000Z"})
}

const SCORES: [&str; 4] = ["LA6111-4", "LA11841-6", "LA11842-4", "LA11843-2"];

/// The IHC score that a result of ours states in a component.
pub fn ihc_score(result: &Value) -> Option<usize> {
    let mut components = result["component"].as_array()?.iter();
    let component =
        components.find(|component| component["code"]["coding"][0]["code"] == "85319-2")?;
    let answer = &component["valueCodeableConcept"]["coding"][0]["code"];
    SCORES.iter().position(|score| answer == score)
}

/// An IHC score of 0 to 3 plus.
pub fn ihc(name: &str, score: usize) -> Value {
    let mut result = result(name, "85319-2");
    result["valueCodeableConcept"] = json!({"coding": [{"system": LOINC, "code": SCORES[score]}]});
    result
}

/// A FISH count of group 1; its ratio of 2.50 has a digit that only a decimal keeps.
pub fn fish_group_1(name: &str) -> Value {
    fish(name, "2.50", "6.00", "2.40")
}

/// A FISH count of group 2, which says nothing without IHC of the same tissue.
pub fn fish_group_2(name: &str) -> Value {
    fish(name, "2.50", "3.00", "1.20")
}

fn fish(name: &str, ratio: &str, copies: &str, cep17: &str) -> Value {
    let exact = |value: &str, unit: &str| json!({"value": format!("exact {value}"), "unit": unit});
    let component = |code: &str, value: &str| json!({"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": exact(value, "#")});
    let mut result = result(name, "49683-6");
    result["valueQuantity"] = exact(ratio, "{ratio}");
    result["method"] =
        json!({"coding": [{"system": "http://snomed.info/sct", "code": "257430009"}]});
    result["component"] = json!([
        component("74860-8", copies),
        component("74861-6", cep17),
        component("62361-1", "40")
    ]);
    result
}

/// Oestrogen receptor, which is not our concern.
pub fn oestrogen_receptor(name: &str) -> Value {
    let mut result = result(name, "85337-4");
    result["valueCodeableConcept"] =
        json!({"coding": [{"system": "http://snomed.info/sct", "code": "10828004"}]});
    result
}

/// Sources as they stand after a withdrawal.
pub fn withdrawn(mut sources: Vec<Value>) -> Vec<Value> {
    for source in &mut sources {
        if ["DiagnosticReport", "Observation"].contains(&source["resourceType"].as_str().unwrap()) {
            source["status"] = json!("entered-in-error");
        }
    }
    sources
}
