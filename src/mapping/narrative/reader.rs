//! From tagged sentences to what they say.

use std::ops::Range;

use enumset::EnumSet;
use regex::bytes::Regex;

use super::tagged::{Section, Sentence, Token, Value, sentences};
use super::tokens::Raw;
use super::vocabulary::{Language, Step, Tag, What};
use super::{Read, Reading, Said, Unread};
use crate::her2::evidence::{IshWord, Score, StatedResult, UnreadTest};
use crate::mapping::table::Side;

/// Why a history is left to a person.
const QUOTED: &str = "it quotes an earlier or outside result";

/// So many words in front of a result a negation may stand that is meant for it.
const REACH_OF_NEGATION: usize = 4;

/// So many words around a year its guideline may be named.
const NEAR: usize = 3;

/// A whole number of copies above it is a total.
const MOST_COPIES: u32 = 30;

/// Reads a text. `language_at` tells which of the languages stands at a byte of it.
pub(super) fn read(
    languages: &[Language],
    language_at: &dyn Fn(usize) -> usize,
    raw: &[Raw],
    about: Option<UnreadTest>,
) -> Read {
    let mut read = Read::default();
    let mut context = Context {
        ihc: about.is_some(),
        ish: about.is_some(),
        ish_named: about == Some(UnreadTest::Ish),
        side: None,
    };
    let sentences = sentences(languages, language_at, raw);
    let mut paragraph = 0;
    for (index, mut sentence) in sentences.into_iter().enumerate() {
        if index == 0
            && let Some(test) = about
        {
            begin_with_her2(&mut sentence, test);
        }
        // Which breast it is of is told in each paragraph, or not known.
        if sentence.paragraph != paragraph {
            paragraph = sentence.paragraph;
            context.side = None;
        }
        if let Some(language) = languages.get(sentence.language) {
            take_sentence(language, sentence, &mut context, &mut read);
        }
    }
    // Numbers and words of a text that never names HER2 are of something else.
    if about.is_none() && !read.names_her2 {
        return Read::default();
    }
    settle(&mut read);
    read
}

/// What earlier sentences leave open for later ones.
struct Context {
    /// The last marker that a stain could be of is HER2.
    ihc: bool,
    /// The last gene that a hybridisation could be of is HER2.
    ish: bool,
    /// A hybridisation has been named.
    ish_named: bool,
    side: Option<Side>,
}

/// The text stands below a HER2 result: as if its name stood in front.
fn begin_with_her2(sentence: &mut Sentence, test: UnreadTest) {
    let token = |tag| Token {
        tag,
        start: 0,
        end: 0,
        value: Value::None,
    };
    let method = match test {
        UnreadTest::Ihc => Some(token(Tag::Ihc)),
        UnreadTest::Ish => Some(token(Tag::Ish)),
        UnreadTest::Either | UnreadTest::Neither => None,
    };
    let front = [Some(token(Tag::Her2)), method].into_iter().flatten();
    sentence.tokens.splice(0..0, front);
}

fn take_sentence(language: &Language, sentence: Sentence, context: &mut Context, read: &mut Read) {
    let mut tokens = sentence.tokens;
    signs(&mut tokens);
    for clause in tokens.split_mut(|token| token.tag == Tag::Semicolon) {
        contexts(clause, context);
    }
    if !tokens.iter().any(|token| may_be_of_her2(token.tag)) {
        context.side = side_of(&tokens).or(context.side);
        return;
    }
    read.names_her2 |= tokens.iter().any(|token| is_mention(token.tag));
    for (step, pattern) in &language.steps {
        match step {
            Step::Merge(tag) => merge(&mut tokens, *tag, pattern),
            Step::Ignore => ignore(&mut tokens, pattern),
        }
    }
    let is_legend = distinct_scores(&tokens) > 2;
    for clause in tokens.split(|token| token.tag == Tag::Semicolon) {
        let mut clause = clause.to_vec();
        context.side = side_of(&clause).or(context.side);
        read.names_her2 |= clause.iter().any(|token| is_mention(token.tag));
        if !is_legend {
            numbers_in_context(&mut clause, context);
            take_clause(language, clause, sentence.section, context.side, read);
        }
    }
}

