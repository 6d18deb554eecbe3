//! What a laboratory's codes and words mean: tables from `mappings/`, and how they are applied. Knows no disk.

pub mod coverage;
pub mod exchange;
pub mod lint;
pub mod narrative;
pub mod normalise;
pub mod output;
pub mod shipped;
pub mod suggest;
pub mod table;
pub mod terminology;
pub mod words;
