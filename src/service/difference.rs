//! What would change on the server, field by field: for a dry run.

use std::collections::{BTreeMap, BTreeSet};

use crate::fhir::json::Json;

/// Elements that change with every version and say nothing.
const UNINTERESTING: [&str; 3] = ["meta.versionId", "meta.lastUpdated", "issued"];

/// The changed fields of a resource, one line each: `+ path: value`, `- path: value`.
pub fn difference(before: Option<&str>, after: &str) -> Vec<String> {
    let before = before.map(fields).unwrap_or_default();
    let after = fields(after);
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for path in paths {
        let (was, is) = (before.get(path), after.get(path));
        if was != is {
            lines.extend(was.map(|value| format!("- {path}: {value}")));
            lines.extend(is.map(|value| format!("+ {path}: {value}")));
        }
    }
    lines
}

fn fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    if let Ok(json) = Json::parse(text) {
        collect(&json, "", &mut fields);
    }
    fields.retain(|path, _| !UNINTERESTING.contains(&path.as_str()));
    fields
}

fn collect(json: &Json<'_>, path: &str, fields: &mut BTreeMap<String, String>) {
    match json {
        Json::Object(members) => {
            for (key, value) in members {
                let separator = if path.is_empty() { "" } else { "." };
                collect(value, &format!("{path}{separator}{key}"), fields);
            }
        }
        Json::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{path}[{index}]"), fields);
            }
        }
        Json::Null => {}
        Json::Bool(value) => {
            fields.insert(path.to_owned(), value.to_string());
        }
        Json::Number(digits) => {
            fields.insert(path.to_owned(), (*digits).to_owned());
        }
        Json::Text(text) => {
            fields.insert(path.to_owned(), format!("“{text}”"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_that_change_are_named() {
        let before = r#"{"meta":{"versionId":"1"},"status":"preliminary","value":2.00}"#;
        let after = r#"{"meta":{"versionId":"2"},"status":"amended","value":2.00}"#;
        assert_eq!(
            difference(Some(before), after),
            ["- status: “preliminary”", "+ status: “amended”"]
        );
        assert_eq!(difference(None, r#"{"a":[1]}"#), ["+ a[0]: 1"]);
    }
}
