//! What passed between the program and a server, by the Basic Audit Log Patterns of IHE (BALP, `ihe.iti.balp`).
//!
//! Which role client and server have differs by pattern, for it follows the data: a read flows to the client.

use crate::{
    checks,
    drafts::{AuditEventDraft, AuditOutcome, AuditedAction, Reference},
    elements,
    exact::{Composed, ExactTexts},
    invalid::Invalid,
    path::Path,
};
use fhir_sdk::{
    Base64Binary,
    r4b::{
        codes,
        resources::{
            AuditEvent, AuditEventAgent, AuditEventAgentNetwork, AuditEventEntity, AuditEventSource,
        },
        types as model,
    },
};

const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PARTICIPANT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const BALP_ENTITY_TYPE: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";

/// A code with its system and display.
type Known = (&'static str, &'static str, &'static str);

const SOURCE_ROLE: Known = (DICOM, "110153", "Source Role ID");
const DESTINATION_ROLE: Known = (DICOM, "110152", "Destination Role ID");
const APPLICATION: Known = (DICOM, "110150", "Application");
const CUSTODIAN: Known = (PARTICIPANT_TYPE, "custodian", "Custodian");
const PERSON: Known = (ENTITY_TYPE, "1", "Person");
const SYSTEM_OBJECT: Known = (ENTITY_TYPE, "2", "System Object");
const PATIENT: Known = (OBJECT_ROLE, "1", "Patient");
const DOMAIN_RESOURCE: Known = (OBJECT_ROLE, "4", "Domain Resource");
const QUERY: Known = (OBJECT_ROLE, "24", "Query");

/// What a pattern fixes.
struct Pattern {
    /// The end of the profile's name.
    profile: &'static str,
    subtype: &'static str,
    action: codes::AuditEventAction,
    client: Known,
    server: Known,
}

/// The AuditEvent as FHIR R4 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn audit_event(draft: &AuditEventDraft) -> Result<String, Invalid> {
    compose(draft)?.into_json()
}

/// The AuditEvent as model, in the order of its elements.
pub(crate) fn compose(draft: &AuditEventDraft) -> Result<Composed<AuditEvent>, Invalid> {
    let root = Path::of_resource("AuditEvent");
    let mut texts = ExactTexts::default();
    let pattern = pattern(&draft.action);
    let adapter = elements::reference(&draft.client, &root.field("agent").item(0).field("who"))?;

    let mut source = AuditEventSource::builder().observer(adapter).build()?;
    source.r#type = vec![Some(known((SOURCE_TYPE, "4", "Application Server"))?)];
    let mut event = AuditEvent::builder()
        .r#type(known((EVENT_TYPE, "rest", "RESTful Operation"))?)
        .recorded(texts.instant(&draft.recorded, &root.field("recorded"))?)
        .agent(agents(draft, &pattern, &root.field("agent"))?)
        .source(source)
        .build()?;
    event.meta = elements::meta(&root, &profiles(draft, &pattern), &[], &[])?;
    event.subtype = vec![Some(known((
        INTERACTION,
        pattern.subtype,
        pattern.subtype,
    ))?)];
    event.action = Some(pattern.action);
    event.outcome = Some(match draft.outcome {
        AuditOutcome::Success => codes::AuditEventOutcome::N0,
        AuditOutcome::MinorFailure => codes::AuditEventOutcome::N4,
        AuditOutcome::SeriousFailure => codes::AuditEventOutcome::N8,
    });
    event.outcome_desc =
        elements::optional(&root, "outcomeDesc", &draft.outcome_text, checks::text)?;
    event.entity = entities(draft, &root.field("entity"))?;

    Ok(Composed {
        model: event,
        root,
        texts,
    })
}

/// The patterns are of successful exchanges with both ends known; another event follows them without the claim.
fn profiles(draft: &AuditEventDraft, pattern: &Pattern) -> Vec<String> {
    if draft.outcome != AuditOutcome::Success || draft.client_address.is_none() {
        return Vec::new();
    }
    let patient = if draft.patient.is_some() {
        "Patient"
    } else {
        ""
    };
    vec![format!("{PROFILE}{patient}{}", pattern.profile)]
}

