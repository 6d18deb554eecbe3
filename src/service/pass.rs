//! One pass: what changed, what belongs to it, what follows from it, and what of that is written.
//!
//! Every report, and every Observation that no report names, that the pass has seen ends in exactly one column of the
//! ledger. The cursor moves only past what was written, put up for review, or noted for the next pass.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::client::{ClientError, Pause};
use super::progress::Progress;
use super::publish::{Change, Outcome, PublishError, Publisher};
use super::pull::{Puller, Texts, Window, horizon};
use super::store::{PassSummary, Store, StoreError};
use crate::config::PullConfig;
use crate::fhir::elements::Reference;
use crate::fhir::groups::{MOST_TOGETHER, MOST_VALUES_TOGETHER};
use crate::fhir::json::{Json, MOST_VALUES};
use crate::fhir::pool::{Pool, Rejected};
use crate::her2::evidence::Source;
use crate::mapping::coverage::{CodeKey, knows};
use crate::pipeline::ledger::{Ended, Ledger, UnitContent, UnitResult};
use crate::pipeline::{CaseResult, Derived, Rules, derive};

/// Name of the one feed there is.
const FEED: &str = "pull";

/// What a pass is asked to do.
#[derive(Clone, Debug, Default)]
pub struct PassOptions {
    /// Begin here instead of at the cursor.
    pub since: Option<DateTime<Utc>>,
    /// Write nothing, neither on the server nor in the store, and say what would change.
    pub dry_run: bool,
    /// How to wait for a server that is busy.
    pub pause: Pause,
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
        let started = Utc::now();
        if !options.dry_run {
            self.release_mapped().await?;
        }
        let cursor = self.cursor().await?;
        let since = self.since(options, cursor);
        let mut window = self.puller.window(since, self.rules).await?;
        let parked = self.take_up_parked(&mut window).await?;

