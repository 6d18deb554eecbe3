//! ASCO/CAP 2018 (affirmed unchanged in 2023): the guideline for HER2 in invasive breast cancer as one total function.
//!
//! Inputs are small enums; numbers become classes in the two functions at the top and nowhere else.
//! [`answer`] has one arm per sentence of the algorithm's figures. Where the figures are silent and the project
//! settled a convention, the arm's source says so.
//!
//! Sources: ASCO/CAP 2018 pocket guide, Figure 1 (IHC), Figure 2 (single-probe ISH), Figure 3 (dual-probe ISH),
//! Figures 4 to 6 (groups 2 to 4); affirmed by Wolff et al., Arch Pathol Lab Med 2023;147:993.

use enumset::{EnumSet, EnumSetType};
use rust_decimal::Decimal;

use super::decision::{Group, NextAction, ReviewCode, Status};
use super::evidence::Score;
use super::number::Span;

/// Ratio from which a dual-probe count is group 1 or 2 (Figure 3).
const RATIO_CUT: Decimal = Decimal::from_parts(20, 0, 0, false, 1);
/// Mean HER2 copies per cell below which a count is low (Figures 2 and 3).
const COPIES_LOW: Decimal = Decimal::from_parts(40, 0, 0, false, 1);
/// Mean HER2 copies per cell from which a count is high (Figures 2 and 3).
const COPIES_HIGH: Decimal = Decimal::from_parts(60, 0, 0, false, 1);
/// Fewest cells of a valid count. That fewer make the result indeterminate follows from the criteria to reject an ISH.
pub const FEWEST_CELLS: Decimal = Decimal::from_parts(20, 0, 0, false, 0);
/// Percentage of cells above which staining makes 1+, 2+ or 3+ (Figure 1).
pub const STAINED_PERCENT: Decimal = Decimal::from_parts(10, 0, 0, false, 0);

/// Class of a mean HER2 copy number.
#[derive(EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum CopyClass {
    /// Below 4.0.
    Below4,
    /// From 4.0 to below 6.0.
    From4To6,
    /// 6.0 and above.
    AtLeast6,
}

/// The copy-number classes that a set of possible values reaches.
pub fn copy_classes(copies: Span) -> EnumSet<CopyClass> {
    let mut classes = EnumSet::empty();
    if copies.may_be_below(COPIES_LOW) {
        classes |= CopyClass::Below4;
    }
    if copies.may_lie_in(COPIES_LOW, COPIES_HIGH) {
        classes |= CopyClass::From4To6;
    }
    if copies.may_be_at_least(COPIES_HIGH) {
        classes |= CopyClass::AtLeast6;
    }
    classes
}

/// The dual-probe groups that possible ratios and copy numbers reach; an absent number may be anything (Figure 3).
pub fn groups(ratio: Option<Span>, copies: Option<Span>) -> EnumSet<Group> {
    let ratio = ratio.unwrap_or_default();
    let copies = copy_classes(copies.unwrap_or_default());
    let mut groups = EnumSet::empty();
    for class in copies {
        if ratio.may_be_at_least(RATIO_CUT) {
            groups |= match class {
                CopyClass::Below4 => Group::Two,
                CopyClass::From4To6 | CopyClass::AtLeast6 => Group::One,
            };
        }
        if ratio.may_be_below(RATIO_CUT) {
            groups |= match class {
                CopyClass::Below4 => Group::Five,
                CopyClass::From4To6 => Group::Four,
                CopyClass::AtLeast6 => Group::Three,
            };
        }
    }
    groups
}

/// Whether every possible ratio is at or above the cut-off; `None` when it may lie on both sides.
pub fn ratio_is_high(ratio: Span) -> Option<bool> {
    match (
        ratio.may_be_below(RATIO_CUT),
        ratio.may_be_at_least(RATIO_CUT),
    ) {
        (true, true) => None,
        (below, _) => Some(!below),
    }
}

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

/// The blinded second count of a dual-probe assay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recount {
    /// No complete and valid one.
    NotDone,
    /// In the group of the first count.
    SameGroup,
    /// In another group.
    OtherGroup(Group),
}

