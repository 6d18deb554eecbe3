//! What happens in each cell: how the result is brought as far as the column says, and then the event of the row.

use her2_adapter::pipeline::lifecycle::ResultState;
use her2_adapter::pipeline::lifecycle::events::SourceEvent;

use super::sources::{Change, Evidence, Sources, TestResult};

const ONE_PLUS: &str = "LA11841-6";
const TWO_PLUS: &str = "LA11842-4";
const THREE_PLUS: &str = "LA11843-2";
const ZERO: &str = "LA6111-4";
const AMPLIFIED: &str = "LA6576-8";
const NOT_AMPLIFIED: &str = "LA6577-6";

/// Something that is done before a pass.
#[derive(Clone, Debug)]
pub enum Step {
    /// The laboratory sends.
    Sends(Vec<Change>),
    /// A person signs the version that stands.
    Signs,
}

/// The patient and the specimen that a case is about, by their ids on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub patient: String,
    pub specimen: String,
}

/// One cell of the table.
#[derive(Clone, Debug)]
pub struct Scene {
    pub event: SourceEvent,
    pub state: ResultState,
    /// What brings the result as far as the state; after each step comes a pass.
    pub before: Vec<Step>,
    /// The event, after which a pass comes too.
    pub happens: Vec<Change>,
    /// The IHC answer that the sources of the case give before the event and after it, whether or not it counts.
    pub answers: [&'static str; 2],
    /// What the sources of the case come to after the event, and whether one of them corrects an error then.
    pub evidence: Evidence,
    pub corrects: bool,
    /// Where the case is, and where its evidence may go.
    pub home: Place,
    pub elsewhere: Place,
    /// Both patients.
    pub patients: [String; 2],
}

impl Scene {
    /// The scene of a cell; no other has its name.
    pub fn of(event: SourceEvent, state: ResultState, name: &str) -> Self {
        let first = first(event, name);
        let (amended, withdrawn) = (amended(event, &first), withdrawn(event, &first));
        let brought_up = match state {
            ResultState::NeverWritten | ResultState::Preliminary | ResultState::Final => &first,
            ResultState::Amended => &amended,
            ResultState::EnteredInError => &withdrawn,
        };
        let begins = Step::Sends(first.sent());
        let before = match state {
            ResultState::NeverWritten => Vec::new(),
            ResultState::Preliminary => vec![begins],
            ResultState::Final => vec![begins, Step::Signs],
            ResultState::Amended => {
                vec![begins, Step::Signs, Step::Sends(amended.sent_after(&first))]
            }
            ResultState::EnteredInError => vec![begins, Step::Sends(withdrawn.sent_after(&first))],
        };
        let after = after(event, state, brought_up);
        let happens = match (state, event) {
            // A status that no pass has seen otherwise is the one that the source arrives with.
            (
                ResultState::NeverWritten,
                SourceEvent::Observation(_) | SourceEvent::Report(_) | SourceEvent::Narrative(_),
            ) => after.sent(),
            (ResultState::NeverWritten, _) => [first.sent(), after.sent_after(&first)].concat(),
            _ => after.sent_after(brought_up),
        };
        let [home, elsewhere] = places(event, &first);
        let evidence = match event {
            SourceEvent::PatientsUnmerged => after.evidence_at("q", "s"),
            _ => after.evidence_at("p", "s"),
        };
        let is_corrected = |ihc: &TestResult| ihc.status == "corrected";
        let patients = ["p", "q"].map(|of| first.key("Patient", of));
        Self {
            event,
            state,
            before,
            happens,
            answers: [brought_up, &after].map(answer),
            evidence,
            corrects: after.ihc.as_ref().is_some_and(is_corrected),
            home,
            elsewhere,
            patients,
        }
    }

    /// Whether a search for what has changed shows the event. Of what is deleted, and of patients that are merged, a pass
    /// learns when it looks at the sources again.
    pub fn is_shown_by_a_search(&self) -> bool {
        let is_hidden = matches!(
            self.event,
            SourceEvent::ObservationDeleted
                | SourceEvent::ReportDeleted
                | SourceEvent::AllDeleted
                | SourceEvent::PatientsMerged
                | SourceEvent::PatientsUnmerged
        );
        self.state == ResultState::NeverWritten || !is_hidden
    }

    /// Whether its case has an ISH result beside the IHC one.
    pub fn has_two_results(&self) -> bool {
        self.event == SourceEvent::PartMoved
    }

    /// What the table says of the cell.
    pub fn words(&self) -> String {
        self.event.cell(self.state).words()
    }

