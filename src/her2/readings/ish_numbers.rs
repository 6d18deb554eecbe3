//! What the numbers of one in situ hybridisation count say, and where they contradict one another.

use rust_decimal::Decimal;
use smallvec::smallvec;

use super::ish::Notes;
use super::{Alternatives, Count, Counts, ReadBy};
use crate::her2::conventions::{DerivedRatio, UnstatedMethod};
use crate::her2::decision::{ReviewCode, WarningCode};
use crate::her2::evidence::{IshResult, Probe};
use crate::her2::number::{Bound, Form, Measure, Span};

/// More mean HER2 copies per cell than this are total signals in a per-cell field. No guideline names a limit: in
/// TCGA-BRCA totals recorded as copies begin at 42, and means per cell end at 21.
const MOST_COPIES: Decimal = Decimal::from_parts(40, 0, 0, false, 0);
/// More mean CEP17 copies per cell than this are total signals in a per-cell field, by the same convention.
const MOST_CEP17: Decimal = Decimal::from_parts(20, 0, 0, false, 0);
/// A higher ratio than this is a percentage or a slip: 40 copies over a single CEP17 signal.
const MOST_RATIO: Decimal = Decimal::from_parts(40, 0, 0, false, 0);

/// A lower ratio than this was divided by a hundred somewhere, such as 1:100. No guideline names a limit: in TCGA-BRCA the
/// lowest ratio above zero is 0.5.
const LEAST_RATIO: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// The readings of the numbers alone; none without numbers.
pub(super) fn take_numbers(result: &IshResult, by: ReadBy<'_>, notes: &mut Notes) -> Alternatives {
    if let Some(plausible) = without_implausible_numbers(result) {
        notes.contradict(
            ReviewCode::ValueImplausible,
            result,
            "a ratio or mean copies per cell that no count can give",
        );
        // With nothing left there is no count.
        let void = Counts::only(Count::NotDone);
        let mut alternatives: Alternatives = [result, &plausible]
            .into_iter()
            .map(|numbers| counts_of(numbers, by, notes).unwrap_or(void))
            .collect();
        alternatives.dedup();
        return alternatives;
    }
    if let (Some(ratio), Some(copies), Some(cep17)) =
        (&result.ratio, &result.her2_copies, &result.cep17_copies)
        && let Some(derived) = derived_ratio(copies, cep17, by.conventions.derived_ratio)
        && !ratio.printed_span().overlaps(derived)
    {
        notes.contradict(
            ReviewCode::RatioContradictsCopies,
            result,
            format!("ratio {ratio} with {copies} HER2 and {cep17} CEP17 copies per cell"),
        );
        // Any one of the three may be the wrong one.
        return smallvec![
            by.dual(Some(ratio.span()), Some(copies.span())),
            by.dual(Some(derived), Some(copies.span())),
            by.dual(Some(ratio.span()), product(ratio, cep17)),
        ];
    }
    counts_of(result, by, notes).into_iter().collect()
}

/// The result without its totals, zero or negative signals, which cannot be means per cell; `None` when it has none.
fn without_implausible_numbers(result: &IshResult) -> Option<IshResult> {
    let no_signals = |value: &Measure| value.is_zero_or_less() || value.is_negative();
    let no_mean =
        |value: &Measure, most: Decimal| no_signals(value) || !value.span().may_be_at_most(most);
    let copies = (result.her2_copies.as_ref()).is_some_and(|copies| no_mean(copies, MOST_COPIES));
    let cep17 = (result.cep17_copies.as_ref()).is_some_and(|cep17| no_mean(cep17, MOST_CEP17));
    let ratio = (result.ratio.as_ref()).is_some_and(|ratio| {
        no_mean(ratio, MOST_RATIO) || !ratio.span().may_be_at_least(LEAST_RATIO)
    });
    if !(copies || cep17 || ratio) {
        return None;
    }
    let mut plausible = result.clone();
    // One total in a per-cell field casts doubt on the other as well.
    if copies || cep17 {
        plausible.her2_copies = None;
        plausible.cep17_copies = None;
    }
    if ratio {
        plausible.ratio = None;
    }
    Some(plausible)
}

