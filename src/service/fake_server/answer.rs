//! An answer before it is put on the wire.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::call::Call;
use super::dates::http_date;
use super::faults::RetryAfter;
use super::json_members::raw;
use super::refusal::Refusal;
use super::resources::{Version, Written};

const FHIR_JSON: &str = "application/fhir+json; fhirVersion=4.0";

/// Status, headers and body. `Date` and `Content-Type` come with the response.
pub(super) struct Answer {
    pub status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Option<Box<RawValue>>,
}

impl Answer {
    /// Something other than a stored resource.
    pub fn json<T: Serialize>(body: &T) -> Answer {
        Answer {
            body: Some(raw(body)),
            ..Answer::without_body(StatusCode::OK)
        }
    }

    pub fn no_content() -> Answer {
        Answer::without_body(StatusCode::NO_CONTENT)
    }

    /// A resource that was read.
    pub fn resource(version: &Version) -> Answer {
        Answer {
            status: StatusCode::OK,
            body: version.text(),
            ..Answer::not_modified(version)
        }
    }

    /// A resource that was asked for by a client who knows this version already.
    pub fn not_modified(version: &Version) -> Answer {
        let headers = vec![
            (header::ETAG, version.etag()),
            (header::LAST_MODIFIED, http_date(version.last_updated)),
        ];
        Answer {
            headers,
            ..Answer::without_body(StatusCode::NOT_MODIFIED)
        }
    }

    /// A resource that was written, shown unless the client prefers not to see it.
    pub fn written(written: &Written, call: &Call<'_>) -> Answer {
        let mut answer = Answer::resource(&written.version);
        answer.status = written.status;
        let location = format!("{}/{}", call.base, written.version.location());
        answer.headers.push((header::LOCATION, location));
        if call.prefers("return=minimal") {
            answer.body = None;
        }
        answer
    }

    /// The same answer, silent about where the resource is.
    pub fn without_location(mut self) -> Answer {
        self.headers.retain(|(name, _)| *name != header::LOCATION);
        self
    }

    pub fn refused(refusal: &Refusal) -> Answer {
        Answer {
            status: refusal.status,
            ..Answer::json(&refusal.outcome())
        }
    }

    /// The refusal that a status fault stands for.
    pub fn ordered(code: u16, retry_after: Option<RetryAfter>, now: DateTime<Utc>) -> Answer {
        let mut answer = Answer::refused(&Refusal::ordered(code));
        if answer.status == StatusCode::NOT_MODIFIED {
            answer.body = None;
        }
        let wait = retry_after.map(|wait| match wait {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(seconds) => http_date(now + TimeDelta::seconds(i64::from(seconds))),
        });
        let retry_after = wait.map(|wait| (header::RETRY_AFTER, wait));
        answer.headers.extend(retry_after);
        answer
    }

    /// A success whose body says that something is wrong.
    pub fn outcome_as_success() -> Answer {
        Answer::json(&Refusal::ordered(500).outcome())
    }

    /// The response as it is sent at this time.
    pub fn into_response(self, now: DateTime<Utc>) -> Response {
        let mut response = match self.body {
            Some(body) => {
                ([(header::CONTENT_TYPE, FHIR_JSON)], body.get().to_owned()).into_response()
            }
            None => Response::default(),
        };
        *response.status_mut() = self.status;
        let date = (header::DATE, http_date(now));
        for (name, value) in self.headers.into_iter().chain([date]) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn without_body(status: StatusCode) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: None,
        }
    }
}
