//! Transactions and batches: several requests in one Bundle.
//!
//! A transaction is tried on a copy of the store, which takes the place of the store if every entry succeeded, or where
//! the server's dialect knows no way back.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::actions::{Asked, IncomingEntry, Step};
use super::bundle::{Bundle, Entry};
use super::faults::{EntryError, FaultMoment};
use super::refusal::Refusal;
use super::resources::Resources;
use super::search::{KeptSearches, SearchContext};

/// How the Bundle of a request is to be worked on.
pub(super) struct BundleContext<'a> {
    pub search: SearchContext<'a>,
    pub now: DateTime<Utc>,
    /// Show the resources written in the entries of the answer.
    pub return_representation: bool,
    /// What is to be wrong with an entry of a transaction.
    pub entry_error: Option<EntryError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncomingBundle {
    resource_type: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    entry: Vec<IncomingEntry>,
}

/// Works on a `transaction` or a `batch`.
///
/// A transaction that fails is refused with an outcome naming the entry, and nothing of it is done;
/// the failures of a batch are in its answer.
pub(super) fn process(
    store: &mut Resources,
    searches: &mut KeptSearches,
    text: &[u8],
    context: &BundleContext<'_>,
) -> Result<Bundle, Refusal> {
    let bundle: IncomingBundle = serde_json::from_slice(text)
        .map_err(|error| Refusal::unreadable("not a Bundle", &error))?;
    match (bundle.resource_type.as_str(), bundle.kind.as_str()) {
        ("Bundle", "transaction") => transaction(store, searches, &bundle.entry, context),
        ("Bundle", "batch") => Ok(batch(store, searches, &bundle.entry, context)),
        _ => Err(Refusal::bad_request(
            "not a Bundle of type transaction or batch",
        )),
    }
}

fn transaction(
    store: &mut Resources,
    searches: &mut KeptSearches,
    entries: &[IncomingEntry],
    context: &BundleContext<'_>,
) -> Result<Bundle, Refusal> {
    let manners = store.manners;
    if !manners.transactions {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "not-supported",
            "this server takes no transactions",
        ));
    }
    let mut trial = store.clone();
    let answers = carry_out(&mut trial, searches, entries, context);
    if answers.is_ok() || !manners.rollback {
        *store = trial;
    }
    Ok(Bundle::new("transaction-response", answers?))
}

/// Does what the entries ask for, one after the other, until one fails.
fn carry_out(
    store: &mut Resources,
    searches: &mut KeptSearches,
    entries: &[IncomingEntry],
    context: &BundleContext<'_>,
) -> Result<Vec<Entry>, Refusal> {
    let manners = store.manners;
    let failed_at = |index: usize| {
        move |refusal: Refusal| failed_transaction(refusal, index, manners.transaction_conflict)
    };

    let error_at = |index: usize| {
        let error = context.entry_error;
        error.filter(|error| error.strikes(index, entries.len()))
    };
    let left_out =
        |index: usize| error_at(index).filter(|error| error.moment == FaultMoment::BeforeCommit);
    let ordered = |code: u16| Entry::refused(&Refusal::ordered(code));

    let mut all_asked = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let asked = Asked::parse(entry, context.search.base, &manners).map_err(failed_at(index))?;
        all_asked.push((index, entry, asked));
    }
    // The sort is stable: entries of one method stay in their order.
    all_asked.sort_by_key(|(_, entry, _)| entry.turn());

    let mut answers = BTreeMap::new();
    let mut changed = BTreeSet::new();
    let mut assigned = BTreeMap::new();
    let mut steps = Vec::new();
    // Entries that are to be left out, by the names that others refer to.
    let mut missing = Vec::new();
    // Deletes come first and are done at once, so that no conditional create finds what is to be deleted.
    // The others wait until it is known where every reference between them leads.
    for (index, entry, asked) in all_asked {
        let step = asked.settle(store, context).map_err(failed_at(index))?;
        let is_first_change = step.changes().is_none_or(|address| changed.insert(address));
        if let Step::Delete { .. } = step {
            let answer = step
                .run(store, searches, context)
                .map_err(failed_at(index))?;
            answers.insert(index, answer);
            continue;
        }
        if !is_first_change {
            return Err(failed_at(index)(Refusal::bad_request(
                "an earlier entry is about the same resource",
            )));
        }
        match left_out(index) {
            Some(error) => {
                missing.extend(entry.placeholder());
                answers.insert(index, ordered(error.code));
            }
            None => {
                assigned.extend(entry.placeholder().zip(step.address()));
                steps.push((index, step));
            }
        }
    }
    for (index, mut step) in steps {
        if missing.iter().any(|placeholder| step.names(placeholder)) {
            answers.insert(index, ordered(StatusCode::FAILED_DEPENDENCY.as_u16()));
            continue;
        }
        step.resolve_references(&assigned);
        let answer = step
            .run(store, searches, context)
            .map_err(failed_at(index))?;
        let misreported = error_at(index).map(|error| ordered(error.code));
        answers.insert(index, misreported.unwrap_or(answer));
    }
    Ok(answers.into_values().collect())
}

