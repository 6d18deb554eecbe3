//! Readings of immunohistochemistry: scores, words without a score, and the percentages beside them.

use enumset::EnumSet;
use rust_decimal::Decimal;
use smallvec::{SmallVec, smallvec};

use super::{IhcReading, ReadBy, Readings};
use crate::her2::conventions::ThreePlusAtLowPercent;
use crate::her2::decision::{Review, ReviewCode};
use crate::her2::evidence::{IhcFinding, IhcResult, Sample, Score, StatedResult};
use crate::her2::guideline::Edition;
use crate::her2::guideline::staining::{scores_of_intense_share, scores_of_stained_share};
use crate::her2::number::Measure;
use crate::her2::reason::score_names;

const HUNDRED_PERCENT: Decimal = Decimal::from_parts(100, 0, 0, false, 0);

/// Takes the immunohistochemistry results of one tissue together.
pub fn ihc_readings(results: &[IhcResult], by: ReadBy<'_>) -> Readings<IhcReading> {
    let mut contradictions = Vec::new();
    let taken: SmallVec<[Taken; 2]> = results
        .iter()
        .map(|result| take_result(result, by, &mut contradictions))
        .collect();
    let agreed = agree_on_scores(&taken);
    if agreed.is_none()
        && let Some(result) = results.last()
    {
        contradictions.push(Review {
            code: ReviewCode::ResultsDiffer,
            detail: "IHC results of one tissue differ, and none supersedes the other".into(),
            source: Some(result.source.clone()),
        });
    }
    // Statements that contradict each other within one result are not settled by another result.
    let mut readings = match agreed {
        Some(agreed) if contradictions.is_empty() => agreed,
        _ => taken.into_iter().flatten().collect(),
    };
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

/// The readings of one result; nearly always one.
type Taken = SmallVec<[IhcReading; 4]>;

/// The readings that all results share, or `None` when they share none. A failed result yields to a valid one, and a
/// word to a score that is usually called so.
fn agree_on_scores(taken: &[Taken]) -> Option<Vec<IhcReading>> {
    let valid: SmallVec<[(&Taken, EnumSet<Score>); 2]> = taken
        .iter()
        .filter_map(|readings| Some((readings, scores_of(readings)?)))
        .collect();
    match valid.as_slice() {
        [] => Some(
            taken
                .first()
                .map(|readings| readings.to_vec())
                .unwrap_or_default(),
        ),
        [(only, _)] => Some(only.to_vec()),
        several => {
            let shared = several
                .iter()
                .fold(EnumSet::all(), |shared, (_, scores)| shared & *scores);
            let words: Option<SmallVec<[&Taken; 2]>> = several
                .iter()
                .map(|(readings, _)| {
                    let is_word = matches!(readings.as_slice(), [IhcReading::OneOf(_)]);
                    is_word.then_some(*readings)
                })
                .collect();
            match (shared.is_empty(), words) {
                (true, _) => None,
                // The same word several times says no more than once.
                (false, Some(words)) => words.first().map(|readings| readings.to_vec()),
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
fn take_result(result: &IhcResult, by: ReadBy<'_>, contradictions: &mut Vec<Review>) -> Taken {
    let scores = match result.finding {
        IhcFinding::Score(scores) => scores,
        IhcFinding::Stated(word) => return smallvec![word_reading(word)],
    };
    if let Some(by_kind) = by_kind_of_sample(scores, result, by) {
        return smallvec![by_kind];
    }
    let mut readings: Taken = scores.iter().map(IhcReading::Score).collect();
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
        found.extend(stained_against_score(score, result, by));
        found.extend(intense_against_score(score, result, by));
        found.extend(presence_against_score(score, result));
        found.extend(presence_against_percent(score, result));
    }
    for contradiction in found {
        contradictions.push(Review {
            code: contradiction.code,
            detail: contradiction.detail.into(),
            source: Some(result.source.clone()),
        });
        readings.extend(contradiction.other);
    }
    readings
}

/// A gastric score that its share of cells allows in a biopsy, and that may be 0 in a resection; which of them it is,
/// nobody says.
fn by_kind_of_sample(
    scores: EnumSet<Score>,
    result: &IhcResult,
    by: ReadBy<'_>,
) -> Option<IhcReading> {
    let percent = result.percent.as_ref()?;
    if by.edition != Edition::Gastric2016 || by.sample.is_some() || scores.len() != 1 {
        return None;
    }
    let in_a = |sample| scores_of_stained_share(by.edition, percent.span(), Some(sample));
    let (in_biopsy, in_resection) = (in_a(Sample::Biopsy), in_a(Sample::Resection));
    let may_be_zero = in_resection.contains(Score::Zero) && !scores.contains(Score::Zero);
    (may_be_zero && scores.is_subset(in_biopsy) && !is_impossible(percent))
        .then(|| IhcReading::OneOf(scores | Score::Zero))
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

/// The share of cells with any staining. A 2+ in few cells is legitimate in breast cancer (intense complete staining).
/// Whether 0 and 1+ are told apart rightly changes no status.
fn stained_against_score(
    score: Score,
    result: &IhcResult,
    by: ReadBy<'_>,
) -> Option<Contradiction> {
    let percent = result.percent.as_ref()?;
    let detail = || format!("IHC {} with {percent} % of cells stained", score.name());
    if is_impossible(percent) {
        return Some(implausible(detail()));
    }
    let possible = scores_of_stained_share(by.edition, percent.span(), by.sample);
    if possible.contains(score) {
        return None;
    }
    // Whether 0 and 1+ are told apart rightly changes no status.
    let changes_nothing = matches!(score, Score::Zero | Score::OnePlus)
        || (score == Score::ThreePlus && score_stands(by));
    Some(Contradiction {
        code: ReviewCode::PercentContradictsScore,
        detail: detail(),
        other: (!changes_nothing).then(|| one_of_scores(possible)),
    })
}

/// Uniform intense staining is of one score or another by its share alone.
fn intense_against_score(
    score: Score,
    result: &IhcResult,
    by: ReadBy<'_>,
) -> Option<Contradiction> {
    let percent = result.intense_percent.as_ref()?;
    let detail = || {
        format!(
            "IHC {} with uniform intense staining in {percent} % of cells",
            score.name()
        )
    };
    if is_impossible(percent) {
        return Some(implausible(detail()));
    }
    let scores = scores_of_intense_share(by.edition, percent.span(), by.sample);
    if scores.contains(score) {
        return None;
    }
    let only = one_of_scores(scores);
    Some(Contradiction {
        code: ReviewCode::PercentContradictsScore,
        detail: detail(),
        other: (!(score == Score::ThreePlus && score_stands(by))).then_some(only),
    })
}

fn one_of_scores(scores: EnumSet<Score>) -> IhcReading {
    match (scores.iter().next(), scores.len()) {
        (Some(only), 1) => IhcReading::Score(only),
        _ => IhcReading::OneOf(scores),
    }
}

/// Whether the site lets a 3+ stand at a percentage that cannot be 3+.
fn score_stands(by: ReadBy<'_>) -> bool {
    by.conventions.three_plus_at_low_percent == ThreePlusAtLowPercent::ScoreStands
}

/// Below 0 or above 100 %.
fn is_impossible(percent: &Measure) -> bool {
    percent.is_negative() || !percent.span().may_be_at_most(HUNDRED_PERCENT)
}

fn implausible(detail: String) -> Contradiction {
    Contradiction {
        code: ReviewCode::ValueImplausible,
        detail,
        other: None,
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::by_default;
    use super::*;
    use crate::her2::evidence::Source;

    fn result(score: Score) -> IhcResult {
        IhcResult::new(
            IhcFinding::Score(EnumSet::only(score)),
            Source::unversioned("Observation/1"),
        )
    }

    fn ihc_readings(results: &[IhcResult]) -> Readings<IhcReading> {
        super::ihc_readings(results, by_default(Edition::AscoCap2018))
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

    #[test]
    fn a_word_without_a_score_allows_the_scores_that_are_called_so() {
        let reading = |word| ihc_readings(&[stated(word)]).readings;
        assert_eq!(
            reading(StatedResult::Negative),
            [IhcReading::OneOf(Score::Zero | Score::OnePlus)]
        );
        // 2+ and 1+ are called positive too.
        assert_eq!(
            reading(StatedResult::Positive),
            [IhcReading::OneOf(
                Score::OnePlus | Score::TwoPlus | Score::ThreePlus
            )]
        );
        assert_eq!(
            reading(StatedResult::Equivocal),
            [IhcReading::Score(Score::TwoPlus)]
        );
    }

    #[test]
    fn a_word_beside_a_score_contradicts_it_unless_the_score_is_called_so() {
        let called = |score, word| {
            ihc_readings(&[IhcResult {
                interpretation: Some(word),
                ..result(score)
            }])
        };
        for (score, word) in [
            (Score::Zero, StatedResult::Negative),
            (Score::OnePlus, StatedResult::Negative),
            (Score::TwoPlus, StatedResult::Equivocal),
            (Score::ThreePlus, StatedResult::Positive),
        ] {
            let agreed = called(score, word);
            assert_eq!(agreed.readings, [IhcReading::Score(score)]);
            assert!(agreed.contradictions.is_empty() && !agreed.ambiguous);
        }
        let differs = called(Score::OnePlus, StatedResult::Positive);
        assert_eq!(codes(&differs), [ReviewCode::StatusContradictsData]);
        assert_eq!(differs.readings.len(), 2);
        assert!(!differs.ambiguous);
        // One of a range is enough.
        let range = ihc_readings(&[IhcResult {
            finding: IhcFinding::Score(Score::OnePlus | Score::TwoPlus),
            interpretation: Some(StatedResult::Equivocal),
            ..result(Score::Zero)
        }]);
        assert!(range.contradictions.is_empty());
    }

    #[test]
    fn a_contradiction_within_a_single_result_is_no_difference_between_results() {
        let alone = ihc_readings(&[IhcResult {
            interpretation: Some(StatedResult::Negative),
            ..result(Score::ThreePlus)
        }]);
        assert_eq!(codes(&alone), [ReviewCode::StatusContradictsData]);
    }

    #[test]
    fn a_3_plus_at_a_percentage_that_cannot_be_3_plus_stands_where_the_site_lets_it() {
        use crate::her2::conventions::Conventions;

        let readings = |rule, percentages: [Option<Measure>; 2], score| {
            let conventions = Conventions {
                three_plus_at_low_percent: rule,
                ..Conventions::default()
            };
            let by = ReadBy {
                edition: Edition::AscoCap2018,
                conventions: &conventions,
                sample: None,
            };
            let [percent, intense_percent] = percentages;
            let results = [IhcResult {
                percent,
                intense_percent,
                ..result(score)
            }];
            super::ihc_readings(&results, by)
        };
        for percentages in [[percent("5"), None], [None, percent("5")]] {
            let open = readings(
                ThreePlusAtLowPercent::Contradictory,
                percentages.clone(),
                Score::ThreePlus,
            );
            assert_eq!(open.readings.len(), 2);
            let stands = readings(
                ThreePlusAtLowPercent::ScoreStands,
                percentages,
                Score::ThreePlus,
            );
            assert_eq!(stands.readings, [IhcReading::Score(Score::ThreePlus)]);
            assert_eq!(codes(&stands), [ReviewCode::PercentContradictsScore]);
        }
        // It is a choice about 3+ alone.
        let one_plus = readings(
            ThreePlusAtLowPercent::ScoreStands,
            [None, percent("40")],
            Score::OnePlus,
        );
        assert_eq!(one_plus.readings.len(), 2);
        let unstained = readings(
            ThreePlusAtLowPercent::ScoreStands,
            [percent("0"), None],
            Score::TwoPlus,
        );
        assert_eq!(unstained.readings.len(), 2);
    }

    #[test]
    fn two_statements_of_the_staining_beside_a_0_that_differ_are_a_question() {
        let zero = |present, text| {
            codes(&ihc_readings(&[IhcResult {
                staining_present: Some(present),
                percent: percent(text),
                ..result(Score::Zero)
            }]))
        };
        assert!(zero(true, "5").is_empty());
        assert!(zero(false, "0").is_empty());
        assert!(zero(true, "0-5").is_empty());
        assert_eq!(zero(true, "0"), [ReviewCode::PercentContradictsScore]);
        assert_eq!(zero(false, "5"), [ReviewCode::PercentContradictsScore]);
        // Beside 1+ the staining itself is what is contradicted.
        let one_plus = ihc_readings(&[IhcResult {
            staining_present: Some(true),
            percent: percent("20"),
            ..result(Score::OnePlus)
        }]);
        assert!(one_plus.contradictions.is_empty());
    }
}
