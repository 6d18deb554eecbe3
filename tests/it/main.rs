//! One test binary: scenes against the real program and a believable FHIR server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod announce;
mod answers;
mod audit;
mod brake;
mod commands;
mod contradictions;
mod coverage;
mod dialects;
mod edge_cases;
mod golden_cases;
mod large_pages;
mod layers;
mod lifecycle;
mod mapping_files;
#[path = "../supersession/mod.rs"]
mod matrix;
mod metastases;
mod narrative;
mod new_lab;
mod passes;
mod patient_view;
mod peers;
mod profiles;
mod properties;
mod reading;
mod reference_cases;
mod reflex;
mod replay;
mod review;
mod samples;
mod serve;
mod shadow;
mod shapes;
mod sign_off;
mod staining;
mod structured;
mod supersession;
mod support;
mod table;
mod tissue;
mod told;
mod validators;
