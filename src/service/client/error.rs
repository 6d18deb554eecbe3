//! What can go wrong at the FHIR server, each error by what the caller can do about it.
//!
//! No message carries a URL's query, a body or a diagnostics text: those may name a patient.

use std::error::Error;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

/// Why no client could be set up. A person has to mend the settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientSetupError {
    /// The base is not an http or https URL free of user name, query and fragment.
    #[error("the server's base must be an http or https URL without user name, query and fragment")]
    Base,
    /// The base is plain http to another machine, which would show results and token to the network.
    #[error("the server's base is plain http; use https, or set server.allow_http")]
    PlainHttp,
    /// The bearer token has characters that no header can carry.
    #[error("the bearer token holds characters that cannot be sent")]
    Token,
    /// The machine offers no usable TLS or DNS set-up.
    #[error("no HTTP client can be set up: {why}")]
    Http {
        /// What is missing.
        why: String,
    },
}

impl ClientSetupError {
    pub(in crate::service) fn from_http(error: &reqwest::Error) -> ClientSetupError {
        ClientSetupError::Http {
            why: innermost(error),
        }
    }
}

/// What went wrong in talking to the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nothing reached the server (name not found, connection refused, TLS failed). Try again later, writes too.
    #[error("the server could not be reached: {why}")]
    NotSent {
        /// What the network said; it names no more than a host.
        why: String,
    },
    /// The request may or may not have been carried out (timeout, reset, an error of the server, an answer that
    /// does not tell). After a write, read back before anything else; after a read, try again later.
    #[error("the server's answer leaves open what happened{}", in_brackets(.status))]
    Ambiguous {
        /// The HTTP status, if there was one.
        status: Option<u16>,
    },
    /// The resource has moved on, or exists already (304, 409, 412). Read back and judge anew.
    #[error("the resource on the server is another than expected (HTTP {status})")]
    Conflict {
        /// 304, 409 or 412.
        status: u16,
    },
    /// The server has no time (429, 503). Come back after the wait; after a write, read back first, since a gateway may
    /// say so of a request that the server has carried out.
    #[error("the server is busy (HTTP {status})")]
    Busy {
        /// 429 or 503.
        status: u16,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server has failed so often in a row that it is left alone; nothing was sent. Come back after the rest.
    #[error("the server has failed several times in a row and is left alone for about {} s", .for_about.as_secs())]
    Resting {
        /// How long it will still be left alone.
        for_about: Duration,
    },
    /// The server does not accept the credentials (401). Stop the pass and ask a person for a valid token.
    #[error("the server does not accept the credentials (HTTP 401)")]
    Unauthorized,
    /// The credentials do not cover this request (403). Ask a person for the missing scope.
    #[error("the credentials do not cover this request (HTTP 403)")]
    Forbidden,
    /// The server does not know the address of a search or of its metadata (404). Check the base URL.
    #[error("the server does not know this address (HTTP 404)")]
    NotFound,
    /// A resource of ours was deleted by somebody (410). Do not write it again; ask a person.
    #[error("the resource was deleted on the server (HTTP 410)")]
    Gone,
    /// The server will not do this (400, 404 on a write, 405, 413, 422 and the like). Sending the same again is useless, so
    /// ask a person. Some servers say 400 of a stale `If-Match` inside a transaction: read back once before that.
    #[error("the server refuses the request (HTTP {status}{})", and_code(.issue_code))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The first issue code of the server's OperationOutcome.
        issue_code: Option<String>,
    },
    /// The server carried out a part of a transaction and refused another. Read back what there is, and ask a person:
    /// such a server cannot be written to safely.
    #[error("the server did not treat the transaction as a whole (an entry has HTTP {status})")]
    NotAtomic {
        /// The status of the first refused entry.
        status: u16,
    },
    /// The server points to where the credentials must not go. Stop the pass and ask a person.
    #[error("the server's answer is not followed: {0}")]
    Untrusted(Distrust),
    /// The answer to a read is not what FHIR prescribes. Try again later, and tell a person if it lasts.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(Misread),
    /// The answer exceeds what is taken in. Ask for smaller pages, or raise the limit.
    #[error("the server's answer is too large: more than {0}")]
    TooLarge(Limit),
    /// A page of a search has expired (404 or 410 at a `next` link). Begin the window again; the cursor has not moved.
    #[error("a page of the search has expired on the server")]
    PageExpired,
}

