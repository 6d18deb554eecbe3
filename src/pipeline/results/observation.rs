//! The result itself.

use her2_models::{Concept, Invalid, ObservationDraft, ObservationStatus, Reference};
use sha2::{Digest, Sha256};

use super::parts::{coding, concept, device, reference_to, reference_to_one_of};
use super::prior::NEVER_FINAL;
use super::{CONTENT, CodingOrder, Composer, Prior, Written, observation_id};
use crate::fhir::dates::Precision;
use crate::her2::decision::{Category, Status};
use crate::her2::evidence::StatedResult;
use crate::mapping::table::hex;
use crate::mapping::terminology::system;
use crate::pipeline::lifecycle::{Move, ResultState};

/// What `Observation.basedOn` may name, in R4 and R5.
const ORDERS: [&str; 6] = [
    "ServiceRequest",
    "CarePlan",
    "DeviceRequest",
    "ImmunizationRecommendation",
    "MedicationRequest",
    "NutritionOrder",
];

/// What `Observation.performer` may name, in R4 and R5.
const PERFORMERS: [&str; 6] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "CareTeam",
    "Patient",
    "RelatedPerson",
];

/// Statuses of a source that somebody at the laboratory answers for.
const SIGNED: [&str; 4] = ["final", "amended", "corrected", "appended"];

