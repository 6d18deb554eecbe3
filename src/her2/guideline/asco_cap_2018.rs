//! ASCO/CAP 2018 (affirmed unchanged in 2023): the guideline for HER2 in invasive breast cancer as one total function.
//!
//! [`answer`] has one arm per sentence of the algorithm's figures. Where the figures are silent and the project
//! settled a convention, the arm's source says so.
//!
//! Sources: ASCO/CAP 2018 pocket guide, Figure 1 (IHC), Figure 2 (single-probe ISH), Figure 3 (dual-probe ISH),
//! Figures 4 to 6 (groups 2 to 4); affirmed by Wolff et al., Arch Pathol Lab Med 2023;147:993.

use rust_decimal::Decimal;

use super::answer::{
    Answer, Beside, Comment, Ihc, Ish, Recount, Threshold, decided, discordant, needs_ihc, open,
};
use super::classes::{Cut, Cuts, Dual, Level};
use super::common::Sentences;
use crate::her2::conventions::{Conventions, SingleProbeHigh};
use crate::her2::decision::{Group, NextAction, ReviewCode, Status};

/// Ratio: 2.0 and above is high. Mean HER2 copies per cell: below 4.0 is low, 6.0 and above is high (Figures 2 and 3).
pub(super) const CUTS: Cuts = Cuts {
    ratio: Cut::At(Decimal::from_parts(20, 0, 0, false, 1)),
    copies: Cut::From(
        Decimal::from_parts(40, 0, 0, false, 1),
        Decimal::from_parts(60, 0, 0, false, 1),
    ),
};

