//! What unmapped codes may mean: proposals for a person to judge, each with its reason.
//!
//! A proposal rests on the words of a display, on what a code stands among, or on the values under a question. It is
//! never in force by itself, and where nothing fits there is none. An exclusion is never proposed, for it would hide
//! results; nor an answer from a number, for a local code `2` is 2+ in one system and negative in another.

use std::collections::BTreeMap;

use super::coverage::{Circumstances, CodeKey, PlaceKind, Shape};
use super::table::{Answer, Finding, Mapping, ReportKind, word_of};
use super::words::{Words, tokens};
use crate::her2::evidence::{Sample, Site};

// Words of questions in the languages of the senders known so far; what they mean is judged by a person anyway.
const RATIO: [&str; 3] = ["ratio", "ratios", "quotient"];
const COPIES: [&str; 6] = [
    "copies",
    "copy",
    "kopien",
    "kopienzahl",
    "signals",
    "signale",
];
const CEP17: [&str; 4] = ["cep17", "cen17", "centromere", "centromer"];
const CELLS: [&str; 5] = ["cells", "nuclei", "zellen", "zellkerne", "kerne"];
const PERCENT: [&str; 4] = ["percent", "percentage", "prozent", "anteil"];
const INTENSE: [&str; 4] = ["intense", "strong", "stark", "starke"];
const PROBE: [&str; 3] = ["probe", "probes", "sonde"];
const PANEL: [&str; 4] = ["panel", "profile", "battery", "gruppe"];
const OVERALL: [&str; 5] = [
    "status",
    "overall",
    "interpretation",
    "conclusion",
    "gesamt",
];

/// An unmapped code, as the proposals look at it.
#[derive(Clone, Copy, Debug)]
pub struct Unknown<'u> {
    /// The code.
    pub key: &'u CodeKey,
    /// The display most often sent with it.
    pub display: Option<&'u str>,
    /// Among what it stands, as far as that is known.
    pub circumstances: &'u Circumstances,
}

/// What a code is proposed to mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The table of a mapping file, such as `finding`.
    pub table: &'static str,
    /// The meaning there, such as `ish-ratio`.
    pub is: String,
    /// Why, as one sentence without a full stop.
    pub reason: String,
}

/// What an unmapped code may mean.
///
/// # Errors
/// Why nothing is proposed, as one sentence without a full stop.
pub fn suggest(mapping: &Mapping, unknown: Unknown<'_>) -> Result<Proposal, String> {
    let key = unknown.key;
    if key.kind == PlaceKind::Unit {
        return Err(
            "whether numbers of this unit may be read as they are is for a person to say, in [units]"
                .to_owned(),
        );
    }
    if key.code.is_empty() {
        return Err(
            "it has no code: ask the sender for one, or add the text to [words] if it is an answer"
                .to_owned(),
        );
    }
    if key.system.is_empty() {
        return Err("it has no system, and without one a code means nothing".to_owned());
    }
    let words = &mapping.words;
    if let Some(display) = unknown.display
        && (words.names_other_marker(display) || words.speaks_of_other_assay(display))
    {
        return Err(
            "its display names another marker or assay; that it is never an input is for a person to say"
                .to_owned(),
        );
    }
    match key.kind {
        PlaceKind::Question => question(words, unknown),
        PlaceKind::Answer | PlaceKind::Interpretation => answer(words, unknown),
        PlaceKind::Report => report(words, unknown),
        PlaceKind::BodySite | PlaceKind::Condition => site(unknown),
        PlaceKind::Specimen | PlaceKind::Collection => specimen(unknown),
        PlaceKind::Method
        | PlaceKind::AbsentReason
        | PlaceKind::Processing
        | PlaceKind::Additive
        | PlaceKind::Unit => Err("nothing in its display says what it means".to_owned()),
    }
}

/// What the display of an unmapped question says that it asks; what stands beside it is told by that.
pub fn finding_of_display(words: &Words, display: &str) -> Option<Finding> {
    let is_other = words.names_other_marker(display) || words.speaks_of_other_assay(display);
    let alone = Circumstances::default();
    (!is_other)
        .then(|| finding_of_words(words, display, &alone))
        .flatten()
}

