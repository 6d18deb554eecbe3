//! The program as a person runs it: what it prints, and how it ends.

use std::fs;
use std::process::{Command, Output, Stdio};

use her2_adapter::her2::evidence::Site;
use her2_adapter::her2::guideline::Edition;
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use serde_json::Value;

use crate::support::case_file;

pub fn her2_adapter(arguments: &[&str]) -> Output {
    her2_adapter_with(&[], arguments)
}

/// The same with variables of the environment.
pub fn her2_adapter_with(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_her2-adapter"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The records of the cases of a file.
fn records(variables: &[(&str, &str)], arguments: &[&str]) -> Vec<Value> {
    let arguments: Vec<&str> = ["explain", "--format", "ndjson"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    let output = her2_adapter_with(variables, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    (lines.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn file(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.json");
    fs::write(&path, content).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (folder, name)
}

#[test]
fn the_demo_runs_the_whole_job_and_its_second_pass_writes_nothing() {
    let output = her2_adapter(&["demo"]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let second = printed
        .lines()
        .find(|line| line.starts_with("second pass:"))
        .unwrap();
    assert!(second.contains(" 0 written "), "{second}");
}

#[test]
fn derive_prints_resources_alone_and_the_same_bytes_each_time() {
    let (_folder, input) = file(&case_file(
        "group-5-with-2-plus-is-negative-low",
        "bundle.json",
    ));
    let output = her2_adapter(&["derive", &input]);
    assert_eq!(output.status.code(), Some(0));
    let kinds: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| {
            let resource: serde_json::Value = serde_json::from_str(line).unwrap();
            resource["resourceType"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds, ["Observation", "Provenance", "Task"]);
    assert!(text(&output.stderr).contains("ledger: 1 seen = 1 written"));
    assert_eq!(output.stdout, her2_adapter(&["derive", &input]).stdout);
}

#[test]
fn strict_tells_by_its_exit_code_that_something_waits() {
    let (_folder, input) = file(&case_file(
        "group-2-without-ihc-asks-for-ihc",
        "bundle.json",
    ));
    assert_eq!(her2_adapter(&["derive", &input]).status.code(), Some(0));
    assert_eq!(
        her2_adapter(&["derive", "--strict", &input]).status.code(),
        Some(1)
    );
}

#[test]
fn wrong_usage_and_unreadable_input_end_with_2_and_say_where() {
    assert_eq!(her2_adapter(&["derive"]).status.code(), Some(2));
    assert_eq!(
        her2_adapter(&["derive", "/no/such/file"]).status.code(),
        Some(2)
    );
    assert_eq!(her2_adapter(&["nonsense"]).status.code(), Some(2));
    assert_eq!(
        her2_adapter(&["table", "--guideline", "asco-cap-1999"])
            .status
            .code(),
        Some(2)
    );
    let (_folder, input) = file("{\n \"resourceType\": oops}");
    let output = her2_adapter(&["derive", &input]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("line 2, column 18"),
        "{}",
        text(&output.stderr)
    );
    let (_folder, settings) = file("[server]\nred = \"http://127.0.0.1:1\"\n");
    let output = her2_adapter(&["check", "--config", &settings]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("server.red"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_server_that_cannot_be_reached_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("site.toml");
    let store = folder.path().join("store.sqlite");
    fs::write(
        &settings,
        format!("[server]\nread = \"http://127.0.0.1:9/fhir\"\nattempts = 1\n[store]\npath = {store:?}\n"),
    )
    .unwrap();
    let output = her2_adapter(&["run", "--config", settings.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[test]
fn explain_gives_a_record_with_the_fields_others_hold_on_to() {
    let (_folder, input) = file(&case_file("group-3-with-1-plus-is-negative", "bundle.json"));
    let output = her2_adapter(&["explain", "--format", "ndjson", &input]);
    let record: serde_json::Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    assert_eq!(record["status"], "negative");
    assert_eq!(record["ish_group"], 3);
    assert_eq!(record["rule"], "asco-cap-2018/dual/group-3/ihc-1+");
    for field in [
        "case",
        "subject",
        "specimen",
        "joined_by",
        "site",
        "guideline",
        "category",
        "recount_group",
        "next_action",
        "reasons",
        "review",
        "warnings",
        "evidence",
        "reported_status",
        "related",
        "excluded",
    ] {
        assert!(record.get(field).is_some(), "{field}");
    }
}

const GROUP_2: &str = "group-2-and-2-plus-recounted-in-group-2-is-negative";
const GASTRIC: &str = "a-gastric-tumour-is-judged-by-the-gastric-edition";
const NO_SITE: &str = "an-unknown-primary-site-is-not-guessed";

#[test]
fn explain_under_another_edition_shows_the_settings_edition_beside_it() {
    let (_folder, input) = file(&case_file(GROUP_2, "bundle.json"));
    let as_set = text(&her2_adapter(&["explain", &input]).stdout);
    assert!(!as_set.contains('≠'), "{as_set}");

    let asked = ["explain", "--guideline", "asco-cap-2013", &input];
    let page = text(&her2_adapter(&asked).stdout);
    assert!(
        page.contains(
            "Edition   ASCO/CAP 2013, invasive breast cancer; chosen on the command line\n"
        ),
        "{page}"
    );
    let row = |label: &str| {
        let unmarked = |line: &&str| line.trim_start_matches(['≠', ' ']).starts_with(label);
        let line = page.lines().find(unmarked);
        line.unwrap_or_else(|| panic!("no {label} in\n{page}"))
    };
    let editions = row("asco-cap-2018, chosen by the primary site");
    assert!(editions.contains("  asco-cap-2013, chosen on the command line"));
    for label in [
        "status       ",
        "category     ",
        "ISH group    ",
        "next action  ",
        "rule         ",
        "review       ",
        "warnings     ",
        "decided by   ",
    ] {
        row(label);
    }
    assert!(row("rule  ").starts_with('≠'));
    assert!(row("rule  ").contains("asco-cap-2018/dual/group-2/"));
    assert!(row("status  ").contains("negative"));
    assert!(
        page.lines().all(|line| line.chars().count() <= 100),
        "{page}"
    );

    let mut asked = asked.to_vec();
    asked.extend(["--format", "markdown"]);
    let page = text(&her2_adapter(&asked).stdout);
    assert!(
        page.contains("### asco-cap-2018 and asco-cap-2013 side by side\n"),
        "{page}"
    );
    assert!(page.contains("\n| status | negative | "), "{page}");

    let [record] = records(&[], &["--guideline", "asco-cap-2013", &input])
        .try_into()
        .unwrap();
    assert_eq!(record["guideline"], "asco-cap-2013");
    assert_eq!(
        record["reasons"][0],
        "Edition asco-cap-2013: chosen on the command line."
    );
}

#[test]
fn an_edition_that_does_not_cover_a_case_does_not_decide_it_and_that_is_said() {
    let (_folder, input) = file(&case_file(GASTRIC, "bundle.json"));
    let arguments = ["explain", "--guideline", "asco-cap-2013", &input];
    let output = her2_adapter(&arguments);
    assert!(
        text(&output.stderr).contains(
            "asco-cap-2013 does not cover the site of 1 of 1 cases: 1 decided by gastric-2016"
        ),
        "{}",
        text(&output.stderr)
    );
    assert!(!text(&output.stdout).contains('≠'));
    let [record] = records(&[], &["--guideline", "asco-cap-2013", &input])
        .try_into()
        .unwrap();
    assert_eq!(record["guideline"], "gastric-2016");
    assert_eq!(
        record["reasons"][0],
        "Edition gastric-2016: chosen by the primary site."
    );
}

#[test]
fn a_site_may_be_assumed_where_the_data_name_none_and_chooses_the_edition() {
    let (_folder, input) = file(&case_file(NO_SITE, "bundle.json"));
    let assuming = |site: &str| -> Value {
        let [record] = records(&[], &["--assume-site", site, &input])
            .try_into()
            .unwrap();
        record
    };
    assert_eq!(assuming("breast")["guideline"], "asco-cap-2018");
    let gastric = assuming("gastroesophageal");
    assert_eq!(gastric["site"], "gastroesophageal");
    assert_eq!(gastric["guideline"], "gastric-2016");
    assert_ne!(gastric["status"], "insufficient");

    let colorectal = assuming("colorectal");
    assert_eq!(colorectal["status"], "insufficient");
    assert_eq!(colorectal["next_action"], "none");
    assert_eq!(colorectal["review"][0]["code"], "site-without-edition");
    assert_eq!(
        colorectal["reasons"][0],
        "Edition asco-cap-2018: named but not applied, since no edition covers this primary site."
    );

    let output = her2_adapter(&["explain", "--assume-site", "liver", &input]);
    assert_eq!(output.status.code(), Some(2));
    for site in Site::ALL {
        assert!(text(&output.stderr).contains(site.name()));
    }
}

#[test]
fn a_record_says_whether_the_report_date_chose_its_edition() {
    let bundle = case_file(GROUP_2, "bundle.json");
    let (_folder, input) = file(&bundle);
    let by_date = (
        "HER2_ADAPTER__GUIDELINE__BY_DATE",
        "2013-10-07 asco-cap-2013,2018-05-30 asco-cap-2018",
    );
    for (year, edition) in [("2024", "asco-cap-2018"), ("2015", "asco-cap-2013")] {
        let (_folder, input) = file(&bundle.replace("2024-", &format!("{year}-")));
        let [record] = records(&[by_date], &[&input]).try_into().unwrap();
        assert_eq!(record["guideline"], edition);
        let reason = record["reasons"][0].as_str().unwrap();
        let beginning = format!("Edition {edition}: chosen by the report date {year}-");
        assert!(reason.starts_with(&beginning), "{reason}");
    }

    let [record] = records(&[by_date], &["--guideline", "asco-cap-2007", &input])
        .try_into()
        .unwrap();
    assert_eq!(
        record["reasons"][0],
        "Edition asco-cap-2007: chosen on the command line."
    );

    let descending = (
        by_date.0,
        "2018-05-30 asco-cap-2018,2013-10-07 asco-cap-2013",
    );
    let output = her2_adapter_with(&[descending], &["explain", &input]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("guideline.by_date"));
}

#[test]
fn the_table_is_that_of_every_edition_unless_one_is_asked_for() {
    let table = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["table"].iter().chain(arguments).copied().collect();
        text(&her2_adapter(&arguments).stdout)
    };
    let all = table(&[]);
    let all_records = table(&["--format", "csv"]);
    for edition in Edition::ALL {
        let one = table(&["--guideline", edition.id()]);
        assert!(all.contains(&one), "{}", edition.id());
        let records = table(&["--guideline", edition.id(), "--format", "csv"]);
        let (header, records) = records.split_once('\n').unwrap();
        assert!(all_records.contains(records), "{}", edition.id());
        assert_eq!(all_records.matches(header).count(), 1);
    }
    let one = table(&["--guideline", "asco-cap-2018"]);
    assert!(!one.contains(Edition::AscoCap2013.title()));
}

#[test]
fn names_dates_of_birth_identifiers_and_report_text_never_reach_the_log() {
    let canary = |number: u32| format!("CANARY{number}");
    let bundle = case_file(
        "a-score-in-the-conclusion-alone-is-read-as-narrative",
        "bundle.json",
    );
    let mut bundle: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        let resource = &mut entry["resource"];
        match resource["resourceType"].as_str() {
            Some("Patient") => {
                resource["name"] = serde_json::json!([{"family": canary(1)}]);
                resource["birthDate"] = serde_json::json!("1971-02-03");
                resource["identifier"] =
                    serde_json::json!([{"system": "urn:mrn", "value": canary(2)}]);
            }
            Some("DiagnosticReport") => {
                resource["conclusion"] = serde_json::json!(format!("HER2 3+ {}", canary(3)));
                resource["code"] = serde_json::json!({"coding":[{"system":"http://loinc.org","code":"60568-3"}],"text":canary(4)});
            }
            _ => {}
        }
    }
    let (_folder, input) = file(&bundle.to_string());
    for command in ["derive", "explain"] {
        let output = her2_adapter(&[command, &input]);
        let log = text(&output.stderr);
        assert!(
            !log.contains("CANARY") && !log.contains("1971-02-03"),
            "{log}"
        );
        assert!(
            !text(&output.stdout).contains("CANARY3"),
            "report text is not copied"
        );
    }
}

#[test]
fn a_moment_that_is_no_instant_ends_with_2() {
    let (_folder, input) = file(&case_file(
        "group-5-with-2-plus-is-negative-low",
        "bundle.json",
    ));
    let with = |now: &str| {
        her2_adapter(&["derive", "--now", now, &input])
            .status
            .code()
    };
    assert_eq!(with("2026-11-20T10:00:00+01:00"), Some(0));
    for now in ["", "today", "2026-11-20", "2026-11-20T10:00:00"] {
        assert_eq!(with(now), Some(2), "{now}");
    }
}

#[test]
fn a_mapping_file_that_cannot_be_read_ends_with_2() {
    let (_folder, settings) = file("[input]\nmapping_files = [\"/no/such/mapping.toml\"]\n");
    let output = her2_adapter(&["explain", "--config", &settings, "-"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("/no/such/mapping.toml"));
}

#[test]
fn an_empty_bundle_is_read_and_one_that_holds_nothing_readable_is_not() {
    for (bundle, code) in [
        (r#"{"resourceType":"Bundle","type":"collection"}"#, 0),
        (
            r#"{"resourceType":"Bundle","type":"collection","entry":[{}]}"#,
            2,
        ),
    ] {
        let (_folder, input) = file(bundle);
        for command in ["derive", "explain"] {
            let output = her2_adapter(&[command, &input]);
            assert_eq!(output.status.code(), Some(code), "{command} {bundle}");
        }
    }
}

/// Settings for a server and a store.
fn settings(server: &FakeServer, store: &str) -> (tempfile::TempDir, String) {
    let base = server.base_url();
    file(&format!(
        "[server]\nread = \"{base}\"\nattempts = 1\n[store]\npath = {store:?}\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn check_ends_with_3_for_the_store_and_with_2_for_anything_else() {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.sqlite");
    let (_good, path) = settings(&server, store.to_str().unwrap());
    let output = her2_adapter(&["check", "--config", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let (_bad, path) = settings(&server, "/no/such/folder/store.sqlite");
    let output = her2_adapter(&["check", "--config", &path]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("the store cannot be used"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_ends_early_says_how_far_it_came() {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.sqlite");
    let (_settings, path) = settings(&server, store.to_str().unwrap());
    // What the server honours is known before it stops accepting us.
    her2_adapter(&["run", "--config", &path]);
    let case = "broken-entries-do-not-cost-the-good-case";
    server.seed_bundle(&case_file(case, "bundle.json")).unwrap();
    server.order_fault("status:code=401,method=POST".parse().unwrap());
    let output = her2_adapter(&["run", "--config", &path]);
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{log}");
    assert!(log.contains("ledger so far: 1 seen"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_on_the_server_is_explained_under_another_edition_as_a_file_is() {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    let bundle = case_file(GROUP_2, "bundle.json");
    server.seed_bundle(&bundle).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.sqlite");
    let (_settings, path) = settings(&server, store.to_str().unwrap());
    let output = her2_adapter(&["run", "--config", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));

    let (_folder, input) = file(&bundle);
    let [record] = records(&[], &[&input]).try_into().unwrap();
    let id = record["case"].as_str().unwrap();
    let asked = ["explain", "--guideline", "asco-cap-2013"];
    let of_file = her2_adapter(&[&asked[..], &[&input]].concat());
    let of_server = her2_adapter(&[&asked[..], &["--config", &path, "--case", id]].concat());
    let (of_server, of_file) = (of_server, text(&of_file.stdout));
    let page = text(&of_server.stdout);
    let history = (page.strip_prefix(&of_file))
        .unwrap_or_else(|| panic!("{page}{}", text(&of_server.stderr)));
    assert!(
        history.starts_with(&format!(
            "History of {id}\n  version 1 · preliminary · HER2 negative"
        )),
        "{history}"
    );
    assert!(text(&of_server.stdout).contains("≠ rule "));
}
