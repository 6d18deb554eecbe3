//! Immunohistochemistry: which score an edition gives to a staining, and which scores a stained share allows.
//!
//! Sources: ASCO/CAP 2018, Figure 1, and the definitions of 2007 and 2013 beside it in Breast Cancer Res 2023
//! (s13058-023-01739-9, table 1); gastric biopsy and resection in World J Gastroenterol 2014;20:4526, table 1.

use enumset::EnumSet;
use rust_decimal::Decimal;

use super::Edition;
use crate::her2::evidence::{Sample, Score};
use crate::her2::number::Span;

/// How strong membrane staining is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intensity {
    /// There is none.
    Absent,
    /// Faint or barely perceptible.
    Faint,
    /// Weak to moderate.
    WeakToModerate,
    /// Intense, or strong.
    Intense,
}

/// How much of the membrane is stained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membrane {
    /// A part of it.
    Partial,
    /// Basolateral or lateral only.
    Basolateral,
    /// All of it.
    Complete,
}

/// A staining as a pathologist describes it.
#[derive(Clone, Copy, Debug)]
pub struct Staining {
    /// How strong.
    pub intensity: Intensity,
    /// How much of the membrane.
    pub membrane: Membrane,
    /// In which share of tumour cells, in percent.
    pub percent: Span,
    /// Whether at least 5 stained cells lie in a cluster; gastric biopsies are scored by it.
    pub in_cluster: Option<bool>,
    /// How the tissue was taken; gastric scores depend on it.
    pub sample: Option<Sample>,
}

/// The scores that an edition gives to a staining, one for each score its possible values reach. Empty where the edition
/// does not define the staining.
pub fn scores(edition: Edition, staining: &Staining) -> EnumSet<Score> {
    if staining.intensity == Intensity::Absent || !staining.percent.may_be_above(NONE) {
        return EnumSet::only(Score::Zero);
    }
    match edition {
        Edition::AscoCap2018 => asco_cap_2018(staining),
        Edition::AscoCap2013 => asco_cap_2013(staining),
        Edition::AscoCap2007 => asco_cap_2007(staining),
        Edition::Gastric2016 => gastric_2016(staining),
    }
}

const NONE: Decimal = Decimal::ZERO;
const TEN: Decimal = Decimal::from_parts(10, 0, 0, false, 0);
const THIRTY: Decimal = Decimal::from_parts(30, 0, 0, false, 0);

/// Figure 1. A pattern that it does not cover "should be considered" 2+.
fn asco_cap_2018(staining: &Staining) -> EnumSet<Score> {
    match (staining.intensity, staining.membrane) {
        (Intensity::Faint, Membrane::Partial | Membrane::Basolateral) => {
            above(staining.percent, TEN, Score::Zero, Score::OnePlus)
        }
        (Intensity::Intense, Membrane::Complete) => {
            above(staining.percent, TEN, Score::TwoPlus, Score::ThreePlus)
        }
        _ => EnumSet::only(Score::TwoPlus),
    }
}

/// 2+ is staining that is incomplete or weak to moderate in more than 10 %, or intense and complete in at most 10 %.
fn asco_cap_2013(staining: &Staining) -> EnumSet<Score> {
    match (staining.intensity, staining.membrane) {
        (Intensity::Faint, Membrane::Partial | Membrane::Basolateral) => {
            above(staining.percent, TEN, Score::Zero, Score::OnePlus)
        }
        (Intensity::Intense, Membrane::Complete) => {
            above(staining.percent, TEN, Score::TwoPlus, Score::ThreePlus)
        }
        (Intensity::WeakToModerate, _)
        | (Intensity::Intense, Membrane::Partial | Membrane::Basolateral)
            if !staining.percent.may_be_at_most(TEN) =>
        {
            EnumSet::only(Score::TwoPlus)
        }
        _ => EnumSet::empty(),
    }
}

/// 1+ is weak and incomplete in any proportion; 3+ needs more than 30 %.
fn asco_cap_2007(staining: &Staining) -> EnumSet<Score> {
    match (staining.intensity, staining.membrane) {
        (
            Intensity::Faint | Intensity::WeakToModerate,
            Membrane::Partial | Membrane::Basolateral,
        ) => EnumSet::only(Score::OnePlus),
        (Intensity::Faint | Intensity::WeakToModerate, Membrane::Complete)
            if !staining.percent.may_be_below(TEN) =>
        {
            EnumSet::only(Score::TwoPlus)
        }
        (Intensity::Intense, Membrane::Complete) => {
            above(staining.percent, THIRTY, Score::TwoPlus, Score::ThreePlus)
        }
        _ => EnumSet::empty(),
    }
}

