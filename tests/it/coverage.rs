//! Which codes occur: the closed ledger over every golden case, and the quarantine that a pass keeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use her2_adapter::mapping::coverage::{Class, Coverage, PlaceKind};
use her2_adapter::mapping::table::{BASE, Mapping};
use her2_adapter::pipeline::Rules;
use her2_adapter::pipeline::coverage::coverage;
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::files::{self, Entries};
use her2_adapter::service::pass::PassOptions;
use serde_json::{Value, json};

use crate::golden_cases::{IDENTIFIER_BASE, case_folders, rules};
use crate::support::{case_file, stage};

const LOCAL: &str = "a-local-code-that-names-her2-is-a-review-item";

fn bundle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

fn covered(resources: &Value, rules: &Rules) -> Coverage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.json");
    let entries: Vec<Value> = (resources.as_array().unwrap().iter())
        .map(|resource| json!({ "resource": resource }))
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entries});
    fs::write(&path, bundle.to_string()).unwrap();
    of_file(&path, rules).0
}

/// The codes of a file, and how much of it cannot be read.
fn of_file(path: &Path, rules: &Rules) -> (Coverage, usize) {
    let input = files::read(&[path.to_owned()]);
    let mut rejected = input.rejected.len();
    let mut reject = |_| rejected += 1;
    let entries = Entries::look(&input, true, &mut reject);
    let mut occurring = Coverage::default();
    let mut counted = BTreeSet::new();
    for group in entries.groups() {
        if let Some(together) = group.read(&mut reject) {
            occurring.add(coverage(&together.pool, rules, &mut counted));
        }
    }
    (occurring, rejected)
}

/// The class of each question of some Observations, by code.
fn questions(resources: &Value) -> Vec<(String, Class)> {
    let coverage = covered(resources, &rules());
    (coverage.rows.keys())
        .filter(|(_, key)| key.kind == PlaceKind::Question)
        .map(|(class, key)| (key.to_string(), *class))
        .collect()
}

fn local(id: &str, code: &str, display: &str) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "urn:lis", "code": code, "display": display}]}, "valueString": "as before"})
}

/// Counted without the adapter: codings, texts without one, and units, wherever one is looked at.
fn codes_of(resource: &Value) -> u64 {
    let own = |json: &Value| match json["coding"].as_array() {
        Some(codings) if !codings.is_empty() => codings.len() as u64,
        _ => u64::from(json["text"].as_str().is_some()),
    };
    let each = |json: &Value| {
        json.as_array()
            .map_or(0, |list| list.iter().map(own).sum::<u64>())
    };
    let unit = |json: &Value| u64::from(json["code"].is_string() || json["unit"].is_string());
    let list = |json: &Value| json.as_array().cloned().unwrap_or_default();
    let contained: u64 = list(&resource["contained"]).iter().map(codes_of).sum();
    contained
        + match resource["resourceType"].as_str() {
            Some("Observation") => {
                let asked = std::iter::once(resource.clone()).chain(list(&resource["component"]));
                let asked = asked.map(|part| {
                    own(&part["code"])
                        + own(&part["valueCodeableConcept"])
                        + u64::from(part["valueString"].is_string())
                        + each(&part["interpretation"])
                        + own(&part["dataAbsentReason"])
                        + unit(&part["valueQuantity"])
                        + unit(&part["valueRatio"]["numerator"])
                        + unit(&part["valueRatio"]["denominator"])
                        + unit(&part["valueRange"]["low"])
                        + unit(&part["valueRange"]["high"])
                });
                asked.sum::<u64>() + own(&resource["method"]) + own(&resource["bodySite"])
            }
            Some("DiagnosticReport" | "Substance") => own(&resource["code"]),
            Some("Specimen") => {
                let containers = list(&resource["container"]);
                let steps = list(&resource["processing"]);
                let collection = &resource["collection"];
                own(&resource["type"])
                    + own(&collection["method"])
                    + own(&collection["bodySite"])
                    + containers
                        .iter()
                        .map(|held| own(&held["type"]) + own(&held["additiveCodeableConcept"]))
                        .sum::<u64>()
                    + steps
                        .iter()
                        .map(|step| {
                            let described = u64::from(step["description"].is_string());
                            own(&step["procedure"]).max(described)
                        })
                        .sum::<u64>()
            }
            Some("Condition") => {
                // Of its extensions the morphology alone is a concept.
                let extensions = list(&resource["extension"]);
                let morphology = extensions
                    .iter()
                    .map(|held| own(&held["valueCodeableConcept"]));
                own(&resource["code"]) + each(&resource["bodySite"]) + morphology.sum::<u64>()
            }
            _ => 0,
        }
}

