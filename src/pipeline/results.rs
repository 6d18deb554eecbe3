//! From a decided case to the resources that are written: Observation, Provenance and Tasks.
//!
//! The models of fhir-sdk compose them (crate `her2-models`), so that an invalid resource cannot be built. What an
//! earlier version looked like is handed in; nothing is read here.

mod carried;
mod components;
mod observation;
mod parts;
mod profiles;
mod provenance;
mod release;
mod task;

use std::collections::BTreeMap;

use her2_models::{Coding, Concept, Identifier, Invalid, ObservationStatus, Reference};
use sha2::{Digest, Sha256};

use super::record::DecisionRecord;
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

pub use provenance::withdrawal;
pub use release::Release;
pub use task::unreadable_entry;

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
}

/// The result that stands on the server for a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prior {
    /// Its version.
    pub version: String,
    /// Its status.
    pub status: PriorStatus,
}

/// How far the earlier version had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorStatus {
    /// Never final.
    Preliminary,
    /// Final, amended or corrected.
    Final,
    /// Entered in error.
    Withdrawn,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The result; none for an insufficient case that was never published.
    pub observation: Option<Written>,
    /// Its Provenance.
    pub provenance: Option<Written>,
    /// The worklist.
    pub tasks: Vec<Written>,
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

/// The logical id of a case's Observation.
pub fn observation_id(case: &str) -> String {
    derived_id("h2o", &[case])
}

/// Composes the resources of a case. `now` is a FHIR instant.
///
/// # Errors
/// [`Invalid`] when something carried over from the inputs cannot stand in a valid resource.
pub fn compose(
    case: &CaseResult,
    pool: &Pool<'_>,
    rules: &Rules,
    publishing: &Publishing,
    prior: Option<&Prior>,
    now: &str,
) -> Result<Resources, Invalid> {
    let composer = Composer {
        case,
        pool,
        rules,
        publishing,
        now,
        record: DecisionRecord::of(case).to_json().unwrap_or_default(),
        security: security(case, pool),
    };
    let unpublished = case.decision.status == Status::Insufficient && prior.is_none();
    let mut resources = Resources::default();
    let mut is_final = false;
    if !unpublished {
        let status = composer.observation_status(prior);
        is_final = status == ObservationStatus::Final;
        resources.observation = Some(composer.observation(status)?);
        resources.provenance = Some(composer.provenance(prior)?);
    }
    // One Task per code and source: several questions of one kind about one resource stand in it together.
    let mut questions: BTreeMap<(ReviewCode, Option<&Source>), Vec<&str>> = BTreeMap::new();
    for review in &case.decision.review {
        let about = (review.code, review.source.as_ref());
        questions.entry(about).or_default().push(&review.detail);
    }
    for ((code, source), details) in questions {
        let task = composer.review_task(code, source, &details.join("; "))?;
        resources.tasks.push(task);
    }
    if !unpublished && !is_final && case.decision.status != Status::Insufficient {
        resources.tasks.push(composer.sign_off_task()?);
    }
    Ok(resources)
}

struct Composer<'c> {
    case: &'c CaseResult,
    pool: &'c Pool<'c>,
    rules: &'c Rules,
    publishing: &'c Publishing,
    now: &'c str,
    record: String,
    security: Vec<Coding>,
}

impl Composer<'_> {
    fn subject(&self) -> Option<Reference> {
        const SUBJECTS: [&str; 4] = ["Patient", "Group", "Device", "Location"];
        (self.case.subject.as_deref()).and_then(|key| reference_to_one_of(key, &SUBJECTS))
    }

    fn own_concept(&self, system: &str, code: &str) -> Concept {
        own_concept(&self.rules.base, system, code)
    }

    fn identifier(&self, system: &str, value: &str) -> Identifier {
        Identifier {
            system: format!("{}/identifier/{system}", self.rules.base),
            value: value.to_owned(),
        }
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
    let system = format!("{base}/identifier/her2-fingerprint");
    elements::Identifier::read_all(resource)
        .into_iter()
        .find(|identifier| identifier.system == Some(system.as_str()))
        .map(|identifier| identifier.value)
}
