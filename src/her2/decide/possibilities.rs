//! The inputs of the guideline's table that one reading allows.

use crate::her2::asco_cap_2018::{CopyClass, Ihc, Ish, Recount};
use crate::her2::decision::Group;
use crate::her2::evidence::Score;
use crate::her2::readings::{Count, Counts, IhcReading, IshReading};

/// The scores of a reading.
pub(super) fn possible_scores(reading: IhcReading) -> Vec<Ihc> {
    match reading {
        IhcReading::NotDone => vec![Ihc::NotKnown],
        IhcReading::Failed => vec![Ihc::Failed],
        IhcReading::Score(score) => vec![Ihc::Score(score)],
        IhcReading::OneOf(scores) => scores.iter().map(Ihc::Score).collect(),
    }
}

/// The counts of a reading, without the recount. An adjudicated result replaces both counts.
pub(super) fn possible_counts(reading: IshReading) -> Vec<Ish> {
    if !reading.adjudicated.is_empty() {
        return (reading.adjudicated.iter())
            .map(|count| match count.group() {
                Some(group) => Ish::Adjudicated(group),
                None => as_ish(count),
            })
            .collect();
    }
    if reading.initial.is_empty() {
        return vec![Ish::NotDone];
    }
    reading.initial.iter().map(as_ish).collect()
}

fn as_ish(count: Count) -> Ish {
    match count {
        Count::Group1 => Ish::Dual(Group::One, Recount::NotDone),
        Count::Group2 => Ish::Dual(Group::Two, Recount::NotDone),
        Count::Group3 => Ish::Dual(Group::Three, Recount::NotDone),
        Count::Group4 => Ish::Dual(Group::Four, Recount::NotDone),
        Count::Group5 => Ish::Dual(Group::Five, Recount::NotDone),
        Count::SingleBelow4 => Ish::Single(CopyClass::Below4),
        Count::Single4To6 => Ish::Single(CopyClass::From4To6),
        Count::SingleFrom6 => Ish::Single(CopyClass::AtLeast6),
        Count::Amplified => Ish::Amplified,
        Count::NotAmplified => Ish::NotAmplified,
        Count::Failed => Ish::Failed,
        Count::NotDone => Ish::NotDone,
    }
}

/// Sets the recount beside a dual-probe group. Only a complete one counts (its group is certain), except that with
/// IHC 3+ a recount that may be group 5 is already worth a look.
pub(super) fn with_recount(count: Ish, ihc: Ihc, reading: IshReading) -> Ish {
    let Ish::Dual(group, _) = count else {
        return count;
    };
    let recount = match only_group(reading.recount) {
        Some(same) if same == group => Recount::SameGroup,
        Some(other) => Recount::OtherGroup(other),
        None if ihc == Ihc::Score(Score::ThreePlus) && reading.recount.contains(Count::Group5) => {
            Recount::OtherGroup(Group::Five)
        }
        None => Recount::NotDone,
    };
    Ish::Dual(group, recount)
}

/// The group of a count that can be one thing only.
pub(super) fn only_group(counts: Counts) -> Option<Group> {
    let mut counts = counts.iter();
    match (counts.next(), counts.next()) {
        (Some(count), None) => count.group(),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::readings::any_group;

    fn recounted(recount: Counts, ihc: Ihc) -> Ish {
        let reading = IshReading {
            recount,
            ..IshReading::default()
        };
        with_recount(Ish::Dual(Group::Four, Recount::NotDone), ihc, reading)
    }

    #[test]
    fn a_recount_counts_only_when_its_group_is_certain() {
        let two_plus = Ihc::Score(Score::TwoPlus);
        let four = |recount| Ish::Dual(Group::Four, recount);
        assert_eq!(
            recounted(Count::Group4.into(), two_plus),
            four(Recount::SameGroup)
        );
        assert_eq!(
            recounted(Count::Group2.into(), two_plus),
            four(Recount::OtherGroup(Group::Two))
        );
        assert_eq!(
            recounted(Count::Group2 | Count::Group4, two_plus),
            four(Recount::NotDone)
        );
        assert_eq!(
            recounted(Count::Amplified.into(), two_plus),
            four(Recount::NotDone)
        );
    }

    #[test]
    fn a_recount_that_may_be_group_5_beside_3_plus_is_looked_at() {
        assert_eq!(
            recounted(any_group(), Ihc::Score(Score::ThreePlus)),
            Ish::Dual(Group::Four, Recount::OtherGroup(Group::Five))
        );
    }

    #[test]
    fn an_adjudicated_result_replaces_the_first_count() {
        let reading = IshReading {
            initial: Count::Group4.into(),
            adjudicated: Count::Group1.into(),
            ..IshReading::default()
        };
        assert_eq!(possible_counts(reading), [Ish::Adjudicated(Group::One)]);
        assert_eq!(possible_counts(IshReading::default()), [Ish::NotDone]);
    }
}
