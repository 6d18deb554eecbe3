//! What a second count and an adjudicated result are beside the first count.

use smallvec::{SmallVec, smallvec};

use super::ish::Notes;
use super::ish_words::is_usual_word;
use super::{Alternatives, Count, Counts, ReadBy};
use crate::her2::evidence::{CountRole, IshResult, IshWord};

/// The first count and its recount as the guideline pairs them. A recount that follows no valid dual-probe count is
/// itself the count, except that a single-probe count yields to a dual-probe one only; a recount whose first count is
/// missing leaves that open.
pub(super) fn with_recount(
    first: Counts,
    second: Counts,
    results: &[&IshResult],
    by: ReadBy<'_>,
    notes: &mut Notes,
) -> SmallVec<[(Counts, Counts); 2]> {
    let nothing = Counts::empty();
    if second.is_subset(Count::Failed | Count::NotDone) {
        return smallvec![(first, nothing)];
    }
    if first.contains(Count::Failed) && first != Count::Failed {
        let mut either_way = with_recount(first - Count::Failed, second, results, by, notes);
        either_way.push((second, nothing));
        either_way.dedup();
        return either_way;
    }
    let may_be_dual = second.iter().any(|count| count.dual().is_some());
    if !may_be_dual {
        return with_other_recount(first, second, results, by, notes);
    }
    if first.is_empty() || first == Count::NotDone {
        return smallvec![(by.any_dual(), second)];
    }
    if first == Count::Failed {
        return smallvec![(second, nothing)];
    }
    if first.iter().all(is_single) {
        let is_dual = is_counted(results, CountRole::Recount) && !second.iter().any(is_single);
        if is_dual || first.is_subset(second) {
            return smallvec![(second, nothing)];
        }
        notes.differ(results, CountRole::Recount);
        return smallvec![(first, nothing), (second, nothing)];
    }
    if is_word(first) {
        if fits_word(second, first, by) {
            return smallvec![(second, nothing)];
        }
        notes.differ(results, CountRole::Recount);
        return smallvec![(first, nothing), (second, nothing)];
    }
    smallvec![(first, second)]
}

/// A recount that is no dual-probe count: a single-probe one, or a word. It yields to a dual-probe count, and is else held
/// against the first like any other result of the tissue.
fn with_other_recount(
    first: Counts,
    second: Counts,
    results: &[&IshResult],
    by: ReadBy<'_>,
    notes: &mut Notes,
) -> SmallVec<[(Counts, Counts); 2]> {
    let nothing = Counts::empty();
    let void = Count::Failed | Count::NotDone;
    if first == Count::Failed {
        return smallvec![(second, nothing)];
    }
    // A word about a second count leaves the first one open, where that is missing.
    if first.is_subset(void) {
        let is_counted = !is_word(second - void);
        return smallvec![(if is_counted { second } else { by.any_dual() }, nothing)];
    }
    let (first_counts, second_counts) = (first - void, second - void);
    let is_dual = first_counts.iter().all(|count| count.dual().is_some())
        && is_counted(results, CountRole::Initial);
    let kept = if is_word(second_counts) {
        fits_word(first_counts, second_counts, by).then_some(first)
    } else if is_word(first_counts) {
        fits_word(second_counts, first_counts, by).then_some(second)
    } else if is_dual {
        Some(first)
    } else {
        let shared = first & second;
        (!(shared - void).is_empty()).then_some(shared)
    };
    if let Some(kept) = kept {
        return smallvec![(kept, nothing)];
    }
    notes.differ(results, CountRole::Recount);
    smallvec![(first, nothing), (second, nothing)]
}

/// Whether a result of this role has numbers.
fn is_counted(results: &[&IshResult], role: CountRole) -> bool {
    (results.iter()).any(|result| result.role == role && result.has_numbers())
}

/// Whether a word is usual for every one of the counts.
fn fits_word(counts: Counts, words: Counts, by: ReadBy<'_>) -> bool {
    words.iter().any(|word| {
        let word = if word == Count::Amplified {
            IshWord::Amplified
        } else {
            IshWord::NotAmplified
        };
        counts
            .iter()
            .all(|count| is_usual_word(count, word, by.edition))
    })
}

/// The adjudicated results to set beside a count. One that is void leaves the counts as they are; one that failed does
/// not wipe out a count that stands.
pub(super) fn with_adjudication(
    first: Counts,
    adjudicated: &[Counts],
    results: &[&IshResult],
    notes: &mut Notes,
) -> Alternatives {
    let mut beside = Alternatives::new();
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

/// "Amplified" or "not amplified" without numbers.
pub(super) fn is_word(counts: Counts) -> bool {
    !counts.is_empty() && counts.is_subset(Count::Amplified | Count::NotAmplified)
}

pub(super) fn is_single(count: Count) -> bool {
    matches!(
        count,
        Count::SingleLow | Count::SingleMiddle | Count::SingleHigh
    )
}
