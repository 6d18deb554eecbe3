//! `mappings`: what people do with mapping files.

mod check;
mod export;
mod import;

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
    /// The files in force as FHIR ConceptMaps and ValueSets (R4), for review in a terminology tool
    Export {
        /// Which resources
        #[arg(long, value_enum, default_value_t = ExportFormat::All)]
        format: ExportFormat,
        /// A folder for one file each; by default they go to standard output as NDJSON
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// ConceptMaps and ValueSets (R4 or R5) as a mapping file, ready to review and not yet in force
    Import {
        /// Files of FHIR JSON; `-` is standard input
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// What the codes of ValueSets ask, such as other-marker; without it ValueSets are left out
        #[arg(long, value_name = "FINDING")]
        is: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CheckFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    Conceptmap,
    Valueset,
    All,
}

pub(super) fn run(command: MappingsCommand, config: &Config) -> Result<ExitCode> {
    match command {
        MappingsCommand::Check { format, files } => check::check(config, &files, format),
        MappingsCommand::Export { format, output } => {
            export::export(config, format, output.as_deref())
        }
        MappingsCommand::Import { files, is } => import::import(config, &files, is.as_deref()),
    }
}
