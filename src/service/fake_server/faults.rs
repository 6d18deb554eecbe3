//! Faults to order: what they are, and which requests they strike.

use std::time::Duration;

/// One misbehaviour of the server, the requests it is for, and how often it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only requests of this HTTP method, in capitals; any method when absent.
    pub method: Option<String>,
    /// Only requests whose path below the base begins so (`/Observation`); `/` is the base alone, where transactions go.
    pub path: Option<String>,
    /// How many requests it strikes before it is used up; until it is cleared when absent.
    pub times: Option<u32>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The request waits this long before anything is done.
    Latency(Duration),
    /// The request is answered with a status other than success.
    Status {
        /// 304, or a status from 400 to 599.
        code: u16,
        /// What a `Retry-After` header is to say.
        retry_after: Option<RetryAfter>,
        /// Whether it is done all the same.
        moment: FaultMoment,
    },
    /// The connection is reset without an answer. Strikes writing requests, or those of the method named.
    Reset(FaultMoment),
    /// No answer comes, and the connection stays open until the client gives up. Strikes as a reset does.
    Hang(FaultMoment),
    /// The answer is 200 with an OperationOutcome that tells of an error. Strikes as a reset does.
    OutcomeAsSuccess(FaultMoment),
    /// A transaction is answered as a success, and an entry in the answer is none.
    EntryError(EntryError),
    /// A link to a further page of a search answers 410, then and ever after.
    ExpiredPage,
    /// Searches, conditional creates included, do not see a resource until this many later writes have happened.
    StaleIndex {
        /// How many writes the index is behind.
        writes: u64,
    },
}

impl FaultKind {
    /// Whether the request is done, for a fault that leaves it done or not; `None` where it is done in another way.
    pub(super) fn moment(self) -> Option<FaultMoment> {
        match self {
            FaultKind::Status { moment, .. }
            | FaultKind::Reset(moment)
            | FaultKind::Hang(moment)
            | FaultKind::OutcomeAsSuccess(moment) => Some(moment),
            FaultKind::Latency(_)
            | FaultKind::EntryError(_)
            | FaultKind::ExpiredPage
            | FaultKind::StaleIndex { .. } => None,
        }
    }
}

/// Whether the work of a request is done when it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultMoment {
    /// Nothing has been done.
    BeforeCommit,
    /// Everything has been done, and the client is not told.
    AfterCommit,
}

/// How a server says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// By a number of seconds.
    Seconds(u32),
    /// By the date that lies this many seconds ahead.
    Date(u32),
}

/// What is wrong with one entry of a transaction whose other entries are carried out, but for those that refer to what it
/// was to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryError {
    /// The status of the entry, from 400 to 599.
    pub code: u16,
    /// Which entry, from 0; the last one when absent, or when there are not so many.
    pub entry: Option<usize>,
    /// Whether the entry has been carried out all the same.
    pub moment: FaultMoment,
}

impl EntryError {
    /// Whether this is the entry, of so many.
    pub(super) fn strikes(&self, index: usize, entries: usize) -> bool {
        let last = entries.saturating_sub(1);
        index == self.entry.map_or(last, |entry| entry.min(last))
    }
}

/// What decides whether a fault strikes a request.
pub(super) struct RequestShape<'a> {
    pub method: &'a str,
    /// The path below the base: `/` for the base itself.
    pub path: &'a str,
    pub writes: bool,
    pub searches: bool,
    /// It follows the `next` link of an earlier answer.
    pub continues_a_search: bool,
}

/// What the ordered faults do to one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    pub latency: Duration,
    /// How many writes behind the searches of this request are.
    pub stale_writes: u64,
    /// What makes the request fail.
    pub failure: Option<FaultKind>,
}

