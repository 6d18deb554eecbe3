//! The mapping in force: lookups made of the mapping files.
//!
//! How files are written stands in `written.rs`, what a row is in `rows.rs`, how files lie over one another in
//! `layers.rs`, and what codes can mean in `meanings.rs`.

pub mod layers;
mod lexicon;
mod meanings;
pub mod rows;
mod units;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::narrative::Narrative;
use super::words::Words;
use crate::fhir::elements::{Coding, Concept};
use crate::her2::evidence::{Fixative, Sample, Site};
use layers::{Layer, Overlap, SourceFile, Stack};
use rows::{Form, Meaning, Row, Slot, Table};

pub use lexicon::Lexicon;
pub use meanings::{
    Answer, Finding, Metastasis, Morphology, ReportKind, Side, SiteMeaning, Step, word_of,
};
pub use units::Units;
pub use written::Header;
pub(super) use written::HeaderWritten;

pub use super::shipped::BASE;

/// A row of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// What is asked.
    pub finding: Finding,
    /// The primary site the code itself names.
    pub site: Option<Site>,
}

/// A row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRow {
    /// What is answered.
    pub answer: Answer,
    /// The primary site the code itself names.
    pub site: Option<Site>,
    /// The only question that it answers; `None` where it answers any.
    pub under: Option<Finding>,
}

/// A row of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SiteRow {
    meaning: SiteMeaning,
    side: Option<Side>,
}

/// Why the mapping cannot be used; the site's operator mends the file.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Not readable as a mapping file.
    #[error("mapping `{file}` cannot be read: {message}")]
    Unreadable {
        /// Its name.
        file: String,
        /// What is wrong and where.
        message: String,
    },
    /// A row names a system that `[systems]` does not.
    #[error("mapping `{file}` names the system `{system}`, which its [systems] do not define")]
    UnknownSystem {
        /// Its name.
        file: String,
        /// The short name.
        system: String,
    },
    /// The header is not complete.
    #[error("mapping `{file}` has a header that cannot be used: {why}")]
    BadHeader {
        /// Its name.
        file: String,
        /// Why.
        why: String,
    },
    /// Two rows of one table bind the same code.
    #[error("mapping `{file}` binds `{code}` twice")]
    DoubleRow {
        /// Its name.
        file: String,
        /// `system|code`
        code: String,
    },
    /// Two files of one layer bind a code to different meanings.
    #[error(
        "mappings `{one}` and `{other}` contradict each other: `{code}` is {one_meaning} in the first and {other_meaning} in the second"
    )]
    Conflict {
        /// `system|code`, or the word.
        code: String,
        /// The one file.
        one: String,
        /// What it means there.
        one_meaning: String,
        /// The other file.
        other: String,
        /// What it means there.
        other_meaning: String,
    },
    /// No shipped profile has this name.
    #[error("there is no shipped profile `{name}`; there are {known}")]
    UnknownProfile {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// It holds proposals of `mappings suggest`, which are a person's to take over.
    #[error(
        "mapping `{file}` holds proposals ({}): read each, and take `proposed.` out of the name of its table or delete it",
        .tables.join(", ")
    )]
    Proposed {
        /// Its name.
        file: String,
        /// The tables they are for.
        tables: Vec<String>,
    },
    /// A row has neither or both of `code` and `prefix`, or a word that is unknown.
    #[error("mapping `{file}` has a row that cannot be used: {why}")]
    BadRow {
        /// Its name.
        file: String,
        /// Why.
        why: String,
    },
}

/// A system and a code in it.
type Key = (String, String);

/// All mapping files in force, as lookups.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    findings: BTreeMap<Key, FindingRow>,
    /// How the rows of findings call their codes.
    displays: BTreeMap<Key, String>,
    /// Several of one code only where they answer different questions.
    answers: BTreeMap<Key, Vec<AnswerRow>>,
    sites: BTreeMap<Key, SiteRow>,
    site_prefixes: BTreeMap<Key, SiteRow>,
    slides: BTreeSet<Key>,
    tissues: BTreeSet<Key>,
    other_specimens: BTreeSet<Key>,
    reports: BTreeMap<Key, ReportKind>,
    /// How tissue was taken.
    pub samples: Lexicon<Sample>,
    /// What tissue was fixed in.
    pub fixatives: Lexicon<Fixative>,
    /// What was done with tissue.
    pub steps: Lexicon<Step>,
    /// What a tumour is made of.
    pub morphologies: Lexicon<Morphology>,
    /// Histologic grades.
    pub grades: Lexicon<u8>,
    /// Metastases.
    pub metastases: Lexicon<Metastasis>,
    /// The spelling of each system that is searched by.
    preferred: BTreeSet<String>,
    /// The short name of each spelling of a system.
    system_names: BTreeMap<String, String>,
    /// Units a number may carry.
    pub units: Units,
    /// Words that stand in place of codes.
    pub words: Words,
    /// The languages of narrative.
    pub narrative: Narrative,
    overlaps: Vec<Overlap>,
    hash: String,
}

