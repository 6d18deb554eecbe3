//! `mappings coverage`: which codes occur and what they are mapped to.

use std::process::ExitCode;

use anyhow::Result;

use super::codes::{occurring, quarantined};
use super::{CodeSource, CoverageFormat};
use crate::app;
use crate::config::Config;
use crate::render::{CodeList, CodesFormat};
use crate::service::output::print;

pub(super) async fn coverage(
    config: &Config,
    source: &CodeSource,
    only_unmapped: bool,
    format: CoverageFormat,
) -> Result<ExitCode> {
    let list = if source.quarantine {
        CodeList::of_quarantine(&quarantined(config).await?)
    } else {
        let rules = app::rules(config)?;
        CodeList::of_coverage(&occurring(config, &rules, source).await?, only_unmapped)
    };
    let format = match format {
        CoverageFormat::Text => CodesFormat::Text,
        CoverageFormat::Csv => {
            eprintln!("{}", list.last_line());
            CodesFormat::Csv
        }
        CoverageFormat::Json => CodesFormat::Json,
    };
    print(&list.print(format)?)?;
    Ok(ExitCode::SUCCESS)
}
