//! A writer: a store that outlives crashes, and a pass that goes on only when it is its turn.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use her2_adapter::app;
use her2_adapter::config::{Config, PullConfig};
use her2_adapter::pipeline::Rules;
use her2_adapter::pipeline::results::{Publishing, Release};
use her2_adapter::pipeline::sign_off::Attested;
use her2_adapter::service::client::{Exchange, FhirClient, LocalWire};
use her2_adapter::service::clock::Clock;
use her2_adapter::service::fake_server::FakeServer;
use her2_adapter::service::pass::{Pass, PassError, PassOptions, PassReport};
use her2_adapter::service::publish::dialect::Dialect;
use her2_adapter::service::publish::probe::probe;
use her2_adapter::service::publish::{Publisher, Target};
use her2_adapter::service::pull::Puller;
use her2_adapter::service::store::Store;
use reqwest::{Method, Request};

use crate::pathologist::SIGNER;

/// What all writers of all histories share, since nothing changes it.
pub struct Parts {
    pub rules: Rules,
    pub publishing: Publishing,
    pull: PullConfig,
    /// It is never used itself; clients of servers in this process are made from it.
    pub client: FhirClient,
}

impl Parts {
    pub fn new() -> Parts {
        let mut config = Config::load(None).unwrap();
        config.server.read = Some("http://localhost/fhir".parse().unwrap());
        config.sign_off.signing.attested = Attested::MetaAuthor;
        config.sign_off.signing.signers = BTreeSet::from([SIGNER.to_owned()]);
        config.reflex.due_days = Some(1);
        config.reflex.owner = Some("Organization/pathology".to_owned());
        Parts {
            rules: app::rules(&config).unwrap(),
            publishing: app::publishing(&config, Release::R4).unwrap(),
            client: FhirClient::new(&config.read_server().unwrap()).unwrap(),
            pull: config.pull,
        }
    }
}

/// What a server honours, as the adapter finds out by trying it.
pub async fn tried(server: &FakeServer, parts: &Parts) -> Dialect {
    let client = parts.client.through(server.wire());
    let capabilities = client.capabilities().await.unwrap();
    let base = &parts.rules.base;
    let found = probe(&client, &capabilities, base, "trial", None).await;
    found.unwrap().dialect
}

/// Where a writer waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A request is about to be sent.
    Before { writes: bool },
    /// An answer is about to be heard.
    After { writes: bool },
}

/// The wire of one writer, with a gate before and behind each exchange.
#[derive(Debug)]
struct GatedWire {
    server: Arc<dyn LocalWire>,
    gate: Arc<Gate>,
}

/// Holds a writer back until it is its turn.
#[derive(Debug, Default)]
struct Gate {
    /// Where the writer waits, if it waits here.
    at: Mutex<Option<Point>>,
}

impl Gate {
    fn at(&self) -> Option<Point> {
        *self.at.lock().unwrap()
    }

    fn set(&self, at: Option<Point>) {
        *self.at.lock().unwrap() = at;
    }

    /// Waits until the gate has been opened. Whoever opens it polls the writer, so nobody needs to be woken.
    async fn wait(&self, point: Point) {
        self.set(Some(point));
        poll_fn(|_| match self.at() {
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        })
        .await;
    }
}

impl LocalWire for GatedWire {
    fn exchange(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            let writes = request.method() != Method::GET;
            self.gate.wait(Point::Before { writes }).await;
            let answer = self.server.exchange(request).await;
            self.gate.wait(Point::After { writes }).await;
            answer
        })
    }
}

type Running = Pin<Box<dyn Future<Output = Result<PassReport, PassError>>>>;

/// How far a writer has come.
pub enum Step {
    /// It waits for its turn.
    At(Point),
    /// Its pass has ended.
    Ended(Box<Result<PassReport, PassError>>),
    /// It has crashed.
    Crashed,
}

/// A writer.
pub struct Writer {
    parts: &'static Parts,
    client: FhirClient,
    puller: Puller,
    target: Target,
    store: Store,
    clock: Clock,
    /// How many passes it has begun: each is somebody else to leases, as a process that begins anew is.
    passes: usize,
    gate: Arc<Gate>,
    running: Option<Running>,
}

impl Writer {
    pub async fn beside(
        server: &FakeServer,
        dialect: Dialect,
        parts: &'static Parts,
        clock: &Clock,
        store: &Path,
    ) -> Writer {
        let gate: Arc<Gate> = Arc::default();
        let wire = GatedWire {
            server: server.wire(),
            gate: Arc::clone(&gate),
        };
        let ungated = parts.client.through(server.wire());
        let capabilities = ungated.capabilities().await.unwrap();
        let client = parts
            .client
            .through(Arc::new(wire))
            .with_clock(clock.clone());
        Writer {
            parts,
            target: Target {
                server: server.base_url(),
                dialect,
                reads_from: None,
                index_lag: Duration::ZERO,
            },
            passes: 0,
            puller: Puller::new(client.clone(), &server.base_url(), capabilities),
            client,
            store: Store::open(store).await.unwrap(),
            clock: clock.clone(),
            gate,
            running: None,
        }
    }

    /// Goes on to the next gate, beginning a pass if none is under way.
    pub async fn step(&mut self) -> Step {
        self.step_unless_crashing(None).await
    }

    /// Crashes: where it is, or after so many waits for its store.
    pub async fn crash(&mut self, waits: usize) {
        if waits > 0 && self.running.is_some() {
            self.step_unless_crashing(Some(waits)).await;
        }
        self.running = None;
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    async fn step_unless_crashing(&mut self, crash_after: Option<usize>) -> Step {
        let pass = self.running.take();
        let mut pass = pass.unwrap_or_else(|| self.pass());
        self.gate.set(None);
        let mut waits = 0;
        let gate = &self.gate;
        let step = poll_fn(|context| match pass.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Step::Ended(Box::new(ended))),
            Poll::Pending => {
                if let Some(point) = gate.at() {
                    return Poll::Ready(Step::At(point));
                }
                // It waits for its store, which works on a thread of its own.
                waits += 1;
                match crash_after {
                    Some(most) if waits >= most => Poll::Ready(Step::Crashed),
                    _ => Poll::Pending,
                }
            }
        })
        .await;
        if let Step::At(_) = step {
            self.running = Some(pass);
        }
        step
    }

    fn pass(&mut self) -> Running {
        let parts = self.parts;
        let (client, puller) = (self.client.clone(), self.puller.clone());
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let target = self.target.clone();
        self.passes += 1;
        let holder = format!("pass {}", self.passes);
        Box::pin(async move {
            let pass = Pass {
                puller: &puller,
                publisher: Publisher {
                    client: &client,
                    reader: &client,
                    target: &target,
                    clock,
                    holder,
                    store: &store,
                    rules: &parts.rules,
                    publishing: &parts.publishing,
                    dry_run: false,
                },
                store: &store,
                rules: &parts.rules,
                settings: &parts.pull,
            };
            pass.run(&PassOptions::default()).await
        })
    }
}
