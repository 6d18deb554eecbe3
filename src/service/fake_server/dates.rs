//! Instants as FHIR and HTTP write them.

use std::ops::Range;

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

/// A FHIR instant to the millisecond.
pub(super) fn instant_text(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An instant in a header, to the second.
pub(super) fn http_date(instant: DateTime<Utc>) -> String {
    instant.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The span of a year, month, day (all UTC), second or millisecond; `None` if the text is none of these.
pub(super) fn span_of(date: &str) -> Option<Range<DateTime<Utc>>> {
    let (first_day, next_day) = match date.len() {
        4 => {
            let first_day: NaiveDate = format!("{date}-01-01").parse().ok()?;
            (first_day, first_day.checked_add_months(Months::new(12))?)
        }
        7 => {
            let first_day: NaiveDate = format!("{date}-01").parse().ok()?;
            (first_day, first_day.checked_add_months(Months::new(1))?)
        }
        10 => {
            let day: NaiveDate = date.parse().ok()?;
            (day, day.checked_add_days(Days::new(1))?)
        }
        _ => return span_of_instant(date),
    };
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    Some(midnight(first_day)..midnight(next_day))
}

fn span_of_instant(text: &str) -> Option<Range<DateTime<Utc>>> {
    let start = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    let length = if text.contains('.') {
        TimeDelta::milliseconds(1)
    } else {
        TimeDelta::seconds(1)
    };
    Some(start..start.checked_add_signed(length)?)
}
