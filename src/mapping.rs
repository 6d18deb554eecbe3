//! What a laboratory's codes and words mean: tables from `mappings/`, and how they are applied. Knows no disk.

pub mod narrative;
pub mod normalise;
pub mod output;
pub mod table;
pub mod words;
