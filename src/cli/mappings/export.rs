//! `mappings export`: the files in force, and the terminology of what is written, as FHIR resources.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use super::ExportFormat;
use crate::app;
use crate::config::Config;
use crate::mapping::exchange::{concept_maps, value_sets};
use crate::mapping::table::layers::Stack;
use crate::mapping::terminology;
use crate::service::output::print;

/// To standard output as NDJSON, or into a folder as one file for each resource.
pub(super) fn export(
    config: &Config,
    format: ExportFormat,
    folder: Option<&Path>,
) -> Result<ExitCode> {
    let base = &config.identifiers.base;
    let stack = Stack::read(&app::mapping_layers(config, &[])?, base).checked()?;
    let mut resources = concept_maps(&stack, base);
    resources.extend(value_sets(&stack, base));
    resources.extend(terminology::resources(base));
    resources.retain(|resource| format.takes(resource));
    let Some(folder) = folder else {
        for resource in &resources {
            print(&format!("{resource}\n"))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for resource in &resources {
        let part = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or("");
        let path = folder.join(format!("{}-{}.json", part("resourceType"), part("id")));
        let text = serde_json::to_string_pretty(resource)? + "\n";
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    eprintln!("{} resources in {}", resources.len(), folder.display());
    Ok(ExitCode::SUCCESS)
}
