//! The few data types of FHIR that HER2 reports use, as borrowed views.

use super::json::Json;

/// How much of a system or a code a label shows.
const LABEL_CHARACTERS: usize = 120;

/// The extension by which an element says why it has no value, and the system of its codes.
const ABSENT_REASON: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const ABSENT_REASONS: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
/// Longest text that a review item quotes, in characters.
const LONGEST_QUOTE: usize = 80;

/// A code in a system, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coding<'r> {
    /// The code system, if stated.
    pub system: Option<&'r str>,
    /// The code, if stated.
    pub code: Option<&'r str>,
    /// The display, which never decides.
    pub display: Option<&'r str>,
}

/// A CodeableConcept, or a single Coding taken as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concept<'r> {
    /// Its codings in the order sent.
    pub codings: Vec<Coding<'r>>,
    /// Its text.
    pub text: Option<&'r str>,
}

impl<'r> Concept<'r> {
    /// Reads a CodeableConcept.
    pub fn read(json: &'r Json<'_>) -> Self {
        let codings = json
            .items_at("coding")
            .iter()
            .map(|coding| Coding {
                system: coding.text_at("system"),
                code: coding.text_at("code"),
                display: coding.text_at("display"),
            })
            .collect();
        Self {
            codings,
            text: json.text_at("text"),
        }
    }

    /// Reads a CodeableReference's concept, or a CodeableConcept: elements that are the one since R5 and were the other.
    pub fn read_referable(json: &'r Json<'_>) -> Self {
        Self::read(json.get("concept").unwrap_or(json))
    }

    /// Every text a person would read: the text and the displays.
    pub fn words(&self) -> impl Iterator<Item = &'r str> + '_ {
        self.text
            .into_iter()
            .chain(self.codings.iter().filter_map(|coding| coding.display))
    }

    /// `system|code` of the first coding, else the text in quotes, each cut to what a review item can hold.
    pub fn label(&self) -> String {
        match self.codings.iter().find(|coding| coding.code.is_some()) {
            Some(coding) => {
                let cut = |text: Option<&str>| -> String {
                    text.unwrap_or("").chars().take(LABEL_CHARACTERS).collect()
                };
                format!("{}|{}", cut(coding.system), cut(coding.code))
            }
            None => self.text.map_or_else(|| "no code".to_owned(), quote),
        }
    }
}

/// A short text in quotes, cut where it grows long.
pub fn quote(text: &str) -> String {
    let mut quoted: String = text
        .chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_QUOTE)
        .collect();
    if text.chars().count() > LONGEST_QUOTE {
        quoted.push('…');
    }
    format!("“{quoted}”")
}

/// A Quantity as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity<'r> {
    /// The digits.
    pub value: Option<&'r str>,
    /// `<`, `<=`, `>=`, `>` or something else.
    pub comparator: Option<&'r str>,
    /// The unit's code, else its text.
    pub unit: Option<&'r str>,
}

impl<'r> Quantity<'r> {
    /// Reads a Quantity.
    pub fn read(json: &'r Json<'_>) -> Self {
        Self {
            value: json.get("value").and_then(Json::number),
            comparator: json.text_at("comparator"),
            unit: json.text_at("code").or_else(|| json.text_at("unit")),
        }
    }
}

/// A `value[x]` as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'r> {
    /// `valueCodeableConcept`
    Concept(Concept<'r>),
    /// `valueString`
    Text(&'r str),
    /// `valueQuantity`
    Quantity(Quantity<'r>),
    /// `valueRatio`
    Ratio {
        /// Its numerator.
        numerator: Quantity<'r>,
        /// Its denominator.
        denominator: Quantity<'r>,
    },
    /// `valueRange`
    Range {
        /// Its lower end.
        low: Quantity<'r>,
        /// Its upper end.
        high: Quantity<'r>,
    },
    /// `valueInteger`
    Integer(&'r str),
    /// `valueBoolean`
    Boolean(bool),
    /// Any other key that begins with `value`, or one of the above with content of the wrong kind.
    Other,
}

impl<'r> Value<'r> {
    /// Every `value[x]` of an Observation or component with its key. More than one is illegal, and none is dropped.
    pub fn read_all(json: &'r Json<'_>) -> Vec<(&'r str, Value<'r>)> {
        json.members()
            .iter()
            .filter(|(key, value)| key.starts_with("value") && *value != Json::Null)
            .filter(|(_, value)| reason_in(value).is_none() || has_content(value))
            .map(|(key, value)| (key.as_ref(), Self::read(key, value)))
            .collect()
    }

    /// The reason that a `value[x]` itself gives for being empty, in an extension of it or of its primitive value.
    pub fn absent_reason(json: &'r Json<'_>) -> Option<Concept<'r>> {
        let reason = (json.members().iter())
            .filter(|(key, _)| key.trim_start_matches('_').starts_with("value"))
            .find_map(|(_, value)| reason_in(value))?;
        Some(Concept {
            codings: vec![Coding {
                system: Some(ABSENT_REASONS),
                code: Some(reason),
                display: None,
            }],
            text: None,
        })
    }

    /// The short text it consists of: a string, or the text of a concept without codes.
    pub fn text(&self) -> Option<&'r str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Concept(concept) if concept.codings.is_empty() => concept.text,
            _ => None,
        }
    }

    fn read(key: &str, json: &'r Json<'_>) -> Self {
        let quantity_at = |key| Quantity::read(json.get(key).unwrap_or(&Json::Null));
        match (key, json) {
            ("valueCodeableConcept", Json::Object(_)) => Self::Concept(Concept::read(json)),
            ("valueString", Json::Text(text)) => Self::Text(text),
            ("valueQuantity", Json::Object(_)) => Self::Quantity(Quantity::read(json)),
            ("valueRatio", Json::Object(_)) => Self::Ratio {
                numerator: quantity_at("numerator"),
                denominator: quantity_at("denominator"),
            },
            ("valueRange", Json::Object(_)) => Self::Range {
                low: quantity_at("low"),
                high: quantity_at("high"),
            },
            ("valueInteger", Json::Number(digits)) => Self::Integer(digits),
            ("valueBoolean", Json::Bool(value)) => Self::Boolean(*value),
            _ => Self::Other,
        }
    }
}

