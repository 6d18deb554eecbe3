//! What can be decided, and the closed lists of actions, review codes and warnings.

use std::borrow::Cow;

use super::evidence::{Score, Source};
use super::guideline::Rule;
use super::reason::Reason;

/// HER2 status of one piece of tumour tissue. The last three are never mapped onto one another.
#[derive(enumset::EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum Status {
    /// HER2 positive.
    Positive,
    /// HER2 negative.
    Negative,
    /// A test result the guideline leaves open.
    Equivocal,
    /// A technical failure at the laboratory.
    Indeterminate,
    /// Data is missing or contradictory.
    Insufficient,
}

impl Status {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Equivocal => "equivocal",
            Self::Indeterminate => "indeterminate",
            Self::Insufficient => "insufficient",
        }
    }

    /// Whether it answers the clinical question.
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Positive | Self::Negative)
    }
}

/// The kind of status; low, ultralow, null and zero-unspecified are kinds of negative, never a fourth status.
#[derive(enumset::EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum Category {
    /// HER2 positive.
    Positive,
    /// Negative with IHC 1+, or 2+ without amplification (RAKHA26; FDA label 2022).
    Low,
    /// Negative with IHC 0 and membrane staining in more than 0 and at most 10 % (RAKHA26; FDA label 2025).
    Ultralow,
    /// Negative with IHC 0 and no membrane staining (RAKHA26).
    Null,
    /// Negative with IHC 0; whether there is staining is not stated.
    ZeroUnspecified,
    /// Equivocal.
    Equivocal,
    /// Not to be told.
    None,
}

impl Category {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Low => "low",
            Self::Ultralow => "ultralow",
            Self::Null => "null",
            Self::ZeroUnspecified => "zero-unspecified",
            Self::Equivocal => "equivocal",
            Self::None => "none",
        }
    }
}

/// What should happen next at the laboratory or the hospital.
#[derive(enumset::EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum NextAction {
    /// Nothing.
    None,
    /// In situ hybridisation on the same specimen.
    ReflexIsh,
    /// Immunohistochemistry on the same tissue.
    ConcurrentIhc,
    /// A blinded recount of at least 20 cells.
    RecountIsh,
    /// A dual-probe assay.
    DualProbeIsh,
    /// The laboratory's own adjudication of two counts.
    Adjudicate,
    /// A new test.
    RepeatTest,
    /// Ask for a number or score that is missing, not for a new test.
    ObtainData,
    /// A person looks at statements that do not fit together.
    ReviewDiscordance,
}

impl NextAction {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ReflexIsh => "reflex-ish",
            Self::ConcurrentIhc => "concurrent-ihc",
            Self::RecountIsh => "recount-ish",
            Self::DualProbeIsh => "dual-probe-ish",
            Self::Adjudicate => "adjudicate",
            Self::RepeatTest => "repeat-test",
            Self::ObtainData => "obtain-data",
            Self::ReviewDiscordance => "review-discordance",
        }
    }
}

/// A question for a person.
#[derive(enumset::EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum ReviewCode {
    /// No primary site is known, or sources name different ones.
    SiteUnknown,
    /// No edition covers the site.
    SiteWithoutEdition,
    /// A missing number or score decides.
    DataMissing,
    /// In situ hybridisation needs immunohistochemistry on its tissue.
    IhcMissing,
    /// An input was not understood.
    ValueUnreadable,
    /// A range or undefined word whose ends differ.
    ReadingAmbiguous,
    /// The percentage cannot have this score.
    PercentContradictsScore,
    /// The reported ratio is not what copies and CEP17 give.
    RatioContradictsCopies,
    /// Totals, zero or negative signals, or numbers from no cells.
    ValueImplausible,
    /// A stated status is not what follows from its data.
    StatusContradictsData,
    /// Unlinked finals on one tissue differ.
    ResultsDiffer,
    /// Immunohistochemistry and in situ hybridisation point different ways.
    IhcIshDiscordant,
    /// The recount is in another group; adjudication is outstanding.
    RecountOtherGroup,
    /// Positive with a histology that is hardly ever positive.
    HistologyDiscordant,
    /// A signed status mentions a second observer who is not on record.
    SecondObserver,
    /// The other test exists on another block or specimen.
    OtherTissue,
    /// A result is quoted from an earlier specimen.
    QuotedResult,
    /// Specimens of one tumour differ (patient view).
    SpecimensDiffer,
    /// A further population of tumour cells differs from the main one.
    PopulationsDiffer,
}

impl ReviewCode {
    /// The code in a decision record and a Task.
    pub fn name(self) -> &'static str {
        match self {
            Self::SiteUnknown => "site-unknown",
            Self::SiteWithoutEdition => "site-without-edition",
            Self::DataMissing => "data-missing",
            Self::IhcMissing => "ihc-missing",
            Self::ValueUnreadable => "value-unreadable",
            Self::ReadingAmbiguous => "reading-ambiguous",
            Self::PercentContradictsScore => "percent-contradicts-score",
            Self::RatioContradictsCopies => "ratio-contradicts-copies",
            Self::ValueImplausible => "value-implausible",
            Self::StatusContradictsData => "status-contradicts-data",
            Self::ResultsDiffer => "results-differ",
            Self::IhcIshDiscordant => "ihc-ish-discordant",
            Self::RecountOtherGroup => "recount-other-group",
            Self::HistologyDiscordant => "histology-discordant",
            Self::SecondObserver => "second-observer",
            Self::OtherTissue => "other-tissue",
            Self::QuotedResult => "quoted-result",
            Self::SpecimensDiffer => "specimens-differ",
            Self::PopulationsDiffer => "populations-differ",
        }
    }
}

