//! The CapabilityStatement.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::dates::instant_text;
use super::dialects::Manners;
use super::parameters::{Parameter, ParameterKind, parameters_of, searchable_types};

const INTERACTIONS: [&str; 5] = ["read", "update", "delete", "create", "search-type"];
const HISTORY_INTERACTIONS: [&str; 3] = ["vread", "history-instance", "history-type"];

/// What the server can do, for a client that knows it by this base URL. There is no way to say that a transaction is
/// not rolled back, or that preconditions are ignored inside it; servers that do so do not say it.
pub(super) fn capability_statement(base: &str, now: DateTime<Utc>, manners: &Manners) -> Value {
    let resources: Vec<Value> = searchable_types()
        .map(|resource_type| resource_capability(resource_type, manners))
        .collect();
    let transaction = manners.transactions.then_some("transaction");
    let interactions = transaction.into_iter().chain(["batch"]);
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
            "interaction": interactions.map(|code| json!({ "code": code })).collect::<Vec<_>>(),
        }],
    })
}

fn resource_capability(resource_type: &str, manners: &Manners) -> Value {
    let mut parameters = vec![
        json!({ "name": "_id", "type": "token" }),
        json!({ "name": "_lastUpdated", "type": "date" }),
        json!({ "name": "_tag", "type": "token" }),
    ];
    parameters.extend(parameters_of(resource_type).map(parameter_capability));
    let includes: Vec<String> = parameters_of(resource_type)
        .filter(|parameter| parameter.kind == ParameterKind::Reference)
        .map(|parameter| format!("{resource_type}:{}", parameter.name))
        .collect();
    let history = manners.history.then_some(HISTORY_INTERACTIONS);
    let interactions = INTERACTIONS
        .into_iter()
        .chain(history.into_iter().flatten());
    let versioning = match manners.if_match {
        true => "versioned-update",
        false => "versioned",
    };
    let conditional_read = match manners.if_none_match {
        true => "not-match",
        false => "not-supported",
    };
    let mut capability = json!({
        "type": resource_type,
        "interaction": interactions.map(|code| json!({ "code": code })).collect::<Vec<_>>(),
        "versioning": versioning,
        "readHistory": manners.history,
        "updateCreate": manners.unknown_id.is_none(),
        "conditionalCreate": manners.if_none_exist,
        "conditionalRead": conditional_read,
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