/// The answer that a display names: by more than a number, and no more than one.
pub fn answer_of_display(words: &Words, display: &str) -> Option<Answer> {
    let is_word = |character: char| character.is_alphabetic() || character == '+';
    if !display.contains(is_word) || words.names_other_marker(display) {
        return None;
    }
    let answers = words.answers_in(display);
    let scored = answers.iter().find(|answer| answer.score().is_some());
    let chosen = *scored.or(answers.first())?;
    (answers.iter())
        .all(|other| other.goes_with(chosen))
        .then_some(chosen)
}

fn question(words: &Words, unknown: Unknown<'_>) -> Result<Proposal, String> {
    let circumstances = unknown.circumstances;
    let by_display = unknown.display.map(|display| (display, "its display"));
    let named = by_display.unwrap_or((&unknown.key.code, "its code"));
    let by_words = finding_of_words(words, named.0, circumstances)
        .map(|finding| (finding, format!("{} says so", named.1)));
    let system = system_words(&unknown.key.system);
    let by_system = || {
        finding_of_words(words, &system, circumstances)
            .map(|finding| (finding, "the name of its system says so".to_owned()))
    };
    let Some((finding, mut reason)) =
        (by_words.or_else(by_system)).or_else(|| finding_of_values(circumstances))
    else {
        return Err("neither its words nor its values say what it asks".to_owned());
    };
    if !fits(finding, circumstances) {
        return Err(format!(
            "its words say {}, and its values are of another kind",
            word_of(&finding)
        ));
    }
    let others = (circumstances.findings.iter()).filter(|other| **other != finding);
    let beside: Vec<String> = others.map(word_of).collect();
    if !beside.is_empty() {
        reason = format!("{reason}, and it stands beside {}", beside.join(", "));
    }
    Ok(Proposal {
        table: "finding",
        is: word_of(&finding),
        reason,
    })
}

fn finding_of_words(words: &Words, text: &str, circumstances: &Circumstances) -> Option<Finding> {
    let tokens = tokens(text);
    let has = |list: &[&str]| tokens.iter().any(|token| list.contains(&token.as_str()));
    let (ihc, ish) = (words.speaks_of_ihc(text), words.speaks_of_ish(text));
    let among_ish = ish
        || (circumstances.findings.iter()).any(|finding| {
            matches!(
                finding,
                Finding::IshRatio | Finding::IshHer2Copies | Finding::IshResult | Finding::Panel
            )
        });
    if has(&RATIO) {
        Some(Finding::IshRatio)
    } else if has(&PERCENT) || text.contains('%') {
        match (has(&INTENSE), ihc) {
            (true, _) => Some(Finding::IhcPercentIntense),
            (false, true) => Some(Finding::IhcPercentStained),
            (false, false) => None,
        }
    } else if has(&COPIES) || has(&CEP17) {
        // A text that names both signals may be the ratio, or either count.
        match (words.names_her2(text), has(&CEP17)) {
            (true, false) => Some(Finding::IshHer2Copies),
            (false, true) => Some(Finding::IshCep17Copies),
            _ => None,
        }
    } else if has(&CELLS) {
        among_ish.then_some(Finding::IshCells)
    } else if has(&PROBE) {
        among_ish.then_some(Finding::IshProbe)
    } else if has(&PANEL) {
        words.names_her2(text).then_some(Finding::Panel)
    } else {
        match (ihc, ish, words.names_her2(text) && has(&OVERALL)) {
            (true, false, _) => Some(Finding::IhcScore),
            (false, true, _) => Some(Finding::IshResult),
            (false, false, true) => Some(Finding::OverallStatus),
            _ => None,
        }
    }
}

/// What its values tell of a question whose words tell nothing.
fn finding_of_values(circumstances: &Circumstances) -> Option<(Finding, String)> {
    let mut shapes = circumstances.shapes.iter();
    let mut answers = circumstances.answers.iter().peekable();
    match (shapes.next(), shapes.next()) {
        (Some(Shape::Ratio), None) => Some((Finding::IshRatio, "its values are ratios".to_owned())),
        (Some(Shape::Code | Shape::Text), None) if answers.peek().is_some() => answers
            .all(|answer| answer.score().is_some())
            .then(|| (Finding::IhcScore, "its answers are scores".to_owned())),
        _ => None,
    }
}

