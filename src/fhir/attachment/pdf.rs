//! PDF to lines: characters with their places on the page, as the content draws them, put together as they are seen.
//!
//! hayro reads the file and knows the fonts. It unpacks whatever it meets, so what it will meet is measured first
//! (`streams`); the drawing is followed here (`content`), which keeps the amount of work in our hands.

mod content;
mod fonts;
mod layout;
mod streams;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use hayro_font::hayro_syntax::Pdf;
use hayro_font::hayro_syntax::object::{Array, Dict, Name};

use super::{LONGEST_TEXT, NoText};
use content::Reader;

/// More pages than any report has.
const MOST_PAGES: usize = 200;

/// The last bytes of a file, in which its end must be marked.
const TAIL: usize = 2048;

/// Remarks that put nothing on the page that could be missed: links, and windows that a viewer opens.
const SILENT_REMARKS: [&[u8]; 2] = [b"Link", b"Popup"];

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Reads a PDF.
///
/// # Errors
/// [`NoText`] of any kind.
pub(super) fn read(bytes: Vec<u8>) -> Result<String, NoText> {
    let tail = bytes
        .get(bytes.len().saturating_sub(TAIL)..)
        .unwrap_or(&bytes);
    if !streams::contains(tail, b"%%EOF") {
        return Err(NoText::Broken);
    }
    if streams::contains(&bytes, b"/Encrypt") {
        return Err(NoText::Encrypted);
    }
    streams::measure(&bytes)?;
    // The only door of the project at which foreign code meets unchecked bytes. hayro is fuzzed by its authors and
    // still indexes and adds; a broken report must not end the pass that reads a thousand others.
    without_panic(|| pages(bytes))
}

/// Runs foreign code; a panic in it is a broken file. Its message may quote the file, so it is not printed.
fn without_panic(read: impl FnOnce() -> Result<String, NoText>) -> Result<String, NoText> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(read));
    QUIET.set(false);
    outcome.unwrap_or(Err(NoText::Broken))
}

fn pages(bytes: Vec<u8>) -> Result<String, NoText> {
    let pdf = Pdf::new(bytes).map_err(|_| NoText::Broken)?;
    let pages = pdf.pages();
    if pages.len() > MOST_PAGES {
        return Err(NoText::TooLarge);
    }
    // A damaged file is read as far as it goes, which may be without its last page.
    let root: Option<Dict<'_>> = pdf.xref().get(pdf.xref().root_id());
    let promised = root
        .and_then(|root| root.get::<Dict<'_>>("Pages"))
        .and_then(|tree| tree.get::<usize>("Count"));
    if promised != Some(pages.len()) {
        return Err(NoText::Broken);
    }
    let mut text = String::new();
    let mut reader = Reader::new();
    for page in pages.iter() {
        let remarks = page.raw().get::<Array<'_>>("Annots");
        for remark in remarks
            .iter()
            .flat_map(|remarks| remarks.iter::<Dict<'_>>())
        {
            let kind = remark.get::<Name<'_>>("Subtype").ok_or(NoText::Broken)?;
            if !SILENT_REMARKS.contains(&&*kind) {
                return Err(NoText::BesideText);
            }
        }
        text.push_str(&layout::lines(reader.page(page)?)?);
        if text.len() > LONGEST_TEXT {
            return Err(NoText::TooLarge);
        }
    }
    Ok(text)
}
