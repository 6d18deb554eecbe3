//! What holds for every case, whatever is sent. The engine is asked about many thousands of cases that nobody thought
//! of; one that breaks a rule is made as small as it can be and printed.
//!
//! The cases are the same on every run. Others are tried with `PROPTEST_RNG_SEED=<number>`, and more of them with
//! `HER2_PROPERTY_RUNS=<times>`.

mod oracle;
mod refine;
mod strategies;

use std::cell::Cell;
use std::fmt::Write as _;

use enumset::EnumSet;
use her2_adapter::her2::conventions::{Conventions, UnstatedMethod};
use her2_adapter::her2::decide::decide;
use her2_adapter::her2::decision::{Category, Decision, NextAction, ReviewCode, Status};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, Fixative, Handling, IhcFinding, IhcResult, IshResult, IshWord, JoinedBy,
    Probe, ReportedStatus, Sample, Score, Site, SiteFinding, StatedResult, TissueStatement,
    Unreadable,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;
use her2_adapter::her2::reason::read;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use refine::refined;
use rust_decimal::Decimal;
use strategies::{COPIES, PERCENTS, RATIOS, Written, case, common_case, decimal, number};

use crate::samples::source;

/// The cases of each property.
const CLOSED_LISTS: u32 = 20_000;
const ADDED: u32 = 20_000;
const REFINED: u32 = 16_000;
const SHUFFLED: u32 = 12_000;
const RESPELLED: u32 = 12_000;
const DUAL_ORACLE: u32 = 20_000;
const SINGLE_ORACLE: u32 = 10_000;
const PERCENT_ORACLE: u32 = 10_000;

/// What a release rests on.
const LEAST_CASES: u32 = 100_000;
const _: () = assert!(
    CLOSED_LISTS
        + ADDED
        + REFINED
        + SHUFFLED
        + RESPELLED
        + DUAL_ORACLE
        + SINGLE_ORACLE
        + PERCENT_ORACLE
        >= LEAST_CASES
);

/// A case with what it is decided by.
#[derive(Clone, Debug)]
struct Case {
    evidence: Evidence,
    edition: Edition,
    conventions: Conventions,
}

impl Case {
    fn decide(&self) -> Decision {
        decide(&self.evidence, self.edition, &self.conventions)
    }

    fn with(&self, evidence: Evidence) -> Self {
        Self {
            evidence,
            ..self.clone()
        }
    }

    /// The case in a few lines, for whoever has to find out why it fails.
    fn told(&self) -> String {
        let evidence = &self.evidence;
        let mut told = format!("{} for {:?}\n", self.edition.id(), evidence.site);
        for line in read(evidence) {
            let _ = writeln!(told, "  {line}");
        }
        for result in &evidence.ihc {
            if let Some(word) = result.interpretation {
                let _ = writeln!(told, "  {} is called {}", result.source, word.name());
            }
            if let Some(percent) = &result.intense_percent {
                let _ = writeln!(told, "  {} has {percent} % intense", result.source);
            }
            if let Some(present) = result.staining_present {
                let _ = writeln!(told, "  {} has staining: {present}", result.source);
            }
        }
        for status in &evidence.reported {
            let _ = writeln!(told, "  reported as {}", status.value.name());
        }
        for item in &evidence.unreadable {
            let _ = writeln!(told, "  unreadable: {:?}", item.test);
        }
        if evidence.tissue != TissueStatement::Stated {
            let _ = writeln!(told, "  tissue {:?}", evidence.tissue);
        }
        let defaults = Conventions::default();
        if self.conventions != defaults {
            let _ = writeln!(told, "  by {:?}", self.conventions);
        }
        let handling = &evidence.handling;
        if *handling != Handling::default() {
            let _ = writeln!(told, "  {handling:?}");
        }
        let decision = self.decide();
        let _ = writeln!(
            told,
            "  → {}, {}, next {}, by {}, review {:?}",
            decision.status.name(),
            decision.category.name(),
            decision.next_action.name(),
            decision.rule,
            codes(&decision),
        );
        told
    }
}

fn site_of(edition: Edition) -> Site {
    match edition {
        Edition::AscoCap2018 | Edition::AscoCap2013 | Edition::AscoCap2007 => Site::Breast,
        Edition::Gastric2016 => Site::Gastroesophageal,
    }
}

fn codes(decision: &Decision) -> Vec<&'static str> {
    decision
        .review
        .iter()
        .map(|item| item.code.name())
        .collect()
}

