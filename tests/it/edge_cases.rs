//! The rows of `tests/reference/edge_cases.jsonl`, sent as FHIR and read, joined and decided by the whole pipeline.

use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::guideline::Edition;
use her2_adapter::mapping::table::{BASE, Mapping};
use her2_adapter::pipeline::ledger::{UnitContent, UnitResult};
use her2_adapter::pipeline::record::DecisionRecord;
use her2_adapter::pipeline::{Derived, Rules, derive};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::golden_cases::{IDENTIFIER_BASE, rules};
use crate::reading::{EVIDENCE, LOINC, coded};

const ROWS: &str = include_str!("../reference/edge_cases.jsonl");

/// A laboratory's own code for a gene expression assay, which no public source gives.
const SITE: &str = r#"
[header]
name = "site"
purpose = "a laboratory's code for Oncotype DX"
source = "test"
version = "1"
reviewed_by = "test"
reviewed_on = "2026-11-20"
[systems]
lab = ["urn:lab"]
[[finding]]
is = "gene-expression"
codes = [{ system = "lab", code = "ODX-HER2", display = "Oncotype DX HER2" }]
"#;

#[test]
fn every_edge_case_holds_at_its_level() {
    let mut failures = Vec::new();
    let mut advisory = Vec::new();
    let mut checked = 0;
    for line in ROWS.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let id = row["id"].as_str().expect("a row has an id");
        checked += 1;
        let found = differences(&row);
        if found.is_empty() {
            continue;
        }
        let line = format!("{id}: {}", found.join("; "));
        if row["assert_level"] == "advisory" {
            advisory.push(line);
        } else {
            failures.push(line);
        }
    }
    println!("{checked} rows, {} advisory ones differ:", advisory.len());
    for line in &advisory {
        println!("  {line}");
    }
    assert_eq!(checked, 59, "a row was lost");
    assert!(
        failures.is_empty(),
        "{} rows fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// What a row expects and does not get.
fn differences(row: &Value) -> Vec<String> {
    let (input, expected) = (&row["input"], &row["expected"]);
    let derived = derived(input, !expected["patient_view"].is_null());
    if expected["no_case"] == true {
        let mut found = Vec::new();
        if !derived.cases.is_empty() {
            found.push(format!("{} cases", derived.cases.len()));
        }
        let is_not_her2 = |unit: &UnitResult| unit.content == UnitContent::NotHer2;
        if !derived.units.iter().all(is_not_her2) {
            found.push("the ledger does not say not-her2".to_owned());
        }
        return found;
    }
    let view = records(&derived)
        .into_iter()
        .find(|record| record["joined_by"] == "patient");
    let view = match (expected["patient_view"].is_null(), view) {
        (true, _) => Vec::new(),
        (false, None) => vec!["no patient view".to_owned()],
        (false, Some(view)) => of_case(&json!("advisory"), &expected["patient_view"], &view),
    };
    let mut found: Vec<String> = (view.into_iter())
        .map(|difference| format!("patient view: {difference}"))
        .collect();
    found.extend(of_specimens(row, &derived));
    found
}

fn of_specimens(row: &Value, derived: &Derived) -> Vec<String> {
    let expected = &row["expected"];
    match expected["per_specimen"].as_object() {
        Some(specimens) => (specimens.iter())
            .flat_map(|(specimen, expected)| {
                let key = format!("Specimen/{specimen}");
                let case = records(derived)
                    .into_iter()
                    .find(|record| record["specimen"] == json!(key));
                match case {
                    Some(record) => of_case(&row["assert_level"], expected, &record),
                    None if expected["no_case"] == true => Vec::new(),
                    None => vec![format!("no case of {specimen}")],
                }
            })
            .collect(),
        None => match records(derived).as_slice() {
            [record] => of_case(&row["assert_level"], expected, record),
            records => vec![format!("{} cases", records.len())],
        },
    }
}

fn of_case(level: &Value, expected: &Value, record: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |key: &str| {
        if !expected[key].is_null() && expected[key] != record[key] {
            found.push(format!(
                "{key}: expected {}, ours {}",
                expected[key], record[key]
            ));
        }
    };
    compare("next_action");
    compare("ish_group");
    if level != "unresolved-class" {
        compare("status");
        compare("category");
    } else if record["status"] == "positive" || record["status"] == "negative" {
        found.push(format!("decided: {}", record["status"]));
    }
    let codes = |list: &str| -> Vec<Value> {
        let items = record[list].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["code"].clone()).collect()
    };
    for (wanted, list) in [
        ("review", "review"),
        ("warn", "warnings"),
        ("advice", "warnings"),
    ] {
        let Some(wanted) = expected[wanted].as_array() else {
            continue;
        };
        let ours = codes(list);
        let missing = wanted.iter().any(|code| !ours.contains(code));
        // An empty list asks for none but remarks of how the row was sent.
        let unwanted = wanted.is_empty() && !ours.is_empty();
        if missing || unwanted {
            found.push(format!("{list}: expected {wanted:?}, ours {ours:?}"));
        }
    }
    if expected["heterogeneity"] == true && !codes("warnings").contains(&json!("heterogeneous")) {
        found.push("not called heterogeneous".to_owned());
    }
    found
}

