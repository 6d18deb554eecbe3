//! Composes the FHIR resources the adapter writes: plain drafts in, JSON text out.
//!
//! This is the only crate that touches fhir-sdk's models, because they take minutes to compile. So it is small, has no
//! generic function in its interface, and knows neither HER2 nor networks.
//!
//! A draft becomes text in three steps. Each part is checked as it is put into the model; dates and decimals are set
//! aside, since the model would rewrite them; and the model's JSON is printed with the set-aside texts in their places.
//! What FHIR would refuse never becomes text: [`Invalid`] names the element.
//!
//! * [`drafts`]: what a caller fills in.
//! * `checks`: which ids, codes, URIs and texts FHIR allows.
//! * `dates`: which dates FHIR allows, and which of two is later.
//! * `exact`: dates and decimals set aside, and put back.
//! * `elements`: the data types that the resources share.
//! * [`observation()`], [`provenance()`], [`task()`], [`audit_event()`]: one resource each, for FHIR R4.
//! * `r5`: the same four for FHIR R5 (feature `r5`).

#![forbid(unsafe_code)]

mod audit_event;
mod checks;
mod dates;
pub mod drafts;
mod elements;
mod exact;
mod invalid;
mod observation;
mod path;
mod provenance;
#[cfg(feature = "r5")]
pub mod r5;
mod task;

pub use audit_event::audit_event;
pub use drafts::*;
pub use invalid::Invalid;
pub use observation::observation;
pub use provenance::provenance;
pub use task::task;
