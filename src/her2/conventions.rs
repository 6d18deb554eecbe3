//! What a site may choose where the guidelines are silent; each default is argued in `config/default.toml`.

use chrono::NaiveDate;

/// What a site may choose where the guidelines are silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// A negative result of group 2 or 4 with IHC 2+ counts as HER2-low. Consistent with "2+ and ISH negative",
    /// but contested; when off, its category is `none`.
    pub group_2_or_4_with_2_plus_is_low: bool,
    /// IHC 3+ at a percentage that cannot be 3+.
    pub three_plus_at_low_percent: ThreePlusAtLowPercent,
    /// Single-probe ISH with 6.0 or more copies beside IHC 0 or 1+ (ASCO/CAP 2018).
    pub single_probe_high_with_low_ihc: SingleProbeHigh,
    /// HER2 copies alone, where single- or dual-probe is not stated.
    pub unstated_method: UnstatedMethod,
    /// A count that does not state its cells.
    pub unstated_cells: UnstatedCells,
    /// ISH in words alone is believed as it stands when it was reported on this day or later; earlier, or without a
    /// date, it is read as what any edition may have meant. `None` believes every word, with a warning.
    pub ish_words_trusted_from: Option<NaiveDate>,
    /// The ratio that is derived from copies.
    pub derived_ratio: DerivedRatio,
    /// The copy-number sub-rule of the gastric edition.
    pub gastric_copies_rule: bool,
    /// Advice to repeat the test on the excision, and to test a metastasis.
    pub retest_advice: bool,
}

/// What becomes of IHC 3+ at a percentage that cannot be 3+.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreePlusAtLowPercent {
    /// The two contradict each other: no status where they end differently.
    Contradictory,
    /// The score stands, with a review item.
    ScoreStands,
}

/// What becomes of a single-probe count of 6.0 or more copies beside IHC 0 or 1+.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleProbeHigh {
    /// Positive, with a review item.
    Positive,
    /// No status until a dual-probe assay tells whether it is group 3.
    NeedsDualProbe,
}

/// How copies alone are read where the kind of probe is not stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnstatedMethod {
    /// Single and dual are both possible.
    Either,
    /// The laboratory has single-probe assays only.
    Single,
    /// The laboratory has dual-probe assays only.
    Dual,
}

/// How a count that does not state its cells is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnstatedCells {
    /// Accepted, with a warning.
    Accept,
    /// It may have failed: it decides nothing that its failure would not.
    MayHaveFailed,
}

/// How exact a ratio is that is derived from copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivedRatio {
    /// An interval of everything that would be printed as these digits.
    PrintedDigits,
    /// The quotient of the digits as they stand.
    Exact,
}

impl Conventions {
    /// The choices of a site that makes none.
    pub const DEFAULT: Self = Self {
        group_2_or_4_with_2_plus_is_low: true,
        three_plus_at_low_percent: ThreePlusAtLowPercent::Contradictory,
        single_probe_high_with_low_ihc: SingleProbeHigh::Positive,
        unstated_method: UnstatedMethod::Either,
        unstated_cells: UnstatedCells::Accept,
        ish_words_trusted_from: None,
        derived_ratio: DerivedRatio::PrintedDigits,
        gastric_copies_rule: true,
        retest_advice: true,
    };
}

impl Default for Conventions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
