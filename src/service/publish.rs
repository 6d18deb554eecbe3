//! One case onto the server, once: its resources in one transaction, fenced by the version that was read.
//!
//! Logical ids follow from the case, so a repeat finds its earlier self. After any answer that leaves open what
//! happened, the result is read back by id before it is judged; nothing is sent twice blindly.

mod bundle;
mod delivery;
mod dry_run;
mod standing;
mod trouble;
mod waiting;
mod withdraw;
mod worklist;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use super::client::{ClientError, FhirClient, Pause};
use super::store::{PublishedCase, Store, StoreError};
use crate::fhir::pool::{Pool, Rejected};
use crate::mapping::table::hex;
use crate::pipeline::results::{Publishing, Resources, compose, observation_id, unreadable_entry};
use crate::pipeline::{CaseResult, Rules};
use bundle::{Condition, Entry, bundle};
use standing::{Found, Standing, WITHDRAWN};
use trouble::Trouble;
use waiting::Wait;

const MOST_JUDGEMENTS: u32 = 4;

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it already.
    Unchanged,
    /// Written; how.
    Written(Change),
    /// Nothing was written, because the pass is a dry run; this would change.
    Would(Change, Vec<String>),
    /// To be tried again in the next pass; why, as a code.
    Retry(&'static str),
    /// Refused for good until a person acts; why, as a code.
    Failed(&'static str),
}

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A first version.
    New,
    /// A further version of the same resource.
    Revised,
    /// The result is entered in error.
    Withdrawn,
    /// Only the worklist.
    Worklist,
}

impl Change {
    /// The change in words, for a summary line.
    pub fn name(self, dry_run: bool) -> &'static str {
        match (self, dry_run) {
            (Self::New, false) => "written for the first time",
            (Self::Revised, false) => "written as a further version",
            (Self::Withdrawn, false) => "withdrawn",
            (Self::Worklist, false) => "put on the worklist",
            (Self::New, true) => "would be written for the first time",
            (Self::Revised, true) => "would be written as a further version",
            (Self::Withdrawn, true) => "would be withdrawn",
            (Self::Worklist, true) => "would be put on the worklist",
        }
    }
}

/// What ends the whole pass.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The server accepts nobody, or cannot be reached.
    #[error(transparent)]
    Server(#[from] ClientError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes cases to one server.
#[derive(Debug)]
pub struct Publisher<'p> {
    /// The server to write to.
    pub client: &'p FhirClient,
    /// Our own memory.
    pub store: &'p Store,
    /// What decides.
    pub rules: &'p Rules,
    /// How results look.
    pub publishing: &'p Publishing,
    /// Write nothing, say what would change.
    pub dry_run: bool,
}