/// The group of a dual-probe count (Figure 3). The ratio has a single threshold: it is high, or it is not.
pub(super) fn group(count: Dual) -> Group {
    match (count.ratio, count.copies) {
        (Level::High, Level::Middle | Level::High) => Group::One,
        (Level::High, Level::Low) => Group::Two,
        (Level::Low | Level::Middle, Level::High) => Group::Three,
        (Level::Low | Level::Middle, Level::Middle) => Group::Four,
        (Level::Low | Level::Middle, Level::Low) => Group::Five,
    }
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

const SENTENCES: Sentences = Sentences {
    zero: "IHC 0 (no staining, or faint incomplete staining in at most 10 % of cells) is HER2 negative.",
    one_plus: "IHC 1+ (faint incomplete staining in more than 10 % of cells) is HER2 negative.",
    two_plus: "IHC 2+ is equivocal: ISH on the same specimen, or a new test on a new specimen, must follow.",
    three_plus: "IHC 3+ (complete, intense, circumferential staining in more than 10 % of cells) is HER2 positive.",
    scores: FIGURE_1,
    rejection: REJECTION,
    convention: CONVENTION,
};

/// The thresholds of this edition.
pub(super) const THRESHOLDS: [Threshold; 7] = [
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
pub(super) fn answer(ihc: Ihc, ish: Ish, conventions: &Conventions) -> Answer {
    let Some(beside) = ihc.below_three_plus() else {
        return SENTENCES.three_plus(ish.is_negative(|count| group(count) == Group::Five));
    };
    match ish {
        Ish::NotDone => SENTENCES.ihc_alone(ihc),
        Ish::Failed => SENTENCES.ish_failed(ihc),
        Ish::Single(copies) => single_probe(beside, copies, conventions),
        Ish::Dual(count, recount) => {
            let second = match recount {
                Recount::NotDone => Second::NotDone,
                Recount::SameClass => Second::SameGroup,
                Recount::OtherClass(other) => Second::OtherGroup(group(other)),
            };
            dual_probe(beside, group(count), second)
        }
        Ish::Adjudicated(count) => adjudicated(beside, group(count)),
        Ish::Amplified => SENTENCES.amplified_in_words(beside),
        Ish::NotAmplified => SENTENCES.not_amplified_in_words(),
    }
}

/// The blinded second count by its group.
#[derive(Clone, Copy)]
enum Second {
    NotDone,
    SameGroup,
    OtherGroup(Group),
}

fn dual_probe(ihc: Beside, first: Group, second: Second) -> Answer {
    match first {
        Group::One => group_1(ihc, second),
        Group::Two => group_2(ihc, second),
        Group::Three => group_3(ihc, second),
        Group::Four => group_4(ihc, second),
        Group::Five => group_5(ihc, second),
    }
}

/// Figure 2.
fn single_probe(ihc: Beside, copies: Level, conventions: &Conventions) -> Answer {
    match (copies, ihc) {
        (Level::Low, Beside::Nothing) => Answer {
            action: NextAction::ConcurrentIhc,
            ..decided(
                Status::Negative,
                "Single-probe ISH with fewer than 4.0 HER2 copies per cell is negative; concomitant IHC review is recommended.",
                FIGURE_2,
            )
        },
        (Level::Low, Beside::ZeroOrOnePlus | Beside::TwoPlus) => decided(
            Status::Negative,
            "Single-probe ISH with fewer than 4.0 HER2 copies per cell is negative.",
            FIGURE_2,
        ),
        (Level::Middle, Beside::Nothing) => open(
            Status::Insufficient,
            NextAction::ConcurrentIhc,
            Some(ReviewCode::IhcMissing),
            "Single-probe ISH with 4.0 to below 6.0 copies needs IHC on the same tissue or dual-probe ISH.",
            FIGURE_2,
        ),
        (Level::Middle, Beside::ZeroOrOnePlus) => decided(
            Status::Negative,
            "Single-probe ISH with 4.0 to below 6.0 copies and IHC 0 or 1+ is negative.",
            FIGURE_2,
        ),
        (Level::Middle, Beside::TwoPlus) => open(
            Status::Equivocal,
            NextAction::DualProbeIsh,
            None,
            "Single-probe ISH with 4.0 to below 6.0 copies and IHC 2+: dual-probe ISH gives the final result.",
            FIGURE_2,
        ),
        (Level::High, Beside::Nothing) => Answer {
            action: NextAction::ConcurrentIhc,
            ..decided(
                Status::Positive,
                "Single-probe ISH with 6.0 or more HER2 copies per cell is positive; concomitant IHC review is recommended.",
                FIGURE_2,
            )
        },
        (Level::High, Beside::ZeroOrOnePlus) => match conventions.single_probe_high_with_low_ihc {
            SingleProbeHigh::Positive => discordant(
                Status::Positive,
                "Single-probe ISH with 6.0 or more copies is positive; with IHC 0 or 1+ a dual probe might show group 3, so a person looks.",
                CONVENTION,
            ),
            SingleProbeHigh::NeedsDualProbe => open(
                Status::Insufficient,
                NextAction::DualProbeIsh,
                Some(ReviewCode::IhcIshDiscordant),
                "Single-probe ISH with 6.0 or more copies and IHC 0 or 1+: by the site's choice a dual probe tells whether it is group 3.",
                CONVENTION,
            ),
        },
        (Level::High, Beside::TwoPlus) => decided(
            Status::Positive,
            "Single-probe ISH with 6.0 or more HER2 copies per cell is positive.",
            FIGURE_2,
        ),
    }
}

/// Figure 3, group 1: ratio >= 2.0 and copies >= 4.0.
fn group_1(ihc: Beside, recount: Second) -> Answer {
    match (ihc, recount) {
        (Beside::ZeroOrOnePlus, Second::NotDone | Second::SameGroup) => discordant(
            Status::Positive,
            "Dual-probe group 1 is positive; with IHC 0 or 1+ on the same tissue a person looks.",
            CONVENTION,
        ),
        (_, Second::NotDone | Second::SameGroup) => decided(
            Status::Positive,
            "Dual-probe group 1 (ratio >= 2.0, copies >= 4.0) is HER2 positive.",
            FIGURE_3,
        ),
        (ihc, Second::OtherGroup(_)) => counts_differ(ihc, Group::One),
    }
}

/// Figure 4, group 2: ratio >= 2.0 and copies < 4.0.
fn group_2(ihc: Beside, recount: Second) -> Answer {
    match (ihc, recount) {
        (Beside::Nothing, _) => needs_ihc(
            "Dual-probe group 2 (ratio >= 2.0, copies < 4.0) is read with IHC of the same tissue.",
            FIGURE_4,
        ),
        (Beside::ZeroOrOnePlus, Second::OtherGroup(Group::One)) => counts_differ(ihc, Group::Two),
        (Beside::ZeroOrOnePlus, _) => commented(
            Comment::Group2,
            "Dual-probe group 2 with IHC 0 or 1+ is HER2 negative, with a comment.",
            FIGURE_4,
        ),
        (Beside::TwoPlus, Second::NotDone) => needs_recount(
            "Dual-probe group 2 with IHC 2+: a blinded observer recounts at least 20 cells, including the area of 2+ staining.",
            FIGURE_4,
        ),
        (Beside::TwoPlus, Second::SameGroup) => commented(
            Comment::Group2,
            "Dual-probe group 2 with IHC 2+, recounted in group 2, is HER2 negative, with a comment.",
            FIGURE_4,
        ),
        (Beside::TwoPlus, Second::OtherGroup(_)) => counts_differ(ihc, Group::Two),
    }
}

/// Figure 5, group 3: ratio < 2.0 and copies >= 6.0.
fn group_3(ihc: Beside, recount: Second) -> Answer {
    match (ihc, recount) {
        (Beside::Nothing, _) => needs_ihc(
            "Dual-probe group 3 (ratio < 2.0, copies >= 6.0) is read with IHC of the same tissue.",
            FIGURE_5,
        ),
        (Beside::ZeroOrOnePlus, Second::OtherGroup(Group::One)) => counts_differ(ihc, Group::Three),
        (Beside::ZeroOrOnePlus, _) => commented(
            Comment::Group3,
            "Dual-probe group 3 with IHC 0 or 1+ is HER2 negative, with a comment.",
            FIGURE_5,
        ),
        (Beside::TwoPlus, Second::NotDone) => needs_recount(
            "Dual-probe group 3 with IHC 2+: a blinded observer recounts at least 20 cells, including the area of 2+ staining.",
            FIGURE_5,
        ),
        (Beside::TwoPlus, Second::SameGroup) => decided(
            Status::Positive,
            "Dual-probe group 3 with IHC 2+, recounted in group 3, is HER2 positive.",
            FIGURE_5,
        ),
        (Beside::TwoPlus, Second::OtherGroup(_)) => counts_differ(ihc, Group::Three),
    }
}

/// Figure 6, group 4: ratio < 2.0 and copies >= 4.0 and < 6.0.
fn group_4(ihc: Beside, recount: Second) -> Answer {
    match (ihc, recount) {
        (Beside::Nothing, _) => needs_ihc(
            "Dual-probe group 4 (ratio < 2.0, copies >= 4.0 and < 6.0) is read with IHC of the same tissue.",
            FIGURE_6,
        ),
        (Beside::ZeroOrOnePlus, Second::OtherGroup(Group::One)) => counts_differ(ihc, Group::Four),
        (Beside::ZeroOrOnePlus, _) => commented(
            Comment::Group4,
            "Dual-probe group 4 with IHC 0 or 1+ is HER2 negative, with a comment.",
            FIGURE_6,
        ),
        (Beside::TwoPlus, Second::NotDone) => needs_recount(
            "Dual-probe group 4 with IHC 2+: a blinded observer recounts at least 20 cells, including the area of 2+ staining.",
            FIGURE_6,
        ),
        (Beside::TwoPlus, Second::SameGroup) => commented(
            Comment::Group4,
            "Dual-probe group 4 with IHC 2+, recounted in group 4, is HER2 negative, with a comment.",
            FIGURE_6,
        ),
        (Beside::TwoPlus, Second::OtherGroup(_)) => counts_differ(ihc, Group::Four),
    }
}

/// Figure 3, group 5: ratio < 2.0 and copies < 4.0.
fn group_5(ihc: Beside, recount: Second) -> Answer {
    let negative = decided(
        Status::Negative,
        "Dual-probe group 5 (ratio < 2.0, copies < 4.0) is HER2 negative.",
        FIGURE_3,
    );
    match (ihc, recount) {
        (_, Second::NotDone | Second::SameGroup) => negative,
        // With IHC 0 or 1+ both counts end negative unless the second is in group 1.
        (
            Beside::ZeroOrOnePlus,
            Second::OtherGroup(Group::Two | Group::Three | Group::Four | Group::Five),
        ) => negative,
        (ihc, Second::OtherGroup(_)) => counts_differ(ihc, Group::Five),
    }
}

/// The laboratory's own final group after two counts replaces both (guideline: "per internal procedures").
fn adjudicated(ihc: Beside, group: Group) -> Answer {
    match (ihc, group) {
        (Beside::TwoPlus, Group::One | Group::Three) => decided(
            Status::Positive,
            "IHC 2+ with an adjudicated result in group 1 or 3 is HER2 positive.",
            ADJUDICATION,
        ),
        (Beside::TwoPlus, Group::Two) => commented(
            Comment::Group2,
            "IHC 2+ with an adjudicated result in group 2 is HER2 negative, with a comment.",
            ADJUDICATION,
        ),
        (Beside::TwoPlus, Group::Four) => commented(
            Comment::Group4,
            "IHC 2+ with an adjudicated result in group 4 is HER2 negative, with a comment.",
            ADJUDICATION,
        ),
        (Beside::TwoPlus, Group::Five) => decided(
            Status::Negative,
            "IHC 2+ with an adjudicated result in group 5 is HER2 negative.",
            ADJUDICATION,
        ),
        (Beside::Nothing | Beside::ZeroOrOnePlus, group) => dual_probe(ihc, group, Second::NotDone),
    }
}

/// Two counts in different groups have no automatic winner: only the laboratory's own result closes them. The guideline
/// says so of groups 2 to 4 with IHC 2+; the same is done wherever two counts would end differently.
fn counts_differ(ihc: Beside, first: Group) -> Answer {
    let by_guideline =
        ihc == Beside::TwoPlus && matches!(first, Group::Two | Group::Three | Group::Four);
    super::answer::counts_differ(
        ihc,
        "The recount is in another group than the first count: the laboratory adjudicates by its internal procedures.",
        if by_guideline {
            ADJUDICATION
        } else {
            CONVENTION
        },
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

fn commented(comment: Comment, sentence: &'static str, source: &'static str) -> Answer {
    Answer {
        comment: Some(comment),
        ..decided(Status::Negative, sentence, source)
    }
}
