//! A FHIR R4 server in memory, for the demo, the tests, and a site's own acceptance test.
//!
//! It answers as real servers do where a client can be hurt: versions and preconditions, atomic transactions,
//! searches page by page with an offset (so an update while somebody pages shifts the others), and faults to order.
//! What it is sent it gives back digit for digit: only `id`, `meta.versionId` and `meta.lastUpdated` are the server's.
//!
//! Deliberately absent: authorisation, validation, subscriptions, PATCH, conditional updates and deletes.
//!
//! A request comes in by `http`, which asks `faults` what is to go wrong and then works on the versions in `resources`:
//!
//! * `http` knows the routes, `call` what a request says, `answer` how it is answered, `capability` what `/metadata` says.
//! * `faults` knows what the faults are, `fault_text` how they are written, `cuttable` how a connection is reset.
//! * `dialects` knows how the server differs for good. `in_process` lets a client reach it without a connection.
//! * `resources` keeps the versions. `incoming` makes one of a client's text; `json_members` leaves its digits alone.
//! * `search` finds them, page by page: `parameters` says by what, `filters` which match, `includes` what comes along.
//! * `transaction` works on Bundles of requests, by the `actions` of their entries; `bundle` is what goes out.
//! * `seeding` fills the store without HTTP.
//! * `refusal`, `clock` and `dates` serve all of them.
//!
//! # Faults
//!
//! A fault is written `kind:setting,setting`, on the command line as over HTTP:
//!
//! | fault | what happens |
//! |---|---|
//! | `latency:ms=250` | the request waits first |
//! | `status:code=429,retry-after=2` | it is answered with this status, 304 or from 400 (and `Retry-After`, if given); nothing is done |
//! | `status:code=503,after-commit` | the same after everything has been done; `retry-after-date=2` gives the wait as a date |
//! | `reset:before-commit` | the connection is reset; nothing is done |
//! | `reset:after-commit` | the connection is reset after everything has been done |
//! | `hang:before-commit` | no answer comes until the client gives up; nothing is done |
//! | `hang:after-commit` | the same after everything has been done |
//! | `outcome-as-success:before-commit` | 200 with an OperationOutcome of an error; nothing is done (or `after-commit`) |
//! | `entry-error:code=412,before-commit` | a transaction is done but for its last entry (or `entry=0`), whose status in the answer is this; with `after-commit` that entry is done as well |
//! | `expired-page` | the link to a further page of a search answers 410 |
//! | `stale-index:writes=2` | searches do not see a resource before two later writes |
//!
//! Each also takes `method=POST`, `path=/Observation` (how the path below the base begins; `/` is the base alone,
//! where transactions go) and `times=3` (how many requests it strikes; until it is cleared, if not given).
//! Resets, hangs and outcomes strike writing requests, unless a method is named.
//!
//! `POST {base}/$faults` with a JSON list such as `["reset:after-commit,times=1"]` adds faults, `DELETE {base}/$faults`
//! clears them. These two requests are neither struck by faults nor found among [`FakeServer::requests`].
//!
//! # Dialects
//!
//! [`Dialect`] lists the lasting ways in which the server can be told to differ from what FHIR describes.

mod actions;
mod answer;
mod bundle;
mod call;
mod capability;
mod clock;
mod cuttable;
mod dates;
mod dialects;
mod fault_text;
mod faults;
mod filters;
mod http;
mod in_process;
mod includes;
mod incoming;
mod json_members;
mod parameters;
mod refusal;
mod resources;
mod search;
mod seeding;
#[cfg(test)]
mod tests;
mod transaction;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use clock::FakeClock;
pub use dialects::{Dialect, DialectParseError};
pub use fault_text::FaultParseError;
pub use faults::{EntryError, Fault, FaultKind, FaultMoment, RetryAfter};
pub use seeding::SeedError;

use super::client::LocalWire;
use cuttable::{CuttableListener, Line};
use dialects::Manners;
use in_process::InProcess;
use resources::{Resources, Version};
use search::KeptSearches;

/// How a fake server is to behave.
#[derive(Debug, Clone)]
pub struct FakeServerOptions {
    /// Where to listen; port 0 takes any free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Resources on a page of a search that does not say `_count`. Default 20.
    pub page_size: usize,
    /// The most resources on a page, whatever `_count` says. Default 500.
    pub max_page_size: usize,
    /// Where instants come from. Default the real clock.
    pub clock: FakeClock,
    /// Faults ordered from the start. Default none.
    pub faults: Vec<Fault>,
    /// The path of the base URL: empty, or with a slash in front and none behind. Default `/fhir`.
    pub base_path: String,
    /// How the server differs from what FHIR describes. Default not at all.
    pub dialects: Vec<Dialect>,
}

impl Default for FakeServerOptions {
    fn default() -> FakeServerOptions {
        FakeServerOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            page_size: 20,
            max_page_size: 500,
            clock: FakeClock::real(),
            faults: Vec::new(),
            base_path: "/fhir".to_owned(),
            dialects: Vec::new(),
        }
    }
}

