//! The inputs of an edition's table that one reading allows.

use crate::her2::evidence::Score;
use crate::her2::guideline::{Dual, Edition, Ihc, Ish, Level, Recount};
use crate::her2::readings::{Count, Counts, IhcReading, IshReading};

/// The scores of a reading.
pub(super) fn possible_scores(reading: IhcReading) -> impl Iterator<Item = Ihc> {
    let (one, several) = match reading {
        IhcReading::NotDone => (Some(Ihc::NotKnown), None),
        IhcReading::Failed => (Some(Ihc::Failed), None),
        IhcReading::Score(score) => (Some(Ihc::Score(score)), None),
        IhcReading::OneOf(scores) => (None, Some(scores)),
    };
    one.into_iter()
        .chain(several.into_iter().flatten().map(Ihc::Score))
}

/// The counts of a reading, without the recount. An adjudicated result replaces both counts.
pub(super) fn possible_counts(reading: IshReading) -> impl Iterator<Item = Ish> {
    let is_adjudicated = !reading.adjudicated.is_empty();
    let counts = if is_adjudicated {
        reading.adjudicated
    } else if reading.initial.is_empty() {
        Counts::only(Count::NotDone)
    } else {
        reading.initial
    };
    counts.iter().map(move |count| match count.dual() {
        Some(class) if is_adjudicated => Ish::Adjudicated(class),
        _ => count.as_ish(),
    })
}

/// Sets the recount beside a dual-probe count. Only a complete one counts (its class is certain), except that with
/// IHC 3+ a recount that may be negative by itself is already worth a look.
pub(super) fn with_recount(edition: Edition, count: Ish, ihc: Ihc, reading: IshReading) -> Ish {
    let Ish::Dual(first, _) = count else {
        return count;
    };
    let recount = match only_class(edition, reading.recount) {
        Some(second) if edition.class_name(second) == edition.class_name(first) => {
            Recount::SameClass
        }
        Some(second) => Recount::OtherClass(second),
        None if ihc == Ihc::Score(Score::ThreePlus) => {
            (lowest(reading.recount)).map_or(Recount::NotDone, Recount::OtherClass)
        }
        None => Recount::NotDone,
    };
    Ish::Dual(first, recount)
}

/// What a dual-probe count may be together with an incomplete recount: one for each class that this may be of.
pub(super) fn possible_recounts(
    edition: Edition,
    count: Ish,
    reading: IshReading,
) -> impl Iterator<Item = Ish> {
    let first = match count {
        Ish::Dual(first, Recount::NotDone) => Some(first),
        _ => None,
    };
    let classes = reading.recount.iter().filter_map(Count::dual);
    (first.into_iter()).flat_map(move |first| {
        classes.clone().map(move |second| {
            if edition.class_name(second) == edition.class_name(first) {
                Ish::Dual(first, Recount::SameClass)
            } else {
                Ish::Dual(first, Recount::OtherClass(second))
            }
        })
    })
}

/// The class of a count that can be of one class only.
pub(super) fn only_class(edition: Edition, counts: Counts) -> Option<Dual> {
    let mut classes = counts.iter().map(Count::dual);
    let first = classes.next()??;
    classes
        .all(|other| {
            other.is_some_and(|other| edition.class_name(other) == edition.class_name(first))
        })
        .then_some(first)
}

