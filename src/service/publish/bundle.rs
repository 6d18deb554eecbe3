//! The transaction: entries with the version each replaces, and texts that stay as they are but for what is changed.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::fhir::json::Json;
use crate::pipeline::results::Written;

/// An entry of a transaction.
pub(super) struct Entry {
    pub(super) written: Written,
    pub(super) condition: Condition,
}

/// What must hold on the server for an entry to be written.
pub(super) enum Condition {
    /// It must not exist yet.
    New,
    /// It must still be this version, given as the entity tag for `If-Match`.
    Version(String),
    /// The id holds the content's digest: writing it again changes nothing.
    Immutable,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleJson<'e> {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    entry: Vec<EntryJson<'e>>,
}

#[derive(Serialize)]
struct EntryJson<'e> {
    resource: &'e RawValue,
    request: RequestJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestJson {
    method: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_match: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_none_match: Option<&'static str>,
}

/// A transaction Bundle around resource texts, which stay character for character.
pub(super) fn bundle(entries: &[Entry]) -> String {
    let entry = entries
        .iter()
        .filter_map(|entry| {
            let (if_match, if_none_match) = match &entry.condition {
                Condition::New => (None, Some("*")),
                Condition::Version(tag) => (Some(tag.clone()), None),
                Condition::Immutable => (None, None),
            };
            Some(EntryJson {
                resource: serde_json::from_str(&entry.written.text).ok()?,
                request: RequestJson {
                    method: "PUT",
                    url: format!("{}/{}", entry.written.kind, entry.written.id),
                    if_match,
                    if_none_match,
                },
            })
        })
        .collect();
    serde_json::to_string(&BundleJson {
        resource_type: "Bundle",
        kind: "transaction",
        entry,
    })
    .unwrap_or_default()
}

/// A resource of ours with some top-level elements set anew and the server's own left out. The rest stays as it is.
pub(super) fn revised(text: &str, changes: &[(&str, &str)]) -> Option<String> {
    let Json::Object(members) = Json::parse(text).ok()? else {
        return None;
    };
    let mut kept: Vec<_> = members
        .into_iter()
        .filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key))
        .map(|(key, value)| match (key.as_ref(), value) {
            ("meta", Json::Object(meta)) => {
                let ours = meta
                    .into_iter()
                    .filter(|(key, _)| !["versionId", "lastUpdated"].contains(&key.as_ref()))
                    .collect();
                (key, Json::Object(ours))
            }
            (_, value) => (key, value),
        })
        .filter(|(_, value)| !matches!(value, Json::Object(members) if members.is_empty()))
        .collect();
    for (key, value) in changes {
        kept.push(((*key).into(), Json::parse(value).ok()?));
    }
    serde_json::to_string(&Json::Object(kept)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_revised_resource_keeps_every_digit_and_loses_the_servers_own_elements() {
        let text = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2","lastUpdated":"2024-01-01T00:00:00Z","profile":["p"]},"status":"preliminary","value":2.00}"#;
        assert_eq!(
            revised(text, &[("status", "\"entered-in-error\"")]).unwrap(),
            r#"{"resourceType":"Observation","id":"o","meta":{"profile":["p"]},"value":2.00,"status":"entered-in-error"}"#
        );
    }

    #[test]
    fn a_revised_resource_has_no_empty_meta_and_what_is_no_object_is_none() {
        let text = r#"{"id":"t","meta":{"versionId":"1"}}"#;
        assert_eq!(
            revised(text, &[("status", "\"cancelled\"")]).unwrap(),
            r#"{"id":"t","status":"cancelled"}"#
        );
        assert_eq!(revised("[1]", &[]), None);
        assert_eq!(revised("{}", &[("status", "cancelled")]), None);
    }

    #[test]
    fn a_transaction_names_the_version_it_replaces() {
        let entry = |condition| Entry {
            written: Written {
                kind: "Observation",
                id: "o".to_owned(),
                text: r#"{"value":2.00}"#.to_owned(),
            },
            condition,
        };
        let text = bundle(&[
            entry(Condition::New),
            entry(Condition::Version("W/\"7\"".to_owned())),
        ]);
        assert_eq!(
            text,
            r#"{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"value":2.00},"request":{"method":"PUT","url":"Observation/o","ifNoneMatch":"*"}},{"resource":{"value":2.00},"request":{"method":"PUT","url":"Observation/o","ifMatch":"W/\"7\""}}]}"#
        );
    }
}
