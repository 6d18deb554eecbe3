//! Where a version of a result comes from: its inputs, the version it replaces, and the rules in force.

use std::collections::BTreeSet;

use her2_models::{
    Entity, EntityRole, Identifier, Invalid, ProvenanceActivity, ProvenanceDraft, Reference,
};

use super::parts::{container_of, device};
use super::{Composer, Prior, Release, Written, derived_id, observation_id};
use crate::her2::evidence::Source;
use crate::pipeline::Rules;

impl Composer<'_> {
    pub(super) fn provenance(&self, prior: Option<&Prior>) -> Result<Written, Invalid> {
        // The same evidence may be written again over another version, after a withdrawal for instance.
        let replaced = prior.map_or("", |prior| prior.version.as_str());
        let parts = [&self.case.id, &self.case.fingerprint, replaced];
        let id = derived_id("h2p", &parts);
        let result = observation_id(&self.case.id);
        let activity = match prior {
            None => ProvenanceActivity::Create,
            Some(_) => ProvenanceActivity::Update,
        };
        let mut draft =
            provenance_draft(id, &result, &self.case.inputs, prior, self.rules, self.now);
        draft.activity = activity;
        draft.security.clone_from(&self.security);
        written_provenance(draft, self.publishing.release)
    }
}

/// The Provenance of a withdrawal: which sources were withdrawn, and which version of the result that ends.
///
/// # Errors
/// [`Invalid`] when a source cannot be referred to.
pub fn withdrawal(
    case: &str,
    sources: &BTreeSet<Source>,
    prior: &Prior,
    rules: &Rules,
    release: Release,
    now: &str,
) -> Result<Written, Invalid> {
    let id = derived_id("h2p", &[case, "withdrawn", &prior.version]);
    let mut draft = provenance_draft(id, &observation_id(case), sources, Some(prior), rules, now);
    draft.activity = ProvenanceActivity::Nullify;
    written_provenance(draft, release)
}

fn provenance_draft(
    id: String,
    result: &str,
    inputs: &BTreeSet<Source>,
    prior: Option<&Prior>,
    rules: &Rules,
    now: &str,
) -> ProvenanceDraft {
    let mut entities: Vec<Entity> = inputs
        .iter()
        .map(|input| input_entity(input, rules))
        .collect();
    entities.extend(prior.map(|prior| Entity {
        role: EntityRole::Revision,
        what: Reference {
            reference: Some(format!("Observation/{result}/_history/{}", prior.version)),
            ..Reference::default()
        },
    }));
    ProvenanceDraft {
        id,
        target: vec![Reference {
            reference: Some(format!("Observation/{result}")),
            ..Reference::default()
        }],
        recorded: now.to_owned(),
        agent: device(),
        entities,
        policies: vec![
            format!("{}/ruleset/{}", rules.base, rules.ruleset_hash()),
            format!("{}/mapping/{}", rules.base, rules.mapping.hash()),
        ],
        ..ProvenanceDraft::default()
    }
}

fn written_provenance(draft: ProvenanceDraft, release: Release) -> Result<Written, Invalid> {
    Ok(Written {
        kind: "Provenance",
        text: release.provenance(&draft)?,
        id: draft.id,
    })
}

/// An input with its version, and the same again as an identifier, since some servers strip versions.
fn input_entity(input: &Source, rules: &Rules) -> Entity {
    let container = container_of(&input.reference);
    let versioned = match &input.version {
        Some(version) if !container.contains(':') => format!("{container}/_history/{version}"),
        _ => container.to_owned(),
    };
    Entity {
        role: EntityRole::Source,
        what: Reference {
            reference: Some(versioned.clone()),
            identifier: Some(Identifier {
                system: format!("{}/identifier/input-version", rules.base),
                value: versioned,
            }),
            ..Reference::default()
        },
    }
}