/// In situ hybridisation of the tissue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ish {
    /// Not done, pending, or not on record.
    NotDone,
    /// Rejected by the laboratory, or fewer than 20 cells.
    Failed,
    /// Single-probe assay.
    Single(CopyClass),
    /// Dual-probe assay.
    Dual(Group, Recount),
    /// The laboratory's own adjudicated dual-probe result.
    Adjudicated(Group),
    /// "Amplified" in words; the group is unknown.
    Amplified,
    /// "Not amplified" in words; the group is unknown.
    NotAmplified,
}

/// The comment that the guideline asks to stand beside a negative result of groups 2 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comment {
    /// Group 2 (Figure 4).
    Group2,
    /// Group 3 (Figure 5).
    Group3,
    /// Group 4 (Figure 6).
    Group4,
}

/// What the guideline answers, and on which sentence it rests.
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

const FIGURE_1: &str = "ASCO/CAP 2018, Figure 1 (IHC)";
const FIGURE_2: &str = "ASCO/CAP 2018, Figure 2 (single-probe ISH)";
const FIGURE_3: &str = "ASCO/CAP 2018, Figure 3 (dual-probe ISH)";
const FIGURE_4: &str = "ASCO/CAP 2018, Figure 4 (group 2)";
const FIGURE_5: &str = "ASCO/CAP 2018, Figure 5 (group 3)";
const FIGURE_6: &str = "ASCO/CAP 2018, Figure 6 (group 4)";
const ADJUDICATION: &str = "ASCO/CAP 2018, Figures 4 to 6 (adjudication per internal procedures)";
const REJECTION: &str = "ASCO/CAP 2018, criteria to reject an ISH or IHC result";
const CONVENTION: &str = "convention of this adapter where ASCO/CAP 2018 is silent";

/// A number or convention that classes rest on, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// In words.
    pub words: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// The thresholds of this edition.
pub const THRESHOLDS: [Threshold; 7] = [
    Threshold {
        words: "HER2/CEP17 ratio: 2.0 and above is group 1 or 2; below 2.0 is group 3, 4 or 5.",
        source: FIGURE_3,
    },
    Threshold {
        words: "Mean HER2 copies per cell, dual-probe: with a ratio of 2.0 and above, 4.0 and above is group 1 and below 4.0 is group 2; with a ratio below 2.0, 6.0 and above is group 3, from 4.0 to below 6.0 is group 4 and below 4.0 is group 5.",
        source: FIGURE_3,
    },
    Threshold {
        words: "Mean HER2 copies per cell, single-probe: below 4.0 is negative, 6.0 and above is positive, and from 4.0 to below 6.0 is read with IHC or a dual probe.",
        source: FIGURE_2,
    },
    Threshold {
        words: "At least 20 cells are counted. That a count of fewer has failed is inferred from it; a count that does not state its cells is accepted by convention, with a warning.",
        source: REJECTION,
    },
    Threshold {
        words: "Staining makes IHC 1+ and 3+, and as a rule 2+, in more than 10 % of invasive tumour cells; 0 is faint incomplete staining in at most 10 %, or none.",
        source: FIGURE_1,
    },
    Threshold {
        words: "Numbers are compared as reported, without rounding: 1.99 is below 2.0, 3.95 is below 4.0.",
        source: CONVENTION,
    },
    Threshold {
        words: "A negative result of group 2 or 4 with IHC 2+ is HER2-low. This is contested: a site may have its category be none.",
        source: CONVENTION,
    },
];

/// The status that follows from both tests.
pub fn answer(ihc: Ihc, ish: Ish) -> Answer {
    match (ihc, ish) {
        (Ihc::Score(Score::ThreePlus), ish) => three_plus(ish),
        (ihc, Ish::NotDone) => ihc_alone(ihc),
        (ihc, Ish::Failed) => ish_failed(ihc),
        (ihc, Ish::Single(copies)) => single_probe(ihc, copies),
        (ihc, Ish::Dual(Group::One, recount)) => group_1(ihc, recount),
        (ihc, Ish::Dual(Group::Two, recount)) => group_2(ihc, recount),
        (ihc, Ish::Dual(Group::Three, recount)) => group_3(ihc, recount),
        (ihc, Ish::Dual(Group::Four, recount)) => group_4(ihc, recount),
        (ihc, Ish::Dual(Group::Five, recount)) => group_5(ihc, recount),
        (ihc, Ish::Adjudicated(group)) => adjudicated(ihc, group),
        (ihc, Ish::Amplified) => amplified_in_words(ihc),
        (ihc, Ish::NotAmplified) => not_amplified_in_words(ihc),
    }
}

