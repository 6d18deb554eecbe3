//! From the items of one case to its evidence: which pieces are one test result.
//!
//! A laboratory may send one count as a panel with members, as components, or as loose Observations of one report.
//! Pieces are put together from the innermost panel outwards, and only while they do not speak twice of one thing:
//! two ratios are two counts.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::gather::{Item, Narrative};
use super::told::Told;
use crate::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, IshWord, JoinedBy, Origin, Probe,
    ReportedStatus, Site, SiteFinding, Source, StatedResult, TissueStatement, UnreadTest,
    Unreadable,
};
use crate::her2::number::Measure;
use crate::mapping::normalise::{NAMES_HER2, Piece};

/// An input that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excluded {
    /// Where it was read.
    pub source: Source,
    /// Why it is not evidence.
    pub why: String,
}

/// The evidence of one case and what it was made of.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The evidence.
    pub evidence: Evidence,
    /// The resources it was read from.
    pub inputs: BTreeSet<Source>,
    /// What was left out.
    pub excluded: BTreeSet<Excluded>,
    /// The latest day on which any of the evidence was reported.
    pub reported_on: Option<NaiveDate>,
}

impl Assembled {
    /// Whether anything is left to decide on, or to ask about.
    pub fn has_content(&self) -> bool {
        let evidence = &self.evidence;
        !(evidence.ihc.is_empty()
            && evidence.ish.is_empty()
            && evidence.reported.is_empty()
            && evidence.unreadable.is_empty()
            && evidence.quoted.is_empty())
    }
}

