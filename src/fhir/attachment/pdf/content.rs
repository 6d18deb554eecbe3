//! Follows what a page draws, as far as it is text: which characters, and where.

use hayro_font::hayro_cmap::BfString;
use hayro_font::hayro_syntax::content::TypedIter;
use hayro_font::hayro_syntax::content::ops::TypedInstruction;
use hayro_font::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, Stream};
use hayro_font::hayro_syntax::page::{Page, Resources};
use hayro_font::kurbo::{Affine, Point, Vec2};
use hayro_font::{Font, FontGlyph};

use super::super::{NoText, legible};
use super::fonts::Fonts;
use super::streams::{self, MOST_UNPACKED};

/// Most drawing operations of a file, each character being one.
const MOST_OPERATIONS: usize = 2_000_000;

/// Most characters on a page.
const MOST_CHARACTERS: usize = 50_000;

/// How deep forms may be drawn within forms.
const DEEPEST_FORM: usize = 8;

/// How many graphics states may be saved at once.
const MOST_SAVED: usize = 200;

/// A font's units to one of its sizes.
const UNITS: f64 = 1000.0;

/// A character on a page.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    /// What it says; several characters for a ligature.
    pub(super) text: String,
    /// Where its base line begins.
    pub(super) start: Point,
    /// Where the next one would begin.
    pub(super) end: Point,
    /// The direction of its base line, in whole degrees.
    pub(super) angle: i16,
    /// The height of its font on the page.
    pub(super) size: f64,
}

#[derive(Clone)]
struct State<'a> {
    place: Affine,
    font: Option<Font<'a>>,
    size: f64,
    character_space: f64,
    word_space: f64,
    /// Horizontal scale; 1 is as designed.
    scale: f64,
    leading: f64,
    rise: f64,
    invisible: bool,
}

/// Reads the pages of one file, within bounds for all of them together.
pub(super) struct Reader<'a> {
    fonts: Fonts<'a>,
    budget: usize,
    operations: usize,
    drawn: Vec<Drawn>,
    text: Affine,
    line: Affine,
    paper: (f64, f64),
}

impl<'a> Reader<'a> {
    pub(super) fn new() -> Self {
        Self {
            fonts: Fonts::new(),
            budget: MOST_UNPACKED,
            operations: 0,
            drawn: Vec::new(),
            text: Affine::IDENTITY,
            line: Affine::IDENTITY,
            paper: (0.0, 0.0),
        }
    }

    /// The characters that a page shows, in the order they are drawn.
    ///
    /// # Errors
    /// [`NoText`] of any kind.
    pub(super) fn page(&mut self, page: &Page<'a>) -> Result<Vec<Drawn>, NoText> {
        let mut content = Vec::new();
        for stream in content_streams(page)? {
            content.extend(streams::unpack(&stream, &mut self.budget)?);
            content.push(b'\n');
        }
        let (width, height) = page.render_dimensions();
        self.paper = (f64::from(width), f64::from(height));
        let state = State {
            place: Affine::new(page.initial_transform(false).as_coeffs()),
            font: None,
            size: 1.0,
            character_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
            invisible: false,
        };
        self.follow(&content, state, page.resources(), 0)?;
        Ok(std::mem::take(&mut self.drawn))
    }

