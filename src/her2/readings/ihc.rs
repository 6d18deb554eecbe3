//! Readings of immunohistochemistry: scores, words without a score, and the percentages beside them.

use enumset::EnumSet;
use rust_decimal::Decimal;

use super::{IhcReading, Readings};
use crate::her2::asco_cap_2018::STAINED_PERCENT;
use crate::her2::decision::{Review, ReviewCode};
use crate::her2::evidence::{IhcFinding, IhcResult, Score, StatedResult};
use crate::her2::number::Measure;
use crate::her2::reason::score_names;

const HUNDRED_PERCENT: Decimal = Decimal::from_parts(100, 0, 0, false, 0);

/// Takes the immunohistochemistry results of one tissue together.
pub fn ihc_readings(results: &[IhcResult]) -> Readings<IhcReading> {
    let mut contradictions = Vec::new();
    let taken: Vec<Vec<IhcReading>> = results
        .iter()
        .map(|result| take_result(result, &mut contradictions))
        .collect();
    // Statements that contradict each other within one result are not settled by another result.
    let agreed = if contradictions.is_empty() {
        agree_on_scores(&taken)
    } else {
        None
    };
    let mut readings = agreed.unwrap_or_else(|| {
        if let (2.., Some(result)) = (results.len(), results.last()) {
            contradictions.push(Review {
                code: ReviewCode::ResultsDiffer,
                detail: "IHC results of one tissue differ, and none supersedes the other"
                    .to_owned(),
                source: Some(result.source.clone()),
            });
        }
        taken.concat()
    });
    readings.dedup();
    if readings.is_empty() {
        readings.push(IhcReading::NotDone);
    }
    Readings {
        ambiguous: readings.len() > 1 && contradictions.is_empty(),
        readings,
        contradictions,
        warnings: Vec::new(),
    }
}

/// The readings that all results share, or `None` when they share none. A failed result yields to a valid one, and a
/// word to a score that is usually called so.
fn agree_on_scores(taken: &[Vec<IhcReading>]) -> Option<Vec<IhcReading>> {
    let valid: Vec<(&Vec<IhcReading>, EnumSet<Score>)> = taken
        .iter()
        .filter_map(|readings| Some((readings, scores_of(readings)?)))
        .collect();
    match valid.as_slice() {
        [] => Some(taken.first().cloned().unwrap_or_default()),
        [(only, _)] => Some((*only).clone()),
        several => {
            let shared = several
                .iter()
                .fold(EnumSet::all(), |shared, (_, scores)| shared & *scores);
            let words: Option<Vec<&Vec<IhcReading>>> = several
                .iter()
                .map(|(readings, _)| {
                    let is_word = matches!(readings.as_slice(), [IhcReading::OneOf(_)]);
                    is_word.then_some(*readings)
                })
                .collect();
            match (shared.is_empty(), words) {
                (true, _) => None,
                // The same word several times says no more than once.
                (false, Some(words)) => words.first().map(|readings| (*readings).clone()),
                (false, None) => Some(shared.iter().map(IhcReading::Score).collect()),
            }
        }
    }
}

/// Every score that a result agrees with, or `None` where one of its readings is no score. A word agrees with the
/// scores that are usually called so, although it leaves others open.
fn scores_of(readings: &[IhcReading]) -> Option<EnumSet<Score>> {
    readings
        .iter()
        .map(|reading| match reading {
            IhcReading::Score(score) => Some(EnumSet::only(*score)),
            IhcReading::OneOf(scores) if scores.contains(Score::ThreePlus) => {
                Some(EnumSet::only(Score::ThreePlus))
            }
            IhcReading::OneOf(scores) => Some(*scores),
            IhcReading::Failed | IhcReading::NotDone => None,
        })
        .collect()
}

/// The readings of one result; contradictions within it are noted.
fn take_result(result: &IhcResult, contradictions: &mut Vec<Review>) -> Vec<IhcReading> {
    let scores = match result.finding {
        IhcFinding::Score(scores) => scores,
        IhcFinding::Stated(word) => return vec![word_reading(word)],
    };
    let mut readings: Vec<IhcReading> = scores.iter().map(IhcReading::Score).collect();
    let mut found = Vec::new();
    if let Some(word) = result.interpretation
        && !scores.iter().any(|score| usual_word(score) == word)
    {
        found.push(Contradiction {
            code: ReviewCode::StatusContradictsData,
            detail: format!("IHC {} is stated as {}", score_names(scores), word.name()),
            other: Some(word_reading(word)),
        });
    }
    // Percentages are held against a single score only: a range is open already.
    if let (1, Some(score)) = (scores.len(), scores.iter().next()) {
        found.extend(stained_against_score(score, result));
        found.extend(intense_against_score(score, result));
        found.extend(presence_against_score(score, result));
        found.extend(presence_against_percent(score, result));
    }
    for contradiction in found {
        contradictions.push(Review {
            code: contradiction.code,
            detail: contradiction.detail,
            source: Some(result.source.clone()),
        });
        readings.extend(contradiction.other);
    }
    readings
}

