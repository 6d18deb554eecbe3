//! Words and signs with their tags, sentence by sentence, with numbers and scores put together.

use enumset::EnumSet;

use super::tokens::{Kind, Raw};
use super::vocabulary::{Language, Tag};
use crate::her2::evidence::Score;
use crate::her2::number::{Comparator, Measure};

/// A tagged stretch of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) tag: Tag,
    /// First byte in the text.
    pub(super) start: usize,
    /// First byte after it.
    pub(super) end: usize,
    pub(super) value: Value,
}

/// What a token holds beside its tag.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Scores(EnumSet<Score>),
    Number(Box<Measure>),
}

/// In which part of a report a sentence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// What was found.
    Findings,
    /// What was known before.
    History,
    /// How it is tested and judged in general.
    Method,
}

/// One sentence.
#[derive(Clone, Debug)]
pub(super) struct Sentence {
    pub(super) section: Section,
    /// Which of the languages it is in.
    pub(super) language: usize,
    /// The number of its paragraph.
    pub(super) paragraph: usize,
    pub(super) tokens: Vec<Token>,
}

/// Words after which a stop ends no sentence.
const ABBREVIATIONS: [&str; 27] = [
    "pos", "neg", "max", "approx", "ca", "bzw", "inkl", "nr", "no", "vs", "dr", "fig", "resp",
    "ggf", "evtl", "aprox", "num", "tab", "ref", "mod", "min", "avg", "ave", "etc", "dra", "prof",
    "st",
];

/// Words and signs at the end of a line that goes on in the next.
const ENDS_NO_RECORD: [&str; 33] = [
    ",", ":", "-", "/", "and", "or", "with", "of", "by", "for", "in", "is", "was", "the", "a", "y",
    "e", "o", "con", "de", "del", "por", "en", "la", "el", "und", "oder", "mit", "von", "durch",
    "der", "die", "sowie",
];

/// Cuts a text into tagged sentences. `language_at` tells which of the languages stands at a byte of it.
pub(super) fn sentences(
    languages: &[Language],
    language_at: &dyn Fn(usize) -> usize,
    raw: &[Raw],
) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = Vec::new();
    let mut section = Section::Findings;
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    let mut is_line_start = true;
    let mut open = 0;
    let mut spoken = 0;
    let mut paragraph = 0;
    let mut in_record =
        (languages.get(language_at(0))).is_some_and(|language| begins_record(language, raw));
    while let Some(first) = raw.get(at) {
        let rest = raw.get(at..).unwrap_or(&[]);
        let number = language_at(first.start);
        let Some(language) = languages.get(number) else {
            break;
        };
        // A heading that changes nothing is a label like others.
        if is_line_start
            && let Some((heading, length)) = heading_at(language, rest)
            && heading != section
        {
            finish(&mut tokens, section, spoken, paragraph, &mut sentences);
            section = heading;
            if section != Section::Findings {
                at += length;
                is_line_start = false;
                continue;
            }
        }
        is_line_start = matches!(first.kind, Kind::Newline | Kind::Blank);
        // A label below an empty line goes on with what stands above.
        let is_label_next = first.kind == Kind::Blank
            && (language.phrase_at(raw.get(at + 1..).unwrap_or(&[])))
                .is_some_and(|(tag, _)| matches!(tag, Tag::Label | Tag::ScoreWord));
        let mut is_between_records = false;
        if matches!(first.kind, Kind::Newline | Kind::Blank) {
            let is_record = begins_record(language, raw.get(at + 1..).unwrap_or(&[]));
            let before = at.checked_sub(1).and_then(|before| raw.get(before));
            let goes_on =
                before.is_some_and(|before| ENDS_NO_RECORD.contains(&before.text.as_str()));
            is_between_records = is_record && in_record && !goes_on;
            in_record = is_record;
        }
        if is_between_records || (!is_label_next && ends_sentence(raw, at)) {
            finish(&mut tokens, section, spoken, paragraph, &mut sentences);
            paragraph += usize::from(first.kind == Kind::Blank);
            open = 0;
            at += 1;
            continue;
        }
        if tokens.is_empty() {
            spoken = number;
        }
        let (token, length) = token_at(language, rest);
        tokens.extend(token.map(|token| {
            match token.tag {
                Tag::Open => open += 1,
                Tag::Close => open = 0,
                // Within parentheses it separates no more than a comma does.
                Tag::Semicolon if open > 0 => {
                    return Token {
                        tag: Tag::Comma,
                        ..token
                    };
                }
                _ => {}
            }
            token
        }));
        at += length.max(1);
    }
    finish(&mut tokens, section, spoken, paragraph, &mut sentences);
    sentences
}

