//! What editions have in common: immunohistochemistry alone, tests that failed, results in words, and the classes of
//! those that read the ratio first. The sentences and sources are each edition's own.

use super::answer::{Answer, Beside, Ihc, decided, discordant, open};
use super::classes::{Dual, Level};
use crate::her2::decision::{NextAction, ReviewCode, Status};
use crate::her2::evidence::Score;

/// The class of a dual-probe count where a high ratio decides whatever the copies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RatioFirst {
    /// A high ratio.
    HighRatio,
    /// A low ratio and many copies.
    HighCopies,
    /// A low ratio and copies in the middle.
    MiddleCopies,
    /// A low ratio and few copies.
    BothLow,
}

impl RatioFirst {
    /// The ratio of these editions has a single threshold: it is high, or it is not.
    pub(super) fn of(count: Dual) -> Self {
        match (count.ratio, count.copies) {
            (Level::High, _) => Self::HighRatio,
            (Level::Low | Level::Middle, Level::High) => Self::HighCopies,
            (Level::Low | Level::Middle, Level::Middle) => Self::MiddleCopies,
            (Level::Low | Level::Middle, Level::Low) => Self::BothLow,
        }
    }
}

/// An edition's sentences about what every edition has.
pub(super) struct Sentences {
    /// What score 0 is, and that it is negative.
    pub(super) zero: &'static str,
    /// What score 1+ is, and that it is negative.
    pub(super) one_plus: &'static str,
    /// What follows a 2+.
    pub(super) two_plus: &'static str,
    /// What score 3+ is, and that it is positive.
    pub(super) three_plus: &'static str,
    /// Where the scores are defined.
    pub(super) scores: &'static str,
    /// Where the criteria to reject a test are written.
    pub(super) rejection: &'static str,
    /// The conventions that apply where the edition is silent.
    pub(super) convention: &'static str,
}

impl Sentences {
    /// Without any in situ hybridisation.
    pub(super) fn ihc_alone(&self, ihc: Ihc) -> Answer {
        match ihc {
            Ihc::Score(Score::Zero) => decided(Status::Negative, self.zero, self.scores),
            Ihc::Score(Score::OnePlus) => decided(Status::Negative, self.one_plus, self.scores),
            Ihc::Score(Score::TwoPlus) => open(
                Status::Equivocal,
                NextAction::ReflexIsh,
                None,
                self.two_plus,
                self.scores,
            ),
            Ihc::Score(Score::ThreePlus) => decided(Status::Positive, self.three_plus, self.scores),
            Ihc::Failed => open(
                Status::Indeterminate,
                NextAction::RepeatTest,
                None,
                "The IHC was rejected and there is no ISH: the result is indeterminate.",
                self.rejection,
            ),
            Ihc::NotKnown => open(
                Status::Insufficient,
                NextAction::None,
                Some(ReviewCode::DataMissing),
                "There is neither an IHC nor an ISH result.",
                self.convention,
            ),
        }
    }

    /// IHC 3+ is positive whatever the in situ hybridisation shows; one without amplification is looked at.
    pub(super) fn three_plus(&self, ish_may_be_negative: bool) -> Answer {
        if ish_may_be_negative {
            discordant(
                Status::Positive,
                "IHC 3+ is HER2 positive; an ISH result beside it that is, or may be, without amplification is looked at by a person.",
                self.convention,
            )
        } else {
            self.ihc_alone(Ihc::Score(Score::ThreePlus))
        }
    }

    /// In situ hybridisation that the laboratory rejected, or with fewer than 20 cells.
    pub(super) fn ish_failed(&self, ihc: Ihc) -> Answer {
        match ihc {
            Ihc::Score(Score::Zero | Score::OnePlus | Score::ThreePlus) => self.ihc_alone(ihc),
            Ihc::Score(Score::TwoPlus) | Ihc::Failed | Ihc::NotKnown => open(
                Status::Indeterminate,
                NextAction::RepeatTest,
                None,
                "The ISH failed or counted fewer than 20 cells, and IHC does not decide: the result is indeterminate.",
                self.rejection,
            ),
        }
    }

    /// The laboratory says "amplified" and gives no numbers.
    pub(super) fn amplified_in_words(&self, ihc: Beside) -> Answer {
        match ihc {
            Beside::ZeroOrOnePlus => discordant(
                Status::Positive,
                "ISH stated as amplified is positive; with IHC 0 or 1+ on the same tissue a person looks.",
                self.convention,
            ),
            Beside::TwoPlus | Beside::Nothing => decided(
                Status::Positive,
                "ISH stated as amplified, without numbers, is taken as the laboratory's interpretation: HER2 positive.",
                self.convention,
            ),
        }
    }

    /// The laboratory says "not amplified" and gives no numbers.
    pub(super) fn not_amplified_in_words(&self) -> Answer {
        decided(
            Status::Negative,
            "ISH stated as not amplified, without numbers, is taken as the laboratory's interpretation: HER2 negative.",
            self.convention,
        )
    }
}