/// Whether the values under a question are of a kind that can answer it.
fn fits(finding: Finding, circumstances: &Circumstances) -> bool {
    let kinds: &[Shape] = match finding {
        Finding::IshRatio => &[Shape::Ratio, Shape::Number, Shape::Text],
        Finding::IshHer2Copies | Finding::IshCep17Copies => {
            &[Shape::Copies, Shape::Number, Shape::Text]
        }
        Finding::IhcPercentStained | Finding::IhcPercentIntense => {
            &[Shape::Percent, Shape::Number, Shape::Text]
        }
        Finding::IshCells => &[Shape::Number, Shape::Text],
        Finding::IhcScore => &[Shape::Code, Shape::Number, Shape::Text],
        _ => &[Shape::Code, Shape::Text],
    };
    circumstances
        .shapes
        .iter()
        .all(|shape| kinds.contains(shape))
}

fn answer(words: &Words, unknown: Unknown<'_>) -> Result<Proposal, String> {
    let Some(display) = unknown.display else {
        return Err(
            "no display comes with it, and a code alone tells nothing: ask the laboratory"
                .to_owned(),
        );
    };
    let is_number = !display.contains(char::is_alphabetic) && !display.contains('+');
    if is_number {
        return Err(
            "its display is no more than a number, which means something else in each system: ask the laboratory"
                .to_owned(),
        );
    }
    let Some(answer) = answer_of_display(words, display) else {
        return Err("its display is none of the words for one answer".to_owned());
    };
    let about = unknown.circumstances;
    let under_ish = about.ish && !about.ihc
        || (about.findings.iter()).any(|finding| {
            matches!(
                finding,
                Finding::IshResult | Finding::IshProbe | Finding::Panel
            )
        });
    if answer.score().is_some() && under_ish {
        return Err(format!(
            "its display says {}, and it answers a question about in situ hybridisation",
            word_of(&answer)
        ));
    }
    Ok(Proposal {
        table: "answer",
        is: word_of(&answer),
        reason: match about.findings.first() {
            Some(finding) => format!("its display says so, as an answer to {}", word_of(finding)),
            None => "its display says so".to_owned(),
        },
    })
}

fn report(words: &Words, unknown: Unknown<'_>) -> Result<Proposal, String> {
    let display = unknown.display.unwrap_or("");
    let is_pathology = (tokens(display).iter()).any(|token| {
        ["path", "hist", "cyto"]
            .iter()
            .any(|of| token.starts_with(of))
    });
    let kind = if words.names_her2(display) {
        ReportKind::Her2
    } else if is_pathology {
        ReportKind::Pathology
    } else {
        return Err("its display says neither HER2 nor pathology".to_owned());
    };
    Ok(Proposal {
        table: "report",
        is: word_of(&kind),
        reason: "its display says so, and HER2 results stand in it".to_owned(),
    })
}

fn site(unknown: Unknown<'_>) -> Result<Proposal, String> {
    let tokens = tokens(unknown.display.unwrap_or(""));
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
    let is = if has(&["situ"]) {
        "in-situ"
    } else if has(&["breast", "mammary", "mamma", "brust"]) {
        Site::Breast.name()
    } else if has(&["stomach", "gastric", "magen", "gastroesophageal"]) {
        Site::Gastroesophageal.name()
    } else {
        return Err("its display names no site that an edition covers".to_owned());
    };
    Ok(Proposal {
        table: "site",
        is: is.to_owned(),
        reason: "its display says so".to_owned(),
    })
}

fn specimen(unknown: Unknown<'_>) -> Result<Proposal, String> {
    let tokens = tokens(unknown.display.unwrap_or(""));
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
    let (table, is) = if has(&["slide", "section"]) {
        ("specimen", "slide")
    } else if has(&["cytology", "fna", "smear", "aspirate"]) {
        ("sample", Sample::Cytology.name())
    } else if has(&["biopsy", "core", "biopsie"]) {
        ("sample", Sample::Biopsy.name())
    } else if has(&[
        "excision",
        "resection",
        "mastectomy",
        "lumpectomy",
        "resektat",
    ]) {
        ("sample", Sample::Resection.name())
    } else {
        return Err(
            "its display says neither slide, biopsy, resection nor cytology; what bears on nothing is `other` in [[specimen]]"
                .to_owned(),
        );
    };
    Ok(Proposal {
        table,
        is: is.to_owned(),
        reason: "its display says so".to_owned(),
    })
}

