//! Readings of in situ hybridisation: the first count, the blinded recount and the adjudicated result.

use std::borrow::Cow;

use enumset::EnumSet;
use rust_decimal::Decimal;
use smallvec::{SmallVec, smallvec};

use super::ish_numbers::take_numbers;
use super::ish_words::{attach_words, is_usual_word, word_counts};
use super::recounts::{is_single, is_word, with_adjudication, with_recount};
use super::{Alternatives, Count, Counts, IshReading, ReadBy, Readings};
use crate::her2::conventions::UnstatedCells;
use crate::her2::decision::{Review, ReviewCode, Warning, WarningCode};
use crate::her2::evidence::{CountRole, IshResult, IshWord};
use crate::her2::guideline::Level;

/// The fewest cells of a valid count. That fewer make the result indeterminate follows from the criteria to reject an
/// ISH (ASCO/CAP 2018; the other editions by the same inference).
const FEWEST_CELLS: Decimal = Decimal::from_parts(20, 0, 0, false, 0);

/// One result, with the word that belongs to it.
#[derive(Clone, Copy)]
pub(super) struct Given<'e> {
    pub(super) result: &'e IshResult,
    pub(super) word: Option<IshWord>,
}

/// Takes the in situ hybridisation results of one population of one tissue together.
pub fn ish_readings(results: &[&IshResult], by: ReadBy<'_>) -> Readings<IshReading> {
    let mut notes = Notes::default();
    let [first_counts, second_counts, final_counts] = [
        CountRole::Initial,
        CountRole::Recount,
        CountRole::Adjudicated,
    ]
    .map(|role| attach_words(results.iter().filter(|result| result.role == role)));
    let initial = take_counts(&first_counts, by, &mut notes);
    let recount = take_counts(&second_counts, by, &mut notes);
    let adjudicated = take_counts(&final_counts, by, &mut notes);
    let stated: Counts = if final_counts.is_empty() {
        (first_counts.iter().chain(&second_counts))
            .filter_map(stated_beside_numbers)
            .collect()
    } else {
        final_counts
            .iter()
            .filter_map(stated_beside_numbers)
            .collect()
    };

    // Whichever count of the tissue has failed, numbers of it that look amplified are for a person to see.
    let failed_numbers =
        initial.failed_numbers | recount.failed_numbers | adjudicated.failed_numbers;
    let mut readings = Vec::new();
    for sent in &initial.alternatives {
        for second_sent in &recount.alternatives {
            for (first, second) in with_recount(*sent, *second_sent, results, by, &mut notes) {
                // A recount in place of a word, or in words, is held against it like numbers against the word beside them.
                let is_replaced = is_word(*sent) && first != *sent && final_counts.is_empty();
                let is_beside = is_word(*second_sent) && first == *sent && final_counts.is_empty();
                let other_word = match (is_replaced, is_beside) {
                    (true, _) => *sent,
                    (false, true) => *second_sent,
                    (false, false) => Counts::empty(),
                };
                for last in with_adjudication(first, &adjudicated.alternatives, results, &mut notes)
                {
                    readings.push(IshReading {
                        initial: first,
                        recount: second,
                        adjudicated: last,
                        failed_numbers,
                        stated: stated | other_word,
                    });
                }
            }
        }
    }
    readings.dedup();
    Readings {
        ambiguous: notes.ambiguous,
        readings,
        contradictions: notes.contradictions,
        warnings: notes.warnings,
    }
}

/// What the laboratory calls its own numbers, where the word decides.
fn stated_beside_numbers(given: &Given<'_>) -> Option<Count> {
    match given.word {
        Some(IshWord::Amplified) if given.result.has_numbers() => Some(Count::Amplified),
        Some(IshWord::NotAmplified) if given.result.has_numbers() => Some(Count::NotAmplified),
        _ => None,
    }
}

/// What is noticed while counts are read.
#[derive(Default)]
pub(super) struct Notes {
    contradictions: Vec<Review>,
    warnings: Vec<Warning>,
    /// A word was met that tells nothing.
    pub(super) ambiguous: bool,
}