/// A statement that cannot be true together with the score.
struct Contradiction {
    code: ReviewCode,
    detail: String,
    /// What the immunohistochemistry is instead if the statement is the true one, where that may change the status.
    other: Option<IhcReading>,
}

/// What a word without a score allows. "Negative" is 0 or 1+; "positive" is open, for 2+ and 1+ are called so;
/// "equivocal" is 2+; "indeterminate" is a failed test.
fn word_reading(word: StatedResult) -> IhcReading {
    match word {
        StatedResult::Negative => IhcReading::OneOf(Score::Zero | Score::OnePlus),
        StatedResult::Positive => {
            IhcReading::OneOf(Score::OnePlus | Score::TwoPlus | Score::ThreePlus)
        }
        StatedResult::Equivocal => IhcReading::Score(Score::TwoPlus),
        StatedResult::Indeterminate => IhcReading::Failed,
    }
}

fn usual_word(score: Score) -> StatedResult {
    match score {
        Score::Zero | Score::OnePlus => StatedResult::Negative,
        Score::TwoPlus => StatedResult::Equivocal,
        Score::ThreePlus => StatedResult::Positive,
    }
}

/// The share of cells with any staining. 2+ in at most 10 % of cells is legitimate (Figure 1: intense complete
/// staining).
fn stained_against_score(score: Score, result: &IhcResult) -> Option<Contradiction> {
    let percent = result.percent.as_ref()?;
    let span = percent.span();
    let impossible = percent.is_negative() || !span.may_be_at_most(HUNDRED_PERCENT);
    let (contradicts, other) = match score {
        _ if impossible => (true, None),
        Score::Zero => (is_above_ten(percent), None),
        Score::OnePlus => (is_at_most_ten(percent), None),
        Score::TwoPlus => (!span.may_be_above(Decimal::ZERO), Some(Score::Zero)),
        Score::ThreePlus => (is_at_most_ten(percent), Some(Score::TwoPlus)),
    };
    contradicts.then(|| Contradiction {
        code: if impossible {
            ReviewCode::ValueImplausible
        } else {
            ReviewCode::PercentContradictsScore
        },
        detail: format!("IHC {} with {percent} % of cells stained", score.name()),
        other: other.map(IhcReading::Score),
    })
}

/// Uniform intense staining in more than 10 % of cells is 3+, in at most 10 % it is 2+ (Figure 1).
fn intense_against_score(score: Score, result: &IhcResult) -> Option<Contradiction> {
    let percent = result.intense_percent.as_ref()?;
    let span = percent.span();
    let impossible = percent.is_negative() || !span.may_be_at_most(HUNDRED_PERCENT);
    let any_stained = !span.may_be_at_most(Decimal::ZERO);
    let (contradicts, other) = match score {
        _ if impossible => (true, None),
        Score::ThreePlus => (
            is_at_most_ten(percent),
            Some(IhcReading::Score(Score::TwoPlus)),
        ),
        Score::TwoPlus => (
            is_above_ten(percent),
            Some(IhcReading::Score(Score::ThreePlus)),
        ),
        Score::Zero | Score::OnePlus if is_above_ten(percent) => {
            (true, Some(IhcReading::Score(Score::ThreePlus)))
        }
        Score::Zero | Score::OnePlus if is_at_most_ten(percent) => {
            (any_stained, Some(IhcReading::Score(Score::TwoPlus)))
        }
        Score::Zero | Score::OnePlus => (
            any_stained,
            Some(IhcReading::OneOf(Score::TwoPlus | Score::ThreePlus)),
        ),
    };
    contradicts.then(|| Contradiction {
        code: if impossible {
            ReviewCode::ValueImplausible
        } else {
            ReviewCode::PercentContradictsScore
        },
        detail: format!(
            "IHC {} with uniform intense staining in {percent} % of cells",
            score.name()
        ),
        other,
    })
}

/// A score above 0 is a score of staining.
fn presence_against_score(score: Score, result: &IhcResult) -> Option<Contradiction> {
    (result.staining_present == Some(false) && score != Score::Zero).then(|| Contradiction {
        code: ReviewCode::PercentContradictsScore,
        detail: format!("IHC {} with no staining stated", score.name()),
        other: Some(IhcReading::Score(Score::Zero)),
    })
}

/// Two statements of the staining beside a score 0: they leave the score as it is, and its kind open.
fn presence_against_percent(score: Score, result: &IhcResult) -> Option<Contradiction> {
    let present = result.staining_present?;
    let percent = result.percent.as_ref()?;
    let agrees = if present {
        percent.span().may_be_above(Decimal::ZERO)
    } else {
        percent.span().may_be_at_most(Decimal::ZERO)
    };
    (score == Score::Zero && !agrees).then(|| Contradiction {
        code: ReviewCode::PercentContradictsScore,
        detail: format!(
            "staining stated as {} with {percent} % of cells stained",
            if present { "present" } else { "absent" }
        ),
        other: None,
    })
}

fn is_at_most_ten(percent: &Measure) -> bool {
    !percent.span().may_be_above(STAINED_PERCENT)
}

