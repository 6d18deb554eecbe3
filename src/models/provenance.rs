//! How a version came about.

use crate::{
    checks,
    drafts::{Entity, EntityRole, ProvenanceActivity, ProvenanceDraft},
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
        .agent(agents(draft, &root)?)
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

/// The program, and the person who answers for its result, if there is one.
fn agents(draft: &ProvenanceDraft, root: &Path) -> Result<Vec<Option<ProvenanceAgent>>, Invalid> {
    let program = elements::device_reference(&draft.agent)?;
    let mut agents = vec![Some(agent(program, "assembler")?)];
    if let Some(verifier) = &draft.verifier {
        let path = root.field("agent").item(1).field("who");
        let person = elements::reference(verifier, &path)?;
        agents.push(Some(agent(person, "verifier")?));
    }
    Ok(agents)
}

fn agent(who: model::Reference, kind: &str) -> Result<ProvenanceAgent, Invalid> {
    let mut agent = ProvenanceAgent::builder().who(who).build()?;
    agent.r#type = Some(elements::known_concept(PARTICIPANT_TYPE, kind)?);
    Ok(agent)
}

fn activity(draft: ProvenanceActivity) -> Result<model::CodeableConcept, Invalid> {
    let code = match draft {
        ProvenanceActivity::Create => "CREATE",
        ProvenanceActivity::Update => "UPDATE",
        ProvenanceActivity::Nullify => "NULLIFY",
        ProvenanceActivity::Append => "APPEND",
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
