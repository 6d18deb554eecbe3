//! Which codes occur, and which of them the mapping knows. A closed ledger: every coding, and every text in the place of
//! one, is mapped, excluded, unmapped, or not our concern.
//!
//! Nothing here shows the text of a value. A display is shown as a code's name, where it can hold no identifier.

mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::normalise::Concern;
use super::table::{Answer, Finding, Mapping};
use crate::fhir::elements::{Coding, Concept};
use crate::her2::evidence::Source;

pub use known::knows;
use known::{Known, of_coding, of_text};

/// Displays that are longer than this are not shown.
const LONGEST_DISPLAY: usize = 80;
/// Displays with as many digits in a row are not shown: they may be an identifier.
const MOST_DIGITS: usize = 4;
/// How much of a system or a code is kept.
const LONGEST_CODE: usize = 200;

/// In what place a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceKind {
    /// `Observation.code`, `component.code`
    Question,
    /// `valueCodeableConcept`, `valueString`
    Answer,
    /// `interpretation`
    Interpretation,
    /// `dataAbsentReason`
    AbsentReason,
    /// The unit of a quantity.
    Unit,
    /// `Observation.method`
    Method,
    /// `DiagnosticReport.code`
    Report,
    /// `bodySite` of an Observation, a Specimen's collection or a Condition.
    BodySite,
    /// `Specimen.type`, `Specimen.container.type`
    Specimen,
    /// Method and procedure of `Specimen.collection`.
    Collection,
    /// A step of `Specimen.processing`.
    Processing,
    /// What a specimen lay in.
    Additive,
    /// `Condition.code`, and the tumour's morphology.
    Condition,
}

impl PlaceKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Question,
        Self::Answer,
        Self::Interpretation,
        Self::AbsentReason,
        Self::Unit,
        Self::Method,
        Self::Report,
        Self::BodySite,
        Self::Specimen,
        Self::Collection,
        Self::Processing,
        Self::Additive,
        Self::Condition,
    ];

    /// The word for it in tables and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Interpretation => "interpretation",
            Self::AbsentReason => "absent-reason",
            Self::Unit => "unit",
            Self::Method => "method",
            Self::Report => "report",
            Self::BodySite => "body-site",
            Self::Specimen => "specimen",
            Self::Collection => "collection",
            Self::Processing => "processing",
            Self::Additive => "additive",
            Self::Condition => "condition",
        }
    }

    /// The kind of a word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A code in its place. Both texts are empty for a text that stands without a code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeKey {
    /// The place.
    pub kind: PlaceKind,
    /// The system; empty where none is stated.
    pub system: String,
    /// The code; empty where none is stated.
    pub code: String,
}

impl fmt::Display for CodeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.system.as_str(), self.code.as_str()) {
            ("", "") => formatter.write_str("(text only)"),
            ("", code) if self.kind == PlaceKind::Unit => formatter.write_str(code),
            ("", code) => write!(formatter, "(no system)|{code}"),
            (system, "") => write!(formatter, "{system}|(no code)"),
            (system, code) => write!(formatter, "{system}|{code}"),
        }
    }
}

/// What the mapping makes of a code: exactly one of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Of a HER2 result, and nobody has said what it means.
    Unmapped,
    /// Its meaning is known.
    Mapped,
    /// Never an input.
    Excluded,
    /// Unknown, in a resource that has nothing to do with HER2.
    NotOurConcern,
}

impl Class {
    /// All of them, in the order of the closed sum.
    pub const ALL: [Self; 4] = [
        Self::Mapped,
        Self::Excluded,
        Self::Unmapped,
        Self::NotOurConcern,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Excluded => "excluded",
            Self::Unmapped => "unmapped",
            Self::NotOurConcern => "not our concern",
        }
    }
}

/// What kinds of values stand under a question. The values themselves are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A ratio, or a number of 0.5 to 15 with the unit of one.
    Ratio,
    /// A number with a unit of copies per cell that is no unit of a ratio.
    Copies,
    /// A percentage.
    Percent,
    /// Another number.
    Number,
    /// A code.
    Code,
    /// A text.
    Text,
    /// A boolean.
    Flag,
}