/// Asks about this many cases, the same on every run, and shows the smallest that fails.
fn for_all<S: Strategy>(
    cases: u32,
    strategy: S,
    holds: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    const SEED: u64 = 2018;
    let times = std::env::var("HER2_PROPERTY_RUNS")
        .ok()
        .and_then(|times| times.parse::<u32>().ok())
        .unwrap_or(1);
    let defaults = Config::default();
    let config = Config {
        cases: cases * times,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        rng_seed: match defaults.rng_seed {
            RngSeed::Random => RngSeed::Fixed(SEED),
            chosen => chosen,
        },
        ..defaults
    };
    match TestRunner::new(config).run(&strategy, holds) {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(error) => panic!("{error}"),
    }
}

fn fail<T>(why: String) -> Result<T, TestCaseError> {
    Err(TestCaseError::fail(why))
}

#[test]
fn every_decision_keeps_to_the_closed_lists() {
    let decided = Cell::new(0_u32);
    for_all(CLOSED_LISTS, case(Written::Anything), |case| {
        let decision = case.decide();
        if decision.status.is_decided() {
            decided.set(decided.get() + 1);
        }
        match broken_promise(&case, &decision) {
            Some(promise) => fail(format!("{promise}\n{}", case.told())),
            None => Ok(()),
        }
    });
    assert!(decided.get() > CLOSED_LISTS / 10, "few cases are decided");
}

/// What a decision breaks of what is promised about all of them.
fn broken_promise(case: &Case, decision: &Decision) -> Option<&'static str> {
    let Decision {
        status,
        category,
        next_action,
        review,
        ..
    } = decision;
    let evidence = &case.evidence;
    let fits = match category {
        Category::Positive => *status == Status::Positive,
        Category::Low | Category::Ultralow | Category::Null | Category::ZeroUnspecified => {
            *status == Status::Negative && case.edition.has_kinds_of_negative()
        }
        Category::Equivocal => *status == Status::Equivocal,
        Category::None => !matches!(status, Status::Positive | Status::Equivocal),
    };
    if !fits {
        return Some("the category is of another status");
    }
    if *status == Status::Insufficient && review.is_empty() {
        return Some("no status and no question");
    }
    if status.is_decided() && *next_action == NextAction::None && !review.is_empty() {
        return Some("a question, but nothing is to be done");
    }
    if matches!(status, Status::Equivocal | Status::Indeterminate)
        && *next_action == NextAction::None
    {
        return Some("left open, but nothing is to be done");
    }
    let has_group = decision.ish_group.is_some()
        || decision.recount_group.is_some()
        || decision.adjudicated_group.is_some();
    if has_group && case.edition != Edition::AscoCap2018 {
        return Some("a group of another edition");
    }
    let is_covered = matches!(evidence.site, SiteFinding::Known(site) if case.edition.covers(site));
    if !is_covered && *status != Status::Insufficient {
        return Some("a status for a site that the edition does not cover");
    }
    if evidence.ihc.is_empty() && evidence.ish.is_empty() && *status != Status::Insufficient {
        return Some("a status without a test");
    }
    if *status == Status::Indeterminate && !may_have_failed(case) {
        return Some("a failure that nobody states");
    }
    if *status == Status::Equivocal
        && matches!(case.edition, Edition::AscoCap2018 | Edition::Gastric2016)
        && !may_be_two_plus(evidence)
    {
        return Some("equivocal without a 2+");
    }
    if !decision.rule.to_string().starts_with(case.edition.id()) {
        return Some("a rule of another edition");
    }
    if !review.is_sorted() || !decision.warnings.is_sorted() {
        return Some("questions and remarks are in no order");
    }
    None
}

fn may_have_failed(case: &Case) -> bool {
    let evidence = &case.evidence;
    let failed_ihc = (evidence.ihc.iter()).any(|result| {
        let failed = StatedResult::Indeterminate;
        result.finding == IhcFinding::Stated(failed) || result.interpretation == Some(failed)
    });
    let failed_ish = (evidence.ish.iter()).any(|result| {
        let few = |cells: &Measure| cells.span().may_be_below(Decimal::from(20));
        result.result == Some(IshWord::Indeterminate)
            || result.cells.as_ref().is_some_and(few)
            || result.cells.is_none()
    });
    failed_ihc || failed_ish || evidence.handling.fixative == Some(Fixative::Other)
}

fn may_be_two_plus(evidence: &Evidence) -> bool {
    (evidence.ihc.iter()).any(|result| match result.finding {
        IhcFinding::Score(scores) => scores.contains(Score::TwoPlus),
        IhcFinding::Stated(word) => word == StatedResult::Equivocal,
    })
}