    fn follow(
        &mut self,
        content: &[u8],
        mut state: State<'a>,
        resources: &Resources<'a>,
        depth: usize,
    ) -> Result<(), NoText> {
        let mut saved = Vec::new();
        let mut operations = TypedIter::new(content);
        while let Some(operation) = operations.next() {
            self.count()?;
            match operation {
                TypedInstruction::SaveState(_) => {
                    if saved.len() == MOST_SAVED {
                        return Err(NoText::TooLarge);
                    }
                    saved.push(state.clone());
                }
                TypedInstruction::RestoreState(_) => {
                    if let Some(earlier) = saved.pop() {
                        state = earlier;
                    }
                }
                TypedInstruction::Transform(by) => {
                    state.place *=
                        Affine::new([by.0, by.1, by.2, by.3, by.4, by.5].map(|n| n.as_f64()));
                }
                TypedInstruction::BeginText(_) => {
                    self.text = Affine::IDENTITY;
                    self.line = Affine::IDENTITY;
                }
                TypedInstruction::CharacterSpacing(by) => state.character_space = by.0.as_f64(),
                TypedInstruction::WordSpacing(by) => state.word_space = by.0.as_f64(),
                TypedInstruction::HorizontalScaling(by) => state.scale = by.0.as_f64() / 100.0,
                TypedInstruction::TextLeading(by) => state.leading = by.0.as_f64(),
                TypedInstruction::TextRise(by) => state.rise = by.0.as_f64(),
                TypedInstruction::TextRenderingMode(mode) => {
                    state.invisible = matches!(mode.0.as_i64(), 3 | 7);
                }
                TypedInstruction::TextFont(font) => {
                    state.size = font.1.as_f64();
                    let dictionary = resources.get_font(font.0).ok_or(NoText::Illegible)?;
                    state.font = Some(self.fonts.font(&dictionary, &mut self.budget)?);
                }
                TypedInstruction::SetGraphicsState(name) => {
                    // It may set a font as well, which nothing writes.
                    let set = resources.get_ext_g_state(name.0);
                    if set.is_some_and(|set| set.contains_key("Font")) {
                        return Err(NoText::Illegible);
                    }
                }
                TypedInstruction::NextLine(by) => self.next_line(by.0.as_f64(), by.1.as_f64()),
                TypedInstruction::NextLineAndSetLeading(by) => {
                    state.leading = -by.1.as_f64();
                    self.next_line(by.0.as_f64(), by.1.as_f64());
                }
                TypedInstruction::NextLineUsingLeading(_) => self.next_line(0.0, -state.leading),
                TypedInstruction::SetTextMatrix(to) => {
                    self.line =
                        Affine::new([to.0, to.1, to.2, to.3, to.4, to.5].map(|n| n.as_f64()));
                    self.text = self.line;
                }
                TypedInstruction::ShowText(text) => self.show(text.0.as_bytes(), &state)?,
                TypedInstruction::NextLineAndShowText(text) => {
                    self.next_line(0.0, -state.leading);
                    self.show(text.0.as_bytes(), &state)?;
                }
                TypedInstruction::ShowTextWithParameters(text) => {
                    state.word_space = text.0.as_f64();
                    state.character_space = text.1.as_f64();
                    self.next_line(0.0, -state.leading);
                    self.show(text.2.as_bytes(), &state)?;
                }
                TypedInstruction::ShowTexts(texts) => {
                    for item in texts.0.iter::<Object<'_>>() {
                        self.count()?;
                        match item {
                            Object::String(text) => self.show(text.as_bytes(), &state)?,
                            Object::Number(back) => {
                                let by = -back.as_f64() / UNITS * state.size * state.scale;
                                self.text *= Affine::translate((by, 0.0));
                            }
                            _ => {}
                        }
                    }
                }
                TypedInstruction::BeginMarkedContentWithProperties(mark) if &**mark.0 == b"OC" => {
                    // A layer, of which only a viewer knows whether it shows.
                    return Err(NoText::BesideText);
                }
                TypedInstruction::XObject(name) => {
                    let object = resources.get_x_object(name.0).ok_or(NoText::Broken)?;
                    self.form(&object, &state, resources, depth)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Draws a form, which is a piece of content of its own; pictures are passed over.
    fn form(
        &mut self,
        form: &Stream<'a>,
        state: &State<'a>,
        resources: &Resources<'a>,
        depth: usize,
    ) -> Result<(), NoText> {
        let dictionary = form.dict();
        if dictionary.get::<Name<'_>>("Subtype").as_deref() != Some(b"Form") {
            return Ok(());
        }
        if depth == DEEPEST_FORM {
            return Err(NoText::TooLarge);
        }
        if dictionary.contains_key("OC") {
            return Err(NoText::BesideText);
        }
        let content = streams::unpack(form, &mut self.budget)?;
        let mut state = state.clone();
        if let Some(matrix) = dictionary.get::<[f64; 6]>("Matrix") {
            state.place *= Affine::new(matrix);
        }
        let own = dictionary.get::<Dict<'a>>("Resources").map(Resources::new);
        let outer = (self.text, self.line);
        self.follow(
            &content,
            state,
            own.as_ref().unwrap_or(resources),
            depth + 1,
        )?;
        (self.text, self.line) = outer;
        Ok(())
    }

    fn count(&mut self) -> Result<(), NoText> {
        self.operations += 1;
        if self.operations > MOST_OPERATIONS {
            return Err(NoText::TooLarge);
        }
        Ok(())
    }

    fn next_line(&mut self, right: f64, up: f64) {
        self.line *= Affine::translate((right, up));
        self.text = self.line;
    }

    fn show(&mut self, bytes: &[u8], state: &State<'a>) -> Result<(), NoText> {
        if bytes.is_empty() {
            return Ok(());
        }
        let font = state.font.as_ref().ok_or(NoText::Illegible)?;
        if !font.is_horizontal() {
            return Err(NoText::Illegible);
        }
        let mut at = 0;
        while at < bytes.len() {
            self.count()?;
            let (code, length) = font.read_code(bytes, at);
            if length == 0 {
                return Err(NoText::Illegible);
            }
            at += length;
            let width = font.code_advance(code).x / UNITS;
            let says = match font.glyph(font.map_code(code), code) {
                FontGlyph::Outline(glyph) => glyph.as_unicode(),
                FontGlyph::Type3(glyph) => glyph.as_unicode(),
            };
            self.draw(says, width, state)?;
            let word_space = if code == 32 && length == 1 {
                state.word_space
            } else {
                0.0
            };
            let by = (width * state.size + state.character_space + word_space) * state.scale;
            self.text *= Affine::translate((by, 0.0));
        }
        Ok(())
    }

    fn draw(
        &mut self,
        says: Option<BfString>,
        width: f64,
        state: &State<'a>,
    ) -> Result<(), NoText> {
        let place = state.place
            * self.text
            * Affine::new([
                state.size * state.scale,
                0.0,
                0.0,
                state.size,
                0.0,
                state.rise,
            ]);
        let (start, end) = (place * Point::ZERO, place * Point::new(width, 0.0));
        if !(start.is_finite() && end.is_finite()) {
            return Err(NoText::Broken);
        }
        let size = (place * Point::new(0.0, 1.0) - start).hypot();
        let on_paper = start.x > -size
            && start.y > -size
            && start.x < self.paper.0 + size
            && start.y < self.paper.1 + size;
        if !on_paper || size == 0.0 {
            return Ok(());
        }
        let text = match says {
            None => return Err(NoText::Illegible),
            Some(BfString::Char(character)) => legible(character)?.to_string(),
            Some(BfString::String(text)) => text.chars().map(legible).collect::<Result<_, _>>()?,
        };
        // What a scanner has recognised lies unseen behind the picture, with its mistakes.
        if state.invisible && !text.trim().is_empty() {
            return Err(NoText::BesideText);
        }
        if self.drawn.len() == MOST_CHARACTERS {
            return Err(NoText::TooLarge);
        }
        let direction = place * Point::new(1.0, 0.0) - start;
        self.drawn.push(Drawn {
            text,
            start,
            end,
            angle: whole_degrees(direction),
            size,
        });
        Ok(())
    }
}

fn whole_degrees(direction: Vec2) -> i16 {
    direction.atan2().to_degrees().round() as i16
}

/// The streams of a page's content, each of which must be there.
fn content_streams<'a>(page: &Page<'a>) -> Result<Vec<Stream<'a>>, NoText> {
    let dictionary = page.raw();
    if !dictionary.contains_key("Contents") {
        return Ok(Vec::new());
    }
    if let Some(stream) = dictionary.get::<Stream<'a>>("Contents") {
        return Ok(vec![stream]);
    }
    let all = dictionary
        .get::<Array<'a>>("Contents")
        .ok_or(NoText::Broken)?;
    let mut streams = Vec::new();
    for item in all.raw_iter() {
        let stream = match item {
            MaybeRef::Ref(reference) => page.xref().get::<Stream<'a>>(reference.into()),
            MaybeRef::NotRef(_) => None,
        };
        streams.push(stream.ok_or(NoText::Broken)?);
    }
    Ok(streams)
}
