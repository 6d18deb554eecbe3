//! What is said about the tissue itself: how it was taken and fixed, and its grade. None of it is a result, so what
//! cannot be read is left alone.

use rust_decimal::Decimal;

use crate::fhir::elements::{Quantity, Value};
use crate::her2::evidence::Fixative;
use crate::her2::number::{Comparator, Measure};
use crate::mapping::table::{Finding, Mapping};

/// One thing that is known of the tissue.
#[derive(Clone, Debug, PartialEq)]
pub enum TissueFact {
    /// Hours in the fixative.
    FixationHours(Measure),
    /// Minutes until fixation.
    ColdIschemiaMinutes(Measure),
    /// Whether it was decalcified.
    Decalcified(bool),
    /// Histologic grade, 1 to 3.
    Grade(u8),
    /// What it was fixed in.
    Fixative(Fixative),
}

/// In what a time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elapsed {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
}

impl Elapsed {
    /// How many minutes it is.
    fn minutes(self) -> u32 {
        match self {
            Self::Minutes => 1,
            Self::Hours => MINUTES_OF_AN_HOUR,
        }
    }

    /// A quantity of time, exactly.
    pub fn of_quantity(self, mapping: &Mapping, quantity: &Quantity<'_>) -> Option<Measure> {
        let digits = quantity.value?;
        let unit = minutes_of(mapping, quantity.unit.unwrap_or(""))?;
        match quantity.comparator {
            None => self.exactly(digits, unit),
            Some(symbol) => {
                let exact = self.exactly(digits, unit)?;
                Measure::compared(Comparator::parse(symbol)?, exact.written()).ok()
            }
        }
    }

    /// A whole number of seconds, exactly.
    pub fn of_seconds(self, seconds: i64) -> Option<Measure> {
        let per_unit = i64::from(self.minutes()) * SECONDS_OF_A_MINUTE;
        Measure::quotient(&seconds.to_string(), &per_unit.to_string()).ok()
    }

    /// `digits` of a unit that has so many minutes. What is in the unit already keeps its digits.
    fn exactly(self, digits: &str, unit: u32) -> Option<Measure> {
        if unit == self.minutes() {
            return Measure::parse(digits).ok();
        }
        let value: Decimal = digits.parse().ok()?;
        let minutes = value.checked_mul(Decimal::from(unit))?;
        let minutes = minutes.normalize().to_string();
        Measure::quotient(&minutes, &self.minutes().to_string()).ok()
    }
}

const SECONDS_OF_A_MINUTE: i64 = 60;
const MINUTES_OF_AN_HOUR: u32 = 60;
const HOURS_OF_A_DAY: u32 = 24;

fn minutes_of(mapping: &Mapping, unit: &str) -> Option<u32> {
    let units = &mapping.units;
    let unit = unit.trim();
    if units.minutes.contains(unit) {
        Some(1)
    } else if units.hours.contains(unit) {
        Some(MINUTES_OF_AN_HOUR)
    } else if units.days.contains(unit) {
        Some(HOURS_OF_A_DAY * MINUTES_OF_AN_HOUR)
    } else {
        None
    }
}

/// What an answer says about the tissue; `None` when it cannot be read.
pub(super) fn fact_of(
    mapping: &Mapping,
    finding: Finding,
    value: &Value<'_>,
) -> Option<TissueFact> {
    match finding {
        Finding::FixationHours => {
            time(mapping, Elapsed::Hours, value).map(TissueFact::FixationHours)
        }
        Finding::ColdIschemiaMinutes => {
            time(mapping, Elapsed::Minutes, value).map(TissueFact::ColdIschemiaMinutes)
        }
        Finding::Decalcified => match value {
            Value::Boolean(decalcified) => Some(TissueFact::Decalcified(*decalcified)),
            _ => None,
        },
        Finding::HistologicGrade => grade(mapping, value).map(TissueFact::Grade),
        Finding::Fixative => match value {
            Value::Concept(concept) => mapping.fixatives.of(concept),
            Value::Text(text) => mapping.fixatives.of_text(text),
            _ => None,
        }
        .map(TissueFact::Fixative),
        _ => None,
    }
}

