//! What is read of FHIR as it arrives, and what is put up for review because nobody can be sure of it.

use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::evidence::CountRole;
use her2_adapter::pipeline::ledger::UnitContent;
use her2_adapter::pipeline::{CaseResult, Derived, derive};
use serde_json::{Value, json};

use crate::golden_cases::rules;

const LOINC: &str = "http://loinc.org";
const EVIDENCE: &str = "https://her2-adapter.example/fhir/CodeSystem/her2-evidence";

fn derived(resources: &[Value]) -> Derived {
    let texts: Vec<String> = resources.iter().map(Value::to_string).collect();
    let mut pool = Pool::new(None);
    for text in &texts {
        // What a scene makes unreadable on purpose stays out of the pool.
        let _ = pool.add(Json::parse(text).unwrap(), None, "a scene");
    }
    derive(&pool, &rules())
}

fn only(derived: &Derived) -> &CaseResult {
    assert_eq!(derived.cases.len(), 1);
    &derived.cases[0]
}

fn coded(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

/// An Observation of one patient and specimen, with more elements over it.
fn observation(id: &str, code: Value, more: Value) -> Value {
    let mut resource = json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": code,
        "subject": {"reference": "Patient/p"}, "specimen": {"reference": "Specimen/s"},
    });
    for (key, value) in more.as_object().unwrap() {
        resource[key] = value.clone();
    }
    resource
}

fn ihc(id: &str, score: &str) -> Value {
    observation(id, coded(LOINC, "85319-2"), json!({"valueString": score}))
}

fn number(code: &str, value: f64) -> Value {
    json!({"code": coded(LOINC, code), "valueQuantity": {"value": value}})
}

fn without(mut resource: Value, key: &str) -> Value {
    resource.as_object_mut().unwrap().remove(key);
    resource
}

fn assert_asks_a_person(derived: &Derived) {
    for case in &derived.cases {
        assert!(!case.decision.status.is_decided(), "{}", case.decision.rule);
        assert!(!case.decision.review.is_empty());
    }
    assert!(!derived.cases.is_empty());
}

#[test]
fn the_kind_of_probe_is_read_as_a_code_and_as_a_text() {
    for probe in [
        json!({"valueCodeableConcept": coded(EVIDENCE, "single")}),
        json!({"valueString": "single"}),
    ] {
        let mut part = json!({"code": coded(EVIDENCE, "ish-probe")});
        part.as_object_mut()
            .unwrap()
            .extend(probe.as_object().unwrap().clone());
        let ish = observation(
            "ish",
            coded(LOINC, "85318-4"),
            json!({"component": [part, number("74860-8", 2.0), number("62361-1", 20.0)]}),
        );
        let derived = derived(&[ihc("ihc", "2+"), ish]);
        let case = only(&derived);
        assert_eq!(
            case.decision.rule.to_string(),
            "asco-cap-2018/single/copies-below-4/ihc-2+"
        );
    }
}

#[test]
fn loose_members_that_each_say_recount_are_one_recount() {
    let member = |id: &str, code, value, recount| {
        observation(
            id,
            coded(LOINC, code),
            json!({
                "valueQuantity": {"value": value},
                "component": [{"code": coded(EVIDENCE, "ish-recount"), "valueBoolean": recount}],
            }),
        )
    };
    let resources = [
        ihc("ihc", "2+"),
        member("a1", "49683-6", 1.7, false),
        member("a2", "74860-8", 6.8, false),
        member("a3", "62361-1", 20.0, false),
        member("b1", "49683-6", 1.6, true),
        member("b2", "74860-8", 6.5, true),
        member("b3", "62361-1", 30.0, true),
    ];
    let derived = derived(&resources);
    let case = only(&derived);
    let recount: Vec<_> = case
        .evidence
        .ish
        .iter()
        .filter(|count| count.role == CountRole::Recount)
        .collect();
    assert_eq!(recount.len(), 1);
    assert_eq!(
        recount[0]
            .cells
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some("30.0")
    );
    assert_eq!(
        case.decision.rule.to_string(),
        "asco-cap-2018/dual/group-3/ihc-2+/recount-same"
    );
}

