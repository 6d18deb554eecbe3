//! What narratives tell beside what is coded. Narrative counts where no coded result says it, judged per test; where a coded
//! result says it, narrative that says otherwise is a second result, and a person is asked which is true.

use super::gather::Item;
use crate::her2::evidence::{
    Evidence, IhcFinding, IhcResult, IshResult, IshWord, Origin, Passage, ReportedStatus, Score,
    StatedResult, UnreadTest, Unreadable,
};
use crate::mapping::normalise::Piece;

/// The narrative pieces of one case.
#[derive(Default)]
pub(super) struct Told<'i> {
    items: Vec<&'i Item<'i>>,
}

impl<'i> Told<'i> {
    /// Takes what an item tells in narrative.
    pub(super) fn take(&mut self, item: &'i Item<'i>) {
        if item.pieces.iter().any(Piece::is_narrative) {
            self.items.push(item);
        }
    }

    /// Sets beside the coded evidence what is only told, or told otherwise; the items that this was taken from.
    pub(super) fn beside(&self, evidence: &mut Evidence) -> Vec<&'i Item<'i>> {
        let coded_ihc = evidence.ihc.len();
        let coded_ish = evidence.ish.len();
        let mut used: Vec<&'i Item<'i>> = Vec::new();
        for item in &self.items {
            let before = (
                evidence.ihc.len(),
                evidence.ish.len(),
                evidence.reported.len(),
            );
            if let Some(result) = ihc_of(item) {
                let is_said = (evidence.ihc.iter()).any(|other| says_the_same(other, &result));
                if !is_said {
                    evidence.ihc.push(result);
                }
            }
            if let Some(result) = ish_of(item) {
                let is_said = (evidence.ish.iter()).any(|other| counts_the_same(other, &result));
                if !is_said {
                    evidence.ish.push(result);
                }
            }
            for status in reported_of(item) {
                let is_said = (evidence.reported.iter()).any(|other| other.value == status.value);
                if !is_said {
                    evidence.reported.push(status);
                }
            }
            if before
                != (
                    evidence.ihc.len(),
                    evidence.ish.len(),
                    evidence.reported.len(),
                )
            {
                used.push(item);
            }
        }
        for item in &self.items {
            let unread: Vec<Unreadable> = (item.pieces.iter())
                .filter_map(|piece| unread_of(item, piece, evidence, coded_ihc > 0, coded_ish > 0))
                .collect();
            if !unread.is_empty() && !used.iter().any(|other| std::ptr::eq(*other, *item)) {
                used.push(item);
            }
            evidence.unreadable.extend(unread);
        }
        used
    }
}

/// What an item leaves unread, where no coded result answers it.
fn unread_of(
    item: &Item<'_>,
    piece: &Piece,
    evidence: &Evidence,
    is_ihc_coded: bool,
    is_ish_coded: bool,
) -> Option<Unreadable> {
    let Piece::UnreadNarrative {
        test,
        detail,
        is_history,
    } = piece
    else {
        return None;
    };
    // What was known before asks nothing where the report says what is known now.
    let has_result = !evidence.ihc.is_empty() || !evidence.ish.is_empty();
    if *is_history && has_result {
        return None;
    }
    let test = match (test, is_ihc_coded, is_ish_coded) {
        (UnreadTest::Ihc, true, _)
        | (UnreadTest::Ish, _, true)
        | (UnreadTest::Either, true, true) => {
            return None;
        }
        (UnreadTest::Either, true, false) => UnreadTest::Ish,
        (UnreadTest::Either, false, true) => UnreadTest::Ihc,
        (test, _, _) => *test,
    };
    // A sentence that may speak of either test takes nothing from a coded result.
    if matches!(
        piece,
        Piece::UnreadNarrative {
            test: UnreadTest::Either,
            ..
        }
    ) && (is_ihc_coded || is_ish_coded)
    {
        return None;
    }
    Some(Unreadable {
        test,
        detail: detail.clone(),
        source: item.source.clone(),
    })
}

fn narrated<'i>(item: &'i Item<'_>) -> impl Iterator<Item = (&'i Piece, &'i Passage)> {
    item.pieces.iter().filter_map(|piece| match piece {
        Piece::Narrated(piece, passage) => Some((piece.as_ref(), passage)),
        _ => None,
    })
}