/// A short name for each system: the one that the mapping knows, or a new one made of the system's address.
pub fn short_names<'s>(
    mapping: &Mapping,
    systems: impl Iterator<Item = &'s str>,
) -> BTreeMap<&'s str, ShortName> {
    let mut names: BTreeMap<&str, ShortName> = BTreeMap::new();
    for system in systems.filter(|system| !system.is_empty()) {
        if names.contains_key(system) {
            continue;
        }
        let short = match mapping.system_name(system) {
            Some(known) => ShortName::Known(known.to_owned()),
            None => {
                let wanted = name_of_address(system);
                let is_free = |name: &String| {
                    let taken = names.values().any(|other| other.name() == name);
                    !taken && !mapping.has_system_name(name)
                };
                let numbered = (2..).map(|number| format!("{wanted}-{number}"));
                let mut candidates = std::iter::once(wanted.clone()).chain(numbered);
                ShortName::New(candidates.find(is_free).unwrap_or_default())
            }
        };
        names.insert(system, short);
    }
    names
}

/// A short name of a code system in mapping files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShortName {
    /// The mapping has it.
    Known(String),
    /// It wants a line in `[systems]`.
    New(String),
}

impl ShortName {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(name) | Self::New(name) => name,
        }
    }
}

/// The last part of an address that is a name of its own: `lis` of `https://lis.example/codes`.
fn name_of_address(system: &str) -> String {
    const GENERIC: [&str; 12] = [
        "http",
        "https",
        "urn",
        "oid",
        "uuid",
        "www",
        "fhir",
        "code",
        "codes",
        "codesystem",
        "cs",
        "sid",
    ];
    let system = system.to_lowercase();
    let path = system
        .split_once("://")
        .map_or(system.as_str(), |(_, path)| path);
    let (host, path) = path.split_once('/').unwrap_or((path, ""));
    let of_host = host.split(['.', ':']).find(|part| !GENERIC.contains(part));
    let of_path = path
        .rsplit(['/', ':'])
        .find(|part| !part.is_empty() && !GENERIC.contains(part));
    let name: String = (of_path.or(of_host).unwrap_or("").chars())
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches('-');
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name.to_owned(),
        _ => "system".to_owned(),
    }
}

