//! Real structured results as their registries recorded them (`../shared/corpus/structured.csv`, read where present), each
//! sent as Observations and decided. A decided status must be one that the row supports, by a small reading of our own
//! that shares nothing with the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::guideline::Edition;
use her2_adapter::pipeline::edition::Guidelines;
use her2_adapter::pipeline::{CaseResult, Rules, derive};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::golden_cases::rules;

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    year: String,
    ihc_score: String,
    #[serde(rename = "ihc_status_reported")]
    ihc_word: String,
    #[serde(rename = "ihc_percent_cells")]
    percent: String,
    #[serde(rename = "ish_status_reported")]
    ish_word: String,
    ratio: String,
    her2_copies: String,
    cep17_copies: String,
    cells_counted: String,
    final_status_reported: String,
}

fn rows() -> Option<Vec<Row>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/structured.csv");
    let Ok(text) = fs::read(path) else {
        println!("skipped: ../shared/corpus/structured.csv is not present");
        return None;
    };
    let rows = csv::Reader::from_reader(text.as_slice())
        .into_deserialize()
        .map(|row| row.expect("a row of structured results"));
    Some(rows.collect())
}

// ---- A row as its sender would code it ----

fn loinc(code: &str) -> Value {
    json!({"coding": [{"system": "http://loinc.org", "code": code}]})
}

fn snomed(word: &str) -> Option<Value> {
    let code = match word {
        "positive" => "10828004",
        "negative" => "260385009",
        "equivocal" => "42425007",
        "indeterminate" => "82334004",
        _ => return None,
    };
    Some(json!({"coding": [{"system": "http://snomed.info/sct", "code": code}]}))
}

/// A number as a Quantity with the digits of the row, a bound as a comparator, anything else as a string.
fn value(of: &mut Value, text: &str, unit: &str) {
    let (comparator, digits) = match text.strip_prefix('<') {
        Some(digits) => (Some("<"), digits),
        None => (None, text),
    };
    let digits = digits.trim_end_matches('%');
    if let Some((low, high)) = digits.split_once('-') {
        of["valueRange"] = json!({"low": quantity(low, unit), "high": quantity(high, unit)});
    } else if digits.parse::<f64>().is_ok() {
        of["valueQuantity"] = quantity(digits, unit);
        if let Some(comparator) = comparator {
            of["valueQuantity"]["comparator"] = json!(comparator);
        }
    } else {
        of["valueString"] = json!(text);
    }
}

/// The digits stand in a marked string until the text is made; `serde_json` would round them.
fn quantity(digits: &str, unit: &str) -> Value {
    let mut quantity = json!({"value": format!("digits:{digits}")});
    if !unit.is_empty() {
        quantity["unit"] = json!(unit);
    }
    quantity
}

/// JSON text with marked digits as numbers.
fn text_of(resource: &Value) -> String {
    let mut parts = resource.to_string();
    while let Some(start) = parts.find("\"digits:") {
        let after = start + "\"digits:".len();
        let end = after + parts[after..].find('"').unwrap();
        parts = format!(
            "{}{}{}",
            &parts[..start],
            &parts[after..end],
            &parts[end + 1..]
        );
    }
    parts
}

fn component(code: Value, text: &str, unit: &str) -> Option<Value> {
    let mut component = json!({"code": code});
    value(&mut component, text, unit);
    (!text.is_empty()).then_some(component)
}

