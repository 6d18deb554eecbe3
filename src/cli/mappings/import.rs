//! `mappings import`: ConceptMaps and ValueSets as a mapping file to review.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, iter};

use anyhow::{Result, bail};
use chrono::Utc;
use serde_json::Value;

use crate::app;
use crate::cli::Usage;
use crate::config::Config;
use crate::mapping::exchange::import as read;
use crate::mapping::table::layers::Stack;
use crate::service::output::print;

/// The file goes to standard output, what was left out to standard error.
pub(super) fn import(config: &Config, paths: &[PathBuf], is: Option<&str>) -> Result<ExitCode> {
    let base = &config.identifiers.base;
    let known = Stack::read(&app::mapping_layers(config, &[])?, base);
    let mut resources = Vec::new();
    for path in paths {
        resources.extend(resources_of(path)?);
    }
    let today = Utc::now().date_naive();
    let imported =
        read(&resources, &known, base, is, today).map_err(|error| Usage(error.to_string()))?;
    for left_out in &imported.said {
        eprintln!("{left_out}");
    }
    print(&imported.text)?;
    Ok(ExitCode::SUCCESS)
}

/// The resources of a file: one, several one after the other (NDJSON), or Bundles of them.
fn resources_of(path: &Path) -> Result<Vec<Value>> {
    let name = path.display();
    let read = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = read.map_err(|error| Usage(format!("cannot read {name}: {error}")))?;
    let mut resources = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let mut value = value.map_err(|error| Usage(format!("{name} is not JSON: {error}")))?;
        match value.get_mut("entry").and_then(Value::as_array_mut) {
            Some(entries) => resources.extend(
                (entries.iter_mut()).filter_map(|entry| entry.get_mut("resource").map(Value::take)),
            ),
            None => resources.extend(iter::once(value)),
        }
    }
    if resources.is_empty() {
        bail!(Usage(format!("{name} holds no resource")));
    }
    Ok(resources)
}
