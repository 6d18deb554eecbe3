//! HER2 results in narrative: read where a sentence says them in a way that a language file knows, and left to a person
//! everywhere else.
//!
//! A text is cut into sentences of tagged words (`tokens.rs`, `tagged.rs`) by the vocabulary of one language
//! (`vocabulary.rs`), and the rules of that language say which sequences are a result (`reader.rs`, `signs.rs`, `said.rs`). A wrong score harms and
//! a missed one costs a look, so whatever stands between a name and its value must be known.

mod reader;
mod said;
mod signs;
mod tagged;
mod tokens;
mod vocabulary;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use enumset::EnumSet;

use super::normalise::Piece;
use super::table::{MappingError, Side};
use crate::her2::evidence::{
    IhcFinding, IshWord, Origin, Passage, Score, StatedResult, UnreadTest,
};
use crate::her2::number::Measure;
use tokens::{Kind, Raw, raw_tokens};
use vocabulary::Language;

const COMMON: &str = include_str!("../../mappings/narrative/common.toml");
const LANGUAGES: [(&str, &str); 3] = [
    (
        "narrative/en",
        include_str!("../../mappings/narrative/en.toml"),
    ),
    (
        "narrative/es",
        include_str!("../../mappings/narrative/es.toml"),
    ),
    (
        "narrative/de",
        include_str!("../../mappings/narrative/de.toml"),
    ),
];

/// The languages that narrative is read in.
#[derive(Clone, Debug, Default)]
pub struct Narrative {
    languages: Arc<[Language]>,
}

/// The languages that are shipped, made once: their rules take longer to prepare than a report takes to read.
static SHIPPED: OnceLock<Narrative> = OnceLock::new();

/// One thing that a narrative says about HER2.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A score, or a range of them.
    Score(EnumSet<Score>),
    /// A word about the stain beside its score.
    IhcInterpretation(StatedResult),
    /// A word about the stain.
    IhcWord(StatedResult),
    /// A word about the in situ hybridisation.
    IshWord(IshWord),
    /// A word that names no test.
    Overall(StatedResult),
    /// HER2/CEP17 ratio.
    Ratio(Measure),
    /// Mean HER2 copies per cell.
    Her2Copies(Measure),
    /// Mean CEP17 copies per cell.
    Cep17Copies(Measure),
    /// Ordered, pending or not done.
    NoResult,
}

/// What was read, and from where in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What it says.
    pub said: Said,
    /// Bytes of the text.
    pub span: Range<usize>,
    /// Which breast the text speaks of there.
    pub side: Option<Side>,
}

/// A place that says something of HER2 and is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Which test it may be about.
    pub test: UnreadTest,
    /// Why, as the end of a sentence.
    pub why: &'static str,
    /// It tells of an earlier result, and none of now.
    pub is_history: bool,
    /// Bytes of the text.
    pub span: Range<usize>,
}

/// What a narrative comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// What it says.
    pub readings: Vec<Reading>,
    /// What a person has to read.
    pub unread: Vec<Unread>,
    /// It names HER2 outside the names of kits and drugs.
    pub names_her2: bool,
}

/// Longer texts than this are not read, in bytes: a report has some pages.
const LONGEST_TEXT: usize = 64 * 1024;

impl Said {
    /// The same as a piece of an Observation or report.
    pub fn piece(&self) -> Piece {
        match self {
            Self::Score(scores) => Piece::Ihc(IhcFinding::Score(*scores), Origin::Narrative),
            Self::IhcInterpretation(word) => Piece::IhcInterpretation(*word),
            Self::IhcWord(word) => Piece::Ihc(IhcFinding::Stated(*word), Origin::Narrative),
            Self::IshWord(word) => Piece::IshWord(*word, Origin::Narrative),
            Self::Overall(word) => Piece::Overall(*word),
            Self::Ratio(ratio) => Piece::Ratio(ratio.clone()),
            Self::Her2Copies(copies) => Piece::Her2Copies(copies.clone()),
            Self::Cep17Copies(copies) => Piece::Cep17Copies(copies.clone()),
            Self::NoResult => Piece::NoResult,
        }
    }
}

