//! Requests about one resource: written once, never again by itself, and read only where it has changed.

use reqwest::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder};

use super::error::ClientError;
use super::paging::Pages;
use super::transaction::EntryAnswer;
use super::{FHIR_JSON, FhirClient, Prefer, ReadAnswer};
use crate::fhir::json::Json;

const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

/// What must hold on the server for a PUT to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// The resource does not exist yet (`If-None-Match: *`).
    Absent,
    /// The resource still is the version with this entity tag (`If-Match`).
    Version(String),
}

impl FhirClient {
    /// Reads a resource unless it still is this version. `None` when it is.
    pub async fn read_unless(
        &self,
        kind: &str,
        id: &str,
        version: &str,
    ) -> Result<Option<ReadAnswer>, ClientError> {
        let answer = self.read(kind, id).await?;
        let is_same = match &answer {
            ReadAnswer::Found { text, .. } => Json::parse(text).is_ok_and(|json| {
                json.get("meta").and_then(|meta| meta.text_at("versionId")) == Some(version)
            }),
            ReadAnswer::NotFound | ReadAnswer::Gone => false,
        };
        Ok((!is_same).then_some(answer))
    }

    /// Writes a resource under an id, once.
    pub async fn put(
        &self,
        kind: &str,
        id: &str,
        text: &str,
        precondition: Precondition,
    ) -> Result<EntryAnswer, ClientError> {
        let url = self.base.below(&[kind, id]);
        let mut request = self.request(Method::PUT, &url, Prefer::MinimalReturn)?;
        request = match precondition {
            Precondition::None => request,
            Precondition::Absent => request.header(IF_NONE_MATCH, "*"),
            Precondition::Version(tag) => request.header(IF_MATCH, tag),
        };
        self.write_one(Method::PUT, request, text).await
    }

    /// Has the server make a resource, once; with criteria such as `identifier=s|v` only unless a search finds one.
    pub async fn create(
        &self,
        kind: &str,
        text: &str,
        unless_exists: Option<&str>,
    ) -> Result<EntryAnswer, ClientError> {
        let url = self.base.below(&[kind]);
        let mut request = self.request(Method::POST, &url, Prefer::MinimalReturn)?;
        if let Some(criteria) = unless_exists {
            request = request.header(IF_NONE_EXIST, criteria);
        }
        self.write_one(Method::POST, request, text).await
    }

    /// Deletes a resource, once.
    pub async fn delete(&self, kind: &str, id: &str) -> Result<(), ClientError> {
        let url = self.base.below(&[kind, id]);
        let request = self.request(Method::DELETE, &url, Prefer::Nothing)?;
        self.exchange(&Method::DELETE, request).await.map(drop)
    }

    /// All versions of a resource, page by page.
    pub fn history(&self, kind: &str, id: &str) -> Pages {
        Pages::new(self.clone(), self.base.below(&[kind, id, "_history"]))
    }

    async fn write_one(
        &self,
        method: Method,
        request: RequestBuilder,
        text: &str,
    ) -> Result<EntryAnswer, ClientError> {
        let request = request
            .header(CONTENT_TYPE, FHIR_JSON)
            .body(text.to_owned());
        let answer = match self.exchange(&method, request).await {
            Err(ClientError::Unreadable(_) | ClientError::TooLarge(_)) => {
                return Err(ClientError::Ambiguous { status: None });
            }
            answer => answer?,
        };
        Ok(EntryAnswer {
            status: answer.status,
            etag: answer.etag,
            location: answer.location,
        })
    }
}
