//! From the pool to items: what each Observation says about HER2, which reports name it, and on which tissue it was
//! observed.

mod mentions;
mod narrative;
pub(super) mod place;
mod trees;
mod withhold;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Rules;
use crate::fhir::candidates::{Candidates, ObservationNode, ReportNode};
use crate::fhir::dates::Date;
use crate::fhir::pool::Pool;
use crate::fhir::tissue::Specimens;
use crate::her2::evidence::{Site, Source, UnreadTest};
use crate::mapping::normalise::{Concern, NAMES_HER2, Piece, Surroundings, TissueFact, normalise};
use crate::mapping::table::{ReportKind, Side};
use mentions::{observation_mentions, report_mentions};
use place::{doubt, place, specimen_of};
use trees::{MOST_PANELS, Trees, add_below};
use withhold::{is_withdrawn, superseded, withhold};

/// What one Observation, or the narrative of one report, contributes.
#[derive(Clone, Debug)]
pub struct Item<'r> {
    /// The Observation; `None` for what a report itself says.
    pub observation: Option<&'r ObservationNode<'r>>,
    /// Where it was read.
    pub source: Source,
    /// What it says.
    pub pieces: Vec<Piece>,
    /// The Observations above it, the root first.
    pub ancestors: Vec<&'r str>,
    /// The reports that name it or one of its ancestors.
    pub reports: BTreeSet<&'r str>,
    /// The patient.
    pub subject: Option<String>,
    /// The specimen it names, or inherits from its panel or its report.
    pub specimen: Option<String>,
    /// Which breast it names.
    pub side: Option<Side>,
    /// Primary sites that its Conditions, specimen and codes name.
    pub sites: BTreeSet<Site>,
    /// Its tumour is a squamous carcinoma.
    pub is_squamous: bool,
    /// The day on which the laboratory reported it.
    pub reported_on: Option<NaiveDate>,
    /// The latest day on which a report that names it was issued.
    pub report_issued_on: Option<NaiveDate>,
    /// It, or a report that names it, is signed and mentions a second observer.
    pub second_observer: BTreeSet<Source>,
    /// What it says about the tissue itself.
    pub facts: Vec<TissueFact>,
    /// Of what concern each question of its Observation is.
    pub concerns: Vec<Concern>,
}

impl<'r> Item<'r> {
    /// The outermost Observation that it stands in.
    pub fn root(&self) -> Option<&'r str> {
        let own = self.observation.map(|observation| observation.key);
        self.ancestors.first().copied().or(own)
    }

    /// Whether it is evidence, or may be, of the tissue it names, and not quoted from an earlier one.
    pub fn is_of_this_tissue(&self) -> bool {
        self.is_evidence() && !self.pieces.contains(&Piece::Quoted)
    }

    /// Whether it bears on a case at all: evidence, or something that could not be read.
    pub fn is_evidence(&self) -> bool {
        self.pieces.iter().any(|piece| {
            !matches!(
                piece,
                Piece::Excluded { .. } | Piece::NoResult | Piece::Site(_)
            )
        })
    }
}

/// The unit of the ledger: a report, or an Observation that no report names.
#[derive(Clone, Debug)]
pub struct Unit<'r> {
    /// Its key.
    pub key: &'r str,
    /// Items of the unit, as indices.
    pub items: Vec<usize>,
}

/// Everything that was gathered.
#[derive(Debug)]
pub struct Gathered<'r> {
    /// Items in a stable order.
    pub items: Vec<Item<'r>>,
    /// Units in a stable order.
    pub units: Vec<Unit<'r>>,
    /// Where the narrative of a report names HER2 and nothing of it is read.
    pub narratives: Vec<Narrative<'r>>,
}

/// A narrative that names HER2 and says nothing of it that is read.
#[derive(Clone, Debug)]
pub struct Narrative<'r> {
    /// The report.
    pub report: &'r str,
    /// Its version.
    pub source: Source,
    /// Where it stands.
    pub path: String,
    /// It speaks of immunohistochemistry.
    pub ihc: bool,
    /// It speaks of in situ hybridisation.
    pub ish: bool,
}

/// Everything that is looked things up in while gathering.
pub struct Sources<'r> {
    /// All resources.
    pub pool: &'r Pool<'r>,
    /// Reports and Observations.
    pub candidates: &'r Candidates<'r>,
    /// Specimens.
    pub specimens: &'r Specimens<'r>,
}

