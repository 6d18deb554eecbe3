//! The shipped mapping files: every code of the reference is bound to what it says, and what must not be read is not.

use std::fs;
use std::path::Path;

use her2_adapter::fhir::elements::{Coding, Concept};
use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::evidence::{
    Evidence, IhcFinding, IshWord, Probe, Score, Site, SiteFinding, StatedResult,
};
use her2_adapter::mapping::table::{Answer, BASE, Finding, Mapping, Units};
use her2_adapter::pipeline::{CaseResult, Derived, Rules, derive};
use serde_json::{Value, json};

use crate::golden_cases::{IDENTIFIER_BASE, rules};
use crate::reading::{LOINC, assert_asks_a_person, coded, ihc, number, observation, only, without};

const SCT: &str = "http://snomed.info/sct";
const OVERALL: &str = "48676-1";
const STAIN: &str = "85319-2";
const FISH: &str = "85318-4";
const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// The shipped profiles by name.
fn profiles() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/profiles");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The base and all shipped profiles over it.
fn mapping() -> Mapping {
    let profiles = profiles();
    let mut files = vec![("base", BASE)];
    files.extend(
        profiles
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    );
    Mapping::load(&files, IDENTIFIER_BASE).unwrap()
}

fn derived(resources: &[Value]) -> Derived {
    let texts: Vec<String> = resources.iter().map(Value::to_string).collect();
    let mut pool = Pool::new(None);
    for text in &texts {
        pool.add(Json::parse(text).unwrap(), None, "a scene")
            .unwrap();
    }
    let rules = Rules {
        mapping: mapping(),
        ..rules()
    };
    derive(&pool, &rules)
}

/// What one Observation comes to, which makes one case.
fn case_of(observation: Value) -> CaseResult {
    only(&derived(&[observation])).clone()
}

fn evidence_of(observation: Value) -> Evidence {
    case_of(observation).evidence
}

/// An Observation with a coded question and a coded answer.
fn answered(question: Value, system: &str, code: &str) -> Value {
    observation(
        "x",
        question,
        json!({"valueCodeableConcept": coded(system, code)}),
    )
}

fn naaccr(item: &str, code: &str) -> Value {
    let system = |name: &str| format!("{IDENTIFIER_BASE}/CodeSystem/naaccr-{name}");
    answered(coded(&system("item"), item), &system(item), code)
}

fn reported(evidence: &Evidence) -> Vec<StatedResult> {
    evidence.reported.iter().map(|said| said.value).collect()
}

fn scores(evidence: &Evidence) -> Vec<Score> {
    (evidence.ihc.iter())
        .flat_map(|result| match result.finding {
            IhcFinding::Score(scores) => scores.iter().collect(),
            IhcFinding::Stated(_) => Vec::new(),
        })
        .collect()
}

fn stain_words(evidence: &Evidence) -> Vec<StatedResult> {
    (evidence.ihc.iter())
        .filter_map(|result| match result.finding {
            IhcFinding::Stated(word) => Some(word),
            IhcFinding::Score(_) => None,
        })
        .collect()
}

/// That nothing was read of it and a person is asked.
fn assert_only_asks(observation: Value) {
    let case = case_of(observation);
    let evidence = &case.evidence;
    assert!(evidence.ihc.is_empty() && evidence.ish.is_empty() && evidence.reported.is_empty());
    assert!(!evidence.unreadable.is_empty());
    assert!(!case.decision.status.is_decided() && !case.decision.review.is_empty());
}

// The reference, code by code.

/// What a code of the reference is to be bound to.
#[derive(Clone, Copy, Debug)]
enum Bound {
    Asks(Finding),
    Answers(Finding, Answer),
    LeftOut,
    Report,
    Site,
    Unit,
    Nothing,
    /// No part of what a mapping says: a category, or a kind of tissue without a meaning of its own.
    Elsewhere,
}

/// One row of the reference.
struct Row<'t> {
    system: String,
    code: &'t str,
    display: &'t str,
    kind: &'t str,
    role: &'t str,
}

