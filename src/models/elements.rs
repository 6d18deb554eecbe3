//! The data types that the resources share, from draft to model.

use crate::{
    checks, dates,
    drafts::{Coding, Comparator, Concept, Identifier, Quantity, Reference, SoftwareDevice},
    exact::ExactTexts,
    invalid::Invalid,
    path::Path,
};
use fhir_sdk::r4b::{
    codes,
    resources::{Device, DeviceDeviceName, DeviceVersion, Resource},
    types as model,
};
use std::borrow::Borrow;

/// The list element of this name: each item by the function, at its own path.
pub(crate) fn list<Draft, Borrowed, Model>(
    parent: &Path,
    name: &str,
    drafts: &[Draft],
    compose: impl Fn(&Borrowed, &Path) -> Result<Model, Invalid>,
) -> Result<Vec<Option<Model>>, Invalid>
where
    Draft: Borrow<Borrowed>,
    Borrowed: ?Sized,
{
    let path = parent.field(name);
    let mut items = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        items.push(Some(compose(draft.borrow(), &path.item(index))?));
    }
    Ok(items)
}

/// The element of this name by the function, or nothing where the draft has none.
pub(crate) fn optional<Draft, Borrowed, Model>(
    parent: &Path,
    name: &str,
    draft: &Option<Draft>,
    compose: impl FnOnce(&Borrowed, &Path) -> Result<Model, Invalid>,
) -> Result<Option<Model>, Invalid>
where
    Draft: Borrow<Borrowed>,
    Borrowed: ?Sized,
{
    match draft {
        Some(draft) => compose(draft.borrow(), &parent.field(name)).map(Some),
        None => Ok(None),
    }
}

/// The resource's metadata, or nothing where it would be empty.
pub(crate) fn meta(
    root: &Path,
    profiles: &[String],
    security: &[Coding],
    tags: &[Coding],
) -> Result<Option<model::Meta>, Invalid> {
    if profiles.is_empty() && security.is_empty() && tags.is_empty() {
        return Ok(None);
    }
    let path = root.field("meta");
    let mut meta = model::Meta::builder().build()?;
    meta.profile = list(&path, "profile", profiles, checks::uri)?;
    meta.security = list(&path, "security", security, coding)?;
    meta.tag = list(&path, "tag", tags, coding)?;
    Ok(Some(meta))
}

/// A coding, which must have a code.
pub(crate) fn coding(draft: &Coding, path: &Path) -> Result<model::Coding, Invalid> {
    let code_path = path.field("code");
    let code = draft
        .code
        .as_deref()
        .ok_or_else(|| Invalid::missing(&code_path))?;
    let mut coding = model::Coding::builder().build()?;
    coding.system = optional(path, "system", &draft.system, checks::uri)?;
    coding.version = optional(path, "version", &draft.version, checks::text)?;
    coding.code = Some(checks::code(code, &code_path)?);
    coding.display = optional(path, "display", &draft.display, checks::text)?;
    Ok(coding)
}

/// A concept, which must have a coding or words.
pub(crate) fn concept(draft: &Concept, path: &Path) -> Result<model::CodeableConcept, Invalid> {
    if draft.codings.is_empty() && draft.text.is_none() {
        return Err(Invalid::missing(path));
    }
    let mut concept = model::CodeableConcept::builder().build()?;
    concept.coding = list(path, "coding", &draft.codings, coding)?;
    concept.text = optional(path, "text", &draft.text, checks::text)?;
    Ok(concept)
}

/// A concept of one coding that this crate itself knows.
pub(crate) fn known_concept(system: &str, code: &str) -> Result<model::CodeableConcept, Invalid> {
    let mut coding = model::Coding::builder().build()?;
    coding.system = Some(system.to_owned());
    coding.code = Some(code.to_owned());
    let mut concept = model::CodeableConcept::builder().build()?;
    concept.coding = vec![Some(coding)];
    Ok(concept)
}

/// An identifier.
pub(crate) fn identifier(draft: &Identifier, path: &Path) -> Result<model::Identifier, Invalid> {
    let mut identifier = model::Identifier::builder().build()?;
    identifier.system = Some(checks::uri(&draft.system, &path.field("system"))?);
    identifier.value = Some(checks::text(&draft.value, &path.field("value"))?);
    Ok(identifier)
}

/// A reference, which must say by address, identifier or name what it means (ref-2), and never by an address inside
/// a contained resource: a draft's only contained resource is the device, to which this crate refers by itself (ref-1).
pub(crate) fn reference(draft: &Reference, path: &Path) -> Result<model::Reference, Invalid> {
    if draft.reference.is_none() && draft.identifier.is_none() && draft.display.is_none() {
        return Err(Invalid::missing(path));
    }
    let mut reference = model::Reference::builder().build()?;
    reference.reference = optional(path, "reference", &draft.reference, address)?;
    reference.r#type = optional(path, "type", &draft.kind, checks::uri)?;
    reference.identifier = optional(path, "identifier", &draft.identifier, identifier)?;
    reference.display = optional(path, "display", &draft.display, checks::text)?;
    Ok(reference)
}