/// The breast that a clause speaks of last; `None` where it names none.
fn side_of(tokens: &[Token]) -> Option<Side> {
    tokens.iter().rev().find_map(|token| match token.tag {
        Tag::Left => Some(Side::Left),
        Tag::Right => Some(Side::Right),
        _ => None,
    })
}

/// A ratio or number of copies is that of HER2 where its hybridisation is spoken of.
fn numbers_in_context(tokens: &mut Vec<Token>, context: &mut Context) {
    context.ish_named |= (tokens.iter()).any(|token| {
        matches!(
            token.tag,
            Tag::Ish
                | Tag::IshOfHer2
                | Tag::Amplified
                | Tag::NotAmplified
                | Tag::Her2Amplified
                | Tag::Her2NotAmplified
                | Tag::Her2Ratio
                | Tag::Her2Count
                | Tag::Cep17Count
                | Tag::Cep17
        )
    });
    if !(context.ish && context.ish_named) {
        return;
    }
    for token in tokens.iter_mut() {
        match token.tag {
            Tag::Ratio => token.tag = Tag::Her2Ratio,
            Tag::Copies => token.tag = Tag::Her2Count,
            _ => {}
        }
    }
    let has = |tags: &[Tag]| tokens.iter().any(|token| tags.contains(&token.tag));
    let names_a_marker = has(&[Tag::Other, Tag::OtherGene, Tag::IshOfHer2])
        || tokens.iter().any(|token| is_mention(token.tag));
    if !names_a_marker && has(&[Tag::Amplified, Tag::NotAmplified]) {
        let start = extent(tokens).start;
        tokens.insert(
            0,
            Token {
                tag: Tag::IshOfHer2,
                start,
                end: start,
                value: Value::None,
            },
        );
    }
}

fn take_clause(
    language: &Language,
    mut tokens: Vec<Token>,
    section: Section,
    side: Option<Side>,
    read: &mut Read,
) {
    let has = |tag: Tag| tokens.iter().any(|token| token.tag == tag);
    let is_blocked = [Tag::Legend, Tag::Control, Tag::Cohort, Tag::Question]
        .into_iter()
        .any(has)
        || section == Section::Method;
    let is_history = has(Tag::History) || section == Section::History || names_a_year(&tokens);
    let is_in_situ = has(Tag::InSitu);
    let names_her2 = |token: &Token| {
        is_mention(token.tag) || matches!(token.tag, Tag::IshOfHer2 | Tag::IhcOfHer2)
    };
    let may_say = tokens.iter().any(names_her2) && tokens.iter().any(|token| is_value(token.tag));
    let mut leave = |tokens: &[Token], why| {
        read.unread.push(Unread {
            test: test_in(tokens),
            why,
            is_history: why == QUOTED,
            span: extent(tokens),
        });
    };
    if is_blocked {
        return;
    }
    if may_say && distinct_scores(&tokens) > 1 {
        leave(&tokens, "it states more than one score");
        return;
    }
    if may_say && has(Tag::Left) && has(Tag::Right) {
        leave(&tokens, "it speaks of both breasts at once");
        return;
    }
    if is_history || is_in_situ {
        if may_say && is_history {
            leave(&tokens, QUOTED);
        } else if may_say {
            leave(&tokens, "it speaks of in situ disease");
        }
        return;
    }
    cut_at_condition(&mut tokens);
    let before = read.readings.len();
    let mut is_read = false;
    for (what, pattern) in &language.reads {
        for span in matches(&tokens, pattern) {
            let is_whole = tokens
                .get(span.start)
                .is_some_and(|token| is_value(token.tag) && is_mention(token.tag));
            if !is_whole && is_denied(&tokens, span.start) {
                continue;
            }
            is_read |= match what {
                What::Result => results(&mut tokens, span, side, read),
                number => numbers(&mut tokens, *number, span, pattern, side, read),
            };
        }
    }
    let leaves_ish = tokens.iter().any(|token| {
        matches!(
            token.tag,
            Tag::Amplified | Tag::NotAmplified | Tag::Amplification | Tag::Borderline
        )
    });
    let says_ish = read
        .readings
        .iter()
        .any(|reading| matches!(reading.said, Said::IshWord(_) | Said::Ratio(_)));
    if is_read && leaves_ish && !says_ish {
        read.unread.push(Unread {
            test: UnreadTest::Ish,
            why: "it says something of an in situ hybridisation in a way that is not read",
            is_history: false,
            span: extent(&tokens),
        });
    }
    if read.readings.len() == before && !is_read && may_say {
        read.unread.push(Unread {
            test: test_in(&tokens),
            why: "it says something of HER2 in a way that is not read",
            is_history: false,
            span: extent(&tokens),
        });
    }
}