impl Mapping {
    /// Builds the lookups from files in order, each a layer over the ones before it. `base` replaces `{base}` in systems.
    ///
    /// # Errors
    /// [`MappingError`] names the first file that cannot be used and why.
    pub fn load(files: &[(&str, &str)], base: &str) -> Result<Self, MappingError> {
        let layers: Vec<Layer> = (files.iter())
            .map(|(name, text)| {
                vec![SourceFile {
                    name: (*name).to_owned(),
                    text: (*text).to_owned(),
                }]
            })
            .collect();
        Self::of_layers(&layers, base)
    }

    /// Builds the lookups from layers of files. `base` replaces `{base}` in systems.
    ///
    /// # Errors
    /// [`MappingError`] names the first file that cannot be used and why.
    pub fn of_layers(layers: &[Layer], base: &str) -> Result<Self, MappingError> {
        Self::of_stack(Stack::read(layers, base))
    }

    /// Builds the lookups from files that have been read.
    ///
    /// # Errors
    /// The first fault of the files.
    pub fn of_stack(stack: Stack) -> Result<Self, MappingError> {
        let mut mapping = Self::of_usable_rows(&stack.checked()?);
        mapping.narrative = Narrative::shipped()?;
        let mut hasher = Sha256::new();
        hasher.update(&mapping.hash);
        for language in Narrative::files() {
            hasher.update(language.as_bytes());
        }
        mapping.hash = hex(&hasher.finalize());
        Ok(mapping)
    }

    /// The lookups of what can be used, whatever else is wrong; for the lint alone.
    pub(super) fn of_usable_rows(stack: &Stack) -> Self {
        let mut mapping = Self {
            hash: stack.hash.clone(),
            overlaps: stack.overlaps(),
            ..Self::default()
        };
        for (short, spellings, _) in stack.files.iter().flat_map(|file| &file.systems) {
            for uri in spellings {
                (mapping.system_names.entry(uri.clone())).or_insert_with(|| short.clone());
            }
        }
        for (slot, index) in &stack.in_force {
            if let Some(placed) = stack.rows.get(*index) {
                mapping.take(slot, &placed.row);
            }
        }
        mapping
    }

    fn take(&mut self, slot: &Slot, row: &Row) {
        let key = (slot.system.clone(), slot.text.clone());
        match &row.meaning {
            Meaning::Finding(meaning) => {
                self.displays.insert(key.clone(), row.display.clone());
                self.findings.insert(key, meaning.clone());
            }
            Meaning::Answer(meaning) => {
                self.answers.entry(key).or_default().push(meaning.clone());
            }
            Meaning::Site(meaning) => {
                let table = match slot.form {
                    Form::Prefix => &mut self.site_prefixes,
                    _ => &mut self.sites,
                };
                table.insert(key, meaning.clone());
            }
            Meaning::Slide => {
                self.slides.insert(key);
            }
            Meaning::Tissue => {
                self.tissues.insert(key);
            }
            Meaning::OtherSpecimen => {
                self.other_specimens.insert(key);
            }
            Meaning::Report(kind) => {
                self.reports.insert(key, *kind);
            }
            Meaning::Sample(sample) => self.samples.insert(slot.form, key, *sample),
            Meaning::Fixative(fixative) => self.fixatives.insert(slot.form, key, *fixative),
            Meaning::Step(step) => self.steps.insert(slot.form, key, *step),
            Meaning::Morphology(morphology) => {
                self.morphologies.insert(slot.form, key, *morphology);
            }
            Meaning::Grade(grade) => self.grades.insert(slot.form, key, *grade),
            Meaning::Metastasis(metastasis) => {
                self.metastases.insert(slot.form, key, *metastasis);
            }
            Meaning::Unit => {
                if let Some(list) = self.units.list(&row.is) {
                    list.insert(row.text.clone());
                }
            }
            Meaning::Words(list) => self.words.add(*list, &row.text),
            Meaning::Bound(bound) if row.table == Table::RatioBounds => {
                self.words.add_ratio_bound(&row.text, bound.clone());
            }
            Meaning::Bound(bound) => self.words.add_copies_bound(&row.text, bound.clone()),
        }
        if matches!(row.table, Table::Finding | Table::Report) {
            self.preferred.extend(row.spellings.first().cloned());
        }
    }

