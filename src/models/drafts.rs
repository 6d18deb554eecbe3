//! What a caller fills in: the parts of FHIR's resources that the adapter writes, as plain values.
//!
//! Texts are FHIR's own and are kept character for character; an empty list leaves its element out.

/// A code of a code system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coding {
    /// URI of the code system.
    pub system: Option<String>,
    /// Version of the code system.
    pub version: Option<String>,
    /// The code. Required, although FHIR would do without.
    pub code: Option<String>,
    /// The code's name as the code system prints it.
    pub display: Option<String>,
}

/// A concept (CodeableConcept): codings that say the same, or words, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concept {
    /// The codings, in the order they are written.
    pub codings: Vec<Coding>,
    /// The concept in words.
    pub text: Option<String>,
}

/// A business identifier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identifier {
    /// URI of the namespace.
    pub system: String,
    /// The identifier within the namespace.
    pub value: String,
}

/// A reference to another resource, by address, by identifier or by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// Relative (`Patient/p1`, `Patient/p1/_history/2`) or absolute address. Never into a contained resource.
    pub reference: Option<String>,
    /// `Reference.type`: the resource type referred to.
    pub kind: Option<String>,
    /// The target's business identifier.
    pub identifier: Option<Identifier>,
    /// The target's name for a reader.
    pub display: Option<String>,
}

/// When the observed thing was true of the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effective {
    /// A FHIR dateTime of any precision, such as `2024-03` or `2024-03-08T10:00:00-05:00`.
    DateTime(String),
    /// A period; at least one end is given.
    Period {
        /// First dateTime of the period.
        start: Option<String>,
        /// Last dateTime of the period.
        end: Option<String>,
    },
}

/// How the true value lies to the stated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A measured amount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quantity {
    /// The number as JSON text, such as `2.00` or `1.2e1`.
    pub value: String,
    /// Set when the number is a bound.
    pub comparator: Option<Comparator>,
    /// The unit in words.
    pub unit: Option<String>,
    /// URI of the unit's code system; required when there is a code.
    pub system: Option<String>,
    /// The unit's code.
    pub code: Option<String>,
}

/// The value of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentValue {
    /// `valueCodeableConcept`
    Concept(Concept),
    /// `valueQuantity`
    Quantity(Quantity),
    /// `valueRange`; at least one bound is given, and bounds have no comparator.
    Range {
        /// The lower bound, included.
        low: Option<Quantity>,
        /// The upper bound, included.
        high: Option<Quantity>,
    },
    /// `valueRatio`
    Ratio {
        /// What is divided.
        numerator: Quantity,
        /// What it is divided by.
        denominator: Quantity,
    },
    /// `valueInteger`
    Integer(i32),
    /// `valueString`
    Text(String),
}

/// One part of an Observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What the part says. Never a coding of the Observation's own `code` (obs-7).
    pub code: Concept,
    /// What it was found to be.
    pub value: ComponentValue,
}

/// How far an Observation has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ObservationStatus {
    /// Not yet signed off.
    #[default]
    Preliminary,
    /// Signed off.
    Final,
    /// Changed after it was final.
    Amended,
    /// Changed after it was final, because it was wrong.
    Corrected,
    /// Withdrawn.
    EnteredInError,
}

/// The program that made a resource, written as a contained Device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoftwareDevice {
    /// Id within the resource, such as `adapter`; without `#`.
    pub local_id: String,
    /// Name for a reader.
    pub name: String,
    /// Version of the software.
    pub version: String,
    /// Business identifier of the installation.
    pub identifier: Option<Identifier>,
}

/// A HER2 result to be written as Observation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservationDraft {
    /// Logical id.
    pub id: String,
    /// `meta.profile`: canonical URLs of the profiles the resource claims.
    pub profiles: Vec<String>,
    /// `meta.security`
    pub security: Vec<Coding>,
    /// `meta.tag`
    pub tags: Vec<Coding>,
    /// Business identifiers.
    pub identifiers: Vec<Identifier>,
    /// How far the result has come.
    pub status: ObservationStatus,
    /// Kinds of observation, such as laboratory.
    pub categories: Vec<Concept>,
    /// What was observed.
    pub code: Concept,
    /// The patient.
    pub subject: Option<Reference>,
    /// What it is about when that is not the whole patient, such as the tumour.
    pub focus: Vec<Reference>,
    /// The visit it belongs to.
    pub encounter: Option<Reference>,
    /// The orders it answers.
    pub based_on: Vec<Reference>,
    /// When it was true of the patient.
    pub effective: Option<Effective>,
    /// The instant this version was made available, to the second at least and with a zone.
    pub issued: Option<String>,
    /// Who is responsible.
    pub performers: Vec<Reference>,
    /// `valueCodeableConcept`: the status.
    pub value: Concept,
    /// Positive, negative, equivocal or indeterminate, as a flag.
    pub interpretation: Option<Concept>,
    /// Comments in markdown, one annotation each.
    pub notes: Vec<String>,
    /// How the status was derived.
    pub method: Option<Concept>,
    /// The tissue.
    pub specimen: Option<Reference>,
    /// The program that derived it.
    pub device: SoftwareDevice,
    /// The resources it was derived from.
    pub derived_from: Vec<Reference>,
    /// Its parts.
    pub components: Vec<Component>,
    /// mCODE's related-condition extension, one for each Condition.
    pub related_conditions: Vec<Reference>,
}

