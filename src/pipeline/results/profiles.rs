//! Which profiles a result claims: those that the settings ask for, where its content fulfils them.
//!
//! Whether the Patient, Specimen or Condition that it refers to fulfils the profile that a claimed one names for it, is
//! the sender's to see to, except where this file looks. All of them are profiles of R4, so an R5 resource claims none.

use her2_models::{ObservationDraft, Reference};

use super::Composer;
use super::parts::{coding, may_name};
use crate::fhir::dates::Precision;
use crate::her2::decision::{Category, Status};
use crate::her2::evidence::{Site, SiteFinding};
use crate::mapping::output::{Code, Profile, ProfileCodes};

impl Composer<'_> {
    /// Claims what a result fulfils, with the further codings that a profile wants. `precision` is that of its date.
    pub(super) fn claim_profiles(
        &self,
        draft: &mut ObservationDraft,
        precision: Option<Precision>,
    ) {
        let claimed: Vec<Profile> = (self.publishing.profiles.iter().copied())
            .filter(|profile| self.fulfils(*profile, draft, precision))
            .collect();
        for profile in claimed {
            let codes = self.publishing.codes.profiles.of(profile);
            draft.profiles.push(codes.canonical.clone());
            let further = (self.status_codes(codes).iter()).chain(self.category_code(codes));
            draft.value.codings.extend(further.map(coding));
            if let Some(display) = &codes.observation_display {
                for coding in &mut draft.code.codings {
                    coding.display = Some(display.clone());
                }
            }
        }
    }

    fn fulfils(
        &self,
        profile: Profile,
        draft: &ObservationDraft,
        precision: Option<Precision>,
    ) -> bool {
        let is_r4 = self.publishing.release == super::Release::R4;
        let of_breast = self.case.evidence.site == SiteFinding::Known(Site::Breast);
        let codes = self.publishing.codes.profiles.of(profile);
        let of_patient =
            (draft.subject.as_ref()).is_some_and(|subject| may_name(subject, "Patient"));
        is_r4
            && of_patient
            && match profile {
                Profile::Mcode => precision.is_none_or(|precision| precision >= Precision::Day),
                Profile::Ichom => of_breast && !self.status_codes(codes).is_empty(),
                // It speaks of one specimen.
                Profile::Mii => {
                    of_breast
                        && !self.case.is_patient_view()
                        && !self.status_codes(codes).is_empty()
                        && self.focuses_are(codes.focus.as_deref(), &draft.focus)
                }
            }
    }

    fn status_codes<'o>(&self, codes: &'o ProfileCodes) -> &'o [Code] {
        match self.case.decision.status {
            Status::Positive => &codes.positive,
            Status::Negative => &codes.negative,
            Status::Equivocal => &codes.equivocal,
            Status::Indeterminate | Status::Insufficient => &[],
        }
    }

    /// The code of the kind of negative, where it is published at all.
    fn category_code<'o>(&self, codes: &'o ProfileCodes) -> Option<&'o Code> {
        let name = match self.case.decision.category {
            category @ (Category::Low | Category::Ultralow | Category::Null) => category.name(),
            Category::Positive
            | Category::ZeroUnspecified
            | Category::Equivocal
            | Category::None => return None,
        };
        (self.publishing.low_and_ultralow)
            .then(|| codes.category.get(name))
            .flatten()
    }

    /// Whether each resource in focus is known and claims this profile, in whatever version.
    fn focuses_are(&self, canonical: Option<&str>, focuses: &[Reference]) -> bool {
        focuses.iter().all(|focus| {
            let resource = (focus.reference.as_deref()).and_then(|key| self.pool.get(key));
            let meta = resource.and_then(|resource| resource.json.get("meta"));
            meta.is_some_and(|meta| {
                (meta.items_at("profile").iter())
                    .filter_map(|profile| profile.text())
                    .any(|profile| profile.split('|').next() == canonical)
            })
        })
    }
}