/// Whether some of what narratives say of one tumour cannot be true together.
pub fn contradict(said: &[&Said]) -> bool {
    said::contradict(said)
}

/// The words at a place in a text.
pub fn passage(path: &str, text: &str, span: &Range<usize>) -> Passage {
    Passage {
        path: path.to_owned(),
        start: span.start,
        end: span.end,
        text: text.get(span.clone()).unwrap_or("").to_owned(),
    }
}

impl Narrative {
    /// The languages that are shipped.
    ///
    /// # Errors
    /// [`MappingError`] names the language file that cannot be used, and why.
    pub fn shipped() -> Result<Self, MappingError> {
        if let Some(shipped) = SHIPPED.get() {
            return Ok(shipped.clone());
        }
        let shipped = Self::load(("narrative/common", COMMON), &LANGUAGES)?;
        Ok(SHIPPED.get_or_init(|| shipped).clone())
    }

    /// Languages from files: what is common to all, and each one's own.
    ///
    /// # Errors
    /// [`MappingError`] names the language file that cannot be used, and why.
    pub fn load(common: (&str, &str), languages: &[(&str, &str)]) -> Result<Self, MappingError> {
        let common = Language::common(common)?;
        let languages: Result<Arc<[Language]>, MappingError> =
            languages.iter().map(|own| common.and(*own)).collect();
        Ok(Self {
            languages: languages?,
        })
    }

    /// The texts of the language files, which are part of what decides.
    pub fn files() -> impl Iterator<Item = &'static str> {
        std::iter::once(COMMON).chain(LANGUAGES.into_iter().map(|(_, text)| text))
    }

    /// Reads a text. `about` is set where the text stands below a HER2 result and need not name it.
    pub fn read(&self, text: &str, about: Option<UnreadTest>) -> Read {
        if text.len() > LONGEST_TEXT {
            return Read {
                unread: vec![Unread {
                    test: UnreadTest::Either,
                    why: "it is too long to be read",
                    is_history: false,
                    span: 0..0,
                }],
                names_her2: true,
                ..Read::default()
            };
        }
        let raw = raw_tokens(text);
        let blocks: Vec<&[Raw]> = raw.split(|raw| raw.kind == Kind::Blank).collect();
        let known = |raw: &[Raw]| -> Vec<(usize, usize)> {
            (self.languages.iter())
                .map(|language| language.knows(raw))
                .collect()
        };
        let of_text = known(&raw);
        let main = best(&of_text, 0);
        // Each paragraph is in the language that knows most of its words, and in that of the whole text where none does.
        let starts: Vec<(usize, usize)> = (blocks.iter())
            .filter_map(|block| Some((block.first()?.start, best(&known(block), main))))
            .collect();
        let language_at = |byte: usize| {
            let after = starts.partition_point(|(start, _)| *start <= byte);
            let block = after.checked_sub(1).and_then(|at| starts.get(at));
            block.map_or(main, |(_, language)| *language)
        };
        let first = reader::read(&self.languages, &language_at, &raw, about);
        let most = of_text.get(main).map_or(0, |(own, _)| *own);
        if of_text.iter().all(|(_, foreign)| *foreign <= most) {
            return first;
        }
        let why = "it is written in a language that is not read";
        let span = (first.readings.iter().map(|reading| reading.span.clone()))
            .chain(first.unread.iter().map(|unread| unread.span.clone()))
            .next();
        Read {
            unread: (span.into_iter())
                .map(|span| Unread {
                    test: UnreadTest::Either,
                    why,
                    is_history: false,
                    span,
                })
                .collect(),
            readings: Vec::new(),
            names_her2: first.names_her2,
        }
    }
}

/// The language that knows most words; of equals the one preferred, else the first.
fn best(known: &[(usize, usize)], preferred: usize) -> usize {
    let most = known.iter().map(|(own, _)| *own).max().unwrap_or(0);
    let is_best = |number: usize| known.get(number).is_some_and(|(own, _)| *own == most);
    if is_best(preferred) {
        return preferred;
    }
    (0..known.len())
        .find(|number| is_best(*number))
        .unwrap_or(0)
}
