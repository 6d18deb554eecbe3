//! Signatures on the server: a person completes the Task, and the next pass signs exactly the version that was looked at.

use std::collections::BTreeSet;

use her2_adapter::pipeline::sign_off::{Attested, Signing};
use her2_adapter::service::fake_server::FakeServer;
use her2_adapter::service::publish::Change;
use serde_json::{Value, json};

use crate::support::{Adapter, case_file, open_tasks, results, stage};

const LOW: &str = "group-5-with-2-plus-is-negative-low";
/// Positive, and a person is asked whether the tests are of one tumour.
const DISCORDANT: &str = "ihc-3-plus-with-group-5-is-positive-with-discordance";
/// Where the report states the status itself.
const STATED: &str = "group-1-with-2-plus-is-positive";
const SIGNER: &str = "Practitioner/pathologist";

async fn seen(case: &str) -> (FakeServer, Adapter) {
    let (server, mut adapter) = stage(&[case]).await;
    adapter.publishing.signing = Signing {
        attested: Attested::MetaAuthor,
        signers: BTreeSet::from([SIGNER.to_owned()]),
    };
    adapter.pass().await;
    (server, adapter)
}

fn task_for(server: &FakeServer, reason: &str) -> Option<Value> {
    let is_so = |task: &Value| task["reasonCode"]["coding"][0]["code"] == reason;
    open_tasks(server).into_iter().find(is_so)
}

/// Completes the sign-off Task with these outputs, as an author whom the server attests.
fn complete(server: &FakeServer, author: &str, outputs: &[(&str, &str)]) {
    let mut task = task_for(server, "sign-off").unwrap();
    task["status"] = json!("completed");
    task["owner"] = json!({ "reference": SIGNER });
    task["meta"]["author"] = json!({ "reference": author });
    let output =
        |(name, value): &(&str, &str)| json!({"type": {"text": name}, "valueString": value});
    task["output"] = outputs.iter().map(output).collect();
    server.put_json(&task.to_string()).unwrap();
}

const ACCEPTED: [(&str, &str); 2] = [("decision", "accept"), ("version", "1")];

#[tokio::test]
async fn an_accepted_version_is_final_and_its_provenance_names_who_has_signed_it() {
    let (server, adapter) = seen(LOW).await;
    complete(&server, SIGNER, &ACCEPTED);
    let report = adapter.pass().await;
    assert_eq!(report.changes.get(&Change::Signed), Some(&1));
    let [result] = results(&server).try_into().unwrap();
    assert_eq!(
        (&result["status"], &result["meta"]["versionId"]),
        (&json!("final"), &json!("2"))
    );
    let signed: Vec<Value> = (server.all("Provenance").iter())
        .map(|text| serde_json::from_str(text).unwrap())
        .filter(|provenance: &Value| {
            provenance["agent"][1]["type"]["coding"][0]["code"] == "verifier"
        })
        .collect();
    let [provenance] = signed.try_into().unwrap();
    assert_eq!(provenance["agent"][1]["who"]["reference"], SIGNER);
    assert!(open_tasks(&server).is_empty());
    assert_eq!(adapter.pass().await.ledger.written, 0);
}

#[tokio::test]
async fn an_answer_that_cannot_count_is_asked_for_again_with_the_reason() {
    for (author, outputs, why) in [
        (SIGNER, &[][..], "no decision"),
        (SIGNER, &ACCEPTED[..1], "which version"),
        (SIGNER, &[ACCEPTED[0], ("version", "7")][..], "has changed"),
        // The owner of the Task has not answered it.
        ("Practitioner/somebody", &ACCEPTED[..], "may sign"),
    ] {
        let (server, adapter) = seen(LOW).await;
        complete(&server, author, outputs);
        adapter.pass().await;
        assert_eq!(results(&server)[0]["status"], "preliminary");
        let task = task_for(&server, "sign-off").unwrap();
        let said = task["statusReason"]["text"].as_str().unwrap();
        assert!(said.contains(why), "{said}");
        assert!(task.get("output").is_none(), "it is asked afresh");
        // The same Task, answered well, signs.
        complete(&server, SIGNER, &ACCEPTED);
        adapter.pass().await;
        assert_eq!(results(&server)[0]["status"], "final", "{why}");
    }
}