fn note(passages: &mut Vec<Passage>, passage: &Passage) {
    if !passages.contains(passage) {
        passages.push(passage.clone());
    }
}

fn ihc_of(item: &Item<'_>) -> Option<IhcResult> {
    let finding = narrated(item).filter_map(|(piece, _)| match piece {
        Piece::Ihc(finding, _) => Some(*finding),
        _ => None,
    });
    // A score says more than a word.
    let finding = finding.max_by_key(|finding| matches!(finding, IhcFinding::Score(_)))?;
    let mut result = IhcResult {
        origin: Origin::Narrative,
        ..IhcResult::new(finding, item.source.clone())
    };
    for (piece, passage) in narrated(item) {
        match piece {
            Piece::Ihc(IhcFinding::Stated(word), _) if finding != IhcFinding::Stated(*word) => {
                result.interpretation = Some(*word);
            }
            Piece::Ihc(..) => {}
            Piece::IhcInterpretation(word) => result.interpretation = Some(*word),
            _ => continue,
        }
        note(&mut result.passages, passage);
    }
    Some(result)
}

fn ish_of(item: &Item<'_>) -> Option<IshResult> {
    let mut result = IshResult {
        origin: Origin::Narrative,
        reported_on: item.reported_on,
        ..IshResult::new(item.source.clone())
    };
    for (piece, passage) in narrated(item) {
        match piece {
            Piece::Ratio(ratio) => result.ratio = Some(ratio.clone()),
            Piece::Her2Copies(copies) => result.her2_copies = Some(copies.clone()),
            Piece::Cep17Copies(copies) => result.cep17_copies = Some(copies.clone()),
            Piece::IshWord(word, _) => result.result = Some(*word),
            _ => continue,
        }
        note(&mut result.passages, passage);
    }
    (result.has_numbers() || result.result.is_some()).then_some(result)
}

fn reported_of(item: &Item<'_>) -> Vec<ReportedStatus> {
    narrated(item)
        .filter_map(|(piece, passage)| match piece {
            Piece::Overall(value) => Some(ReportedStatus {
                value: *value,
                passage: Some(passage.clone()),
                source: item.source.clone(),
            }),
            _ => None,
        })
        .collect()
}

/// Whether a result on record says what narrative tells; a score goes with its usual word.
fn says_the_same(known: &IhcResult, told: &IhcResult) -> bool {
    let usual = |finding: IhcFinding| match finding {
        IhcFinding::Stated(word) => Some(word),
        IhcFinding::Score(scores) => {
            let mut words = scores.iter().map(|score| match score {
                Score::Zero | Score::OnePlus => StatedResult::Negative,
                Score::TwoPlus => StatedResult::Equivocal,
                Score::ThreePlus => StatedResult::Positive,
            });
            let first = words.next()?;
            words.all(|word| word == first).then_some(first)
        }
    };
    match (known.finding, told.finding) {
        (IhcFinding::Score(known), IhcFinding::Score(told)) => known == told,
        (known, told) => usual(known).is_some() && usual(known) == usual(told),
    }
}

/// Whether a count on record says what narrative tells, as far as both say it.
fn counts_the_same(known: &IshResult, told: &IshResult) -> bool {
    let fits = |one: &Option<crate::her2::number::Measure>, other: &Option<_>| {
        one.is_none() || other.is_none() || one == other
    };
    let word = match (known.result, told.result) {
        (Some(known), Some(told)) => known == told,
        (None, Some(told)) => word_fits_ratio(told, known),
        _ => true,
    };
    fits(&known.ratio, &told.ratio)
        && fits(&known.her2_copies, &told.her2_copies)
        && fits(&known.cep17_copies, &told.cep17_copies)
        && word
}

/// Whether a word can be said of a count: amplified of a ratio of 2.0 or more, or of many copies.
fn word_fits_ratio(word: IshWord, count: &IshResult) -> bool {
    let two = rust_decimal::Decimal::TWO;
    let Some(ratio) = &count.ratio else {
        return true;
    };
    match word {
        IshWord::Amplified => ratio.span().may_be_at_least(two) || count.her2_copies.is_some(),
        IshWord::NotAmplified | IshWord::PolysomyNotAmplified => {
            ratio.span().may_be_below(two) || count.her2_copies.is_some()
        }
        IshWord::Equivocal | IshWord::Undefined | IshWord::Indeterminate => true,
    }
}
