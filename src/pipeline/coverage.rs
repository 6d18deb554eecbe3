//! Which codes the resources of a pool hold, in every place where a code is looked at, and which of them are mapped.
//!
//! What a code stands in is judged as the reading judges it: an unmapped code is ours where its question is about HER2,
//! and of a report, specimen or Condition where a HER2 result names that.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::Rules;
use super::gather::{Gathered, Item, Sources, gather};
use crate::fhir::candidates::{Candidate, Candidates, MORPHOLOGY};
use crate::fhir::elements::{Concept, Quantity, Reference, Value};
use crate::fhir::json::Json;
use crate::fhir::pool::{Pool, Resource};
use crate::fhir::tissue::Specimens;
use crate::her2::evidence::Source;
use crate::mapping::coverage::{Circumstances, Coverage, Met, PlaceKind, Shape};
use crate::mapping::normalise::Concern;
use crate::mapping::suggest::{answer_of_display, finding_of_display};
use crate::mapping::table::{Answer, Finding, Mapping};

/// The codes of a pool. What several pools have a copy of, such as a tumour's Condition, is counted in the first: `counted`
/// holds the keys of what was.
pub fn coverage(pool: &Pool<'_>, rules: &Rules, counted: &mut BTreeSet<String>) -> Coverage {
    let candidates = Candidates::read(pool);
    let specimens = Specimens::read(pool);
    let sources = Sources {
        pool,
        candidates: &candidates,
        specimens: &specimens,
    };
    coverage_of(&gather(&sources, rules), &sources, &rules.mapping, counted)
}

/// The codes of what was gathered.
pub(super) fn coverage_of(
    gathered: &Gathered<'_>,
    sources: &Sources<'_>,
    mapping: &Mapping,
    counted: &mut BTreeSet<String>,
) -> Coverage {
    let mut covering = Covering {
        mapping,
        coverage: Coverage::default(),
    };
    let neighbours = Neighbours::of(gathered, mapping);
    let mut named = Named::default();
    for item in &gathered.items {
        covering.item(item, &neighbours);
        if concern_of(item) == Concern::Her2 {
            named.take(item, sources);
        }
    }
    for report in sources.candidates.reports.values() {
        let names_her2 = (report.code.words()).any(|text| mapping.words.names_her2(text));
        let concern = concern_if(names_her2 || named.reports.contains(report.key));
        let source = source_of(report.resource);
        covering.enter(PlaceKind::Report, concern, &source, &report.code);
    }
    for specimen in sources.pool.of_kind_anywhere("Specimen") {
        let is_named = named.specimens.contains(&specimen.key);
        if counted.insert(specimen.key.clone()) {
            covering.specimen(specimen, is_named);
        }
        if is_named {
            named
                .substances
                .extend(substances_of(specimen, sources.pool));
        }
    }
    for condition in sources.pool.of_kind_anywhere("Condition") {
        if counted.insert(condition.key.clone()) {
            covering.condition(condition, named.conditions.contains(condition.key.as_str()));
        }
    }
    for substance in sources.pool.of_kind_anywhere("Substance") {
        if !counted.insert(substance.key.clone()) {
            continue;
        }
        let concern = concern_if(named.substances.contains(&substance.key));
        let code = substance.json.get("code").map(concept_of);
        covering.enter_all(PlaceKind::Additive, concern, &source_of(substance), code);
    }
    covering.coverage
}

/// What HER2 results name.
#[derive(Default)]
struct Named<'g> {
    reports: BTreeSet<&'g str>,
    specimens: BTreeSet<String>,
    conditions: BTreeSet<&'g str>,
    substances: BTreeSet<String>,
}

impl<'g> Named<'g> {
    fn take(&mut self, item: &'g Item<'_>, sources: &Sources<'_>) {
        self.reports.extend(&item.reports);
        if let Some(specimen) = &item.specimen {
            let lineage = sources.specimens.lineage(specimen);
            (self.specimens).extend(lineage.into_iter().map(str::to_owned));
        }
        if let Some(observation) = item.observation {
            (self.conditions).extend(observation.conditions.iter().map(String::as_str));
        }
    }
}

