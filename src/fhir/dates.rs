//! FHIR dates as sent: the text is kept with its precision and offset; chrono reads it to compare.

use std::cmp::Ordering;

use chrono::{DateTime, Days, Months, NaiveDate, Utc};

/// Longest date, in bytes: an instant with nanoseconds and offset has 35.
const LONGEST: usize = 64;

/// How precisely a date is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// `2024`
    Year,
    /// `2024-03`
    Month,
    /// `2024-03-08`
    Day,
    /// With a time and a zone.
    Instant,
}

/// A FHIR `date`, `dateTime` or `instant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    text: String,
    precision: Precision,
    earliest: DateTime<Utc>,
}

impl Date {
    /// Reads a FHIR date; `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let start_of = |year: &str, month: &str, day: &str| -> Option<DateTime<Utc>> {
            NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?
                .and_hms_opt(0, 0, 0)
                .map(|start| start.and_utc())
        };
        let parts: Vec<&str> = text.split('-').collect();
        let digits = |part: &str, count: usize| {
            part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let (precision, earliest) = match parts.as_slice() {
            [year] if digits(year, 4) => (Precision::Year, start_of(year, "1", "1")?),
            [year, month] if digits(year, 4) && digits(month, 2) => {
                (Precision::Month, start_of(year, month, "1")?)
            }
            [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2) => {
                (Precision::Day, start_of(year, month, day)?)
            }
            _ => (
                Precision::Instant,
                DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc),
            ),
        };
        Some(Self {
            text: text.to_owned(),
            precision,
            earliest,
        })
    }

    /// The text as sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How precise it is.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The last day it may mean, as its sender counts days.
    pub fn last_day(&self) -> Option<NaiveDate> {
        let year = || self.text.get(..4)?.parse().ok();
        match self.precision {
            Precision::Year => NaiveDate::from_ymd_opt(year()?, 12, 31),
            Precision::Month => {
                NaiveDate::from_ymd_opt(year()?, self.text.get(5..7)?.parse().ok()?, 1)?
                    .checked_add_months(Months::new(1))?
                    .checked_sub_days(Days::new(1))
            }
            Precision::Day | Precision::Instant => self.text.get(..10)?.parse().ok(),
        }
    }

    /// The first moment it may mean, days without a zone taken as UTC.
    pub fn earliest(&self) -> DateTime<Utc> {
        self.earliest
    }
}

impl PartialOrd for Date {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Date {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.earliest, self.precision, &self.text).cmp(&(
            other.earliest,
            other.precision,
            &other.text,
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_date_keeps_its_text_and_its_precision() {
        for (text, precision) in [
            ("2024", Precision::Year),
            ("2024-02", Precision::Month),
            ("2024-02-29", Precision::Day),
            ("2024-02-29T23:59:59.120-04:00", Precision::Instant),
        ] {
            let date = Date::parse(text).unwrap();
            assert_eq!((date.text(), date.precision()), (text, precision));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2024-02-30",
            "20240101",
            "2024-2-1",
            "2024-02-29T10:00",
            "10/03/2018",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_is_the_senders_own_and_the_last_possible_one() {
        for (text, day) in [
            ("2024", "2024-12-31"),
            ("2024-02", "2024-02-29"),
            ("2024-12", "2024-12-31"),
            ("2024-03-08", "2024-03-08"),
            ("2024-03-08T00:30:00+02:00", "2024-03-08"),
        ] {
            let date = Date::parse(text).unwrap();
            assert_eq!(date.last_day().unwrap().to_string(), day, "{text}");
        }
    }

    #[test]
    fn offsets_count_when_dates_are_compared() {
        let east = Date::parse("2024-03-08T01:00:00+02:00").unwrap();
        let utc = Date::parse("2024-03-07T23:30:00Z").unwrap();
        assert!(east < utc);
    }
}