/// IHC 3+ is positive whatever the ISH shows.
fn three_plus(ish: Ish) -> Answer {
    let positive = decided(
        Status::Positive,
        "IHC 3+ (complete, intense, circumferential staining in more than 10 % of cells) is HER2 positive.",
        FIGURE_1,
    );
    match ish {
        Ish::Dual(Group::Five, _)
        | Ish::Dual(_, Recount::OtherGroup(Group::Five))
        | Ish::Adjudicated(Group::Five)
        | Ish::Single(CopyClass::Below4)
        | Ish::NotAmplified => Answer {
            action: NextAction::ReviewDiscordance,
            review: Some(ReviewCode::IhcIshDiscordant),
            sentence: "IHC 3+ is HER2 positive; an ISH result without amplification beside it is looked at by a person.",
            source: CONVENTION,
            ..positive
        },
        Ish::NotDone
        | Ish::Failed
        | Ish::Single(CopyClass::From4To6 | CopyClass::AtLeast6)
        | Ish::Dual(Group::One | Group::Two | Group::Three | Group::Four, _)
        | Ish::Adjudicated(Group::One | Group::Two | Group::Three | Group::Four)
        | Ish::Amplified => positive,
    }
}

/// Figure 1, without any ISH.
fn ihc_alone(ihc: Ihc) -> Answer {
    match ihc {
        Ihc::Score(Score::Zero) => decided(
            Status::Negative,
            "IHC 0 (no staining, or faint incomplete staining in at most 10 % of cells) is HER2 negative.",
            FIGURE_1,
        ),
        Ihc::Score(Score::OnePlus) => decided(
            Status::Negative,
            "IHC 1+ (faint incomplete staining in more than 10 % of cells) is HER2 negative.",
            FIGURE_1,
        ),
        Ihc::Score(Score::TwoPlus) => open(
            Status::Equivocal,
            NextAction::ReflexIsh,
            None,
            "IHC 2+ is equivocal: ISH on the same specimen, or a new test on a new specimen, must follow.",
            FIGURE_1,
        ),
        Ihc::Score(Score::ThreePlus) => three_plus(Ish::NotDone),
        Ihc::Failed => open(
            Status::Indeterminate,
            NextAction::RepeatTest,
            None,
            "The IHC was rejected and there is no ISH: the result is indeterminate.",
            REJECTION,
        ),
        Ihc::NotKnown => open(
            Status::Insufficient,
            NextAction::None,
            Some(ReviewCode::DataMissing),
            "There is neither an IHC nor an ISH result.",
            CONVENTION,
        ),
    }
}

/// ISH that the laboratory rejected, or with fewer than 20 cells.
fn ish_failed(ihc: Ihc) -> Answer {
    match ihc {
        Ihc::Score(Score::Zero | Score::OnePlus | Score::ThreePlus) => ihc_alone(ihc),
        Ihc::Score(Score::TwoPlus) | Ihc::Failed | Ihc::NotKnown => open(
            Status::Indeterminate,
            NextAction::RepeatTest,
            None,
            "The ISH failed or counted fewer than 20 cells, and IHC does not decide: the result is indeterminate.",
            REJECTION,
        ),
    }
}

