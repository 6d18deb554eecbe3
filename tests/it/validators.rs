//! What is composed, held against FHIR: here what validators miss, and files of all of it for validators of others to read
//! (`.ci/validators`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use her2_adapter::app;
use her2_adapter::config::{CodingOrder, Config};
use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::{Pool, Rejected};
use her2_adapter::mapping::exchange::{concept_maps, value_sets};
use her2_adapter::mapping::output::Profile;
use her2_adapter::mapping::table::layers::Stack;
use her2_adapter::mapping::terminology;
use her2_adapter::pipeline::lifecycle::ResultState;
use her2_adapter::pipeline::results::{
    Answer, Composer, FinalChange, Prior, Publishing, Release, Signature, Verdict,
    final_change_task, unreadable_entry, withdrawal,
};
use her2_adapter::pipeline::{Rules, derive};
use serde_json::{Value, json};

use crate::golden_cases::{IDENTIFIER_BASE, case_folders, folders_of_cases, rules};
use crate::support::{case_file, stage};

const NOW: &str = "2026-01-02T03:04:05Z";

/// Later versions of an input, in the order in which they may come.
const LATER: [&str; 3] = [
    "bundle-amended.json",
    "bundle-addendum.json",
    "bundle-retracted.json",
];

/// The default settings, changed.
fn with(change: impl Fn(&mut Config)) -> Config {
    let mut config = Config::load(None).unwrap();
    change(&mut config);
    config
}

/// Settings under which results are composed differently.
fn settings() -> Vec<(&'static str, Config)> {
    vec![
        ("default", with(|_| {})),
        (
            "patient views, LOINC first, final at once",
            with(|config| {
                config.publish.patient_summary = true;
                config.publish.coding_order = CodingOrder::LoincFirst;
                config.publish.final_without_sign_off = true;
            }),
        ),
        (
            "ICHOM",
            with(|config| config.publish.profiles = vec![Profile::Mcode, Profile::Ichom]),
        ),
        (
            "MII, no low",
            with(|config| {
                config.publish.profiles = vec![Profile::Mii];
                config.publish.low_and_ultralow = false;
            }),
        ),
    ]
}

/// The inputs of every golden case, each with its later version where there is one.
fn inputs() -> Vec<(String, Vec<String>)> {
    let folders = (case_folders().into_iter()).chain(folders_of_cases("tests/cases/shapes"));
    let mut inputs = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let first = fs::read_to_string(folder.join("bundle.json")).unwrap();
        for later in LATER {
            if let Ok(later) = fs::read_to_string(folder.join(later)) {
                inputs.push((name.clone(), vec![first.clone(), later]));
            }
        }
        inputs.push((name, vec![first]));
    }
    inputs
}

/// Over which versions a result is composed.
#[derive(Clone, Copy, PartialEq)]
enum Over {
    Nothing,
    /// Nothing, a preliminary and a final version; and the withdrawal of a final one.
    Everything,
}

/// What is composed of an input, as texts.
fn texts_of(bundles: &[String], config: &Config, release: Release, over: Over) -> Vec<String> {
    // Reading the mapping takes a while, and the default rules are read already.
    let rules = Rules {
        patient_summary: config.publish.patient_summary,
        ..rules()
    };
    let publishing = app::publishing(config, release).unwrap();
    let mut pool = Pool::new(None);
    for bundle in bundles {
        let bundle = Json::parse(bundle).unwrap();
        for (index, entry) in bundle.items_at("entry").iter().enumerate() {
            if let Some(resource) = entry.get("resource") {
                let place = format!("entry {index}");
                let _ = pool.add(resource.clone(), entry.text_at("fullUrl"), &place);
            }
        }
    }
    let prior = |state| Prior {
        version: "1".to_owned(),
        state,
        fingerprint: None,
        content: None,
        rejection: None,
        answer: Answer {
            status: "negative".to_owned(),
            category: "null".to_owned(),
        },
    };
    let mut texts = Vec::new();
    for case in &derive(&pool, &rules).cases {
        let versions = [
            None,
            Some(prior(ResultState::Preliminary)),
            Some(prior(ResultState::Final)),
        ];
        let versions = versions
            .iter()
            .take(if over == Over::Nothing { 1 } else { 3 });
        let composer = Composer::new(case, &pool, &rules, &publishing, NOW);
        for prior in versions {
            let resources = composer.compose(prior.as_ref()).unwrap();
            texts.extend(resources.all().map(|written| written.text.clone()));
        }
        if over == Over::Nothing {
            continue;
        }
        texts.extend(answered(&composer, &rules, &publishing));
        let prior = prior(ResultState::Final);
        let change = FinalChange {
            replaces: prior.version.clone(),
            from: prior.answer.clone(),
            to: None,
        };
        let subject = case.subject.as_deref();
        let told = final_change_task(&case.id, subject, &change, &rules.base, release, NOW);
        texts.push(told.unwrap().text);
        let withdrawn = withdrawal(&case.id, &case.inputs, &prior, &rules, release, NOW).unwrap();
        texts.push(withdrawn.text);
    }
    let broken = Rejected::new("page 1, entry 2".to_owned(), "no JSON".to_owned(), "{");
    texts.push(
        unreadable_entry(&broken, &rules.base, release, NOW)
            .unwrap()
            .text,
    );
    texts
}

