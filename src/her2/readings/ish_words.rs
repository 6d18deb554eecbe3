//! What a laboratory's words about in situ hybridisation mean.

use chrono::NaiveDate;
use enumset::EnumSet;
use smallvec::SmallVec;

use super::ish::Given;
use super::{Count, Counts, ReadBy};
use crate::her2::evidence::{IshResult, IshWord, Probe};
use crate::her2::guideline::{Edition, Level};

/// The first day on which "equivocal" is taken as the word of ASCO/CAP 2013, published on 2013-10-07 (J Clin Oncol
/// 31:3997) and to be followed from 2014 on.
const FIRST_DAY_OF_2013: Option<NaiveDate> = NaiveDate::from_ymd_opt(2014, 1, 1);
/// The day ASCO/CAP 2018 was published (J Clin Oncol 36:2105), which has no equivocal ISH any more.
const FIRST_DAY_OF_2018: Option<NaiveDate> = NaiveDate::from_ymd_opt(2018, 5, 30);

/// What a word alone allows.
pub(super) struct Meaning {
    /// The counts.
    pub(super) counts: Counts,
    /// The word itself leaves them open, not the lack of numbers.
    pub(super) is_undefined: bool,
}

/// What a word alone allows. "Amplified" and "not amplified" are the laboratory's interpretation; what "equivocal" means
/// depends on the edition it followed; "polysomy, not amplified" is a low ratio with any copies.
pub(super) fn word_counts(word: IshWord, result: &IshResult, by: ReadBy<'_>) -> Meaning {
    let reported_on = result.reported_on;
    let low_ratio = || {
        by.any_dual()
            .iter()
            .filter(|count| has_ratio(*count, Level::Low))
    };
    let meant = |counts| Meaning {
        counts,
        is_undefined: false,
    };
    match word {
        IshWord::Amplified if is_trusted(reported_on, by) => meant(Count::Amplified.into()),
        // ASCO/CAP 2013 called a high ratio amplified, and so many copies.
        IshWord::Amplified => meant(
            (by.any_dual().iter())
                .filter(|count| has_ratio(*count, Level::High) || *count == Count::LowHigh)
                .collect(),
        ),
        IshWord::NotAmplified if is_trusted(reported_on, by) => meant(Count::NotAmplified.into()),
        IshWord::NotAmplified | IshWord::PolysomyNotAmplified => meant(low_ratio().collect()),
        IshWord::Indeterminate => meant(Count::Failed.into()),
        IshWord::Equivocal => match equivocal(result, by) {
            Some(counts) => meant(counts),
            None => Meaning {
                counts: by.any_dual(),
                is_undefined: true,
            },
        },
        IshWord::Undefined => Meaning {
            counts: by.any_dual(),
            is_undefined: true,
        },
    }
}

/// "Equivocal" under the edition in force, or as ASCO/CAP 2013 meant it: a low ratio with 4.0 to below 6.0 copies, which
/// is group 4 of 2018. Of any other time, 2007's may be every group, and 2018 has none.
fn equivocal(result: &IshResult, by: ReadBy<'_>) -> Option<Counts> {
    let is_single = result.probe == Some(Probe::Single);
    let middle_copies = || {
        Some(EnumSet::only(if is_single {
            Count::SingleMiddle
        } else {
            Count::LowMiddle
        }))
    };
    match by.edition {
        Edition::AscoCap2013 => middle_copies(),
        Edition::AscoCap2007 if is_single => middle_copies(),
        Edition::AscoCap2007 => Some(
            (by.any_dual().iter())
                .filter(|count| has_ratio(*count, Level::Middle))
                .collect(),
        ),
        Edition::AscoCap2018 => {
            let (day, from, to) = (result.reported_on?, FIRST_DAY_OF_2013?, FIRST_DAY_OF_2018?);
            (from..to).contains(&day).then(middle_copies).flatten()
        }
        Edition::Gastric2016 => None,
    }
}

fn has_ratio(count: Count, level: Level) -> bool {
    count.dual().is_some_and(|class| class.ratio == level)
}

/// Whether the site believes a word as it stands. Under an older edition the word is that edition's own.
fn is_trusted(reported_on: Option<NaiveDate>, by: ReadBy<'_>) -> bool {
    match (by.edition, by.conventions.ish_words_trusted_from) {
        (Edition::AscoCap2018, Some(from)) => reported_on.is_some_and(|day| day >= from),
        _ => true,
    }
}