/// The counts that the numbers reach, by the kind of assay; `None` without numbers.
fn counts_of(result: &IshResult, by: ReadBy<'_>, notes: &mut Notes) -> Option<Counts> {
    let copies = result.her2_copies.as_ref();
    let copies_span = copies.map(Measure::span);
    if result.ratio.is_some() || result.cep17_copies.is_some() {
        if result.probe == Some(Probe::Single) {
            notes.warn(
                WarningCode::ProbeLabelContradicted,
                "labelled single-probe, but a ratio or CEP17 copies are given: read as dual-probe",
            );
        }
        let ratio = match (&result.ratio, copies, &result.cep17_copies) {
            (Some(ratio), ..) => Some(ratio.span()),
            (None, Some(copies), Some(cep17)) => {
                notes.warn(
                    WarningCode::RatioDerived,
                    "no ratio is reported; it is derived from HER2 and CEP17 copies",
                );
                derived_ratio(copies, cep17, by.conventions.derived_ratio)
            }
            (None, ..) => None,
        };
        return Some(by.dual(ratio, copies_span));
    }
    let copies = copies_span?;
    let (dual, single) = (by.dual(None, copies_span), by.single(copies));
    Some(match (result.probe, by.conventions.unstated_method) {
        (Some(Probe::Dual), _) => dual,
        (Some(Probe::Single), _) => single,
        (None, assumed) => {
            notes.warn(
                WarningCode::MethodNotStated,
                "single- or dual-probe is not stated, and copies alone do not tell",
            );
            match assumed {
                UnstatedMethod::Either => dual | single,
                UnstatedMethod::Single => single,
                UnstatedMethod::Dual => dual,
            }
        }
    })
}

/// The ratio that copies and CEP17 give: exact for counts of signals and nuclei, else an interval of what the printed
/// digits allow, or the quotient of the digits as they stand.
fn derived_ratio(copies: &Measure, cep17: &Measure, exactness: DerivedRatio) -> Option<Span> {
    let is_number = |measure: &Measure| matches!(measure.form(), Form::Point | Form::Quotient);
    if !is_number(copies) || !is_number(cep17) {
        return None;
    }
    let (copies, cep17) = match exactness {
        DerivedRatio::PrintedDigits => (copies.printed_span(), cep17.printed_span()),
        DerivedRatio::Exact => (copies.span(), cep17.span()),
    };
    let quotient = |copies: Bound, cep17: Bound| {
        Some(Bound {
            value: copies.value.divided_by(cep17.value)?,
            inclusive: true,
        })
    };
    Some(Span {
        low: Some(quotient(copies.low?, cep17.high?)?),
        // A CEP17 that may be nothing leaves the ratio open above.
        high: quotient(copies.high?, cep17.low?),
    })
}

/// The copies as an interval of what the printed digits of ratio and CEP17 allow.
fn product(ratio: &Measure, cep17: &Measure) -> Option<Span> {
    let (ratio, cep17) = (ratio.printed_span(), cep17.printed_span());
    Some(Span::between(
        end(ratio.low)?.checked_mul(end(cep17.low)?)?,
        end(ratio.high)?.checked_mul(end(cep17.high)?)?,
    ))
}

