//! What the mapping knows of a code in its place, asked the way the reading asks it.

use super::{CodeKey, PlaceKind};
use crate::fhir::elements::{Coding, Concept};
use crate::her2::number::Measure;
use crate::mapping::table::{Answer, Finding, Mapping, SiteMeaning, word_of};
use crate::mapping::words::Said;

/// What is known of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// What it means.
    Mapped(String),
    /// As what it is never an input.
    Excluded(String),
}

impl Known {
    /// The same for a coding that stands beside.
    pub(super) fn beside(&self) -> Self {
        match self {
            Self::Mapped(meaning) => Self::Mapped(format!("beside {meaning}")),
            Self::Excluded(meaning) => Self::Excluded(format!("beside {meaning}")),
        }
    }
}

/// Whether the mapping knows a code in some place, whatever stands around it. Of a text without a code nobody can tell.
pub fn knows(mapping: &Mapping, key: &CodeKey) -> bool {
    if key.kind == PlaceKind::Unit {
        return of_unit(mapping, None, &key.code).is_some();
    }
    let coding = Coding {
        system: Some(key.system.as_str()).filter(|system| !system.is_empty()),
        code: Some(key.code.as_str()).filter(|code| !code.is_empty()),
        display: None,
    };
    let of = |finding| of_coding(mapping, key.kind, finding, &coding).is_some();
    of(None) || of(Some(Finding::HistologicGrade)) || of(Some(Finding::Fixative))
}

pub(super) fn of_coding(
    mapping: &Mapping,
    kind: PlaceKind,
    finding: Option<Finding>,
    coding: &Coding<'_>,
) -> Option<Known> {
    if kind == PlaceKind::Question {
        let finding = mapping.finding(coding)?.finding;
        let word = word_of(&finding);
        return Some(match finding.exclusion() {
            None => Known::Mapped(word),
            Some(_) => Known::Excluded(word),
        });
    }
    let concept = Concept {
        codings: vec![coding.clone()],
        text: None,
    };
    of_concept(mapping, kind, finding, &concept).map(Known::Mapped)
}

pub(super) fn of_text(
    mapping: &Mapping,
    kind: PlaceKind,
    finding: Option<Finding>,
    text: &str,
) -> Option<Known> {
    let meaning = match kind {
        PlaceKind::Question | PlaceKind::Report => None,
        PlaceKind::Answer if finding == Some(Finding::Narrative) => Some("narrative".to_owned()),
        PlaceKind::Answer | PlaceKind::Interpretation => {
            let words = &mapping.words;
            let said = words.read(text).or_else(|| words.read_before_remark(text));
            said.map(in_words).or_else(|| of_number(mapping, text))
        }
        _ => None,
    };
    let concept = Concept {
        codings: Vec::new(),
        text: Some(text),
    };
    meaning
        .or_else(|| of_concept(mapping, kind, finding, &concept))
        .map(Known::Mapped)
}

/// The unit of what a question measures, or of anything where the question is unknown.
pub(super) fn of_unit(mapping: &Mapping, finding: Option<Finding>, unit: &str) -> Option<Known> {
    let units = &mapping.units;
    let of = |name: &str| match name {
        "percent" => units.percent.contains(unit),
        "ratio" => units.ratio.contains(unit),
        "copies" => units.copies.contains(unit),
        "cells" => units.cells.contains(unit),
        "score" => units.score.contains(unit),
        "grade" => units.grade.contains(unit),
        _ => {
            units.minutes.contains(unit) || units.hours.contains(unit) || units.days.contains(unit)
        }
    };
    let candidates: &[&str] = match finding {
        Some(
            Finding::IhcPercentStained | Finding::IhcPercentIntense | Finding::IshPopulationPercent,
        ) => &["percent"],
        Some(Finding::IshRatio) => &["ratio"],
        Some(Finding::IshHer2Copies | Finding::IshCep17Copies) => &["copies"],
        Some(Finding::IshCells) => &["cells"],
        Some(Finding::IhcScore) => &["score"],
        Some(Finding::HistologicGrade) => &["grade"],
        Some(Finding::FixationHours | Finding::ColdIschemiaMinutes) => &["time"],
        _ => &[
            "percent", "ratio", "copies", "cells", "score", "grade", "time",
        ],
    };
    let name = candidates.iter().find(|name| of(name))?;
    Some(Known::Mapped(format!("unit of {name}")))
}

