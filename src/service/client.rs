//! A thin FHIR transport: texts in, texts out, every failure named by what the caller can do.
//!
//! It understands envelopes only (HTTP, Bundle, CapabilityStatement), never a clinical resource, so that no digit and no
//! unreadable entry is lost on the way. Reads are tried again where that can help. A transaction is sent once: whether it
//! arrived is for the caller to find out by reading back. Credentials go to the configured base URL and nowhere else, and
//! redirects are not followed.

mod body;
mod capabilities;
mod error;
mod origin;
mod paging;
mod retry;
mod single;
#[cfg(test)]
mod tests;
mod transaction;

use chrono::{DateTime, FixedOffset};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, LOCATION, RETRY_AFTER,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use url::Url;

use crate::config::ServerSettings;

pub use capabilities::{Capabilities, SubscriptionMention};
pub use error::{ClientError, ClientSetupError, Distrust, Limit, Misread};
pub use paging::{EntryFault, EntryMode, Page, PageEntry, Pages};
pub use retry::Pause;
pub(in crate::service) use retry::jitter;
pub use single::Precondition;
pub use transaction::EntryAnswer;

use origin::FhirBase;
use retry::RetryPolicy;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A connection to one FHIR server. Clones share it.
#[derive(Debug, Clone)]
pub struct FhirClient {
    http: reqwest::Client,
    base: FhirBase,
    /// The `Authorization` header, marked sensitive so that it is never shown.
    authorization: Option<HeaderValue>,
    max_body_bytes: usize,
    retry: RetryPolicy,
    pause: Pause,
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
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("her2-adapter/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .gzip(true)
            .connect_timeout(settings.limits.connect_timeout)
            .timeout(settings.limits.request_timeout);
        if base.is_plain_loopback() {
            http = http.no_proxy();
        }
        if !base.uses_tls() {
            // Without this the machine's certificates are loaded, and a machine that has none could not run the demo.
            http = http.tls_certs_only([]);
        }
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
            http: http
                .build()
                .map_err(|error| ClientSetupError::from_http(&error))?,
            base,
            authorization,
            max_body_bytes: settings.limits.max_body_bytes,
            retry: RetryPolicy {
                attempts: settings.limits.attempts,
                max_retry_after: settings.limits.max_retry_after,
            },
            pause: Pause::Clock,
        })
    }

    /// The same client with another way to wait between attempts.
    pub fn with_pause(self, pause: Pause) -> FhirClient {
        FhirClient { pause, ..self }
    }

    /// Reads the current version of a resource. An id that cannot be one is not found, without asking.
    pub async fn read(&self, kind: &str, id: &str) -> Result<ReadAnswer, ClientError> {
        if !is_type_name(kind) || !is_id(id) {
            return Ok(ReadAnswer::NotFound);
        }
        let answer = match self
            .get(&self.base.below(&[kind, id]), Prefer::Nothing)
            .await
        {
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

    /// Searches resources of a type by these parameters, in their order. Nothing is sent before the first page is asked for.
    pub fn search(&self, kind: &str, parameters: &[(String, String)]) -> Pages {
        let mut url = self.base.below(&[kind]);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Pages::new(self.clone(), url)
    }

    /// Sends a transaction Bundle, once. Success means that every entry was carried out; the answers are in their order.
    pub async fn transaction(&self, bundle_text: &str) -> Result<Vec<EntryAnswer>, ClientError> {
        let request = self
            .request(Method::POST, &self.base.root(), Prefer::MinimalReturn)?
            .header(CONTENT_TYPE, FHIR_JSON)
            .body(bundle_text.to_owned());
        let answer = match self.exchange(&Method::POST, request).await {
            // The status said success, and the body that would tell more is lost.
            Err(ClientError::Unreadable(_) | ClientError::TooLarge(_)) => {
                return Err(ClientError::Ambiguous { status: None });
            }
            answer => answer?,
        };
        transaction::entry_answers(bundle_text, &answer.text, answer.status)
    }

    /// Reads what the server says of itself.
    pub async fn capabilities(&self) -> Result<Capabilities, ClientError> {
        let answer = self
            .get(&self.base.below(&["metadata"]), Prefer::Nothing)
            .await?;
        body::expect_resource("CapabilityStatement", &answer.text)?;
        let statement = serde_json::from_str(&answer.text)
            .map_err(|_| ClientError::Unreadable(Misread::NotJson))?;
        Ok(Capabilities::from_statement(&statement))
    }

    /// Reads an address, trying again where that can help.
    async fn get(&self, url: &Url, prefer: Prefer) -> Result<Answer, ClientError> {
        let mut tried = 0;
        loop {
            let request = self.request(Method::GET, url, prefer)?;
            let error = match self.exchange(&Method::GET, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tried += 1;
            match self.retry.wait_after(tried, &error, jitter()) {
                Some(wait) => self.pause.wait(wait).await,
                None => return Err(error),
            }
        }
    }

    /// A request with our headers. This is the only place that adds credentials, so it is the one that looks where they go.
    fn request(
        &self,
        method: Method,
        url: &Url,
        prefer: Prefer,
    ) -> Result<RequestBuilder, ClientError> {
        if !self.base.covers(url) {
            return Err(ClientError::Untrusted(Distrust::ForeignLink));
        }
        let mut request = self
            .http
            .request(method, url.clone())
            .header(ACCEPT, FHIR_JSON)
            .header(CACHE_CONTROL, "no-cache");
        request = match prefer {
            Prefer::Nothing => request,
            Prefer::StrictHandling => request.header(PREFER, "handling=strict"),
            Prefer::MinimalReturn => request.header(PREFER, "return=minimal"),
        };
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    /// Sends a request and reads the whole answer.
    async fn exchange(
        &self,
        method: &Method,
        request: RequestBuilder,
    ) -> Result<Answer, ClientError> {
        let response = request
            .send()
            .await
            .map_err(|error| ClientError::from_transport(&error))?;
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
            method,
            status,
            retry_after,
            &text.unwrap_or_default(),
        ))
    }
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