/// The words in the name of a code system: what stands behind its host.
fn system_words(system: &str) -> String {
    let path = system.split_once("://").map_or(system, |(_, path)| path);
    path.split_once('/')
        .map_or(path, |(_, path)| path)
        .replace(['/', ':'], " ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::table::BASE;

    fn proposed(
        kind: PlaceKind,
        code: &str,
        display: Option<&str>,
        circumstances: &Circumstances,
    ) -> Result<String, String> {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let key = CodeKey {
            kind,
            system: "urn:lis".to_owned(),
            code: code.to_owned(),
        };
        let unknown = Unknown {
            key: &key,
            display,
            circumstances,
        };
        suggest(&mapping, unknown).map(|proposal| format!("{} {}", proposal.table, proposal.is))
    }

    fn question_of(display: &str, shapes: &[Shape]) -> Option<String> {
        let circumstances = Circumstances {
            shapes: shapes.iter().copied().collect(),
            ..Circumstances::default()
        };
        proposed(PlaceKind::Question, "Q", Some(display), &circumstances).ok()
    }

    #[test]
    fn a_question_is_proposed_by_the_words_of_its_display() {
        for (display, is) in [
            ("HER2 FISH Ratio", "ish-ratio"),
            ("HER2/CEP17-Quotient", "ish-ratio"),
            ("HER2 IHC Score", "ihc-score"),
            ("HER2 in situ hybridisation", "ish-result"),
            ("HER2 copies per nucleus", "ish-her2-copies"),
            ("CEP17 copies per nucleus", "ish-cep17-copies"),
            ("HER2 status", "overall-status"),
            ("HER2 immunostain, percent of cells", "ihc-percent-stained"),
            ("HER2 immunostain, % intense", "ihc-percent-intense"),
            ("HER2 panel", "panel"),
        ] {
            let expected = format!("finding {is}");
            assert_eq!(question_of(display, &[]), Some(expected), "{display}");
        }
        for display in [
            "Onkogen 3",
            "HER2",
            "Ki-67 IHC",
            "HER2 in serum",
            "HER2 and CEP17 signals",
        ] {
            assert_eq!(question_of(display, &[]), None, "{display}");
        }
    }

    #[test]
    fn values_tell_where_words_do_not_and_speak_against_words_that_they_cannot_answer() {
        assert_eq!(
            question_of("Onkogen 3", &[Shape::Ratio]).as_deref(),
            Some("finding ish-ratio")
        );
        assert_eq!(question_of("Onkogen 3", &[Shape::Number]), None);
        assert_eq!(question_of("Onkogen 3", &[Shape::Ratio, Shape::Code]), None);
        assert_eq!(question_of("HER2 FISH Ratio", &[Shape::Code]), None);
        assert_eq!(question_of("HER2 IHC Score", &[Shape::Percent]), None);
        let scored = Circumstances {
            shapes: [Shape::Code].into(),
            answers: [Answer::Score1, Answer::Score2].into(),
            ..Circumstances::default()
        };
        let by_answers = proposed(PlaceKind::Question, "Q", Some("Onkogen 3"), &scored);
        assert_eq!(by_answers.as_deref(), Ok("finding ihc-score"));
    }

    #[test]
    fn a_number_is_never_taken_for_an_answer() {
        let ihc = Circumstances {
            findings: [Finding::IhcScore].into(),
            ihc: true,
            ..Circumstances::default()
        };
        let answer = |code: &str, display: Option<&str>| {
            proposed(PlaceKind::Answer, code, display, &ihc).ok()
        };
        for (code, display) in [
            ("2", None),
            ("2", Some("2")),
            ("2", Some("2.0")),
            ("2+", None),
            ("3", Some(" 3 ")),
            ("0", Some("0")),
            ("P", Some("Estrogen receptor positive")),
            ("X", Some("1+ or 3+")),
            ("X", Some("see comment")),
        ] {
            assert_eq!(answer(code, display), None, "{code} {display:?}");
        }
        for (display, is) in [
            ("2+", "answer score-2+"),
            ("Score 3+", "answer score-3+"),
            ("equivocal (2+)", "answer score-2+"),
            ("negative", "answer negative"),
            ("not performed", "answer no-result"),
        ] {
            assert_eq!(answer("2", Some(display)).as_deref(), Some(is));
        }
    }

    #[test]
    fn a_score_is_not_proposed_for_an_answer_about_hybridisation() {
        let ish = Circumstances {
            findings: [Finding::IshResult].into(),
            ..Circumstances::default()
        };
        let answer = |display| proposed(PlaceKind::Answer, "2", Some(display), &ish);
        assert!(answer("2+").is_err());
        assert_eq!(answer("not amplified").as_deref(), Ok("answer negative"));
    }

    #[test]
    fn an_exclusion_is_never_proposed() {
        for display in [
            "HER2 in serum",
            "Estrogen receptor",
            "HER2 mRNA",
            "HER2 by NGS sequencing",
        ] {
            let result = proposed(
                PlaceKind::Question,
                "Q",
                Some(display),
                &Circumstances::default(),
            );
            assert!(result.is_err(), "{display}: {result:?}");
        }
    }

    #[test]
    fn a_system_keeps_the_name_it_has_or_is_named_by_its_address() {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let systems = [
            "http://loinc.org",
            "https://lis.example/codes",
            "https://lis.example/fhir/CodeSystem",
            "https://lis.example/CodeSystem/her2-score",
            "urn:oid:1.2.3",
        ];
        let names = short_names(&mapping, systems.into_iter());
        let names: Vec<&str> = systems.iter().map(|system| names[system].name()).collect();
        assert_eq!(names, ["loinc", "lis", "lis-2", "her2-score", "system"]);
    }

    #[test]
    fn without_a_system_or_a_code_there_is_nothing_to_propose() {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        for (system, code) in [("", "2"), ("urn:l", ""), ("", "")] {
            let key = CodeKey {
                kind: PlaceKind::Question,
                system: system.to_owned(),
                code: code.to_owned(),
            };
            let unknown = Unknown {
                key: &key,
                display: Some("HER2 IHC score"),
                circumstances: &Circumstances::default(),
            };
            assert!(suggest(&mapping, unknown).is_err());
        }
    }
}
