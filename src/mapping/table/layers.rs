//! Mapping files laid over one another: which row is in force for each code, and which rows speak against each other.
//!
//! A later layer may say otherwise than an earlier one and wins; that is an overlap, and reported. Files of one layer do
//! not know of each other: where two of them bind one code differently, nobody can tell which is meant, and both are
//! refused.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::rows::{Form, Row, Slot, Table, rows_of};
use super::written::{FileWritten, Header, Lines};
use super::{MappingError, hex};

/// A mapping file with the name that messages call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Files of one rank.
pub type Layer = Vec<SourceFile>;

/// One file in force.
#[derive(Clone, Debug)]
pub struct FileInForce {
    /// Its name.
    pub name: String,
    /// Its layer, from 0.
    pub layer: usize,
    /// What it says about itself.
    pub header: Option<Header>,
    /// The short names of systems that it defines, with their spellings, `{base}` replaced, and the line of each.
    pub systems: Vec<(String, Vec<String>, usize)>,
}

/// A row and the file it stands in.
#[derive(Clone, Debug)]
pub struct PlacedRow {
    /// Index of its file.
    pub file: usize,
    /// The row.
    pub row: Row,
}

/// A row that a later layer says otherwise than an earlier one; the later one is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The table.
    pub table: &'static str,
    /// `system|code`, or the word.
    pub code: String,
    /// The file whose row is not in force.
    pub lost: String,
    /// What it means there.
    pub lost_meaning: String,
    /// The file whose row is.
    pub won: String,
    /// What it means there.
    pub won_meaning: String,
}

impl std::fmt::Display for Overlap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} is {} by {}, over {} by {}",
            self.code, self.won_meaning, self.won, self.lost_meaning, self.lost
        )
    }
}

/// A file that cannot be used, or a row of it.
#[derive(Debug)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub error: MappingError,
}

/// All files as read, with what came of laying them over one another.
#[derive(Debug, Default)]
pub struct Stack {
    /// The files in their order; those that cannot be read are left out.
    pub files: Vec<FileInForce>,
    /// Every row that can be used, file by file.
    pub rows: Vec<PlacedRow>,
    /// What is wrong; a mapping in force has none.
    pub faults: Vec<Fault>,
    /// Pairs of rows by index, an earlier and a later one, that say the same.
    pub repeated: Vec<(usize, usize)>,
    /// Pairs of rows by index: the one that lost, and the one of a later layer that says otherwise.
    pub shadowed: Vec<(usize, usize)>,
    /// The row in force at each place.
    pub(super) in_force: BTreeMap<Slot, usize>,
    /// SHA-256 of all texts in their order.
    pub hash: String,
}

impl Stack {
    /// Reads layers in their order. `base` replaces `{base}` in systems. What cannot be used is left out and named.
    pub fn read(layers: &[Layer], base: &str) -> Self {
        let mut stack = Self::default();
        let mut hasher = Sha256::new();
        let mut known = BTreeMap::new();
        for (layer, files) in layers.iter().enumerate() {
            let first = stack.files.len();
            for file in files {
                hasher.update(file.text.len().to_le_bytes());
                hasher.update(file.text.as_bytes());
                stack.take(layer, file, &known, base);
            }
            stack.make_known(first, &mut known);
        }
        stack.hash = hex(&hasher.finalize());
        stack
    }

    fn take(
        &mut self,
        layer: usize,
        file: &SourceFile,
        known: &BTreeMap<String, Vec<String>>,
        base: &str,
    ) {
        let written = match FileWritten::parse(&file.name, &file.text) {
            Ok(written) => written,
            Err((line, error)) => return self.fault(&file.name, line, error),
        };
        let lines = Lines::of(&file.text);
        let systems: Vec<(String, Vec<String>, usize)> = (written.systems.iter())
            .map(|(short, spellings)| {
                let spellings = spellings.iter().map(|uri| uri.replace("{base}", base));
                let line = lines.at(short.span().start);
                (short.get_ref().clone(), spellings.collect(), line)
            })
            .collect();
        let mut visible = known.clone();
        for (short, spellings, _) in &systems {
            visible.insert(short.clone(), spellings.clone());
        }
        let found = rows_of(&file.name, &lines, &written, &visible);
        for (line, error) in found.faults {
            self.fault(&file.name, Some(line), error);
        }
        let line = lines.at(written.header.span().start);
        let header = match written.header.into_inner().checked(&file.name) {
            Ok(header) => Some(header),
            Err(error) => {
                self.fault(&file.name, Some(line), error);
                None
            }
        };
        self.files.push(FileInForce {
            name: file.name.clone(),
            layer,
            header,
            systems,
        });
        for row in found.rows {
            self.place(row);
        }
    }

