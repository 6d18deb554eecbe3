//! What laboratories say about HER2 in one piece of tumour tissue, freed from how it arrived.

use std::fmt;

use chrono::NaiveDate;
use enumset::{EnumSet, EnumSetType};
use rust_decimal::Decimal;

use super::number::Measure;

/// The primary tumour's site, which chooses the guideline: never the organ biopsied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// Breast.
    Breast,
    /// Adenocarcinoma of the stomach, the gastro-oesophageal junction or the oesophagus.
    Gastroesophageal,
    /// Colon or rectum.
    Colorectal,
    /// Endometrium.
    Endometrial,
    /// Lung.
    Lung,
    /// Ovary.
    Ovarian,
    /// Carcinoma whose primary was looked for and not found: a diagnosis, unlike a site that nobody has stated.
    UnknownPrimary,
    /// A known primary of another organ.
    Other,
}

impl Site {
    /// Every site.
    pub const ALL: [Self; 8] = [
        Self::Breast,
        Self::Gastroesophageal,
        Self::Colorectal,
        Self::Endometrial,
        Self::Lung,
        Self::Ovarian,
        Self::UnknownPrimary,
        Self::Other,
    ];

    /// The site of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|site| site.name() == name)
    }

    /// The name used in the decision record, mappings and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breast => "breast",
            Self::Gastroesophageal => "gastroesophageal",
            Self::Colorectal => "colorectal",
            Self::Endometrial => "endometrial",
            Self::Lung => "lung",
            Self::Ovarian => "ovarian",
            Self::UnknownPrimary => "unknown-primary",
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

/// The word a sender sets beside, or instead of, a score, or as an overall status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatedResult {
    /// Positive.
    Positive,
    /// Negative.
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

/// The word a laboratory sets beside, or instead of, the numbers of an in situ hybridisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IshWord {
    /// Amplified, or positive.
    Amplified,
    /// Not amplified, or negative.
    NotAmplified,
    /// Equivocal: what it means depends on the edition the laboratory followed.
    Equivocal,
    /// A word that no edition defines, such as "borderline", or "polysomy" alone.
    Undefined,
    /// Polysomy, and not amplified: a low ratio with any number of copies.
    PolysomyNotAmplified,
    /// The test failed.
    Indeterminate,
}

impl IshWord {
    /// Every word.
    pub const ALL: [Self; 6] = [
        Self::Amplified,
        Self::NotAmplified,
        Self::Equivocal,
        Self::Undefined,
        Self::PolysomyNotAmplified,
        Self::Indeterminate,
    ];

    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amplified => "amplified",
            Self::NotAmplified => "not amplified",
            Self::Equivocal => "equivocal",
            Self::Undefined => "a word without a definition",
            Self::PolysomyNotAmplified => "polysomy, not amplified",
            Self::Indeterminate => "indeterminate",
        }
    }
}

