//! The language files: words with their tags, and rules over sequences of tags.

use std::collections::BTreeMap;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as UnknownTag, StrDeserializer};

use super::tokens::{Kind, Raw, raw_tokens};
use crate::mapping::table::{HeaderWritten, MappingError};

/// What a word, a sign or a sequence of them is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Tag {
    /// The name of HER2.
    #[serde(rename = "her2")]
    Her2,
    /// "her 2", which may be a pronoun.
    #[serde(rename = "her2-spaced")]
    Her2Spaced,
    #[serde(rename = "her2-category")]
    Her2Category,
    #[serde(rename = "her2-ratio")]
    Her2Ratio,
    #[serde(rename = "her2-count")]
    Her2Count,
    #[serde(rename = "her2-amplified")]
    Her2Amplified,
    #[serde(rename = "her2-not-amplified")]
    Her2NotAmplified,
    #[serde(rename = "her2-overexpressed")]
    Her2Overexpressed,
    #[serde(rename = "her2-not-overexpressed")]
    Her2NotOverexpressed,
    #[serde(rename = "her2-positive")]
    Her2Positive,
    #[serde(rename = "her2-negative")]
    Her2Negative,
    #[serde(rename = "cep17")]
    Cep17,
    #[serde(rename = "cep17-count")]
    Cep17Count,
    TripleNegative,
    /// A test by in situ hybridisation, and one that belongs to a HER2 named before.
    Ish,
    #[serde(rename = "ish-of-her2")]
    IshOfHer2,
    Ihc,
    #[serde(rename = "ihc-of-her2")]
    IhcOfHer2,
    /// Another marker, of protein or gene.
    Other,
    OtherGene,
    Positive,
    Negative,
    Equivocal,
    Indeterminate,
    Borderline,
    Amplified,
    NotAmplified,
    Overexpressed,
    NotOverexpressed,
    Polysomy,
    Pending,
    NotDone,
    Score,
    #[serde(rename = "score-0")]
    Score0,
    #[serde(rename = "score-1")]
    Score1,
    #[serde(rename = "score-2")]
    Score2,
    #[serde(rename = "score-3")]
    Score3,
    /// All scores from 0 to 3+: the scale and no value.
    Scale,
    /// One digit from 0 to 3.
    Digit,
    Number,
    Percent,
    Plus,
    Minus,
    Amplification,
    Overexpression,
    Expression,
    Ratio,
    Copies,
    Signal,
    Average,
    Per,
    Cell,
    Total,
    Gene,
    Neg,
    Affirm,
    Absent,
    Label,
    ScoreWord,
    Link,
    Of,
    For,
    And,
    To,
    Lt,
    Le,
    Gt,
    Ge,
    Adjective,
    Weak,
    See,
    Remark,
    Kit,
    KitName,
    Drug,
    DrugWord,
    PopulationWord,
    Site,
    Left,
    Right,
    Part,
    History,
    /// A year, which is history unless a guideline is of it.
    Year,
    Control,
    Legend,
    Cohort,
    Conditional,
    Question,
    InSitu,
    Ticked,
    Unticked,
    Colon,
    Dash,
    Comma,
    Open,
    Close,
    Slash,
    Equals,
    Semicolon,
    Tab,
    Newline,
    Heading,
    HeadingHistory,
    HeadingMethod,
    /// Words of languages that nobody has taught.
    Foreign,
    Unknown,
    /// Taken out of reading.
    Dead,
}

/// First of the bytes that stand for tags while rules are matched.
const FIRST_LETTER: u8 = 0x80;

impl Tag {
    /// The byte that stands for it in a sequence.
    pub(super) fn letter(self) -> u8 {
        FIRST_LETTER + self as u8
    }

    /// The same in a pattern.
    fn pattern(self) -> String {
        format!("\\x{:02X}", self.letter())
    }

    fn parse(name: &str) -> Option<Self> {
        let name: StrDeserializer<'_, UnknownTag> = name.into_deserializer();
        Self::deserialize(name).ok()
    }
}

/// A language file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWritten {
    #[allow(
        dead_code,
        reason = "that a header is complete is checked by reading it"
    )]
    header: HeaderWritten,
    words: BTreeMap<Tag, Vec<String>>,
    #[serde(default)]
    classes: Vec<ClassWritten>,
    #[serde(default, rename = "rule")]
    rules: Vec<RuleWritten>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassWritten {
    name: String,
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleWritten {
    is: String,
    merge: Option<Tag>,
    #[serde(default)]
    ignore: bool,
    read: Option<What>,
}

/// What a sequence is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// Scores, words and signs, in order.
    Result,
    Ratio,
    #[serde(rename = "her2-copies")]
    Her2Copies,
    #[serde(rename = "cep17-copies")]
    Cep17Copies,
}

