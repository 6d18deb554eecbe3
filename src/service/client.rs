//! A thin FHIR transport: texts in, texts out, every failure named by what the caller can do.
//!
//! It understands envelopes only (HTTP, Bundle, CapabilityStatement), never a clinical resource, so that no digit and no
//! unreadable entry is lost on the way. Reads are tried again where that can help. A write is sent once: whether it
//! arrived is for the caller to find out by reading back. A server that fails several times in a row is left alone for a
//! while. Credentials go to the configured base URL and nowhere else, and redirects are not followed.

mod body;
mod breaker;
mod capabilities;
mod error;
mod origin;
mod paging;
mod retry;
#[cfg(test)]
mod tests;
mod trail;
mod transaction;
mod wire;
mod writing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, FixedOffset};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use secrecy::ExposeSecret;
use url::Url;

use super::clock::Clock;
use crate::config::ServerSettings;

pub use capabilities::{Capabilities, SubscriptionMention};
pub use error::{ClientError, ClientSetupError, Distrust, Limit, Misread};
pub(in crate::service) use origin::http_for;
pub use paging::{EntryFault, EntryMode, Page, PageEntry, Pages};
pub(in crate::service) use retry::{http_date, jitter, retry_after};
pub(in crate::service) use trail::AUDIT_EVENT;
pub use trail::{Failure, Interaction, Noted};
pub use transaction::EntryAnswer;
pub use wire::{Exchange, LocalWire, NoAnswer};
pub use writing::Precondition;
pub(in crate::service) use writing::bare_version;

use breaker::{Breaker, BreakerPolicy};
use origin::FhirBase;
use retry::RetryPolicy;
use trail::{Call, Trail, X_REQUEST_ID};
use wire::Wire;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A connection to one FHIR server. Clones share it, and what is known of the server's health.
#[derive(Debug, Clone)]
pub struct FhirClient {
    wire: Wire,
    base: FhirBase,
    /// The `Authorization` header, marked sensitive so that it is never shown.
    authorization: Option<HeaderValue>,
    max_body_bytes: usize,
    retry: RetryPolicy,
    breaker: Arc<Mutex<Breaker>>,
    clock: Clock,
    /// Where exchanges are noted, if they are.
    trail: Option<Trail>,
}

/// What became of reading a resource by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadAnswer {
    /// The current version.
    Found {
        /// The resource's JSON text, character for character.
        text: String,
        /// The version as the server prints it, for `If-Match`; opaque.
        etag: Option<String>,
    },
    /// The server knows no such resource (404). Some servers say so of deleted ones too.
    NotFound,
    /// The resource was deleted (410).
    Gone,
}

/// What a request asks for by `Prefer`.
#[derive(Debug, Clone, Copy)]
enum Prefer {
    Nothing,
    /// To refuse search parameters the server does not know, where ignoring one would widen the search.
    StrictHandling,
    /// To leave out resources that we have just sent.
    MinimalReturn,
}

/// A successful answer.
struct Answer {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    server_date: Option<DateTime<FixedOffset>>,
    text: String,
}

impl FhirClient {
    /// Sets the client up without touching the network.
    pub fn new(settings: &ServerSettings) -> Result<FhirClient, ClientSetupError> {
        let base = FhirBase::new(&settings.base, settings.allow_http)?;
        let http = http_for(&settings.base)
            .gzip(true)
            .connect_timeout(settings.limits.connect_timeout)
            .timeout(settings.limits.request_timeout);
        let authorization = match &settings.bearer_token {
            None => None,
            Some(token) => {
                let header = format!("Bearer {}", token.expose_secret());
                let mut header =
                    HeaderValue::try_from(header).map_err(|_| ClientSetupError::Token)?;
                header.set_sensitive(true);
                Some(header)
            }
        };
        Ok(FhirClient {
            wire: Wire::Network(
                http.build()
                    .map_err(|error| ClientSetupError::from_http(&error))?,
            ),
            base,
            authorization,
            max_body_bytes: settings.limits.max_body_bytes,
            retry: RetryPolicy {
                attempts: settings.limits.attempts,
                max_retry_after: settings.limits.max_retry_after,
            },
            breaker: Arc::new(Mutex::new(Breaker::new(BreakerPolicy {
                failures: settings.limits.breaker_failures,
                rest: settings.limits.breaker_rest,
            }))),
            clock: Clock::System,
            trail: None,
        })
    }

    /// The same client by another clock.
    pub fn with_clock(self, clock: Clock) -> FhirClient {
        FhirClient { clock, ..self }
    }