/// A resection is scored from 10 % on, a biopsy in a cluster of 5 cells; anything less is 0.
fn gastric_2016(staining: &Staining) -> EnumSet<Score> {
    let in_resection = staining.percent.may_be_at_least(TEN);
    let less_than_resection = staining.percent.may_be_below(TEN);
    let (is_scored, is_less) = match staining.sample {
        Some(Sample::Resection) => (in_resection, less_than_resection),
        Some(Sample::Biopsy | Sample::Cytology) => (
            staining.in_cluster != Some(false),
            staining.in_cluster != Some(true),
        ),
        None => (
            in_resection || staining.in_cluster != Some(false),
            less_than_resection || staining.in_cluster != Some(true),
        ),
    };
    let score = match (staining.intensity, staining.membrane) {
        (Intensity::Faint, Membrane::Partial) => Some(Score::OnePlus),
        (Intensity::WeakToModerate, Membrane::Complete | Membrane::Basolateral) => {
            Some(Score::TwoPlus)
        }
        (Intensity::Intense, Membrane::Complete | Membrane::Basolateral) => Some(Score::ThreePlus),
        _ => None,
    };
    let mut scores = EnumSet::empty();
    if is_less {
        scores |= Score::Zero;
    }
    match score {
        Some(score) if is_scored => scores | score,
        None if is_scored => EnumSet::empty(),
        _ => scores,
    }
}

/// One score up to a limit and another above it.
fn above(percent: Span, limit: Decimal, up_to: Score, beyond: Score) -> EnumSet<Score> {
    let mut scores = EnumSet::empty();
    if percent.may_be_at_most(limit) {
        scores |= up_to;
    }
    if percent.may_be_above(limit) {
        scores |= beyond;
    }
    scores
}

/// The scores of tissue in which this share of cells has any membrane staining. The staining that makes the score may be
/// in fewer cells than all that are stained, never in more.
pub fn scores_of_stained_share(
    edition: Edition,
    percent: Span,
    sample: Option<Sample>,
) -> EnumSet<Score> {
    let reaches = |limit: Limit| match limit {
        Limit::Above(limit) => percent.may_be_above(limit),
        Limit::From(limit) => percent.may_be_at_least(limit),
    };
    let limits = Limits::of(edition, sample);
    let mut scores = EnumSet::empty();
    let stays_at_zero = match limits.one_plus {
        _ if limits.zero_at_any_share => true,
        Limit::Above(limit) => percent.may_be_at_most(limit),
        Limit::From(limit) => percent.may_be_below(limit),
    };
    for (is_possible, score) in [
        (stays_at_zero, Score::Zero),
        (reaches(limits.one_plus), Score::OnePlus),
        (reaches(limits.two_plus), Score::TwoPlus),
        (reaches(limits.three_plus), Score::ThreePlus),
    ] {
        if is_possible {
            scores |= score;
        }
    }
    scores
}

/// The scores of tissue in which this share of cells has uniform intense staining of the whole membrane.
pub fn scores_of_intense_share(
    edition: Edition,
    percent: Span,
    sample: Option<Sample>,
) -> EnumSet<Score> {
    let mut scores = EnumSet::empty();
    if percent.may_be_at_most(NONE) {
        scores |= Score::Zero | Score::OnePlus | Score::TwoPlus;
    }
    if percent.may_be_above(NONE) {
        scores |= self::scores(
            edition,
            &Staining {
                intensity: Intensity::Intense,
                membrane: Membrane::Complete,
                percent,
                in_cluster: None,
                sample,
            },
        );
        // Where little intense staining is 0, weaker staining around it may score higher.
        if edition == Edition::Gastric2016 && scores.contains(Score::Zero) {
            scores |= Score::OnePlus | Score::TwoPlus;
        }
    }
    scores
}

/// The least share of stained cells that a score needs.
#[derive(Clone, Copy)]
enum Limit {
    /// More than this.
    Above(Decimal),
    /// This or more.
    From(Decimal),
}

/// The least stained shares of an edition.
struct Limits {
    one_plus: Limit,
    two_plus: Limit,
    three_plus: Limit,
    /// Score 0 says nothing of the share: cells that lie apart are 0 however many they are.
    zero_at_any_share: bool,
}

