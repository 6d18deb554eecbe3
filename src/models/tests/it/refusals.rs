//! What the types let through and FHIR does not: each refusal names the element, and only that.

use crate::samples;
use her2_models::*;

/// The refusal of a full Observation after this change.
fn refused(change: impl FnOnce(&mut ObservationDraft)) -> Invalid {
    let mut draft = samples::observation();
    change(&mut draft);
    observation(&draft).unwrap_err()
}

fn refused_provenance(change: impl FnOnce(&mut ProvenanceDraft)) -> Invalid {
    let mut draft = samples::provenance();
    change(&mut draft);
    provenance(&draft).unwrap_err()
}

fn refused_task(change: impl FnOnce(&mut TaskDraft)) -> Invalid {
    let mut draft = samples::task();
    change(&mut draft);
    task(&draft).unwrap_err()
}

fn missing(path: &str) -> Invalid {
    Invalid::Missing { path: path.into() }
}

fn rule(rule: &'static str, path: &str) -> Invalid {
    Invalid::Rule {
        path: path.into(),
        rule,
    }
}

#[test]
fn an_id_outside_fhirs_alphabet_or_length_is_refused() {
    for id in ["a_b", "a b", "ä", "a/b", "a\n", &"x".repeat(65)] {
        let path = "Observation.id".into();
        assert_eq!(
            refused(|draft| draft.id = id.into()),
            Invalid::Id { path },
            "{id}"
        );
    }
    assert_eq!(refused(|draft| draft.id.clear()), missing("Observation.id"));
    assert_eq!(
        refused(|draft| draft.device.local_id = "#adapter".into()),
        Invalid::Id {
            path: "Observation.contained[0].id".into()
        }
    );
    let longest = ObservationDraft {
        id: "x".repeat(64),
        ..samples::bare_observation()
    };
    assert!(observation(&longest).is_ok());
}

#[test]
fn a_coding_without_code_is_refused() {
    assert_eq!(
        refused(|draft| draft.value.codings[1].code = None),
        missing("Observation.valueCodeableConcept.coding[1].code")
    );
    assert_eq!(
        refused(|draft| draft.security[0].code = None),
        missing("Observation.meta.security[0].code")
    );
    assert_eq!(
        refused(|draft| draft.tags[0].code = Some(String::new())),
        missing("Observation.meta.tag[0].code")
    );
}

#[test]
fn a_code_with_stray_spaces_is_refused() {
    for code in [" a", "a ", "a  b", "a\tb", "a\u{a0}b", "a\u{0}"] {
        let path = "Observation.code.coding[0].code".into();
        let refusal = refused(|draft| draft.code.codings[0].code = Some(code.into()));
        assert_eq!(refusal, Invalid::Code { path }, "{code:?}");
    }
    let mut draft = samples::bare_observation();
    draft.code.codings[0].code = Some("two words".into());
    assert!(observation(&draft).is_ok());
}

#[test]
fn a_concept_without_coding_and_text_is_refused() {
    assert_eq!(
        refused(|draft| draft.code = Concept::default()),
        missing("Observation.code")
    );
    assert_eq!(
        refused(|draft| draft.value = Concept::default()),
        missing("Observation.valueCodeableConcept")
    );
    assert_eq!(
        refused(|draft| draft.interpretation = Some(Concept::default())),
        missing("Observation.interpretation[0]")
    );
    assert_eq!(
        refused(|draft| draft.components[5].value = ComponentValue::Concept(Concept::default())),
        missing("Observation.component[5].valueCodeableConcept")
    );
    assert_eq!(
        refused_task(|draft| draft.code = Concept::default()),
        missing("Task.code")
    );
}

#[test]
fn a_reference_that_names_nothing_is_refused() {
    let only_a_type = Reference {
        kind: Some("Specimen".into()),
        ..Reference::default()
    };
    assert_eq!(
        refused(|draft| draft.specimen = Some(only_a_type)),
        missing("Observation.specimen")
    );
    assert_eq!(
        refused(|draft| draft.derived_from[1] = Reference::default()),
        missing("Observation.derivedFrom[1]")
    );
    assert_eq!(
        refused(|draft| draft.related_conditions[0] = Reference::default()),
        missing("Observation.extension[0].valueReference")
    );
    assert_eq!(
        refused_provenance(|draft| draft.entities[1].what = Reference::default()),
        missing("Provenance.entity[1].what")
    );
}

#[test]
fn a_reference_into_a_contained_resource_is_refused() {
    for address in ["#specimen", "#adapter", "Observation/x#specimen"] {
        let path = "Observation.specimen.reference".into();
        let refusal = refused(|draft| draft.specimen = Some(samples::to(address)));
        assert_eq!(refusal, Invalid::Fragment { path }, "{address}");
    }
}

#[test]
fn an_address_with_white_space_is_refused() {
    assert_eq!(
        refused(|draft| draft.specimen = Some(samples::to("Specimen/s 1"))),
        Invalid::Uri {
            path: "Observation.specimen.reference".into()
        }
    );
    assert_eq!(
        refused(|draft| draft.identifiers[1].system = "urn:x\u{7}".into()),
        Invalid::Uri {
            path: "Observation.identifier[1].system".into()
        }
    );
    assert_eq!(
        refused(|draft| draft.profiles[0] = "http://a\nb".into()),
        Invalid::Uri {
            path: "Observation.meta.profile[0]".into()
        }
    );
    assert_eq!(
        refused_provenance(|draft| draft.policies[1] = "two words".into()),
        Invalid::Uri {
            path: "Provenance.policy[1]".into()
        }
    );
}