fn finish(
    tokens: &mut Vec<Token>,
    section: Section,
    language: usize,
    paragraph: usize,
    sentences: &mut Vec<Sentence>,
) {
    if tokens.iter().any(|token| token.tag != Tag::Newline) {
        sentences.push(Sentence {
            section,
            language,
            paragraph,
            tokens: put_together(std::mem::take(tokens)),
        });
    }
    tokens.clear();
}

/// Whether a line may say something of its own, as those of a list do: it begins with a marker or a test, or with words and a colon that are no label
/// of what stands above.
fn begins_record(language: &Language, raw: &[Raw]) -> bool {
    let first = language.phrase_at(raw).map(|(tag, _)| tag);
    if matches!(
        first,
        Some(Tag::Other | Tag::OtherGene | Tag::Her2 | Tag::Ihc | Tag::Ish)
    ) {
        return true;
    }
    let words = (raw.iter())
        .take_while(|raw| raw.kind == Kind::Word || raw.text == "-")
        .count();
    let has_colon = raw.get(words).is_some_and(|raw| raw.text == ":");
    let is_of_above = matches!(
        first,
        Some(
            Tag::Label
                | Tag::Link
                | Tag::Of
                | Tag::For
                | Tag::And
                | Tag::To
                | Tag::Neg
                | Tag::ScoreWord
                | Tag::Ratio
                | Tag::Copies
                | Tag::Average
                | Tag::Signal
                | Tag::Adjective
                | Tag::Percent
                | Tag::Cep17
                | Tag::Expression
        )
    );
    has_colon && (1..=5).contains(&words) && !is_of_above
}

fn ends_sentence(raw: &[Raw], at: usize) -> bool {
    let Some(token) = raw.get(at) else {
        return true;
    };
    let before = at.checked_sub(1).and_then(|before| raw.get(before));
    match (token.kind, token.text.as_str()) {
        (Kind::Blank, _) | (Kind::Sign, "!") => true,
        (Kind::Stop, _) => {
            let is_abbreviation = before.is_some_and(|word| {
                word.kind == Kind::Word
                    && word.end == token.start
                    && (word.text.chars().count() == 1 && !word.text.starts_with(char::is_numeric)
                        || ABBREVIATIONS.contains(&word.text.as_str()))
            });
            !is_abbreviation
        }
        _ => false,
    }
}

/// A known heading, or a line of capitals, with how many raw tokens it takes.
fn heading_at(language: &Language, raw: &[Raw]) -> Option<(Section, usize)> {
    let words: Vec<&Raw> = (raw.iter())
        .take_while(|raw| {
            raw.kind == Kind::Word
                || raw.is_skipped_in_phrases() && raw.text == "-"
                || raw.text == "/"
        })
        .take(9)
        .collect();
    let length = words.len();
    let after = raw.get(length);
    let ends = after
        .is_none_or(|after| matches!(after.kind, Kind::Newline | Kind::Blank) || after.text == ":");
    if !ends || words.is_empty() {
        return None;
    }
    let text: Vec<&str> = (words.iter())
        .filter(|raw| raw.kind == Kind::Word)
        .map(|raw| raw.text.as_str())
        .collect();
    let section = match language.heading(&text.join(" ")) {
        Some(Tag::HeadingHistory) => Section::History,
        Some(Tag::HeadingMethod) => Section::Method,
        Some(_) => Section::Findings,
        None => return None,
    };
    Some((section, length))
}

