//! `mappings check`: the faults of mapping files.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use chrono::Utc;

use super::CheckFormat;
use crate::app;
use crate::cli::WRONG_INPUT;
use crate::config::Config;
use crate::mapping::lint::{Severity, lint};
use crate::service::output::print;

/// One line for each flaw; the exit code tells whether any of them is an error.
pub(super) fn check(config: &Config, files: &[PathBuf], format: CheckFormat) -> Result<ExitCode> {
    let layers = app::mapping_layers(config, files)?;
    let flaws = lint(&layers, &config.identifiers.base, Utc::now().date_naive());
    match format {
        CheckFormat::Text => {
            for flaw in &flaws {
                print(&format!("{flaw}\n"))?;
            }
        }
        CheckFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(&flaws)?))?,
    }
    let errors = (flaws.iter())
        .filter(|flaw| flaw.severity == Severity::Error)
        .count();
    eprintln!(
        "{} files: {errors} errors, {} warnings",
        layers.iter().flatten().count(),
        flaws.len() - errors
    );
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG_INPUT)
    })
}
