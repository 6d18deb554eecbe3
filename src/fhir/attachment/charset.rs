//! Bytes to characters, only where the charset is known or makes no difference.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::NoText;

/// How far into a page a `<meta charset>` is looked for, in bytes.
const META_WITHIN: usize = 1024;

/// Decodes a text by its byte order mark, the charset it was declared with, or as UTF-8.
///
/// # Errors
/// [`NoText::OtherType`] for a charset nobody knows, [`NoText::NotInCharset`] where the bytes are not in it.
pub(super) fn decode<'a>(bytes: &'a [u8], declared: Option<&str>) -> Result<Cow<'a, str>, NoText> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return strictly(encoding, bytes.get(mark..).unwrap_or_default());
    }
    if let Some(label) = declared {
        let encoding = Encoding::for_label(label.as_bytes()).ok_or(NoText::OtherType)?;
        return strictly(encoding, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    // Letters of an undeclared charset may be guessed at; a sign may be a comparator in another one.
    let guess = strictly(WINDOWS_1252, bytes)?;
    let only_letters = guess
        .chars()
        .all(|character| character.is_ascii() || character.is_alphabetic());
    only_letters.then_some(guess).ok_or(NoText::NotInCharset)
}

/// The charset that a page of HTML declares for itself.
pub(super) fn declared_in_markup(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..META_WITHIN).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head
        .split_once("charset=")
        .or_else(|| head.split_once("encoding="))?;
    let label: String = after
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || "-_".contains(*character))
        .collect();
    (!label.is_empty()).then_some(label)
}

/// Decodes; a byte that the encoding does not have is an error.
pub(super) fn strictly<'a>(
    encoding: &'static Encoding,
    bytes: &'a [u8],
) -> Result<Cow<'a, str>, NoText> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or(NoText::NotInCharset)
}
