//! Exact numbers as a laboratory prints them: a point, a bounded set (`<2.0`) or a range (`4-6`).
//!
//! Nothing here rounds. A number is compared as it was reported (1.99 is below 2.0, 3.95 is below 4.0),
//! and a set of possible values answers two questions only: may the value lie here, must it lie here.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;

/// A plain decimal, or an exact quotient that has none, such as 511:188.
#[derive(Clone, Copy, Debug)]
pub struct Fraction {
    numerator: Decimal,
    /// Above zero; `None` for a plain decimal.
    denominator: Option<Decimal>,
}

impl Fraction {
    /// A plain decimal.
    pub fn whole(value: Decimal) -> Self {
        Self {
            numerator: value,
            denominator: None,
        }
    }

    /// `numerator / denominator`; `None` when the denominator is not above zero.
    pub fn quotient(numerator: Decimal, denominator: Decimal) -> Option<Self> {
        (denominator > Decimal::ZERO).then_some(Self {
            numerator,
            denominator: Some(denominator),
        })
    }

    /// The exact quotient of two fractions; `None` when the divisor is not above zero, or the digits are too many.
    pub fn divided_by(self, divisor: Self) -> Option<Self> {
        let times = |value: Decimal, factor: Option<Decimal>| match factor {
            Some(factor) => value.checked_mul(factor),
            None => Some(value),
        };
        Self::quotient(
            times(self.numerator, divisor.denominator)?,
            times(divisor.numerator, self.denominator)?,
        )
    }

    /// Compares with a threshold, without dividing.
    pub fn compare(self, threshold: Decimal) -> Ordering {
        let Some(denominator) = self.denominator else {
            return self.numerator.cmp(&threshold);
        };
        match threshold.checked_mul(denominator) {
            Some(scaled) => self.numerator.cmp(&scaled),
            // The product left the range of 96 bits: the denominator is astronomically large.
            None => Ordering::Less,
        }
    }

    /// The quotient to 28 digits: for comparing two measured numbers, never for a threshold.
    pub fn approximate(self) -> Decimal {
        match self.denominator {
            Some(denominator) => (self.numerator.checked_div(denominator)).unwrap_or(Decimal::MAX),
            None => self.numerator,
        }
    }
}

/// One end of a [`Span`].
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Where the span ends.
    pub value: Fraction,
    /// Whether the end itself belongs to the span.
    pub inclusive: bool,
}

/// The set of values that what is written allows: everything between two ends, either of which may be open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Lower end; `None` means unbounded below.
    pub low: Option<Bound>,
    /// Upper end; `None` means unbounded above.
    pub high: Option<Bound>,
}

impl Span {
    /// A single exact value.
    pub fn point(value: Fraction) -> Self {
        let bound = Some(Bound {
            value,
            inclusive: true,
        });
        Self {
            low: bound,
            high: bound,
        }
    }

    /// Everything between two decimals, both included.
    pub fn between(low: Decimal, high: Decimal) -> Self {
        Self {
            low: Some(Bound {
                value: Fraction::whole(low),
                inclusive: true,
            }),
            high: Some(Bound {
                value: Fraction::whole(high),
                inclusive: true,
            }),
        }
    }

    /// Whether some value of the span is below the threshold.
    pub fn may_be_below(self, threshold: Decimal) -> bool {
        self.low
            .is_none_or(|low| low.value.compare(threshold) == Ordering::Less)
    }

    /// Whether some value of the span is at or above the threshold.
    pub fn may_be_at_least(self, threshold: Decimal) -> bool {
        self.high
            .is_none_or(|high| match high.value.compare(threshold) {
                Ordering::Greater => true,
                Ordering::Equal => high.inclusive,
                Ordering::Less => false,
            })
    }

    /// Whether some value of the span is above the threshold.
    pub fn may_be_above(self, threshold: Decimal) -> bool {
        self.high
            .is_none_or(|high| high.value.compare(threshold) == Ordering::Greater)
    }

    /// Whether some value of the span is at or below the threshold.
    pub fn may_be_at_most(self, threshold: Decimal) -> bool {
        self.low
            .is_none_or(|low| match low.value.compare(threshold) {
                Ordering::Less => true,
                Ordering::Equal => low.inclusive,
                Ordering::Greater => false,
            })
    }

