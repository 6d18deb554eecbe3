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
#[cfg(test)]
mod samples;

use enumset::{EnumSet, EnumSetType};

use super::asco_cap_2018::CopyClass;
use super::decision::{Group, Review, Warning};
use super::evidence::{Score, StatedResult};

pub use ihc::ihc_readings;
pub use ish::ish_readings;

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
    /// Dual-probe group 1.
    Group1,
    /// Dual-probe group 2.
    Group2,
    /// Dual-probe group 3.
    Group3,
    /// Dual-probe group 4.
    Group4,
    /// Dual-probe group 5.
    Group5,
    /// Single probe, copies below 4.0.
    SingleBelow4,
    /// Single probe, copies from 4.0 to below 6.0.
    Single4To6,
    /// Single probe, copies from 6.0.
    SingleFrom6,
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
    /// The dual-probe group, if it is one.
    pub fn group(self) -> Option<Group> {
        match self {
            Self::Group1 => Some(Group::One),
            Self::Group2 => Some(Group::Two),
            Self::Group3 => Some(Group::Three),
            Self::Group4 => Some(Group::Four),
            Self::Group5 => Some(Group::Five),
            Self::SingleBelow4
            | Self::Single4To6
            | Self::SingleFrom6
            | Self::Amplified
            | Self::NotAmplified
            | Self::Failed
            | Self::NotDone => None,
        }
    }

    fn from_group(group: Group) -> Self {
        match group {
            Group::One => Self::Group1,
            Group::Two => Self::Group2,
            Group::Three => Self::Group3,
            Group::Four => Self::Group4,
            Group::Five => Self::Group5,
        }
    }

    fn from_copies(class: CopyClass) -> Self {
        match class {
            CopyClass::Below4 => Self::SingleBelow4,
            CopyClass::From4To6 => Self::Single4To6,
            CopyClass::AtLeast6 => Self::SingleFrom6,
        }
    }
}

/// What a word that decides says of a count without numbers; `None` for a word that leaves it open.
pub fn count_by_word(word: StatedResult) -> Option<Count> {
    match word {
        StatedResult::Positive => Some(Count::Amplified),
        StatedResult::Negative => Some(Count::NotAmplified),
        StatedResult::Equivocal | StatedResult::Indeterminate => None,
    }
}

/// The possibilities of one count.
pub type Counts = EnumSet<Count>;

/// Every dual-probe group: what a count is that nothing is known of.
pub fn any_group() -> Counts {
    Count::Group1 | Count::Group2 | Count::Group3 | Count::Group4 | Count::Group5
}

/// One way to take the in situ hybridisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IshReading {
    /// The first count; empty when there is none.
    pub initial: Counts,
    /// The blinded recount; empty when there is none.
    pub recount: Counts,
    /// The adjudicated result; empty when there is none.
    pub adjudicated: Counts,
    /// What a failed count would have been by its numbers.
    pub failed_numbers: Counts,
    /// What the laboratory's words beside the numbers of the deciding counts say on their own.
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
