//! The same four resources for FHIR R5.
//!
//! A resource is composed once, for R4; only what R5 names otherwise is renamed in its JSON. The R5 model then reads the
//! result, and whatever it does not know it drops without a word: so its own JSON is compared with what it was given.

use crate::{
    drafts::{AuditEventDraft, ComponentValue, ObservationDraft, ProvenanceDraft, TaskDraft},
    exact::Composed,
    invalid::Invalid,
    path::Path,
};
use fhir_sdk::r5::resources::{AuditEvent, Observation, Provenance, Task};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// The Observation as FHIR R5 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn observation(draft: &ObservationDraft) -> Result<String, Invalid> {
    check_denominators(draft)?;
    convert::<_, Observation>(crate::observation::compose(draft)?, name_devices)
}

/// The Provenance as FHIR R5 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn provenance(draft: &ProvenanceDraft) -> Result<String, Invalid> {
    convert::<_, Provenance>(crate::provenance::compose(draft)?, name_devices)
}

/// The Task as FHIR R5 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn task(draft: &TaskDraft) -> Result<String, Invalid> {
    convert::<_, Task>(crate::task::compose(draft)?, refer_to_reasons)
}

/// The AuditEvent as FHIR R5 JSON. BALP is a guide for R4, so no profile is claimed.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn audit_event(draft: &AuditEventDraft) -> Result<String, Invalid> {
    convert::<_, AuditEvent>(crate::audit_event::compose(draft)?, retell_event)
}

/// Converts the JSON that still has stand-ins, which every model prints as it reads them; the elements that hold dates
/// and decimals have the same paths in both versions.
fn convert<R4: Serialize, R5: Serialize + DeserializeOwned>(
    composed: Composed<R4>,
    rename: fn(&mut Map<String, Value>),
) -> Result<String, Invalid> {
    composed.texts.check_for_r5()?;
    let r4_json = serde_json::to_string(&composed.model)?;
    let mut fields: Map<String, Value> = serde_json::from_str(&r4_json)?;
    rename(&mut fields);
    let given = Value::Object(fields);
    let model: R5 = serde_json::from_str(&given.to_string())?;
    let r5_json = serde_json::to_string(&model)?;
    if serde_json::from_str::<Value>(&r5_json)? != given {
        return Err(Invalid::Model);
    }
    composed.texts.put_into(&r5_json, &composed.root)
}

/// In R5 the denominator of a ratio is a SimpleQuantity, which has no comparator.
fn check_denominators(draft: &ObservationDraft) -> Result<(), Invalid> {
    for (index, component) in draft.components.iter().enumerate() {
        if let ComponentValue::Ratio { denominator, .. } = &component.value
            && denominator.comparator.is_some()
        {
            let component = Path::of_resource("Observation")
                .field("component")
                .item(index);
            let denominator = component.field("valueRatio").field("denominator");
            return Err(Invalid::rule("sqty-1", &denominator));
        }
    }
    Ok(())
}

/// `Device.deviceName.name` is `Device.name.value` in R5.
fn name_devices(resource: &mut Map<String, Value>) {
    let contained = resource.get_mut("contained").and_then(Value::as_array_mut);
    for device in contained
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        rename(device, "deviceName", "name");
        let names = device.get_mut("name").and_then(Value::as_array_mut);
        for name in names.into_iter().flatten().filter_map(Value::as_object_mut) {
            rename(name, "name", "value");
        }
    }
}

/// `Task.statusReason` is a CodeableReference in R5; `Task.reasonCode` is a list of them, named `reason`.
fn refer_to_reasons(task: &mut Map<String, Value>) {
    if let Some(concept) = task.remove("statusReason") {
        task.insert("statusReason".to_owned(), json!({ "concept": concept }));
    }
    if let Some(concept) = task.remove("reasonCode") {
        task.insert("reason".to_owned(), json!([{ "concept": concept }]));
    }
}

/// In R5 what happened is one `code` in a `category`, the outcome has a code and words of another value set, networks are
/// texts, and an entity has no type: the role says what it is. The patient has an element of its own.
fn retell_event(event: &mut Map<String, Value>) {
    event.remove("meta");
    if let Some(kind) = event.remove("type") {
        event.insert("category".to_owned(), json!([{ "coding": [kind] }]));
    }
    if let Some(subtypes) = event.remove("subtype") {
        event.insert("code".to_owned(), json!({ "coding": subtypes }));
    }
    let severity = match event.get("outcome").and_then(Value::as_str) {
        Some("0") => "success",
        Some("4") => "error",
        _ => "fatal",
    };
    let mut outcome = json!({
        "code": { "system": "http://hl7.org/fhir/issue-severity", "code": severity }
    });
    if let Some(words) = event.remove("outcomeDesc") {
        outcome["detail"] = json!([{ "text": words }]);
    }
    event.insert("outcome".to_owned(), outcome);
    for agent in objects(event, "agent") {
        if let Some(Value::Object(network)) = agent.remove("network") {
            let key = match network.get("type").and_then(Value::as_str) {
                Some("5") => "networkUri",
                _ => "networkString",
            };
            agent.extend(
                network
                    .get("address")
                    .map(|it| (key.to_owned(), it.clone())),
            );
        }
    }
    if let Some(source) = event.get_mut("source").and_then(Value::as_object_mut)
        && let Some(Value::Array(kinds)) = source.remove("type")
    {
        let concepts: Vec<Value> = (kinds.into_iter())
            .map(|kind| json!({ "coding": [kind] }))
            .collect();
        source.insert("type".to_owned(), Value::Array(concepts));
    }
    let mut patient = None;
    for entity in objects(event, "entity") {
        let kind = entity.remove("type");
        let role = entity.remove("role").or(kind);
        if let Some(role) = role {
            if role["code"] == "1" {
                patient = entity.get("what").cloned();
            }
            entity.insert("role".to_owned(), json!({ "coding": [role] }));
        }
    }
    event.extend(patient.map(|patient| ("patient".to_owned(), patient)));
}

/// The objects in a list of this name.
fn objects<'o>(
    parent: &'o mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'o mut Map<String, Value>> {
    let items = parent.get_mut(name).and_then(Value::as_array_mut);
    (items.into_iter().flatten()).filter_map(Value::as_object_mut)
}

fn rename(object: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use fhir_sdk::r5::types::Period;

    #[test]
    fn what_a_model_does_not_know_is_a_fault_and_not_dropped() {
        let draft = TaskDraft {
            id: "t".to_owned(),
            code: crate::Concept {
                text: Some("review".to_owned()),
                ..Default::default()
            },
            ..Default::default()
        };
        // Of a Task's elements a Period knows the id alone.
        let lost = convert::<_, Period>(crate::task::compose(&draft).unwrap(), |_| {});
        assert_eq!(lost, Err(Invalid::Model));
    }
}