/// A time with its unit; a number alone is in the unit that the question names.
fn time(mapping: &Mapping, elapsed: Elapsed, value: &Value<'_>) -> Option<Measure> {
    match value {
        Value::Quantity(quantity) if quantity.unit.is_none() => {
            let digits = quantity.value?;
            match quantity.comparator {
                None => Measure::parse(digits).ok(),
                Some(symbol) => Measure::compared(Comparator::parse(symbol)?, digits).ok(),
            }
        }
        Value::Quantity(quantity) => elapsed.of_quantity(mapping, quantity),
        Value::Integer(digits) => Measure::parse(digits).ok(),
        _ => {
            let text = value.text()?.trim();
            let is_of_unit = |character: char| character.is_alphabetic();
            let (digits, unit) = text.split_at(text.find(is_of_unit)?);
            elapsed.exactly(digits.trim(), minutes_of(mapping, unit)?)
        }
    }
}

fn grade(mapping: &Mapping, value: &Value<'_>) -> Option<u8> {
    let of_text = |text: &str| mapping.grades.of_text(text);
    match value {
        Value::Concept(concept) => mapping.grades.of(concept),
        Value::Text(text) => of_text(text),
        Value::Integer(digits) => of_text(digits),
        // A sum of component scores is told apart by its unit.
        Value::Quantity(quantity)
            if quantity.comparator.is_none()
                && mapping.units.grade.contains(quantity.unit.unwrap_or("")) =>
        {
            of_text(quantity.value?)
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fhir::elements::Concept;
    use crate::mapping::table::BASE;

    fn mapping() -> Mapping {
        Mapping::load(&[("base", BASE)], "b").unwrap()
    }

    fn quantity<'r>(value: &'r str, unit: Option<&'r str>) -> Value<'r> {
        Value::Quantity(Quantity {
            value: Some(value),
            comparator: None,
            unit,
        })
    }

    #[test]
    fn times_are_converted_exactly_and_keep_their_digits() {
        let mapping = mapping();
        let hours =
            |value: &Value<'_>| time(&mapping, Elapsed::Hours, value).map(|time| time.to_string());
        assert_eq!(hours(&quantity("5.50", Some("h"))).unwrap(), "5.50");
        assert_eq!(hours(&quantity("90", Some("min"))).unwrap(), "1.5");
        assert_eq!(hours(&quantity("3", Some("d"))).unwrap(), "72");
        assert_eq!(hours(&quantity("20", Some("min"))).unwrap(), "20:60");
        assert_eq!(hours(&quantity("5", None)).unwrap(), "5");
        assert_eq!(hours(&Value::Text("96 hours")).unwrap(), "96");
        assert_eq!(hours(&quantity("5", Some("mm"))), None);
        assert_eq!(hours(&Value::Text("overnight")), None);
        assert_eq!(
            Elapsed::Minutes.of_seconds(5430).unwrap().to_string(),
            "90.5"
        );
    }

    #[test]
    fn a_grade_is_1_to_3_and_no_sum_of_scores() {
        let mapping = mapping();
        let read = |value: &Value<'_>| grade(&mapping, value);
        assert_eq!(read(&Value::Text("G3")), Some(3));
        assert_eq!(read(&Value::Integer("2")), Some(2));
        assert_eq!(read(&quantity("3", None)), Some(3));
        assert_eq!(read(&quantity("3", Some("{score}"))), None);
        assert_eq!(read(&quantity("6", None)), None);
        assert_eq!(
            read(&Value::Concept(Concept {
                codings: Vec::new(),
                text: Some("Grade 1"),
            })),
            Some(1)
        );
    }
}
