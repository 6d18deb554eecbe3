//! From the pool to candidates: every question with its answers, exactly as the server said it.
//!
//! Nothing is judged here. What a code means is the mapping's business; what is missing or illegal is kept as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::dates::Date;
use super::elements::{Concept, Identifier, Reference, Value};
use super::json::Json;
use super::pool::{Pool, Resource};

/// Extension by which mCODE ties an Observation to the tumour Condition.
pub const RELATED_CONDITION: &str =
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition";

/// Extension by which mCODE says what a tumour is made of.
pub const MORPHOLOGY: &str =
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior";

/// One question and what was answered: an Observation's own, or that of a component.
#[derive(Clone, Debug)]
pub struct Candidate<'r> {
    /// Where it stands in the resource: `Observation` or `Observation.component[2]`.
    pub path: String,
    /// What was asked.
    pub code: Concept<'r>,
    /// Every `value[x]`, with its key.
    pub values: Vec<(&'r str, Value<'r>)>,
    /// Why there is no value.
    pub absent: Option<Concept<'r>>,
    /// The interpretations beside the value.
    pub interpretation: Vec<Concept<'r>>,
}

impl<'r> Candidate<'r> {
    fn read(json: &'r Json<'_>, path: String) -> Self {
        Self {
            path,
            code: json.get("code").map(Concept::read).unwrap_or_default(),
            values: Value::read_all(json),
            absent: json
                .get("dataAbsentReason")
                .map(Concept::read)
                .or_else(|| Value::absent_reason(json)),
            interpretation: json
                .items_at("interpretation")
                .iter()
                .map(Concept::read)
                .collect(),
        }
    }
}

/// An Observation as sent.
#[derive(Clone, Debug)]
pub struct ObservationNode<'r> {
    /// Its key in the pool.
    pub key: &'r str,
    /// Its version.
    pub version: Option<&'r str>,
    /// When the server last changed it.
    pub last_updated: Option<&'r Date>,
    /// `status`, if it is a text.
    pub status: Option<&'r str>,
    /// Its own question, and then its components.
    pub candidates: Vec<Candidate<'r>>,
    /// The method.
    pub method: Option<Concept<'r>>,
    /// The site it names.
    pub body_site: Option<Concept<'r>>,
    /// The patient.
    pub subject: Option<String>,
    /// The specimen.
    pub specimen: Option<String>,
    /// The tumour Conditions it names.
    pub conditions: Vec<String>,
    /// Its members, in order.
    pub members: Vec<String>,
    /// The Observations it says it is derived from.
    pub derived_from: Vec<String>,
    /// Its business identifiers.
    pub identifiers: Vec<Identifier<'r>>,
    /// The orders it names.
    pub based_on: Vec<String>,
    /// When it was observed.
    pub effective: Option<Date>,
    /// When it was issued.
    pub issued: Option<Date>,
    /// The whole resource.
    pub resource: &'r Resource<'r>,
}

/// A DiagnosticReport as sent.
#[derive(Clone, Debug)]
pub struct ReportNode<'r> {
    /// Its key in the pool.
    pub key: &'r str,
    /// `status`, if it is a text.
    pub status: Option<&'r str>,
    /// What kind of report.
    pub code: Concept<'r>,
    /// The patient.
    pub subject: Option<String>,
    /// The specimens it names.
    pub specimens: Vec<String>,
    /// The Observations it names, in order.
    pub results: Vec<String>,
    /// The orders it names.
    pub based_on: Vec<String>,
    /// Its business identifiers, the accession among them.
    pub identifiers: Vec<Identifier<'r>>,
    /// Its narrative texts with their paths: `conclusion` and `text.div`.
    pub narrative: Vec<(&'static str, &'r str)>,
    /// When it was issued.
    pub issued: Option<Date>,
    /// The whole resource.
    pub resource: &'r Resource<'r>,
}

/// Every report and Observation of a pool.
#[derive(Debug, Default)]
pub struct Candidates<'r> {
    /// Reports by key.
    pub reports: BTreeMap<&'r str, ReportNode<'r>>,
    /// Observations by key, contained ones included.
    pub observations: BTreeMap<&'r str, ObservationNode<'r>>,
}

impl<'r> Candidates<'r> {
    /// Reads the reports and Observations of a pool.
    pub fn read(pool: &'r Pool<'r>) -> Self {
        let mut candidates = Self::default();
        for resource in pool.of_kind("DiagnosticReport") {
            let report = ReportNode::read(resource, pool);
            candidates.reports.insert(report.key, report);
        }
        let mut waiting: Vec<&'r Resource<'r>> = pool.of_kind("Observation").collect();
        let contained: Vec<String> = (candidates.reports.values())
            .flat_map(|report| report.results.iter().cloned())
            .collect();
        waiting.extend(
            contained
                .iter()
                .filter_map(|key| contained_observation(pool, key)),
        );
        while let Some(resource) = waiting.pop() {
            if candidates.observations.contains_key(resource.key.as_str()) {
                continue;
            }
            let observation = ObservationNode::read(resource, pool);
            waiting.extend(
                observation
                    .members
                    .iter()
                    .filter_map(|key| contained_observation(pool, key)),
            );
            candidates.observations.insert(observation.key, observation);
        }
        candidates
    }

