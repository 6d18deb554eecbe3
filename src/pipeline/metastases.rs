//! Which tissue is of a metastasis, and whether a metastasis is on record that nobody has tested.
//!
//! Only codes count, and only what is certain: a Condition that is not confirmed says nothing, and a specimen is of a
//! metastasis where it says so itself, where it names such a Condition, or where a result on it names no other Condition.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::{Gathered, Item, Sources};
use super::handling::samples_of;
use super::{Rules, Undecided};
use crate::fhir::candidates::MORPHOLOGY;
use crate::fhir::elements::{Concept, Reference};
use crate::fhir::json::Json;
use crate::fhir::pool::Resource;
use crate::fhir::tissue::SpecimenNode;
use crate::her2::evidence::{Sample, Site, Source};
use crate::mapping::normalise::{Concern, Piece};
use crate::mapping::table::{Mapping, Metastasis, SiteMeaning};

/// Whether a resource is a specimen or a Condition of a distant metastasis. What is known of its patient then belongs
/// together: whether some metastasis was tested can be said of a whole patient only.
pub fn is_of_distant_metastasis(resource: &Json<'_>, mapping: &Mapping) -> bool {
    let said = match resource.text_at("resourceType") {
        Some("Condition") => of_condition(resource, mapping),
        Some("Specimen") => {
            let site =
                (resource.get("collection")).and_then(|collection| collection.get("bodySite"));
            let places = site.map(Concept::read_referable).into_iter();
            let kinds = resource.get("type").map(Concept::read).into_iter();
            surest(
                kinds
                    .chain(places)
                    .filter_map(|concept| mapping.metastases.of(&concept)),
            )
        }
        _ => None,
    };
    said == Some(Metastasis::Distant)
}

/// The specimens that are of a metastasis.
pub(super) struct Metastases(BTreeMap<String, Metastasis>);

impl Metastases {
    pub(super) fn read(gathered: &Gathered<'_>, sources: &Sources<'_>, mapping: &Mapping) -> Self {
        let mut found: BTreeMap<String, Metastasis> = BTreeMap::new();
        for specimen in sources.specimens.all() {
            if let Some(said) = of_specimen(specimen, sources, mapping) {
                found.insert(specimen.key.to_owned(), said);
            }
        }
        for item in &gathered.items {
            let named = item
                .observation
                .and_then(|observation| observation.specimen.clone());
            if let (Some(specimen), Some(said)) = (named, of_item(item, sources, mapping)) {
                let entry = found.entry(specimen).or_insert(said);
                *entry = said.min(*entry);
            }
        }
        Self(found)
    }

    /// Whether the tissue of a case is of a metastasis, by its specimen or by the Conditions that its results name.
    pub(super) fn hold(
        &self,
        items: &[&Item<'_>],
        tissue: Option<&str>,
        sources: &Sources<'_>,
        mapping: &Mapping,
    ) -> bool {
        let by_specimen = tissue.is_some_and(|tissue| self.is_one(tissue, sources));
        by_specimen
            || items
                .iter()
                .any(|item| of_item(item, sources, mapping).is_some())
    }

    fn is_one(&self, specimen: &str, sources: &Sources<'_>) -> bool {
        let lineage = sources.specimens.lineage(specimen);
        lineage.iter().any(|key| self.0.contains_key(*key))
    }

    /// Notes in the cases of a patient a metastasis that is untested: tissue of a distant one is on record, and all that
    /// is known of HER2 is of the breast itself. Regional nodes are not what the guideline calls metastatic disease.
    pub(super) fn note_untested(
        &self,
        cases: &mut [Undecided],
        gathered: &Gathered<'_>,
        sources: &Sources<'_>,
        rules: &Rules,
    ) {
        let mapping = &rules.mapping;
        if sources.pool.is_part() {
            return;
        }
        let mut untested: BTreeMap<&str, Source> = BTreeMap::new();
        for specimen in sources.specimens.all() {
            let is_distant = self.0.get(specimen.key) == Some(&Metastasis::Distant);
            if let Some(subject) = &specimen.subject
                && is_distant
                && !specimen.key.contains('#')
                && is_available_tissue(specimen, mapping)
                && !is_of_breast(specimen.key, sources, mapping)
            {
                untested.entry(subject).or_insert_with(|| Source {
                    reference: specimen.key.to_owned(),
                    version: specimen.resource.version.clone(),
                });
            }
        }
        if untested.is_empty() {
            return;
        }
        // A test that is under way counts, and so does one whose tissue nobody can tell.
        let is_of_primary = |item: &Item<'_>| {
            (item.specimen.as_ref()).is_some_and(|specimen| {
                is_of_breast(specimen, sources, mapping) && !self.is_one(specimen, sources)
            })
        };
        for item in gathered.items.iter().filter(|item| is_about_a_test(item)) {
            if !is_of_primary(item) {
                match &item.subject {
                    Some(subject) => _ = untested.remove(subject.as_str()),
                    None => return,
                }
            }
        }
        for subject in of_another_primary(sources, mapping) {
            untested.remove(subject.as_str());
        }
        for case in cases {
            let subject = case.key.subject.as_deref();
            case.assembled.evidence.untested_metastasis =
                subject.and_then(|subject| untested.get(subject).cloned());
        }
    }
}

