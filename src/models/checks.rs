//! Which texts FHIR allows where.
//!
//! Every function hands the text back unchanged, or says why not.

use crate::{invalid::Invalid, path::Path};

/// FHIR's limit for a string, in characters.
const LONGEST_TEXT: usize = 1_048_576;

/// FHIR's limit for an id, in characters.
const LONGEST_ID: usize = 64;

/// A logical id.
pub(crate) fn id(text: &str, path: &Path) -> Result<String, Invalid> {
    required(text, path)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if text.len() <= LONGEST_ID && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::Id {
            path: path.to_string(),
        })
    }
}

/// A code: single spaces are allowed between words.
pub(crate) fn code(text: &str, path: &Path) -> Result<String, Invalid> {
    required(text, path)?;
    let is_word = |word: &str| {
        !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if text.split(' ').all(is_word) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::Code {
            path: path.to_string(),
        })
    }
}

/// A URI, or the address in a reference.
pub(crate) fn uri(text: &str, path: &Path) -> Result<String, Invalid> {
    required(text, path)?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Err(Invalid::Uri {
            path: path.to_string(),
        })
    } else {
        Ok(text.to_owned())
    }
}

/// Text for people: any characters, lines and tabs.
pub(crate) fn text(text: &str, path: &Path) -> Result<String, Invalid> {
    required(text, path)?;
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.contains(forbidden) || text.chars().count() > LONGEST_TEXT {
        Err(Invalid::Text {
            path: path.to_string(),
        })
    } else {
        Ok(text.to_owned())
    }
}

/// Whether the text is a JSON number, which is FHIR's decimal as well.
pub(crate) fn is_decimal(text: &str) -> bool {
    decimal_parts(text).is_some()
}

/// Whether the decimal keeps to the lengths that FHIR R5 added: 18 digits before the point, 17 after it, 9 in the exponent.
#[cfg(feature = "r5")]
pub(crate) fn is_r5_decimal(text: &str) -> bool {
    decimal_parts(text).is_some_and(|[whole, fraction, exponent]| {
        whole.len() <= 18 && fraction.len() <= 17 && exponent.len() <= 9
    })
}

/// Whether the text is one or more ASCII digits.
pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits before the point, after it, and of the exponent, or nothing where the text is no number.
fn decimal_parts(text: &str) -> Option<[&str; 3]> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            (mantissa, Some(exponent))
        }
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let well_formed = is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits);
    well_formed.then(|| [whole, fraction.unwrap_or(""), exponent.unwrap_or("")])
}

fn required(text: &str, path: &Path) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        Err(Invalid::missing(path))
    } else {
        Ok(())
    }
}
