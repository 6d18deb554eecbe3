//! Readings of in situ hybridisation: the first count, the blinded recount and the adjudicated result.

use enumset::EnumSet;

use super::ish_numbers::take_numbers;
use super::{Count, Counts, IshReading, Readings, any_group, count_by_word};
use crate::her2::asco_cap_2018::{self, FEWEST_CELLS};
use crate::her2::decision::{Review, ReviewCode, Warning, WarningCode};
use crate::her2::evidence::{CountRole, IshResult, StatedResult};

/// Takes the in situ hybridisation results of one tissue together.
pub fn ish_readings(results: &[IshResult]) -> Readings<IshReading> {
    let mut notes = Notes::default();
    let of_role = |role| -> Vec<IshResult> {
        (results.iter())
            .filter(|result| result.role == role)
            .cloned()
            .collect()
    };
    let first_counts = with_words_attached(of_role(CountRole::Initial));
    let second_counts = with_words_attached(of_role(CountRole::Recount));
    let final_counts = with_words_attached(of_role(CountRole::Adjudicated));
    let initial = take_counts(&first_counts, &mut notes);
    let recount = take_counts(&second_counts, &mut notes);
    let adjudicated = take_counts(&final_counts, &mut notes);
    let deciding = if final_counts.is_empty() {
        [first_counts, second_counts].concat()
    } else {
        final_counts
    };
    let stated: Counts = (deciding.iter())
        .filter(|result| result.has_numbers())
        .filter_map(|result| result.result.and_then(count_by_word))
        .collect();

    let mut readings = Vec::new();
    for first in &initial.alternatives {
        for second in &recount.alternatives {
            for (first, second) in with_recount(*first, *second, results, &mut notes) {
                for last in with_adjudication(first, &adjudicated.alternatives, results, &mut notes)
                {
                    readings.push(IshReading {
                        initial: first,
                        recount: second,
                        adjudicated: last,
                        failed_numbers: initial.failed_numbers,
                        stated,
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

/// The first count and its recount as the guideline pairs them. A recount that follows no valid dual-probe count is
/// itself the count; one whose first count is missing leaves that open.
fn with_recount(
    first: Counts,
    second: Counts,
    results: &[IshResult],
    notes: &mut Notes,
) -> Vec<(Counts, Counts)> {
    let nothing = Counts::empty();
    let single = Count::SingleBelow4 | Count::Single4To6 | Count::SingleFrom6;
    let words = Count::Amplified | Count::NotAmplified;
    let is_valid_recount = !second.is_disjoint(any_group()) && !second.contains(Count::Failed);
    if !is_valid_recount {
        return vec![(first, nothing)];
    }
    if first.is_empty() || first == Count::NotDone {
        return vec![(any_group(), second)];
    }
    if first == Count::Failed || first.is_subset(single) {
        return vec![(second, nothing)];
    }
    if first.is_subset(words) {
        let fits = first.iter().any(|word| {
            let word = if word == Count::Amplified {
                StatedResult::Positive
            } else {
                StatedResult::Negative
            };
            second.iter().all(|count| is_usual_word(count, word))
        });
        if fits {
            return vec![(second, nothing)];
        }
        notes.differ(results, CountRole::Recount);
        return vec![(first, nothing), (second, nothing)];
    }
    vec![(first, second)]
}

/// The adjudicated results to set beside a count. One that is void leaves the counts as they are; one that failed does
/// not wipe out a count that stands.
fn with_adjudication(
    first: Counts,
    adjudicated: &[Counts],
    results: &[IshResult],
    notes: &mut Notes,
) -> Vec<Counts> {
    let mut beside = Vec::new();
    for last in adjudicated {
        if *last == Count::NotDone {
            beside.push(Counts::empty());
        } else if *last == Count::Failed && !first.is_empty() && first != Count::Failed {
            notes.differ(results, CountRole::Adjudicated);
            beside.extend([*last, Counts::empty()]);
        } else {
            beside.push(*last);
        }
    }
    beside
}

/// What is noticed while counts are read.
#[derive(Default)]
pub(super) struct Notes {
    contradictions: Vec<Review>,
    warnings: Vec<Warning>,
    /// A word was met that tells nothing.
    ambiguous: bool,
}

impl Notes {
    pub(super) fn contradict(&mut self, code: ReviewCode, result: &IshResult, detail: String) {
        self.contradictions.push(Review {
            code,
            detail,
            source: Some(result.source.clone()),
        });
    }

    /// Notes that a later count and an earlier one differ, once.
    fn differ(&mut self, results: &[IshResult], role: CountRole) {
        let known = |review: &Review| review.code == ReviewCode::ResultsDiffer;
        if !self.contradictions.iter().any(known)
            && let Some(result) = results.iter().find(|result| result.role == role)
        {
            let detail = "ISH results of one tissue differ, and none supersedes the other";
            self.contradict(ReviewCode::ResultsDiffer, result, detail.to_owned());
        }
    }

    pub(super) fn warn(&mut self, code: WarningCode, detail: &str) {
        let warning = Warning {
            code,
            detail: detail.to_owned(),
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// What one count may be.
struct TakenCount {
    /// One set of possibilities for each way to take contradictory statements.
    alternatives: Vec<Counts>,
    /// What a failed count would have been by its numbers.
    failed_numbers: Counts,
}

impl TakenCount {
    fn of(alternatives: Vec<Counts>) -> Self {
        Self {
            alternatives,
            failed_numbers: Counts::empty(),
        }
    }

    fn failed(failed_numbers: Counts) -> Self {
        Self {
            alternatives: vec![EnumSet::only(Count::Failed)],
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
        union(&self.alternatives)
            .is_subset(Count::SingleBelow4 | Count::Single4To6 | Count::SingleFrom6)
    }

    fn may_be_dual(&self) -> bool {
        !union(&self.alternatives).is_disjoint(any_group())
    }
}

fn union(alternatives: &[Counts]) -> Counts {
    alternatives.iter().copied().collect()
}

/// A word sent in a result of its own belongs to the numbers sent beside it. A word that differs from theirs, or that
/// comes with a number of cells other than theirs, stays a result of its own.
fn with_words_attached(results: Vec<IshResult>) -> Vec<IshResult> {
    let (mut numbers, words): (Vec<_>, Vec<_>) =
        results.into_iter().partition(IshResult::has_numbers);
    if numbers.is_empty() {
        return words;
    }
    let mut alone = Vec::new();
    for word in words {
        let belongs = |count: &IshResult| {
            let same_cells = word.cells.is_none() || word.cells == count.cells;
            same_cells && count.result.is_none_or(|own| Some(own) == word.result)
        };
        if word.result.is_some() && numbers.iter().all(belongs) {
            for count in &mut numbers {
                count.result = word.result;
            }
        } else {
            alone.push(word);
        }
    }
    numbers.extend(alone);
    numbers
}

/// Takes several results of the same role together.
fn take_counts(results: &[IshResult], notes: &mut Notes) -> TakenCount {
    let mut taken: Vec<(TakenCount, &IshResult)> = results
        .iter()
        .map(|result| (take_result(result, notes), result))
        .filter(|(count, _)| results.len() == 1 || !count.is_void())
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
    if taken.iter().any(|(count, _)| count.may_be_dual()) {
        taken.retain(|(count, _)| !count.is_single());
    }
    let Some((_, last)) = taken.last() else {
        return TakenCount::of(vec![Counts::empty()]);
    };
    // Statements that contradict each other within one result are not settled by another result.
    let shared = (taken.iter()).fold(Counts::all(), |shared, (count, _)| {
        match count.alternatives.as_slice() {
            [only] => shared & *only,
            _ => Counts::empty(),
        }
    });
    let alternatives = if taken.len() > 1 && shared.is_empty() {
        notes.contradict(
            ReviewCode::ResultsDiffer,
            last,
            "ISH results of one tissue differ, and none supersedes the other".to_owned(),
        );
        taken
            .into_iter()
            .flat_map(|(count, _)| count.alternatives)
            .collect()
    } else if taken.len() > 1 {
        vec![shared]
    } else {
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

/// What one result may be.
fn take_result(result: &IshResult, notes: &mut Notes) -> TakenCount {
    let numbers = take_numbers(result, notes);
    if result.result == Some(StatedResult::Indeterminate) {
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
            return TakenCount::failed(union(&numbers));
        }
    }

    let mut alternatives = match (numbers.is_empty(), result.result) {
        (false, None) => numbers,
        (false, Some(word)) => numbers_beside_word(numbers, word, result, notes),
        (true, Some(word)) => {
            notes.warn(
                WarningCode::IshTextOnly,
                "ISH in words, without numbers: the group is unknown, and an undated word may follow an older edition",
            );
            notes.ambiguous |= word == StatedResult::Equivocal;
            vec![word_counts(word)]
        }
        (true, None) => vec![EnumSet::only(Count::NotDone)],
    };
    match &result.cells {
        Some(cells) if cells.span().may_be_below(FEWEST_CELLS) => {
            for counts in &mut alternatives {
                *counts |= Count::Failed;
            }
        }
        None if result.has_numbers() => notes.warn(
            WarningCode::CellsNotStated,
            "the number of cells counted is not stated; the count is accepted",
        ),
        _ => {}
    }
    TakenCount::of(alternatives)
}

/// What a word alone allows. "Equivocal" was group 4 in 2013 and any group in 2007: it tells nothing.
fn word_counts(word: StatedResult) -> Counts {
    match word {
        StatedResult::Positive => EnumSet::only(Count::Amplified),
        StatedResult::Negative => EnumSet::only(Count::NotAmplified),
        StatedResult::Indeterminate => EnumSet::only(Count::Failed),
        StatedResult::Equivocal => any_group(),
    }
}

/// Holds the laboratory's word against its own numbers. Where it is no usual word for them under any edition,
/// the word is a second reading; [`crate::her2::decide`] also compares what either would end in.
fn numbers_beside_word(
    mut numbers: Vec<Counts>,
    word: StatedResult,
    result: &IshResult,
    notes: &mut Notes,
) -> Vec<Counts> {
    // A ratio at or above 2.0 without copies was called amplified in every edition.
    let high_ratio_alone = result.her2_copies.is_none()
        && (result.ratio.as_ref())
            .is_some_and(|ratio| asco_cap_2018::ratio_is_high(ratio.span()) == Some(true));
    let usual = (union(&numbers).iter()).any(|count| match count {
        Count::Group2 if high_ratio_alone => word == StatedResult::Positive,
        other => is_usual_word(other, word),
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
        numbers.push(word_counts(word));
    }
    numbers
}

/// Whether some edition calls this count by this word.
fn is_usual_word(count: Count, word: StatedResult) -> bool {
    use StatedResult::{Equivocal, Negative, Positive};
    match count {
        Count::Group1 | Count::SingleFrom6 | Count::Amplified => word == Positive,
        Count::Group2 | Count::Group3 => matches!(word, Positive | Negative | Equivocal),
        Count::Group4 | Count::Single4To6 => matches!(word, Negative | Equivocal),
        Count::Group5 | Count::SingleBelow4 | Count::NotAmplified => word == Negative,
        Count::Failed | Count::NotDone => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::{measure, numbers, result};
    use super::*;
    use crate::her2::evidence::Probe;

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
        let group_1 = EnumSet::only(Count::Group1);
        assert_eq!(counted("20"), [group_1]);
        assert_eq!(counted("19"), [EnumSet::only(Count::Failed)]);
        assert_eq!(counted("<20"), [EnumSet::only(Count::Failed)]);
        assert_eq!(counted("10-30"), [Count::Group1 | Count::Failed]);
        assert_eq!(counted("0"), [group_1, EnumSet::only(Count::NotDone)]);
        assert_eq!(counted("-5"), [group_1, EnumSet::only(Count::NotDone)]);
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
        assert_eq!(failed_numbers, Count::Group1);
    }

    #[test]
    fn a_word_in_a_result_of_its_own_is_held_against_the_numbers_beside_it() {
        let word = |word| IshResult {
            result: Some(word),
            cells: None,
            ..result()
        };
        let group_5 = numbers("1.2", "3.0");
        let negative = word(StatedResult::Negative);
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
        let readings = ish_readings(&[word(StatedResult::Positive), group_5]);
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
                result: Some(StatedResult::Negative),
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
        assert_eq!(initial, [EnumSet::only(Count::Group5)]);
    }

    #[test]
    fn a_recount_without_its_first_count_leaves_that_open() {
        let recount = IshResult {
            role: CountRole::Recount,
            ..numbers("2.5", "6.0")
        };
        assert_eq!(first_counts(std::slice::from_ref(&recount)), [any_group()]);
        let adjudicated = IshResult {
            role: CountRole::Adjudicated,
            ..numbers("2.5", "6.0")
        };
        let readings = ish_readings(&[recount, adjudicated]).readings;
        let final_counts: Vec<_> = readings.iter().map(|reading| reading.adjudicated).collect();
        assert_eq!(final_counts, [EnumSet::only(Count::Group1)]);
    }
}
