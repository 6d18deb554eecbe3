//! Writes of one resource. Each is sent once; after an error that leaves something open, the caller reads back.

use reqwest::Method;
use reqwest::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use super::error::{ClientError, Distrust, is_outcome_of_failure};
use super::trail::{Call, Interaction};
use super::transaction::EntryAnswer;
use super::{Answer, FhirClient, is_id, is_type_name};

const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

/// What must hold on the server for a resource to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// It must not exist yet (`If-None-Match: *`).
    Absent,
    /// It must still be this version (`If-Match`): an entity tag as the server printed it, or a version id.
    Version(String),
}

impl FhirClient {
    /// Writes a resource at an id that we have chosen, or that the server has given it before.
    ///
    /// A server that lets no client choose an id says so by [`ClientError::Refused`] with 404, 405 or another status.
    pub async fn put(
        &self,
        kind: &str,
        id: &str,
        text: &str,
        precondition: Precondition,
    ) -> Result<EntryAnswer, ClientError> {
        let condition = match precondition {
            Precondition::None => None,
            Precondition::Absent => Some((IF_NONE_MATCH, "*".to_owned())),
            Precondition::Version(version) => Some((IF_MATCH, entity_tag(&version))),
        };
        let url = self.base.below(&[kind, addressable(kind, id)?]);
        let mut call = Call::new();
        let answer = self
            .write(Method::PUT, &url, Some(text), condition.as_ref(), &mut call)
            .await
            .and_then(entry_answer);
        self.note_write(
            &call,
            Interaction::Update,
            (kind, Some(id)),
            Some(text),
            answer.as_ref(),
        );
        answer
    }

    /// Creates a resource at an id of the server's choice; with criteria such as `identifier=system|value`, only unless a
    /// resource meets them. Then the answer has status 200 and, from most servers, the location of that one.
    pub async fn create(
        &self,
        kind: &str,
        text: &str,
        unless_exists: Option<&str>,
    ) -> Result<EntryAnswer, ClientError> {
        let condition = unless_exists.map(|criteria| (IF_NONE_EXIST, criteria.to_owned()));
        let url = self.base.below(&[kind]);
        let mut call = Call::new();
        let answer = self
            .write(
                Method::POST,
                &url,
                Some(text),
                condition.as_ref(),
                &mut call,
            )
            .await
            .and_then(entry_answer);
        self.note_write(
            &call,
            Interaction::Create,
            (kind, None),
            Some(text),
            answer.as_ref(),
        );
        answer
    }

    /// Deletes a resource; one that is not there counts as deleted.
    pub async fn delete(&self, kind: &str, id: &str) -> Result<(), ClientError> {
        let url = self.base.below(&[kind, addressable(kind, id)?]);
        let mut call = Call::new();
        let answer = self
            .write(Method::DELETE, &url, None, None, &mut call)
            .await
            .and_then(entry_answer);
        self.note_write(
            &call,
            Interaction::Delete,
            (kind, Some(id)),
            None,
            answer.as_ref(),
        );
        match answer {
            Ok(_) => Ok(()),
            Err(ClientError::Gone | ClientError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The id, if it is one; another text could lead to another address.
fn addressable<'i>(kind: &str, id: &'i str) -> Result<&'i str, ClientError> {
    match is_type_name(kind) && is_id(id) {
        true => Ok(id),
        false => Err(ClientError::Untrusted(Distrust::ForeignLink)),
    }
}

/// What a success tells. One that tells of an error leaves open what happened.
fn entry_answer(answer: Answer) -> Result<EntryAnswer, ClientError> {
    if is_outcome_of_failure(&answer.text) {
        return Err(ClientError::Ambiguous {
            status: Some(answer.status),
        });
    }
    Ok(EntryAnswer {
        status: answer.status,
        etag: answer.etag,
        location: answer.location,
    })
}

/// An entity tag as it is, and a version id as one.
pub(super) fn entity_tag(version: &str) -> String {
    match version.ends_with('"') {
        true => version.to_owned(),
        false => format!("W/\"{version}\""),
    }
}

/// The version id in an entity tag: `W/"3"` is version 3.
pub(in crate::service) fn bare_version(tag: &str) -> &str {
    tag.trim_start_matches("W/").trim_matches('"')
}
