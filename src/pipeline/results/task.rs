//! The worklist: what a person has to look at, and what is to be signed off.

use her2_models::{Concept, Identifier, Invalid, Reference, TaskDraft, TaskInput, TaskStatus};

use super::parts::{container_of, own_concept, reference_to};
use super::{Composer, Release, Written, derived_id, observation_id};
use crate::fhir::pool::Rejected;
use crate::her2::decision::ReviewCode;
use crate::her2::evidence::Source;
use crate::mapping::terminology::{SIGN_OFF, system};

/// The Task for an entry of the server's answer that is no FHIR resource: nobody knows whose it is, so it stands alone.
/// The same content has the same Task.
///
/// # Errors
/// [`Invalid`] when the Task cannot be composed, which would be a fault of this program.
pub fn unreadable_entry(
    rejected: &Rejected,
    base: &str,
    release: Release,
    now: &str,
) -> Result<Written, Invalid> {
    let id = derived_id("h2t", &["unreadable-entry", &rejected.content]);
    let draft = TaskDraft {
        identifiers: vec![Identifier {
            system: format!("{base}/identifier/her2-task"),
            value: id.clone(),
        }],
        id: id.clone(),
        status: TaskStatus::Requested,
        code: in_words("HER2 review"),
        description: Some(format!(
            "An entry that the server gave cannot be read: {} ({})",
            rejected.why, rejected.place
        )),
        reason: Some(own_concept(
            base,
            system::REVIEW_REASON,
            ReviewCode::ValueUnreadable.name(),
        )),
        authored_on: Some(now.to_owned()),
        last_modified: Some(now.to_owned()),
        ..TaskDraft::default()
    };
    Ok(Written {
        kind: "Task",
        text: release.task(&draft)?,
        id,
    })
}

fn in_words(text: &str) -> Concept {
    Concept {
        codings: Vec::new(),
        text: Some(text.to_owned()),
    }
}

impl Composer<'_> {
    pub(super) fn review_task(
        &self,
        code: ReviewCode,
        source: Option<&Source>,
        question: &str,
    ) -> Result<Written, Invalid> {
        let source = source.map(|source| source.reference.as_str());
        let id = derived_id("h2t", &[&self.case.id, code.name(), source.unwrap_or("")]);
        let first_input = (self.case.inputs.first()).map(|input| input.reference.as_str());
        let focus = [source, first_input]
            .into_iter()
            .flatten()
            .find_map(|key| reference_to(container_of(key), "Observation"));
        self.task(
            id,
            "HER2 review",
            code.name(),
            Some(question.to_owned()),
            focus,
        )
    }

    pub(super) fn sign_off_task(&self) -> Result<Written, Invalid> {
        // One Task per version of the evidence, so that a signature on an earlier one is never overwritten.
        let parts = [&self.case.id, SIGN_OFF, &self.case.fingerprint];
        let id = derived_id("h2t", &parts);
        let focus = Reference {
            reference: Some(format!("Observation/{}", observation_id(&self.case.id))),
            ..Reference::default()
        };
        self.task(
            id,
            "HER2 sign-off",
            SIGN_OFF,
            Some("Check the derived HER2 result and sign it off or reject it.".to_owned()),
            Some(focus),
        )
    }

    /// The record, and the words of narratives that it rests on, for the person who checks them.
    fn inputs(&self) -> Vec<TaskInput> {
        let record = TaskInput {
            kind: in_words("decision record"),
            text: self.record.clone(),
        };
        let passages = self.case.evidence.passages().map(|passage| TaskInput {
            kind: in_words("read from narrative"),
            text: format!("{}: {}", passage.path, passage.text),
        });
        std::iter::once(record).chain(passages).collect()
    }

    fn task(
        &self,
        id: String,
        title: &str,
        reason: &str,
        description: Option<String>,
        focus: Option<Reference>,
    ) -> Result<Written, Invalid> {
        let draft = TaskDraft {
            identifiers: vec![
                self.identifier("her2-task", &id),
                self.identifier("her2-case", &self.case.id),
                self.identifier("her2-fingerprint", &self.case.fingerprint),
            ],
            id: id.clone(),
            status: TaskStatus::Requested,
            status_reason: None,
            code: in_words(title),
            description,
            focus,
            subject: self.subject(),
            reason: Some(self.own_concept(system::REVIEW_REASON, reason)),
            authored_on: Some(self.now.to_owned()),
            last_modified: Some(self.now.to_owned()),
            due: None,
            inputs: self.inputs(),
            security: self.security.clone(),
        };
        Ok(Written {
            kind: "Task",
            text: self.publishing.release.task(&draft)?,
            id,
        })
    }
}
