//! Bounded numbers made exact: `<2.0` may turn out to be 1.9999, and `4-6` to be 4, 5 or 6.

use her2_adapter::her2::number::{Form, Measure};
use proptest::sample::Index;
use rust_decimal::Decimal;

use super::Case;
use super::strategies::{CELLS, COPIES, PERCENTS, RATIOS};

/// The case as it would be with the exact numbers that these picks choose inside the bounded ones.
pub fn refined(case: &Case, picks: &[Index]) -> Case {
    let mut evidence = case.evidence.clone();
    let mut picks = picks.iter().cycle();
    let mut refine = |number: &mut Option<Measure>, most: i64| {
        if let (Some(bounded), Some(pick)) = (number.as_ref(), picks.next()) {
            let points = points_inside(bounded, Decimal::from(most));
            if !points.is_empty() {
                *number = Some(pick.get(&points).clone());
            }
        }
    };
    for result in &mut evidence.ihc {
        refine(&mut result.percent, 100);
        refine(&mut result.intense_percent, 100);
    }
    for result in &mut evidence.ish {
        refine(&mut result.ratio, 40);
        refine(&mut result.her2_copies, 40);
        refine(&mut result.cep17_copies, 20);
        refine(&mut result.cells, 100);
        refine(&mut result.population_percent, 100);
    }
    case.with(evidence)
}

/// Its ends as far as they belong to it, what lies just inside them, its middle, and the thresholds within it.
fn points_inside(bounded: &Measure, most: Decimal) -> Vec<Measure> {
    if !matches!(bounded.form(), Form::Compared(_) | Form::Range) {
        return Vec::new();
    }
    let span = bounded.span();
    let step = Decimal::new(1, 4);
    let low = (span.low).map_or(Decimal::ZERO, |low| low.value.approximate());
    let high = (span.high).map_or(most, |high| high.value.approximate());
    let mut points = vec![
        low,
        low + step,
        (low + high) / Decimal::TWO,
        high - step,
        high,
    ];
    for thousandths in [&RATIOS[..], &COPIES, &CELLS, &PERCENTS].concat() {
        let threshold = Decimal::new(thousandths, 3);
        points.extend([threshold - step, threshold, threshold + step]);
    }
    points.retain(|point| {
        let above_low = span.low.is_none() || *point > low || span.may_be_at_most(*point);
        let below_high = span.high.is_none() || *point < high || span.may_be_at_least(*point);
        *point >= low && *point <= high && above_low && below_high && *point > Decimal::ZERO
    });
    (points.into_iter())
        .filter_map(|point| Measure::parse(&point.to_string()).ok())
        .collect()
}