/// The next token, and how many raw tokens it takes.
fn token_at(language: &Language, raw: &[Raw]) -> (Option<Token>, usize) {
    let Some(first) = raw.first() else {
        return (None, 1);
    };
    let spanning = |tag, value, length: usize| {
        let end = (length.checked_sub(1).and_then(|last| raw.get(last)))
            .map_or(first.end, |last| last.end);
        let token = Token {
            tag,
            start: first.start,
            end,
            value,
        };
        (Some(token), length)
    };
    match first.kind {
        Kind::Newline | Kind::Blank => return spanning(Tag::Newline, Value::None, 1),
        Kind::Tab => return spanning(Tag::Tab, Value::None, 1),
        Kind::Stop => return (None, 1),
        _ => {}
    }
    if first.kind == Kind::Sign
        && let Some((tag, length)) = checkbox(raw)
    {
        return spanning(tag, Value::None, length);
    }
    if let Some((score, length)) = score_at(raw) {
        let value = Value::Scores(EnumSet::only(score));
        return spanning(Tag::Score, value, length);
    }
    if first.kind != Kind::Sign
        && let Some((tag, length)) = language.phrase_at(raw)
    {
        let has_hyphen = raw.iter().take(length).any(|raw| raw.text == "-");
        return match tag {
            Tag::Her2Spaced if has_hyphen => spanning(Tag::Her2, Value::None, length),
            // "her 2" may be a person.
            Tag::Her2Spaced if !first.is_capital => spanning(Tag::Unknown, Value::None, 1),
            Tag::Score0 => spanning(Tag::Score, scores(Score::Zero), length),
            Tag::Score1 => spanning(Tag::Score, scores(Score::OnePlus), length),
            Tag::Score2 => spanning(Tag::Score, scores(Score::TwoPlus), length),
            Tag::Score3 => spanning(Tag::Score, scores(Score::ThreePlus), length),
            tag => spanning(tag, Value::None, length),
        };
    }
    match first.kind {
        Kind::Number if is_year(&first.text) => spanning(Tag::Year, Value::None, 1),
        Kind::Number => {
            if raw.get(1).is_some_and(|next| next.text == "%") {
                let value = measure(&first.text).map_or(Value::None, number_value);
                return spanning(Tag::Percent, value, 2);
            }
            match measure(&first.text) {
                Some(number) if is_score_digit(&first.text) => {
                    spanning(Tag::Digit, number_value(number), 1)
                }
                Some(number) => spanning(Tag::Number, number_value(number), 1),
                None => spanning(Tag::Unknown, Value::None, 1),
            }
        }
        Kind::Sign => spanning(tag_of_sign(&first.text), Value::None, 1),
        _ if is_block(&first.text) => spanning(Tag::Link, Value::None, 1),
        _ => spanning(Tag::Unknown, Value::None, 1),
    }
}

fn is_year(text: &str) -> bool {
    text.len() == 4
        && (text.starts_with("19") || text.starts_with("20"))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number of a block, such as `A3`.
fn is_block(word: &str) -> bool {
    let mut characters = word.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && (1..=2).contains(&characters.clone().count())
        && characters.all(|digit| digit.is_ascii_digit())
}

fn number_value(number: Measure) -> Value {
    Value::Number(Box::new(number))
}

fn scores(score: Score) -> Value {
    Value::Scores(EnumSet::only(score))
}

fn is_score_digit(text: &str) -> bool {
    matches!(text, "0" | "1" | "2" | "3")
}

fn score_of_digit(text: &str) -> Option<Score> {
    match text {
        "0" => Some(Score::Zero),
        "1" => Some(Score::OnePlus),
        "2" => Some(Score::TwoPlus),
        "3" => Some(Score::ThreePlus),
        _ => None,
    }
}

/// A number; a comma before three digits may group thousands, and is none.
fn measure(text: &str) -> Option<Measure> {
    match text.split_once(',') {
        Some((_, decimals)) if decimals.len() > 2 => None,
        Some((whole, decimals)) => Measure::parse(&format!("{whole}.{decimals}")).ok(),
        None => Measure::parse(text).ok(),
    }
}

/// `2+`, `+2`, `++`: a score written with plus signs, and how many raw tokens it takes.
fn score_at(raw: &[Raw]) -> Option<(Score, usize)> {
    let is_plus = |at: usize| raw.get(at).is_some_and(|raw| raw.text == "+");
    let is_near = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| raw.get(before));
        (before.zip(raw.get(at))).is_some_and(|(before, raw)| raw.start <= before.end + 1)
    };
    let first = raw.first()?;
    if first.kind == Kind::Number {
        let score = score_of_digit(&first.text)?;
        let is_sum = raw.get(2).is_some_and(|next| next.kind == Kind::Number) && is_near(2);
        return (is_plus(1) && is_near(1) && !is_plus(2) && !is_sum).then_some((score, 2));
    }
    if !is_plus(0) {
        return None;
    }
    let pluses = (1..).take_while(|at| is_plus(*at) && is_near(*at)).count() + 1;
    match pluses {
        1 => {
            let digit = raw
                .get(1)
                .filter(|raw| raw.kind == Kind::Number && is_near(1))?;
            let is_percent = raw.get(2).is_some_and(|raw| raw.text == "%");
            let score = score_of_digit(&digit.text).filter(|score| *score != Score::Zero)?;
            (!is_percent && !is_plus(2)).then_some((score, 2))
        }
        2 => Some((Score::TwoPlus, 2)),
        3 => Some((Score::ThreePlus, 3)),
        _ => None,
    }
}