#[test]
fn results_of_different_foci_without_specimens_are_not_read_together() {
    let focus = |resource: Value, condition: &str| {
        let mut resource = without(resource, "specimen");
        resource["focus"] = json!([{"reference": condition}]);
        resource
    };
    let ish = observation(
        "ish",
        coded(LOINC, "85318-4"),
        json!({"component": [number("49683-6", 2.4), number("74860-8", 5.0)]}),
    );
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": coded(LOINC, "60568-3"),
        "subject": {"reference": "Patient/p"}, "result": [{"reference": "Observation/ihc"}, {"reference": "Observation/ish"}]});
    let derived = derived(&[
        report,
        focus(ihc("ihc", "2+"), "Condition/c1"),
        focus(ish, "Condition/c2"),
    ]);
    assert_asks_a_person(&derived);
}

#[test]
fn a_component_of_a_her2_result_that_is_not_mapped_may_change_it() {
    let local = json!({"code": coded("urn:lab", "CELLS"), "valueQuantity": {"value": 12}});
    let ish = observation(
        "ish",
        coded(LOINC, "74885-5"),
        json!({"component": [number("49683-6", 1.1), number("74860-8", 2.2), local]}),
    );
    assert_asks_a_person(&derived(&[ihc("ihc", "2+"), ish]));
}

#[test]
fn a_score_answered_to_no_question_is_not_passed_over() {
    let codeless = without(
        observation(
            "x",
            json!({}),
            json!({"valueCodeableConcept": coded(LOINC, "LA11843-2")}),
        ),
        "code",
    );
    assert_asks_a_person(&derived(&[ihc("ihc", "1+"), codeless]));
}

#[test]
fn a_score_and_a_separate_word_that_contradict_withhold_the_status() {
    let word = observation(
        "w",
        coded(LOINC, "18474-7"),
        json!({"valueCodeableConcept": coded(LOINC, "LA6576-8")}),
    );
    assert_asks_a_person(&derived(&[ihc("ihc", "1+"), word.clone()]));
    assert_asks_a_person(&derived(&[ihc("ihc", "2+"), word]));
}

#[test]
fn numbers_that_no_count_can_give_do_not_decide() {
    let count = |component: Value| {
        observation(
            "ish",
            coded(LOINC, "85318-4"),
            json!({"component": component}),
        )
    };
    let single = |copies| {
        count(
            json!([number("74860-8", copies), {"code": coded(EVIDENCE, "ish-probe"), "valueString": "single"}]),
        )
    };
    for copies in [-1.0, 0.0, 47.0, 816.0] {
        assert_asks_a_person(&derived(&[ihc("ihc", "2+"), single(copies)]));
    }
    assert_asks_a_person(&derived(&[
        ihc("ihc", "2+"),
        count(json!([number("74860-8", 4.0), number("74861-6", 0.0)])),
    ]));
    assert_asks_a_person(&derived(&[
        ihc("ihc", "2+"),
        count(json!([number("49683-6", 240.0), number("74860-8", 5.0)])),
    ]));
}

#[test]
fn a_result_quoted_from_an_earlier_specimen_is_not_the_reports_own() {
    let quoted = without(ihc("old", "3+"), "specimen");
    let section = without(
        observation(
            "section",
            coded("http://cap.org/eCC", "43789.100004300"),
            json!({"hasMember": [{"reference": "Observation/old"}]}),
        ),
        "specimen",
    );
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": coded(LOINC, "60568-3"),
        "subject": {"reference": "Patient/p"}, "specimen": [{"reference": "Specimen/s"}], "result": [{"reference": "Observation/section"}]});
    assert_asks_a_person(&derived(&[report, section, quoted]));
}