impl From<StatedResult> for IshWord {
    fn from(word: StatedResult) -> Self {
        match word {
            StatedResult::Positive => Self::Amplified,
            StatedResult::Negative => Self::NotAmplified,
            StatedResult::Equivocal => Self::Equivocal,
            StatedResult::Indeterminate => Self::Indeterminate,
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

impl Source {
    /// A resource whose version is not stated.
    pub fn unversioned(reference: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            version: None,
        }
    }
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
    /// In the narrative of a report or Observation.
    Narrative,
}

/// The words of a narrative that a value was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passage {
    /// The element of the resource that holds the narrative.
    pub path: String,
    /// First byte in its text.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
    /// The words as they stand there.
    pub text: String,
}

impl Origin {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coded => "coded",
            Self::Text => "text",
            Self::Narrative => "narrative",
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
    /// Where in a narrative it was read.
    pub passages: Vec<Passage>,
    /// Where it was read.
    pub source: Source,
}

impl IhcResult {
    /// A finding with nothing beside it.
    pub fn new(finding: IhcFinding, source: Source) -> Self {
        Self {
            finding,
            interpretation: None,
            percent: None,
            intense_percent: None,
            staining_present: None,
            origin: Origin::Coded,
            passages: Vec::new(),
            source,
        }
    }
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
    pub result: Option<IshWord>,
    /// Whether HER2 signals lie in clusters. No edition has a rule for it: it is kept and shown.
    pub clusters: Option<bool>,
    /// Share of tumour cells in percent, where one of several populations was counted separately.
    pub population_percent: Option<Measure>,
    /// When the laboratory reported it; a word without numbers means what the edition of that day says.
    pub reported_on: Option<NaiveDate>,
    /// How it was written.
    pub origin: Origin,
    /// Where in a narrative it was read.
    pub passages: Vec<Passage>,
    /// Where it was read.
    pub source: Source,
}

impl IshResult {
    /// A first count that states nothing yet.
    pub fn new(source: Source) -> Self {
        Self {
            role: CountRole::Initial,
            probe: None,
            ratio: None,
            her2_copies: None,
            cep17_copies: None,
            cells: None,
            result: None,
            clusters: None,
            population_percent: None,
            reported_on: None,
            origin: Origin::Coded,
            passages: Vec::new(),
            source,
        }
    }

    /// The ratio that copies and CEP17 give where none is reported: exact, as a quotient where it has no decimal.
    pub fn derived_ratio(&self) -> Option<String> {
        match (&self.ratio, &self.her2_copies, &self.cep17_copies) {
            (None, Some(copies), Some(cep17)) => quotient_of(copies.written(), cep17.written())
                .map(|ratio| ratio.written().to_owned()),
            _ => None,
        }
    }

    /// Whether it is of one of several populations that were counted separately.
    pub fn is_of_a_population(&self) -> bool {
        self.population_percent.is_some()
    }

    /// Whether any number decides a class.
    pub fn has_numbers(&self) -> bool {
        self.ratio.is_some() || self.her2_copies.is_some() || self.cep17_copies.is_some()
    }
}

/// The quotient of two numbers, each of which may itself be one of signals over nuclei (`511:120`).
fn quotient_of(copies: &str, cep17: &str) -> Option<Measure> {
    if !copies.contains(':') && !cep17.contains(':') {
        return Measure::quotient(copies, cep17).ok();
    }
    let parts = |number: &str| -> Option<(Decimal, Decimal)> {
        let (signals, nuclei) = number.split_once(':').unwrap_or((number, "1"));
        Some((signals.parse().ok()?, nuclei.parse().ok()?))
    };
    let ((copies, copies_nuclei), (cep17, cep17_nuclei)) = (parts(copies)?, parts(cep17)?);
    let mut numerator = copies.checked_mul(cep17_nuclei)?;
    let mut denominator = cep17.checked_mul(copies_nuclei)?;
    // Whole numbers are shortened, so that a reader sees the ratio.
    let (mut divisor, mut rest) = (numerator, denominator);
    while !rest.is_zero() {
        (divisor, rest) = (rest, divisor.checked_rem(rest)?);
    }
    if numerator.fract().is_zero() && denominator.fract().is_zero() && !divisor.is_zero() {
        numerator = numerator.checked_div(divisor)?;
        denominator = denominator.checked_div(divisor)?;
    }
    Measure::quotient(&numerator.to_string(), &denominator.to_string()).ok()
}

/// An overall HER2 status the sender states: an opinion to compare with, never evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedStatus {
    /// The status.
    pub value: StatedResult,
    /// Where in a narrative it was read; `None` where it was coded.
    pub passage: Option<Passage>,
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
    /// The patient: a view of several specimens of one tumour.
    Patient,
}

impl JoinedBy {
    /// The word in a decision record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Specimen => "specimen",
            Self::Accession => "accession",
            Self::Report => "report",
            Self::Observation => "observation",
            Self::Patient => "patient",
        }
    }
}

