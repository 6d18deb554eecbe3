//! The rows of a mapping file: each binds one code or word to one meaning, whatever table it stands in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as NoSuchName;

use super::meanings::{
    Answer, Finding, Metastasis, Morphology, ReportKind, Side, SiteMeaning, Step,
};
use super::units::Units;
use super::written::{Block, CodeRow, FileWritten, Lines, Words};
use super::{AnswerRow, FindingRow, MappingError, SiteRow};
use crate::her2::evidence::{Fixative, Sample, Site};
use crate::her2::number::Measure;
use crate::mapping::words::{WordList, plain};

/// The tables of a mapping file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// What an Observation or component asks.
    Finding,
    /// What is answered, methods and probes included.
    Answer,
    /// Primary sites.
    Site,
    /// Kinds of specimen.
    Specimen,
    /// Kinds of report.
    Report,
    /// How tissue was taken.
    Sample,
    /// What it was fixed in.
    Fixative,
    /// What was done with it.
    Processing,
    /// What a tumour is made of.
    Histology,
    /// Histologic grades.
    Grade,
    /// Metastases.
    Metastasis,
    /// Units by what a number measures.
    Units,
    /// Words by what they mean.
    Words,
    /// Words that stand for a bound of a ratio.
    RatioBounds,
    /// Words that stand for a bound of copies.
    CopiesBounds,
}

impl Table {
    /// Every table, in the order of a file.
    pub const ALL: [Self; 15] = [
        Self::Finding,
        Self::Answer,
        Self::Site,
        Self::Specimen,
        Self::Report,
        Self::Sample,
        Self::Fixative,
        Self::Processing,
        Self::Histology,
        Self::Grade,
        Self::Metastasis,
        Self::Units,
        Self::Words,
        Self::RatioBounds,
        Self::CopiesBounds,
    ];

    /// Its name in a mapping file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Answer => "answer",
            Self::Site => "site",
            Self::Specimen => "specimen",
            Self::Report => "report",
            Self::Sample => "sample",
            Self::Fixative => "fixative",
            Self::Processing => "processing",
            Self::Histology => "histology",
            Self::Grade => "grade",
            Self::Metastasis => "metastasis",
            Self::Units => "units",
            Self::Words => "words",
            Self::RatioBounds => "ratio-bounds",
            Self::CopiesBounds => "copies-bounds",
        }
    }

    /// Whether it is written as blocks of codes (`[[finding]]`), and not as lists of words.
    pub fn has_codes(self) -> bool {
        !matches!(
            self,
            Self::Units | Self::Words | Self::RatioBounds | Self::CopiesBounds
        )
    }

    /// Whether its blocks may have words beside codes.
    fn has_words(self) -> bool {
        matches!(
            self,
            Self::Sample | Self::Fixative | Self::Processing | Self::Histology | Self::Grade
        )
    }
}

/// How the text of a row is held against what a sender wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// The whole code.
    Code,
    /// The beginning of a code.
    Prefix,
    /// The end of a code.
    Suffix,
    /// A whole text in the place of a code.
    Word,
}

impl Form {
    /// Its name in a mapping file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
            Self::Word => "word",
        }
    }
}

/// What a row means, in the terms of the lookups.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Finding(FindingRow),
    Answer(AnswerRow),
    Site(SiteRow),
    Slide,
    Tissue,
    OtherSpecimen,
    Report(ReportKind),
    Sample(Sample),
    Fixative(Fixative),
    Step(Step),
    Morphology(Morphology),
    Grade(u8),
    Metastasis(Metastasis),
    Unit,
    Words(WordList),
    Bound(Measure),
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands.
    pub table: Table,
    /// The name of its meaning.
    pub is: String,
    /// The primary site that the code itself names.
    pub site: Option<String>,
    /// The side that the code itself names.
    pub side: Option<String>,
    /// The only question that an answer's code answers.
    pub under: Option<String>,
    /// How its text is compared.
    pub form: Form,
    /// Short name of its system; empty for a word.
    pub system: String,
    /// Spellings of its system, the one to print first; empty for a word.
    pub spellings: Vec<String>,
    /// Code, part of a code, or word.
    pub text: String,
    /// For people; empty for a word.
    pub display: String,
    /// Line of its file, from 1.
    pub line: usize,
    pub(super) meaning: Meaning,
}

