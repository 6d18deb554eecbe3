//! CAP/ASCP/ASCO 2016: HER2 in adenocarcinoma of the stomach, the gastro-oesophageal junction and the oesophagus.
//!
//! IHC comes first: 0 and 1+ end the algorithm, and ISH decides a 2+ only. There is no HER2-low.
//!
//! Sources: Bartley et al., J Clin Oncol 2017;35:446, as summarised at medicalalgorithms.com; the scores of biopsy and
//! resection as printed in World J Gastroenterol 2014;20:4526, table 1. The sub-rule for copies with a ratio below 2.0
//! could not be verified in the guideline's text: its rows say so, and a site may turn it off.

use rust_decimal::Decimal;

use super::answer::{
    Answer, Beside, Ihc, Ish, Recount, Threshold, counts_differ, decided, discordant, needs_ihc,
    open,
};
use super::classes::{Cut, Cuts, Level};
use super::common::{RatioFirst, Sentences};
use crate::her2::conventions::Conventions;
use crate::her2::decision::{NextAction, Status};

/// Ratio: 2.0 and above is high. Copies: 4 to 6 is the middle, both ends included.
pub(super) const CUTS: Cuts = Cuts {
    ratio: Cut::At(Decimal::from_parts(20, 0, 0, false, 1)),
    copies: Cut::Including(
        Decimal::from_parts(40, 0, 0, false, 1),
        Decimal::from_parts(60, 0, 0, false, 1),
    ),
};

const IHC: &str = "CAP/ASCP/ASCO 2016, IHC";
const ISH: &str = "CAP/ASCP/ASCO 2016, ISH";
const COPIES: &str =
    "CAP/ASCP/ASCO 2016, ISH with polysomy (advisory: not verified in the guideline's text)";
const REJECTION: &str = "CAP/ASCP/ASCO 2016, criteria to reject a result";
const CONVENTION: &str = "convention of this adapter where CAP/ASCP/ASCO 2016 is silent";

const SENTENCES: Sentences = Sentences {
    zero: "IHC 0 (no staining, or less than a cluster of 5 cells in a biopsy or 10 % of cells in a resection) is HER2 negative.",
    one_plus: "IHC 1+ (faint partial staining of a cluster of 5 cells in a biopsy, or of 10 % of cells in a resection) is HER2 negative.",
    two_plus: "IHC 2+ is equivocal: ISH on the same specimen follows.",
    three_plus: "IHC 3+ (strong staining of a cluster of 5 cells in a biopsy, or of 10 % of cells in a resection) is HER2 positive.",
    scores: IHC,
    rejection: REJECTION,
    convention: CONVENTION,
};

/// The thresholds of this edition.
pub(super) const THRESHOLDS: [Threshold; 6] = [
    Threshold {
        words: "HER2/CEP17 ratio with IHC 2+: 2.0 and above is positive, below 2.0 is negative unless the copies say otherwise.",
        source: ISH,
    },
    Threshold {
        words: "Mean HER2 copies per cell with IHC 2+ and a ratio below 2.0: above 6.0 is positive, from 4.0 to 6.0 asks for more cells, below 4.0 is negative. A site may turn this rule off.",
        source: COPIES,
    },
    Threshold {
        words: "At least 20 cells are counted. That a count of fewer has failed is inferred from it; a count that does not state its cells is accepted by convention, with a warning.",
        source: REJECTION,
    },
    Threshold {
        words: "Staining of a biopsy is scored in a cluster of at least 5 cells, whatever its percentage is; fewer are 0.",
        source: IHC,
    },
    Threshold {
        words: "Staining of a resection is scored in at least 10 % of tumour cells, 10 % included; less is 0. Basolateral and lateral staining count.",
        source: IHC,
    },
    Threshold {
        words: "Numbers are compared as reported, without rounding: 1.99 is below 2.0.",
        source: CONVENTION,
    },
];

