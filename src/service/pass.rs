//! One pass: what changed, what belongs to it, what follows from it, and what of that is written.
//!
//! Every report, and every Observation that no report names, that the pass has seen ends in exactly one column of the
//! ledger. The cursor moves only past what was written, put up for review, or noted for the next pass.

mod patient;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::client::ClientError;
use super::progress::Progress;
use super::publish::{Change, Outcome, PublishError, Publisher, ends_the_pass};
use super::pull::{Puller, Texts, Window, horizon};
use super::store::{PassSummary, Store, StoreError};
use crate::config::PullConfig;
use crate::fhir::elements::Reference;
use crate::fhir::json::Json;
use crate::fhir::pool::{Pool, Rejected};
use crate::mapping::coverage::{CodeKey, knows};
use crate::pipeline::ledger::{Ended, Ledger};
use crate::pipeline::{CaseResult, Rules};

/// After so many patients in a row that could not be read it is the server that fails, and its rests are not waited for any
/// more: the others are left to the next pass at once.
const MOST_UNREAD_IN_A_ROW: u32 = 3;

/// Name of the one feed there is.
const FEED: &str = "pull";

/// What a pass is asked to do.
#[derive(Clone, Debug, Default)]
pub struct PassOptions {
    /// Begin here instead of at the cursor.
    pub since: Option<DateTime<Utc>>,
    /// Write nothing, neither on the server nor in the store, and say what would change.
    pub dry_run: bool,
}

/// What a pass came to.
#[derive(Debug, Default)]
pub struct PassReport {
    /// The closed ledger.
    pub ledger: Ledger,
    /// How each unit ended.
    pub units: BTreeMap<String, Ended>,
    /// How many results were changed, by kind.
    pub changes: BTreeMap<Change, u64>,
    /// The cases of the pass with what became of each, by case id.
    pub cases: Vec<(CaseResult, Outcome)>,
    /// Cases whose result was withdrawn.
    pub withdrawn: Vec<String>,
    /// Units that wait for the next pass or a person, with a code.
    pub open: BTreeMap<String, &'static str>,
    /// What could not be read at all.
    pub rejected: Vec<Rejected>,
    /// What would change, in a dry run.
    pub would_change: Vec<String>,
    /// Codes of HER2 results that nobody has mapped, as this pass met them.
    pub unmapped: BTreeSet<CodeKey>,
}

/// Why a pass could not be finished; the cursor has not moved.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The server cannot be reached, or accepts nobody.
    #[error("the FHIR server: {0}")]
    Server(#[from] ClientError),
    /// The store cannot be used.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
}

impl From<PublishError> for PassError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Server(error) => Self::Server(error),
            PublishError::Store(error) => Self::Store(error),
        }
    }
}

/// Everything a pass works with.
#[derive(Debug)]
pub struct Pass<'p> {
    /// What is read from.
    pub puller: &'p Puller,
    /// What is written to.
    pub publisher: Publisher<'p>,
    /// Our own memory.
    pub store: &'p Store,
    /// What decides.
    pub rules: &'p Rules,
    /// How far a pass looks back.
    pub settings: &'p PullConfig,
}

