//! A request as it came in: its path below the base, its headers and its parameters.

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};

use super::SeenRequest;
use super::faults::RequestShape;
use super::resources::Preconditions;
use super::search::Continuation;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request, looked at from below the base path.
pub(super) struct Call<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    /// The path below the base: `/` for the base itself.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// The base URL as the client knows it.
    pub base: String,
}

impl Call<'_> {
    /// What decides which faults strike.
    pub fn shape(&self) -> RequestShape<'_> {
        let reads = *self.method == Method::GET;
        let names_only_a_type = self.path.matches('/').count() == 1 && self.path != "/metadata";
        RequestShape {
            method: self.method.as_str(),
            path: self.path,
            writes: !reads && !self.path.ends_with("/_search"),
            // A POST searches too when it is conditional, or holds entries that are.
            searches: *self.method == Method::POST || (reads && names_only_a_type),
            continues_a_search: self.continuation().is_some(),
        }
    }

    /// The note of a request that has not been answered yet.
    pub fn seen(&self) -> SeenRequest {
        let path_and_query = self.uri.path_and_query();
        SeenRequest {
            method: self.method.to_string(),
            path_and_query: path_and_query.map(ToString::to_string).unwrap_or_default(),
            status: None,
            prefer: self.header(&PREFER),
            cache_control: self.header(&header::CACHE_CONTROL),
            if_match: self.header(&header::IF_MATCH),
            if_none_match: self.header(&header::IF_NONE_MATCH),
            if_none_exist: self.if_none_exist(),
            x_request_id: self.header(&X_REQUEST_ID),
        }
    }

    /// Whether a `Prefer` header asks for this.
    pub fn prefers(&self, preference: &str) -> bool {
        let asked = self.header(&PREFER).unwrap_or_default();
        asked
            .split([',', ';'])
            .any(|asked| asked.trim() == preference)
    }

    pub fn preconditions(&self) -> Preconditions {
        Preconditions {
            if_match: self.header(&header::IF_MATCH),
            if_none_match: self.header(&header::IF_NONE_MATCH),
        }
    }

    pub fn if_none_exist(&self) -> Option<String> {
        self.header(&IF_NONE_EXIST)
    }

    /// The further page that is asked for, if it is one.
    pub fn continuation(&self) -> Option<Continuation> {
        let offset = self.parameter("_offset");
        Some(Continuation {
            token: self.parameter("_getpages")?,
            offset: offset
                .and_then(|offset| offset.parse().ok())
                .unwrap_or_default(),
        })
    }

    /// The decoded parameters of the URL and, for a search by POST, of the form in the body.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = decoded(self.query().as_bytes());
        if *self.method == Method::POST {
            parameters.extend(decoded(self.body));
        }
        parameters
    }

    /// The first parameter of the URL that has this name.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let parameters = decoded(self.query().as_bytes());
        let found = parameters.into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }

    fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    fn header(&self, name: &HeaderName) -> Option<String> {
        header_text(self.headers, name)
    }
}

/// The value of a header; of one that is there several times, all values joined by commas.
pub(super) fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn decoded(pairs: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(pairs).into_owned().collect()
}