/// Figure 2.
fn single_probe(ihc: Ihc, copies: CopyClass) -> Answer {
    match (copies, ihc) {
        (CopyClass::Below4, Ihc::NotKnown | Ihc::Failed) => Answer {
            action: NextAction::ConcurrentIhc,
            ..decided(
                Status::Negative,
                "Single-probe ISH with fewer than 4.0 HER2 copies per cell is negative; concomitant IHC review is recommended.",
                FIGURE_2,
            )
        },
        (CopyClass::Below4, Ihc::Score(Score::Zero | Score::OnePlus | Score::TwoPlus)) => decided(
            Status::Negative,
            "Single-probe ISH with fewer than 4.0 HER2 copies per cell is negative.",
            FIGURE_2,
        ),
        (CopyClass::From4To6, Ihc::NotKnown | Ihc::Failed) => open(
            Status::Insufficient,
            NextAction::ConcurrentIhc,
            Some(ReviewCode::IhcMissing),
            "Single-probe ISH with 4.0 to below 6.0 copies needs IHC on the same tissue or dual-probe ISH.",
            FIGURE_2,
        ),
        (CopyClass::From4To6, Ihc::Score(Score::Zero | Score::OnePlus)) => decided(
            Status::Negative,
            "Single-probe ISH with 4.0 to below 6.0 copies and IHC 0 or 1+ is negative.",
            FIGURE_2,
        ),
        (CopyClass::From4To6, Ihc::Score(Score::TwoPlus)) => open(
            Status::Equivocal,
            NextAction::DualProbeIsh,
            None,
            "Single-probe ISH with 4.0 to below 6.0 copies and IHC 2+: dual-probe ISH gives the final result.",
            FIGURE_2,
        ),
        (CopyClass::AtLeast6, Ihc::NotKnown | Ihc::Failed) => Answer {
            action: NextAction::ConcurrentIhc,
            ..decided(
                Status::Positive,
                "Single-probe ISH with 6.0 or more HER2 copies per cell is positive; concomitant IHC review is recommended.",
                FIGURE_2,
            )
        },
        (CopyClass::AtLeast6, Ihc::Score(Score::Zero | Score::OnePlus)) => discordant(
            "Single-probe ISH with 6.0 or more copies is positive; with IHC 0 or 1+ a dual probe might show group 3, so a person looks.",
            CONVENTION,
        ),
        (CopyClass::AtLeast6, Ihc::Score(Score::TwoPlus)) => decided(
            Status::Positive,
            "Single-probe ISH with 6.0 or more HER2 copies per cell is positive.",
            FIGURE_2,
        ),
        (_, Ihc::Score(Score::ThreePlus)) => three_plus(Ish::Single(copies)),
    }
}

/// Figure 3, group 1: ratio >= 2.0 and copies >= 4.0.
fn group_1(ihc: Ihc, recount: Recount) -> Answer {
    match (ihc, recount) {
        (Ihc::Score(Score::Zero | Score::OnePlus), Recount::NotDone | Recount::SameGroup) => {
            discordant(
                "Dual-probe group 1 is positive; with IHC 0 or 1+ on the same tissue a person looks.",
                CONVENTION,
            )
        }
        (_, Recount::NotDone | Recount::SameGroup) => decided(
            Status::Positive,
            "Dual-probe group 1 (ratio >= 2.0, copies >= 4.0) is HER2 positive.",
            FIGURE_3,
        ),
        (ihc, Recount::OtherGroup(_)) => counts_differ(ihc, Group::One),
    }
}

/// Figure 4, group 2: ratio >= 2.0 and copies < 4.0.
fn group_2(ihc: Ihc, recount: Recount) -> Answer {
    match (ihc, recount) {
        (Ihc::NotKnown | Ihc::Failed, _) => needs_ihc(
            "Dual-probe group 2 (ratio >= 2.0, copies < 4.0) is read with IHC of the same tissue.",
            FIGURE_4,
        ),
        (Ihc::Score(Score::Zero | Score::OnePlus), Recount::OtherGroup(Group::One)) => {
            counts_differ(ihc, Group::Two)
        }
        (Ihc::Score(Score::Zero | Score::OnePlus), _) => commented(
            Status::Negative,
            Comment::Group2,
            "Dual-probe group 2 with IHC 0 or 1+ is HER2 negative, with a comment.",
            FIGURE_4,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::NotDone) => needs_recount(
            "Dual-probe group 2 with IHC 2+: a blinded observer recounts at least 20 cells.",
            FIGURE_4,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::SameGroup) => commented(
            Status::Negative,
            Comment::Group2,
            "Dual-probe group 2 with IHC 2+, recounted in group 2, is HER2 negative, with a comment.",
            FIGURE_4,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::OtherGroup(_)) => counts_differ(ihc, Group::Two),
        (Ihc::Score(Score::ThreePlus), recount) => three_plus(Ish::Dual(Group::Two, recount)),
    }
}