fn end(bound: Option<Bound>) -> Option<Decimal> {
    bound.map(|bound| bound.value.approximate())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples::{by_default, measure, numbers, result};
    use super::*;
    use crate::her2::guideline::Edition;
    use enumset::EnumSet;

    fn taken(result: &IshResult) -> Vec<Counts> {
        take_numbers(
            result,
            by_default(Edition::AscoCap2018),
            &mut Notes::default(),
        )
        .to_vec()
    }

    #[test]
    fn thresholds_belong_to_the_class_above_them() {
        for (ratio, copies, group) in [
            ("2.0", "4.0", Count::HighMiddle),
            ("2.0", "3.99", Count::HighLow),
            ("1.99", "6.0", Count::LowHigh),
            ("1.99", "5.99", Count::LowMiddle),
            ("1.99", "4.0", Count::LowMiddle),
            ("1.99", "3.99", Count::LowLow),
        ] {
            let taken = taken(&numbers(ratio, copies));
            assert_eq!(taken, [EnumSet::only(group)], "{ratio} {copies}");
        }
    }

    #[test]
    fn totals_in_a_per_cell_field_are_read_with_and_without_them() {
        let high_ratio = Count::HighHigh | Count::HighMiddle | Count::HighLow;
        let taken = |copies| taken(&numbers("2.5", copies));
        assert_eq!(taken("40"), [EnumSet::only(Count::HighHigh)]);
        assert_eq!(taken("40.1"), [EnumSet::only(Count::HighHigh), high_ratio]);
        assert_eq!(taken("0"), [EnumSet::only(Count::HighLow), high_ratio]);
    }

    #[test]
    fn a_derived_ratio_is_an_interval_of_the_printed_digits() {
        let derived = |copies, cep17| {
            taken(&IshResult {
                her2_copies: measure(copies),
                cep17_copies: measure(cep17),
                ..result()
            })
        };
        assert_eq!(
            derived("5.0", "2.5"),
            [Count::HighMiddle | Count::LowMiddle]
        );
        assert_eq!(derived("5.2", "2.5"), [EnumSet::only(Count::HighMiddle)]);
        // A bounded number tells nothing of the ratio.
        for cep17 in ["<2.5", "2.0-2.5"] {
            assert_eq!(
                derived("5.2", cep17),
                [Count::HighMiddle | Count::LowMiddle]
            );
        }
    }

    #[test]
    fn any_one_of_three_numbers_that_contradict_may_be_wrong() {
        let taken = taken(&IshResult {
            cep17_copies: measure("1.5"),
            ..numbers("1.2", "6.0")
        });
        assert_eq!(
            taken,
            [Count::LowHigh, Count::HighHigh, Count::LowLow].map(EnumSet::only)
        );
    }

    #[test]
    fn copies_that_may_be_wrong_are_what_ratio_and_cep17_give() {
        let taken = taken(&IshResult {
            cep17_copies: measure("2.0"),
            ..numbers("3.0", "3.0")
        });
        // 2.95 times 1.95 to 3.05 times 2.05 copies.
        let six_or_so = Count::HighMiddle | Count::HighHigh;
        assert_eq!(
            taken,
            [Count::HighLow.into(), Count::LowLow.into(), six_or_so]
        );
    }

    #[test]
    fn copies_alone_are_read_by_the_probe_that_is_stated() {
        let copies = |probe| {
            taken(&IshResult {
                probe,
                her2_copies: measure("6.0"),
                ..result()
            })
        };
        let dual = Count::HighHigh | Count::LowHigh;
        assert_eq!(copies(Some(Probe::Dual)), [dual]);
        assert_eq!(
            copies(Some(Probe::Single)),
            [EnumSet::only(Count::SingleHigh)]
        );
        assert_eq!(copies(None), [dual | Count::SingleHigh]);
    }

    #[test]
    fn zero_signals_and_negative_ones_are_no_means_per_cell() {
        let void = Count::NotDone;
        let alone = |text: &str| {
            taken(&IshResult {
                her2_copies: measure(text),
                ..result()
            })
        };
        for text in ["0", "-1", ">=-1", "816"] {
            let taken = alone(text);
            assert_eq!(taken.last(), Some(&EnumSet::only(void)), "{text}");
        }
        assert_eq!(alone("0.1").len(), 1);
        let ratio = |text: &str| taken(&numbers(text, "3.0")).len();
        assert_eq!(ratio("40"), 1);
        assert_eq!(ratio("40.1"), 2);
        assert_eq!(ratio("-1"), 2);
    }

    #[test]
    fn dual_probe_data_under_a_single_probe_label_is_read_as_dual_and_remarked() {
        let warned = |probe, result: IshResult| {
            let mut notes = Notes::default();
            let by = by_default(Edition::AscoCap2018);
            let taken = take_numbers(&IshResult { probe, ..result }, by, &mut notes);
            assert_eq!(taken.as_slice(), [EnumSet::only(Count::HighHigh)]);
            notes.codes()
        };
        let label = WarningCode::ProbeLabelContradicted;
        assert_eq!(warned(Some(Probe::Single), numbers("2.5", "6.0")), [label]);
        assert!(warned(Some(Probe::Dual), numbers("2.5", "6.0")).is_empty());
        assert!(warned(None, numbers("2.5", "6.0")).is_empty());
    }
}
