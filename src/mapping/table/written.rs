//! Mapping files as they are written.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use toml::Spanned;

use super::MappingError;

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileWritten {
    pub(super) header: Spanned<HeaderWritten>,
    /// What `mappings suggest` proposed and nobody has taken over yet.
    pub(super) proposed: Option<Spanned<toml::Table>>,
    #[serde(default)]
    pub(super) systems: BTreeMap<Spanned<String>, Vec<String>>,
    #[serde(default)]
    pub(super) finding: Vec<Block>,
    #[serde(default)]
    pub(super) answer: Vec<Block>,
    #[serde(default)]
    pub(super) site: Vec<Block>,
    #[serde(default)]
    pub(super) specimen: Vec<Block>,
    #[serde(default)]
    pub(super) report: Vec<Block>,
    #[serde(default)]
    pub(super) sample: Vec<Block>,
    #[serde(default)]
    pub(super) fixative: Vec<Block>,
    #[serde(default)]
    pub(super) processing: Vec<Block>,
    #[serde(default)]
    pub(super) histology: Vec<Block>,
    #[serde(default)]
    pub(super) grade: Vec<Block>,
    #[serde(default)]
    pub(super) metastasis: Vec<Block>,
    /// Units by what a number measures.
    #[serde(default)]
    pub(super) units: BTreeMap<Spanned<String>, Vec<String>>,
    /// Lists of words, and words that stand for a bound.
    #[serde(default)]
    pub(super) words: BTreeMap<Spanned<String>, Words>,
}

/// Why a text is no mapping file.
pub(super) struct Unreadable {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

impl FileWritten {
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map(|span| Lines::of(text).at(span.start));
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            Unreadable {
                line,
                message: format!("{place}{}", error.message()),
            }
        })
    }
}

/// Where the lines of a text begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    /// The line, from 1, of a byte of the text.
    pub(super) fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte)
    }
}

/// What every mapping file says about itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::mapping) struct HeaderWritten {
    name: String,
    purpose: String,
    source: String,
    version: String,
    reviewed_by: String,
    reviewed_on: String,
}

/// What a mapping file says about itself; no text is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Where its codes come from.
    pub source: String,
    /// Its version.
    pub version: String,
    /// Who looked at it last.
    pub reviewed_by: String,
    /// When that was.
    pub reviewed_on: NaiveDate,
}

impl HeaderWritten {
    /// The header, if it is complete and its day is one (`2026-11-20`).
    pub(in crate::mapping) fn checked(self, file: &str) -> Result<Header, MappingError> {
        let bad = |why: String| MappingError::BadHeader {
            file: file.to_owned(),
            why,
        };
        for (key, text) in [
            ("name", &self.name),
            ("purpose", &self.purpose),
            ("source", &self.source),
            ("version", &self.version),
            ("reviewed_by", &self.reviewed_by),
        ] {
            if text.trim().is_empty() {
                return Err(bad(format!("`{key}` is empty")));
            }
        }
        let reviewed_on = NaiveDate::parse_from_str(&self.reviewed_on, "%Y-%m-%d")
            .ok()
            .filter(|day| day.to_string() == self.reviewed_on)
            .ok_or_else(|| bad("`reviewed_on` is no day such as 2026-11-20".to_owned()))?;
        Ok(Header {
            name: self.name,
            purpose: self.purpose,
            source: self.source,
            version: self.version,
            reviewed_by: self.reviewed_by,
            reviewed_on,
        })
    }
}

/// Codes, and words in the place of a code, that all mean the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    pub(super) is: Spanned<Name>,
    #[serde(default)]
    pub(super) codes: Vec<Spanned<CodeRow>>,
    #[serde(default)]
    pub(super) words: Vec<Spanned<String>>,
}

/// The name of a meaning; grades are numbers.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Name {
    Text(String),
    Number(i64),
}

impl Name {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// One code, or all codes that begin or end alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeRow {
    pub(super) system: String,
    pub(super) code: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) display: String,
    pub(super) site: Option<String>,
    pub(super) side: Option<String>,
    pub(super) under: Option<String>,
}

/// One entry of `[words]`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    /// Words that mean what the list is called.
    List(Vec<String>),
    /// Words with the number that each stands for.
    Bounds(BTreeMap<String, String>),
}
