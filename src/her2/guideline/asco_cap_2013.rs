//! ASCO/CAP 2013: the guideline before 2018 for invasive breast cancer.
//!
//! A ratio of 2.0 is positive whatever the copies are, and so are 6.0 copies whatever the ratio is; what 2018 splits into
//! groups 1, 2 and 3 is one positive here, its group 4 is equivocal.
//!
//! Sources: Wolff et al., J Clin Oncol 2013;31:3997, as set side by side in Breast Cancer Res 2023 (s13058-023-01739-9,
//! table 1), Mod Pathol 2016;175, table 2, and the medicalalgorithms.com pages on dual-probe assays and reflex tests.

use rust_decimal::Decimal;

use super::answer::{
    Answer, Beside, Ihc, Ish, Recount, Threshold, counts_differ, decided, discordant, open,
};
use super::classes::{Cut, Cuts, Level};
use super::common::{RatioFirst, Sentences};
use crate::her2::decision::{NextAction, Status};

/// The same thresholds as in 2018: 2.0 for the ratio, 4.0 and 6.0 for the copies.
pub(super) const CUTS: Cuts = Cuts {
    ratio: Cut::At(Decimal::from_parts(20, 0, 0, false, 1)),
    copies: Cut::From(
        Decimal::from_parts(40, 0, 0, false, 1),
        Decimal::from_parts(60, 0, 0, false, 1),
    ),
};

const IHC: &str = "ASCO/CAP 2013, IHC";
const DUAL: &str = "ASCO/CAP 2013, dual-probe ISH";
const SINGLE: &str = "ASCO/CAP 2013, single-probe ISH";
const REFLEX: &str = "ASCO/CAP 2013, tests that follow an equivocal result";
const REJECTION: &str = "ASCO/CAP 2013, criteria to reject an ISH or IHC result";
const CONVENTION: &str = "convention of this adapter where ASCO/CAP 2013 is silent";

const SENTENCES: Sentences = Sentences {
    zero: "IHC 0 (no staining, or faint incomplete staining in at most 10 % of cells) is HER2 negative.",
    one_plus: "IHC 1+ (faint incomplete staining in more than 10 % of cells) is HER2 negative.",
    two_plus: "IHC 2+ is equivocal: ISH on the same specimen, or a new test on a new specimen, must follow.",
    three_plus: "IHC 3+ (complete, intense, circumferential staining in more than 10 % of cells) is HER2 positive.",
    scores: IHC,
    rejection: REJECTION,
    convention: CONVENTION,
};

/// The thresholds of this edition.
pub(super) const THRESHOLDS: [Threshold; 6] = [
    Threshold {
        words: "HER2/CEP17 ratio: 2.0 and above is positive, whatever the copies are.",
        source: DUAL,
    },
    Threshold {
        words: "Mean HER2 copies per cell, dual-probe with a ratio below 2.0: 6.0 and above is positive, from 4.0 to below 6.0 is equivocal, below 4.0 is negative.",
        source: DUAL,
    },
    Threshold {
        words: "Mean HER2 copies per cell, single-probe: 6.0 and above is positive, from 4.0 to below 6.0 is equivocal, below 4.0 is negative.",
        source: SINGLE,
    },
    Threshold {
        words: "At least 20 cells are counted. That a count of fewer has failed is inferred from it; a count that does not state its cells is accepted by convention, with a warning.",
        source: REJECTION,
    },
    Threshold {
        words: "Staining makes IHC 1+ and 3+ in more than 10 % of invasive tumour cells; 2+ is weak to moderate staining, complete or not, in more than 10 %, or intense complete staining in at most 10 %; 0 is faint incomplete staining in at most 10 %, or none.",
        source: IHC,
    },
    Threshold {
        words: "Numbers are compared as reported, without rounding: 1.99 is below 2.0, 3.95 is below 4.0.",
        source: CONVENTION,
    },
];

/// The status that follows from both tests.
pub(super) fn answer(ihc: Ihc, ish: Ish) -> Answer {
    let Some(beside) = ihc.below_three_plus() else {
        return SENTENCES
            .three_plus(ish.is_negative(|count| RatioFirst::of(count) == RatioFirst::BothLow));
    };
    match ish {
        Ish::NotDone => SENTENCES.ihc_alone(ihc),
        Ish::Failed => SENTENCES.ish_failed(ihc),
        Ish::Single(copies) => single_probe(beside, copies),
        Ish::Dual(count, Recount::NotDone | Recount::SameClass) | Ish::Adjudicated(count) => {
            dual_probe(beside, RatioFirst::of(count))
        }
        Ish::Dual(first, Recount::OtherClass(second)) => {
            two_counts(beside, RatioFirst::of(first), RatioFirst::of(second))
        }
        Ish::Amplified => SENTENCES.amplified_in_words(beside),
        Ish::NotAmplified => SENTENCES.not_amplified_in_words(),
    }
}

