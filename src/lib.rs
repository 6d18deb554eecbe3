//! HER2 reports in, coded and explained results out.
//!
//! A result travels one way: trigger → case → bundle → candidate → evidence → decision → resources → written, or left
//! for review. Imports point one way: `cli` → `service` → `pipeline` → `mapping` → `fhir` → `her2`.
//!
//! * [`her2`] — what HER2 results mean: evidence, the guideline's table, the decision. Knows no FHIR.
//! * [`fhir`] — what FHIR looks like: raw JSON, references, Observations as candidates, specimens as tissues.
//! * [`mapping`] — what a laboratory's codes and words mean: tables from `mappings/`, and candidates understood by them.
//! * [`pipeline`] — one input from resources to decisions, and from decisions to the resources that are written.
//! * [`render`] — what people read: the decision table, and a case explained.
//! * [`config`] — settings as written to settings as used.
//! * [`service`] — everything outside: files, the FHIR server, the store, and the pass between them.
//! * [`app`] — builds the parts from the settings.
//! * [`cli`] — the commands.

pub mod app;
pub mod cli;
pub mod config;
pub mod fhir;
pub mod her2;
pub mod mapping;
pub mod pipeline;
pub mod render;
pub mod service;
