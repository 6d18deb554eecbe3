//! How a version came about.

use crate::{
    checks,
    drafts::{Entity, EntityRole, ProvenanceActivity, ProvenanceDraft, SoftwareDevice},
    elements,
    exact::{Composed, ExactTexts},
    invalid::Invalid,
    path::Path,
};
use fhir_sdk::r4b::{
    codes,
    resources::{Provenance, ProvenanceAgent, ProvenanceEntity},
    types as model,
};

const DATA_OPERATION: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
const PARTICIPANT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";

/// The Provenance as FHIR R4 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn provenance(draft: &ProvenanceDraft) -> Result<String, Invalid> {
    compose(draft)?.into_json()
}

/// The Provenance as model, in the order of its elements.
pub(crate) fn compose(draft: &ProvenanceDraft) -> Result<Composed<Provenance>, Invalid> {
    let root = Path::of_resource("Provenance");
    let mut texts = ExactTexts::default();
    if draft.target.is_empty() {
        return Err(Invalid::missing(&root.field("target")));
    }
    if draft.entities.is_empty() {
        return Err(Invalid::missing(&root.field("entity")));
    }

    let target = elements::list(&root, "target", &draft.target, elements::reference)?;
    let mut provenance = Provenance::builder()
        .target(target)
        .recorded(texts.instant(&draft.recorded, &root.field("recorded"))?)
        .agent(vec![Some(agent(&draft.agent)?)])
        .build()?;
    provenance.id = Some(checks::id(&draft.id, &root.field("id"))?);
    provenance.meta = elements::meta(&root, &[], &draft.security, &[])?;
    provenance.contained = vec![elements::contained(&root, &draft.agent)?];
    provenance.policy = elements::list(&root, "policy", &draft.policies, checks::uri)?;
    provenance.activity = Some(activity(draft.activity)?);
    provenance.entity = elements::list(&root, "entity", &draft.entities, entity)?;

    Ok(Composed {
        model: provenance,
        root,
        texts,
    })
}

fn agent(draft: &SoftwareDevice) -> Result<ProvenanceAgent, Invalid> {
    let mut agent = ProvenanceAgent::builder()
        .who(elements::device_reference(draft)?)
        .build()?;
    agent.r#type = Some(elements::known_concept(PARTICIPANT_TYPE, "assembler")?);
    Ok(agent)
}

fn activity(draft: ProvenanceActivity) -> Result<model::CodeableConcept, Invalid> {
    let code = match draft {
        ProvenanceActivity::Create => "CREATE",
        ProvenanceActivity::Update => "UPDATE",
        ProvenanceActivity::Nullify => "NULLIFY",
    };
    elements::known_concept(DATA_OPERATION, code)
}

fn entity(draft: &Entity, path: &Path) -> Result<ProvenanceEntity, Invalid> {
    let role = match draft.role {
        EntityRole::Source => codes::ProvenanceEntityRole::Source,
        EntityRole::Revision => codes::ProvenanceEntityRole::Revision,
    };
    let what = elements::reference(&draft.what, &path.field("what"))?;
    Ok(ProvenanceEntity::builder().role(role).what(what).build()?)
}