/// How tissue was taken from the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sample {
    /// A core or other tissue biopsy.
    Biopsy,
    /// An excision or resection.
    Resection,
    /// Cells: a smear, an aspirate, an effusion or a block made of them.
    Cytology,
}

impl Sample {
    /// The word in mappings and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Biopsy => "biopsy",
            Self::Resection => "resection",
            Self::Cytology => "cytology",
        }
    }
}

/// What the tissue was fixed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fixative {
    /// Neutral buffered formalin.
    Formalin,
    /// Anything else, such as alcohol.
    Other,
}

impl Fixative {
    /// The word in mappings and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Formalin => "formalin",
            Self::Other => "other",
        }
    }
}

/// A histology that is hardly ever HER2 positive (ASCO/CAP 2018, histopathologic discordance), in its pure form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Histology {
    /// Tubular carcinoma.
    Tubular,
    /// Mucinous carcinoma.
    Mucinous,
    /// Cribriform carcinoma.
    Cribriform,
    /// Adenoid cystic carcinoma.
    AdenoidCystic,
}

impl Histology {
    /// The word in mappings and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tubular => "tubular",
            Self::Mucinous => "mucinous",
            Self::Cribriform => "cribriform",
            Self::AdenoidCystic => "adenoid cystic",
        }
    }
}

/// What is known of the tissue itself: none of it changes a status but a fixative other than formalin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handling {
    /// How it was taken.
    pub sample: Option<Sample>,
    /// What it was fixed in.
    pub fixative: Option<Fixative>,
    /// Hours in the fixative.
    pub fixation_hours: Option<Measure>,
    /// Minutes from the interruption of the blood supply to fixation.
    pub cold_ischemia_minutes: Option<Measure>,
    /// Whether it was decalcified.
    pub decalcified: Option<bool>,
    /// A histology that is hardly ever positive.
    pub histology: Option<Histology>,
    /// Histologic grade, 1 to 3.
    pub grade: Option<u8>,
    /// Whether it is of a metastasis, as far as codes say so.
    pub of_metastasis: bool,
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
    /// What is known of the tissue itself.
    pub handling: Handling,
    /// Results quoted from an earlier specimen, which are not of this tissue.
    pub quoted: Vec<Source>,
    /// Reported statuses that are negative and rule out HER2-low.
    pub not_low: Vec<Source>,
    /// Signed results and reports that mention a second observer.
    pub second_observer: Vec<Source>,
    /// A specimen of a distant metastasis, where nothing known of HER2 can be of one.
    pub untested_metastasis: Option<Source>,
}

impl Evidence {
    /// The words of narratives that any of it was read from.
    pub fn passages(&self) -> impl Iterator<Item = &Passage> {
        (self.ihc.iter().flat_map(|result| &result.passages))
            .chain(self.ish.iter().flat_map(|result| &result.passages))
            .chain(
                self.reported
                    .iter()
                    .filter_map(|status| status.passage.as_ref()),
            )
    }

    /// Whether any of it was read from narrative.
    pub fn is_narrated(&self) -> bool {
        self.passages().next().is_some()
    }