/// The status that follows from both tests.
pub(super) fn answer(ihc: Ihc, ish: Ish, conventions: &Conventions) -> Answer {
    let Some(beside) = ihc.below_three_plus() else {
        return SENTENCES.three_plus(ish.is_negative(|count| {
            dual_probe(RatioFirst::of(count), conventions).status == Status::Negative
        }));
    };
    let with_two_plus = match ish {
        Ish::NotDone => return SENTENCES.ihc_alone(ihc),
        Ish::Failed => return SENTENCES.ish_failed(ihc),
        Ish::Single(_) => open(
            Status::Equivocal,
            NextAction::DualProbeIsh,
            None,
            "IHC 2+ with single-probe ISH stays equivocal: dual-probe ISH follows.",
            CONVENTION,
        ),
        Ish::Dual(count, Recount::NotDone) => dual_probe(RatioFirst::of(count), conventions),
        Ish::Dual(count, Recount::SameClass) | Ish::Adjudicated(count) => {
            counted_again(dual_probe(RatioFirst::of(count), conventions))
        }
        Ish::Dual(first, Recount::OtherClass(second)) => {
            two_counts(RatioFirst::of(first), RatioFirst::of(second), conventions)
        }
        Ish::Amplified => SENTENCES.amplified_in_words(beside),
        Ish::NotAmplified => SENTENCES.not_amplified_in_words(),
    };
    let is_amplified_count =
        |count| dual_probe(RatioFirst::of(count), conventions).status == Status::Positive;
    let is_amplified = match ish {
        Ish::Dual(first, Recount::OtherClass(second)) => {
            is_amplified_count(first) || is_amplified_count(second)
        }
        Ish::Single(copies) => copies == Level::High,
        _ => with_two_plus.status == Status::Positive,
    };
    match beside {
        Beside::Nothing => needs_ihc(
            "ISH is read with IHC of the same tissue, which comes first.",
            IHC,
        ),
        Beside::TwoPlus => with_two_plus,
        Beside::ZeroOrOnePlus if is_amplified => discordant(
            Status::Negative,
            "IHC 0 or 1+ is HER2 negative; an amplified ISH beside it is looked at by a person.",
            CONVENTION,
        ),
        Beside::ZeroOrOnePlus => SENTENCES.ihc_alone(ihc),
    }
}

/// ISH beside a 2+.
fn dual_probe(class: RatioFirst, conventions: &Conventions) -> Answer {
    match class {
        RatioFirst::HighRatio => decided(
            Status::Positive,
            "IHC 2+ with a dual-probe ratio >= 2.0 is HER2 positive.",
            ISH,
        ),
        RatioFirst::BothLow => decided(
            Status::Negative,
            "IHC 2+ with a dual-probe ratio < 2.0 and fewer than 4.0 copies per cell is HER2 negative.",
            ISH,
        ),
        RatioFirst::HighCopies | RatioFirst::MiddleCopies if !conventions.gastric_copies_rule => {
            decided(
                Status::Negative,
                "IHC 2+ with a dual-probe ratio < 2.0 is HER2 negative; by the site's choice copies decide nothing.",
                ISH,
            )
        }
        RatioFirst::HighCopies => decided(
            Status::Positive,
            "IHC 2+ with a dual-probe ratio < 2.0 and more than 6.0 copies per cell is HER2 positive.",
            COPIES,
        ),
        RatioFirst::MiddleCopies => open(
            Status::Equivocal,
            NextAction::RecountIsh,
            None,
            "IHC 2+ with a dual-probe ratio < 2.0 and 4.0 to 6.0 copies per cell: 20 more cells are counted, or another area or method is tried.",
            COPIES,
        ),
    }
}

/// More cells were counted already: what is still open asks for another test.
fn counted_again(answer: Answer) -> Answer {
    if answer.action == NextAction::RecountIsh {
        open(
            Status::Equivocal,
            NextAction::RepeatTest,
            None,
            "IHC 2+ with a dual-probe ratio < 2.0 stays open after more cells were counted: another area or method is tried.",
            CONVENTION,
        )
    } else {
        answer
    }
}

/// Two counts that end alike are one; else only the laboratory's own result closes them.
fn two_counts(first: RatioFirst, second: RatioFirst, conventions: &Conventions) -> Answer {
    let (by_first, by_second) = (
        dual_probe(first, conventions),
        dual_probe(second, conventions),
    );
    if by_first.status == by_second.status {
        counted_again(by_first)
    } else {
        counts_differ(
            Beside::TwoPlus,
            "Two counts of the tissue end differently: the laboratory adjudicates by its internal procedures.",
            CONVENTION,
        )
    }
}
