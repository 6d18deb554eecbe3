//! One server, its sources and its writers, and what happens to them.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use her2_adapter::service::client::FhirClient;
use her2_adapter::service::clock::Clock;
use her2_adapter::service::fake_server::{FakeClock, FakeServer, FakeServerOptions};
use her2_adapter::service::pass::PassReport;
use her2_adapter::service::publish::dialect::Dialect;
use her2_adapter::service::publish::{Change, Outcome};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::actions::{Action, History, PATIENTS, SERVERS, Server, Until, WRITERS};
use crate::judge::{judge, left_nobody_unasked, left_nothing_stale};
use crate::pathologist::{answer_questions, sign};
use crate::sources::Sources;
use crate::writer::{Parts, Point, Step, Writer, tried};

/// After so many rounds of passes without faults, writers that still write are a fault themselves.
const MOST_ROUNDS: usize = 8;
/// A pass that takes more steps than this does not end.
const MOST_STEPS: usize = 2_000;

/// A history as it is played.
pub struct World {
    pub server: FakeServer,
    pub sources: Vec<Sources>,
    writers: Vec<Writer>,
    /// Where their stores are, for as long as the history is played.
    _stores: TempDir,
    /// The clock of the writers, and that of the server.
    clocks: (Clock, FakeClock),
    laboratory: FhirClient,
    /// Whether a copy may stand that nobody could have met yet.
    makes_copies: bool,
    /// Whether a transaction may have been torn; its writer knows that, and mends it by its next pass.
    tears: bool,
}

impl World {
    /// Plays a history, lets it come to rest and judges it; says what is wrong.
    pub async fn play(history: &History) -> Result<(), String> {
        let mut world = World::after(history).await?;
        world.settle().await?;
        world.judge(history)
    }

    /// What a history leads to.
    pub async fn after(history: &History) -> Result<World, String> {
        let speaking = &SERVERS[history.server];
        let mut world = World::begin(speaking, dialects().await[history.server]).await;
        for action in &history.actions {
            world.act(*action).await?;
        }
        Ok(world)
    }

    /// What is wrong with where a history has led.
    pub fn judge(&self, history: &History) -> Result<(), String> {
        judge(self, parts(), SERVERS[history.server].fences)
    }

    async fn begin(speaking: &Server, dialect: Dialect) -> World {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = FakeClock::starting_at(start, TimeDelta::seconds(1));
        let server = start_server(speaking, clock.clone());
        let clocks = (Clock::standing_at(start), clock);
        let mut writers = Vec::new();
        let stores = folder_in_memory();
        for writer in 0..WRITERS {
            let store = stores.path().join(format!("{writer}.sqlite"));
            writers.push(Writer::beside(&server, dialect, parts(), &clocks.0, &store).await);
        }
        let sources = (0..PATIENTS).map(|patient| Sources::begin(&server, patient));
        World {
            sources: sources.collect(),
            writers,
            _stores: stores,
            clocks,
            laboratory: parts().client.through(server.wire()),
            makes_copies: speaking.makes_copies,
            tears: false,
            server,
        }
    }

    async fn act(&mut self, action: Action) -> Result<(), String> {
        let server = &self.server;
        let failed = |error| format!("the laboratory: {error}");
        match action {
            Action::Score { patient, score } => self.sources[patient].send_score(server, score),
            Action::Ish { patient, amplified } => self.sources[patient].send_ish(server, amplified),
            Action::Retract { patient } => self.sources[patient].retract(server),
            Action::DropScore { patient } => {
                let sources = &mut self.sources[patient];
                let dropped = sources.drop_score(server, &self.laboratory).await;
                dropped.map_err(failed)?;
            }
            Action::Delete { patient } => {
                let deleted = self.sources[patient].delete(&self.laboratory).await;
                deleted.map_err(failed)?;
            }
            Action::Move { patient } => self.sources[patient].move_to_other_specimen(server),
            Action::Merge { patient, merged } => self.sources[patient].merge(server, merged),
            Action::Order { patient, status } => self.sources[patient].order(server, status),
            Action::Sign {
                patient,
                decision,
                is_late,
            } => sign(server, patient, decision, is_late),
            Action::Answer { patient } => answer_questions(server, patient),
            Action::Wait(seconds) => self.wait(seconds),
            Action::Fault { fault, method } => {
                self.tears |= fault.starts_with("entry-error");
                let fault = format!("{fault},method={method},times=1");
                server.order_fault(fault.parse().unwrap());
            }
            Action::Run { writer, until } => self.run(writer, until).await?,
            Action::Crash { writer, waits } => self.writers[writer].crash(waits).await,
        }
        Ok(())
    }