/// Figure 5, group 3: ratio < 2.0 and copies >= 6.0.
fn group_3(ihc: Ihc, recount: Recount) -> Answer {
    match (ihc, recount) {
        (Ihc::NotKnown | Ihc::Failed, _) => needs_ihc(
            "Dual-probe group 3 (ratio < 2.0, copies >= 6.0) is read with IHC of the same tissue.",
            FIGURE_5,
        ),
        (Ihc::Score(Score::Zero | Score::OnePlus), Recount::OtherGroup(Group::One)) => {
            counts_differ(ihc, Group::Three)
        }
        (Ihc::Score(Score::Zero | Score::OnePlus), _) => commented(
            Status::Negative,
            Comment::Group3,
            "Dual-probe group 3 with IHC 0 or 1+ is HER2 negative, with a comment.",
            FIGURE_5,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::NotDone) => needs_recount(
            "Dual-probe group 3 with IHC 2+: a blinded observer recounts at least 20 cells.",
            FIGURE_5,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::SameGroup) => decided(
            Status::Positive,
            "Dual-probe group 3 with IHC 2+, recounted in group 3, is HER2 positive.",
            FIGURE_5,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::OtherGroup(_)) => counts_differ(ihc, Group::Three),
        (Ihc::Score(Score::ThreePlus), recount) => three_plus(Ish::Dual(Group::Three, recount)),
    }
}

/// Figure 6, group 4: ratio < 2.0 and copies >= 4.0 and < 6.0.
fn group_4(ihc: Ihc, recount: Recount) -> Answer {
    match (ihc, recount) {
        (Ihc::NotKnown | Ihc::Failed, _) => needs_ihc(
            "Dual-probe group 4 (ratio < 2.0, copies >= 4.0 and < 6.0) is read with IHC of the same tissue.",
            FIGURE_6,
        ),
        (Ihc::Score(Score::Zero | Score::OnePlus), Recount::OtherGroup(Group::One)) => {
            counts_differ(ihc, Group::Four)
        }
        (Ihc::Score(Score::Zero | Score::OnePlus), _) => commented(
            Status::Negative,
            Comment::Group4,
            "Dual-probe group 4 with IHC 0 or 1+ is HER2 negative, with a comment.",
            FIGURE_6,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::NotDone) => needs_recount(
            "Dual-probe group 4 with IHC 2+: a blinded observer recounts at least 20 cells.",
            FIGURE_6,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::SameGroup) => commented(
            Status::Negative,
            Comment::Group4,
            "Dual-probe group 4 with IHC 2+, recounted in group 4, is HER2 negative, with a comment.",
            FIGURE_6,
        ),
        (Ihc::Score(Score::TwoPlus), Recount::OtherGroup(_)) => counts_differ(ihc, Group::Four),
        (Ihc::Score(Score::ThreePlus), recount) => three_plus(Ish::Dual(Group::Four, recount)),
    }
}

/// Figure 3, group 5: ratio < 2.0 and copies < 4.0.
fn group_5(ihc: Ihc, recount: Recount) -> Answer {
    let negative = decided(
        Status::Negative,
        "Dual-probe group 5 (ratio < 2.0, copies < 4.0) is HER2 negative.",
        FIGURE_3,
    );
    match (ihc, recount) {
        (Ihc::Score(Score::ThreePlus), recount) => three_plus(Ish::Dual(Group::Five, recount)),
        (_, Recount::NotDone | Recount::SameGroup) => negative,
        // With IHC 0 or 1+ both counts end negative unless the second is in group 1.
        (
            Ihc::Score(Score::Zero | Score::OnePlus),
            Recount::OtherGroup(Group::Two | Group::Three | Group::Four | Group::Five),
        ) => negative,
        (ihc, Recount::OtherGroup(_)) => counts_differ(ihc, Group::Five),
    }
}