/// The place of a row: two rows of one place are about the same thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    pub(super) table: Table,
    pub(super) form: Form,
    pub(super) system: String,
    pub(super) text: String,
    /// The list, where a word or unit may stand in several; the question, where an answer has only one.
    pub(super) within: String,
}

impl Row {
    /// Its places, one for each spelling of its system.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let within = match &self.meaning {
            Meaning::Unit => self.is.as_str(),
            Meaning::Words(WordList::Answer(_)) => "",
            Meaning::Words(_) => &self.is,
            _ => self.under.as_deref().unwrap_or(""),
        };
        let slot = |system: &str, text: String| Slot {
            table: self.table,
            form: self.form,
            system: system.to_owned(),
            text,
            within: within.to_owned(),
        };
        match self.form {
            Form::Word if self.table == Table::Units => vec![slot("", self.text.clone())],
            Form::Word => vec![slot("", plain(&self.text))],
            _ => (self.spellings.iter())
                .map(|system| slot(system, self.text.clone()))
                .collect(),
        }
    }

    /// What it asks, if it is a finding.
    pub fn finding(&self) -> Option<Finding> {
        match &self.meaning {
            Meaning::Finding(row) => Some(row.finding),
            _ => None,
        }
    }

    /// What it answers, if it is an answer.
    pub fn answer(&self) -> Option<Answer> {
        match &self.meaning {
            Meaning::Answer(row) => Some(row.answer),
            _ => None,
        }
    }

    /// Whether it gives its code the same meaning as another row of the same code.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        (&self.is, &self.site, &self.side) == (&other.is, &other.site, &other.side)
    }

    /// `system|code`, or the word, for people.
    pub fn label(&self) -> String {
        match self.form {
            Form::Code => format!("{}|{}", self.system, self.text),
            Form::Prefix => format!("{}|{}…", self.system, self.text),
            Form::Suffix => format!("{}|…{}", self.system, self.text),
            Form::Word => self.text.clone(),
        }
    }

    /// Table and meaning, with the site and side it names, for people.
    pub fn meaning_in_words(&self) -> String {
        let more: Vec<&str> = [&self.site, &self.side, &self.under]
            .into_iter()
            .filter_map(|part| part.as_deref())
            .collect();
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(" ({})", more.join(", "))
        };
        format!("{} {}{more}", self.table.name(), self.is)
    }
}

/// The rows of one file, and what is wrong with those that cannot be used, each with its line.
pub(super) struct FileRows {
    pub(super) rows: Vec<Row>,
    pub(super) faults: Vec<(usize, MappingError)>,
}

/// Takes a file apart. `systems` are those that it may use, its own included.
pub(super) fn rows_of(
    file: &str,
    lines: &Lines,
    written: &FileWritten,
    systems: &BTreeMap<String, Vec<String>>,
) -> FileRows {
    let mut reader = Reader {
        file,
        lines,
        systems,
        found: FileRows {
            rows: Vec::new(),
            faults: Vec::new(),
        },
    };
    for (table, blocks) in [
        (Table::Finding, &written.finding),
        (Table::Answer, &written.answer),
        (Table::Site, &written.site),
        (Table::Specimen, &written.specimen),
        (Table::Report, &written.report),
        (Table::Sample, &written.sample),
        (Table::Fixative, &written.fixative),
        (Table::Processing, &written.processing),
        (Table::Histology, &written.histology),
        (Table::Grade, &written.grade),
        (Table::Metastasis, &written.metastasis),
    ] {
        for block in blocks {
            reader.block(table, block);
        }
    }
    for (list, units) in &written.units {
        let line = reader.line(list.span().start);
        for unit in units {
            reader.word(Table::Units, list.get_ref(), unit, line);
        }
    }
    for (list, words) in &written.words {
        let line = reader.line(list.span().start);
        reader.words(list.get_ref(), words, line);
    }
    reader.found
}

struct Reader<'f> {
    file: &'f str,
    lines: &'f Lines,
    systems: &'f BTreeMap<String, Vec<String>>,
    found: FileRows,
}

