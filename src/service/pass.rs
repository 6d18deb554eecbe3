//! One pass: what changed, what belongs to it, what follows from it, and what of that is written.
//!
//! Every report, and every Observation that no report names, that the pass has seen ends in exactly one column of the
//! ledger. The cursor moves only past what was written, put up for review, or noted for the next pass.

mod notice;
mod patient;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::audit;
use super::brake::{Alteration, Brake, HELD};
use super::client::ClientError;
use super::progress::Progress;
use super::publish::{Change, Outcome, PublishError, Publisher, ends_the_pass};
use super::pull::{Puller, Texts, Window, horizon};
use super::replay::units_of_cases;
use super::shadow::Shadow;
use super::store::{Parked, PassSummary, Store, StoreError};
use crate::config::{Mode, PullConfig};
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
    /// Whether results go to the server or are only kept; a shadow needs a publisher that writes nothing.
    pub mode: Mode,
    /// Most published results that rules which nobody has confirmed may alter; without it they alter whatever they do.
    pub max_changed: Option<usize>,
    /// Only these units, each with its patient where that is known, and no window.
    pub only: Option<BTreeMap<String, Option<String>>>,
}

impl PassOptions {
    /// Whether what comes of the pass is kept in the store and not written to the server.
    pub fn is_shadow(&self) -> bool {
        self.mode == Mode::Shadow && !self.dry_run
    }