/// What a rule does with the sequence it matches.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Merge(Tag),
    Ignore,
}

/// One language: its words with their tags, and its rules.
#[derive(Clone, Debug)]
pub(super) struct Language {
    pub(super) steps: Vec<(Step, Regex)>,
    pub(super) reads: Vec<(What, Regex)>,
    /// The bytes that each name of a class stands for.
    classes: BTreeMap<String, String>,
    phrases: BTreeMap<String, Vec<Phrase>>,
    beginnings: BTreeMap<String, Vec<Phrase>>,
    headings: BTreeMap<String, Tag>,
}

#[derive(Clone, Debug)]
struct Phrase {
    words: Vec<String>,
    /// The last word may go on.
    is_open: bool,
    tag: Tag,
    /// It stands in the language's own file.
    is_own: bool,
}

impl Language {
    /// What is common to all languages, before the words of any.
    pub(super) fn common(file: (&str, &str)) -> Result<Self, MappingError> {
        let common = Self {
            steps: Vec::new(),
            reads: Vec::new(),
            classes: BTreeMap::new(),
            phrases: BTreeMap::new(),
            beginnings: BTreeMap::new(),
            headings: BTreeMap::new(),
        };
        common.with(file, false)
    }

    /// The language that a file adds its own words and rules to this for.
    pub(super) fn and(&self, file: (&str, &str)) -> Result<Self, MappingError> {
        self.clone().with(file, true)
    }

    fn with(mut self, (name, text): (&str, &str), is_own: bool) -> Result<Self, MappingError> {
        let bad = |why: String| MappingError::BadRow {
            file: name.to_owned(),
            why,
        };
        let file: FileWritten = toml::from_str(text).map_err(|error| MappingError::Unreadable {
            file: name.to_owned(),
            message: error.to_string(),
        })?;
        for class in &file.classes {
            let letters: Result<String, String> = (class.tags.iter())
                .map(|tag| letters_of(tag, &self.classes))
                .collect();
            (self.classes).insert(class.name.clone(), letters.map_err(bad)?);
        }
        for (tag, phrases) in &file.words {
            for phrase in phrases {
                self.take(phrase, *tag, is_own).map_err(bad)?;
            }
        }
        for rule in &file.rules {
            let pattern = compile(&rule.is, &self.classes).map_err(bad)?;
            match (rule.merge, rule.ignore, rule.read) {
                (Some(tag), false, None) => self.steps.push((Step::Merge(tag), pattern)),
                (None, true, None) => self.steps.push((Step::Ignore, pattern)),
                (None, false, Some(what)) => self.reads.push((what, pattern)),
                _ => return Err(bad(format!("the rule `{}` does not do one thing", rule.is))),
            }
        }
        Ok(self)
    }

    fn take(&mut self, written: &str, tag: Tag, is_own: bool) -> Result<(), String> {
        let is_open = written.ends_with('*');
        let words: Vec<String> = raw_tokens(written.trim_end_matches('*'))
            .into_iter()
            .filter(|raw| !matches!(raw.text.as_str(), "-" | "*"))
            .map(|raw| raw.text)
            .collect();
        let Some(first) = words.first().cloned() else {
            return Err("an empty phrase".to_owned());
        };
        if matches!(tag, Tag::Heading | Tag::HeadingHistory | Tag::HeadingMethod) {
            self.headings.insert(words.join(" "), tag);
            return Ok(());
        }
        let map = if is_open && words.len() == 1 {
            &mut self.beginnings
        } else {
            &mut self.phrases
        };
        let phrases = map.entry(first).or_default();
        if let Some(earlier) = (phrases.iter()).find(|phrase| {
            phrase.words == words
                && phrase.is_open == is_open
                && phrase.is_own == is_own
                && phrase.tag != tag
        }) {
            return Err(format!(
                "the phrase `{written}` has two tags ({:?} and {tag:?})",
                earlier.tag
            ));
        }
        phrases.push(Phrase {
            words,
            is_open,
            tag,
            is_own,
        });
        Ok(())
    }

    /// What a whole heading is.
    pub(super) fn heading(&self, words: &str) -> Option<Tag> {
        self.headings.get(words).copied()
    }

