//! What became of a case, version by version, from the versions of its result and their Provenances.
//!
//! A Provenance says which version it replaced, not which it made: a server tells the number of a version only after it is
//! written. So the version of a Provenance is the one behind the version that it names.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::results::{Answer, Prior, Rejection, fingerprint_of};
use super::worklist::record_in;
use crate::fhir::elements::Concept;
use crate::fhir::json::Json;
use crate::mapping::output::OutputCodes;

/// The history of one case.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct CaseHistory {
    /// The case.
    pub case: String,
    /// The versions of its result, oldest first.
    #[serde(rename = "history")]
    pub versions: Vec<VersionOfResult>,
}

/// One version of a result.
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
pub struct VersionOfResult {
    /// Its version on the server, where that is known.
    pub version: Option<String>,
    /// Its FHIR status.
    pub observation_status: String,
    /// The HER2 status.
    pub status: String,
    /// The category, where it is published.
    pub category: String,
    /// When it was issued; a withdrawal has the time of its Provenance.
    pub issued: Option<String>,
    /// The edition that decided it.
    pub guideline: Option<String>,
    /// The rule, where a record of it is at hand.
    pub rule: Option<String>,
    /// What it was derived from, with versions.
    pub sources: Vec<String>,
    /// The version that it replaced.
    pub replaces: Option<String>,
    /// Who has signed it.
    pub signed_by: Option<String>,
    /// Who has rejected it.
    pub rejected_by: Option<String>,
    /// Why, where it is rejected.
    pub rejected_because: Option<String>,
    /// By which Task that was said.
    pub task: Option<String>,
    /// Later versions of its sources that say the same.
    pub confirmed: Vec<Confirmation>,
}

/// Newer sources that came to what a version says.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Confirmation {
    /// When.
    pub at: Option<String>,
    /// The sources with their versions.
    pub sources: Vec<String>,
}

/// The texts that a history is read from.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The versions of the result, oldest first, each with its number where that is known.
    pub results: Vec<(Option<String>, String)>,
    /// Its Provenances, oldest first.
    pub provenances: Vec<String>,
    /// Its Tasks, whose records name the rules.
    pub tasks: Vec<String>,
}

/// Reads the history of a case.
pub fn history(case: &str, texts: &Texts, base: &str, codes: &OutputCodes) -> CaseHistory {
    let rules = rules_by_fingerprint(&texts.tasks, base);
    let mut versions = Vec::new();
    for (number, text) in &texts.results {
        let Ok(result) = Json::parse(text) else {
            continue;
        };
        let stated = (result.get("meta")).and_then(|meta| meta.text_at("versionId"));
        let number = number.clone().or_else(|| stated.map(str::to_owned));
        let prior = Prior::read(&result, number.as_deref().unwrap_or(""), base, codes);
        let Answer { status, category } = prior.answer;
        let rejection = Rejection::of(&result);
        let method = result.get("method").map(Concept::read).unwrap_or_default();
        let edition = (method.codings.iter()).find_map(|coding| coding.code);
        versions.push(VersionOfResult {
            version: number,
            observation_status: result.text_at("status").unwrap_or_default().to_owned(),
            status,
            category,
            issued: result.text_at("issued").map(str::to_owned),
            guideline: edition.map(str::to_owned),
            rule: fingerprint_of(&result, base).and_then(|print| rules.get(print).cloned()),
            rejected_by: rejection.as_ref().and_then(|it| it.author.clone()),
            rejected_because: rejection.map(|it| it.reason),
            ..VersionOfResult::default()
        });
    }
    let mut seen = Vec::new();
    for text in &texts.provenances {
        let Some(told) = Json::parse(text).ok().as_ref().and_then(Told::read) else {
            continue;
        };
        // The store's copy and the server's are the same.
        if !seen.contains(&told) {
            told.enter(&mut versions);
            seen.push(told);
        }
    }
    CaseHistory {
        case: case.to_owned(),
        versions,
    }
}

fn rules_by_fingerprint(tasks: &[String], base: &str) -> BTreeMap<String, String> {
    let rule = |text: &String| {
        let task = Json::parse(text).ok()?;
        let record: Value = record_in(&task)?;
        let rule = record.get("rule")?.as_str()?.to_owned();
        Some((fingerprint_of(&task, base)?.to_owned(), rule))
    };
    tasks.iter().filter_map(rule).collect()
}

/// What one Provenance tells.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    activity: String,
    at: Option<String>,
    sources: Vec<String>,
    /// The version that it replaced.
    replaces: Option<String>,
    /// The version that it is about, where it says so.
    about: Option<String>,
    verifier: Option<String>,
    task: Option<String>,
}

