//! Codes of mapping files as ValueSets (FHIR R4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::concept_maps::about;
use crate::mapping::table::layers::Stack;
use crate::mapping::table::rows::{Form, Row};

/// A ValueSet to be: its title, and rows with the spelling of their system.
#[derive(Default)]
struct Codes<'r> {
    title: String,
    rows: Vec<(&'r Row, &'r str)>,
}

/// The input codes of each finding, the codes that are never an input, and the answers.
pub fn value_sets(stack: &Stack, base: &str) -> Vec<Value> {
    let mut sets: BTreeMap<String, Codes<'_>> = BTreeMap::new();
    for (placed, system) in stack.rows_in_force() {
        let row = &placed.row;
        if row.form != Form::Code {
            continue;
        }
        let (id, title) = match (row.finding(), row.answer()) {
            (Some(finding), _) if finding.exclusion().is_some() => (
                "her2-exclusions".to_owned(),
                "HER2 exclusions: never an input".to_owned(),
            ),
            (Some(_), _) => (
                format!("her2-input-{}", row.is),
                format!("HER2 input codes: {}", row.is),
            ),
            (None, Some(_)) => ("her2-answers".to_owned(), "HER2 input: answers".to_owned()),
            (None, None) => continue,
        };
        let set = sets.entry(id).or_default();
        set.title = title;
        set.rows.push((row, system));
    }
    (sets.into_iter())
        .map(|(id, codes)| {
            let mut set = about(stack, base, "ValueSet", &id, &codes.title);
            set.insert(
                "compose".to_owned(),
                json!({"include": includes(&codes.rows)}),
            );
            Value::Object(set)
        })
        .collect()
}

fn includes(rows: &[(&Row, &str)]) -> Vec<Value> {
    let mut systems: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (row, system) in rows {
        let codes = systems.entry(system).or_default();
        codes.insert(&row.text, &row.display);
    }
    (systems.into_iter())
        .map(|(system, codes)| {
            let concepts: Vec<Value> = (codes.into_iter())
                .map(|(code, display)| match display {
                    "" => json!({"code": code}),
                    display => json!({"code": code, "display": display}),
                })
                .collect();
            json!({"system": system, "concept": concepts})
        })
        .collect()
}
