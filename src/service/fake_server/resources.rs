//! The versioned store: every version of every resource, and the rules by which a new one is made.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::dialects::Manners;
use super::incoming::{Content, Incoming, is_id};
use super::refusal::Refusal;

/// One version of a resource, or of its absence.
#[derive(Debug)]
pub(super) struct Version {
    pub resource_type: String,
    pub id: String,
    /// Its place in the history of the resource, from 1.
    pub number: u64,
    /// The version id that clients see: the number, unless the server is opaque about it.
    pub version_id: String,
    pub last_updated: DateTime<Utc>,
    /// The HTTP method that made it.
    pub method: &'static str,
    /// Its place among all writes to the server, from 1.
    pub write: u64,
    /// `None` when this version is a deletion.
    pub content: Option<Content>,
}

impl Version {
    pub fn address(&self) -> String {
        format!("{}/{}", self.resource_type, self.id)
    }

    /// The address with the version, as in a `Location` header.
    pub fn location(&self) -> String {
        format!("{}/_history/{}", self.address(), self.version_id)
    }

    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version_id)
    }

    pub fn text(&self) -> Option<Box<RawValue>> {
        self.content.as_ref().map(|content| content.text.clone())
    }

    /// Whether an `If-Match` or `If-None-Match` header names this version.
    pub fn is_named_by(&self, tags: &str) -> bool {
        let quoted = format!("\"{}\"", self.version_id);
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == quoted)
    }
}

/// A version that was written, or that made a conditional create needless, and the status that says which.
#[derive(Debug)]
pub(super) struct Written {
    pub status: StatusCode,
    pub version: Arc<Version>,
}

/// What a request asks of the current version before it changes it.
#[derive(Debug, Default)]
pub(super) struct Preconditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
}

impl Preconditions {
    /// Refuses with 412 what these do not allow to happen to the current version, or to a resource without one.
    fn check(&self, current: Option<&Arc<Version>>, manners: &Manners) -> Result<(), Refusal> {
        let names_current =
            |tags: &String| current.is_some_and(|version| version.is_named_by(tags));
        if manners.if_match && !self.if_match.as_ref().is_none_or(names_current) {
            return Err(failed(
                "If-Match names another version than the current one",
            ));
        }
        if manners.if_none_match && self.if_none_match.as_ref().is_some_and(names_current) {
            return Err(failed("If-None-Match names the current version"));
        }
        Ok(())
    }
}

/// Everything the server holds. A copy is cheap enough to try a transaction on.
#[derive(Debug, Clone, Default)]
pub(super) struct Resources {
    pub manners: Manners,
    /// The versions by type and id, oldest first.
    versions: BTreeMap<String, BTreeMap<String, Vec<Arc<Version>>>>,
    /// The broken entries by type.
    broken: BTreeMap<String, Vec<Arc<Version>>>,
    /// How many versions have been written.
    pub writes: u64,
    assigned_ids: u64,
}

impl Resources {
    /// Nothing yet, on a server of these manners.
    pub fn of(manners: Manners) -> Resources {
        Resources {
            manners,
            ..Resources::default()
        }
    }

    /// The current version: 404 when there never was one, 410 when it is deleted.
    pub fn read(&self, resource_type: &str, id: &str) -> Result<&Arc<Version>, Refusal> {
        readable(self.history(resource_type, id).last(), &self.manners)
    }

    /// One version: 404 when there is none of that id, 410 when it is a deletion.
    pub fn read_version(
        &self,
        resource_type: &str,
        id: &str,
        version_id: &str,
    ) -> Result<&Arc<Version>, Refusal> {
        let mut history = self.history(resource_type, id).iter();
        let version = history.find(|version| version.version_id == version_id);
        readable(version, &self.manners)
    }