#[tokio::test]
async fn nobody_signs_on_a_server_that_attests_nobody() {
    let (server, mut adapter) = seen(LOW).await;
    adapter.publishing.signing.attested = Attested::Nowhere;
    complete(&server, SIGNER, &ACCEPTED);
    adapter.pass().await;
    assert_eq!(results(&server)[0]["status"], "preliminary");
    assert!(task_for(&server, "sign-off").is_some());
}

#[tokio::test]
async fn a_signed_result_is_not_final_before_its_open_question_is_answered() {
    let (server, adapter) = seen(DISCORDANT).await;
    complete(&server, SIGNER, &ACCEPTED);
    adapter.pass().await;
    assert_eq!(results(&server)[0]["status"], "preliminary");
    assert!(
        task_for(&server, "sign-off").is_none(),
        "it is answered, and waits"
    );

    let mut question = task_for(&server, "ihc-ish-discordant").unwrap();
    question["status"] = json!("completed");
    server.put_json(&question.to_string()).unwrap();
    adapter.pass().await;
    assert_eq!(results(&server)[0]["status"], "final");
}

#[tokio::test]
async fn a_rejected_result_keeps_the_reason_and_is_asked_about_again_when_its_evidence_changes() {
    let case = "amended-report-corrects-the-result";
    let (server, adapter) = seen(case).await;
    let why = "the control slide has failed";
    complete(
        &server,
        SIGNER,
        &[("decision", "reject"), ("version", "1"), ("reason", why)],
    );
    let report = adapter.pass().await;
    assert_eq!(report.changes.get(&Change::Rejected), Some(&1));
    for _ in 0..2 {
        let [result] = results(&server).try_into().unwrap();
        assert_eq!(result["status"], "preliminary");
        let note = result["note"].as_array().unwrap().last().unwrap();
        assert_eq!(note["text"], format!("Rejected at sign-off: {why}"));
        assert_eq!(note["authorReference"]["reference"], SIGNER);
        assert!(open_tasks(&server).is_empty());
        adapter.pass().await;
    }
    server
        .seed_bundle(&case_file(case, "bundle-amended.json"))
        .unwrap();
    adapter.pass().await;
    let result = results(&server)[0].to_string();
    assert!(!result.contains(why) && result.contains("preliminary"));
    assert!(task_for(&server, "sign-off").is_some());
}

#[tokio::test]
async fn what_changes_before_a_signature_is_taken_up_is_not_signed_by_it() {
    let case = "amended-report-corrects-the-result";
    let (server, adapter) = seen(case).await;
    complete(&server, SIGNER, &ACCEPTED);
    server
        .seed_bundle(&case_file(case, "bundle-amended.json"))
        .unwrap();
    adapter.pass().await;
    let [result] = results(&server).try_into().unwrap();
    assert_eq!(result["status"], "preliminary");
    assert!(
        task_for(&server, "sign-off").is_some(),
        "the new version is asked about"
    );
}

#[tokio::test]
async fn a_report_that_is_not_signed_does_not_speak_for_itself() {
    for (status, expected) in [
        ("final", "final"),
        ("amended", "final"),
        ("appended", "final"),
        ("preliminary", "preliminary"),
        ("partial", "preliminary"),
    ] {
        let mut bundle: Value = serde_json::from_str(&case_file(STATED, "bundle.json")).unwrap();
        for entry in bundle["entry"].as_array_mut().unwrap() {
            if entry["resource"]["resourceType"] == "DiagnosticReport" {
                entry["resource"]["status"] = json!(status);
            }
        }
        let (server, mut adapter) = stage(&[]).await;
        server.seed_bundle(&bundle.to_string()).unwrap();
        adapter.publishing.final_without_sign_off = true;
        adapter.pass().await;
        assert_eq!(results(&server)[0]["status"], expected, "{status}");
    }
}
