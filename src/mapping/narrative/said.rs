//! From a matched sequence to what it says, and whether all of it can be true.

use std::ops::Range;

use enumset::EnumSet;
use regex::bytes::Regex;

use super::reader::{extent, is_value, letters};
use super::tagged::{Token, Value};
use super::vocabulary::{Tag, What};
use super::{Read, Reading, Said, Unread};
use crate::her2::evidence::{IshWord, Score, StatedResult, UnreadTest};
use crate::mapping::table::Side;

/// A whole number of copies above it is a total.
const MOST_COPIES: u32 = 30;

pub(super) fn numbers(
    tokens: &mut [Token],
    what: What,
    range: Range<usize>,
    pattern: &Regex,
    side: Option<Side>,
    read: &mut Read,
) -> bool {
    let run = tokens.get(range.clone()).unwrap_or(&[]);
    let written = letters(run);
    let Some(value) = pattern
        .captures(&written)
        .and_then(|found| found.name("value"))
    else {
        return false;
    };
    let Some(Value::Number(number)) = run.get(value.start()).map(|token| &token.value) else {
        return false;
    };
    let said = match what {
        What::Ratio => Said::Ratio(number.as_ref().clone()),
        What::Her2Copies => Said::Her2Copies(number.as_ref().clone()),
        What::Cep17Copies => Said::Cep17Copies(number.as_ref().clone()),
        What::Result => return false,
    };
    // As many are the signals of all cells, and not of one.
    let is_count = matches!(what, What::Her2Copies | What::Cep17Copies);
    if is_count
        && number
            .written()
            .parse::<u32>()
            .is_ok_and(|count| count > MOST_COPIES)
    {
        return false;
    }
    // `2.3:1` and `511/188` are quotients that are not read.
    let after = tokens.get(range.end).map(|token| token.tag);
    let second = tokens.get(range.end + 1).map(|token| token.tag);
    let is_number = |tag: Option<Tag>| matches!(tag, Some(Tag::Number | Tag::Digit | Tag::Percent));
    if matches!(after, Some(Tag::Colon | Tag::Slash)) && is_number(second) {
        return false;
    }
    let reading = Reading {
        said,
        span: extent(run),
        side,
    };
    note(read, reading);
    for token in tokens.get_mut(range).unwrap_or(&mut []) {
        if matches!(token.tag, Tag::Number | Tag::Digit) {
            token.tag = Tag::Remark;
        }
    }
    true
}

/// What is said twice is noted once.
fn note(read: &mut Read, reading: Reading) {
    let is_known = (read.readings.iter())
        .any(|earlier| earlier.said == reading.said && earlier.side == reading.side);
    if !is_known {
        read.readings.push(reading);
    }
}

/// The test that a word belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    Ihc,
    Ish,
    NotNamed,
}

pub(super) fn results(
    tokens: &mut [Token],
    range: Range<usize>,
    side: Option<Side>,
    read: &mut Read,
) -> bool {
    let run = tokens.get(range.clone()).unwrap_or(&[]);
    let has_score = run.iter().any(|token| token.tag == Tag::Score);
    let is_weak = run.iter().any(|token| token.tag == Tag::Weak);
    let says_ish = run
        .iter()
        .any(|token| matches!(token.tag, Tag::Amplified | Tag::NotAmplified));
    // "Amplified, low level" is no word of a guideline.
    let is_weak_next = tokens
        .get(range.end)
        .is_some_and(|token| token.tag == Tag::Weak);
    if says_ish && is_weak_next {
        return false;
    }
    let mut said: Vec<Said> = Vec::new();
    let mut test = Test::NotNamed;
    for (index, token) in run.iter().enumerate() {
        match token.tag {
            Tag::Ihc | Tag::IhcOfHer2 => test = Test::Ihc,
            Tag::Ish | Tag::IshOfHer2 | Tag::Her2Ratio | Tag::Her2Count | Tag::Cep17Count => {
                test = Test::Ish;
            }
            Tag::Her2 => test = Test::NotNamed,
            _ => {}
        }
        let of = match test {
            Test::NotNamed => test_after(run, index),
            test => test,
        };
        said.extend(match token.tag {
            Tag::Score => match token.value {
                Value::Scores(scores) => Some(Said::Score(scores)),
                _ => None,
            },
            Tag::Positive if is_weak && of != Test::Ish => {
                if has_score {
                    None
                } else {
                    return false;
                }
            }
            Tag::Positive | Tag::Plus => Some(word(StatedResult::Positive, of, has_score)),
            Tag::Negative | Tag::Minus => Some(word(StatedResult::Negative, of, has_score)),
            Tag::Equivocal => Some(word(StatedResult::Equivocal, of, has_score)),
            // What was not done has not failed.
            Tag::Indeterminate if run.iter().any(|token| token.tag == Tag::NotDone) => None,
            Tag::Indeterminate => Some(word(StatedResult::Indeterminate, of, has_score)),
            Tag::Her2Positive => Some(word(StatedResult::Positive, of, has_score)),
            Tag::Her2Negative => Some(word(StatedResult::Negative, of, has_score)),
            Tag::TripleNegative => Some(Said::Overall(StatedResult::Negative)),
            Tag::Overexpressed | Tag::Her2Overexpressed => {
                if is_weak && !has_score {
                    return false;
                }
                Some(word(StatedResult::Positive, Test::Ihc, has_score))
            }
            Tag::NotOverexpressed | Tag::Her2NotOverexpressed => {
                Some(word(StatedResult::Negative, Test::Ihc, has_score))
            }
            // "Negative (not amplified)" may be said of either test.
            Tag::Amplified | Tag::NotAmplified
                if of == Test::NotNamed && follows_status_in_parentheses(run, index) =>
            {
                None
            }
            Tag::Amplified | Tag::Her2Amplified => Some(Said::IshWord(IshWord::Amplified)),
            Tag::NotAmplified | Tag::Her2NotAmplified => Some(Said::IshWord(IshWord::NotAmplified)),
            Tag::Pending | Tag::NotDone => {
                test = Test::NotNamed;
                Some(Said::NoResult)
            }
            _ => None,
        });
    }
    // "Polysomy, not amplified" leaves three groups open.
    if run.iter().any(|token| token.tag == Tag::Polysomy) {
        for word in &mut said {
            if *word == Said::IshWord(IshWord::NotAmplified) {
                *word = Said::IshWord(IshWord::PolysomyNotAmplified);
            }
        }
    }
    let span = extent(run);
    for said in said {
        let reading = Reading {
            said,
            span: span.clone(),
            side,
        };
        note(read, reading);
    }
    // What was read is not read again by another rule.
    for token in tokens.get_mut(range).unwrap_or(&mut []) {
        if is_value(token.tag) && !matches!(token.tag, Tag::Number | Tag::Digit) {
            token.tag = Tag::Remark;
        }
    }
    true
}

