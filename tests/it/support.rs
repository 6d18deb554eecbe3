//! What the scenes share: a FHIR server with reports on it, and the adapter's parts against it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use her2_adapter::app;
use her2_adapter::config::{Config, Mode, ServerConfig};
use her2_adapter::pipeline::Rules;
use her2_adapter::pipeline::history::CaseHistory;
use her2_adapter::pipeline::results::{Publishing, Release};
use her2_adapter::service::client::FhirClient;
use her2_adapter::service::clock::Clock;
use her2_adapter::service::desk::Desk;
use her2_adapter::service::fake_server::{FakeServer, FakeServerOptions};
use her2_adapter::service::history::Histories;
use her2_adapter::service::pass::{Pass, PassError, PassOptions, PassReport};
use her2_adapter::service::publish::dialect::Dialect;
use her2_adapter::service::publish::known::{Servers, TargetError};
use her2_adapter::service::publish::{Publisher, Target};
use her2_adapter::service::pull::Puller;
use her2_adapter::service::store::Store;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// A file of a golden case.
pub fn case_file(case: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(case)
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The adapter beside a server, with a store of its own.
pub struct Adapter {
    pub client: FhirClient,
    pub store: Store,
    pub rules: Rules,
    pub publishing: Publishing,
    /// What is known of the server that is written to.
    pub target: Target,
    /// Writes go here; reads of reports go to `client`.
    writer: FhirClient,
    /// The clock of both clients and of the pass.
    pub clock: Clock,
    config: Config,
    base: String,
}

impl Adapter {
    pub async fn beside(base: &str) -> Self {
        Self::between(base, base).await
    }

    /// One that reads reports from one server and writes to another.
    pub async fn between(base: &str, write_base: &str) -> Self {
        Self::with(base, write_base, |_| {}).await
    }

    /// The same with further settings of its servers.
    pub async fn with(base: &str, write_base: &str, set: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = Config::load(None).unwrap();
        set(&mut config.server);
        config.server.read = Some(base.parse().unwrap());
        config.server.write = Some(write_base.parse().unwrap());
        let target = Target {
            server: write_base.to_owned(),
            dialect: Dialect::FULL,
            reads_from: (base != write_base).then(|| base.to_owned()),
            index_lag: Duration::ZERO,
        };
        let clock = Clock::standing_at(Utc::now());
        let by_clock = |client: FhirClient| client.with_clock(clock.clone());
        Self {
            client: by_clock(FhirClient::new(&config.read_server().unwrap()).unwrap()),
            writer: by_clock(FhirClient::new(&config.write_server().unwrap()).unwrap()),
            clock: clock.clone(),
            store: Store::in_memory().await.unwrap(),
            rules: app::rules(&config).unwrap(),
            publishing: app::publishing(&config, Release::R4).unwrap(),
            target,
            config,
            base: base.to_owned(),
        }
    }

    /// One that reaches a server in this process without a connection.
    pub async fn in_process(server: &FakeServer) -> Self {
        Self::in_process_at(server, Utc::now()).await
    }

    /// The same with a clock that stands at a moment.
    pub async fn in_process_at(server: &FakeServer, now: DateTime<Utc>) -> Self {
        let adapter = Self::beside(&server.base_url()).await;
        let adapter = Self {
            clock: Clock::standing_at(now),
            ..adapter
        };
        let local = |client: &FhirClient| {
            client
                .through(server.wire())
                .with_clock(adapter.clock.clone())
        };
        Self {
            client: local(&adapter.client),
            writer: local(&adapter.writer),
            ..adapter
        }
    }

    /// One whose exchanges are told as AuditEvents.
    pub fn audited(self) -> Self {
        Self {
            client: self.client.audited(),
            writer: self.writer.audited(),
            ..self
        }
    }

    /// Finds out what the server to write to honours, as a first pass does.
    pub async fn find_out(&mut self) -> Result<(), TargetError> {
        let capabilities = self.writer.capabilities().await?;
        let servers = Servers {
            client: &self.writer,
            capabilities: &capabilities,
            settings: &self.config.server,
            base: &self.config.identifiers.base,
        };
        self.target = servers.target(&self.store, true).await?;
        Ok(())
    }

    pub async fn pass(&self) -> PassReport {
        self.try_pass(&PassOptions::default()).await.unwrap()
    }

    fn publisher(&self, dry_run: bool) -> Publisher<'_> {
        Publisher {
            client: &self.writer,
            reader: &self.client,
            target: &self.target,
            clock: self.clock.clone(),
            holder: "the only one".to_owned(),
            store: &self.store,
            rules: &self.rules,
            publishing: &self.publishing,
            dry_run,
        }
    }

    async fn puller(&self) -> Result<Puller, PassError> {
        let capabilities = self.client.capabilities().await?;
        Ok(Puller::new(self.client.clone(), &self.base, capabilities))
    }

    /// Lets a person do something with the worklist.
    pub async fn desk<T>(&self, act: impl AsyncFnOnce(&Desk<'_>) -> T) -> T {
        let puller = self.puller().await.unwrap();
        let desk = Desk {
            puller: &puller,
            publisher: self.publisher(false),
        };
        act(&desk).await
    }

    /// What became of a case, as `explain --case` tells.
    pub async fn history(&self, case: &str) -> CaseHistory {
        let histories = Histories {
            client: &self.writer,
            server: &self.target.server,
            store: &self.store,
            base: &self.rules.base,
            codes: &self.publishing.codes,
        };
        histories.of(case).await.unwrap()
    }

    pub async fn try_pass(&self, options: &PassOptions) -> Result<PassReport, PassError> {
        let puller = self.puller().await?;
        let pass = Pass {
            puller: &puller,
            publisher: self.publisher(options.dry_run || options.mode == Mode::Shadow),
            store: &self.store,
            rules: &self.rules,
            settings: &self.config.pull,
        };
        pass.run(options).await
    }

    /// The waits that were asked for so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.clock.waits()
    }
}

