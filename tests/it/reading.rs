//! What is read of FHIR as it arrives, and what is put up for review because nobody can be sure of it.

use chrono::NaiveDate;
use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::decision::Group;
use her2_adapter::her2::evidence::{CountRole, IshWord, Site, SiteFinding};
use her2_adapter::her2::number::Measure;
use her2_adapter::pipeline::ledger::UnitContent;
use her2_adapter::pipeline::record::DecisionRecord;
use her2_adapter::pipeline::{CaseResult, Derived, derive};
use serde_json::{Value, json};

use crate::golden_cases::rules;

pub const LOINC: &str = "http://loinc.org";
pub const EVIDENCE: &str = "https://her2-adapter.example/fhir/CodeSystem/her2-evidence";

pub fn derived(resources: &[Value]) -> Derived {
    let texts: Vec<String> = resources.iter().map(Value::to_string).collect();
    let mut pool = Pool::new(None);
    for text in &texts {
        // What a scene makes unreadable on purpose stays out of the pool.
        let _ = pool.add(Json::parse(text).unwrap(), None, "a scene");
    }
    derive(&pool, &rules())
}

pub fn only(derived: &Derived) -> &CaseResult {
    assert_eq!(derived.cases.len(), 1);
    &derived.cases[0]
}

pub fn coded(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

/// An Observation of one patient and specimen, with more elements over it.
pub fn observation(id: &str, code: Value, more: Value) -> Value {
    let mut resource = json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": code,
        "subject": {"reference": "Patient/p"}, "specimen": {"reference": "Specimen/s"},
    });
    for (key, value) in more.as_object().unwrap() {
        resource[key] = value.clone();
    }
    resource
}

pub fn ihc(id: &str, score: &str) -> Value {
    observation(id, coded(LOINC, "85319-2"), json!({"valueString": score}))
}

pub fn number(code: &str, value: f64) -> Value {
    json!({"code": coded(LOINC, code), "valueQuantity": {"value": value}})
}

pub fn without(mut resource: Value, key: &str) -> Value {
    resource.as_object_mut().unwrap().remove(key);
    resource
}

