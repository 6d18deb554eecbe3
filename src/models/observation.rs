//! The result itself.

use crate::{
    checks,
    drafts::{
        Coding, Component, ComponentValue, Concept, Effective, ObservationDraft, ObservationStatus,
        Reference,
    },
    elements,
    exact::{Composed, ExactTexts},
    invalid::Invalid,
    path::Path,
};
use fhir_sdk::r4b::{
    codes,
    resources::{
        Observation, ObservationComponent, ObservationComponentValue, ObservationEffective,
        ObservationValue,
    },
    types as model,
};

const RELATED_CONDITION: &str =
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition";

/// The Observation as FHIR R4 JSON.
///
/// # Errors
/// The first element that FHIR would refuse.
pub fn observation(draft: &ObservationDraft) -> Result<String, Invalid> {
    compose(draft)?.into_json()
}

/// The Observation as model, in the order of its elements.
pub(crate) fn compose(draft: &ObservationDraft) -> Result<Composed<Observation>, Invalid> {
    let root = Path::of_resource("Observation");
    let mut texts = ExactTexts::default();
    let references =
        |name, drafts: &[Reference]| elements::list(&root, name, drafts, elements::reference);
    let reference = |name, draft: &Option<Reference>| {
        elements::optional(&root, name, draft, elements::reference)
    };
    let concepts =
        |name, drafts: &[Concept]| elements::list(&root, name, drafts, elements::concept);

    let mut observation = Observation::builder()
        .status(status(draft.status))
        .code(elements::concept(&draft.code, &root.field("code"))?)
        .build()?;
    observation.id = Some(checks::id(&draft.id, &root.field("id"))?);
    observation.meta = elements::meta(&root, &draft.profiles, &draft.security, &draft.tags)?;
    observation.contained = vec![elements::contained(&root, &draft.device)?];
    let related_conditions = elements::list(
        &root,
        "extension",
        &draft.related_conditions,
        related_condition,
    )?;
    observation.extension = related_conditions.into_iter().flatten().collect();
    observation.identifier = elements::list(
        &root,
        "identifier",
        &draft.identifiers,
        elements::identifier,
    )?;
    observation.based_on = references("basedOn", &draft.based_on)?;
    observation.category = concepts("category", &draft.categories)?;
    observation.subject = reference("subject", &draft.subject)?;
    observation.focus = references("focus", &draft.focus)?;
    observation.encounter = reference("encounter", &draft.encounter)?;
    observation.effective = effective(&draft.effective, &root, &mut texts)?;
    observation.issued = elements::optional(&root, "issued", &draft.issued, |text: &str, path| {
        texts.instant(text, path)
    })?;
    observation.performer = references("performer", &draft.performers)?;
    let value = elements::concept(&draft.value, &root.field("valueCodeableConcept"))?;
    observation.value = Some(ObservationValue::CodeableConcept(value));
    observation.interpretation = concepts("interpretation", draft.interpretation.as_slice())?;
    observation.note = elements::list(&root, "note", &draft.notes, note)?;
    observation.method = elements::optional(&root, "method", &draft.method, elements::concept)?;
    observation.specimen = reference("specimen", &draft.specimen)?;
    observation.device = Some(elements::device_reference(&draft.device)?);
    observation.derived_from = references("derivedFrom", &draft.derived_from)?;
    observation.component = components(draft, &root.field("component"), &mut texts)?;

    Ok(Composed {
        model: observation,
        root,
        texts,
    })
}

fn related_condition(draft: &Reference, path: &Path) -> Result<model::Extension, Invalid> {
    let condition = elements::reference(draft, &path.field("valueReference"))?;
    Ok(model::Extension::builder()
        .url(RELATED_CONDITION.to_owned())
        .value(model::ExtensionValue::Reference(condition))
        .build()?)
}

fn effective(
    draft: &Option<Effective>,
    root: &Path,
    texts: &mut ExactTexts,
) -> Result<Option<ObservationEffective>, Invalid> {
    let effective = match draft {
        None => return Ok(None),
        Some(Effective::DateTime(text)) => {
            let date_time = texts.date_time(text, &root.field("effectiveDateTime"))?;
            ObservationEffective::DateTime(date_time)
        }
        Some(Effective::Period { start, end }) => {
            let path = root.field("effectivePeriod");
            ObservationEffective::Period(elements::period(start, end, &path, texts)?)
        }
    };
    Ok(Some(effective))
}

fn note(text: &str, path: &Path) -> Result<model::Annotation, Invalid> {
    let text = checks::text(text, &path.field("text"))?;
    Ok(model::Annotation::builder().text(text).build()?)
}

/// The components, none of which may have a coding of the Observation's code, since that has its value already (obs-7).
fn components(
    draft: &ObservationDraft,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<Vec<Option<ObservationComponent>>, Invalid> {
    let mut components = Vec::new();
    for (index, component) in draft.components.iter().enumerate() {
        let path = path.item(index);
        let is_own_code = |coding: &Coding| {
            let mut own = draft.code.codings.iter();
            own.any(|own| own.system == coding.system && own.code == coding.code)
        };
        if component.code.codings.iter().any(is_own_code) {
            return Err(Invalid::rule("obs-7", &path.field("code")));
        }
        components.push(Some(compose_component(component, &path, texts)?));
    }
    Ok(components)
}

fn compose_component(
    draft: &Component,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<ObservationComponent, Invalid> {
    let code = elements::concept(&draft.code, &path.field("code"))?;
    let value = component_value(&draft.value, path, texts)?;
    Ok(ObservationComponent::builder()
        .code(code)
        .value(value)
        .build()?)
}

fn component_value(
    draft: &ComponentValue,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<ObservationComponentValue, Invalid> {
    Ok(match draft {
        ComponentValue::Concept(concept) => {
            let path = path.field("valueCodeableConcept");
            ObservationComponentValue::CodeableConcept(elements::concept(concept, &path)?)
        }
        ComponentValue::Quantity(quantity) => {
            let path = path.field("valueQuantity");
            ObservationComponentValue::Quantity(elements::quantity(quantity, &path, texts)?)
        }
        ComponentValue::Range { low, high } => {
            let path = path.field("valueRange");
            ObservationComponentValue::Range(elements::range(low, high, &path, texts)?)
        }
        ComponentValue::Ratio {
            numerator,
            denominator,
        } => {
            let path = path.field("valueRatio");
            let ratio = elements::ratio(numerator, denominator, &path, texts)?;
            ObservationComponentValue::Ratio(ratio)
        }
        ComponentValue::Integer(number) => ObservationComponentValue::Integer(*number),
        ComponentValue::Text(text) => {
            ObservationComponentValue::String(checks::text(text, &path.field("valueString"))?)
        }
    })
}

fn status(draft: ObservationStatus) -> codes::ObservationStatus {
    match draft {
        ObservationStatus::Preliminary => codes::ObservationStatus::Preliminary,
        ObservationStatus::Final => codes::ObservationStatus::Final,
        ObservationStatus::Amended => codes::ObservationStatus::Amended,
        ObservationStatus::Corrected => codes::ObservationStatus::Corrected,
        ObservationStatus::EnteredInError => codes::ObservationStatus::EnteredInError,
    }
}
