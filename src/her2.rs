//! What HER2 results mean: evidence, the guideline's table, and the decision. Knows no FHIR, network, disk or clock.

pub mod conventions;
pub mod decide;
pub mod decision;
pub mod evidence;
pub mod guideline;
pub mod number;
pub mod patient_view;
pub mod readings;
pub mod reason;