    fn wait(&self, seconds: u32) {
        self.clocks
            .0
            .advance(Duration::from_secs(u64::from(seconds)));
        self.clocks
            .1
            .advance(TimeDelta::seconds(i64::from(seconds)));
    }

    async fn run(&mut self, writer: usize, until: Until) -> Result<(), String> {
        for steps in 1..=MOST_STEPS {
            let point = match self.writers[writer].step().await {
                Step::At(point) => point,
                Step::Ended(ended) => {
                    return ended.map_or(Ok(()), |report| self.look_at_end_of(&report));
                }
                Step::Crashed => return Ok(()),
            };
            let is_there = match until {
                Until::Steps(most) => steps >= most,
                Until::BeforeWrite => point == Point::Before { writes: true },
                Until::AfterWrite => point == Point::After { writes: true },
                Until::End => false,
            };
            if is_there {
                return Ok(());
            }
        }
        Err("a pass does not end".to_owned())
    }

    /// Takes the faults away, and lets each writer run passes until none of them writes.
    async fn settle(&mut self) -> Result<(), String> {
        self.server.clear_faults();
        for writer in 0..WRITERS {
            if self.writers[writer].is_running() {
                self.run(writer, Until::End).await?;
            }
        }
        let mut last = String::new();
        for _ in 0..MOST_ROUNDS {
            // So long that every source is looked at again.
            self.wait(90_000);
            let before = self.writes();
            let mut all_ended_well = true;
            for writer in 0..WRITERS {
                if let Err(error) = self.whole_pass(writer).await? {
                    all_ended_well = false;
                    last = error;
                }
            }
            if all_ended_well && self.writes() == before {
                return Ok(());
            }
        }
        Err(format!(
            "the writers come to no end; the last error: {last:?}"
        ))
    }

    async fn whole_pass(&mut self, writer: usize) -> Result<Result<(), String>, String> {
        for _ in 0..MOST_STEPS {
            match self.writers[writer].step().await {
                Step::At(_) => {}
                Step::Crashed => return Ok(Ok(())),
                Step::Ended(ended) => {
                    return match *ended {
                        Ok(report) => self.look_at_end_of(&report).map(Ok),
                        Err(error) => Ok(Err(error.to_string())),
                    };
                }
            }
        }
        Err("a pass does not end".to_owned())
    }

    /// What a pass that ends well leaves behind; other writers may yet mend what they have under way.
    fn look_at_end_of(&self, report: &PassReport) -> Result<(), String> {
        if self.makes_copies || self.writers.iter().any(Writer::is_running) {
            return Ok(());
        }
        let is_written =
            |outcome: &Outcome| matches!(outcome, Outcome::Written(Change::New | Change::Revised));
        let written: BTreeSet<String> = (report.cases.iter())
            .filter(|(_, outcome)| is_written(outcome))
            .map(|(case, _)| case.id.clone())
            .collect();
        match written.is_empty() {
            true => Ok(()),
            false => {
                left_nothing_stale(&self.server, parts(), &written)?;
                match self.tears {
                    true => Ok(()),
                    false => left_nobody_unasked(&self.server, parts(), &written),
                }
            }
        }
    }

    /// The moment, as FHIR writes an instant.
    pub fn now(&self) -> String {
        let now = self.clocks.0.now();
        now.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// How many writes the server was sent.
    fn writes(&self) -> usize {
        let requests = self.server.requests();
        requests
            .iter()
            .filter(|request| request.method != "GET")
            .count()
    }
}

/// What all histories share.
fn parts() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(Parts::new)
}

/// A folder of files that survive a crash of a writer and need no disk. (A store without a file is gone when its connection
/// is, and a write that is cut off takes the connection with it.)
fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn start_server(speaking: &Server, clock: FakeClock) -> FakeServer {
    let dialects = speaking.speaks.iter().map(|text| text.parse().unwrap());
    FakeServer::in_process(FakeServerOptions {
        clock,
        dialects: dialects.collect(),
        ..FakeServerOptions::default()
    })
    .unwrap()
}

/// What the writers know of each of the servers.
async fn dialects() -> &'static [Dialect] {
    static FOUND: OnceCell<Vec<Dialect>> = OnceCell::const_new();
    FOUND
        .get_or_init(|| async {
            let mut found = Vec::new();
            for speaking in &SERVERS {
                let server = start_server(speaking, FakeClock::real());
                found.push(tried(&server, parts()).await);
            }
            found
        })
        .await
}