    /// Whether some value of the span lies in `from <= value < below`.
    pub fn may_lie_in(self, from: Decimal, below: Decimal) -> bool {
        self.may_be_at_least(from) && self.may_be_below(below)
    }

    /// Whether the two spans share a value, compared to 28 digits.
    pub fn overlaps(self, other: Span) -> bool {
        fn reaches(low: Option<Bound>, high: Option<Bound>) -> bool {
            match (low, high) {
                (Some(low), Some(high)) => {
                    match low.value.approximate().cmp(&high.value.approximate()) {
                        Ordering::Less => true,
                        Ordering::Equal => low.inclusive && high.inclusive,
                        Ordering::Greater => false,
                    }
                }
                _ => true,
            }
        }
        reaches(self.low, other.high) && reaches(other.low, self.high)
    }
}

/// Which way a comparator points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

impl Comparator {
    /// Reads `<`, `<=`, `>=`, `>` and their typographic forms.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "<" => Some(Self::Below),
            "<=" | "≤" => Some(Self::AtMost),
            ">=" | "≥" => Some(Self::AtLeast),
            ">" => Some(Self::Above),
            _ => None,
        }
    }

    /// The comparator as a decision record and FHIR print it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }
}

/// How a measured number was stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One number.
    Point,
    /// A quotient that has no exact decimal, such as 511:188.
    Quotient,
    /// A number behind a comparator.
    Compared(Comparator),
    /// Two ends.
    Range,
}