/// Among what a code stands: that tells a person, and `mappings suggest`, what it may mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// For a question, what its Observation, panel and report ask; for the others, under what they stand. Of what is
    /// unmapped itself, what its display says.
    pub findings: BTreeSet<Finding>,
    /// Answers that are given to a question, as far as they are known.
    pub answers: BTreeSet<Answer>,
    /// Kinds of values under a question.
    pub shapes: BTreeSet<Shape>,
    /// The words of the question speak of immunohistochemistry.
    pub ihc: bool,
    /// The words of the question speak of in situ hybridisation.
    pub ish: bool,
}

impl Circumstances {
    fn extend(&mut self, other: &Self) {
        self.findings.extend(&other.findings);
        self.answers.extend(&other.answers);
        self.shapes.extend(&other.shapes);
        self.ihc |= other.ihc;
        self.ish |= other.ish;
    }
}

/// What is known of one code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// How often it stands there.
    pub count: u64,
    /// What it means, in the words of mapping files.
    pub meanings: BTreeSet<String>,
    /// A resource that holds it, `Type/id`.
    pub example: String,
    /// Every resource that holds it; only of an unmapped code.
    pub sources: BTreeSet<Source>,
    /// Among what it stands; only of an unmapped code.
    pub circumstances: Circumstances,
    displays: BTreeMap<String, u64>,
}

impl Row {
    /// The display most often sent with it.
    pub fn display(&self) -> Option<&str> {
        let most = self.displays.values().max()?;
        (self.displays.iter())
            .find(|(_, count)| *count == most)
            .map(|(display, _)| display.as_str())
    }
}

/// All codes of some resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// One row for each code and class.
    pub rows: BTreeMap<(Class, CodeKey), Row>,
    /// Codings, and texts in the place of one, that were seen.
    pub seen: u64,
}

/// An unmapped code that earlier passes have put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The code.
    pub key: CodeKey,
    /// The display sent with it, where that may be shown.
    pub display: Option<String>,
    /// How many resources hold it.
    pub count: u64,
    /// When it was first met, RFC 3339 in UTC.
    pub first_seen: String,
    /// When a new resource, or a new version of one, was last met with it.
    pub last_seen: String,
    /// One of the resources, `Type/id`.
    pub example: String,
}

/// Where a concept stands.
#[derive(Clone, Copy, Debug)]
pub struct Met<'m> {
    /// The place.
    pub kind: PlaceKind,
    /// Of what concern it is there.
    pub concern: Concern,
    /// The resource.
    pub source: &'m Source,
    /// What it answers, or is a unit of.
    pub finding: Option<Finding>,
    /// Among what it stands.
    pub circumstances: &'m Circumstances,
}

impl Coverage {
    /// Enters every coding of a concept, or its text where it has none. A coding beside one that is known is understood
    /// by that one.
    pub fn enter(&mut self, mapping: &Mapping, met: Met<'_>, concept: &Concept<'_>) {
        if concept.codings.is_empty() {
            if let Some(text) = concept.text.filter(|text| !text.trim().is_empty()) {
                self.enter_text(mapping, met, text);
            }
            return;
        }
        let known: Vec<Option<Known>> = (concept.codings.iter())
            .map(|coding| of_coding(mapping, met.kind, met.finding, coding))
            .collect();
        let beside = known.iter().flatten().next();
        for (coding, own) in concept.codings.iter().zip(&known) {
            let known = own.clone().or_else(|| beside.map(Known::beside));
            let display = coding.display.filter(|display| is_shown(display));
            self.count(met, key_of(met.kind, coding), known, display);
        }
    }

