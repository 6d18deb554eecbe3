//! Servers that differ in what they honour: found out by trying, and written to without losing or doubling a result.

use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::publish::Change;
use her2_adapter::service::publish::dialect::{Delivery, Dialect, Ids};
use her2_adapter::service::publish::known::TargetError;
use serde_json::Value;

use crate::support::{Adapter, case_file, open_tasks, results};

const AMENDED: &str = "amended-report-corrects-the-result";
const RETRACTED: &str = "retracted-report-withdraws-the-result";

async fn server_that(dialects: &[&str]) -> FakeServer {
    let options = FakeServerOptions {
        dialects: dialects.iter().map(|name| name.parse().unwrap()).collect(),
        ..FakeServerOptions::default()
    };
    FakeServer::start(options).await.unwrap()
}

async fn found_out(dialects: &[&str]) -> Dialect {
    let server = server_that(dialects).await;
    let base = server.base_url();
    let mut adapter = Adapter::with(&base, &base, |it| it.allow_unfenced = true).await;
    adapter.find_out().await.unwrap();
    assert_eq!(
        server.all("Basic").len(),
        0,
        "what was made for the trial is deleted: {dialects:?}"
    );
    adapter.target.dialect
}

#[tokio::test]
async fn what_a_server_honours_is_found_out_by_trying() {
    const FULL: Dialect = Dialect::FULL;
    let of_the_server = Dialect {
        ids: Ids::Server,
        ..FULL
    };
    let rows: [(&[&str], Dialect); 11] = [
        (&[], FULL),
        (&["opaque-versions"], FULL),
        (&["transaction-conflict=400"], FULL),
        (
            &["gone-is-not-found"],
            Dialect {
                tells_deleted: false,
                ..FULL
            },
        ),
        (
            &["no-rollback"],
            Dialect {
                atomic: false,
                ..FULL
            },
        ),
        (
            &["no-transactions"],
            Dialect {
                atomic: false,
                fences_updates_within: false,
                fences_creates_within: false,
                ..FULL
            },
        ),
        (
            &["ignores-if-match"],
            Dialect {
                fences_updates: false,
                fences_updates_within: false,
                ..FULL
            },
        ),
        (
            &["ignores-preconditions-in-transactions"],
            Dialect {
                fences_updates_within: false,
                fences_creates_within: false,
                ..FULL
            },
        ),
        (&["server-assigned-ids=400"], of_the_server),
        (
            &["server-assigned-ids=404", "opaque-versions"],
            of_the_server,
        ),
        (
            &["server-assigned-ids=405", "ignores-if-none-exist"],
            Dialect {
                fences_creates: false,
                fences_creates_within: false,
                ..of_the_server
            },
        ),
    ];
    for (dialects, expected) in rows {
        assert_eq!(found_out(dialects).await, expected, "{dialects:?}");
    }
}

#[tokio::test]
async fn a_result_lives_its_whole_life_on_servers_of_every_kind() {
    for dialects in [
        &[][..],
        &["opaque-versions", "no-rollback"],
        &["no-transactions", "gone-is-not-found"],
        &["ignores-if-match", "ignores-if-none-match"],
        &["ignores-preconditions-in-transactions"],
        &["server-assigned-ids"],
        &[
            "server-assigned-ids=400",
            "no-rollback",
            "opaque-versions",
            "gone-is-not-found",
            "no-history",
        ],
        &[
            "server-assigned-ids",
            "ignores-if-none-exist",
            "no-transactions",
        ],
    ] {
        let server = server_that(dialects).await;
        let base = server.base_url();
        let mut adapter = Adapter::with(&base, &base, |it| it.allow_unfenced = true).await;
        adapter.find_out().await.unwrap();
        for case in [AMENDED, RETRACTED] {
            server.seed_bundle(&case_file(case, "bundle.json")).unwrap();
        }
        let first = adapter.pass().await;
        assert_eq!(
            (first.ledger.written, first.ledger.seen()),
            (2, 2),
            "{dialects:?}"
        );
        assert_eq!(
            (results(&server).len(), server.all("Provenance").len()),
            (2, 2),
            "{dialects:?}"
        );
        assert_eq!(open_sign_offs(&server).len(), 2, "{dialects:?}");
        assert_that_references_resolve(&server, dialects);
        let before = results(&server);
        assert_eq!(adapter.pass().await.ledger.unchanged, 2, "{dialects:?}");
        assert_eq!(results(&server), before, "{dialects:?}");

        server
            .seed_bundle(&case_file(AMENDED, "bundle-amended.json"))
            .unwrap();
        server
            .seed_bundle(&case_file(RETRACTED, "bundle-retracted.json"))
            .unwrap();
        let later = adapter.pass().await;
        let changes =
            [Change::Revised, Change::Withdrawn].map(|it| later.changes.get(&it).copied());
        assert_eq!(changes, [Some(1), Some(1)], "{dialects:?}");
        let mut statuses: Vec<String> = (results(&server).iter())
            .map(|result| result["status"].as_str().unwrap().to_owned())
            .collect();
        statuses.sort();
        assert_eq!(
            statuses,
            ["entered-in-error", "preliminary"],
            "{dialects:?}"
        );
        assert_eq!(server.all("Provenance").len(), 4, "{dialects:?}");
        assert_eq!(open_sign_offs(&server).len(), 1, "{dialects:?}");
        assert_that_references_resolve(&server, dialects);

        // A store that is lost finds everything again.
        let mut other = Adapter::with(&base, &base, |it| it.allow_unfenced = true).await;
        other.find_out().await.unwrap();
        let before = (
            results(&server),
            server.all("Task"),
            server.all("Provenance"),
        );
        other.pass().await;
        let after = (
            results(&server),
            server.all("Task"),
            server.all("Provenance"),
        );
        assert_eq!(before, after, "{dialects:?}");
    }
}