impl Composer<'_> {
    pub(super) fn observation(
        &self,
        status: ObservationStatus,
        content: &str,
        step: Move,
        prior: Option<&Prior>,
    ) -> Result<Written, Invalid> {
        let (mut draft, precision) = self.draft();
        draft.status = status;
        draft.issued = Some(self.now.to_owned());
        draft.notes = self.case.sentences();
        draft.notes.extend(note_of(step, prior));
        draft.identifiers.extend([
            self.identifier("her2-fingerprint", &self.case.fingerprint),
            self.identifier(CONTENT, content),
        ]);
        self.claim_profiles(&mut draft, precision);
        Ok(Written {
            kind: "Observation",
            text: self.publishing.release.observation(&draft)?,
            id: draft.id,
        })
    }

    /// A digest of what the result says: first of the evidence and decision alone, then with everything carried over.
    /// Wording, and the release of the program that wrote it, are no part of it.
    pub(super) fn content(&self) -> Result<String, Invalid> {
        let (mut draft, precision) = self.draft();
        self.claim_profiles(&mut draft, precision);
        draft.device.version = "any".to_owned();
        let text = self.publishing.release.observation(&draft)?;
        let whole = hex(&Sha256::digest(format!("{}\n{text}", self.case.essence)));
        let [essence, whole] = [&self.case.essence, &whole].map(|digest| digest.get(..40));
        Ok(format!(
            "{}-{}",
            essence.unwrap_or_default(),
            whole.unwrap_or_default()
        ))
    }

    /// The result without what tells one version of the same from another, and how precisely it is dated.
    fn draft(&self) -> (ObservationDraft, Option<Precision>) {
        let codes = &self.publishing.codes.codes;
        let (effective, precision) = self.effective().unzip();
        let draft = ObservationDraft {
            id: observation_id(&self.case.id),
            security: self.security.clone(),
            identifiers: vec![self.identifier("her2-status", &self.case.id)],
            categories: vec![concept(&codes.laboratory)],
            code: concept(&codes.observation),
            subject: self.subject(),
            focus: self.carried("focus", &["Condition", "Resource"]),
            encounter: match self.carried("encounter", &["Encounter"]).as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
            based_on: self.carried("basedOn", &ORDERS),
            effective,
            performers: self.carried("performer", &PERFORMERS),
            value: self.value(),
            interpretation: self.interpretation(),
            method: Some(Concept {
                text: Some(self.case.edition.title().to_owned()),
                ..self.own_concept(system::GUIDELINE, self.case.edition.id())
            }),
            specimen: (self.case.tissue.as_deref())
                .and_then(|key| reference_to_one_of(key, &["Specimen"])),
            device: device(),
            derived_from: self.derived_from(),
            components: self.components(),
            related_conditions: self.related_conditions(),
            ..ObservationDraft::default()
        };
        (draft, precision)
    }

    /// The input Observations; for a patient view the results of its specimens that have one.
    fn derived_from(&self) -> Vec<Reference> {
        let case = self.case;
        let inputs = (case.inputs.iter())
            .filter(|input| input.reference.starts_with("Observation/"))
            .filter_map(|input| reference_to(&input.reference, "Observation"));
        if !case.is_patient_view() {
            return inputs.collect();
        }
        (case.summarises.iter())
            .map(|case| format!("Observation/{}", observation_id(case)))
            .filter_map(|result| reference_to(&result, "Observation"))
            .collect()
    }

    /// Whether the signed report states the same status itself, with scores that say so too, and the site lets such a report
    /// speak for itself.
    pub(super) fn transcribes_the_source(&self) -> bool {
        let decision = &self.case.decision;
        let stated = match decision.status {
            Status::Positive => StatedResult::Positive,
            Status::Negative => StatedResult::Negative,
            Status::Equivocal | Status::Indeterminate | Status::Insufficient => return false,
        };
        self.publishing.final_without_sign_off
            && !self.case.evidence.is_narrated()
            && decision.review.is_empty()
            && !self.case.evidence.reported.is_empty()
            && (self.case.evidence.reported.iter()).all(|reported| reported.value == stated)
            && (self.source_statuses()).all(|status| SIGNED.contains(&status))
    }

    /// Whether a source says of itself that it corrects an error.
    pub(super) fn a_source_corrects_an_error(&self) -> bool {
        (self.source_statuses()).any(|status| status == "corrected")
    }

    fn value(&self) -> Concept {
        let status = &self.publishing.codes.status;
        let codes = match self.case.decision.status {
            Status::Positive => &status.positive,
            Status::Negative => &status.negative,
            Status::Equivocal => &status.equivocal,
            Status::Indeterminate => &status.indeterminate,
            Status::Insufficient => {
                return Concept {
                    text: Some("unresolved, see review".to_owned()),
                    ..self.own_concept(system::STATUS, Status::Insufficient.name())
                };
            }
        };
        let (snomed, loinc) = (coding(&codes.snomed), coding(&codes.loinc));
        let kind = match self.case.decision.category {
            _ if !self.publishing.low_and_ultralow => "",
            Category::Low => ", HER2-low",
            Category::Ultralow => ", HER2-ultralow",
            Category::Null => ", HER2-null",
            Category::Positive
            | Category::ZeroUnspecified
            | Category::Equivocal
            | Category::None => "",
        };
        Concept {
            codings: match self.publishing.coding_order {
                CodingOrder::SnomedFirst => vec![snomed, loinc],
                CodingOrder::LoincFirst => vec![loinc, snomed],
            },
            text: Some(format!("{}{kind}", codes.text)),
        }
    }

    fn interpretation(&self) -> Option<Concept> {
        let status = &self.publishing.codes.status;
        match self.case.decision.status {
            Status::Positive => Some(concept(&status.positive.interpretation)),
            Status::Negative => Some(concept(&status.negative.interpretation)),
            Status::Equivocal => Some(concept(&status.equivocal.interpretation)),
            Status::Indeterminate => Some(concept(&status.indeterminate.interpretation)),
            Status::Insufficient => None,
        }
    }
}

/// What a further version says of the one before it.
fn note_of(step: Move, prior: Option<&Prior>) -> Option<String> {
    let prior = prior?;
    let before = |word: &str| {
        let answer = &prior.answer;
        let kind = match answer.category.as_str() {
            "" | "none" => String::new(),
            category if category == answer.status => String::new(),
            category => format!(", {category}"),
        };
        let (version, status) = (&prior.version, &answer.status);
        format!("{word}: the version before ({version}) said HER2 {status}{kind}.")
    };
    match step {
        Move::Amend => Some(before("Amended")),
        Move::Correct => Some(before("Corrected")),
        Move::Unresolve if prior.state == ResultState::Preliminary => Some(NEVER_FINAL.to_owned()),
        Move::Unresolve => Some(before("Amended")),
        Move::Keep | Move::Begin | Move::Revise | Move::Withdraw | Move::Revive => None,
    }
}