/// Assembles the evidence of one case.
pub fn assemble(
    items: &[&Item<'_>],
    narratives: &[Narrative<'_>],
    joined_by: JoinedBy,
    tissue: TissueStatement,
    assume_site: Option<Site>,
) -> Assembled {
    let mut ihc: Vec<Fragment<'_, IhcParts>> = Vec::new();
    let mut ish: Vec<Fragment<'_, IshParts>> = Vec::new();
    let mut reported: Vec<ReportedStatus> = Vec::new();
    let mut unreadable: Vec<Unreadable> = Vec::new();
    let mut quoted: BTreeSet<Source> = BTreeSet::new();
    let mut not_low: BTreeSet<Source> = BTreeSet::new();
    let mut second_observer: BTreeSet<Source> = BTreeSet::new();
    let mut excluded = BTreeSet::new();
    let mut inputs = BTreeSet::new();
    let mut reported_on = None;
    let mut adjectives: Vec<Unreadable> = Vec::new();
    let mut told = Told::default();
    for item in items {
        if item.is_evidence() {
            second_observer.extend(item.second_observer.iter().cloned());
        }
        // Narrative bears on the case only where it is used.
        if item.is_of_this_tissue() && !item.pieces.iter().all(Piece::is_narrative) {
            inputs.insert(item.source.clone());
            reported_on = reported_on.max(item.reported_on).max(item.report_issued_on);
        }
        told.take(item);
        let mut own_ihc = Fragment::of(item);
        let mut own_ish = Fragment::of(item);
        for piece in &item.pieces {
            match piece {
                Piece::Unread { test, detail } => unreadable.push(Unreadable {
                    test: *test,
                    detail: detail.clone(),
                    source: item.source.clone(),
                }),
                Piece::Excluded { why } => {
                    excluded.insert(Excluded {
                        source: item.source.clone(),
                        why: why.clone(),
                    });
                }
                Piece::Overall(value) => {
                    let status = ReportedStatus {
                        value: *value,
                        passage: None,
                        source: item.source.clone(),
                    };
                    if !reported.contains(&status) {
                        reported.push(status);
                    }
                }
                Piece::IhcAdjective(place) => adjectives.push(Unreadable {
                    test: UnreadTest::Ihc,
                    detail: format!("{place}: its answer states nothing without a score"),
                    source: item.source.clone(),
                }),
                Piece::NotLow => {
                    not_low.insert(item.source.clone());
                }
                Piece::Quoted => {
                    quoted.insert(item.source.clone());
                    excluded.insert(Excluded {
                        source: item.source.clone(),
                        why: "quoted from an earlier specimen".to_owned(),
                    });
                }
                Piece::NoResult
                | Piece::Site(_)
                | Piece::Narrated(..)
                | Piece::UnreadNarrative { .. } => {}
                piece => {
                    take(&mut own_ihc, &mut ihc, item, IhcParts::from_piece(piece));
                    take(&mut own_ish, &mut ish, item, IshParts::from_piece(piece));
                }
            }
        }
        ihc.extend(own_ihc.filled());
        ish.extend(own_ish.filled());
    }

    let mut evidence = Evidence {
        reported,
        unreadable,
        tissue,
        quoted: quoted.into_iter().collect(),
        not_low: not_low.into_iter().collect(),
        second_observer: second_observer.into_iter().collect(),
        ..Evidence::new(site_of(items, assume_site), joined_by)
    };
    for fragment in put_together(ihc) {
        fragment.into_result(&mut evidence);
    }
    let is_scored =
        (evidence.ihc.iter()).any(|result| matches!(result.finding, IhcFinding::Score(_)));
    if !is_scored {
        evidence.unreadable.extend(adjectives);
    }
    for fragment in put_together(ish) {
        fragment.into_result(&mut evidence);
    }
    for item in told.beside(&mut evidence) {
        inputs.insert(item.source.clone());
        reported_on = reported_on.max(item.reported_on).max(item.report_issued_on);
    }
    let unread = unread_narrative(items, narratives, &evidence);
    evidence.unreadable.extend(unread);
    // A case that nothing else is said of rests on what is quoted.
    if inputs.is_empty() {
        inputs.extend(evidence.quoted.iter().cloned());
    }
    Assembled {
        evidence,
        inputs,
        excluded,
        reported_on,
    }
}

/// A narrative that names HER2 and of which nothing was read, where a test has no result: a person reads it.
fn unread_narrative(
    items: &[&Item<'_>],
    narratives: &[Narrative<'_>],
    evidence: &Evidence,
) -> Vec<Unreadable> {
    let reports: BTreeSet<&str> = items
        .iter()
        .filter(|item| item.is_evidence())
        .flat_map(|item| item.reports.iter().copied())
        .collect();
    narratives
        .iter()
        .filter(|narrative| reports.contains(narrative.report))
        .filter_map(|narrative| {
            let test = match (evidence.ihc.is_empty(), evidence.ish.is_empty()) {
                (true, true) => UnreadTest::Either,
                (false, true) if narrative.ish => UnreadTest::Ish,
                (true, false) if narrative.ihc => UnreadTest::Ihc,
                _ => return None,
            };
            Some(Unreadable {
                test,
                detail: format!("{}: {NAMES_HER2}", narrative.path),
                source: narrative.source.clone(),
            })
        })
        .filter(|unread| {
            let is_named = |item: &Unreadable| item.source == unread.source;
            !evidence.unreadable.iter().any(is_named)
        })
        .collect()
}

fn site_of(items: &[&Item<'_>], assumed: Option<Site>) -> SiteFinding {
    let evidence = || items.iter().filter(|item| item.is_evidence());
    let is_squamous = evidence().any(|item| item.is_squamous);
    // The edition for this site is one of adenocarcinoma.
    let covered = |site| match site {
        Site::Gastroesophageal if is_squamous => Site::Other,
        site => site,
    };
    let named: BTreeSet<Site> = evidence()
        .flat_map(|item| item.sites.iter().copied().map(covered))
        .collect();
    match named.into_iter().collect::<Vec<_>>().as_slice() {
        [] => (assumed.map(covered)).map_or(SiteFinding::Unknown, SiteFinding::Known),
        [only] => SiteFinding::Known(*only),
        _ => SiteFinding::Disputed,
    }
}

/// Some parts of one test result, and where they stand.
#[derive(Clone, Debug)]
struct Fragment<'i, P> {
    parts: P,
    /// The Observations from the root down to the one that says it.
    scope: Vec<&'i str>,
    /// The reports that name it; without a report, when it was observed.
    company: (BTreeSet<&'i str>, Option<&'i str>),
    source: Source,
    reported_on: Option<NaiveDate>,
}

/// Parts that can be put together while they do not speak twice of one thing.
trait Parts: Clone + Default + PartialEq {
    /// Joins the parts, or gives `None` when both speak of the same thing.
    fn joined(&self, other: &Self) -> Option<Self>;
    /// Whether they hold what the result is named after.
    fn has_core(&self) -> bool;
    /// Whether they only say which count something else is.
    fn is_label(&self) -> bool;
    /// Whether they are of one count as far as their labels tell: a count that says which one it is takes in only what
    /// says the same.
    fn may_be_one_count(&self, other: &Self) -> bool;
}

impl<'i, P: Parts> Fragment<'i, P> {
    fn of(item: &Item<'i>) -> Self {
        let mut scope = item.ancestors.clone();
        scope.extend(item.observation.map(|observation| observation.key));
        let observed = item
            .observation
            .filter(|_| item.reports.is_empty())
            .and_then(|observation| observation.effective.as_ref())
            .map(crate::fhir::dates::Date::text);
        Self {
            parts: P::default(),
            scope,
            company: (item.reports.clone(), observed),
            source: item.source.clone(),
            reported_on: item.reported_on,
        }
    }

    fn filled(self) -> Option<Self> {
        (self.parts != P::default()).then_some(self)
    }
}

/// Adds a piece to the Observation's own fragment; when it speaks twice of one thing, a second fragment begins.
fn take<'i, P: Parts>(
    own: &mut Fragment<'i, P>,
    finished: &mut Vec<Fragment<'i, P>>,
    item: &Item<'i>,
    piece: Option<P>,
) {
    let Some(piece) = piece else { return };
    match own.parts.joined(&piece) {
        Some(joined) => own.parts = joined,
        None => {
            let mut next = Fragment::of(item);
            next.parts = piece;
            finished.push(std::mem::replace(own, next));
        }
    }
}

/// Puts fragments together, from the innermost panel outwards, and last those of one report.
fn put_together<'i, P: Parts>(mut fragments: Vec<Fragment<'i, P>>) -> Vec<Fragment<'i, P>> {
    let deepest = fragments
        .iter()
        .map(|fragment| fragment.scope.len())
        .max()
        .unwrap_or(0);
    for depth in (1..=deepest).rev() {
        let at = |fragment: &Fragment<'i, P>| fragment.scope.get(..depth).map(<[&str]>::to_vec);
        fragments = merge_within(fragments, at);
        for fragment in &mut fragments {
            fragment.scope.truncate(depth);
        }
    }
    merge_within(fragments, |fragment| Some(fragment.company.clone()))
}

/// Merges fragments that share a key, in order; those without a key are left alone.
fn merge_within<'i, P: Parts, K: PartialEq>(
    fragments: Vec<Fragment<'i, P>>,
    key: impl Fn(&Fragment<'i, P>) -> Option<K>,
) -> Vec<Fragment<'i, P>> {
    let mut merged: Vec<Fragment<'i, P>> = Vec::new();
    // Labels wait until it is clear that there is only one count they can belong to.
    let (labels, others): (Vec<_>, Vec<_>) = fragments
        .into_iter()
        .partition(|fragment| fragment.parts.is_label());
    for fragment in others {
        let home = merged.iter_mut().find_map(|earlier| {
            let together = key(earlier).is_some() && key(earlier) == key(&fragment);
            if !together || !earlier.parts.may_be_one_count(&fragment.parts) {
                return None;
            }
            let joined = earlier.parts.joined(&fragment.parts)?;
            Some((earlier, joined))
        });
        match home {
            Some((earlier, joined)) => {
                if fragment.parts.has_core() && !earlier.parts.has_core() {
                    earlier.source = fragment.source;
                    earlier.reported_on = fragment.reported_on;
                }
                earlier.parts = joined;
            }
            None => merged.push(fragment),
        }
    }
    for label in labels {
        let mut counts: Vec<&mut Fragment<'i, P>> = merged
            .iter_mut()
            .filter(|count| {
                key(count).is_some() && key(count) == key(&label) && count.parts.has_core()
            })
            .collect();
        if (counts.iter()).any(|count| count.parts.may_be_one_count(&label.parts)) {
            counts.retain(|count| count.parts.may_be_one_count(&label.parts));
        }
        let joined = match counts.as_slice() {
            [only] => only.parts.joined(&label.parts),
            _ => None,
        };
        match (counts.pop(), joined) {
            (Some(count), Some(joined)) => count.parts = joined,
            _ => merged.push(label),
        }
    }
    merged
}

