//! FHIR's dateTime and instant: what is well formed, and which of two is later.
//!
//! A dateTime is a year, a month, a day, or a day with time to the second and zone; an instant is only the last.
//! A second of 60 is allowed in both, as FHIR allows leap seconds; the zone reaches from -14:00 to +14:00.

use crate::checks::is_digits;
use fhir_sdk::time::{Date, Month};

const SECONDS_OF_DAY: i64 = 86_400;
const WIDEST_ZONE: i64 = 14 * 3_600;

/// A point on the time line: seconds since a fixed day, and the digits of the fraction without trailing zeros, which
/// compare as text in the order of their values.
type Point<'a> = (i64, &'a str);

/// What a text stands for.
enum Moment<'a> {
    /// The first and the last day of a year, month or day, in a zone that is not told.
    Days(i64, i64),
    /// A day with time and zone.
    Point(Point<'a>),
}

impl<'a> Moment<'a> {
    /// The earliest point it may mean.
    fn earliest(&self) -> Point<'a> {
        match *self {
            Self::Days(first, _) => (first * SECONDS_OF_DAY - WIDEST_ZONE, ""),
            Self::Point(point) => point,
        }
    }

    /// A point that is not before any it may mean.
    fn latest(&self) -> Point<'a> {
        match *self {
            Self::Days(_, last) => ((last + 1) * SECONDS_OF_DAY + WIDEST_ZONE, ""),
            Self::Point(point) => point,
        }
    }
}

/// Whether the text is a dateTime.
pub(crate) fn is_date_time(text: &str) -> bool {
    moment(text).is_some()
}

/// Whether the text is an instant.
pub(crate) fn is_instant(text: &str) -> bool {
    instant(text).is_some()
}

/// Whether the first text is later than the second in every reading of both, two days being of the same zone.
pub(crate) fn is_later(first: &str, second: &str) -> bool {
    match (moment(first), moment(second)) {
        (Some(Moment::Days(first, _)), Some(Moment::Days(_, last))) => first > last,
        (Some(first), Some(second)) => first.earliest() > second.latest(),
        (None, _) | (_, None) => false,
    }
}

/// Whether a dateTime keeps to the nine digits that FHIR R5 allows for a fraction of a second.
#[cfg(feature = "r5")]
pub(crate) fn is_r5_precise(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    fraction.bytes().take_while(u8::is_ascii_digit).count() <= 9
}

fn moment(text: &str) -> Option<Moment<'_>> {
    if text.contains('T') {
        instant(text).map(Moment::Point)
    } else {
        days(text).map(|(first, last)| Moment::Days(first, last))
    }
}

fn instant(text: &str) -> Option<Point<'_>> {
    let (date, time_and_zone) = text.split_once('T')?;
    let (day, _) = days(date).filter(|_| date.len() == "YYYY-MM-DD".len())?;
    let (time, zone) = time_and_zone.split_at(time_and_zone.find(['Z', '+', '-'])?);
    let (seconds, fraction) = seconds_of_day(time)?;
    let offset = seconds_of_zone(zone)?;
    Some((day * SECONDS_OF_DAY + seconds - offset, fraction))
}

/// The first and the last day of a year, month or day.
fn days(text: &str) -> Option<(i64, i64)> {
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [year] => {
            let year = year_number(year)?;
            Some((
                day_number(year, Month::January, 1)?,
                day_number(year, Month::December, 31)?,
            ))
        }
        [year, month] => {
            let (year, month) = (year_number(year)?, month_number(month)?);
            Some((
                day_number(year, month, 1)?,
                day_number(year, month, month.length(year))?,
            ))
        }
        [year, month, day] => {
            let day = digits(day, 2)?.try_into().ok()?;
            let day = day_number(year_number(year)?, month_number(month)?, day)?;
            Some((day, day))
        }
        _ => None,
    }
}

fn year_number(text: &str) -> Option<i32> {
    digits(text, 4)?.try_into().ok().filter(|year| *year > 0)
}

fn month_number(text: &str) -> Option<Month> {
    u8::try_from(digits(text, 2)?).ok()?.try_into().ok()
}

/// Days since a fixed day, where the calendar has this one.
fn day_number(year: i32, month: Month, day: u8) -> Option<i64> {
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some(date.to_julian_day().into())
}

/// Whole seconds since midnight of `hh:mm:ss` or `hh:mm:ss.f`, and the fraction's digits.
fn seconds_of_day(time: &str) -> Option<Point<'_>> {
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    if !fraction.is_none_or(is_digits) {
        return None;
    }
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else {
        return None;
    };
    let hour = digits(hour, 2).filter(|hour| *hour <= 23)?;
    let minute = digits(minute, 2).filter(|minute| *minute <= 59)?;
    let second = digits(second, 2).filter(|second| *second <= 60)?;
    let seconds = hour * 3_600 + minute * 60 + second;
    Some((seconds, fraction.unwrap_or("").trim_end_matches('0')))
}

/// Seconds by which a zone (`Z`, `+hh:mm`, `-hh:mm`) is ahead of UTC.
fn seconds_of_zone(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, zone) = match zone.strip_prefix('-') {
        Some(zone) => (-1, zone),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hour, minute) = zone.split_once(':')?;
    let minute = digits(minute, 2).filter(|minute| *minute <= 59)?;
    let seconds = digits(hour, 2)? * 3_600 + minute * 60;
    (seconds <= WIDEST_ZONE).then_some(sign * seconds)
}

/// The number of exactly this many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    if text.len() == count && is_digits(text) {
        text.parse().ok()
    } else {
        None
    }
}
