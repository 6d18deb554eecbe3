//! Drafts with every element filled in, for tests to alter.

use her2_models::*;

const BASE: &str = "https://her2-adapter.example/fhir";

pub fn observation() -> ObservationDraft {
    ObservationDraft {
        id: "her2-4f1c".into(),
        profiles: vec![
            "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-tumor-marker-test".into(),
        ],
        security: vec![coding(
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "R",
        )],
        tags: vec![coding(&format!("{BASE}/CodeSystem/her2-status"), "derived")],
        identifiers: vec![
            identifier(&format!("{BASE}/identifier/her2-status"), "4f1c"),
            identifier(
                &format!("{BASE}/identifier/her2-fingerprint"),
                "sha256:00ff",
            ),
        ],
        status: ObservationStatus::Preliminary,
        categories: vec![concept(
            "http://terminology.hl7.org/CodeSystem/observation-category",
            "laboratory",
        )],
        code: concept("http://loinc.org", "48676-1"),
        subject: Some(Reference {
            reference: Some("Patient/p1".into()),
            kind: Some("Patient".into()),
            identifier: Some(identifier("urn:oid:1.2.3", "MRN 7")),
            display: Some("J. \"Jo\" Müller".into()),
        }),
        focus: vec![to("Condition/c1")],
        encounter: Some(to("Encounter/e1")),
        based_on: vec![to("ServiceRequest/r1")],
        effective: Some(Effective::Period {
            start: Some("2024-03".into()),
            end: Some("2024-03-08T10:00:00.120-04:00".into()),
        }),
        issued: Some("2024-03-09T23:59:60.000Z".into()),
        performers: vec![to("Organization/o1"), to("Practitioner/d1")],
        value: Concept {
            codings: vec![
                Coding {
                    version: Some(
                        "http://snomed.info/sct/900000000000207008/version/20240301".into(),
                    ),
                    display: Some("Negative".into()),
                    ..coding("http://snomed.info/sct", "260385009")
                },
                coding("http://loinc.org", "LA6577-6"),
            ],
            text: Some("HER2 negative (IHC 2+, ISH group 5)".into()),
        },
        interpretation: Some(concept(
            "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
            "NEG",
        )),
        notes: vec![
            "First line.\nSecond line.".into(),
            "IHC 2+ with a ratio below 2.0.".into(),
        ],
        method: Some(concept(
            &format!("{BASE}/CodeSystem/her2-guideline"),
            "asco-cap-2018",
        )),
        specimen: Some(to("Specimen/s1")),
        device: device(),
        derived_from: vec![to("Observation/ihc"), to("Observation/ish/_history/2")],
        components: vec![
            component("49683-6", ComponentValue::Quantity(quantity("2.00"))),
            component(
                "74860-8",
                ComponentValue::Quantity(Quantity {
                    comparator: Some(Comparator::Less),
                    ..quantity("1.2e1")
                }),
            ),
            component(
                "74861-6",
                ComponentValue::Range {
                    low: Some(quantity("3.9999999999999999")),
                    high: Some(quantity("4")),
                },
            ),
            component(
                "49683-6",
                ComponentValue::Ratio {
                    numerator: Quantity {
                        value: "240".into(),
                        ..Quantity::default()
                    },
                    denominator: Quantity {
                        value: "100.0".into(),
                        ..Quantity::default()
                    },
                },
            ),
            component("62361-1", ComponentValue::Integer(40)),
            component(
                "85319-2",
                ComponentValue::Concept(concept("http://loinc.org", "LA11842-4")),
            ),
            Component {
                code: concept(&format!("{BASE}/CodeSystem/her2-component"), "remark"),
                value: ComponentValue::Text("counted twice".into()),
            },
        ],
        related_conditions: vec![to("Condition/c1")],
    }
}

pub fn provenance() -> ProvenanceDraft {
    ProvenanceDraft {
        id: "her2-4f1c-2".into(),
        target: vec![to("Observation/her2-4f1c/_history/2")],
        recorded: "2024-03-09T10:00:00.10+01:00".into(),
        activity: ProvenanceActivity::Update,
        agent: device(),
        verifier: Some(to("Practitioner/pathologist")),
        entities: vec![
            Entity {
                role: EntityRole::Source,
                what: Reference {
                    identifier: Some(identifier(
                        "urn:ietf:rfc:3986",
                        "Observation/ihc/_history/3",
                    )),
                    ..to("Observation/ihc/_history/3")
                },
            },
            Entity {
                role: EntityRole::Revision,
                what: to("Observation/her2-4f1c/_history/1"),
            },
        ],
        policies: vec!["urn:sha256:rules".into(), "urn:sha256:mapping".into()],
        security: vec![coding(
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "R",
        )],
    }
}

