//! Where a version of a result comes from: its inputs, the version it replaces, and the rules in force.

use std::collections::BTreeSet;

use her2_models::{
    Entity, EntityRole, Identifier, Invalid, ProvenanceActivity, ProvenanceDraft, Reference,
};

use super::parts::{device, reference_to, versioned};
use super::{Composer, Prior, Release, Signature, Written, derived_id, observation_id};
use crate::her2::evidence::Source;
use crate::pipeline::Rules;

impl Composer<'_> {
    pub(super) fn provenance(&self, prior: Option<&Prior>) -> Result<Written, Invalid> {
        // The same evidence may be written again over another version, after a withdrawal for instance.
        let replaced = prior.map_or("", |prior| prior.version.as_str());
        let parts = [&self.case.id, &self.case.fingerprint, replaced];
        let id = derived_id("h2p", &parts);
        let mut draft = self.draft_of(id, prior);
        draft.activity = match prior {
            None => ProvenanceActivity::Create,
            Some(_) => ProvenanceActivity::Update,
        };
        written_provenance(draft, self.publishing.release)
    }

    /// That the version which stands says what its sources say in their newest versions too.
    pub(super) fn confirmation(&self, standing: &Prior) -> Result<Written, Invalid> {
        let parts = [
            &self.case.id,
            "confirmed",
            &self.case.fingerprint,
            &standing.version,
        ];
        let mut draft = self.draft_of(derived_id("h2p", &parts), None);
        draft.target = vec![version_of(
            &observation_id(&self.case.id),
            &standing.version,
        )];
        draft.activity = ProvenanceActivity::Append;
        written_provenance(draft, self.publishing.release)
    }

    /// That a person has signed or rejected the version that stands, by a Task.
    pub(super) fn signature(
        &self,
        prior: &Prior,
        signature: &Signature,
    ) -> Result<Written, Invalid> {
        let parts = [
            &self.case.id,
            "signed",
            signature.verdict.name(),
            &prior.version,
        ];
        let mut draft = self.draft_of(derived_id("h2p", &parts), Some(prior));
        draft.activity = ProvenanceActivity::Update;
        draft.verifier = reference_to(&signature.signer, "Practitioner");
        draft.entities.push(Entity {
            role: EntityRole::Source,
            what: Reference {
                reference: Some(format!("Task/{}", signature.task)),
                ..Reference::default()
            },
        });
        written_provenance(draft, self.publishing.release)
    }

    fn draft_of(&self, id: String, prior: Option<&Prior>) -> ProvenanceDraft {
        let result = observation_id(&self.case.id);
        let inputs = &self.case.inputs;
        let mut draft = provenance_draft(id, &result, inputs, prior, self.rules, self.now);
        draft.security.clone_from(&self.security);
        draft
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
        what: version_of(result, &prior.version),
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

fn version_of(result: &str, version: &str) -> Reference {
    Reference {
        reference: Some(format!("Observation/{result}/_history/{version}")),
        ..Reference::default()
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
    let versioned = versioned(input);
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
