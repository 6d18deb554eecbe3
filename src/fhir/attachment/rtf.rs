//! RTF to lines. The kept RTF libraries drop code pages, cells and rows, so this reader is our own:
//! groups stand on a stack of bounded depth, and what it does not know is skipped as the format says.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::NoText;
use super::charset;
use super::lines::Lines;

/// More groups open at once than any word processor writes.
const DEEPEST_GROUP: usize = 5_000;

/// More fonts than any report has.
const MOST_FONTS: usize = 5_000;

/// Destinations whose content is not text of the document.
const NO_TEXT: [&str; 23] = [
    "atnid",
    "atnauthor",
    "bkmkend",
    "bkmkstart",
    "blipuid",
    "colortbl",
    "datafield",
    "fldinst",
    "fontemb",
    "fontfile",
    "generator",
    "info",
    "listtable",
    "nonshppict",
    "objdata",
    "pict",
    "revtbl",
    "rxe",
    "shprslt",
    "sp",
    "stylesheet",
    "tc",
    "xe",
];

/// Destinations that are text although a reader may ignore them.
const TEXT_THOUGH_IGNORABLE: [&str; 2] = ["shpinst", "shptxt"];

/// Destinations that stand apart from the line they are anchored in.
const APART: [&str; 10] = [
    "footer", "footerf", "footerl", "footerr", "footnote", "header", "headerf", "headerl",
    "headerr", "shptxt",
];