fn word(display: &str) -> Answer {
    let display = display.to_lowercase();
    let has = |word: &str| display.contains(word);
    match () {
        () if has("not tested") || has("not done") || has("unknown") => Answer::NoResult,
        () if has("negative") || has("absent") || has(" low") => Answer::Negative,
        () if has("positive") || has("present") => Answer::Positive,
        () if has("equivocal") => Answer::Equivocal,
        () if has("indeterminate") => Answer::Indeterminate,
        () => panic!("no word in `{display}`"),
    }
}

fn score(code: &str) -> Answer {
    match code.trim_end_matches('+') {
        "0" => Answer::Score0,
        "1" => Answer::Score1,
        "2" => Answer::Score2,
        "3" => Answer::Score3,
        _ => Answer::Indeterminate,
    }
}

impl Row<'_> {
    /// What the reference says, in the terms of a mapping.
    fn expected(&self) -> Bound {
        use Bound::{Answers, Asks, Elsewhere, LeftOut, Nothing, Report, Unit};
        let is = |kind: &str| self.kind.starts_with(kind);
        let is_not_used = ["exclude", "do not use", "review", "reference"]
            .iter()
            .any(|role| self.role.starts_with(role));
        let is_loinc_question = self.system == LOINC && !self.code.starts_with('L');
        match () {
            () if is_not_used && self.role.starts_with("exclude") && is_loinc_question => LeftOut,
            () if is_not_used => Nothing,
            () if is("overall-status question") => Asks(Finding::OverallStatus),
            () if is("overall-status") => match self.code {
                OVERALL | "3855" => Asks(Finding::OverallStatus),
                code => Answers(
                    Finding::OverallStatus,
                    match code {
                        "P" | "positiv" | "positive" | "1" => Answer::Positive,
                        "U" => Answer::NoResult,
                        "equivocal" => Answer::Equivocal,
                        "negativ" => Answer::NegativeNotLow,
                        _ => Answer::Negative,
                    },
                ),
            },
            () if is("ihc-score answer") => Answers(Finding::IhcScore, score(self.display)),
            () if is("ihc-score (Lithuania)") => Answers(Finding::IhcScore, score(self.code)),
            () if is("ihc-score value") => Answers(
                Finding::IhcScore,
                match self.code {
                    "3" => Answer::Positive,
                    "4" => Answer::Negative,
                    "7" | "8" | "9" => Answer::NoResult,
                    code => score(code),
                },
            ),
            () if is("ihc-score") || is("legacy") => Asks(Finding::IhcScore),
            () if is("ihc-percent") => Asks(Finding::IhcPercentIntense),
            () if is("ish-result (Lithuania") => match self.code {
                "amplified" | "amplified-clusters" => Answers(Finding::IshResult, Answer::Positive),
                "negative" => Answers(Finding::IshResult, Answer::Negative),
                _ => Nothing,
            },
            () if is("ish-result") => Asks(Finding::IshResult),
            () if is("ish-ratio") => Asks(Finding::IshRatio),
            () if is("ish-her2-copy-number") => Asks(Finding::IshHer2Copies),
            () if is("ish-cep17-copy-number") => Asks(Finding::IshCep17Copies),
            () if is("ish-cells-counted") => Asks(Finding::IshCells),
            () if is("ish-panel") => Asks(Finding::Panel),
            () if is("panel member") => Asks(Finding::Context),
            () if is("ish-method") => Answers(Finding::IshProbe, Answer::IshMethod),
            () if is("ish-probe") => Answers(
                Finding::IshProbe,
                match self.display {
                    "Single probe" => Answer::SingleProbe,
                    _ => Answer::DualProbe,
                },
            ),
            () if is("component gene") => Asks(Finding::GeneStudied),
            () if is("gene") && self.code.starts_with("HGNC") => {
                Answers(Finding::GeneStudied, Answer::Erbb2)
            }
            () if is("generic IHC") => Asks(Finding::GenericIhc),
            () if is("generic ISH") => Asks(Finding::GenericIsh),
            () if is("DiagnosticReport.code") => Report,
            () if is("Observation.code (free text)") => Asks(Finding::Narrative),
            () if is("eCP parent") || is("eCP child") => Asks(Finding::IhcScore),
            () if is("eCP answer: IHC 0") => Answers(Finding::IhcScore, Answer::Score0),
            () if is("eCP answer") => Answers(Finding::IhcScore, Answer::Indeterminate),
            () if is("eCP group") => Asks(Finding::PreviousSpecimen),
            () if is("eCP section") => Nothing,
            () if is("Observation.interpretation") => match self.code {
                "DET" | "ND" => Nothing,
                "H" | "L" | "N" => Answers(Finding::IshRatio, Answer::NoStatement),
                _ => Answers(Finding::IshRatio, word(self.display)),
            },
            () if is("dataAbsentReason") => match self.code {
                "masked" | "error" | "unsupported" => Nothing,
                _ => Answers(Finding::IhcScore, Answer::NoResult),
            },
            () if is("status")
                || is("presence answer")
                || is("indeterminate answer")
                || is("DISORDER")
                || is("her2-low") =>
            {
                Answers(Finding::OverallStatus, word(self.display))
            }
            () if is("body-site") || is("diagnosis") || is("morphology in situ") => Bound::Site,
            () if is("unit") => Unit,
            () if is("Observation.category")
                || is("DiagnosticReport.category")
                || is("morphology invasive")
                || is("specimen-type") =>
            {
                Elsewhere
            }
            () => panic!("kind `{}` of {} is unknown", self.kind, self.code),
        }
    }

    fn is_so(&self, mapping: &Mapping) -> bool {
        const QUESTIONS: [Finding; 6] = [
            Finding::OverallStatus,
            Finding::IhcScore,
            Finding::IshResult,
            Finding::IshRatio,
            Finding::IshProbe,
            Finding::GeneStudied,
        ];
        let coding = Coding {
            system: Some(&self.system),
            code: Some(self.code),
            display: None,
        };
        let asked = mapping.finding(&coding).map(|row| row.finding);
        let answer = |finding| mapping.answer(finding, &coding).map(|row| row.answer);
        let concept = Concept {
            codings: vec![coding.clone()],
            text: None,
        };
        match self.expected() {
            Bound::Asks(finding) => asked == Some(finding),
            Bound::Answers(finding, expected) => answer(finding) == Some(expected),
            Bound::LeftOut => asked.is_some_and(|finding| finding.exclusion().is_some()),
            Bound::Report => mapping.report(&concept).is_some(),
            Bound::Site => mapping.site(&concept).is_some(),
            Bound::Unit => is_unit(&mapping.units, self.code),
            Bound::Nothing => {
                asked.is_none()
                    && QUESTIONS
                        .into_iter()
                        .all(|question| answer(question).is_none())
            }
            Bound::Elsewhere => true,
        }
    }
}