impl Pass<'_> {
    /// Runs the pass.
    ///
    /// # Errors
    /// [`PassError`] when the server or the store cannot be used; what was written stays written, and the log says how
    /// far the pass has come.
    pub async fn run(&self, options: &PassOptions) -> Result<PassReport, PassError> {
        let mut report = PassReport::default();
        let ended = self.work(options, &mut report).await;
        if ended.is_err() {
            tracing::warn!("the pass ends early; its ledger so far: {}", report.ledger);
        }
        ended.map(|()| report)
    }

    async fn work(&self, options: &PassOptions, report: &mut PassReport) -> Result<(), PassError> {
        let started = self.publisher.clock.now();
        if !options.dry_run {
            self.release_mapped().await?;
        }
        let cursor = self.cursor().await?;
        let since = self.since(options, cursor);
        let mut window = self.puller.window(since, self.rules).await?;
        let parked = self.take_up_parked(&mut window).await?;
        for (case, id) in &window.own {
            self.publisher.look_for_copies(case, id).await?;
        }

        report.rejected.clone_from(&window.rejected);
        let mut all_named = true;
        for rejected in &window.rejected {
            report.ledger.enter(Ended::Failed);
            let outcome = self.publisher.name_unreadable(rejected, started).await?;
            match outcome {
                Outcome::Would(_, lines) => report.would_change.extend(lines),
                Outcome::Retry(code) | Outcome::Failed(code) => {
                    tracing::error!(code, "an unreadable entry could not be put on the worklist");
                    all_named = false;
                }
                Outcome::Written(_) | Outcome::Unchanged => {}
            }
        }
        let subjects = by_subject(&mut window, &parked.gone, self.puller.base());
        let progress = Progress::new("patients", Some(subjects.len() as u64));
        let mut unread_in_a_row = 0;
        for (subject, patient) in subjects {
            // One patient's resources may be what a server fails at; the next ones are not to suffer from that.
            if unread_in_a_row < MOST_UNREAD_IN_A_ROW {
                self.publisher.reader.let_rest().await;
                self.publisher.client.let_rest().await;
            }
            let was_read = self.patient(subject.as_deref(), patient, report).await?;
            unread_in_a_row = if was_read { 0 } else { unread_in_a_row + 1 };
            progress.advance();
        }
        progress.finish();
        for unit in &parked.unread {
            if !report.units.contains_key(unit) {
                report.enter(unit, Ended::Retry);
            }
        }

        if !options.dry_run {
            let now = self
                .publisher
                .clock
                .now()
                .to_rfc3339_opts(SecondsFormat::Millis, true);
            for unit in parked.units.iter().chain(&parked.resting) {
                let was_seen = report.units.contains_key(unit) || parked.units.contains(unit);
                if was_seen && !report.open.contains_key(unit) {
                    self.store.unpark(unit).await?;
                }
            }
            for (unit, why) in &report.open {
                self.store.park(unit, why, &now).await?;
            }
            if window.unsettled {
                tracing::warn!(
                    "the window kept bringing new items; the cursor stays, and the next pass reads it again"
                );
            } else if !all_named {
                tracing::warn!(
                    "the cursor stays, so that the next pass names what this one could not"
                );
            } else if leaves_no_gap(since, cursor)
                && let Some(server_time) = window.server_time
            {
                let reached = horizon(server_time, self.settings);
                self.store.set_cursor(FEED, &reached.to_rfc3339()).await?;
            }
            self.store
                .record_pass(&summary(
                    &report.ledger,
                    started,
                    self.publisher.clock.now(),
                ))
                .await?;
        }
        let unmapped = match options.dry_run {
            true => report.unmapped.len(),
            false => self.store.quarantined().await?.len(),
        };
        if unmapped > 0 {
            tracing::warn!(
                "unmapped codes of HER2 results: {unmapped}; `her2-adapter mappings coverage --quarantine` lists them"
            );
        }
        Ok(())
    }

    /// Codes that the mapping has come to know leave the quarantine.
    async fn release_mapped(&self) -> Result<(), PassError> {
        let known: Vec<CodeKey> = (self.store.quarantined().await?.into_iter())
            .map(|quarantined| quarantined.key)
            .filter(|key| knows(&self.rules.mapping, key))
            .collect();
        if !known.is_empty() {
            self.store.release(&known).await?;
            tracing::info!(
                "codes that are mapped now and leave the quarantine: {}",
                known.len()
            );
        }
        Ok(())
    }

    /// How far earlier passes have seen everything.
    async fn cursor(&self) -> Result<Option<DateTime<Utc>>, PassError> {
        let cursor = self.store.cursor(FEED).await?;
        Ok(cursor
            .and_then(|cursor| DateTime::parse_from_rfc3339(&cursor).ok())
            .map(|cursor| cursor.with_timezone(&Utc)))
    }

    /// Where the window begins: as asked, else behind the cursor, else where the site wants the first pass to begin.
    fn since(&self, options: &PassOptions, cursor: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let initial = self.settings.initial_since;
        options
            .since
            .or_else(|| cursor.map(|cursor| cursor - self.settings.overlap))
            .or_else(|| initial.map(|since| since.with_timezone(&Utc)))
    }

    /// Units that an earlier pass left open are looked at again, however far the cursor has moved. One that cannot be
    /// read waits on and holds up nothing else.
    async fn take_up_parked(&self, window: &mut Window) -> Result<TakenUp, PassError> {
        let mut taken_up = TakenUp::default();
        let now = self.publisher.clock.now();
        for parked in self.store.parked().await? {
            let is_due = parked.is_due(now);
            let unit = parked.unit;
            if !is_due {
                taken_up.resting.push(unit);
                continue;
            }
            taken_up.units.push(unit.clone());
            if window.texts.contains_key(&unit) {
                window.changed.insert(unit);
                continue;
            }
            match self.puller.read(&unit).await {
                Ok(Some(text)) => {
                    window.changed.insert(unit.clone());
                    window.texts.insert(unit, text);
                }
                Ok(None) => {
                    let subject = self.subject_of_gone(&unit).await?;
                    taken_up.gone.insert(unit, subject);
                }
                Err(error) if ends_the_pass(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "a unit that was left open cannot be read; it waits on");
                    taken_up.unread.push(unit);
                }
            }
        }
        Ok(taken_up)
    }

    /// The patient of a unit that is gone, as far as one of its results tells.
    async fn subject_of_gone(&self, unit: &str) -> Result<Option<String>, PassError> {
        for case in self.store.cases_of_source(unit).await? {
            let published = self.store.published(&case).await?;
            if let Some(subject) = published.and_then(|published| published.subject) {
                return Ok(Some(subject));
            }
        }
        Ok(None)
    }
}