fn open_sign_offs(server: &FakeServer) -> Vec<Value> {
    let is_sign_off = |task: &Value| task["reasonCode"]["coding"][0]["code"] == "sign-off";
    open_tasks(server).into_iter().filter(is_sign_off).collect()
}

/// Every reference between our resources leads to one that stands.
fn assert_that_references_resolve(server: &FakeServer, dialects: &[&str]) {
    let ids: Vec<String> = (results(server).iter())
        .map(|result| format!("Observation/{}", result["id"].as_str().unwrap()))
        .collect();
    let of = |kind: &str, path: &str| -> Vec<String> {
        let resources = server.all(kind).into_iter();
        resources
            .filter_map(|text| {
                let json: Value = serde_json::from_str(&text).unwrap();
                json.pointer(path)?.as_str().map(str::to_owned)
            })
            .collect()
    };
    let targets = of("Provenance", "/target/0/reference");
    let sign_offs = open_sign_offs(server);
    let focus = |task: &Value| task["focus"]["reference"].as_str().unwrap().to_owned();
    let focuses: Vec<String> = sign_offs.iter().map(focus).collect();
    assert!(!targets.is_empty() && !focuses.is_empty());
    for reference in targets.iter().chain(&focuses) {
        assert!(
            ids.contains(reference),
            "{dialects:?}: {reference} of {ids:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_lets_a_stale_version_win_is_refused_unless_the_site_allows_it() {
    let server = server_that(&["ignores-if-match"]).await;
    let base = server.base_url();
    let refused = Adapter::beside(&base).await.find_out().await;
    assert!(matches!(refused, Err(TargetError::Unfenced)));
    let mut adapter = Adapter::with(&base, &base, |it| it.allow_unfenced = true).await;
    adapter.find_out().await.unwrap();
    assert!(!adapter.target.dialect.stops_stale_updates());
}

#[tokio::test]
async fn what_was_found_out_is_remembered_for_the_server_and_its_software() {
    let server = server_that(&["server-assigned-ids"]).await;
    let mut adapter = Adapter::beside(&server.base_url()).await;
    adapter.find_out().await.unwrap();
    let requests = server.requests().len();
    adapter.find_out().await.unwrap();
    let again: Vec<String> = server.requests()[requests..]
        .iter()
        .map(|it| it.method.clone())
        .collect();
    assert_eq!(
        again,
        ["GET"],
        "only what the server says of itself is read"
    );
    assert_eq!(adapter.target.dialect.ids, Ids::Server);
}

#[tokio::test]
async fn a_trial_that_a_busy_server_interrupts_is_not_remembered() {
    let server = server_that(&[]).await;
    server.order_fault("status:code=503,method=POST,times=1".parse().unwrap());
    let mut adapter = Adapter::beside(&server.base_url()).await;
    assert!(matches!(
        adapter.find_out().await,
        Err(TargetError::Server(_))
    ));
    adapter.find_out().await.unwrap();
    assert_eq!(adapter.target.dialect, Dialect::FULL);
}

#[tokio::test]
async fn a_server_that_takes_no_basic_is_believed_what_it_says() {
    let server = server_that(&["server-assigned-ids"]).await;
    server.order_fault("status:code=403,path=/Basic".parse().unwrap());
    let mut adapter = Adapter::beside(&server.base_url()).await;
    adapter.find_out().await.unwrap();
    assert_eq!(adapter.target.dialect.ids, Ids::Server);
    assert_eq!(adapter.target.dialect.delivery(), Delivery::Whole);
}

#[tokio::test]
async fn a_result_on_another_server_names_its_inputs_by_their_whole_address() {
    let reports = server_that(&[]).await;
    reports
        .seed_bundle(&case_file(AMENDED, "bundle.json"))
        .unwrap();
    let target = server_that(&["server-assigned-ids"]).await;
    let mut adapter = Adapter::between(&reports.base_url(), &target.base_url()).await;
    adapter.find_out().await.unwrap();
    adapter.pass().await;
    reports
        .seed_bundle(&case_file(AMENDED, "bundle-amended.json"))
        .unwrap();
    adapter.pass().await;
    assert!(results(&reports).is_empty());
    let [result] = results(&target).try_into().unwrap();
    let prefix = format!("{}/", reports.base_url());
    for path in [
        "/subject/reference",
        "/specimen/reference",
        "/derivedFrom/0/reference",
    ] {
        let reference = result.pointer(path).and_then(Value::as_str).unwrap();
        assert!(reference.starts_with(&prefix), "{path}: {reference}");
    }
    let focus = open_sign_offs(&target)[0]["focus"]["reference"].clone();
    assert_eq!(
        focus,
        format!("Observation/{}", result["id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn of_two_copies_the_oldest_stays_and_the_other_is_entered_in_error() {
    let server = server_that(&["server-assigned-ids", "ignores-if-none-exist"]).await;
    server
        .seed_bundle(&case_file(AMENDED, "bundle.json"))
        .unwrap();
    let mut adapter = Adapter::beside(&server.base_url()).await;
    adapter.find_out().await.unwrap();
    adapter.pass().await;
    let oldest = results(&server)[0].clone();
    // Another deployment that did not see the first result.
    let mut copy = oldest.clone();
    copy.as_object_mut().unwrap().remove("meta");
    copy["id"] = "written-by-another".into();
    let bundle = serde_json::json!({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": copy}]});
    server.seed_bundle(&bundle.to_string()).unwrap();
    adapter.pass().await;
    for result in results(&server) {
        let is_oldest = result["id"] == oldest["id"];
        let expected = if is_oldest {
            "preliminary"
        } else {
            "entered-in-error"
        };
        assert_eq!(result["status"], expected);
    }
    // And it stays so.
    let before = results(&server);
    adapter.pass().await;
    assert_eq!(results(&server), before);
}

#[tokio::test]
async fn a_result_that_another_writer_has_created_just_now_is_referred_to_where_the_server_has_it()
{
    let dialects = ["server-assigned-ids", "no-transactions", "silent-matches"];
    let server = server_that(&dialects).await;
    server
        .seed_bundle(&case_file(AMENDED, "bundle.json"))
        .unwrap();
    let base = server.base_url();
    // Two that look at the same time: neither sees what the other is about to create.
    let mut first = Adapter::beside(&base).await;
    first.find_out().await.unwrap();
    let mut second = Adapter::beside(&base).await;
    second.find_out().await.unwrap();
    first.pass().await;
    // The first is killed before it has written more than the result.
    for kind in ["Provenance", "Task"] {
        for resource in server.all(kind) {
            let resource: Value = serde_json::from_str(&resource).unwrap();
            let url = format!("{base}/{kind}/{}", resource["id"].as_str().unwrap());
            reqwest::Client::new().delete(url).send().await.unwrap();
        }
    }
    // The three searches before the write: what changed, what else the patient has, and what stands for the case.
    let blind = "stale-index:writes=5,path=/Observation,times=3,method=GET";
    server.order_fault(blind.parse().unwrap());
    second.pass().await;
    assert_eq!(results(&server).len(), 1);
    assert_eq!(server.all("Provenance").len(), 1);
    assert_that_references_resolve(&server, &dialects);
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_searched_for_and_not_sent_again() {
    for dialects in [
        &["server-assigned-ids"][..],
        &["server-assigned-ids", "no-transactions"],
    ] {
        for fault in [
            "reset:after-commit,times=1",
            "hang:after-commit,times=1",
            "outcome-as-success:after-commit,times=1",
        ] {
            let server = server_that(dialects).await;
            server
                .seed_bundle(&case_file(AMENDED, "bundle.json"))
                .unwrap();
            let base = server.base_url();
            let timeout = std::time::Duration::from_millis(300);
            let mut adapter =
                Adapter::with(&base, &base, |it| it.limits.request_timeout = timeout).await;
            adapter.find_out().await.unwrap();
            server.order_fault(format!("{fault},method=POST").parse().unwrap());
            adapter.pass().await;
            let counts = ["Provenance", "Task"].map(|kind| server.all(kind).len());
            assert_eq!(
                (results(&server).len(), counts),
                (1, [1, 1]),
                "{dialects:?} {fault}"
            );
        }
    }
}
