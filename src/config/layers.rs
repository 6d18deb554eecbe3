//! Combines the defaults, the site's file and the environment.
//!
//! The defaults name every key there is and its kind. Each further layer is checked against them before it is added, so an
//! unknown key or a value of another kind is refused by name, and nothing is converted silently.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::written::ConfigWritten;
use super::{ConfigError, DEFAULTS, invalid};

const ENVIRONMENT_PREFIX: &str = "HER2_ADAPTER__";

/// The settings as written in the defaults, then in the file, then in the variables of the environment.
pub(super) fn combine(
    path: Option<&Path>,
    environment: BTreeMap<String, String>,
) -> Result<ConfigWritten, ConfigError> {
    let known = parse(Path::new("default.toml"), DEFAULTS)?;
    let mut layers =
        config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = path {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::File {
            path: path.to_owned(),
            source,
        })?;
        refuse_unknown("", &known, &parse(path, &text)?)?;
        layers = layers.add_source(File::from_str(&text, FileFormat::Toml));
    }
    for (name, text) in environment {
        let (key, value) = from_environment(&known, &name, &text)?;
        layers = layers
            .set_override(key, value)
            .map_err(|_| ConfigError::Layers)?;
    }
    let merged = layers.build().map_err(|_| ConfigError::Layers)?;
    merged.try_deserialize().map_err(|_| ConfigError::Layers)
}

/// The variables of this process that are meant for us.
pub(super) fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
    let mut ours = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name
            .to_str()
            .filter(|name| name.starts_with(ENVIRONMENT_PREFIX))
        else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| invalid(name, "text in UTF-8"))?;
        ours.insert(name.to_owned(), value);
    }
    Ok(ours)
}

fn parse(path: &Path, text: &str) -> Result<Map<String, Value>, ConfigError> {
    File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|error| ConfigError::NotToml {
            path: path.to_owned(),
            // Only the first line of the parser's message: it names line and column, those after it quote the file.
            position: error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        })
}

/// Refuses keys that the defaults do not have, and values of another kind than the defaults'.
fn refuse_unknown(
    section: &str,
    known: &Map<String, Value>,
    written: &Map<String, Value>,
) -> Result<(), ConfigError> {
    let sorted: BTreeMap<&String, &Value> = written.iter().collect();
    for (key, value) in sorted {
        let path = if section.is_empty() {
            key.clone()
        } else {
            format!("{section}.{key}")
        };
        let Some(default) = known.get(key) else {
            return Err(ConfigError::UnknownKey { key: path });
        };
        match (&default.kind, &value.kind) {
            (ValueKind::Table(known), ValueKind::Table(written)) => {
                refuse_unknown(&path, known, written)?
            }
            (ValueKind::Boolean(_), ValueKind::Boolean(_))
            | (ValueKind::I64(_), ValueKind::I64(_))
            | (ValueKind::String(_), ValueKind::String(_)) => {}
            (ValueKind::Array(_), ValueKind::Array(items))
                if items
                    .iter()
                    .all(|item| matches!(item.kind, ValueKind::String(_))) => {}
            (kind, _) => return Err(invalid(&path, kind_in_words(kind))),
        }
    }
    Ok(())
}

/// The key a variable sets, and its value in the kind of the default.
fn from_environment(
    known: &Map<String, Value>,
    name: &str,
    text: &str,
) -> Result<(String, ValueKind), ConfigError> {
    let unknown = || ConfigError::UnknownKey {
        key: name.to_owned(),
    };
    let path = name
        .strip_prefix(ENVIRONMENT_PREFIX)
        .filter(|path| !path.contains(char::is_lowercase));
    let path = path.ok_or_else(unknown)?.to_lowercase();
    let default = match path.split_once("__") {
        None => known.get(&path),
        Some((section, key)) => match known.get(section).map(|section| &section.kind) {
            Some(ValueKind::Table(known)) => known.get(key),
            _ => None,
        },
    };
    let default = &default.ok_or_else(unknown)?.kind;
    if matches!(default, ValueKind::Table(_)) {
        return Err(unknown());
    }
    let value = match default {
        ValueKind::Boolean(_) => text.parse().ok().map(ValueKind::Boolean),
        ValueKind::I64(_) => text.parse().ok().map(ValueKind::I64),
        ValueKind::Array(_) if text.is_empty() => Some(ValueKind::Array(Vec::new())),
        ValueKind::Array(_) => Some(ValueKind::from(
            text.split(',').map(str::trim).collect::<Vec<_>>(),
        )),
        _ => Some(ValueKind::String(text.to_owned())),
    };
    let value = value.ok_or_else(|| invalid(name, kind_in_words(default)))?;
    Ok((path.replacen("__", ".", 1), value))
}