/// The laboratory's own final group after two counts replaces both (guideline: "per internal procedures").
fn adjudicated(ihc: Ihc, group: Group) -> Answer {
    match (ihc, group) {
        (Ihc::Score(Score::TwoPlus), Group::One | Group::Three) => decided(
            Status::Positive,
            "IHC 2+ with an adjudicated result in group 1 or 3 is HER2 positive.",
            ADJUDICATION,
        ),
        (Ihc::Score(Score::TwoPlus), Group::Two) => commented(
            Status::Negative,
            Comment::Group2,
            "IHC 2+ with an adjudicated result in group 2 is HER2 negative, with a comment.",
            ADJUDICATION,
        ),
        (Ihc::Score(Score::TwoPlus), Group::Four) => commented(
            Status::Negative,
            Comment::Group4,
            "IHC 2+ with an adjudicated result in group 4 is HER2 negative, with a comment.",
            ADJUDICATION,
        ),
        (Ihc::Score(Score::TwoPlus), Group::Five) => decided(
            Status::Negative,
            "IHC 2+ with an adjudicated result in group 5 is HER2 negative.",
            ADJUDICATION,
        ),
        (Ihc::Score(Score::ThreePlus), group) => three_plus(Ish::Adjudicated(group)),
        (Ihc::NotKnown | Ihc::Failed | Ihc::Score(Score::Zero | Score::OnePlus), group) => {
            answer(ihc, Ish::Dual(group, Recount::NotDone))
        }
    }
}

/// The laboratory says "amplified" and gives no numbers.
fn amplified_in_words(ihc: Ihc) -> Answer {
    match ihc {
        Ihc::Score(Score::Zero | Score::OnePlus) => discordant(
            "ISH stated as amplified is positive; with IHC 0 or 1+ on the same tissue a person looks.",
            CONVENTION,
        ),
        Ihc::Score(Score::TwoPlus) | Ihc::NotKnown | Ihc::Failed => decided(
            Status::Positive,
            "ISH stated as amplified, without numbers, is taken as the laboratory's interpretation: HER2 positive.",
            CONVENTION,
        ),
        Ihc::Score(Score::ThreePlus) => three_plus(Ish::Amplified),
    }
}

/// The laboratory says "not amplified" and gives no numbers.
fn not_amplified_in_words(ihc: Ihc) -> Answer {
    match ihc {
        Ihc::Score(Score::ThreePlus) => three_plus(Ish::NotAmplified),
        Ihc::Score(Score::Zero | Score::OnePlus | Score::TwoPlus) | Ihc::NotKnown | Ihc::Failed => {
            decided(
                Status::Negative,
                "ISH stated as not amplified, without numbers, is taken as the laboratory's interpretation: HER2 negative.",
                CONVENTION,
            )
        }
    }
}

/// Two counts in different groups have no automatic winner: only the laboratory's own result closes them. The guideline
/// says so of groups 2 to 4 with IHC 2+; the same is done wherever two counts would end differently.
fn counts_differ(ihc: Ihc, first: Group) -> Answer {
    let two_plus = ihc == Ihc::Score(Score::TwoPlus);
    let by_guideline = two_plus && matches!(first, Group::Two | Group::Three | Group::Four);
    open(
        if two_plus {
            Status::Equivocal
        } else {
            Status::Insufficient
        },
        NextAction::Adjudicate,
        Some(ReviewCode::RecountOtherGroup),
        "The recount is in another group than the first count: the laboratory adjudicates by its internal procedures.",
        if by_guideline {
            ADJUDICATION
        } else {
            CONVENTION
        },
    )
}

fn needs_ihc(sentence: &'static str, source: &'static str) -> Answer {
    open(
        Status::Insufficient,
        NextAction::ConcurrentIhc,
        Some(ReviewCode::IhcMissing),
        sentence,
        source,
    )
}

fn needs_recount(sentence: &'static str, source: &'static str) -> Answer {
    open(
        Status::Equivocal,
        NextAction::RecountIsh,
        None,
        sentence,
        source,
    )
}

fn discordant(sentence: &'static str, source: &'static str) -> Answer {
    Answer {
        action: NextAction::ReviewDiscordance,
        review: Some(ReviewCode::IhcIshDiscordant),
        ..decided(Status::Positive, sentence, source)
    }
}

fn commented(
    status: Status,
    comment: Comment,
    sentence: &'static str,
    source: &'static str,
) -> Answer {
    Answer {
        comment: Some(comment),
        ..decided(status, sentence, source)
    }
}

fn decided(status: Status, sentence: &'static str, source: &'static str) -> Answer {
    open(status, NextAction::None, None, sentence, source)
}

fn open(
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
