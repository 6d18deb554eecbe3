//! The rules once more, written from the text of the guidelines and not from the engine: plain comparisons of exact
//! numbers. What differs from them is wrong, or they are.

use her2_adapter::her2::decision::{NextAction, Status};
use her2_adapter::her2::evidence::{Sample, Score};
use her2_adapter::her2::guideline::Edition;
use rust_decimal::Decimal;

use NextAction::{
    ConcurrentIhc, DualProbeIsh, None as Nothing, RecountIsh, RepeatTest, ReviewDiscordance,
};
use Score::{OnePlus, ThreePlus, TwoPlus, Zero};
use Status::{Equivocal, Insufficient, Negative, Positive};

fn tenths(value: i64) -> Decimal {
    Decimal::new(value, 1)
}

/// A dual-probe count of enough cells with both numbers, beside one score or none.
pub fn dual(
    edition: Edition,
    ihc: Option<Score>,
    ratio: Decimal,
    copies: Decimal,
) -> (Status, NextAction) {
    let high_ratio = ratio >= tenths(20);
    match edition {
        // ASCO/CAP 2018, Figures 3 to 6: groups 1 to 5.
        Edition::AscoCap2018 => {
            let group = if high_ratio && copies >= tenths(40) {
                1
            } else if high_ratio {
                2
            } else if copies >= tenths(60) {
                3
            } else if copies >= tenths(40) {
                4
            } else {
                5
            };
            match (group, ihc) {
                (5, Some(ThreePlus)) => (Positive, ReviewDiscordance),
                (_, Some(ThreePlus)) => (Positive, Nothing),
                (1, Some(Zero | OnePlus)) => (Positive, ReviewDiscordance),
                (1, _) => (Positive, Nothing),
                (5, _) => (Negative, Nothing),
                (_, Some(Zero | OnePlus)) => (Negative, Nothing),
                (_, Some(TwoPlus)) => (Equivocal, RecountIsh),
                (_, None) => (Insufficient, ConcurrentIhc),
            }
        }
        // ASCO/CAP 2013: a high ratio with any copies, or 6.0 copies with any ratio.
        Edition::AscoCap2013 => {
            if ihc == Some(ThreePlus) {
                let both_low = !high_ratio && copies < tenths(40);
                return (Positive, if both_low { ReviewDiscordance } else { Nothing });
            }
            if high_ratio || copies >= tenths(60) {
                let is_low = matches!(ihc, Some(Zero | OnePlus));
                (Positive, if is_low { ReviewDiscordance } else { Nothing })
            } else if copies >= tenths(40) {
                match ihc {
                    None => (Equivocal, ConcurrentIhc),
                    Some(TwoPlus) => (Equivocal, RepeatTest),
                    Some(_) => (Negative, Nothing),
                }
            } else {
                (Negative, Nothing)
            }
        }
        // ASCO/CAP 2007: the ratio alone, 1.8 and 2.2 in the middle.
        Edition::AscoCap2007 => by_level_2007(ihc, ratio < tenths(18), ratio > tenths(22)),
        // CAP/ASCP/ASCO 2016: IHC first.
        Edition::Gastric2016 => {
            let many_copies = copies > tenths(60);
            match ihc {
                None => (Insufficient, ConcurrentIhc),
                Some(ThreePlus) if !high_ratio && copies < tenths(40) => {
                    (Positive, ReviewDiscordance)
                }
                Some(ThreePlus) => (Positive, Nothing),
                Some(Zero | OnePlus) if high_ratio || many_copies => (Negative, ReviewDiscordance),
                Some(Zero | OnePlus) => (Negative, Nothing),
                Some(TwoPlus) if high_ratio || many_copies => (Positive, Nothing),
                Some(TwoPlus) if copies >= tenths(40) => (Equivocal, RecountIsh),
                Some(TwoPlus) => (Negative, Nothing),
            }
        }
    }
}