fn records(derived: &Derived) -> Vec<Value> {
    (derived.cases.iter())
        .map(|case| serde_json::to_value(DecisionRecord::of(case)).expect("a record is JSON"))
        .collect()
}

fn derived(input: &Value, patient_summary: bool) -> Derived {
    let mut rules = Rules {
        mapping: Mapping::load(&[("base", BASE), ("site", SITE)], IDENTIFIER_BASE)
            .expect("both files are mappings"),
        patient_summary,
        ..rules()
    };
    let edition = input["guideline"]
        .as_str()
        .map(|id| Edition::parse(id).expect("an edition"));
    rules.guidelines.chosen = edition;
    let texts: Vec<String> = resources(input, edition)
        .iter()
        .map(Value::to_string)
        .collect();
    let mut pool = Pool::new(None);
    for text in &texts {
        let json = Json::parse(text).expect("a resource is JSON");
        pool.add(json, None, "a row").expect("a resource is read");
    }
    derive(&pool, &rules)
}

/// The input of a row as a laboratory would send it: a specimen, its tumour and an Observation for each test.
fn resources(input: &Value, edition: Option<Edition>) -> Vec<Value> {
    let icd_10 = match (input["primary_site"].as_str(), edition) {
        (Some("lung"), _) => Some("C34.1"),
        (Some(_), _) => None,
        (None, Some(Edition::Gastric2016)) => Some("C16.9"),
        (None, _) => Some("C50.9"),
    };
    let mut resources: Vec<Value> = Vec::new();
    if let Some(code) = icd_10 {
        resources.push(condition("tumour", code));
    }
    resources.push(condition("in-situ", "D05.1"));
    if let Some(specimens) = input["specimens"].as_array() {
        for specimen in specimens {
            let id = specimen["id"].as_str().expect("a specimen has an id");
            sent(&mut resources, id, specimen);
        }
    } else if let Some(results) = input["same_block"].as_array() {
        for (index, result) in results.iter().enumerate() {
            let mut observation = ihc("s", &format!("ihc-{index}"), result);
            observation["issued"] = json!(format!("{}T10:00:00Z", result["t"].as_str().unwrap()));
            let amends = results.iter().any(|later| later["amends"] == result["t"]);
            if amends || !result["amends"].is_null() {
                observation["identifier"] = json!([{"system": "urn:lab", "value": "result-1"}]);
            }
            resources.push(observation);
        }
        resources.push(specimen("s", input));
    } else {
        sent(&mut resources, "s", input);
    }
    resources
}

fn condition(id: &str, icd_10: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"},
        "code": coded("http://hl7.org/fhir/sid/icd-10", icd_10)})
}

/// The Observations of one specimen, and the specimen.
fn sent(resources: &mut Vec<Value>, id: &str, input: &Value) {
    if !(input["ihc"].is_null() && input["ihc_score"].is_null()) && input["ihc"] != "" {
        resources.push(ihc(id, &format!("{id}-ihc"), input));
    }
    let counts = ["ish_text", "ratio", "her2_copies", "total_her2"];
    if counts.iter().any(|key| !input[*key].is_null()) {
        resources.push(ish(id, &format!("{id}-ish"), input));
    }
    for (index, population) in input["populations"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        resources.push(ish(id, &format!("{id}-ish-{index}"), population));
    }
    // "FISH: 3 copies"
    if let Some(copies) = input["lay"].as_str() {
        let copies = copies.split(' ').nth(1).expect("a number of copies");
        resources.push(ish(
            id,
            &format!("{id}-ish"),
            &json!({"her2_copies": copies}),
        ));
    }
    for (key, code) in [
        ("serum_her2_ecd", coded(LOINC, "32996-1")),
        ("oncotype_her2", coded("urn:lab", "ODX-HER2")),
        ("erbb2_ngs", coded(LOINC, "69548-6")),
    ] {
        if let Some(text) = input[key].as_str() {
            let more = json!({"code": code, "valueString": text});
            resources.push(observation(id, &format!("{id}-{key}"), input, more));
        }
    }
    if let Some(grade) = input["grade"].as_u64() {
        let more = json!({"code": coded(LOINC, "44648-4"), "valueString": format!("G{grade}")});
        resources.push(observation(id, &format!("{id}-grade"), input, more));
    }
    resources.push(specimen(id, input));
}

