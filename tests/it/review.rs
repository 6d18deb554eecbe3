//! The worklist at a terminal: exactly what was looked at is signed, by somebody who is known.

use std::fs;

use her2_adapter::config::Config;
use her2_adapter::pipeline::results::Verdict;
use her2_adapter::pipeline::sign_off::Said;
use her2_adapter::service::desk::{About, DeskError, Done};
use her2_adapter::service::fake_server::FakeServer;
use her2_adapter::service::login::login;
use her2_adapter::service::publish::Refusal;
use her2_adapter::service::publish::dialect::Dialect;
use her2_adapter::service::serve::{Runner, Trigger};
use serde_json::{Value, json};
use tokio::sync::mpsc::channel;

use crate::commands::{her2_adapter_with, text};
use crate::support::{Adapter, case_file, open_tasks, results, stage};

const LOW: &str = "group-5-with-2-plus-is-negative-low";
const AMENDED: &str = "amended-report-corrects-the-result";
const DISCORDANT: &str = "ihc-3-plus-with-group-5-is-positive-with-discordance";
const RETRACTED: &str = "retracted-report-withdraws-the-result";
const SIGNER: &str = "Practitioner/23";

fn arrives(server: &FakeServer, case: &str, file: &str) {
    server.seed_bundle(&case_file(case, file)).unwrap();
}

/// A server with a report that a pass has seen, and the id of its case.
async fn seen(case: &str) -> (FakeServer, Adapter, String) {
    let (server, adapter) = stage(&[case]).await;
    let id = adapter.pass().await.cases[0].0.id.clone();
    (server, adapter, id)
}

async fn answer(
    adapter: &Adapter,
    about: &str,
    verdict: Verdict,
    reason: Option<&str>,
    version: Option<&str>,
) -> Result<Done, DeskError> {
    let about = About::parse(about).unwrap();
    let said = Said::by(SIGNER, verdict, reason);
    let act = adapter.desk(async |desk| desk.answer(&about, &said, version).await);
    act.await
}