fn pattern(action: &AuditedAction) -> Pattern {
    match action {
        AuditedAction::Search { .. } => Pattern {
            profile: "Query",
            subtype: "search",
            action: codes::AuditEventAction::E,
            client: SOURCE_ROLE,
            server: DESTINATION_ROLE,
        },
        AuditedAction::Read(_) => Pattern {
            profile: "Read",
            subtype: "read",
            action: codes::AuditEventAction::R,
            client: DESTINATION_ROLE,
            server: SOURCE_ROLE,
        },
        AuditedAction::Create(_) => Pattern {
            profile: "Create",
            subtype: "create",
            action: codes::AuditEventAction::C,
            client: SOURCE_ROLE,
            server: DESTINATION_ROLE,
        },
        AuditedAction::Update(_) => Pattern {
            profile: "Update",
            subtype: "update",
            action: codes::AuditEventAction::U,
            client: SOURCE_ROLE,
            server: DESTINATION_ROLE,
        },
        AuditedAction::Delete(_) => Pattern {
            profile: "Delete",
            subtype: "delete",
            action: codes::AuditEventAction::D,
            client: APPLICATION,
            server: CUSTODIAN,
        },
    }
}

/// The program, which asks for itself and for no user, and the server.
fn agents(
    draft: &AuditEventDraft,
    pattern: &Pattern,
    path: &Path,
) -> Result<Vec<Option<AuditEventAgent>>, Invalid> {
    let client_address = draft.client_address.as_deref();
    let client = agent(
        pattern.client,
        (&draft.client, true),
        client_address.map(|address| (address, codes::AuditEventAgentNetworkType::N2)),
        &path.item(0),
    )?;
    let server = agent(
        pattern.server,
        (&draft.server, false),
        Some((&draft.server_base, codes::AuditEventAgentNetworkType::N5)),
        &path.item(1),
    )?;
    Ok(vec![Some(client), Some(server)])
}

fn agent(
    role: Known,
    (who, is_requestor): (&Reference, bool),
    address: Option<(&str, codes::AuditEventAgentNetworkType)>,
    path: &Path,
) -> Result<AuditEventAgent, Invalid> {
    let mut agent = AuditEventAgent::builder().requestor(is_requestor).build()?;
    let mut kind = model::CodeableConcept::builder().build()?;
    kind.coding = vec![Some(known(role)?)];
    agent.r#type = Some(kind);
    agent.who = Some(elements::reference(who, &path.field("who"))?);
    if let Some((address, kind)) = address {
        let mut network = AuditEventAgentNetwork::builder().build()?;
        let path = path.field("network").field("address");
        network.address = Some(checks::uri(address, &path)?);
        network.r#type = Some(kind);
        agent.network = Some(network);
    }
    Ok(agent)
}

/// What was handled, whose it is, and the request's id.
fn entities(
    draft: &AuditEventDraft,
    path: &Path,
) -> Result<Vec<Option<AuditEventEntity>>, Invalid> {
    let mut entities = Vec::new();
    let mut handled = entity(SYSTEM_OBJECT)?;
    match &draft.action {
        AuditedAction::Search { request } => {
            let path = path.item(0).field("query");
            handled.role = Some(known(QUERY)?);
            handled.query = Some(Base64Binary(checks::text(request, &path)?.into_bytes()));
        }
        AuditedAction::Read(what)
        | AuditedAction::Create(what)
        | AuditedAction::Update(what)
        | AuditedAction::Delete(what) => {
            handled.role = Some(known(DOMAIN_RESOURCE)?);
            handled.what = Some(elements::reference(what, &path.item(0).field("what"))?);
        }
    }
    entities.push(Some(handled));
    if let Some(patient) = &draft.patient {
        let mut whose = entity(PERSON)?;
        whose.role = Some(known(PATIENT)?);
        whose.what = Some(elements::reference(patient, &path.item(1).field("what"))?);
        entities.push(Some(whose));
    }
    let path = path.item(entities.len()).field("what");
    let mut id = model::Identifier::builder().build()?;
    id.value = Some(checks::text(
        &draft.request_id,
        &path.field("identifier").field("value"),
    )?);
    let mut what = model::Reference::builder().build()?;
    what.identifier = Some(id);
    let mut request = AuditEventEntity::builder().build()?;
    let mut kind = model::Coding::builder().build()?;
    kind.system = Some(BALP_ENTITY_TYPE.to_owned());
    kind.code = Some("XrequestId".to_owned());
    request.r#type = Some(kind);
    request.what = Some(what);
    entities.push(Some(request));
    Ok(entities)
}

fn entity(kind: Known) -> Result<AuditEventEntity, Invalid> {
    let mut entity = AuditEventEntity::builder().build()?;
    entity.r#type = Some(known(kind)?);
    Ok(entity)
}

fn known((system, code, display): Known) -> Result<model::Coding, Invalid> {
    let mut coding = model::Coding::builder().build()?;
    coding.system = Some(system.to_owned());
    coding.code = Some(code.to_owned());
    coding.display = Some(display.to_owned());
    Ok(coding)
}
