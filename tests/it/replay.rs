//! Cases put back to work by a person, and dry runs that say what the pass after them does.

use std::collections::BTreeSet;
use std::fs;

use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::pass::{PassOptions, PassReport};
use her2_adapter::service::publish::Change;
use her2_adapter::service::publish::dialect::{Dialect, Ids};
use her2_adapter::service::replay::Selection;

use crate::brake::seed;
use crate::commands::{her2_adapter, text};
use crate::support::{Adapter, case_file, results, stage};

const LOW: &str = "group-5-with-2-plus-is-negative-low";
const INSUFFICIENT: &str = "group-2-without-ihc-asks-for-ihc";
const AMENDED: &str = "amended-report-corrects-the-result";
const RETRACTED: &str = "retracted-report-withdraws-the-result";

async fn replay(adapter: &Adapter, selection: Selection) -> PassReport {
    let options = PassOptions {
        only: Some(selection.units(&adapter.store).await.unwrap()),
        ..PassOptions::default()
    };
    adapter.try_pass(&options).await.unwrap()
}

#[tokio::test]
async fn one_case_is_taken_up_alone_and_the_cursor_stays() {
    let (server, adapter) = stage(&[LOW, AMENDED]).await;
    let first = adapter.pass().await;
    let cursor = adapter.store.cursor("pull").await.unwrap();
    server
        .seed_bundle(&case_file(AMENDED, "bundle-amended.json"))
        .unwrap();
    let mut revised = 0;
    for (case, _) in &first.cases {
        let report = replay(&adapter, Selection::Case(case.id.clone())).await;
        assert_eq!(report.ledger.seen(), 1);
        revised += report.changes.get(&Change::Revised).copied().unwrap_or(0);
    }
    assert_eq!(revised, 1);
    assert_eq!(adapter.store.cursor("pull").await.unwrap(), cursor);
}