impl Limits {
    fn of(edition: Edition, sample: Option<Sample>) -> Self {
        let (one_plus, two_plus, three_plus) = match (edition, sample) {
            (Edition::AscoCap2018 | Edition::AscoCap2013, _) => {
                (Limit::Above(TEN), Limit::Above(NONE), Limit::Above(TEN))
            }
            (Edition::AscoCap2007, _) => {
                (Limit::Above(NONE), Limit::Above(NONE), Limit::Above(THIRTY))
            }
            (Edition::Gastric2016, Some(Sample::Resection)) => {
                (Limit::From(TEN), Limit::From(TEN), Limit::From(TEN))
            }
            // Where nobody says what it is, it may be a biopsy.
            (Edition::Gastric2016, Some(Sample::Biopsy | Sample::Cytology) | None) => {
                (Limit::Above(NONE), Limit::Above(NONE), Limit::Above(NONE))
            }
        };
        Self {
            one_plus,
            two_plus,
            three_plus,
            zero_at_any_share: edition == Edition::Gastric2016 && sample != Some(Sample::Resection),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::number::Measure;

    use Score::{OnePlus, ThreePlus, TwoPlus, Zero};

    fn span(percent: &str) -> Span {
        Measure::parse(percent).unwrap().span()
    }

    fn stained(intensity: Intensity, membrane: Membrane, percent: &str) -> Staining {
        Staining {
            intensity,
            membrane,
            percent: span(percent),
            in_cluster: None,
            sample: None,
        }
    }

    #[test]
    fn staining_of_no_cell_is_0_in_every_edition_and_so_is_none_at_all() {
        for edition in Edition::ALL {
            let of_no_cell = stained(Intensity::Faint, Membrane::Partial, "0");
            assert_eq!(scores(edition, &of_no_cell), Zero);
            let absent = stained(Intensity::Absent, Membrane::Partial, "50");
            assert_eq!(scores(edition, &absent), Zero);
        }
    }

    #[test]
    fn what_an_older_edition_does_not_define_has_no_score() {
        let weak = |edition, percent| {
            let staining = stained(Intensity::WeakToModerate, Membrane::Complete, percent);
            scores(edition, &staining)
        };
        assert_eq!(weak(Edition::AscoCap2013, "10.1"), TwoPlus);
        assert!(weak(Edition::AscoCap2013, "10").is_empty());
        assert!(weak(Edition::AscoCap2013, "5-20").is_empty());
        assert_eq!(weak(Edition::AscoCap2007, "10"), TwoPlus);
        assert!(weak(Edition::AscoCap2007, "9.9").is_empty());
        assert!(weak(Edition::AscoCap2007, "5-20").is_empty());
    }

    #[test]
    fn gastric_tissue_of_which_kind_is_not_known_is_scored_as_either() {
        let of = |percent, in_cluster| {
            let staining = Staining {
                in_cluster,
                ..stained(Intensity::Intense, Membrane::Basolateral, percent)
            };
            scores(Edition::Gastric2016, &staining)
        };
        assert_eq!(of("10", Some(true)), ThreePlus);
        assert_eq!(of("9.9", Some(false)), Zero);
        // A biopsy by its cluster, a resection by its share.
        assert_eq!(of("9.9", Some(true)), Zero | ThreePlus);
        assert_eq!(of("10", Some(false)), Zero | ThreePlus);
        assert_eq!(of("10", None), Zero | ThreePlus);
    }

    #[test]
    fn gastric_staining_without_a_definition_is_0_only_where_it_is_too_little() {
        let of = |percent| {
            let staining = Staining {
                sample: Some(Sample::Resection),
                ..stained(Intensity::Faint, Membrane::Complete, percent)
            };
            scores(Edition::Gastric2016, &staining)
        };
        assert_eq!(of("9.9"), Zero);
        assert!(of("10").is_empty());
        assert!(of("5-20").is_empty());
    }

    #[test]
    fn cells_that_lie_apart_in_a_gastric_biopsy_are_0_however_many_they_are() {
        let of = |sample| scores_of_stained_share(Edition::Gastric2016, span("50"), sample);
        for sample in [Some(Sample::Biopsy), Some(Sample::Cytology), None] {
            assert!(of(sample).contains(Zero));
        }
        assert_eq!(of(Some(Sample::Resection)), OnePlus | TwoPlus | ThreePlus);
    }

    #[test]
    fn intense_staining_of_no_cell_leaves_every_score_but_3_plus() {
        for edition in Edition::ALL {
            let none = scores_of_intense_share(edition, span("0"), None);
            assert_eq!(none, Zero | OnePlus | TwoPlus);
        }
    }

    #[test]
    fn little_intense_staining_of_a_gastric_resection_leaves_weaker_staining_around_it() {
        let of = |percent| {
            let resection = Some(Sample::Resection);
            scores_of_intense_share(Edition::Gastric2016, span(percent), resection)
        };
        assert_eq!(of("9.9"), Zero | OnePlus | TwoPlus);
        assert_eq!(of("10"), ThreePlus);
        let breast = scores_of_intense_share(Edition::AscoCap2018, span("5"), None);
        assert_eq!(breast, TwoPlus);
    }
}
