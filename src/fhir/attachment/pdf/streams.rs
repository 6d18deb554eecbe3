//! What the streams of a PDF unpack to: measured before anything is unpacked that has no bound of its own.

use flate2::{Decompress, FlushDecompress, Status};
use hayro_font::hayro_syntax::Filter;
use hayro_font::hayro_syntax::object::{Array, Dict, Stream};
use memchr::memmem;

use super::super::NoText;

/// Most bytes that all streams of a file together unpack to, and again those that a reading of it unpacks.
pub(super) const MOST_UNPACKED: usize = 16 << 20;

/// Most bytes that the tables of a file unpack to. An entry becomes some forty bytes in memory.
const MOST_TABLES: usize = 256 << 10;

/// More streams than any report has.
const MOST_STREAMS: usize = 5_000;

/// How far before a stream its dictionary begins, in bytes.
const LONGEST_DICTIONARY: usize = 4096;

/// Longest row of a predictor, in samples.
const MOST_COLUMNS: usize = 100_000;

/// Whether a piece of a file stands anywhere in it.
pub(super) fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    memmem::find(bytes, piece).is_some()
}

/// Unpacks every compressed stream of a file without keeping it.
///
/// # Errors
/// [`NoText::TooLarge`] above a bound, [`NoText::Broken`] where a stream cannot be unpacked or hides how it is packed.
pub(super) fn measure(file: &[u8]) -> Result<(), NoText> {
    let mut unpacked = 0;
    let mut tables = 0;
    let mut consumed = 0;
    for (number, at) in memmem::find_iter(file, b"stream").enumerate() {
        // Each has a beginning and an end.
        if number > 2 * MOST_STREAMS {
            return Err(NoText::TooLarge);
        }
        let before = file
            .get(at.saturating_sub(LONGEST_DICTIONARY)..at)
            .unwrap_or_default();
        if before.ends_with(b"end") {
            continue;
        }
        let dictionary = memmem::rfind(before, b"obj")
            .and_then(|start| before.get(start..))
            .unwrap_or(before);
        let has = |name: &[u8]| contains(dictionary, name);
        check_columns(dictionary)?;
        let is_table = has(b"/XRef") || has(b"/W[") || has(b"/W ");
        let wrapped = has(b"ASCII85") || has(b"/A85") || has(b"ASCIIHex") || has(b"/AHx");
        if (is_table || has(b"ObjStm")) && (wrapped || has(b"LZW") || has(b"RunLength")) {
            return Err(NoText::Broken);
        }
        let after = file.get(at + b"stream".len()..).unwrap_or_default();
        let packed = after.trim_ascii_start();
        let is_flate = (has(b"FlateDecode") || has(b"/Fl ")) && !wrapped;
        match inflate(packed, MOST_UNPACKED - unpacked, &mut consumed, |_| {}) {
            Ok(size) => {
                unpacked += size;
                tables += if is_table { size } else { 0 };
            }
            Err(NoText::TooLarge) => return Err(NoText::TooLarge),
            Err(error) if is_flate => return Err(error),
            Err(_) => {}
        }
        // Streams do not share bytes, so more than the file itself is a trick to keep a reader busy.
        if consumed > file.len() || tables > MOST_TABLES {
            return Err(NoText::TooLarge);
        }
    }
    Ok(())
}

/// A row that a predictor allocates before it looks at the data.
fn check_columns(dictionary: &[u8]) -> Result<(), NoText> {
    for at in memmem::find_iter(dictionary, b"/Columns") {
        let after = dictionary.get(at + b"/Columns".len()..).unwrap_or_default();
        let digits = after
            .trim_ascii_start()
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        if digits.count() > 6 {
            return Err(NoText::TooLarge);
        }
    }
    Ok(())
}

/// Unpacks one stream.
///
/// # Errors
/// [`NoText::TooLarge`] when it is more than `budget`, which is less by it afterwards; [`NoText::Broken`] when it is
/// packed in a way that is not read, or damaged.
pub(super) fn unpack(stream: &Stream<'_>, budget: &mut usize) -> Result<Vec<u8>, NoText> {
    check_predictors(stream.dict())?;
    let mut bytes = stream.raw_data().into_owned();
    for filter in stream.filters() {
        bytes = match filter {
            Filter::FlateDecode => {
                let mut unpacked = Vec::new();
                inflate(&bytes, *budget, &mut 0, |piece| {
                    unpacked.extend_from_slice(piece);
                })?;
                unpacked
            }
            Filter::Ascii85Decode => ascii85(&bytes).ok_or(NoText::Broken)?,
            _ => return Err(NoText::Broken),
        };
        *budget = budget.checked_sub(bytes.len()).ok_or(NoText::TooLarge)?;
    }
    // An empty stream is work, too.
    *budget = budget.checked_sub(1).ok_or(NoText::TooLarge)?;
    Ok(bytes)
}

fn check_predictors(dictionary: &Dict<'_>) -> Result<(), NoText> {
    for key in ["DecodeParms", "DP"] {
        let one = dictionary.get::<Dict<'_>>(key);
        let several = dictionary.get::<Array<'_>>(key);
        let several = several
            .iter()
            .flat_map(|several| several.iter::<Dict<'_>>());
        for parameters in one.into_iter().chain(several) {
            let columns = parameters.get::<usize>("Columns").unwrap_or(1);
            // Text and fonts are never written with a predictor; it is for tables and pictures.
            if parameters.get::<u8>("Predictor").unwrap_or(1) > 1 || columns > MOST_COLUMNS {
                return Err(NoText::Broken);
            }
        }
    }
    Ok(())
}

/// Unpacks zlib data piece by piece, at most `most` bytes; gives how many, and adds those it took to `consumed`.
fn inflate(
    packed: &[u8],
    most: usize,
    consumed: &mut usize,
    mut take: impl FnMut(&[u8]),
) -> Result<usize, NoText> {
    let mut inflater = Decompress::new(true);
    let mut piece = [0; 16 << 10];
    let mut rest = packed;
    let mut unpacked = 0;
    loop {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(rest, &mut piece, FlushDecompress::None);
        let count = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
        let read = count(inflater.total_in(), read);
        let written = count(inflater.total_out(), written);
        rest = rest.get(read..).unwrap_or_default();
        *consumed += read;
        unpacked += written;
        if unpacked > most {
            return Err(NoText::TooLarge);
        }
        take(piece.get(..written).unwrap_or_default());
        match status {
            Ok(Status::StreamEnd) => return Ok(unpacked),
            Ok(_) if read > 0 || written > 0 => {}
            _ => return Err(NoText::Broken),
        }
    }
}

/// Undoes ASCII85, as some report generators wrap their compressed pages in it.
fn ascii85(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 5 * 4);
    let mut group = 0_u32;
    let mut count = 0;
    for byte in text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
    {
        match byte {
            b'z' if count == 0 => bytes.extend([0; 4]),
            b'!'..=b'u' => {
                group = group.checked_mul(85)?.checked_add(u32::from(byte - b'!'))?;
                count += 1;
                if count == 5 {
                    bytes.extend(group.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            b'~' => {
                for _ in count..5 {
                    group = group.checked_mul(85)?.checked_add(84)?;
                }
                let left = group.to_be_bytes();
                return match count {
                    0 => Some(bytes),
                    1 => None,
                    _ => {
                        bytes.extend(left.get(..count - 1)?);
                        Some(bytes)
                    }
                };
            }
            _ => return None,
        }
    }
    None
}