    /// The Observations that some roots reach through `hasMember`, themselves included, each once; and the references
    /// that lead nowhere.
    pub fn trees<'s>(
        &'s self,
        roots: impl DoubleEndedIterator<Item = &'s str>,
    ) -> (Vec<&'s ObservationNode<'r>>, BTreeSet<&'s str>) {
        let mut found = Vec::new();
        let mut missing = BTreeSet::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<&str> = roots.rev().collect();
        while let Some(key) = waiting.pop() {
            if !seen.insert(key) {
                continue;
            }
            match self.observations.get(key) {
                Some(observation) => {
                    found.push(observation);
                    waiting.extend(observation.members.iter().rev().map(String::as_str));
                }
                None => {
                    missing.insert(key);
                }
            }
        }
        (found, missing)
    }

    /// The keys of Observations that another Observation has as a member.
    pub fn members(&self) -> BTreeSet<&str> {
        self.observations
            .values()
            .flat_map(|observation| {
                (observation.members.iter())
                    .map(String::as_str)
                    .filter(|member| *member != observation.key)
            })
            .collect()
    }
}

fn contained_observation<'r>(pool: &'r Pool<'r>, key: &str) -> Option<&'r Resource<'r>> {
    pool.get(key)
        .filter(|resource| resource.kind == "Observation" && resource.key.contains('#'))
}

impl<'r> ObservationNode<'r> {
    fn read(resource: &'r Resource<'r>, pool: &Pool<'_>) -> Self {
        let json = &resource.json;
        let mut candidates = vec![Candidate::read(json, "Observation".to_owned())];
        for (index, component) in json.items_at("component").iter().enumerate() {
            candidates.push(Candidate::read(
                component,
                format!("Observation.component[{index}]"),
            ));
        }
        let keys =
            |name: &str, kind: &str| keys_of(pool, resource, Reference::read_all(json, name), kind);
        let mut conditions = keys("focus", "Condition");
        let related = json
            .items_at("extension")
            .iter()
            .filter(|extension| extension.text_at("url") == Some(RELATED_CONDITION))
            .filter_map(|extension| extension.get("valueReference").map(Reference::read))
            .collect();
        conditions.extend(keys_of(pool, resource, related, "Condition"));
        let effective = ["effectiveDateTime", "effectiveInstant"]
            .iter()
            .find_map(|key| json.text_at(key))
            .or_else(|| {
                json.get("effectivePeriod")
                    .and_then(|period| period.text_at("start"))
            })
            .and_then(Date::parse);
        Self {
            key: &resource.key,
            version: resource.version.as_deref(),
            last_updated: resource.last_updated.as_ref(),
            status: json.text_at("status"),
            candidates,
            method: json.get("method").map(Concept::read),
            body_site: json.get("bodySite").map(Concept::read),
            subject: (keys("subject", "Patient").into_iter().next())
                .map(|patient| pool.surviving(patient)),
            specimen: keys("specimen", "Specimen").into_iter().next(),
            conditions,
            members: keys("hasMember", "Observation"),
            derived_from: keys("derivedFrom", "Observation"),
            identifiers: Identifier::read_all(json),
            based_on: keys("basedOn", "ServiceRequest"),
            effective,
            issued: json.text_at("issued").and_then(Date::parse),
            resource,
        }
    }
}

impl<'r> ReportNode<'r> {
    fn read(resource: &'r Resource<'r>, pool: &Pool<'_>) -> Self {
        let json = &resource.json;
        let keys =
            |name: &str, kind: &str| keys_of(pool, resource, Reference::read_all(json, name), kind);
        let mut narrative = Vec::new();
        narrative.extend(
            json.text_at("conclusion")
                .map(|text| ("DiagnosticReport.conclusion", text)),
        );
        for code in json.items_at("conclusionCode") {
            let words = Concept::read_referable(code);
            narrative.extend(
                words
                    .words()
                    .map(|text| ("DiagnosticReport.conclusionCode", text)),
            );
        }
        narrative.extend(
            json.get("text")
                .and_then(|text| text.text_at("div"))
                .map(|text| ("DiagnosticReport.text.div", text)),
        );
        Self {
            key: &resource.key,
            status: json.text_at("status"),
            code: json.get("code").map(Concept::read).unwrap_or_default(),
            subject: (keys("subject", "Patient").into_iter().next())
                .map(|patient| pool.surviving(patient)),
            specimens: keys("specimen", "Specimen"),
            results: keys("result", "Observation"),
            based_on: keys("basedOn", "ServiceRequest"),
            identifiers: Identifier::read_all(json),
            narrative,
            issued: json.text_at("issued").and_then(Date::parse),
            resource,
        }
    }
}

fn keys_of(
    pool: &Pool<'_>,
    from: &Resource<'_>,
    references: Vec<Reference<'_>>,
    kind: &str,
) -> Vec<String> {
    references
        .iter()
        .filter_map(|reference| pool.key_of(reference, kind, &from.key))
        .collect()
}
