//! The conditions of a search, and which versions meet them.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::dates::span_of;
use super::parameters::{Parameter, ParameterKind, local_address, unversioned};
use super::refusal::Refusal;
use super::resources::Version;

/// One condition. Its alternatives are joined by "or", the filters of a search by "and".
#[derive(Debug)]
pub(super) enum Filter {
    Ids(Vec<String>),
    LastUpdated(InstantBounds),
    Tokens {
        parameter: Parameter,
        wanted: Vec<TokenPattern>,
    },
    References {
        parameter: Parameter,
        wanted: Vec<String>,
    },
}

impl Filter {
    /// The filter of an `_id` parameter.
    pub fn ids(value: &str) -> Filter {
        Filter::Ids(alternatives(value))
    }

    /// The filter of a `_lastUpdated` parameter.
    pub fn last_updated(value: &str) -> Result<Filter, Refusal> {
        InstantBounds::parse(value).map(Filter::LastUpdated)
    }

    /// The filter of a parameter that looks into the resource.
    pub fn of(parameter: Parameter, value: &str, base: &str) -> Result<Filter, Refusal> {
        let wanted = alternatives(value);
        if wanted.iter().any(String::is_empty) {
            return Err(Refusal::bad_request("a search parameter has no value"));
        }
        Ok(match parameter.kind {
            ParameterKind::Token => Filter::Tokens {
                parameter,
                wanted: wanted
                    .iter()
                    .map(|text| TokenPattern::parse(text))
                    .collect(),
            },
            ParameterKind::Reference => Filter::References {
                parameter,
                wanted: wanted
                    .iter()
                    .map(|text| wanted_address(parameter, text, base))
                    .collect(),
            },
        })
    }

    /// Whether a version meets the condition. A deletion meets none.
    pub fn matches(&self, version: &Version, base: &str) -> bool {
        let Some(content) = &version.content else {
            return false;
        };
        match self {
            Filter::Ids(ids) => ids.contains(&version.id),
            Filter::LastUpdated(bounds) => bounds.contain(version.last_updated),
            Filter::Tokens { parameter, wanted } => parameter
                .values_in(&content.json)
                .into_iter()
                .any(|value| wanted.iter().any(|pattern| pattern.matches(value))),
            Filter::References { parameter, wanted } => parameter
                .references_in(&content.json, base)
                .into_iter()
                .any(|address| wanted.iter().any(|wanted| refers_to(address, wanted))),
        }
    }
}

/// What a reference parameter asks for: an address, or a bare id where the type is left open.
fn wanted_address(parameter: Parameter, text: &str, base: &str) -> String {
    let address = local_address(text, base);
    if parameter.name == "patient" && !address.contains('/') {
        return format!("Patient/{address}");
    }
    address.to_owned()
}

/// Whether an address is what is wanted: an address with or without version, or a bare id.
fn refers_to(address: &str, wanted: &str) -> bool {
    let resource = unversioned(address);
    let id = resource.split_once('/').map(|(_, id)| id);
    address == wanted || resource == wanted || (!wanted.contains('/') && id == Some(wanted))
}

/// `code`, `system|code`, `|code` (a code without system) or `system|` (any code of the system).
#[derive(Debug)]
pub(super) struct TokenPattern {
    /// Any system, or none, when absent; no system when empty.
    system: Option<String>,
    /// Any code when absent.
    code: Option<String>,
}

impl TokenPattern {
    fn parse(token: &str) -> TokenPattern {
        match split_unescaped(token, '|').as_slice() {
            [system, code @ ..] if !code.is_empty() => TokenPattern {
                system: Some(unescaped(system)),
                code: Some(unescaped(&code.join("|"))).filter(|code| !code.is_empty()),
            },
            _ => TokenPattern {
                system: None,
                code: Some(unescaped(token)),
            },
        }
    }

    /// Whether a code, a Coding, a CodeableConcept or an Identifier fits.
    fn matches(&self, value: &Value) -> bool {
        if let Some(codings) = value.get("coding").and_then(Value::as_array) {
            return codings
                .iter()
                .any(|coding| self.fits(text_in(coding, "system"), text_in(coding, "code")));
        }
        match value.as_str() {
            Some(code) => self.fits(None, Some(code)),
            None => {
                let code = text_in(value, "value").or_else(|| text_in(value, "code"));
                self.fits(text_in(value, "system"), code)
            }
        }
    }

    fn fits(&self, system: Option<&str>, code: Option<&str>) -> bool {
        let Some(code) = code else {
            return false;
        };
        let system_fits = self
            .system
            .as_ref()
            .is_none_or(|wanted| wanted == system.unwrap_or_default());
        let code_fits = self.code.as_ref().is_none_or(|wanted| wanted == code);
        system_fits && code_fits
    }
}

fn text_in<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// Bounds of an instant, the upper one excluded.
#[derive(Debug)]
pub(super) struct InstantBounds {
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

impl InstantBounds {
    /// A date of limited precision stands for the whole span it names, so `gt2026` begins with 2027.
    fn parse(value: &str) -> Result<InstantBounds, Refusal> {
        let prefixed = ["eq", "ge", "gt", "le", "lt"]
            .iter()
            .find_map(|prefix| Some((*prefix, value.strip_prefix(prefix)?)));
        let (prefix, date) = prefixed.unwrap_or(("eq", value));
        let span = span_of(date).ok_or_else(|| {
            Refusal::bad_request(
                "_lastUpdated is not eq, ge, gt, le or lt with a date or an instant with a zone",
            )
        })?;
        let (from, before) = match prefix {
            "ge" => (Some(span.start), None),
            "gt" => (Some(span.end), None),
            "le" => (None, Some(span.end)),
            "lt" => (None, Some(span.start)),
            _ => (Some(span.start), Some(span.end)),
        };
        Ok(InstantBounds { from, before })
    }

    fn contain(&self, instant: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| instant >= from)
            && self.before.is_none_or(|before| instant < before)
    }
}

/// The alternatives of a value: separated by commas, of which `\,` is none.
fn alternatives(value: &str) -> Vec<String> {
    split_unescaped(value, ',')
}

/// Splits at a separator that is not behind a backslash; backslashes stay.
fn split_unescaped(text: &str, separator: char) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut escaped = false;
    for character in text.chars() {
        if character == separator && !escaped {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    parts.push(part);
    parts
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' {
            characters.next().unwrap_or('\\')
        } else {
            character
        });
    }
    plain
}