    /// Enters a text that stands in the place of a code. It is shown only where it is a word of the vocabulary. One that
    /// is not understood is ours where its question waits for it; what is only said of the tissue is left alone.
    pub fn enter_text(&mut self, mapping: &Mapping, met: Met<'_>, text: &str) {
        let known = of_text(mapping, met.kind, met.finding, text);
        let concern = match met.kind {
            PlaceKind::Question
            | PlaceKind::Answer
            | PlaceKind::Interpretation
            | PlaceKind::AbsentReason => met.concern,
            _ => Concern::None,
        };
        let met = Met { concern, ..met };
        let is_word = is_shown(text) && mapping.words.is_vocabulary(text);
        let key = CodeKey {
            kind: met.kind,
            system: String::new(),
            code: String::new(),
        };
        self.count(met, key, known, is_word.then_some(text));
    }

    /// Enters the unit of a number.
    pub fn enter_unit(&mut self, mapping: &Mapping, met: Met<'_>, unit: &str) {
        let known = known::of_unit(mapping, met.finding, unit);
        let key = CodeKey {
            kind: PlaceKind::Unit,
            system: String::new(),
            code: (if is_shown(unit) { unit } else { "" }).to_owned(),
        };
        self.count(met, key, known, None);
    }

    fn count(&mut self, met: Met<'_>, key: CodeKey, known: Option<Known>, display: Option<&str>) {
        let (class, meaning) = match (known, met.concern) {
            (Some(Known::Mapped(meaning)), _) => (Class::Mapped, Some(meaning)),
            (Some(Known::Excluded(meaning)), _) => (Class::Excluded, Some(meaning)),
            (None, Concern::Her2) => (Class::Unmapped, None),
            (None, Concern::Excluded) => (Class::Excluded, Some("of what is no input".to_owned())),
            (None, Concern::None) => (Class::NotOurConcern, None),
        };
        self.seen += 1;
        let row = self.rows.entry((class, key)).or_default();
        row.count += 1;
        row.meanings.extend(meaning);
        if row.example.is_empty() || met.source.reference < row.example {
            row.example.clone_from(&met.source.reference);
        }
        if let Some(display) = display {
            *row.displays.entry(display.to_owned()).or_default() += 1;
        }
        if class == Class::Unmapped {
            row.sources.insert(met.source.clone());
            row.circumstances.extend(met.circumstances);
        }
    }

    /// Adds what other resources hold.
    pub fn add(&mut self, other: Self) {
        self.seen += other.seen;
        for (key, other) in other.rows {
            let row = self.rows.entry(key).or_default();
            row.count += other.count;
            row.meanings.extend(other.meanings);
            if row.example.is_empty() || other.example < row.example {
                row.example = other.example;
            }
            row.sources.extend(other.sources);
            row.circumstances.extend(&other.circumstances);
            for (display, count) in other.displays {
                *row.displays.entry(display).or_default() += count;
            }
        }
    }

    /// How many codings of a class were seen.
    pub fn of_class(&self, class: Class) -> u64 {
        (self.rows.iter())
            .filter(|((of, _), _)| *of == class)
            .map(|(_, row)| row.count)
            .sum()
    }

    /// The codes that nobody has mapped yet, and how often.
    pub fn unmapped(&self) -> impl Iterator<Item = (&CodeKey, &Row)> {
        (self.rows.iter())
            .filter(|((class, _), _)| *class == Class::Unmapped)
            .map(|((_, key), row)| (key, row))
    }
}

/// The closed sum: `seen = mapped + excluded + unmapped + not our concern`.
impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Class::ALL.map(|class| format!("{} {}", self.of_class(class), class.name()));
        write!(formatter, "{} seen = {}", self.seen, parts.join(" + "))
    }
}

fn key_of(kind: PlaceKind, coding: &Coding<'_>) -> CodeKey {
    let cut = |text: Option<&str>| text.unwrap_or("").chars().take(LONGEST_CODE).collect();
    CodeKey {
        kind,
        system: cut(coding.system),
        code: cut(coding.code),
    }
}

