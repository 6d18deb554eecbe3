//! A resource on its way from the text a client sent to the text the server keeps.
//!
//! It is kept twice: as text, which every answer shows, and as a parsed `Value`, which searches look into.
//! The server sets `id`, `meta.versionId` and `meta.lastUpdated`; all else stays as it was written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use serde_json::value::RawValue;

use super::dates::instant_text;
use super::json_members::{Members, raw};
use super::refusal::Refusal;

/// A resource as a client sent it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub resource_type: String,
    pub id: Option<String>,
    members: Members,
    meta: Members,
}

/// A resource as the server keeps it: the text that is shown and the value that is searched.
#[derive(Debug)]
pub(super) struct Content {
    pub text: Box<RawValue>,
    pub json: Value,
}

impl Incoming {
    /// Reads a resource; refused with 400 unless it is a JSON object with a `resourceType`.
    pub fn parse(text: &[u8]) -> Result<Incoming, Refusal> {
        // A text that is nested too deeply, or has a number beyond what a double can hold, could not be searched.
        serde_json::from_slice::<Value>(text).map_err(|error| {
            Refusal::unreadable("not JSON, or not JSON that can be indexed", &error)
        })?;
        let members: Members = serde_json::from_slice(text).map_err(|error| {
            Refusal::unreadable("not a JSON object with distinct members", &error)
        })?;
        let meta = match members.get("meta") {
            None => Members::default(),
            Some(meta) => serde_json::from_str(meta.get())
                .map_err(|_| Refusal::bad_request("meta is not a JSON object"))?,
        };
        let resource_type = members
            .string("resourceType")
            .filter(|name| is_type_name(name))
            .ok_or_else(|| Refusal::bad_request("resourceType is missing"))?;
        Ok(Incoming {
            resource_type,
            id: members.string("id"),
            members,
            meta,
        })
    }

    /// Refuses a resource of another type than the URL names.
    pub fn expect_type(&self, resource_type: &str) -> Result<(), Refusal> {
        if self.resource_type == resource_type {
            return Ok(());
        }
        Err(Refusal::bad_request(
            "the resourceType is not the one of the URL",
        ))
    }

    /// Whether a placeholder stands anywhere in it.
    pub fn names(&self, placeholder: &str) -> bool {
        raw(&self.members).get().contains(placeholder)
    }

    /// Puts the addresses that a transaction has assigned in the place of its `urn:uuid:` references.
    pub fn resolve_references(&mut self, assigned: &BTreeMap<String, String>) {
        if !assigned.is_empty() {
            self.members.replace_references(assigned);
        }
    }

    /// The resource with what the server sets.
    pub fn stamped(mut self, id: &str, version_id: &str, last_updated: DateTime<Utc>) -> Content {
        self.meta.set("versionId", raw(version_id), "");
        self.meta
            .set("lastUpdated", raw(&instant_text(last_updated)), "versionId");
        self.members.set("id", raw(id), "resourceType");
        self.members.set("meta", raw(&self.meta), "id");
        let text = raw(&self.members);
        // What `parse` let through has a value; nothing but short texts has been added since.
        let json = serde_json::from_str(text.get()).unwrap_or_default();
        Content { text, json }
    }
}

/// Whether a text can be the name of a resource type.
pub(super) fn is_type_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|other| other.is_ascii_alphabetic())
}

/// Whether a text can be the id of a resource.
pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.chars().all(|character| {
            character.is_ascii_alphanumeric() || character == '-' || character == '.'
        })
}
