//! What codes can mean: the closed lists that mapping files choose from.

use serde::{Deserialize, Serialize};

use crate::her2::evidence::{Histology, IshWord, Probe, Score, Site, StatedResult};

/// What an Observation or component asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The sender's overall HER2 status: an opinion, kept apart.
    OverallStatus,
    /// Immunohistochemistry score.
    IhcScore,
    /// Percent of cells with any membrane staining.
    IhcPercentStained,
    /// Percent of cells with uniform intense membrane staining.
    IhcPercentIntense,
    /// Whether a score 0 has any staining.
    IhcStainingPresent,
    /// In situ hybridisation in a word.
    IshResult,
    /// HER2/CEP17 ratio.
    IshRatio,
    /// Mean HER2 copies per cell.
    #[serde(rename = "ish-her2-copies")]
    IshHer2Copies,
    /// Mean CEP17 copies per cell.
    #[serde(rename = "ish-cep17-copies")]
    IshCep17Copies,
    /// Cells counted.
    IshCells,
    /// Single or dual probe.
    IshProbe,
    /// Whether the count is the blinded recount.
    IshRecount,
    /// Whether the result is the laboratory's adjudicated one.
    IshAdjudicated,
    /// Share of cells in a separately counted population.
    IshPopulationPercent,
    /// Whether HER2 signals lie in clusters: kept and shown, and no rule uses it.
    IshCluster,
    /// Hours in the fixative.
    FixationHours,
    /// Minutes from the interruption of the blood supply to fixation.
    ColdIschemiaMinutes,
    /// Whether the tissue was decalcified.
    Decalcified,
    /// Histologic grade.
    HistologicGrade,
    /// What the tissue was fixed in.
    Fixative,
    /// A HER2 panel without a value of its own.
    Panel,
    /// Of no weight for the status.
    Context,
    /// Which gene a generic question is about.
    GeneStudied,
    /// Immunohistochemistry of whatever gene is studied.
    GenericIhc,
    /// In situ hybridisation of whatever gene is studied.
    GenericIsh,
    /// A section of results quoted from an earlier specimen.
    PreviousSpecimen,
    /// Free text about the whole report.
    Narrative,
    /// HER2 in serum: another analyte.
    #[serde(rename = "serum-her2")]
    SerumHer2,
    /// HER2 in tissue by another method than immunohistochemistry.
    TissueImmunoassay,
    /// HER2 by a gene expression assay, such as Oncotype DX or PAM50.
    GeneExpression,
    /// HER2 by sequencing: neither a copy number of it nor a variant is an ISH result.
    Sequencing,
    /// Another marker.
    OtherMarker,
}

impl Finding {
    /// Why it is never an input; `None` for what is read.
    pub fn exclusion(self) -> Option<&'static str> {
        match self {
            Self::SerumHer2 => Some("HER2 in serum is another analyte"),
            Self::TissueImmunoassay => {
                Some("a tissue immunoassay by another method than immunohistochemistry")
            }
            Self::GeneExpression => Some("a gene expression assay"),
            Self::Sequencing => Some("sequencing is no in situ hybridisation"),
            Self::OtherMarker => Some("another marker"),
            _ => None,
        }
    }

    /// Whether it asks about the tissue itself: beside a result it tells more of it, and alone it is not our concern.
    pub(in crate::mapping) fn is_about_tissue(self) -> bool {
        matches!(
            self,
            Self::FixationHours
                | Self::ColdIschemiaMinutes
                | Self::Decalcified
                | Self::HistologicGrade
                | Self::Fixative
        )
    }

    /// Whether it asks for a ratio or a number of copies.
    pub(in crate::mapping) fn is_number(self) -> bool {
        matches!(
            self,
            Self::IshRatio | Self::IshHer2Copies | Self::IshCep17Copies
        )
    }

    /// Whether its answer is a word, or a score, which is written as one.
    pub(in crate::mapping) fn is_answered_in_words(self) -> bool {
        matches!(
            self,
            Self::OverallStatus | Self::IhcScore | Self::IshResult | Self::Panel
        )
    }

    /// Whether it is a finding of in situ hybridisation for HER2.
    pub fn is_in_situ_hybridisation(self) -> bool {
        matches!(
            self,
            Self::IshResult
                | Self::IshRatio
                | Self::IshHer2Copies
                | Self::IshCep17Copies
                | Self::IshProbe
                | Self::IshRecount
                | Self::IshAdjudicated
                | Self::IshPopulationPercent
        )
    }

    /// Whether it is about HER2 wherever it stands, so that an Observation of it is worth a search of its own.
    pub fn is_about_her2(self) -> bool {
        self.exclusion().is_none()
            && !self.is_about_tissue()
            && !matches!(
                self,
                Self::Context
                    | Self::Narrative
                    | Self::IshCells
                    | Self::GeneStudied
                    | Self::GenericIhc
                    | Self::GenericIsh
                    | Self::PreviousSpecimen
                    | Self::IshCluster
            )
    }
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Score 0.
    #[serde(rename = "score-0")]
    Score0,
    /// Score 0 with membrane staining.
    #[serde(rename = "score-0-stained")]
    Score0Stained,
    /// Score 1+.
    #[serde(rename = "score-1+")]
    Score1,
    /// Score 2+.
    #[serde(rename = "score-2+")]
    Score2,
    /// Score 3+.
    #[serde(rename = "score-3+")]
    Score3,
    /// Positive or amplified.
    Positive,
    /// Negative or not amplified.
    Negative,
    /// Negative and not HER2-low, in a system that has another code for that.
    NegativeNotLow,
    /// Equivocal.
    Equivocal,
    /// Indeterminate.
    Indeterminate,
    /// A word that no edition defines, such as "borderline", or "polysomy" alone.
    Undefined,
    /// Polysomy, and not amplified.
    PolysomyNotAmplified,
    /// Ordered, pending, cancelled or not done.
    NoResult,
    /// Words that say nothing about HER2 status, such as "low positive" beside a score.
    NoStatement,
    /// The gene ERBB2, which is HER2.
    Erbb2,
    /// A single-probe assay.
    SingleProbe,
    /// A dual-probe assay.
    DualProbe,
    /// An in situ hybridisation method that does not tell the number of probes.
    IshMethod,
}

