//! The CapabilityStatement.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::dates::instant_text;
use super::parameters::{Parameter, ParameterKind, parameters_of, searchable_types};

const INTERACTIONS: [&str; 8] = [
    "read",
    "vread",
    "update",
    "delete",
    "create",
    "search-type",
    "history-instance",
    "history-type",
];

/// What the server can do, for a client that knows it by this base URL.
pub(super) fn capability_statement(base: &str, now: DateTime<Utc>) -> Value {
    let resources: Vec<Value> = searchable_types().map(resource_capability).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant_text(now),
        "kind": "instance",
        "software": { "name": "her2-adapter fake server", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "A FHIR server in memory for demonstrations and tests", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "resource": resources,
            "interaction": [{ "code": "transaction" }, { "code": "batch" }],
        }],
    })
}

fn resource_capability(resource_type: &str) -> Value {
    let mut parameters = vec![
        json!({ "name": "_id", "type": "token" }),
        json!({ "name": "_lastUpdated", "type": "date" }),
    ];
    parameters.extend(parameters_of(resource_type).map(parameter_capability));
    let includes: Vec<String> = parameters_of(resource_type)
        .filter(|parameter| parameter.kind == ParameterKind::Reference)
        .map(|parameter| format!("{resource_type}:{}", parameter.name))
        .collect();
    let mut capability = json!({
        "type": resource_type,
        "interaction": INTERACTIONS.map(|code| json!({ "code": code })),
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "not-match",
        "searchParam": parameters,
    });
    // FHIR has no empty lists.
    if !includes.is_empty() {
        capability["searchInclude"] = json!(includes);
    }
    capability
}

fn parameter_capability(parameter: Parameter) -> Value {
    let kind = match parameter.kind {
        ParameterKind::Token => "token",
        ParameterKind::Reference => "reference",
    };
    json!({ "name": parameter.name, "type": kind })
}
