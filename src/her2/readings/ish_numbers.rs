//! What the numbers of one in situ hybridisation count say, and where they contradict one another.

use rust_decimal::Decimal;

use super::ish::Notes;
use super::{Count, Counts};
use crate::her2::asco_cap_2018;
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

/// The readings of the numbers alone; none without numbers.
pub(super) fn take_numbers(result: &IshResult, notes: &mut Notes) -> Vec<Counts> {
    if let Some(plausible) = without_implausible_numbers(result) {
        notes.contradict(
            ReviewCode::ValueImplausible,
            result,
            "a ratio or mean copies per cell that no count can give".to_owned(),
        );
        // With nothing left there is no count.
        let void = Counts::only(Count::NotDone);
        let mut alternatives: Vec<Counts> = [result, &plausible]
            .into_iter()
            .map(|numbers| counts_of(numbers, notes).unwrap_or(void))
            .collect();
        alternatives.dedup();
        return alternatives;
    }
    if let (Some(ratio), Some(copies), Some(cep17)) =
        (&result.ratio, &result.her2_copies, &result.cep17_copies)
        && let Some(derived) = derived_ratio(copies, cep17)
        && !ratio.printed_span().overlaps(derived)
    {
        notes.contradict(
            ReviewCode::RatioContradictsCopies,
            result,
            format!("ratio {ratio} with {copies} HER2 and {cep17} CEP17 copies per cell"),
        );
        // Any one of the three may be the wrong one.
        return vec![
            dual_counts(Some(ratio.span()), Some(copies.span())),
            dual_counts(Some(derived), Some(copies.span())),
            dual_counts(Some(ratio.span()), product(ratio, cep17)),
        ];
    }
    counts_of(result, notes).into_iter().collect()
}

/// The result without its totals, zero or negative signals, which cannot be means per cell; `None` when it has none.
fn without_implausible_numbers(result: &IshResult) -> Option<IshResult> {
    let no_signals = |value: &Measure| value.is_zero_or_less() || value.is_negative();
    let no_mean =
        |value: &Measure, most: Decimal| no_signals(value) || !value.span().may_be_at_most(most);
    let copies = (result.her2_copies.as_ref()).is_some_and(|copies| no_mean(copies, MOST_COPIES));
    let cep17 = (result.cep17_copies.as_ref()).is_some_and(|cep17| no_mean(cep17, MOST_CEP17));
    let ratio = (result.ratio.as_ref()).is_some_and(|ratio| no_mean(ratio, MOST_RATIO));
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
fn counts_of(result: &IshResult, notes: &mut Notes) -> Option<Counts> {
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
                    "no ratio is reported; it is derived from HER2 and CEP17 copies as an interval of the printed digits",
                );
                derived_ratio(copies, cep17)
            }
            (None, ..) => None,
        };
        return Some(dual_counts(ratio, copies_span));
    }
    let single = single_counts(copies?);
    Some(match result.probe {
        Some(Probe::Dual) => dual_counts(None, copies_span),
        Some(Probe::Single) => single,
        None => {
            notes.warn(
                WarningCode::MethodNotStated,
                "single- or dual-probe is not stated, and copies alone do not tell",
            );
            dual_counts(None, copies_span) | single
        }
    })
}

fn dual_counts(ratio: Option<Span>, copies: Option<Span>) -> Counts {
    asco_cap_2018::groups(ratio, copies)
        .iter()
        .map(Count::from_group)
        .collect()
}

fn single_counts(copies: &Measure) -> Counts {
    asco_cap_2018::copy_classes(copies.span())
        .iter()
        .map(Count::from_copies)
        .collect()
}

/// The ratio as an interval of what the printed digits of copies and CEP17 allow.
fn derived_ratio(copies: &Measure, cep17: &Measure) -> Option<Span> {
    let is_number = |measure: &Measure| matches!(measure.form(), Form::Point | Form::Quotient);
    if !is_number(copies) || !is_number(cep17) {
        return None;
    }
    let (copies, cep17) = (copies.printed_span(), cep17.printed_span());
    let low = end(copies.low)?.checked_div(end(cep17.high)?)?;
    let high = match end(cep17.low)? {
        lowest if lowest > Decimal::ZERO => end(copies.high)?.checked_div(lowest)?,
        _ => Decimal::MAX,
    };
    Some(Span::between(low, high))
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
    use super::super::samples::{measure, numbers, result};
    use super::*;
    use enumset::EnumSet;

    #[test]
    fn thresholds_belong_to_the_class_above_them() {
        for (ratio, copies, group) in [
            ("2.0", "4.0", Count::Group1),
            ("2.0", "3.99", Count::Group2),
            ("1.99", "6.0", Count::Group3),
            ("1.99", "5.99", Count::Group4),
            ("1.99", "4.0", Count::Group4),
            ("1.99", "3.99", Count::Group5),
        ] {
            let taken = take_numbers(&numbers(ratio, copies), &mut Notes::default());
            assert_eq!(taken, [EnumSet::only(group)], "{ratio} {copies}");
        }
    }

    #[test]
    fn totals_in_a_per_cell_field_are_read_with_and_without_them() {
        let high_ratio = Count::Group1 | Count::Group2;
        let taken = |copies| take_numbers(&numbers("2.5", copies), &mut Notes::default());
        assert_eq!(taken("40"), [EnumSet::only(Count::Group1)]);
        assert_eq!(taken("40.1"), [EnumSet::only(Count::Group1), high_ratio]);
        assert_eq!(taken("0"), [EnumSet::only(Count::Group2), high_ratio]);
    }

    #[test]
    fn a_derived_ratio_is_an_interval_of_the_printed_digits() {
        let derived = |copies, cep17| {
            take_numbers(
                &IshResult {
                    her2_copies: measure(copies),
                    cep17_copies: measure(cep17),
                    ..result()
                },
                &mut Notes::default(),
            )
        };
        assert_eq!(derived("5.0", "2.5"), [Count::Group1 | Count::Group4]);
        assert_eq!(derived("5.2", "2.5"), [EnumSet::only(Count::Group1)]);
        // A bounded number tells nothing of the ratio.
        assert_eq!(derived("5.2", "<2.5"), [Count::Group1 | Count::Group4]);
    }

    #[test]
    fn any_one_of_three_numbers_that_contradict_may_be_wrong() {
        let taken = take_numbers(
            &IshResult {
                cep17_copies: measure("1.5"),
                ..numbers("1.2", "6.0")
            },
            &mut Notes::default(),
        );
        assert_eq!(
            taken,
            [Count::Group3, Count::Group1, Count::Group5].map(EnumSet::only)
        );
    }

    #[test]
    fn copies_alone_are_read_by_the_probe_that_is_stated() {
        let copies = |probe| {
            take_numbers(
                &IshResult {
                    probe,
                    her2_copies: measure("6.0"),
                    ..result()
                },
                &mut Notes::default(),
            )
        };
        let dual = Count::Group1 | Count::Group3;
        assert_eq!(copies(Some(Probe::Dual)), [dual]);
        assert_eq!(
            copies(Some(Probe::Single)),
            [EnumSet::only(Count::SingleFrom6)]
        );
        assert_eq!(copies(None), [dual | Count::SingleFrom6]);
    }
}
