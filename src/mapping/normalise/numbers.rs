//! Numbers, in each of the ways that FHIR writes one.

use std::collections::BTreeSet;

use super::Unread;
use crate::fhir::elements::{Quantity, Value, quote};
use crate::her2::number::{Comparator, Measure, NotANumber};

/// A number with a unit that fits.
pub(super) fn number(value: &Value<'_>, units: &BTreeSet<String>) -> Result<Measure, Unread> {
    match value {
        Value::Quantity(quantity) => {
            check_unit(quantity, units)?;
            let digits = quantity
                .value
                .ok_or_else(|| "its quantity has no number".to_owned())?;
            match quantity.comparator {
                None => Measure::parse(digits),
                Some(symbol) => Measure::compared(comparator(symbol)?, digits),
            }
            .map_err(not_a_number)
        }
        Value::Integer(digits) => Measure::parse(digits).map_err(not_a_number),
        Value::Text(text) if units.contains("%") => {
            in_text(text, text.trim().trim_end_matches('%').trim_end())
        }
        Value::Text(text) => in_text(text, text),
        Value::Range { low, high } => {
            check_unit(low, units)?;
            check_unit(high, units)?;
            if low.comparator.is_some() || high.comparator.is_some() {
                return Err("an end of its range has a comparator".to_owned());
            }
            match (low.value, high.value) {
                (Some(low), Some(high)) => Measure::range(low, high),
                (Some(low), None) => Measure::compared(Comparator::AtLeast, low),
                (None, Some(high)) => Measure::compared(Comparator::AtMost, high),
                (None, None) => Err(NotANumber),
            }
            .map_err(not_a_number)
        }
        Value::Ratio {
            numerator,
            denominator,
        } => in_ratio(numerator, denominator),
        Value::Concept(concept) if concept.codings.is_empty() => match concept.text {
            Some(text) => in_text(text, text),
            None => Err(not_a_number(NotANumber)),
        },
        Value::Concept(_) | Value::Boolean(_) | Value::Other => {
            Err("its value is of a kind that does not answer the question".to_owned())
        }
    }
}

fn in_text(text: &str, digits: &str) -> Result<Measure, Unread> {
    Measure::parse(digits).map_err(|_| format!("its text is no number ({})", quote(text)))
}

fn in_ratio(numerator: &Quantity<'_>, denominator: &Quantity<'_>) -> Result<Measure, Unread> {
    let (Some(over), Some(under)) = (numerator.value, denominator.value) else {
        return Err(not_a_number(NotANumber));
    };
    if denominator.comparator.is_some() {
        return Err("its denominator has a comparator".to_owned());
    }
    if let (Some(one), Some(other)) = (numerator.unit, denominator.unit)
        && one != other
    {
        return Err("its numerator and denominator have different units".to_owned());
    }
    let comparator = numerator.comparator.map(comparator).transpose()?;
    let quotient = Measure::quotient(over, under).map_err(not_a_number)?;
    match comparator {
        None => Ok(quotient),
        Some(comparator) => Measure::compared(comparator, quotient.written()).map_err(not_a_number),
    }
}

fn check_unit(quantity: &Quantity<'_>, units: &BTreeSet<String>) -> Result<(), Unread> {
    let unit = quantity.unit.unwrap_or("");
    if units.contains(unit) {
        Ok(())
    } else {
        Err(format!("its unit does not fit ({})", quote(unit)))
    }
}

fn comparator(symbol: &str) -> Result<Comparator, Unread> {
    Comparator::parse(symbol).ok_or_else(|| "its comparator is unknown".to_owned())
}

fn not_a_number(_: NotANumber) -> Unread {
    "its number cannot be read".to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn quantity<'r>(value: &'r str, comparator: Option<&'r str>) -> Quantity<'r> {
        Quantity {
            value: Some(value),
            comparator,
            unit: Some("1"),
        }
    }

    fn read(value: &Value<'_>) -> Result<String, Unread> {
        let units = BTreeSet::from(["1".to_owned(), "%".to_owned()]);
        number(value, &units).map(|measure| measure.written().to_owned())
    }

    #[test]
    fn a_range_may_be_open_at_one_end_and_not_at_both() {
        let open = Quantity {
            value: None,
            ..quantity("", None)
        };
        let range = |low: &Quantity<'static>, high: &Quantity<'static>| {
            read(&Value::Range {
                low: low.clone(),
                high: high.clone(),
            })
        };
        let (four, six) = (quantity("4.0", None), quantity("6.0", None));
        assert_eq!(range(&four, &six).unwrap(), "4.0-6.0");
        assert_eq!(range(&four, &open).unwrap(), ">=4.0");
        assert_eq!(range(&open, &six).unwrap(), "<=6.0");
        assert!(range(&open, &open).is_err());
        assert!(range(&six, &four).is_err());
    }

    #[test]
    fn a_ratio_keeps_the_comparator_of_its_numerator_only() {
        let ratio = |numerator, denominator| {
            read(&Value::Ratio {
                numerator,
                denominator,
            })
        };
        let hundred = quantity("100", None);
        assert_eq!(
            ratio(quantity("240", None), hundred.clone()).unwrap(),
            "2.4"
        );
        assert_eq!(
            ratio(quantity("240", Some(">")), hundred.clone()).unwrap(),
            ">2.4"
        );
        assert!(ratio(quantity("240", Some("~")), hundred).is_err());
        assert!(ratio(quantity("240", None), quantity("100", Some("<"))).is_err());
        assert!(ratio(quantity("240", None), quantity("0", None)).is_err());
    }

    #[test]
    fn a_unit_that_does_not_fit_makes_no_number() {
        let of_unit = |unit| {
            read(&Value::Quantity(Quantity {
                unit,
                ..quantity("2.4", None)
            }))
        };
        assert_eq!(of_unit(Some("1")).unwrap(), "2.4");
        assert_eq!(
            of_unit(Some("mm")).unwrap_err(),
            "its unit does not fit (“mm”)"
        );
        assert!(of_unit(None).is_err());
    }

    #[test]
    fn a_text_may_carry_the_sign_of_a_percentage_and_nothing_else() {
        assert_eq!(read(&Value::Text(" 10 % ")).unwrap(), "10");
        assert!(read(&Value::Text("10 cells")).is_err());
        assert!(number(&Value::Text("10 %"), &BTreeSet::new()).is_err());
    }
}