#[test]
fn every_code_of_every_golden_case_is_counted_once_and_ends_in_one_class() {
    let rules = rules();
    let mut total = 0;
    for case in case_folders() {
        let path = case.join("bundle.json");
        let text = fs::read_to_string(&path).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let (coverage, rejected) = of_file(&path, &rules);
        if rejected > 0 {
            continue;
        }
        let expected: u64 = (json["entry"].as_array().unwrap().iter())
            .map(|entry| codes_of(&entry["resource"]))
            .sum();
        assert_eq!(coverage.seen, expected, "{}", path.display());
        let classes: u64 = Class::ALL
            .iter()
            .map(|class| coverage.of_class(*class))
            .sum();
        assert_eq!(coverage.seen, classes, "{}", path.display());
        total += coverage.seen;
    }
    assert!(total > 800, "{total}");
}

#[test]
fn an_unmapped_code_is_ours_by_its_words_its_panel_or_its_report_and_else_not() {
    let ihc = json!({"resourceType": "Observation", "id": "ihc", "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "85319-2"}]},
        "valueCodeableConcept": {"coding": [{"system": "urn:lis", "code": "2"}]},
        "component": [local("", "PART", "a part")]});
    let panel = json!({"resourceType": "Observation", "id": "panel", "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "74885-5"}]},
        "hasMember": [{"reference": "Observation/member"}]});
    let report = json!({"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "85318-4"}]},
        "result": [{"reference": "Observation/inside"}]});
    let classes = questions(&json!([
        ihc,
        panel,
        report,
        local("named", "NAMED", "c-erbB-2 by our method"),
        local("member", "MEMBER", "count"),
        local("inside", "INSIDE", "count"),
        local("other", "OTHER", "p53"),
        {"resourceType": "Observation", "id": "serum", "status": "final", "subject": {"reference": "Patient/p"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "32996-1"}]}},
    ]));
    let of = |code: &str| {
        let found = classes
            .iter()
            .find(|(key, _)| key.ends_with(&format!("|{code}")));
        found
            .unwrap_or_else(|| panic!("no {code} in {classes:?}"))
            .1
    };
    for code in ["PART", "NAMED", "MEMBER", "INSIDE"] {
        assert_eq!(of(code), Class::Unmapped, "{code}");
    }
    assert_eq!(of("OTHER"), Class::NotOurConcern);
    assert_eq!(of("32996-1"), Class::Excluded);
    assert_eq!(of("85319-2"), Class::Mapped);
}

#[test]
fn the_text_of_a_value_never_leaves() {
    let mut observation = local("o", "HER2X", "HER2 by our method");
    observation["valueString"] = json!("CANARY1 told us");
    observation["code"]["text"] = json!("CANARY2");
    observation["interpretation"] = json!([{"text": "CANARY3"}]);
    let mut coded = local("c", "HER2Y", "HER2 status 1234567 CANARY4");
    coded["valueString"] = Value::Null;
    coded["valueCodeableConcept"] = json!({"text": "CANARY5"});
    let coverage = covered(&json!([observation, coded]), &rules());
    assert_eq!(coverage.of_class(Class::Unmapped), 5);
    assert!(!format!("{coverage:?}").contains("CANARY"), "{coverage:?}");
}

