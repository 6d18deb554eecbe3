//! Pages made to take memory or time: the program ends, names what it cannot take, loses nothing else, and stays within
//! 64 MB for 16 MB of input.
//!
//! Here the pages are smaller, since a debug build is slow. With `HER2_LARGE_PAGES_WITH` set to a release build, that one
//! is given pages of full size.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, thread};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::case_file;

/// The bound.
const MOST_KIBIBYTES: u64 = 64 * 1024;
/// What a release build takes for a page of one result, which is its code and tables.
const KIBIBYTES_OF_ONE_RESULT: u64 = 20 * 1024;

/// The bound for the program that is tried. The code of a debug build is larger, more so with R5 models; a page may take as
/// much beside it as beside that of a release build.
fn most() -> u64 {
    static OF_DEBUG_BUILD: OnceLock<u64> = OnceLock::new();
    match env::var_os("HER2_LARGE_PAGES_WITH") {
        Some(_) => MOST_KIBIBYTES,
        None => *OF_DEBUG_BUILD.get_or_init(|| {
            let (_, peak, _) = derived("page.json", bundle(&[ihc(0, "")]).as_bytes());
            peak + MOST_KIBIBYTES - KIBIBYTES_OF_ONE_RESULT
        }),
    }
}

/// The program to try, and the size of a page for it, in bytes.
fn tried() -> (PathBuf, usize) {
    match env::var_os("HER2_LARGE_PAGES_WITH") {
        Some(release_build) => (release_build.into(), 16 * 1024 * 1024),
        None => (env!("CARGO_BIN_EXE_her2-adapter").into(), 128 * 1024),
    }
}

fn page_size() -> usize {
    tried().1
}

/// Derives a page, and gives the ledger's line. The page may take no more memory than it may.
#[track_caller]
fn ledger_of(page: &str) -> String {
    ledger_of_bytes("page.json", page.as_bytes())
}

#[track_caller]
fn ledger_of_bytes(name: &str, page: &[u8]) -> String {
    let (code, peak, heard) = derived(name, page);
    assert!(peak < most(), "{peak} KiB");
    assert!(matches!(code, Some(0 | 2)), "{code:?}: {heard}");
    heard
        .lines()
        .find_map(|line| line.strip_prefix("ledger: "))
        .unwrap_or_else(|| panic!("{heard}"))
        .to_owned()
}

/// Derives a page: how that ended, the most memory that it took, in KiB, and what was said.
fn derived(name: &str, page: &[u8]) -> (Option<i32>, u64, String) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join(name);
    fs::write(&input, page).unwrap();
    let heard = folder.path().join("stderr");
    let child = Command::new(tried().0)
        .arg("derive")
        .arg(&input)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&heard).unwrap())
        .spawn()
        .unwrap();
    let (code, peak) = ended(child);
    (code, peak, fs::read_to_string(heard).unwrap())
}

/// How a program ended, and the most memory that it had, in KiB. The kernel counts that until the program ends, and tells
/// it only when asked.
#[allow(clippy::disallowed_methods)]
fn ended(mut child: Child) -> (Option<i32>, u64) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let lines = fs::read_to_string(&status).unwrap_or_default();
        let highest = lines.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kibibytes) = highest.and_then(|rest| rest.split_whitespace().next()) {
            peak = kibibytes.parse().unwrap();
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), peak);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn bundle(entries: &[String]) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"searchset","entry":[{}]}}"#,
        entries.join(",")
    )
}

/// A Bundle with as many entries as a page holds.
fn bundle_of(entry: impl FnMut(usize) -> String) -> String {
    bundle(&filling(entry))
}

fn filling(entry: impl FnMut(usize) -> String) -> Vec<String> {
    filling_up_to(page_size(), entry)
}

fn filling_up_to(size: usize, mut entry: impl FnMut(usize) -> String) -> Vec<String> {
    let mut left = size - 100;
    let mut entries = Vec::new();
    loop {
        let next = entry(entries.len());
        match left.checked_sub(next.len() + 1) {
            Some(rest) => left = rest,
            None => return entries,
        }
        entries.push(next);
    }
}

