//! Populations of tumour cells that a laboratory counted separately.

use rust_decimal::Decimal;
use smallvec::{SmallVec, smallvec};

use crate::her2::evidence::IshResult;
use crate::her2::number::Measure;

/// A second population is counted separately when it is more than this share of the tumour cells (ASCO/CAP 2018, criteria
/// of a valid count).
const COUNTED_APART: Decimal = Decimal::from_parts(10, 0, 0, false, 0);

/// Whether a population is large enough to be judged apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// More than 10 % of the cells.
    Large,
    /// At most 10 %.
    Small,
    /// It may be either.
    Open,
}

impl Share {
    fn of(percent: &Measure) -> Self {
        let span = percent.span();
        match (
            span.may_be_above(COUNTED_APART),
            span.may_be_at_most(COUNTED_APART),
        ) {
            (true, false) => Self::Large,
            (false, _) => Self::Small,
            (true, true) => Self::Open,
        }
    }
}

/// The results of the main population.
pub type Main<'e> = SmallVec<[&'e IshResult; 4]>;

/// The main population and each further one with its share.
#[derive(Debug, PartialEq)]
pub struct Populations<'e> {
    /// Results that name no population, or else those of the largest. `None` when a part of the tumour that may be large
    /// was not counted.
    pub main: Option<Main<'e>>,
    /// Each further population.
    pub further: Vec<(Share, &'e IshResult)>,
    /// A population of a share that cannot be beside the others: together they are more than all cells.
    pub impossible: Option<&'e IshResult>,
}

/// Tells the main population from further ones.
pub fn populations(results: &[IshResult]) -> Populations<'_> {
    let mut apart: Vec<(&Measure, &IshResult)> = Vec::new();
    let mut main: Main<'_> = SmallVec::new();
    for result in results {
        match &result.population_percent {
            Some(percent) => apart.push((percent, result)),
            None => main.push(result),
        }
    }
    let impossible = (counted_at_least(&apart) > Decimal::ONE_HUNDRED)
        .then(|| apart.last().map(|(_, result)| *result))
        .flatten();
    let main = if !main.is_empty() || apart.is_empty() {
        Some(main)
    } else if leaves_a_large_part(&apart) {
        None
    } else {
        let largest = (apart.iter().enumerate())
            .max_by_key(|(_, (percent, _))| percent.span().low.map(|low| low.value.approximate()))
            .map_or(0, |(index, _)| index);
        Some(smallvec![apart.swap_remove(largest).1])
    };
    Populations {
        main,
        further: (apart.iter())
            .map(|(percent, result)| (Share::of(percent), *result))
            .collect(),
        impossible,
    }
}

/// Whether what was counted may leave more than 10 % of the cells uncounted.
fn leaves_a_large_part(apart: &[(&Measure, &IshResult)]) -> bool {
    !(Decimal::ONE_HUNDRED - COUNTED_APART..=Decimal::ONE_HUNDRED)
        .contains(&counted_at_least(apart))
}

/// The sum of the least shares that the populations may have.
fn counted_at_least(apart: &[(&Measure, &IshResult)]) -> Decimal {
    (apart.iter())
        .filter_map(|(percent, _)| percent.span().low)
        .map(|low| {
            low.value
                .approximate()
                .clamp(Decimal::ZERO, Decimal::ONE_THOUSAND)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{measure, numbers};
    use super::*;

    fn population(percent: &str) -> IshResult {
        IshResult {
            population_percent: measure(percent),
            ..numbers("1.2", "2.4")
        }
    }

    #[test]
    fn the_largest_population_is_the_main_one_unless_the_whole_was_counted() {
        let results = [population("8"), population("92")];
        let told = populations(&results);
        assert_eq!(told.main, Some(smallvec![&results[1]]));
        assert_eq!(told.further, [(Share::Small, &results[0])]);

        let results = [population("30"), numbers("1.2", "2.4")];
        let told = populations(&results);
        assert_eq!(told.main, Some(smallvec![&results[1]]));
        assert_eq!(told.further, [(Share::Large, &results[0])]);

        assert_eq!(populations(&[]).main, Some(SmallVec::new()));
    }

    #[test]
    fn a_population_that_leaves_a_large_part_uncounted_is_not_the_main_one() {
        assert_eq!(populations(&[population("30")]).main, None);
        assert_eq!(populations(&[population("89.9")]).main, None);
        assert_eq!(populations(&[population("<95")]).main, None);
        assert!(populations(&[population("90")]).main.is_some());
        assert!(
            populations(&[population("50"), population("45")])
                .main
                .is_some()
        );
        // Shares above 100 % count nothing, and cannot be.
        for shares in [
            vec![population("300")],
            vec![population("92"), population("95")],
        ] {
            let told = populations(&shares);
            assert_eq!(told.main, None);
            assert_eq!(told.impossible, shares.last());
        }
        assert_eq!(
            populations(&[population("92"), population("8")]).impossible,
            None
        );
    }

    #[test]
    fn exactly_10_percent_is_not_counted_apart() {
        let share = |percent: &str| {
            let results = [population(percent), numbers("1.2", "2.4")];
            populations(&results)
                .further
                .first()
                .map(|further| further.0)
        };
        assert_eq!(share("10"), Some(Share::Small));
        assert_eq!(share("10.1"), Some(Share::Large));
        assert_eq!(share(">=10"), Some(Share::Open));
    }
}
