//! From a decided case to the resources that are written: Observation, Provenance and Tasks.
//!
//! The models of fhir-sdk compose them (crate `her2-models`), so that an invalid resource cannot be built. What an
//! earlier version looked like is handed in; nothing is read here.
//!
//! A result carries a digest of what it says (`her2-content`): the decision and evidence without the versions of their
//! sources and without wording, and the elements carried over. Where that is the same, a reader sees the same result, and
//! nobody has to sign it again.

mod carried;
mod components;
mod observation;
mod parts;
mod prior;
mod profiles;
mod provenance;
mod release;
mod signed;
mod task;

use std::collections::BTreeMap;

use her2_models::{Coding, Concept, Identifier, Invalid, ObservationStatus, Reference};
use sha2::{Digest, Sha256};

use super::announcement::Announcement;
use super::lifecycle::{Effect, Move, ResultState, next};
use super::record::DecisionRecord;
use super::reflex::Reflex;
use super::sign_off::Signing;
use super::{CaseResult, Rules};
use crate::fhir::elements;
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::her2::decision::{ReviewCode, Status};
use crate::her2::evidence::Source;
use crate::mapping::output::{OutputCodes, Profile};
use crate::mapping::table::hex;
use carried::security;
use parts::{own_concept, reference_to_one_of};

pub use prior::{Answer, NOTHING_LEFT, Prior, Rejection, answer_in_words};
pub use provenance::withdrawal;
pub use release::Release;
pub use signed::{Signature, Verdict, revised};
pub use task::{final_change_task, unreadable_entry};

/// The identifier by which a result tells what it says.
const CONTENT: &str = "her2-content";

/// Which coding of the value comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodingOrder {
    /// SNOMED CT, as US Core asks.
    SnomedFirst,
    /// The LOINC answer, as CMS EOM reads.
    LoincFirst,
}

/// How results are published.
#[derive(Clone, Debug)]
pub struct Publishing {
    /// The FHIR release.
    pub release: Release,
    /// Codes to write.
    pub codes: OutputCodes,
    /// Order of the value's codings.
    pub coding_order: CodingOrder,
    /// Low, ultralow, null and zero-unspecified are published as a component.
    pub low_and_ultralow: bool,
    /// Profiles to claim where they are fulfilled.
    pub profiles: Vec<Profile>,
    /// A result that the signed source states itself may be final at once.
    pub final_without_sign_off: bool,
    /// Whose signatures count.
    pub signing: Signing,
    /// When a reflex test is due, and who looks after it.
    pub reflex: Reflex,
}

/// One resource to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its type.
    pub kind: &'static str,
    /// Its logical id, derived from the case.
    pub id: String,
    /// Its JSON text.
    pub text: String,
}

/// Everything that is written for one case, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    /// What becomes of the result.
    pub step: Move,
    /// The result; none where no version of it is written.
    pub observation: Option<Written>,
    /// Where that version comes from; or, where what stands is kept, that newer versions of its sources say the same.
    pub provenance: Option<Written>,
    /// The worklist.
    pub tasks: Vec<Written>,
    /// Of those, the one that asks for a signature.
    pub sign_off: Option<String>,
    /// What readers of a final result have to be told.
    pub announcement: Option<Announcement>,
}

impl Resources {
    /// All of them in the order they are written.
    pub fn all(&self) -> impl Iterator<Item = &Written> {
        self.observation
            .iter()
            .chain(&self.provenance)
            .chain(&self.tasks)
    }
}

/// A result that was final answers otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalChange {
    /// The version that is replaced.
    pub replaces: String,
    /// What it answered.
    pub from: Answer,
    /// What is answered now; nothing where the result is withdrawn.
    pub to: Option<Answer>,
}

/// The logical id of a case's Observation.
pub fn observation_id(case: &str) -> String {
    derived_id("h2o", &[case])
}

/// Composes the resources of one case.
#[derive(Debug)]
pub struct Composer<'c> {
    case: &'c CaseResult,
    pool: &'c Pool<'c>,
    rules: &'c Rules,
    publishing: &'c Publishing,
    now: &'c str,
    record: String,
    security: Vec<Coding>,
}

impl<'c> Composer<'c> {
    /// For a case, with the pool that it was derived from; `now` is a FHIR instant.
    pub fn new(
        case: &'c CaseResult,
        pool: &'c Pool<'c>,
        rules: &'c Rules,
        publishing: &'c Publishing,
        now: &'c str,
    ) -> Self {
        Self {
            case,
            pool,
            rules,
            publishing,
            now,
            record: DecisionRecord::of(case).to_json().unwrap_or_default(),
            security: security(case, pool),
        }
    }

