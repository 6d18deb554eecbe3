//! Mapping files as ConceptMaps (FHIR R4).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{MATCH, NO_UNIT, SIDE, SITE, TEXTS, UNDER, property};
use crate::mapping::table::layers::{PlacedRow, Stack};
use crate::mapping::table::rows::{Form, Row, Table};
use crate::mapping::terminology::uri as code_system;

/// One ConceptMap for each table that has rows in force. `base` is the prefix of our code systems.
pub fn concept_maps(stack: &Stack, base: &str) -> Vec<Value> {
    let rows = stack.rows_in_force();
    (Table::ALL.into_iter())
        .filter_map(|table| {
            let rows: Vec<(&PlacedRow, &str)> = (rows.iter().copied())
                .filter(|(placed, _)| placed.row.table == table)
                .collect();
            (!rows.is_empty()).then(|| concept_map(stack, table, &rows, base))
        })
        .collect()
}

fn concept_map(stack: &Stack, table: Table, rows: &[(&PlacedRow, &str)], base: &str) -> Value {
    let mut groups: BTreeMap<String, BTreeMap<(Form, String), Vec<&PlacedRow>>> = BTreeMap::new();
    for &(placed, system) in rows {
        let source = match system {
            "" => code_system(base, TEXTS),
            system => system.to_owned(),
        };
        let elements = groups.entry(source).or_default();
        let code = (placed.row.form, code(&placed.row));
        elements.entry(code).or_default().push(placed);
    }
    let groups: Vec<Value> = (groups.into_iter())
        .map(|(source, elements)| {
            let elements: Vec<Value> = (elements.into_iter())
                .map(|((_, code), rows)| element(stack, &code, &rows, base))
                .collect();
            json!({
                "source": source,
                "target": code_system(base, &format!("her2-{}", table.name())),
                "element": elements,
            })
        })
        .collect();
    let id = format!("her2-{}", table.name());
    let mut map = about(
        stack,
        base,
        "ConceptMap",
        &id,
        &format!("HER2 input: {}", table.name()),
    );
    map.insert("group".to_owned(), Value::Array(groups));
    Value::Object(map)
}

fn element(stack: &Stack, code: &str, rows: &[&PlacedRow], base: &str) -> Value {
    let mut element = Map::new();
    element.insert("code".to_owned(), json!(code));
    let display = rows.iter().map(|placed| &placed.row.display);
    if let Some(display) = display.into_iter().find(|display| !display.is_empty()) {
        element.insert("display".to_owned(), json!(display));
    }
    let targets: Vec<Value> = (rows.iter())
        .map(|placed| target(&placed.row, &stack.name_of(placed), base))
        .collect();
    element.insert("target".to_owned(), Value::Array(targets));
    Value::Object(element)
}

fn target(row: &Row, file: &str, base: &str) -> Value {
    let beside = |name: &str, system: Option<&str>, value: &str| {
        let mut beside = Map::new();
        beside.insert("property".to_owned(), json!(property(base, name)));
        if let Some(system) = system {
            beside.insert("system".to_owned(), json!(code_system(base, system)));
        }
        beside.insert("value".to_owned(), json!(value));
        Value::Object(beside)
    };
    let mut depends_on = Vec::new();
    if matches!(row.form, Form::Prefix | Form::Suffix) {
        depends_on.push(beside(MATCH, None, row.form.name()));
    }
    if let Some(under) = &row.under {
        depends_on.push(beside(UNDER, Some("her2-finding"), under));
    }
    let mut product = Vec::new();
    if let Some(site) = &row.site {
        product.push(beside(SITE, Some("her2-site"), site));
    }
    if let Some(side) = &row.side {
        product.push(beside(SIDE, None, side));
    }
    let mut target = Map::new();
    target.insert("code".to_owned(), json!(row.is));
    target.insert("equivalence".to_owned(), json!("equivalent"));
    target.insert("comment".to_owned(), json!(file));
    for (key, parts) in [("dependsOn", depends_on), ("product", product)] {
        if !parts.is_empty() {
            target.insert(key.to_owned(), Value::Array(parts));
        }
    }
    Value::Object(target)
}

/// The text of a row as a FHIR code, which is not empty and has single blanks.
fn code(row: &Row) -> String {
    match (row.text.as_str(), row.form) {
        ("", _) => NO_UNIT.to_owned(),
        (text, Form::Word) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        (text, _) => text.to_owned(),
    }
}

/// What a resource says about itself: the headers of all files, and the hash of them all as its version.
pub(super) fn about(
    stack: &Stack,
    base: &str,
    kind: &str,
    id: &str,
    title: &str,
) -> Map<String, Value> {
    let headers = || stack.files.iter().filter_map(|file| file.header.as_ref());
    let mut reviewers: Vec<&str> = headers()
        .map(|header| header.reviewed_by.as_str())
        .collect();
    reviewers.sort_unstable();
    reviewers.dedup();
    let purposes: Vec<String> = headers()
        .map(|header| {
            format!(
                "* {} {}: {}. Source: {}. Reviewed by {} on {}.",
                header.name,
                header.version,
                header.purpose,
                header.source,
                header.reviewed_by,
                header.reviewed_on
            )
        })
        .collect();
    let date = headers().map(|header| header.reviewed_on).max();
    let name: String = (id.split('-'))
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect();
    let mut about = Map::new();
    for (key, value) in [
        ("resourceType", kind),
        ("id", id),
        ("url", &format!("{base}/{kind}/{id}")),
        ("version", stack.hash.get(..12).unwrap_or_default()),
        ("name", &name),
        ("title", title),
        ("status", "active"),
        ("publisher", &reviewers.join("; ")),
        ("purpose", &purposes.join("\n")),
    ] {
        about.insert(key.to_owned(), json!(value));
    }
    if let Some(date) = date {
        about.insert("date".to_owned(), json!(date.to_string()));
    }
    about
}
