//! The same resources for FHIR R5.

use crate::{golden::assert_is_golden, samples};
use her2_models::{Comparator, ComponentValue, Invalid, Quantity, r5};

#[test]
fn an_observation_for_r5_differs_in_the_device_alone() {
    let json = r5::observation(&samples::observation()).unwrap();
    assert_is_golden(&json, include_str!("golden/observation-r5.json"));
}

#[test]
fn a_provenance_for_r5_differs_in_the_device_alone() {
    let json = r5::provenance(&samples::provenance()).unwrap();
    assert_is_golden(&json, include_str!("golden/provenance-r5.json"));
}

#[test]
fn a_task_for_r5_has_reasons_that_may_be_references() {
    let json = r5::task(&samples::task()).unwrap();
    assert_is_golden(&json, include_str!("golden/task-r5.json"));
}

#[test]
fn an_audit_event_for_r5_names_its_patient_and_claims_no_profile() {
    let json = r5::audit_event(&samples::audit_event()).unwrap();
    assert_is_golden(&json, include_str!("golden/audit-event-r5.json"));
    let refused = r5::audit_event(&samples::refused_search()).unwrap();
    assert!(refused.contains("\"code\":\"error\""));
    assert!(!refused.contains("patient"));
}

#[test]
fn longer_numbers_and_fractions_of_seconds_than_r5_allows_are_refused() {
    let mut draft = samples::observation();
    draft.issued = Some("2024-03-08T10:00:00.123456789Z".into());
    assert!(r5::observation(&draft).is_ok());
    draft.issued = Some("2024-03-08T10:00:00.1234567890Z".into());
    assert_eq!(
        r5::observation(&draft).unwrap_err(),
        Invalid::DateTime {
            path: "Observation.issued".into()
        }
    );

    for (text, allowed) in [
        ("123456789012345678.12345678901234567e123456789", true),
        ("1234567890123456789", false),
        ("1.123456789012345678", false),
        ("1e1234567890", false),
    ] {
        let mut draft = samples::observation();
        draft.components[0].value = ComponentValue::Quantity(samples::quantity(text));
        let path = "Observation.component[0].valueQuantity.value".into();
        let refusal = r5::observation(&draft).err();
        assert_eq!(
            refusal,
            (!allowed).then_some(Invalid::Decimal { path }),
            "{text}"
        );
    }
}

#[test]
fn a_ratio_to_a_bound_is_refused_for_r5() {
    let mut draft = samples::observation();
    draft.components[3].value = ComponentValue::Ratio {
        numerator: samples::quantity("240"),
        denominator: Quantity {
            comparator: Some(Comparator::Less),
            ..samples::quantity("100")
        },
    };
    assert!(her2_models::observation(&draft).is_ok());
    assert_eq!(
        r5::observation(&draft).unwrap_err(),
        Invalid::Rule {
            path: "Observation.component[3].valueRatio.denominator".into(),
            rule: "sqty-1"
        }
    );
}