/// A measured number: what was written, and the set of values that this allows.
#[derive(Clone, Debug)]
pub struct Measure {
    written: String,
    form: Form,
    span: Span,
    half_unit: Decimal,
}

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl Measure {
    /// Reads a JSON number or a text such as `2.00`, `2,4`, `<2.0`, `>= 6`, `4-6` or `1.2e1`.
    ///
    /// # Errors
    /// [`NotANumber`] for anything else, for more than 28 digits, and for a comma that may group thousands.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        let text = text.trim();
        let symbol = ["<=", ">=", "≤", "≥", "<", ">"]
            .into_iter()
            .find(|symbol| text.starts_with(symbol));
        if let Some((comparator, rest)) =
            symbol.and_then(|symbol| Some((Comparator::parse(symbol)?, text.strip_prefix(symbol)?)))
        {
            return Self::compared(comparator, rest.trim());
        }
        let range = ['-', '–', '—'].into_iter().find_map(|dash| {
            let (low, high) = text.split_once(dash)?;
            // `1e-3` and `-2` are numbers, not ranges.
            let is_range = low.trim_end().ends_with(|end: char| end.is_ascii_digit());
            is_range.then_some((low.trim(), high.trim()))
        });
        match range {
            Some((low, high)) => Self::range(low, high),
            None => {
                let (written, value) = decimal(text)?;
                Ok(Self {
                    form: Form::Point,
                    span: Span::point(Fraction::whole(value)),
                    half_unit: half_unit(value),
                    written,
                })
            }
        }
    }

    /// A number behind a comparator.
    ///
    /// # Errors
    /// [`NotANumber`] when the text is none.
    pub fn compared(comparator: Comparator, text: &str) -> Result<Self, NotANumber> {
        let (written, value) = decimal(text)?;
        let end = |inclusive| {
            Some(Bound {
                value: Fraction::whole(value),
                inclusive,
            })
        };
        let span = match comparator {
            Comparator::Below => Span {
                low: None,
                high: end(false),
            },
            Comparator::AtMost => Span {
                low: None,
                high: end(true),
            },
            Comparator::AtLeast => Span {
                low: end(true),
                high: None,
            },
            Comparator::Above => Span {
                low: end(false),
                high: None,
            },
        };
        Ok(Self {
            written: format!("{}{written}", comparator.symbol()),
            form: Form::Compared(comparator),
            span,
            half_unit: half_unit(value),
        })
    }

    /// A range that includes its ends.
    ///
    /// # Errors
    /// [`NotANumber`] when an end is none, or the ends are the wrong way round.
    pub fn range(low: &str, high: &str) -> Result<Self, NotANumber> {
        let (low_written, low) = decimal(low)?;
        let (high_written, high) = decimal(high)?;
        if low > high {
            return Err(NotANumber);
        }
        Ok(Self {
            written: format!("{low_written}-{high_written}"),
            form: Form::Range,
            span: Span::between(low, high),
            half_unit: half_unit(low).max(half_unit(high)),
        })
    }

    /// The exact quotient of two numbers, printed as a decimal where it has one (240:100 is 2.4).
    ///
    /// # Errors
    /// [`NotANumber`] when one of them is none or the denominator is not above zero.
    pub fn quotient(numerator: &str, denominator: &str) -> Result<Self, NotANumber> {
        let (numerator_written, numerator) = decimal(numerator)?;
        let (denominator_written, denominator) = decimal(denominator)?;
        if denominator == Decimal::ONE {
            return Self::parse(&numerator_written);
        }
        let value = Fraction::quotient(numerator, denominator).ok_or(NotANumber)?;
        let divided = value.approximate().normalize();
        // Digits without an end fill all that a decimal holds, and the product may hide that by its own rounding.
        let exact = divided.checked_mul(denominator) == Some(numerator)
            && divided.mantissa().unsigned_abs() < MOST_OF_A_FINITE_QUOTIENT;
        let (written, form) = if exact {
            (divided.to_string(), Form::Point)
        } else {
            (
                format!("{numerator_written}:{denominator_written}"),
                Form::Quotient,
            )
        };
        // Two whole numbers are counts of signals and nuclei, and exact; else half a unit of the numerator's last digit
        // is carried through the division.
        let half_unit = if numerator.scale() == 0 && denominator.scale() == 0 {
            Decimal::ZERO
        } else {
            half_unit(numerator)
                .checked_div(denominator)
                .unwrap_or(Decimal::ZERO)
        };
        Ok(Self {
            written,
            form,
            span: Span::point(value),
            half_unit,
        })
    }

    /// What was written, with a decimal point and the comparator in front: `2.00`, `<2.0`, `4-6`, `511:188`.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// How it was stated.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The values that what is written allows, taken exactly.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The values that would be printed like this: half a unit of the last digit either way.
    pub fn printed_span(&self) -> Span {
        if self.half_unit.is_zero() {
            return self.span;
        }
        let widen = |bound: Bound, by: Decimal| Bound {
            value: {
                let exact = bound.value.approximate();
                Fraction::whole(exact.checked_add(by).unwrap_or(exact))
            },
            inclusive: bound.inclusive,
        };
        Span {
            low: self.span.low.map(|low| widen(low, -self.half_unit)),
            high: self.span.high.map(|high| widen(high, self.half_unit)),
        }
    }

    /// Whether zero or something below it is all that is possible.
    pub fn is_zero_or_less(&self) -> bool {
        !self.span.may_be_above(Decimal::ZERO)
    }

    /// Whether the value can only be zero.
    pub fn is_zero(&self) -> bool {
        self.is_zero_or_less() && self.span.may_be_at_least(Decimal::ZERO)
    }

    /// Whether a value below zero is written.
    pub fn is_negative(&self) -> bool {
        self.span
            .high
            .is_some_and(|high| high.value.compare(Decimal::ZERO) == Ordering::Less)
            || self
                .span
                .low
                .is_some_and(|low| low.value.compare(Decimal::ZERO) == Ordering::Less)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

/// Two measures are the same when they allow the same values in the same form; `2.0` and `2.00` are.
impl PartialEq for Measure {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: Option<Bound>, two: Option<Bound>| match (one, two) {
            (Some(one), Some(two)) => {
                one.inclusive == two.inclusive && one.value.approximate() == two.value.approximate()
            }
            (None, None) => true,
            _ => false,
        };
        same(self.span.low, other.span.low) && same(self.span.high, other.span.high)
    }
}

impl Eq for Measure {}

/// A quotient of 28 digits has more than can be told from one that never ends.
const MOST_OF_A_FINITE_QUOTIENT: u128 = 10_u128.pow(27);

