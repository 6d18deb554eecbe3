//! Mapping files laid over one another: which row is in force for each code, and which rows speak against each other.
//!
//! A later layer may say otherwise than an earlier one and wins; that is an overlap, and reported. Files of one layer do
//! not know of each other: where two of them bind one code differently, nobody can tell which is meant, and both are
//! refused.

use std::collections::BTreeMap;

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
                hasher.update((file.text.len() as u64).to_le_bytes());
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
        let written = match FileWritten::parse(&file.text) {
            Ok(written) => written,
            Err(unreadable) => {
                let error = MappingError::Unreadable {
                    file: file.name.clone(),
                    message: unreadable.message,
                };
                return self.fault(&file.name, unreadable.line, error);
            }
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
        if let Some(proposed) = &written.proposed {
            let error = MappingError::Proposed {
                file: file.name.clone(),
                tables: proposed.get_ref().keys().cloned().collect(),
            };
            self.fault(&file.name, Some(lines.at(proposed.span().start)), error);
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
            earlier.extend(self.other_questions_of_code(&slot));
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
        let layer = self.files.last().map_or(0, |file| file.layer);
        if !slot.within.is_empty() {
            return BTreeMap::new();
        }
        (self.other_questions_of_code(slot).into_iter())
            .filter(|(_, index)| {
                let earlier = self.rows.get(*index);
                earlier.is_some_and(|row| self.layer_of(row) < layer)
            })
            .collect()
    }

    /// Where an answer's code is bound for any question if this is for one, or for single ones if this is for any.
    fn other_questions_of_code(&self, slot: &Slot) -> BTreeMap<Slot, usize> {
        let any = Slot {
            within: String::new(),
            ..slot.clone()
        };
        if slot.table != Table::Answer {
            return BTreeMap::new();
        }
        (self.in_force.range(any..))
            .take_while(|(other, _)| {
                (other.table, &other.system, &other.text) == (slot.table, &slot.system, &slot.text)
            })
            .filter(|(other, _)| other.within.is_empty() != slot.within.is_empty())
            .map(|(slot, index)| (slot.clone(), *index))
            .collect()
    }

    fn meet(&mut self, earlier: usize, later: usize) {
        let (Some(one), Some(other)) = (self.rows.get(earlier), self.rows.get(later)) else {
            return;
        };
        let same_meaning = one.row.says_the_same(&other.row);
        // One answer to any question and another to a single one: within a file that is meant, and the narrower holds.
        let is_refined = one.row.under.is_some() != other.row.under.is_some();
        if is_refined && (one.file == other.file || same_meaning) {
            return;
        }
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

    /// The stack, if nothing is wrong with it.
    ///
    /// # Errors
    /// The first fault.
    pub fn checked(mut self) -> Result<Self, MappingError> {
        if self.faults.is_empty() {
            Ok(self)
        } else {
            Err(self.faults.swap_remove(0).error)
        }
    }

    /// What each place means.
    pub fn meanings(&self) -> BTreeMap<&Slot, String> {
        (self.in_force.iter())
            .filter_map(|(slot, index)| Some((slot, self.rows.get(*index)?.row.meaning_in_words())))
            .collect()
    }

    /// The rows in force, each once, by table and code, with the first spelling of its system that it is in force for.
    pub fn rows_in_force(&self) -> Vec<(&PlacedRow, &str)> {
        let mut systems: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        let mut order = Vec::new();
        for (slot, index) in &self.in_force {
            let systems = systems.entry(*index).or_default();
            if systems.is_empty() {
                order.push(*index);
            }
            systems.push(&slot.system);
        }
        (order.into_iter())
            .filter_map(|index| {
                let placed = self.rows.get(index)?;
                let held = systems.get(&index)?;
                let spellings = placed.row.spellings.iter().map(String::as_str);
                let first = spellings.into_iter().find(|system| held.contains(system));
                Some((placed, first.unwrap_or("")))
            })
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::shipped;
    use crate::mapping::table::Mapping;

    fn file(name: &str, systems: &str, is: &str, row: &str) -> SourceFile {
        SourceFile {
            name: name.to_owned(),
            text: format!(
                "[header]\nname=\"t\"\npurpose=\"t\"\nsource=\"t\"\nversion=\"1\"\nreviewed_by=\"t\"\nreviewed_on=\"2026-01-01\"\n\
                 [systems]\n{systems}\n[[answer]]\nis=\"{is}\"\ncodes=[{{{row},display=\"d\"}}]\n"
            ),
        }
    }

    /// A file of the system `urn:l` that binds the code `1`.
    fn local(name: &str, is: &str) -> SourceFile {
        file(name, "l=[\"urn:l\"]", is, "system=\"l\",code=\"1\"")
    }

    fn meanings(layers: &[Layer]) -> Vec<String> {
        let stack = Stack::read(layers, "b").checked().unwrap();
        stack.meanings().into_values().collect()
    }

    #[test]
    fn a_later_layer_wins_and_says_over_what() {
        let layers = [
            vec![local("base", "positive")],
            vec![local("same", "positive")],
            vec![local("site", "negative")],
        ];
        assert_eq!(meanings(&layers), ["answer negative"]);
        let mapping = Mapping::of_layers(&layers, "b").unwrap();
        let lines: Vec<String> = mapping.overlaps().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["l|1 is answer negative by site, over answer positive by same"]
        );
    }

    #[test]
    fn files_of_one_layer_may_repeat_each_other_and_not_contradict() {
        let layer = |is: [&str; 2]| vec![local("a", is[0]), local("b", is[1])];
        assert_eq!(
            meanings(&[layer(["positive", "positive"])]),
            ["answer positive"]
        );
        let contradicting = layer(["positive", "negative"]);
        // Also where one of them only repeats what an earlier layer says.
        for layers in [
            vec![contradicting.clone()],
            vec![vec![local("base", "positive")], contradicting.clone()],
            vec![vec![local("base", "negative")], contradicting],
        ] {
            let error = Stack::read(&layers, "b").checked().unwrap_err();
            assert!(matches!(error, MappingError::Conflict { .. }), "{error}");
        }
    }

    #[test]
    fn words_contradict_each_other_as_codes_do() {
        let words = |name: &str, words: &str| {
            let mut file = local(name, "positive");
            file.text += &format!("[words]\n{words}\n");
            file
        };
        let one = words("a", "positive=[\"reactive\"]");
        let other = words("b", "equivocal=[\"Reactive.\"]");
        let mapping = Mapping::of_layers(&[vec![one.clone()], vec![other.clone()]], "b").unwrap();
        assert_eq!(mapping.overlaps().len(), 1);
        assert!(Mapping::of_layers(&[vec![one, other]], "b").is_err());
        let twice = words("c", "positive=[\"reactive\"]\nequivocal=[\"reactive\"]");
        let error = Mapping::of_layers(&[vec![twice]], "b").unwrap_err();
        assert!(matches!(error, MappingError::DoubleRow { .. }), "{error}");
    }

    #[test]
    fn two_laboratories_may_call_different_systems_by_one_short_name() {
        let south = file(
            "south",
            "l=[\"urn:south\"]",
            "negative",
            "system=\"l\",code=\"1\"",
        );
        let site = vec![local("north", "positive"), south];
        assert_eq!(
            meanings(std::slice::from_ref(&site)),
            ["answer positive", "answer negative"]
        );
        let late = file("late", "", "positive", "system=\"l\",code=\"2\"");
        let error = Stack::read(&[site, vec![late]], "b").checked().unwrap_err();
        assert!(matches!(error, MappingError::UnknownSystem { .. }));
    }

    #[test]
    fn an_answer_to_one_question_stands_beside_others_until_a_later_layer_answers_any() {
        let under = |is: &str, under: &str| {
            file(
                is,
                "l=[\"urn:l\"]",
                is,
                &format!("system=\"l\",code=\"1\",under=\"{under}\""),
            )
        };
        let profiles = vec![
            under("score-2+", "ihc-score"),
            under("equivocal", "ish-result"),
        ];
        let base = vec![local("base", "positive")];
        let refined = [base.clone(), profiles.clone()];
        // For its question each of them speaks against the base.
        assert_eq!(Stack::read(&refined, "b").overlaps().len(), 2);
        assert_eq!(
            meanings(&refined),
            [
                "answer positive",
                "answer score-2+ (ihc-score)",
                "answer equivocal (ish-result)"
            ]
        );
        let layers = [base, profiles, vec![local("site", "negative")]];
        assert_eq!(meanings(&layers), ["answer negative"]);
        assert_eq!(Stack::read(&layers, "b").overlaps().len(), 5);
        let contradicting = vec![local("a", "positive"), under("negative", "ihc-score")];
        let error = Stack::read(&[contradicting], "b").checked().unwrap_err();
        assert!(matches!(error, MappingError::Conflict { .. }), "{error}");
    }

    #[test]
    fn the_hash_covers_every_text_in_its_order_and_no_name() {
        let hash = |files: &[&SourceFile]| {
            let layer = files.iter().map(|file| (*file).clone()).collect();
            Stack::read(&[layer], "b").hash
        };
        let (one, same) = (local("a", "positive"), local("other name", "positive"));
        let other = file("b", "l=[\"urn:l\"]", "negative", "system=\"l\",code=\"2\"");
        assert_eq!(hash(&[&one]), hash(&[&same]));
        assert_ne!(hash(&[&one]), hash(&[&one, &other]));
        assert_ne!(hash(&[&other, &one]), hash(&[&one, &other]));
    }

    #[test]
    fn only_known_profiles_are_laid_over_the_base() {
        let unknown = shipped::layers(&["nowhere".to_owned()], Vec::new()).unwrap_err();
        assert!(unknown.to_string().contains("`nowhere`"));
    }
}