    /// Puts a row of the last file into its places.
    fn place(&mut self, row: Row) {
        let (file, index) = (self.files.len() - 1, self.rows.len());
        let mut met: Vec<usize> = Vec::new();
        for slot in row.slots() {
            let mut earlier = self.narrower_of_earlier_layers(&slot);
            for slot in earlier.keys() {
                self.in_force.remove(slot);
            }
            earlier.extend(self.in_force.remove_entry(&slot));
            self.in_force.insert(slot, index);
            for earlier in earlier.into_values() {
                if earlier != index && !met.contains(&earlier) {
                    met.push(earlier);
                }
            }
        }
        self.rows.push(PlacedRow { file, row });
        for earlier in met {
            self.meet(earlier, index);
        }
    }

    /// The places of a code's answers to single questions, which a later layer's answer to any question takes over.
    fn narrower_of_earlier_layers(&self, slot: &Slot) -> BTreeMap<Slot, usize> {
        if slot.table != Table::Answer || !slot.within.is_empty() {
            return BTreeMap::new();
        }
        let layer = self.files.last().map_or(0, |file| file.layer);
        (self.in_force.range(slot.clone()..))
            .take_while(|(other, _)| (&other.system, &other.text) == (&slot.system, &slot.text))
            .filter(|(other, index)| {
                let earlier = self.rows.get(**index);
                !other.within.is_empty() && earlier.is_some_and(|row| self.layer_of(row) < layer)
            })
            .map(|(slot, index)| (slot.clone(), *index))
            .collect()
    }

    fn meet(&mut self, earlier: usize, later: usize) {
        let (Some(one), Some(other)) = (self.rows.get(earlier), self.rows.get(later)) else {
            return;
        };
        let same_meaning = one.row.says_the_same(&other.row);
        let is_word = one.row.form == Form::Word;
        let line = Some(other.row.line);
        let file = self.name_of(other);
        if one.file == other.file && !(is_word && same_meaning) {
            let error = MappingError::DoubleRow {
                file: file.clone(),
                code: other.row.label(),
            };
            self.fault(&file, line, error);
        } else if same_meaning {
            self.repeated.push((earlier, later));
        } else if self.layer_of(one) == self.layer_of(other) {
            let error = MappingError::Conflict {
                code: other.row.label(),
                one: self.name_of(one),
                one_meaning: one.row.meaning_in_words(),
                other: file.clone(),
                other_meaning: other.row.meaning_in_words(),
            };
            self.fault(&file, line, error);
        } else {
            self.shadowed.push((earlier, later));
        }
    }

    /// Shows the systems of a finished layer to the next ones. A short name that its files define differently stays
    /// theirs: whoever needs it defines it.
    fn make_known(&self, first: usize, known: &mut BTreeMap<String, Vec<String>>) {
        let mut defined: BTreeMap<&String, Option<&Vec<String>>> = BTreeMap::new();
        for (short, spellings, _) in self.files.iter().skip(first).flat_map(|file| &file.systems) {
            defined
                .entry(short)
                .and_modify(|earlier| *earlier = earlier.filter(|earlier| *earlier == spellings))
                .or_insert(Some(spellings));
        }
        for (short, spellings) in defined {
            match spellings {
                Some(spellings) => known.insert(short.clone(), spellings.clone()),
                None => known.remove(short),
            };
        }
    }

    /// The rows in force, each once, by table and code.
    pub fn rows_in_force(&self) -> Vec<&PlacedRow> {
        let mut taken = BTreeSet::new();
        (self.in_force.values())
            .filter(|index| taken.insert(**index))
            .filter_map(|index| self.rows.get(*index))
            .collect()
    }

    /// Where a later layer says otherwise than an earlier one.
    pub fn overlaps(&self) -> Vec<Overlap> {
        (self.shadowed.iter())
            .filter_map(|(lost, won)| Some((self.rows.get(*lost)?, self.rows.get(*won)?)))
            .map(|(lost, won)| Overlap {
                table: won.row.table.name(),
                code: won.row.label(),
                lost: self.name_of(lost),
                lost_meaning: lost.row.meaning_in_words(),
                won: self.name_of(won),
                won_meaning: won.row.meaning_in_words(),
            })
            .collect()
    }

    /// The name of a row's file.
    pub fn name_of(&self, placed: &PlacedRow) -> String {
        (self.files.get(placed.file)).map_or_else(String::new, |file| file.name.clone())
    }

    fn layer_of(&self, placed: &PlacedRow) -> usize {
        self.files.get(placed.file).map_or(0, |file| file.layer)
    }

    fn fault(&mut self, file: &str, line: Option<usize>, error: MappingError) {
        self.faults.push(Fault {
            file: file.to_owned(),
            line,
            error,
        });
    }
}