fn is_unit(units: &Units, unit: &str) -> bool {
    [
        &units.percent,
        &units.ratio,
        &units.copies,
        &units.cells,
        &units.score,
    ]
    .iter()
    .any(|of| of.contains(unit))
}

#[test]
fn every_code_of_the_reference_is_bound_to_what_the_reference_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/codes.tsv");
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("not run: {} is not there", path.display());
        return;
    };
    let mapping = mapping();
    let mut faults = Vec::new();
    let mut seen = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line
            .split('\t')
            .map(|cell| cell.trim_matches('"'))
            .collect();
        let [system, codes, display, kind, role, ..] = cells.as_slice() else {
            panic!("a row of the reference has too few cells: {line}");
        };
        let item = |name: &str| format!("{IDENTIFIER_BASE}/CodeSystem/naaccr-{name}");
        let system = match *system {
            // Rows without a code that FHIR could carry.
            "(any)" | "(no code)" | "OMOP concept_id" => continue,
            "NAACCR SSDI" => item("item"),
            "http://snomed.info/sct (NZ extension 21000210109)" => format!("{SCT}/21000210109"),
            "http://www.genenames.org (also .../geneId)" => "http://www.genenames.org".to_owned(),
            system => match system.strip_prefix("NAACCR SSDI ") {
                Some(number) => item(number),
                None => system.to_owned(),
            },
        };
        let codes = match *codes {
            "2862/2863" => vec!["2862", "2863"],
            code => vec![code],
        };
        for code in codes {
            let row = Row {
                system: system.clone(),
                code,
                display,
                kind,
                role,
            };
            seen += 1;
            if !row.is_so(&mapping) {
                faults.push(format!(
                    "{}|{code} ({kind}): expected {:?}",
                    row.system,
                    row.expected()
                ));
            }
        }
    }
    assert!(seen > 180, "only {seen} codes were read");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_profile_stands_over_the_base_without_the_others() {
    let profiles = profiles();
    assert!(profiles.len() >= 12);
    for (name, text) in &profiles {
        Mapping::load(&[("base", BASE), (name, text)], IDENTIFIER_BASE).unwrap();
    }
}