/// What is added to a case that was decided.
#[derive(Clone, Debug)]
enum Added {
    Ihc(IhcResult),
    Ish(Box<IshResult>),
    Reported(ReportedStatus),
    Unreadable(Unreadable),
    Tissue(TissueStatement),
    NotFormalin,
    /// A number or word in a result that did not state it.
    Ratio(Index, Measure),
    Copies(Index, Measure),
    Cep17(Index, Measure),
    Cells(Index, Measure),
    Word(Index, IshWord),
    Probe(Index, Probe),
    Percent(Index, Measure),
    Intense(Index, Measure),
    Called(Index, StatedResult),
    Staining(Index, bool),
}

fn added() -> impl Strategy<Value = Added> {
    let written = Written::Anything;
    let which = any::<Index>;
    prop_oneof![
        3 => strategies::ihc(written).prop_map(Added::Ihc),
        2 => strategies::ish(written).prop_map(|result| Added::Ish(Box::new(result))),
        8 => strategies::common_ish().prop_map(|result| Added::Ish(Box::new(result))),
        1 => strategies::reported().prop_map(Added::Reported),
        1 => strategies::unreadable().prop_map(Added::Unreadable),
        1 => select(vec![TissueStatement::NotStated, TissueStatement::Unclear])
            .prop_map(Added::Tissue),
        1 => Just(Added::NotFormalin),
        2 => (which(), number(&RATIOS, written)).prop_map(|(at, value)| Added::Ratio(at, value)),
        2 => (which(), number(&COPIES, written)).prop_map(|(at, value)| Added::Copies(at, value)),
        2 => (which(), number(&RATIOS, written)).prop_map(|(at, value)| Added::Cep17(at, value)),
        2 => (which(), number(&strategies::CELLS, written))
            .prop_map(|(at, value)| Added::Cells(at, value)),
        2 => (which(), select(IshWord::ALL.to_vec())).prop_map(|(at, word)| Added::Word(at, word)),
        1 => (which(), select(vec![Probe::Single, Probe::Dual]))
            .prop_map(|(at, probe)| Added::Probe(at, probe)),
        1 => (which(), number(&PERCENTS, written))
            .prop_map(|(at, value)| Added::Percent(at, value)),
        1 => (which(), number(&PERCENTS, written))
            .prop_map(|(at, value)| Added::Intense(at, value)),
        1 => (which(), strategies::stated()).prop_map(|(at, word)| Added::Called(at, word)),
        1 => (which(), any::<bool>()).prop_map(|(at, present)| Added::Staining(at, present)),
    ]
}

/// Fills in what one of the results did not state; `None` where every result states it.
fn fill<R, T>(
    results: &mut [R],
    at: &Index,
    field: fn(&mut R) -> &mut Option<T>,
    value: &T,
) -> Option<usize>
where
    T: Clone,
{
    if results.is_empty() {
        return None;
    }
    let at = at.index(results.len());
    let field = field(results.get_mut(at)?);
    if field.is_some() {
        return None;
    }
    *field = Some(value.clone());
    Some(at)
}

impl Added {
    /// The evidence with it, and the in situ hybridisation result that is new or more than it was.
    fn to(&self, evidence: &Evidence) -> Option<(Evidence, Option<usize>)> {
        let mut more = evidence.clone();
        let changed = match self {
            Self::Ihc(result) => {
                more.ihc.push(result.clone());
                None
            }
            Self::Ish(result) => {
                more.ish.push(IshResult::clone(result));
                Some(more.ish.len() - 1)
            }
            Self::Reported(status) => {
                more.reported.push(status.clone());
                None
            }
            Self::Unreadable(item) => {
                more.unreadable.push(item.clone());
                None
            }
            Self::Tissue(statement) => {
                if more.tissue != TissueStatement::Stated {
                    return None;
                }
                more.tissue = *statement;
                None
            }
            Self::NotFormalin => {
                if more.handling.fixative.is_some() {
                    return None;
                }
                more.handling.fixative = Some(Fixative::Other);
                None
            }
            Self::Ratio(at, value) => {
                Some(fill(&mut more.ish, at, |result| &mut result.ratio, value)?)
            }
            Self::Copies(at, value) => Some(fill(
                &mut more.ish,
                at,
                |result| &mut result.her2_copies,
                value,
            )?),
            Self::Cep17(at, value) => Some(fill(
                &mut more.ish,
                at,
                |result| &mut result.cep17_copies,
                value,
            )?),
            Self::Cells(at, value) => {
                Some(fill(&mut more.ish, at, |result| &mut result.cells, value)?)
            }
            Self::Word(at, word) => {
                Some(fill(&mut more.ish, at, |result| &mut result.result, word)?)
            }
            Self::Probe(at, probe) => {
                Some(fill(&mut more.ish, at, |result| &mut result.probe, probe)?)
            }
            Self::Percent(at, value) => {
                fill(&mut more.ihc, at, |result| &mut result.percent, value)?;
                None
            }
            Self::Intense(at, value) => {
                fill(
                    &mut more.ihc,
                    at,
                    |result| &mut result.intense_percent,
                    value,
                )?;
                None
            }
            Self::Called(at, word) => {
                fill(&mut more.ihc, at, |result| &mut result.interpretation, word)?;
                None
            }
            Self::Staining(at, present) => {
                fill(
                    &mut more.ihc,
                    at,
                    |result| &mut result.staining_present,
                    present,
                )?;
                None
            }
        };
        strategies::number_sources(&mut more);
        Some((more, changed))
    }
}