impl Reader<'_> {
    fn line(&self, place: usize) -> usize {
        self.lines.at(place)
    }

    fn bad(&mut self, line: usize, why: String) {
        let file = self.file.to_owned();
        (self.found.faults).push((line, MappingError::BadRow { file, why }));
    }

    fn block(&mut self, table: Table, block: &Block) {
        let is = block.is.get_ref().text();
        let line = self.line(block.is.span().start);
        if let Err(why) = meaning_of(table, &is, Extras::default()) {
            return self.bad(line, why);
        }
        if block.codes.is_empty() && block.words.is_empty() {
            let why = format!("{} `{is}` has neither codes nor words", table.name());
            self.bad(line, why);
        }
        if !block.words.is_empty() && !table.has_words() {
            self.bad(line, format!("a {} has no words", table.name()));
        } else {
            for word in &block.words {
                let line = self.line(word.span().start);
                self.word(table, &is, word.get_ref(), line);
            }
        }
        for row in &block.codes {
            let line = self.line(row.span().start);
            self.code(table, &is, row.get_ref(), line);
        }
    }

    fn code(&mut self, table: Table, is: &str, row: &CodeRow, line: usize) {
        let Some(spellings) = self.systems.get(&row.system) else {
            let error = MappingError::UnknownSystem {
                file: self.file.to_owned(),
                system: row.system.clone(),
            };
            self.found.faults.push((line, error));
            return;
        };
        if spellings.is_empty() || spellings.iter().any(|system| system.trim().is_empty()) {
            let why = format!("the system `{}` has an empty spelling", row.system);
            return self.bad(line, why);
        }
        let (form, text) = match (&row.code, &row.prefix, &row.suffix) {
            (Some(code), None, None) => (Form::Code, code),
            (None, Some(prefix), None) if matches!(table, Table::Site | Table::Metastasis) => {
                (Form::Prefix, prefix)
            }
            (None, None, Some(suffix)) if matches!(table, Table::Histology | Table::Metastasis) => {
                (Form::Suffix, suffix)
            }
            _ => {
                let why = format!(
                    "a {} row of system `{}` needs one code",
                    table.name(),
                    row.system
                );
                return self.bad(line, why);
            }
        };
        if text.trim().is_empty() {
            let why = format!(
                "a {} row of system `{}` has an empty code",
                table.name(),
                row.system
            );
            return self.bad(line, why);
        }
        let extras = Extras {
            site: row.site.as_deref(),
            side: row.side.as_deref(),
            under: row.under.as_deref(),
        };
        match meaning_of(table, is, extras) {
            Ok(meaning) => self.found.rows.push(Row {
                table,
                is: is.to_owned(),
                site: row.site.clone(),
                side: row.side.clone(),
                under: row.under.clone(),
                form,
                system: row.system.clone(),
                spellings: spellings.clone(),
                text: text.clone(),
                display: row.display.clone(),
                line,
                meaning,
            }),
            Err(why) => self.bad(line, why),
        }
    }

    fn words(&mut self, list: &str, words: &Words, line: usize) {
        let bounds = match list {
            "ratio-bounds" => Some(Table::RatioBounds),
            "copies-bounds" => Some(Table::CopiesBounds),
            _ => None,
        };
        match (bounds, words) {
            (Some(table), Words::Bounds(words)) => {
                for (word, bound) in words {
                    self.word(table, bound, word, line);
                }
            }
            (None, Words::List(words)) => {
                for word in words {
                    self.word(Table::Words, list, word, line);
                }
            }
            (Some(_), Words::List(_)) => {
                self.bad(line, format!("`{list}` of [words] gives words no number"));
            }
            (None, Words::Bounds(_)) => {
                self.bad(line, format!("`{list}` of [words] is no list of words"));
            }
        }
    }

    fn word(&mut self, table: Table, is: &str, word: &str, line: usize) {
        if table != Table::Units && plain(word).is_empty() {
            return self.bad(line, format!("a word of `{is}` is empty"));
        }
        match meaning_of(table, is, Extras::default()) {
            Ok(meaning) => self.found.rows.push(Row {
                table,
                is: is.to_owned(),
                site: None,
                side: None,
                under: None,
                form: Form::Word,
                system: String::new(),
                spellings: Vec::new(),
                text: word.to_owned(),
                display: String::new(),
                line,
                meaning,
            }),
            Err(why) => self.bad(line, why),
        }
    }
}

