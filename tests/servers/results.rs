//! What the adapter has left on the server, judged by the server's answers alone.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::saying::say;
use crate::stage::Stage;

pub const WITHDRAWN: &str = "entered-in-error";

/// An Observation with one of our case identifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub key: String,
    pub case: String,
    pub version: String,
    pub status: String,
    pub json: Value,
}

/// A version of a result.
#[derive(Clone, Debug)]
pub struct Version {
    pub id: String,
    /// Its fingerprint, and whether it is withdrawn.
    pub says: (String, bool),
}

/// How many versions say the same as the one before.
pub fn repeats(history: &[Version]) -> usize {
    let pairs = history.iter().zip(history.iter().skip(1));
    pairs
        .filter(|(earlier, later)| earlier.says == later.says)
        .count()
}

impl Found {
    /// The code of its interpretation: POS, NEG, E or IND.
    pub fn interpretation(&self) -> &str {
        self.json["interpretation"][0]["coding"][0]["code"]
            .as_str()
            .unwrap_or("")
    }
}

impl Stage {
    /// The results of a patient, those entered in error too.
    pub async fn results(&self, patient: &str) -> Vec<Found> {
        let place = self.place(&format!("Patient/{patient}"));
        let mut found = Vec::new();
        for json in self
            .server
            .search(&format!("Observation?subject={place}"))
            .await
        {
            let Some(case) = self.identifier(&json, "her2-status") else {
                continue;
            };
            found.push(Found {
                key: format!("Observation/{}", text(&json["id"])),
                case,
                version: text(&json["meta"]["versionId"]),
                status: text(&json["status"]),
                json,
            });
        }
        found
    }

    /// The one live result of a patient with one case.
    pub async fn result(&self, patient: &str) -> Found {
        let mut live = self.results(patient).await;
        live.retain(|found| found.status != WITHDRAWN);
        assert_eq!(live.len(), 1, "live results of {patient}: {live:#?}");
        live.remove(0)
    }

    /// The Tasks about a patient that are open, by the code of their reason.
    pub async fn open_tasks(&self, patient: &str) -> Vec<String> {
        let place = self.place(&format!("Patient/{patient}"));
        let mut tasks = self.server.search(&format!("Task?subject={place}")).await;
        tasks.retain(|task| task["status"] == "requested");
        let reason = |task: &Value| text(&task["reasonCode"]["coding"][0]["code"]);
        let mut reasons: Vec<String> = tasks.iter().map(reason).collect();
        reasons.sort();
        reasons
    }

    pub async fn provenances(&self, result: &Found) -> Vec<Value> {
        self.server
            .search(&format!("Provenance?target={}", result.key))
            .await
    }

    /// Every resource of ours about a patient, with its version.
    pub async fn versions(&self, patient: &str) -> BTreeMap<String, String> {
        let place = self.place(&format!("Patient/{patient}"));
        let mut all = self.server.search(&format!("Task?subject={place}")).await;
        for result in self.results(patient).await {
            all.extend(self.provenances(&result).await);
            all.push(result.json);
        }
        let version = |resource: &Value| {
            let key = format!(
                "{}/{}",
                text(&resource["resourceType"]),
                text(&resource["id"])
            );
            (key, text(&resource["meta"]["versionId"]))
        };
        all.iter().map(version).collect()
    }

    /// That a result is whole: what it refers to is there, and its last version has a Provenance that names the version
    /// before it.
    pub async fn is_whole(&self, result: &Found) {
        let provenances = self.provenances(result).await;
        assert!(!provenances.is_empty(), "{} has no Provenance", result.key);
        let place = self
            .server
            .search(&format!(
                "Task?subject={}",
                text(&result.json["subject"]["reference"])
            ))
            .await;
        let mut references = Vec::new();
        for resource in provenances.iter().chain(&place).chain([&result.json]) {
            collect_references(resource, &mut references);
        }
        references.sort();
        references.dedup();
        for reference in references {
            let key = reference.split("/_history/").next().unwrap_or("");
            let answer = self.server.get(key).await;
            let is_there = answer.is_success() || self.has_deleted(key);
            assert!(
                is_there,
                "{} refers to {reference}: {}",
                result.key, answer.status
            );
        }
        let Some(history) = self.history(result).await else {
            return;
        };
        let replaced = history
            .iter()
            .rev()
            .find(|version| version.says != history[history.len() - 1].says);
        let follows = |provenance: &Value| match replaced {
            Some(replaced) => provenance
                .to_string()
                .contains(&format!("{}/_history/{}", result.key, replaced.id)),
            None => !provenance["entity"].to_string().contains("revision"),
        };
        assert!(
            provenances.iter().any(follows),
            "no Provenance of {} follows {replaced:?}: {provenances:#?}",
            result.key
        );
    }

    /// The versions of a result, the oldest first; nothing where the server keeps none. Each is ours, and the last stands.
    pub async fn history(&self, result: &Found) -> Option<Vec<Version>> {
        let Some(history) = self.server.history(&result.key).await else {
            say(&format!("   not judged: the history of {}", result.key));
            return None;
        };
        let version = |json: &Value| {
            let fingerprint = self.identifier(json, "her2-fingerprint");
            assert!(
                fingerprint.is_some(),
                "a version that is not ours: {json:#}"
            );
            Version {
                id: text(&json["meta"]["versionId"]),
                says: (fingerprint.unwrap(), json["status"] == WITHDRAWN),
            }
        };
        let history: Vec<Version> = history.iter().map(version).collect();
        assert_eq!(
            history.last().map(|last| &last.id),
            Some(&result.version),
            "{}",
            result.key
        );
        Some(history)
    }

    /// How many versions a result has, each of which says something else than the one before.
    pub async fn versions_of(&self, result: &Found) -> Option<usize> {
        let history = self.history(result).await?;
        assert_eq!(
            repeats(&history),
            0,
            "{} says the same twice in a row: {history:#?}",
            result.key
        );
        Some(history.len())
    }

    fn identifier(&self, resource: &Value, name: &str) -> Option<String> {
        let system = format!("{}/identifier/{name}", self.base);
        let mut identifiers = resource["identifier"].as_array().into_iter().flatten();
        let identifier = identifiers.find(|identifier| identifier["system"] == system.as_str())?;
        Some(text(&identifier["value"]))
    }

    /// A resource's text as the server has it.
    pub async fn text_of(&self, key: &str) -> String {
        self.server.get(key).await.text
    }
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("reference")
                && !reference.starts_with('#')
            {
                into.push(reference.clone());
            }
            members
                .values()
                .for_each(|value| collect_references(value, into));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}
