//! `mappings check`: the faults of mapping files.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::CheckFormat;
use crate::app;
use crate::config::Config;

pub(super) fn check(config: &Config, files: &[PathBuf], _format: CheckFormat) -> Result<ExitCode> {
    let mut config = config.clone();
    config.input.mapping_files.extend_from_slice(files);
    app::rules(&config)?;
    Ok(ExitCode::SUCCESS)
}
