//! What may happen to the sources of a result, and what its evidence comes to after it.
//!
//! The rows of the table of supersession. Each is said of one case with one IHC result in one signed report; where a result
//! has several sources, the others go on to count. A withdrawn result is one whose source was entered in error, and an
//! event that does not take that back leaves it so.

use super::{Effect, Move, ResultState, next};

/// One thing that may happen to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceEvent {
    /// `Observation.status` becomes this.
    Observation(&'static str),
    /// `DiagnosticReport.status` becomes this, and the Observation that it names stays final.
    Report(&'static str),
    /// `DiagnosticReport.status` becomes this, and the result is told in its narrative alone.
    Narrative(&'static str),
    /// A new version of the Observation that says the same.
    SameAgain,
    /// A new version of the Observation with another value, its status still final.
    OtherValue,
    /// The same with status amended.
    AmendedValue,
    /// The same with status corrected.
    CorrectedValue,
    /// The Observation is deleted, and its report still names it.
    ObservationDeleted,
    /// The report is deleted, and the Observation stays.
    ReportDeleted,
    /// Both are deleted.
    AllDeleted,
    /// Observation, report and specimen are given to another patient.
    SubjectChanged,
    /// The patient is replaced by another one (`Patient.link`).
    PatientsMerged,
    /// Such a link is taken back.
    PatientsUnmerged,
    /// The Observation names another specimen of the patient.
    SpecimenReassigned,
    /// One of two results of the case, its ISH, names another specimen; the IHC stays.
    PartMoved,
}

/// What an event has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The status of the Observation.
    ObservationStatus,
    /// The status of the report, whose Observation is final.
    ReportStatus,
    /// The status of the report, whose narrative is all there is.
    NarrativeStatus,
    /// A new version of the Observation.
    Version,
    /// A deletion.
    Deletion,
    /// Whose the evidence is: the patient, the specimen.
    Identity,
}

impl Group {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::ObservationStatus,
        Self::ReportStatus,
        Self::NarrativeStatus,
        Self::Version,
        Self::Deletion,
        Self::Identity,
    ];

    /// The group in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ObservationStatus => "Observation.status",
            Self::ReportStatus => "DiagnosticReport.status, its Observation is final",
            Self::NarrativeStatus => "DiagnosticReport.status, the result stands in its narrative",
            Self::Version => "New version of the Observation",
            Self::Deletion => "Deletion",
            Self::Identity => "Patient and specimen",
        }
    }

    /// Its events, in the order of the table.
    pub fn events(self) -> Vec<SourceEvent> {
        let mut events = SourceEvent::all();
        events.retain(|event| event.group() == self);
        events
    }
}

/// What the evidence of the case comes to after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// It counts, and says what it said.
    Counts,
    /// It counts, and says something else.
    CountsOtherwise,
    /// It counts, says something else, and corrects an error.
    Corrects,
    /// It does not count.
    StopsCounting,
    /// A result is named that nobody can find.
    CannotBeFound,
    /// It counts for another case.
    Moves,
}

/// `Observation.status` in R4, in the order of the specification.
pub const OBSERVATION_STATUSES: [&str; 8] = [
    "registered",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
];

/// `DiagnosticReport.status` in R4, in the order of the specification.
pub const REPORT_STATUSES: [&str; 10] = [
    "registered",
    "partial",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "appended",
    "cancelled",
    "entered-in-error",
    "unknown",
];

impl SourceEvent {
    /// Every event, in the order of the table.
    pub fn all() -> Vec<Self> {
        let further = [
            Self::SameAgain,
            Self::OtherValue,
            Self::AmendedValue,
            Self::CorrectedValue,
            Self::ObservationDeleted,
            Self::ReportDeleted,
            Self::AllDeleted,
            Self::SubjectChanged,
            Self::PatientsMerged,
            Self::PatientsUnmerged,
            Self::SpecimenReassigned,
            Self::PartMoved,
        ];
        (OBSERVATION_STATUSES.map(Self::Observation).into_iter())
            .chain(REPORT_STATUSES.map(Self::Report))
            .chain(REPORT_STATUSES.map(Self::Narrative))
            .chain(further)
            .collect()
    }

    /// The event in words.
    pub fn words(self) -> String {
        match self {
            Self::Observation(status) => format!("Observation becomes {status}"),
            Self::Report(status) => format!("report becomes {status}, its Observation is final"),
            Self::Narrative(status) => format!("report becomes {status}, told in its narrative"),
            Self::SameAgain => "new version of the Observation, same evidence".to_owned(),
            Self::OtherValue => "new version of the Observation, other value".to_owned(),
            Self::AmendedValue => "Observation amended, other value".to_owned(),
            Self::CorrectedValue => "Observation corrected, other value".to_owned(),
            Self::ObservationDeleted => "Observation deleted, its report names it".to_owned(),
            Self::ReportDeleted => "report deleted, its Observation stays".to_owned(),
            Self::AllDeleted => "report and Observation deleted".to_owned(),
            Self::SubjectChanged => "given to another patient".to_owned(),
            Self::PatientsMerged => "patient merged into another".to_owned(),
            Self::PatientsUnmerged => "patient un-merged".to_owned(),
            Self::SpecimenReassigned => "Observation assigned to another specimen".to_owned(),
            Self::PartMoved => "ISH moved to another specimen, IHC stays".to_owned(),
        }
    }

