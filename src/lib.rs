//! HER2 reports in, coded and explained results out.
