//! JSON as sent: a borrowed tree that keeps every digit of every number and every key, known or not.
//!
//! fhir-sdk's models drop a `value[x]` they cannot parse without an error and hold decimals as `f64`,
//! so nothing that decides is read through them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Deeper nesting than this is refused; FHIR resources stay far below it.
const DEEPEST: usize = 64;

/// A text of more values than this, those within others included, is refused: a tree takes some hundred bytes for each.
/// A report with all its contained resources has some thousand.
pub const MOST_VALUES: usize = 100_000;

/// Longest number. What FHIR calls a decimal has 18 digits.
const MOST_DIGITS: usize = 1_000;

const TOO_MANY: &str = "more than 100000 values";
const TWICE: &str = "a key that stands twice in one object";

/// One JSON value; numbers stay the text they were written as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// [`NotJson`] with line and column when the text is no JSON, nests too deeply, repeats a key or holds more than
    /// [`MOST_VALUES`].
    pub fn parse(text: &'a str) -> Result<Self, NotJson> {
        Self::parse_within(text, &mut { MOST_VALUES })
    }

    /// Parses a whole text of at most `left` values, which are counted off.
    ///
    /// # Errors
    /// [`NotJson`] as for [`Json::parse`].
    pub fn parse_within(text: &'a str, left: &mut usize) -> Result<Self, NotJson> {
        let raw = whole(text)?;
        let read = match nested_too_deeply(raw.get()) {
            Some(value) => Err((value.as_ptr(), "nested too deeply")),
            None => Self::from_raw(raw, left),
        };
        read.map_err(|(at, why)| {
            let offset = (at as usize).saturating_sub(text.as_ptr() as usize);
            let before = text.get(..offset).unwrap_or("");
            NotJson {
                line: before.matches('\n').count() + 1,
                column: before.rsplit('\n').next().map_or(0, str::len) + 1,
                why,
            }
        })
    }

    fn from_raw(raw: &'a RawValue, left: &mut usize) -> Result<Self, (*const u8, &'static str)> {
        let text = raw.get();
        let fail = |why| (text.as_ptr(), why);
        *left = left.checked_sub(1).ok_or_else(|| fail(TOO_MANY))?;
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let mut members = Vec::new();
                if let Err(error) = read_members(text, &mut members, *left) {
                    return Err(fail(if error.is_data() {
                        TOO_MANY
                    } else {
                        "an object that cannot be read"
                    }));
                }
                let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_ref()).collect();
                keys.sort_unstable();
                if keys.windows(2).any(|two| two.first() == two.last()) {
                    return Err(fail(TWICE));
                }
                let mut object = Vec::with_capacity(members.len());
                for (key, value) in members {
                    object.push((key, Self::from_raw(value, left)?));
                }
                Self::Object(object)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                let most = *left;
                let read = for_each_item(raw, |item| {
                    items.push(item);
                    items.len() <= most
                });
                if read.is_err() || items.len() > most {
                    return Err(fail(TOO_MANY));
                }
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(Self::from_raw(item, left)?);
                }
                Self::List(list)
            }
            Some(b'"') => {
                let text: Borrowed<'a> =
                    serde_json::from_str(text).map_err(|_| fail("a string that cannot be read"))?;
                Self::Text(text.0)
            }
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ if text.len() > MOST_DIGITS => return Err(fail("a number of more than 1000 digits")),
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

/// A text that is JSON from its first character to its last, not looked into.
///
/// # Errors
/// [`NotJson`] with line and column.
pub fn whole(text: &str) -> Result<&RawValue, NotJson> {
    serde_json::from_str(text).map_err(|error| NotJson {
        line: error.line(),
        column: error.column(),
        why: match error.classify() {
            serde_json::error::Category::Eof => "the text ends too early",
            _ => "a syntax error",
        },
    })
}

/// The first object or array in a JSON text that stands in more others than are taken in, from there on. The text alone
/// tells, so that no parser has to recurse.
pub fn nested_too_deeply(text: &str) -> Option<&str> {
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return text.get(at..);
        }
    }
    None
}

/// Hands out the items of an array, unread, while they are taken; of any other value, that value as the only item.
///
/// # Errors
/// [`NotTaken`] when an item is not taken.
pub fn for_each_item<'a>(
    raw: &'a RawValue,
    take: impl FnMut(&'a RawValue) -> bool,
) -> Result<(), NotTaken> {
    struct Items<F>(F);
    impl<'de, F: FnMut(&'de RawValue) -> bool> Visitor<'de> for Items<F> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element()? {
                if !(self.0)(item) {
                    return Err(A::Error::custom(NotTaken));
                }
            }
            Ok(())
        }
    }
    let mut items = Items(take);
    if !raw.get().starts_with('[') {
        return if (items.0)(raw) {
            Ok(())
        } else {
            Err(NotTaken)
        };
    }
    serde_json::Deserializer::from_str(raw.get())
        .deserialize_seq(items)
        .map_err(|_| NotTaken)
}

/// An item was not taken, so that those after it were not handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an item was not taken")]
pub struct NotTaken;

/// A string that borrows unless it holds an escape.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads the members of an object in order, at most so many, values unread.
fn read_members<'a>(
    text: &'a str,
    members: &mut Vec<(Cow<'a, str>, &'a RawValue)>,
    most: usize,
) -> Result<(), serde_json::Error> {
    struct InOrder<'m, 'de> {
        members: &'m mut Vec<(Cow<'de, str>, &'de RawValue)>,
        most: usize,
    }
    impl<'de> Visitor<'de> for InOrder<'_, 'de> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some((key, value)) = map.next_entry::<Borrowed<'de>, &'de RawValue>()? {
                if self.members.len() == self.most {
                    return Err(A::Error::custom(TOO_MANY));
                }
                self.members.push((key.0, value));
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_map(InOrder { members, most })
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
        assert_eq!((error.line, error.why), (1, TWICE));
        let error = Json::parse("{\"a\":\n oops}").unwrap_err();
        assert_eq!(error.line, 2);
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(Json::parse(&deep).unwrap_err().why, "nested too deeply");
    }

    #[test]
    fn depth_counts_objects_and_arrays_but_not_texts() {
        let too_deep = |text: &str| nested_too_deeply(text).is_some();
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!too_deep(&nested(64)));
        assert!(too_deep(&nested(65)));
        assert!(too_deep(&"{\"a\":".repeat(65)));
        assert!(!too_deep(&format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(100))));
        assert!(!too_deep(&"[],".repeat(100)));
    }

    #[test]
    fn a_text_of_more_values_than_anybody_reads_is_refused() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(Json::parse(&list(MOST_VALUES)).is_ok());
        let object = format!(r#"{{"a":[],"b":{}}}"#, list(MOST_VALUES - 1));
        for text in [list(MOST_VALUES + 1), object] {
            assert_eq!(Json::parse(&text).unwrap_err().why, TOO_MANY);
        }
    }
}
