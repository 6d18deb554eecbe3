//! Filling the server without HTTP.

use serde_json::Value;
use serde_json::value::RawValue;

use super::incoming::{Incoming, is_type_name};
use super::json_members::{Members, raw};
use super::refusal::Refusal;
use super::resources::Preconditions;
use super::{FakeServer, lock};

/// Why a text cannot be seeded. The text has to be mended.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It is not a JSON object with a `resourceType` that can be stored.
    #[error("not a resource: {0}")]
    NotAResource(String),
    /// It has no usable `id`.
    #[error("the resource has no id, or none of 1 to 64 letters, digits, hyphens and dots")]
    NoId,
}

impl FakeServer {
    /// Creates or updates a resource without HTTP, and returns its version id.
    pub fn put_json(&self, resource_text: &str) -> Result<String, SeedError> {
        let incoming = Incoming::parse(resource_text.as_bytes())
            .map_err(|refusal| SeedError::NotAResource(refusal.diagnostics))?;
        let resource_type = incoming.resource_type.clone();
        let id = incoming.id.clone().ok_or(SeedError::NoId)?;
        let unconditional = Preconditions::default();
        let mut store = lock(&self.shared.store);
        let now = self.shared.clock.now();
        // Type and id are the body's own, so the id is all that can be wrong.
        let written = store
            .put_anywhere(&resource_type, &id, incoming, &unconditional, now)
            .map_err(|_| SeedError::NoId)?;
        self.shared.clock.step();
        Ok(written.version.version_id.clone())
    }

    /// Puts the resources of a Bundle one by one, as [`FakeServer::put_json`] does, and returns how many that were.
    ///
    /// What `put_json` refuses is not counted: it becomes a broken entry of the type it names, or of Observation if
    /// it names none. An entry without a resource becomes one as a whole. Fails if the text is not a Bundle; then
    /// nothing has been put.
    pub fn seed_bundle(&self, bundle_text: &str) -> Result<usize, SeedError> {
        let mut resources = 0;
        for entry in entries_of(bundle_text)? {
            let members: Members = serde_json::from_str(entry.get()).unwrap_or_default();
            let resource = members.get("resource");
            if resource.is_some_and(|resource| self.put_json(resource.get()).is_ok()) {
                resources += 1;
            } else {
                let broken = resource.unwrap_or(&entry).get();
                self.put_broken_entry(&type_named_in(broken), broken);
            }
        }
        Ok(resources)
    }

    /// Adds an entry that every search of the type returns as it stands, behind the resources found.
    ///
    /// The text need not be a resource. If it is not even JSON, the entry is a JSON string with the text in it.
    pub fn put_broken_entry(&self, resource_type: &str, text: &str) {
        let entry = RawValue::from_string(text.to_owned()).unwrap_or_else(|_| raw(text));
        lock(&self.shared.store).add_broken_entry(resource_type, entry);
    }
}

fn entries_of(bundle_text: &str) -> Result<Vec<Box<RawValue>>, SeedError> {
    let unusable = |why: &str| SeedError::NotAResource(why.to_owned());
    let bundle: Members = serde_json::from_str(bundle_text).map_err(|error| {
        let refusal = Refusal::unreadable("not a JSON object with distinct members", &error);
        SeedError::NotAResource(refusal.diagnostics)
    })?;
    if bundle.string("resourceType").as_deref() != Some("Bundle") {
        return Err(unusable("not a Bundle"));
    }
    match bundle.get("entry") {
        None => Ok(Vec::new()),
        Some(entries) => serde_json::from_str(entries.get())
            .map_err(|_| unusable("the entry of the Bundle is not a list")),
    }
}

/// The type under which searches are to find what is not a resource.
fn type_named_in(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let named = value["resourceType"].as_str();
    named
        .filter(|name| is_type_name(name))
        .unwrap_or("Observation")
        .to_owned()
}
