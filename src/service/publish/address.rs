//! Where our resources are: under the ids that follow from the case, or under ids that the server gave.
//!
//! Everything is composed with ids of our own. Just before it is sent, references to resources of ours are put in terms
//! of the server: the id that it gave, or the `urn:uuid` of an entry of the same transaction. The rest of a text stays
//! character for character.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::fhir::json::Json;
use crate::mapping::table::hex;

/// Prefixes of the ids that follow from a case.
const OWN: [&str; 3] = ["h2o-", "h2p-", "h2t-"];

/// Where the resources of ours are that a text refers to, by their own ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

/// Where one of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// On the server, under this id.
    Id(String),
    /// In the same transaction, under this `fullUrl`.
    Entry(String),
}

impl Places {
    /// It is on the server under this id.
    pub(super) fn on_server(&mut self, own: &str, id: String) {
        self.0.insert(own.to_owned(), Place::Id(id));
    }

    /// It is created by the same transaction.
    pub(super) fn in_transaction(&mut self, own: &str) {
        self.0.insert(own.to_owned(), Place::Entry(urn(own)));
    }

    /// The id on the server, where there is one.
    pub(super) fn id(&self, own: &str) -> Option<&str> {
        match self.0.get(own) {
            Some(Place::Id(id)) => Some(id),
            Some(Place::Entry(_)) | None => None,
        }
    }

    /// A composed text as the server is to get it: `own` is its id, `tag` (system, code) is what it can be searched by
    /// where it has no identifier.
    pub(super) fn put_in(
        &self,
        text: &str,
        own: &str,
        tag: Option<(&str, &str)>,
    ) -> Option<String> {
        let mut json = Json::parse(text).ok()?;
        each_reference(&mut json, &|reference| {
            let (kind, rest) = reference.split_once('/')?;
            let (id, version) = rest
                .split_once('/')
                .map_or((rest, None), |(id, version)| (id, Some(version)));
            match (self.0.get(id)?, version) {
                (Place::Id(id), None) => Some(format!("{kind}/{id}")),
                (Place::Id(id), Some(version)) => Some(format!("{kind}/{id}/{version}")),
                (Place::Entry(urn), _) => Some(urn.clone()),
            }
        });
        let Json::Object(members) = &mut json else {
            return None;
        };
        members.retain(|(key, _)| key != "id");
        if let Some(id) = self.id(own) {
            let at = members
                .iter()
                .position(|(key, _)| key == "resourceType")
                .map_or(0, |at| at + 1);
            members.insert(at, ("id".into(), Json::Text(id.to_owned().into())));
        }
        if let Some((system, code)) = tag {
            let tag = Json::Object(vec![
                ("system".into(), Json::Text(system.to_owned().into())),
                ("code".into(), Json::Text(code.to_owned().into())),
            ]);
            let tags = ("tag".into(), Json::List(vec![tag]));
            match members.iter_mut().find(|(key, _)| key == "meta") {
                Some((_, Json::Object(meta))) => {
                    meta.retain(|(key, _)| key != "tag");
                    meta.push(tags);
                }
                _ => members.push(("meta".into(), Json::Object(vec![tags]))),
            }
        }
        serde_json::to_string(&json).ok()
    }
}