/// What the Observations of one panel, and those of one report, ask.
struct Neighbours<'g> {
    of_root: BTreeMap<&'g str, BTreeSet<Finding>>,
    of_report: BTreeMap<&'g str, BTreeSet<Finding>>,
}

impl<'g> Neighbours<'g> {
    fn of(gathered: &'g Gathered<'_>, mapping: &Mapping) -> Self {
        let mut neighbours = Self {
            of_root: BTreeMap::new(),
            of_report: BTreeMap::new(),
        };
        for item in &gathered.items {
            let Some(observation) = item.observation else {
                continue;
            };
            let asked = observation.candidates.iter().zip(&item.concerns);
            let findings: BTreeSet<Finding> = asked
                .filter(|(_, concern)| **concern == Concern::Her2)
                .filter_map(|(asked, _)| finding_of(mapping, &asked.code))
                .collect();
            if findings.is_empty() {
                continue;
            }
            if let Some(root) = item.root() {
                (neighbours.of_root.entry(root).or_default()).extend(&findings);
            }
            for report in &item.reports {
                (neighbours.of_report.entry(report).or_default()).extend(&findings);
            }
        }
        neighbours
    }

    fn around(&self, item: &Item<'_>) -> BTreeSet<Finding> {
        let of_root = item.root().and_then(|root| self.of_root.get(root));
        let of_reports = (item.reports.iter()).filter_map(|report| self.of_report.get(report));
        of_root
            .into_iter()
            .chain(of_reports)
            .flatten()
            .copied()
            .collect()
    }
}

struct Covering<'m> {
    mapping: &'m Mapping,
    coverage: Coverage,
}

impl Covering<'_> {
    fn item(&mut self, item: &Item<'_>, neighbours: &Neighbours<'_>) {
        let Some(observation) = item.observation else {
            return;
        };
        let around = neighbours.around(item);
        for (candidate, concern) in observation.candidates.iter().zip(&item.concerns) {
            self.candidate(candidate, *concern, &item.source, &around);
        }
        let concern = concern_of(item);
        let method = observation.method.iter().cloned();
        self.enter_all(PlaceKind::Method, concern, &item.source, method);
        let site = observation.body_site.iter().cloned();
        self.enter_all(PlaceKind::BodySite, concern, &item.source, site);
    }

    fn candidate(
        &mut self,
        candidate: &Candidate<'_>,
        concern: Concern,
        source: &Source,
        around: &BTreeSet<Finding>,
    ) {
        let mapping = self.mapping;
        // Only what may be unmapped and ours wants to be told by what it stands among.
        let (asked, answered) = match concern {
            Concern::Her2 => circumstances_of(mapping, candidate, around),
            Concern::Excluded | Concern::None => Default::default(),
        };
        let finding = mapped_finding(mapping, &candidate.code);
        let values = || candidate.values.iter().map(|(_, value)| value);
        let question = Met {
            kind: PlaceKind::Question,
            concern,
            source,
            finding: None,
            circumstances: &asked,
        };
        self.coverage.enter(mapping, question, &candidate.code);
        let answer = Met {
            kind: PlaceKind::Answer,
            finding,
            circumstances: &answered,
            ..question
        };
        for value in values() {
            match value {
                Value::Concept(concept) => self.coverage.enter(mapping, answer, concept),
                Value::Text(text) => self.coverage.enter_text(mapping, answer, text),
                value => {
                    for unit in units_of(value) {
                        self.coverage.enter_unit(mapping, answer, unit);
                    }
                }
            }
        }
        for (kind, concepts) in [
            (
                PlaceKind::Interpretation,
                candidate.interpretation.as_slice(),
            ),
            (PlaceKind::AbsentReason, candidate.absent.as_slice()),
        ] {
            for concept in concepts {
                self.coverage
                    .enter(mapping, Met { kind, ..answer }, concept);
            }
        }
    }

    fn specimen(&mut self, specimen: &Resource<'_>, is_named: bool) {
        let json = &specimen.json;
        let (source, concern) = (source_of(specimen), concern_if(is_named));
        let containers = json.items_at("container");
        let types = (json.get("type").into_iter()).chain(
            containers
                .iter()
                .filter_map(|container| container.get("type")),
        );
        self.enter_all(PlaceKind::Specimen, concern, &source, types.map(concept_of));
        let additives = (containers.iter()).filter_map(|held| held.get("additiveCodeableConcept"));
        self.enter_all(
            PlaceKind::Additive,
            concern,
            &source,
            additives.map(concept_of),
        );
        let collection = json.get("collection");
        let collected = |key| {
            collection
                .and_then(|collection| collection.get(key))
                .map(concept_of)
        };
        let how = [collected("method"), collected("procedure")];
        self.enter_all(
            PlaceKind::Collection,
            concern,
            &source,
            how.into_iter().flatten(),
        );
        self.enter_all(PlaceKind::BodySite, concern, &source, collected("bodySite"));
        for step in json.items_at("processing") {
            // R5 names it `method`; a description counts only without either.
            let procedure = step.get("procedure").or_else(|| step.get("method"));
            let described = || {
                let text = step.text_at("description");
                Concept {
                    codings: Vec::new(),
                    text,
                }
            };
            let step = procedure.map_or_else(described, concept_of);
            self.enter(PlaceKind::Processing, concern, &source, &step);
        }
    }

    fn condition(&mut self, condition: &Resource<'_>, is_named: bool) {
        let json = &condition.json;
        let (source, concern) = (source_of(condition), concern_if(is_named));
        let morphologies = (json.items_at("extension").iter())
            .filter(|extension| extension.text_at("url") == Some(MORPHOLOGY))
            .filter_map(|extension| extension.get("valueCodeableConcept"));
        let codes = json.get("code").into_iter().chain(morphologies);
        self.enter_all(
            PlaceKind::Condition,
            concern,
            &source,
            codes.map(concept_of),
        );
        let sites = json.items_at("bodySite").iter().map(concept_of);
        self.enter_all(PlaceKind::BodySite, concern, &source, sites);
    }

    fn enter_all<'c>(
        &mut self,
        kind: PlaceKind,
        concern: Concern,
        source: &Source,
        concepts: impl IntoIterator<Item = Concept<'c>>,
    ) {
        for concept in concepts {
            self.enter(kind, concern, source, &concept);
        }
    }

    fn enter(&mut self, kind: PlaceKind, concern: Concern, source: &Source, concept: &Concept<'_>) {
        let met = Met {
            kind,
            concern,
            source,
            finding: None,
            circumstances: &Circumstances::default(),
        };
        self.coverage.enter(self.mapping, met, concept);
    }
}