fn kind_in_words(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) => "a whole number",
        ValueKind::Array(_) => "a list of texts",
        ValueKind::Table(_) => "a section",
        _ => "a text in quotation marks",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::super::{Config, Mode};
    use super::*;

    fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.toml");
        if let Some(text) = file {
            fs::write(&path, text).unwrap();
        }
        let environment = environment
            .iter()
            .map(|(name, text)| (name.to_string(), text.to_string()))
            .collect();
        combine(file.map(|_| path.as_path()), environment)?.checked()
    }

    fn refusal(file: Option<&str>, environment: &[(&str, &str)]) -> String {
        load(file, environment).unwrap_err().to_string()
    }

    #[test]
    fn the_mode_stands_in_no_section() {
        for (file, environment) in [
            (Some("mode = \"shadow\""), &[][..]),
            (None, &[("HER2_ADAPTER__MODE", "shadow")]),
        ] {
            assert_eq!(load(file, environment).unwrap().mode, Mode::Shadow);
        }
        let wrong = load(Some("mode = \"dark\""), &[]).unwrap_err();
        assert_eq!(wrong.to_string(), "mode must be write or shadow");
        for section in ["HER2_ADAPTER__SERVER", "HER2_ADAPTER__NONE"] {
            assert!(load(None, &[(section, "shadow")]).is_err());
        }
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = "[server]\nread = \"https://file.example/fhir\"\npage_size = 20\n";
        let config = load(
            Some(file),
            &[
                (
                    "HER2_ADAPTER__SERVER__READ",
                    "https://environment.example/fhir",
                ),
                ("HER2_ADAPTER__SERVER__ALLOW_HTTP", "true"),
                ("HER2_ADAPTER__SERVER__ATTEMPTS", "3"),
                (
                    "HER2_ADAPTER__INPUT__MAPPING_FILES",
                    "north.toml, south.toml",
                ),
            ],
        )
        .unwrap();
        assert_eq!(
            config.server.read.unwrap().as_str(),
            "https://environment.example/fhir"
        );
        assert_eq!(config.server.limits.page_size, 20);
        assert_eq!(config.server.limits.attempts, 3);
        assert!(config.server.allow_http);
        assert_eq!(
            config.input.mapping_files,
            ["north.toml", "south.toml"].map(std::path::PathBuf::from)
        );
        assert_eq!(config.log.filter, "info");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_wherever_it_is_written() {
        assert_eq!(
            refusal(Some("[server]\nraed = \"\""), &[]),
            "unknown setting server.raed"
        );
        assert_eq!(
            refusal(Some("[sever]\nread = \"\""), &[]),
            "unknown setting sever"
        );
        assert_eq!(
            refusal(Some("page_size = 3"), &[]),
            "unknown setting page_size"
        );
        assert_eq!(
            refusal(Some("\"server.read\" = \"\""), &[]),
            "unknown setting server.read"
        );
        for name in [
            "HER2_ADAPTER__SERVER__RAED",
            "HER2_ADAPTER__SEVER__READ",
            "HER2_ADAPTER__SERVER",
            "HER2_ADAPTER__SERVER__READ__URL",
            "HER2_ADAPTER__Server__Read",
            "HER2_ADAPTER__",
        ] {
            assert_eq!(
                refusal(None, &[(name, "x")]),
                format!("unknown setting {name}")
            );
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused_and_never_converted() {
        let kinds = [
            (
                "[server]\npage_size = \"100\"",
                "server.page_size must be a whole number",
            ),
            (
                "[server]\npage_size = 99.6",
                "server.page_size must be a whole number",
            ),
            (
                "[server]\nallow_http = \"yes\"",
                "server.allow_http must be true or false",
            ),
            (
                "[server]\nbearer_token = 7",
                "server.bearer_token must be a text in quotation marks",
            ),
            (
                "[input]\nmapping_files = [1]",
                "input.mapping_files must be a list of texts",
            ),
            ("server = 1", "server must be a section"),
        ];
        for (file, message) in kinds {
            assert_eq!(refusal(Some(file), &[]), message);
        }
        let message = refusal(None, &[("HER2_ADAPTER__SERVER__ALLOW_HTTP", "1")]);
        assert_eq!(
            message,
            "HER2_ADAPTER__SERVER__ALLOW_HTTP must be true or false"
        );
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_by_position_without_quoting_it() {
        let message = refusal(Some("[server]\nbearer_token = \"s3cret\n"), &[]);
        assert!(message.contains("line 2"), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
        let twice = refusal(
            Some("[server]\nbearer_token = \"s3cret\"\nbearer_token = \"s3cret\"\n"),
            &[],
        );
        assert!(
            twice.contains("line 3") && !twice.contains("s3cret"),
            "{twice}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let error = combine(Some(Path::new("/nonexistent/site.toml")), BTreeMap::new())
            .err()
            .unwrap();
        assert!(matches!(error, ConfigError::File { .. }));
    }
}