// Local codes and their systems.

#[test]
fn the_same_digit_means_another_thing_in_each_local_system() {
    let lithuania = |system: &str, question: &str, code: &str| {
        let system = format!("https://tx.hl7.lt/fhir/CodeSystem/{system}");
        answered(coded(LOINC, question), &system, code)
    };
    let status = evidence_of(lithuania("her2-receptor-status", OVERALL, "2"));
    assert_eq!(reported(&status), [StatedResult::Negative]);
    assert!(scores(&status).is_empty());
    let stain = evidence_of(lithuania("her2-ihc-score", STAIN, "2"));
    assert_eq!(scores(&stain), [Score::TwoPlus]);
    let summary = evidence_of(naaccr("3854", "2"));
    assert_eq!(summary.ish[0].result, Some(IshWord::Equivocal));
    let ichom = answered(
        coded(LOINC, OVERALL),
        "http://connect.ichom.org/fhir/CodeSystem/her2-receptor-status",
        "2",
    );
    assert_eq!(reported(&evidence_of(ichom)), [StatedResult::Equivocal]);
    assert_only_asks(answered(coded(LOINC, STAIN), "urn:lab", "2"));
}

#[test]
fn registry_items_say_no_more_than_they_do() {
    assert_eq!(scores(&evidence_of(naaccr("3850", "0"))), [Score::Zero]);
    let negative = evidence_of(naaccr("3850", "4"));
    assert_eq!(stain_words(&negative), [StatedResult::Negative]);
    let stated = evidence_of(naaccr("3850", "3"));
    assert_eq!(stain_words(&stated), [StatedResult::Positive]);
    // Negative or equivocal.
    assert_only_asks(naaccr("3855", "0"));
    assert_eq!(
        reported(&evidence_of(naaccr("3855", "1"))),
        [StatedResult::Positive]
    );
    assert_eq!(
        scores(&evidence_of(naaccr("2862", "010"))),
        [Score::OnePlus]
    );
    let interpretation = evidence_of(naaccr("2863", "010"));
    assert!(scores(&interpretation).is_empty());
    assert_eq!(stain_words(&interpretation), [StatedResult::Positive]);
    assert_only_asks(naaccr("2863", "030"));
    assert_only_asks(naaccr("2862", "001"));
    assert!(derived(&[naaccr("3850", "7")]).cases.is_empty());
}