/// Whether what was added replaces what decided, by a rule that says so.
fn replaces(before: &Case, after: &Case, changed: Option<usize>) -> bool {
    let Some(changed) = changed.and_then(|at| after.evidence.ish.get(at)) else {
        return false;
    };
    // "It replaces both counts" (row 16): the laboratory's own final result.
    if changed.role == CountRole::Adjudicated {
        return true;
    }
    // "Both tests on record: dual decides", and "a ratio or CEP17 makes it dual whatever the label" (point 7).
    let is_dual = |result: &IshResult| {
        result.ratio.is_some()
            || result.cep17_copies.is_some()
            || (result.her2_copies.is_some()
                && (result.probe == Some(Probe::Dual)
                    || (result.probe.is_none()
                        && before.conventions.unstated_method == UnstatedMethod::Dual)))
    };
    let is_single = |result: &IshResult| result.has_numbers() && !is_dual(result);
    if is_dual(changed) && before.evidence.ish.iter().any(is_single) {
        return true;
    }
    // "Reported ratio: result of record"; one is derived only in its absence (point 8).
    let was_derived = (before.evidence.ish.iter()).any(|result| {
        result.ratio.is_none() && result.her2_copies.is_some() && result.cep17_copies.is_some()
    });
    was_derived && changed.ratio.is_some()
}

#[test]
fn what_is_added_to_a_decided_case_never_turns_it_without_a_question() {
    let asked = Cell::new(0_u32);
    let cases = (
        prop_oneof![
            6 => common_case(),
            1 => case(Written::Point),
            1 => case(Written::Anything),
        ],
        added(),
    );
    for_all(ADDED, cases, |(before, added)| {
        let decision = before.decide();
        if !decision.status.is_decided() {
            return Ok(());
        }
        let Some((more, changed)) = added.to(&before.evidence) else {
            return Ok(());
        };
        let after = before.with(more);
        if replaces(&before, &after, changed) {
            return Ok(());
        }
        asked.set(asked.get() + 1);
        let turned = after.decide();
        if turned.status == decision.status
            || !turned.status.is_decided()
            || !turned.review.is_empty()
        {
            return Ok(());
        }
        fail(format!(
            "decided otherwise without a question\nbefore: {}after: {}",
            before.told(),
            after.told()
        ))
    });
    assert!(
        asked.get() > ADDED / 10,
        "few cases are decided: {}",
        asked.get()
    );
}

/// Two statements that cannot both be true: the exact numbers do not fit what else is said, so they are not what the
/// bounded ones stand for.
fn is_contradicted(decision: &Decision) -> bool {
    decision.review.iter().any(|item| {
        matches!(
            item.code,
            ReviewCode::PercentContradictsScore
                | ReviewCode::RatioContradictsCopies
                | ReviewCode::ValueImplausible
                | ReviewCode::StatusContradictsData
                | ReviewCode::ResultsDiffer
        )
    })
}

