//! JSON as sent: a borrowed tree that keeps every digit of every number and every key, known or not.
//!
//! fhir-sdk's models drop a `value[x]` they cannot parse without an error and hold decimals as `f64`,
//! so nothing that decides is read through them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Deeper nesting than this is refused; FHIR resources stay far below it.
const DEEPEST: usize = 64;

/// One JSON value; numbers stay the text they were written as.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, digit for digit.
    Number(&'a str),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object in the order of its keys as sent.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why a text is no JSON that can be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not readable as JSON at line {line}, column {column}: {why}")]
pub struct NotJson {
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the line, from 1.
    pub column: usize,
    /// What is wrong, without the content.
    pub why: &'static str,
}

impl<'a> Json<'a> {
    /// Parses a whole text.
    ///
    /// # Errors
    /// [`NotJson`] with line and column when the text is no JSON, nests too deeply or repeats a key.
    pub fn parse(text: &'a str) -> Result<Self, NotJson> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| NotJson {
            line: error.line(),
            column: error.column(),
            why: match error.classify() {
                serde_json::error::Category::Eof => "the text ends too early",
                _ => "a syntax error",
            },
        })?;
        Self::from_raw(raw, 0).map_err(|(at, why)| {
            let offset = (at as usize).saturating_sub(text.as_ptr() as usize);
            let before = text.get(..offset).unwrap_or("");
            NotJson {
                line: before.matches('\n').count() + 1,
                column: before.rsplit('\n').next().map_or(0, str::len) + 1,
                why,
            }
        })
    }

    fn from_raw(raw: &'a RawValue, depth: usize) -> Result<Self, (*const u8, &'static str)> {
        let text = raw.get();
        let fail = |why| (text.as_ptr(), why);
        if depth > DEEPEST {
            return Err(fail("nested too deeply"));
        }
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let members: Members<'a> = serde_json::from_str(text)
                    .map_err(|_| fail("an object that cannot be read"))?;
                let mut object: Vec<(Cow<'a, str>, Json<'a>)> = Vec::with_capacity(members.0.len());
                for (key, value) in members.0 {
                    if object.iter().any(|(earlier, _)| *earlier == key) {
                        return Err(fail("a key that stands twice in one object"));
                    }
                    object.push((key, Self::from_raw(value, depth + 1)?));
                }
                Self::Object(object)
            }
            Some(b'[') => {
                let items: Vec<&'a RawValue> =
                    serde_json::from_str(text).map_err(|_| fail("an array that cannot be read"))?;
                let items: Result<Vec<_>, _> = items
                    .into_iter()
                    .map(|item| Self::from_raw(item, depth + 1))
                    .collect();
                Self::List(items?)
            }
            Some(b'"') => {
                let text: Borrowed<'a> =
                    serde_json::from_str(text).map_err(|_| fail("a string that cannot be read"))?;
                Self::Text(text.0)
            }
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text),
        })
    }

    /// The value of a key; `None` when this is no object or has no such key, or the value is `null`.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
                .filter(|value| **value != Json::Null),
            _ => None,
        }
    }

    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The string under a key.
    pub fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Json::text)
    }

    /// The items under a key. A single value where FHIR has an array (as older releases had) is taken as one item.
    pub fn items_at(&self, key: &str) -> &[Json<'a>] {
        match self.get(key) {
            Some(Self::List(items)) => items,
            Some(single) => std::slice::from_ref(single),
            None => &[],
        }
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The digits, if it is a number.
    pub fn number(&self) -> Option<&'a str> {
        match self {
            Self::Number(digits) => Some(digits),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(digits) => RawValue::from_string((*digits).to_owned())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

/// A string that borrows unless it holds an escape.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object in order, values unread.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<Borrowed<'de>, &'de RawValue>()? {
                    members.push((key.0, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_they_were_sent_with() {
        let text = r#"{"value":2.00,"low":1.2e1,"list":[3.9999999999999999,"a\u00e9"]}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.get("value").and_then(Json::number), Some("2.00"));
        assert_eq!(json.get("low").and_then(Json::number), Some("1.2e1"));
        assert_eq!(
            serde_json::to_string(&json).unwrap(),
            text.replace("\\u00e9", "é")
        );
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let error = Json::parse("{\n  \"a\": 1,\n  \"a\": 2\n}").unwrap_err();
        assert_eq!(
            (error.line, error.why),
            (1, "a key that stands twice in one object")
        );
        let error = Json::parse("{\"a\":\n oops}").unwrap_err();
        assert_eq!(error.line, 2);
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(Json::parse(&deep).unwrap_err().why, "nested too deeply");
    }
}