/// The `fullUrl` of a resource of ours within a transaction: a UUID (version 8) that follows from its id.
pub(super) fn urn(own: &str) -> String {
    let digest = hex(&Sha256::digest(own.as_bytes()));
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

/// The resources of ours that a text refers to, by their own ids.
pub(super) fn referred(text: &str) -> BTreeSet<String> {
    let found = std::cell::RefCell::new(BTreeSet::new());
    if let Ok(mut json) = Json::parse(text) {
        each_reference(&mut json, &|reference| {
            let id = reference.split('/').nth(1)?;
            if is_own(id) {
                found.borrow_mut().insert(id.to_owned());
            }
            None
        });
    }
    found.into_inner()
}

/// A text whose relative references lead to the server that inputs are read from; those to resources of ours stay, and so does
/// this one.
pub(super) fn absolute(text: &str, reads_from: &str, here: Option<&str>) -> Option<String> {
    let mut json = Json::parse(text).ok()?;
    each_reference(&mut json, &|reference| {
        let (kind, rest) = reference.split_once('/')?;
        let is_relative = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
        let id = rest.split('/').next()?;
        let stays = is_own(id) || here == Some(reference);
        (is_relative && !stays).then(|| format!("{reads_from}/{reference}"))
    });
    serde_json::to_string(&json).ok()
}

fn is_own(id: &str) -> bool {
    OWN.iter().any(|prefix| id.starts_with(prefix))
}

/// Gives each literal reference of a resource another text, where `other` has one.
fn each_reference(json: &mut Json<'_>, other: &dyn Fn(&str) -> Option<String>) {
    match json {
        Json::Object(members) => {
            for (key, value) in members {
                match value {
                    Json::Text(text) if key == "reference" => {
                        if let Some(new) = other(text) {
                            *text = new.into();
                        }
                    }
                    value => each_reference(value, other),
                }
            }
        }
        Json::List(items) => {
            for item in items {
                each_reference(item, other);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PROVENANCE: &str = r#"{"resourceType":"Provenance","id":"h2p-1","target":[{"reference":"Observation/h2o-1"}],"entity":[{"what":{"reference":"Observation/o1/_history/2"}},{"what":{"reference":"Observation/h2o-1/_history/7"}}]}"#;

    #[test]
    fn references_to_resources_of_ours_follow_the_ids_that_the_server_gave() {
        let mut places = Places::default();
        places.on_server("h2o-1", "9f".to_owned());
        assert_eq!(
            places
                .put_in(PROVENANCE, "h2p-1", Some(("urn:s", "h2p-1")))
                .unwrap(),
            r#"{"resourceType":"Provenance","target":[{"reference":"Observation/9f"}],"entity":[{"what":{"reference":"Observation/o1/_history/2"}},{"what":{"reference":"Observation/9f/_history/7"}}],"meta":{"tag":[{"system":"urn:s","code":"h2p-1"}]}}"#
        );
        let task = r#"{"resourceType":"Observation","id":"h2o-1","value":2.00}"#;
        assert_eq!(
            places.put_in(task, "h2o-1", None).unwrap(),
            r#"{"resourceType":"Observation","id":"9f","value":2.00}"#
        );
    }

    #[test]
    fn what_one_transaction_creates_is_named_by_its_entry() {
        let mut places = Places::default();
        places.in_transaction("h2o-1");
        let task =
            r#"{"resourceType":"Task","id":"h2t-1","focus":{"reference":"Observation/h2o-1"}}"#;
        let sent = places.put_in(task, "h2t-1", None).unwrap();
        assert_eq!(
            sent,
            format!(
                r#"{{"resourceType":"Task","focus":{{"reference":"{}"}}}}"#,
                urn("h2o-1")
            )
        );
        assert_eq!(urn("h2o-1").len(), "urn:uuid:".len() + 36);
        assert_eq!(referred(task), BTreeSet::from(["h2o-1".to_owned()]));
    }

    #[test]
    fn who_has_signed_is_on_the_server_that_is_written_to() {
        let text = r#"{"who":{"reference":"Practitioner/p"},"what":{"reference":"Observation/o"}}"#;
        assert_eq!(
            absolute(text, "https://a.example", Some("Practitioner/p")).unwrap(),
            r#"{"who":{"reference":"Practitioner/p"},"what":{"reference":"https://a.example/Observation/o"}}"#
        );
    }

    #[test]
    fn inputs_on_another_server_are_named_by_their_whole_address() {
        let text = r#"{"subject":{"reference":"Patient/p"},"focus":[{"reference":"https://b.example/Condition/c"},{"reference":"urn:uuid:1"},{"reference":"Observation/h2o-1"},{"reference":"Observation/o/_history/1"}],"note":{"text":"Patient/p"}}"#;
        assert_eq!(
            absolute(text, "https://a.example/fhir", None).unwrap(),
            r#"{"subject":{"reference":"https://a.example/fhir/Patient/p"},"focus":[{"reference":"https://b.example/Condition/c"},{"reference":"urn:uuid:1"},{"reference":"Observation/h2o-1"},{"reference":"https://a.example/fhir/Observation/o/_history/1"}],"note":{"text":"Patient/p"}}"#
        );
    }
}