pub fn assert_asks_a_person(derived: &Derived) {
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

/// A section of earlier results, and the 3+ it quotes.
fn earlier_specimen_quoted() -> [Value; 2] {
    let old = without(ihc("old", "3+"), "specimen");
    let section = without(
        observation(
            "section",
            coded("http://cap.org/eCC", "43789.100004300"),
            json!({"hasMember": [{"reference": "Observation/old"}]}),
        ),
        "specimen",
    );
    [section, old]
}

#[test]
fn a_result_quoted_from_an_earlier_specimen_is_not_the_reports_own() {
    let [section, quoted] = earlier_specimen_quoted();
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
fn a_display_that_does_not_name_what_its_code_asks_is_no_result() {
    let of = |code: &str, display: &str, more: Value| {
        let mut asked = coded(LOINC, code);
        asked["coding"][0]["display"] = json!(display);
        derived(&[observation("o", asked, more)])
    };
    let score = json!({"valueQuantity": {"value": 3}});
    let positive = json!({"valueCodeableConcept": coded("http://snomed.info/sct", "10828004")});
    assert_asks_a_person(&of("85319-2", "LI-RADS category", score.clone()));
    assert_asks_a_person(&of(
        "85319-2",
        "PTEN by immunohistochemistry",
        score.clone(),
    ));
    assert_asks_a_person(&of("96893-3", "PD-L1 by clone 22C3 in Tumor", positive));
    for display in [
        "HER2 Ag [Presence] in Tissue by Immune stain",
        "IHC",
        "c-erbB-2 score",
    ] {
        let read = of("85319-2", display, score.clone());
        assert!(only(&read).decision.status.is_decided(), "{display}");
    }
}

#[test]
fn words_in_the_place_of_a_number_are_no_result() {
    for (code, text) in [
        ("74860-8", "not amplified"),
        ("49683-6", "amplified"),
        ("62361-1", "HER2 3+"),
    ] {
        let part = json!({"code": coded(LOINC, code), "valueString": text});
        let fish = observation("o", coded(LOINC, "85318-4"), json!({"component": [part]}));
        assert_asks_a_person(&derived(&[ihc("ihc", "2+"), fish]));
    }
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

#[test]
fn totals_of_signals_over_their_own_nuclei_are_exact_quotients() {
    let total = |code: &str, signals: u32, nuclei: u32| json!({"code": coded(LOINC, code), "valueRatio": {"numerator": {"value": signals}, "denominator": {"value": nuclei}}});
    let ish = observation(
        "ish",
        coded(LOINC, "74885-5"),
        json!({"component": [total("74860-8", 511, 120), total("74861-6", 188, 60)]}),
    );
    let derived = derived(&[ihc("ihc", "2+"), ish]);
    let case = only(&derived);
    let record = serde_json::to_value(DecisionRecord::of(case)).unwrap();
    let read = &record["evidence"]["ish"][0];
    assert_eq!(read["her2_copies"], "511:120");
    assert_eq!(read["cep17_copies"], "188:60");
    assert_eq!(read["ratio"], Value::Null);
    assert_eq!(read["derived_ratio"], "511:376");
    // 1.36, and never the 2.72 of 511 over 188.
    assert_eq!(case.decision.ish_group.map(Group::number), Some(4));
}

#[test]
fn populations_of_different_size_are_counts_of_their_own() {
    let population = |id: &str, ratio, copies, percent| {
        let percent = json!({"code": coded(EVIDENCE, "ish-population-percent"), "valueQuantity": {"value": percent, "unit": "%"}});
        observation(
            id,
            coded(LOINC, "74885-5"),
            json!({"component": [number("49683-6", ratio), number("74860-8", copies), percent,
                {"code": coded(EVIDENCE, "ish-cluster"), "valueBoolean": true}]}),
        )
    };
    let derived = derived(&[
        ihc("ihc", "2+"),
        population("a", 1.2, 2.5, 70),
        population("b", 4.0, 9.0, 30),
    ]);
    let counts = &only(&derived).evidence.ish;
    let percents: Vec<_> = counts
        .iter()
        .map(|count| count.population_percent.as_ref().map(ToString::to_string))
        .collect();
    assert_eq!(percents, [Some("70".to_owned()), Some("30".to_owned())]);
    assert!(counts.iter().all(|count| count.clusters == Some(true)));
    assert!(only(&derived).excluded.is_empty());
}

#[test]
fn the_share_of_a_population_as_a_member_belongs_to_its_panel_only() {
    let member = |id: &str, code: Value, value: f64| {
        observation(id, code, json!({"valueQuantity": {"value": value}}))
    };
    let panel = |id: &str, members: [&str; 3]| {
        let members: Vec<Value> = (members.iter())
            .map(|member| json!({"reference": format!("Observation/{member}")}))
            .collect();
        observation(id, coded(LOINC, "74885-5"), json!({ "hasMember": members }))
    };
    let share = || coded(EVIDENCE, "ish-population-percent");
    let derived = derived(&[
        panel("p1", ["r1", "c1", "s1"]),
        member("r1", coded(LOINC, "49683-6"), 1.2),
        member("c1", coded(LOINC, "74860-8"), 2.5),
        member("s1", share(), 80.0),
        panel("p2", ["r2", "c2", "s2"]),
        member("r2", coded(LOINC, "49683-6"), 4.0),
        member("c2", coded(LOINC, "74860-8"), 9.0),
        member("s2", share(), 20.0),
    ]);
    let read: Vec<(String, String)> = (only(&derived).evidence.ish.iter())
        .map(|count| {
            let text = |measure: &Option<Measure>| measure.as_ref().unwrap().to_string();
            (text(&count.ratio), text(&count.population_percent))
        })
        .collect();
    assert_eq!(
        read,
        [("1.2", "80.0"), ("4.0", "20.0")].map(|(one, two)| (one.to_owned(), two.to_owned()))
    );
}

#[test]
fn polysomy_is_a_word_of_hybridisation_only() {
    let word = |text: &str| {
        let ish = observation("ish", coded(LOINC, "85318-4"), json!({"valueString": text}));
        let derived = derived(&[ihc("ihc", "2+"), ish]);
        only(&derived)
            .evidence
            .ish
            .first()
            .and_then(|count| count.result)
    };
    assert_eq!(word("Polysomy"), Some(IshWord::Undefined));
    assert_eq!(
        word("Polysomy 17, not amplified"),
        Some(IshWord::PolysomyNotAmplified)
    );
    assert_eq!(word("amplified low level"), None);
    assert_asks_a_person(&derived(&[ihc("ihc", "borderline")]));
}

#[test]
fn a_word_with_a_remark_is_read_and_bears_no_status_alone() {
    let derived = derived(&[ihc("ihc", "2+ (see comment)")]);
    let case = only(&derived);
    assert_eq!(case.evidence.ihc.len(), 1);
    assert!(!case.evidence.unreadable.is_empty());
    assert_asks_a_person(&derived);
}

#[test]
fn low_positive_beside_a_score_states_nothing() {
    let mut low = ihc("ihc", "2+");
    low["interpretation"] = json!([{"text": "Low Positive"}]);
    let derived = derived(&[low]);
    assert_eq!(
        only(&derived).decision.rule.to_string(),
        "asco-cap-2018/ihc-2+"
    );
    assert!(only(&derived).decision.review.is_empty());
}

#[test]
fn an_undocumented_number_of_a_registry_is_no_number_and_no_question() {
    let part = |code: &str, text: &str| json!({"code": coded(LOINC, code), "valueString": text});
    let ish = |ratio: &str, copies: &str| {
        observation(
            "ish",
            coded(LOINC, "74885-5"),
            json!({"component": [part("49683-6", ratio), part("74860-8", copies)]}),
        )
    };
    let read = |ratio: &str, copies: &str| {
        let derived = derived(&[ihc("ihc", "3+"), ish(ratio, copies)]);
        let case = only(&derived).clone();
        assert!(case.evidence.unreadable.is_empty());
        let text = |measure: &Option<Measure>| measure.as_ref().map(ToString::to_string);
        let count = case.evidence.ish.first().cloned();
        count.map(|count| (text(&count.ratio), text(&count.her2_copies)))
    };
    let bound = |text: &str| Some(text.to_owned());
    assert_eq!(read("XX.9", "XX.9"), None);
    assert_eq!(read("XX.3", "XX.8"), Some((bound(">=2.0"), None)));
    assert_eq!(read("XX.2", "XX.1"), Some((bound("<2.0"), bound(">=100"))));
}

#[test]
fn a_result_keeps_the_day_on_which_it_was_reported() {
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": coded(LOINC, "60568-3"),
        "issued": "2016-05-04T23:30:00-05:00", "subject": {"reference": "Patient/p"},
        "result": [{"reference": "Observation/ihc"}, {"reference": "Observation/ish"}]});
    let mut ish = observation(
        "ish",
        coded(LOINC, "85318-4"),
        json!({"valueString": "amplified"}),
    );
    ish["effectiveDateTime"] = json!("2016-04");
    let derived = derived(&[report, ihc("ihc", "2+"), ish]);
    let case = only(&derived);
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    assert_eq!(
        day(case.evidence.ish[0].reported_on).as_deref(),
        Some("2016-04-30")
    );
    assert_eq!(day(case.reported_on).as_deref(), Some("2016-05-04"));
}

#[test]
fn a_second_observer_is_noted_by_where_it_is_mentioned_and_only_when_signed() {
    let report = |status: &str| {
        json!({"resourceType": "DiagnosticReport", "id": "r", "status": status, "code": coded(LOINC, "60568-3"),
            "subject": {"reference": "Patient/p"}, "result": [{"reference": "Observation/ihc"}],
            "text": {"status": "additional", "div": "<div>Recounted by a <b>second</b> observer.</div>"}})
    };
    let mut noted = ihc("ihc", "2+");
    noted["note"] = json!([{"text": "A blinded recount is in agreement."}]);
    let mentioned = |resources: &[Value]| -> Vec<String> {
        let derived = derived(resources);
        (only(&derived).evidence.second_observer.iter())
            .map(|source| source.reference.clone())
            .collect()
    };
    assert_eq!(
        mentioned(&[report("final"), noted]),
        ["DiagnosticReport/r", "Observation/ihc"]
    );
    assert!(mentioned(&[report("preliminary"), ihc("ihc", "2+")]).is_empty());
}

#[test]
fn a_squamous_carcinoma_of_the_oesophagus_has_no_edition() {
    let of_morphology = |code: &str| {
        let condition = json!({"resourceType": "Condition", "id": "c", "code": coded("http://hl7.org/fhir/sid/icd-10", "C15.4"),
            "extension": [{"url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior",
                "valueCodeableConcept": coded("http://terminology.hl7.org/CodeSystem/icd-o-3", code)}]});
        let stain = observation(
            "ihc",
            coded(LOINC, "18474-7"),
            json!({"valueString": "3+", "focus": [{"reference": "Condition/c"}]}),
        );
        only(&derived(&[condition, stain])).evidence.site
    };
    assert_eq!(of_morphology("8070/3"), SiteFinding::Known(Site::Other));
    assert_eq!(
        of_morphology("8140/3"),
        SiteFinding::Known(Site::Gastroesophageal)
    );
}

#[test]
fn a_morphology_with_in_situ_behaviour_is_in_situ_disease() {
    let condition = |code: Value| {
        json!({"resourceType": "Condition", "id": "c", "code": code,
            "extension": [{"url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior",
                "valueCodeableConcept": coded("urn:oid:2.16.840.1.113883.6.43.1", "8500/2")}]})
    };
    let mut of_condition = ihc("ihc", "3+");
    of_condition["focus"] = json!([{"reference": "Condition/c"}]);
    let in_situ = condition(coded("http://hl7.org/fhir/sid/icd-10", "D05.1"));
    assert!(derived(&[in_situ, of_condition.clone()]).cases.is_empty());
    let contradicted = condition(coded("http://hl7.org/fhir/sid/icd-10", "C50.4"));
    assert_asks_a_person(&derived(&[contradicted, of_condition]));
}

#[test]
fn a_quoted_result_beside_an_own_one_is_left_out_and_named() {
    let [section, old] = earlier_specimen_quoted();
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": coded(LOINC, "60568-3"),
        "subject": {"reference": "Patient/p"}, "specimen": [{"reference": "Specimen/s"}],
        "result": [{"reference": "Observation/section"}, {"reference": "Observation/ihc"}]});
    let derived = derived(&[report, section, old, ihc("ihc", "1+")]);
    let case = only(&derived);
    let quoted: Vec<&str> = (case.evidence.quoted.iter())
        .map(|source| source.reference.as_str())
        .collect();
    assert_eq!(quoted, ["Observation/old"]);
    assert_eq!(case.evidence.ihc.len(), 1);
    assert!(case.evidence.unreadable.is_empty());
    assert!(
        case.inputs
            .iter()
            .all(|input| input.reference != "Observation/old")
    );
    assert!(
        case.excluded
            .iter()
            .any(|excluded| excluded.why.contains("quoted"))
    );
}

