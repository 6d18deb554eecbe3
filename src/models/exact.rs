//! Dates and decimals, kept character for character.
//!
//! The models hold a decimal as `f64` and a date as a `time` value, and print both anew: `2.00` would become `2.0`, and
//! `10:00:00.120` would become `10:00:00.12`. So the model gets a stand-in, the text is set aside under its path,
//! and when the model has printed its JSON the text takes the stand-in's place.

use crate::{checks, dates, invalid::Invalid, path::Path};
use fhir_sdk::{Date, DateTime, Instant, time::OffsetDateTime};
use serde::{
    Serialize,
    de::{Deserialize, Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};

/// A resource as its model, and the texts that its JSON must carry.
pub(crate) struct Composed<Model> {
    /// The resource, with stand-ins.
    pub(crate) model: Model,
    /// The resource type, where all paths begin.
    pub(crate) root: Path,
    /// What to print in place of the stand-ins.
    pub(crate) texts: ExactTexts,
}

impl<Model: Serialize> Composed<Model> {
    /// The resource as JSON text, exact.
    pub(crate) fn into_json(self) -> Result<String, Invalid> {
        let json = serde_json::to_string(&self.model)?;
        self.texts.put_into(&json, &self.root)
    }
}

/// The texts set aside, by the element's path.
#[derive(Debug, Default)]
pub(crate) struct ExactTexts(BTreeMap<Path, ExactText>);

#[derive(Debug)]
enum ExactText {
    Decimal(String),
    Date(String),
}

impl ExactTexts {
    /// Sets a decimal aside and returns its stand-in.
    pub(crate) fn decimal(&mut self, text: &str, path: &Path) -> Result<f64, Invalid> {
        if !checks::is_decimal(text) {
            return Err(Invalid::Decimal {
                path: path.to_string(),
            });
        }
        self.set_aside(path, ExactText::Decimal(text.to_owned()));
        Ok(0.0)
    }

    /// Sets a dateTime aside and returns its stand-in.
    pub(crate) fn date_time(&mut self, text: &str, path: &Path) -> Result<DateTime, Invalid> {
        if !dates::is_date_time(text) {
            return Err(Invalid::DateTime {
                path: path.to_string(),
            });
        }
        self.set_aside(path, ExactText::Date(text.to_owned()));
        Ok(DateTime::Date(Date::Year(1970)))
    }

    /// Sets an instant aside and returns its stand-in.
    pub(crate) fn instant(&mut self, text: &str, path: &Path) -> Result<Instant, Invalid> {
        if !dates::is_instant(text) {
            return Err(Invalid::Instant {
                path: path.to_string(),
            });
        }
        self.set_aside(path, ExactText::Date(text.to_owned()));
        Ok(Instant(OffsetDateTime::UNIX_EPOCH))
    }

    /// The JSON with every text in the place of its stand-in; all else stays as it is.
    ///
    /// # Errors
    /// [`Invalid::Model`] when a text finds no place, since the model has then lost it.
    pub(crate) fn put_into(&self, json: &str, root: &Path) -> Result<String, Invalid> {
        let mut printer = Printer {
            texts: self,
            printed: String::with_capacity(json.len()),
            placed: 0,
        };
        printer.print(json, root)?;
        if printer.placed == self.0.len() {
            Ok(printer.printed)
        } else {
            Err(Invalid::Model)
        }
    }

    /// Checks what FHIR R5 asks of numbers and dates beyond R4.
    #[cfg(feature = "r5")]
    pub(crate) fn check_for_r5(&self) -> Result<(), Invalid> {
        for (path, text) in &self.0 {
            let path = path.to_string();
            match text {
                ExactText::Decimal(text) if !checks::is_r5_decimal(text) => {
                    return Err(Invalid::Decimal { path });
                }
                ExactText::Date(text) if !dates::is_r5_precise(text) => {
                    return Err(Invalid::DateTime { path });
                }
                ExactText::Decimal(_) | ExactText::Date(_) => {}
            }
        }
        Ok(())
    }

    fn set_aside(&mut self, path: &Path, text: ExactText) {
        self.0.insert(path.clone(), text);
    }
}

/// Prints a JSON text again, with exact texts for stand-ins.
struct Printer<'a> {
    texts: &'a ExactTexts,
    printed: String,
    placed: usize,
}

impl Printer<'_> {
    fn print(&mut self, json: &str, path: &Path) -> Result<(), serde_json::Error> {
        if let Some(text) = self.texts.0.get(path) {
            self.placed += 1;
            match text {
                ExactText::Decimal(text) => self.printed.push_str(text),
                ExactText::Date(text) => self.printed.push_str(&format!("\"{text}\"")),
            }
        } else if json.starts_with('{') {
            self.print_object(json, path)?;
        } else if json.starts_with('[') {
            self.print_list(json, path)?;
        } else {
            self.printed.push_str(json);
        }
        Ok(())
    }

    fn print_object(&mut self, json: &str, path: &Path) -> Result<(), serde_json::Error> {
        let Fields(fields) = serde_json::from_str(json)?;
        let mut separator = "";
        self.printed.push('{');
        for (name, value) in fields {
            self.printed.push_str(&format!("{separator}\"{name}\":"));
            self.print(value.get(), &path.field(name))?;
            separator = ",";
        }
        self.printed.push('}');
        Ok(())
    }

    fn print_list(&mut self, json: &str, path: &Path) -> Result<(), serde_json::Error> {
        let items: Vec<&RawValue> = serde_json::from_str(json)?;
        let mut separator = "";
        self.printed.push('[');
        for (index, item) in items.into_iter().enumerate() {
            self.printed.push_str(separator);
            self.print(item.get(), &path.item(index))?;
            separator = ",";
        }
        self.printed.push(']');
        Ok(())
    }
}

/// The fields of a JSON object in the order they are written. Names are FHIR's, so they have no escapes.
struct Fields<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_finds_no_place_is_a_fault_of_the_model() {
        let root = Path::of_resource("Observation");
        let mut texts = ExactTexts::default();
        texts
            .instant("2024-03-08T10:00:00Z", &root.field("issued"))
            .unwrap();
        assert_eq!(texts.put_into(r#"{"note":[]}"#, &root), Err(Invalid::Model));
    }

    #[test]
    fn all_but_the_stand_ins_is_printed_as_it_was() {
        let root = Path::of_resource("X");
        let mut texts = ExactTexts::default();
        texts
            .decimal("2.00", &root.field("b").item(1).field("c"))
            .unwrap();
        let json = r#"{"z":"\u00e9\"","b":[{},{"c":0.0},[]],"a":null,"c":1e5}"#;
        let printed = texts.put_into(json, &root).unwrap();
        assert_eq!(
            printed,
            r#"{"z":"\u00e9\"","b":[{},{"c":2.00},[]],"a":null,"c":1e5}"#
        );
    }
}