    pub fn title(&self) -> String {
        format!("{} / {}", self.event.words(), self.state.name())
    }
}

/// The sources as the laboratory sends them first.
fn first(event: SourceEvent, name: &str) -> Sources {
    match event {
        SourceEvent::Narrative(_) => Sources {
            ihc: None,
            conclusion: Some("HER2 immunohistochemistry: score 1+."),
            ..Sources::with_ihc(name, ONE_PLUS)
        },
        SourceEvent::PartMoved => Sources {
            ish: Some(TestResult::of(AMPLIFIED)),
            ..Sources::with_ihc(name, TWO_PLUS)
        },
        SourceEvent::PatientsUnmerged => Sources {
            is_merged: true,
            ..Sources::with_ihc(name, ONE_PLUS)
        },
        _ => Sources::with_ihc(name, ONE_PLUS),
    }
}

/// The sources after the amendment of a signed result: they say something else.
fn amended(event: SourceEvent, first: &Sources) -> Sources {
    let mut amended = first.clone();
    match event {
        SourceEvent::Narrative(_) => {
            amended.conclusion = Some("HER2 immunohistochemistry: score 3+.");
            amended.report_status = "amended";
        }
        SourceEvent::PartMoved => {
            let ish = amended.ish.as_mut().unwrap();
            (ish.answer, ish.status) = (NOT_AMPLIFIED, "amended");
        }
        _ => {
            let ihc = amended.ihc.as_mut().unwrap();
            ihc.answer = THREE_PLUS;
            // The rows of the report say that its Observation is final.
            if !matches!(event, SourceEvent::Report(_)) {
                ihc.status = "amended";
            }
        }
    }
    amended
}

/// The sources after everything that the row is about was entered in error.
fn withdrawn(event: SourceEvent, first: &Sources) -> Sources {
    let mut withdrawn = first.clone();
    if matches!(event, SourceEvent::Report(_) | SourceEvent::Narrative(_)) {
        withdrawn.report_status = "entered-in-error";
    } else {
        for result in [&mut withdrawn.ihc, &mut withdrawn.ish] {
            if let Some(result) = result {
                result.status = "entered-in-error";
            }
        }
    }
    withdrawn
}

/// The sources after the event.
fn after(event: SourceEvent, state: ResultState, before: &Sources) -> Sources {
    let mut after = before.clone();
    let ihc = after.ihc.as_mut();
    let was_withdrawn = state == ResultState::EnteredInError;
    match event {
        SourceEvent::Observation(status) => ihc.unwrap().status = status,
        SourceEvent::Report(status) | SourceEvent::Narrative(status) => {
            after.report_status = status;
        }
        SourceEvent::SameAgain => {}
        SourceEvent::OtherValue => {
            let ihc = ihc.unwrap();
            ihc.answer = ZERO;
            // What does not take back that the source was entered in error leaves that as it is.
            if !was_withdrawn {
                ihc.status = "final";
            }
        }
        SourceEvent::AmendedValue => {
            let ihc = ihc.unwrap();
            (ihc.answer, ihc.status) = (ZERO, "amended");
        }
        SourceEvent::CorrectedValue => {
            let ihc = ihc.unwrap();
            (ihc.answer, ihc.status) = (ZERO, "corrected");
        }
        SourceEvent::ObservationDeleted => ihc.unwrap().is_deleted = true,
        SourceEvent::ReportDeleted => after.report_is_deleted = true,
        SourceEvent::AllDeleted => {
            ihc.unwrap().is_deleted = true;
            after.report_is_deleted = true;
        }
        SourceEvent::SubjectChanged => after.patient = "q",
        SourceEvent::PatientsMerged => after.is_merged = true,
        SourceEvent::PatientsUnmerged => after.is_merged = false,
        SourceEvent::SpecimenReassigned => ihc.unwrap().specimen = "t",
        SourceEvent::PartMoved => after.ish.as_mut().unwrap().specimen = "t",
    }
    after
}

fn answer(sources: &Sources) -> &'static str {
    match (&sources.ihc, sources.conclusion) {
        (Some(ihc), _) => ihc.answer,
        (None, Some(conclusion)) if conclusion.contains("3+") => THREE_PLUS,
        (None, _) => ONE_PLUS,
    }
}

/// Where the case is, and where its evidence may go.
fn places(event: SourceEvent, sources: &Sources) -> [Place; 2] {
    let place = |patient: &str, specimen: &str| Place {
        patient: sources.key("Patient", patient),
        specimen: sources.key("Specimen", specimen),
    };
    match event {
        SourceEvent::SubjectChanged | SourceEvent::PatientsMerged => {
            [place("p", "s"), place("q", "s")]
        }
        SourceEvent::PatientsUnmerged => [place("q", "s"), place("p", "s")],
        _ => [place("p", "s"), place("p", "t")],
    }
}
