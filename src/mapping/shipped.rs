//! The mapping files that come with the program.

use include_dir::{Dir, include_dir};

use super::table::MappingError;
use super::table::layers::{Layer, SourceFile};

/// The mapping every installation starts from.
pub const BASE: &str = include_str!("../../mappings/base.toml");

/// The profile that shows how a laboratory is taught; it is of an invented one, and never in force unless named.
pub const EXAMPLE: &str = "example-lis";

static PROFILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/mappings/profiles");

/// The profile files by name (`mcode`), sorted.
pub fn profiles() -> Vec<(&'static str, &'static str)> {
    let mut profiles: Vec<(&str, &str)> = (PROFILES.files())
        .filter_map(|file| {
            let name = file.path().file_name()?.to_str()?.strip_suffix(".toml")?;
            Some((name, file.contents_utf8()?))
        })
        .collect();
    profiles.sort_unstable();
    profiles
}

/// The layers in force: the base, the profiles of these names, and the site's own files.
///
/// # Errors
/// [`MappingError::UnknownProfile`] when a name is none of [`profiles`].
pub fn layers(names: &[String], site: Layer) -> Result<Vec<Layer>, MappingError> {
    let shipped = profiles();
    let chosen = (names.iter())
        .map(|name| {
            let found = shipped.iter().find(|(known, _)| known == name);
            let (name, text) = found.ok_or_else(|| MappingError::UnknownProfile {
                name: name.clone(),
                known: names_of(&shipped),
            })?;
            Ok(SourceFile {
                name: format!("mappings/profiles/{name}.toml"),
                text: (*text).to_owned(),
            })
        })
        .collect::<Result<Layer, MappingError>>()?;
    let base = SourceFile {
        name: "mappings/base.toml".to_owned(),
        text: BASE.to_owned(),
    };
    Ok(vec![vec![base], chosen, site])
}

fn names_of(profiles: &[(&str, &str)]) -> String {
    let names: Vec<&str> = profiles.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}
