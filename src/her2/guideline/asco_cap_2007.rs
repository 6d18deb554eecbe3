//! ASCO/CAP 2007: the first guideline for invasive breast cancer.
//!
//! A dual-probe assay is read by its ratio alone; mean copies decide only for assays without a control probe. The middle
//! of either includes both of its ends and asks for more cells to be counted.
//!
//! Sources: Wolff et al., J Clin Oncol 2007;25:118, as its result table is printed in J Oncol Pract 2007
//! (PMC2793708, table 2) and set beside later editions in Breast Cancer Res 2023 (s13058-023-01739-9, table 1).

use rust_decimal::Decimal;

use super::answer::{
    Answer, Beside, Ihc, Ish, Recount, Threshold, counts_differ, decided, discordant, open,
};
use super::classes::{Cut, Cuts, Level};
use super::common::Sentences;
use crate::her2::decision::{NextAction, Status};

/// Ratio: 1.8 to 2.2 is the middle; copies: 4 to 6. Both ends belong to it.
pub(super) const CUTS: Cuts = Cuts {
    ratio: Cut::Including(
        Decimal::from_parts(18, 0, 0, false, 1),
        Decimal::from_parts(22, 0, 0, false, 1),
    ),
    copies: Cut::Including(
        Decimal::from_parts(40, 0, 0, false, 1),
        Decimal::from_parts(60, 0, 0, false, 1),
    ),
};

const RESULTS: &str = "ASCO/CAP 2007, result table";
const MORE_CELLS: &str = "ASCO/CAP 2007, equivocal ISH (more cells are counted)";
const REJECTION: &str = "ASCO/CAP 2007, criteria to reject an ISH or IHC result";
const CONVENTION: &str = "convention of this adapter where ASCO/CAP 2007 is silent";

const SENTENCES: Sentences = Sentences {
    zero: "IHC 0 (no staining) is HER2 negative.",
    one_plus: "IHC 1+ (weak incomplete staining in any proportion of cells) is HER2 negative.",
    two_plus: "IHC 2+ is equivocal: ISH follows.",
    three_plus: "IHC 3+ (uniform intense staining in more than 30 % of cells) is HER2 positive.",
    scores: RESULTS,
    rejection: REJECTION,
    convention: CONVENTION,
};

/// The thresholds of this edition.
pub(super) const THRESHOLDS: [Threshold; 5] = [
    Threshold {
        words: "HER2/CEP17 ratio: above 2.2 is positive, from 1.8 to 2.2 is equivocal, below 1.8 is negative, whatever the copies are.",
        source: RESULTS,
    },
    Threshold {
        words: "Mean HER2 copies per cell, for assays without a control probe: above 6.0 is positive, from 4.0 to 6.0 is equivocal, below 4.0 is negative.",
        source: RESULTS,
    },
    Threshold {
        words: "At least 20 cells are counted. That a count of fewer has failed is inferred from it; a count that does not state its cells is accepted by convention, with a warning.",
        source: REJECTION,
    },
    Threshold {
        words: "Staining makes IHC 3+ when uniform and intense in more than 30 % of invasive tumour cells; 2+ is weak or non-uniform complete staining in at least 10 %, or intense complete staining in at most 30 %; 1+ is weak incomplete staining in any proportion; 0 is none.",
        source: RESULTS,
    },
    Threshold {
        words: "Numbers are compared as reported, without rounding: 1.79 is below 1.8, 2.201 is above 2.2.",
        source: CONVENTION,
    },
];

/// The status that follows from both tests.
pub(super) fn answer(ihc: Ihc, ish: Ish) -> Answer {
    let Some(beside) = ihc.below_three_plus() else {
        return SENTENCES.three_plus(ish.is_negative(|count| count.ratio == Level::Low));
    };
    match ish {
        Ish::NotDone => SENTENCES.ihc_alone(ihc),
        Ish::Failed => SENTENCES.ish_failed(ihc),
        Ish::Single(copies) => by_level(beside, copies, &SINGLE),
        Ish::Dual(count, Recount::NotDone) => by_level(beside, count.ratio, &DUAL),
        Ish::Dual(count, Recount::SameClass) | Ish::Adjudicated(count) => {
            counted_again(by_level(beside, count.ratio, &DUAL))
        }
        Ish::Dual(first, Recount::OtherClass(second)) => {
            two_counts(beside, first.ratio, second.ratio)
        }
        Ish::Amplified => SENTENCES.amplified_in_words(beside),
        Ish::NotAmplified => SENTENCES.not_amplified_in_words(),
    }
}

/// The result table's sentences for one kind of assay.
struct Assay {
    high: &'static str,
    high_with_low_ihc: &'static str,
    middle: &'static str,
    low: &'static str,
}

const DUAL: Assay = Assay {
    high: "Dual-probe ISH with a ratio > 2.2 is HER2 positive.",
    high_with_low_ihc: "Dual-probe ISH with a ratio > 2.2 is positive; with IHC 0 or 1+ on the same tissue a person looks.",
    middle: "Dual-probe ISH with a ratio from 1.8 to 2.2 is equivocal: more cells are counted.",
    low: "Dual-probe ISH with a ratio < 1.8 is HER2 negative.",
};

const SINGLE: Assay = Assay {
    high: "ISH without a control probe with more than 6 HER2 copies per cell is HER2 positive.",
    high_with_low_ihc: "ISH without a control probe with more than 6 copies is positive; with IHC 0 or 1+ on the same tissue a person looks.",
    middle: "ISH without a control probe with 4 to 6 HER2 copies per cell is equivocal: more cells are counted.",
    low: "ISH without a control probe with fewer than 4 HER2 copies per cell is HER2 negative.",
};

fn by_level(ihc: Beside, level: Level, assay: &Assay) -> Answer {
    match (level, ihc) {
        (Level::High, Beside::ZeroOrOnePlus) => {
            discordant(Status::Positive, assay.high_with_low_ihc, CONVENTION)
        }
        (Level::High, Beside::Nothing | Beside::TwoPlus) => {
            decided(Status::Positive, assay.high, RESULTS)
        }
        (Level::Middle, _) => open(
            Status::Equivocal,
            NextAction::RecountIsh,
            None,
            assay.middle,
            MORE_CELLS,
        ),
        (Level::Low, _) => decided(Status::Negative, assay.low, RESULTS),
    }
}

/// More cells were counted already: what is still open asks for another test.
fn counted_again(answer: Answer) -> Answer {
    if answer.action == NextAction::RecountIsh {
        open(
            Status::Equivocal,
            NextAction::RepeatTest,
            None,
            "Dual-probe ISH with a ratio from 1.8 to 2.2 stays equivocal after more cells were counted: a new test follows.",
            CONVENTION,
        )
    } else {
        answer
    }
}

/// Two counts that end alike are one; else only the laboratory's own result closes them.
fn two_counts(ihc: Beside, first: Level, second: Level) -> Answer {
    let (by_first, by_second) = (by_level(ihc, first, &DUAL), by_level(ihc, second, &DUAL));
    if by_first.status == by_second.status {
        counted_again(by_first)
    } else {
        counts_differ(
            ihc,
            "Two counts of the tissue end differently: the laboratory adjudicates by its internal procedures.",
            CONVENTION,
        )
    }
}
