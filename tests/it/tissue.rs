//! What is read of the tissue itself: how it was taken and fixed, its grade and its histology.

use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::evidence::{Fixative, Handling, Histology, Sample};
use her2_adapter::mapping::table::{BASE, Mapping};
use her2_adapter::pipeline::ledger::UnitContent;
use her2_adapter::pipeline::record::DecisionRecord;
use her2_adapter::pipeline::{Rules, derive};
use serde_json::{Value, json};

use crate::golden_cases::{IDENTIFIER_BASE, rules};
use crate::reading::{LOINC, coded, derived, ihc, observation, only};

const SCT: &str = "http://snomed.info/sct";

/// A specimen of the patient, with more elements over it.
fn specimen(id: &str, more: Value) -> Value {
    let mut resource =
        json!({"resourceType": "Specimen", "id": id, "subject": {"reference": "Patient/p"}});
    for (key, value) in more.as_object().unwrap() {
        resource[key] = value.clone();
    }
    resource
}

/// What is known of the tissue of the one case.
fn handling(resources: &[Value]) -> Handling {
    only(&derived(resources)).evidence.handling.clone()
}

#[test]
fn a_block_is_what_its_part_was_taken_as() {
    let part = specimen("part", json!({"type": coded(SCT, "397199005")}));
    let block = specimen(
        "s",
        json!({"parent": [{"reference": "Specimen/part"}], "type": {"text": "Tissue block"}}),
    );
    let read = handling(&[part.clone(), block, ihc("ihc", "1+")]);
    assert_eq!(read.sample, Some(Sample::Resection));

    let core = specimen(
        "s",
        json!({"parent": [{"reference": "Specimen/part"}], "collection": {"method": {"text": "Core biopsy"}}}),
    );
    assert_eq!(handling(&[part, core, ihc("ihc", "1+")]).sample, None);
}

#[test]
fn times_are_read_from_a_period_and_from_a_duration() {
    let fixed = specimen(
        "s",
        json!({"processing": [
            {"procedure": coded(SCT, "787378005"),
             "timePeriod": {"start": "2024-05-28T10:00:00+02:00", "end": "2024-05-28T15:30:00+02:00"}},
            {"description": "Cold ischaemia time", "timeDuration": {"value": 1.5, "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"}},
            {"procedure": {"text": "Decalcification"}},
        ]}),
    );
    let read = handling(&[fixed, ihc("ihc", "1+")]);
    let text = |measure: Option<her2_adapter::her2::number::Measure>| measure.unwrap().to_string();
    assert_eq!(text(read.fixation_hours), "5.5");
    assert_eq!(text(read.cold_ischemia_minutes), "90");
    assert_eq!(read.decalcified, Some(true));
}

#[test]
fn a_period_of_days_tells_no_hours_and_of_several_times_the_one_out_of_range_stays() {
    let fixed = |periods: &[(&str, &str)]| {
        let steps: Vec<Value> = (periods.iter())
            .map(|(start, end)| json!({"procedure": {"text": "fixation"}, "timePeriod": {"start": start, "end": end}}))
            .collect();
        let read = handling(&[
            specimen("s", json!({ "processing": steps })),
            ihc("ihc", "1+"),
        ]);
        read.fixation_hours.map(|hours| hours.to_string())
    };
    assert_eq!(fixed(&[("2024-05-28", "2024-05-30")]), None);
    let (start, day, long) = (
        "2024-05-28T10:00:00Z",
        "2024-05-29T10:00:00Z",
        "2024-06-01T10:00:00Z",
    );
    assert_eq!(fixed(&[(start, day), (start, long)]).as_deref(), Some("96"));
}

#[test]
fn of_several_waits_for_fixation_the_longest_stays() {
    let wait = |minutes: u32| json!({"description": "cold ischemia time", "timeDuration": {"value": minutes, "unit": "min"}});
    let waited = specimen("s", json!({"processing": [wait(30), wait(70), wait(45)]}));
    let read = handling(&[waited, ihc("ihc", "1+")]);
    assert_eq!(read.cold_ischemia_minutes.unwrap().to_string(), "70");
}

#[test]
fn a_fixative_is_an_additive_of_fixation_or_of_the_container() {
    let substance = json!({"resourceType": "Substance", "id": "fix", "code": coded("http://terminology.hl7.org/CodeSystem/v2-0371", "F10")});
    let contained = specimen(
        "s",
        json!({"contained": [substance], "processing": [{"additive": [{"reference": "#fix"}]}]}),
    );
    assert_eq!(
        handling(&[contained, ihc("ihc", "1+")]).fixative,
        Some(Fixative::Formalin)
    );
    let alcohol = json!({"additiveCodeableConcept": {"text": "95% ethanol"}});
    let in_alcohol = specimen("s", json!({ "container": [alcohol] }));
    assert_eq!(
        handling(&[in_alcohol, ihc("ihc", "1+")]).fixative,
        Some(Fixative::Other)
    );
    let by_its_name = specimen(
        "s",
        json!({"type": {"text": "Cytology smear"}, "processing": [{"procedure": {"text": "Alcohol fixation"}}]}),
    );
    let read = handling(&[by_its_name, ihc("ihc", "1+")]);
    assert_eq!(
        (read.sample, read.fixative),
        (Some(Sample::Cytology), Some(Fixative::Other))
    );
    // Alcohol also dehydrates tissue that was fixed in formalin.
    let dehydrated = specimen(
        "s",
        json!({"processing": [{"description": "Dehydration", "additive": [{"display": "ethanol"}]}]}),
    );
    assert_eq!(handling(&[dehydrated, ihc("ihc", "1+")]).fixative, None);
    let dried = specimen(
        "s",
        json!({"container": [{"additiveCodeableConcept": {"text": "air dried"}}]}),
    );
    assert_eq!(handling(&[dried, ihc("ihc", "1+")]).fixative, None);
}

