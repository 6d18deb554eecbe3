//! What a pathologist does: answers Tasks on the server, as whom the server attests.

use her2_adapter::service::fake_server::FakeServer;
use serde_json::{Value, json};

/// Who signs; the settings of the writers name them.
pub const SIGNER: &str = "Practitioner/pathologist";

/// Answers an open sign-off Task of a patient: about the version of the result that stands, or about the one before it.
pub fn sign(server: &FakeServer, patient: usize, decision: &str, is_late: bool) {
    let Some(mut task) = open_tasks(server, patient)
        .into_iter()
        .find(|task| task["reasonCode"]["coding"][0]["code"] == "sign-off")
    else {
        return;
    };
    let focus = task["focus"]["reference"].as_str().unwrap_or_default();
    let id = focus.trim_start_matches("Observation/").to_owned();
    let versions = server.history("Observation", &id);
    let seen = versions.len().checked_sub(if is_late { 2 } else { 1 });
    let Some(text) = seen.and_then(|seen| versions.get(seen)) else {
        return;
    };
    let result: Value = serde_json::from_str(text).unwrap();
    task["status"] = json!("completed");
    task["output"] = json!([
        {"type": {"text": "decision"}, "valueCode": decision},
        {"type": {"text": "version"}, "valueString": result["meta"]["versionId"]},
        {"type": {"text": "reason"}, "valueString": "as seen under the microscope"},
    ]);
    put(server, task);
}

/// Answers every open question about a patient.
pub fn answer_questions(server: &FakeServer, patient: usize) {
    for mut task in open_tasks(server, patient) {
        if task["reasonCode"]["coding"][0]["code"] != "sign-off" {
            task["status"] = json!("completed");
            put(server, task);
        }
    }
}

fn open_tasks(server: &FakeServer, patient: usize) -> Vec<Value> {
    let of_patient = [format!("Patient/p{patient}"), format!("Patient/q{patient}")];
    let tasks = server.all("Task").into_iter();
    let parsed = tasks.map(|text| serde_json::from_str::<Value>(&text).unwrap());
    parsed
        .filter(|task| task["status"] == "requested")
        .filter(|task| {
            of_patient
                .iter()
                .any(|patient| task["for"]["reference"] == patient.as_str())
        })
        .collect()
}

fn put(server: &FakeServer, mut task: Value) {
    task["meta"]["author"] = json!({ "reference": SIGNER });
    server.put_json(&task.to_string()).unwrap();
}