/// What a byte of a font means.
#[derive(Clone, Copy)]
enum Font {
    Charset(&'static Encoding),
    /// Adobe's Symbol, which has the comparators.
    Symbol,
    /// Pictures instead of characters, or a code page nobody knows.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Text,
    FontTable,
    Nothing,
}

#[derive(Clone, Copy)]
struct Group {
    destination: Destination,
    font: i32,
    /// How many characters stand in for a `\u` for readers without Unicode.
    fallback: i32,
    raised: bool,
    hidden: bool,
    struck: bool,
    apart: bool,
}

impl Group {
    fn shows(self) -> bool {
        self.destination == Destination::Text && !self.hidden && !self.struck
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    lines: Lines,
    group: Group,
    outer: Vec<Group>,
    fonts: BTreeMap<i32, Font>,
    named_font: i32,
    font_name: String,
    default_font: i32,
    default_charset: Font,
    /// Bytes of the running text that are not decoded yet, since a character may take several.
    bytes: Vec<u8>,
    high_surrogate: Option<u16>,
    skip: i32,
    ignorable: bool,
}

/// Reads RTF.
///
/// # Errors
/// [`NoText::Broken`] when a group is never closed or an escape is none, [`NoText::Illegible`] for characters of
/// fonts that have none, [`NoText::NotInCharset`], [`NoText::BesideText`] for boxes to tick, [`NoText::TooLarge`].
pub(super) fn read(bytes: &[u8]) -> Result<String, NoText> {
    let mut reader = Reader {
        rest: bytes,
        lines: Lines::default(),
        group: Group {
            destination: Destination::Text,
            font: 0,
            fallback: 1,
            raised: false,
            hidden: false,
            struck: false,
            apart: false,
        },
        outer: Vec::new(),
        fonts: BTreeMap::new(),
        named_font: 0,
        font_name: String::new(),
        default_font: 0,
        default_charset: Font::Charset(WINDOWS_1252),
        bytes: Vec::new(),
        high_surrogate: None,
        skip: 0,
        ignorable: false,
    };
    reader.document()?;
    Ok(reader.lines.into_text())
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn document(&mut self) -> Result<(), NoText> {
        while let Some(byte) = self.next() {
            match byte {
                b'{' => self.open()?,
                b'}' => {
                    self.close()?;
                    if self.outer.is_empty() {
                        return Ok(());
                    }
                }
                b'\\' => self.control()?,
                b'\r' | b'\n' => {}
                text => self.byte(text)?,
            }
        }
        Err(NoText::Broken)
    }

    fn open(&mut self) -> Result<(), NoText> {
        self.flush()?;
        if self.outer.len() == DEEPEST_GROUP {
            return Err(NoText::TooLarge);
        }
        self.skip = 0;
        self.outer.push(self.group);
        self.group.apart = false;
        Ok(())
    }

    fn close(&mut self) -> Result<(), NoText> {
        self.flush()?;
        self.skip = 0;
        self.ignorable = false;
        if self.group.apart {
            self.lines.end_line();
        }
        self.group = self.outer.pop().ok_or(NoText::Broken)?;
        self.lines.set_raised(self.group.raised);
        Ok(())
    }

    fn control(&mut self) -> Result<(), NoText> {
        let symbol = self.next().ok_or(NoText::Broken)?;
        if symbol.is_ascii_alphabetic() {
            return self.word(symbol);
        }
        match symbol {
            b'\'' => {
                let digits = [self.next(), self.next()]
                    .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
                let [Some(high), Some(low)] = digits else {
                    return Err(NoText::Broken);
                };
                self.byte(u8::try_from(high * 16 + low).unwrap_or_default())
            }
            b'*' => {
                self.ignorable = true;
                Ok(())
            }
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'~' => self.character(' '),
            b'_' => self.character('-'),
            b'\r' | b'\n' => self.end_line(),
            b'\t' => self.character('\t'),
            _ => Ok(()),
        }
    }

    fn word(&mut self, first: u8) -> Result<(), NoText> {
        let mut name = String::from(char::from(first));
        let mut number = String::new();
        while let Some(byte) = self.rest.first().copied() {
            let negative = byte == b'-' && number.is_empty();
            if byte.is_ascii_alphabetic() && number.is_empty() {
                name.push(char::from(byte));
            } else if byte.is_ascii_digit() || negative {
                number.push(char::from(byte));
            } else {
                if byte == b' ' {
                    self.next();
                }
                break;
            }
            // The format allows 32 letters and 10 digits.
            if name.len() > 32 || number.len() > 11 {
                return Err(NoText::Broken);
            }
            self.next();
        }
        let number = (!number.is_empty())
            .then(|| number.parse::<i32>().map_err(|_| NoText::Broken))
            .transpose()?;
        if name == "bin" {
            let length = usize::try_from(number.unwrap_or(0)).map_err(|_| NoText::Broken)?;
            self.rest = self.rest.get(length..).ok_or(NoText::Broken)?;
            return Ok(());
        }
        if self.skip > 0 && name != "u" {
            self.skip -= 1;
            return Ok(());
        }
        let ignorable = std::mem::take(&mut self.ignorable);
        self.obey(&name, number, ignorable)
    }

    fn obey(&mut self, name: &str, number: Option<i32>, ignorable: bool) -> Result<(), NoText> {
        let on = number != Some(0);
        self.settle_destination(name, ignorable)?;
        match name {
            "u" => return self.unicode(number.unwrap_or(0)),
            "uc" => self.group.fallback = number.unwrap_or(1),
            "par" | "line" | "sect" | "page" | "column" | "row" | "nestrow" | "softline"
            | "lbr" => {
                return self.end_line();
            }
            "cell" | "nestcell" => {
                self.flush()?;
                if self.group.shows() {
                    self.lines.next_cell();
                }
            }
            "tab" => return self.character('\t'),
            "emdash" => return self.character('—'),
            "endash" => return self.character('–'),
            "bullet" => return self.character('•'),
            "lquote" => return self.character('‘'),
            "rquote" => return self.character('’'),
            "ldblquote" => return self.character('“'),
            "rdblquote" => return self.character('”'),
            "emspace" | "enspace" | "qmspace" => return self.character(' '),
            "plain" => {
                self.flush()?;
                self.group.font = self.default_font;
                self.group.hidden = false;
                self.group.struck = false;
                self.raise(false);
            }
            "super" | "sub" | "up" | "dn" => {
                self.flush()?;
                self.raise(on);
            }
            "nosupersub" => {
                self.flush()?;
                self.raise(false);
            }
            "v" | "deleted" => {
                self.flush()?;
                self.group.hidden = on;
            }
            "strike" | "striked" => {
                self.flush()?;
                self.group.struck = on;
            }
            "f" => {
                self.flush()?;
                let font = number.unwrap_or(0);
                if self.group.destination == Destination::FontTable {
                    self.named_font = font;
                    self.font_name.clear();
                    self.fonts.insert(font, self.default_charset);
                    if self.fonts.len() > MOST_FONTS {
                        return Err(NoText::TooLarge);
                    }
                } else {
                    self.group.font = font;
                }
            }
            "deff" => {
                self.default_font = number.unwrap_or(0);
                self.group.font = self.default_font;
            }
            "fcharset" if self.group.destination == Destination::FontTable => {
                let font = match number.unwrap_or(0) {
                    0 | 1 => self.default_charset,
                    charset => code_page(page_of_charset(charset)),
                };
                self.fonts.insert(self.named_font, font);
            }
            "cpg" if self.group.destination == Destination::FontTable => {
                self.fonts
                    .insert(self.named_font, code_page(number.unwrap_or(0)));
            }
            "ansicpg" => self.default_charset = code_page(number.unwrap_or(0)),
            "mac" => self.default_charset = Font::Charset(encoding_rs::MACINTOSH),
            "pc" | "pca" => self.default_charset = Font::Unknown,
            // A box to tick or a list to choose from: what was chosen is not text.
            "fftype" if on => return Err(NoText::BesideText),
            _ => {}
        }
        Ok(())
    }

    fn settle_destination(&mut self, name: &str, ignorable: bool) -> Result<(), NoText> {
        if self.group.destination == Destination::Nothing {
            return Ok(());
        }
        if name == "fonttbl" {
            self.group.destination = Destination::FontTable;
        } else if NO_TEXT.contains(&name) || (ignorable && !TEXT_THOUGH_IGNORABLE.contains(&name)) {
            self.flush()?;
            self.group.destination = Destination::Nothing;
        } else if APART.contains(&name) {
            self.flush()?;
            self.group.apart = true;
            self.lines.end_line();
        }
        Ok(())
    }

    fn raise(&mut self, raised: bool) {
        self.group.raised = raised;
        self.lines.set_raised(raised);
    }

    fn end_line(&mut self) -> Result<(), NoText> {
        self.flush()?;
        if self.group.shows() {
            self.lines.end_line();
        }
        Ok(())
    }

    /// A byte of running text.
    fn byte(&mut self, byte: u8) -> Result<(), NoText> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        match self.group.destination {
            Destination::Text if self.group.shows() => self.bytes.push(byte),
            Destination::FontTable if self.font_name.len() < 64 => {
                self.font_name.push(char::from(byte));
                // The charset of a symbol font says only that it is one; its name says which.
                if self.font_name == "Symbol" {
                    self.fonts.insert(self.named_font, Font::Symbol);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A character that does not depend on the code page.
    fn character(&mut self, character: char) -> Result<(), NoText> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        self.flush()?;
        if self.group.shows() {
            self.lines.push(character);
        }
        Ok(())
    }

    fn unicode(&mut self, number: i32) -> Result<(), NoText> {
        let was_high = self.high_surrogate;
        if was_high.is_none() {
            self.flush()?;
        }
        self.skip = self.group.fallback.max(0);
        if !self.group.shows() {
            return Ok(());
        }
        // Negative numbers stand for the upper half of 16 bits.
        let unit = u16::try_from(number.rem_euclid(0x1_0000)).map_err(|_| NoText::Broken)?;
        self.high_surrogate = None;
        if (0xd800..0xdc00).contains(&unit) && was_high.is_none() {
            self.high_surrogate = Some(unit);
            return Ok(());
        }
        let units = was_high.into_iter().chain([unit]);
        for character in char::decode_utf16(units) {
            let character = character.map_err(|_| NoText::Broken)?;
            let character = match (self.font(), u32::from(character)) {
                (Font::Symbol, code @ 0xf020..=0xf0ff) => symbol(code - 0xf000)?,
                _ => super::legible(character)?,
            };
            self.lines.push(character);
        }
        Ok(())
    }

    fn font(&self) -> Font {
        let font = self.fonts.get(&self.group.font);
        font.copied().unwrap_or(self.default_charset)
    }

    /// Decodes the bytes collected so far.
    fn flush(&mut self) -> Result<(), NoText> {
        if self.high_surrogate.is_some() {
            return Err(NoText::Broken);
        }
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        match self.font() {
            Font::Charset(encoding) => {
                for character in charset::strictly(encoding, &bytes)?.chars() {
                    self.lines.push(super::legible(character)?);
                }
            }
            Font::Symbol => {
                for byte in bytes {
                    self.lines.push(symbol(u32::from(byte))?);
                }
            }
            Font::Unknown => {
                for byte in bytes {
                    // Bullets and ASCII spaces are all that is the same in every such font.
                    match byte {
                        b' ' => self.lines.push(' '),
                        0xa7 | 0xb7 => self.lines.push('•'),
                        _ => return Err(NoText::Illegible),
                    }
                }
            }
        }
        Ok(())
    }
}

/// The characters of Adobe's Symbol that reports use; its other ones are Greek letters in the place of Latin ones.
fn symbol(code: u32) -> Result<char, NoText> {
    Ok(match code {
        0x20 => ' ',
        0x28 => '(',
        0x29 => ')',
        0x2b => '+',
        0x2c => ',',
        0x2d => '−',
        0x2e => '.',
        0x2f => '/',
        0x3a => ':',
        0x3c => '<',
        0x3d => '=',
        0x3e => '>',
        0x6d => 'µ',
        0xa3 => '≤',
        0xae => '→',
        0xb0 => '°',
        0xb1 => '±',
        0xb3 => '≥',
        0xb4 => '×',
        0xb7 => '•',
        0xbb => '≈',
        digit @ 0x30..=0x39 => char::from_u32(digit).ok_or(NoText::Illegible)?,
        _ => return Err(NoText::Illegible),
    })
}

/// The Windows code page of a `\fcharset`.
fn page_of_charset(charset: i32) -> i32 {
    match charset {
        77 => 10_000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => 0,
    }
}

fn code_page(page: i32) -> Font {
    let label = match page {
        10_000 => "macintosh".to_owned(),
        65_001 => "utf-8".to_owned(),
        866 => "ibm866".to_owned(),
        874 => "windows-874".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        1250..=1258 => format!("windows-{page}"),
        _ => return Font::Unknown,
    };
    Encoding::for_label(label.as_bytes()).map_or(Font::Unknown, Font::Charset)
}