#[test]
fn a_bounded_number_decides_only_what_every_number_inside_it_decides() {
    let asked = Cell::new(0_u32);
    let cases = (
        case(Written::Bounded),
        proptest::collection::vec(proptest::collection::vec(any::<Index>(), 8), 4),
    );
    for_all(REFINED, cases, |(bounded, picks)| {
        let decision = bounded.decide();
        let exact: Vec<(Case, Decision)> = (picks.iter())
            .map(|picks| refined(&bounded, picks))
            .filter(|exact| exact.evidence != bounded.evidence)
            .map(|exact| {
                let decision = exact.decide();
                (exact, decision)
            })
            .filter(|(_, decision)| !is_contradicted(decision))
            .collect();
        // So two exact numbers that end differently leave the bounded one open.
        for (case, of_exact) in &exact {
            if decision.status.is_decided() {
                asked.set(asked.get() + 1);
                if of_exact.status != decision.status {
                    return fail(format!(
                        "an exact number ends otherwise\nbounded: {}exact: {}",
                        bounded.told(),
                        case.told()
                    ));
                }
            }
        }
        Ok(())
    });
    assert!(asked.get() > REFINED / 10, "few bounded cases are decided");
}

/// The same results in the order of these keys.
fn in_other_order(case: &Case, keys: &[u8]) -> Case {
    fn shuffle<T>(items: &mut Vec<T>, keys: &[u8]) {
        let mut keyed: Vec<(u8, T)> = keys.iter().copied().zip(items.drain(..)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        items.extend(keyed.into_iter().map(|(_, item)| item));
    }
    let mut evidence = case.evidence.clone();
    shuffle(&mut evidence.ihc, keys);
    shuffle(&mut evidence.ish, keys);
    shuffle(&mut evidence.reported, keys);
    shuffle(&mut evidence.unreadable, keys);
    shuffle(&mut evidence.quoted, keys);
    case.with(evidence)
}

#[test]
fn the_order_in_which_results_are_sent_changes_nothing() {
    let cases = (
        case(Written::Anything),
        proptest::collection::vec(any::<u8>(), 4),
    );
    for_all(SHUFFLED, cases, |(case, keys)| {
        let shuffled = in_other_order(&case, &keys);
        let (one, other) = (case.decide(), shuffled.decide());
        if one == other {
            return Ok(());
        }
        fail(format!(
            "{}\nin another order:\n{}\n{one:#?}\n{other:#?}",
            case.told(),
            shuffled.told()
        ))
    });
}

/// How the same number is spelt elsewhere.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    TrailingZeros,
    DecimalComma,
    PowerOfTen,
    Quotient,
    RangeOfOne,
}

fn respelt(number: &Measure, spelling: Spelling) -> Measure {
    let written = number.written();
    let decimals = written.split_once('.').map(|(_, decimals)| decimals.len());
    let digits = written.replacen('.', "", 1);
    let again = match spelling {
        Spelling::TrailingZeros if decimals.is_some() => Measure::parse(&format!("{written}00")),
        Spelling::TrailingZeros => Measure::parse(&format!("{written}.0")),
        // Three decimals behind a comma may be thousands.
        Spelling::DecimalComma if decimals != Some(3) => {
            Measure::parse(&written.replacen('.', ",", 1))
        }
        Spelling::DecimalComma => Ok(number.clone()),
        Spelling::PowerOfTen => Measure::parse(&format!("{digits}e-{}", decimals.unwrap_or(0))),
        Spelling::Quotient => {
            Measure::quotient(&digits, &format!("1{}", "0".repeat(decimals.unwrap_or(0))))
        }
        Spelling::RangeOfOne => Measure::parse(&format!("{written}-{written}")),
    };
    again.unwrap_or_else(|_| panic!("{written} as {spelling:?}"))
}

#[test]
fn the_spelling_of_a_number_decides_nothing() {
    let spelling = select(vec![
        Spelling::TrailingZeros,
        Spelling::DecimalComma,
        Spelling::PowerOfTen,
        Spelling::Quotient,
        Spelling::RangeOfOne,
    ]);
    for_all(
        RESPELLED,
        (case(Written::Point), spelling),
        |(mut case, spelling)| {
            // Digits matter where a ratio is derived from them (point 8): that is another property.
            for result in &mut case.evidence.ish {
                result.cep17_copies = None;
            }
            let mut other = case.clone();
            let again = |number: &mut Option<Measure>| {
                *number = number.as_ref().map(|number| respelt(number, spelling));
            };
            for result in &mut other.evidence.ihc {
                again(&mut result.percent);
                again(&mut result.intense_percent);
            }
            for result in &mut other.evidence.ish {
                again(&mut result.ratio);
                again(&mut result.her2_copies);
                again(&mut result.cells);
                again(&mut result.population_percent);
            }
            // The words of a question name the number as it is written.
            let told = |case: &Case| {
                let mut decision = case.decide();
                let codes: Vec<ReviewCode> =
                    decision.review.drain(..).map(|item| item.code).collect();
                (decision, codes)
            };
            if told(&case) == told(&other) {
                return Ok(());
            }
            fail(format!(
                "{}\nspelt otherwise:\n{}",
                case.told(),
                other.told()
            ))
        },
    );
}