impl Told {
    fn read(provenance: &Json<'_>) -> Option<Self> {
        let activity = provenance.get("activity").map(Concept::read)?;
        let activity = activity.codings.iter().find_map(|coding| coding.code)?;
        let referred = |json: &Json<'_>, key: &str| {
            let text = json.get(key)?.text_at("reference")?;
            Some(text.to_owned())
        };
        let entities = |role: &str| -> Vec<String> {
            let of_role = |entity: &&Json<'_>| entity.text_at("role") == Some(role);
            let all = provenance.items_at("entity").iter().filter(of_role);
            all.filter_map(|entity| referred(entity, "what")).collect()
        };
        let (tasks, sources): (Vec<String>, Vec<String>) =
            (entities("source").into_iter()).partition(|source| is_of_kind(source, "Task"));
        let verifier = provenance.items_at("agent").iter().find(|agent| {
            let kind = agent.get("type").map(Concept::read).unwrap_or_default();
            kind.codings.iter().any(|it| it.code == Some("verifier"))
        });
        Some(Self {
            activity: activity.to_owned(),
            at: provenance.text_at("recorded").map(str::to_owned),
            sources,
            replaces: replaced(provenance).map(str::to_owned),
            about: (provenance.items_at("target").first())
                .and_then(version_in)
                .map(str::to_owned),
            verifier: verifier.and_then(|agent| referred(agent, "who")),
            task: tasks.into_iter().next(),
        })
    }

    fn enter(&self, versions: &mut [VersionOfResult]) {
        if self.activity == "APPEND" {
            let is_meant = |it: &&mut VersionOfResult| it.version == self.about;
            if let Some(confirmed) = versions.iter_mut().find(is_meant) {
                confirmed.confirmed.push(Confirmation {
                    at: self.at.clone(),
                    sources: self.sources.clone(),
                });
            }
            return;
        }
        let at = match &self.replaces {
            None => Some(0),
            Some(replaced) => (versions.iter())
                .position(|it| it.version.as_ref() == Some(replaced))
                .map(|place| place + 1),
        };
        let Some(version) = at.and_then(|at| versions.get_mut(at)) else {
            return;
        };
        version.sources.clone_from(&self.sources);
        version.replaces.clone_from(&self.replaces);
        version.task.clone_from(&self.task);
        if self.activity == "NULLIFY" {
            version.issued.clone_from(&self.at);
        }
        match version.rejected_because {
            Some(_) if self.verifier.is_some() => version.rejected_by.clone_from(&self.verifier),
            Some(_) => {}
            None => version.signed_by.clone_from(&self.verifier),
        }
    }
}

/// The version that a Provenance says was replaced.
pub fn replaced<'p>(provenance: &'p Json<'_>) -> Option<&'p str> {
    let revision = (provenance.items_at("entity").iter())
        .find(|entity| entity.text_at("role") == Some("revision"))?;
    revision.get("what").and_then(version_in)
}

/// The version that a reference names.
fn version_in<'r>(reference: &'r Json<'_>) -> Option<&'r str> {
    let (_, version) = reference.text_at("reference")?.rsplit_once("/_history/")?;
    Some(version)
}

fn is_of_kind(reference: &str, kind: &str) -> bool {
    reference.split('/').any(|part| part == kind)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::output::OUTPUT;

    const BASE: &str = "https://a.example";

    fn result(status: &str) -> (Option<String>, String) {
        (None, format!(r#"{{"status":"{status}"}}"#))
    }

    #[test]
    fn a_provenance_is_of_the_version_behind_the_one_it_replaced() {
        let provenance = |activity: &str, replaces: &str, agent: &str| {
            format!(
                r#"{{"activity":{{"coding":[{{"code":"{activity}"}}]}},"recorded":"2026-01-01T00:00:00Z","target":[{{"reference":"Observation/o"}}],
                "agent":[{{"type":{{"coding":[{{"code":"verifier"}}]}},"who":{{"reference":"{agent}"}}}}],
                "entity":[{{"role":"source","what":{{"reference":"Observation/i/_history/7"}}}},{{"role":"source","what":{{"reference":"Task/t/_history/2"}}}},
                {{"role":"revision","what":{{"reference":"Observation/o/_history/{replaces}"}}}}]}}"#
            )
        };
        let mut results = vec![result("preliminary"), result("final"), result("amended")];
        for (number, (version, _)) in (1..).zip(&mut results) {
            *version = Some(number.to_string());
        }
        let signature = provenance("UPDATE", "1", "Practitioner/p");
        let texts = Texts {
            results,
            // As the store has it, and as the server has it.
            provenances: vec![signature.clone(), signature],
            tasks: Vec::new(),
        };
        let codes = OutputCodes::load(OUTPUT).unwrap();
        let read = history("case-1", &texts, BASE, &codes);
        let signers: Vec<Option<&str>> = (read.versions.iter())
            .map(|version| version.signed_by.as_deref())
            .collect();
        assert_eq!(signers, [None, Some("Practitioner/p"), None]);
        let signed = &read.versions[1];
        assert_eq!(signed.sources, ["Observation/i/_history/7"]);
        assert_eq!(signed.task.as_deref(), Some("Task/t/_history/2"));
        assert_eq!(signed.replaces.as_deref(), Some("1"));
    }
}