/// Whether a negation stands close in front of a run, with nothing between that ends what it denies.
fn is_denied(tokens: &[Token], start: usize) -> bool {
    let before = tokens.get(..start).unwrap_or(&[]);
    let is_negation = |token: &Token| matches!(token.tag, Tag::Neg | Tag::Absent);
    // A negation at the end of its line is the answer of that line.
    let ends_line = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| before.get(at));
        before.is_some_and(is_negation)
    };
    (before.iter().enumerate().rev().take(REACH_OF_NEGATION))
        .take_while(|(at, token)| {
            let is_end = matches!(token.tag, Tag::Comma | Tag::Other | Tag::Colon | Tag::Close);
            !(is_end || token.tag == Tag::Newline && ends_line(*at))
        })
        .any(|(_, token)| is_negation(token))
}

/// Whether a clause names a year that is not the edition of a guideline.
fn names_a_year(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let around = tokens.get(at.saturating_sub(NEAR)..).unwrap_or(&[]);
        let of_guideline = (around.iter().take(2 * NEAR + 1)).any(|token| token.tag == Tag::Kit);
        token.tag == Tag::Year && !of_guideline
    })
}

/// Whether a sentence that has such a tag may say something of HER2; most of a report does not.
fn may_be_of_her2(tag: Tag) -> bool {
    is_mention(tag)
        || matches!(
            tag,
            Tag::Ish
                | Tag::IshOfHer2
                | Tag::Ihc
                | Tag::IhcOfHer2
                | Tag::Ratio
                | Tag::Copies
                | Tag::Cep17
                | Tag::Amplified
                | Tag::NotAmplified
                | Tag::Amplification
        )
}

/// Whether a tag names HER2 as a marker of this text.
fn is_mention(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Her2
            | Tag::Her2Spaced
            | Tag::Her2Category
            | Tag::Her2Ratio
            | Tag::Her2Count
            | Tag::Her2Amplified
            | Tag::Her2NotAmplified
            | Tag::Her2Overexpressed
            | Tag::Her2NotOverexpressed
            | Tag::Her2Positive
            | Tag::Her2Negative
            | Tag::TripleNegative
    )
}

/// Whether a tag may be a result.
fn is_value(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Positive
            | Tag::Negative
            | Tag::Equivocal
            | Tag::Indeterminate
            | Tag::Borderline
            | Tag::Amplified
            | Tag::NotAmplified
            | Tag::Overexpressed
            | Tag::NotOverexpressed
            | Tag::Her2Category
            | Tag::Her2Amplified
            | Tag::Her2NotAmplified
            | Tag::Her2Overexpressed
            | Tag::Her2NotOverexpressed
            | Tag::Her2Positive
            | Tag::Her2Negative
            | Tag::Overexpression
            | Tag::Amplification
            | Tag::Polysomy
            | Tag::Score
            | Tag::Digit
            | Tag::Number
            | Tag::Plus
            | Tag::Minus
            | Tag::TripleNegative
    )
}

fn extent(tokens: &[Token]) -> Range<usize> {
    let start = tokens.first().map_or(0, |token| token.start);
    start..tokens.last().map_or(start, |token| token.end)
}

/// Which test a sentence speaks of.
fn test_in(tokens: &[Token]) -> UnreadTest {
    let has = |tags: &[Tag]| tokens.iter().any(|token| tags.contains(&token.tag));
    let ihc = has(&[Tag::Ihc, Tag::IhcOfHer2, Tag::Score]);
    let ish = has(&[
        Tag::Ish,
        Tag::IshOfHer2,
        Tag::Ratio,
        Tag::Her2Ratio,
        Tag::Her2Count,
    ]);
    match (ihc, ish) {
        (true, false) => UnreadTest::Ihc,
        (false, true) => UnreadTest::Ish,
        _ => UnreadTest::Either,
    }
}