    /// What it has to do with.
    pub fn group(self) -> Group {
        match self {
            Self::Observation(_) => Group::ObservationStatus,
            Self::Report(_) => Group::ReportStatus,
            Self::Narrative(_) => Group::NarrativeStatus,
            Self::SameAgain | Self::OtherValue | Self::AmendedValue | Self::CorrectedValue => {
                Group::Version
            }
            Self::ObservationDeleted | Self::ReportDeleted | Self::AllDeleted => Group::Deletion,
            Self::SubjectChanged
            | Self::PatientsMerged
            | Self::PatientsUnmerged
            | Self::SpecimenReassigned
            | Self::PartMoved => Group::Identity,
        }
    }

    fn after(self) -> After {
        match self {
            // An Observation counts by its own status (contract, section 2).
            Self::Observation("final" | "amended" | "corrected")
            | Self::Report(
                "registered" | "partial" | "preliminary" | "final" | "amended" | "corrected"
                | "appended" | "unknown",
            )
            | Self::Narrative("final" | "amended" | "corrected" | "appended")
            | Self::SameAgain
            | Self::ReportDeleted => After::Counts,
            Self::Observation(_) | Self::Report(_) | Self::Narrative(_) | Self::AllDeleted => {
                After::StopsCounting
            }
            Self::OtherValue | Self::AmendedValue | Self::PartMoved => After::CountsOtherwise,
            Self::CorrectedValue => After::Corrects,
            Self::ObservationDeleted => After::CannotBeFound,
            Self::SubjectChanged
            | Self::PatientsMerged
            | Self::PatientsUnmerged
            | Self::SpecimenReassigned => After::Moves,
        }
    }

    /// Whether it takes back that the source was entered in error.
    fn takes_back(self) -> bool {
        matches!(
            self,
            Self::Observation(_)
                | Self::Report(_)
                | Self::Narrative(_)
                | Self::AmendedValue
                | Self::CorrectedValue
        )
    }

    /// What the evidence of the case comes to after it, held against a result in this state.
    pub fn effect(self, state: ResultState) -> Effect {
        let is_withdrawn = state == ResultState::EnteredInError && !self.takes_back();
        match self.after() {
            After::CannotBeFound => Effect::Unresolved,
            _ if is_withdrawn => Effect::Gone,
            After::Counts => Effect::Same,
            After::CountsOtherwise => Effect::Other,
            After::Corrects => Effect::Correction,
            After::StopsCounting | After::Moves => Effect::Gone,
        }
    }

    /// What becomes of the result.
    pub fn cell(self, state: ResultState) -> Cell {
        let is_withdrawn = state == ResultState::EnteredInError;
        let moves = matches!(self.after(), After::Moves) || self == Self::PartMoved;
        Cell {
            step: next(state, self.effect(state)),
            begins_elsewhere: moves && !is_withdrawn,
            asks: self.after() == After::CannotBeFound,
            tells: state.was_final(),
        }
    }
}

/// What a cell says where nothing is written of the result, and a person is asked.
pub const ASKS: &str = "a person is asked";

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What becomes of the result.
    pub step: Move,
    /// Another case has evidence now, and a first result of its own, or a question.
    pub begins_elsewhere: bool,
    /// A person is asked about what cannot be found.
    asks: bool,
    /// Whoever relied on the result is told where what it says changes.
    tells: bool,
}

impl Cell {
    /// Nothing is written of the result, and a person is asked.
    pub fn only_asks(self) -> bool {
        self.asks && self.step == Move::Keep
    }

    /// Whoever relied on the result is told.
    pub fn is_announced(self) -> bool {
        let says_otherwise = matches!(
            self.step,
            Move::Amend | Move::Correct | Move::Unresolve | Move::Withdraw
        );
        self.tells && says_otherwise
    }

    /// The cell in words.
    pub fn words(self) -> String {
        let mut words = match self.only_asks() {
            true => ASKS.to_owned(),
            false => self.step.words().to_owned(),
        };
        if self.is_announced() {
            words += "; announced";
        }
        if self.begins_elsewhere {
            words += "; the other case begins";
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_a_report_and_of_an_observation_has_a_row() {
        let rows = SourceEvent::all();
        assert_eq!(rows.len(), 8 + 10 + 10 + 12);
        for row in &rows {
            assert_eq!(rows.iter().filter(|other| *other == row).count(), 1);
        }
    }

    #[test]
    fn every_event_stands_in_one_group_and_groups_stand_in_the_order_of_the_table() {
        let grouped: Vec<SourceEvent> = (Group::ALL.into_iter()).flat_map(Group::events).collect();
        assert_eq!(grouped, SourceEvent::all());
    }

    #[test]
    fn a_result_that_was_never_final_is_not_announced() {
        for event in SourceEvent::all() {
            for state in [ResultState::NeverWritten, ResultState::Preliminary] {
                assert!(!event.cell(state).words().contains("announced"));
            }
        }
    }
}