#[test]
fn a_value_beside_a_reason_for_having_none_is_contradictory() {
    let mut both = ihc("ihc", "3+");
    both["dataAbsentReason"] = coded(
        "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "error",
    );
    assert_asks_a_person(&derived(&[both]));
}

#[test]
fn a_method_of_the_other_test_makes_a_result_unreadable() {
    let stained = json!({"text": "Immunohistochemistry"});
    let ish = observation(
        "ish",
        coded(LOINC, "85318-4"),
        json!({"valueCodeableConcept": coded(LOINC, "LA6576-8"), "method": stained}),
    );
    assert_asks_a_person(&derived(&[ish]));
}

#[test]
fn two_contents_under_one_id_decide_nothing_whatever_their_order() {
    let (one, other) = (ihc("ihc", "1+"), ihc("ihc", "3+"));
    let forwards = derived(&[one.clone(), other.clone()]);
    let backwards = derived(&[other, one]);
    assert_asks_a_person(&forwards);
    assert_eq!(only(&forwards).fingerprint, only(&backwards).fingerprint);
}

#[test]
fn a_specimen_or_report_of_another_patient_is_a_question() {
    let specimen =
        json!({"resourceType": "Specimen", "id": "s", "subject": {"reference": "Patient/other"}});
    assert_asks_a_person(&derived(&[ihc("ihc", "3+"), specimen]));
}

#[test]
fn a_modifier_extension_forbids_to_read_on() {
    let mut modified = ihc("ihc", "3+");
    modified["modifierExtension"] = json!([{"url": "urn:not-really", "valueBoolean": true}]);
    assert_asks_a_person(&derived(&[modified]));
}

#[test]
fn a_generic_stain_is_read_when_the_gene_studied_is_erbb2() {
    let gene = |code: &str| json!([{"code": coded(LOINC, "48018-6"), "valueCodeableConcept": coded("http://www.genenames.org", code)}]);
    let stain = |code: &str| {
        observation(
            "x",
            coded(LOINC, "55229-9"),
            json!({"valueString": "2+", "component": gene(code),
        "bodySite": coded("http://snomed.info/sct", "76752008")}),
        )
    };
    let read = derived(&[stain("HGNC:3430")]);
    assert_eq!(
        only(&read).decision.rule.to_string(),
        "asco-cap-2018/ihc-2+"
    );
    assert!(derived(&[stain("HGNC:3467")]).cases.is_empty());
}

#[test]
fn an_empty_panel_and_a_report_named_after_her2_are_not_passed_over() {
    assert_asks_a_person(&derived(&[observation(
        "panel",
        coded(LOINC, "74885-5"),
        json!({}),
    )]));
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": {"text": "HER2 FISH"},
        "subject": {"reference": "Patient/p"}, "result": [{"reference": "Observation/local"}]});
    let local = observation(
        "local",
        coded("urn:lab", "F-1"),
        json!({"valueString": "see text"}),
    );
    assert_asks_a_person(&derived(&[report, local]));
}

#[test]
fn a_pending_report_makes_no_case_of_its_words() {
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "registered", "code": coded(LOINC, "60568-3"),
        "subject": {"reference": "Patient/p"}, "conclusion": "HER2 IHC ordered, result pending."});
    let derived = derived(&[report]);
    assert!(derived.cases.is_empty());
    assert_eq!(derived.units[0].content, UnitContent::NoResult);
}

#[test]
fn in_situ_and_invasive_disease_named_by_one_result_is_a_question() {
    let condition = |id: &str, code: &str| json!({"resourceType": "Condition", "id": id, "code": coded("http://snomed.info/sct", code)});
    let mut both = ihc("ihc", "3+");
    both["focus"] = json!([{"reference": "Condition/a"}, {"reference": "Condition/b"}]);
    assert_asks_a_person(&derived(&[
        both,
        condition("a", "109889007"),
        condition("b", "408643008"),
    ]));
}
