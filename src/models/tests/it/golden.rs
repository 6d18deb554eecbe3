//! Whole resources, character for character.

use crate::samples;
use her2_models::{ProvenanceActivity, observation, provenance, task};

/// Golden files have a line for every element; without the line ends and what indents them they are the exact text.
pub fn assert_is_golden(json: &str, golden: &str) {
    let exact: String = golden.lines().map(str::trim_start).collect();
    assert_eq!(json, exact);
}

#[test]
fn an_observation_with_every_element_is_written_in_the_order_of_the_model() {
    let json = observation(&samples::observation()).unwrap();
    assert_is_golden(&json, include_str!("golden/observation.json"));
}

#[test]
fn a_provenance_with_every_element_is_written_in_the_order_of_the_model() {
    let json = provenance(&samples::provenance()).unwrap();
    assert_is_golden(&json, include_str!("golden/provenance.json"));
}

#[test]
fn a_task_with_every_element_is_written_in_the_order_of_the_model() {
    let json = task(&samples::task()).unwrap();
    assert_is_golden(&json, include_str!("golden/task.json"));
}

#[test]
fn what_is_absent_leaves_no_trace() {
    let mut draft = samples::bare_observation();
    draft.device.identifier = None;
    let json = observation(&draft).unwrap();
    assert_is_golden(&json, include_str!("golden/observation-bare.json"));
}

#[test]
fn each_activity_has_its_code() {
    let activities = [
        (ProvenanceActivity::Create, "CREATE"),
        (ProvenanceActivity::Update, "UPDATE"),
        (ProvenanceActivity::Nullify, "NULLIFY"),
        (ProvenanceActivity::Append, "APPEND"),
    ];
    for (activity, code) in activities {
        let mut draft = samples::provenance();
        draft.activity = activity;
        assert!(
            provenance(&draft)
                .unwrap()
                .contains(&format!("\"code\":\"{code}\""))
        );
    }
}