/// The resources of one row, each as text.
fn resources(row: &Row, number: usize) -> Vec<String> {
    let subject = json!({"reference": format!("Patient/p{number}")});
    let specimen = json!({"reference": format!("Specimen/s{number}")});
    let observation = |test: &str, code: &str| {
        json!({"resourceType": "Observation", "id": format!("{test}{number}"), "status": "final",
            "meta": {"versionId": "1"}, "code": loinc(code), "subject": subject, "specimen": specimen})
    };
    let breast = json!({"coding": [{"system": "http://snomed.info/sct", "code": "76752008"}]});
    let mut all = vec![
        json!({"resourceType": "Patient", "id": format!("p{number}")}),
        json!({"resourceType": "Specimen", "id": format!("s{number}"), "subject": subject, "collection": {"bodySite": breast}}),
    ];
    if !row.ihc_score.is_empty() || !row.ihc_word.is_empty() {
        let mut ihc = observation("ihc", "85319-2");
        if !row.year.is_empty() {
            ihc["effectiveDateTime"] = json!(row.year);
        }
        match (row.ihc_score.as_str(), snomed(&row.ihc_word)) {
            ("", Some(word)) => ihc["valueCodeableConcept"] = word,
            ("", None) => ihc["valueString"] = json!(row.ihc_word),
            (score, word) => {
                ihc["valueCodeableConcept"] = loinc(match score {
                    "0" => "LA6111-4",
                    "1+" => "LA11841-6",
                    "2+" => "LA11842-4",
                    _ => "LA11843-2",
                });
                ihc["interpretation"] = json!(Vec::from_iter(word));
            }
        }
        let stained = json!({"coding": [{"system": "https://her2-adapter.example/fhir/CodeSystem/her2-evidence", "code": "ihc-percent-stained"}]});
        ihc["component"] = json!(Vec::from_iter(component(stained, &row.percent, "%")));
        all.push(ihc);
    }
    let counts = [
        component(loinc("49683-6"), &row.ratio, ""),
        component(loinc("74860-8"), &row.her2_copies, ""),
        component(loinc("74861-6"), &row.cep17_copies, ""),
        component(loinc("62361-1"), &row.cells_counted, ""),
    ];
    let counts: Vec<Value> = counts.into_iter().flatten().collect();
    if !row.ish_word.is_empty() || !counts.is_empty() {
        let mut ish = observation("ish", "85318-4");
        if !row.year.is_empty() {
            ish["effectiveDateTime"] = json!(row.year);
        }
        if let Some(word) = snomed(&row.ish_word) {
            ish["valueCodeableConcept"] = word;
        }
        ish["component"] = json!(counts);
        all.push(ish);
    }
    all.iter().map(text_of).collect()
}

/// The decided case of each row, by the number of the row.
fn decided(rows: &[Row], rules: &Rules) -> BTreeMap<usize, CaseResult> {
    let texts: Vec<String> = (rows.iter().enumerate())
        .flat_map(|(number, row)| resources(row, number))
        .collect();
    let mut pool = Pool::new(None);
    for (index, text) in texts.iter().enumerate() {
        pool.add(
            Json::parse(text).unwrap(),
            None,
            &format!("resource {index}"),
        )
        .unwrap();
    }
    derive(&pool, rules)
        .cases
        .into_iter()
        .map(|case| {
            let tissue = case.tissue.as_deref().unwrap();
            (tissue["Specimen/s".len()..].parse().unwrap(), case)
        })
        .collect()
}