#[test]
fn a_registry_number_is_cut_after_one_decimal_or_a_placeholder() {
    let item = |code: &str, text: &str| {
        json!({"code": coded(&format!("{IDENTIFIER_BASE}/CodeSystem/naaccr-item"), code),
               "valueString": text})
    };
    let count = |ratio: &str, copies: &str| {
        let parts = json!({"component": [item("3852", ratio), item("3851", copies)]});
        let panel = observation("x", coded(LOINC, "74885-5"), parts);
        let evidence = evidence_of(panel);
        assert!(evidence.unreadable.is_empty());
        let count = &evidence.ish[0];
        let text = |measure: &Option<_>| measure.as_ref().map(ToString::to_string);
        (text(&count.ratio), text(&count.her2_copies))
    };
    let both = |ratio: &str, copies: &str| (Some(ratio.to_owned()), Some(copies.to_owned()));
    assert_eq!(count("1.9", "3.9"), both("1.9", "3.9"));
    assert_eq!(count("XX.2", "XX.1"), both("<2.0", ">=100"));
    assert_eq!(count("XX.3", "XX.9"), (Some(">=2.0".to_owned()), None));
}

// Overall statuses that look like scores.

#[test]
fn low_and_ultralow_are_negative_and_no_score() {
    let onko = |code: &str| {
        let system = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-mamma-her2neu-status-leitlinie";
        evidence_of(answered(coded(LOINC, OVERALL), system, code))
    };
    for code in ["low", "ultralow", "negativ"] {
        assert_eq!(reported(&onko(code)), [StatedResult::Negative], "{code}");
        assert!(onko(code).ihc.is_empty(), "{code}");
    }
    let low = |question: &str| answered(coded(LOINC, question), SCT, "1381317004");
    assert_eq!(
        reported(&evidence_of(low(OVERALL))),
        [StatedResult::Negative]
    );
    assert_only_asks(low(STAIN));
    assert_only_asks(low(FISH));
}

#[test]
fn both_codings_of_the_german_oncology_module_are_one_status() {
    let coding = |name: &str, code: &str| {
        json!({"system": format!("https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-mamma-her2neu-status-{name}"),
               "code": code})
    };
    let status = |registry: &str, guideline: &str, score: &str| {
        let codes = json!({"coding": [coding("obds", registry), coding("leitlinie", guideline)]});
        let part =
            json!({"code": coded(LOINC, STAIN), "valueCodeableConcept": coded(LOINC, score)});
        let more = json!({"valueCodeableConcept": codes, "component": [part]});
        observation("x", coded(LOINC, OVERALL), more)
    };
    let low = case_of(status("N", "low", "LA11841-6"));
    assert_eq!(scores(&low.evidence), [Score::OnePlus]);
    assert_eq!(low.decision.status.name(), "negative");
    assert!(low.decision.review.is_empty());
    let mixed = case_of(status("N", "negativ", "LA11840-8"));
    assert!(scores(&mixed.evidence).is_empty());
    assert!(!mixed.decision.status.is_decided() && !mixed.decision.review.is_empty());
    assert_only_asks(without(status("P", "negativ", "LA11841-6"), "component"));
}

#[test]
fn a_positive_tumour_as_a_value_tells_of_neither_test() {
    for code in ["427685000", "1162602001"] {
        let status = evidence_of(answered(coded(LOINC, OVERALL), SCT, code));
        assert_eq!(reported(&status), [StatedResult::Positive], "{code}");
        assert_only_asks(answered(coded(LOINC, STAIN), SCT, code));
        assert_only_asks(answered(coded(LOINC, FISH), SCT, code));
        let codes = json!({"coding": [{"system": LOINC, "code": "LA6577-6"}, {"system": SCT, "code": code}]});
        let both = json!({ "valueCodeableConcept": codes });
        assert_only_asks(observation("x", coded(LOINC, STAIN), both));
    }
}

#[test]
fn the_dead_breast_cancer_guide_names_scores_in_a_status() {
    let system = "http://hl7.org/fhir/us/breastcancer/CodeSystem/oncology-HER2StatusCS";
    let mut none = answered(coded(LOINC, OVERALL), system, "not_amplified");
    none["valueCodeableConcept"]["coding"][0]["display"] =
        json!("Negative/Not Amplified (IHC Score 0)");
    let evidence = evidence_of(none);
    assert_eq!(reported(&evidence), [StatedResult::Negative]);
    assert!(evidence.ihc.is_empty());
}