/// `[x]`, `[ ]` and their like.
fn checkbox(raw: &[Raw]) -> Option<(Tag, usize)> {
    let mut seen = (raw.iter()).filter(|raw| raw.kind != Kind::Newline);
    let signs: Vec<&str> = seen.by_ref().take(3).map(|raw| raw.text.as_str()).collect();
    let text = |at: usize| signs.get(at).copied();
    // How many raw tokens so many of them take, line ends included.
    let length = |count: usize| {
        let mut left = count;
        raw.iter()
            .take_while(|raw| {
                let goes_on = left > 0;
                left -= usize::from(goes_on && raw.kind != Kind::Newline);
                goes_on
            })
            .count()
    };
    match (text(0), text(1), text(2)) {
        (Some("("), Some("x"), Some(")")) | (Some("☐"), Some("x"), Some("☐")) => {
            Some((Tag::Ticked, length(3)))
        }
        (Some("("), Some(")"), _) => Some((Tag::Unticked, length(2))),
        (Some("("), Some("☐"), Some(")")) => Some((Tag::Unticked, length(3))),
        (Some("✓"), ..) => Some((Tag::Ticked, 1)),
        (Some("☐"), ..) => Some((Tag::Unticked, 1)),
        _ => None,
    }
}

fn tag_of_sign(sign: &str) -> Tag {
    match sign {
        ":" => Tag::Colon,
        "-" => Tag::Dash,
        "," => Tag::Comma,
        "(" => Tag::Open,
        ")" => Tag::Close,
        "/" => Tag::Slash,
        "=" => Tag::Equals,
        ";" => Tag::Semicolon,
        "+" => Tag::Plus,
        "<" => Tag::Lt,
        ">" => Tag::Gt,
        "≤" => Tag::Le,
        "≥" => Tag::Ge,
        "?" => Tag::Question,
        _ => Tag::Unknown,
    }
}

/// Numbers with their comparators, ranges, and scores out of three.
fn put_together(tokens: Vec<Token>) -> Vec<Token> {
    let tokens = without_wraps(tokens);
    let tokens = merge_runs(tokens, with_comparator);
    let tokens = merge_runs(tokens, between_comparators);
    let mut tokens = tokens;
    digits_as_scores(&mut tokens);
    let tokens = merge_runs(tokens, choice_of_scores);
    let mut tokens = merge_runs(tokens, range_of_scores);
    bounded_scores(&mut tokens);
    merge_runs(tokens, range_of_numbers)
}

/// `0 / 1+ / 2+ / 3+`: what may be chosen, and no value.
fn choice_of_scores(tokens: &[Token]) -> Option<(Tag, Value, usize)> {
    let is_score = |at: usize| {
        (tokens.get(at)).is_some_and(|token| matches!(token.tag, Tag::Score | Tag::Digit))
    };
    let is_between = |at: usize| {
        (tokens.get(at)).is_some_and(|token| matches!(token.tag, Tag::Slash | Tag::Comma))
    };
    if !is_score(0) {
        return None;
    }
    let more = (0..)
        .take_while(|step| is_between(2 * step + 1) && is_score(2 * step + 2))
        .count();
    let names_score = (0..=more).any(|step| {
        tokens
            .get(2 * step)
            .is_some_and(|token| token.tag == Tag::Score)
    });
    (more >= 2 && names_score).then_some((Tag::Scale, Value::None, 2 * more + 1))
}

/// "At least 2+" and "up to 1+" are no score.
fn bounded_scores(tokens: &mut [Token]) {
    for at in 1..tokens.len() {
        let is_bound = matches!(
            tokens.get(at - 1).map(|token| token.tag),
            Some(Tag::Lt | Tag::Le | Tag::Gt | Tag::Ge | Tag::To)
        );
        if is_bound && let Some(token) = tokens.get_mut(at).filter(|token| token.tag == Tag::Score)
        {
            token.tag = Tag::Unknown;
        }
    }
}