fn one_score() -> impl Strategy<Value = Option<Score>> {
    select(vec![
        None,
        Some(Score::Zero),
        Some(Score::OnePlus),
        Some(Score::TwoPlus),
        Some(Score::TwoPlus),
        Some(Score::TwoPlus),
        Some(Score::ThreePlus),
    ])
}

/// A number that one cell may have, a ratio included.
fn mean(thresholds: &'static [i64]) -> impl Strategy<Value = Decimal> {
    decimal(thresholds).prop_filter("a mean of one cell", |value| {
        (Decimal::new(1, 1)..=Decimal::from(40)).contains(value)
    })
}

fn exact(value: Decimal) -> Option<Measure> {
    Measure::parse(&value.to_string()).ok()
}

/// One score or none, and one count of 40 cells.
fn counted(edition: Edition, score: Option<Score>, count: IshResult) -> Case {
    let ihc =
        score.map(|score| IhcResult::new(IhcFinding::Score(EnumSet::only(score)), source("ihc")));
    Case {
        evidence: Evidence {
            ihc: ihc.into_iter().collect(),
            ish: vec![count],
            ..Evidence::new(SiteFinding::Known(site_of(edition)), JoinedBy::Specimen)
        },
        edition,
        conventions: Conventions::default(),
    }
}

fn expect(case: &Case, expected: (Status, NextAction)) -> Result<(), TestCaseError> {
    let decision = case.decide();
    if (decision.status, decision.next_action) == expected {
        return Ok(());
    }
    fail(format!("expected {expected:?} of\n{}", case.told()))
}

#[test]
fn a_dual_probe_count_ends_as_the_text_of_the_guidelines_has_it() {
    let cases = (
        select(Edition::ALL.to_vec()),
        one_score(),
        mean(&RATIOS),
        mean(&COPIES),
    );
    for_all(DUAL_ORACLE, cases, |(edition, score, ratio, copies)| {
        let count = IshResult {
            probe: Some(Probe::Dual),
            ratio: exact(ratio),
            her2_copies: exact(copies),
            cells: Measure::parse("40").ok(),
            ..IshResult::new(source("ish"))
        };
        expect(
            &counted(edition, score, count),
            oracle::dual(edition, score, ratio, copies),
        )
    });
}

#[test]
fn a_single_probe_count_ends_as_the_text_of_the_guidelines_has_it() {
    let cases = (select(Edition::ALL.to_vec()), one_score(), mean(&COPIES));
    for_all(SINGLE_ORACLE, cases, |(edition, score, copies)| {
        let count = IshResult {
            probe: Some(Probe::Single),
            her2_copies: exact(copies),
            cells: Measure::parse("40").ok(),
            ..IshResult::new(source("ish"))
        };
        expect(
            &counted(edition, score, count),
            oracle::single(edition, score, copies),
        )
    });
}

#[test]
fn a_percentage_contradicts_the_scores_that_the_guidelines_deny_it() {
    let cases = (
        select(Edition::ALL.to_vec()),
        select(vec![Sample::Biopsy, Sample::Resection, Sample::Cytology]),
        one_score(),
        decimal(&PERCENTS),
    );
    for_all(
        PERCENT_ORACLE,
        cases,
        |(edition, sample, score, percent)| {
            let hundred = Decimal::ONE_HUNDRED;
            let (score, percent) = (score.unwrap_or(Score::Zero), percent.min(hundred));
            let mut case = counted(edition, Some(score), IshResult::new(source("ish")));
            case.evidence.ish.clear();
            case.evidence.handling.sample = Some(sample);
            for result in &mut case.evidence.ihc {
                result.percent = exact(percent);
            }
            let (status, contradicts) = oracle::score_and_percent(edition, sample, score, percent);
            let decision = case.decide();
            let asked = (decision.review.iter())
                .any(|item| item.code == ReviewCode::PercentContradictsScore);
            let is_reviewed = decision.next_action == NextAction::ReviewDiscordance;
            if decision.status == status && asked == contradicts && is_reviewed == contradicts {
                return Ok(());
            }
            fail(format!(
                "expected {status:?}, contradiction {contradicts}, of {sample:?}\n{}",
                case.told()
            ))
        },
    );
}