// ---- What a row supports, read without the engine ----

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stain {
    None,
    ZeroOrOne,
    Two,
    Three,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hybridisation {
    None,
    Amplified,
    NotAmplified,
    /// Groups 2, 3 and 4 of 2018.
    Open,
}

fn stains(row: &Row) -> BTreeSet<Stain> {
    use Stain::{None, Three, Two, ZeroOrOne};
    let said = match row.ihc_word.as_str() {
        "negative" => vec![ZeroOrOne],
        "equivocal" => vec![Two],
        // 1+ and 2+ are called positive too.
        "positive" if row.ihc_score.is_empty() => vec![ZeroOrOne, Two, Three],
        "positive" => vec![Three],
        "indeterminate" => vec![None],
        "" => vec![],
        // "ND" may be not done or not detected.
        _ => vec![None, ZeroOrOne, Two, Three],
    };
    let score = match row.ihc_score.as_str() {
        "" => vec![],
        "0" | "1+" => vec![ZeroOrOne],
        "2+" => vec![Two],
        // 3+ needs more than a tenth of the cells.
        _ if row.percent == "<10%" => vec![None, ZeroOrOne, Two, Three],
        _ => vec![Three],
    };
    let all: BTreeSet<Stain> = said.into_iter().chain(score).collect();
    if all.is_empty() { [None].into() } else { all }
}

/// The lowest and highest number that a field may mean; `None` where it is no mean count or ratio.
fn bounds(text: &str, highest: f64) -> Option<(f64, f64)> {
    if let Some(below) = text.strip_prefix('<') {
        return Some((0.0, below.parse::<f64>().ok()?.next_down()));
    }
    let number = text.parse::<f64>().ok()?;
    (number > 0.0 && number <= highest).then_some((number, number))
}

const HIGHEST_RATIO: f64 = 40.0;
const HIGHEST_COPIES: f64 = 40.0;
const HIGHEST_CEP17: f64 = 20.0;

fn hybridisations(row: &Row) -> BTreeSet<Hybridisation> {
    use Hybridisation::{Amplified, None, NotAmplified, Open};
    let numbers = [&row.ratio, &row.her2_copies, &row.cep17_copies];
    if numbers.iter().all(|text| text.is_empty()) {
        return match row.ish_word.as_str() {
            "positive" => [Amplified].into(),
            "negative" => [NotAmplified].into(),
            "" => [None].into(),
            _ => [Open].into(),
        };
    }
    let anything = (0.0, f64::INFINITY);
    let copies = bounds(&row.her2_copies, HIGHEST_COPIES);
    let cep17 = bounds(&row.cep17_copies, HIGHEST_CEP17);
    // A tenth either way is more than any printed mean leaves open.
    const ROUNDED: f64 = 0.1;
    let quotient = copies.zip(cep17).map(|(copies, cep17)| {
        let low = (copies.0 - ROUNDED).max(0.0) / (cep17.1 + ROUNDED);
        (low, (copies.1 + ROUNDED) / (cep17.0 - ROUNDED).max(ROUNDED))
    });
    // The ratio as reported, and what the copies make of it where they do.
    let ratios = [bounds(&row.ratio, HIGHEST_RATIO), quotient];
    let ratios: Vec<(f64, f64)> = ratios.into_iter().flatten().collect();
    let (low, high) = (ratios.iter().copied())
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
        .unwrap_or(anything);
    let copies = copies.unwrap_or(anything);
    let mut groups = BTreeSet::new();
    for is_high in [true, false] {
        let ratio_allows = if is_high { high >= 2.0 } else { low < 2.0 };
        for (from, to) in [(0.0, 4.0), (4.0, 6.0), (6.0, f64::INFINITY)] {
            let copies_allow = copies.0 < to && copies.1 >= from;
            if ratio_allows && copies_allow {
                groups.insert(match (is_high, from) {
                    (true, 4.0..) => Amplified,
                    (false, ..4.0) => NotAmplified,
                    _ => Open,
                });
            }
        }
    }
    // A word that none of the numbers' readings can mean makes a reading of its own.
    match row.ish_word.as_str() {
        "positive" if groups == [NotAmplified].into() => _ = groups.insert(Amplified),
        "negative" if groups == [Amplified].into() => _ = groups.insert(NotAmplified),
        _ => {}
    }
    groups
}

/// The final statuses that some reading of a row comes to.
fn supported(row: &Row) -> BTreeSet<&'static str> {
    let mut statuses = BTreeSet::new();
    for stain in stains(row) {
        for hybridisation in hybridisations(row) {
            statuses.insert(match (stain, hybridisation) {
                (Stain::Three, _) | (_, Hybridisation::Amplified) => "positive",
                (Stain::ZeroOrOne, _) | (_, Hybridisation::NotAmplified) => "negative",
                _ => "open",
            });
        }
    }
    statuses
}

