//! `mappings`: what people do with mapping files.

mod check;
mod codes;
mod coverage;
mod export;
mod import;
mod suggest;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

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
    /// The files in force as FHIR ConceptMaps and ValueSets (R4), for review in a terminology tool, and the CodeSystems,
    /// ValueSets and OperationDefinition of what is written, for the server's terminology
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
    /// Which codes occur, how often, and what they are mapped to
    ///
    /// On a server, what stands under unknown codes in no known report is found by no search: name an export as FILE.
    Coverage {
        #[command(flatten)]
        source: CodeSource,
        /// Only codes that nobody has mapped
        #[arg(long)]
        unmapped: bool,
        /// How to print it
        #[arg(long, value_enum, default_value_t = CoverageFormat::Text)]
        format: CoverageFormat,
    },
    /// A mapping file with proposals for the codes that nobody has mapped, refused until a person has read it
    Suggest {
        #[command(flatten)]
        source: CodeSource,
    },
}

/// Where codes are looked for.
#[derive(Debug, clap::Args)]
pub(super) struct CodeSource {
    /// Files of FHIR JSON, Bundles or NDJSON, also gzipped; `-` is standard input. Without any: the server's HER2 results and reports
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Of the server, only what changed since (a date or a FHIR instant)
    #[arg(long, value_name = "WHEN", value_parser = super::moment, conflicts_with = "files")]
    since: Option<DateTime<Utc>>,
    /// The unmapped codes that earlier passes have met, with when
    #[arg(long, conflicts_with_all = ["files", "since"])]
    quarantine: bool,
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
    Codesystem,
    Operationdefinition,
    All,
}

impl ExportFormat {
    /// Whether a resource is of this kind.
    fn takes(self, resource: &Value) -> bool {
        let kind = match self {
            Self::Conceptmap => "ConceptMap",
            Self::Valueset => "ValueSet",
            Self::Codesystem => "CodeSystem",
            Self::Operationdefinition => "OperationDefinition",
            Self::All => return true,
        };
        resource.get("resourceType").and_then(Value::as_str) == Some(kind)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CoverageFormat {
    Text,
    Csv,
    Json,
}

pub(super) async fn run(command: MappingsCommand, config: &Config) -> Result<ExitCode> {
    match command {
        MappingsCommand::Check { format, files } => check::check(config, &files, format),
        MappingsCommand::Export { format, output } => {
            export::export(config, format, output.as_deref())
        }
        MappingsCommand::Import { files, is } => import::import(config, &files, is.as_deref()),
        MappingsCommand::Coverage {
            source,
            unmapped,
            format,
        } => coverage::coverage(config, &source, unmapped, format).await,
        MappingsCommand::Suggest { source } => suggest::suggest(config, &source).await,
    }
}