#[test]
fn empty_and_blank_texts_are_refused() {
    assert_eq!(
        refused(|draft| draft.notes[1].clear()),
        missing("Observation.note[1].text")
    );
    assert_eq!(
        refused(|draft| draft.value.text = Some(" \n".into())),
        missing("Observation.valueCodeableConcept.text")
    );
    assert_eq!(
        refused(|draft| draft.components[6].value = ComponentValue::Text(String::new())),
        missing("Observation.component[6].valueString")
    );
    assert_eq!(
        refused(|draft| draft.identifiers[0].value.clear()),
        missing("Observation.identifier[0].value")
    );
    assert_eq!(
        refused(|draft| draft.device.version.clear()),
        missing("Observation.contained[0].version[0].value")
    );
    assert_eq!(
        refused_task(|draft| draft.inputs[0].text.clear()),
        missing("Task.input[0].valueString")
    );
}

#[test]
fn control_characters_are_refused_in_texts_but_lines_and_tabs_are_not() {
    for text in ["a\u{0}", "\u{8}a", "a\u{1b}[0m", "a\u{7f}", "a\u{85}"] {
        let path = "Observation.note[0].text".into();
        let refusal = refused(|draft| draft.notes[0] = text.into());
        assert_eq!(refusal, Invalid::Text { path }, "{text:?}");
    }
    let mut draft = samples::bare_observation();
    draft.notes = vec!["a\r\n\tb".into()];
    assert!(
        observation(&draft)
            .unwrap()
            .contains(r#""note":[{"text":"a\r\n\tb"}]"#)
    );
}

#[test]
fn a_text_longer_than_fhir_allows_is_refused() {
    let mut draft = samples::task();
    draft.inputs[0].text = "ä".repeat(1_048_576);
    assert!(task(&draft).is_ok());
    draft.inputs[0].text.push('x');
    assert_eq!(
        task(&draft).unwrap_err(),
        Invalid::Text {
            path: "Task.input[0].valueString".into()
        }
    );
}

#[test]
fn a_unit_code_without_system_is_refused() {
    let quantity = Quantity {
        system: None,
        ..samples::quantity("1")
    };
    assert_eq!(
        refused(|draft| draft.components[0].value = ComponentValue::Quantity(quantity)),
        rule("qty-3", "Observation.component[0].valueQuantity")
    );
}

#[test]
fn a_range_has_a_bound_and_no_comparators_and_is_in_order() {
    let path = "Observation.component[2].valueRange";
    let range = |low, high| ComponentValue::Range { low, high };
    let bound = |value| Some(samples::quantity(value));
    assert_eq!(
        refused(|draft| draft.components[2].value = range(None, None)),
        missing(path)
    );
    assert_eq!(
        refused(|draft| draft.components[2].value = range(bound("4.1"), bound("4.0"))),
        rule("rng-2", path)
    );
    let compared = Quantity {
        comparator: Some(Comparator::Greater),
        ..samples::quantity("4")
    };
    assert_eq!(
        refused(|draft| draft.components[2].value = range(bound("1"), Some(compared))),
        rule("sqty-1", "Observation.component[2].valueRange.high")
    );
    let mut draft = samples::bare_observation();
    draft.components = vec![samples::component("74861-6", range(bound("4"), None))];
    assert!(observation(&draft).is_ok());
}

#[test]
fn a_component_with_the_observations_own_code_is_refused() {
    assert_eq!(
        refused(|draft| draft.components[3].code = draft.code.clone()),
        rule("obs-7", "Observation.component[3].code")
    );
}

#[test]
fn an_effective_period_without_either_end_is_refused() {
    let nothing = Effective::Period {
        start: None,
        end: None,
    };
    assert_eq!(
        refused(|draft| draft.effective = Some(nothing)),
        missing("Observation.effectivePeriod")
    );
}

#[test]
fn a_provenance_has_targets_and_entities() {
    assert_eq!(
        refused_provenance(|draft| draft.target.clear()),
        missing("Provenance.target")
    );
    assert_eq!(
        refused_provenance(|draft| draft.entities.clear()),
        missing("Provenance.entity")
    );
    assert_eq!(
        refused_provenance(|draft| draft.recorded = "2024-03-09".into()),
        Invalid::Instant {
            path: "Provenance.recorded".into()
        }
    );
}

#[test]
fn a_task_is_not_modified_before_it_was_authored() {
    assert_eq!(
        refused_task(|draft| draft.last_modified = Some("2024-03-01".into())),
        rule("inv-1", "Task.lastModified")
    );
    assert_eq!(
        refused_task(|draft| draft.due = Some("soon".into())),
        Invalid::DateTime {
            path: "Task.restriction.period.end".into()
        }
    );
}

#[test]
fn a_refusal_says_where_and_never_what() {
    let refusal =
        refused(|draft| draft.subject.as_mut().unwrap().display = Some("Müller\u{0}".into()));
    assert_eq!(
        refusal.to_string(),
        "Observation.subject.display is not a FHIR string"
    );
    let rule = refused_task(|draft| draft.last_modified = Some("2024-03-01".into()));
    assert_eq!(rule.to_string(), "Task.lastModified breaks inv-1");
}