    /// A client with the same settings for a server in this process, of whose health nothing is known yet.
    pub fn through(&self, wire: Arc<dyn LocalWire>) -> FhirClient {
        let policy = self.breaker().policy();
        FhirClient {
            wire: Wire::Local(wire),
            breaker: Arc::new(Mutex::new(Breaker::new(policy))),
            ..self.clone()
        }
    }

    /// Reads the current version of a resource. An id that cannot be one is not found, without asking.
    pub async fn read(&self, kind: &str, id: &str) -> Result<ReadAnswer, ClientError> {
        if !is_type_name(kind) || !is_id(id) {
            return Ok(ReadAnswer::NotFound);
        }
        let url = self.base.below(&[kind, id]);
        let mut call = Call::new();
        let answer = self.get(&url, Prefer::Nothing, &mut call).await;
        self.note_read(&call, (kind, id), None, &answer);
        read_answer(kind, answer)
    }

    /// Reads a resource unless its current version is still this one; `None` where it is. The version is a version id or
    /// an entity tag. A server that does not know `If-None-Match` sends the resource, and its version is compared here.
    pub async fn read_unless(
        &self,
        kind: &str,
        id: &str,
        version: &str,
    ) -> Result<Option<ReadAnswer>, ClientError> {
        if !is_type_name(kind) || !is_id(id) {
            return Ok(Some(ReadAnswer::NotFound));
        }
        let url = self.base.below(&[kind, id]);
        let condition = (IF_NONE_MATCH, writing::entity_tag(version));
        let mut call = Call::new();
        let answer = self
            .get_with(&url, Prefer::Nothing, Some(&condition), &mut call)
            .await;
        self.note_read(&call, (kind, id), Some(version), &answer);
        let answer = match answer {
            Err(ClientError::Conflict { status: 304 }) => return Ok(None),
            answer => read_answer(kind, answer)?,
        };
        let is_known = match &answer {
            ReadAnswer::Found { text, etag } => {
                let version = writing::bare_version(version);
                (etag.as_deref().map(writing::bare_version) == Some(version))
                    || body::version_id(text).as_deref() == Some(version)
            }
            ReadAnswer::NotFound | ReadAnswer::Gone => false,
        };
        Ok((!is_known).then_some(answer))
    }

    /// Searches resources of a type by these parameters, in their order. Nothing is sent before the first page is asked for.
    pub fn search(&self, kind: &str, parameters: &[(String, String)]) -> Pages {
        let mut url = self.base.below(&[kind]);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Pages::new(self.clone(), kind, url)
    }

    /// Sends a transaction Bundle, once. Success means that every entry was carried out; the answers are in their order.
    pub async fn transaction(&self, bundle_text: &str) -> Result<Vec<EntryAnswer>, ClientError> {
        let mut call = Call::new();
        let answers = self
            .write(
                Method::POST,
                &self.base.root(),
                Some(bundle_text),
                None,
                &mut call,
            )
            .await
            .and_then(|answer| {
                transaction::entry_answers(bundle_text, &answer.text, answer.status)
            });
        self.note_transaction(&call, bundle_text, &answers);
        answers
    }

    /// Waits while the server is left alone, unless that is longer than a server is waited for.
    pub async fn let_rest(&self) {
        let rest = self.breaker().rests_for(self.clock.now());
        if let Some(rest) = rest.filter(|rest| *rest <= self.retry.max_retry_after) {
            self.clock.wait(rest).await;
        }
    }

    /// All versions of a resource, page by page.
    pub fn history(&self, kind: &str, id: &str) -> Pages {
        Pages::new(self.clone(), kind, self.base.below(&[kind, id, "_history"]))
    }

    /// Reads what the server says of itself.
    pub async fn capabilities(&self) -> Result<Capabilities, ClientError> {
        let answer = self
            .get(
                &self.base.below(&["metadata"]),
                Prefer::Nothing,
                &mut Call::new(),
            )
            .await?;
        body::expect_resource("CapabilityStatement", &answer.text)?;
        let statement = serde_json::from_str(&answer.text)
            .map_err(|_| ClientError::Unreadable(Misread::NotJson))?;
        Ok(Capabilities::from_statement(&statement))
    }

    /// Reads an address, trying again where that can help.
    async fn get(&self, url: &Url, prefer: Prefer, call: &mut Call) -> Result<Answer, ClientError> {
        self.get_with(url, prefer, None, call).await
    }