/// The code of a data-absent-reason extension on an element, or on the number or code within it.
fn reason_in<'r>(json: &'r Json<'_>) -> Option<&'r str> {
    let of = |json: &'r Json<'_>| {
        (json.items_at("extension").iter())
            .filter(|extension| extension.text_at("url") == Some(ABSENT_REASON))
            .find_map(|extension| extension.text_at("valueCode"))
    };
    of(json)
        .or_else(|| json.get("_value").and_then(of))
        .or_else(|| json.get("_text").and_then(of))
}

/// Whether an element says anything besides its extensions and its unit.
fn has_content(json: &Json<'_>) -> bool {
    const BESIDE: [&str; 5] = ["id", "extension", "unit", "system", "code"];
    match json {
        Json::Object(members) => (members.iter())
            .any(|(key, _)| !key.starts_with('_') && !BESIDE.contains(&key.as_ref())),
        _ => true,
    }
}

/// A business identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier<'r> {
    /// Its system.
    pub system: Option<&'r str>,
    /// Its value.
    pub value: &'r str,
    /// Codes of its type, such as `ACSN`.
    pub kinds: Vec<&'r str>,
}

impl<'r> Identifier<'r> {
    /// The identifiers of a resource that have a value.
    pub fn read_all(resource: &'r Json<'_>) -> Vec<Self> {
        resource
            .items_at("identifier")
            .iter()
            .filter_map(Self::read)
            .collect()
    }

    fn read(json: &'r Json<'_>) -> Option<Self> {
        let kinds = json.get("type").map_or_else(Vec::new, |kind| {
            kind.items_at("coding")
                .iter()
                .filter_map(|coding| coding.text_at("code"))
                .collect()
        });
        Some(Self {
            system: json.text_at("system"),
            value: json.text_at("value")?,
            kinds,
        })
    }

    /// `system|value`, the way a search names it.
    pub fn token(&self) -> String {
        format!("{}|{}", self.system.unwrap_or(""), self.value)
    }
}

/// A reference as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'r> {
    /// The literal reference.
    pub literal: Option<&'r str>,
    /// The type it states.
    pub kind: Option<&'r str>,
    /// The identifier, in its place or beside it.
    pub identifier: Option<Identifier<'r>>,
}

impl<'r> Reference<'r> {
    /// A literal reference.
    pub fn to(literal: &'r str) -> Self {
        Self {
            literal: Some(literal),
            kind: None,
            identifier: None,
        }
    }

    /// Reads a Reference.
    pub fn read(json: &'r Json<'_>) -> Self {
        Self {
            literal: json.text_at("reference"),
            kind: json.text_at("type"),
            identifier: json.get("identifier").and_then(Identifier::read),
        }
    }

    /// The references under a key.
    pub fn read_all(json: &'r Json<'_>, key: &str) -> Vec<Self> {
        json.items_at(key).iter().map(Self::read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_cut_at_80_characters_and_carries_no_line_breaks() {
        let exactly = "x".repeat(LONGEST_QUOTE);
        assert_eq!(quote(&exactly), format!("“{exactly}”"));
        assert_eq!(quote(&format!("{exactly}y")), format!("“{exactly}…”"));
        assert_eq!(quote("a\nb"), "“ab”");
    }

    #[test]
    fn a_concept_without_a_code_is_named_by_its_text() {
        let concept = Concept {
            codings: Vec::new(),
            text: Some("HER2 by local method"),
        };
        assert_eq!(concept.label(), "“HER2 by local method”");
        assert_eq!(Concept::default().label(), "no code");
    }
}
