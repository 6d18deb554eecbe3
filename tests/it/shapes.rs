//! The shapes in which real senders give HER2 results, each as a golden case of our own writing; `tests/cases/SHAPES.md`
//! says which case stands for which shape and for which public example.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use her2_adapter::pipeline::Derived;
use her2_adapter::pipeline::ledger::{Ended, Ledger, UnitContent};
use serde_json::Value;

use crate::golden_cases::{check, columns, derive_bundles, folders_of_cases};

const SHAPES: &str = "tests/cases/shapes";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The ledger of a derivation in which every result is new.
fn ledger_of(derived: &Derived) -> Ledger {
    let mut ledger = Ledger::default();
    for unit in &derived.units {
        ledger.enter(match &unit.content {
            UnitContent::NotHer2 => Ended::NotHer2,
            UnitContent::NoResult => Ended::NoResult,
            UnitContent::Cases(cases) => {
                let asks = (derived.cases.iter())
                    .any(|case| cases.contains(&case.id) && !case.decision.review.is_empty());
                if asks { Ended::Review } else { Ended::Written }
            }
        });
    }
    ledger
}

#[test]
fn every_shape_ends_as_its_author_read_it() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for folder in folders_of_cases(SHAPES) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
        let derived = derive_bundles(&[read("bundle.json")]);
        check(&name, &derived, &expected["cases"], &mut faults);
        let ledger = columns(&ledger_of(&derived));
        if ledger != expected["ledger"] {
            faults.push(format!(
                "{name}: ledger {ledger}, expected {}",
                expected["ledger"]
            ));
        }
        seen += 1;
    }
    assert!(seen >= 80, "only {seen} shapes were read");
    assert!(
        faults.is_empty(),
        "{} faults in {seen} shapes:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The rows of the tables of `SHAPES.md`: their cells, without the heads.
fn index() -> Vec<Vec<String>> {
    fs::read_to_string(here("tests/cases/SHAPES.md"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::to_owned).collect())
        .filter(|cells: &Vec<String>| cells.last().is_some_and(|cell| cell.starts_with('`')))
        .collect()
}

fn cases_of(row: &[String]) -> impl Iterator<Item = &str> {
    (row.last().into_iter())
        .flat_map(|cell| cell.split(", "))
        .map(|case| case.trim_matches('`'))
}

#[test]
fn every_shape_of_the_index_has_its_case_and_every_case_its_row() {
    let rows = index();
    let named: BTreeSet<&str> = rows.iter().flat_map(|row| cases_of(row)).collect();
    let missing: Vec<&&str> = (named.iter())
        .filter(|case| {
            !["tests/cases", SHAPES]
                .iter()
                .any(|folder| here(folder).join(case).join("bundle.json").exists())
        })
        .collect();
    assert!(missing.is_empty(), "no such case: {missing:?}");
    for folder in folders_of_cases(SHAPES) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(named.contains(name.as_str()), "{name} is in no row");
    }
    // The mistakes are numbered 1 to 14, and the other sections have rows.
    let sections: BTreeSet<&str> = (rows.iter().filter(|row| row.len() == 3))
        .map(|row| row[0].as_str())
        .collect();
    let mistakes = (1..=14).map(|number| format!("4.3 #{number}"));
    let others = ["3.1", "3.2", "4.1", "4.2", "4.4"].map(str::to_owned);
    for section in mistakes.chain(others) {
        assert!(sections.contains(section.as_str()), "no row for {section}");
    }
}

#[test]
fn every_public_example_has_a_row_in_the_index() {
    let Ok(examples) = fs::read_dir(here("../shared/corpus/fhir")) else {
        println!("skipped: ../shared/corpus/fhir is not present");
        return;
    };
    let rows = index();
    let listed: BTreeSet<&str> = (rows.iter().filter(|row| row.len() == 2))
        .map(|row| row[0].as_str())
        .collect();
    for example in examples {
        let name = example.unwrap().file_name().to_string_lossy().into_owned();
        let is_about_the_examples = ["INDEX.tsv", "ORIGIN-2.md"].contains(&name.as_str());
        assert!(
            is_about_the_examples || listed.contains(name.as_str()),
            "{name} has no row"
        );
    }
}