    /// A tissue of this site of which nothing else is known.
    pub fn new(site: SiteFinding, joined_by: JoinedBy) -> Self {
        Self {
            site,
            joined_by,
            ihc: Vec::new(),
            ish: Vec::new(),
            reported: Vec::new(),
            unreadable: Vec::new(),
            tissue: TissueStatement::Stated,
            other_tissue: OtherTissue::default(),
            handling: Handling::default(),
            quoted: Vec::new(),
            not_low: Vec::new(),
            second_observer: Vec::new(),
            untested_metastasis: None,
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_ratio_of_totals_keeps_each_to_its_own_nuclei() {
        let count = |copies: Measure, cep17: Measure| IshResult {
            her2_copies: Some(copies),
            cep17_copies: Some(cep17),
            ..IshResult::new(Source::unversioned("Observation/1"))
        };
        let total = |signals, nuclei| Measure::quotient(signals, nuclei).unwrap();
        let ratio = |count: IshResult| count.derived_ratio().unwrap();
        assert_eq!(
            ratio(count(total("511", "120"), total("188", "60"))),
            "511:376"
        );
        assert_eq!(
            ratio(count(total("511", "120"), total("2", "1"))),
            "511:240"
        );
        assert_eq!(ratio(count(total("80", "30"), total("40", "30"))), "2");
        assert_eq!(ratio(count(total("5.0", "1"), total("2.5", "1"))), "2");
    }

    #[test]
    fn every_site_is_found_by_its_name() {
        for site in Site::ALL {
            assert_eq!(Site::parse(site.name()), Some(site));
        }
        assert_eq!(Site::parse("liver"), None);
    }

    #[test]
    fn a_ratio_is_derived_only_where_none_is_reported() {
        let measure = |text| Some(Measure::parse(text).unwrap());
        let counted = IshResult {
            her2_copies: measure("5.0"),
            cep17_copies: measure("2.5"),
            ..IshResult::new(Source::unversioned("Observation/1"))
        };
        assert_eq!(counted.derived_ratio().as_deref(), Some("2"));
        let thirds = IshResult {
            cep17_copies: measure("3"),
            ..counted.clone()
        };
        assert_eq!(thirds.derived_ratio().as_deref(), Some("5.0:3"));
        let reported = IshResult {
            ratio: measure("2.1"),
            ..counted.clone()
        };
        assert_eq!(reported.derived_ratio(), None);
        let bounded = IshResult {
            cep17_copies: measure("<2.5"),
            ..counted
        };
        assert_eq!(bounded.derived_ratio(), None);
    }

    #[test]
    fn a_count_with_a_share_of_cells_is_of_a_population() {
        let whole = IshResult::new(Source::unversioned("Observation/1"));
        assert!(!whole.is_of_a_population());
        let part = IshResult {
            population_percent: Some(Measure::parse("30").unwrap()),
            ..whole
        };
        assert!(part.is_of_a_population());
    }

    #[test]
    fn a_source_is_printed_as_its_reference() {
        let source = Source::unversioned("Observation/1");
        assert_eq!(source.to_string(), "Observation/1");
    }

    /// A word in a decision record is looked up by others: it is one word per meaning, and the one agreed on.
    #[test]
    fn every_word_of_a_decision_record_is_the_agreed_one() {
        let statuses = [
            StatedResult::Positive,
            StatedResult::Negative,
            StatedResult::Equivocal,
            StatedResult::Indeterminate,
        ];
        assert_eq!(
            statuses.map(StatedResult::name),
            ["positive", "negative", "equivocal", "indeterminate"]
        );
        assert_eq!(
            IshWord::ALL.map(IshWord::name),
            [
                "amplified",
                "not amplified",
                "equivocal",
                "a word without a definition",
                "polysomy, not amplified",
                "indeterminate",
            ]
        );
        assert_eq!(
            [Origin::Coded, Origin::Text, Origin::Narrative].map(Origin::name),
            ["coded", "text", "narrative"]
        );
        assert_eq!(
            [Probe::Single, Probe::Dual].map(Probe::name),
            ["single", "dual"]
        );
        let joined = [
            JoinedBy::Specimen,
            JoinedBy::Accession,
            JoinedBy::Report,
            JoinedBy::Observation,
        ];
        assert_eq!(
            joined.map(JoinedBy::name),
            ["specimen", "accession", "report", "observation"]
        );
        let samples = [Sample::Biopsy, Sample::Resection, Sample::Cytology];
        assert_eq!(
            samples.map(Sample::name),
            ["biopsy", "resection", "cytology"]
        );
        let histologies = [
            Histology::Tubular,
            Histology::Mucinous,
            Histology::Cribriform,
            Histology::AdenoidCystic,
        ];
        assert_eq!(
            histologies.map(Histology::name),
            ["tubular", "mucinous", "cribriform", "adenoid cystic"]
        );
    }
}