    /// The same under a condition, which is a header.
    async fn get_with(
        &self,
        url: &Url,
        prefer: Prefer,
        condition: Option<&(HeaderName, String)>,
        call: &mut Call,
    ) -> Result<Answer, ClientError> {
        let mut tried = 0;
        loop {
            let request = self.request(Method::GET, url, prefer, condition, call)?;
            let error = match self.exchange(request, call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tried += 1;
            match self.retry.wait_after(tried, &error, self.clock.jitter()) {
                Some(wait) => self.clock.wait(wait).await,
                None => return Err(error),
            }
        }
    }

    /// Sends a write, once.
    async fn write(
        &self,
        method: Method,
        url: &Url,
        text: Option<&str>,
        condition: Option<&(HeaderName, String)>,
        call: &mut Call,
    ) -> Result<Answer, ClientError> {
        let mut request = self.request(method, url, Prefer::MinimalReturn, condition, call)?;
        if let Some(text) = text {
            request.headers_mut().insert(CONTENT_TYPE, FHIR_JSON);
            *request.body_mut() = Some(text.to_owned().into());
        }
        match self.exchange(request, call).await {
            // The status said success, and the body that would tell more is lost.
            Err(ClientError::Unreadable(_) | ClientError::TooLarge(_)) => {
                Err(ClientError::Ambiguous { status: None })
            }
            answer => answer,
        }
    }

    /// A request with our headers. This is the only place that adds credentials, so it is the one that looks where they go.
    fn request(
        &self,
        method: Method,
        url: &Url,
        prefer: Prefer,
        condition: Option<&(HeaderName, String)>,
        call: &Call,
    ) -> Result<Request, ClientError> {
        if !self.base.covers(url) {
            return Err(ClientError::Untrusted(Distrust::ForeignLink));
        }
        let mut request = Request::new(method, url.clone());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, FHIR_JSON);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(id) = call.header() {
            headers.insert(X_REQUEST_ID, id);
        }
        let prefer = match prefer {
            Prefer::Nothing => None,
            Prefer::StrictHandling => Some("handling=strict"),
            Prefer::MinimalReturn => Some("return=minimal"),
        };
        if let Some(prefer) = prefer {
            headers.insert(PREFER, HeaderValue::from_static(prefer));
        }
        if let Some((name, value)) = condition {
            let value = HeaderValue::from_str(value).map_err(|_| ClientError::NotSent {
                why: "a condition holds characters that cannot be sent".to_owned(),
            })?;
            headers.insert(name, value);
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    /// Sends a request and reads the whole answer, unless the server rests.
    async fn exchange(&self, request: Request, call: &mut Call) -> Result<Answer, ClientError> {
        let admitted = self.breaker().admit(self.clock.now());
        admitted.map_err(|for_about| ClientError::Resting { for_about })?;
        call.was_sent = true;
        let answer = self.send(request).await;
        let failure = answer.as_ref().err();
        self.breaker().note(self.clock.now(), failure);
        answer
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, request: Request) -> Result<Answer, ClientError> {
        let method = request.method().clone();
        let response = self.wire.send(request).await?;
        let status = response.status();
        let etag = header_text(response.headers(), ETAG);
        let location = header_text(response.headers(), LOCATION);
        let server_date =
            header_text(response.headers(), DATE).and_then(|date| retry::http_date(&date));
        let retry_after = header_text(response.headers(), RETRY_AFTER)
            .and_then(|wait| retry::retry_after(&wait, server_date));
        let text = body::read_text(response, self.max_body_bytes).await;
        if status.is_success() {
            return Ok(Answer {
                status: status.as_u16(),
                etag,
                location,
                server_date,
                text: text?,
            });
        }
        // The status tells what to do even if the body is lost.
        Err(ClientError::from_status(
            &method,
            status,
            retry_after,
            &text.unwrap_or_default(),
        ))
    }
}

fn read_answer(kind: &str, answer: Result<Answer, ClientError>) -> Result<ReadAnswer, ClientError> {
    let answer = match answer {
        Err(ClientError::NotFound) => return Ok(ReadAnswer::NotFound),
        Err(ClientError::Gone) => return Ok(ReadAnswer::Gone),
        answer => answer?,
    };
    body::expect_resource(kind, &answer.text)?;
    Ok(ReadAnswer::Found {
        text: answer.text,
        etag: answer.etag,
    })
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn is_type_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// FHIR's grammar of an id, with the underscores and lengths that some servers use; never a step up in the path.
fn is_id(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
