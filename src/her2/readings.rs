//! From results as sent to the readings they allow.
//!
//! A *reading* is one consistent way to take what was sent. Results that fit together allow one reading; two
//! statements that cannot both be true allow one reading each way. Within a reading a value may still be open
//! (a missing copy number, a comparator): that is a set of possibilities, not a further reading.
//!
//! This file says what a reading is; [`ihc_readings`] and [`ish_readings`] find them.

mod ihc;
mod ish;
mod ish_numbers;
mod ish_words;
mod populations;
mod recounts;
#[cfg(test)]
mod samples;

use enumset::{EnumSet, EnumSetType};
use smallvec::SmallVec;

use super::conventions::Conventions;
use super::decision::{Review, Warning};
use super::evidence::{Sample, Score};
use super::guideline::{Dual, Edition, Ish, Level, Recount};
use super::number::Span;

pub use ihc::ihc_readings;
pub use ish::ish_readings;
pub use populations::{Populations, Share, populations};

/// One way to take the immunohistochemistry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IhcReading {
    /// There is none.
    NotDone,
    /// The laboratory rejected it.
    Failed,
    /// This score.
    Score(Score),
    /// A word without a score: one of these, and no score is admissible as such.
    OneOf(EnumSet<Score>),
}

/// What an in situ hybridisation count may be.
#[derive(EnumSetType, Debug, PartialOrd, Ord)]
pub enum Count {
    /// Dual-probe: high ratio, high copies.
    HighHigh,
    /// Dual-probe: high ratio, middle copies.
    HighMiddle,
    /// Dual-probe: high ratio, low copies.
    HighLow,
    /// Dual-probe: middle ratio, high copies.
    MiddleHigh,
    /// Dual-probe: middle ratio, middle copies.
    MiddleMiddle,
    /// Dual-probe: middle ratio, low copies.
    MiddleLow,
    /// Dual-probe: low ratio, high copies.
    LowHigh,
    /// Dual-probe: low ratio, middle copies.
    LowMiddle,
    /// Dual-probe: low ratio, low copies.
    LowLow,
    /// Single probe, low copies.
    SingleLow,
    /// Single probe, middle copies.
    SingleMiddle,
    /// Single probe, high copies.
    SingleHigh,
    /// "Amplified" in words.
    Amplified,
    /// "Not amplified" in words.
    NotAmplified,
    /// Failed at the laboratory.
    Failed,
    /// Void: as if not done.
    NotDone,
}

impl Count {
    /// The input of an edition's table, without the recount.
    pub fn as_ish(self) -> Ish {
        use Level::{High, Low, Middle};
        let dual = |ratio, copies| Ish::Dual(Dual { ratio, copies }, Recount::NotDone);
        match self {
            Self::HighHigh => dual(High, High),
            Self::HighMiddle => dual(High, Middle),
            Self::HighLow => dual(High, Low),
            Self::MiddleHigh => dual(Middle, High),
            Self::MiddleMiddle => dual(Middle, Middle),
            Self::MiddleLow => dual(Middle, Low),
            Self::LowHigh => dual(Low, High),
            Self::LowMiddle => dual(Low, Middle),
            Self::LowLow => dual(Low, Low),
            Self::SingleLow => Ish::Single(Low),
            Self::SingleMiddle => Ish::Single(Middle),
            Self::SingleHigh => Ish::Single(High),
            Self::Amplified => Ish::Amplified,
            Self::NotAmplified => Ish::NotAmplified,
            Self::Failed => Ish::Failed,
            Self::NotDone => Ish::NotDone,
        }
    }

    /// The class, if it is a dual-probe count.
    pub fn dual(self) -> Option<Dual> {
        match self.as_ish() {
            Ish::Dual(class, _) => Some(class),
            _ => None,
        }
    }

    /// A dual-probe count of this class.
    pub fn of_dual(class: Dual) -> Self {
        use Level::{High, Low, Middle};
        match (class.ratio, class.copies) {
            (High, High) => Self::HighHigh,
            (High, Middle) => Self::HighMiddle,
            (High, Low) => Self::HighLow,
            (Middle, High) => Self::MiddleHigh,
            (Middle, Middle) => Self::MiddleMiddle,
            (Middle, Low) => Self::MiddleLow,
            (Low, High) => Self::LowHigh,
            (Low, Middle) => Self::LowMiddle,
            (Low, Low) => Self::LowLow,
        }
    }

    /// A single-probe count with these copies.
    pub fn of_single(copies: Level) -> Self {
        match copies {
            Level::Low => Self::SingleLow,
            Level::Middle => Self::SingleMiddle,
            Level::High => Self::SingleHigh,
        }
    }
}

/// By which edition and which choices of the site results are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadBy<'c> {
    /// The edition.
    pub edition: Edition,
    /// The choices.
    pub conventions: &'c Conventions,
    /// How the tissue was taken.
    pub sample: Option<Sample>,
}

impl ReadBy<'_> {
    /// The dual-probe counts that possible ratios and copies reach.
    fn dual(self, ratio: Option<Span>, copies: Option<Span>) -> Counts {
        (self.edition.cuts().dual(ratio, copies))
            .map(Count::of_dual)
            .collect()
    }

    /// The single-probe counts that possible copies reach.
    fn single(self, copies: Span) -> Counts {
        (self.edition.cuts().copies.levels(copies).iter())
            .map(Count::of_single)
            .collect()
    }

    /// Every dual-probe count: what one is that nothing is known of.
    pub fn any_dual(self) -> Counts {
        self.dual(None, None)
    }
}

/// The possibilities of one count.
pub type Counts = EnumSet<Count>;

/// One set of possibilities for each way to take contradictory statements; nearly always one.
type Alternatives = SmallVec<[Counts; 3]>;

/// One way to take the in situ hybridisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IshReading {
    /// The first count; empty when there is none.
    pub initial: Counts,
    /// The blinded recount; empty when there is none.
    pub recount: Counts,
    /// The adjudicated result; empty when there is none.
    pub adjudicated: Counts,
    /// What a failed count would have been by its numbers, or by the laboratory's "amplified".
    pub failed_numbers: Counts,
    /// "Amplified" and "not amplified" where the laboratory says so beside the numbers of the deciding counts.
    pub stated: Counts,
}

/// What one test allows, and what was noticed on the way.
#[derive(Clone, Debug)]
pub struct Readings<R> {
    /// The readings, at least one.
    pub readings: Vec<R>,
    /// Contradictions among the statements; each is a question for a person.
    pub contradictions: Vec<Review>,
    /// More than one reading, and that only because a range or undefined word was sent.
    pub ambiguous: bool,
    /// Remarks.
    pub warnings: Vec<Warning>,
}