#[tokio::test]
async fn a_pass_puts_unmapped_codes_aside_once_and_a_mapping_that_knows_them_takes_them_out() {
    let (server, mut adapter) = stage(&[]).await;
    let text = fs::read_to_string(bundle("new_lab/bundle.json")).unwrap();
    let mut reports: Value = serde_json::from_str(&text).unwrap();
    for entry in reports["entry"].as_array_mut().unwrap() {
        if entry["resource"]["resourceType"] == "DiagnosticReport" {
            // A search finds reports by codes that are known.
            let code = json!({"coding": [{"system": "http://loinc.org", "code": "60568-3"}]});
            entry["resource"]["code"] = code;
        }
    }
    server.seed_bundle(&reports.to_string()).unwrap();
    let report = adapter.pass().await;
    assert_eq!((report.ledger.review, report.unmapped.len()), (2, 10));
    let first = adapter.store.quarantined().await.unwrap();
    assert_eq!(first.len(), 10);
    let ihc = first.iter().find(|row| row.key.code == "H2I").unwrap();
    assert_eq!(
        (ihc.count, ihc.example.as_str()),
        (2, "Observation/lab-o11")
    );
    assert_eq!(ihc.display.as_deref(), Some("HER2 IHC score"));

    adapter.pass().await;
    assert_eq!(adapter.store.quarantined().await.unwrap(), first);

    let example = include_str!("../../mappings/profiles/example-lis.toml");
    let files = [("base", BASE), ("example-lis", example)];
    adapter.rules.mapping = Mapping::load(&files, IDENTIFIER_BASE).unwrap();
    let report = adapter.pass().await;
    assert_eq!((report.ledger.written, report.ledger.review), (2, 0));
    assert!(adapter.store.quarantined().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_dry_run_puts_nothing_aside() {
    let (_server, adapter) = stage(&[LOCAL]).await;
    let options = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    let report = adapter.try_pass(&options).await.unwrap();
    assert!(!report.unmapped.is_empty());
    assert!(adapter.store.quarantined().await.unwrap().is_empty());
}

fn her2_adapter(arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_her2-adapter"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [printed, log] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(0), "{log}");
    (printed, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_on_a_server_are_listed_as_a_pass_meets_them_and_kept_in_quarantine() {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    server
        .seed_bundle(&case_file(LOCAL, "bundle.json"))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("site.toml");
    let store = folder.path().join("store.sqlite");
    let text = format!(
        "[server]\nread = \"{}\"\n[store]\npath = {store:?}\n",
        server.base_url()
    );
    fs::write(&settings, text).unwrap();
    let with = |arguments: &[&str]| {
        let settings = ["--config", settings.to_str().unwrap()];
        her2_adapter(&[arguments, &settings].concat())
    };

    let (json, _) = with(&["mappings", "coverage", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let sum = &json["sum"];
    let part = |name: &str| sum[name].as_u64().unwrap();
    assert_eq!(part("unmapped"), 2);
    let parts = ["mapped", "excluded", "unmapped", "not_our_concern"].map(part);
    assert_eq!(part("seen"), parts.iter().sum::<u64>());
    assert_eq!(json["codes"][0]["code"], "H2-IHC");
    let (none, _) = with(&["mappings", "coverage", "--since", "2099-01-01"]);
    assert!(none.contains("\n0 seen = "), "{none}");
    assert!(server.all("Task").is_empty(), "looking writes nothing");

    let (_, log) = with(&["run"]);
    assert!(log.contains("unmapped codes of HER2 results: 2;"), "{log}");
    let (csv, _) = with(&["mappings", "coverage", "--quarantine", "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let codes: Vec<String> = (reader.records())
        .map(|record| record.unwrap()[2].to_owned())
        .collect();
    assert_eq!(codes, ["H2-3", "H2-IHC"]);
    let (proposals, _) = with(&["mappings", "suggest", "--quarantine"]);
    for is in ["score-3+", "ihc-score"] {
        assert!(proposals.contains(&format!("is = \"{is}\"")), "{proposals}");
    }
}
