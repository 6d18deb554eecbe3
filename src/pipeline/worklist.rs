//! A Task of ours as it is read back: what is asked, about which case, and how far it has come.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::Value;

use super::CaseResult;
use super::history::CaseHistory;
use super::results::identifier_of;
use crate::fhir::elements::Concept;
use crate::fhir::json::Json;
use crate::mapping::terminology::{FINAL_CHANGED, SIGN_OFF};

/// Statuses of a Task that still waits for somebody.
pub const OPEN: [&str; 7] = [
    "draft",
    "requested",
    "received",
    "accepted",
    "ready",
    "in-progress",
    "on-hold",
];

/// What a Task of ours asks. Nothing of it names a patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its id as it follows from the case.
    pub task: String,
    /// What it asks for: a signature, a look at a question, or that a change is taken note of.
    pub code: String,
    /// Why.
    pub reason: String,
    /// The case; none where it is about an entry that nobody can read.
    pub case: Option<String>,
    /// How far it has come, as FHIR has it.
    pub task_status: String,
    /// The status of the result that it was asked with.
    pub status: Option<String>,
    /// The category of that result.
    pub category: Option<String>,
    /// The specimen of that result.
    pub specimen: Option<String>,
    /// By when.
    pub due: Option<String>,
    /// Since when.
    pub asked_at: Option<String>,
}

impl Asked {
    /// Reads a Task; `None` where it is none of ours.
    pub fn read(task: &Json<'_>, base: &str) -> Option<Self> {
        let ours = |system: &str| identifier_of(task, base, system).map(str::to_owned);
        // R5 has a list of them.
        let reason = task.get("reasonCode").map(Concept::read).or_else(|| {
            let reason = task.items_at("reason").first();
            reason.map(Concept::read_referable)
        });
        let record = record_in(task).unwrap_or_default();
        let of_record = |key: &str| record.get(key)?.as_str().map(str::to_owned);
        let period = (task.get("restriction")).and_then(|it| it.get("period"));
        Some(Self {
            task: ours("her2-task")?,
            code: code_in(task.get("code").map(Concept::read)),
            reason: code_in(reason),
            case: ours("her2-case"),
            task_status: task.text_at("status").unwrap_or_default().to_owned(),
            status: of_record("status"),
            category: of_record("category"),
            specimen: of_record("specimen"),
            due: period.and_then(|it| it.text_at("end")).map(str::to_owned),
            asked_at: task.text_at("authoredOn").map(str::to_owned),
        })
    }

    /// Whether it still waits for somebody.
    pub fn is_open(&self) -> bool {
        OPEN.contains(&self.task_status.as_str())
    }

    /// Whether it asks for a signature.
    pub fn is_sign_off(&self) -> bool {
        self.code == SIGN_OFF
    }

    /// Whether it only tells of a change.
    pub fn is_notice(&self) -> bool {
        self.code == FINAL_CHANGED
    }

    /// For how many whole days it has been asked.
    pub fn age_in_days(&self, now: DateTime<Utc>) -> Option<i64> {
        let asked = DateTime::parse_from_rfc3339(self.asked_at.as_deref()?).ok()?;
        Some((now - asked.to_utc()).num_days())
    }
}

/// The result of a case as a person is to look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The version that stands, which is what would be signed.
    pub version: String,
    /// Its FHIR status.
    pub observation_status: String,
    /// The Task that asks for a signature, if one does.
    pub sign_off: Option<String>,
    /// Open questions about the case: Tasks, each with its reason.
    pub open_questions: Vec<String>,
    /// What stands is not what the evidence gives now.
    pub is_due: bool,
    /// The last day on which the reflex test that the case waits for is not overdue.
    pub reflex_due: Option<NaiveDate>,
}

/// Everything that a person looks at before answering.
#[derive(Debug)]
pub struct Shown {
    /// The Task, with what it says in words.
    pub asked: Option<(Asked, String)>,
    /// The case as its evidence gives it now.
    pub case: Option<CaseResult>,
    /// The result that stands.
    pub result: Option<Looked>,
    /// What became of the case so far.
    pub history: Option<CaseHistory>,
}

/// The input of a Task with the decision record.
pub const RECORD: &str = "decision record";
/// The input of a Task with the order, or the Observation, whose cancellation it is about.
pub const CANCELLED: &str = "what was cancelled";

/// The decision record that a Task was asked with.
pub fn record_in(task: &Json<'_>) -> Option<Value> {
    serde_json::from_str(input_in(task, RECORD)?).ok()
}

/// The input of a Task with this name.
pub fn input_in<'t>(task: &'t Json<'_>, name: &str) -> Option<&'t str> {
    let mut inputs = task.items_at("input").iter();
    let input = inputs.find(|input| {
        let kind = input.get("type").map(Concept::read);
        kind.is_some_and(|kind| kind.text == Some(name))
    });
    input?.text_at("valueString")
}

fn code_in(concept: Option<Concept<'_>>) -> String {
    let codings = concept.map(|concept| concept.codings).unwrap_or_default();
    let code = codings.iter().find_map(|coding| coding.code);
    code.unwrap_or_default().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_in_r4_and_r5_and_those_of_others_are_none() {
        for reason in [
            r#""reasonCode":{"coding":[{"code":"ihc-missing"}]}"#,
            r#""reason":[{"concept":{"coding":[{"code":"ihc-missing"}]}}]"#,
        ] {
            let text = format!(
                r#"{{"resourceType":"Task","status":"on-hold","code":{{"coding":[{{"code":"review"}}]}},{reason},
                "identifier":[{{"system":"https://a.example/identifier/her2-task","value":"h2t-1"}}],"authoredOn":"2026-01-01T00:00:00Z",
                "input":[{{"type":{{"text":"decision record"}},"valueString":"{{\"status\":\"negative\"}}"}}]}}"#
            );
            let task = Json::parse(&text).unwrap();
            let asked = Asked::read(&task, "https://a.example").unwrap();
            assert_eq!(asked.reason, "ihc-missing");
            assert_eq!(asked.status.as_deref(), Some("negative"));
            assert!(asked.is_open() && !asked.is_sign_off() && asked.case.is_none());
            let now = DateTime::parse_from_rfc3339("2026-01-03T01:00:00Z").unwrap();
            assert_eq!(asked.age_in_days(now.to_utc()), Some(2));
            assert_eq!(Asked::read(&task, "https://b.example"), None);
        }
    }
}