/// The tokens without line ends at which a sentence is only wrapped: no line ends or begins with such a word.
fn without_wraps(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let before = kept.last().map(|token| token.tag);
        let after = rest.peek().map(|token| token.tag);
        let goes_on = matches!(
            before,
            Some(
                Tag::To
                    | Tag::And
                    | Tag::Open
                    | Tag::Slash
                    | Tag::Comma
                    | Tag::Lt
                    | Tag::Le
                    | Tag::Gt
                    | Tag::Ge
                    | Tag::Ticked
                    | Tag::Unticked
                    | Tag::Of
                    | Tag::For
                    | Tag::ScoreWord
            )
        ) || matches!(
            after,
            Some(
                Tag::To
                    | Tag::And
                    | Tag::Open
                    | Tag::Close
                    | Tag::Comma
                    | Tag::Slash
                    | Tag::For
                    | Tag::Copies
                    | Tag::Signal
                    | Tag::Per
            )
        );
        if token.tag != Tag::Newline || !goes_on {
            kept.push(token);
        }
    }
    kept
}

/// A bare digit is a score behind the word for it, behind the word it usually stands with, and a zero behind the name.
fn digits_as_scores(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let Some(Token {
            tag: Tag::Digit,
            value: Value::Number(digit),
            ..
        }) = tokens.get(at)
        else {
            continue;
        };
        let Some(score) = score_of_digit(digit.written()) else {
            continue;
        };
        let next = tokens.get(at + 1).map(|token| token.tag);
        let goes_on = matches!(
            next,
            Some(
                Tag::Of
                    | Tag::Number
                    | Tag::Digit
                    | Tag::Percent
                    | Tag::Unknown
                    | Tag::Cell
                    | Tag::To
            )
        ) || (matches!(next, Some(Tag::Slash | Tag::Dash))
            && !matches!(
                tokens.get(at + 2).map(|token| token.tag),
                Some(Tag::Ish | Tag::Negative | Tag::Positive | Tag::Equivocal)
            ));
        if goes_on {
            continue;
        }
        let before = (tokens.get(..at).unwrap_or(&[]).iter().rev())
            .map(|token| token.tag)
            .find(|tag| {
                !matches!(
                    tag,
                    Tag::Colon
                        | Tag::Newline
                        | Tag::Tab
                        | Tag::Open
                        | Tag::Dash
                        | Tag::Equals
                        | Tag::Comma
                        | Tag::Link
                        | Tag::Of
                )
            });
        let is_score = match before {
            Some(Tag::ScoreWord) => true,
            Some(Tag::Negative) => matches!(score, Score::Zero | Score::OnePlus),
            Some(Tag::Equivocal) => score == Score::TwoPlus,
            Some(Tag::Positive) => score == Score::ThreePlus,
            Some(Tag::Her2 | Tag::Ihc | Tag::Label | Tag::Absent) => score == Score::Zero,
            _ => false,
        };
        if is_score && let Some(token) = tokens.get_mut(at) {
            token.tag = Tag::Score;
            token.value = scores(score);
        }
    }
}

/// Puts one token in the place of several wherever a rule makes one of them.
fn merge_runs(
    tokens: Vec<Token>,
    rule: impl Fn(&[Token]) -> Option<(Tag, Value, usize)>,
) -> Vec<Token> {
    let mut merged: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(first) = tokens.get(at) {
        let rest = tokens.get(at..).unwrap_or(&[]);
        match rule(rest) {
            Some((tag, value, length)) => {
                let end = tokens
                    .get(at + length - 1)
                    .map_or(first.end, |last| last.end);
                merged.push(Token {
                    tag,
                    start: first.start,
                    end,
                    value,
                });
                at += length;
            }
            None => {
                merged.push(first.clone());
                at += 1;
            }
        }
    }
    merged
}