/// How many different scores a sentence names that are of no other marker.
fn distinct_scores(tokens: &[Token]) -> usize {
    let mut seen: Vec<EnumSet<Score>> = Vec::new();
    let mut of_other = false;
    for token in tokens {
        match token.tag {
            Tag::Other | Tag::OtherGene => of_other = true,
            Tag::Her2 | Tag::Newline => of_other = false,
            _ if of_other => continue,
            _ => {}
        }
        if let Value::Scores(scores) = token.value
            && token.tag == Tag::Score
            && !seen.contains(&scores)
        {
            seen.push(scores);
        }
    }
    seen.len()
}

/// Tells signs that are results from dashes and from plus signs that may be scores.
fn signs(tokens: &mut [Token]) {
    let tag = |tokens: &[Token], at: usize| tokens.get(at).map(|token| token.tag);
    let is_marker = |tag: Option<Tag>| matches!(tag, Some(Tag::Her2 | Tag::Other | Tag::OtherGene));
    for at in 0..tokens.len() {
        let Some(sign) = tokens.get(at).cloned() else {
            continue;
        };
        let Some(before) = at.checked_sub(1) else {
            continue;
        };
        let previous = tokens.get(before).cloned();
        let next = tokens.get(at + 1).cloned();
        let is_glued = previous
            .as_ref()
            .is_some_and(|token| token.end == sign.start);
        let is_free = next.as_ref().is_none_or(|token| token.start > sign.end);
        let by_test = next.as_ref().is_some_and(|token| token.tag == Tag::Link)
            && matches!(tag(tokens, at + 2), Some(Tag::Ish | Tag::Ihc));
        let ends = by_test
            || matches!(
                next.as_ref().map(|token| token.tag),
                None | Some(
                    Tag::Comma | Tag::Close | Tag::Newline | Tag::Slash | Tag::And | Tag::Tab
                )
            );
        let in_parentheses = previous.as_ref().map(|token| token.tag) == Some(Tag::Open)
            && next.as_ref().map(|token| token.tag) == Some(Tag::Close);
        match sign.tag {
            Tag::Dash if in_parentheses => set(tokens, at, Tag::Minus),
            Tag::Dash if is_marker(tag(tokens, before)) => {
                let is_value_next = next
                    .as_ref()
                    .is_some_and(|token| is_value(token.tag) || matches!(token.tag, Tag::Ticked));
                if ends || (is_glued && is_free && !is_value_next) {
                    set(tokens, at, Tag::Minus);
                }
            }
            _ => {}
        }
    }
    let is_other = |token: &Token| matches!(token.tag, Tag::Other | Tag::OtherGene);
    let is_sign = |token: &Token| matches!(token.tag, Tag::Plus | Tag::Minus);
    let lone_signs = tokens.windows(3).any(|three| match three {
        [marker, between, sign] => {
            let is_between = matches!(
                between.tag,
                Tag::Open | Tag::Close | Tag::Colon | Tag::Equals
            );
            is_other(marker) && (is_sign(between) || is_between && is_sign(sign))
        }
        _ => false,
    });
    let names_ish = tokens.iter().any(|token| token.tag == Tag::Ish);
    for at in 0..tokens.len() {
        if tag(tokens, at) != Some(Tag::Plus) {
            continue;
        }
        let Some(before) = at.checked_sub(1) else {
            set(tokens, at, Tag::Unknown);
            continue;
        };
        let is_spaced_name = tag(tokens, before) == Some(Tag::Her2Spaced);
        let of_other = matches!(tag(tokens, before), Some(Tag::Other | Tag::OtherGene));
        // Beside the score itself it is the word for it: "HER2+ Score 3+", "HER2+ (3+)".
        let is_score = |at: usize| matches!(tag(tokens, at), Some(Tag::Score | Tag::ScoreWord));
        let names_score = tag(tokens, before) == Some(Tag::Her2)
            && (is_score(at + 1) || (tag(tokens, at + 1) == Some(Tag::Open) && is_score(at + 2)));
        // One plus may be a positive result or the score 1+: a sign beside another marker, or a test without scores, tells.
        if is_spaced_name || !(of_other || lone_signs || names_ish || names_score) {
            set(tokens, at, Tag::Unknown);
        }
    }
    for token in tokens {
        if token.tag == Tag::Her2Spaced {
            token.tag = Tag::Her2;
        }
    }
}

