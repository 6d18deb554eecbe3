//! What laboratories say about HER2 in one piece of tumour tissue, freed from how it arrived.

use std::fmt;

use enumset::{EnumSet, EnumSetType};

use super::number::Measure;

/// The primary tumour's site, which chooses the guideline: never the organ biopsied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// Breast.
    Breast,
    /// Stomach, gastro-oesophageal junction or oesophagus.
    Gastroesophageal,
    /// A known primary of another organ.
    Other,
}

impl Site {
    /// The name used in the decision record, mappings and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breast => "breast",
            Self::Gastroesophageal => "gastroesophageal",
            Self::Other => "other",
        }
    }
}

/// What is known of the primary site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteFinding {
    /// One site, and every source agrees.
    Known(Site),
    /// No source names one.
    Unknown,
    /// Sources name different ones.
    Disputed,
}

/// Immunohistochemistry score.
#[derive(EnumSetType, Debug, PartialOrd, Ord, Hash)]
pub enum Score {
    /// `0`
    Zero,
    /// `1+`
    OnePlus,
    /// `2+`
    TwoPlus,
    /// `3+`
    ThreePlus,
}

impl Score {
    /// The score as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "0",
            Self::OnePlus => "1+",
            Self::TwoPlus => "2+",
            Self::ThreePlus => "3+",
        }
    }
}

/// The word a laboratory sets beside, or instead of, its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatedResult {
    /// Positive; for in situ hybridisation, amplified.
    Positive,
    /// Negative; for in situ hybridisation, not amplified.
    Negative,
    /// Equivocal: a result that is left open.
    Equivocal,
    /// Indeterminate: the test failed.
    Indeterminate,
}

impl StatedResult {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Equivocal => "equivocal",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// Where a piece of evidence was read, for people to look up: a resource and its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// `Observation/x`
    pub reference: String,
    /// The version read, where the sender states one.
    pub version: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reference)
    }
}

/// How a value was written by its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// As a code or a number.
    Coded,
    /// As a short text in a coded result.
    Text,
}

impl Origin {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coded => "coded",
            Self::Text => "text",
        }
    }
}

/// What an immunohistochemistry result consists of, at the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IhcFinding {
    /// One score, or a range of them (`1+|2+`).
    Score(EnumSet<Score>),
    /// A word without a score.
    Stated(StatedResult),
}

/// One immunohistochemistry result.
#[derive(Clone, Debug, PartialEq)]
pub struct IhcResult {
    /// The score, or what stands in its place.
    pub finding: IhcFinding,
    /// The laboratory's word beside a score.
    pub interpretation: Option<StatedResult>,
    /// Share of cells with any membrane staining, in percent.
    pub percent: Option<Measure>,
    /// Share of cells with uniform intense membrane staining, in percent (LOINC 85328-3 counts these only).
    pub intense_percent: Option<Measure>,
    /// Whether a score 0 has any membrane staining.
    pub staining_present: Option<bool>,
    /// How the finding was written.
    pub origin: Origin,
    /// Where it was read.
    pub source: Source,
}

/// The kind of in situ hybridisation assay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// HER2 signals alone.
    Single,
    /// HER2 and CEP17 signals.
    Dual,
}

impl Probe {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Dual => "dual",
        }
    }
}

/// Which count of the algorithm an in situ hybridisation result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountRole {
    /// The first count.
    Initial,
    /// The second count, by an observer blinded to the first (ASCO/CAP 2018, groups 2 to 4 with IHC 2+).
    Recount,
    /// The laboratory's own final result after both counts.
    Adjudicated,
}

/// One in situ hybridisation result.
#[derive(Clone, Debug, PartialEq)]
pub struct IshResult {
    /// Which count it is.
    pub role: CountRole,
    /// The kind of assay, where stated.
    pub probe: Option<Probe>,
    /// HER2/CEP17 ratio.
    pub ratio: Option<Measure>,
    /// Mean HER2 copies per cell.
    pub her2_copies: Option<Measure>,
    /// Mean CEP17 copies per cell.
    pub cep17_copies: Option<Measure>,
    /// Number of cells counted.
    pub cells: Option<Measure>,
    /// The laboratory's word.
    pub result: Option<StatedResult>,
    /// How it was written.
    pub origin: Origin,
    /// Where it was read.
    pub source: Source,
}

impl IshResult {
    /// The ratio that copies and CEP17 give where none is reported: exact, as a quotient where it has no decimal.
    pub fn derived_ratio(&self) -> Option<String> {
        match (&self.ratio, &self.her2_copies, &self.cep17_copies) {
            (None, Some(copies), Some(cep17)) => {
                Measure::quotient(copies.written(), cep17.written())
                    .ok()
                    .map(|ratio| ratio.written().to_owned())
            }
            _ => None,
        }
    }

    /// Whether any number decides a class.
    pub fn has_numbers(&self) -> bool {
        self.ratio.is_some() || self.her2_copies.is_some() || self.cep17_copies.is_some()
    }
}

/// An overall HER2 status the sender states: an opinion to compare with, never evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedStatus {
    /// The status.
    pub value: StatedResult,
    /// Where it was read.
    pub source: Source,
}

/// Something about HER2 that was sent and could not be turned into evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which test it may belong to.
    pub test: UnreadTest,
    /// What was met and where in the resource, in a sentence.
    pub detail: String,
    /// The resource.
    pub source: Source,
}

/// Which test an unreadable item may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadTest {
    /// Immunohistochemistry.
    Ihc,
    /// In situ hybridisation.
    Ish,
    /// Either of them.
    Either,
    /// A detail that cannot change the status, such as a performer's note.
    Neither,
}

/// How the evidence of a case came to stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JoinedBy {
    /// The same specimen, slides of one block, or the only descendant with evidence.
    Specimen,
    /// One accession or order with a single possible tumour specimen.
    Accession,
    /// One report.
    Report,
    /// A single Observation that no report names.
    Observation,
}

impl JoinedBy {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Specimen => "specimen",
            Self::Accession => "accession",
            Self::Report => "report",
            Self::Observation => "observation",
        }
    }
}

/// Everything known about HER2 in one piece of tumour tissue of one patient.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The primary tumour.
    pub site: SiteFinding,
    /// How it was joined.
    pub joined_by: JoinedBy,
    /// Immunohistochemistry results.
    pub ihc: Vec<IhcResult>,
    /// In situ hybridisation results.
    pub ish: Vec<IshResult>,
    /// Overall statuses the senders state.
    pub reported: Vec<ReportedStatus>,
    /// What was sent about HER2 and not understood.
    pub unreadable: Vec<Unreadable>,
    /// How sure it is that all results are of the same tissue.
    pub tissue: TissueStatement,
    /// Evidence for the other test lies on another block or specimen of the same tumour.
    pub other_tissue: OtherTissue,
}

/// How sure it is that results joined in one case are of the same tissue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TissueStatement {
    /// Every result names the same block or specimen.
    Stated,
    /// The block is not stated for every result; they were joined.
    NotStated,
    /// Results name different sides or foci, and no specimen tells them apart.
    Unclear,
}

/// Which tests exist on another block or specimen only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherTissue {
    /// Where immunohistochemistry of another tissue was read.
    pub ihc: Vec<Source>,
    /// Where in situ hybridisation of another tissue was read.
    pub ish: Vec<Source>,
}
