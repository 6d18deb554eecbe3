//! Which cases of a patient are of one tumour, and the view of each tumour as a case of its own beside them.
//!
//! Neither sides nor tumours nor places nor metastases are merged: specimens are taken together only where all that tells
//! tumours apart is the same for them, what is not stated included.
//!
//! Nor is what was taken before neoadjuvant treatment merged with what was taken after it. No data says for certain that
//! there was none, and a biopsy and a resection, each of a known day, are just what lies on either side of it; so each has
//! a view of its own. Two views can be read side by side, while one that covers a change under treatment cannot be taken
//! apart. It does not depend on what else is known of the patient, so that a view stays the one it is when the resection
//! follows. Specimens that differ within a view are a question for a person.

use std::collections::{BTreeMap, BTreeSet};

use super::edition::Choice;
use super::gather::Item;
use super::{CaseKey, CaseResult, Related, Rules};
use crate::fhir::dates::{Date, Precision};
use crate::fhir::json::Json;
use crate::fhir::tissue::Specimens;
use crate::her2::decision::Status;
use crate::her2::evidence::{Evidence, Handling, JoinedBy, Sample, Site, SiteFinding};
use crate::her2::guideline::Edition;
use crate::her2::patient_view::patient_view;
use crate::mapping::table::{Side, SiteMeaning};

/// What tells one tumour of a patient from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tumour {
    side: Option<Side>,
    /// The Conditions that the results or the specimen name.
    foci: BTreeSet<String>,
    place: Place,
    of_metastasis: bool,
    /// On which side of neoadjuvant treatment it may have been taken.
    taken_as: Option<Sample>,
}

/// Where the tissue was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    NotStated,
    /// An organ that can be a primary site.
    Primary(Site),
    /// Another place, such as that of a metastasis, by its code.
    Elsewhere(String),
}

impl Tumour {
    /// The tumour of a case's items.
    pub(super) fn of(
        items: &[&Item<'_>],
        tissue: Option<&str>,
        handling: &Handling,
        specimens: &Specimens<'_>,
        rules: &Rules,
    ) -> Self {
        let sides: BTreeSet<Side> = items.iter().filter_map(|item| item.side).collect();
        let lineage = tissue.map(|tissue| specimens.lineage(tissue));
        let nodes: Vec<_> = (lineage.iter().flatten())
            .filter_map(|specimen| specimens.get(specimen))
            .collect();
        let body_site = nodes.iter().find_map(|node| node.body_site.clone());
        let has_day = (nodes.iter()).any(|node| has_day_of_collection(&node.resource.json));
        Self {
            side: sides.first().copied().filter(|_| sides.len() == 1),
            foci: (items.iter())
                .filter_map(|item| item.observation)
                .flat_map(|observation| observation.conditions.iter().cloned())
                .chain(
                    nodes
                        .iter()
                        .flat_map(|node| node.conditions.iter().cloned()),
                )
                .collect(),
            place: match body_site {
                None => Place::NotStated,
                Some(concept) => match rules.mapping.site(&concept) {
                    Some((SiteMeaning::Primary(site), _)) => Place::Primary(site),
                    _ => Place::Elsewhere(concept.label()),
                },
            },
            of_metastasis: handling.of_metastasis,
            taken_as: (handling.sample)
                .filter(|sample| has_day && matches!(sample, Sample::Biopsy | Sample::Resection)),
        }
    }

    /// A text that is the same for the same tumour.
    fn key(&self) -> String {
        let metastasis = self.of_metastasis.then_some("metastasis");
        let taken_as = self.taken_as.map(Sample::name);
        let mut key = format!("{:?} {:?} {:?}", self.side, self.foci, self.place);
        for more in metastasis.into_iter().chain(taken_as) {
            key = format!("{key} {more}");
        }
        key
    }
}

/// Whether the day on which a specimen was collected is known.
fn has_day_of_collection(specimen: &Json<'_>) -> bool {
    let collection = specimen.get("collection");
    let start = || collection?.get("collectedPeriod")?.text_at("start");
    let stated = collection.and_then(|collection| collection.text_at("collectedDateTime"));
    let date = stated.or_else(start).and_then(Date::parse);
    date.is_some_and(|date| matches!(date.precision(), Precision::Day | Precision::Instant))
}

/// The view of each tumour that has a result.
pub(super) fn views(cases: &[(CaseResult, Tumour)]) -> Vec<CaseResult> {
    let mut tumours: BTreeMap<(&str, Edition, Site, &Tumour), Vec<&CaseResult>> = BTreeMap::new();
    for (case, tumour) in cases {
        if let (Some(subject), SiteFinding::Known(site)) = (&case.subject, case.evidence.site)
            && case.edition.covers(site)
        {
            let key = (subject.as_str(), case.edition, site, tumour);
            tumours.entry(key).or_default().push(case);
        }
    }
    tumours
        .into_iter()
        .filter_map(|((subject, edition, site, tumour), members)| {
            let decisions: Vec<_> = members.iter().map(|case| &case.decision).collect();
            let decision = patient_view(edition, &decisions)?;
            let key = CaseKey {
                subject: Some(subject.to_owned()),
                stands_on: format!("tumour {site:?} {}", tumour.key()),
            };
            Some(CaseResult {
                id: key.id(),
                subject: key.subject,
                tissue: None,
                edition,
                edition_choice: members
                    .first()
                    .map_or(Choice::Site, |case| case.edition_choice),
                reported_on: members.iter().filter_map(|case| case.reported_on).max(),
                evidence: Evidence::new(SiteFinding::Known(site), JoinedBy::Patient),
                decision,
                inputs: (members.iter())
                    .flat_map(|case| case.inputs.iter().cloned())
                    .collect(),
                excluded: BTreeSet::new(),
                related: (members.iter())
                    .map(|case| Related {
                        case: case.id.clone(),
                        why: "specimen of this tumour",
                    })
                    .collect(),
                summarises: (members.iter())
                    .filter(|case| case.decision.status != Status::Insufficient)
                    .map(|case| case.id.clone())
                    .collect(),
                fingerprint: String::new(),
                content: String::new(),
                essence: String::new(),
            })
        })
        .collect()
}