/// A first version as a person signs it, and as a person rejects it, each with its Provenance; and the Provenance that newer
/// versions of its sources say the same.
fn answered(composer: &Composer<'_>, rules: &Rules, publishing: &Publishing) -> Vec<String> {
    let first = composer.compose(None).unwrap();
    let Some(result) = first.observation else {
        return Vec::new();
    };
    let json = Json::parse(&result.text).unwrap();
    let prior = Prior::read(&json, "1", &rules.base, &publishing.codes);
    let mut texts = Vec::new();
    for verdict in [Verdict::Accept, Verdict::Reject] {
        let signature = Signature {
            verdict,
            reason: Some("The block is another one.".to_owned()),
            signer: "Practitioner/pathologist".to_owned(),
            task: format!("{}/_history/2", first.sign_off.clone().unwrap_or_default()),
        };
        let written = composer.signed(&result.text, &prior, &signature);
        texts.extend(written.unwrap().map(|written| written.text));
    }
    let older = Prior {
        fingerprint: Some("older".to_owned()),
        ..prior
    };
    let kept = composer.compose(Some(&older)).unwrap();
    assert_eq!(kept.observation, None, "the same evidence makes no version");
    texts.extend(kept.provenance.map(|provenance| provenance.text));
    texts
}

/// What is composed of an input as a first version.
fn composed(bundles: &[String], config: &Config) -> Vec<Value> {
    (texts_of(bundles, config, Release::R4, Over::Nothing).iter())
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

/// A resource that was composed.
struct Composed {
    /// The case and settings that it was composed for.
    place: String,
    text: String,
    resource: Value,
}

/// Everything that is composed for R4.
fn everything_in_r4() -> &'static [Composed] {
    static ALL: LazyLock<Vec<Composed>> = LazyLock::new(|| everything(Release::R4));
    &ALL
}

/// Everything that is composed of all inputs under all settings, each text once.
fn everything(release: Release) -> Vec<Composed> {
    let mut all = BTreeMap::new();
    let mut over = Over::Everything;
    for (label, config) in settings() {
        for (name, bundles) in inputs() {
            for text in texts_of(&bundles, &config, release, over) {
                let place = format!("{name} ({label})");
                all.entry(text).or_insert(place);
            }
        }
        over = Over::Nothing;
    }
    (all.into_iter())
        .map(|(text, place)| Composed {
            resource: serde_json::from_str(&text).unwrap(),
            place,
            text,
        })
        .collect()
}

/// Where in a resource references stand, and what they may name there by R4. The profiles that are claimed narrow the
/// subject to a Patient, and nothing else by type.
const TARGETS: [(&str, &[&str]); 18] = [
    (
        "Observation.subject",
        &["Patient", "Group", "Device", "Location"],
    ),
    ("Observation.specimen", &["Specimen"]),
    ("Observation.encounter", &["Encounter"]),
    ("Observation.device", &["Device"]),
    ("Observation.focus", &["Resource"]),
    (
        "Observation.basedOn",
        &[
            "CarePlan",
            "DeviceRequest",
            "ImmunizationRecommendation",
            "MedicationRequest",
            "NutritionOrder",
            "ServiceRequest",
        ],
    ),
    (
        "Observation.performer",
        &[
            "Practitioner",
            "PractitionerRole",
            "Organization",
            "CareTeam",
            "Patient",
            "RelatedPerson",
        ],
    ),
    ("Observation.derivedFrom", &["Observation"]),
    ("Observation.extension.valueReference", &["Condition"]),
    ("Observation.note.authorReference", &["Practitioner"]),
    ("Provenance.target", &["Observation"]),
    ("Provenance.agent.who", &["Device", "Practitioner"]),
    ("Provenance.entity.what", &["Resource"]),
    ("Task.focus", &["Resource"]),
    ("Task.for", &["Resource"]),
    ("Task.encounter", &["Encounter"]),
    ("Task.requester", &["Device"]),
    ("Task.owner", &["Practitioner"]),
];

