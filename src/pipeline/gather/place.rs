//! On which tissue something was observed: its specimen, primary site and side.

use std::collections::BTreeSet;

use super::withhold::exclude;
use super::{Item, Sources};
use crate::fhir::candidates::{MORPHOLOGY, ObservationNode};
use crate::fhir::elements::Concept;
use crate::fhir::json::Json;
use crate::her2::evidence::{Site, UnreadTest};
use crate::mapping::normalise::Piece;
use crate::mapping::table::{Mapping, Morphology, SiteMeaning};
use crate::pipeline::Rules;

/// The specimen an Observation names, else that of its nearest panel, else the only one of its reports.
pub(super) fn specimen_of(
    sources: &Sources<'_>,
    observation: &ObservationNode<'_>,
    ancestors: &[&str],
    reports: &BTreeSet<&str>,
) -> Option<String> {
    let of_panel = || {
        ancestors.iter().rev().find_map(|ancestor| {
            sources
                .candidates
                .observations
                .get(ancestor)?
                .specimen
                .clone()
        })
    };
    let of_report = || {
        let named: BTreeSet<&String> = reports
            .iter()
            .filter_map(|report| sources.candidates.reports.get(report))
            .flat_map(|report| &report.specimens)
            .collect();
        match named.into_iter().collect::<Vec<_>>().as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        }
    };
    observation
        .specimen
        .clone()
        .or_else(of_panel)
        .or_else(of_report)
}

/// Notes the primary site and side that an item's Conditions, specimen and body site name; in situ disease is left out.
pub(super) fn place(item: &mut Item<'_>, sources: &Sources<'_>, rules: &Rules) {
    let mut in_situ = false;
    let mut names_invasive = false;
    for condition in conditions_of(item, sources) {
        match site_of(condition, rules) {
            Some(SiteMeaning::Primary(site)) => {
                names_invasive = true;
                item.sites.insert(site);
            }
            Some(SiteMeaning::InSitu) => in_situ = true,
            None => {}
        }
        let morphologies = morphologies_of(condition, &rules.mapping);
        in_situ |= morphologies.contains(&Morphology::InSitu);
        item.is_squamous |= morphologies.contains(&Morphology::Squamous);
    }
    let mut places: Vec<Concept<'_>> = (item.observation)
        .and_then(|observation| observation.body_site.clone())
        .into_iter()
        .collect();
    if let Some(specimen) = &item.specimen {
        for key in sources.specimens.lineage(specimen) {
            if let Some(node) = sources.specimens.get(key) {
                places.extend(node.body_site.clone());
                places.extend(node.kinds.iter().cloned());
            }
        }
    }
    for concept in &places {
        match rules.mapping.site(concept) {
            // Other organs hold metastases too: only a Condition names them as primary.
            Some((SiteMeaning::Primary(site @ (Site::Breast | Site::Gastroesophageal)), side)) => {
                item.sites.insert(site);
                item.side = item.side.or(side);
            }
            Some((SiteMeaning::Primary(_), _)) | None => {}
            Some((SiteMeaning::InSitu, _)) => in_situ = true,
        }
    }
    for piece in &item.pieces {
        if let Piece::Site(site) = piece {
            item.sites.insert(*site);
        }
    }
    match (in_situ, names_invasive) {
        (true, false) => exclude(item, "in situ disease is never an input"),
        (true, true) => doubt(item, "it names both in situ and invasive disease"),
        (false, _) => {}
    }
    if item.is_evidence() && of_another_patient(item, sources) {
        doubt(item, "its specimen or report is of another patient");
    }
    if sources.pool.is_disputed(&item.source.reference) {
        doubt(item, "another content stands under the same id and version");
    }
}

/// The tumour Conditions that an item names, those entered in error left out.
pub(in crate::pipeline) fn conditions_of<'s>(
    item: &Item<'s>,
    sources: &'s Sources<'_>,
) -> Vec<&'s Json<'s>> {
    let named = item
        .observation
        .map(|observation| observation.conditions.as_slice());
    (named.unwrap_or_default().iter())
        .filter_map(|key| Some(&sources.pool.get(key)?.json))
        .filter(|condition| {
            let status = condition.get("verificationStatus").map(Concept::read);
            let is_error = |status: &Concept<'_>| {
                (status.codings.iter()).any(|coding| coding.code == Some("entered-in-error"))
            };
            !status.as_ref().is_some_and(is_error)
        })
        .collect()
}

/// What a tumour is made of, by its Condition's code and the extension for it.
pub(in crate::pipeline) fn morphologies_of(
    condition: &Json<'_>,
    mapping: &Mapping,
) -> BTreeSet<Morphology> {
    let extensions = condition.items_at("extension").iter();
    let morphology = extensions
        .filter(|extension| extension.text_at("url") == Some(MORPHOLOGY))
        .filter_map(|extension| extension.get("valueCodeableConcept"));
    (condition.get("code").into_iter().chain(morphology))
        .map(Concept::read)
        .filter_map(|concept| {
            let in_situ = matches!(mapping.site(&concept), Some((SiteMeaning::InSitu, _)));
            let in_situ = in_situ.then_some(Morphology::InSitu);
            in_situ.or_else(|| mapping.morphologies.of(&concept))
        })
        .collect()
}

/// What a tumour Condition says of the primary site, by its code or body site.
fn site_of(condition: &Json<'_>, rules: &Rules) -> Option<SiteMeaning> {
    let mapping = &rules.mapping;
    let code = condition.get("code").map(Concept::read);
    // A metastasis lies in another organ than its primary.
    let metastasis = (code.as_ref()).and_then(|code| mapping.metastases.of(code));
    let of_primary = |meaning: &SiteMeaning| {
        metastasis.is_none() || *meaning == SiteMeaning::Primary(Site::Breast)
    };
    let sites = condition.items_at("bodySite").iter().map(Concept::read);
    (code.into_iter().chain(sites))
        .filter_map(|concept| mapping.site(&concept))
        .map(|(meaning, _)| meaning)
        .find(of_primary)
}

/// Whether an item's specimen, or a report that names it, is of another patient than the item.
fn of_another_patient(item: &Item<'_>, sources: &Sources<'_>) -> bool {
    let own = item.subject.as_ref();
    let differs = |other: Option<&String>| own.zip(other).is_some_and(|(own, other)| own != other);
    let specimen = item
        .specimen
        .as_ref()
        .and_then(|key| sources.specimens.get(key));
    let reports = item
        .reports
        .iter()
        .filter_map(|report| sources.candidates.reports.get(report));
    differs(specimen.and_then(|specimen| specimen.subject.as_ref()))
        || reports
            .into_iter()
            .any(|report| differs(report.subject.as_ref()))
}

/// Sets a question in the place of what an item says.
pub(super) fn doubt(item: &mut Item<'_>, why: &str) {
    if item.is_evidence() {
        item.pieces = vec![Piece::Unread {
            test: UnreadTest::Either,
            detail: format!("{}: {why}", item.source.reference),
        }];
    }
}