async fn refusal(
    adapter: &Adapter,
    about: &str,
    verdict: Verdict,
    version: Option<&str>,
) -> Refusal {
    match answer(adapter, about, verdict, Some("seen"), version).await {
        Err(DeskError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn task(server: &FakeServer, id: &str) -> Value {
    let texts = server.history("Task", id);
    serde_json::from_str(texts.last().unwrap()).unwrap()
}

fn reason(task: &Value) -> &str {
    task["reasonCode"]["coding"][0]["code"].as_str().unwrap()
}

/// The open Task with this reason.
fn open_task(server: &FakeServer, why: &str) -> String {
    let tasks = open_tasks(server);
    let found = tasks.iter().find(|task| reason(task) == why);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Answers every open question of the case, so that nothing but the signature is left.
async fn answer_questions(server: &FakeServer, adapter: &Adapter) {
    for task in open_tasks(server) {
        if task["code"]["coding"][0]["code"] == "review" {
            let id = task["id"].as_str().unwrap();
            let answered = answer(adapter, id, Verdict::Accept, Some("looked at"), None);
            answered.await.unwrap();
        }
    }
}

fn verifiers(server: &FakeServer) -> Vec<Value> {
    let mut all = Vec::new();
    for text in server.all("Provenance") {
        let provenance: Value = serde_json::from_str(&text).unwrap();
        let who = provenance["agent"][1]["who"].clone();
        all.extend((!who.is_null()).then_some(who["reference"].clone()));
    }
    all
}

#[tokio::test]
async fn the_version_that_was_looked_at_becomes_final_and_its_task_says_so() {
    let (server, adapter, case) = seen(LOW).await;
    let asked = open_task(&server, "sign-off");
    let done = answer(&adapter, &case, Verdict::Accept, Some("seen"), Some("1")).await;
    let expected = Done::Result {
        case: case.clone(),
        version: "1".to_owned(),
        is_due: false,
    };
    assert_eq!(done.unwrap(), expected);
    let result = &results(&server)[0];
    assert_eq!(
        (&result["status"], &result["meta"]["versionId"]),
        (&json!("final"), &json!("2"))
    );
    let task = task(&server, &asked);
    assert_eq!(task["status"], "completed");
    assert_eq!(
        task["output"],
        json!([
            {"type": {"text": "decision"}, "valueCode": "accept"},
            {"type": {"text": "version"}, "valueString": "1"},
            {"type": {"text": "reason"}, "valueString": "seen"},
        ])
    );
    assert_eq!(verifiers(&server), [json!(SIGNER)]);
    let requests = server.requests().len();
    let report = adapter.pass().await;
    assert_eq!((report.ledger.unchanged, report.ledger.seen()), (1, 1));
    let wrote = |from: usize| {
        let later = server.requests().split_off(from);
        later
            .iter()
            .filter(|request| request.method != "GET")
            .count()
    };
    assert_eq!(wrote(requests), 0);
    let again = refusal(&adapter, &asked, Verdict::Accept, None).await;
    assert!(again.to_string().contains("final"), "{again}");
}

#[tokio::test]
async fn a_version_that_no_longer_stands_is_not_signed() {
    let (server, adapter, case) = seen(AMENDED).await;
    let earlier = open_task(&server, "sign-off");
    arrives(&server, AMENDED, "bundle-amended.json");
    let due = refusal(&adapter, &case, Verdict::Accept, Some("1")).await;
    assert_eq!(due, Refusal::PassIsDue);
    adapter.pass().await;
    let stale = refusal(&adapter, &case, Verdict::Accept, Some("1")).await;
    let stands = "2".to_owned();
    assert_eq!(stale, Refusal::OtherVersion { stands });
    let now = open_task(&server, "sign-off");
    let of_earlier = refusal(&adapter, &earlier, Verdict::Accept, None).await;
    assert_eq!(of_earlier, Refusal::AsksNoMore(now));
    assert_eq!(results(&server)[0]["status"], "preliminary");
    assert!(verifiers(&server).is_empty());
    answer_questions(&server, &adapter).await;
    let unnamed = refusal(&adapter, &case, Verdict::Accept, None).await;
    let stands = "2".to_owned();
    assert_eq!(unnamed, Refusal::NoVersion { stands });
    for version in ["W/\"2\"", "2"] {
        let done = answer(&adapter, &case, Verdict::Accept, None, Some(version)).await;
        assert_eq!(done.is_ok(), version != "2", "the second finds it signed");
    }
    assert_eq!(results(&server)[0]["status"], "final");
}

#[tokio::test]
async fn an_open_question_is_answered_before_a_result_is_signed() {
    let (server, adapter, case) = seen(DISCORDANT).await;
    let open = refusal(&adapter, &case, Verdict::Accept, None).await;
    let Refusal::OpenQuestions(tasks) = &open else {
        panic!("{open}");
    };
    let question = tasks[0].split(' ').next().unwrap().to_owned();
    assert_eq!(results(&server)[0]["status"], "preliminary");
    let found = "both slides are of this tumour";
    let done = answer(&adapter, &question, Verdict::Accept, Some(found), None).await;
    assert_eq!(done.unwrap(), Done::Question(question.clone()));
    let answered = task(&server, &question);
    assert_eq!(answered["status"], "completed");
    assert_eq!(answered["output"][0]["valueCode"], "accept");
    assert_eq!(answered["note"][0]["text"], found);
    assert_eq!(answered["note"][0]["authorReference"]["reference"], SIGNER);
    let closed = refusal(&adapter, &question, Verdict::Reject, None).await;
    assert!(matches!(closed, Refusal::Closed { .. }), "{closed}");
    let kept = adapter.store.written_versions(&case).await.unwrap();
    assert_eq!(kept.iter().filter(|it| it.own_id == question).count(), 2);
    for other in &tasks[1..] {
        let other = other.split(' ').next().unwrap();
        answer(&adapter, other, Verdict::Reject, Some("not so"), None)
            .await
            .unwrap();
    }
    answer(&adapter, &case, Verdict::Accept, None, Some("1"))
        .await
        .unwrap();
    adapter.pass().await;
    assert_eq!(results(&server)[0]["status"], "final");
    assert!(open_tasks(&server).is_empty());
}

#[tokio::test]
async fn a_rejected_result_keeps_its_reason_and_is_asked_again_when_its_evidence_changes() {
    let (server, adapter, case) = seen(AMENDED).await;
    let why = "the slide is another patient's";
    answer(&adapter, &case, Verdict::Reject, Some(why), Some("1"))
        .await
        .unwrap();
    for _ in 0..2 {
        adapter.pass().await;
        let result = &results(&server)[0];
        assert_eq!(result["status"], "preliminary");
        assert!(result["note"].to_string().contains(why), "{result}");
        assert!(open_tasks(&server).is_empty());
    }
    let rejected = refusal(&adapter, &case, Verdict::Accept, None).await;
    assert_eq!(rejected, Refusal::IsRejected);
    arrives(&server, AMENDED, "bundle-amended.json");
    adapter.pass().await;
    assert!(!results(&server)[0]["note"].to_string().contains(why));
    open_task(&server, "sign-off");
    let history = adapter.history(&case).await;
    let rejected: Vec<_> = (history.versions.iter())
        .map(|it| (it.rejected_because.as_deref(), it.rejected_by.as_deref()))
        .collect();
    assert_eq!(
        rejected,
        [(None, None), (Some(why), Some(SIGNER)), (None, None)]
    );
}

#[tokio::test]
async fn a_change_of_a_signed_result_is_taken_note_of_and_signed_anew() {
    let (server, adapter, case) = seen(AMENDED).await;
    answer(&adapter, &case, Verdict::Accept, None, Some("1"))
        .await
        .unwrap();
    arrives(&server, AMENDED, "bundle-amended.json");
    adapter.pass().await;
    assert_eq!(results(&server)[0]["status"], "amended");
    let notice = open_task(&server, "final-changed");
    answer_questions(&server, &adapter).await;
    answer(&adapter, &case, Verdict::Accept, None, Some("3"))
        .await
        .unwrap();
    assert_eq!(results(&server)[0]["status"], "final");
    answer(
        &adapter,
        &notice,
        Verdict::Accept,
        Some("told Dr. N."),
        None,
    )
    .await
    .unwrap();
    adapter.pass().await;
    assert!(open_tasks(&server).is_empty());
    let history = adapter.history(&case).await;
    let told: Vec<_> = (history.versions.iter())
        .map(|it| {
            (
                it.observation_status.as_str(),
                it.status.as_str(),
                it.signed_by.is_some(),
            )
        })
        .collect();
    let (negative, positive) = ("negative", "positive");
    assert_eq!(
        told,
        [
            ("preliminary", negative, false),
            ("final", negative, true),
            ("amended", positive, false),
            ("final", positive, true),
        ]
    );
    assert!(
        history
            .versions
            .iter()
            .all(|it| !it.sources.is_empty() && it.rule.is_some())
    );
}

#[tokio::test]
async fn an_answer_that_is_lost_or_refused_on_the_way_is_signed_once() {
    for (fault, arrives) in [
        ("reset:after-commit,times=1", true),
        ("reset:before-commit,times=1", false),
        ("status:code=503,method=POST,times=1", false),
    ] {
        let (server, adapter, case) = seen(LOW).await;
        server.order_fault(fault.parse().unwrap());
        let done = answer(&adapter, &case, Verdict::Accept, None, Some("1")).await;
        assert_eq!(done.is_ok(), arrives, "{fault}: {done:?}");
        if !arrives {
            assert_eq!(results(&server)[0]["status"], "preliminary");
            answer(&adapter, &case, Verdict::Accept, None, Some("1"))
                .await
                .unwrap();
        }
        adapter.pass().await;
        assert_eq!(results(&server)[0]["meta"]["versionId"], "2", "{fault}");
        assert_eq!(verifiers(&server), [json!(SIGNER)], "{fault}");
        assert!(open_tasks(&server).is_empty());
    }
}

#[tokio::test]
async fn a_signature_that_is_interrupted_between_its_parts_is_completed_by_the_next_pass() {
    for part in ["Provenance", "Task"] {
        let (server, mut adapter, case) = seen(LOW).await;
        let asked = open_task(&server, "sign-off");
        adapter.target.dialect = Dialect {
            atomic: false,
            ..Dialect::FULL
        };
        // Its answer is lost, and then the server is gone.
        let fault = format!("reset:before-commit,method=PUT,path=/{part}");
        server.order_fault(fault.parse().unwrap());
        let lost = refusal(&adapter, &case, Verdict::Accept, Some("1")).await;
        assert!(matches!(lost, Refusal::NotNow(_)), "{lost}");
        assert_eq!(results(&server)[0]["status"], "final");
        assert_eq!(task(&server, &asked)["status"], "requested");
        server.clear_faults();
        // Whatever the window shows.
        let due = adapter
            .store
            .due_cases("2999-01-01T00:00:00Z")
            .await
            .unwrap();
        assert!(due.contains(&case));
        adapter.pass().await;
        let task = task(&server, &asked);
        assert_eq!(task["status"], "completed", "{part}");
        assert_eq!(task["output"][0]["valueCode"], "accept");
        assert_eq!(verifiers(&server), [json!(SIGNER)]);
        assert_eq!(results(&server)[0]["meta"]["versionId"], "2");
        assert!(open_tasks(&server).is_empty());
    }
}

#[tokio::test]
async fn what_is_shown_is_the_record_the_version_to_sign_and_what_is_open() {
    let (server, adapter, case) = seen(DISCORDANT).await;
    let about = About::parse(&case).unwrap();
    let shown = adapter
        .desk(async |desk| desk.show(&about).await)
        .await
        .unwrap();
    let page = her2_adapter::render::shown(&shown);
    let asked = open_task(&server, "sign-off");
    for part in [
        asked.as_str(),
        "HER2 POSITIVE",
        "version 1 stands, preliminary; it is what `accept` and `reject` are about",
        "Open      h2t-",
        "version 1 · preliminary · HER2 positive",
        "from Observation/",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

/// Settings for a server and a store of its own, and variables that name the person of this process.
fn settings(server: &FakeServer, folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("site.toml");
    let store = folder.path().join("store.sqlite");
    let base = server.base_url();
    let text = format!("[server]\nread = \"{base}\"\nattempts = 1\n[store]\npath = {store:?}\n");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_login_that_the_settings_name_signs_and_the_variable_user_says_nothing() {
    let (server, _) = stage(&[LOW]).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&server, &folder);
    let command = |variables: &[(&str, &str)], arguments: &[&str]| {
        let arguments = [&["--config", settings.as_str()], arguments].concat();
        her2_adapter_with(variables, &arguments)
    };
    assert_eq!(command(&[], &["run"]).status.code(), Some(0));
    let task = open_task(&server, "sign-off");
    let login = login().unwrap();
    let logins = "HER2_ADAPTER__SIGN_OFF__LOGINS";
    let another = format!("not-{login} {SIGNER}");
    let user = format!("not-{login}");
    for variables in [
        vec![],
        vec![(logins, another.as_str()), ("USER", user.as_str())],
    ] {
        let output = command(&variables, &["review", "accept", &task]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let names = format!("sign_off.logins = [\"{login} Practitioner/…\"]");
        assert!(said.contains(&names), "{said}");
    }
    assert_eq!(results(&server)[0]["status"], "preliminary");

    let known = format!("{login} {SIGNER}");
    let known = [(logins, known.as_str())];
    let output = command(&known, &["review", "accept", &task, "--version", "7"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("version 1 of the result stands"));
    let output = command(&known, &["review", "reject", &task]);
    assert_eq!(output.status.code(), Some(2), "a rejection has a reason");
    let output = command(&known, &["review", "accept", &task, "--version", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("accepted: version 1 of case-"));
    assert_eq!(results(&server)[0]["status"], "final");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_a_terminal_works_beside_the_process_that_runs_passes() {
    let (server, _) = stage(&[LOW]).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&server, &folder);
    let known = format!("{} {SIGNER}", login().unwrap());
    let command = |arguments: &[&str]| {
        let arguments = [&["--config", settings.as_str()], arguments].concat();
        let logins = [("HER2_ADAPTER__SIGN_OFF__LOGINS", known.as_str())];
        let output = her2_adapter_with(&logins, &arguments);
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(command(&["run"]).0, Some(0));
    let config = Config::load(Some(settings.as_ref())).unwrap();
    let mut runner = Runner::open(config).await.unwrap();
    let asked = &open_tasks(&server)[0];
    let case = asked["identifier"][1]["value"].as_str().unwrap();
    for arguments in [
        vec!["review", "list"],
        vec!["review", "show", case],
        vec!["review", "accept", case, "--version", "1"],
        vec!["explain", "--case", case],
        vec!["check"],
        vec!["mappings", "coverage", "--quarantine"],
    ] {
        let (code, said) = command(&arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
    }
    assert_eq!(results(&server)[0]["status"], "final");
    let (code, said) = command(&["run"]);
    assert_eq!(code, Some(3), "one process at a time runs passes: {said}");

    let (sender, receiver) = channel(1);
    sender.send(Trigger::Pass).await.unwrap();
    drop(sender);
    runner.serve(receiver).await.unwrap();
    runner.close().await;
    let id = results(&server)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.history("Observation", &id).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_what_is_open_and_nothing_of_a_patient() {
    let bundle = case_file(
        "a-score-in-the-conclusion-alone-is-read-as-narrative",
        "bundle.json",
    );
    let mut bundle: Value = serde_json::from_str(&bundle).unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        let resource = &mut entry["resource"];
        match resource["resourceType"].as_str() {
            Some("Patient") => {
                resource["name"] = json!([{"family": "CANARY1"}]);
                resource["birthDate"] = json!("1971-02-03");
            }
            Some("DiagnosticReport") => resource["conclusion"] = json!("HER2 3+ CANARY2"),
            _ => {}
        }
    }
    let (server, _) = stage(&[LOW]).await;
    server.seed_bundle(&bundle.to_string()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&server, &folder);
    let run = |arguments: &[&str]| {
        let arguments = [&["--config", settings.as_str()], arguments].concat();
        let output = her2_adapter_with(&[], &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let (shown, log) = (text(&output.stdout), text(&output.stderr));
        for private in ["CANARY", "1971", "Patient/"] {
            assert!(
                !shown.contains(private) && !log.contains(private),
                "{shown}{log}"
            );
        }
        shown
    };
    run(&["run"]);
    let page = run(&["review", "list"]);
    assert_eq!(
        page.lines().count(),
        1 + open_tasks(&server).len(),
        "{page}"
    );
    assert!(page.contains("negative (low)"), "{page}");
    let listed: Value =
        serde_json::from_str(&run(&["review", "list", "--format", "json"])).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), open_tasks(&server).len());
    for asked in listed {
        assert!(asked["case"].as_str().unwrap().starts_with("case-"));
        assert!(asked["specimen"].as_str().unwrap().starts_with("Specimen/"));
    }
    let mut closed = open_tasks(&server)[0].clone();
    closed["status"] = json!("completed");
    closed.as_object_mut().unwrap().remove("meta");
    server.put_json(&closed.to_string()).unwrap();
    assert_eq!(
        run(&["review", "list"]).lines().count(),
        page.lines().count() - 1
    );
    assert_eq!(
        run(&["review", "list", "--all"]).lines().count(),
        page.lines().count()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_case_is_explained_by_its_history_alone() {
    let (server, _) = stage(&[RETRACTED]).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&server, &folder);
    let run = |arguments: &[&str]| {
        let arguments = [&["--config", settings.as_str()], arguments].concat();
        let output = her2_adapter_with(&[], &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["run"]);
    let result = &results(&server)[0];
    let case = result["identifier"][0]["value"].as_str().unwrap();
    let items = |page: &str| -> Vec<Value> { serde_json::from_str(page).unwrap() };
    let explain = ["explain", "--case", case, "--format", "json"];
    let stands = items(&run(&explain));
    assert_eq!(stands.len(), 2, "the record, and the history");
    assert!(stands[0].get("history").is_none());
    assert_eq!(stands[1]["case"], case);
    arrives(&server, RETRACTED, "bundle-retracted.json");
    run(&["run"]);
    let page = run(&["explain", "--case", case]);
    assert!(page.starts_with("History of "), "{page}");
    assert!(page.contains("version 2 · entered-in-error"), "{page}");
    let [history] = items(&run(&explain)).try_into().unwrap();
    assert_eq!(history["history"][1]["replaces"], "1");
}
