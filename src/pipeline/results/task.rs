//! The worklist: what a person has to look at, and what is to be signed off.

use std::collections::BTreeSet;

use her2_models::{Concept, Invalid, Reference, TaskDraft, TaskInput, TaskStatus};

use super::parts::{container_of, identifier, own_concept, reference_to, versioned};
use super::{
    Answer, Composer, FinalChange, Release, Written, answer_in_words, derived_id, observation_id,
};
use crate::fhir::pool::Rejected;
use crate::her2::decision::ReviewCode;
use crate::her2::evidence::Source;
use crate::mapping::terminology::{
    FINAL_CHANGED, REFLEX_CANCELLED, REFLEX_OVERDUE, REVIEW, SIGN_OFF, system,
};
use crate::pipeline::reflex::Concern;
use crate::pipeline::worklist::{CANCELLED, RECORD};

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
    let asked = Asked {
        title: "HER2 review",
        kind: REVIEW,
        reason: ReviewCode::ValueUnreadable.name(),
        description: format!(
            "An entry that the server gave cannot be read: {} ({})",
            rejected.why, rejected.place
        ),
    };
    written(drafted(base, id, asked, now), release)
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
        fingerprint: &str,
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
            Asked {
                title: "HER2 review",
                kind: REVIEW,
                reason: code.name(),
                description: question.to_owned(),
            },
            fingerprint,
            focus,
        )
    }

    pub(super) fn sign_off_task(&self, fingerprint: &str) -> Result<Written, Invalid> {
        // One Task for the evidence as it is, so that a signature on an earlier version is never overwritten.
        let id = derived_id("h2t", &[&self.case.id, SIGN_OFF, fingerprint]);
        self.task(
            id,
            Asked {
                title: "HER2 sign-off",
                kind: SIGN_OFF,
                reason: SIGN_OFF,
                description: "Check the derived HER2 result and sign it off or reject it."
                    .to_owned(),
            },
            fingerprint,
            Some(result_of(&self.case.id)),
        )
    }

    /// What is to be looked after about the reflex test of the case.
    pub(super) fn concerns(&self) -> BTreeSet<Concern> {
        let today = self.now.get(..10).and_then(|day| day.parse().ok());
        today.map_or_else(BTreeSet::new, |today| {
            let reflex = &self.publishing.reflex;
            reflex.concerns(self.case, self.pool, &self.rules.mapping, today)
        })
    }

    /// The Task that an overdue or cancelled reflex test raises. It orders nothing.
    pub(super) fn reflex_task(
        &self,
        concern: &Concern,
        fingerprint: &str,
    ) -> Result<Written, Invalid> {
        let (reason, about, description) = match concern {
            Concern::Overdue(due) => (
                REFLEX_OVERDUE,
                "",
                format!(
                    "IHC is 2+, and no in situ hybridisation was reported by {due}. Find out where it is; the result stays equivocal until then."
                ),
            ),
            Concern::Cancelled(order) => (
                REFLEX_CANCELLED,
                order.reference.as_str(),
                format!(
                    "IHC is 2+, and its in situ hybridisation was cancelled ({}). The result stays equivocal unless it is ordered anew.",
                    order.reference
                ),
            ),
        };
        let id = derived_id("h2t", &[&self.case.id, reason, about]);
        let asked = Asked {
            title: "HER2 reflex test",
            kind: REVIEW,
            reason,
            description,
        };
        let reflex = &self.publishing.reflex;
        let focus = Some(result_of(&self.case.id));
        let mut draft = self.task_draft(id, asked, fingerprint, focus);
        draft.owner =
            (reflex.owner.as_deref()).and_then(|owner| reference_to(owner, "Organization"));
        draft.due = reflex.due(self.case).map(|due| due.to_string());
        if let Concern::Cancelled(order) = concern {
            draft.inputs.push(TaskInput {
                kind: in_words(CANCELLED),
                text: versioned(order),
            });
        }
        written(draft, self.publishing.release)
    }

    /// The Task that tells of a change to a result that was final.
    pub(super) fn final_change_task(&self, change: &FinalChange) -> Result<Written, Invalid> {
        let (id, asked) = change_told(&self.case.id, change);
        let focus = Some(result_of(&self.case.id));
        self.task(id, asked, &self.case.fingerprint, focus)
    }

    /// The record, and the words of narratives that it rests on, for the person who checks them.
    fn inputs(&self) -> Vec<TaskInput> {
        let record = TaskInput {
            kind: in_words(RECORD),
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
        asked: Asked<'_>,
        fingerprint: &str,
        focus: Option<Reference>,
    ) -> Result<Written, Invalid> {
        let draft = self.task_draft(id, asked, fingerprint, focus);
        written(draft, self.publishing.release)
    }

    fn task_draft(
        &self,
        id: String,
        asked: Asked<'_>,
        fingerprint: &str,
        focus: Option<Reference>,
    ) -> TaskDraft {
        let mut draft = drafted(&self.rules.base, id, asked, self.now);
        draft.identifiers.extend([
            self.identifier("her2-case", &self.case.id),
            self.identifier("her2-fingerprint", fingerprint),
        ]);
        TaskDraft {
            focus,
            subject: self.subject(),
            inputs: self.inputs(),
            security: self.security.clone(),
            ..draft
        }
    }
}