/// Parts of an immunohistochemistry result.
#[derive(Clone, Debug, Default, PartialEq)]
struct IhcParts {
    finding: Option<(IhcFinding, Origin)>,
    interpretation: Option<StatedResult>,
    percent: Option<Measure>,
    intense_percent: Option<Measure>,
    staining_present: Option<bool>,
}

impl IhcParts {
    fn from_piece(piece: &Piece) -> Option<Self> {
        let mut parts = Self::default();
        match piece {
            Piece::Ihc(finding, origin) => parts.finding = Some((*finding, *origin)),
            Piece::IhcInterpretation(word) => parts.interpretation = Some(*word),
            Piece::IhcPercent(percent) => parts.percent = Some(percent.clone()),
            Piece::IhcIntensePercent(percent) => parts.intense_percent = Some(percent.clone()),
            Piece::IhcStaining(present) => parts.staining_present = Some(*present),
            _ => return None,
        }
        Some(parts)
    }
}

impl Parts for IhcParts {
    fn joined(&self, other: &Self) -> Option<Self> {
        Some(Self {
            finding: one_of(&self.finding, &other.finding)?,
            interpretation: one_of(&self.interpretation, &other.interpretation)?,
            percent: one_of(&self.percent, &other.percent)?,
            intense_percent: one_of(&self.intense_percent, &other.intense_percent)?,
            staining_present: one_of(&self.staining_present, &other.staining_present)?,
        })
    }