impl Notes {
    pub(super) fn contradict(
        &mut self,
        code: ReviewCode,
        result: &IshResult,
        detail: impl Into<Cow<'static, str>>,
    ) {
        self.contradictions.push(Review {
            code,
            detail: detail.into(),
            source: Some(result.source.clone()),
        });
    }

    /// Notes that a later count and an earlier one differ, once.
    pub(super) fn differ(&mut self, results: &[&IshResult], role: CountRole) {
        let known = |review: &Review| review.code == ReviewCode::ResultsDiffer;
        if !self.contradictions.iter().any(known)
            && let Some(result) = results.iter().find(|result| result.role == role)
        {
            self.contradict(ReviewCode::ResultsDiffer, result, RESULTS_DIFFER);
        }
    }

    /// The codes of the remarks.
    #[cfg(test)]
    pub(super) fn codes(&self) -> Vec<WarningCode> {
        self.warnings.iter().map(|warning| warning.code).collect()
    }

    pub(super) fn warn(&mut self, code: WarningCode, detail: &'static str) {
        let warning = Warning {
            code,
            detail: detail.into(),
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

const RESULTS_DIFFER: &str = "ISH results of one tissue differ, and none supersedes the other";

/// What one count may be.
struct TakenCount {
    /// One set of possibilities for each way to take contradictory statements.
    alternatives: Alternatives,
    /// What a failed count would have been by its numbers, or by the laboratory's "amplified".
    failed_numbers: Counts,
}

impl TakenCount {
    fn of(alternatives: Alternatives) -> Self {
        Self {
            alternatives,
            failed_numbers: Counts::empty(),
        }
    }

    fn failed(failed_numbers: Counts) -> Self {
        Self {
            alternatives: smallvec![EnumSet::only(Count::Failed)],
            failed_numbers,
        }
    }

    fn is_failed(&self) -> bool {
        self.alternatives
            .iter()
            .all(|counts| *counts == Count::Failed)
    }

    fn is_void(&self) -> bool {
        self.alternatives
            .iter()
            .all(|counts| *counts == Count::NotDone)
    }

    fn is_single(&self) -> bool {
        union(&self.alternatives).iter().all(is_single)
    }

    fn may_be_dual(&self) -> bool {
        (union(&self.alternatives).iter()).any(|count| count.dual().is_some())
    }
}

fn union(alternatives: &[Counts]) -> Counts {
    alternatives.iter().copied().collect()
}

/// Takes the results of the same role together.
fn take_counts(results: &[Given<'_>], by: ReadBy<'_>, notes: &mut Notes) -> TakenCount {
    match results {
        [] => TakenCount::of(smallvec![Counts::empty()]),
        [only] => take_result(only, by, notes),
        several => take_several(several, by, notes),
    }
}

/// Takes several results of the same role together: what they share, where they can all be true.
fn take_several(results: &[Given<'_>], by: ReadBy<'_>, notes: &mut Notes) -> TakenCount {
    let mut taken: SmallVec<[(TakenCount, &IshResult); 2]> = results
        .iter()
        .map(|given| (take_result(given, by, notes), given.result))
        .filter(|(count, _)| !count.is_void())
        .collect();
    let failed_numbers = (taken.iter()).fold(Counts::empty(), |all, (count, _)| {
        all | count.failed_numbers
    });
    // A valid count stands in for a failed one, and a dual-probe count for a single-probe one.
    let before = taken.len();
    if taken.iter().any(|(count, _)| !count.is_failed()) {
        taken.retain(|(count, _)| !count.is_failed());
    }
    if taken.len() < before {
        notes.warn(
            WarningCode::IshUnusable,
            "a failed ISH count stands beside a valid one, which is used",
        );
    }
    // One that may be single-probe as well stands in for it only where the two agree.
    let of_dual: Counts = (taken.iter())
        .filter(|(count, _)| count.may_be_dual())
        .flat_map(|(count, _)| count.alternatives.iter().copied())
        .collect();
    if !of_dual.is_empty() {
        let may_be_single = of_dual.iter().any(is_single);
        taken.retain(|(count, _)| {
            let differs = may_be_single && !union(&count.alternatives).is_subset(of_dual);
            !count.is_single() || differs
        });
    }
    let Some((_, last)) = taken.last() else {
        return TakenCount::of(smallvec![Counts::empty()]);
    };
    let alternatives = if let (2.., Some(shared)) = (taken.len(), agree_on_counts(&taken)) {
        smallvec![shared]
    } else {
        if taken.len() > 1 {
            notes.contradict(ReviewCode::ResultsDiffer, last, RESULTS_DIFFER);
        }
        taken
            .into_iter()
            .flat_map(|(count, _)| count.alternatives)
            .collect()
    };
    TakenCount {
        alternatives,
        failed_numbers,
    }
}

/// What several results of one role are together, or `None` where they cannot all be true. One that may have failed
/// tells nothing of the others. Statements that contradict each other within one result are not settled by another.
fn agree_on_counts(taken: &[(TakenCount, &IshResult)]) -> Option<Counts> {
    let counts: Option<Vec<Counts>> = (taken.iter())
        .map(|(count, _)| match count.alternatives.as_slice() {
            [only] => Some(*only),
            _ => None,
        })
        .collect();
    let counts = counts?;
    let all_of = |counts: &mut dyn Iterator<Item = Counts>| {
        counts.fold(Counts::all(), |shared, count| shared & count)
    };
    if counts.iter().all(|count| *count == Count::Failed) {
        return Some(Count::Failed.into());
    }
    let agreed = all_of(&mut counts.iter().copied()) - Count::Failed;
    if agreed.is_empty() {
        return None;
    }
    let is_sure = |count: &&Counts| !count.contains(Count::Failed);
    Some(if counts.iter().any(|count| is_sure(&count)) {
        all_of(&mut counts.iter().filter(is_sure).copied())
    } else {
        counts.into_iter().collect()
    })
}

/// What one result may be.
fn take_result(given: &Given<'_>, by: ReadBy<'_>, notes: &mut Notes) -> TakenCount {
    let result = given.result;
    let numbers = take_numbers(result, by, notes);
    if given.word == Some(IshWord::Indeterminate) {
        return TakenCount::failed(union(&numbers));
    }
    if let Some(cells) = &result.cells {
        if cells.is_negative() || (cells.is_zero_or_less() && result.has_numbers()) {
            notes.contradict(
                ReviewCode::ValueImplausible,
                result,
                format!("numbers from {cells} cells"),
            );
            let mut alternatives = numbers;
            alternatives.push(EnumSet::only(Count::NotDone));
            return TakenCount::of(alternatives);
        }
        if !cells.span().may_be_at_least(FEWEST_CELLS) {
            let mut looks_like = union(&numbers);
            if given.word == Some(IshWord::Amplified) {
                looks_like |= Count::Amplified;
            }
            return TakenCount::failed(looks_like);
        }
    }

    let mut alternatives = match (numbers.is_empty(), given.word) {
        (false, None) => numbers,
        (false, Some(word)) => numbers_beside_word(numbers, word, result, by, notes),
        (true, Some(word)) => smallvec![word_alone(word, result, by, notes)],
        (true, None) => smallvec![EnumSet::only(Count::NotDone)],
    };
    let is_void = !result.has_numbers() && given.word.is_none();
    let may_have_failed = match &result.cells {
        Some(_) if is_void => false,
        Some(cells) => cells.span().may_be_below(FEWEST_CELLS),
        None if result.has_numbers() => match by.conventions.unstated_cells {
            UnstatedCells::Accept => {
                notes.warn(
                    WarningCode::CellsNotStated,
                    "the number of cells counted is not stated; the count is accepted",
                );
                false
            }
            UnstatedCells::MayHaveFailed => true,
        },
        None => false,
    };
    if may_have_failed {
        for counts in &mut alternatives {
            *counts |= Count::Failed;
        }
    }
    TakenCount::of(alternatives)
}

/// A word without any number.
fn word_alone(word: IshWord, result: &IshResult, by: ReadBy<'_>, notes: &mut Notes) -> Counts {
    notes.warn(
        WarningCode::IshTextOnly,
        "ISH in words, without numbers: the class is unknown, and an undated word may follow an older edition",
    );
    let meaning = word_counts(word, result, by);
    notes.ambiguous |= meaning.is_undefined;
    meaning.counts
}

/// Holds the laboratory's word against its own numbers. Where it is no usual word for them under any edition,
/// the word is a second reading; [`crate::her2::decide`] also compares what either would end in.
fn numbers_beside_word(
    mut numbers: Alternatives,
    word: IshWord,
    result: &IshResult,
    by: ReadBy<'_>,
    notes: &mut Notes,
) -> Alternatives {
    // A high ratio without copies was called amplified in every edition.
    let high_ratio_alone = result.her2_copies.is_none()
        && (result.ratio.as_ref())
            .is_some_and(|ratio| by.edition.cuts().ratio.levels(ratio.span()) == Level::High);
    let usual = (union(&numbers).iter()).any(|count| match count {
        Count::HighLow if high_ratio_alone => word == IshWord::Amplified,
        other => is_usual_word(other, word, by.edition),
    });
    if !usual {
        notes.contradict(
            ReviewCode::StatusContradictsData,
            result,
            format!(
                "ISH stated as {} beside numbers that say otherwise",
                word.name()
            ),
        );
        numbers.push(word_counts(word, result, by).counts);
    }
    numbers
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::{by_default, measure, numbers, result};
    use super::*;
    use crate::her2::evidence::Probe;
    use crate::her2::guideline::Edition;

    const GROUP_1: Counts = enumset::enum_set!(Count::HighHigh);

    fn ish_readings(results: &[IshResult]) -> Readings<IshReading> {
        let results: Vec<&IshResult> = results.iter().collect();
        super::ish_readings(&results, by_default(Edition::AscoCap2018))
    }

    fn first_counts(results: &[IshResult]) -> Vec<Counts> {
        (ish_readings(results).readings.iter())
            .map(|reading| reading.initial)
            .collect()
    }

    #[test]
    fn a_count_of_fewer_than_20_cells_has_failed_and_none_of_0_cells_is_believed() {
        let counted = |cells: &str| {
            first_counts(&[IshResult {
                cells: measure(cells),
                ..numbers("2.5", "6.0")
            }])
        };
        assert_eq!(counted("20"), [GROUP_1]);
        assert_eq!(counted("19"), [EnumSet::only(Count::Failed)]);
        assert_eq!(counted("<20"), [EnumSet::only(Count::Failed)]);
        assert_eq!(counted("10-30"), [Count::HighHigh | Count::Failed]);
        assert_eq!(counted("0"), [GROUP_1, EnumSet::only(Count::NotDone)]);
        assert_eq!(counted("-5"), [GROUP_1, EnumSet::only(Count::NotDone)]);
    }

    #[test]
    fn a_failed_count_keeps_what_its_numbers_would_have_been() {
        let readings = ish_readings(&[IshResult {
            cells: measure("19"),
            ..numbers("2.5", "6.0")
        }]);
        let failed_numbers: Counts = (readings.readings.iter())
            .map(|reading| reading.failed_numbers)
            .collect();
        assert_eq!(failed_numbers, Count::HighHigh);
    }

    #[test]
    fn a_word_in_a_result_of_its_own_is_held_against_the_numbers_beside_it() {
        let word = |word| IshResult {
            result: Some(word),
            cells: None,
            ..result()
        };
        let group_5 = numbers("1.2", "3.0");
        let negative = word(IshWord::NotAmplified);
        for results in [
            [negative.clone(), group_5.clone()],
            [group_5.clone(), negative],
        ] {
            let readings = ish_readings(&results);
            assert!(readings.contradictions.is_empty());
            assert_eq!(
                readings.readings.first().unwrap().stated,
                EnumSet::only(Count::NotAmplified)
            );
        }
        let readings = ish_readings(&[word(IshWord::Amplified), group_5]);
        let codes: Vec<_> = (readings.contradictions.iter())
            .map(|review| review.code)
            .collect();
        assert_eq!(codes, [ReviewCode::StatusContradictsData]);
        assert_eq!(readings.readings.len(), 2);
    }

    #[test]
    fn group_2_may_be_called_negative_unless_a_high_ratio_is_all_there_is() {
        let called_negative = |result: IshResult| {
            ish_readings(&[IshResult {
                result: Some(IshWord::NotAmplified),
                ..result
            }])
        };
        let with_copies = called_negative(numbers("2.0", "3.9"));
        assert!(with_copies.contradictions.is_empty());
        let ratio_alone = called_negative(IshResult {
            her2_copies: None,
            ..numbers("2.0", "3.9")
        });
        assert_eq!(ratio_alone.contradictions.len(), 1);
    }

    #[test]
    fn a_dual_probe_count_stands_in_for_a_single_probe_one_and_a_valid_one_for_a_failed_one() {
        let single = IshResult {
            probe: Some(Probe::Single),
            her2_copies: measure("6.5"),
            ..result()
        };
        let failed = IshResult {
            cells: measure("12"),
            ..numbers("1.2", "3.0")
        };
        let readings = ish_readings(&[single, failed, numbers("1.2", "3.0")]);
        assert!(readings.contradictions.is_empty());
        assert!((readings.warnings.iter()).any(|warning| warning.code == WarningCode::IshUnusable));
        let initial: Vec<_> = (readings.readings.iter())
            .map(|reading| reading.initial)
            .collect();
        assert_eq!(initial, [EnumSet::only(Count::LowLow)]);
    }

    #[test]
    fn copies_of_an_unstated_probe_stand_in_for_a_single_probe_count_only_where_they_agree() {
        let copies = |probe, copies| IshResult {
            probe,
            her2_copies: measure(copies),
            ..result()
        };
        let single = copies(Some(Probe::Single), "3.0");
        let differ = ish_readings(&[single.clone(), copies(None, "6.5")]);
        let codes: Vec<_> = (differ.contradictions.iter())
            .map(|review| review.code)
            .collect();
        assert_eq!(codes, [ReviewCode::ResultsDiffer]);
        // A dual probe might show group 2.
        let agree = ish_readings(&[single, copies(None, "3.2")]);
        assert!(agree.contradictions.is_empty());
        let initial: Vec<_> = (agree.readings.iter())
            .map(|reading| reading.initial)
            .collect();
        assert_eq!(initial, [Count::HighLow | Count::LowLow | Count::SingleLow]);
    }

    #[test]
    fn a_recount_without_its_first_count_leaves_that_open() {
        let recount = IshResult {
            role: CountRole::Recount,
            ..numbers("2.5", "6.0")
        };
        assert_eq!(
            first_counts(std::slice::from_ref(&recount)),
            [by_default(Edition::AscoCap2018).any_dual()]
        );
        let adjudicated = IshResult {
            role: CountRole::Adjudicated,
            ..numbers("2.5", "6.0")
        };
        let readings = ish_readings(&[recount, adjudicated]).readings;
        let final_counts: Vec<_> = readings.iter().map(|reading| reading.adjudicated).collect();
        assert_eq!(final_counts, [GROUP_1]);
    }

    fn of_role(role: CountRole, result: IshResult) -> IshResult {
        IshResult { role, ..result }
    }

    fn word(word: IshWord) -> IshResult {
        IshResult {
            result: Some(word),
            cells: None,
            ..result()
        }
    }

    fn codes(readings: &Readings<IshReading>) -> Vec<ReviewCode> {
        (readings.contradictions.iter())
            .map(|review| review.code)
            .collect()
    }

    #[test]
    fn a_single_probe_count_yields_to_a_dual_probe_recount_only() {
        let single = IshResult {
            probe: Some(Probe::Single),
            her2_copies: measure("3.0"),
            ..result()
        };
        let recounted =
            |second| ish_readings(&[single.clone(), of_role(CountRole::Recount, second)]);
        let dual = recounted(numbers("2.5", "6.0"));
        assert!(dual.contradictions.is_empty());
        assert_eq!(dual.readings.first().unwrap().initial, GROUP_1);
        let unstated = recounted(IshResult {
            probe: None,
            her2_copies: measure("6.5"),
            ..result()
        });
        assert_eq!(codes(&unstated), [ReviewCode::ResultsDiffer]);
        assert_eq!(unstated.readings.len(), 2);
        let in_words = recounted(word(IshWord::PolysomyNotAmplified));
        assert_eq!(codes(&in_words), [ReviewCode::ResultsDiffer]);
    }

    #[test]
    fn a_recount_in_place_of_a_word_is_held_against_it() {
        let recounted = |ratio, copies| {
            ish_readings(&[
                word(IshWord::Amplified),
                of_role(CountRole::Recount, numbers(ratio, copies)),
            ])
        };
        // Group 2 was called amplified.
        let group_2 = recounted("2.5", "3.0");
        assert!(group_2.contradictions.is_empty());
        let reading = group_2.readings.first().unwrap();
        assert_eq!(reading.initial, Count::HighLow);
        assert_eq!(reading.stated, Count::Amplified);
        let called_so_twice = ish_readings(&[
            word(IshWord::Amplified),
            IshResult {
                result: Some(IshWord::Amplified),
                ..of_role(CountRole::Recount, numbers("2.5", "3.0"))
            },
        ]);
        assert_eq!(
            called_so_twice.readings.first().unwrap().stated,
            Count::Amplified
        );
        let group_5 = recounted("1.2", "3.0");
        assert_eq!(codes(&group_5), [ReviewCode::ResultsDiffer]);
        assert_eq!(group_5.readings.len(), 2);
    }

    #[test]
    fn a_word_without_numbers_is_not_stated_beside_any() {
        let alone = ish_readings(&[word(IshWord::Amplified)]);
        assert_eq!(alone.readings.first().unwrap().stated, Counts::empty());
        let alone = ish_readings(&[word(IshWord::NotAmplified)]);
        assert_eq!(alone.readings.first().unwrap().stated, Counts::empty());
    }

    #[test]
    fn a_failed_count_that_is_called_amplified_looks_amplified() {
        let failed = |word| {
            let readings = ish_readings(&[IshResult {
                result: word,
                cells: measure("12"),
                ..result()
            }]);
            readings.readings.first().unwrap().failed_numbers
        };
        assert_eq!(failed(Some(IshWord::Amplified)), Count::Amplified);
        assert_eq!(failed(Some(IshWord::NotAmplified)), Counts::empty());
        assert_eq!(failed(None), Counts::empty());
    }

    #[test]
    fn a_count_that_may_have_failed_tells_nothing_of_the_others() {
        let ratio_alone = IshResult {
            her2_copies: None,
            ..numbers("2.5", "6.0")
        };
        let open = Count::HighHigh | Count::HighMiddle | Count::HighLow;
        let with = |cells: &str| {
            first_counts(&[
                ratio_alone.clone(),
                IshResult {
                    cells: measure(cells),
                    ..numbers("2.5", "6.0")
                },
            ])
        };
        assert_eq!(with("20"), [GROUP_1]);
        assert_eq!(with("10-30"), [open]);
        let both_open = first_counts(&[
            IshResult {
                cells: measure("10-30"),
                ..ratio_alone
            },
            IshResult {
                cells: measure("10-30"),
                ..numbers("2.5", "6.0")
            },
        ]);
        assert_eq!(both_open, [open | Count::Failed]);
        let differ = ish_readings(&[
            IshResult {
                cells: measure("10-30"),
                ..numbers("1.2", "3.0")
            },
            IshResult {
                cells: measure("10-30"),
                ..numbers("2.5", "6.0")
            },
        ]);
        assert_eq!(codes(&differ), [ReviewCode::ResultsDiffer]);
    }

    #[test]
    fn counts_that_all_failed_have_failed_and_two_that_are_equal_are_one() {
        let failed = IshResult {
            cells: measure("12"),
            ..numbers("1.2", "3.0")
        };
        let twice = ish_readings(&[failed.clone(), failed]);
        assert!(twice.contradictions.is_empty());
        assert!(twice.warnings.is_empty());
        let reading = twice.readings.first().unwrap();
        assert_eq!(reading.initial, Count::Failed);
        assert_eq!(reading.failed_numbers, Count::LowLow);
        let equal = ish_readings(&[numbers("2.5", "6.0"), numbers("2.6", "6.1")]);
        assert!(equal.contradictions.is_empty());
        assert_eq!(equal.readings.len(), 1);
        let differ = ish_readings(&[numbers("2.5", "6.0"), numbers("1.2", "3.0")]);
        assert_eq!(codes(&differ), [ReviewCode::ResultsDiffer]);
        let void = ish_readings(&[result(), numbers("2.5", "6.0")]);
        assert!(void.contradictions.is_empty());
        assert_eq!(void.readings.first().unwrap().initial, GROUP_1);
    }

    #[test]
    fn a_recount_after_a_count_that_may_have_failed_is_read_either_way() {
        let readings = ish_readings(&[
            IshResult {
                cells: measure("10-30"),
                ..numbers("1.2", "3.0")
            },
            of_role(CountRole::Recount, numbers("2.5", "6.0")),
        ])
        .readings;
        let pairs: Vec<_> = (readings.iter())
            .map(|reading| (reading.initial, reading.recount))
            .collect();
        assert_eq!(
            pairs,
            [
                (EnumSet::only(Count::LowLow), GROUP_1),
                (GROUP_1, Counts::empty())
            ]
        );
    }

    #[test]
    fn results_of_two_roles_that_differ_are_asked_about_once_at_the_later_one() {
        let failed_later = IshResult {
            source: crate::her2::evidence::Source::unversioned("Observation/later"),
            ..of_role(CountRole::Adjudicated, word(IshWord::Indeterminate))
        };
        let readings = ish_readings(&[numbers("2.5", "6.0"), failed_later]);
        assert_eq!(codes(&readings), [ReviewCode::ResultsDiffer]);
        let about = readings.contradictions.first().unwrap().source.clone();
        assert_eq!(about.unwrap().reference, "Observation/later");
        let thrice = ish_readings(&[
            numbers("2.5", "6.0"),
            numbers("1.2", "3.0"),
            of_role(CountRole::Adjudicated, word(IshWord::Indeterminate)),
        ]);
        assert_eq!(codes(&thrice), [ReviewCode::ResultsDiffer]);
    }

    #[test]
    fn cells_that_nobody_states_are_accepted_or_doubted_by_the_sites_choice() {
        use crate::her2::conventions::Conventions;

        let unstated = IshResult {
            cells: None,
            ..numbers("2.5", "6.0")
        };
        let initial = |unstated_cells, result: &IshResult| {
            let conventions = Conventions {
                unstated_cells,
                ..Conventions::default()
            };
            let by = ReadBy {
                edition: Edition::AscoCap2018,
                conventions: &conventions,
                sample: None,
            };
            let readings = super::ish_readings(&[result], by);
            let warned = (readings.warnings.iter())
                .any(|warning| warning.code == WarningCode::CellsNotStated);
            (readings.readings.first().unwrap().initial, warned)
        };
        assert_eq!(initial(UnstatedCells::Accept, &unstated), (GROUP_1, true));
        assert_eq!(
            initial(UnstatedCells::MayHaveFailed, &unstated),
            (GROUP_1 | Count::Failed, false)
        );
        // A word counts no cells.
        let amplified = word(IshWord::Amplified);
        for choice in [UnstatedCells::Accept, UnstatedCells::MayHaveFailed] {
            assert_eq!(
                initial(choice, &amplified),
                (EnumSet::only(Count::Amplified), false)
            );
        }
        // And no numbers, no count.
        let void = IshResult {
            cells: measure("10-30"),
            ..result()
        };
        assert_eq!(
            initial(UnstatedCells::Accept, &void).0,
            EnumSet::only(Count::NotDone)
        );
    }

    #[test]
    fn an_undefined_word_leaves_the_count_ambiguous_and_a_defined_one_does_not() {
        assert!(ish_readings(&[word(IshWord::Undefined)]).ambiguous);
        assert!(
            ish_readings(&[
                word(IshWord::Undefined),
                of_role(CountRole::Recount, word(IshWord::Amplified))
            ])
            .ambiguous
        );
        assert!(!ish_readings(&[word(IshWord::Amplified)]).ambiguous);
    }
}