/// What was done to the target of a Provenance (v3-DataOperation).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProvenanceActivity {
    /// It was written for the first time.
    #[default]
    Create,
    /// It was replaced by a later version.
    Update,
    /// It was withdrawn.
    Nullify,
    /// Nothing of it was changed; what is said of it was added to.
    Append,
}

/// What part an entity had in making the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EntityRole {
    /// The target rests on it.
    #[default]
    Source,
    /// It is the version that the target replaces.
    Revision,
}

/// Something a Provenance's target was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entity {
    /// Its part in it.
    pub role: EntityRole,
    /// What it is, with its version where known.
    pub what: Reference,
}

/// How a version of a resource came about, to be written as Provenance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvenanceDraft {
    /// Logical id.
    pub id: String,
    /// The resources it is about; at least one.
    pub target: Vec<Reference>,
    /// The instant it was recorded, to the second at least and with a zone.
    pub recorded: String,
    /// What was done.
    pub activity: ProvenanceActivity,
    /// The program that did it.
    pub agent: SoftwareDevice,
    /// The person who has looked at the target and answers for it.
    pub verifier: Option<Reference>,
    /// What was used; at least one.
    pub entities: Vec<Entity>,
    /// URIs of the rules it followed.
    pub policies: Vec<String>,
    /// `meta.security`
    pub security: Vec<Coding>,
}

/// How far a Task has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TaskStatus {
    /// Open.
    #[default]
    Requested,
    /// Closed, because there is nothing left to do.
    Cancelled,
    /// Done.
    Completed,
}

/// One input of a Task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskInput {
    /// What the text is.
    pub kind: Concept,
    /// The text, up to 1,048,576 characters.
    pub text: String,
}

/// Something a person is asked to do, to be written as Task with intent `order` and priority `routine`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskDraft {
    /// Logical id.
    pub id: String,
    /// Business identifiers.
    pub identifiers: Vec<Identifier>,
    /// How far it has come.
    pub status: TaskStatus,
    /// Why it has that status.
    pub status_reason: Option<Concept>,
    /// What is to be done.
    pub code: Concept,
    /// The same in words for the person.
    pub description: Option<String>,
    /// The resource to act on.
    pub focus: Option<Reference>,
    /// `Task.for`: the patient.
    pub subject: Option<Reference>,
    /// Who is to do it.
    pub owner: Option<Reference>,
    /// Why it is to be done.
    pub reason: Option<Concept>,
    /// dateTime of the first version.
    pub authored_on: Option<String>,
    /// dateTime of this version; not before `authored_on`.
    pub last_modified: Option<String>,
    /// `Task.restriction.period.end`: the dateTime by which it is due.
    pub due: Option<String>,
    /// What the person needs for it.
    pub inputs: Vec<TaskInput>,
    /// `meta.security`
    pub security: Vec<Coding>,
}

/// What was asked of a server, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditedAction {
    /// A search.
    Search {
        /// The request as it was sent, such as `GET https://fhir.example/r4/Observation?code=x`.
        request: String,
    },
    /// A read of this resource.
    Read(Reference),
    /// The first version of this resource.
    Create(Reference),
    /// A further version of this resource.
    Update(Reference),
    /// The deletion of this resource.
    Delete(Reference),
}

/// How an exchange ended (audit-event-outcome).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was carried out.
    #[default]
    Success,
    /// The server did not do it.
    MinorFailure,
    /// The server failed, or left open what it has done.
    SeriousFailure,
}

/// One exchange with a server, to be written as AuditEvent. Its id is for the server to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEventDraft {
    /// What was done, and to what.
    pub action: AuditedAction,
    /// The instant it was recorded, to the second at least and with a zone.
    pub recorded: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The same in words, without anything of a patient.
    pub outcome_text: Option<String>,
    /// The program, which asked and which tells of it.
    pub client: Reference,
    /// IP address of the program. Without one no profile is claimed.
    pub client_address: Option<String>,
    /// The server that was asked.
    pub server: Reference,
    /// Base URL of that server.
    pub server_base: String,
    /// The patient that it is about, where known.
    pub patient: Option<Reference>,
    /// The `X-Request-Id` that was sent.
    pub request_id: String,
}
