//! Results that do not fit together, or leave more than one answer open: no status rests on one of several statements.

use enumset::EnumSet;
use her2_adapter::her2::conventions::Conventions;
use her2_adapter::her2::decide::decide;
use her2_adapter::her2::decision::{Category, Decision, ReviewCode, Status};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Probe, Sample, Score, Site,
    SiteFinding, StatedResult, TissueStatement,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;

use crate::samples::{count, measure, source};

use StatedResult::{Equivocal, Indeterminate, Negative, Positive};

fn score(score: Score) -> IhcResult {
    ihc(IhcFinding::Score(EnumSet::only(score)))
}

fn ihc(finding: IhcFinding) -> IhcResult {
    IhcResult::new(finding, source("ihc"))
}

fn called(result: IshResult, word: StatedResult) -> IshResult {
    IshResult {
        result: Some(word.into()),
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
        ihc: ihc.to_vec(),
        ish: ish.to_vec(),
        ..Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen)
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

fn by(edition: Edition, evidence: &Evidence) -> Decision {
    decide(evidence, edition, &Conventions::default())
}

fn tissue(site: Site, ihc: &[IhcResult], ish: &[IshResult]) -> Evidence {
    Evidence {
        ihc: ihc.to_vec(),
        ish: ish.to_vec(),
        ..Evidence::new(SiteFinding::Known(site), JoinedBy::Specimen)
    }
}

fn single(copies: &str) -> IshResult {
    IshResult {
        probe: Some(Probe::Single),
        ..count("", copies)
    }
}

fn population(percent: &str, result: IshResult) -> IshResult {
    IshResult {
        population_percent: measure(percent),
        ..result
    }
}

#[test]
fn a_single_probe_recount_that_ends_otherwise_is_not_dropped() {
    for edition in [
        Edition::AscoCap2018,
        Edition::AscoCap2013,
        Edition::AscoCap2007,
    ] {
        for (first, second) in [("3.9", "6.5"), ("6.5", "3.5")] {
            let recount = of_role(CountRole::Recount, single(second));
            for ihc in [vec![score(TWO_PLUS)], Vec::new()] {
                let evidence = tissue(Site::Breast, &ihc, &[single(first), recount.clone()]);
                let decision = by(edition, &evidence);
                assert_withheld(&decision);
                assert!(has(&decision, ReviewCode::ResultsDiffer));
            }
        }
    }
    let again = of_role(CountRole::Recount, single("3.5"));
    let same = decided(&[score(TWO_PLUS)], &[single("3.9"), again.clone()]);
    assert_eq!(same.status, Status::Negative);
    assert!(same.review.is_empty());
    let alone = decided(&[score(TWO_PLUS)], std::slice::from_ref(&again));
    assert_eq!(alone.status, Status::Negative);
    let void = IshResult {
        her2_copies: None,
        ..single("3.9")
    };
    let only_second = decided(&[score(TWO_PLUS)], &[void, again]);
    assert_eq!(only_second.status, Status::Negative);
    assert!(!has(&only_second, ReviewCode::ResultsDiffer));
    let failed = of_role(CountRole::Recount, with_cells("12", single("6.5")));
    let first = decided(&[score(TWO_PLUS)], &[single("3.9"), failed]);
    assert_eq!(first.status, Status::Negative);
    assert!(!has(&first, ReviewCode::ResultsDiffer));
}

#[test]
fn a_recount_in_words_is_held_against_the_first_count() {
    let recount = |stated| of_role(CountRole::Recount, word(stated));
    for (first, stated) in [
        (count("2.5", "6.0"), Negative),
        (count("1.2", "3.0"), Positive),
        (word(Positive), Negative),
    ] {
        let decision = decided(&[score(TWO_PLUS)], &[first, recount(stated)]);
        assert_withheld(&decision);
        assert!(has(&decision, ReviewCode::ResultsDiffer));
    }
    let agreed = decided(
        &[score(TWO_PLUS)],
        &[count("2.5", "6.0"), recount(Positive)],
    );
    assert_eq!(agreed.status, Status::Positive);
    // A word that some edition uses for these numbers, and that ends otherwise in the one in force.
    let with = |further: Option<IshResult>| {
        let mut ish = vec![count("2.5", "3.5"), recount(Negative)];
        ish.extend(further);
        by(
            Edition::AscoCap2013,
            &tissue(Site::Breast, &[score(TWO_PLUS)], &ish),
        )
    };
    assert_withheld(&with(None));
    assert!(has(&with(None), ReviewCode::StatusContradictsData));
    let adjudicated = of_role(CountRole::Adjudicated, count("2.5", "3.5"));
    let settled = with(Some(adjudicated));
    assert_eq!(settled.status, Status::Positive);
    assert!(settled.review.is_empty());
    // Row 13: a word is no complete recount of group 4.
    let open = decided(
        &[score(TWO_PLUS)],
        &[count("1.5", "5.0"), recount(Negative)],
    );
    assert_eq!(open.next_action.name(), "recount-ish");
}

#[test]
fn equivocal_beside_numbers_that_the_edition_in_force_decides_is_a_contradiction() {
    for (edition, ratio, copies) in [
        (Edition::AscoCap2013, "2.5", "3.5"),
        (Edition::AscoCap2013, "1.5", "6.5"),
        (Edition::AscoCap2007, "2.5", "3.0"),
        (Edition::AscoCap2007, "1.5", "5.0"),
    ] {
        let stated = called(count(ratio, copies), Equivocal);
        let decision = by(
            edition,
            &tissue(Site::Breast, &[score(TWO_PLUS)], &[stated]),
        );
        assert_withheld(&decision);
        assert!(has(&decision, ReviewCode::StatusContradictsData));
    }
}

#[test]
fn a_3_plus_at_a_low_percentage_may_be_0_as_well() {
    let low = IhcResult {
        percent: measure("5"),
        ..score(Score::ThreePlus)
    };
    let recount = of_role(CountRole::Recount, count("1.5", "6.6"));
    // Group 3, recounted in group 3: positive with 2+ and 3+, negative with 0.
    assert_withheld(&decided(&[low], &[count("1.5", "6.5"), recount]));
}

#[test]
fn a_population_decides_nothing_where_nobody_knows_whose_tissue_it_is() {
    let unclear = Evidence {
        tissue: TissueStatement::Unclear,
        ..tissue(
            Site::Breast,
            &[score(ONE_PLUS)],
            &[count("1.2", "3.0"), population("30", count("2.5", "6.5"))],
        )
    };
    assert_withheld(&by(Edition::AscoCap2018, &unclear));
}

#[test]
fn a_population_is_held_against_its_word_and_a_failed_one_is_shown() {
    let main = || count("1.2", "3.0");
    let amplified = population("30", called(count("2.5", "3.5"), Positive));
    let contradicted = decided(&[score(ONE_PLUS)], &[main(), amplified]);
    assert_withheld(&contradicted);
    assert!(has(&contradicted, ReviewCode::StatusContradictsData));

    let failed = population("30", with_cells("12", count("2.5", "6.5")));
    let shown = decided(&[score(ONE_PLUS)], &[main(), failed]);
    assert!(has(&shown, ReviewCode::IhcIshDiscordant) || !shown.status.is_decided());

    // The word of the main population is about that population.
    let called_negative = called(main(), Negative);
    let positive = decided(
        &[score(TWO_PLUS)],
        &[called_negative, population("30", count("2.5", "6.5"))],
    );
    assert_eq!(positive.status, Status::Positive);
    assert!(has(&positive, ReviewCode::PopulationsDiffer));
}

#[test]
fn the_same_score_sent_twice_does_not_differ() {
    let stained = IhcResult {
        percent: measure("5"),
        ..score(ONE_PLUS)
    };
    let twice = decided(&[stained, score(ONE_PLUS)], &[]);
    assert!(!has(&twice, ReviewCode::ResultsDiffer));
    assert!(has(&twice, ReviewCode::PercentContradictsScore));
}

#[test]
fn a_stain_called_positive_beside_group_1_is_no_discordance() {
    let stated = decided(&[ihc(IhcFinding::Stated(Positive))], &[count("2.5", "6.0")]);
    assert_eq!(stated.status, Status::Positive);
    assert!(stated.review.is_empty(), "{:?}", stated.review);
    let negative = decided(&[ihc(IhcFinding::Stated(Negative))], &[count("2.5", "6.0")]);
    assert!(has(&negative, ReviewCode::IhcIshDiscordant));
}

#[test]
fn a_gastric_score_whose_share_depends_on_biopsy_or_resection_is_left_open() {
    let scored = |sent, percent, sample| {
        let result = IhcResult {
            percent: measure(percent),
            ..score(sent)
        };
        let mut evidence = tissue(Site::Gastroesophageal, &[result], &[]);
        evidence.handling.sample = sample;
        by(Edition::Gastric2016, &evidence)
    };
    let stained = |percent, sample| scored(Score::ThreePlus, percent, sample);
    let open = stained("5", None);
    assert_eq!(open.next_action.name(), "obtain-data");
    assert_withheld(&open);
    assert!(has(&open, ReviewCode::DataMissing));
    assert_eq!(stained("5", Some(Sample::Biopsy)).status, Status::Positive);
    assert_eq!(stained("10", None).status, Status::Positive);
    // 1+ or 0: negative either way.
    let either = scored(ONE_PLUS, "5", None);
    assert_eq!(either.status, Status::Negative);
    assert!(either.review.is_empty());
    assert!(has(
        &stained("5", Some(Sample::Resection)),
        ReviewCode::PercentContradictsScore
    ));
}

#[test]
fn a_gastric_0_or_1_plus_is_looked_at_when_any_count_is_amplified() {
    let recount = |ratio, copies| of_role(CountRole::Recount, count(ratio, copies));
    for ish in [
        vec![count("2.5", "6.5"), recount("1.2", "3.0")],
        vec![count("1.2", "3.0"), recount("2.5", "6.5")],
        vec![count("1.2", "3.0"), population("30", count("2.5", "6.5"))],
    ] {
        let evidence = tissue(Site::Gastroesophageal, &[score(ONE_PLUS)], &ish);
        let decision = by(Edition::Gastric2016, &evidence);
        assert_eq!(decision.status, Status::Negative);
        assert!(has(&decision, ReviewCode::IhcIshDiscordant));
    }
}
