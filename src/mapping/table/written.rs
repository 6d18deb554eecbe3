//! Mapping files as they are written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::meanings::{Answer, Finding, Morphology, ReportKind, Side, Step};
use super::{Key, MappingError};
use crate::her2::evidence::{Fixative, Sample, Site};
use crate::mapping::words::WordsWritten;

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileWritten {
    #[allow(
        dead_code,
        reason = "the header is for people; that it is complete is checked by reading it"
    )]
    header: HeaderWritten,
    #[serde(default)]
    pub(super) systems: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) finding: Vec<Block<Finding>>,
    #[serde(default)]
    pub(super) answer: Vec<Block<Answer>>,
    #[serde(default)]
    pub(super) site: Vec<Block<String>>,
    #[serde(default)]
    pub(super) specimen: Vec<Block<String>>,
    #[serde(default)]
    pub(super) report: Vec<Block<ReportKind>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) sample: Vec<TissueBlock<Sample>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) fixative: Vec<TissueBlock<Fixative>>,
    #[serde(default)]
    pub(super) processing: Vec<TissueBlock<Step>>,
    #[serde(default)]
    pub(super) histology: Vec<TissueBlock<Morphology>>,
    #[serde(default)]
    pub(super) grade: Vec<TissueBlock<u8>>,
    #[serde(default)]
    pub(super) units: Units,
    #[serde(default)]
    pub(super) words: WordsWritten,
}

/// What every mapping file says about itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "the header is for people; that it is complete is checked by reading it"
)]
pub(in crate::mapping) struct HeaderWritten {
    name: String,
    purpose: String,
    source: String,
    version: String,
    reviewed_by: String,
    reviewed_on: String,
}

/// Codes that all mean the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block<M> {
    pub(super) is: M,
    pub(super) codes: Vec<CodeRow>,
}

/// Codes, and words in the place of a code, that all mean the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TissueBlock<M> {
    pub(super) is: M,
    #[serde(default = "Vec::new")]
    pub(super) codes: Vec<CodeRow>,
    #[serde(default)]
    pub(super) words: Vec<String>,
}

/// Blocks whose meaning is written by its name.
fn named<'de, D, M>(deserializer: D) -> Result<Vec<TissueBlock<M>>, D::Error>
where
    D: serde::Deserializer<'de>,
    M: Named,
{
    let blocks = Vec::<TissueBlock<String>>::deserialize(deserializer)?;
    (blocks.into_iter())
        .map(|block| {
            let unknown = || serde::de::Error::custom(format!("`{}` is unknown", block.is));
            Ok(TissueBlock {
                is: M::parse(&block.is).ok_or_else(unknown)?,
                codes: block.codes,
                words: block.words,
            })
        })
        .collect()
}

/// What is known by a name; the evidence itself knows nothing of files.
trait Named: Sized {
    fn parse(name: &str) -> Option<Self>;
}

impl Named for Sample {
    fn parse(name: &str) -> Option<Self> {
        [Self::Biopsy, Self::Resection, Self::Cytology]
            .into_iter()
            .find(|sample| sample.name() == name)
    }
}

impl Named for Fixative {
    fn parse(name: &str) -> Option<Self> {
        [Self::Formalin, Self::Other]
            .into_iter()
            .find(|fixative| fixative.name() == name)
    }
}

/// One code, or all codes that begin or end alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeRow {
    system: String,
    code: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    #[allow(dead_code, reason = "for people who read the file")]
    display: String,
    site: Option<String>,
    pub(super) side: Option<Side>,
    /// The only question that an answer's code answers, where its system is used for others as well.
    pub(super) under: Option<Finding>,
}

/// Units by what a number measures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Of a percentage.
    #[serde(default)]
    pub percent: BTreeSet<String>,
    /// Of a ratio.
    #[serde(default)]
    pub ratio: BTreeSet<String>,
    /// Of copies per cell.
    #[serde(default)]
    pub copies: BTreeSet<String>,
    /// Of a number of cells.
    #[serde(default)]
    pub cells: BTreeSet<String>,
    /// Of a score.
    #[serde(default)]
    pub score: BTreeSet<String>,
    /// Of a histologic grade.
    #[serde(default)]
    pub grade: BTreeSet<String>,
    /// Minutes.
    #[serde(default)]
    pub minutes: BTreeSet<String>,
    /// Hours.
    #[serde(default)]
    pub hours: BTreeSet<String>,
    /// Days.
    #[serde(default)]
    pub days: BTreeSet<String>,
}

impl Units {
    pub(super) fn extend(&mut self, other: Self) {
        self.percent.extend(other.percent);
        self.ratio.extend(other.ratio);
        self.copies.extend(other.copies);
        self.cells.extend(other.cells);
        self.score.extend(other.score);
        self.grade.extend(other.grade);
        self.minutes.extend(other.minutes);
        self.hours.extend(other.hours);
        self.days.extend(other.days);
    }
}

/// The rows of one file, checked as they are taken.
pub(super) struct Rows<'f> {
    file: &'f str,
    systems: &'f BTreeMap<String, Vec<String>>,
    taken: BTreeSet<(&'static str, String, String, Option<Finding>)>,
}

impl<'f> Rows<'f> {
    pub(super) fn new(file: &'f str, systems: &'f BTreeMap<String, Vec<String>>) -> Self {
        Self {
            file,
            systems,
            taken: BTreeSet::new(),
        }
    }

    /// The keys of a row, one for each spelling of its system.
    pub(super) fn keys(
        &mut self,
        table: &'static str,
        row: &CodeRow,
    ) -> Result<Vec<Key>, MappingError> {
        let spellings =
            self.systems
                .get(&row.system)
                .ok_or_else(|| MappingError::UnknownSystem {
                    file: self.file.to_owned(),
                    system: row.system.clone(),
                })?;
        let code = match (&row.code, &row.prefix, &row.suffix) {
            (Some(code), None, None) => code,
            (None, Some(prefix), None) if table == "site" => prefix,
            (None, None, Some(suffix)) if table == "histology" => suffix,
            _ => {
                return Err(self.bad(format!(
                    "a {table} row of system `{}` needs one code",
                    row.system
                )));
            }
        };
        if row.under.is_some() && table != "answer" {
            return Err(self.bad(format!(
                "only an answer row may have `under`, no {table} row"
            )));
        }
        let taken = (table, row.system.clone(), code.clone(), row.under);
        if !self.taken.insert(taken) {
            return Err(MappingError::DoubleRow {
                file: self.file.to_owned(),
                code: format!("{}|{code}", row.system),
            });
        }
        Ok(spellings
            .iter()
            .map(|uri| (uri.clone(), code.clone()))
            .collect())
    }

    /// The spelling of a row's system that is searched by: the first.
    pub(super) fn preferred_system(&self, row: &CodeRow) -> Option<String> {
        self.systems.get(&row.system)?.first().cloned()
    }

    /// The site that the code of a row itself names.
    pub(super) fn site_of(&self, row: &CodeRow) -> Result<Option<Site>, MappingError> {
        row.site.as_deref().map(|name| self.site(name)).transpose()
    }

    pub(super) fn site(&self, name: &str) -> Result<Site, MappingError> {
        Site::parse(name).ok_or_else(|| self.bad(format!("site `{name}` is unknown")))
    }

    pub(super) fn bad(&self, why: String) -> MappingError {
        MappingError::BadRow {
            file: self.file.to_owned(),
            why,
        }
    }
}