/// Gathers the items of a pool.
pub fn gather<'r>(sources: &Sources<'r>, rules: &Rules) -> Gathered<'r> {
    let candidates = sources.candidates;
    let mut gathering = Gathering {
        sources,
        rules,
        trees: Trees::read(candidates),
        items: Vec::new(),
        units: (candidates.reports.keys())
            .map(|report| (*report, Vec::new()))
            .collect(),
        narratives: Vec::new(),
    };
    gathering.observations();
    gathering.reports();
    gathering.narratives_alone();
    Gathered {
        items: gathering.items,
        units: (gathering.units.into_iter())
            .map(|(key, items)| Unit { key, items })
            .collect(),
        narratives: gathering.narratives,
    }
}

struct Gathering<'s, 'r> {
    sources: &'s Sources<'r>,
    rules: &'s Rules,
    trees: Trees<'r>,
    items: Vec<Item<'r>>,
    units: BTreeMap<&'r str, Vec<usize>>,
    narratives: Vec<Narrative<'r>>,
}

impl<'r> Gathering<'_, 'r> {
    /// One item for every Observation that is not our own result.
    fn observations(&mut self) {
        let own_system = self.rules.own_identifier_system();
        let superseded = superseded(self.sources.candidates);
        let mut in_panels: BTreeSet<&str> = BTreeSet::new();
        let mut in_quotations: BTreeSet<&str> = BTreeSet::new();
        for observation in self.trees.in_order(self.sources.candidates) {
            let is_ours = (observation.identifiers.iter())
                .any(|identifier| identifier.system == Some(own_system.as_str()));
            if is_ours {
                continue;
            }
            let surroundings = self.surroundings(observation, &in_panels);
            let normalised = normalise(
                observation,
                &self.rules.mapping,
                self.rules.input,
                surroundings,
            );
            if normalised.is_panel {
                add_below(self.sources.candidates, observation, &mut in_panels);
            }
            if normalised.is_quotation {
                add_below(self.sources.candidates, observation, &mut in_quotations);
            }
            let mut item = self.item_of(observation, normalised.pieces);
            item.facts = normalised.facts;
            item.concerns = normalised.concerns;
            if observation.specimen.is_none()
                && in_quotations.contains(observation.key)
                && item.is_evidence()
            {
                item.pieces = vec![Piece::Quoted];
            }
            if item.ancestors.len() == MOST_PANELS {
                doubt(&mut item, "it stands in too many panels within each other");
            }
            place(&mut item, self.sources, self.rules);
            withhold(&mut item, self.sources.candidates, &superseded);
            self.enter_in_units(observation, &item);
            if item.is_evidence() || normalised.is_panel || surroundings.about_her2 {
                let missing = (observation.members.iter())
                    .filter(|member| !self.is_known(member))
                    .map(|member| not_found("Observation.hasMember", member));
                item.pieces.extend(missing);
            }
            self.items.push(item);
        }
    }

    /// Whether what surrounds an Observation says that it is about HER2.
    fn surroundings(
        &self,
        observation: &ObservationNode<'_>,
        in_panels: &BTreeSet<&str>,
    ) -> Surroundings {
        let in_panel = in_panels.contains(observation.key);
        let in_her2_report = (self.trees.reports(observation))
            .filter_map(|report| self.sources.candidates.reports.get(report))
            .any(|report| self.kind_of(report) == Some(ReportKind::Her2));
        Surroundings {
            about_her2: in_panel || in_her2_report,
        }
    }

    /// What kind of report it is: by its code, else by a text that names HER2.
    fn kind_of(&self, report: &ReportNode<'_>) -> Option<ReportKind> {
        let mapping = &self.rules.mapping;
        let by_words = || {
            let names_her2 = report
                .code
                .words()
                .any(|text| mapping.words.names_her2(text));
            names_her2.then_some(ReportKind::Her2)
        };
        mapping.report(&report.code).or_else(by_words)
    }

    fn item_of(&self, observation: &'r ObservationNode<'r>, pieces: Vec<Piece>) -> Item<'r> {
        let ancestors = self.trees.ancestors(observation).to_vec();
        let reports: BTreeSet<&'r str> = self.trees.reports(observation).collect();
        let nodes: Vec<&ReportNode<'_>> = (reports.iter())
            .filter_map(|report| self.sources.candidates.reports.get(report))
            .collect();
        let subject_of_report = || nodes.iter().find_map(|report| report.subject.clone());
        let report_issued_on = (nodes.iter())
            .filter(|report| !is_withdrawn(report))
            .filter_map(|report| report.issued.as_ref()?.last_day())
            .max();
        let words = &self.rules.mapping.words;
        let mut second_observer: BTreeSet<Source> = (nodes.iter())
            .filter(|report| report_mentions(words, report))
            .map(|report| source_of_report(report))
            .collect();
        let source = Source {
            reference: observation.key.to_owned(),
            version: observation.version.map(str::to_owned),
        };
        if observation_mentions(words, observation) {
            second_observer.insert(source.clone());
        }
        Item {
            observation: Some(observation),
            source,
            pieces,
            subject: observation.subject.clone().or_else(subject_of_report),
            specimen: specimen_of(self.sources, observation, &ancestors, &reports),
            side: None,
            sites: BTreeSet::new(),
            is_squamous: false,
            reported_on: reported_on(observation, report_issued_on),
            report_issued_on,
            second_observer,
            facts: Vec::new(),
            concerns: Vec::new(),
            ancestors,
            reports,
        }
    }

    /// The next item belongs to the units of its reports, and of its root where no report names that.
    fn enter_in_units(&mut self, observation: &ObservationNode<'r>, item: &Item<'r>) {
        let index = self.items.len();
        // An Observation with no report and no panel above it is its own unit.
        if item.reports.is_empty() && item.ancestors.is_empty() {
            self.units.entry(observation.key).or_default();
        }
        let root = item.ancestors.first().copied().unwrap_or(observation.key);
        for unit in item.reports.iter().copied().chain([root]) {
            if let Some(items) = self.units.get_mut(unit) {
                items.push(index);
            }
        }
    }

    fn is_known(&self, observation: &str) -> bool {
        self.sources
            .candidates
            .observations
            .contains_key(observation)
    }

    /// What reports say themselves: results that nobody can find, and narratives.
    fn reports(&mut self) {
        for report in self.sources.candidates.reports.values() {
            let Some(kind) = self.kind_of(report).filter(|_| !is_withdrawn(report)) else {
                continue;
            };
            if is_pending(report) {
                self.enter_of_report(report, vec![Piece::NoResult], None);
                continue;
            }
            let not_found: Vec<Piece> = (self.trees.not_found(report).iter())
                .map(|key| not_found("DiagnosticReport.result", key))
                .collect();
            if !not_found.is_empty() {
                self.enter_of_report(report, not_found, None);
            }
            self.narrative_of(report, kind);
        }
    }

    /// A narrative that says nothing that is read, without any result of its report, stands as an item of its own, to have a
    /// case to be named in.
    fn narratives_alone(&mut self) {
        for narrative in self.narratives.clone() {
            let has_evidence = self
                .items
                .iter()
                .any(|item| item.reports.contains(narrative.report) && item.is_evidence());
            if has_evidence {
                continue;
            }
            if let Some(report) = self.sources.candidates.reports.get(narrative.report) {
                let unread = Piece::UnreadNarrative {
                    test: UnreadTest::Either,
                    detail: format!("{}: {NAMES_HER2}", narrative.path),
                    is_history: false,
                };
                self.enter_of_report(report, vec![unread], None);
            }
        }
    }

    /// Enters what a report itself says, of one breast where it says which.
    fn enter_of_report(
        &mut self,
        report: &'r ReportNode<'r>,
        pieces: Vec<Piece>,
        side: Option<Side>,
    ) {
        let issued_on = report.issued.as_ref().and_then(Date::last_day);
        let source = source_of_report(report);
        let mentions = report_mentions(&self.rules.mapping.words, report);
        let mut item = Item {
            observation: None,
            second_observer: mentions.then(|| source.clone()).into_iter().collect(),
            source,
            pieces,
            ancestors: Vec::new(),
            reports: BTreeSet::from([report.key]),
            subject: report.subject.clone(),
            specimen: self.specimen_of_report(report, side),
            side,
            sites: BTreeSet::new(),
            is_squamous: false,
            reported_on: issued_on,
            report_issued_on: issued_on,
            facts: Vec::new(),
            concerns: Vec::new(),
        };
        place(&mut item, self.sources, self.rules);
        (self.units.entry(report.key).or_default()).push(self.items.len());
        self.items.push(item);
    }
}

/// A report that holds no final result yet; the results it names count by their own status.
fn is_pending(report: &ReportNode<'_>) -> bool {
    matches!(
        report.status,
        Some("registered" | "partial" | "preliminary" | "unknown")
    )
}

/// The day on which an Observation was reported: its own, else that of its reports.
fn reported_on(
    observation: &ObservationNode<'_>,
    report_issued_on: Option<NaiveDate>,
) -> Option<NaiveDate> {
    let own = [&observation.issued, &observation.effective];
    own.into_iter()
        .flatten()
        .find_map(Date::last_day)
        .or(report_issued_on)
}

fn not_found(path: &str, key: &str) -> Piece {
    Piece::Unread {
        test: UnreadTest::Either,
        detail: format!("{path}: {key} is named and cannot be found"),
    }
}

fn source_of_report(report: &ReportNode<'_>) -> Source {
    Source {
        reference: report.key.to_owned(),
        version: report.resource.version.clone(),
    }
}
