//! The result itself.

use her2_models::{Concept, Invalid, ObservationDraft, ObservationStatus, Reference};

use super::parts::{coding, concept, device, reference_to, reference_to_one_of};
use super::{CodingOrder, Composer, Prior, PriorStatus, Written, observation_id};
use crate::her2::decision::{Category, Status};
use crate::her2::evidence::StatedResult;
use crate::mapping::terminology::system;

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

impl Composer<'_> {
    pub(super) fn observation(&self, status: ObservationStatus) -> Result<Written, Invalid> {
        let id = observation_id(&self.case.id);
        let codes = &self.publishing.codes.codes;
        let (effective, precision) = self.effective().unzip();
        let mut draft = ObservationDraft {
            id: id.clone(),
            profiles: Vec::new(),
            security: self.security.clone(),
            tags: Vec::new(),
            identifiers: vec![
                self.identifier("her2-status", &self.case.id),
                self.identifier("her2-fingerprint", &self.case.fingerprint),
            ],
            status,
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
            issued: Some(self.now.to_owned()),
            performers: self.carried("performer", &PERFORMERS),
            value: self.value(),
            interpretation: self.interpretation(),
            notes: self.case.sentences(),
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
        };
        self.claim_profiles(&mut draft, precision);
        Ok(Written {
            kind: "Observation",
            text: self.publishing.release.observation(&draft)?,
            id,
        })
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

    /// Preliminary until signed off. Only a first version is final at once, where the site allows it and the signed source
    /// states the same; a changed source never makes a result final.
    pub(super) fn observation_status(&self, prior: Option<&Prior>) -> ObservationStatus {
        let insufficient = self.case.decision.status == Status::Insufficient;
        match prior.map(|prior| prior.status) {
            Some(PriorStatus::Final) => ObservationStatus::Amended,
            Some(_) if insufficient => ObservationStatus::Amended,
            None if self.transcribes_the_source() => ObservationStatus::Final,
            Some(PriorStatus::Preliminary | PriorStatus::Withdrawn) | None => {
                ObservationStatus::Preliminary
            }
        }
    }

    fn transcribes_the_source(&self) -> bool {
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
