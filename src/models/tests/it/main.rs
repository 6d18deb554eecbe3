//! Drafts against the texts they must become, and drafts that must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exact_texts;
mod golden;
#[cfg(feature = "r5")]
mod r5;
mod refusals;
mod samples;
