//! What follows from each answer of a server, by the moment it comes in: one cell each.
//!
//! Each cell runs a pass in which one request is answered so, and then a quiet pass. Whatever came, exactly one result, one
//! sign-off Task and one Provenance for each version stand in the end.

use std::time::Duration;

use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions, SeenRequest};
use her2_adapter::service::pass::PassOptions;

use crate::support::{Adapter, case_file, results};

const CASE: &str = "retracted-report-withdraws-the-result";

/// When the answer comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// To the transaction that creates the result.
    Creating,
    /// To the transaction that enters the result in error.
    Withdrawing,
    /// To the PUT of the result, on a server without transactions.
    Putting,
    /// To the POST of the result, on a server without transactions that gives ids.
    Posting,
    /// To the look at the standing result, before its inputs are read.
    Sighting,
    /// To the read by id after a POST that was accepted.
    ReadingBack,
    /// To the question whether an input still is the version that was read.
    Pinning,
}
use Moment::*;

const MOMENTS: [Moment; 7] = [
    Creating,
    Withdrawing,
    Putting,
    Posting,
    Sighting,
    ReadingBack,
    Pinning,
];

/// What the pass makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is done, with so many writes of the result sent.
    Done(usize),
    /// The next pass tries again.
    Retry,
    /// A person has to look, and the next passes try again ever more rarely.
    Failed,
    /// The pass ends, for every case is concerned.
    Ends,
}
use Then::*;