fn of_concept(
    mapping: &Mapping,
    kind: PlaceKind,
    finding: Option<Finding>,
    concept: &Concept<'_>,
) -> Option<String> {
    // A method is looked at for the kind of probe.
    let asked = (kind == PlaceKind::Method)
        .then_some(Finding::IshProbe)
        .or(finding);
    let answer = || {
        // A code that is bound to one question says nothing under another, nor where the question is unknown.
        let mut rows = (concept.codings.iter()).filter_map(|coding| match asked {
            Some(finding) => mapping.answer(finding, coding),
            None => (mapping.answers_to_any(coding).iter()).find(|row| row.under.is_none()),
        });
        rows.next().map(|row| row.answer)
    };
    let site = || {
        let (meaning, _) = mapping.site(concept)?;
        Some(match meaning {
            SiteMeaning::Primary(site) => format!("site {}", site.name()),
            SiteMeaning::InSitu => "site in-situ".to_owned(),
        })
    };
    let sample = || {
        let sample = mapping.samples.of(concept)?;
        Some(format!("sample {}", sample.name()))
    };
    let fixative = || {
        let fixative = mapping.fixatives.of(concept)?;
        Some(format!("fixative {}", fixative.name()))
    };
    let metastasis = || {
        let metastasis = mapping.metastases.of(concept)?;
        Some(format!("metastasis {}", word_of(&metastasis)))
    };
    let tissue = || mapping.is_tissue(concept).then(|| "tissue".to_owned());
    let other = || {
        let is_other = mapping.is_other_specimen(concept);
        is_other.then(|| "of no weight".to_owned())
    };
    match kind {
        PlaceKind::Question | PlaceKind::Unit => None,
        PlaceKind::Answer => match finding {
            Some(Finding::HistologicGrade) => mapping
                .grades
                .of(concept)
                .map(|grade| format!("grade {grade}")),
            Some(Finding::Fixative) => fixative(),
            _ => answer().map(|answer| word_of(&answer)),
        },
        PlaceKind::Interpretation => answer().map(|answer| word_of(&answer)),
        PlaceKind::AbsentReason => answer()
            .filter(|answer| *answer == Answer::NoResult)
            .map(|answer| word_of(&answer)),
        PlaceKind::Method => answer()
            .map(|answer| word_of(&answer))
            .or_else(|| method_in_words(mapping, concept)),
        PlaceKind::Report => mapping.report(concept).map(|kind| word_of(&kind)),
        PlaceKind::BodySite => site().or_else(metastasis).or_else(other),
        PlaceKind::Specimen => mapping
            .is_slide(concept)
            .then(|| "slide".to_owned())
            .or_else(sample)
            .or_else(fixative)
            .or_else(site)
            .or_else(metastasis)
            .or_else(tissue)
            .or_else(other),
        PlaceKind::Collection => sample().or_else(other),
        PlaceKind::Processing => (mapping.steps.of(concept))
            .map(|step| word_of(&step))
            .or_else(fixative)
            .or_else(other),
        PlaceKind::Additive => fixative().or_else(other),
        PlaceKind::Condition => site().or_else(metastasis).or_else(|| {
            let morphology = mapping.morphologies.of(concept)?;
            Some(format!("histology {}", word_of(&morphology)))
        }),
    }
}