/// The type of what a reference names, or what is wrong with it.
fn type_of(reference: &Value, resource: &Value) -> Result<String, String> {
    let stated = reference["type"].as_str().map(str::to_owned);
    let Some(literal) = reference["reference"].as_str() else {
        return stated.ok_or_else(|| "neither a reference nor a type".to_owned());
    };
    if let Some(id) = literal.strip_prefix('#') {
        let contained = resource["contained"].as_array().into_iter().flatten();
        let mut named = contained.filter(|contained| contained["id"] == id);
        let kind = named
            .next()
            .and_then(|contained| contained["resourceType"].as_str());
        return kind
            .map(str::to_owned)
            .ok_or_else(|| "nothing so contained".to_owned());
    }
    // What an address like this names, only the Bundle tells that it stood in.
    if literal.starts_with("urn:") {
        return Ok(stated.unwrap_or_else(|| "urn".to_owned()));
    }
    let unversioned = literal.split("/_history/").next().unwrap_or_default();
    let kind = unversioned.rsplit('/').nth(1).unwrap_or_default();
    if stated.is_some_and(|stated| stated != kind) {
        return Err("a type that is not that of the address".to_owned());
    }
    Ok(kind.to_owned())
}

fn faults_of_references(
    path: &str,
    value: &Value,
    resource: &Value,
    faults: &mut BTreeSet<String>,
) {
    match value {
        Value::Array(items) => {
            for item in items {
                faults_of_references(path, item, resource, faults);
            }
        }
        Value::Object(members) => {
            // An identifier of an input version has a reference beside it; elsewhere one of the two names a target.
            let is_reference = members.contains_key("reference")
                || (members.contains_key("identifier") && members.contains_key("type"));
            if is_reference && path.contains('.') {
                let allowed = TARGETS.iter().find(|(at, _)| *at == path);
                match (allowed, type_of(value, resource)) {
                    (None, _) => {
                        _ = faults.insert(format!("{path}: no reference is expected here"))
                    }
                    (Some(_), Err(why)) => _ = faults.insert(format!("{path}: {why}: {value}")),
                    (Some((_, kinds)), Ok(kind)) => {
                        if ![kind.as_str(), "Resource"]
                            .iter()
                            .any(|allowed| kinds.contains(allowed))
                            && kind != "urn"
                        {
                            faults.insert(format!("{path}: {kind}"));
                        }
                    }
                }
            }
            for (key, value) in members {
                if key != "contained" {
                    faults_of_references(&format!("{path}.{key}"), value, resource, faults);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_names_a_type_that_its_element_allows() {
    let mut faults = BTreeSet::new();
    for Composed {
        place,
        text,
        resource,
    } in everything_in_r4()
    {
        let mut found = BTreeSet::new();
        let kind = resource["resourceType"].as_str().unwrap();
        faults_of_references(kind, resource, resource, &mut found);
        let subject = resource
            .get("subject")
            .map(|subject| type_of(subject, resource));
        // dom-3, which no validator here evaluates.
        for contained in resource["contained"].as_array().into_iter().flatten() {
            let named = format!("\"reference\":\"#{}\"", contained["id"].as_str().unwrap());
            if !text.contains(&named) {
                found.insert("something is contained that nothing refers to".to_owned());
            }
        }
        let claims = resource["meta"].get("profile").is_some();
        if claims && !matches!(subject, Some(Ok(kind)) if ["Patient", "urn"].contains(&&*kind)) {
            found.insert("a profile is claimed of no Patient".to_owned());
        }
        faults.extend(found.iter().map(|fault| format!("{place}: {fault}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn references_of_a_wrong_type_in_the_input_are_not_carried_over() {
    let mut bundle: Value = serde_json::from_str(&case_file(
        "loose-ihc-3-plus-observation-is-positive",
        "bundle.json",
    ))
    .unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        let resource = &mut entry["resource"];
        if resource["resourceType"] == "Observation" {
            resource["performer"] =
                json!([{"reference": "Device/d"}, {"reference": "Organization/o"}]);
            resource["basedOn"] = json!([{"reference": "Patient/p"}]);
            resource["encounter"] = json!({"reference": "Condition/c"});
        }
    }
    let config = Config::load(None).unwrap();
    let composed = composed(&[bundle.to_string()], &config);
    let result = composed
        .iter()
        .find(|one| one["resourceType"] == "Observation")
        .unwrap();
    assert_eq!(
        result["performer"],
        json!([{"reference": "Organization/o"}])
    );
    assert_eq!(
        (&result["basedOn"], &result["encounter"]),
        (&Value::Null, &Value::Null)
    );
}

/// `system|code` of a value set of ours, with the codes of the systems that it takes as a whole.
fn codes_of(resources: &[Value], id: &str) -> BTreeSet<String> {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let set = resources.iter().find(|one| one["id"] == id).unwrap();
    let mut codes = BTreeSet::new();
    for include in items(&set["compose"]["include"]) {
        let system = include["system"].as_str().unwrap();
        let whole = resources.iter().find(|one| one["url"] == system);
        let concepts = match items(&include["concept"]).as_slice() {
            [] => items(&whole.unwrap()["concept"]),
            listed => listed.to_vec(),
        };
        let names = concepts
            .iter()
            .map(|concept| concept["code"].as_str().unwrap().to_owned());
        codes.extend(names.map(|code| format!("{system}|{code}")));
    }
    codes
}

#[test]
fn coded_elements_hold_what_their_value_sets_list_and_displays_are_those_of_the_code_systems() {
    let resources = terminology::resources(IDENTIFIER_BASE);
    let ours = format!("{IDENTIFIER_BASE}/CodeSystem/");
    let set = |id: &str| codes_of(&resources, id);
    let (status, interpretation, method) = (
        set("her2-result-status"),
        set("her2-result-interpretation"),
        set("her2-result-method"),
    );
    let (component, reason) = (set("her2-result-component"), set("her2-task-reason"));
    let answers: BTreeMap<&str, BTreeSet<String>> = [
        ("category", "her2-result-category"),
        ("next-action", "her2-result-next-action"),
        ("ish-group", "her2-result-ish-group"),
        ("recount-group", "her2-result-ish-group"),
        ("adjudicated-group", "her2-result-ish-group"),
        ("85319-2", "her2-result-ihc-score"),
        ("18474-7", "her2-result-ihc-score"),
    ]
    .map(|(code, id)| (code, set(id)))
    .into();
    let config = Config::load(None).unwrap();
    let mut seen = BTreeSet::new();
    let mut look = |concept: &Value, allowed: &BTreeSet<String>| {
        for coding in concept["coding"].as_array().into_iter().flatten() {
            let (system, code) = (
                coding["system"].as_str().unwrap(),
                coding["code"].as_str().unwrap(),
            );
            let name = format!("{system}|{code}");
            assert!(allowed.contains(&name), "{name} is not in its value set");
            if let Some(id) = system.strip_prefix(&ours) {
                assert_eq!(
                    coding["display"].as_str(),
                    terminology::display(id, code),
                    "{name}"
                );
                seen.insert(id.to_owned());
            }
        }
    };
    for (_, bundles) in inputs() {
        for text in texts_of(&bundles, &config, Release::R4, Over::Everything) {
            let resource: Value = serde_json::from_str(&text).unwrap();
            look(&resource["valueCodeableConcept"], &status);
            look(&resource["interpretation"][0], &interpretation);
            look(&resource["method"], &method);
            look(&resource["reasonCode"], &reason);
            let mut parts = BTreeSet::new();
            for part in resource["component"].as_array().into_iter().flatten() {
                look(&part["code"], &component);
                let code = part["code"]["coding"][0]["code"].as_str().unwrap();
                assert!(parts.insert(code), "{code} twice");
                if let Some(allowed) = answers.get(code) {
                    look(&part["valueCodeableConcept"], allowed);
                }
            }
        }
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}

/// The result of a case whose Conditions in focus are changed before.
fn result_of(case: &str, config: &Config, change: impl Fn(&mut Value)) -> Value {
    let mut bundle: Value = serde_json::from_str(&case_file(case, "bundle.json")).unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        change(&mut entry["resource"]);
    }
    composed(&[bundle.to_string()], config)
        .into_iter()
        .find(|one| one["resourceType"] == "Observation")
        .unwrap()
}

fn claiming(profiles: &[Profile]) -> Config {
    with(|config| config.publish.profiles = profiles.to_vec())
}

fn codes_of_value(result: &Value) -> Vec<&str> {
    let codings = result["valueCodeableConcept"]["coding"].as_array().unwrap();
    codings
        .iter()
        .map(|coding| coding["code"].as_str().unwrap())
        .collect()
}

const IHC_LOW: &str = "ihc-1-plus-is-low";

#[test]
fn mcode_is_claimed_unless_the_date_or_the_subject_makes_it_untrue() {
    let config = claiming(&[Profile::Mcode]);
    let claims = |change: &dyn Fn(&mut Value)| {
        let result = result_of(IHC_LOW, &config, change);
        result["meta"]["profile"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(claims(&|_| {}), 1);
    let dated_by_the_month = |resource: &mut Value| {
        if resource["resourceType"] == "Specimen" {
            resource["collection"] = json!({"collectedDateTime": "2024-07"});
        }
    };
    assert_eq!(claims(&dated_by_the_month), 0);
    let of_a_group = |resource: &mut Value| {
        if resource.get("subject").is_some() {
            resource["subject"] = json!({"reference": "Group/g"});
        }
    };
    assert_eq!(claims(&of_a_group), 0);
}

#[test]
fn ichom_is_claimed_with_its_coding_after_the_others_and_of_the_breast_alone() {
    let config = claiming(&[Profile::Mcode, Profile::Ichom]);
    let result = result_of(IHC_LOW, &config, |_| {});
    assert_eq!(
        codes_of_value(&result),
        ["260385009", "LA6577-6", "431396003"]
    );
    assert_eq!(result["meta"]["profile"].as_array().unwrap().len(), 2);
    assert_eq!(
        result["code"]["coding"][0]["display"],
        "HER2 [Interpretation] in tissue"
    );
    // Its binding is required, which no validator here holds against one coding of several.
    let path = "tests/validators/profiles/ValueSet-HER2ReceptorStatusVS.json";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let set: Value = serde_json::from_str(&text).unwrap();
    let include = &set["compose"]["include"][0];
    let allowed = include["concept"].as_array().unwrap();
    for Composed {
        place,
        resource: result,
        ..
    } in everything_in_r4()
    {
        let claims = result["meta"]["profile"].to_string();
        if claims.contains("/ichom-breast-cancer/") {
            let codes = codes_of_value(result);
            let required = codes
                .iter()
                .filter(|code| allowed.contains(&json!({"code": code})));
            assert_eq!(required.count(), 1, "{place}: {codes:?}");
            assert!(
                result["method"].to_string().contains("asco-cap-"),
                "{place}"
            );
            assert_ne!(
                result["interpretation"][0]["coding"][0]["code"], "IND",
                "{place}"
            );
        }
    }
}

#[test]
fn mii_is_claimed_with_the_codings_of_registry_and_guideline() {
    let result = result_of(IHC_LOW, &claiming(&[Profile::Mii]), |_| {});
    assert_eq!(
        codes_of_value(&result),
        ["260385009", "LA6577-6", "N", "low"]
    );
    let mut config = claiming(&[Profile::Mii]);
    config.publish.low_and_ultralow = false;
    let result = result_of(IHC_LOW, &config, |_| {});
    assert_eq!(codes_of_value(&result), ["260385009", "LA6577-6", "N"]);
}

#[test]
fn mii_is_claimed_only_where_a_condition_in_focus_is_that_modules_primary_tumour() {
    const TUMOUR: &str = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/StructureDefinition/mii-pr-onko-diagnose-primaertumor|2026.0.3";
    let config = claiming(&[Profile::Mii]);
    let with = |profile: Option<&str>| {
        let mut bundle: Value = serde_json::from_str(&case_file(IHC_LOW, "bundle.json")).unwrap();
        let entries = bundle["entry"].as_array_mut().unwrap();
        let mut subject = Value::Null;
        for entry in entries.iter_mut() {
            if entry["resource"]["resourceType"] == "Observation" {
                subject = entry["resource"]["subject"].clone();
                entry["resource"]["focus"] = json!([{"reference": "Condition/tumour"}]);
            }
        }
        let mut condition =
            json!({"resourceType": "Condition", "id": "tumour", "subject": subject});
        if let Some(profile) = profile {
            condition["meta"] = json!({"profile": [profile]});
        }
        entries.push(json!({"resource": condition}));
        let composed = composed(&[bundle.to_string()], &config);
        let result = composed
            .into_iter()
            .find(|one| one["resourceType"] == "Observation");
        codes_of_value(&result.unwrap()).len()
    };
    assert_eq!((with(Some(TUMOUR)), with(None)), (4, 2));
}

#[test]
fn mii_speaks_of_one_specimen_and_is_not_claimed_for_a_patient_view() {
    let mut config = claiming(&[Profile::Mcode, Profile::Mii]);
    config.publish.patient_summary = true;
    let composed = composed(
        &[case_file(
            "left-and-right-breast-are-two-cases",
            "bundle.json",
        )],
        &config,
    );
    let results = (composed.iter()).filter(|one| one["resourceType"] == "Observation");
    let (views, specimens): (Vec<&Value>, Vec<&Value>) = results.partition(|result| {
        let from = result["derivedFrom"][0]["reference"].as_str().unwrap();
        from.starts_with("Observation/h2o-")
    });
    let claims = |results: Vec<&Value>| -> BTreeSet<usize> {
        let profiles = results
            .into_iter()
            .map(|one| one["meta"]["profile"].as_array());
        profiles
            .map(|profiles| profiles.map_or(0, Vec::len))
            .collect()
    };
    assert_eq!((claims(views), claims(specimens)), ([1].into(), [2].into()));
}

/// The folder that `.ci/validators` reads.
fn folder_of_validators() -> Option<PathBuf> {
    let folder = std::env::var_os("HER2_VALIDATOR_FILES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: no validator asks for files; .ci/validators does");
    }
    folder
}

/// A line for each resource, with the place that a message is to name.
fn write_lines(folder: &Path, name: &str, resources: impl Iterator<Item = (String, String)>) {
    let lines: Vec<String> = resources
        .map(|(place, text)| format!("{{\"place\":{},\"resource\":{text}}}\n", json!(place)))
        .collect();
    assert!(!lines.is_empty());
    fs::write(folder.join(name), lines.concat()).unwrap();
}

fn write_composed(folder: &Path, name: &str, all: &[Composed]) {
    let lines = all.iter().map(|one| (one.place.clone(), one.text.clone()));
    write_lines(folder, name, lines);
}

#[test]
fn what_is_composed_is_written_down_for_validators() {
    let Some(folder) = folder_of_validators() else {
        return;
    };
    write_composed(&folder, "r4.ndjson", everything_in_r4());
    #[cfg(feature = "r5")]
    write_composed(&folder, "r5.ndjson", &everything(Release::R5));
    let config = Config::load(None).unwrap();
    let base = &config.identifiers.base;
    let stack = Stack::read(&app::mapping_layers(&config, &[]).unwrap(), base);
    let exported = (concept_maps(&stack, base).into_iter())
        .chain(value_sets(&stack, base))
        .chain(terminology::resources(base));
    let lines = exported.map(|resource| (resource["url"].to_string(), resource.to_string()));
    write_lines(&folder, "exported.ndjson", lines);
}

/// As they stand on a server after two passes: amended, withdrawn, and with Tasks that were closed.
#[tokio::test]
async fn what_passes_leave_on_a_server_is_written_down_for_validators() {
    let Some(folder) = folder_of_validators() else {
        return;
    };
    let mut lines = Vec::new();
    for (name, bundles) in inputs() {
        let [_, later] = bundles.as_slice() else {
            continue;
        };
        let (server, adapter) = stage(&[&name]).await;
        let adapter = adapter.audited();
        adapter.pass().await;
        server.seed_bundle(later).unwrap();
        adapter.pass().await;
        for text in server.all("AuditEvent") {
            lines.push((format!("{name} (told)"), text));
        }
        for kind in ["Observation", "Provenance", "Task"] {
            for text in server.all(kind) {
                let resource: Value = serde_json::from_str(&text).unwrap();
                if resource["id"].as_str().unwrap().starts_with("h2") {
                    lines.push((format!("{name} (on a server)"), text));
                }
            }
        }
    }
    write_lines(&folder, "passes.ndjson", lines.into_iter());
}
