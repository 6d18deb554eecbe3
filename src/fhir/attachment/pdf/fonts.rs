//! Fonts of a PDF, loaded only after a look at what loading them costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use hayro_font::hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro_font::{CMapResolverFn, Font, FontCache, FontQuery, FontResolverFn};

use super::super::NoText;
use super::streams;

/// More fonts than any report has.
const MOST_FONTS: usize = 300;

/// Most character codes that the width table of a font spans.
const MOST_WIDTHS: usize = 200_000;

/// The last character code of a font that is not composite.
const LAST_OF_SIMPLE_FONT: usize = 255;

/// Fonts of a file by where their dictionary stands in it.
pub(super) struct Fonts<'a> {
    loaded: BTreeMap<usize, Font<'a>>,
    cache: FontCache<'a>,
    programs: FontResolverFn,
    charmaps: CMapResolverFn,
}

impl<'a> Fonts<'a> {
    pub(super) fn new() -> Self {
        Self {
            loaded: BTreeMap::new(),
            cache: FontCache::new(),
            programs: Arc::new(|query| {
                Some(match query {
                    FontQuery::Standard(font) => font.get_font_data(),
                    FontQuery::Fallback(font) => font.pick_standard_font().get_font_data(),
                })
            }),
            // The predefined ones are for East Asian scripts.
            charmaps: Arc::new(|_| None),
        }
    }

    /// The font that a dictionary describes.
    ///
    /// # Errors
    /// [`NoText::Illegible`] when it is none, [`NoText::TooLarge`] when it is more than a report needs.
    pub(super) fn font(
        &mut self,
        dictionary: &Dict<'a>,
        budget: &mut usize,
    ) -> Result<Font<'a>, NoText> {
        let place = dictionary.data().as_ptr().addr();
        if let Some(font) = self.loaded.get(&place) {
            return Ok(font.clone());
        }
        if self.loaded.len() == MOST_FONTS {
            return Err(NoText::TooLarge);
        }
        check(dictionary, budget)?;
        let descendants = dictionary.get::<Array<'_>>("DescendantFonts");
        for descendant in descendants.iter().flat_map(|all| all.iter::<Dict<'_>>()) {
            check(&descendant, budget)?;
        }
        let font = self
            .cache
            .font(dictionary, &self.programs, &self.charmaps)
            .ok_or(NoText::Illegible)?;
        self.loaded.insert(place, font.clone());
        Ok(font)
    }
}

/// Unpacks what a font loads, to see that it can be.
fn check(dictionary: &Dict<'_>, budget: &mut usize) -> Result<(), NoText> {
    let descriptor = dictionary.get::<Dict<'_>>("FontDescriptor");
    let own = ["ToUnicode", "Encoding", "CIDToGIDMap"];
    let described = ["FontFile", "FontFile2", "FontFile3"];
    let streams = own
        .iter()
        .filter_map(|key| dictionary.get::<Stream<'_>>(key))
        .chain(
            described
                .iter()
                .filter_map(|key| descriptor.as_ref()?.get::<Stream<'_>>(key)),
        );
    for stream in streams {
        streams::unpack(&stream, budget)?;
    }
    // A table of widths is filled up to its first character.
    let first = dictionary.get::<usize>("FirstChar").unwrap_or(0);
    if first > LAST_OF_SIMPLE_FONT {
        return Err(NoText::TooLarge);
    }
    for (key, numbers) in [("W", 1), ("W2", 3)] {
        if let Some(widths) = dictionary.get::<Array<'_>>(key)
            && widths_span(&widths, numbers).is_none_or(|span| span > MOST_WIDTHS)
        {
            return Err(NoText::TooLarge);
        }
    }
    Ok(())
}

/// How many character codes a width table of a composite font names: it has `first [widths]` and `first last width`.
fn widths_span(widths: &Array<'_>, numbers: usize) -> Option<usize> {
    let mut span = 0_usize;
    let mut items = widths.iter::<Object<'_>>();
    while let Some(first) = items.next() {
        let first = usize::try_from(first.into_number()?.as_i64()).ok()?;
        match items.next()? {
            Object::Array(each) => span = span.checked_add(each.raw_iter().count())?,
            last => {
                let last = usize::try_from(last.into_number()?.as_i64()).ok()?;
                span = span.checked_add(last.saturating_sub(first))?;
                for _ in 0..numbers {
                    items.next()?;
                }
            }
        }
    }
    Some(span)
}
