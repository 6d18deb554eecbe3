//! Results that do not fit together, or leave more than one answer open: no status rests on one of several statements.

use enumset::EnumSet;
use her2_adapter::her2::decide::{Conventions, decide};
use her2_adapter::her2::decision::{Category, Decision, ReviewCode, Status};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Origin, OtherTissue, Probe,
    Score, Site, SiteFinding, Source, StatedResult, TissueStatement,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;

use StatedResult::{Equivocal, Indeterminate, Negative, Positive};

fn source(name: &str) -> Source {
    Source {
        reference: format!("Observation/{name}"),
        version: None,
    }
}

fn measure(text: &str) -> Option<Measure> {
    (!text.is_empty()).then(|| Measure::parse(text).unwrap())
}

fn score(score: Score) -> IhcResult {
    ihc(IhcFinding::Score(EnumSet::only(score)))
}

fn ihc(finding: IhcFinding) -> IhcResult {
    IhcResult {
        finding,
        interpretation: None,
        percent: None,
        intense_percent: None,
        staining_present: None,
        origin: Origin::Coded,
        source: source("ihc"),
    }
}

/// A dual-probe count of 40 cells; an empty text is a number that was not sent.
fn count(ratio: &str, copies: &str) -> IshResult {
    IshResult {
        role: CountRole::Initial,
        probe: Some(Probe::Dual),
        ratio: measure(ratio),
        her2_copies: measure(copies),
        cep17_copies: None,
        cells: measure("40"),
        result: None,
        origin: Origin::Coded,
        source: source("ish"),
    }
}

fn called(result: IshResult, word: StatedResult) -> IshResult {
    IshResult {
        result: Some(word),
        ..result
    }
}

fn word(word: StatedResult) -> IshResult {
    IshResult {
        probe: None,
        cells: None,
        ..called(count("", ""), word)
    }
}

fn of_role(role: CountRole, result: IshResult) -> IshResult {
    IshResult { role, ..result }
}

fn with_cells(cells: &str, result: IshResult) -> IshResult {
    IshResult {
        cells: measure(cells),
        ..result
    }
}

fn decided(ihc: &[IhcResult], ish: &[IshResult]) -> Decision {
    let evidence = Evidence {
        site: SiteFinding::Known(Site::Breast),
        joined_by: JoinedBy::Specimen,
        ihc: ihc.to_vec(),
        ish: ish.to_vec(),
        reported: Vec::new(),
        unreadable: Vec::new(),
        tissue: TissueStatement::Stated,
        other_tissue: OtherTissue::default(),
    };
    decide(&evidence, Edition::AscoCap2018, &Conventions::default())
}

fn has(decision: &Decision, code: ReviewCode) -> bool {
    decision.review.iter().any(|review| review.code == code)
}

fn assert_withheld(decision: &Decision) {
    assert!(
        !decision.status.is_decided(),
        "{} by {}",
        decision.status.name(),
        decision.rule
    );
    assert!(!decision.review.is_empty());
}

const TWO_PLUS: Score = Score::TwoPlus;
const ONE_PLUS: Score = Score::OnePlus;

#[test]
fn a_word_does_not_settle_numbers_that_leave_the_group_open() {
    for (ratio, copies, stated) in [
        ("1.2", "", Positive),
        ("1.5", "", Negative),
        ("2.4", "", Positive),
        ("2.4", "", Negative),
    ] {
        assert_withheld(&decided(
            &[score(TWO_PLUS)],
            &[called(count(ratio, copies), stated)],
        ));
    }
    let copies_alone = |copies, stated| IshResult {
        probe: None,
        ..called(count("", copies), stated)
    };
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[copies_alone("3.0", Positive)],
    ));
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[copies_alone("6.5", Negative)],
    ));
    assert_withheld(&decided(&[], &[called(count("1.2", ""), Positive)]));
}

#[test]
fn a_word_does_not_hide_a_recount_or_a_count_that_may_have_failed() {
    let recount = |ratio, copies| of_role(CountRole::Recount, count(ratio, copies));
    let open_high = called(count("2.5", ""), Positive);
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[open_high, recount("2.5", "3.0")],
    ));
    let maybe_failed = with_cells("10-30", called(count("1.2", "3.0"), Negative));
    assert_withheld(&decided(&[score(TWO_PLUS)], &[maybe_failed]));
}

#[test]
fn a_word_sent_apart_is_held_against_the_numbers_like_one_sent_with_them() {
    let negative = called(count("1.2", "3.0"), Negative);
    assert_withheld(&decided(&[score(TWO_PLUS)], &[negative, word(Positive)]));
    let positive = called(count("2.5", "6.0"), Positive);
    assert_withheld(&decided(&[score(TWO_PLUS)], &[positive, word(Negative)]));
    let unworded = count("1.2", "3.0");
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[unworded.clone(), word(Positive), word(Positive)],
    ));
    let agreed = decided(&[score(TWO_PLUS)], &[unworded, word(Negative)]);
    assert_eq!(agreed.status, Status::Negative);
    assert!(agreed.review.is_empty());
}

