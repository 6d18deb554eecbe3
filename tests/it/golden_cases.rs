//! Golden cases: FHIR in, and the expectation a person wrote from the guideline out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use her2_adapter::app;
use her2_adapter::config::Config;
use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::evidence::Site;
use her2_adapter::her2::guideline::Edition;
use her2_adapter::pipeline::edition::Guidelines;
use her2_adapter::pipeline::ledger::Ledger;
use her2_adapter::pipeline::metastases::is_of_distant_metastasis;
use her2_adapter::pipeline::record::DecisionRecord;
use her2_adapter::pipeline::results::{Composer, Release};
use her2_adapter::pipeline::{Derived, Rules, derive};
use her2_adapter::service::difference::difference;
use her2_adapter::service::files::{Entries, Input, InputText};
use serde_json::{Value, json};

use crate::support::{case_file, stage};

pub const IDENTIFIER_BASE: &str = "https://her2-adapter.example/fhir";

pub fn rules() -> Rules {
    // Reading the mapping and the vocabularies takes a while.
    static RULES: LazyLock<Rules> =
        LazyLock::new(|| app::rules(&Config::load(None).unwrap()).unwrap());
    RULES.clone()
}

pub fn case_folders() -> Vec<PathBuf> {
    folders_of_cases("tests/cases")
}

/// The folders with a case in them, directly under one.
pub fn folders_of_cases(under: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(under))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("bundle.json").exists())
        .collect();
    folders.sort();
    folders
}

/// Derives the entries of some Bundles together, later ones over earlier ones.
pub fn derive_bundles(bundles: &[String]) -> Derived {
    let mut pool = Pool::new(None);
    for bundle in bundles {
        let bundle = Json::parse(bundle).unwrap();
        for (index, entry) in bundle.items_at("entry").iter().enumerate() {
            if let Some(resource) = entry.get("resource") {
                // A broken entry is a value; here only what can be read is derived.
                let _ = pool.add(
                    resource.clone(),
                    entry.text_at("fullUrl"),
                    &format!("entry {index}"),
                );
            }
        }
    }
    derive(&pool, &rules())
}

fn bare(codes: &Value) -> Value {
    let mut codes: Vec<String> = codes
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["code"].as_str().unwrap().to_owned())
        .collect();
    codes.sort();
    codes.dedup();
    json!(codes)
}