fn batch(
    store: &mut Resources,
    searches: &mut KeptSearches,
    entries: &[IncomingEntry],
    context: &BundleContext<'_>,
) -> Bundle {
    let answers = entries.iter().map(|entry| {
        Asked::parse(entry, context.search.base, &store.manners)
            .and_then(|asked| asked.settle(store, context))
            .and_then(|step| step.run(store, searches, context))
            .unwrap_or_else(|refusal| Entry::refused(&refusal))
    });
    Bundle::new("batch-response", answers.collect())
}

/// The refusal of a transaction because of an entry's; a failed precondition has a status of its own.
fn failed_transaction(refusal: Refusal, entry: usize, conflict_status: StatusCode) -> Refusal {
    let status = match refusal.status {
        StatusCode::PRECONDITION_FAILED => conflict_status,
        status => status,
    };
    Refusal {
        status,
        ..refusal.of_transaction(entry)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::service::fake_server::dialects::{Dialect, Manners};
    use crate::service::fake_server::json_members::raw;

    fn context() -> BundleContext<'static> {
        BundleContext {
            search: SearchContext {
                base: "http://server/fhir",
                strict: false,
                stale_writes: 0,
                default_count: 20,
                max_count: 50,
            },
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            return_representation: false,
            entry_error: None,
        }
    }

    fn send(store: &mut Resources, kind: &str, entries: &[&str]) -> Result<Value, Refusal> {
        send_with(store, kind, entries, &context())
    }

    fn send_with(
        store: &mut Resources,
        kind: &str,
        entries: &[&str],
        context: &BundleContext<'_>,
    ) -> Result<Value, Refusal> {
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#,
            entries.join(",")
        );
        let bundle = process(
            store,
            &mut KeptSearches::default(),
            text.as_bytes(),
            context,
        )?;
        Ok(serde_json::from_str(raw(&bundle).get()).unwrap())
    }

    fn put(id: &str, more: &str) -> String {
        format!(
            r#"{{"resource":{{"resourceType":"Basic","id":"{id}"}},"request":{{"method":"PUT","url":"Basic/{id}"{more}}}}}"#
        )
    }

    fn ids(store: &Resources) -> Vec<&str> {
        store
            .current("Basic")
            .map(|version| version.id.as_str())
            .collect()
    }

    const POST: &str = r#"{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Basic",
        "identifier":[{"system":"urn:s","value":"v"}],"count":1.10},
        "request":{"method":"POST","url":"Basic","ifNoneExist":"identifier=urn:s|v"}}"#;

    #[test]
    fn a_transaction_is_answered_entry_by_entry() {
        let mut store = Resources::default();
        let get = r#"{"request":{"method":"GET","url":"Basic/a"}}"#;
        let delete = r#"{"request":{"method":"DELETE","url":"Basic/gone"}}"#;
        let search = r#"{"request":{"method":"GET","url":"/Basic?_id=a"}}"#;
        let answer = send(
            &mut store,
            "transaction",
            &[get, &put("a", ""), POST, delete, search],
        )
        .unwrap();
        assert_eq!(answer["type"], "transaction-response");
        let entries = answer["entry"].as_array().unwrap();
        let statuses: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry["response"]["status"].as_str())
            .collect();
        assert_eq!(
            statuses,
            [
                "200 OK",
                "201 Created",
                "201 Created",
                "204 No Content",
                "200 OK"
            ]
        );
        // Reading comes last, whatever its place.
        assert_eq!(entries[0]["resource"]["meta"]["versionId"], "1");
        assert_eq!(entries[1]["response"]["location"], "Basic/a/_history/1");
        assert_eq!(entries[1]["response"]["etag"], "W/\"1\"");
        assert_eq!(
            entries[1]["response"]["lastModified"],
            "2027-01-15T08:00:00.000Z"
        );
        assert_eq!(entries[1].get("resource"), None);
        assert_eq!(entries[4]["resource"]["entry"][0]["resource"]["id"], "a");
    }

    #[test]
    fn one_failing_entry_undoes_the_whole_transaction() {
        let mut store = Resources::default();
        send(&mut store, "transaction", &[&put("a", "")]).unwrap();
        let stale = put("a", r#","ifMatch":"W/\"7\"""#);
        let refusal = send(&mut store, "transaction", &[&put("b", ""), &stale]).unwrap_err();
        assert_eq!(refusal.status, StatusCode::PRECONDITION_FAILED);
        assert_eq!(refusal.expression.as_deref(), Some("Bundle.entry[1]"));
        assert!(
            refusal
                .diagnostics
                .starts_with("Transaction failed at entry 1: ")
        );
        assert_eq!(ids(&store), ["a"]);
        assert_eq!(store.writes, 1);

        store.manners = Manners::of(&[Dialect::TransactionConflict(400)]).unwrap();
        let refusal = send(&mut store, "transaction", &[&stale]).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_server_that_knows_no_way_back_keeps_what_it_did_before_an_entry_failed() {
        let mut store = Resources::of(Manners::of(&[Dialect::NoRollback]).unwrap());
        let stale = put("b", r#","ifMatch":"W/\"7\"""#);
        let entries = [put("a", ""), stale, put("c", "")];
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        assert!(send(&mut store, "transaction", &entries).is_err());
        assert_eq!(ids(&store), ["a"]);
    }

    #[test]
    fn preconditions_inside_a_bundle_can_be_ignored_and_transactions_refused() {
        let ignoring = [Dialect::IgnoresPreconditionsInTransactions];
        let mut store = Resources::of(Manners::of(&ignoring).unwrap());
        let stale = put("a", r#","ifMatch":"W/\"7\"""#);
        assert!(send(&mut store, "transaction", &[&stale]).is_ok());
        store.manners = Manners::of(&[Dialect::NoTransactions]).unwrap();
        let refusal = send(&mut store, "transaction", &[&put("a", "")]).unwrap_err();
        assert_eq!(refusal.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(send(&mut store, "batch", &[&put("a", "")]).is_ok());
    }

    #[test]
    fn an_entry_that_is_said_to_have_failed_may_have_been_carried_out_or_not() {
        for (moment, there) in [
            (FaultMoment::BeforeCommit, vec!["a"]),
            (FaultMoment::AfterCommit, vec!["a", "b"]),
        ] {
            let mut store = Resources::default();
            let context = BundleContext {
                entry_error: Some(EntryError {
                    code: 422,
                    entry: None,
                    moment,
                }),
                ..context()
            };
            let entries = [put("a", ""), put("b", "")];
            let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
            let answer = send_with(&mut store, "transaction", &entries, &context).unwrap();
            assert_eq!(answer["entry"][0]["response"]["status"], "201 Created");
            let failed = &answer["entry"][1]["response"]["status"];
            assert_eq!(failed, "422 Unprocessable Entity");
            assert_eq!(ids(&store), there);
        }
    }

    #[test]
    fn a_batch_does_what_it_can() {
        let mut store = Resources::default();
        let missing = r#"{"request":{"method":"GET","url":"Basic/nobody"}}"#;
        let answer = send(
            &mut store,
            "batch",
            &[&put("a", ""), missing, &put("b", "")],
        )
        .unwrap();
        assert_eq!(answer["type"], "batch-response");
        assert_eq!(answer["entry"][1]["response"]["status"], "404 Not Found");
        assert_eq!(
            answer["entry"][1]["response"]["outcome"]["issue"][0]["code"],
            "not-found"
        );
        assert_eq!(ids(&store), ["a", "b"]);
    }

    #[test]
    fn preconditions_hold_inside_a_transaction() {
        let mut store = Resources::default();
        let first = put("a", r#","ifNoneMatch":"*""#);
        send(&mut store, "transaction", &[&first]).unwrap();
        assert!(send(&mut store, "transaction", &[&first]).is_err());
        send(
            &mut store,
            "transaction",
            &[&put("a", r#","ifMatch":"W/\"1\"""#)],
        )
        .unwrap();
        assert!(
            send(
                &mut store,
                "transaction",
                &[&put("b", r#","ifMatch":"W/\"1\"""#)]
            )
            .is_err()
        );
        assert_eq!(store.history("Basic", "a").len(), 2);
    }

    #[test]
    fn a_conditional_create_finds_what_is_there_and_others_refer_to_it() {
        let mut store = Resources::default();
        let referring = r#"{"resource":{"resourceType":"Basic","id":"r","identifier":[{"value":"urn:uuid:1"}],
            "subject":{"reference":"urn:uuid:1"},"extension":[{"valueReference":{"reference":"urn:uuid:1"}}],
            "author":{"reference":"urn:uuid:unknown"},"count":2.50},"request":{"method":"PUT","url":"Basic/r"}}"#;
        send(&mut store, "transaction", &[referring, POST]).unwrap();
        let answer = send(&mut store, "transaction", &[referring, POST]).unwrap();
        assert_eq!(answer["entry"][1]["response"]["status"], "200 OK");
        assert_eq!(ids(&store), ["assigned-1", "r"]);
        let text = store
            .read("Basic", "r")
            .unwrap()
            .text()
            .unwrap()
            .get()
            .to_owned();
        assert_eq!(
            text.matches(r#"{"reference":"Basic/assigned-1"}"#).count(),
            2
        );
        assert!(text.contains(r#"{"value":"urn:uuid:1"}"#) && text.contains("urn:uuid:unknown"));
        assert!(text.contains(r#""count":2.50"#));
        assert!(
            store
                .read("Basic", "assigned-1")
                .unwrap()
                .text()
                .unwrap()
                .get()
                .contains(r#""count":1.10"#)
        );
    }

    #[test]
    fn the_written_resources_are_shown_when_asked_for() {
        let mut store = Resources::default();
        let context = BundleContext {
            return_representation: true,
            ..context()
        };
        let answer = send_with(&mut store, "transaction", &[&put("a", "")], &context).unwrap();
        assert_eq!(answer["entry"][0]["resource"]["id"], "a");
    }

    #[test]
    fn a_bundle_that_makes_no_sense_is_refused() {
        let mut store = Resources::default();
        let mut refused =
            |kind: &str, entries: &[&str]| send(&mut store, kind, entries).unwrap_err().status;
        assert_eq!(refused("collection", &[]), StatusCode::BAD_REQUEST);
        assert_eq!(refused("transaction", &["{}"]), StatusCode::BAD_REQUEST);
        assert_eq!(refused("transaction", &["7"]), StatusCode::BAD_REQUEST);
        assert_eq!(
            refused("transaction", &[&put("a", ""), &put("a", "")]),
            StatusCode::BAD_REQUEST
        );
        let conditional = r#"{"resource":{"resourceType":"Basic"},"request":{"method":"PUT","url":"Basic?_id=a"}}"#;
        assert_eq!(
            refused("transaction", &[conditional]),
            StatusCode::BAD_REQUEST
        );
        let without_resource = r#"{"request":{"method":"POST","url":"Basic"}}"#;
        assert_eq!(
            refused("transaction", &[without_resource]),
            StatusCode::BAD_REQUEST
        );
        let other_type =
            r#"{"resource":{"resourceType":"Task"},"request":{"method":"POST","url":"Basic"}}"#;
        assert_eq!(
            refused("transaction", &[other_type]),
            StatusCode::BAD_REQUEST
        );
        assert_eq!(store.writes, 0);
    }
}