/// A remark beside a status that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningCode {
    /// The number of cells is not stated; the count is accepted.
    CellsNotStated,
    /// Single or dual probe is not stated and cannot be told.
    MethodNotStated,
    /// Dual-probe data under a single-probe label.
    ProbeLabelContradicted,
    /// The block is unknown; the tests were joined.
    TissueNotStated,
    /// In situ hybridisation in words, without numbers.
    IshTextOnly,
    /// In situ hybridisation failed and immunohistochemistry decided.
    IshUnusable,
    /// No ratio was reported; it was derived from the copies.
    RatioDerived,
    /// A further population of tumour cells was counted separately.
    Heterogeneous,
    /// Fixed for less than 6 or more than 72 hours.
    FixationOutOfRange,
    /// More than an hour of cold ischaemia.
    ColdIschemia,
    /// The tissue was decalcified: a negative result is unreliable.
    Decalcified,
    /// Advice: the guideline lets a negative core biopsy be repeated on the excision.
    MayRepeatOnExcision,
    /// Advice: tissue of a metastasis is there, and the guideline has it tested.
    MetastasisNotTested,
}

impl WarningCode {
    /// The code in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::CellsNotStated => "cells-not-stated",
            Self::MethodNotStated => "method-not-stated",
            Self::ProbeLabelContradicted => "probe-label-contradicted",
            Self::TissueNotStated => "tissue-not-stated",
            Self::IshTextOnly => "ish-text-only",
            Self::IshUnusable => "ish-unusable",
            Self::RatioDerived => "ratio-derived",
            Self::Heterogeneous => "heterogeneous",
            Self::FixationOutOfRange => "fixation-out-of-range",
            Self::ColdIschemia => "cold-ischemia",
            Self::Decalcified => "decalcified",
            Self::MayRepeatOnExcision => "may-repeat-on-excision",
            Self::MetastasisNotTested => "metastasis-not-tested",
        }
    }
}

/// One item for the worklist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Review {
    /// What kind of question.
    pub code: ReviewCode,
    /// The question in a sentence.
    pub detail: Cow<'static, str>,
    /// The resource it is about, where there is one.
    pub source: Option<Source>,
}

/// One remark beside a status that stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// What kind of remark.
    pub code: WarningCode,
    /// The remark in a sentence.
    pub detail: Cow<'static, str>,
}

/// Dual-probe group of ASCO/CAP 2018.
#[derive(enumset::EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Ratio >= 2.0 and copies >= 4.0.
    One,
    /// Ratio >= 2.0 and copies < 4.0.
    Two,
    /// Ratio < 2.0 and copies >= 6.0.
    Three,
    /// Ratio < 2.0 and copies >= 4.0 and < 6.0.
    Four,
    /// Ratio < 2.0 and copies < 4.0.
    Five,
}

impl Group {
    /// 1 to 5.
    pub fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
            Self::Five => 5,
        }
    }
}

/// The answer for one case, with everything a person needs to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The status.
    pub status: Status,
    /// Its kind.
    pub category: Category,
    /// Group of the initial count, when there is exactly one.
    pub ish_group: Option<Group>,
    /// Group of the blinded recount.
    pub recount_group: Option<Group>,
    /// Group of the laboratory's adjudicated result.
    pub adjudicated_group: Option<Group>,
    /// The score, when there is exactly one.
    pub score: Option<Score>,
    /// What should happen next.
    pub next_action: NextAction,
    /// The rule that decided.
    pub rule: Rule,
    /// Why, in order: what follows from what was read, and what to do.
    pub reasons: Vec<Reason>,
    /// Questions for a person; empty when nothing needs one.
    pub review: Vec<Review>,
    /// Remarks; the status stands.
    pub warnings: Vec<Warning>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed list of the decision convention, in its order.
    #[test]
    fn warnings_have_the_codes_of_the_closed_list() {
        let codes = [
            WarningCode::CellsNotStated,
            WarningCode::MethodNotStated,
            WarningCode::ProbeLabelContradicted,
            WarningCode::TissueNotStated,
            WarningCode::IshTextOnly,
            WarningCode::IshUnusable,
            WarningCode::RatioDerived,
            WarningCode::Heterogeneous,
            WarningCode::FixationOutOfRange,
            WarningCode::ColdIschemia,
            WarningCode::Decalcified,
            WarningCode::MayRepeatOnExcision,
            WarningCode::MetastasisNotTested,
        ];
        assert_eq!(
            codes.map(WarningCode::name),
            [
                "cells-not-stated",
                "method-not-stated",
                "probe-label-contradicted",
                "tissue-not-stated",
                "ish-text-only",
                "ish-unusable",
                "ratio-derived",
                "heterogeneous",
                "fixation-out-of-range",
                "cold-ischemia",
                "decalcified",
                "may-repeat-on-excision",
                "metastasis-not-tested",
            ]
        );
    }
}