/// Whether a display or a unit may be shown: short, on one line, and without what may be an identifier.
fn is_shown(text: &str) -> bool {
    let mut digits = 0;
    text.chars().count() <= LONGEST_DISPLAY
        && text.chars().all(|character| {
            digits = if character.is_numeric() {
                digits + 1
            } else {
                0
            };
            digits <= MOST_DIGITS && !character.is_control()
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::table::BASE;

    fn entered(concern: Concern, concept: &Concept<'_>) -> Coverage {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let source = Source {
            reference: "Observation/o".to_owned(),
            version: None,
        };
        let met = Met {
            kind: PlaceKind::Answer,
            concern,
            source: &source,
            finding: Some(Finding::IhcScore),
            circumstances: &Circumstances::default(),
        };
        let mut coverage = Coverage::default();
        coverage.enter(&mapping, met, concept);
        coverage
    }

    fn concept<'a>(codings: &[(&'a str, &'a str, &'a str)], text: Option<&'a str>) -> Concept<'a> {
        Concept {
            codings: (codings.iter())
                .map(|(system, code, display)| Coding {
                    system: Some(system).copied().filter(|system| !system.is_empty()),
                    code: Some(code),
                    display: Some(display),
                })
                .collect(),
            text,
        }
    }

    #[test]
    fn every_coding_ends_in_one_class_and_the_sum_is_closed() {
        let known = ("http://loinc.org", "LA11842-4", "2+");
        let local = ("urn:lis", "7", "seven");
        for (concern, codings, expected) in [
            (
                Concern::Her2,
                vec![known],
                "1 seen = 1 mapped + 0 excluded + 0 unmapped + 0 not our concern",
            ),
            (
                Concern::Her2,
                vec![local, known],
                "2 seen = 2 mapped + 0 excluded + 0 unmapped + 0 not our concern",
            ),
            (
                Concern::Her2,
                vec![local, ("", "7", "seven")],
                "2 seen = 0 mapped + 0 excluded + 2 unmapped + 0 not our concern",
            ),
            (
                Concern::Excluded,
                vec![local],
                "1 seen = 0 mapped + 1 excluded + 0 unmapped + 0 not our concern",
            ),
            (
                Concern::None,
                vec![local],
                "1 seen = 0 mapped + 0 excluded + 0 unmapped + 1 not our concern",
            ),
        ] {
            let coverage = entered(concern, &concept(&codings, None));
            assert_eq!(coverage.to_string(), expected);
        }
    }

    #[test]
    fn a_display_that_may_hold_an_identifier_is_not_shown() {
        let long = "x".repeat(81);
        for (display, shown) in [
            ("score two", true),
            ("Acc 2024", true),
            ("Acc 20241", false),
            (long.as_str(), false),
            ("a\nb", false),
        ] {
            let coverage = entered(Concern::Her2, &concept(&[("urn:l", "1", display)], None));
            let (_, row) = coverage.unmapped().next().unwrap();
            assert_eq!(row.display().is_some(), shown, "{display}");
        }
    }

    #[test]
    fn a_text_is_counted_and_shown_only_where_it_is_a_word_of_the_vocabulary() {
        let text = |text| entered(Concern::Her2, &concept(&[], Some(text)));
        let told = text("as told by Mrs Example");
        let (key, row) = told.unmapped().next().unwrap();
        assert_eq!(
            (key.to_string().as_str(), row.display()),
            ("(text only)", None)
        );
        assert!(!format!("{told:?}").contains("Example"));
        assert_eq!(text("2+").of_class(Class::Mapped), 1);
        assert_eq!(
            text("HER2 FISH").unmapped().next().unwrap().1.display(),
            Some("HER2 FISH")
        );
    }

    #[test]
    fn the_display_most_often_sent_stands_for_a_code() {
        let mut coverage = Coverage::default();
        for display in ["b", "a", "a", "b", "b"] {
            coverage.add(entered(
                Concern::Her2,
                &concept(&[("urn:l", "1", display)], None),
            ));
        }
        let (_, row) = coverage.unmapped().next().unwrap();
        assert_eq!((row.display(), row.count), (Some("b"), 5));
        assert_eq!(row.sources.len(), 1, "it is one resource, seen five times");
    }
}
