//! Requests as they go out, alone or in one transaction.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::pipeline::results::Written;
use crate::service::client::Precondition;

/// A resource to be written, and what must hold for that.
pub(super) struct Entry {
    pub(super) written: Written,
    pub(super) condition: Condition,
}

/// What must hold on the server for an entry to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It must not exist yet.
    New,
    /// It must still be this version, given as the entity tag for `If-Match`.
    Version(String),
    /// The id holds the content's digest: writing it again changes nothing.
    Immutable,
}

impl Condition {
    /// Whether it is about a version that stands.
    pub(super) fn is_of_a_version(&self) -> bool {
        matches!(self, Self::Version(_))
    }
}

/// An entry as this server is to get it.
pub(super) struct Request {
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) call: Call,
}

/// How a resource gets its place.
pub(super) enum Call {
    /// Under this id.
    Put(String, Precondition),
    /// Under an id that the server gives, unless a search by these criteria finds it.
    Post {
        /// What other entries of the same transaction call it.
        full_url: String,
        /// Such as `identifier=system|value`.
        unless_exists: String,
    },
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
#[serde(rename_all = "camelCase")]
struct EntryJson<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    full_url: Option<&'e str>,
    resource: &'e RawValue,
    request: RequestJson<'e>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestJson<'e> {
    method: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_match: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_none_match: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_none_exist: Option<&'e str>,
}

/// A transaction Bundle around resource texts, which stay character for character.
pub(super) fn bundle(requests: &[Request]) -> String {
    let entry = requests
        .iter()
        .filter_map(|request| {
            let kind = request.kind;
            let (full_url, wanted) = match &request.call {
                Call::Put(id, precondition) => (
                    None,
                    RequestJson {
                        method: "PUT",
                        url: format!("{kind}/{id}"),
                        if_match: match precondition {
                            Precondition::Version(tag) => Some(tag),
                            Precondition::None | Precondition::Absent => None,
                        },
                        if_none_match: (*precondition == Precondition::Absent).then_some("*"),
                        if_none_exist: None,
                    },
                ),
                Call::Post {
                    full_url,
                    unless_exists,
                } => (
                    Some(full_url.as_str()),
                    RequestJson {
                        method: "POST",
                        url: kind.to_owned(),
                        if_none_exist: Some(unless_exists),
                        ..RequestJson::default()
                    },
                ),
            };
            Some(EntryJson {
                full_url,
                resource: serde_json::from_str(&request.text).ok()?,
                request: wanted,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_names_the_version_it_replaces_or_what_must_not_exist() {
        let request = |call| Request {
            kind: "Observation",
            text: r#"{"value":2.00}"#.to_owned(),
            call,
        };
        let text = bundle(&[
            request(Call::Put("o".to_owned(), Precondition::Absent)),
            request(Call::Put(
                "o".to_owned(),
                Precondition::Version("W/\"7\"".to_owned()),
            )),
            request(Call::Post {
                full_url: "urn:uuid:1".to_owned(),
                unless_exists: "identifier=s%7Cv".to_owned(),
            }),
        ]);
        assert_eq!(
            text,
            concat!(
                r#"{"resourceType":"Bundle","type":"transaction","entry":["#,
                r#"{"resource":{"value":2.00},"request":{"method":"PUT","url":"Observation/o","ifNoneMatch":"*"}},"#,
                r#"{"resource":{"value":2.00},"request":{"method":"PUT","url":"Observation/o","ifMatch":"W/\"7\""}},"#,
                r#"{"fullUrl":"urn:uuid:1","resource":{"value":2.00},"request":{"method":"POST","url":"Observation","ifNoneExist":"identifier=s%7Cv"}}]}"#
            )
        );
    }
}