impl PassReport {
    /// Enters a unit, and keeps it for the next pass where it has not come to an end.
    fn enter(&mut self, unit: &str, ended: Ended) {
        self.ledger.enter(ended);
        self.units.insert(unit.to_owned(), ended);
        match ended {
            Ended::Retry => self.open.insert(unit.to_owned(), "retry"),
            Ended::Failed => self.open.insert(unit.to_owned(), "failed"),
            _ => None,
        };
    }
}

/// Units that an earlier pass left open.
#[derive(Debug, Default)]
struct TakenUp {
    /// Those that are due.
    units: Vec<String>,
    /// Those that are no longer on the server, with their patients.
    gone: BTreeMap<String, Option<String>>,
    /// Those that cannot be read now.
    unread: Vec<String>,
    /// Those that failed before and are left alone for now.
    resting: Vec<String>,
}

/// Whether a window that begins there leaves nothing unread behind the cursor.
fn leaves_no_gap(since: Option<DateTime<Utc>>, cursor: Option<DateTime<Utc>>) -> bool {
    match (since, cursor) {
        (Some(since), Some(cursor)) => since <= cursor,
        _ => true,
    }
}

/// What a window brought of one patient.
#[derive(Debug, Default)]
pub(super) struct OfPatient {
    changed: BTreeSet<String>,
    pub(super) texts: Texts,
}

/// The resources of a window by patient, and the units that are gone; patients of whom nothing changed are left out. The
/// window keeps no texts.
pub(super) fn by_subject(
    window: &mut Window,
    gone: &BTreeMap<String, Option<String>>,
    base: &str,
) -> BTreeMap<Option<String>, OfPatient> {
    let pool = Pool::new(Some(base));
    let mut subjects: BTreeMap<Option<String>, OfPatient> = BTreeMap::new();
    for (key, text) in std::mem::take(&mut window.texts) {
        let subject = Json::parse(&text)
            .ok()
            .and_then(|json| pool.key_of(&Reference::read(json.get("subject")?), "Patient", &key));
        let patient = subjects.entry(subject).or_default();
        if window.changed.contains(&key) {
            patient.changed.insert(key.clone());
        }
        patient.texts.insert(key, text);
    }
    for (unit, subject) in gone {
        let patient = subjects.entry(subject.clone()).or_default();
        patient.changed.insert(unit.clone());
    }
    subjects.retain(|_, patient| !patient.changed.is_empty());
    subjects
}

fn summary(ledger: &Ledger, started: DateTime<Utc>, now: DateTime<Utc>) -> PassSummary {
    let count = |column: u64| u32::try_from(column).unwrap_or(u32::MAX);
    // A pass that takes no time at all still ends after it began.
    let finished = now.max(started + TimeDelta::milliseconds(1));
    PassSummary {
        started: started.to_rfc3339(),
        finished: finished.to_rfc3339(),
        seen: count(ledger.seen()),
        written: count(ledger.written),
        unchanged: count(ledger.unchanged),
        not_her2: count(ledger.not_her2),
        no_result: count(ledger.no_result),
        review: count(ledger.review),
        retry: count(ledger.retry),
        failed: count(ledger.failed),
    }
}