    fn has_core(&self) -> bool {
        self.finding.is_some()
    }

    fn is_label(&self) -> bool {
        false
    }

    fn may_be_one_count(&self, _: &Self) -> bool {
        true
    }
}

impl Fragment<'_, IhcParts> {
    fn into_result(self, evidence: &mut Evidence) {
        let parts = self.parts;
        let Some((finding, origin)) = parts.finding else {
            evidence.unreadable.push(Unreadable {
                test: UnreadTest::Ihc,
                detail: "a statement about staining without the score it belongs to".to_owned(),
                source: self.source,
            });
            return;
        };
        evidence.ihc.push(IhcResult {
            interpretation: parts.interpretation,
            percent: parts.percent,
            intense_percent: parts.intense_percent,
            staining_present: parts.staining_present,
            origin,
            ..IhcResult::new(finding, self.source)
        });
    }
}

/// Parts of an in situ hybridisation result.
#[derive(Clone, Debug, Default, PartialEq)]
struct IshParts {
    ratio: Option<Measure>,
    her2_copies: Option<Measure>,
    cep17_copies: Option<Measure>,
    cells: Option<Measure>,
    probe: Option<Probe>,
    word: Option<(IshWord, Origin)>,
    role: Option<CountRole>,
    population_percent: Option<Measure>,
    clusters: Option<bool>,
}