/// Reads one decimal and returns it with the text to print: a decimal point, the digits as written.
fn decimal(text: &str) -> Result<(String, Decimal), NotANumber> {
    let text = match text.split_once(',') {
        // `1,234` may be one and a bit or more than a thousand: nobody can tell.
        Some((_, decimals)) if decimals.len() == 3 => return Err(NotANumber),
        Some((whole, decimals)) => format!("{whole}.{decimals}"),
        None => text.to_owned(),
    };
    let plain = text
        .trim_start_matches('-')
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value = if plain && text.bytes().any(|byte| byte.is_ascii_digit()) {
        Decimal::from_str_exact(&text)
    } else if text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        && text.contains(['e', 'E'])
    {
        Decimal::from_scientific(&text)
    } else {
        return Err(NotANumber);
    };
    value.map(|value| (text, value)).map_err(|_| NotANumber)
}

/// Half a unit of the last printed digit: 2.4 was printed for anything from 2.35 to 2.45.
fn half_unit(value: Decimal) -> Decimal {
    Decimal::try_new(5, value.scale() + 1).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn measure(text: &str) -> Measure {
        Measure::parse(text).unwrap()
    }

    fn threshold(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn a_number_keeps_every_digit_it_was_written_with() {
        for text in ["2.00", "10", "1.2e1", "3.9999999999999999"] {
            assert_eq!(measure(text).written(), text);
        }
        assert_eq!(measure("2,4").written(), "2.4");
        assert_eq!(measure(">= 6").written(), ">=6");
        assert_eq!(measure("4 – 6").written(), "4-6");
    }

    #[test]
    fn a_number_just_below_a_threshold_is_below_it() {
        assert!(
            !measure("3.9999999999999999")
                .span()
                .may_be_at_least(threshold("4.0"))
        );
        assert!(!measure("1.99").span().may_be_at_least(threshold("2.0")));
        assert!(!measure("2.00").span().may_be_below(threshold("2.0")));
    }

    #[test]
    fn a_comparator_is_a_set_that_may_lie_on_one_side_only() {
        let below_two = measure("<2.0").span();
        assert!(below_two.may_be_below(threshold("2.0")));
        assert!(!below_two.may_be_at_least(threshold("2.0")));
        let above_six = measure(">6.0").span();
        assert!(above_six.may_be_at_least(threshold("6.0")));
        assert!(!above_six.may_lie_in(threshold("4.0"), threshold("6.0")));
        assert!(measure("<=2.0").span().may_be_at_least(threshold("2.0")));
    }

    #[test]
    fn a_range_includes_its_ends() {
        let span = measure("4-6").span();
        assert!(span.may_lie_in(threshold("4.0"), threshold("6.0")));
        assert!(span.may_be_at_least(threshold("6.0")));
        assert!(!span.may_be_below(threshold("4.0")));
    }

    #[test]
    fn a_ratio_of_two_numbers_is_their_exact_quotient() {
        assert_eq!(Measure::quotient("240", "100").unwrap().written(), "2.4");
        assert_eq!(Measure::quotient("2.40", "1").unwrap().written(), "2.40");
        let thirds = Measure::quotient("511", "188").unwrap();
        assert_eq!(thirds.written(), "511:188");
        assert!(thirds.span().may_be_at_least(threshold("2.7")));
        let just_below = Measure::quotient("599", "300").unwrap();
        assert!(!just_below.span().may_be_at_least(threshold("2.0")));
        assert!(Measure::quotient("1", "0").is_err());
    }

    #[test]
    fn words_placeholders_and_grouped_thousands_are_no_numbers() {
        for text in [
            "",
            "XX.9",
            "amplified",
            "1,234",
            "2.4 signals",
            "-",
            "NaN",
            "1e999999",
            ".",
        ] {
            assert_eq!(Measure::parse(text), Err(NotANumber), "{text}");
        }
    }

    #[test]
    fn two_spans_overlap_where_they_share_a_value() {
        let overlap = |one, other| measure(one).span().overlaps(measure(other).span());
        assert!(overlap("1-2", "2-3"));
        assert!(overlap("2-3", "1-2"));
        assert!(!overlap("1-2", "2.01-3"));
        assert!(!overlap("2.01-3", "1-2"));
        assert!(overlap("<=2", ">=2"));
        assert!(!overlap("<2", ">=2"));
        assert!(!overlap("<=2", ">2"));
        assert!(!overlap("2", "<2"));
        assert!(overlap("<2", ">1"));
        assert!(overlap("1.5", "<2"));
    }

    #[test]
    fn a_range_runs_upwards_and_may_be_of_one_value() {
        assert_eq!(measure("4-4").written(), "4-4");
        assert_eq!(Measure::parse("6-4"), Err(NotANumber));
        assert_eq!(Measure::range("2.1", "2.0"), Err(NotANumber));
    }

    #[test]
    fn a_printed_number_stands_for_half_a_unit_either_way_and_a_count_for_itself() {
        let reaches = |number: &Measure, text| {
            let printed = number.printed_span();
            printed.overlaps(measure(text).span())
        };
        let printed = measure("2.4");
        assert!(reaches(&printed, "2.35") && reaches(&printed, "2.45"));
        assert!(!reaches(&printed, "2.349") && !reaches(&printed, "2.451"));
        // Signals over nuclei are counted, not printed.
        let counted = Measure::quotient("240", "100").unwrap();
        assert!(reaches(&counted, "2.4"));
        assert!(!reaches(&counted, "2.401") && !reaches(&counted, "2.399"));
        // One with a decimal was measured: half a unit of it is carried through the division.
        for quotient in [
            Measure::quotient("4.8", "2").unwrap(),
            Measure::quotient("4.80", "2.0").unwrap(),
            Measure::quotient("480", "200.0").unwrap(),
        ] {
            assert!(reaches(&quotient, "2.4"));
            assert!(quotient.printed_span().may_be_above(threshold("2.4")));
            assert!(quotient.printed_span().may_be_below(threshold("2.4")));
        }
    }

    #[test]
    fn a_quotient_without_a_decimal_keeps_its_two_numbers() {
        let third = Measure::quotient("1", "3").unwrap();
        assert_eq!(third.form(), Form::Quotient);
        assert_eq!(third.written(), "1:3");
        assert_eq!(Measure::quotient("85", "7").unwrap().written(), "85:7");
        let vanishing = Measure::quotient("0.0000000000000000000000000001", "100").unwrap();
        assert_eq!(vanishing.form(), Form::Quotient);
        assert_eq!(Measure::quotient("6", "4").unwrap().form(), Form::Point);
        assert_eq!(Measure::quotient("0.0", "4.0").unwrap().written(), "0");
    }

    #[test]
    fn a_value_below_zero_is_negative_whichever_end_says_so() {
        for negative in ["-1", "<-1", ">=-1"] {
            assert!(measure(negative).is_negative(), "{negative}");
        }
        assert!(Measure::range("-1", "3").unwrap().is_negative());
        for other in ["0", "1", "<1", ">0", "0-1"] {
            assert!(!measure(other).is_negative(), "{other}");
        }
    }

    #[test]
    fn measures_are_equal_that_allow_the_same_values() {
        assert_eq!(measure("2.0"), measure("2.00"));
        assert_eq!(measure("<2.0"), measure("<2"));
        assert_eq!(measure("4-6"), measure("4.0-6.0"));
        for (one, other) in [
            ("2.0", "2.1"),
            ("<2", "<=2"),
            ("<2", "<3"),
            (">2", ">=2"),
            (">2", ">3"),
            ("<2", ">2"),
            ("2", "<2"),
            ("4-6", "4-7"),
            ("3-6", "4-6"),
            ("2", ">=2"),
        ] {
            assert_ne!(measure(one), measure(other));
        }
    }

    #[test]
    fn a_measure_is_printed_as_it_was_written() {
        assert_eq!(measure(">= 6,50").to_string(), ">=6.50");
    }

    #[test]
    fn a_sign_or_a_power_of_ten_is_read_and_nothing_that_looks_like_one() {
        assert_eq!(
            measure("-1.5").span().high.unwrap().value.approximate(),
            threshold("-1.5")
        );
        assert_eq!(measure("1e1"), measure("10"));
        assert_eq!(measure("-1E1"), measure("-10"));
        for text in ["e5", "E", "+1e1", ".5e1", "x1e1", "-.", "two"] {
            assert_eq!(Measure::parse(text), Err(NotANumber), "{text}");
        }
    }
}