/// What a Task asks for.
struct Asked<'a> {
    title: &'a str,
    /// Its code, which a search finds: a review, a signature, or a change to take note of.
    kind: &'a str,
    /// Why.
    reason: &'a str,
    /// In words.
    description: String,
}

/// The Task that tells that a result which was final is withdrawn; `subject` is the patient as the result names them.
///
/// # Errors
/// [`Invalid`] when the Task cannot be composed.
pub fn final_change_task(
    case: &str,
    subject: Option<&str>,
    change: &FinalChange,
    base: &str,
    release: Release,
    now: &str,
) -> Result<Written, Invalid> {
    let (id, asked) = change_told(case, change);
    let mut draft = drafted(base, id, asked, now);
    draft.identifiers.push(identifier(base, "her2-case", case));
    draft.focus = Some(result_of(case));
    draft.subject = subject.and_then(|subject| reference_to(subject, "Patient"));
    written(draft, release)
}

/// The id of the Task that tells of a change, and what it says.
fn change_told<'a>(case: &str, change: &FinalChange) -> (String, Asked<'a>) {
    let asked = Asked {
        title: "HER2 result changed",
        kind: FINAL_CHANGED,
        reason: FINAL_CHANGED,
        description: told(change),
    };
    let id = derived_id("h2t", &[case, FINAL_CHANGED, &change.replaces]);
    (id, asked)
}

/// A Task as every one of them begins.
fn drafted(base: &str, id: String, asked: Asked<'_>, now: &str) -> TaskDraft {
    TaskDraft {
        identifiers: vec![identifier(base, "her2-task", &id)],
        id,
        status: TaskStatus::Requested,
        code: Concept {
            text: Some(asked.title.to_owned()),
            ..own_concept(base, system::REVIEW_REASON, asked.kind)
        },
        description: Some(asked.description),
        reason: Some(own_concept(base, system::REVIEW_REASON, asked.reason)),
        authored_on: Some(now.to_owned()),
        last_modified: Some(now.to_owned()),
        ..TaskDraft::default()
    }
}

fn written(draft: TaskDraft, release: Release) -> Result<Written, Invalid> {
    Ok(Written {
        kind: "Task",
        text: release.task(&draft)?,
        id: draft.id,
    })
}

fn result_of(case: &str) -> Reference {
    Reference {
        reference: Some(format!("Observation/{}", observation_id(case))),
        ..Reference::default()
    }
}

fn told(change: &FinalChange) -> String {
    let words = |answer: &Answer| answer_in_words(&answer.status, &answer.category);
    let to = (change.to.as_ref()).map_or("withdrawn".to_owned(), words);
    format!(
        "A HER2 result that was final has changed: it was {}, and is {to}. Tell those who relied on it.",
        words(&change.from)
    )
}