impl IshParts {
    fn from_piece(piece: &Piece) -> Option<Self> {
        let mut parts = Self::default();
        match piece {
            Piece::Ratio(ratio) => parts.ratio = Some(ratio.clone()),
            Piece::Her2Copies(copies) => parts.her2_copies = Some(copies.clone()),
            Piece::Cep17Copies(copies) => parts.cep17_copies = Some(copies.clone()),
            Piece::Cells(cells) => parts.cells = Some(cells.clone()),
            Piece::Probe(probe) => parts.probe = Some(*probe),
            Piece::IshWord(word, origin) => parts.word = Some((*word, *origin)),
            Piece::Role(role) => parts.role = Some(*role),
            Piece::Population(percent) => parts.population_percent = Some(percent.clone()),
            Piece::Clusters(clusters) => parts.clusters = Some(*clusters),
            _ => return None,
        }
        Some(parts)
    }

    fn has_numbers(&self) -> bool {
        self.ratio.is_some() || self.her2_copies.is_some() || self.cep17_copies.is_some()
    }
}

impl Parts for IshParts {
    fn joined(&self, other: &Self) -> Option<Self> {
        Some(Self {
            ratio: one_of(&self.ratio, &other.ratio)?,
            her2_copies: one_of(&self.her2_copies, &other.her2_copies)?,
            cep17_copies: one_of(&self.cep17_copies, &other.cep17_copies)?,
            cells: one_of(&self.cells, &other.cells)?,
            // Members of one count name its method alike.
            probe: same_or_one(self.probe, other.probe)?,
            word: match (self.word, other.word) {
                (Some((one, origin)), Some((two, _))) if one == two => Some((one, origin)),
                (one, two) => one_of(&one, &two)?,
            },
            role: same_or_one(self.role, other.role)?,
            // Populations of different size are different counts.
            population_percent: same_or_one(
                self.population_percent.clone(),
                other.population_percent.clone(),
            )?,
            clusters: same_or_one(self.clusters, other.clusters)?,
        })
    }

    fn has_core(&self) -> bool {
        self.has_numbers() || self.word.is_some()
    }

    fn is_label(&self) -> bool {
        (self.role.is_some() || self.population_percent.is_some()) && !self.has_core()
    }

    fn may_be_one_count(&self, other: &Self) -> bool {
        self.role == other.role && self.population_percent == other.population_percent
    }
}

impl Fragment<'_, IshParts> {
    fn into_result(self, evidence: &mut Evidence) {
        let parts = self.parts;
        if !parts.has_core() {
            // A count of cells or a kind of probe alone says nothing about HER2; a label without its count does.
            let label = match (parts.role, parts.population_percent) {
                (Some(_), _) => "a recount or adjudication",
                (None, Some(_)) => "the share of a population",
                (None, None) => return,
            };
            evidence.unreadable.push(Unreadable {
                test: UnreadTest::Ish,
                detail: format!("{label} is stated without the count it belongs to"),
                source: self.source,
            });
            return;
        }
        evidence.ish.push(IshResult {
            role: parts.role.unwrap_or(CountRole::Initial),
            probe: parts.probe,
            ratio: parts.ratio,
            her2_copies: parts.her2_copies,
            cep17_copies: parts.cep17_copies,
            cells: parts.cells,
            origin: parts.word.map_or(Origin::Coded, |(_, origin)| origin),
            result: parts.word.map(|(word, _)| word),
            clusters: parts.clusters,
            reported_on: self.reported_on,
            population_percent: parts.population_percent,
            ..IshResult::new(self.source)
        });
    }
}

/// The value of either, or `None` when both have one.
fn one_of<T: Clone>(one: &Option<T>, other: &Option<T>) -> Option<Option<T>> {
    match (one, other) {
        (Some(_), Some(_)) => None,
        (value, None) | (None, value) => Some(value.clone()),
    }
}

/// The value of either, or `None` when they differ.
fn same_or_one<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<Option<T>> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(Some(one)),
        (value, None) | (None, value) => Some(value),
    }
}