fn dual_probe(ihc: Beside, class: RatioFirst) -> Answer {
    match (class, ihc) {
        (RatioFirst::HighRatio | RatioFirst::HighCopies, Beside::ZeroOrOnePlus) => discordant(
            Status::Positive,
            "Dual-probe ISH with a ratio >= 2.0, or with 6.0 or more copies, is positive; with IHC 0 or 1+ on the same tissue a person looks.",
            CONVENTION,
        ),
        (RatioFirst::HighRatio, Beside::Nothing | Beside::TwoPlus) => decided(
            Status::Positive,
            "Dual-probe ISH with a ratio >= 2.0 is HER2 positive, whatever the copy number is.",
            DUAL,
        ),
        (RatioFirst::HighCopies, Beside::Nothing | Beside::TwoPlus) => decided(
            Status::Positive,
            "Dual-probe ISH with a ratio < 2.0 and 6.0 or more HER2 copies per cell is HER2 positive.",
            DUAL,
        ),
        (RatioFirst::MiddleCopies, Beside::Nothing) => open(
            Status::Equivocal,
            NextAction::ConcurrentIhc,
            None,
            "Dual-probe ISH with a ratio < 2.0 and 4.0 to below 6.0 copies is equivocal: IHC on the same specimen, another chromosome 17 probe or a new specimen follows.",
            REFLEX,
        ),
        (RatioFirst::MiddleCopies, Beside::TwoPlus) => open(
            Status::Equivocal,
            NextAction::RepeatTest,
            None,
            "IHC 2+ and dual-probe ISH with a ratio < 2.0 and 4.0 to below 6.0 copies are both equivocal: another chromosome 17 probe or a new specimen follows.",
            REFLEX,
        ),
        (RatioFirst::MiddleCopies, Beside::ZeroOrOnePlus) => decided(
            Status::Negative,
            "Equivocal dual-probe ISH with IHC 0 or 1+ on the same tissue is HER2 negative.",
            CONVENTION,
        ),
        (RatioFirst::BothLow, _) => decided(
            Status::Negative,
            "Dual-probe ISH with a ratio < 2.0 and fewer than 4.0 HER2 copies per cell is HER2 negative.",
            DUAL,
        ),
    }
}

/// Two counts that end alike are one; else only the laboratory's own result closes them.
fn two_counts(ihc: Beside, first: RatioFirst, second: RatioFirst) -> Answer {
    let (by_first, by_second) = (dual_probe(ihc, first), dual_probe(ihc, second));
    if by_first.status == by_second.status {
        by_first
    } else {
        counts_differ(
            ihc,
            "Two counts of the tissue end differently: the laboratory adjudicates by its internal procedures.",
            CONVENTION,
        )
    }
}

fn single_probe(ihc: Beside, copies: Level) -> Answer {
    match (copies, ihc) {
        (Level::High, Beside::ZeroOrOnePlus) => discordant(
            Status::Positive,
            "Single-probe ISH with 6.0 or more copies is positive; with IHC 0 or 1+ on the same tissue a person looks.",
            CONVENTION,
        ),
        (Level::High, Beside::Nothing | Beside::TwoPlus) => decided(
            Status::Positive,
            "Single-probe ISH with 6.0 or more HER2 copies per cell is HER2 positive.",
            SINGLE,
        ),
        (Level::Middle, Beside::Nothing) => open(
            Status::Equivocal,
            NextAction::ConcurrentIhc,
            None,
            "Single-probe ISH with 4.0 to below 6.0 copies is equivocal: IHC on the same specimen or dual-probe ISH follows.",
            REFLEX,
        ),
        (Level::Middle, Beside::TwoPlus) => open(
            Status::Equivocal,
            NextAction::DualProbeIsh,
            None,
            "IHC 2+ and single-probe ISH with 4.0 to below 6.0 copies are both equivocal: dual-probe ISH follows.",
            REFLEX,
        ),
        (Level::Middle, Beside::ZeroOrOnePlus) => decided(
            Status::Negative,
            "Equivocal single-probe ISH with IHC 0 or 1+ on the same tissue is HER2 negative.",
            CONVENTION,
        ),
        (Level::Low, _) => decided(
            Status::Negative,
            "Single-probe ISH with fewer than 4.0 HER2 copies per cell is HER2 negative.",
            SINGLE,
        ),
    }
}