fn set(tokens: &mut [Token], at: usize, tag: Tag) {
    if let Some(token) = tokens.get_mut(at) {
        token.tag = tag;
    }
}

/// Marks tests that belong to a HER2 named before, and follows which breast is spoken of.
fn contexts(tokens: &mut [Token], context: &mut Context) {
    let has = |tags: &[Tag]| tokens.iter().any(|token| tags.contains(&token.tag));
    // A sentence that names no other marker speaks of HER2 from its begin.
    if has(&[Tag::Her2]) && !has(&[Tag::Other, Tag::OtherGene]) {
        context.ihc = true;
        context.ish = true;
    }
    // "ALK FISH" and "pylori immunostain" are tests of something else.
    let mut before = Tag::Newline;
    for token in tokens {
        let is_own = before != Tag::Unknown;
        before = token.tag;
        match token.tag {
            Tag::Her2 | Tag::Her2Category => {
                context.ihc = true;
                context.ish = true;
            }
            Tag::Other => context.ihc = false,
            Tag::OtherGene => {
                context.ihc = false;
                context.ish = false;
            }
            Tag::Ihc if context.ihc && is_own => token.tag = Tag::IhcOfHer2,
            Tag::Ish if context.ish && is_own => token.tag = Tag::IshOfHer2,
            _ => {}
        }
    }
}

fn letters(tokens: &[Token]) -> Vec<u8> {
    tokens.iter().map(|token| token.tag.letter()).collect()
}

fn matches(tokens: &[Token], pattern: &Regex) -> Vec<Range<usize>> {
    (pattern.find_iter(&letters(tokens)))
        .map(|found| found.start()..found.end())
        .filter(|range| !range.is_empty())
        .collect()
}

fn merge(tokens: &mut Vec<Token>, tag: Tag, pattern: &Regex) {
    let ranges = matches(tokens, pattern);
    if ranges.is_empty() {
        return;
    }
    let mut merged: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut done = 0;
    for range in ranges {
        merged.extend_from_slice(tokens.get(done..range.start).unwrap_or(&[]));
        let run = tokens.get(range.clone()).unwrap_or(&[]);
        merged.push(Token {
            tag,
            value: run.first().map_or(Value::None, |token| token.value.clone()),
            start: extent(run).start,
            end: extent(run).end,
        });
        done = range.end;
    }
    merged.extend_from_slice(tokens.get(done..).unwrap_or(&[]));
    *tokens = merged;
}

fn ignore(tokens: &mut [Token], pattern: &Regex) {
    for range in matches(tokens, pattern) {
        for token in tokens.get_mut(range).unwrap_or(&mut []) {
            token.tag = Tag::Dead;
        }
    }
}

/// What follows a condition is not stated.
fn cut_at_condition(tokens: &mut [Token]) {
    let Some(at) = tokens
        .iter()
        .position(|token| token.tag == Tag::Conditional)
    else {
        return;
    };
    // "positive if …" is a condition for what stands before it.
    let last_before = tokens
        .get(..at)
        .unwrap_or(&[])
        .iter()
        .rev()
        .find(|token| token.tag != Tag::Link);
    let is_of_all = last_before.is_some_and(|token| {
        is_value(token.tag) && token.end + 2 >= tokens.get(at).map_or(0, |token| token.start)
    });
    let from = if is_of_all { 0 } else { at };
    for token in tokens.iter_mut().skip(from) {
        if is_value(token.tag) {
            token.tag = Tag::Unknown;
        }
    }
}

fn numbers(
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

fn results(tokens: &mut [Token], range: Range<usize>, side: Option<Side>, read: &mut Read) -> bool {
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
fn settle(read: &mut Read) {
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
