//! Mistakes of other public programs that read HER2 results, each with the answer that the guideline gives.

use enumset::EnumSet;
use her2_adapter::her2::conventions::Conventions;
use her2_adapter::her2::decide::decide;
use her2_adapter::her2::decision::{Category, Decision, NextAction, ReviewCode, Status};
use her2_adapter::her2::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, IshResult, IshWord, JoinedBy, ReportedStatus,
    Score, Site, SiteFinding, StatedResult,
};
use her2_adapter::her2::guideline::Edition;
use her2_adapter::her2::number::Measure;
use her2_adapter::her2::reason::ish_read;

use crate::samples::{count, measure, source};

fn word(word: IshWord) -> IshResult {
    IshResult {
        result: Some(word),
        ..IshResult::new(source("ish"))
    }
}

fn breast(score: Option<Score>, ish: Option<IshResult>) -> Evidence {
    let ihc =
        score.map(|score| IhcResult::new(IhcFinding::Score(EnumSet::only(score)), source("ihc")));
    Evidence {
        ihc: ihc.into_iter().collect(),
        ish: ish.into_iter().collect(),
        ..Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen)
    }
}

fn decided_by(edition: Edition, evidence: &Evidence) -> Decision {
    decide(evidence, edition, &Conventions::default())
}

fn decided(score: Option<Score>, ish: IshResult) -> Decision {
    decided_by(Edition::AscoCap2018, &breast(score, Some(ish)))
}

fn group(decision: &Decision) -> Option<u8> {
    decision.ish_group.map(|group| group.number())
}

fn codes(decision: &Decision) -> Vec<ReviewCode> {
    decision.review.iter().map(|item| item.code).collect()
}

const ZERO: Option<Score> = Some(Score::Zero);
const ONE_PLUS: Option<Score> = Some(Score::OnePlus);
const TWO_PLUS: Option<Score> = Some(Score::TwoPlus);
const THREE_PLUS: Option<Score> = Some(Score::ThreePlus);

// OpenELIS Global 2 calls a ratio of 2.0 amplified whatever the copies and the IHC are.
#[test]
fn a_ratio_of_2_5_with_3_2_copies_is_group_2_and_not_amplified_by_itself() {
    let alone = decided(None, count("2.5", "3.2"));
    assert_eq!(group(&alone), Some(2));
    assert_eq!(alone.status, Status::Insufficient);
    assert_eq!(alone.next_action, NextAction::ConcurrentIhc);
    assert_eq!(
        decided(ONE_PLUS, count("2.5", "3.2")).status,
        Status::Negative
    );
    assert_eq!(
        decided(TWO_PLUS, count("2.5", "3.2")).next_action,
        NextAction::RecountIsh
    );
}

// OpenELIS Global 2 calls a ratio below 2.0 not amplified whatever the copies are.
#[test]
fn a_ratio_of_1_6_with_6_5_copies_is_group_3_and_may_be_positive() {
    assert_eq!(group(&decided(None, count("1.6", "6.5"))), Some(3));
    let evidence = Evidence {
        ish: vec![
            count("1.6", "6.5"),
            IshResult {
                role: CountRole::Recount,
                ..count("1.7", "6.2")
            },
        ],
        ..breast(TWO_PLUS, None)
    };
    let recounted = decided_by(Edition::AscoCap2018, &evidence);
    assert_eq!(recounted.status, Status::Positive);
}

// OpenELIS Global 2 prints 3.99 / 2.0 as "2.00" beside "no amplification".
#[test]
fn a_ratio_just_below_2_is_not_printed_as_2() {
    let ratio = Measure::quotient("3.99", "2.0").unwrap();
    assert_eq!(ratio.written(), "1.995");
    let counted = IshResult {
        ratio: Some(ratio),
        ..count("", "4.5")
    };
    assert!(ish_read(&counted).contains("ratio 1.995,"));
    assert_eq!(group(&decided(None, counted)), Some(4));
    // From copies and CEP17 it is an interval of what the printed digits allow: nothing is decided by it.
    let derived = IshResult {
        cep17_copies: measure("2.0"),
        ..count("", "3.99")
    };
    assert_eq!(derived.derived_ratio().as_deref(), Some("1.995"));
    let decision = decided(TWO_PLUS, derived);
    assert_eq!(group(&decision), None);
    assert_eq!(decision.status, Status::Equivocal);
}

// YPILIS rounds copies to two places before it compares them, so 3.996 becomes 4.00 and group 1.
#[test]
fn copies_of_3_996_and_5_996_are_not_rounded_up() {
    assert_eq!(group(&decided(None, count("2.3", "3.996"))), Some(2));
    assert_eq!(group(&decided(None, count("1.5", "3.996"))), Some(5));
    assert_eq!(group(&decided(None, count("1.5", "5.996"))), Some(4));
}

// YPILIS compares a ratio of 1.996 as it is and prints "2" beside "negative".
#[test]
fn a_ratio_of_1_996_is_below_2_and_keeps_its_digits() {
    let counted = count("1.996", "5.0");
    assert!(ish_read(&counted).contains("ratio 1.996,"));
    assert_eq!(group(&decided(None, counted)), Some(4));
}