    /// How many words of a text are the language's own, and how many are known to be of another one.
    pub(super) fn knows(&self, raw: &[Raw]) -> (usize, usize) {
        let (mut own, mut foreign) = (0, 0);
        let mut at = 0;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.longest(rest) {
                Some((phrase, length)) => {
                    own += usize::from(phrase.is_own) * phrase.words.len();
                    foreign += usize::from(phrase.tag == Tag::Foreign);
                    length
                }
                None => 1,
            };
        }
        (own, foreign)
    }

    /// The longest phrase that begins at the first of some raw tokens: its tag and how many of them it takes.
    pub(super) fn phrase_at(&self, raw: &[Raw]) -> Option<(Tag, usize)> {
        self.longest(raw)
            .map(|(phrase, length)| (phrase.tag, length))
    }

    fn longest(&self, raw: &[Raw]) -> Option<(&Phrase, usize)> {
        let first = raw.first()?;
        let exact = self.phrases.get(&first.text).into_iter().flatten();
        let text = first.text.as_str();
        let open = (text.char_indices().skip(1).map(|(end, _)| end))
            .chain([text.len()])
            .filter_map(|end| self.beginnings.get(text.get(..end)?))
            .flatten();
        (open.chain(exact))
            .filter_map(|phrase| Some((phrase.length_in(raw)?, phrase)))
            // Of two as long the exact one; it comes last.
            .max_by_key(|(length, phrase)| (*length, phrase.is_own, !phrase.is_open))
            .map(|(length, phrase)| (phrase, length))
    }
}

impl Phrase {
    /// How many raw tokens it takes where it stands at their begin. Hyphens and line ends within it do not matter.
    fn length_in(&self, raw: &[Raw]) -> Option<usize> {
        let mut at = 0;
        for (index, word) in self.words.iter().enumerate() {
            // So are the stops of "z. B." and its like.
            let is_abbreviated = |at: usize| {
                let before = at.checked_sub(1).and_then(|before| raw.get(before));
                raw.get(at).is_some_and(|raw| raw.kind == Kind::Stop)
                    && before.is_some_and(|word| word.text.len() == 1)
            };
            while index > 0
                && (raw.get(at).is_some_and(Raw::is_skipped_in_phrases) || is_abbreviated(at))
            {
                at += 1;
            }
            let text = &raw.get(at)?.text;
            let is_last = index + 1 == self.words.len();
            let fits = text == word || (is_last && self.is_open && text.starts_with(word.as_str()));
            if !fits {
                return None;
            }
            at += 1;
        }
        Some(at)
    }
}

fn letters_of(name: &str, classes: &BTreeMap<String, String>) -> Result<String, String> {
    if let Some(letters) = classes.get(name) {
        return Ok(letters.clone());
    }
    Tag::parse(name)
        .map(Tag::pattern)
        .ok_or_else(|| format!("`{name}` is no tag"))
}

/// Tags over which nothing is carried from a name to a word behind it.
const NOT_PLAIN: [Tag; 11] = [
    Tag::Neg,
    Tag::Absent,
    Tag::Pending,
    Tag::NotDone,
    Tag::Other,
    Tag::OtherGene,
    Tag::Conditional,
    Tag::Semicolon,
    Tag::Dead,
    Tag::Newline,
    Tag::Weak,
];

fn none_of(tags: &[Tag]) -> String {
    let letters: String = tags.iter().map(|tag| tag.pattern()).collect();
    format!("[^{letters}]")
}

/// A sequence as written, as a pattern over letters.
fn compile(written: &str, classes: &BTreeMap<String, String>) -> Result<Regex, String> {
    let mut pattern = String::new();
    let mut rest = written;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_lowercase() {
            let end = (rest
                .find(|character: char| !(character.is_ascii_alphanumeric() || character == '-')))
            .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            match name {
                "inside" => pattern.push_str(&none_of(&[Tag::Open, Tag::Close])),
                "plain" => pattern.push_str(&none_of(&NOT_PLAIN)),
                name => pattern.push_str(&format!("[{}]", letters_of(name, classes)?)),
            }
            rest = after;
            continue;
        }
        let length = match first {
            '{' => rest.find('}').map_or(rest.len(), |end| end + 1),
            _ => first.len_utf8(),
        };
        let (sign, after) = rest.split_at(length);
        match first {
            ' ' => {}
            '<' => pattern.push_str("(?<value>"),
            '>' => pattern.push(')'),
            '(' => pattern.push_str("(?:"),
            ')' | '|' | '?' | '*' | '+' | '^' | '{' => pattern.push_str(sign),
            _ => return Err(format!("`{first}` means nothing in the rule `{written}`")),
        }
        rest = after;
    }
    (RegexBuilder::new(&pattern).unicode(false).build())
        .map_err(|_| format!("the rule `{written}` is not well formed"))
}
