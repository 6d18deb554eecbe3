//! Kinds of a status. HER2-low, ultralow and null are kinds of negative (RAKHA26; FDA labels 2022 and 2025).

use rust_decimal::Decimal;

use super::Conventions;
use crate::her2::decision::{Category, Group, Status};
use crate::her2::evidence::{IhcFinding, IhcResult, Score};
use crate::her2::guideline::{Edition, Ihc, Ish};
use crate::her2::number::Measure;

/// The kinds that a result may be of. HER2-low, ultralow and null are kinds of negative (RAKHA26; FDA labels 2022 and
/// 2025); which kind a score 0 is depends on the staining that is stated.
pub fn categories(
    edition: Edition,
    conventions: &Conventions,
    status: Status,
    ihc: Ihc,
    ish: Ish,
) -> &'static [Category] {
    let group = match ish {
        Ish::Dual(count, _) | Ish::Adjudicated(count) => edition.group(count),
        _ => None,
    };
    let group_2_or_4 = matches!(group, Some(Group::Two | Group::Four));
    match (status, ihc) {
        (Status::Positive, _) => &[Category::Positive],
        (Status::Equivocal, _) => &[Category::Equivocal],
        (Status::Indeterminate | Status::Insufficient, _) => &[Category::None],
        (Status::Negative, _) if !edition.has_kinds_of_negative() => &[Category::None],
        (Status::Negative, Ihc::Score(Score::Zero)) => &[
            Category::Null,
            Category::Ultralow,
            Category::ZeroUnspecified,
        ],
        (Status::Negative, Ihc::Score(Score::OnePlus)) => &[Category::Low],
        (Status::Negative, Ihc::Score(Score::TwoPlus))
            if group_2_or_4 && !conventions.group_2_or_4_with_2_plus_is_low =>
        {
            &[Category::None]
        }
        (Status::Negative, Ihc::Score(Score::TwoPlus)) => &[Category::Low],
        (Status::Negative, Ihc::NotKnown | Ihc::Failed | Ihc::Score(Score::ThreePlus)) => {
            &[Category::None]
        }
    }
}

/// Score 0: null without staining, ultralow with staining in more than 0 and at most 10 % of cells.
pub(super) fn kind_of_zero(results: &[IhcResult]) -> Category {
    let may_be_zero = |result: &&IhcResult| match result.finding {
        IhcFinding::Score(scores) => scores.contains(Score::Zero),
        IhcFinding::Stated(_) => false,
    };
    let mut kinds = results.iter().filter(may_be_zero).flat_map(|result| {
        let by_percent = result.percent.as_ref().map(kind_by_percent);
        let by_presence = result.staining_present.map(|present| {
            if present {
                Category::Ultralow
            } else {
                Category::Null
            }
        });
        by_percent.into_iter().chain(by_presence)
    });
    match kinds.next() {
        Some(first) if kinds.all(|other| other == first) => first,
        _ => Category::ZeroUnspecified,
    }
}

/// Staining in at most this percentage of cells is ultralow (FDA label 2025).
const ULTRALOW_PERCENT: Decimal = Decimal::from_parts(10, 0, 0, false, 0);

fn kind_by_percent(percent: &Measure) -> Category {
    let span = percent.span();
    if percent.is_zero() {
        Category::Null
    } else if span.may_be_at_most(Decimal::ZERO)
        || span.may_be_above(ULTRALOW_PERCENT)
        || percent.is_negative()
    {
        Category::ZeroUnspecified
    } else {
        Category::Ultralow
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use enumset::EnumSet;

    use crate::her2::evidence::Source;

    fn zero(percent: Option<&str>, staining_present: Option<bool>) -> IhcResult {
        IhcResult {
            percent: percent.map(|text| Measure::parse(text).unwrap()),
            staining_present,
            ..IhcResult::new(
                IhcFinding::Score(EnumSet::only(Score::Zero)),
                Source::unversioned("Observation/1"),
            )
        }
    }

    #[test]
    fn staining_in_more_than_0_and_at_most_10_percent_is_ultralow() {
        for (percent, kind) in [
            ("0", Category::Null),
            ("0.0", Category::Null),
            ("0.1", Category::Ultralow),
            ("10", Category::Ultralow),
            ("1-10", Category::Ultralow),
            ("10.1", Category::ZeroUnspecified),
            ("0-10", Category::ZeroUnspecified),
            ("<10", Category::ZeroUnspecified),
            ("-1", Category::ZeroUnspecified),
        ] {
            assert_eq!(
                kind_of_zero(&[zero(Some(percent), None)]),
                kind,
                "{percent}"
            );
        }
    }

    #[test]
    fn statements_of_staining_that_differ_tell_no_kind() {
        assert_eq!(kind_of_zero(&[zero(None, Some(true))]), Category::Ultralow);
        assert_eq!(kind_of_zero(&[zero(None, None)]), Category::ZeroUnspecified);
        assert_eq!(
            kind_of_zero(&[zero(Some("5"), Some(false))]),
            Category::ZeroUnspecified
        );
        assert_eq!(
            kind_of_zero(&[zero(Some("0"), None), zero(None, Some(true))]),
            Category::ZeroUnspecified
        );
    }

    #[test]
    fn groups_2_and_4_with_2_plus_are_low_unless_the_site_has_it_otherwise() {
        use crate::her2::guideline::{Dual, Level, Recount};

        let kinds = |is_low, ratio, copies, adjudicated| {
            let conventions = Conventions {
                group_2_or_4_with_2_plus_is_low: is_low,
                ..Conventions::default()
            };
            let count = Dual { ratio, copies };
            let ish = if adjudicated {
                Ish::Adjudicated(count)
            } else {
                Ish::Dual(count, Recount::SameClass)
            };
            let two_plus = Ihc::Score(Score::TwoPlus);
            categories(
                Edition::AscoCap2018,
                &conventions,
                Status::Negative,
                two_plus,
                ish,
            )
        };
        for adjudicated in [false, true] {
            for (ratio, copies) in [(Level::High, Level::Low), (Level::Low, Level::Middle)] {
                assert_eq!(kinds(true, ratio, copies, adjudicated), [Category::Low]);
                assert_eq!(kinds(false, ratio, copies, adjudicated), [Category::None]);
            }
            let group_5 = kinds(false, Level::Low, Level::Low, adjudicated);
            assert_eq!(group_5, [Category::Low]);
        }
    }
}