// YPILIS keeps the rules of 2013 beside those of 2018: the same numbers mean different things, so the edition is said.
#[test]
fn the_same_numbers_are_decided_by_the_edition_that_is_named() {
    let status = |edition, ratio, copies| {
        let decision = decided_by(edition, &breast(ONE_PLUS, Some(count(ratio, copies))));
        assert!(decision.rule.to_string().starts_with(edition.id()));
        decision.status
    };
    for (ratio, copies) in [("2.5", "3.2"), ("1.6", "6.5")] {
        assert_eq!(
            status(Edition::AscoCap2013, ratio, copies),
            Status::Positive
        );
        assert_eq!(
            status(Edition::AscoCap2018, ratio, copies),
            Status::Negative
        );
    }
    let middle = breast(None, Some(count("1.5", "5.0")));
    assert_eq!(
        decided_by(Edition::AscoCap2013, &middle).status,
        Status::Equivocal
    );
    assert_eq!(
        decided_by(Edition::AscoCap2018, &middle).status,
        Status::Insufficient
    );
}

// ACTIN calls only 1+ low: a 2+ without amplification never is.
#[test]
fn a_2_plus_of_group_5_is_low() {
    let decision = decided(TWO_PLUS, count("1.2", "3.0"));
    assert_eq!(
        (decision.status, decision.category),
        (Status::Negative, Category::Low)
    );
    assert_eq!(group(&decision), Some(5));
}

// prioritize_her2 sorts by platform first: an equivocal ISH beats IHC 3+ of the same day.
#[test]
fn an_equivocal_ish_beside_3_plus_leaves_it_positive() {
    for edition in [Edition::AscoCap2018, Edition::AscoCap2013] {
        for ish in [word(IshWord::Equivocal), count("1.7", "5.0")] {
            let decision = decided_by(edition, &breast(THREE_PLUS, Some(ish)));
            assert_eq!(decision.status, Status::Positive);
            assert_eq!(decision.category, Category::Positive);
        }
    }
}

// The HER2-low script of GENIE BPC takes the ISH of the patient, not of the specimen.
#[test]
fn two_tumours_of_one_patient_are_decided_each_by_its_own_ish() {
    let amplified = decided(TWO_PLUS, count("3.0", "8.0"));
    let not_amplified = decided(TWO_PLUS, count("1.2", "3.0"));
    assert_eq!(amplified.status, Status::Positive);
    assert_eq!(
        (not_amplified.status, not_amplified.category),
        (Status::Negative, Category::Low)
    );
}

// The TCGA label builder knows "ISH positive" only and flags no discordance.
#[test]
fn a_1_plus_of_group_2_or_3_is_negative_and_one_called_amplified_is_looked_at() {
    for (ratio, copies) in [("2.5", "3.2"), ("1.6", "6.5")] {
        let by_numbers = decided(ONE_PLUS, count(ratio, copies));
        assert_eq!(by_numbers.status, Status::Negative);
        assert_eq!(by_numbers.category, Category::Low);
    }
    let in_words = decided(ONE_PLUS, word(IshWord::Amplified));
    assert_eq!(in_words.status, Status::Positive);
    assert_eq!(in_words.category, Category::Positive);
    assert_eq!(codes(&in_words), [ReviewCode::IhcIshDiscordant]);
    assert_eq!(in_words.next_action, NextAction::ReviewDiscordance);
}

// The TCGA label builder calls IHC 0 with any ISH something else than zero.
#[test]
fn a_score_0_stays_a_kind_of_negative_beside_an_ish_without_amplification() {
    let decision = decided(ZERO, count("1.2", "3.0"));
    assert_eq!(
        (decision.status, decision.category),
        (Status::Negative, Category::ZeroUnspecified)
    );
}

// HER2Discordance turns patients with binary results and coded bounds ("<1.00", "<2.0", ">=2.0") into "nan".
#[test]
fn bounds_and_statements_say_what_they_can_and_no_more() {
    let low = decided(ONE_PLUS, count("<1.00", ""));
    assert_eq!(
        (low.status, low.category),
        (Status::Negative, Category::Low)
    );
    // Without copies a low ratio may be group 3, 4 or 5.
    for ratio in ["<1.00", "<2.0"] {
        let open = decided(TWO_PLUS, count(ratio, ""));
        assert_eq!(open.status, Status::Equivocal);
        assert_eq!(open.next_action, NextAction::ObtainData);
        assert_eq!(group(&open), None);
    }
    let high = decided(ONE_PLUS, count(">=2.0", ""));
    assert_eq!(high.status, Status::Insufficient);
    assert_eq!(codes(&high), [ReviewCode::DataMissing]);
    assert_eq!(group(&decided(TWO_PLUS, count(">=2.0", ">=4.0"))), Some(1));
    let high_in_2013 = breast(TWO_PLUS, Some(count(">=2.0", "")));
    assert_eq!(
        decided_by(Edition::AscoCap2013, &high_in_2013).status,
        Status::Positive
    );
    for (stated, status) in [
        (IshWord::Amplified, Status::Positive),
        (IshWord::NotAmplified, Status::Negative),
    ] {
        let in_words = decided(TWO_PLUS, word(stated));
        assert_eq!(in_words.status, status);
        assert_eq!(group(&in_words), None);
    }
}