#[test]
fn words_and_scores_of_immunohistochemistry_that_differ_withhold_the_status() {
    let stated = |word| ihc(IhcFinding::Stated(word));
    assert_withheld(&decided(&[stated(Positive), stated(Negative)], &[]));
    assert_withheld(&decided(&[stated(Positive), score(ONE_PLUS)], &[]));
    let range = ihc(IhcFinding::Score(Score::Zero | Score::OnePlus));
    assert_withheld(&decided(&[range, stated(Positive)], &[]));
    let same = decided(&[stated(Negative), score(ONE_PLUS)], &[]);
    assert_eq!(
        (same.status, same.category),
        (Status::Negative, Category::Low)
    );
}

#[test]
fn a_contradiction_within_one_result_is_not_settled_by_another() {
    let called_negative = |value| IhcResult {
        interpretation: Some(Negative),
        ..score(value)
    };
    assert_withheld(&decided(
        &[called_negative(Score::ThreePlus), score(ONE_PLUS)],
        &[],
    ));
    let impossible = IshResult {
        cep17_copies: measure("1.5"),
        ..count("1.2", "6.0")
    };
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[impossible, count("1.2", "3.0")],
    ));
    let once_positive = called(count("1.2", "3.0"), Positive);
    let once_negative = called(count("1.2", "3.0"), Negative);
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[once_positive, once_negative],
    ));
}

#[test]
fn a_recount_counts_also_after_words_and_after_a_failed_count() {
    let recount = |ratio, copies| of_role(CountRole::Recount, count(ratio, copies));
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[word(Negative), recount("2.5", "6.0")],
    ));
    assert_withheld(&decided(
        &[score(TWO_PLUS)],
        &[word(Positive), recount("1.2", "3.0")],
    ));
    let failed = with_cells("12", count("1.2", "3.0"));
    let discordant = decided(&[score(ONE_PLUS)], &[failed, recount("3.0", "8.0")]);
    assert_eq!(discordant.status, Status::Positive);
    assert!(has(&discordant, ReviewCode::IhcIshDiscordant));
    let failed = with_cells("12", count("3.0", "8.0"));
    let repeated = decided(&[score(TWO_PLUS)], &[failed, recount("3.0", "8.0")]);
    assert_eq!(repeated.status, Status::Positive);
}

#[test]
fn words_of_a_recount_and_of_an_adjudicated_result_are_held_against_it() {
    let first = count("1.8", "6.2");
    for (role, ratio, copies, stated) in [
        (CountRole::Adjudicated, "1.7", "6.4", Negative),
        (CountRole::Adjudicated, "2.2", "3.4", Positive),
        (CountRole::Recount, "1.7", "6.4", Negative),
    ] {
        let later = of_role(role, called(count(ratio, copies), stated));
        assert_withheld(&decided(&[score(TWO_PLUS)], &[first.clone(), later]));
    }
}

#[test]
fn two_equal_counts_are_held_against_their_word_like_one() {
    let amplified = called(count("2.1", "3.5"), Positive);
    assert_withheld(&decided(
        &[score(ONE_PLUS)],
        std::slice::from_ref(&amplified),
    ));
    assert_withheld(&decided(
        &[score(ONE_PLUS)],
        &[amplified.clone(), amplified],
    ));
}

#[test]
fn an_adjudicated_result_that_failed_does_not_hide_the_counts() {
    let first = count("2.5", "6.0");
    let failed = of_role(CountRole::Adjudicated, word(Indeterminate));
    assert_withheld(&decided(&[score(ONE_PLUS)], &[first.clone(), failed]));
    let void = of_role(CountRole::Adjudicated, with_cells("0", count("1.2", "3.0")));
    assert_withheld(&decided(&[score(ONE_PLUS)], &[first, void]));
}

#[test]
fn intense_staining_contradicts_a_score_below_2_plus() {
    let intense = |value, percent: &str| IhcResult {
        intense_percent: measure(percent),
        ..score(value)
    };
    assert_withheld(&decided(&[intense(ONE_PLUS, "8")], &[]));
    assert_withheld(&decided(&[intense(Score::Zero, "5")], &[]));
    assert_withheld(&decided(&[intense(ONE_PLUS, "40")], &[]));
    assert!(has(
        &decided(&[intense(ONE_PLUS, "200")], &[]),
        ReviewCode::ValueImplausible
    ));
    assert_eq!(
        decided(&[intense(ONE_PLUS, "0")], &[]).status,
        Status::Negative
    );
}

#[test]
fn totals_in_a_per_cell_field_do_not_decide() {
    let single = IshResult {
        probe: Some(Probe::Single),
        ..count("", "47")
    };
    let totals = decided(&[score(TWO_PLUS)], &[single]);
    assert!(has(&totals, ReviewCode::ValueImplausible));
    assert_withheld(&totals);
}

#[test]
fn signals_over_nuclei_are_an_exact_quotient() {
    let quotient = |signals, nuclei| Measure::quotient(signals, nuclei).ok();
    let counted = IshResult {
        her2_copies: quotient("511", "120"),
        cep17_copies: quotient("188", "60"),
        ..count("", "")
    };
    let decision = decided(&[score(ONE_PLUS)], &[counted]);
    assert_eq!(decision.status, Status::Negative);
    assert_eq!(decision.ish_group.map(|group| group.number()), Some(4));
}

#[test]
fn an_equivocal_word_alone_tells_nothing_of_the_count() {
    assert_withheld(&decided(&[score(TWO_PLUS)], &[word(Equivocal)]));
    assert_withheld(&decided(&[score(ONE_PLUS)], &[word(Equivocal)]));
}