impl Answer {
    /// The score it is.
    pub fn score(self) -> Option<Score> {
        match self {
            Self::Score0 | Self::Score0Stained => Some(Score::Zero),
            Self::Score1 => Some(Score::OnePlus),
            Self::Score2 => Some(Score::TwoPlus),
            Self::Score3 => Some(Score::ThreePlus),
            _ => None,
        }
    }

    /// The result it states in a word.
    pub fn stated(self) -> Option<StatedResult> {
        match self {
            Self::Positive => Some(StatedResult::Positive),
            Self::Negative | Self::NegativeNotLow => Some(StatedResult::Negative),
            Self::Equivocal => Some(StatedResult::Equivocal),
            Self::Indeterminate => Some(StatedResult::Indeterminate),
            _ => None,
        }
    }

    /// What it says of an in situ hybridisation.
    pub fn ish_word(self) -> Option<IshWord> {
        match self {
            Self::Undefined => Some(IshWord::Undefined),
            Self::PolysomyNotAmplified => Some(IshWord::PolysomyNotAmplified),
            answer => answer.stated().map(IshWord::from),
        }
    }

    /// The kind of assay it names.
    pub fn probe(self) -> Option<Probe> {
        match self {
            Self::SingleProbe => Some(Probe::Single),
            Self::DualProbe => Some(Probe::Dual),
            _ => None,
        }
    }

    /// Whether two answers are two ways to say one thing: the same, two spellings of score 0, two of negative, or a score
    /// and its usual word.
    pub fn goes_with(self, other: Self) -> bool {
        let is_negative = |answer| matches!(answer, Self::Negative | Self::NegativeNotLow);
        let both_zero = self.score() == Some(Score::Zero) && other.score() == Some(Score::Zero);
        self == other
            || both_zero
            || (is_negative(self) && is_negative(other))
            || self.usual_word() == Some(other)
            || other.usual_word() == Some(self)
    }

    /// The word that a score is usually called by.
    fn usual_word(self) -> Option<Self> {
        self.score().map(|score| match score {
            Score::Zero | Score::OnePlus => Self::Negative,
            Score::TwoPlus => Self::Equivocal,
            Score::ThreePlus => Self::Positive,
        })
    }
}

/// The word by which mapping files name a finding, an answer, or another of these meanings.
pub fn word_of(meaning: &impl Serialize) -> String {
    match serde_json::to_value(meaning) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What a site code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteMeaning {
    /// A primary site.
    Primary(Site),
    /// In situ disease.
    InSitu,
}

/// What was done with tissue after it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It lay in the fixative.
    Fixation,
    /// It waited for the fixative.
    ColdIschemia,
    /// It was decalcified.
    Decalcification,
}

/// What a tumour is made of, as far as it bears on HER2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Morphology {
    /// Tubular carcinoma.
    Tubular,
    /// Mucinous carcinoma.
    Mucinous,
    /// Cribriform carcinoma.
    Cribriform,
    /// Adenoid cystic carcinoma.
    AdenoidCystic,
    /// Squamous cell carcinoma: no edition covers it, not even at a site that has one.
    Squamous,
    /// In situ disease.
    InSitu,
}

impl Morphology {
    /// The histology that is hardly ever HER2 positive.
    pub fn histology(self) -> Option<Histology> {
        match self {
            Self::Tubular => Some(Histology::Tubular),
            Self::Mucinous => Some(Histology::Mucinous),
            Self::Cribriform => Some(Histology::Cribriform),
            Self::AdenoidCystic => Some(Histology::AdenoidCystic),
            Self::Squamous | Self::InSitu => None,
        }
    }
}

/// What a code says of a metastasis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metastasis {
    /// Of another organ: the disease is metastatic.
    Distant,
    /// Of lymph nodes, which may be regional, or of a place that is not told.
    Any,
}

/// Which breast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Left.
    Left,
    /// Right.
    Right,
}

/// What kind of report a code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportKind {
    /// A pathology report, whose narrative may speak of HER2.
    Pathology,
    /// A report of HER2 testing: everything in it is about HER2.
    Her2,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_goes_with_its_usual_word_and_with_no_other() {
        assert!(Answer::Score0.goes_with(Answer::Score0Stained));
        assert!(Answer::Score1.goes_with(Answer::Negative));
        assert!(Answer::Equivocal.goes_with(Answer::Score2));
        assert!(!Answer::Score0.goes_with(Answer::Score1));
        assert!(!Answer::Score2.goes_with(Answer::Positive));
        assert!(!Answer::Score3.goes_with(Answer::Indeterminate));
        assert!(!Answer::Negative.goes_with(Answer::PolysomyNotAmplified));
    }
}