/// Whether some edition calls this count by this word. "Equivocal" is held to the edition in force: in 2018 it is said of
/// every group that IHC has to resolve.
pub(super) fn is_usual_word(count: Count, word: IshWord, edition: Edition) -> bool {
    match word {
        // Beside numbers, a word that defines nothing contradicts nothing.
        IshWord::Undefined => true,
        IshWord::Amplified => is_called_amplified(count),
        IshWord::NotAmplified => is_called_not_amplified(count),
        IshWord::PolysomyNotAmplified => {
            is_called_not_amplified(count)
                && count.dual().is_none_or(|class| class.ratio == Level::Low)
        }
        IshWord::Equivocal => is_open(count, edition),
        IshWord::Indeterminate => matches!(count, Count::Failed | Count::NotDone),
    }
}

/// A ratio or copies that some edition calls amplified.
fn is_called_amplified(count: Count) -> bool {
    !matches!(
        count,
        Count::LowMiddle
            | Count::LowLow
            | Count::SingleMiddle
            | Count::SingleLow
            | Count::NotAmplified
    )
}

/// A ratio or copies that some edition calls not amplified.
fn is_called_not_amplified(count: Count) -> bool {
    !matches!(
        count,
        Count::HighHigh | Count::HighMiddle | Count::SingleHigh | Count::Amplified
    )
}

/// What an edition leaves open.
fn is_open(count: Count, edition: Edition) -> bool {
    match (count, count.dual(), edition) {
        (Count::Failed | Count::NotDone | Count::SingleMiddle, ..) => true,
        (_, Some(class), Edition::AscoCap2018) => {
            let is_group_5 = class.ratio == Level::Low && class.copies == Level::Low;
            let is_group_1 = class.ratio == Level::High && class.copies != Level::Low;
            !is_group_5 && !is_group_1
        }
        (_, Some(class), Edition::AscoCap2013 | Edition::Gastric2016) => {
            class.ratio == Level::Low && class.copies == Level::Middle
        }
        (_, Some(class), Edition::AscoCap2007) => class.ratio == Level::Middle,
        (_, None, _) => false,
    }
}

