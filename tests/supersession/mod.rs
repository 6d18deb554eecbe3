//! The cells of the table of supersession as scenes that any FHIR server can be the stage of: a laboratory that sends, a
//! person who signs, passes in between, and a judgement that looks at nothing but what stands on the server after them.
//!
//! `sources` says what the laboratory has, `scenes` what happens in each cell, `writer` is the adapter, `play` runs scenes
//! side by side, and `judge` holds what is on the server against the words of the cell.

pub mod judge;
pub mod play;
pub mod scenes;
mod sources;
pub mod writer;

use serde_json::Value;

/// A server, as laboratory and judge meet it.
pub trait Server {
    /// Creates a resource under its id, or puts it over what stands there.
    async fn put(&self, resource: &Value);

    /// Deletes `Type/id`.
    async fn delete(&self, key: &str);

    /// The resources of a type about a patient.
    async fn about(&self, kind: &str, patient: &str) -> Vec<Value>;

    /// The Provenances of a resource, `Type/id`.
    async fn provenances(&self, target: &str) -> Vec<Value>;

    /// All versions of `Type/id`, the oldest first.
    async fn history(&self, key: &str) -> Vec<Value>;

    /// An hour passes on the server's clock, where that can be moved.
    async fn an_hour_passes(&self);
}