/// Of what concern an Observation is as a whole: the greatest of its questions'.
fn concern_of(item: &Item<'_>) -> Concern {
    let has = |concern| item.concerns.contains(&concern);
    if has(Concern::Her2) {
        Concern::Her2
    } else if has(Concern::Excluded) {
        Concern::Excluded
    } else {
        Concern::None
    }
}

fn concern_if(is_ours: bool) -> Concern {
    if is_ours {
        Concern::Her2
    } else {
        Concern::None
    }
}

/// Among what a question stands, and among what its answers do.
fn circumstances_of(
    mapping: &Mapping,
    candidate: &Candidate<'_>,
    around: &BTreeSet<Finding>,
) -> (Circumstances, Circumstances) {
    let words = candidate.code.words().collect::<Vec<_>>().join(" ");
    let answered = Circumstances {
        findings: finding_of(mapping, &candidate.code).into_iter().collect(),
        ihc: mapping.words.speaks_of_ihc(&words),
        ish: mapping.words.speaks_of_ish(&words),
        ..Circumstances::default()
    };
    let values = || candidate.values.iter().map(|(_, value)| value);
    let by_display = (values().flat_map(|value| concept_words(value)))
        .filter_map(|text| answer_of_display(&mapping.words, text));
    let asked = Circumstances {
        findings: around.clone(),
        answers: (values().flat_map(|value| known_answers(mapping, value)))
            .chain(by_display)
            .collect(),
        shapes: (values().filter_map(|value| shape_of(mapping, value))).collect(),
        ..answered
    };
    (asked, answered)
}

/// What a question asks; a code for the overall status says less than one beside it.
fn mapped_finding(mapping: &Mapping, code: &Concept<'_>) -> Option<Finding> {
    let findings = || {
        (code.codings.iter())
            .filter_map(|coding| mapping.finding(coding))
            .map(|row| row.finding)
    };
    findings()
        .find(|finding| *finding != Finding::OverallStatus)
        .or_else(|| findings().next())
}