/// What an expectation names of a record.
fn facts(record: &Value, expected: &Value) -> Value {
    let mut facts = json!({});
    for key in expected.as_object().unwrap().keys() {
        facts[key] = match key.as_str() {
            "undecided" => json!(!["positive", "negative"].contains(&text(&record["status"]))),
            "review_says" => said_of(&record["review"], &expected[key]),
            "evidence" => evidence_without_spans(&record[key]),
            "review" | "warnings" => bare(&record[key]),
            "excluded" | "related" => json!(record[key].as_array().unwrap().len()),
            "reported_status" => record[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|status| status["value"].clone())
                .collect(),
            key => record[key].clone(),
        };
    }
    facts
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Those of some words that stand in the details of review items.
fn said_of(items: &Value, words: &Value) -> Value {
    let details: Vec<&str> = (items.as_array().unwrap().iter())
        .map(|item| text(&item["detail"]))
        .collect();
    (words.as_array().unwrap().iter())
        .filter(|word| details.iter().any(|detail| detail.contains(text(word))))
        .cloned()
        .collect()
}

/// Evidence as expectations write it. Where in a text it stands is left to the tests of the reader of texts.
fn evidence_without_spans(evidence: &Value) -> Value {
    let mut evidence = evidence.clone();
    for test in ["ihc", "ish"] {
        for item in evidence[test].as_array_mut().unwrap() {
            let item = item.as_object_mut().unwrap();
            item.retain(|key, _| !["span", "span_at"].contains(&key.as_str()));
        }
    }
    evidence
}

/// Holds the cases of an input against what its author expects, and notes where they differ.
pub fn check(name: &str, derived: &Derived, expected: &Value, faults: &mut Vec<String>) {
    let mut records: Vec<Value> = derived
        .cases
        .iter()
        .map(|case| serde_json::to_value(DecisionRecord::of(case)).unwrap())
        .collect();
    let place = |record: &Value, key: &str| record[key].as_str().map(str::to_owned);
    records.sort_by_key(|record| (place(record, "specimen"), place(record, "subject")));
    let expected = expected.as_array().unwrap();
    if records.len() != expected.len() {
        faults.push(format!(
            "{name}: {} cases, expected {}",
            records.len(),
            expected.len()
        ));
    }
    for (record, expected) in records.iter().zip(expected) {
        let ours = facts(record, expected);
        for (key, value) in expected.as_object().unwrap() {
            if ours[key] != *value {
                faults.push(format!(
                    "{name}: {key} is {}, expected {value}; reasons {}",
                    ours[key], record["reasons"]
                ));
            }
        }
    }
}

#[test]
fn every_golden_case_ends_as_its_author_read_it() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for folder in case_folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
        let first = read("bundle.json");
        check(
            &name,
            &derive_bundles(std::slice::from_ref(&first)),
            &expected["cases"],
            &mut faults,
        );
        seen += 1;
        for later in [
            "bundle-amended.json",
            "bundle-addendum.json",
            "bundle-retracted.json",
        ] {
            if folder.join(later).exists() {
                let derived = derive_bundles(&[first.clone(), read(later)]);
                check(
                    &format!("{name} ({later})"),
                    &derived,
                    &expected["cases_after"],
                    &mut faults,
                );
            }
        }
    }
    assert!(seen >= 30, "only {seen} cases were read");
    assert!(
        faults.is_empty(),
        "{} faults in {seen} cases:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// A result that was decided by another choice must be looked at anew.
#[test]
fn the_ruleset_hash_covers_how_an_edition_is_chosen() {
    let with = |guidelines| {
        Rules {
            guidelines,
            ..rules()
        }
        .ruleset_hash()
    };
    let hashes = BTreeSet::from([
        rules().ruleset_hash(),
        with(Guidelines {
            by_site: [(Site::Breast, Edition::AscoCap2013)].into(),
            ..Guidelines::default()
        }),
        with(Guidelines {
            by_date: vec![("2013-10-07".parse().unwrap(), Edition::AscoCap2013)],
            ..Guidelines::default()
        }),
        with(Guidelines {
            chosen: Some(Edition::AscoCap2013),
            ..Guidelines::default()
        }),
    ]);
    assert_eq!(hashes.len(), 4);
}

/// The columns of a ledger by the names that expectations use.
pub fn columns(ledger: &Ledger) -> Value {
    json!({
        "written": ledger.written, "unchanged": ledger.unchanged, "not-her2": ledger.not_her2,
        "no-result": ledger.no_result, "review": ledger.review, "retry": ledger.retry, "failed": ledger.failed,
    })
}

#[tokio::test]
async fn every_golden_case_ends_in_the_column_its_author_expects() {
    let mut faults = Vec::new();
    for folder in case_folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected: Value = serde_json::from_str(&case_file(&name, "expected.json")).unwrap();
        let (_server, adapter) = stage(&[&name]).await;
        let report = adapter.pass().await;
        if columns(&report.ledger) != expected["ledger"] {
            faults.push(format!(
                "{name}: {}, expected {}",
                report.ledger, expected["ledger"]
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Cases whose resources are stored as golden texts, `resources.ndjson` beside the input.
const GOLDEN_RESOURCES: [&str; 8] = [
    "a-ratio-given-as-240-to-100-is-2-point-4",
    "a-ratio-of-exactly-2-with-4-copies-is-group-1",
    "copies-written-as-above-6-with-a-high-ratio-are-group-1",
    "group-2-without-ihc-asks-for-ihc",
    "group-3-and-2-plus-recounted-in-group-3-is-positive",
    "ihc-0-with-5-percent-stained-is-ultralow",
    "ihc-3-plus-with-group-5-is-positive-with-discordance",
    "left-and-right-breast-are-two-cases",
];

/// A text with its SHA-256 digests left out: they change with every mapping and rule, and say nothing to a reader.
fn without_digests(text: &str) -> String {
    const SHORTEST: usize = 40;
    let mut kept = String::new();
    let mut run = String::new();
    for character in text.chars().chain(std::iter::once('\n')) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        kept.push_str(if run.len() < SHORTEST { &run } else { "digest" });
        run.clear();
        kept.push(character);
    }
    kept.trim_end().to_owned()
}

#[test]
fn golden_resources_are_what_a_reader_accepted() {
    let config = Config::load(None).unwrap();
    let publishing = app::publishing(&config, Release::R4).unwrap();
    let mut faults = Vec::new();
    for name in GOLDEN_RESOURCES {
        let input = case_file(name, "bundle.json");
        let bundle = Json::parse(&input).unwrap();
        let mut pool = Pool::new(None);
        for entry in bundle.items_at("entry") {
            pool.add(
                entry.get("resource").unwrap().clone(),
                entry.text_at("fullUrl"),
                name,
            )
            .unwrap();
        }
        let rules = rules();
        let mut texts = String::new();
        for case in &derive(&pool, &rules).cases {
            let now = "2026-01-02T03:04:05Z";
            let composer = Composer::new(case, &pool, &rules, &publishing, now);
            let resources = composer.compose(None).unwrap();
            for written in resources.all() {
                texts.push_str(&without_digests(&written.text));
                texts.push('\n');
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/cases")
            .join(name)
            .join("resources.ndjson");
        if std::env::var_os("HER2_ACCEPT_SNAPSHOTS").is_some() {
            fs::write(&path, &texts).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        for (ours, theirs) in texts
            .lines()
            .zip(golden.lines().chain(std::iter::repeat("")))
        {
            let changed = difference(Some(theirs), ours);
            if ours != theirs {
                faults.push(format!("{name}:\n{}", changed.join("\n")));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{}\n\nIf this is what a reader should get: HER2_ACCEPT_SNAPSHOTS=1 cargo test --test it golden",
        faults.join("\n")
    );
}

#[test]
fn an_input_decided_group_by_group_gives_what_it_gives_as_a_whole() {
    let rules = rules();
    let mut groups = 0;
    for folder in case_folders() {
        let text = fs::read_to_string(folder.join("bundle.json")).unwrap();
        let input = Input {
            texts: vec![InputText {
                place: "a case".to_owned(),
                text: text.clone(),
            }],
            rejected: Vec::new(),
        };
        let bears_on_all = |resource: &Json<'_>| is_of_distant_metastasis(resource, &rules.mapping);
        let entries = Entries::look_for(&input, false, &bears_on_all, &mut |_| {});
        let mut by_group = Vec::new();
        for group in entries.groups() {
            groups += 1;
            let together = group.read(&mut |_| {}).unwrap();
            by_group.extend(described(&derive(&together.pool, &rules)));
        }
        by_group.sort();
        let mut whole = described(&derive_bundles(&[text]));
        whole.sort();
        assert_eq!(by_group, whole, "{}", folder.display());
    }
    assert!(groups > case_folders().len(), "{groups}");
}

fn described(derived: &Derived) -> Vec<String> {
    let cases = derived.cases.iter();
    cases
        .map(|case| {
            format!(
                "{} {}",
                case.fingerprint,
                DecisionRecord::of(case).to_json().unwrap()
            )
        })
        .chain(derived.empty.iter().map(|empty| format!("{empty:?}")))
        .chain(derived.units.iter().map(|unit| format!("{unit:?}")))
        .collect()
}