/// Why an answer is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// A link leads outside the configured base URL.
    #[error("a link leads outside the configured base URL")]
    ForeignLink,
    /// A link leads back to a page already read.
    #[error("a link leads back to a page already read")]
    LoopingLink,
    /// The server answers by a redirect.
    #[error("it is a redirect")]
    Redirect,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Not JSON in UTF-8, for instance a page of HTML.
    #[error("not JSON")]
    NotJson,
    /// JSON nested deeper than is taken in.
    #[error("JSON nested too deeply")]
    TooDeep,
    /// An OperationOutcome where the status says success.
    #[error("an OperationOutcome in place of the content")]
    OperationOutcome,
    /// JSON, but another resource than was asked for.
    #[error("another resource than was asked for")]
    AnotherResource,
    /// A Bundle whose `link` or `entry` is not as FHIR prescribes, so that it is unclear what follows.
    #[error("a Bundle whose links or entries are malformed")]
    Bundle,
}

/// Which limit an answer exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Bytes after decompression.
    #[error("{0} bytes")]
    BodyBytes(usize),
    /// Entries in one Bundle.
    #[error("{0} entries in a page")]
    Entries(usize),
    /// Pages of one search.
    #[error("{0} pages")]
    Pages(usize),
}

impl ClientError {
    /// Whether the request may have been carried out although no success was answered.
    pub fn leaves_open(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::Busy { .. })
    }

    /// The meaning of a failed exchange below HTTP.
    pub(super) fn from_transport(error: &reqwest::Error) -> ClientError {
        if error.is_connect() || error.is_builder() {
            ClientError::NotSent {
                why: innermost(error),
            }
        } else {
            ClientError::Ambiguous { status: None }
        }
    }

    /// The meaning of a status other than success.
    pub(super) fn from_status(
        method: &Method,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &str,
    ) -> ClientError {
        let number = status.as_u16();
        match number {
            304 | 409 | 412 => ClientError::Conflict { status: number },
            300..=399 => ClientError::Untrusted(Distrust::Redirect),
            401 => ClientError::Unauthorized,
            403 => ClientError::Forbidden,
            404 if method == Method::GET => ClientError::NotFound,
            408 => ClientError::Ambiguous {
                status: Some(number),
            },
            410 => ClientError::Gone,
            429 | 503 => ClientError::Busy {
                status: number,
                retry_after,
            },
            400..=499 => ClientError::Refused {
                status: number,
                issue_code: issue_codes(body).into_iter().next(),
            },
            _ => ClientError::Ambiguous {
                status: Some(number),
            },
        }
    }
}

/// The issue codes of an OperationOutcome, in order; none if the text is something else.
///
/// A code that does not look like one is left out, since these codes are logged.
pub(super) fn issue_codes(text: &str) -> Vec<String> {
    let Ok(outcome) = serde_json::from_str::<Value>(text) else {
        return Vec::new();
    };
    if outcome["resourceType"] != "OperationOutcome" {
        return Vec::new();
    }
    let issues = outcome["issue"].as_array().into_iter().flatten();
    issues
        .filter_map(|issue| issue["code"].as_str())
        .filter(|code| is_code(code))
        .map(str::to_owned)
        .collect()
}

/// Whether a text is an OperationOutcome with an issue of severity error or fatal.
pub(super) fn is_outcome_of_failure(text: &str) -> bool {
    let Ok(outcome) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let mut issues = outcome["issue"].as_array().into_iter().flatten();
    outcome["resourceType"] == "OperationOutcome"
        && issues.any(|issue| issue["severity"] == "error" || issue["severity"] == "fatal")
}

fn is_code(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// The text at the root of an error's chain. The error itself is left out, for it quotes the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut why = String::from("no detail");
    let mut source = error.source();
    while let Some(error) = source {
        why = error.to_string();
        source = error.source();
    }
    why
}

fn in_brackets(status: &Option<u16>) -> String {
    status
        .map(|status| format!(" (HTTP {status})"))
        .unwrap_or_default()
}

fn and_code(code: &Option<String>) -> String {
    code.as_ref()
        .map(|code| format!(", {code}"))
        .unwrap_or_default()
}