    /// All versions of a resource, oldest first, deletions included.
    pub fn history(&self, resource_type: &str, id: &str) -> &[Arc<Version>] {
        self.versions
            .get(resource_type)
            .and_then(|of_type| of_type.get(id))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// All versions of a type since an instant (inclusive), newest first, deletions included.
    pub fn history_of_type(
        &self,
        resource_type: &str,
        since: Option<DateTime<Utc>>,
    ) -> Vec<Arc<Version>> {
        let mut chosen: Vec<_> = self
            .histories(resource_type)
            .flatten()
            .filter(|version| since.is_none_or(|since| version.last_updated >= since))
            .cloned()
            .collect();
        chosen.sort_by_key(|version| Reverse(version.write));
        chosen
    }

    /// The current versions of a type, ordered by id, without deletions.
    pub fn current(&self, resource_type: &str) -> impl Iterator<Item = &Arc<Version>> {
        self.histories(resource_type)
            .filter_map(|history| history.last())
            .filter(|version| version.content.is_some())
    }

    /// Creates or updates a resource at the id its client chose; refused if that is not also the id in the resource.
    pub fn put(
        &mut self,
        resource_type: &str,
        id: &str,
        incoming: Incoming,
        preconditions: &Preconditions,
        now: DateTime<Utc>,
    ) -> Result<Written, Refusal> {
        if let Some(status) = self.manners.unknown_id
            && self.read(resource_type, id).is_err()
        {
            return Err(Refusal::new(
                status,
                "not-supported",
                "the server alone chooses ids, and it has chosen no such one",
            ));
        }
        self.put_anywhere(resource_type, id, incoming, preconditions, now)
    }

    /// The same, also where the server lets no client choose an id.
    pub fn put_anywhere(
        &mut self,
        resource_type: &str,
        id: &str,
        incoming: Incoming,
        preconditions: &Preconditions,
        now: DateTime<Utc>,
    ) -> Result<Written, Refusal> {
        incoming.expect_type(resource_type)?;
        if incoming.id.as_deref() != Some(id) {
            return Err(Refusal::bad_request("the id is not the one of the URL"));
        }
        if !is_id(id) {
            return Err(Refusal::bad_request(
                "an id is 1 to 64 letters, digits, - and .",
            ));
        }
        let current = self.read(resource_type, id).ok();
        preconditions.check(current, &self.manners)?;
        let status = if current.is_some() {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        Ok(Written {
            status,
            version: self.add_version(resource_type, id, Some(incoming), "PUT", now),
        })
    }

    /// Creates a resource at an id from [`Resources::next_id`]; an id in the body is replaced.
    pub fn create(
        &mut self,
        resource_type: &str,
        id: &str,
        incoming: Incoming,
        now: DateTime<Utc>,
    ) -> Result<Written, Refusal> {
        incoming.expect_type(resource_type)?;
        let version = self.add_version(resource_type, id, Some(incoming), "POST", now);
        Ok(Written {
            status: StatusCode::CREATED,
            version,
        })
    }

    /// Deletes a resource; deleting what is not there changes nothing, and is an error only in a dialect.
    pub fn delete(
        &mut self,
        resource_type: &str,
        id: &str,
        preconditions: &Preconditions,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let current = self.read(resource_type, id).ok();
        preconditions.check(current, &self.manners)?;
        if current.is_some() {
            self.add_version(resource_type, id, None, "DELETE", now);
        } else if self.manners.not_found_deletes {
            return Err(Refusal::not_found("there is nothing to delete"));
        }
        Ok(())
    }

    /// An id that no resource of the type has had.
    pub fn next_id(&mut self, resource_type: &str) -> String {
        loop {
            self.assigned_ids += 1;
            let id = format!("assigned-{}", self.assigned_ids);
            if self.history(resource_type, &id).is_empty() {
                return id;
            }
        }
    }

    /// Adds what every search of the type returns behind its resources, and nothing else ever finds.
    pub fn add_broken_entry(&mut self, resource_type: &str, text: Box<RawValue>) {
        let of_type = self.broken.entry(resource_type.to_owned()).or_default();
        let json = serde_json::from_str(text.get()).unwrap_or_default();
        of_type.push(Arc::new(Version {
            resource_type: resource_type.to_owned(),
            id: format!("broken-{}", of_type.len() + 1),
            number: 1,
            version_id: "1".to_owned(),
            last_updated: DateTime::UNIX_EPOCH,
            method: "PUT",
            write: 0,
            content: Some(Content { text, json }),
        }));
    }

    /// The broken entries of a type, in the order they were added.
    pub fn broken_entries(&self, resource_type: &str) -> impl Iterator<Item = &Arc<Version>> {
        self.broken.get(resource_type).into_iter().flatten()
    }

    /// The versions of each resource of a type, ordered by id.
    fn histories(&self, resource_type: &str) -> impl Iterator<Item = &Vec<Arc<Version>>> {
        let of_type = self.versions.get(resource_type);
        of_type.into_iter().flat_map(BTreeMap::values)
    }

    /// Adds what has been found to be allowed; without `incoming`, a deletion.
    fn add_version(
        &mut self,
        resource_type: &str,
        id: &str,
        incoming: Option<Incoming>,
        method: &'static str,
        now: DateTime<Utc>,
    ) -> Arc<Version> {
        let number = self
            .history(resource_type, id)
            .last()
            .map_or(1, |last| last.number + 1);
        let version_id = match self.manners.opaque_versions {
            true => opaque_version_id(resource_type, id, number),
            false => number.to_string(),
        };
        let content = incoming.map(|incoming| incoming.stamped(id, &version_id, now));
        self.writes += 1;
        let version = Arc::new(Version {
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
            number,
            version_id,
            last_updated: now,
            method,
            write: self.writes,
            content,
        });
        let of_type = self.versions.entry(resource_type.to_owned()).or_default();
        let history = of_type.entry(id.to_owned()).or_default();
        history.push(Arc::clone(&version));
        version
    }
}

fn failed(precondition: &str) -> Refusal {
    Refusal::new(StatusCode::PRECONDITION_FAILED, "conflict", precondition)
}

/// A version id that shows nothing of its place, and is the same in every run.
fn opaque_version_id(resource_type: &str, id: &str, number: u64) -> String {
    let digest = Sha256::digest(format!("{resource_type}/{id}/{number}"));
    let digits = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

/// What a reader gets of a version: 404 if there is none, 410 if it is a deletion.
fn readable<'v>(
    version: Option<&'v Arc<Version>>,
    manners: &Manners,
) -> Result<&'v Arc<Version>, Refusal> {
    match version {
        None => Err(Refusal::not_found("there is no such resource")),
        Some(version) if version.content.is_some() => Ok(version),
        Some(_) if manners.gone_is_not_found => {
            Err(Refusal::not_found("there is no such resource"))
        }
        Some(_) => Err(Refusal::new(
            StatusCode::GONE,
            "deleted",
            "the resource is deleted",
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_120).unwrap()
    }

    fn put(store: &mut Resources, id: &str, text: &str) -> Result<Written, Refusal> {
        store.put(
            "Basic",
            id,
            Incoming::parse(text.as_bytes())?,
            &Preconditions::default(),
            now(),
        )
    }

    #[test]
    fn every_digit_and_the_order_of_the_members_survive() {
        let mut store = Resources::default();
        let text = r#"{"z":1.2300,"resourceType":"Basic","meta":{"tag":[{"w":2.0}],"versionId":"77"},"id":"a",
            "big":[3.99999999999999999999,1E2, 1e-7]}"#;
        let written = put(&mut store, "a", text).unwrap();
        assert_eq!(
            written.version.text().unwrap().get(),
            r#"{"z":1.2300,"resourceType":"Basic","meta":{"tag":[{"w":2.0}],"versionId":"1","#
                .to_owned()
                + r#""lastUpdated":"2027-01-15T08:00:00.120Z"},"id":"a","big":[3.99999999999999999999,1E2, 1e-7]}"#
        );
    }

    #[test]
    fn a_created_resource_gets_its_id_and_meta_behind_its_type() {
        let mut store = Resources::default();
        let incoming = Incoming::parse(br#"{"resourceType":"Basic","n":1.0}"#).unwrap();
        let id = store.next_id("Basic");
        let written = store.create("Basic", &id, incoming, now()).unwrap();
        let text = written.version.text().unwrap();
        assert!(
            text.get().starts_with(
                r#"{"resourceType":"Basic","id":"assigned-1","meta":{"versionId":"1","#
            )
        );
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        let mut store = Resources::default();
        let deep = format!(
            r#"{{"resourceType":"Basic","id":"a","x":{}1{}}}"#,
            "[".repeat(5000),
            "]".repeat(5000)
        );
        let texts = [
            "not JSON",
            "[]",
            "{}",
            r#"{"resourceType":7,"id":"a"}"#,
            r#"{"resourceType":"Basic","id":"b"}"#,
            r#"{"resourceType":"Basic"}"#,
            r#"{"resourceType":"Task","id":"a"}"#,
            r#"{"resourceType":"Basic","id":"a","id":"a"}"#,
            r#"{"resourceType":"Basic","id":"a","meta":[]}"#,
            r#"{"resourceType":"Basic","id":"a","n":1e400}"#,
            &deep,
        ];
        for text in texts {
            assert_eq!(
                put(&mut store, "a", text).unwrap_err().status,
                StatusCode::BAD_REQUEST
            );
        }
        assert!(put(&mut store, "a_b", r#"{"resourceType":"Basic","id":"a_b"}"#).is_err());
        assert_eq!(store.writes, 0);
    }

    #[test]
    fn versions_go_on_after_a_deletion() {
        let mut store = Resources::default();
        let text = r#"{"resourceType":"Basic","id":"a"}"#;
        assert_eq!(
            put(&mut store, "a", text).unwrap().status,
            StatusCode::CREATED
        );
        assert_eq!(put(&mut store, "a", text).unwrap().status, StatusCode::OK);
        store
            .delete("Basic", "a", &Preconditions::default(), now())
            .unwrap();
        store
            .delete("Basic", "a", &Preconditions::default(), now())
            .unwrap();
        assert_eq!(
            store.read("Basic", "a").unwrap_err().status,
            StatusCode::GONE
        );
        assert_eq!(
            store.read("Basic", "b").unwrap_err().status,
            StatusCode::NOT_FOUND
        );
        let again = put(&mut store, "a", text).unwrap();
        assert_eq!(
            (again.status, again.version.number),
            (StatusCode::CREATED, 4)
        );
        assert_eq!(store.read_version("Basic", "a", "1").unwrap().number, 1);
        assert_eq!(
            store.read_version("Basic", "a", "3").unwrap_err().status,
            StatusCode::GONE
        );
        assert_eq!(
            store.read_version("Basic", "a", "5").unwrap_err().status,
            StatusCode::NOT_FOUND
        );
    }

    #[test]
    fn an_assigned_id_is_never_one_that_a_client_has_chosen() {
        let mut store = Resources::default();
        put(
            &mut store,
            "assigned-1",
            r#"{"resourceType":"Basic","id":"assigned-1"}"#,
        )
        .unwrap();
        assert_eq!(store.next_id("Basic"), "assigned-2");
    }
}