pub fn task() -> TaskDraft {
    TaskDraft {
        id: "her2-task-1".into(),
        identifiers: vec![identifier(&format!("{BASE}/identifier/her2-task"), "1")],
        status: TaskStatus::Cancelled,
        status_reason: Some(Concept {
            text: Some("a later result answers it".into()),
            ..Concept::default()
        }),
        code: concept(&format!("{BASE}/CodeSystem/her2-task"), "review"),
        description: Some("Order reflex ISH.".into()),
        focus: Some(to("Observation/her2-4f1c")),
        subject: Some(to("Patient/p1")),
        owner: Some(to("PractitionerRole/pathologist")),
        reason: Some(concept(
            &format!("{BASE}/CodeSystem/her2-review-reason"),
            "reflex-ish-overdue",
        )),
        authored_on: Some("2024-03-09T10:00:00.10+01:00".into()),
        last_modified: Some("2024-03-10".into()),
        due: Some("2024-03-22".into()),
        inputs: vec![TaskInput {
            kind: concept(&format!("{BASE}/CodeSystem/her2-task"), "record"),
            text: "{\"case\":\"4f1c\",\n\t\"ratio\":\"2.00\"}".into(),
        }],
        security: vec![coding(
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "R",
        )],
    }
}

pub fn audit_event() -> AuditEventDraft {
    AuditEventDraft {
        action: AuditedAction::Update(to("Observation/her2-4f1c/_history/2")),
        recorded: "2024-03-09T10:00:00.10+01:00".into(),
        outcome: AuditOutcome::Success,
        outcome_text: None,
        client: Reference {
            kind: Some("Device".into()),
            display: Some("her2-adapter 0.1.0".into()),
            ..Reference::default()
        },
        client_address: Some("192.0.2.7".into()),
        server: Reference {
            display: Some("fhir.example".into()),
            identifier: Some(identifier("urn:ietf:rfc:3986", "https://fhir.example/r4")),
            ..Reference::default()
        },
        server_base: "https://fhir.example/r4".into(),
        patient: Some(to("Patient/p1")),
        request_id: "4a8dca3c-2205-4dc7-90e1-db877781d7cc".into(),
    }
}

/// A search that was refused, and nothing known of a patient or of our own address.
pub fn refused_search() -> AuditEventDraft {
    AuditEventDraft {
        action: AuditedAction::Search {
            request: "GET https://fhir.example/r4/Observation?code=a%7Cb".into(),
        },
        outcome: AuditOutcome::MinorFailure,
        outcome_text: Some("the server refuses the request (HTTP 400)".into()),
        client_address: None,
        patient: None,
        ..audit_event()
    }
}

/// The least that is an Observation.
pub fn bare_observation() -> ObservationDraft {
    ObservationDraft {
        id: "a".into(),
        code: concept("http://loinc.org", "48676-1"),
        value: concept("http://snomed.info/sct", "10828004"),
        device: device(),
        ..ObservationDraft::default()
    }
}

pub fn coding(system: &str, code: &str) -> Coding {
    Coding {
        system: Some(system.into()),
        code: Some(code.into()),
        ..Coding::default()
    }
}

pub fn concept(system: &str, code: &str) -> Concept {
    Concept {
        codings: vec![coding(system, code)],
        text: None,
    }
}

pub fn quantity(value: &str) -> Quantity {
    Quantity {
        value: value.into(),
        comparator: None,
        unit: Some("per nucleus".into()),
        system: Some("http://unitsofmeasure.org".into()),
        code: Some("{copies}/{nucleus}".into()),
    }
}

pub fn to(address: &str) -> Reference {
    Reference {
        reference: Some(address.into()),
        ..Reference::default()
    }
}

pub fn component(code: &str, value: ComponentValue) -> Component {
    Component {
        code: concept("http://loinc.org", code),
        value,
    }
}

fn identifier(system: &str, value: &str) -> Identifier {
    Identifier {
        system: system.into(),
        value: value.into(),
    }
}

fn device() -> SoftwareDevice {
    SoftwareDevice {
        local_id: "adapter".into(),
        name: "HER2 adapter".into(),
        version: "0.1.0".into(),
        identifier: Some(identifier(
            &format!("{BASE}/identifier/installation"),
            "site-1",
        )),
    }
}