fn observation(specimen: &str, id: &str, input: &Value, more: Value) -> Value {
    let tumour = match input["behaviour"].as_str() {
        Some("in situ") => "in-situ",
        _ => "tumour",
    };
    let mut resource = json!({"resourceType": "Observation", "id": id, "status": "final",
        "subject": {"reference": "Patient/p"}, "specimen": {"reference": format!("Specimen/{specimen}")},
        "focus": [{"reference": format!("Condition/{tumour}")}]});
    let year = input["report_year"].as_u64();
    if let Some(year) = year {
        resource["issued"] = json!(format!("{year}-06-15T10:00:00Z"));
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        resource[key] = value.clone();
    }
    resource
}

fn ihc(specimen: &str, id: &str, input: &Value) -> Value {
    let score = input["ihc_score"].as_str();
    let text = input["ihc"].as_str();
    let mut more = json!({"code": coded(LOINC, "18474-7"), "valueString": score.or(text)});
    let beside = input["ihc_status"]
        .as_str()
        .or(text.filter(|_| score.is_some()));
    if let Some(word) = beside {
        more["interpretation"] = json!([{"text": word}]);
    }
    if let Some(percent) = input["percent"].as_str() {
        more["component"] = json!([part(EVIDENCE, "ihc-percent-stained", percent)]);
    }
    observation(specimen, id, input, more)
}

fn ish(specimen: &str, id: &str, input: &Value) -> Value {
    let mut parts = Vec::new();
    for (key, system, code) in [
        ("ratio", LOINC, "49683-6"),
        ("her2_copies", LOINC, "74860-8"),
        ("cep17_copies", LOINC, "74861-6"),
        ("method", EVIDENCE, "ish-probe"),
    ] {
        if let Some(text) = input[key].as_str() {
            parts.push(part(system, code, text));
        }
    }
    for (total, nuclei, code) in [
        ("total_her2", "nuclei_her2", "74860-8"),
        ("total_cep17", "nuclei_cep17", "74861-6"),
    ] {
        if let (Some(total), Some(nuclei)) = (input[total].as_str(), input[nuclei].as_str()) {
            let number = |text: &str| text.parse::<u32>().expect("a count");
            parts.push(json!({"code": coded(LOINC, code), "valueRatio":
                {"numerator": {"value": number(total)}, "denominator": {"value": number(nuclei)}}}));
        }
    }
    if let Some(percent) = input["percent_cells"].as_u64() {
        parts.push(json!({"code": coded(EVIDENCE, "ish-population-percent"),
            "valueQuantity": {"value": percent, "unit": "%"}}));
    }
    let mut more = Map::new();
    more.insert("code".to_owned(), coded(LOINC, "31150-6"));
    if let Some(text) = input["ish_text"].as_str() {
        more.insert("valueString".to_owned(), json!(text));
    }
    if !parts.is_empty() {
        more.insert("component".to_owned(), json!(parts));
    }
    observation(specimen, id, input, Value::Object(more))
}

fn part(system: &str, code: &str, text: &str) -> Value {
    json!({"code": coded(system, code), "valueString": text})
}

fn specimen(id: &str, input: &Value) -> Value {
    let kind = match id {
        "core" => Some("core biopsy"),
        "excision" => Some("excision"),
        _ => input["specimen"].as_str(),
    };
    let mut resource =
        json!({"resourceType": "Specimen", "id": id, "subject": {"reference": "Patient/p"}});
    if let Some(kind) = kind {
        resource["type"] = json!({"text": kind});
    }
    let mut processing = Vec::new();
    let start = "2024-01-01T00:00:00Z";
    let after = |minutes: u64| {
        format!(
            "2024-01-0{}T{:02}:{:02}:00Z",
            1 + minutes / 1440,
            minutes % 1440 / 60,
            minutes % 60
        )
    };
    let step = |what: &str, minutes: u64| json!({"procedure": {"text": what}, "timePeriod": {"start": start, "end": after(minutes)}});
    match input["fixation"].as_str() {
        Some("alcohol") => processing.push(json!({"procedure": {"text": "alcohol fixation"}})),
        Some("formalin 8 h") => processing.push(step("formalin fixation", 480)),
        Some(other) => panic!("an unknown fixation: {other}"),
        None => {}
    }
    if !input["fixation_hours"].is_null() {
        let hours = Decimal::from_str_exact(&input["fixation_hours"].to_string());
        let minutes = hours.expect("a number of hours") * Decimal::from(60);
        processing.push(step("fixation", minutes.try_into().expect("whole minutes")));
    }
    if let Some(minutes) = input["cold_ischemia_min"].as_u64() {
        processing.push(step("cold ischemia", minutes));
    }
    if !processing.is_empty() {
        resource["processing"] = json!(processing);
    }
    resource
}
