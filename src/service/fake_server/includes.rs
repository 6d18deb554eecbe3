//! Includes: resources that a search returns because those it found refer to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::parameters::{Parameter, ParameterKind, parameter, unversioned};
use super::resources::{Resources, Version};

/// `_include=Type:parameter` or `_include=Type:parameter:TargetType`.
#[derive(Debug)]
pub(super) struct Include {
    source_type: String,
    parameter: Parameter,
    target_type: Option<String>,
    /// Whether it also goes on from what has been included.
    iterates: bool,
}

impl Include {
    /// Reads the value of an `_include`; `None` unless it names a reference parameter of a type.
    pub fn parse(value: &str, iterates: bool) -> Option<Include> {
        let parts: Vec<&str> = value.split(':').collect();
        let (source_type, name, target_type) = match parts.as_slice() {
            [source_type, name] => (*source_type, *name, None),
            [source_type, name, target_type] => (*source_type, *name, Some(*target_type)),
            _ => return None,
        };
        let parameter = parameter(source_type, name)?;
        if parameter.kind != ParameterKind::Reference {
            return None;
        }
        Some(Include {
            source_type: source_type.to_owned(),
            parameter,
            target_type: target_type.map(str::to_owned),
            iterates,
        })
    }

    /// The current versions of the resources of this server that a version refers to.
    fn targets<'a>(
        &self,
        source: &Version,
        store: &'a Resources,
        base: &str,
    ) -> Vec<&'a Arc<Version>> {
        let Some(content) = &source.content else {
            return Vec::new();
        };
        if source.resource_type != self.source_type {
            return Vec::new();
        }
        let wants = |resource_type: &str| {
            let wanted = self.target_type.as_deref();
            wanted.is_none_or(|wanted| wanted == resource_type)
        };
        let addresses = self.parameter.references_in(&content.json, base);
        addresses
            .into_iter()
            .filter_map(|address| unversioned(address).split_once('/'))
            .filter(|(resource_type, _)| wants(resource_type))
            .filter_map(|(resource_type, id)| store.read(resource_type, id).ok())
            .collect()
    }
}

/// What is included because of the versions found, each resource once, in the order they are come upon.
pub(super) fn included(
    includes: &[Include],
    found: &[Arc<Version>],
    store: &Resources,
    base: &str,
) -> Vec<Arc<Version>> {
    let mut seen: BTreeSet<String> = found.iter().map(|version| version.address()).collect();
    let mut all_reached = Vec::new();
    let mut sources = found.to_vec();
    let mut followed: Vec<&Include> = includes.iter().collect();
    while !sources.is_empty() {
        let mut reached = Vec::new();
        for source in &sources {
            for include in &followed {
                for target in include.targets(source, store, base) {
                    if seen.insert(target.address()) {
                        reached.push(Arc::clone(target));
                    }
                }
            }
        }
        all_reached.extend(reached.iter().cloned());
        sources = reached;
        followed.retain(|include| include.iterates);
    }
    all_reached
}
