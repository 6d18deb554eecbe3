//! Text out of what a report has attached: plain text, HTML, RTF and PDF.
//!
//! Nobody has looked at an attachment before it arrives here, so everything is bounded, and wherever a digit or sign
//! might be lost, joined to its neighbour or replaced, there is no text but a reason.

mod charset;
mod lines;
mod markup;
mod pdf;
mod rtf;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Largest attachment that is unpacked, in bytes after base64 is undone.
pub const LARGEST_ATTACHMENT: usize = 8 << 20;

/// Largest attachment in base64, in characters, with room for line breaks.
const LARGEST_BASE64: usize = LARGEST_ATTACHMENT / 2 * 3;

/// Longest text that is handed on, in bytes.
pub const LONGEST_TEXT: usize = 1 << 20;

/// Padding is often forgotten and never matters.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why there is no text in an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// There is no `data`, or it is empty; there may be a `url`.
    #[error("it carries no data")]
    NoData,
    /// There is no `contentType`.
    #[error("it does not say its type")]
    NoType,
    /// Its `contentType`, or its charset, is none that is read.
    #[error("its type is not read")]
    OtherType,
    /// It exceeds what is unpacked, or its text what is handed on.
    #[error("it is too large")]
    TooLarge,
    /// Its `data` is not base64.
    #[error("its data is not base64")]
    NotBase64,
    /// Its bytes are not in the charset it has, or it names none and the guess is not safe.
    #[error("its bytes are not in its charset")]
    NotInCharset,
    /// Its `data` is not what its `contentType` says.
    #[error("its data is of another type than it says")]
    NotAsDeclared,
    /// It is damaged or cut off.
    #[error("it is damaged or cut off")]
    Broken,
    /// It is protected by encryption.
    #[error("it is encrypted")]
    Encrypted,
    /// Characters that are drawn but not said, or drawn on top of each other.
    #[error("its characters cannot be told apart")]
    Illegible,
    /// Something is said beside the text: form fields, remarks, hidden text such as that of a scanner, layers.
    #[error("it says something beside its text")]
    BesideText,
    /// There is nothing to read, as in a scanned page.
    #[error("it has no text")]
    Empty,
}

/// What can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Markup,
    Rtf,
    Pdf,
}

/// The text of an attachment, or of a `Binary`: lines end with `\n`, cells of a table row are separated by tabs.
///
/// # Errors
/// [`NoText`] says why there is none.
pub fn text_of(content_type: Option<&str>, data: Option<&str>) -> Result<String, NoText> {
    let data = data.filter(|data| !data.is_empty()).ok_or(NoText::NoData)?;
    let content_type = content_type.ok_or(NoText::NoType)?;
    let (kind, charset) = kind_of(content_type).ok_or(NoText::OtherType)?;
    let bytes = unpack_base64(data)?;
    if !may_be(kind, &bytes) {
        return Err(NoText::NotAsDeclared);
    }
    let text = match kind {
        Kind::Plain => plain(&bytes, charset)?,
        Kind::Markup => {
            let declared = charset
                .map(str::to_owned)
                .or_else(|| charset::declared_in_markup(&bytes));
            let said = markup::read(&charset::decode(&bytes, declared.as_deref())?);
            if said.has_fields {
                return Err(NoText::BesideText);
            }
            said.text
        }
        Kind::Rtf => rtf::read(&bytes)?,
        Kind::Pdf => pdf::read(bytes)?,
    };
    let text = lines::tidy(&text);
    if text.len() > LONGEST_TEXT {
        return Err(NoText::TooLarge);
    }
    if text.trim().is_empty() {
        return Err(NoText::Empty);
    }
    Ok(text)
}

/// The text of HTML or XHTML such as `DiagnosticReport.text.div`, in the same form.
pub fn text_of_markup(markup: &str) -> String {
    lines::tidy(&markup::read(markup).text)
}

/// What a content type names, and its charset.
fn kind_of(content_type: &str) -> Option<(Kind, Option<&str>)> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = match parts.next()?.to_ascii_lowercase().as_str() {
        "text/plain" => Kind::Plain,
        "text/html" | "application/xhtml+xml" => Kind::Markup,
        "application/rtf" | "text/rtf" => Kind::Rtf,
        "application/pdf" => Kind::Pdf,
        _ => return None,
    };
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim().trim_matches('"'));
    Some((kind, charset))
}

fn unpack_base64(data: &str) -> Result<Vec<u8>, NoText> {
    if data.len() > LARGEST_BASE64 {
        return Err(NoText::TooLarge);
    }
    let bytes = if data.contains(|character: char| character.is_ascii_whitespace()) {
        let digits: String = data.split_ascii_whitespace().collect();
        BASE64.decode(digits)
    } else {
        BASE64.decode(data)
    };
    let bytes = bytes.map_err(|_| NoText::NotBase64)?;
    match bytes.len() {
        0 => Err(NoText::NoData),
        1..=LARGEST_ATTACHMENT => Ok(bytes),
        _ => Err(NoText::TooLarge),
    }
}

/// Whether the first bytes are those of this kind, or at least of no other.
fn may_be(kind: Kind, bytes: &[u8]) -> bool {
    let start = bytes.get(..1024).unwrap_or(bytes);
    let trimmed = start.trim_ascii_start();
    let is_pdf = start.windows(5).any(|window| window == b"%PDF-");
    let is_rtf = trimmed.starts_with(b"{\\rtf");
    let small = trimmed.to_ascii_lowercase();
    let is_markup = small.starts_with(b"<html") || small.starts_with(b"<!doctype html");
    match kind {
        Kind::Plain => !trimmed.starts_with(b"%PDF-") && !is_rtf && !is_markup,
        Kind::Markup => !trimmed.starts_with(b"%PDF-") && !is_rtf,
        Kind::Rtf => is_rtf,
        Kind::Pdf => is_pdf,
    }
}

fn plain(bytes: &[u8], charset: Option<&str>) -> Result<String, NoText> {
    let text = charset::decode(bytes, charset)?;
    let is_text = |character: char| {
        !character.is_control()
            || matches!(character, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}')
    };
    if !text.chars().all(is_text) {
        return Err(NoText::NotAsDeclared);
    }
    Ok(text.into_owned())
}

/// A character that means the same to everybody. The private ones of Unicode stand for pictures of one font, among
/// them boxes with and without a tick; only two bullets are known for what they are.
fn legible(character: char) -> Result<char, NoText> {
    match character {
        '\u{f0b7}' | '\u{f0a7}' => Ok('•'),
        '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Err(NoText::Illegible),
        '\t' | '\n' | '\r' => Ok(' '),
        control if control.is_control() => Err(NoText::Illegible),
        other => Ok(other),
    }
}