/// How one judgement of a case ended.
enum Attempt {
    /// It is settled.
    Done(Outcome),
    /// It has to be judged anew; why, as a code, and after which wait.
    Again(&'static str, Wait),
}

impl Publisher<'_> {
    /// Writes the resources of a case, or finds that the server has them. `pause` is how a busy server is waited for.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub async fn publish(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        now: DateTime<Utc>,
        pause: &Pause,
    ) -> Result<Outcome, PublishError> {
        self.until_settled(pause, async || self.judge_and_write(case, pool, now).await)
            .await
    }

    /// Puts an entry that cannot be read on the worklist, once.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub async fn name_unreadable(
        &self,
        rejected: &Rejected,
        now: DateTime<Utc>,
        pause: &Pause,
    ) -> Result<Outcome, PublishError> {
        self.until_settled(pause, async || {
            let release = self.publishing.release;
            let task = unreadable_entry(rejected, &self.rules.base, release, &instant(now))
                .map_err(|_| Trouble::not_composable())?;
            match self.find("Task", &task.id).await? {
                Found::Nothing => {}
                Found::Deleted | Found::Standing(_) => {
                    return Ok(Attempt::Done(Outcome::Unchanged));
                }
            }
            let entries = [Entry {
                written: task,
                condition: Condition::New,
            }];
            if self.dry_run {
                let lines = self.would_change(&entries, None).await?;
                return Ok(Attempt::Done(Outcome::Would(Change::Worklist, lines)));
            }
            let written = Attempt::Done(Outcome::Written(Change::Worklist));
            let refusal = self.deliver(&bundle(&entries), &entries).await?;
            Ok(refusal.unwrap_or(written))
        })
        .await
    }

    /// Judges a case anew as long as an answer leaves something open, but not for ever.
    async fn until_settled(
        &self,
        pause: &Pause,
        judge: impl AsyncFn() -> Result<Attempt, Trouble>,
    ) -> Result<Outcome, PublishError> {
        let mut last = "ambiguous";
        for judgement in 1..=MOST_JUDGEMENTS {
            match judge().await {
                Ok(Attempt::Done(outcome)) | Err(Trouble::Case(outcome)) => return Ok(outcome),
                Err(Trouble::Pass(error)) => return Err(error),
                Ok(Attempt::Again(why, wait)) => {
                    last = why;
                    match wait.after(judgement) {
                        None => break,
                        Some(wait) if judgement < MOST_JUDGEMENTS && !wait.is_zero() => {
                            pause.wait(wait).await;
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        Ok(Outcome::Retry(last))
    }

    async fn judge_and_write(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Trouble> {
        let id = observation_id(&case.id);
        let standing = self.result(&id).await?;
        if let Some(standing) = &standing
            && standing.carries(&case.fingerprint)
        {
            if !standing.is_withdrawn() {
                self.confirm(case, standing.version.clone(), &standing.status, None)
                    .await?;
                return Ok(Attempt::Done(Outcome::Unchanged));
            }
            if !self.have_withdrawn(&case.id).await? {
                return Ok(Attempt::Done(Outcome::Failed("withdrawn-by-another")));
            }
        }
        let prior = standing.as_ref().map(Standing::prior).transpose()?;
        let resources = compose(
            case,
            pool,
            self.rules,
            self.publishing,
            prior.as_ref(),
            &instant(now),
        )
        .map_err(|_| Trouble::not_composable())?;
        let worklist = self.worklist(case, &resources).await?;
        if resources.observation.is_none() && worklist.is_empty() {
            self.confirm(case, None, "", Some(&resources)).await?;
            return Ok(Attempt::Done(Outcome::Unchanged));
        }
        let change = match (&resources.observation, &prior) {
            (None, _) => Change::Worklist,
            (Some(_), None) => Change::New,
            (Some(_), Some(_)) => Change::Revised,
        };
        let mut entries = result_entries(&resources, standing.as_ref())?;
        entries.extend(worklist);
        if self.dry_run {
            let lines = self.would_change(&entries, standing.as_ref()).await?;
            return Ok(Attempt::Done(Outcome::Would(change, lines)));
        }
        self.send(case, &entries, &resources, change, now).await
    }

    /// Sends the transaction once, and notes what stands after it.
    async fn send(
        &self,
        case: &CaseResult,
        entries: &[Entry],
        resources: &Resources,
        change: Change,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Trouble> {
        let bundle = bundle(entries);
        let digest = hex(&Sha256::digest(bundle.as_bytes()));
        self.store
            .record_intent(&case.id, &case.fingerprint, &digest, &instant(now))
            .await?;
        if let Some(refusal) = self.deliver(&bundle, entries).await? {
            return Ok(refusal);
        }
        let standing = match &resources.observation {
            Some(observation) => self.result(&observation.id).await?,
            None => None,
        };
        let (version, status) = standing.map_or((None, String::new()), |standing| {
            (standing.version, standing.status)
        });
        self.confirm(case, version, &status, Some(resources))
            .await?;
        Ok(Attempt::Done(Outcome::Written(change)))
    }

    /// Whether the withdrawal that stands is ours, as far as we remember.
    async fn have_withdrawn(&self, case_id: &str) -> Result<bool, Trouble> {
        let known = self.store.published(case_id).await?;
        Ok(known.is_some_and(|known| known.status == WITHDRAWN))
    }

    /// Notes what stands on the server now; without resources, with the Tasks that it had.
    async fn confirm(
        &self,
        case: &CaseResult,
        version: Option<String>,
        status: &str,
        resources: Option<&Resources>,
    ) -> Result<(), Trouble> {
        if self.dry_run {
            return Ok(());
        }
        let task_ids = match resources {
            Some(resources) => resources.tasks.iter().map(|task| task.id.clone()).collect(),
            None => self.earlier_tasks(&case.id).await?,
        };
        let published = PublishedCase {
            case_id: case.id.clone(),
            observation_id: observation_id(&case.id),
            fingerprint: case.fingerprint.clone(),
            etag: version,
            status: status.to_owned(),
            task_ids,
            subject: case.subject.clone(),
        };
        self.store.publish(&published).await?;
        Ok(self.store.clear_intent(&case.id).await?)
    }
}

/// The result, fenced by the version it replaces, and its Provenance.
fn result_entries(
    resources: &Resources,
    standing: Option<&Standing>,
) -> Result<Vec<Entry>, Trouble> {
    let mut entries = Vec::new();
    if let Some(result) = &resources.observation {
        entries.push(Entry {
            written: result.clone(),
            condition: standing.map_or(Ok(Condition::New), Standing::unchanged)?,
        });
    }
    entries.extend(resources.provenance.iter().map(|written| Entry {
        written: written.clone(),
        condition: Condition::Immutable,
    }));
    Ok(entries)
}

/// A moment as FHIR writes an instant.
fn instant(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
