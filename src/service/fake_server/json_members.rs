//! JSON objects whose members stay the texts they were written in, so that no number is ever rounded.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The members of a JSON object in their order. An object with two members of one name cannot be read.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// A member that is a string.
    pub fn string(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Replaces a member in its place, or adds it behind another one (at the front, if that is not there).
    pub fn set(&mut self, name: &str, value: Box<RawValue>, behind: &str) {
        if let Some((_, old)) = self.0.iter_mut().find(|(key, _)| key == name) {
            *old = value;
            return;
        }
        let other = self.0.iter().position(|(key, _)| key == behind);
        let place = other.map_or(0, |place| place + 1);
        self.0.insert(place, (name.to_owned(), value));
    }

    /// Replaces the values of members named `reference`, at any depth, that have a replacement.
    pub fn replace_references(&mut self, replacements: &BTreeMap<String, String>) {
        for (key, value) in &mut self.0 {
            let reference = match key.as_str() {
                "reference" => serde_json::from_str::<String>(value.get()).ok(),
                _ => None,
            };
            *value = match reference.and_then(|reference| replacements.get(&reference)) {
                Some(replacement) => raw(replacement),
                None => with_replaced_references(value, replacements),
            };
        }
    }
}

fn with_replaced_references(
    value: &RawValue,
    replacements: &BTreeMap<String, String>,
) -> Box<RawValue> {
    if let Ok(mut object) = serde_json::from_str::<Members>(value.get()) {
        object.replace_references(replacements);
        return raw(&object);
    }
    if let Ok(list) = serde_json::from_str::<Vec<Box<RawValue>>>(value.get()) {
        let items = list
            .iter()
            .map(|item| with_replaced_references(item, replacements));
        return raw(&items.collect::<Vec<_>>());
    }
    value.to_owned()
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if members.get(&key).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
            members.0.push((key, value));
        }
        Ok(members)
    }
}

/// The JSON text of something that is made of texts, where serialising has no way to fail.
pub(super) fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