/// A placeholder, a total or a word in the place of a number.
fn has_no_number(row: &Row) -> bool {
    let is_none = |text: &str, highest| !text.is_empty() && bounds(text, highest).is_none();
    is_none(&row.ratio, HIGHEST_RATIO)
        || is_none(&row.her2_copies, HIGHEST_COPIES)
        || is_none(&row.cep17_copies, HIGHEST_CEP17)
}

/// Why our status is not the recorded one.
fn class_of(row: &Row, edition: Edition) -> Option<&'static str> {
    let has_ratio = !row.ratio.is_empty();
    let has_copies = !row.her2_copies.is_empty();
    let is_2007 = edition == Edition::AscoCap2007;
    let is_middle =
        bounds(&row.ratio, HIGHEST_RATIO).is_some_and(|(low, _)| (1.8..=2.2).contains(&low));
    if has_no_number(row) {
        Some("a placeholder in the place of a number")
    } else if row.ihc_word == "ND" {
        Some("a word that nobody can read in the place of the IHC result")
    } else if row.ihc_score == "2+" && !has_ratio && row.ish_word.is_empty() {
        Some("2+ without any ISH on record")
    } else if is_2007 {
        is_middle.then_some("a ratio of 1.8 to 2.2 is equivocal in this edition")
    } else if has_ratio && !has_copies && row.ihc_score == "2+" {
        Some("ratio alone beside 2+: the group is open without copies")
    } else if has_ratio && !has_copies && row.ihc_score.is_empty() {
        Some("ratio alone without IHC: the group is open without copies")
    } else {
        None
    }
}

#[test]
fn no_decided_status_contradicts_what_its_row_supports() {
    let Some(rows) = rows() else { return };
    let cases = decided(&rows, &rules());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let Some(case) = cases.get(&number) else {
            faults.push(format!("{}: no case", row.id));
            continue;
        };
        let status = case.decision.status.name();
        *counts.entry(status).or_default() += 1;
        let supported = supported(row);
        let is_decided = ["positive", "negative"].contains(&status);
        if is_decided && supported != [status].into() {
            faults.push(format!(
                "{}: {status}, the row supports {supported:?}",
                row.id
            ));
        }
        if !is_decided && case.decision.review.is_empty() && supported != ["open"].into() {
            println!(
                "{}: {status}, though the row supports {supported:?}",
                row.id
            );
        }
        if has_no_number(row) && case.decision.review.is_empty() {
            faults.push(format!(
                "{}: nobody is asked about what is no number",
                row.id
            ));
        }
    }
    println!("{} rows: {counts:?}", rows.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_disagreement_with_a_recorded_final_status_is_explained() {
    let Some(rows) = rows() else { return };
    for edition in [Edition::AscoCap2018, Edition::AscoCap2007] {
        let cases = decided(
            &rows,
            &Rules {
                guidelines: Guidelines {
                    chosen: Some(edition),
                    ..Guidelines::default()
                },
                ..rules()
            },
        );
        let mut table: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut unexplained = Vec::new();
        println!("\n{} against the recorded final status:", edition.id());
        for (number, row) in rows.iter().enumerate() {
            let recorded = row.final_status_reported.as_str();
            if recorded.is_empty() {
                continue;
            }
            let ours = cases
                .get(&number)
                .map_or("no case", |case| case.decision.status.name());
            *table.entry((recorded, ours)).or_default() += 1;
            if ours == recorded {
                continue;
            }
            let is_opposite = ["positive", "negative"].contains(&ours);
            let class = class_of(row, edition).filter(|_| !is_opposite);
            println!(
                "  {:<18} {recorded:<9} {ours:<14} {}",
                row.id,
                class.unwrap_or("?")
            );
            if class.is_none() {
                unexplained.push(row.id.as_str());
            }
        }
        println!("  recorded  ours            rows");
        for ((recorded, ours), count) in table {
            println!("  {recorded:<9} {ours:<14} {count:>5}");
        }
        assert!(unexplained.is_empty(), "unexplained: {unexplained:?}");
    }
}
