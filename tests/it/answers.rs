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

/// Each answer, as a fault is written, with what follows at each of the moments above.
///
/// Writes: what was refused as not fitting what stands is judged anew and sent again, what was refused for good is not.
/// What leaves open whether it was carried out is read back, and sent again only if it is not there. Reads: what may pass
/// by itself is asked again in the same pass, the rest in the next one.
///
/// `done` with so many writes of the result sent; `retry` in the next pass; `failed` until a person looks, tried again ever
/// more rarely; `ends` the pass, for every case is concerned.
const TABLE: &str = "
answer                             | creating     | withdrawing  | putting      | posting      | sighting     | reading back | pinning
none                               | done 1       | done 1       | done 1       | done 1       | done 1       | done 1       | done 1
status:code=304                    | done 2       | done 2       | done 2       | done 2       | retry        | retry        | done 1
status:code=400                    | done 2       | done 2       | done 2       | done 2       | retry        | retry        | done 1
status:code=400,always             | failed       | failed       | failed       | failed       | retry        | retry        | retry
status:code=401                    | ends         | ends         | ends         | ends         | ends         | ends         | ends
status:code=403                    | failed       | failed       | failed       | failed       | retry        | retry        | done 1
status:code=404                    | failed       | failed       | failed       | failed       | done 1       | done 1       | done 1
status:code=405                    | failed       | failed       | failed       | failed       | retry        | retry        | done 1
status:code=409                    | done 2       | done 2       | done 2       | done 2       | retry        | retry        | done 1
status:code=410                    | failed       | failed       | failed       | failed       | failed       | failed       | done 1
status:code=412                    | done 2       | done 2       | done 2       | done 2       | retry        | retry        | done 1
status:code=413                    | failed       | failed       | failed       | failed       | retry        | retry        | done 1
status:code=422                    | failed       | failed       | failed       | failed       | retry        | retry        | done 1
status:code=429                    | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
status:code=429,retry-after=7      | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
status:code=429,retry-after-date=7 | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
status:code=429,retry-after=3600   | retry        | retry        | retry        | retry        | retry        | retry        | retry
status:code=503                    | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
status:code=503,retry-after=7      | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
status:code=503,retry-after=3600   | retry        | retry        | retry        | retry        | retry        | retry        | retry
status:code=503,after-commit       | done 1       | done 1       | done 1       | done 1       | done 1       | done 1       | done 1
status:code=500                    | done 2       | done 2       | done 2       | done 2       | retry        | retry        | done 1
status:code=500,after-commit       | done 1       | done 1       | done 1       | done 1       | retry        | retry        | done 1
status:code=502                    | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
hang:before-commit                 | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
hang:after-commit                  | done 1       | done 1       | done 1       | done 1       | done 1       | done 1       | done 1
reset:before-commit                | done 2       | done 2       | done 2       | done 2       | done 1       | done 1       | done 1
reset:after-commit                 | done 1       | done 1       | done 1       | done 1       | done 1       | done 1       | done 1
outcome-as-success:before-commit   | done 2       | done 2       | done 2       | done 2       | retry        | retry        | done 1
outcome-as-success:after-commit    | done 1       | done 1       | done 1       | done 1       | retry        | retry        | done 1
entry-error:code=412,before-commit | failed       | failed       | done 1       | done 1       | done 1       | done 1       | done 1
entry-error:code=422,after-commit  | failed       | failed       | done 1       | done 1       | done 1       | done 1       | done 1
";

#[tokio::test]
async fn each_answer_at_each_moment_has_its_consequence() {
    let mut wrong = Vec::new();
    for row in TABLE.trim().lines().skip(1) {
        let mut cells = row.split('|').map(str::trim);
        let answer = cells.next().unwrap();
        let expected: Vec<&str> = cells.collect();
        assert_eq!(expected.len(), MOMENTS.len(), "{answer}");
        for (moment, expected) in MOMENTS.into_iter().zip(expected) {
            let (then, waits, is_whole) = ask(answer, moment).await;
            if then != expected {
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
async fn ask(answer: &str, moment: Moment) -> (String, Vec<u64>, bool) {
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
    if answer != "none" {
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
        Err(_) => "ends".to_owned(),
        Ok(report) if report.ledger.retry > 0 => "retry".to_owned(),
        Ok(report) if report.ledger.failed > 0 => "failed".to_owned(),
        Ok(_) => format!("done {writes}"),
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
