//! Numbers become classes here and nowhere else: each edition names its thresholds, and a set of possible values
//! reaches a set of levels.

use enumset::{EnumSet, EnumSetType};
use rust_decimal::Decimal;

use crate::her2::number::Span;

/// Where a number stands among an edition's thresholds.
#[derive(EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Below what is open.
    Low,
    /// Where the edition leaves the number open; a ratio with a single threshold is never there.
    Middle,
    /// Above what is open.
    High,
}

/// The thresholds of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// High from this value on, low below it.
    At(Decimal),
    /// Middle from the first value to below the second.
    From(Decimal, Decimal),
    /// Middle from the first value to the second, both included.
    Including(Decimal, Decimal),
}

impl Cut {
    /// The levels that possible values reach.
    pub fn levels(self, values: Span) -> EnumSet<Level> {
        let (low, middle, high) = match self {
            Self::At(cut) => (values.may_be_below(cut), false, values.may_be_at_least(cut)),
            Self::From(from, below) => (
                values.may_be_below(from),
                values.may_be_at_least(from) && values.may_be_below(below),
                values.may_be_at_least(below),
            ),
            Self::Including(from, to) => (
                values.may_be_below(from),
                values.may_be_at_least(from) && values.may_be_at_most(to),
                values.may_be_above(to),
            ),
        };
        let mut levels = EnumSet::empty();
        for (is_reached, level) in [
            (low, Level::Low),
            (middle, Level::Middle),
            (high, Level::High),
        ] {
            if is_reached {
                levels |= level;
            }
        }
        levels
    }

    fn levels_of(self, values: Option<Span>) -> EnumSet<Level> {
        self.levels(values.unwrap_or_default())
    }
}

/// The thresholds of an edition for in situ hybridisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// Of the HER2/CEP17 ratio.
    pub ratio: Cut,
    /// Of the mean HER2 copies per cell.
    pub copies: Cut,
}

/// The class of a dual-probe count: where its ratio and its copies stand. What the two mean together is told by each
/// edition's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dual {
    /// The ratio.
    pub ratio: Level,
    /// The HER2 copies.
    pub copies: Level,
}

impl Cuts {
    /// The classes that possible ratios and copies reach; an absent number may be anything.
    pub fn dual(self, ratio: Option<Span>, copies: Option<Span>) -> impl Iterator<Item = Dual> {
        let copies = self.copies.levels_of(copies);
        (self.ratio.levels_of(ratio).into_iter())
            .flat_map(move |ratio| copies.into_iter().map(move |copies| Dual { ratio, copies }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::number::Measure;

    fn levels(cut: Cut, text: &str) -> EnumSet<Level> {
        cut.levels(Measure::parse(text).unwrap().span())
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn a_single_threshold_belongs_to_the_level_above_it() {
        let ratio = Cut::At(decimal("2.0"));
        assert_eq!(levels(ratio, "1.999"), Level::Low);
        assert_eq!(levels(ratio, "2.00"), Level::High);
        assert_eq!(levels(ratio, "<2.0"), Level::Low);
        assert_eq!(levels(ratio, "<=2.0"), Level::Low | Level::High);
        assert_eq!(levels(ratio, ">2.0"), Level::High);
    }

    #[test]
    fn a_middle_that_ends_below_its_second_threshold() {
        let copies = Cut::From(decimal("4.0"), decimal("6.0"));
        assert_eq!(levels(copies, "3.99"), Level::Low);
        assert_eq!(levels(copies, "4.0"), Level::Middle);
        assert_eq!(levels(copies, "5.99"), Level::Middle);
        assert_eq!(levels(copies, "6.0"), Level::High);
        assert_eq!(levels(copies, "<4"), Level::Low);
        assert_eq!(levels(copies, "<=4"), Level::Low | Level::Middle);
        assert_eq!(levels(copies, "4-6"), Level::Middle | Level::High);
        assert_eq!(levels(copies, "<6"), Level::Low | Level::Middle);
        assert_eq!(levels(copies, ">=6"), Level::High);
    }

    #[test]
    fn a_middle_that_includes_its_second_threshold() {
        let ratio = Cut::Including(decimal("1.8"), decimal("2.2"));
        assert_eq!(levels(ratio, "1.79"), Level::Low);
        assert_eq!(levels(ratio, "1.8"), Level::Middle);
        assert_eq!(levels(ratio, "2.20"), Level::Middle);
        assert_eq!(levels(ratio, "2.201"), Level::High);
        assert_eq!(levels(ratio, ">2.2"), Level::High);
        assert_eq!(levels(ratio, ">=2.2"), Level::Middle | Level::High);
        assert_eq!(levels(ratio, "1.8-2.2"), Level::Middle);
    }

    #[test]
    fn an_absent_number_reaches_every_level_of_its_cut() {
        let cuts = Cuts {
            ratio: Cut::At(decimal("2.0")),
            copies: Cut::From(decimal("4.0"), decimal("6.0")),
        };
        let ratio = Measure::parse("2.5").unwrap().span();
        assert_eq!(cuts.dual(Some(ratio), None).count(), 3);
        assert_eq!(cuts.dual(None, None).count(), 6);
    }
}
