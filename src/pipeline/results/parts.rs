//! Small pieces that several resources are composed of.

use her2_models::{Coding, Concept, Identifier, Reference, SoftwareDevice};

use crate::mapping::output::Code;

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
