//! Announcements: what a receiver is sent when a final result has changed, and what happens when it does not take it.

use std::fs;
use std::time::Duration;

use axum::http::HeaderMap;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use her2_adapter::config::{Config, Mode, WebhookSettings};
use her2_adapter::pipeline::announcement::Announcement;
use her2_adapter::pipeline::results::{Answer, FinalChange};
use her2_adapter::service::announce::Announcer;
use her2_adapter::service::clock::Clock;
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::pass::PassOptions;
use her2_adapter::service::serve::Runner;
use her2_adapter::service::store::{
    AnnouncementState, KeptAnnouncement, PublishedCase, Store, StoreError,
};
use standardwebhooks::Webhook;
use wiremock::matchers::{body_string, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::commands::{her2_adapter_with, text};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

fn announcement(fingerprint: &str) -> Announcement {
    let answer = |status: &str, category: &str| Answer {
        status: status.to_owned(),
        category: category.to_owned(),
    };
    let change = FinalChange {
        replaces: "3".to_owned(),
        from: answer("negative", "low"),
        to: Some(answer("positive", "positive")),
    };
    Announcement::of("case-1", &change, fingerprint, "2026-11-20T10:00:00Z")
}

/// Confirms a write of a patient's result that is to be announced.
async fn confirm(store: &Store, announcements: &[Announcement], at: DateTime<Utc>) {
    let case = PublishedCase {
        case_id: "case-1".to_owned(),
        observation_id: "h2o-1".to_owned(),
        fingerprint: "f".to_owned(),
        judged: String::new(),
        etag: Some("4".to_owned()),
        status: "amended".to_owned(),
        task_ids: Vec::new(),
        subject: Some("Patient/CANARY".to_owned()),
    };
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let confirmed = store.confirm(&case, "http://a.example", &[], &[], announcements, &at);
    confirmed.await.unwrap();
}

/// A receiver, and an outbox that is delivered to it.
struct Stage {
    receiver: MockServer,
    announcer: Announcer,
    store: Store,
    clock: Clock,
}

/// A receiver that knows the secrets and answers all alike.
async fn stage(secrets: &[&str], answer: ResponseTemplate) -> Stage {
    let receiver = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&receiver)
        .await;
    let url = receiver.uri();
    Stage {
        receiver,
        ..stage_at(&url, secrets).await
    }
}

/// The same with a receiver of which only the address is used.
async fn stage_at(url: &str, secrets: &[&str]) -> Stage {
    let clock = Clock::standing_at(Utc::now());
    let settings = WebhookSettings {
        url: format!("{url}/hook").parse().unwrap(),
        secrets: (secrets.iter())
            .map(|secret| (*secret).to_owned().into())
            .collect(),
    };
    let announcer = Announcer::new(Some(settings)).unwrap();
    Stage {
        announcer: announcer.with_clock(clock.clone()),
        receiver: MockServer::start().await,
        store: Store::in_memory().await.unwrap(),
        clock,
    }
}

impl Stage {
    async fn note(&self, announcements: &[Announcement]) {
        confirm(&self.store, announcements, self.clock.now()).await;
    }

    async fn deliver(&self) -> Result<(), StoreError> {
        self.announcer.deliver(&self.store).await
    }

    async fn kept(&self, announcement: &Announcement) -> KeptAnnouncement {
        let kept = self.store.announcement(&announcement.id).await.unwrap();
        kept.unwrap()
    }

    /// What the receiver was sent so far.
    async fn sent(&self) -> Vec<Request> {
        self.receiver.received_requests().await.unwrap()
    }