fn with_comparator(tokens: &[Token]) -> Option<(Tag, Value, usize)> {
    let (mut comparator, mut at) = match tokens.first()?.tag {
        Tag::Lt => (Comparator::Below, 1),
        Tag::Le => (Comparator::AtMost, 1),
        Tag::Gt => (Comparator::Above, 1),
        Tag::Ge => (Comparator::AtLeast, 1),
        _ => return None,
    };
    let tag = |at: usize| tokens.get(at).map(|token| token.tag);
    // `<=` and `>=`, with the sign in two.
    if tag(at) == Some(Tag::Equals) {
        comparator = match comparator {
            Comparator::Below => Comparator::AtMost,
            Comparator::Above => Comparator::AtLeast,
            other => other,
        };
        at += 1;
    }
    while matches!(tag(at), Some(Tag::Link | Tag::Of)) && at < 3 {
        at += 1;
    }
    let token = tokens.get(at)?;
    let Value::Number(number) = &token.value else {
        return None;
    };
    let number = Measure::compared(comparator, number.written()).ok()?;
    match token.tag {
        Tag::Number | Tag::Digit => Some((Tag::Number, number_value(number), at + 1)),
        Tag::Percent => Some((Tag::Percent, number_value(number), at + 1)),
        _ => None,
    }
}

/// `≥4.0 and <6.0`: a range.
fn between_comparators(tokens: &[Token]) -> Option<(Tag, Value, usize)> {
    let [low, between, high, ..] = tokens else {
        return None;
    };
    let (Value::Number(from), Value::Number(up_to)) = (&low.value, &high.value) else {
        return None;
    };
    let from = from
        .written()
        .strip_prefix(">=")
        .or(from.written().strip_prefix('>'))?;
    let up_to = up_to
        .written()
        .strip_prefix("<=")
        .or(up_to.written().strip_prefix('<'))?;
    if !matches!(between.tag, Tag::And | Tag::Comma | Tag::Link) {
        return None;
    }
    Some((
        Tag::Number,
        number_value(Measure::range(from, up_to).ok()?),
        3,
    ))
}

/// `1+/3+`, `1-2+`, `2+ of 3`: a score out of three, or a range.
fn range_of_scores(tokens: &[Token]) -> Option<(Tag, Value, usize)> {
    let score = |at: usize| -> Option<(Score, bool)> {
        let token = tokens.get(at)?;
        match (&token.value, token.tag) {
            (Value::Scores(scores), Tag::Score) => Some((scores.iter().next()?, true)),
            (Value::Number(number), Tag::Digit) => Some((score_of_digit(number.written())?, false)),
            (Value::None, Tag::Plus) => Some((Score::OnePlus, false)),
            _ => None,
        }
    };
    let (low, is_low_written) = score(0)?;
    let (high, is_high_written) = score(2)?;
    let one = |score: Score| (Tag::Score, scores(score), 3);
    let is_plus = tokens.first()?.tag == Tag::Plus;
    match tokens.get(1)?.tag {
        Tag::Slash | Tag::Of if high == Score::ThreePlus && (is_low_written || is_high_written) => {
            match low {
                // Two of three, or two to three: nobody knows.
                Score::TwoPlus if tokens.get(1)?.tag == Tag::Slash => {
                    Some((Tag::Unknown, Value::None, 3))
                }
                low => Some(one(low)),
            }
        }
        Tag::Dash | Tag::To | Tag::Slash if is_high_written && low < high && !is_plus => {
            let range: EnumSet<Score> = (EnumSet::<Score>::all().iter())
                .filter(|score| (low..=high).contains(score))
                .collect();
            if range == EnumSet::all() {
                return Some((Tag::Scale, Value::None, 3));
            }
            Some((Tag::Score, Value::Scores(range), 3))
        }
        _ => None,
    }
}

/// `4-6`, written without gaps.
fn range_of_numbers(tokens: &[Token]) -> Option<(Tag, Value, usize)> {
    let [low, between, high, ..] = tokens else {
        return None;
    };
    let (Value::Number(from), Value::Number(up_to)) = (&low.value, &high.value) else {
        return None;
    };
    let is_close = low.end == between.start && between.end == high.start;
    let is_number = |tag| matches!(tag, Tag::Number | Tag::Digit);
    let is_range = match between.tag {
        Tag::Dash => is_close,
        Tag::To => true,
        _ => false,
    };
    let both_digits = low.tag == Tag::Digit && high.tag == Tag::Digit;
    if !is_range || both_digits || !is_number(low.tag) || !is_number(high.tag) {
        return None;
    }
    let range = Measure::range(from.written(), up_to.written()).ok()?;
    Some((Tag::Number, number_value(range), 3))
}