        report.rejected.clone_from(&window.rejected);
        let mut all_named = true;
        for rejected in &window.rejected {
            report.ledger.enter(Ended::Failed);
            let outcome = self
                .publisher
                .name_unreadable(rejected, started, &options.pause)
                .await?;
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
        for (subject, patient) in subjects {
            self.patient(subject.as_deref(), patient, &options.pause, report)
                .await?;
            progress.advance();
        }
        progress.finish();
        for unit in &parked.unread {
            if !report.units.contains_key(unit) {
                report.enter(unit, Ended::Retry);
            }
        }

        if !options.dry_run {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            for unit in &parked.units {
                if !report.open.contains_key(unit) {
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
                .record_pass(&summary(&report.ledger, started))
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
        for parked in self.store.parked().await? {
            let unit = parked.unit;
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

    /// Everything of one patient that changed: derived together, written case by case.
    async fn patient(
        &self,
        subject: Option<&str>,
        patient: OfPatient,
        pause: &Pause,
        report: &mut PassReport,
    ) -> Result<(), PassError> {
        let OfPatient { changed, texts } = patient;
        // Cases that the changed resources belonged to before, and everything those cases rested on.
        let mut earlier: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut also = BTreeSet::new();
        for source in &changed {
            for case in self.store.cases_of_source(source).await? {
                also.extend(self.store.sources_of_case(&case).await?);
                earlier.entry(case).or_default().insert(source.clone());
            }
        }
        // What was taken up without a text is gone.
        let gone: BTreeSet<String> = (changed.iter())
            .filter(|key| !texts.contains_key(*key))
            .cloned()
            .collect();
        let texts = match self
            .puller
            .neighbourhood(subject, texts, also, self.rules)
            .await
        {
            Ok(texts) => texts,
            Err(error) if ends_the_pass(&error) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, units = changed.len(), "a patient's results could not be read; the next pass tries again");
                for unit in &changed {
                    report.enter(unit, Ended::Retry);
                }
                return Ok(());
            }
        };
        let Some(pool) = pool_of(&texts, self.puller.base()) else {
            tracing::error!(
                units = changed.len(),
                resources = texts.len(),
                "a patient has more results than are decided together; a person has to look"
            );
            for unit in &changed {
                report.enter(unit, Ended::Failed);
            }
            return Ok(());
        };
        let derived = derive(&pool, self.rules);
        (report.unmapped).extend(derived.coverage.unmapped().map(|(key, _)| key.clone()));
        let touched: Vec<&UnitResult> = (derived.units.iter())
            .filter(|unit| is_touched(unit, &changed))
            .collect();
        let earlier_cases: BTreeSet<String> = earlier.keys().cloned().collect();
        let ended = self
            .write(&touched, &earlier_cases, &derived, &pool, pause, report)
            .await?;
        for unit in &touched {
            let of_unit = |source: &String| *source == unit.key || unit.sources.contains(source);
            // A case that it has left is somebody else's, unless it could not be brought to its end.
            let trouble = (earlier.iter())
                .filter(|(_, sources)| sources.iter().any(of_unit))
                .filter_map(|(case, _)| ended.get(case).copied())
                .filter(|end| matches!(end, Ended::Retry | Ended::Failed))
                .max();
            let own = end_of(unit, &ended);
            report.enter(&unit.key, trouble.map_or(own, |trouble| trouble.max(own)));
        }
        for unit in &gone {
            let ends = (earlier.iter())
                .filter(|(_, sources)| sources.contains(unit))
                .filter_map(|(case, _)| ended.get(case).copied());
            report.enter(unit, ends.max().unwrap_or(Ended::NotHer2));
        }
        self.remember(&derived, &pool).await
    }

    /// Writes the cases of the touched units, and withdraws those that have nothing left to stand on.
    async fn write(
        &self,
        touched: &[&UnitResult],
        earlier_cases: &BTreeSet<String>,
        derived: &Derived,
        pool: &Pool<'_>,
        pause: &Pause,
        report: &mut PassReport,
    ) -> Result<BTreeMap<String, Ended>, PassError> {
        let mut due: BTreeSet<&str> = earlier_cases.iter().map(String::as_str).collect();
        for unit in touched {
            if let UnitContent::Cases(cases) = &unit.content {
                due.extend(cases.iter().map(String::as_str));
            }
            due.extend(unit.emptied.iter().map(String::as_str));
        }
        let mut ended = BTreeMap::new();
        for id in due {
            let case = derived.cases.iter().find(|case| case.id == id);
            let outcome = match case {
                Some(case) => {
                    let now = Utc::now();
                    self.publisher.publish(case, pool, now, pause).await?
                }
                None => {
                    let empty = derived.empty.iter().find(|empty| empty.id == id);
                    let sources: BTreeSet<Source> = (empty.iter())
                        .flat_map(|empty| &empty.excluded)
                        .map(|excluded| excluded.source.clone())
                        .collect();
                    let now = Utc::now();
                    self.publisher.withdraw(id, &sources, now, pause).await?
                }
            };
            let end = match (&outcome, case) {
                (Outcome::Failed(code), _) => {
                    tracing::error!(case = id, code, "a case was refused; a person has to look");
                    Ended::Failed
                }
                (Outcome::Retry(code), _) => {
                    tracing::warn!(
                        case = id,
                        code,
                        "a case was not written; the next pass tries again"
                    );
                    Ended::Retry
                }
                (_, Some(case)) if !case.decision.review.is_empty() => Ended::Review,
                (Outcome::Written(_) | Outcome::Would(..), _) => Ended::Written,
                (Outcome::Unchanged, Some(_)) => Ended::Unchanged,
                (Outcome::Unchanged, None) => Ended::NotHer2,
            };
            if let Outcome::Written(change) | Outcome::Would(change, _) = &outcome {
                *report.changes.entry(*change).or_default() += 1;
                if *change == Change::Withdrawn {
                    report.withdrawn.push(id.to_owned());
                }
            }
            if let Outcome::Would(_, lines) = &outcome {
                report.would_change.extend(lines.iter().cloned());
            }
            ended.insert(id.to_owned(), end);
            if let Some(case) = case {
                report.cases.push((case.clone(), outcome));
            }
        }
        Ok(ended)
    }

    /// Notes which sources each case rests on, and which units name it, so that one that leaves a case is noticed; and
    /// which codes are unmapped.
    async fn remember(&self, derived: &Derived, pool: &Pool<'_>) -> Result<(), PassError> {
        if self.publisher.dry_run {
            return Ok(());
        }
        let resources: Vec<&str> = pool.all().map(|resource| resource.key.as_str()).collect();
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        (self.store.quarantine(&resources, &derived.coverage, &now)).await?;
        for case in &derived.cases {
            let names_it = |unit: &&UnitResult| match &unit.content {
                UnitContent::Cases(cases) => cases.contains(&case.id),
                UnitContent::NotHer2 | UnitContent::NoResult => false,
            };
            let units = derived.units.iter().filter(names_it);
            let sources: BTreeSet<String> = (case.inputs.iter())
                .map(|input| input.reference.clone())
                .chain(units.map(|unit| unit.key.clone()))
                .collect();
            let sources: Vec<String> = sources.into_iter().collect();
            self.store.set_sources_of_case(&case.id, &sources).await?;
        }
        Ok(())
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

/// A patient's resources; `None` where they are more than are decided together.
fn pool_of<'t>(texts: &'t Texts, base: &str) -> Option<Pool<'t>> {
    if texts.len() > MOST_TOGETHER {
        return None;
    }
    let mut left = MOST_VALUES_TOGETHER;
    let mut pool = Pool::new(Some(base));
    for text in texts.values() {
        // What is no resource was rejected when it was pulled.
        let before = left;
        match Json::parse_within(text, &mut left) {
            Ok(json) => drop(pool.add(json, None, "the server")),
            Err(_) if before < MOST_VALUES => return None,
            Err(_) => {}
        }
    }
    Some(pool)
}

/// Units that an earlier pass left open.
#[derive(Debug, Default)]
struct TakenUp {
    /// All of them.
    units: Vec<String>,
    /// Those that are no longer on the server, with their patients.
    gone: BTreeMap<String, Option<String>>,
    /// Those that cannot be read now.
    unread: Vec<String>,
}

/// Whether an error of the server concerns everything else as well.
fn ends_the_pass(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::NotSent { .. } | ClientError::Unauthorized | ClientError::Untrusted(_)
    )
}

/// Whether a window that begins there leaves nothing unread behind the cursor.
fn leaves_no_gap(since: Option<DateTime<Utc>>, cursor: Option<DateTime<Utc>>) -> bool {
    match (since, cursor) {
        (Some(since), Some(cursor)) => since <= cursor,
        _ => true,
    }
}

/// Whether something of the unit changed: itself, or an Observation it names.
fn is_touched(unit: &UnitResult, changed: &BTreeSet<String>) -> bool {
    changed.contains(&unit.key) || unit.sources.iter().any(|source| changed.contains(source))
}

/// The worst end of a unit's cases.
fn end_of(unit: &UnitResult, ended: &BTreeMap<String, Ended>) -> Ended {
    let withdrawn = (unit.emptied.iter())
        .filter_map(|case| ended.get(case).copied())
        .filter(|end| *end != Ended::NotHer2)
        .max();
    let own = match &unit.content {
        UnitContent::NotHer2 => Ended::NotHer2,
        UnitContent::NoResult => Ended::NoResult,
        UnitContent::Cases(cases) => (cases.iter())
            .filter_map(|case| ended.get(case).copied())
            .max()
            .unwrap_or(Ended::Unchanged),
    };
    withdrawn.map_or(own, |withdrawn| withdrawn.max(own))
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

fn summary(ledger: &Ledger, started: DateTime<Utc>) -> PassSummary {
    let count = |column: u64| u32::try_from(column).unwrap_or(u32::MAX);
    // A pass that takes no time at all still ends after it began.
    let finished = Utc::now().max(started + TimeDelta::milliseconds(1));
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
