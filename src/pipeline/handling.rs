//! What is known of the tissue of a case: from its specimens and what they were taken from, its tumour, and results that
//! are about the tissue itself. None of it makes a case, and what is not understood is left alone.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Rules;
use super::gather::place::{conditions_of, morphologies_of};
use super::gather::{Item, Sources};
use crate::fhir::dates::{Date, Precision};
use crate::fhir::elements::{Concept, Quantity, Reference};
use crate::fhir::json::Json;
use crate::fhir::pool::Resource;
use crate::her2::evidence::{Fixative, Handling, Sample, Source, UnreadTest, Unreadable};
use crate::her2::number::Measure;
use crate::mapping::normalise::{Elapsed, TissueFact};
use crate::mapping::table::{Mapping, Morphology, Step};

/// Hours in formalin that a test may rely on (ASCO/CAP 2018). Of several times the one out of these limits is kept, so
/// that nobody overlooks it.
const FIXATION_HOURS: (u32, u32) = (6, 72);

/// What is known of a case's tissue, and a question where two statements of weight differ.
pub(super) fn handling_of(
    case: &[&Item<'_>],
    all: &[Item<'_>],
    sources: &Sources<'_>,
    rules: &Rules,
) -> (Handling, Option<Unreadable>) {
    let mapping = &rules.mapping;
    let mut found = Found::default();
    for key in tissues_of(case, sources) {
        if let Some(node) = sources.specimens.get(key) {
            found.specimen(node.resource, sources, mapping);
        }
    }
    for condition in case.iter().flat_map(|item| conditions_of(item, sources)) {
        found
            .morphologies
            .extend(morphologies_of(condition, mapping));
    }
    for item in all
        .iter()
        .filter(|item| bears_on(item, case, sources, mapping))
    {
        found.facts(item);
    }
    let differ = found.fixatives.len() > 1;
    let question = found.fixative_source.clone().filter(|_| differ);
    let question = question.map(|source| Unreadable {
        test: UnreadTest::Either,
        detail: "the fixatives that are stated for the tissue differ".to_owned(),
        source,
    });
    (found.handling(), question)
}

/// The specimens that a case names, and what they were taken from.
fn tissues_of<'c>(case: &[&'c Item<'_>], sources: &'c Sources<'_>) -> BTreeSet<&'c str> {
    (case.iter())
        .filter_map(|item| item.specimen.as_ref())
        .flat_map(|specimen| sources.specimens.lineage(specimen))
        .collect()
}

/// Whether what an item says about tissue is about that of a case: it stands among its results, or names its tissue, or
/// no tissue in a report that names none either.
fn bears_on(item: &Item<'_>, case: &[&Item<'_>], sources: &Sources<'_>, mapping: &Mapping) -> bool {
    if item.facts.is_empty() {
        return false;
    }
    (case.iter()).any(|member| {
        let is_same_patient = member.subject == item.subject;
        let is_same_tissue = || match (&member.specimen, &item.specimen) {
            (Some(one), Some(other)) => {
                sources.specimens.lineage(one).contains(&other.as_str())
                    || sources.specimens.lineage(other).contains(&one.as_str())
                    || share_a_block(one, other, sources, mapping)
            }
            (None, None) => {
                !member.reports.is_disjoint(&item.reports) || member.root() == item.root()
            }
            _ => false,
        };
        member.source == item.source || (is_same_patient && is_same_tissue())
    })
}

/// Whether two specimens are slides of one block.
fn share_a_block(one: &str, other: &str, sources: &Sources<'_>, mapping: &Mapping) -> bool {
    let block = |key| (sources.specimens.lineage(key)).get(1).copied();
    let is_slide = |key: &str| {
        let kinds = sources.specimens.get(key).map(|node| node.kinds.as_slice());
        (kinds.unwrap_or_default().iter()).any(|kind| mapping.is_slide(kind))
    };
    is_slide(one) && is_slide(other) && block(one).is_some() && block(one) == block(other)
}

/// Everything that is said of one tissue.
#[derive(Default)]
struct Found {
    samples: BTreeSet<Sample>,
    fixatives: BTreeSet<Fixative>,
    fixative_source: Option<Source>,
    fixation_hours: Vec<Measure>,
    cold_ischemia_minutes: Vec<Measure>,
    decalcified: BTreeSet<bool>,
    morphologies: BTreeSet<Morphology>,
    grades: BTreeSet<u8>,
}

impl Found {
    fn specimen(&mut self, specimen: &Resource<'_>, sources: &Sources<'_>, mapping: &Mapping) {
        let json = &specimen.json;
        if json.text_at("status") == Some("entered-in-error") {
            return;
        }
        self.samples.extend(samples_of(json, mapping));

        let kind = json.get("type").map(Concept::read);
        let fixative = kind.and_then(|kind| mapping.fixatives.of(&kind));
        self.fixative(fixative, source_of(specimen));
        for container in json.items_at("container") {
            let stated = container.get("additiveCodeableConcept").map(Concept::read);
            let fixative = stated
                .and_then(|concept| mapping.fixatives.of(&concept))
                .or_else(|| {
                    additive(
                        container.get("additiveReference")?,
                        specimen,
                        sources,
                        mapping,
                    )
                });
            self.fixative(fixative, source_of(specimen));
        }
        for step in json.items_at("processing") {
            self.step(step, specimen, sources, mapping);
        }
    }

    fn step(
        &mut self,
        json: &Json<'_>,
        specimen: &Resource<'_>,
        sources: &Sources<'_>,
        mapping: &Mapping,
    ) {
        // R5 names it `method`.
        let procedure = json.get("procedure").or_else(|| json.get("method"));
        let description = json.text_at("description");
        let step = match procedure.map(Concept::read) {
            Some(procedure) => mapping.steps.of(&procedure),
            None => description.and_then(|text| mapping.steps.of_text(text)),
        };
        // A step may be named by what it was done in, such as "alcohol fixation".
        let named = match procedure.map(Concept::read) {
            Some(procedure) => mapping.fixatives.of(&procedure),
            None => description.and_then(|text| mapping.fixatives.of_text(text)),
        };
        let named =
            named.filter(|named| *named == Fixative::Formalin || step == Some(Step::Fixation));
        self.fixative(named, source_of(specimen));
        let is_unnamed = procedure.is_none() && description.is_none();
        for reference in json.items_at("additive") {
            let fixative = additive(reference, specimen, sources, mapping);
            // Alcohol is also what tissue is dehydrated in.
            let is_fixed_in_it =
                fixative == Some(Fixative::Formalin) || is_unnamed || step == Some(Step::Fixation);
            self.fixative(fixative.filter(|_| is_fixed_in_it), source_of(specimen));
        }
        match step {
            Some(Step::Fixation) => {
                let hours = elapsed(json, Elapsed::Hours, mapping);
                self.fixation_hours.extend(hours);
            }
            Some(Step::ColdIschemia) => {
                let minutes = elapsed(json, Elapsed::Minutes, mapping);
                self.cold_ischemia_minutes.extend(minutes);
            }
            Some(Step::Decalcification) => {
                self.decalcified.insert(true);
            }
            None => {}
        }
    }

    fn facts(&mut self, item: &Item<'_>) {
        for fact in &item.facts {
            match fact {
                TissueFact::FixationHours(hours) => self.fixation_hours.push(hours.clone()),
                TissueFact::ColdIschemiaMinutes(minutes) => {
                    self.cold_ischemia_minutes.push(minutes.clone());
                }
                TissueFact::Decalcified(decalcified) => {
                    self.decalcified.insert(*decalcified);
                }
                TissueFact::Grade(grade) => {
                    self.grades.insert(*grade);
                }
                TissueFact::Fixative(fixative) => {
                    self.fixative(Some(*fixative), item.source.clone());
                }
            }
        }
    }

    fn fixative(&mut self, fixative: Option<Fixative>, source: Source) {
        if let Some(fixative) = fixative {
            self.fixatives.insert(fixative);
            self.fixative_source.get_or_insert(source);
        }
    }

    fn handling(self) -> Handling {
        let (least, most) = FIXATION_HOURS;
        let (least, most) = (Decimal::from(least), Decimal::from(most));
        let is_out_of_range =
            |hours: &&Measure| hours.span().may_be_below(least) || hours.span().may_be_above(most);
        let hours = self.fixation_hours.iter();
        let longest = |one: &&Measure, other: &&Measure| upper(one).cmp(&upper(other));
        let histologies: BTreeSet<_> = (self.morphologies.iter())
            .filter_map(|morphology| morphology.histology())
            .collect();
        Handling {
            sample: only(self.samples),
            fixative: only(self.fixatives),
            fixation_hours: (hours.clone().find(is_out_of_range))
                .or(self.fixation_hours.first())
                .cloned(),
            cold_ischemia_minutes: (self.cold_ischemia_minutes.iter().max_by(longest)).cloned(),
            decalcified: self.decalcified.last().copied(),
            histology: only(histologies),
            grade: only(self.grades),
            of_metastasis: false,
        }
    }
}

/// How a specimen was taken, by its type and by the method and procedure of its collection.
pub(super) fn samples_of(specimen: &Json<'_>, mapping: &Mapping) -> impl Iterator<Item = Sample> {
    let collection = specimen.get("collection");
    let method = collection.and_then(|collection| collection.get("method"));
    // A CodeableReference since R5.
    let procedure = collection
        .and_then(|collection| collection.get("procedure"))
        .and_then(|procedure| procedure.get("concept"));
    let kinds = [specimen.get("type"), method, procedure];
    (kinds.into_iter().flatten())
        .map(Concept::read)
        .filter_map(|kind| mapping.samples.of(&kind))
}

/// The greatest value that a number allows; without a bound that is more than any other.
fn upper(measure: &Measure) -> Decimal {
    (measure.span().high).map_or(Decimal::MAX, |high| high.value.approximate())
}

fn only<T: Copy>(values: BTreeSet<T>) -> Option<T> {
    match values.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// What a Substance is: by its code, else by the display of the reference to it.
fn additive(
    reference: &Json<'_>,
    from: &Resource<'_>,
    sources: &Sources<'_>,
    mapping: &Mapping,
) -> Option<Fixative> {
    let substance = (sources.pool).resolve(&Reference::read(reference), "Substance", &from.key);
    let code = substance.and_then(|substance| substance.json.get("code"));
    // A CodeableReference since R5.
    let code = code.map(|code| code.get("concept").unwrap_or(code));
    (code.map(Concept::read))
        .and_then(|concept| mapping.fixatives.of(&concept))
        .or_else(|| mapping.fixatives.of_text(reference.text_at("display")?))
}

/// How long a step took.
fn elapsed(step: &Json<'_>, unit: Elapsed, mapping: &Mapping) -> Option<Measure> {
    if let Some(duration) = step.get("timeDuration") {
        return unit.of_quantity(mapping, &Quantity::read(duration));
    }
    let period = step.get("timePeriod")?;
    let end = |name: &str| {
        Date::parse(period.text_at(name)?).filter(|date| date.precision() == Precision::Instant)
    };
    let (start, end) = (end("start")?.earliest(), end("end")?.earliest());
    let seconds = (end - start).num_seconds();
    (seconds >= 0).then(|| unit.of_seconds(seconds)).flatten()
}

fn source_of(resource: &Resource<'_>) -> Source {
    Source {
        reference: resource.key.clone(),
        version: resource.version.clone(),
    }
}
