//! What FHIR looks like: raw JSON in, candidates out; decisions in, resources out. Knows no network.

pub mod attachment;
pub mod candidates;
pub mod dates;
pub mod elements;
pub mod groups;
pub mod json;
pub mod pool;
pub mod tissue;