#[test]
fn an_interpretation_with_a_remark_bears_no_status_alone() {
    let mut ish = observation("ish", coded(LOINC, "85318-4"), json!({}));
    ish["interpretation"] = json!([{"text": "Not amplified (see comment)"}]);
    let derived = derived(&[ihc("ihc", "2+"), ish]);
    assert!(only(&derived).evidence.ish[0].result.is_some());
    assert_asks_a_person(&derived);
}

#[test]
fn two_populations_in_the_components_of_one_result_cannot_be_told_apart() {
    let percent = |value: u32| json!({"code": coded(EVIDENCE, "ish-population-percent"), "valueQuantity": {"value": value, "unit": "%"}});
    let ish = observation(
        "ish",
        coded(LOINC, "74885-5"),
        json!({"component": [percent(70), number("49683-6", 1.2), number("49683-6", 4.0),
            number("74860-8", 2.5), number("74860-8", 9.0), percent(30)]}),
    );
    let derived = derived(&[ihc("ihc", "1+"), ish]);
    assert!(only(&derived).evidence.ish.is_empty());
    assert_asks_a_person(&derived);
}

#[test]
fn low_positive_in_the_place_of_a_score_asks_for_it_only_where_there_is_none() {
    let low = observation(
        "low",
        coded(LOINC, "18474-7"),
        json!({"valueString": "Low Positive"}),
    );
    let beside = derived(&[ihc("ihc", "2+"), low.clone()]);
    assert_eq!(
        only(&beside).decision.rule.to_string(),
        "asco-cap-2018/ihc-2+"
    );
    assert!(only(&beside).decision.review.is_empty());
    assert_asks_a_person(&derived(&[low]));
}