/// Each answer, as a fault is written, with what follows at each of the moments above.
///
/// Writes: what was refused as not fitting what stands is judged anew and sent again, what was refused for good is not.
/// What leaves open whether it was carried out is read back, and sent again only if it is not there. Reads: what may pass
/// by itself is asked again in the same pass, the rest in the next one.
const TABLE: &[(&str, [Then; 7])] = &[
    (
        "",
        [
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=304",
        [Done(2), Done(2), Done(2), Done(2), Retry, Retry, Done(1)],
    ),
    (
        "status:code=400",
        [Done(2), Done(2), Done(2), Done(2), Retry, Retry, Done(1)],
    ),
    (
        "status:code=400,always",
        [Failed, Failed, Failed, Failed, Retry, Retry, Retry],
    ),
    (
        "status:code=401",
        [Ends, Ends, Ends, Ends, Ends, Ends, Ends],
    ),
    (
        "status:code=403",
        [Failed, Failed, Failed, Failed, Retry, Retry, Done(1)],
    ),
    (
        "status:code=404",
        [Failed, Failed, Failed, Failed, Done(1), Done(1), Done(1)],
    ),
    (
        "status:code=405",
        [Failed, Failed, Failed, Failed, Retry, Retry, Done(1)],
    ),
    (
        "status:code=409",
        [Done(2), Done(2), Done(2), Done(2), Retry, Retry, Done(1)],
    ),
    (
        "status:code=410",
        [Failed, Failed, Failed, Failed, Failed, Failed, Done(1)],
    ),
    (
        "status:code=412",
        [Done(2), Done(2), Done(2), Done(2), Retry, Retry, Done(1)],
    ),
    (
        "status:code=413",
        [Failed, Failed, Failed, Failed, Retry, Retry, Done(1)],
    ),
    (
        "status:code=422",
        [Failed, Failed, Failed, Failed, Retry, Retry, Done(1)],
    ),
    (
        "status:code=429",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=429,retry-after=7",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=429,retry-after-date=7",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=429,retry-after=3600",
        [Retry, Retry, Retry, Retry, Retry, Retry, Retry],
    ),
    (
        "status:code=503",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=503,retry-after=7",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=503,retry-after=3600",
        [Retry, Retry, Retry, Retry, Retry, Retry, Retry],
    ),
    (
        "status:code=503,after-commit",
        [
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "status:code=500",
        [Done(2), Done(2), Done(2), Done(2), Retry, Retry, Done(1)],
    ),
    (
        "status:code=500,after-commit",
        [Done(1), Done(1), Done(1), Done(1), Retry, Retry, Done(1)],
    ),
    (
        "status:code=502",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "hang:before-commit",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "hang:after-commit",
        [
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "reset:before-commit",
        [
            Done(2),
            Done(2),
            Done(2),
            Done(2),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "reset:after-commit",
        [
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
            Done(1),
        ],
    ),
    (
        "outcome-as-success:before-commit",
        [Done(2), Done(2), Done(2), Done(2), Retry, Retry, Done(1)],
    ),
    (
        "outcome-as-success:after-commit",
        [Done(1), Done(1), Done(1), Done(1), Retry, Retry, Done(1)],
    ),
    (
        "entry-error:code=412,before-commit",
        [Failed, Failed, Done(1), Done(1), Done(1), Done(1), Done(1)],
    ),
    (
        "entry-error:code=422,after-commit",
        [Failed, Failed, Done(1), Done(1), Done(1), Done(1), Done(1)],
    ),
];

#[tokio::test]
async fn each_answer_at_each_moment_has_its_consequence() {
    let mut wrong = Vec::new();
    for (answer, expected) in TABLE {
        for (moment, expected) in MOMENTS.into_iter().zip(expected) {
            let (then, waits, is_whole) = ask(answer, moment).await;
            if then != *expected {
                wrong.push(format!("{answer:?} {moment:?}: {then:?}, not {expected:?}"));
            }
            if !is_whole {
                wrong.push(format!(
                    "{answer:?} {moment:?}: something is missing or doubled"
                ));
            }
            let asked = answer.contains("after=7") || answer.contains("date=7");
            if asked && !waits.contains(&7) {
                wrong.push(format!("{answer:?} {moment:?}: waited {waits:?} seconds"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lets the server answer so at a moment of a pass: what the pass made of it, the seconds it waited, and whether after a
/// quiet pass there is one of everything.
async fn ask(answer: &str, moment: Moment) -> (Then, Vec<u64>, bool) {
    let dialects: &[&str] = match moment {
        Putting => &["no-transactions"],
        Posting => &["no-transactions", "server-assigned-ids"],
        ReadingBack => &["server-assigned-ids"],
        Creating | Withdrawing | Sighting | Pinning => &[],
    };
    let options = FakeServerOptions {
        dialects: dialects.iter().map(|name| name.parse().unwrap()).collect(),
        ..FakeServerOptions::default()
    };
    let server = FakeServer::in_process(options).unwrap();
    let mut adapter = Adapter::in_process(&server).await;
    adapter.find_out().await.unwrap();
    server.seed_bundle(&case_file(CASE, "bundle.json")).unwrap();
    if moment == Withdrawing {
        adapter.pass().await;
        server
            .seed_bundle(&case_file(CASE, "bundle-retracted.json"))
            .unwrap();
    }
    let (answer, times) = match answer.strip_suffix(",always") {
        Some(answer) => (answer, ""),
        None => (answer, ",times=1"),
    };
    let (method, path) = match moment {
        Creating | Withdrawing => ("POST", "/"),
        Putting => ("PUT", "/Observation/h2o-"),
        Posting => ("POST", "/Observation"),
        Sighting => ("GET", "/Observation/h2o-"),
        ReadingBack => ("GET", "/Observation/assigned-"),
        Pinning => ("GET", "/Observation/wdr-ihc"),
    };
    if !answer.is_empty() {
        let fault = format!("{answer},method={method},path={path}{times}");
        server.order_fault(fault.parse().unwrap());
    }
    let before = server.requests().len();
    let report = adapter.try_pass(&PassOptions::default()).await;
    let is_write = |request: &SeenRequest| {
        let path = request.path_and_query.trim_start_matches("/fhir");
        match moment {
            Putting => request.method == "PUT" && path.starts_with("/Observation/"),
            Posting => request.method == "POST" && path == "/Observation",
            _ => request.method == "POST" && path.trim_matches('/').is_empty(),
        }
    };
    let writes = server
        .requests()
        .iter()
        .skip(before)
        .filter(|it| is_write(it))
        .count();
    let then = match report {
        Err(_) => Ends,
        Ok(report) if report.ledger.retry > 0 => Retry,
        Ok(report) if report.ledger.failed > 0 => Failed,
        Ok(_) => Done(writes),
    };
    let waits = adapter.waits().iter().map(Duration::as_secs).collect();
    server.clear_faults();
    adapter.clock.advance(Duration::from_secs(7200));
    adapter.pass().await;
    let counts = ["Provenance", "Task"].map(|kind| server.all(kind).len());
    let provenances = if moment == Withdrawing { 2 } else { 1 };
    let is_whole = results(&server).len() == 1 && counts == [provenances, 1];
    (then, waits, is_whole)
}