// Wrong data that senders publish.

#[test]
fn wrong_codes_of_the_lithuanian_guide_give_no_score_and_no_copies() {
    let part = |code: &str, value: f64, unit: &str| {
        json!({"code": coded(LOINC, code),
               "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit}})
    };
    let class = json!({"code": coded(LOINC, "85320-0"),
        "valueCodeableConcept": coded("https://tx.hl7.lt/fhir/CodeSystem/her2-fish-result", "negative")});
    let fish = observation(
        "x",
        coded(LOINC, "31150-6"),
        json!({"method": {"text": "FISH"}, "component": [
            part(FISH, 2.1, "{copies}/{nucleus}"),
            // A mean of CEP17 that looks like a score.
            part(STAIN, 2.0, "{copies}/nucleus"),
            part("49683-6", 1.17, "{ratio}"),
            class,
        ]}),
    );
    let case = case_of(fish);
    assert!(case.evidence.ihc.is_empty());
    assert_eq!(case.evidence.unreadable.len(), 2);
    assert!(!case.decision.status.is_decided() && !case.decision.review.is_empty());
    let status = "https://tx.hl7.lt/fhir/CodeSystem/her2-receptor-status";
    for code in ["1", "2"] {
        assert_only_asks(answered(coded(LOINC, "31150-6"), status, code));
    }
}

#[test]
fn a_mean_of_cep17_without_a_unit_is_no_score() {
    for main in ["31150-6", "49683-6"] {
        let parts = json!({"component": [number(STAIN, 3.0)], "valueString": "2.4"});
        let case = case_of(observation("x", coded(LOINC, main), parts));
        assert!(case.evidence.ihc.is_empty(), "{main}");
        assert!(!case.decision.status.is_decided() && !case.decision.review.is_empty());
    }
    let score = json!({"component": [number(STAIN, 3.0)]});
    let of_status = evidence_of(observation("x", coded(LOINC, OVERALL), score));
    assert_eq!(scores(&of_status), [Score::ThreePlus]);
}

#[test]
fn a_negative_disorder_displayed_as_an_amplification_is_contradictory() {
    let mut status = answered(coded(LOINC, OVERALL), SCT, "431396003");
    status["valueCodeableConcept"]["coding"][0]["display"] =
        json!("Human epidermal growth factor 2 gene amplification detected (finding)");
    assert_only_asks(status);
}

#[test]
fn an_official_display_of_a_lithuanian_score_does_not_contradict_it() {
    let mut stain = answered(
        coded(LOINC, STAIN),
        "https://tx.hl7.lt/fhir/CodeSystem/her2-ihc-score",
        "2",
    );
    stain["valueCodeableConcept"]["coding"][0]["display"] = json!("HER2 2+ (borderline)");
    assert_eq!(scores(&evidence_of(stain)), [Score::TwoPlus]);
}

#[test]
fn an_estrogen_receptor_in_the_place_of_a_her2_status_is_a_question() {
    let nz = format!("{SCT}/21000210109");
    let status = |code: &str| answered(coded(&nz, "476171000210109"), &nz, code);
    assert_only_asks(status("416053008"));
    assert_eq!(
        reported(&evidence_of(status("395571000210108"))),
        [StatedResult::Equivocal]
    );
    assert_eq!(
        reported(&evidence_of(status("705105000"))),
        [StatedResult::Negative]
    );
}

#[test]
fn a_bound_in_words_is_read_under_the_ratio_and_not_under_a_code_of_presence() {
    for (text, bound) in [("less than 1.8", "<1.8"), ("greater than 2.2", ">2.2")] {
        let fish = observation("x", coded(LOINC, FISH), json!({"valueString": text}));
        assert_only_asks(fish);
        let ratio = observation("x", coded(LOINC, "49683-6"), json!({"valueString": text}));
        let read = evidence_of(ratio);
        let ratio = read.ish[0].ratio.as_ref().unwrap();
        assert_eq!(ratio.to_string(), bound);
    }
}

#[test]
fn a_result_of_another_gene_is_no_result_of_her2() {
    let stain = |gene: Value| {
        let gene = json!({"code": coded(LOINC, "48018-6"), "valueCodeableConcept": gene});
        let more = json!({"valueString": "3+", "component": [gene]});
        observation("x", coded(LOINC, "18474-7"), more)
    };
    let genes = "http://www.genenames.org/geneId";
    assert_only_asks(stain(coded(genes, "HGNC:2064")));
    let erbb2 = evidence_of(stain(coded(genes, "HGNC:3430")));
    assert_eq!(scores(&erbb2), [Score::ThreePlus]);
    let named = json!({"coding": [{"system": "urn:genes", "code": "2064", "display": "ERBB2"}]});
    assert_eq!(scores(&evidence_of(stain(named))), [Score::ThreePlus]);
}

// CAP electronic Cancer Protocols.

#[test]
fn a_cap_result_is_read_at_its_depth_and_a_quoted_one_is_left_out() {
    let cap = |id: &str, code: &str, more: Value| {
        without(
            observation(id, coded("http://cap.org/eCC", code), more),
            "specimen",
        )
    };
    let members = |id: &str| json!({"hasMember": [{"reference": format!("Observation/{id}")}]});
    let answer = json!({"valueCodeableConcept": {"coding": [{"system": "http://cap.org/eCC",
        "code": "40505.100004300", "display": "Negative (Score 0)"}]}});
    let own = [
        cap("outer", "79483", members("inner")),
        cap("inner", "52399.100004300", answer),
    ];
    assert_eq!(scores(&only(&derived(&own)).evidence), [Score::Zero]);
    let section = cap("section", "17834.100004300", members("previous"));
    let previous = cap("previous", "43789.100004300", members("outer"));
    let quoted = derived(&[own.as_slice(), &[section, previous]].concat());
    for case in &quoted.cases {
        assert!(case.evidence.ihc.is_empty());
        assert!(!case.decision.status.is_decided());
    }
    // A score that no public source gives a code for.
    assert_asks_a_person(&derived(&[cap(
        "x",
        "52399.100004300",
        json!({"valueCodeableConcept": coded("http://cap.org/eCC", "1.100004300")}),
    )]));
}

// Shapes of values.

#[test]
fn an_interpretation_may_name_the_page_of_its_value_set_as_its_system() {
    for system in [
        "http://terminology.hl7.org/CodeSystem/v2-0078",
        "http://hl7.org/fhir/ValueSet/observation-interpretation",
        "http://hl7.org/fhir/R4/valueset-observation-interpretation.html",
    ] {
        let interpretation = json!({"interpretation": [coded(system, "NEG")]});
        let fish = evidence_of(observation("x", coded(LOINC, FISH), interpretation));
        assert_eq!(fish.ish[0].result, Some(IshWord::NotAmplified), "{system}");
    }
    let detected =
        json!({"interpretation": [coded("http://terminology.hl7.org/CodeSystem/v2-0078", "DET")]});
    assert_only_asks(observation("x", coded(LOINC, FISH), detected));
}

#[test]
fn a_value_that_says_why_it_is_empty_is_absent_and_no_question() {
    let reason = |code: &str| json!([{"url": DATA_ABSENT, "valueCode": code}]);
    let empty = |code: &str| {
        [
            json!({"_valueString": {"extension": reason(code)}}),
            json!({"valueQuantity": {"extension": reason(code)}}),
            json!({"valueQuantity": {"_value": {"extension": reason(code)}, "unit": "{score}"}}),
            json!({"valueCodeableConcept": {"extension": reason(code)}}),
            json!({"valueCodeableConcept": {"_text": {"extension": reason(code)}}}),
        ]
    };
    for value in empty("not-performed") {
        let stain = observation("x", coded(LOINC, STAIN), value.clone());
        assert!(derived(&[stain]).cases.is_empty(), "{value}");
    }
    for value in empty("masked") {
        assert_only_asks(observation("x", coded(LOINC, STAIN), value));
    }
    let both = json!({"valueString": "3+", "_valueString": {"extension": reason("unknown")}});
    assert_only_asks(observation("x", coded(LOINC, STAIN), both));
    // Other extensions say nothing about a value.
    let noted = json!({"valueString": "3+", "_valueString": {"extension": [{"url": "urn:note", "valueString": "x"}]}});
    let evidence = evidence_of(observation("x", coded(LOINC, STAIN), noted));
    assert_eq!(scores(&evidence), [Score::ThreePlus]);
}

#[test]
fn a_ratio_of_any_denominator_and_a_malformed_unit_are_read() {
    let ratio = json!({"code": coded(LOINC, "49683-6"),
        "valueRatio": {"numerator": {"value": 240}, "denominator": {"value": 100}}});
    let copies = json!({"code": coded(LOINC, "74860-8"),
        "valueQuantity": {"value": 4.8, "code": "{copies}/nucleus"}});
    let panel = observation(
        "x",
        coded(LOINC, "74885-5"),
        json!({"component": [ratio, copies]}),
    );
    let count = evidence_of(panel).ish[0].clone();
    assert_eq!(count.ratio.unwrap().to_string(), "2.4");
    assert_eq!(count.her2_copies.unwrap().to_string(), "4.8");
}

#[test]
fn cish_and_sish_do_not_tell_the_number_of_probes_and_dish_does() {
    let probe = |method: Value| {
        let more = json!({"method": method, "component": [number("74860-8", 3.0)]});
        evidence_of(observation("x", coded(LOINC, FISH), more)).ish[0].probe
    };
    assert_eq!(probe(coded(SCT, "787997001")), None);
    assert_eq!(probe(coded(SCT, "787998006")), None);
    assert_eq!(probe(json!({"text": "SISH"})), None);
    assert_eq!(probe(json!({"text": "DISH"})), Some(Probe::Dual));
    assert_eq!(probe(coded(SCT, "257453005")), Some(Probe::Single));
    let old = "http://hl7.org/fhir/us/breastcancer/CodeSystem/oncology-HER2ISHMethodCS";
    assert_eq!(probe(coded(old, "dual")), Some(Probe::Dual));
}

#[test]
fn what_is_a_codeable_reference_since_r5_is_read_as_its_concept() {
    let report = |conclusion: Value| {
        json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": coded(LOINC, "60568-3"),
               "subject": {"reference": "Patient/p"}, "conclusionCode": [conclusion]})
    };
    let named = json!({"text": "HER2 positive carcinoma"});
    assert_asks_a_person(&derived(&[report(named.clone())]));
    assert_asks_a_person(&derived(&[report(json!({"concept": named}))]));
    let specimen = json!({"resourceType": "Specimen", "id": "s", "subject": {"reference": "Patient/p"},
        "collection": {"bodySite": {"concept": coded(SCT, "76752008")}}});
    let stain = observation("x", coded(LOINC, "18474-7"), json!({"valueString": "3+"}));
    let read = derived(&[specimen, stain]);
    assert_eq!(only(&read).evidence.site, SiteFinding::Known(Site::Breast));
}

#[test]
fn german_words_are_read_whole() {
    let said = |text: &str| {
        let fish = observation(
            "x",
            coded(LOINC, FISH),
            json!({"valueCodeableConcept": {"text": text}}),
        );
        evidence_of(fish).ish[0].result
    };
    assert_eq!(said("Nicht amplifiziert"), Some(IshWord::NotAmplified));
    assert_eq!(said("amplifiziert"), Some(IshWord::Amplified));
    let stain = observation(
        "x",
        coded(LOINC, FISH),
        json!({"valueString": "nicht sicher amplifiziert"}),
    );
    assert_only_asks(stain);
    assert_eq!(scores(&evidence_of(ihc("x", "1+"))), [Score::OnePlus]);
}