// The SEER EOD tables have one code for "negative; equivocal".
#[test]
fn an_equivocal_word_is_never_negative() {
    let stated = IhcResult::new(IhcFinding::Stated(StatedResult::Equivocal), source("ihc"));
    for edition in Edition::ALL {
        let site = match edition {
            Edition::Gastric2016 => Site::Gastroesophageal,
            _ => Site::Breast,
        };
        let of = |ihc: Option<&IhcResult>, ish: Option<IshResult>| Evidence {
            ihc: ihc.into_iter().cloned().collect(),
            ish: ish.into_iter().collect(),
            ..Evidence::new(SiteFinding::Known(site), JoinedBy::Specimen)
        };
        let by_ihc = decided_by(edition, &of(Some(&stated), None));
        assert_eq!(by_ihc.status, Status::Equivocal);
        for ihc in [None, Some(&stated)] {
            let by_ish = decided_by(edition, &of(ihc, Some(word(IshWord::Equivocal))));
            assert!(!by_ish.status.is_decided(), "{}", by_ish.rule);
        }
        let reported = Evidence {
            reported: vec![ReportedStatus {
                value: StatedResult::Equivocal,
                passage: None,
                source: source("status"),
            }],
            ..of(None, None)
        };
        assert_eq!(decided_by(edition, &reported).status, Status::Insufficient);
    }
}

// The SEER EOD tables put "borderline" under another code than "equivocal"; no edition defines it.
#[test]
fn a_borderline_ish_decides_nothing() {
    let decision = decided(TWO_PLUS, word(IshWord::Undefined));
    assert_eq!(decision.status, Status::Equivocal);
    assert_eq!(codes(&decision), [ReviewCode::ReadingAmbiguous]);
}

// The SEER EOD tables truncate 1.99 to 1.9; others round it to 2.0.
#[test]
fn a_ratio_of_1_99_is_neither_truncated_nor_rounded() {
    let counted = count("1.99", "6.5");
    assert!(ish_read(&counted).contains("ratio 1.99,"));
    assert_eq!(group(&decided(None, counted)), Some(3));
    // What is truncated to 1.9 would be negative or equivocal alike in 2007, 1.80 and 1.79 not.
    let in_2007 = |ratio| {
        let evidence = breast(TWO_PLUS, Some(count(ratio, "3.0")));
        decided_by(Edition::AscoCap2007, &evidence).status
    };
    assert_eq!(in_2007("1.80"), Status::Equivocal);
    assert_eq!(in_2007("1.79"), Status::Negative);
}

// The SEER EOD tables use the highest of several results.
#[test]
fn two_results_of_one_tissue_that_differ_are_a_question_and_not_the_higher_one() {
    let evidence = Evidence {
        ihc: [Score::OnePlus, Score::ThreePlus]
            .map(|score| IhcResult::new(IhcFinding::Score(EnumSet::only(score)), source("ihc")))
            .into(),
        ..breast(None, None)
    };
    let decision = decided_by(Edition::AscoCap2018, &evidence);
    assert_eq!(decision.status, Status::Insufficient);
    assert_eq!(codes(&decision), [ReviewCode::ResultsDiffer]);
}

// The cBioPortal agent inferred HER2 from "Luminal B". A status without tests, whatever it rests on, is no evidence.
#[test]
fn a_status_that_no_test_stands_beside_is_insufficient() {
    for value in [
        StatedResult::Positive,
        StatedResult::Negative,
        StatedResult::Equivocal,
        StatedResult::Indeterminate,
    ] {
        let evidence = Evidence {
            reported: vec![ReportedStatus {
                value,
                passage: None,
                source: source("status"),
            }],
            ..breast(None, None)
        };
        let decision = decided_by(Edition::AscoCap2018, &evidence);
        assert_eq!(decision.status, Status::Insufficient);
        assert_eq!(decision.next_action, NextAction::ObtainData);
        assert!(!decision.review.is_empty());
    }
}

// The DISH counting tool rightly stops at the group: groups 2 to 4 are no result without IHC of the same tissue.
#[test]
fn groups_2_to_4_are_never_a_final_result_without_ihc() {
    for (ratio, copies, number) in [("2.0", "3.99", 2), ("1.99", "6.0", 3), ("1.99", "4.0", 4)] {
        let decision = decided(None, count(ratio, copies));
        assert_eq!(group(&decision), Some(number));
        assert_eq!(decision.status, Status::Insufficient);
        assert_eq!(decision.next_action, NextAction::ConcurrentIhc);
        assert_eq!(codes(&decision), [ReviewCode::IhcMissing]);
    }
    for (ratio, copies, number, status) in [
        ("2.0", "4.0", 1, Status::Positive),
        ("1.99", "3.99", 5, Status::Negative),
    ] {
        let decision = decided(None, count(ratio, copies));
        assert_eq!((group(&decision), decision.status), (Some(number), status));
    }
}
