//! The service: passes when it is told to, mappings read again when asked, and an end between two passes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use her2_adapter::config::Config;
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::serve::{Runner, Trigger};
use tokio::sync::mpsc::channel;

use crate::support::{case_file, results};

/// A code that the base does not know, taught by a file of the site.
const LOCAL: &str = "a-local-code-that-names-her2-is-a-review-item";

const TAUGHT: &str = r#"
[header]
name = "lab"
purpose = "a test"
source = "a test"
version = "1"
reviewed_by = "a test"
reviewed_on = "2026-11-20"
[systems]
lab = ["https://lab.example/codes"]
[[finding]]
is = "ihc-score"
codes = [{ system = "lab", code = "H2-IHC", display = "HER2 (IHC) score" }]
[[answer]]
is = "score-3+"
codes = [{ system = "lab", code = "H2-3", display = "3+" }]
"#;

const EMPTY: &str = r#"
[header]
name = "lab"
purpose = "a test"
source = "a test"
version = "1"
reviewed_by = "a test"
reviewed_on = "2026-11-20"
"#;

/// A server with one report, a service beside it, and the site's mapping file.
struct Stage {
    server: FakeServer,
    runner: Runner,
    mapping: PathBuf,
    _folder: tempfile::TempDir,
}

async fn stage() -> Stage {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    server
        .seed_bundle(&case_file(LOCAL, "bundle.json"))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("lab.toml");
    fs::write(&mapping, EMPTY).unwrap();
    let mut config = Config::load(None).unwrap();
    config.server.read = Some(server.base_url().parse().unwrap());
    config.server.limits.attempts = 1;
    config.store.path = folder.path().join("store.sqlite");
    config.input.mapping_files = vec![mapping.clone()];
    Stage {
        server,
        runner: Runner::open(config).await.unwrap(),
        mapping,
        _folder: folder,
    }
}

impl Stage {
    /// Serves until these triggers have been heard.
    async fn hear(&mut self, triggers: &[Trigger]) {
        let (sender, receiver) = channel(8);
        for trigger in triggers {
            sender.send(*trigger).await.unwrap();
        }
        drop(sender);
        self.runner.serve(receiver).await.unwrap();
    }

    fn mapping_hash(&self) -> String {
        self.runner.rules.mapping.hash().to_owned()
    }
}

#[tokio::test]
async fn new_mapping_files_are_in_force_from_the_next_pass_on() {
    let mut stage = stage().await;
    stage.hear(&[Trigger::Pass]).await;
    assert!(results(&stage.server).is_empty());
    let before = stage.mapping_hash();
    fs::write(&stage.mapping, TAUGHT).unwrap();
    stage.hear(&[Trigger::Pass]).await;
    assert_eq!(stage.mapping_hash(), before, "nobody has asked to reload");
    assert!(results(&stage.server).is_empty());
    stage.hear(&[Trigger::Pass, Trigger::Reload]).await;
    assert_ne!(stage.mapping_hash(), before);
    let results = results(&stage.server);
    assert_eq!(results[0]["interpretation"][0]["coding"][0]["code"], "POS");
}

#[tokio::test]
async fn mapping_files_that_cannot_be_used_leave_the_old_ones_in_force() {
    let mut stage = stage().await;
    let before = stage.mapping_hash();
    let proposed = TAUGHT.replace("[[finding]]", "[[proposed.finding]]");
    for text in [
        "not = [toml",
        &proposed,
        &TAUGHT.replace("ihc-score", "ihc-scores"),
    ] {
        fs::write(&stage.mapping, text).unwrap();
        stage.hear(&[Trigger::Reload]).await;
        assert_eq!(stage.mapping_hash(), before);
    }
    fs::remove_file(&stage.mapping).unwrap();
    stage.hear(&[Trigger::Reload, Trigger::Pass]).await;
    assert_eq!(stage.mapping_hash(), before);
    assert!(!stage.server.requests().is_empty(), "it goes on");
}

#[tokio::test]
async fn a_stop_comes_before_what_waits_and_after_the_pass_in_hand() {
    let mut stage = stage().await;
    stage.hear(&[Trigger::Pass, Trigger::Stop]).await;
    assert!(stage.server.requests().is_empty());

    stage
        .server
        .order_fault("latency:ms=50,times=1".parse().unwrap());
    let (sender, receiver) = channel(8);
    sender.send(Trigger::Pass).await.unwrap();
    let Stage {
        server, mut runner, ..
    } = stage;
    let operator = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sender.send(Trigger::Stop).await.unwrap();
        sender.send(Trigger::Pass).await.unwrap();
    };
    let (served, ()) = tokio::join!(runner.serve(receiver), operator);
    served.unwrap();
    let tasks = server.all("Task");
    assert_eq!(tasks.len(), 1, "the pass in hand has come to its end");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_tried_again_by_the_next_pass() {
    let mut stage = stage().await;
    stage
        .server
        .order_fault("status:code=503,times=1".parse().unwrap());
    stage.hear(&[Trigger::Pass]).await;
    assert!(stage.server.all("Task").is_empty());
    stage.hear(&[Trigger::Pass]).await;
    assert_eq!(stage.server.all("Task").len(), 1);
}

/// Signals and log lines as an operator sees them.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_process_reloads_on_sighup_and_ends_on_sigterm() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mapping = folder.path().join("lab.toml");
    fs::write(&mapping, EMPTY).unwrap();
    let settings = folder.path().join("site.toml");
    let store = folder.path().join("store.sqlite");
    let text = format!(
        "[server]\nread = \"{}\"\n[input]\nmapping_files = [{mapping:?}]\n[store]\npath = {store:?}\n",
        server.base_url()
    );
    fs::write(&settings, text).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_her2-adapter"))
        .args(["serve", "--config", settings.to_str().unwrap()])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut until = |part: &str| -> String {
        let line = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(part));
        line.unwrap_or_else(|| panic!("no line has {part}"))
    };
    let id = process.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(sent.unwrap().success());
    };
    until("pass: 0 seen");
    fs::write(&mapping, TAUGHT).unwrap();
    signal("HUP");
    let taken = until("mapping files are read again");
    assert!(taken.contains("old=") && taken.contains("new="), "{taken}");
    fs::write(&mapping, TAUGHT.replace("ihc-score", "CANARY-score\\n")).unwrap();
    signal("HUP");
    let refused = until("the old ones stay");
    assert!(refused.contains("lab.toml"), "{refused}");
    signal("TERM");
    until("ended between two passes");
    assert!(process.wait().unwrap().success());
}