fn is_above_ten(percent: &Measure) -> bool {
    !percent.span().may_be_at_most(STAINED_PERCENT)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::evidence::{Origin, Source};

    fn result(score: Score) -> IhcResult {
        IhcResult {
            finding: IhcFinding::Score(EnumSet::only(score)),
            interpretation: None,
            percent: None,
            intense_percent: None,
            staining_present: None,
            origin: Origin::Coded,
            source: Source {
                reference: "Observation/1".to_owned(),
                version: None,
            },
        }
    }

    fn stated(word: StatedResult) -> IhcResult {
        IhcResult {
            finding: IhcFinding::Stated(word),
            ..result(Score::Zero)
        }
    }

    fn percent(text: &str) -> Option<Measure> {
        Some(Measure::parse(text).unwrap())
    }

    fn codes(readings: &Readings<IhcReading>) -> Vec<ReviewCode> {
        (readings.contradictions.iter())
            .map(|review| review.code)
            .collect()
    }

    #[test]
    fn exactly_10_percent_is_not_more_than_10_percent() {
        let contradicts = |score, stained: &str| {
            let readings = ihc_readings(&[IhcResult {
                percent: percent(stained),
                ..result(score)
            }]);
            !readings.contradictions.is_empty()
        };
        for at_most_ten in ["10", "10.0", "<=10", "0-10"] {
            assert!(!contradicts(Score::Zero, at_most_ten), "{at_most_ten}");
            assert!(contradicts(Score::OnePlus, at_most_ten), "{at_most_ten}");
            assert!(!contradicts(Score::TwoPlus, at_most_ten), "{at_most_ten}");
            assert!(contradicts(Score::ThreePlus, at_most_ten), "{at_most_ten}");
        }
        for above_ten in ["10.1", ">10", "11-20"] {
            assert!(contradicts(Score::Zero, above_ten), "{above_ten}");
            assert!(!contradicts(Score::OnePlus, above_ten), "{above_ten}");
            assert!(!contradicts(Score::ThreePlus, above_ten), "{above_ten}");
        }
        // It may lie on either side: nothing is contradicted.
        assert!(!contradicts(Score::Zero, ">=10"));
        assert!(!contradicts(Score::ThreePlus, "5-20"));
    }

    #[test]
    fn a_percentage_that_cannot_be_contradicts_every_score() {
        for impossible in ["-1", "100.1", ">100"] {
            for score in EnumSet::<Score>::all() {
                let readings = ihc_readings(&[IhcResult {
                    percent: percent(impossible),
                    ..result(score)
                }]);
                assert_eq!(codes(&readings), [ReviewCode::ValueImplausible]);
                assert_eq!(readings.readings, [IhcReading::Score(score)]);
            }
        }
    }

    #[test]
    fn intense_staining_in_more_than_10_percent_may_be_3_plus() {
        let intense = |score, share: &str| {
            ihc_readings(&[IhcResult {
                intense_percent: percent(share),
                ..result(score)
            }])
            .readings
        };
        let (two, three) = (
            IhcReading::Score(Score::TwoPlus),
            IhcReading::Score(Score::ThreePlus),
        );
        assert_eq!(intense(Score::TwoPlus, "10"), [two]);
        assert_eq!(intense(Score::TwoPlus, "10.1"), [two, three]);
        assert_eq!(intense(Score::ThreePlus, "10"), [three, two]);
        assert_eq!(intense(Score::ThreePlus, "10.1"), [three]);
    }

    #[test]
    fn a_score_above_0_without_staining_may_be_0() {
        let readings = ihc_readings(&[IhcResult {
            staining_present: Some(false),
            ..result(Score::TwoPlus)
        }]);
        assert_eq!(codes(&readings), [ReviewCode::PercentContradictsScore]);
        assert_eq!(
            readings.readings,
            [
                IhcReading::Score(Score::TwoPlus),
                IhcReading::Score(Score::Zero)
            ]
        );
    }

    #[test]
    fn a_failed_result_yields_to_a_valid_one_and_a_word_to_a_score_it_allows() {
        let failed = stated(StatedResult::Indeterminate);
        let negative = stated(StatedResult::Negative);
        let both = ihc_readings(&[failed.clone(), negative.clone(), result(Score::OnePlus)]);
        assert_eq!(both.readings, [IhcReading::Score(Score::OnePlus)]);
        assert!(both.contradictions.is_empty());
        assert_eq!(ihc_readings(&[failed]).readings, [IhcReading::Failed]);

        let differ = ihc_readings(&[negative, result(Score::ThreePlus)]);
        assert_eq!(codes(&differ), [ReviewCode::ResultsDiffer]);
        assert_eq!(differ.readings.len(), 2);
    }

    #[test]
    fn a_range_of_scores_is_ambiguous_and_no_result_is_not_done() {
        let range = IhcResult {
            finding: IhcFinding::Score(Score::OnePlus | Score::TwoPlus),
            ..result(Score::Zero)
        };
        assert!(ihc_readings(&[range]).ambiguous);
        assert_eq!(ihc_readings(&[]).readings, [IhcReading::NotDone]);
    }
}