/// The class with a low ratio and the fewest copies that a recount may be of, where it may have a low ratio.
fn lowest(recount: Counts) -> Option<Dual> {
    (recount.iter().filter_map(Count::dual))
        .filter(|class| class.ratio == Level::Low)
        .min_by_key(|class| class.copies)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TWO_PLUS: Ihc = Ihc::Score(Score::TwoPlus);
    const GROUP_4: Dual = Dual {
        ratio: Level::Low,
        copies: Level::Middle,
    };

    fn recounted(recount: Counts, ihc: Ihc) -> Ish {
        let reading = IshReading {
            recount,
            ..IshReading::default()
        };
        let first = Ish::Dual(GROUP_4, Recount::NotDone);
        with_recount(Edition::AscoCap2018, first, ihc, reading)
    }

    fn class(count: Count) -> Dual {
        count.dual().unwrap()
    }

    #[test]
    fn a_recount_counts_only_when_its_class_is_certain() {
        let four = |recount| Ish::Dual(GROUP_4, recount);
        assert_eq!(
            recounted(Count::LowMiddle.into(), TWO_PLUS),
            four(Recount::SameClass)
        );
        assert_eq!(
            recounted(Count::HighLow.into(), TWO_PLUS),
            four(Recount::OtherClass(class(Count::HighLow)))
        );
        assert_eq!(
            recounted(Count::HighLow | Count::LowMiddle, TWO_PLUS),
            four(Recount::NotDone)
        );
        assert_eq!(
            recounted(Count::Amplified.into(), TWO_PLUS),
            four(Recount::NotDone)
        );
        // Both are group 1.
        assert_eq!(
            recounted(Count::HighHigh | Count::HighMiddle, TWO_PLUS),
            four(Recount::OtherClass(class(Count::HighHigh)))
        );
        assert_eq!(
            recounted(Count::LowMiddle | Count::Failed, TWO_PLUS),
            four(Recount::NotDone)
        );
    }

    #[test]
    fn a_recount_that_may_be_group_5_beside_3_plus_is_looked_at() {
        let three_plus = Ihc::Score(Score::ThreePlus);
        assert_eq!(
            recounted(Count::HighHigh | Count::LowHigh | Count::LowLow, three_plus),
            Ish::Dual(GROUP_4, Recount::OtherClass(class(Count::LowLow)))
        );
        assert_eq!(
            recounted(Count::HighHigh | Count::HighLow, three_plus),
            Ish::Dual(GROUP_4, Recount::NotDone)
        );
    }

    #[test]
    fn an_adjudicated_result_replaces_the_first_count() {
        let counts = |reading| possible_counts(reading).collect::<Vec<_>>();
        let reading = IshReading {
            initial: Count::LowMiddle.into(),
            adjudicated: Count::HighHigh.into(),
            ..IshReading::default()
        };
        assert_eq!(counts(reading), [Ish::Adjudicated(class(Count::HighHigh))]);
        assert_eq!(counts(IshReading::default()), [Ish::NotDone]);
        let failed = IshReading {
            adjudicated: Count::Failed.into(),
            ..reading
        };
        assert_eq!(counts(failed), [Ish::Failed]);
    }

    #[test]
    fn a_word_for_several_scores_leaves_each_of_them_possible() {
        let scores = |reading| possible_scores(reading).collect::<Vec<_>>();
        let negative = IhcReading::OneOf(Score::Zero | Score::OnePlus);
        assert_eq!(
            scores(negative),
            [Ihc::Score(Score::Zero), Ihc::Score(Score::OnePlus)]
        );
        assert_eq!(scores(IhcReading::NotDone), [Ihc::NotKnown]);
        assert_eq!(scores(IhcReading::Failed), [Ihc::Failed]);
        assert_eq!(scores(IhcReading::Score(Score::TwoPlus)), [TWO_PLUS]);
    }

    #[test]
    fn an_incomplete_recount_may_be_of_each_class_that_it_reaches() {
        let reading = IshReading {
            recount: Count::LowMiddle | Count::HighLow | Count::Failed,
            ..IshReading::default()
        };
        let again =
            |count| possible_recounts(Edition::AscoCap2018, count, reading).collect::<Vec<_>>();
        assert_eq!(
            again(Ish::Dual(GROUP_4, Recount::NotDone)),
            [
                Ish::Dual(GROUP_4, Recount::OtherClass(class(Count::HighLow))),
                Ish::Dual(GROUP_4, Recount::SameClass),
            ]
        );
        assert!(again(Ish::Dual(GROUP_4, Recount::SameClass)).is_empty());
        assert!(again(Ish::Single(Level::High)).is_empty());
    }
}
