//! The door: what happens to a request, and which request asks for what.
//!
//! All requests come through one function, in the order things happen: note the request, let the ordered faults
//! strike, do the work, note the status. The work itself never waits, so the store is locked for one request at a time.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::answer::Answer;
use super::bundle::Bundle;
use super::call::{Call, header_text};
use super::capability::capability_statement;
use super::cuttable::Line;
use super::dates::span_of;
use super::faults::{Effects, FaultKind, FaultMoment, strike};
use super::incoming::{Incoming, is_type_name};
use super::refusal::Refusal;
use super::resources::{Resources, Written};
use super::search::{Search, SearchContext, find_existing};
use super::transaction::{BundleContext, process};
use super::{Fault, Shared, lock};

/// Longer request bodies are refused with 413.
const BODY_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// The service that answers every request.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .fallback(respond)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(shared)
}

pub(super) async fn respond(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = match path_below(&shared.base_path, uri.path()) {
        None => Answer::refused(&Refusal::not_found("this is not below the base path")),
        Some("/$faults") => shared.change_faults(&method, &body),
        Some(path) => {
            let host = header_text(&headers, &header::HOST);
            let host = host.unwrap_or_else(|| shared.authority.clone());
            let call = Call {
                method: &method,
                uri: &uri,
                path,
                headers: &headers,
                body: &body,
                base: format!("http://{host}{}", shared.base_path),
            };
            shared.answer_amid_faults(&call, &line).await
        }
    };
    answer.into_response(shared.clock.now())
}

/// The path below the base, `/` for the base itself; `None` for what lies elsewhere.
fn path_below<'a>(base_path: &str, path: &'a str) -> Option<&'a str> {
    match path.strip_prefix(base_path)? {
        "" => Some("/"),
        below => below.starts_with('/').then_some(below),
    }
}

impl Shared {
    /// Answers a request as far as the ordered faults let it.
    async fn answer_amid_faults(&self, call: &Call<'_>, line: &Line) -> Answer {
        let seen_as = self.note_request(call);
        let effects = strike(&mut lock(&self.faults), &call.shape());
        if !effects.latency.is_zero() && !line.in_process {
            tokio::time::sleep(effects.latency).await;
        }
        if effects.failure == Some(FaultKind::ExpiredPage)
            && let Some(continuation) = call.continuation()
        {
            lock(&self.searches).forget(&continuation.token);
        }
        let moment = effects.failure.and_then(FaultKind::moment);
        let is_done = moment != Some(FaultMoment::BeforeCommit);
        let done = is_done.then(|| self.answer(call, &effects));
        let answer = match effects.failure {
            Some(FaultKind::Status {
                code, retry_after, ..
            }) => Answer::ordered(code, retry_after, self.clock.now()),
            Some(FaultKind::OutcomeAsSuccess(_)) => Answer::outcome_as_success(),
            // Nobody sees the answer of a cut line.
            Some(FaultKind::Reset(_)) => {
                line.cut();
                return Answer::no_content();
            }
            Some(FaultKind::Hang(_)) => {
                line.hang().await;
                return Answer::no_content();
            }
            _ => done.unwrap_or_else(Answer::no_content),
        };
        self.note_status(seen_as, answer.status);
        answer
    }

    /// Does what a request asks for.
    fn answer(&self, call: &Call<'_>, effects: &Effects) -> Answer {
        let mut store = lock(&self.store);
        let writes_before = store.writes;
        let search = SearchContext {
            base: &call.base,
            strict: call.prefers("handling=strict"),
            stale_writes: effects.stale_writes,
            default_count: self.page_size,
            max_count: self.max_page_size,
        };
        let answer = self
            .route(call, &mut store, &search, effects)
            .unwrap_or_else(|refusal| Answer::refused(&refusal));
        if store.writes > writes_before {
            self.clock.step();
        }
        answer
    }

