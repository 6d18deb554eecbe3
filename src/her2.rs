//! What HER2 results mean: evidence, the guideline's table, and the decision. Knows no FHIR, network, disk or clock.

pub mod asco_cap_2018;
pub mod decide;
pub mod decision;
pub mod evidence;
pub mod guideline;
pub mod number;
pub mod readings;
pub mod reason;