fn resource(kind: &str, rest: &str) -> String {
    format!(r#"{{"resource":{{"resourceType":"{kind}",{rest}}}}}"#)
}

/// An IHC score of 3+, with further members.
fn ihc(id: usize, further: &str) -> String {
    resource(
        "Observation",
        &format!(
            r#""id":"o{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"85319-2"}}]}},"subject":{{"reference":"Patient/p"}},"valueCodeableConcept":{{"coding":[{{"system":"http://loinc.org","code":"LA11843-2"}}]}}{further}"#
        ),
    )
}

/// A HER2 report with further members.
fn report(id: usize, further: &str) -> String {
    resource(
        "DiagnosticReport",
        &format!(
            r#""id":"r{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"85319-2"}}]}},"subject":{{"reference":"Patient/p"}}{further}"#
        ),
    )
}

fn text_member(key: &str, unit: &str) -> String {
    format!(r#","{key}":"{}""#, repeated(unit))
}

/// A text as long as a page has room for.
fn repeated(unit: &str) -> String {
    unit.repeat((page_size() - 2_000) / unit.len())
}

fn column(ledger: &str, name: &str) -> u64 {
    let words: Vec<&str> = ledger.split_whitespace().collect();
    let at = words.iter().position(|word| *word == name).unwrap();
    words[at - 1].parse().unwrap()
}

/// Golden cases again and again, as those of other patients.
fn many_patients(written: fn(&Value) -> String) -> Vec<String> {
    let cases = [
        "ihc-report-with-a-later-fish-addendum",
        "slides-of-one-block-are-one-case",
        "left-and-right-breast-are-two-cases",
        "group-4-recounted-in-group-5-asks-for-adjudication",
    ]
    .map(|case| serde_json::from_str::<Value>(&case_file(case, "bundle.json")).unwrap());
    filling(|index| {
        let entries = cases[index % cases.len()]["entry"].as_array().unwrap();
        let mut texts: Vec<String> = entries.iter().map(written).collect();
        for text in &mut texts {
            for entry in entries {
                let id = entry["resource"]["id"].as_str().unwrap();
                *text = text
                    .replace(&format!("/{id}\""), &format!("/{id}-{index}\""))
                    .replace(
                        &format!(r#""id":"{id}""#),
                        &format!(r#""id":"{id}-{index}""#),
                    )
                    .replace(
                        &format!(r#""id": "{id}""#),
                        &format!(r#""id": "{id}-{index}""#),
                    );
            }
        }
        texts.join(",")
    })
}

#[test]
fn thousands_of_patients_are_decided_one_after_the_other() {
    for written in [
        |entry: &Value| entry.to_string(),
        |entry: &Value| serde_json::to_string_pretty(entry).unwrap(),
    ] {
        let patients = many_patients(written);
        let ledger = ledger_of(&bundle(&patients));
        assert!(column(&ledger, "seen") >= patients.len() as u64, "{ledger}");
        assert_eq!(column(&ledger, "failed"), 0, "{ledger}");
    }
}

#[test]
fn a_large_attachment_costs_no_report() {
    for unit in ["QUJD", r"QU\/K"] {
        let attachment = format!(
            r#","conclusion":"HER2 3+","presentedForm":[{{"contentType":"application/pdf","data":"{}"}}]"#,
            repeated(unit)
        );
        let ledger = ledger_of(&bundle(&[report(0, &attachment)]));
        assert_eq!(column(&ledger, "failed"), 0, "{ledger}");
        assert_eq!(column(&ledger, "review"), 1, "{ledger}");
    }
}

#[test]
fn a_resource_of_too_many_values_costs_no_other() {
    // Of smaller pages, not every one has too many.
    let size = page_size().max(1024 * 1024);
    let zeros = "0,".repeat(size / 2 - 1_000);
    let keys: Vec<String> = filling_up_to(size, |index| format!(r#""{index:x}":0"#));
    let nested = format!("{}{}", "[".repeat(size / 3), "]".repeat(size / 3));
    let boxes = filling_up_to(size, |_| format!("{}{}", "[".repeat(60), "]".repeat(60)));
    for content in [
        format!(r#""x":[{zeros}0]"#),
        keys.join(","),
        format!(r#""x":{nested}"#),
        format!(r#""x":[{}]"#, boxes.join(",")),
    ] {
        let page = bundle(&[ihc(0, ""), resource("Observation", &content)]);
        let ledger = ledger_of(&page);
        assert_eq!(column(&ledger, "written"), 1, "{ledger}");
        assert_eq!(column(&ledger, "failed"), 1, "{ledger}");
    }
}

#[test]
fn a_million_things_that_are_nothing_are_counted() {
    let pages = [
        bundle_of(|_| "{}".to_owned()),
        bundle_of(|_| r#"{"resource":{}}"#.to_owned()),
        bundle_of(|_| r#"{"resource":{"a":0,"a":0}}"#.to_owned()),
        bundle_of(|_| r#"{"resource":{"resourceType":"Bundle","entry":[{}]}}"#.to_owned()),
        format!("[{}0]", "0,".repeat(page_size() / 2 - 1_000)),
        "{}\n".repeat(page_size() / 3),
    ];
    for page in pages {
        let ledger = ledger_of(&page);
        assert_eq!(
            column(&ledger, "failed"),
            column(&ledger, "seen"),
            "{ledger}"
        );
    }
}

#[test]
fn a_million_small_resources_are_read() {
    let pages = [
        bundle_of(|_| r#"{"resource":{"resourceType":"Observation"}}"#.to_owned()),
        bundle_of(|index| format!(r#"{{"resource":{{"resourceType":"K{index}"}}}}"#)),
        filling(|index| format!(r#"{{"resourceType":"Observation","id":"{index}"}}"#)).join("\n"),
        filling(|index| format!(r#"{{"resourceType":"Goal","id":"{index}"}}"#)).join("\n"),
        bundle_of(|index| {
            let identifier = r#"{"system":"u","value":"1"}"#;
            let subject = format!(r#","subject":{{"identifier":{identifier}}}"#);
            let patient = format!(r#""id":"p{index}","identifier":[{identifier}]"#);
            format!(
                "{},{}",
                resource("Patient", &patient),
                ihc(index, &subject).replacen(r#""subject":{"reference":"Patient/p"},"#, "", 1)
            )
        }),
        bundle_of(|index| {
            let condition = format!(r#""id":"c","meta":{{"versionId":"{index}"}}"#);
            let focus = r#","focus":[{"reference":"Condition/c"}]"#;
            format!(
                "{},{}",
                resource("Condition", &condition),
                ihc(index, focus)
            )
        }),
    ];
    for page in pages {
        ledger_of(&page);
    }
}

#[test]
fn long_texts_cost_no_more_than_themselves() {
    let coded = r#""id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85319-2"}]}"#;
    let of_text = format!(
        r#""id":"o","status":"final","valueString":"3+","code":{{"text":"{}"}}"#,
        repeated("HER2 ")
    );
    let answer = format!(
        r#"{coded},"valueCodeableConcept":{{"coding":[{{"system":"http://loinc.org","code":"LA11843-2","display":"{}"}}]}}"#,
        repeated("3+ ")
    );
    let mut contents = vec![of_text, answer];
    for (key, unit) in [
        ("valueString", r"\u00e9"),
        ("valueString", r"\n"),
        ("valueString", "a "),
        ("valueString", "3+ "),
        ("effectiveDateTime", "-"),
    ] {
        contents.push(format!("{coded}{}", text_member(key, unit)));
    }
    contents.push(format!(r#""id":"{}""#, repeated("a")));
    contents.push(format!(
        r#"{coded},"valueQuantity":{{"value":{}}}"#,
        repeated("1")
    ));
    for content in contents {
        let ledger = ledger_of(&bundle(&[resource("Observation", &content)]));
        assert_eq!(column(&ledger, "seen"), 1, "{ledger}");
    }
}

#[test]
fn long_narratives_are_looked_through() {
    for (key, unit) in [
        ("conclusion", "HER2 score 2+, ratio 1.8. "),
        ("conclusion", "HER2 &"),
        ("conclusion", "HER2 <a"),
        ("conclusion", "a "),
    ] {
        let named = format!("HER2 {unit}");
        let ledger = ledger_of(&bundle(&[report(0, &text_member(key, &named))]));
        assert_eq!(column(&ledger, "review"), 1, "{ledger}");
    }
    let markup = repeated("<div><p>HER2 <b>3+</b></p></div>");
    let narrative = format!(r#","text":{{"status":"generated","div":"{markup}"}}"#);
    let ledger = ledger_of(&bundle(&[report(0, &narrative)]));
    assert_eq!(column(&ledger, "review"), 1, "{ledger}");
}

#[test]
fn chains_stars_and_rings_of_references_end() {
    let member = |index: usize| format!(r#","hasMember":[{{"reference":"Observation/o{index}"}}]"#);
    let block = |index: usize, parent: usize| {
        let rest = format!(r#""id":"s{index}","parent":[{{"reference":"Specimen/s{parent}"}}]"#);
        resource("Specimen", &rest)
    };
    let on = |index: usize| format!(r#","specimen":{{"reference":"Specimen/s{index}"}}"#);
    let results = |count: usize| {
        let results: Vec<String> = (0..count)
            .map(|index| format!(r#"{{"reference":"Observation/o{index}"}}"#))
            .collect();
        report(0, &format!(r#","result":[{}]"#, results.join(",")))
    };
    let of_each =
        |count: usize, entry: &dyn Fn(usize) -> String| (0..count).map(entry).collect::<Vec<_>>();
    let many = page_size() / 400;
    let at_most = |count: usize| count.min(many);
    let pages = [
        // Larger than what is decided together.
        bundle_of(|index| ihc(index, &member(index + 1))),
        bundle(&of_each(many, &|index| ihc(index, &member((index + 1) % many)))),
        bundle(&[vec![results(many)], of_each(many, &|index| ihc(index, ""))].concat()),
        bundle(&[results(page_size() / 40)]),
        bundle_of(|index| format!("{},{}", ihc(index, &on(index)), block(index, index + 1))),
        bundle_of(|index| ihc(index, &on(0))),
        // As large as what is decided together.
        bundle(&of_each(at_most(1_900), &|index| ihc(index, &member(index + 1)))),
        bundle(&[
            of_each(at_most(300), &|index| report(index, r#","conclusion":"second observer","result":[{"reference":"Observation/o0"}]"#)),
            of_each(at_most(320), &|index| ihc(index, &member(index + 1))),
        ].concat()),
        bundle(&[vec![results(at_most(990))], of_each(at_most(990), &|index| format!("{},{}", ihc(index, &on(index)), block(index, 2_000)))].concat()),
        bundle(&of_each(at_most(950), &|index| format!("{},{}", ihc(index, &on(index)), block(index, index + 1)))),
    ];
    for page in pages {
        ledger_of(&page);
    }
}

#[test]
fn a_case_of_more_statements_than_anybody_reads_is_a_question() {
    let component = r#"{"code":{"text":"HER2"},"valueString":"3+"}"#;
    let components = |count: usize| {
        let components = vec![component; count].join(",");
        bundle(&[ihc(0, &format!(r#","component":[{components}]"#))])
    };
    let on_one_block = |count: usize| {
        let on = r#","specimen":{"reference":"Specimen/s"}"#;
        bundle(&(0..count).map(|index| ihc(index, on)).collect::<Vec<_>>())
    };
    for (page, count) in [(components(10_000), 1), (on_one_block(1_000), 1_000)] {
        let ledger = ledger_of(&page);
        assert_eq!(column(&ledger, "review"), count, "{ledger}");
    }
    for page in [
        components(page_size() / 50),
        on_one_block(page_size() / 300),
    ] {
        let ledger = ledger_of(&page);
        assert_eq!(
            column(&ledger, "seen"),
            column(&ledger, "review") + column(&ledger, "failed"),
            "{ledger}"
        );
    }
    ledger_of(&on_one_block(199));
}

#[test]
fn a_small_file_that_unpacks_to_a_large_one_is_refused() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..200 {
        packed.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let ledger = ledger_of_bytes("page.json.gz", &packed.finish().unwrap());
    assert_eq!(column(&ledger, "failed"), 1, "{ledger}");
}
