//! Small pieces that several resources are composed of.

use her2_models::{Coding, Concept, Identifier, Reference, SoftwareDevice};

use crate::her2::evidence::Source;
use crate::mapping::output::Code;
use crate::mapping::terminology;

/// A reference to a key of the pool: literal where it is one, by identifier where it is `system|value`; none for a
/// contained resource, which nothing outside its container can name, or for one that was sent without an id.
pub(super) fn reference_to(key: &str, kind: &str) -> Option<Reference> {
    let is_named = !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic());
    if !is_named || key.contains('#') {
        return None;
    }
    if !key.contains('|') {
        return Some(Reference {
            reference: Some(key.to_owned()),
            ..Reference::default()
        });
    }
    let (system, value) = key.rsplit_once('|')?;
    (!system.is_empty()).then(|| Reference {
        kind: Some(kind.to_owned()),
        identifier: Some(Identifier {
            system: system.to_owned(),
            value: value.to_owned(),
        }),
        ..Reference::default()
    })
}

/// The resource type that a key names: `Patient` of `Patient/p1` and of an address that ends so.
fn kind_named(key: &str) -> Option<&str> {
    let unversioned = key.split("/_history/").next().unwrap_or(key);
    let mut segments = unversioned.rsplit('/').skip(1);
    let kind = segments.next()?;
    let is_type = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.chars().all(|c| c.is_ascii_alphabetic());
    is_type.then_some(kind)
}

/// A reference to a key where FHIR allows its type there; a key that names no type is taken to be of the first. The type
/// `Resource` stands for any, as in FHIR's definitions.
pub(super) fn reference_to_one_of(key: &str, kinds: &[&str]) -> Option<Reference> {
    let is_allowed = key.contains('|')
        || kinds.contains(&"Resource")
        || kind_named(key).is_none_or(|kind| kinds.contains(&kind));
    is_allowed
        .then(|| reference_to(key, kinds.first()?))
        .flatten()
}

/// Whether a reference names a resource of this type, as far as it says.
pub(super) fn may_name(reference: &Reference, kind: &str) -> bool {
    let literal = reference.reference.as_deref();
    let named = literal.map_or(reference.kind.as_deref(), kind_named);
    named.is_none_or(|named| named == kind)
}

/// The key of the resource that holds what a key means: itself, unless it is contained in another.
pub(super) fn container_of(key: &str) -> &str {
    key.split('#').next().unwrap_or(key)
}

/// This program, as every resource names it.
pub(super) fn device() -> SoftwareDevice {
    SoftwareDevice {
        local_id: "adapter".to_owned(),
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        identifier: None,
    }
}

pub(super) fn coding(code: &Code) -> Coding {
    Coding {
        system: Some(code.system.clone()),
        version: None,
        code: Some(code.code.clone()),
        display: Some(code.display.clone()),
    }
}

/// A reference to the version of a source, as far as one is stated.
pub(super) fn versioned(source: &Source) -> String {
    let container = container_of(&source.reference);
    match &source.version {
        Some(version) if !container.contains(':') => format!("{container}/_history/{version}"),
        _ => container.to_owned(),
    }
}

/// An identifier in one of our own systems.
pub(super) fn identifier(base: &str, system: &str, value: &str) -> Identifier {
    Identifier {
        system: format!("{base}/identifier/{system}"),
        value: value.to_owned(),
    }
}

/// A code of one of our own code systems.
pub(super) fn own_concept(base: &str, system: &str, code: &str) -> Concept {
    Concept {
        codings: vec![Coding {
            system: Some(terminology::uri(base, system)),
            version: None,
            code: Some(code.to_owned()),
            display: terminology::display(system, code).map(str::to_owned),
        }],
        text: None,
    }
}

pub(super) fn concept(code: &Code) -> Concept {
    Concept {
        codings: vec![coding(code)],
        text: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_the_reference_it_stands_for() {
        let literal = reference_to("Patient/p1", "Patient").unwrap();
        assert_eq!(literal.reference.as_deref(), Some("Patient/p1"));
        let business = reference_to("urn:lab|a|1", "Specimen").unwrap();
        let identifier = business.identifier.unwrap();
        assert_eq!(
            (identifier.system.as_str(), identifier.value.as_str()),
            ("urn:lab|a", "1")
        );
        assert_eq!(business.kind.as_deref(), Some("Specimen"));
        assert_eq!(business.reference, None);
    }

    #[test]
    fn a_reference_of_a_type_that_may_not_stand_there_is_none() {
        let patient = |key| reference_to_one_of(key, &["Patient"]).is_some();
        for key in [
            "Patient/p1",
            "https://his.example/fhir/Patient/p1",
            "urn:uuid:1",
            "urn:lab|1",
        ] {
            assert!(patient(key), "{key}");
        }
        for key in ["Group/g1", "https://his.example/fhir/Device/d1/_history/2"] {
            assert!(!patient(key), "{key}");
        }
    }

    #[test]
    fn what_nothing_outside_can_name_has_no_reference() {
        for key in ["", "Observation/o#s", "|S-1"] {
            assert!(reference_to(key, "Specimen").is_none(), "{key}");
        }
    }

    #[test]
    fn a_contained_resource_is_held_by_its_container() {
        assert_eq!(container_of("DiagnosticReport/r#o"), "DiagnosticReport/r");
        assert_eq!(container_of("Observation/o"), "Observation/o");
    }
}