fn address(text: &str, path: &Path) -> Result<String, Invalid> {
    if text.contains('#') {
        return Err(Invalid::Fragment {
            path: path.to_string(),
        });
    }
    checks::uri(text, path)
}

/// A quantity, whose unit's code must have a system (qty-3).
pub(crate) fn quantity(
    draft: &Quantity,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<model::Quantity, Invalid> {
    if draft.code.is_some() && draft.system.is_none() {
        return Err(Invalid::rule("qty-3", path));
    }
    let mut quantity = model::Quantity::builder().build()?;
    quantity.value = Some(texts.decimal(&draft.value, &path.field("value"))?);
    quantity.comparator = draft.comparator.map(comparator);
    quantity.unit = optional(path, "unit", &draft.unit, checks::text)?;
    quantity.system = optional(path, "system", &draft.system, checks::uri)?;
    quantity.code = optional(path, "code", &draft.code, checks::code)?;
    Ok(quantity)
}

/// A range, which has a bound, whose bounds have no comparator (sqty-1), and which does not end below its start (rng-2).
pub(crate) fn range(
    low: &Option<Quantity>,
    high: &Option<Quantity>,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<model::Range, Invalid> {
    if low.is_none() && high.is_none() {
        return Err(Invalid::missing(path));
    }
    if let (Some(low), Some(high)) = (low, high)
        && is_more(low, high)
    {
        return Err(Invalid::rule("rng-2", path));
    }
    let mut bound = |draft: &Quantity, path: &Path| match draft.comparator {
        Some(_) => Err(Invalid::rule("sqty-1", path)),
        None => quantity(draft, path, texts),
    };
    let mut range = model::Range::builder().build()?;
    range.low = optional(path, "low", low, &mut bound)?;
    range.high = optional(path, "high", high, &mut bound)?;
    Ok(range)
}

/// A ratio of two quantities.
pub(crate) fn ratio(
    numerator: &Quantity,
    denominator: &Quantity,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<model::Ratio, Invalid> {
    let mut ratio = model::Ratio::builder().build()?;
    ratio.numerator = Some(quantity(numerator, &path.field("numerator"), texts)?);
    ratio.denominator = Some(quantity(denominator, &path.field("denominator"), texts)?);
    Ok(ratio)
}

/// A period, which has an end at least, and does not end before its start (per-1).
pub(crate) fn period(
    start: &Option<String>,
    end: &Option<String>,
    path: &Path,
    texts: &mut ExactTexts,
) -> Result<model::Period, Invalid> {
    if start.is_none() && end.is_none() {
        return Err(Invalid::missing(path));
    }
    if let (Some(start), Some(end)) = (start, end)
        && dates::is_later(start, end)
    {
        return Err(Invalid::rule("per-1", path));
    }
    let mut date_time = |text: &str, path: &Path| texts.date_time(text, path);
    let mut period = model::Period::builder().build()?;
    period.start = optional(path, "start", start, &mut date_time)?;
    period.end = optional(path, "end", end, &mut date_time)?;
    Ok(period)
}

/// The program as the only contained resource.
pub(crate) fn contained(root: &Path, draft: &SoftwareDevice) -> Result<Resource, Invalid> {
    let path = root.field("contained").item(0);
    let name_path = path.field("deviceName").item(0).field("name");
    let name = DeviceDeviceName::builder()
        .name(checks::text(&draft.name, &name_path)?)
        .r#type(codes::DeviceNameType::UserFriendlyName)
        .build()?;
    let version_path = path.field("version").item(0).field("value");
    let version = DeviceVersion::builder()
        .value(checks::text(&draft.version, &version_path)?)
        .build()?;
    let mut device = Device::builder().build()?;
    device.id = Some(checks::id(&draft.local_id, &path.field("id"))?);
    device.identifier = list(&path, "identifier", draft.identifier.as_slice(), identifier)?;
    device.device_name = vec![Some(name)];
    device.version = vec![Some(version)];
    Ok(Resource::from(device))
}

/// A reference to the contained program, whose id [`contained`] has checked.
pub(crate) fn device_reference(draft: &SoftwareDevice) -> Result<model::Reference, Invalid> {
    let mut reference = model::Reference::builder().build()?;
    reference.reference = Some(format!("#{}", draft.local_id));
    Ok(reference)
}

/// Whether the first amount is greater than the second; amounts in different units are not compared.
///
/// Two numbers may become equal as `f64`, but never change their order: a range in order is never called disordered.
fn is_more(first: &Quantity, second: &Quantity) -> bool {
    let same_unit =
        first.system == second.system && first.code == second.code && first.unit == second.unit;
    match (first.value.parse::<f64>(), second.value.parse::<f64>()) {
        (Ok(first), Ok(second)) => same_unit && first > second,
        _ => false,
    }
}

fn comparator(draft: Comparator) -> codes::QuantityComparator {
    match draft {
        Comparator::Less => codes::QuantityComparator::Less,
        Comparator::LessOrEqual => codes::QuantityComparator::LessOrEqual,
        Comparator::Greater => codes::QuantityComparator::Greater,
        Comparator::GreaterOrEqual => codes::QuantityComparator::GreaterOrEqual,
    }
}