/// A request the server has received, in the order they came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path, base path included, and the query, as they were sent.
    pub path_and_query: String,
    /// The status of the answer; `None` where there is none, because of a reset or because nobody waited for it.
    pub status: Option<u16>,
    /// The `Prefer` header.
    pub prefer: Option<String>,
    /// The `Cache-Control` header.
    pub cache_control: Option<String>,
    /// The `If-Match` header.
    pub if_match: Option<String>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// The `If-None-Exist` header.
    pub if_none_exist: Option<String>,
    /// The `X-Request-Id` header.
    pub x_request_id: Option<String>,
}

/// A running server. Dropping it stops it.
pub struct FakeServer {
    shared: Arc<Shared>,
    /// Absent where the server is reached from this process alone.
    listening: Option<Listening>,
}

struct Listening {
    serving: JoinHandle<std::io::Result<()>>,
    /// The server stops when this is dropped.
    stop_signal: oneshot::Sender<()>,
}

impl FakeServer {
    /// Starts a server without resources. Needs a tokio runtime.
    ///
    /// Fails if the address cannot be listened on, or if an option makes no sense.
    pub async fn start(options: FakeServerOptions) -> std::io::Result<FakeServer> {
        let listener = TcpListener::bind(options.listen).await?;
        let shared = Shared::new(listener.local_addr()?.to_string(), options)?;
        let (stop_signal, stopped) = oneshot::channel::<()>();
        let service =
            http::router(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
        let serving =
            axum::serve(CuttableListener(listener), service).with_graceful_shutdown(async move {
                // An error means that the sender was dropped, which is the signal.
                let _ = stopped.await;
            });
        Ok(FakeServer {
            shared,
            listening: Some(Listening {
                serving: tokio::spawn(serving.into_future()),
                stop_signal,
            }),
        })
    }

    /// A server without resources that listens nowhere: it is reached by [`FakeServer::wire`] alone, and never waits.
    ///
    /// Fails if an option makes no sense.
    pub fn in_process(options: FakeServerOptions) -> std::io::Result<FakeServer> {
        Ok(FakeServer {
            shared: Shared::new("localhost".to_owned(), options)?,
            listening: None,
        })
    }

    /// A way to this server without a connection, for a client in the same process.
    ///
    /// Where a connection would be reset or hang, no answer comes, at once; a latency takes no time.
    pub fn wire(&self) -> Arc<dyn LocalWire> {
        Arc::new(InProcess::of(&self.shared))
    }

    /// The base URL, such as `http://127.0.0.1:40123/fhir`.
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.shared.authority, self.shared.base_path)
    }

    /// The versions of a resource as JSON texts, oldest first, without deletions.
    pub fn history(&self, resource_type: &str, id: &str) -> Vec<String> {
        lock(&self.shared.store)
            .history(resource_type, id)
            .iter()
            .filter_map(json_text)
            .collect()
    }

    /// The current versions of a type as JSON texts, ordered by id, without deleted ones.
    pub fn all(&self, resource_type: &str) -> Vec<String> {
        lock(&self.shared.store)
            .current(resource_type)
            .filter_map(json_text)
            .collect()
    }

    /// Orders a fault, besides those ordered before.
    pub fn order_fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Forgets all ordered faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// All requests received so far; they are kept as long as the server runs.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Stops accepting, lets requests under way finish, and returns when all connections are closed.
    pub async fn stop(self) {
        if let Some(listening) = self.listening {
            drop(listening.stop_signal);
            // Serving ends without an error, and a panic has nobody left to be told.
            let _ = listening.serving.await;
        }
    }
}

/// Shows where the server is, and nothing of what it holds.
impl fmt::Debug for FakeServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FakeServer")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

/// What all requests of one server share. Each lock is held for one piece of work that does not wait.
struct Shared {
    /// Host and port of the base URL.
    authority: String,
    base_path: String,
    page_size: usize,
    max_page_size: usize,
    clock: FakeClock,
    store: Mutex<Resources>,
    searches: Mutex<KeptSearches>,
    faults: Mutex<Vec<Fault>>,
    requests: Mutex<Vec<SeenRequest>>,
}

impl Shared {
    fn new(authority: String, options: FakeServerOptions) -> std::io::Result<Arc<Shared>> {
        let unusable = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, why);
        let base_path = options.base_path;
        if !base_path.is_empty() && (!base_path.starts_with('/') || base_path.ends_with('/')) {
            return Err(unusable(
                "the base path is neither empty nor with a slash in front and none behind",
            ));
        }
        let manners = Manners::of(&options.dialects)
            .ok_or_else(|| unusable("the status of a dialect is not from 400 to 499"))?;
        Ok(Arc::new(Shared {
            authority,
            base_path,
            page_size: options.page_size,
            max_page_size: options.max_page_size,
            clock: options.clock,
            store: Mutex::new(Resources::of(manners)),
            searches: Mutex::default(),
            faults: Mutex::new(options.faults),
            requests: Mutex::default(),
        }))
    }
}

/// Locks; what a panicking thread left is whole enough for a server that is only pretended.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn json_text(version: &Arc<Version>) -> Option<String> {
    version.text().map(|text| text.get().to_owned())
}
