//! From tagged sentences to what they say.

use std::ops::Range;

use enumset::EnumSet;
use regex::bytes::Regex;

use super::said::{numbers, results, settle};
use super::signs::{contexts, signs};
use super::tagged::{Section, Sentence, Token, Value, sentences};
use super::tokens::Raw;
use super::vocabulary::{Language, Step, Tag, What};
use super::{Read, Said, Unread};
use crate::her2::evidence::{Score, UnreadTest};
use crate::mapping::table::Side;

/// Why a history is left to a person.
const QUOTED: &str = "it quotes an earlier or outside result";

/// So many words in front of a result a negation may stand that is meant for it.
const REACH_OF_NEGATION: usize = 4;

/// So many words around a year its guideline may be named.
const NEAR: usize = 3;

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
pub(super) struct Context {
    /// The last marker that a stain could be of is HER2.
    pub(super) ihc: bool,
    /// The last gene that a hybridisation could be of is HER2.
    pub(super) ish: bool,
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
pub(super) fn is_mention(tag: Tag) -> bool {
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
pub(super) fn is_value(tag: Tag) -> bool {
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

pub(super) fn extent(tokens: &[Token]) -> Range<usize> {
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

pub(super) fn letters(tokens: &[Token]) -> Vec<u8> {
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
