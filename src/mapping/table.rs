//! The mapping in force: lookups made of the mapping files.
//!
//! What codes can mean stands in `meanings.rs`, how files are written in `written.rs`.

mod lexicon;
mod meanings;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::words::Words;
use crate::fhir::elements::{Coding, Concept};
use crate::her2::evidence::{Fixative, Sample, Site};
use written::{FileWritten, Rows};

pub use lexicon::Lexicon;
pub use meanings::{Answer, Finding, Morphology, ReportKind, Side, SiteMeaning, Step};
pub(super) use written::HeaderWritten;
pub use written::Units;

/// The mapping every installation starts from.
pub const BASE: &str = include_str!("../../mappings/base.toml");

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
    /// Two rows of one table bind the same code.
    #[error("mapping `{file}` binds `{code}` twice")]
    DoubleRow {
        /// Its name.
        file: String,
        /// `system|code`
        code: String,
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
    /// Several of one code only where they answer different questions.
    answers: BTreeMap<Key, Vec<AnswerRow>>,
    sites: BTreeMap<Key, SiteRow>,
    site_prefixes: BTreeMap<Key, SiteRow>,
    slides: BTreeSet<Key>,
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
    /// The spelling of each system that is searched by.
    preferred: BTreeSet<String>,
    /// Units a number may carry.
    pub units: Units,
    /// Words that stand in place of codes.
    pub words: Words,
    hash: String,
}

impl Mapping {
    /// Builds the lookups from files in order, each over the ones before it. `base` replaces `{base}` in systems.
    ///
    /// # Errors
    /// [`MappingError`] names the first file that cannot be used and why.
    pub fn load(files: &[(&str, &str)], base: &str) -> Result<Self, MappingError> {
        let mut mapping = Self::default();
        let mut hasher = Sha256::new();
        let mut systems: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, text) in files {
            hasher.update(text.as_bytes());
            let file: FileWritten =
                toml::from_str(text).map_err(|error| MappingError::Unreadable {
                    file: (*name).to_owned(),
                    message: error.to_string(),
                })?;
            for (short, uris) in &file.systems {
                let uris = uris.iter().map(|uri| uri.replace("{base}", base)).collect();
                systems.insert(short.clone(), uris);
            }
            mapping.take(file, Rows::new(name, &systems))?;
        }
        mapping.hash = hex(&hasher.finalize());
        Ok(mapping)
    }

    fn take(&mut self, file: FileWritten, mut rows: Rows<'_>) -> Result<(), MappingError> {
        for block in &file.finding {
            for row in &block.codes {
                let meaning = FindingRow {
                    finding: block.is,
                    site: rows.site_of(row)?,
                };
                for key in rows.keys("finding", row)? {
                    self.findings.insert(key, meaning.clone());
                }
                self.preferred.extend(rows.preferred_system(row));
            }
        }
        let mut answers: BTreeMap<Key, Vec<AnswerRow>> = BTreeMap::new();
        for block in &file.answer {
            for row in &block.codes {
                let meaning = AnswerRow {
                    answer: block.is,
                    site: rows.site_of(row)?,
                    under: row.under,
                };
                for key in rows.keys("answer", row)? {
                    answers.entry(key).or_default().push(meaning.clone());
                }
            }
        }
        // What a file says of a code stands in place of all that the files before it say of it.
        self.answers.extend(answers);
        for block in &file.site {
            let meaning = match block.is.as_str() {
                "in-situ" => SiteMeaning::InSitu,
                site => SiteMeaning::Primary(rows.site(site)?),
            };
            for row in &block.codes {
                let table = match row.prefix {
                    Some(_) => &mut self.site_prefixes,
                    None => &mut self.sites,
                };
                for key in rows.keys("site", row)? {
                    table.insert(
                        key,
                        SiteRow {
                            meaning,
                            side: row.side,
                        },
                    );
                }
            }
        }
        for block in &file.specimen {
            if block.is != "slide" {
                return Err(rows.bad(format!("specimen kind `{}` is unknown", block.is)));
            }
            for row in &block.codes {
                self.slides.extend(rows.keys("specimen", row)?);
            }
        }
        for block in &file.report {
            for row in &block.codes {
                for key in rows.keys("report", row)? {
                    self.reports.insert(key, block.is);
                }
                self.preferred.extend(rows.preferred_system(row));
            }
        }
        self.samples.take("sample", file.sample, &mut rows)?;
        self.fixatives.take("fixative", file.fixative, &mut rows)?;
        self.steps.take("processing", file.processing, &mut rows)?;
        (self.morphologies).take("histology", file.histology, &mut rows)?;
        if let Some(block) = (file.grade.iter()).find(|block| !(1..=3).contains(&block.is)) {
            return Err(rows.bad(format!("grade {} is none of 1 to 3", block.is)));
        }
        self.grades.take("grade", file.grade, &mut rows)?;
        self.units.extend(file.units);
        (self.words.extend(file.words))
            .map_err(|_| rows.bad("a placeholder in [words] stands for no number".to_owned()))
    }

    /// What a coding asks.
    pub fn finding(&self, coding: &Coding<'_>) -> Option<&FindingRow> {
        self.findings.get(&key_of(coding)?)
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

    /// What a concept says about the primary site, and which breast it names.
    pub fn site(&self, concept: &Concept<'_>) -> Option<(SiteMeaning, Option<Side>)> {
        concept.codings.iter().find_map(|coding| {
            let (system, code) = key_of(coding)?;
            let by_prefix = || {
                self.site_prefixes
                    .iter()
                    .find(|((row_system, prefix), _)| {
                        *row_system == system && code.starts_with(prefix)
                    })
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
                .filter(|(_, row)| row.finding.is_searched())
                .map(|(key, _)| key),
        )
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
    fn a_row_has_a_code_and_only_sites_may_have_a_prefix() {
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