fn follows_status_in_parentheses(run: &[Token], index: usize) -> bool {
    let before = |back: usize| {
        let token = index.checked_sub(back).and_then(|at| run.get(at));
        token.map(|token| token.tag)
    };
    before(1) == Some(Tag::Open) && matches!(before(2), Some(Tag::Positive | Tag::Negative))
}

/// The test named right behind a word: "negative by FISH", and not "equivocal, FISH negative".
fn test_after(run: &[Token], index: usize) -> Test {
    let after = run.get(index + 1..).unwrap_or(&[]);
    for (at, token) in after.iter().enumerate() {
        let test = match token.tag {
            Tag::Link | Tag::Open | Tag::For | Tag::Of | Tag::Label => continue,
            Tag::Ihc | Tag::IhcOfHer2 => Test::Ihc,
            Tag::Ish | Tag::IshOfHer2 => Test::Ish,
            _ => return Test::NotNamed,
        };
        let rest = after.get(at + 1..).unwrap_or(&[]);
        let in_parentheses = after
            .get(..at)
            .unwrap_or(&[])
            .iter()
            .any(|token| token.tag == Tag::Open);
        if in_parentheses && rest.first().map(|token| token.tag) != Some(Tag::Close) {
            return Test::NotNamed;
        }
        let next = rest.iter().find(|token| {
            is_value(token.tag)
                || matches!(
                    token.tag,
                    Tag::Close | Tag::Comma | Tag::Pending | Tag::NotDone
                )
        });
        let has_own = next.is_some_and(|token| {
            is_value(token.tag) || matches!(token.tag, Tag::Pending | Tag::NotDone)
        });
        return if has_own { Test::NotNamed } else { test };
    }
    Test::NotNamed
}

fn word(stated: StatedResult, test: Test, has_score: bool) -> Said {
    match test {
        Test::Ish => Said::IshWord(IshWord::from(stated)),
        _ if has_score => Said::IhcInterpretation(stated),
        Test::Ihc => Said::IhcWord(stated),
        Test::NotNamed => Said::Overall(stated),
    }
}

/// Statements that cannot both be true of one breast are not chosen between, and what stands beside them is not either: the
/// text speaks of more than one tumour, or of more than one time.
pub(super) fn settle(read: &mut Read) {
    let sides: Vec<Option<Side>> = read.readings.iter().map(|reading| reading.side).collect();
    for side in sides {
        let of_side = || read.readings.iter().filter(|reading| reading.side == side);
        let said: Vec<&Said> = of_side().map(|reading| &reading.said).collect();
        if !contradict(&said) {
            continue;
        }
        let span = of_side().next().map(|reading| reading.span.clone());
        read.readings.retain(|reading| reading.side != side);
        read.unread.extend(span.map(|span| Unread {
            test: UnreadTest::Either,
            why: "it states different results",
            is_history: false,
            span,
        }));
    }
}

/// Whether some of what is said of one tumour cannot be true together.
pub(super) fn contradict(said: &[&Said]) -> bool {
    let differ = |one: &Said, other: &Said| match (one, other) {
        (Said::Score(one), Said::Score(other)) => one != other,
        (
            Said::IhcWord(one) | Said::IhcInterpretation(one),
            Said::IhcWord(other) | Said::IhcInterpretation(other),
        )
        | (Said::Overall(one), Said::Overall(other)) => one != other,
        (Said::IshWord(one), Said::IshWord(other)) => one != other,
        (Said::Ratio(one), Said::Ratio(other))
        | (Said::Her2Copies(one), Said::Her2Copies(other))
        | (Said::Cep17Copies(one), Said::Cep17Copies(other)) => one != other,
        (Said::Overall(StatedResult::Negative), Said::Score(scores)) => {
            *scores == EnumSet::only(Score::ThreePlus)
        }
        _ => false,
    };
    said.iter().enumerate().any(|(index, one)| {
        (said.iter().skip(index + 1)).any(|other| differ(one, other) || differ(other, one))
    })
}