/// What a question asks, or, where it is unmapped, what its display says that it asks.
fn finding_of(mapping: &Mapping, code: &Concept<'_>) -> Option<Finding> {
    let by_display = || {
        (code.codings.iter())
            .filter_map(|coding| coding.display)
            .find_map(|display| finding_of_display(&mapping.words, display))
    };
    mapped_finding(mapping, code).or_else(by_display)
}

fn known_answers(mapping: &Mapping, value: &Value<'_>) -> Vec<Answer> {
    match value {
        Value::Concept(concept) => (concept.codings.iter())
            .flat_map(|coding| mapping.answers_to_any(coding))
            .map(|row| row.answer)
            .collect(),
        _ => Vec::new(),
    }
}

/// The displays of a coded value, or the short text in its place.
fn concept_words<'r>(value: &Value<'r>) -> Vec<&'r str> {
    match value {
        Value::Concept(concept) => concept.words().collect(),
        Value::Text(text) => vec![text],
        _ => Vec::new(),
    }
}

fn quantities_of<'v, 'r>(value: &'v Value<'r>) -> Vec<&'v Quantity<'r>> {
    match value {
        Value::Quantity(quantity) => vec![quantity],
        Value::Ratio {
            numerator,
            denominator,
        } => vec![numerator, denominator],
        Value::Range { low, high } => vec![low, high],
        _ => Vec::new(),
    }
}

fn units_of<'r>(value: &Value<'r>) -> Vec<&'r str> {
    (quantities_of(value).into_iter())
        .filter_map(|quantity| quantity.unit)
        .filter(|unit| !unit.trim().is_empty())
        .collect()
}

/// What kind of value it is; the value itself stays here.
fn shape_of(mapping: &Mapping, value: &Value<'_>) -> Option<Shape> {
    let units = &mapping.units;
    let of_unit = |unit: Option<&str>, digits: Option<&str>| match unit {
        Some("%") => Shape::Percent,
        Some(unit) if units.ratio.contains(unit) && !units.copies.contains(unit) => {
            match digits.and_then(|digits| digits.parse::<Decimal>().ok()) {
                Some(number) if is_like_a_ratio(number) => Shape::Ratio,
                _ => Shape::Number,
            }
        }
        Some(unit) if units.copies.contains(unit) && !units.cells.contains(unit) => Shape::Copies,
        _ => Shape::Number,
    };
    Some(match value {
        Value::Ratio { .. } => Shape::Ratio,
        Value::Quantity(quantity) => of_unit(quantity.unit, quantity.value),
        Value::Range { low, .. } => of_unit(low.unit, low.value),
        Value::Integer(_) => Shape::Number,
        Value::Concept(concept) if concept.codings.is_empty() => Shape::Text,
        Value::Concept(_) => Shape::Code,
        Value::Text(_) => Shape::Text,
        Value::Boolean(_) => Shape::Flag,
        Value::Other => return None,
    })
}

/// HER2/CEP17 ratios lie between 0.5 and 15, but for rare ones.
fn is_like_a_ratio(number: Decimal) -> bool {
    (Decimal::new(5, 1)..=Decimal::from(15)).contains(&number)
}

/// The additives that a specimen refers to.
fn substances_of(specimen: &Resource<'_>, pool: &Pool<'_>) -> Vec<String> {
    let json = &specimen.json;
    let of_containers =
        (json.items_at("container").iter()).filter_map(|held| held.get("additiveReference"));
    let of_steps = (json.items_at("processing").iter()).flat_map(|step| step.items_at("additive"));
    of_containers
        .chain(of_steps)
        .filter_map(|reference| {
            pool.key_of(&Reference::read(reference), "Substance", &specimen.key)
        })
        .collect()
}

/// A CodeableConcept, or the concept of what is a CodeableReference since R5.
fn concept_of<'r>(json: &'r Json<'_>) -> Concept<'r> {
    Concept::read(json.get("concept").unwrap_or(json))
}

fn source_of(resource: &Resource<'_>) -> Source {
    Source {
        reference: resource.key.clone(),
        version: resource.version.clone(),
    }
}