/// The effects of the ordered faults on a request. A fault that strikes for the last time is removed.
///
/// Latencies add up. Of the faults that make a request fail, only the first strikes; the others wait for their turn.
pub(super) fn strike(faults: &mut Vec<Fault>, request: &RequestShape<'_>) -> Effects {
    let mut effects = Effects::default();
    for fault in faults.iter_mut().filter(|fault| fault.is_for(request)) {
        match fault.kind {
            FaultKind::Latency(latency) => effects.latency += latency,
            FaultKind::StaleIndex { writes } => {
                effects.stale_writes = effects.stale_writes.max(writes);
            }
            _ if effects.failure.is_some() => continue,
            failure => effects.failure = Some(failure),
        }
        fault.times = fault.times.map(|times| times.saturating_sub(1));
    }
    faults.retain(|fault| fault.times != Some(0));
    effects
}

impl Fault {
    fn is_for(&self, request: &RequestShape<'_>) -> bool {
        let kind_fits = match self.kind {
            FaultKind::Latency(_) | FaultKind::Status { .. } => true,
            FaultKind::Reset(_) | FaultKind::Hang(_) | FaultKind::OutcomeAsSuccess(_) => {
                request.writes || self.method.is_some()
            }
            FaultKind::EntryError(_) => request.method == "POST" && request.path == "/",
            FaultKind::ExpiredPage => request.continues_a_search,
            FaultKind::StaleIndex { .. } => request.searches,
        };
        let path_fits = match self.path.as_deref() {
            None => true,
            Some("/") => request.path == "/",
            Some(prefix) => request.path.starts_with(prefix),
        };
        kind_fits
            && path_fits
            && self
                .method
                .as_deref()
                .is_none_or(|method| method == request.method)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().unwrap()
    }

    fn write_to(path: &str) -> RequestShape<'_> {
        RequestShape {
            method: "POST",
            path,
            writes: true,
            searches: false,
            continues_a_search: false,
        }
    }

    #[test]
    fn a_fault_strikes_as_often_as_ordered() {
        let mut faults = vec![fault("status:code=503,times=2")];
        assert!(strike(&mut faults, &write_to("/")).failure.is_some());
        assert!(strike(&mut faults, &write_to("/")).failure.is_some());
        assert_eq!(strike(&mut faults, &write_to("/")), Effects::default());
        assert!(faults.is_empty());
    }

    #[test]
    fn a_fault_strikes_only_the_requests_it_is_for() {
        let mut faults = vec![
            fault("status:code=503,method=PUT"),
            fault("status:code=500,path=/Task"),
        ];
        assert_eq!(strike(&mut faults, &write_to("/Observation")).failure, None);
        assert!(strike(&mut faults, &write_to("/Task/1")).failure.is_some());
        let mut at_the_base = vec![fault("status:code=503,path=/")];
        assert_eq!(strike(&mut at_the_base, &write_to("/Task")).failure, None);
        assert!(strike(&mut at_the_base, &write_to("/")).failure.is_some());
    }

    #[test]
    fn a_reset_leaves_reads_alone_unless_their_method_is_named() {
        let read = RequestShape {
            method: "GET",
            writes: false,
            ..write_to("/Task")
        };
        assert_eq!(
            strike(&mut vec![fault("reset:before-commit")], &read).failure,
            None
        );
        assert!(
            strike(&mut vec![fault("reset:before-commit,method=GET")], &read)
                .failure
                .is_some()
        );
    }

    #[test]
    fn latencies_add_up_and_the_second_failure_waits() {
        let mut faults = vec![
            fault("latency:ms=10,times=1"),
            fault("latency:ms=5"),
            fault("status:code=503,times=1"),
            fault("status:code=429,times=1"),
        ];
        let first = strike(&mut faults, &write_to("/"));
        assert_eq!(first.latency, Duration::from_millis(15));
        assert_eq!(
            first.failure,
            Some(FaultKind::Status {
                code: 503,
                retry_after: None,
                moment: FaultMoment::BeforeCommit
            })
        );
        let second = strike(&mut faults, &write_to("/"));
        assert_eq!(second.latency, Duration::from_millis(5));
        assert_eq!(
            second.failure,
            Some(FaultKind::Status {
                code: 429,
                retry_after: None,
                moment: FaultMoment::BeforeCommit
            })
        );
    }
}