    /// Whether what comes of the pass is written to the server.
    pub fn may_write(&self) -> bool {
        self.mode == Mode::Write && !self.dry_run
    }
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
    /// What the rules in force alter of published results by themselves, and how often.
    pub altered: BTreeMap<Alteration, u64>,
    /// How many results these rules have altered so, in earlier passes too, or would have without the brake.
    pub altered_in_all: usize,
    /// The cases whose result the brake holds as it was.
    pub held: BTreeSet<String>,
    /// Whether the rules in force have been confirmed; then the brake holds nothing.
    pub rules_are_confirmed: bool,
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
        let told = self.tell(options).await;
        ended.and(told).map(|()| report)
    }

    /// Keeps what the clients have noted for the audit. A dry run leaves no trace, so its notes are dropped.
    async fn keep_noted(&self, options: &PassOptions) -> Result<(), StoreError> {
        let clients = [self.publisher.reader, self.publisher.client];
        if options.dry_run {
            for client in clients {
                drop(client.take_noted());
            }
            return Ok(());
        }
        audit::keep(self.store, clients).await
    }

    /// Writes the AuditEvents that are due. A shadow writes nothing, so they stay in the store.
    async fn tell(&self, options: &PassOptions) -> Result<(), PassError> {
        self.keep_noted(options).await?;
        let client = self.publisher.client;
        if client.is_audited() && options.mode == Mode::Write && !options.dry_run {
            audit::tell(self.store, client, self.publisher.publishing.release).await?;
        }
        Ok(())
    }

    async fn work(&self, options: &PassOptions, report: &mut PassReport) -> Result<(), PassError> {
        let started = self.publisher.clock.now();
        if !options.dry_run {
            self.release_mapped().await?;
            self.confirm_first_rules(options).await?;
        }
        let mut hand = Hand {
            dry_run: options.dry_run,
            shadow: options.is_shadow().then_some(Shadow {
                store: self.store,
                rules: self.rules,
                publishing: self.publisher.publishing,
            }),
            brake: Brake::of(self.store, self.rules, options.max_changed).await?,
        };
        let cursor = self.cursor().await?;
        let since = self.since(options, cursor);
        let (mut window, parked) = match &options.only {
            Some(units) => {
                let mut window = Window::default();
                let taken_up = self.take_up_only(units, &mut window).await?;
                (window, taken_up)
            }
            None => {
                let mut window = self.puller.window(since, self.rules).await?;
                let left_open = self.left_open(options).await?;
                let mut taken_up = self.take_up_parked(left_open, &mut window).await?;
                self.take_up_noticed(options, since, &mut window, &mut taken_up)
                    .await?;
                (window, taken_up)
            }
        };
        for (case, id) in &window.own {
            self.publisher.look_for_copies(case, id).await?;
        }

        report.rejected.clone_from(&window.rejected);
        let all_named = self.name_unreadable(options, started, report).await?;
        self.keep_noted(options).await?;
        let subjects = by_subject(&mut window, &parked.gone, self.puller.base());
        let progress = Progress::new("patients", Some(subjects.len() as u64));
        let mut unread_in_a_row = 0;
        for (subject, patient) in subjects {
            // One patient's resources may be what a server fails at; the next ones are not to suffer from that.
            if unread_in_a_row < MOST_UNREAD_IN_A_ROW {
                self.publisher.reader.let_rest().await;
                self.publisher.client.let_rest().await;
            }
            let was_read = self
                .patient(subject.as_deref(), patient, &mut hand, report)
                .await?;
            self.keep_noted(options).await?;
            unread_in_a_row = if was_read { 0 } else { unread_in_a_row + 1 };
            progress.advance();
        }
        progress.finish();
        for unit in &parked.unread {
            if !report.units.contains_key(unit) {
                report.enter(unit, Ended::Retry);
            }
        }
        report.altered = hand.brake.found();
        report.rules_are_confirmed = hand.brake.is_confirmed();
        report.altered_in_all = hand.brake.altered_in_all();
        report.held = hand.brake.held;
        if !report.held.is_empty() {
            tracing::warn!(
                "the rules or mapping in force are new and would alter more published results than brake.max_changed allows: \
                 {} stay as they are; `her2-adapter replay --all-on-ruleset-change` shows what would change, and with \
                 --confirm writes it",
                report.held.len()
            );
        }

        if !options.dry_run {
            let now = self.now();
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
                    options.is_shadow(),
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

    /// Where nothing was ever published, no result can be altered, and the rules in force need nobody's consent.
    async fn confirm_first_rules(&self, options: &PassOptions) -> Result<(), PassError> {
        let is_first = self.store.confirmed_rules().await?.is_none()
            && self.store.has_published_nothing().await?;
        if is_first && !options.is_shadow() {
            let now = self.now();
            self.store.confirm_rules(&self.rules.hash(), &now).await?;
        }
        Ok(())
    }

    /// Puts unreadable entries on the worklist, those too that a shadow could not put there. Whether all of them are there.
    async fn name_unreadable(
        &self,
        options: &PassOptions,
        started: DateTime<Utc>,
        report: &mut PassReport,
    ) -> Result<bool, PassError> {
        let unnamed = match options.mode {
            Mode::Write => self.store.unnamed().await?,
            Mode::Shadow => Vec::new(),
        };
        for rejected in unnamed {
            let is_known = |known: &Rejected| known.content == rejected.content;
            if !report.rejected.iter().any(is_known) {
                report.rejected.push(rejected);
            }
        }
        let mut all_named = true;
        for rejected in report.rejected.clone() {
            report.ledger.enter(Ended::Failed);
            if options.is_shadow() {
                self.store.add_unnamed(&rejected).await?;
                continue;
            }
            let outcome = self.publisher.name_unreadable(&rejected, started).await?;
            match outcome {
                Outcome::Would(_, lines) => report.would_change.extend(lines),
                Outcome::Retry(code) | Outcome::Failed(code) => {
                    tracing::error!(code, "an unreadable entry could not be put on the worklist");
                    all_named = false;
                }
                Outcome::Written(_) | Outcome::Unchanged => {
                    if !options.dry_run {
                        self.store.forget_unnamed(&rejected.content).await?;
                    }
                }
            }
        }
        Ok(all_named)
    }

    fn now(&self) -> String {
        (self.publisher.clock.now()).to_rfc3339_opts(SecondsFormat::Millis, true)
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

    /// The units that an earlier pass left open. To a pass that writes, what only a shadow has judged is open too.
    async fn left_open(&self, options: &PassOptions) -> Result<Vec<Parked>, PassError> {
        if options.mode == Mode::Write {
            let cases = self.store.open_shadow().await?;
            let units: Vec<String> = units_of_cases(self.store, &cases)
                .await?
                .into_keys()
                .collect();
            let now = self.now();
            if options.dry_run {
                let mut parked = self.store.parked().await?;
                parked.extend(units.into_iter().map(|unit| Parked::due_at(unit, &now)));
                return Ok(parked);
            }
            if !cases.is_empty() {
                tracing::info!(
                    cases = cases.len(),
                    "cases that only shadow mode has judged are taken up"
                );
                self.store.end_shadow(&units, &now).await?;
            }
        }
        Ok(self.store.parked().await?)
    }

    /// Takes up the units that were asked for.
    async fn take_up_only(
        &self,
        units: &BTreeMap<String, Option<String>>,
        window: &mut Window,
    ) -> Result<TakenUp, PassError> {
        let mut taken_up = TakenUp::default();
        for (unit, subject) in units {
            match subject {
                // It is read with everything else of the patient.
                Some(_) => {
                    taken_up.gone.insert(unit.clone(), subject.clone());
                    taken_up.units.push(unit.clone());
                }
                None => self.take_up(unit.clone(), window, &mut taken_up).await?,
            }
        }
        Ok(taken_up)
    }

    /// Units that an earlier pass left open are looked at again, however far the cursor has moved. One that cannot be
    /// read waits on and holds up nothing else.
    async fn take_up_parked(
        &self,
        left_open: Vec<Parked>,
        window: &mut Window,
    ) -> Result<TakenUp, PassError> {
        let mut taken_up = TakenUp::default();
        let now = self.publisher.clock.now();
        for parked in left_open {
            let is_due = parked.is_due(now);
            let unit = parked.unit;
            if !is_due {
                taken_up.resting.push(unit);
                continue;
            }
            self.take_up(unit, window, &mut taken_up).await?;
        }
        Ok(taken_up)
    }

    async fn take_up(
        &self,
        unit: String,
        window: &mut Window,
        taken_up: &mut TakenUp,
    ) -> Result<(), PassError> {
        taken_up.units.push(unit.clone());
        if window.texts.contains_key(&unit) {
            window.changed.insert(unit);
            return Ok(());
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
        Ok(())
    }

    /// The patient of a unit that is gone, as far as one of its results tells.
    async fn subject_of_gone(&self, unit: &str) -> Result<Option<String>, PassError> {
        for case in self.store.cases_of_source(unit).await? {
            let published = self.store.published(&case).await?;
            let shadow = self.store.last_shadow(&case).await?;
            let subject = published
                .and_then(|published| published.subject)
                .or_else(|| shadow.and_then(|(_, result)| result.subject));
            if subject.is_some() {
                return Ok(subject);
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

    /// Enters a unit of which nothing is open but results that the brake holds.
    fn enter_held(&mut self, unit: &str) {
        self.enter(unit, Ended::Retry);
        self.open.insert(unit.to_owned(), HELD);
    }
}

/// Where the results of a pass go.
pub(super) struct Hand<'p> {
    dry_run: bool,
    /// Keeps them in the server's stead.
    shadow: Option<Shadow<'p>>,
    brake: Brake,
}

/// Units that an earlier pass left open, or that were asked for.
#[derive(Debug, Default)]
struct TakenUp {
    /// Those that are due.
    units: Vec<String>,
    /// Those that are no longer on the server, or not read yet, with their patients.
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

fn summary(
    ledger: &Ledger,
    started: DateTime<Utc>,
    now: DateTime<Utc>,
    shadow: bool,
) -> PassSummary {
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
        shadow,
    }
}
