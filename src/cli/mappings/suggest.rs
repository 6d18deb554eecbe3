//! `mappings suggest`: proposals for the codes that nobody has mapped.

use std::process::ExitCode;

use anyhow::Result;

use super::CodeSource;
use super::codes::{occurring, quarantined};
use crate::app;
use crate::config::Config;
use crate::mapping::coverage::Circumstances;
use crate::mapping::suggest::Unknown;
use crate::render;
use crate::service::output::print;

pub(super) async fn suggest(config: &Config, source: &CodeSource) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let text = if source.quarantine {
        let nothing_known = Circumstances::default();
        let quarantined = quarantined(config).await?;
        let unknown: Vec<_> = (quarantined.iter())
            .map(|code| {
                let unknown = Unknown {
                    key: &code.key,
                    display: code.display.as_deref(),
                    circumstances: &nothing_known,
                };
                (unknown, code.count, code.example.as_str())
            })
            .collect();
        render::suggestions(&rules.mapping, &unknown)
    } else {
        let coverage = occurring(config, &rules, source).await?;
        let unknown: Vec<_> = (coverage.unmapped())
            .map(|(key, row)| {
                let unknown = Unknown {
                    key,
                    display: row.display(),
                    circumstances: &row.circumstances,
                };
                (unknown, row.count, row.example.as_str())
            })
            .collect();
        render::suggestions(&rules.mapping, &unknown)
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