    fn route(
        &self,
        call: &Call<'_>,
        store: &mut Resources,
        search: &SearchContext<'_>,
        effects: &Effects,
    ) -> Result<Answer, Refusal> {
        let now = self.clock.now();
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["metadata"]) => {
                let statement = capability_statement(&call.base, now, &store.manners);
                Ok(Answer::json(&statement))
            }
            ("POST", [""]) => self.process_bundle(call, store, search, effects),
            (_, [resource_type, ..]) if !is_type_name(resource_type) => Err(Refusal::not_found(
                "this is not the path of a resource type",
            )),
            ("GET", [resource_type]) | ("POST", [resource_type, "_search"]) => {
                self.search(call, store, resource_type, search)
            }
            ("POST", [resource_type]) => create(call, store, resource_type, search, now),
            ("GET", [_, .., "_history"] | [_, _, "_history", _]) if !store.manners.history => {
                Err(not_supported())
            }
            ("GET", [resource_type, "_history"]) => history_of_type(call, store, resource_type),
            ("GET", [resource_type, id]) => read(call, store, resource_type, id),
            ("PUT", [resource_type, id]) => {
                let incoming = Incoming::parse(call.body)?;
                let written = store.put(resource_type, id, incoming, &call.preconditions(), now)?;
                Ok(Answer::written(&written, call))
            }
            ("DELETE", [resource_type, id]) => {
                store.delete(resource_type, id, &call.preconditions(), now)?;
                Ok(Answer::no_content())
            }
            ("GET", [resource_type, id, "_history"]) => history(call, store, resource_type, id),
            ("GET", [resource_type, id, "_history", number]) => {
                let version = store.read_version(resource_type, id, number)?;
                Ok(Answer::resource(version))
            }
            _ => Err(not_supported()),
        }
    }

    fn process_bundle(
        &self,
        call: &Call<'_>,
        store: &mut Resources,
        search: &SearchContext<'_>,
        effects: &Effects,
    ) -> Result<Answer, Refusal> {
        let context = BundleContext {
            search: *search,
            now: self.clock.now(),
            return_representation: call.prefers("return=representation"),
            entry_error: match effects.failure {
                Some(FaultKind::EntryError(error)) => Some(error),
                _ => None,
            },
        };
        let answers = process(store, &mut lock(&self.searches), call.body, &context)?;
        Ok(Answer::json(&answers))
    }

    fn search(
        &self,
        call: &Call<'_>,
        store: &Resources,
        resource_type: &str,
        context: &SearchContext<'_>,
    ) -> Result<Answer, Refusal> {
        let mut searches = lock(&self.searches);
        let continuation = call.continuation();
        let search = match &continuation {
            Some(continuation) => searches.find(&continuation.token)?,
            None => Arc::new(Search::parse(resource_type, call.parameters(), context)?),
        };
        let page = search.page(store, &mut searches, context, continuation.as_ref());
        Ok(Answer::json(&page))
    }

    /// Orders the faults in the body, or clears those ordered before.
    fn change_faults(&self, method: &Method, body: &[u8]) -> Answer {
        if *method == Method::DELETE {
            lock(&self.faults).clear();
            return Answer::no_content();
        }
        match listed_faults(body) {
            Ok(faults) => {
                lock(&self.faults).extend(faults);
                Answer::no_content()
            }
            Err(refusal) => Answer::refused(&refusal),
        }
    }

    /// Notes a request that has arrived, and returns the place of the note.
    fn note_request(&self, call: &Call<'_>) -> usize {
        let mut requests = lock(&self.requests);
        requests.push(call.seen());
        requests.len() - 1
    }

    fn note_status(&self, seen_as: usize, status: StatusCode) {
        if let Some(request) = lock(&self.requests).get_mut(seen_as) {
            request.status = Some(status.as_u16());
        }
    }
}

fn not_supported() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "not-supported",
        "this server does not do this here",
    )
}

fn create(
    call: &Call<'_>,
    store: &mut Resources,
    resource_type: &str,
    search: &SearchContext<'_>,
    now: DateTime<Utc>,
) -> Result<Answer, Refusal> {
    let incoming = Incoming::parse(call.body)?;
    if store.manners.if_none_exist
        && let Some(criteria) = call.if_none_exist()
        && let Some(version) = find_existing(store, resource_type, &criteria, search)?
    {
        let status = StatusCode::OK;
        let answer = Answer::written(&Written { status, version }, call);
        return Ok(match store.manners.silent_matches {
            true => answer.without_location(),
            false => answer,
        });
    }
    let id = store.next_id(resource_type);
    let written = store.create(resource_type, &id, incoming, now)?;
    Ok(Answer::written(&written, call))
}

fn read(
    call: &Call<'_>,
    store: &Resources,
    resource_type: &str,
    id: &str,
) -> Result<Answer, Refusal> {
    let version = store.read(resource_type, id)?;
    let known = call.preconditions().if_none_match;
    if store.manners.if_none_match && known.is_some_and(|tags| version.is_named_by(&tags)) {
        return Ok(Answer::not_modified(version));
    }
    Ok(Answer::resource(version))
}

fn history(
    call: &Call<'_>,
    store: &Resources,
    resource_type: &str,
    id: &str,
) -> Result<Answer, Refusal> {
    let versions = store.history(resource_type, id);
    if versions.is_empty() {
        return Err(Refusal::not_found("there is no such resource"));
    }
    let newest_first = versions.iter().rev();
    let bundle = Bundle::of_history(newest_first, &call.base);
    Ok(Answer::json(&bundle))
}

fn history_of_type(
    call: &Call<'_>,
    store: &Resources,
    resource_type: &str,
) -> Result<Answer, Refusal> {
    let since = match call.parameter("_since") {
        None => None,
        Some(text) => {
            let span = span_of(&text)
                .ok_or_else(|| Refusal::bad_request("_since is not a date or an instant"))?;
            Some(span.start)
        }
    };
    let newest_first = store.history_of_type(resource_type, since);
    let bundle = Bundle::of_history(newest_first.iter(), &call.base);
    Ok(Answer::json(&bundle))
}

/// The faults in a JSON list of texts; refused with 400 if one of them is none.
fn listed_faults(body: &[u8]) -> Result<Vec<Fault>, Refusal> {
    let texts: Vec<String> = serde_json::from_slice(body).map_err(|_| {
        Refusal::bad_request("not a JSON list of faults, such as [\"status:code=503,times=1\"]")
    })?;
    let faults = texts.iter().map(|text| text.parse::<Fault>());
    faults
        .collect::<Result<_, _>>()
        .map_err(|error| Refusal::bad_request(error.to_string()))
}