/// What a row names besides its meaning.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::mapping) struct Extras<'r> {
    pub(in crate::mapping) site: Option<&'r str>,
    pub(in crate::mapping) side: Option<&'r str>,
    pub(in crate::mapping) under: Option<&'r str>,
}

/// Why a table has no such meaning; `None` if it has.
pub(in crate::mapping) fn fault_of_meaning(
    table: Table,
    is: &str,
    extras: Extras<'_>,
) -> Option<String> {
    meaning_of(table, is, extras).err()
}

/// What a table's names mean; says why not otherwise.
fn meaning_of(table: Table, is: &str, extras: Extras<'_>) -> Result<Meaning, String> {
    let unknown = || format!("{} `{is}` is unknown", table.name());
    let parse_site =
        |name: &str| Site::parse(name).ok_or_else(|| format!("site `{name}` is unknown"));
    let of_row = match (table, extras.site) {
        (_, None) => None,
        (Table::Finding | Table::Answer, Some(name)) => Some(parse_site(name)?),
        _ => return Err(format!("a {} names no further site", table.name())),
    };
    let side = match (table, extras.side) {
        (_, None) => None,
        (Table::Site, Some(name)) => {
            Some(named::<Side>(name).ok_or_else(|| format!("side `{name}` is unknown"))?)
        }
        _ => return Err(format!("a {} names no side", table.name())),
    };
    let under = match (table, extras.under) {
        (_, None) => None,
        (Table::Answer, Some(name)) => {
            Some(named::<Finding>(name).ok_or_else(|| format!("finding `{name}` is unknown"))?)
        }
        _ => {
            return Err(format!(
                "only an answer row may have `under`, no {} row",
                table.name()
            ));
        }
    };
    Ok(match table {
        Table::Finding => Meaning::Finding(FindingRow {
            finding: named::<Finding>(is).ok_or_else(unknown)?,
            site: of_row,
        }),
        Table::Answer => Meaning::Answer(AnswerRow {
            answer: named::<Answer>(is).ok_or_else(unknown)?,
            site: of_row,
            under,
        }),
        Table::Site => Meaning::Site(SiteRow {
            meaning: match is {
                "in-situ" => SiteMeaning::InSitu,
                site => SiteMeaning::Primary(parse_site(site)?),
            },
            side,
        }),
        Table::Specimen if is == "slide" => Meaning::Slide,
        Table::Specimen if is == "tissue" => Meaning::Tissue,
        Table::Specimen if is == "other" => Meaning::OtherSpecimen,
        Table::Specimen => return Err(format!("specimen kind `{is}` is unknown")),
        Table::Report => Meaning::Report(named(is).ok_or_else(unknown)?),
        Table::Sample => Meaning::Sample(
            [Sample::Biopsy, Sample::Resection, Sample::Cytology]
                .into_iter()
                .find(|sample| sample.name() == is)
                .ok_or_else(unknown)?,
        ),
        Table::Fixative => Meaning::Fixative(
            [Fixative::Formalin, Fixative::Other]
                .into_iter()
                .find(|fixative| fixative.name() == is)
                .ok_or_else(unknown)?,
        ),
        Table::Processing => Meaning::Step(named(is).ok_or_else(unknown)?),
        Table::Histology => Meaning::Morphology(named(is).ok_or_else(unknown)?),
        Table::Grade => match is.parse() {
            Ok(grade @ 1..=3) => Meaning::Grade(grade),
            _ => return Err(format!("grade {is} is none of 1 to 3")),
        },
        Table::Metastasis => Meaning::Metastasis(named(is).ok_or_else(unknown)?),
        Table::Units if Units::default().list(is).is_some() => Meaning::Unit,
        Table::Units => return Err(format!("`{is}` is no list of [units]")),
        Table::Words => Meaning::Words(
            WordList::parse(is).ok_or_else(|| format!("`{is}` is no list of [words]"))?,
        ),
        Table::RatioBounds | Table::CopiesBounds => Meaning::Bound(
            Measure::parse(is)
                .map_err(|_| "a placeholder in [words] stands for no number".to_owned())?,
        ),
    })
}

/// A meaning by the name that files give it.
fn named<'n, M: Deserialize<'n>>(name: &'n str) -> Option<M> {
    let name: serde::de::value::StrDeserializer<'n, NoSuchName> = name.into_deserializer();
    M::deserialize(name).ok()
}