/// A server with some golden cases on it, and the adapter beside it.
pub async fn stage(cases: &[&str]) -> (FakeServer, Adapter) {
    let server = FakeServer::start(FakeServerOptions::default())
        .await
        .unwrap();
    for case in cases {
        server.seed_bundle(&case_file(case, "bundle.json")).unwrap();
    }
    let adapter = Adapter::beside(&server.base_url()).await;
    (server, adapter)
}

/// The results that the adapter wrote, as they stand on the server.
pub fn results(server: &FakeServer) -> Vec<Value> {
    server
        .all("Observation")
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .filter(|resource: &Value| {
            let identifiers = resource["identifier"].as_array();
            identifiers.into_iter().flatten().any(|identifier| {
                let system = identifier["system"].as_str();
                system.is_some_and(|system| system.ends_with("/identifier/her2-status"))
            })
        })
        .collect()
}

/// The Tasks that are open on the server.
pub fn open_tasks(server: &FakeServer) -> Vec<Value> {
    server
        .all("Task")
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .filter(|task: &Value| task["status"] == "requested")
        .collect()
}

/// A server to write to that misbehaves in one exact way. It keeps what it is sent, and answers reads by id from that.
pub struct Odd {
    pub server: MockServer,
    kept: Arc<Mutex<BTreeMap<String, Value>>>,
}

/// What an [`Odd`] server does with a transaction.
#[derive(Clone, Copy)]
pub struct Manners {
    /// How many entries it keeps.
    pub keeps: usize,
    /// How it answers when it has kept them.
    pub answer: fn(entries: usize) -> ResponseTemplate,
    /// The entity tag of every read.
    pub etag: &'static str,
}

impl Odd {
    pub async fn start(manners: Manners) -> Self {
        let server = MockServer::start().await;
        let kept: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let (reading, writing) = (kept.clone(), kept.clone());
        Mock::given(method("GET"))
            .respond_with(move |request: &Request| {
                let path = request.url.path().trim_start_matches('/');
                let kept = reading.lock().unwrap();
                if let Some(resource) = kept.get(path) {
                    let answer = ResponseTemplate::new(200).insert_header("ETag", manners.etag);
                    return answer.set_body_json(resource);
                }
                if path.contains('/') {
                    return ResponseTemplate::new(404);
                }
                // It ignores every search parameter.
                let of_kind = kept.iter().filter(|(key, _)| key.starts_with(path));
                let entry: Vec<Value> = of_kind
                    .map(|(_, resource)| json!({"search": {"mode": "match"}, "resource": resource}))
                    .collect();
                let page = json!({"resourceType": "Bundle", "type": "searchset", "entry": entry});
                ResponseTemplate::new(200).set_body_json(page)
            })
            .mount(&server)
            .await;
        Mock::given(method("POST"))
            .respond_with(move |request: &Request| {
                let sent: Value = request.body_json().unwrap();
                let entries = sent["entry"].as_array().unwrap();
                for entry in entries.iter().take(manners.keeps) {
                    let mut resource = entry["resource"].clone();
                    resource["meta"]["versionId"] = json!("1");
                    let key = entry["request"]["url"].as_str().unwrap().to_owned();
                    writing.lock().unwrap().insert(key, resource);
                }
                (manners.answer)(entries.len())
            })
            .mount(&server)
            .await;
        Self { server, kept }
    }

    /// Puts a resource there.
    pub fn put(&self, key: &str, resource: Value) {
        self.kept.lock().unwrap().insert(key.to_owned(), resource);
    }

    /// The transactions that it was sent.
    pub async fn transactions(&self) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        let posts = requests
            .iter()
            .filter(|request| request.method.as_str() == "POST");
        posts.map(|request| request.body_json().unwrap()).collect()
    }
}

/// The answer that every entry of a transaction is written.
pub fn all_written(entries: usize) -> ResponseTemplate {
    let entry = vec![json!({"response": {"status": "201 Created"}}); entries];
    let answer = json!({"resourceType": "Bundle", "type": "transaction-response", "entry": entry});
    ResponseTemplate::new(200).set_body_json(answer)
}
