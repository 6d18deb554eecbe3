//! Builds the parts from the settings.

use std::path::PathBuf;
use std::{fs, io};

use anyhow::Result;

use crate::config::{CodingOrder, Config};
use crate::mapping::normalise::InputRules;
use crate::mapping::output::{OUTPUT, OutputCodes};
use crate::mapping::shipped;
use crate::mapping::table::Mapping;
use crate::mapping::table::layers::{Layer, SourceFile};
use crate::pipeline::results::{self, Publishing, Release};
use crate::pipeline::{HashedTables, Rules};

/// A mapping file that the settings name cannot be read. Mend `input.mapping_files` or the file.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the mapping file {}", .path.display())]
pub struct MappingFileUnreadable {
    /// The file.
    pub path: PathBuf,
    /// What the operating system says.
    pub source: io::Error,
}

/// The layers of mapping files in force: what is shipped, and the site's own with `further` ones beside them, each once.
///
/// # Errors
/// When a file of the site cannot be read, or the settings name an unknown profile.
pub fn mapping_layers(config: &Config, further: &[PathBuf]) -> Result<Vec<Layer>> {
    let own = &config.input.mapping_files;
    let paths = (own.iter()).chain(further.iter().filter(|path| !own.contains(path)));
    let site = paths
        .map(|path| {
            let text = fs::read_to_string(path).map_err(|source| MappingFileUnreadable {
                path: path.clone(),
                source,
            })?;
            Ok(SourceFile {
                name: path.display().to_string(),
                text,
            })
        })
        .collect::<Result<Layer, MappingFileUnreadable>>()?;
    Ok(shipped::layers(&config.input.profiles, site)?)
}

/// The mapping in force.
///
/// # Errors
/// When a mapping file cannot be read or used; the message names it.
pub fn mapping(config: &Config) -> Result<Mapping> {
    let layers = mapping_layers(config, &[])?;
    Ok(Mapping::of_layers(&layers, &config.identifiers.base)?)
}

/// Everything that decides: the editions, the mapping in force, and the site's choices.
///
/// # Errors
/// When a mapping file cannot be read or used; the message names it.
pub fn rules(config: &Config) -> Result<Rules> {
    Ok(Rules {
        mapping: mapping(config)?,
        base: config.identifiers.base.clone(),
        guidelines: config.guideline.editions.clone(),
        assume_site: config.guideline.assume_site,
        conventions: config.convention,
        input: InputRules {
            accept_preliminary: config.input.accept_preliminary,
        },
        overall_status_alone: config.input.overall_status_alone,
        patient_summary: config.publish.patient_summary,
        tables: HashedTables::default(),
    })
}

/// How results are published.
///
/// # Errors
/// When the compiled-in output codes cannot be used, which would be a fault of this program.
pub fn publishing(config: &Config, release: Release) -> Result<Publishing> {
    Ok(Publishing {
        release,
        codes: OutputCodes::load(OUTPUT)?,
        coding_order: match config.publish.coding_order {
            CodingOrder::SnomedFirst => results::CodingOrder::SnomedFirst,
            CodingOrder::LoincFirst => results::CodingOrder::LoincFirst,
        },
        low_and_ultralow: config.publish.low_and_ultralow,
        profiles: config.publish.profiles.clone(),
        final_without_sign_off: config.publish.final_without_sign_off,
        signing: config.sign_off.signing.clone(),
        reflex: config.reflex.clone(),
    })
}