    /// What is written over the version that stands, if one does.
    ///
    /// # Errors
    /// [`Invalid`] when something carried over from the inputs cannot stand in a valid resource.
    pub fn compose(&self, prior: Option<&Prior>) -> Result<Resources, Invalid> {
        let content = self.content()?;
        let state = prior.map_or(ResultState::NeverWritten, |prior| prior.state);
        let step = next(state, self.effect(prior, &content));
        let mut resources = Resources {
            step,
            observation: None,
            provenance: None,
            tasks: Vec::new(),
            sign_off: None,
            announcement: None,
        };
        let is_decided = self.case.decision.status != Status::Insufficient;
        // A rejection holds until the evidence is another.
        let rejection = prior.and_then(|prior| prior.rejection_of(&content));
        let mut fingerprint = self.case.fingerprint.as_str();
        let mut waits_for_signature = is_decided && rejection.is_none();
        match self.status_after(step) {
            Some(status) => {
                let written = self.observation(status, &content, step, prior)?;
                resources.observation = Some(match rejection {
                    Some(note) => signed::with_note(written, note)?,
                    None => written,
                });
                resources.provenance = Some(self.provenance(prior)?);
                waits_for_signature &= status != ObservationStatus::Final;
                if let Some(change) = prior.and_then(|prior| self.change_of(prior)) {
                    let announcement =
                        Announcement::of(&self.case.id, &change, &self.case.fingerprint, self.now);
                    resources.announcement = Some(announcement);
                    resources.tasks.push(self.final_change_task(&change)?);
                }
            }
            None => match prior.filter(|prior| prior.state != ResultState::EnteredInError) {
                Some(standing) => {
                    if standing.fingerprint.as_deref() != Some(fingerprint) {
                        resources.provenance = Some(self.confirmation(standing)?);
                    }
                    fingerprint = standing.fingerprint.as_deref().unwrap_or(fingerprint);
                    waits_for_signature &= standing.state != ResultState::Final;
                }
                None => waits_for_signature = false,
            },
        }
        // One Task per code and source: several questions of one kind about one resource stand in it together.
        let mut questions: BTreeMap<(ReviewCode, Option<&Source>), Vec<&str>> = BTreeMap::new();
        for review in &self.case.decision.review {
            let about = (review.code, review.source.as_ref());
            questions.entry(about).or_default().push(&review.detail);
        }
        for ((code, source), details) in questions {
            let task = self.review_task(code, source, &details.join("; "), fingerprint)?;
            resources.tasks.push(task);
        }
        for concern in self.concerns() {
            resources
                .tasks
                .push(self.reflex_task(&concern, fingerprint)?);
        }
        if waits_for_signature {
            let task = self.sign_off_task(fingerprint)?;
            resources.sign_off = Some(task.id.clone());
            resources.tasks.push(task);
        }
        Ok(resources)
    }

    /// What the evidence comes to, held against the version that stands.
    fn effect(&self, prior: Option<&Prior>, content: &str) -> Effect {
        let is_unresolved = self.case.decision.status == Status::Insufficient;
        let is_same = prior.is_some_and(|prior| {
            prior.fingerprint.as_ref() == Some(&self.case.fingerprint)
                || prior.content.as_deref() == Some(content)
        });
        let stands = prior.is_some_and(|prior| prior.state != ResultState::EnteredInError);
        match is_unresolved {
            true if is_same && stands => Effect::Same,
            true => Effect::Unresolved,
            false if is_same => Effect::Same,
            false if self.a_source_corrects_an_error() => Effect::Correction,
            false => Effect::Other,
        }
    }

    /// The status of the version that a step writes, if it writes one.
    fn status_after(&self, step: Move) -> Option<ObservationStatus> {
        match step {
            Move::Keep | Move::Withdraw => None,
            Move::Begin if self.transcribes_the_source() => Some(ObservationStatus::Final),
            Move::Begin | Move::Revise | Move::Revive => Some(ObservationStatus::Preliminary),
            Move::Amend | Move::Unresolve => Some(ObservationStatus::Amended),
            Move::Correct => Some(ObservationStatus::Corrected),
        }
    }

    /// What readers of a version that was final have to be told, if anything.
    fn change_of(&self, prior: &Prior) -> Option<FinalChange> {
        let decision = &self.case.decision;
        let category = match self.shows_category() {
            true => decision.category.name(),
            false => "",
        };
        let to = Answer {
            status: decision.status.name().to_owned(),
            category: category.to_owned(),
        };
        (prior.state.was_final() && prior.answer != to).then(|| FinalChange {
            replaces: prior.version.clone(),
            from: prior.answer.clone(),
            to: Some(to),
        })
    }

    fn subject(&self) -> Option<Reference> {
        const SUBJECTS: [&str; 4] = ["Patient", "Group", "Device", "Location"];
        (self.case.subject.as_deref()).and_then(|key| reference_to_one_of(key, &SUBJECTS))
    }

    fn own_concept(&self, system: &str, code: &str) -> Concept {
        own_concept(&self.rules.base, system, code)
    }

    fn identifier(&self, system: &str, value: &str) -> Identifier {
        parts::identifier(&self.rules.base, system, value)
    }
}

/// A logical id that follows from its parts, within FHIR's 64 characters.
pub(super) fn derived_id(prefix: &str, parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(b"\n");
    }
    let digest = hex(&hasher.finalize());
    format!("{prefix}-{}", digest.get(..40).unwrap_or(&digest))
}

/// The fingerprint that one of our resources carries.
pub fn fingerprint_of<'r>(resource: &'r Json<'_>, base: &str) -> Option<&'r str> {
    identifier_of(resource, base, "her2-fingerprint")
}

/// The identifier that one of our resources carries in one of our own systems, such as `her2-case`.
pub fn identifier_of<'r>(resource: &'r Json<'_>, base: &str, system: &str) -> Option<&'r str> {
    let system = format!("{base}/identifier/{system}");
    elements::Identifier::read_all(resource)
        .into_iter()
        .find(|identifier| identifier.system == Some(system.as_str()))
        .map(|identifier| identifier.value)
}