#[test]
fn a_word_that_gives_another_ratio_than_the_printed_one_is_a_contradiction() {
    let ish = observation(
        "ish",
        coded(LOINC, "85318-4"),
        json!({"valueString": "negative (unrounded ratio 1.996)",
            "component": [number("49683-6", 2.0), number("74860-8", 4.2)]}),
    );
    let derived = derived(&[ihc("ihc", "1+"), ish]);
    assert_asks_a_person(&derived);
    let codes: Vec<&str> = (only(&derived).decision.review.iter())
        .map(|item| item.code.name())
        .collect();
    assert!(codes.contains(&"status-contradicts-data"), "{codes:?}");
}

#[test]
fn a_condition_names_the_primary_that_a_body_site_cannot() {
    let site_of = |code: &str| {
        let condition = json!({"resourceType": "Condition", "id": "c", "code": coded("http://hl7.org/fhir/sid/icd-10", code)});
        let stain = observation(
            "ihc",
            coded(LOINC, "18474-7"),
            json!({"valueString": "3+", "focus": [{"reference": "Condition/c"}]}),
        );
        only(&derived(&[condition, stain])).evidence.site
    };
    for (code, site) in [
        ("C20", Site::Colorectal),
        ("C54.1", Site::Endometrial),
        ("C34.9", Site::Lung),
        ("C56", Site::Ovarian),
        ("C80.0", Site::UnknownPrimary),
        ("C61", Site::Other),
        ("C16.0", Site::Gastroesophageal),
    ] {
        assert_eq!(site_of(code), SiteFinding::Known(site), "{code}");
    }
    // Nobody says that the primary was looked for.
    assert_eq!(site_of("C80.9"), SiteFinding::Unknown);
    let of_organ = observation(
        "ihc",
        coded(LOINC, "18474-7"),
        json!({"valueString": "3+", "bodySite": coded("http://terminology.hl7.org/CodeSystem/icd-o-3", "C34.1")}),
    );
    assert_eq!(
        only(&derived(&[of_organ])).evidence.site,
        SiteFinding::Unknown
    );
}

#[test]
fn sequencing_is_left_out_where_it_is_about_her2_and_of_no_concern_elsewhere() {
    let variant = |id: &str, gene: &str| {
        observation(
            id,
            coded(LOINC, "69548-6"),
            json!({"valueCodeableConcept": coded(LOINC, "LA9633-4"), "component": [
                {"code": coded(LOINC, "48018-6"),
                 "valueCodeableConcept": coded("http://www.genenames.org", gene)}]}),
        )
    };
    let derived = derived(&[
        ihc("ihc", "1+"),
        variant("erbb2", "HGNC:3430"),
        variant("brca1", "HGNC:1100"),
    ]);
    let case = only(&derived);
    assert_eq!(case.decision.status.name(), "negative");
    assert!(case.decision.review.is_empty());
    let left_out: Vec<&str> = (case.excluded.iter())
        .map(|excluded| excluded.source.reference.as_str())
        .collect();
    assert_eq!(left_out, ["Observation/erbb2"]);
}
