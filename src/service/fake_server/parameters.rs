//! The search parameters of each resource type, and the elements they look into.

use serde_json::Value;

/// The resource types by name, each with its parameters besides `_id`, `_lastUpdated` and `_tag`, which every type has.
const TYPES: [(&str, &str); 11] = [
    ("Basic", "code identifier subject patient"),
    ("Condition", "code identifier subject patient"),
    (
        "DiagnosticReport",
        "code identifier status subject patient specimen based-on result",
    ),
    (
        "Observation",
        "code combo-code identifier status subject patient specimen focus based-on has-member derived-from",
    ),
    ("Patient", "identifier"),
    (
        "Procedure",
        "code identifier status subject patient based-on",
    ),
    ("Provenance", "target"),
    (
        "ServiceRequest",
        "code identifier status subject patient specimen based-on",
    ),
    ("Specimen", "identifier status subject patient parent"),
    ("Subscription", "status"),
    (
        "Task",
        "code identifier status subject patient focus based-on",
    ),
];

const PARAMETERS: [Parameter; 14] = [
    token("code", &["code"]),
    token("combo-code", &["code", "component.code"]),
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    reference("subject", &["subject"]),
    reference("patient", &["subject"]),
    reference("specimen", &["specimen"]),
    reference("focus", &["focus"]),
    reference("based-on", &["basedOn"]),
    reference("result", &["result"]),
    reference("has-member", &["hasMember"]),
    reference("derived-from", &["derivedFrom"]),
    reference("parent", &["parent"]),
    reference("target", &["target"]),
];

const TAG: Parameter = token("_tag", &["meta.tag"]);

/// A search parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub name: &'static str,
    pub kind: ParameterKind,
    /// Paths of elements, each from the resource down.
    paths: &'static [&'static str],
}

/// What the elements of a parameter hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterKind {
    /// Codes or identifiers.
    Token,
    /// References to other resources, which can be included.
    Reference,
}

/// The types that a search parameter is known of, in alphabetical order.
pub(super) fn searchable_types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(resource_type, _)| *resource_type)
}

/// The parameters of a type besides the common ones. A type that is not listed has `identifier`.
pub(super) fn parameters_of(resource_type: &str) -> impl Iterator<Item = Parameter> {
    let listed = TYPES.iter().find(|(listed, _)| *listed == resource_type);
    let names = listed.map_or("identifier", |(_, names)| names);
    let calls_its_subject_for = resource_type == "Task";
    names
        .split(' ')
        .filter_map(|name| PARAMETERS.into_iter().find(|known| known.name == name))
        .map(move |parameter| match parameter.name {
            "subject" | "patient" if calls_its_subject_for => Parameter {
                paths: &["for"],
                ..parameter
            },
            _ => parameter,
        })
}

/// The parameter of a type that has this name; `_tag` is one of every type.
pub(super) fn parameter(resource_type: &str, name: &str) -> Option<Parameter> {
    if name == TAG.name {
        return Some(TAG);
    }
    parameters_of(resource_type).find(|known| known.name == name)
}

impl Parameter {
    /// The values that a resource has for this parameter.
    pub fn values_in<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        self.paths
            .iter()
            .flat_map(|path| values_at(resource, path))
            .collect()
    }

    /// The targets of the references that a resource has for this parameter, as [`local_address`] shows them.
    pub fn references_in<'a>(&self, resource: &'a Value, base: &str) -> Vec<&'a str> {
        let values = self.values_in(resource).into_iter();
        values
            .filter_map(|value| value.get("reference")?.as_str())
            .map(|reference| local_address(reference, base))
            .collect()
    }
}

/// A reference to this server as `Type/id`, with a version if it has one; any other as it is.
pub(super) fn local_address<'a>(reference: &'a str, base: &str) -> &'a str {
    reference
        .strip_prefix(base)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(reference)
}

/// An address without its version.
pub(super) fn unversioned(address: &str) -> &str {
    address
        .split_once("/_history/")
        .map_or(address, |(resource, _)| resource)
}

const fn token(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Token,
        paths,
    }
}

const fn reference(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Reference,
        paths,
    }
}

/// The values at a path, where a list stands for its items.
fn values_at<'a>(resource: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut values = vec![resource];
    for name in path.split('.') {
        values = values
            .into_iter()
            .filter_map(|value| value.get(name))
            .flat_map(|value| {
                value
                    .as_array()
                    .map_or(std::slice::from_ref(value), Vec::as_slice)
            })
            .collect();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_a_type_is_one_that_is_known() {
        for (resource_type, names) in TYPES {
            let known: Vec<_> = parameters_of(resource_type)
                .map(|parameter| parameter.name)
                .collect();
            assert_eq!(known.join(" "), names);
        }
    }
}
