//! `mappings`: what people do with mapping files.

mod check;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};

use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MappingsCommand {
    /// The faults of the files in force, and of FILEs as further files of the site, with how to mend each
    Check {
        /// How to print it
        #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
        format: CheckFormat,
        /// Mapping files that are not in force yet
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CheckFormat {
    Text,
    Json,
}

pub(super) fn run(command: MappingsCommand, config: &Config) -> Result<ExitCode> {
    match command {
        MappingsCommand::Check { format, files } => check::check(config, &files, format),
    }
}
