//! Whole resources, character for character.

use crate::samples;
use her2_models::{
    AuditEventDraft, AuditOutcome, AuditedAction, ProvenanceActivity, audit_event, observation,
    provenance, task,
};

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
fn an_audit_event_of_an_update_is_what_balp_asks_for() {
    let json = audit_event(&samples::audit_event()).unwrap();
    assert_is_golden(&json, include_str!("golden/audit-event.json"));
}

#[test]
fn an_audit_event_of_a_refused_search_claims_no_profile() {
    let json = audit_event(&samples::refused_search()).unwrap();
    assert_is_golden(&json, include_str!("golden/audit-event-refused.json"));
}

/// Profile, code and roles as the pattern of each action fixes them (`input/fsh` of IHE's ITI.BasicAudit).
#[test]
fn each_audited_action_has_the_profile_code_and_roles_of_its_pattern() {
    let what = samples::to("Observation/o");
    let patterns = [
        (
            AuditedAction::Search {
                request: "GET https://fhir.example/r4/Observation".into(),
            },
            ("PatientQuery", "search", "E", "110153", "110152"),
        ),
        (
            AuditedAction::Read(what.clone()),
            ("PatientRead", "read", "R", "110152", "110153"),
        ),
        (
            AuditedAction::Create(what.clone()),
            ("PatientCreate", "create", "C", "110153", "110152"),
        ),
        (
            AuditedAction::Delete(what),
            ("PatientDelete", "delete", "D", "110150", "custodian"),
        ),
    ];
    for (action, (profile, subtype, letter, client, server)) in patterns {
        let draft = AuditEventDraft {
            action,
            ..samples::audit_event()
        };
        let json: serde_json::Value = serde_json::from_str(&audit_event(&draft).unwrap()).unwrap();
        let claimed = json["meta"]["profile"][0].as_str().unwrap();
        assert_eq!(claimed.rsplit('.').next(), Some(profile));
        assert_eq!(json["subtype"][0]["code"], subtype);
        assert_eq!(json["action"], letter);
        assert_eq!(json["agent"][0]["type"]["coding"][0]["code"], client);
        assert_eq!(json["agent"][1]["type"]["coding"][0]["code"], server);
        let plain = AuditEventDraft {
            patient: None,
            ..draft
        };
        let plain = audit_event(&plain).unwrap();
        assert!(plain.contains(&format!(
            "IHE.BasicAudit.{}\"",
            profile.trim_start_matches("Patient")
        )));
    }
    let failed = AuditEventDraft {
        outcome: AuditOutcome::SeriousFailure,
        ..samples::audit_event()
    };
    assert!(audit_event(&failed).unwrap().contains("\"outcome\":\"8\""));
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