/// A method is also understood by the test that its words speak of.
fn method_in_words(mapping: &Mapping, concept: &Concept<'_>) -> Option<String> {
    let words = &mapping.words;
    let probe = (concept.words()).find_map(|text| match words.read(text) {
        Some(Said::Answer(answer)) => answer.probe().map(|_| word_of(&answer)),
        _ => None,
    });
    let of_test = || {
        let text = concept.words().collect::<Vec<_>>().join(" ");
        match (words.speaks_of_ihc(&text), words.speaks_of_ish(&text)) {
            (true, false) => Some("a method of IHC, by its words".to_owned()),
            (false, true) => Some("a method of ISH, by its words".to_owned()),
            _ => None,
        }
    };
    probe.or_else(of_test)
}

fn in_words(said: Said) -> String {
    match said {
        Said::Answer(answer) => word_of(&answer),
        Said::Scores(_) => "a range of scores".to_owned(),
    }
}

/// A number, or a placeholder for one, written as a text.
fn of_number(mapping: &Mapping, text: &str) -> Option<String> {
    let words = &mapping.words;
    let is_placeholder = words.is_no_number(Some(text))
        || words.ratio_bound(Some(text)).is_some()
        || words.copies_bound(Some(text)).is_some();
    let digits = text.trim().trim_end_matches('%').trim_end();
    (is_placeholder || Measure::parse(digits).is_ok()).then(|| "a number".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::table::BASE;

    const SITE: &str = "[header]\nname=\"t\"\npurpose=\"t\"\nsource=\"t\"\nversion=\"1\"\nreviewed_by=\"t\"\nreviewed_on=\"2026-01-01\"\n\
        [systems]\nl=[\"urn:l\"]\n\
        [[answer]]\nis=\"score-2+\"\ncodes=[{system=\"l\",code=\"2\",under=\"ihc-score\",display=\"2+\"}]\n\
        [[answer]]\nis=\"positive\"\ncodes=[{system=\"l\",code=\"P\",display=\"positive\"}]\n";

    fn mapping() -> Mapping {
        Mapping::load(&[("base", BASE), ("site", SITE)], "b").unwrap()
    }

    fn answer(code: &str, finding: Option<Finding>) -> Option<Known> {
        let coding = Coding {
            system: Some("urn:l"),
            code: Some(code),
            display: None,
        };
        of_coding(&mapping(), PlaceKind::Answer, finding, &coding)
    }

    #[test]
    fn a_code_that_is_bound_to_a_question_is_unknown_under_any_other() {
        let two = Known::Mapped("score-2+".to_owned());
        assert_eq!(answer("2", Some(Finding::IhcScore)), Some(two));
        assert_eq!(answer("2", Some(Finding::IshResult)), None);
        assert_eq!(answer("2", None), None);
        assert!(answer("P", None).is_some());
        let known = |code: &str| {
            let key = CodeKey {
                kind: PlaceKind::Answer,
                system: "urn:l".to_owned(),
                code: code.to_owned(),
            };
            knows(&mapping(), &key)
        };
        assert!(known("P"));
        assert!(
            !known("2"),
            "it leaves the quarantine where it is seen under its question"
        );
    }

    #[test]
    fn a_unit_is_known_by_what_it_measures() {
        let mapping = mapping();
        let of = |finding, unit| of_unit(&mapping, finding, unit).is_some();
        assert!(of(Some(Finding::IshRatio), "{ratio}"));
        assert!(!of(Some(Finding::IshRatio), "%"));
        assert!(of(Some(Finding::FixationHours), "h"));
        assert!(of(None, "%"));
        assert!(!of(None, "mg/dL"));
    }

    #[test]
    fn a_number_in_words_is_understood_and_a_method_by_its_test() {
        let mapping = mapping();
        let text = |kind, text| of_text(&mapping, kind, None, text);
        for number in ["2.4", ">6.0", "15 %", "XX.9"] {
            assert!(text(PlaceKind::Answer, number).is_some(), "{number}");
        }
        assert_eq!(text(PlaceKind::Answer, "see comment"), None);
        assert_eq!(text(PlaceKind::Question, "HER2 IHC score"), None);
        assert!(text(PlaceKind::Method, "FISH").is_some());
        assert_eq!(text(PlaceKind::Method, "our method"), None);
    }
}