/// Whether an item tells of a HER2 test, be it one without a result yet.
fn is_about_a_test(item: &Item<'_>) -> bool {
    let is_nothing = |piece: &Piece| matches!(piece, Piece::Excluded { .. } | Piece::Site(_));
    let is_under_way = (item.observation).is_some_and(|observation| {
        matches!(
            observation.status,
            Some("registered" | "preliminary" | "partial" | "unknown")
        )
    });
    item.pieces.iter().any(|piece| !is_nothing(piece))
        || (is_under_way && item.concerns.contains(&Concern::Her2))
}

/// Whether a specimen, or what it was taken from, says that it is of the breast.
fn is_of_breast(specimen: &str, sources: &Sources<'_>, mapping: &Mapping) -> bool {
    let lineage = sources.specimens.lineage(specimen);
    let nodes = lineage.iter().filter_map(|key| sources.specimens.get(key));
    let mut places = nodes.flat_map(|node| node.body_site.iter().chain(&node.kinds));
    places.any(|place| {
        let said = mapping.site(place).map(|(meaning, _)| meaning);
        said == Some(SiteMeaning::Primary(Site::Breast))
    })
}

/// Whether there is tissue left to be tested. Blood and other fluids are no tissue, whatever disease they tell of.
fn is_available_tissue(specimen: &SpecimenNode<'_>, mapping: &Mapping) -> bool {
    let json = &specimen.resource.json;
    let is_there = matches!(json.text_at("status"), None | Some("available"));
    let is_tissue = (specimen.kinds.iter()).any(|kind| mapping.is_tissue(kind));
    let samples: BTreeSet<Sample> = samples_of(json, mapping).collect();
    let is_taken = samples.contains(&Sample::Biopsy) || samples.contains(&Sample::Resection);
    is_there && (is_tissue || is_taken) && !samples.contains(&Sample::Cytology)
}

/// Patients with a primary tumour of another organ, from which a metastasis may have come.
fn of_another_primary(sources: &Sources<'_>, mapping: &Mapping) -> BTreeSet<String> {
    (sources.pool.of_kind_anywhere("Condition"))
        .filter(|condition| {
            let code = condition.json.get("code").map(Concept::read);
            let said = code.and_then(|code| mapping.site(&code));
            let site = said.map(|(meaning, _)| meaning);
            matches!(site, Some(SiteMeaning::Primary(site)) if site != Site::Breast)
        })
        .filter_map(|condition| patient_of(condition, sources))
        .collect()
}

fn patient_of(resource: &Resource<'_>, sources: &Sources<'_>) -> Option<String> {
    let subject = Reference::read(resource.json.get("subject")?);
    let patient = sources.pool.key_of(&subject, "Patient", &resource.key)?;
    Some(sources.pool.surviving(patient))
}

/// What a specimen says of itself, or the Condition that it holds material of.
fn of_specimen(
    specimen: &SpecimenNode<'_>,
    sources: &Sources<'_>,
    mapping: &Mapping,
) -> Option<Metastasis> {
    if specimen.resource.json.text_at("status") == Some("entered-in-error") {
        return None;
    }
    let own = specimen.kinds.iter().chain(&specimen.body_site);
    let own = own.filter_map(|concept| mapping.metastases.of(concept));
    let held = (specimen.conditions.iter()).filter_map(|key| {
        let condition = sources.pool.get(key)?;
        let is_own = patient_of(condition, sources) == specimen.subject && !key.contains('#');
        of_condition(&condition.json, mapping).filter(|_| is_own)
    });
    surest(own.chain(held))
}

/// What the Conditions of a result say of its tissue, where every one of them is a metastasis.
fn of_item(item: &Item<'_>, sources: &Sources<'_>, mapping: &Mapping) -> Option<Metastasis> {
    let observation = (item.observation)
        .filter(|it| !matches!(it.status, Some("entered-in-error" | "cancelled")))?;
    let named = &observation.conditions;
    let said: Option<Vec<Metastasis>> = (named.iter())
        .map(|key| {
            let condition = sources.pool.get(key)?;
            let is_own = patient_of(condition, sources) == item.subject && !key.contains('#');
            of_condition(&condition.json, mapping).filter(|_| is_own)
        })
        .collect();
    said?.into_iter().max()
}

/// What a Condition says of a metastasis; nothing unless it is confirmed, or says nothing of that.
fn of_condition(condition: &Json<'_>, mapping: &Mapping) -> Option<Metastasis> {
    let status = condition.get("verificationStatus").map(Concept::read);
    let is_confirmed = status.is_none_or(|status| {
        (status.codings.iter()).any(|coding| coding.code == Some("confirmed"))
    });
    let morphologies = (condition.items_at("extension").iter())
        .filter(|extension| extension.text_at("url") == Some(MORPHOLOGY))
        .filter_map(|extension| extension.get("valueCodeableConcept"));
    let said = (condition.get("code").into_iter().chain(morphologies)).map(Concept::read);
    surest(said.filter_map(|concept| mapping.metastases.of(&concept))).filter(|_| is_confirmed)
}

/// Distant, where anything says so.
fn surest(said: impl Iterator<Item = Metastasis>) -> Option<Metastasis> {
    said.min()
}
