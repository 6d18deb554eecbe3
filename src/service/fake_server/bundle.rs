//! The Bundles that the server answers with.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::dates::instant_text;
use super::refusal::Refusal;
use super::resources::{Version, Written};

/// A Bundle to answer with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

impl Bundle {
    /// A Bundle without links of one of the types `searchset`, `history`, `transaction-response`, `batch-response`.
    pub fn new(kind: &'static str, entry: Vec<Entry>) -> Bundle {
        Bundle {
            resource_type: "Bundle",
            kind,
            link: Vec::new(),
            entry,
        }
    }

    /// The history of what is given, in its order.
    pub fn of_history<'a>(versions: impl Iterator<Item = &'a Arc<Version>>, base: &str) -> Bundle {
        let entries = versions.map(|version| Entry::of_history(version, base));
        Bundle::new("history", entries.collect())
    }
}

/// A link of a Bundle, absolute.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub relation: &'static str,
    pub url: String,
}

/// An entry of a Bundle to answer with.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    full_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<EntrySearch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<EntryRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<EntryResponse>,
}

impl Entry {
    /// What a search found (mode `match`), or what follows from that (mode `include`).
    pub fn found(version: &Version, mode: &'static str, base: &str) -> Entry {
        Entry {
            full_url: Some(format!("{base}/{}", version.address())),
            resource: version.text(),
            search: Some(EntrySearch { mode }),
            ..Entry::default()
        }
    }

    /// The answer to an entry of a transaction or batch that wrote; the resource is shown if it was asked for.
    pub fn written(written: &Written, is_shown: bool) -> Entry {
        let version = &written.version;
        Entry {
            resource: version.text().filter(|_| is_shown),
            response: Some(EntryResponse {
                location: Some(version.location()),
                ..EntryResponse::of_version(written.status, version)
            }),
            ..Entry::default()
        }
    }

    /// The answer to an entry that read a resource.
    pub fn read(version: &Version) -> Entry {
        Entry {
            resource: version.text(),
            response: Some(EntryResponse::of_version(StatusCode::OK, version)),
            ..Entry::default()
        }
    }

    /// The answer to an entry that searched.
    pub fn searched(page: Box<RawValue>) -> Entry {
        Entry {
            resource: Some(page),
            response: Some(EntryResponse::of(StatusCode::OK)),
            ..Entry::default()
        }
    }

    /// The answer to an entry that deleted.
    pub fn deleted() -> Entry {
        Entry {
            response: Some(EntryResponse::of(StatusCode::NO_CONTENT)),
            ..Entry::default()
        }
    }

    /// The answer to an entry of a batch that was not done.
    pub fn refused(refusal: &Refusal) -> Entry {
        Entry {
            response: Some(EntryResponse {
                outcome: Some(refusal.outcome()),
                ..EntryResponse::of(refusal.status)
            }),
            ..Entry::default()
        }
    }

    fn of_history(version: &Version, base: &str) -> Entry {
        let status = match (version.method, version.number) {
            ("DELETE", _) => StatusCode::NO_CONTENT,
            (_, 1) => StatusCode::CREATED,
            _ => StatusCode::OK,
        };
        let url = match version.method {
            "POST" => version.resource_type.clone(),
            _ => version.address(),
        };
        Entry {
            full_url: Some(format!("{base}/{}", version.address())),
            resource: version.text(),
            request: Some(EntryRequest {
                method: version.method,
                url,
            }),
            response: Some(EntryResponse::of_version(status, version)),
            ..Entry::default()
        }
    }
}

#[derive(Debug, Serialize)]
struct EntrySearch {
    mode: &'static str,
}

/// The request that made a version.
#[derive(Debug, Serialize)]
struct EntryRequest {
    method: &'static str,
    url: String,
}

/// What became of one entry of a transaction, a batch or a history.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryResponse {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Value>,
}

impl EntryResponse {
    fn of(status: StatusCode) -> EntryResponse {
        EntryResponse {
            status: status.to_string(),
            ..EntryResponse::default()
        }
    }

    fn of_version(status: StatusCode, version: &Version) -> EntryResponse {
        EntryResponse {
            etag: Some(version.etag()),
            last_modified: Some(instant_text(version.last_updated)),
            ..EntryResponse::of(status)
        }
    }
}
