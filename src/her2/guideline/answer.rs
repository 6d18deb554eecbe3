//! What an edition's table is asked, and what it answers.

use super::classes::{Dual, Level};
use crate::her2::decision::{NextAction, ReviewCode, Status};
use crate::her2::evidence::Score;

/// Immunohistochemistry of the same tissue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ihc {
    /// Not done, or not on record.
    NotKnown,
    /// Rejected by the laboratory.
    Failed,
    /// A valid score.
    Score(Score),
}

impl Ihc {
    /// How in situ hybridisation is read beside it; `None` for 3+, which decides alone.
    pub(super) fn below_three_plus(self) -> Option<Beside> {
        match self {
            Self::NotKnown | Self::Failed => Some(Beside::Nothing),
            Self::Score(Score::Zero | Score::OnePlus) => Some(Beside::ZeroOrOnePlus),
            Self::Score(Score::TwoPlus) => Some(Beside::TwoPlus),
            Self::Score(Score::ThreePlus) => None,
        }
    }
}

/// Immunohistochemistry that does not decide alone, as in situ hybridisation is read beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// None, or one that failed, which counts as none.
    Nothing,
    /// 0 or 1+.
    ZeroOrOnePlus,
    /// 2+.
    TwoPlus,
}

/// The second count of a dual-probe assay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recount {
    /// No complete and valid one.
    NotDone,
    /// In the class of the first count.
    SameClass,
    /// In another class.
    OtherClass(Dual),
}

/// In situ hybridisation of the tissue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ish {
    /// Not done, pending, or not on record.
    NotDone,
    /// Rejected by the laboratory, or fewer than 20 cells.
    Failed,
    /// Single-probe assay, by its copies.
    Single(Level),
    /// Dual-probe assay.
    Dual(Dual, Recount),
    /// The laboratory's own adjudicated dual-probe result.
    Adjudicated(Dual),
    /// "Amplified" in words; the class is unknown.
    Amplified,
    /// "Not amplified" in words; the class is unknown.
    NotAmplified,
}

impl Ish {
    /// Whether a count, the first or the second, or the laboratory's word, is negative by itself. Which classes of
    /// dual-probe counts are, the edition says; of single-probe counts those with few copies.
    pub(super) fn is_negative(self, is_negative_class: impl Fn(Dual) -> bool) -> bool {
        match self {
            Self::Dual(first, Recount::OtherClass(second)) => {
                is_negative_class(first) || is_negative_class(second)
            }
            Self::Dual(count, Recount::NotDone | Recount::SameClass) | Self::Adjudicated(count) => {
                is_negative_class(count)
            }
            Self::Single(copies) => copies == Level::Low,
            Self::NotAmplified => true,
            Self::NotDone | Self::Failed | Self::Amplified => false,
        }
    }
}

/// The comment that ASCO/CAP 2018 asks to stand beside a negative result of groups 2 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comment {
    /// Group 2 (Figure 4).
    Group2,
    /// Group 3 (Figure 5).
    Group3,
    /// Group 4 (Figure 6).
    Group4,
}

/// What an edition answers, and on which sentence it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: Status,
    /// What should happen next.
    pub action: NextAction,
    /// The question for a person that comes with it.
    pub review: Option<ReviewCode>,
    /// The guideline's comment.
    pub comment: Option<Comment>,
    /// The rule in a sentence.
    pub sentence: &'static str,
    /// Where the rule is written.
    pub source: &'static str,
}

/// A number or convention that classes rest on, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// In words.
    pub words: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// A status that stands, with nothing to do.
pub(super) fn decided(status: Status, sentence: &'static str, source: &'static str) -> Answer {
    open(status, NextAction::None, None, sentence, source)
}

/// A status that stands, and that a person looks at because the tests point different ways.
pub(super) fn discordant(status: Status, sentence: &'static str, source: &'static str) -> Answer {
    open(
        status,
        NextAction::ReviewDiscordance,
        Some(ReviewCode::IhcIshDiscordant),
        sentence,
        source,
    )
}

/// A status that asks for something.
pub(super) fn open(
    status: Status,
    action: NextAction,
    review: Option<ReviewCode>,
    sentence: &'static str,
    source: &'static str,
) -> Answer {
    Answer {
        status,
        action,
        review,
        comment: None,
        sentence,
        source,
    }
}

/// In situ hybridisation that is read with immunohistochemistry of the same tissue, which is missing.
pub(super) fn needs_ihc(sentence: &'static str, source: &'static str) -> Answer {
    open(
        Status::Insufficient,
        NextAction::ConcurrentIhc,
        Some(ReviewCode::IhcMissing),
        sentence,
        source,
    )
}

/// Two counts of different classes: only the laboratory's own result closes them, and an admissible 2+ stays equivocal.
pub(super) fn counts_differ(ihc: Beside, sentence: &'static str, source: &'static str) -> Answer {
    open(
        if ihc == Beside::TwoPlus {
            Status::Equivocal
        } else {
            Status::Insufficient
        },
        NextAction::Adjudicate,
        Some(ReviewCode::RecountOtherGroup),
        sentence,
        source,
    )
}