    /// Where a later layer says otherwise than an earlier one.
    pub fn overlaps(&self) -> &[Overlap] {
        &self.overlaps
    }

    /// What a coding asks.
    pub fn finding(&self, coding: &Coding<'_>) -> Option<&FindingRow> {
        self.findings.get(&key_of(coding)?)
    }

    /// How the mapping calls what a coding asks.
    pub fn display_of(&self, coding: &Coding<'_>) -> Option<&str> {
        self.displays.get(&key_of(coding)?).map(String::as_str)
    }

    /// What a coding answers to a question. A row for that question comes before one for any.
    pub fn answer(&self, finding: Finding, coding: &Coding<'_>) -> Option<&AnswerRow> {
        let rows = self.answers_to_any(coding);
        let under = |question| rows.iter().find(|row| row.under == question);
        under(Some(finding)).or_else(|| under(None))
    }

    /// What a coding answers to whatever question.
    pub fn answers_to_any(&self, coding: &Coding<'_>) -> &[AnswerRow] {
        key_of(coding)
            .and_then(|key| self.answers.get(&key))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a system is one in which ERBB2 has a code.
    pub fn is_system_of_genes(&self, system: &str) -> bool {
        (self.answers.range((system.to_owned(), String::new())..))
            .take_while(|((of, _), _)| of == system)
            .any(|(_, rows)| rows.iter().any(|row| row.answer == Answer::Erbb2))
    }

    /// What a concept says about the primary site, and which breast it names.
    pub fn site(&self, concept: &Concept<'_>) -> Option<(SiteMeaning, Option<Side>)> {
        concept.codings.iter().find_map(|coding| {
            let (system, code) = key_of(coding)?;
            let by_prefix = || {
                self.site_prefixes
                    .iter()
                    .filter(|((row_system, prefix), _)| {
                        *row_system == system && code.starts_with(prefix)
                    })
                    .max_by_key(|((_, prefix), _)| prefix.len())
                    .map(|(_, row)| row)
            };
            let row = self
                .sites
                .get(&(system.clone(), code.clone()))
                .or_else(by_prefix)?;
            Some((row.meaning, row.side))
        })
    }

    /// Whether a specimen's type or container says that it is a slide cut from a block.
    pub fn is_slide(&self, concept: &Concept<'_>) -> bool {
        (concept.codings.iter())
            .filter_map(key_of)
            .any(|key| self.slides.contains(&key))
    }

    /// Whether a specimen's type or container says that it is tissue, and no blood or other fluid.
    pub fn is_tissue(&self, concept: &Concept<'_>) -> bool {
        (concept.codings.iter())
            .filter_map(key_of)
            .any(|key| self.tissues.contains(&key) || self.slides.contains(&key))
    }

    /// Whether a code is known to say nothing of a specimen that bears on anything here.
    pub(super) fn is_other_specimen(&self, concept: &Concept<'_>) -> bool {
        (concept.codings.iter())
            .filter_map(key_of)
            .any(|key| self.other_specimens.contains(&key))
    }

    /// The short name that mapping files give a system.
    pub(super) fn system_name(&self, uri: &str) -> Option<&str> {
        self.system_names.get(uri).map(String::as_str)
    }

    /// Whether some system has this short name.
    pub(super) fn has_system_name(&self, name: &str) -> bool {
        self.system_names.values().any(|known| known == name)
    }

    /// What kind of report a code names.
    pub fn report(&self, concept: &Concept<'_>) -> Option<ReportKind> {
        (concept.codings.iter())
            .filter_map(key_of)
            .find_map(|key| self.reports.get(&key))
            .copied()
    }

    /// The search tokens (`system|code`) of HER2 Observations, sorted.
    pub fn observation_tokens(&self) -> Vec<String> {
        self.tokens(
            self.findings
                .iter()
                .filter(|(_, row)| row.finding.is_about_her2())
                .map(|(key, _)| key),
        )
    }

    /// The search tokens (`system|code`) of orders of an in situ hybridisation, sorted.
    pub fn order_tokens(&self) -> Vec<String> {
        let is_ish = |row: &FindingRow| row.finding.is_in_situ_hybridisation();
        let rows = self.findings.iter().filter(|(_, row)| is_ish(row));
        self.tokens(rows.map(|(key, _)| key))
    }

    /// The search tokens (`system|code`) of reports, sorted.
    pub fn report_tokens(&self) -> Vec<String> {
        self.tokens(self.reports.keys())
    }

    fn tokens<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> Vec<String> {
        keys.filter(|(system, _)| self.preferred.contains(system))
            .map(|(system, code)| format!("{system}|{code}"))
            .collect()
    }

    /// SHA-256 of all mapping files in force.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

fn key_of(coding: &Coding<'_>) -> Option<Key> {
    Some((coding.system?.to_owned(), coding.code?.to_owned()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEADER: &str = "[header]\nname=\"t\"\npurpose=\"t\"\nsource=\"t\"\nversion=\"1\"\nreviewed_by=\"t\"\nreviewed_on=\"2026-01-01\"\n";

    fn coding<'a>(system: &'a str, code: &'a str) -> Coding<'a> {
        Coding {
            system: Some(system),
            code: Some(code),
            display: None,
        }
    }

    #[test]
    fn a_code_means_something_only_in_its_system() {
        let mapping = Mapping::load(&[("base", BASE)], "https://site.example").unwrap();
        let finding = |system, code| {
            mapping
                .finding(&coding(system, code))
                .map(|row| row.finding)
        };
        assert_eq!(
            finding("http://loinc.org", "85319-2"),
            Some(Finding::IhcScore)
        );
        assert_eq!(finding("http://other.example", "85319-2"), None);
        assert_eq!(
            finding(
                "https://site.example/CodeSystem/her2-evidence",
                "ish-recount"
            ),
            Some(Finding::IshRecount)
        );
    }

    #[test]
    fn a_site_file_stands_over_the_base_file() {
        let site = format!(
            "{HEADER}[systems]\nlocal=[\"urn:lis\"]\n[[answer]]\nis=\"score-2+\"\ncodes=[{{system=\"local\",code=\"2\",display=\"2+\"}}]\n"
        );
        let mapping =
            Mapping::load(&[("base", BASE), ("site", &site)], "https://x.example").unwrap();
        assert_eq!(
            mapping
                .answer(Finding::IhcScore, &coding("urn:lis", "2"))
                .map(|row| row.answer),
            Some(Answer::Score2)
        );
    }

    #[test]
    fn one_code_may_answer_two_questions_differently_and_a_later_file_replaces_both() {
        let profile = format!(
            "{HEADER}[systems]\nl=[\"urn:l\"]\n\
             [[answer]]\nis=\"score-2+\"\ncodes=[{{system=\"l\",code=\"2\",under=\"ihc-score\",display=\"2+\"}}]\n\
             [[answer]]\nis=\"equivocal\"\ncodes=[{{system=\"l\",code=\"2\",under=\"ish-result\",display=\"equivocal\"}}]\n"
        );
        let site = format!(
            "{HEADER}[systems]\nl=[\"urn:l\"]\n[[answer]]\nis=\"negative\"\ncodes=[{{system=\"l\",code=\"2\",display=\"no\"}}]\n"
        );
        let read = |files: &[(&str, &str)], finding| {
            let mapping = Mapping::load(files, "b").unwrap();
            let row = mapping.answer(finding, &coding("urn:l", "2"));
            row.map(|row| row.answer)
        };
        let files = [("profile", profile.as_str()), ("site", site.as_str())];
        let (profile, both) = (&files[..1], &files[..]);
        assert_eq!(read(profile, Finding::IhcScore), Some(Answer::Score2));
        assert_eq!(read(profile, Finding::IshResult), Some(Answer::Equivocal));
        assert_eq!(read(profile, Finding::OverallStatus), None);
        assert_eq!(read(both, Finding::IhcScore), Some(Answer::Negative));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_which_and_why() {
        let double = format!(
            "{HEADER}[systems]\nl=[\"urn:l\"]\n[[answer]]\nis=\"positive\"\ncodes=[{{system=\"l\",code=\"1\",display=\"a\"}},{{system=\"l\",code=\"1\",display=\"b\"}}]\n"
        );
        let error = Mapping::load(&[("site.toml", &double)], "b")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "mapping `site.toml` binds `l|1` twice");
        let unknown = format!(
            "{HEADER}[[answer]]\nis=\"positive\"\ncodes=[{{system=\"l\",code=\"1\",display=\"a\"}}]\n"
        );
        assert!(matches!(
            Mapping::load(&[("site.toml", &unknown)], "b"),
            Err(MappingError::UnknownSystem { .. })
        ));
        let typo = format!("{HEADER}[typo]\na=1\n");
        assert!(matches!(
            Mapping::load(&[("site.toml", &typo)], "b"),
            Err(MappingError::Unreadable { .. })
        ));
    }

    fn refusal(text: &str) -> String {
        Mapping::load(&[("site.toml", &format!("{HEADER}{text}"))], "b")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_row_has_a_code_and_only_some_may_have_a_part_of_one() {
        let row = |table: &str, is: &str, row: &str| {
            refusal(&format!(
                "[systems]\nl=[\"urn:l\"]\n[[{table}]]\nis=\"{is}\"\ncodes=[{{system=\"l\",display=\"d\",{row}}}]\n"
            ))
        };
        assert_eq!(
            row("answer", "positive", "prefix=\"1\""),
            "mapping `site.toml` has a row that cannot be used: a answer row of system `l` needs one code"
        );
        assert!(row("site", "breast", "code=\"1\",prefix=\"1\"").contains("needs one code"));
        assert!(row("site", "elbow", "code=\"1\"").contains("site `elbow` is unknown"));
        assert!(row("answer", "positive", "code=\"1\",site=\"elbow\"").contains("`elbow`"));
        assert!(row("specimen", "jar", "code=\"1\"").contains("specimen kind `jar`"));
        assert!(row("sample", "jar", "code=\"1\"").contains("`jar` is unknown"));
        assert!(row("metastasis", "near", "code=\"1\"").contains("`near` is unknown"));
        assert!(row("sample", "biopsy", "suffix=\"/2\"").contains("needs one code"));
        assert!(row("report", "her2", "code=\"1\",under=\"ihc-score\"").contains("only an answer"));
        assert!(refusal("[[grade]]\nis=4\nwords=[\"g4\"]\n").contains("grade 4"));
        let bound = refusal("[words]\nratio-bounds={\"XX.2\"=\"below\"}\n");
        assert!(bound.contains("stands for no number"), "{bound}");
    }

    #[test]
    fn a_site_code_stands_over_a_prefix_and_names_its_side() {
        let text = format!(
            "{HEADER}[systems]\nl=[\"urn:l\",\"urn:old\"]\n\
             [[site]]\nis=\"breast\"\ncodes=[{{system=\"l\",prefix=\"C50\",display=\"d\"}}]\n\
             [[site]]\nis=\"in-situ\"\ncodes=[{{system=\"l\",code=\"C50.9\",display=\"d\",side=\"left\"}}]\n"
        );
        let mapping = Mapping::load(&[("site.toml", &text)], "b").unwrap();
        let site = |system, code| {
            mapping.site(&Concept {
                codings: vec![coding(system, code)],
                text: None,
            })
        };
        let breast = SiteMeaning::Primary(Site::Breast);
        assert_eq!(site("urn:l", "C50.1"), Some((breast, None)));
        assert_eq!(
            site("urn:old", "C50.9"),
            Some((SiteMeaning::InSitu, Some(Side::Left)))
        );
        assert_eq!(site("urn:l", "C51"), None);
    }

    #[test]
    fn only_the_first_spelling_of_a_system_is_searched_by() {
        let text = format!(
            "{HEADER}[systems]\nl=[\"urn:l\",\"urn:old\"]\n\
             [[finding]]\nis=\"ihc-score\"\ncodes=[{{system=\"l\",code=\"1\",display=\"d\"}}]\n\
             [[finding]]\nis=\"ish-cells\"\ncodes=[{{system=\"l\",code=\"2\",display=\"d\"}}]\n"
        );
        let mapping = Mapping::load(&[("site.toml", &text)], "b").unwrap();
        assert_eq!(mapping.observation_tokens(), ["urn:l|1"]);
        assert!(mapping.finding(&coding("urn:old", "1")).is_some());
    }
}