    /// The receiver answers otherwise from now on.
    async fn answers(&self, answer: ResponseTemplate) {
        self.receiver.reset().await;
        let mock = Mock::given(method("POST")).respond_with(answer);
        mock.mount(&self.receiver).await;
    }
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

fn headers(request: &Request) -> HeaderMap {
    request.headers.clone()
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers[name].to_str().unwrap()
}

#[tokio::test]
async fn the_receiver_can_verify_what_it_is_sent_and_that_nobody_has_changed_it() {
    let stage = stage(&[SECRET], status(204)).await;
    let announced = announcement("f1");
    stage.note(std::slice::from_ref(&announced)).await;
    stage.deliver().await.unwrap();
    let [request] = stage.sent().await.try_into().unwrap();
    assert_eq!(request.url.path(), "/hook");
    assert_eq!(header(&request, "content-type"), "application/json");
    assert_eq!(header(&request, "webhook-id"), announced.id);
    assert_eq!(request.body, announced.body.as_bytes());
    let verify = |secret, body: &[u8], headers: &HeaderMap| {
        Webhook::new(secret).unwrap().verify(body, headers).is_ok()
    };
    assert!(verify(SECRET, &request.body, &headers(&request)));
    assert!(!verify(OTHER, &request.body, &headers(&request)));
    let changed = announced.body.replace("positive", "negative");
    assert!(!verify(SECRET, changed.as_bytes(), &headers(&request)));
    let mut of_another = headers(&request);
    of_another.insert("webhook-id", "h2a-0".parse().unwrap());
    assert!(!verify(SECRET, &request.body, &of_another));
    let kept = stage.kept(&announced).await;
    assert_eq!(
        (kept.state, kept.attempts),
        (AnnouncementState::Delivered, 1)
    );
    stage.deliver().await.unwrap();
    assert_eq!(stage.sent().await.len(), 1, "it is sent once");
}

#[tokio::test]
async fn while_secrets_are_exchanged_either_of_the_two_verifies() {
    let stage = stage(&[OTHER, SECRET], status(200)).await;
    stage.note(&[announcement("f1")]).await;
    stage.deliver().await.unwrap();
    let [request] = stage.sent().await.try_into().unwrap();
    let signatures: Vec<&str> = header(&request, "webhook-signature").split(' ').collect();
    assert_eq!(signatures.len(), 2);
    assert!(signatures.iter().all(|it| it.starts_with("v1,")));
    assert_ne!(signatures[0], signatures[1]);
    for secret in [SECRET, OTHER] {
        let webhook = Webhook::new(secret).unwrap();
        webhook.verify(&request.body, &headers(&request)).unwrap();
    }
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_under_the_same_id_when_it_is_due() {
    let stage = stage(&[SECRET], status(500)).await;
    let announced = announcement("f1");
    stage.note(std::slice::from_ref(&announced)).await;
    stage.deliver().await.unwrap();
    stage.deliver().await.unwrap();
    assert_eq!(stage.sent().await.len(), 1, "it rests");
    for rest in [5, 300, 1_800] {
        stage.clock.advance(Duration::from_secs(rest));
        stage.deliver().await.unwrap();
        stage.deliver().await.unwrap();
    }
    let sent = stage.sent().await;
    assert_eq!(sent.len(), 4);
    let webhook = Webhook::new(SECRET).unwrap();
    let mut earlier = 0;
    for request in &sent {
        assert_eq!(header(request, "webhook-id"), announced.id);
        assert_eq!(request.body, sent[0].body);
        // Each attempt has its own time, so that receivers can refuse what somebody plays to them again.
        let timestamp: i64 = header(request, "webhook-timestamp").parse().unwrap();
        assert!(timestamp > earlier);
        earlier = timestamp;
        let signature = webhook.sign(&announced.id, timestamp, &request.body);
        assert_eq!(header(request, "webhook-signature"), signature.unwrap());
    }
    stage.answers(status(200)).await;
    stage.clock.advance(Duration::from_secs(7_199));
    stage.deliver().await.unwrap();
    assert!(stage.sent().await.is_empty());
    stage.clock.advance(Duration::from_secs(1));
    stage.deliver().await.unwrap();
    assert_eq!(stage.kept(&announced).await.attempts, 5);
    assert_eq!(
        stage.kept(&announced).await.state,
        AnnouncementState::Delivered
    );
}

#[tokio::test]
async fn after_ten_attempts_an_announcement_is_given_up() {
    let stage = stage(&[SECRET], status(500)).await;
    let announced = announcement("f1");
    stage.note(std::slice::from_ref(&announced)).await;
    let began = stage.clock.now();
    while stage.kept(&announced).await.state == AnnouncementState::Open {
        stage.deliver().await.unwrap();
        stage.clock.advance(Duration::from_secs(300));
    }
    assert_eq!(
        stage.kept(&announced).await.state,
        AnnouncementState::GivenUp
    );
    let lasted = stage.clock.now() - began;
    assert!(
        lasted > TimeDelta::hours(75) && lasted < TimeDelta::hours(77),
        "{lasted}"
    );
    stage.clock.advance(Duration::from_secs(1_000_000));
    stage.deliver().await.unwrap();
    assert_eq!(stage.sent().await.len(), 10);
}

#[tokio::test]
async fn an_announcement_that_is_refused_holds_up_no_other() {
    let stage = stage(&[SECRET], status(200)).await;
    let (refused, next) = (announcement("f1"), announcement("f2"));
    assert_ne!(refused.id, next.id);
    Mock::given(body_string(refused.body.clone()))
        .and(wiremock::matchers::header(
            "webhook-id",
            refused.id.as_str(),
        ))
        .respond_with(status(400))
        .with_priority(1)
        .mount(&stage.receiver)
        .await;
    stage.note(&[refused.clone(), next.clone()]).await;
    stage.deliver().await.unwrap();
    assert_eq!(stage.kept(&refused).await.state, AnnouncementState::Open);
    assert_eq!(stage.kept(&next).await.state, AnnouncementState::Delivered);
}

#[tokio::test]
async fn a_receiver_that_is_busy_or_gone_is_left_alone_until_a_later_pass() {
    for answer in [429, 502, 503, 504] {
        let stage = stage(&[SECRET], status(answer)).await;
        let all = ["f1", "f2", "f3"].map(announcement);
        stage.note(&all).await;
        stage.deliver().await.unwrap();
        assert_eq!(stage.sent().await.len(), 1, "{answer}");
        stage.answers(status(200)).await;
        stage.clock.advance(Duration::from_secs(5));
        stage.deliver().await.unwrap();
        assert_eq!(stage.sent().await.len(), 3, "{answer}");
    }
    let stage = stage_at(&nobody(), &[SECRET]).await;
    let all = ["f1", "f2"].map(announcement);
    stage.note(&all).await;
    stage.deliver().await.unwrap();
    for (announced, attempts) in all.iter().zip([1, 0]) {
        let kept = stage.kept(announced).await;
        assert_eq!(
            (kept.state, kept.attempts),
            (AnnouncementState::Open, attempts)
        );
    }
}

#[tokio::test]
async fn a_receiver_that_is_slow_does_not_put_off_the_next_pass() {
    let stage = stage(&[SECRET], status(200)).await;
    let clock = stage.clock.clone();
    stage.receiver.reset().await;
    Mock::given(method("POST"))
        .respond_with(move |_: &Request| {
            clock.advance(Duration::from_secs(19));
            status(200)
        })
        .mount(&stage.receiver)
        .await;
    let all: Vec<Announcement> = (0..9)
        .map(|number| announcement(&number.to_string()))
        .collect();
    stage.note(&all).await;
    for sent in [4, 8, 9] {
        stage.deliver().await.unwrap();
        assert_eq!(stage.sent().await.len(), sent);
    }
}

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_receiver_may_ask_for_a_longer_rest_up_to_a_day() {
    for (asked, given) in [("60", 60), ("1", 5), ("9999999", 86_400)] {
        let answer = status(503).insert_header("retry-after", asked);
        let stage = stage(&[SECRET], answer).await;
        stage.note(&[announcement("f1")]).await;
        stage.deliver().await.unwrap();
        stage.clock.advance(Duration::from_secs(given - 1));
        stage.deliver().await.unwrap();
        assert_eq!(stage.sent().await.len(), 1, "{asked}");
        stage.clock.advance(Duration::from_secs(1));
        stage.deliver().await.unwrap();
        assert_eq!(stage.sent().await.len(), 2, "{asked}");
    }
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_is_sent_nothing_that_was_noted() {
    let stage = stage(&[SECRET], status(410)).await;
    let all = ["f1", "f2"].map(announcement);
    stage.note(&all).await;
    stage.deliver().await.unwrap();
    assert_eq!(stage.sent().await.len(), 1);
    for announced in &all {
        let state = stage.kept(announced).await.state;
        assert_eq!(state, AnnouncementState::GivenUp);
    }
    stage.clock.advance(Duration::from_secs(1_000_000));
    stage.deliver().await.unwrap();
    assert_eq!(stage.sent().await.len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for code in [301, 302, 307, 308] {
        let elsewhere = MockServer::start().await;
        let answer = status(code).insert_header("location", elsewhere.uri());
        let stage = stage(&[SECRET], answer).await;
        let announced = announcement("f1");
        stage.note(std::slice::from_ref(&announced)).await;
        stage.deliver().await.unwrap();
        assert_eq!(stage.sent().await.len(), 1);
        assert_eq!(stage.kept(&announced).await.state, AnnouncementState::Open);
        assert!(elsewhere.received_requests().await.unwrap().is_empty());
    }
}

/// A service beside an empty FHIR server, whose store has an announcement in it.
async fn noted_before(
    settings: impl FnOnce(&mut Config),
) -> (FakeServer, Config, tempfile::TempDir) {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::load(None).unwrap();
    config.server.read = Some(server.base_url().parse().unwrap());
    config.server.limits.attempts = 1;
    config.store.path = folder.path().join("store.sqlite");
    settings(&mut config);
    let store = Store::open(&config.store.path).await.unwrap();
    confirm(&store, &[announcement("f1")], Utc::now()).await;
    store.close().await;
    (server, config, folder)
}

async fn state_of(config: &Config) -> AnnouncementState {
    let store = Store::open(&config.store.path).await.unwrap();
    let kept = store.announcement(&announcement("f1").id).await.unwrap();
    store.close().await;
    kept.unwrap().state
}

fn to(receiver: &MockServer) -> impl FnOnce(&mut Config) {
    let url = receiver.uri();
    move |config| {
        use her2_adapter::config::SecretSource;
        config.announce.webhook_url = Some(url.parse().unwrap());
        config.announce.secrets = SecretSource::Given(vec![SECRET.to_owned().into()]);
    }
}

#[tokio::test]
async fn a_pass_that_may_write_delivers_what_is_due_even_if_it_fails() {
    let stage = stage(&[SECRET], status(200)).await;
    let (server, config, _folder) = noted_before(to(&stage.receiver)).await;
    let pass = async |mode: Mode, options: &PassOptions| {
        let mut config = config.clone();
        config.mode = mode;
        let runner = Runner::open(config).await.unwrap();
        let ended = runner.pass(options).await;
        runner.close().await;
        ended.is_ok()
    };
    let dry_run = PassOptions {
        dry_run: true,
        ..PassOptions::default()
    };
    assert!(pass(Mode::Write, &dry_run).await);
    assert!(pass(Mode::Shadow, &PassOptions::default()).await);
    assert!(stage.sent().await.is_empty());
    assert_eq!(state_of(&config).await, AnnouncementState::Open);

    server.order_fault("status:code=503,times=1".parse().unwrap());
    assert!(!pass(Mode::Write, &PassOptions::default()).await);
    assert_eq!(stage.sent().await.len(), 1);
    assert_eq!(state_of(&config).await, AnnouncementState::Delivered);
}

#[tokio::test]
async fn a_receiver_that_fails_fails_no_pass() {
    let stage = stage(&[SECRET], status(500)).await;
    let (_server, config, _folder) = noted_before(to(&stage.receiver)).await;
    let runner = Runner::open(config.clone()).await.unwrap();
    runner.pass(&PassOptions::default()).await.unwrap();
    runner.close().await;
    assert_eq!(stage.sent().await.len(), 1);
    assert_eq!(state_of(&config).await, AnnouncementState::Open);
}

#[tokio::test]
async fn what_changed_while_there_was_no_receiver_is_not_sent_later() {
    let stage = stage(&[SECRET], status(200)).await;
    let (_server, mut config, _folder) = noted_before(|_| {}).await;
    for settings in [None, Some(to(&stage.receiver))] {
        if let Some(set) = settings {
            set(&mut config);
        }
        let runner = Runner::open(config.clone()).await.unwrap();
        runner.pass(&PassOptions::default()).await.unwrap();
        runner.close().await;
        assert_eq!(state_of(&config).await, AnnouncementState::NotSent);
    }
    assert!(stage.sent().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_receiver_nor_log_learns_anything_of_a_patient_and_the_log_no_secret() {
    let receiver = MockServer::start().await;
    let hook = format!("{}/private-path", receiver.uri());
    let (server, config, folder) = noted_before(|_| {}).await;
    let secrets = folder.path().join("secrets");
    fs::write(&secrets, format!("{SECRET}\n{OTHER}\n")).unwrap();
    let base = server.base_url();
    let variables = [
        ("HER2_ADAPTER__SERVER__READ", base.as_str()),
        (
            "HER2_ADAPTER__STORE__PATH",
            config.store.path.to_str().unwrap(),
        ),
        ("HER2_ADAPTER__LOG__FILTER", "debug"),
        ("HER2_ADAPTER__ANNOUNCE__WEBHOOK_URL", hook.as_str()),
        (
            "HER2_ADAPTER__ANNOUNCE__WEBHOOK_SECRET_FILE",
            secrets.to_str().unwrap(),
        ),
    ];
    let mut logs = String::new();
    for (answer, end) in [
        (500, AnnouncementState::Open),
        (410, AnnouncementState::GivenUp),
    ] {
        receiver.reset().await;
        let mock = Mock::given(method("POST")).respond_with(status(answer));
        mock.mount(&receiver).await;
        let store = Store::open(&config.store.path).await.unwrap();
        let id = announcement("f1").id;
        let due = store.put_off_announcement(&id, "2026-01-01T00:00:00Z");
        due.await.unwrap();
        store.close().await;
        let output = her2_adapter_with(&variables, &["run"]);
        logs.push_str(&text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{logs}");
        let [request] = receiver
            .received_requests()
            .await
            .unwrap()
            .try_into()
            .unwrap();
        let request = format!("{:?} {}", request.headers, text(&request.body));
        for private in ["CANARY", "Patient"] {
            assert!(!request.contains(private), "{request}");
        }
        assert_eq!(state_of(&config).await, end);
    }
    let lines = |part: &str| logs.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines("an announcement was not taken"), 1, "{logs}");
    let given_up: Vec<&str> = logs.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(given_up.len(), 1, "{logs}");
    assert!(given_up[0].contains(&announcement("f1").id), "{logs}");
    for private in [
        "CANARY",
        "whsec_",
        "C2FVs",
        "private-path",
        "Observation/h2o-1",
    ] {
        assert!(!logs.contains(private), "{private}: {logs}");
    }
    let output = her2_adapter_with(&variables, &["check"]);
    let said = text(&output.stdout);
    let line = format!(
        "ok    announcements: sent to {}, with a signature by each of 2 secrets; not called now",
        receiver.uri()
    );
    assert!(said.contains(&line), "{said}");
    assert_eq!(receiver.received_requests().await.unwrap().len(), 1);
}