#[tokio::test]
async fn what_failed_is_taken_up_at_once_however_long_it_was_to_rest() {
    let (server, adapter) = stage(&[LOW]).await;
    server.order_fault("status:code=422,method=POST,times=3".parse().unwrap());
    for _ in 0..3 {
        adapter.pass().await;
        let failed = Selection::LeftOpen(Some("failed"), None);
        assert_eq!(failed.units(&adapter.store).await.unwrap().len(), 1);
    }
    let busy = replay(&adapter, Selection::LeftOpen(Some("retry"), None)).await;
    assert_eq!(busy.ledger.seen(), 0);
    let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let later = Selection::LeftOpen(Some("failed"), Some(tomorrow));
    assert_eq!(replay(&adapter, later).await.ledger.seen(), 0);
    server.clear_faults();
    let report = replay(&adapter, Selection::LeftOpen(Some("failed"), None)).await;
    assert_eq!(report.ledger.written, 1);
    assert!(adapter.store.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_written_since_a_moment_is_looked_at_again() {
    let (_server, adapter) = stage(&[LOW]).await;
    adapter.pass().await;
    let now = chrono::Utc::now();
    let hours = |hours: i64| now + chrono::TimeDelta::hours(hours);
    let report = replay(&adapter, Selection::Since(hours(-1))).await;
    assert_eq!((report.ledger.unchanged, report.ledger.seen()), (1, 1));
    let report = replay(&adapter, Selection::Since(hours(1))).await;
    assert_eq!(report.ledger.seen(), 0);
}

/// The resources that a dry run names.
fn named(report: &PassReport) -> BTreeSet<String> {
    let lines = report.would_change.iter();
    lines
        .filter(|line| !line.starts_with(' '))
        .cloned()
        .collect()
}

/// The resources of ours that stand, with their versions.
fn standing(server: &FakeServer) -> BTreeSet<(String, String)> {
    let of_kind = |kind: &'static str| {
        server.all(kind).into_iter().map(move |text| {
            let resource: serde_json::Value = serde_json::from_str(&text).unwrap();
            let own_id = own_id_of(&resource);
            let version = resource["meta"]["versionId"].as_str().unwrap().to_owned();
            (format!("{kind}/{own_id}"), version)
        })
    };
    ["Observation", "Provenance", "Task"]
        .into_iter()
        .flat_map(of_kind)
        .filter(|(key, _)| key.contains("/h2"))
        .collect()
}

/// The id that follows from the case: the resource's own, or what it is marked with where the server gives ids.
fn own_id_of(resource: &serde_json::Value) -> String {
    let id = resource["id"].as_str().unwrap();
    if id.starts_with("h2") {
        return id.to_owned();
    }
    let tags = resource["meta"]["tag"].as_array().into_iter().flatten();
    let identifiers = resource["identifier"].as_array().into_iter().flatten();
    let marks = tags
        .filter_map(|tag| tag["code"].as_str())
        .chain(identifiers.filter_map(|identifier| identifier["value"].as_str()));
    let mut marks = marks.map(|mark| match mark.strip_prefix("case-") {
        Some(_) if resource["resourceType"] == "Observation" => {
            her2_adapter::pipeline::results::observation_id(mark)
        }
        _ => mark.to_owned(),
    });
    marks
        .find(|mark| mark.starts_with("h2"))
        .unwrap_or_default()
}

/// A dry run, and the pass after it: both name the same resources, and only the pass writes.
async fn assert_agreement(server: &FakeServer, adapter: &Adapter, change: Change) {
    let options = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    let requests = server.requests().len();
    let cursor = adapter.store.cursor("pull").await.unwrap();
    let dry = adapter.try_pass(&options).await.unwrap();
    let sent = server.requests();
    assert!(
        sent[requests..]
            .iter()
            .all(|request| request.method == "GET")
    );
    assert_eq!(adapter.store.cursor("pull").await.unwrap(), cursor);
    let before = standing(server);
    let real = adapter.pass().await;
    assert_eq!(dry.ledger, real.ledger);
    assert_eq!(dry.changes, real.changes);
    assert!(real.changes.contains_key(&change), "{:?}", real.changes);
    let after = standing(server);
    let written: BTreeSet<String> = after
        .difference(&before)
        .map(|(key, _)| key.clone())
        .collect();
    assert_eq!(named(&dry), written);
}

#[tokio::test]
async fn a_dry_run_names_the_resources_that_the_pass_after_it_writes() {
    for ids in [Ids::Client, Ids::Server] {
        let dialects = match ids {
            Ids::Client => Vec::new(),
            Ids::Server => vec!["server-assigned-ids".parse().unwrap()],
        };
        let server = FakeServer::start(FakeServerOptions {
            dialects,
            ..FakeServerOptions::default()
        })
        .await
        .unwrap();
        let mut adapter = Adapter::beside(&server.base_url()).await;
        adapter.target.dialect = Dialect {
            ids,
            ..Dialect::FULL
        };
        let arrives = |case: &str, file: &str| {
            server.seed_bundle(&case_file(case, file)).unwrap();
        };
        arrives(LOW, "bundle.json");
        arrives(AMENDED, "bundle.json");
        arrives(RETRACTED, "bundle.json");
        assert_agreement(&server, &adapter, Change::New).await;
        arrives(AMENDED, "bundle-amended.json");
        assert_agreement(&server, &adapter, Change::Revised).await;
        arrives(RETRACTED, "bundle-retracted.json");
        assert_agreement(&server, &adapter, Change::Withdrawn).await;
        arrives(INSUFFICIENT, "bundle.json");
        assert_agreement(&server, &adapter, Change::Worklist).await;
    }
}

/// The program beside a server, with settings and a store of its own.
struct Program {
    folder: tempfile::TempDir,
    base: String,
}

impl Program {
    fn beside(server: &FakeServer) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            base: server.base_url(),
        }
    }

    /// Runs a command under some settings; what it prints, and its exit code.
    fn run(&self, settings: &str, arguments: &[&str]) -> (String, Option<i32>) {
        let path = self.folder.path().join("site.toml");
        let store = self.folder.path().join("store.sqlite");
        let base = &self.base;
        let written =
            format!("{settings}\n[server]\nread = \"{base}\"\n[store]\npath = {store:?}\n");
        fs::write(&path, written).unwrap();
        let mut all = vec!["--config", path.to_str().unwrap()];
        all.extend_from_slice(arguments);
        let output = her2_adapter(&all);
        (text(&output.stdout), output.status.code())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_what_new_rules_would_change_and_confirms_it() {
    let (server, _) = stage(&[]).await;
    seed(&server, 2);
    let program = Program::beside(&server);
    assert!(program.run("", &["run"]).0.contains("= 2 written"));
    let other = "[brake]\nmax_changed = 1\n[convention]\ngroup_2_or_4_with_2_plus_is_low = false";
    let all = "--all-on-ruleset-change";
    let (printed, code) = program.run(other, &["replay", all]);
    assert_eq!(code, Some(0));
    assert!(
        printed.contains("       2  category low -> none\n2 published results would be altered: more than brake.max_changed = 1"),
        "{printed}"
    );
    let (printed, _) = program.run(other, &["run"]);
    assert!(printed.contains("1 written + 0 unchanged"), "{printed}");
    assert!(printed.contains("+ 1 retry +"), "{printed}");
    let (printed, _) = program.run(other, &["replay", all, "--confirm"]);
    assert!(printed.contains("= 1 written + 1 unchanged"), "{printed}");
    let (printed, _) = program.run(other, &["replay", all]);
    assert!(
        printed.contains("0 published results would be altered"),
        "{printed}"
    );
    let versions = results(&server);
    assert!(
        versions
            .iter()
            .all(|result| result["meta"]["versionId"] == "2")
    );
    for usage in [
        &["replay"][..],
        &["replay", "--confirm"],
        &["replay", "--case", "no-such-case"],
        &["replay", "--case", "x", all],
    ] {
        assert_eq!(program.run(other, usage).1, Some(2), "{usage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_in_shadow_mode_that_nothing_was_written_and_how_results_compare() {
    let (server, _) = stage(&[LOW]).await;
    let program = Program::beside(&server);
    let shadow = "mode = \"shadow\"";
    let (printed, _) = program.run(shadow, &["run"]);
    let expected = "shadow, nothing was written to the server: 1 seen = 1 written";
    assert!(printed.starts_with(expected), "{printed}");
    let compared = "1 cases = 0 agree + 0 differ + 1 laboratory silent + 0 adapter undecided";
    assert!(printed.ends_with(&format!("{compared}\n")), "{printed}");
    let (table, code) = program.run(shadow, &["check", "--shadow"]);
    assert_eq!(code, Some(0));
    assert!(
        table.contains("laboratory nothing, adapter negative"),
        "{table}"
    );
    let all = ["replay", "--all-on-ruleset-change"];
    assert_eq!(program.run(shadow, &all).1, Some(2));
    assert!(results(&server).is_empty());
    let (printed, _) = program.run("", &["run"]);
    assert!(printed.contains("1 seen = 1 written"), "{printed}");
}