#[test]
fn two_fixatives_of_one_tissue_are_a_question() {
    let container = |text: &str| json!({"additiveCodeableConcept": {"text": text}});
    let both = specimen(
        "s",
        json!({"container": [container("CytoLyt"), container("10% neutral buffered formalin")]}),
    );
    let derived = derived(&[both, ihc("ihc", "1+")]);
    let evidence = &only(&derived).evidence;
    assert_eq!(evidence.handling.fixative, None);
    assert_eq!(evidence.unreadable.len(), 1);
    assert!(evidence.unreadable[0].detail.contains("fixatives"));
}

#[test]
fn a_grade_tells_of_its_own_tissue_and_is_no_result() {
    let grade = |specimen: &str| {
        observation(
            "grade",
            coded(LOINC, "44648-4"),
            json!({"valueCodeableConcept": coded(SCT, "1155704001"), "specimen": {"reference": specimen}}),
        )
    };
    let of_case = [ihc("ihc", "1+"), grade("Specimen/s")];
    assert_eq!(handling(&of_case).grade, Some(3));
    let own = derived(&of_case);
    assert!(only(&own).excluded.is_empty());
    assert_eq!(only(&own).inputs.len(), 1);
    assert_eq!(
        handling(&[ihc("ihc", "1+"), grade("Specimen/other")]).grade,
        None
    );

    let alone = derived(&[grade("Specimen/s")]);
    assert!(alone.cases.is_empty() && alone.empty.is_empty());
    assert_eq!(alone.units[0].content, UnitContent::NotHer2);
}

/// A laboratory's own codes for times, fixative and decalcification.
const OWN_CODES: &str = r#"
[header]
name = "own"
purpose = "a scene"
source = "a scene"
version = "1"
reviewed_by = "nobody"
reviewed_on = "2026-01-01"
[systems]
lab = ["urn:lab"]
[[finding]]
is = "fixation-hours"
codes = [{ system = "lab", code = "FIX", display = "Fixation time" }]
[[finding]]
is = "cold-ischemia-minutes"
codes = [{ system = "lab", code = "COLD", display = "Cold ischaemia" }]
[[finding]]
is = "decalcified"
codes = [{ system = "lab", code = "DECAL", display = "Decalcified" }]
[[finding]]
is = "fixative"
codes = [{ system = "lab", code = "IN", display = "Fixative" }]
"#;

#[test]
fn a_laboratory_may_send_what_is_known_of_the_tissue_as_components() {
    let part =
        |code: &str, key: &str, value: Value| json!({"code": coded("urn:lab", code), key: value});
    let mut stain = ihc("ihc", "1+");
    stain["component"] = json!([
        part("FIX", "valueQuantity", json!({"value": 4, "unit": "hours"})),
        part("COLD", "valueString", json!("1.5 h")),
        part("DECAL", "valueBoolean", json!(true)),
        part("IN", "valueString", json!("10% NBF")),
    ]);
    let text = stain.to_string();
    let mut pool = Pool::new(None);
    pool.add(Json::parse(&text).unwrap(), None, "a scene")
        .unwrap();
    let files = [("base", BASE), ("own", OWN_CODES)];
    let rules = Rules {
        mapping: Mapping::load(&files, IDENTIFIER_BASE).unwrap(),
        ..rules()
    };
    let derived = derive(&pool, &rules);
    let case = only(&derived);
    assert!(case.evidence.unreadable.is_empty());
    let record = serde_json::to_value(DecisionRecord::of(case)).unwrap();
    assert_eq!(
        record["evidence"]["handling"],
        json!({"fixative": "formalin", "fixation_hours": "4", "cold_ischemia_minutes": "90", "decalcified": true})
    );
}

#[test]
fn a_grade_of_a_slide_tells_of_the_other_slides_of_its_block() {
    let slide = |id: &str| {
        specimen(
            id,
            json!({"type": coded(SCT, "430856003"), "parent": [{"reference": "Specimen/block"}]}),
        )
    };
    let grade = observation(
        "grade",
        coded(LOINC, "44648-4"),
        json!({"valueString": "Grade 3", "specimen": {"reference": "Specimen/he"}}),
    );
    let resources = [slide("s"), slide("he"), grade, ihc("ihc", "1+")];
    assert_eq!(handling(&resources).grade, Some(3));
}

#[test]
fn the_histology_of_the_tumour_is_kept_and_shown_in_the_record() {
    let condition = json!({"resourceType": "Condition", "id": "c", "code": coded(SCT, "254837009"),
        "extension": [{"url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior",
            "valueCodeableConcept": coded("http://terminology.hl7.org/CodeSystem/icd-o-3", "8480/3")}]});
    let mut stain = ihc("ihc", "3+");
    stain["focus"] = json!([{"reference": "Condition/c"}]);
    let derived = derived(&[condition, stain]);
    let case = only(&derived);
    assert_eq!(case.evidence.handling.histology, Some(Histology::Mucinous));
    let record = serde_json::to_value(DecisionRecord::of(case)).unwrap();
    assert_eq!(
        record["evidence"]["handling"],
        json!({"histology": "mucinous"})
    );
}