fn by_level_2007(ihc: Option<Score>, is_low: bool, is_high: bool) -> (Status, NextAction) {
    match ihc {
        Some(ThreePlus) if is_low => (Positive, ReviewDiscordance),
        Some(ThreePlus) => (Positive, Nothing),
        Some(Zero | OnePlus) if is_high => (Positive, ReviewDiscordance),
        _ if is_high => (Positive, Nothing),
        _ if is_low => (Negative, Nothing),
        _ => (Equivocal, RecountIsh),
    }
}

/// A single-probe count of enough cells, beside one score or none.
pub fn single(edition: Edition, ihc: Option<Score>, copies: Decimal) -> (Status, NextAction) {
    let is_low = copies < tenths(40);
    // The middle of 2007 and 2016 includes 6; later 6.0 is high.
    let is_high = match edition {
        Edition::AscoCap2018 | Edition::AscoCap2013 => copies >= tenths(60),
        Edition::AscoCap2007 | Edition::Gastric2016 => copies > tenths(60),
    };
    if ihc == Some(ThreePlus) {
        return (Positive, if is_low { ReviewDiscordance } else { Nothing });
    }
    match edition {
        // ASCO/CAP 2018, Figure 2: concomitant IHC is recommended with every result.
        Edition::AscoCap2018 => match ihc {
            None if is_high => (Positive, ConcurrentIhc),
            None if is_low => (Negative, ConcurrentIhc),
            None => (Insufficient, ConcurrentIhc),
            Some(TwoPlus) if is_high => (Positive, Nothing),
            Some(TwoPlus) if is_low => (Negative, Nothing),
            Some(TwoPlus) => (Equivocal, DualProbeIsh),
            Some(_) if is_high => (Positive, ReviewDiscordance),
            Some(_) => (Negative, Nothing),
        },
        Edition::AscoCap2013 => match ihc {
            Some(Zero | OnePlus) if is_high => (Positive, ReviewDiscordance),
            Some(Zero | OnePlus) => (Negative, Nothing),
            _ if is_high => (Positive, Nothing),
            _ if is_low => (Negative, Nothing),
            None => (Equivocal, ConcurrentIhc),
            Some(_) => (Equivocal, DualProbeIsh),
        },
        Edition::AscoCap2007 => by_level_2007(ihc, is_low, is_high),
        Edition::Gastric2016 => match ihc {
            None => (Insufficient, ConcurrentIhc),
            Some(TwoPlus) => (Equivocal, DualProbeIsh),
            Some(_) if is_high => (Negative, ReviewDiscordance),
            Some(_) => (Negative, Nothing),
        },
    }
}

/// A score alone beside the share of cells with any staining, from 0 to 100 %: the status, and whether the two
/// contradict each other.
pub fn score_and_percent(
    edition: Edition,
    sample: Sample,
    score: Score,
    percent: Decimal,
) -> (Status, bool) {
    let ten = tenths(100);
    let is_none = percent.is_zero();
    let contradicts = match (edition, sample) {
        (Edition::AscoCap2018 | Edition::AscoCap2013, _) => match score {
            Zero => percent > ten,
            OnePlus | ThreePlus => percent <= ten,
            // Intense complete staining in at most 10 % is 2+.
            TwoPlus => is_none,
        },
        (Edition::AscoCap2007, _) => match score {
            Zero => !is_none,
            OnePlus | TwoPlus => is_none,
            ThreePlus => percent <= tenths(300),
        },
        (Edition::Gastric2016, Sample::Resection) => match score {
            Zero => percent >= ten,
            OnePlus | TwoPlus | ThreePlus => percent < ten,
        },
        // A cluster of 5 cells decides, at any percentage.
        (Edition::Gastric2016, Sample::Biopsy | Sample::Cytology) => score != Zero && is_none,
    };
    match score {
        Zero | OnePlus => (Negative, contradicts),
        TwoPlus | ThreePlus if contradicts => (Insufficient, true),
        TwoPlus => (Equivocal, false),
        ThreePlus => (Positive, false),
    }
}