/// A word sent in a result of its own belongs to the numbers sent beside it. A word that differs from theirs, or that
/// comes with a number of cells other than theirs, stays a result of its own.
pub(super) fn attach_words<'e, 'r: 'e>(
    results: impl Iterator<Item = &'e &'r IshResult>,
) -> SmallVec<[Given<'r>; 2]> {
    let given = results.map(|result| Given {
        result,
        word: result.result,
    });
    let (mut numbers, words): (SmallVec<[Given<'r>; 2]>, SmallVec<[Given<'r>; 2]>) =
        given.partition(|given| given.result.has_numbers());
    if numbers.is_empty() {
        return words;
    }
    let mut alone: SmallVec<[Given<'r>; 2]> = SmallVec::new();
    for word in words {
        let belongs = |count: &Given<'_>| {
            let same_cells = word.result.cells.is_none() || word.result.cells == count.result.cells;
            same_cells && count.word.is_none_or(|own| Some(own) == word.word)
        };
        if word.word.is_some() && numbers.iter().all(belongs) {
            for count in &mut numbers {
                count.word = word.word;
            }
        } else {
            alone.push(word);
        }
    }
    numbers.extend(alone);
    numbers
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::{by_default, measure, numbers, result};
    use super::*;
    use crate::her2::conventions::Conventions;

    fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
        Some(NaiveDate::from_ymd_opt(year, month, day).unwrap())
    }

    fn reported(reported_on: Option<NaiveDate>) -> IshResult {
        IshResult {
            probe: None,
            reported_on,
            ..result()
        }
    }

    fn counts(word: IshWord, reported_on: Option<NaiveDate>, edition: Edition) -> Counts {
        word_counts(word, &reported(reported_on), by_default(edition)).counts
    }

    #[test]
    fn an_equivocal_word_means_what_the_edition_of_its_day_called_so() {
        let group_4 = EnumSet::only(Count::LowMiddle);
        let in_2018 = |reported_on| {
            word_counts(
                IshWord::Equivocal,
                &reported(reported_on),
                by_default(Edition::AscoCap2018),
            )
        };
        for (reported_on, is_of_2013) in [
            (day(2013, 12, 31), false),
            (day(2014, 1, 1), true),
            (day(2018, 5, 29), true),
            (day(2018, 5, 30), false),
            (None, false),
        ] {
            let meaning = in_2018(reported_on);
            assert_eq!(meaning.counts == group_4, is_of_2013, "{reported_on:?}");
            assert_eq!(meaning.is_undefined, !is_of_2013);
        }
        assert_eq!(
            counts(IshWord::Equivocal, None, Edition::AscoCap2013),
            group_4
        );
        assert_eq!(
            counts(IshWord::Equivocal, None, Edition::AscoCap2007),
            Count::MiddleHigh | Count::MiddleMiddle | Count::MiddleLow
        );
        assert!(
            word_counts(
                IshWord::Equivocal,
                &result(),
                by_default(Edition::Gastric2016)
            )
            .is_undefined
        );
    }

    #[test]
    fn an_equivocal_single_probe_assay_has_copies_in_the_middle() {
        let single = IshResult {
            probe: Some(Probe::Single),
            ..result()
        };
        for edition in [Edition::AscoCap2013, Edition::AscoCap2007] {
            let meaning = word_counts(IshWord::Equivocal, &single, by_default(edition));
            assert_eq!(meaning.counts, Count::SingleMiddle);
        }
    }

    #[test]
    fn equivocal_is_usual_only_for_what_the_edition_in_force_leaves_open() {
        let usual = |edition| -> Counts {
            Counts::all()
                .iter()
                .filter(|count| is_usual_word(*count, IshWord::Equivocal, edition))
                .filter(|count| {
                    count
                        .dual()
                        .is_some_and(|class| class.ratio != Level::Middle)
                })
                .collect()
        };
        assert_eq!(
            usual(Edition::AscoCap2018),
            Count::HighLow | Count::LowHigh | Count::LowMiddle
        );
        assert_eq!(usual(Edition::AscoCap2013), Count::LowMiddle);
        assert_eq!(usual(Edition::Gastric2016), Count::LowMiddle);
        assert_eq!(usual(Edition::AscoCap2007), Counts::empty());
        for count in [Count::MiddleHigh, Count::MiddleMiddle, Count::MiddleLow] {
            assert!(is_usual_word(
                count,
                IshWord::Equivocal,
                Edition::AscoCap2007
            ));
        }
    }

    #[test]
    fn polysomy_without_amplification_is_usual_for_a_low_ratio_only() {
        let usual: Counts = (Counts::all().iter())
            .filter(|count| count.dual().is_some())
            .filter(|count| {
                is_usual_word(*count, IshWord::PolysomyNotAmplified, Edition::AscoCap2018)
            })
            .collect();
        assert_eq!(usual, Count::LowHigh | Count::LowMiddle | Count::LowLow);
    }

    #[test]
    fn a_word_before_the_day_from_which_words_are_trusted_is_what_any_edition_meant() {
        let conventions = Conventions {
            ish_words_trusted_from: day(2019, 1, 1),
            ..Conventions::default()
        };
        let by = |edition| ReadBy {
            edition,
            conventions: &conventions,
            sample: None,
        };
        let in_2018 = |word, on| word_counts(word, &reported(on), by(Edition::AscoCap2018)).counts;
        for on in [day(2018, 12, 31), None] {
            assert_eq!(
                in_2018(IshWord::Amplified, on),
                Count::HighHigh | Count::HighMiddle | Count::HighLow | Count::LowHigh
            );
            assert_eq!(
                in_2018(IshWord::NotAmplified, on),
                Count::LowHigh | Count::LowMiddle | Count::LowLow
            );
        }
        for on in [day(2019, 1, 1), day(2020, 1, 1)] {
            assert_eq!(in_2018(IshWord::Amplified, on), Count::Amplified);
            assert_eq!(in_2018(IshWord::NotAmplified, on), Count::NotAmplified);
        }
        // Under an older edition the word is that edition's own.
        let in_2013 = word_counts(IshWord::Amplified, &result(), by(Edition::AscoCap2013)).counts;
        assert_eq!(in_2013, Count::Amplified);
    }

    #[test]
    fn polysomy_without_amplification_is_a_low_ratio_with_any_copies() {
        assert_eq!(
            counts(IshWord::PolysomyNotAmplified, None, Edition::AscoCap2018),
            Count::LowHigh | Count::LowMiddle | Count::LowLow
        );
    }

    #[test]
    fn a_word_apart_belongs_to_the_numbers_beside_it_unless_it_counts_other_cells() {
        let apart = |cells, own| {
            let word = IshResult {
                result: Some(IshWord::NotAmplified),
                cells,
                ..result()
            };
            let counted = IshResult {
                result: own,
                ..numbers("1.2", "3.0")
            };
            let results = [&counted, &word];
            let given = attach_words(results.iter());
            given.iter().map(|given| given.word).collect::<Vec<_>>()
        };
        let not_amplified = Some(IshWord::NotAmplified);
        assert_eq!(apart(None, None), [not_amplified]);
        assert_eq!(apart(measure("40"), None), [not_amplified]);
        assert_eq!(apart(measure("50"), None), [None, not_amplified]);
        assert_eq!(apart(None, not_amplified), [not_amplified]);
        assert_eq!(
            apart(None, Some(IshWord::Amplified)),
            [Some(IshWord::Amplified), not_amplified]
        );
    }

    #[test]
    fn a_result_without_number_or_word_belongs_to_none() {
        let (counted, void) = (numbers("1.2", "3.0"), result());
        let results = [&counted, &void];
        let given = attach_words(results.iter());
        let words: Vec<_> = given.iter().map(|given| given.word).collect();
        assert_eq!(words, [None, None]);
    }
}
