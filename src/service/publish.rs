//! One case onto the server, once: fenced by the version that was read before its inputs were.
//!
//! The order is what keeps a late writer from putting an older answer over a newer one. First the standing result is
//! *sighted*; then the inputs are read and decided on; then the inputs are asked again whether they still are the versions
//! that were read; then the resources are written on condition that the sighted version still stands. Whoever has written
//! meanwhile, from inputs as new or newer, has moved that version, and the case is judged anew.
//!
//! What is about to be written stands in the store before it is sent. After any answer that leaves something open the
//! result is read back before it is judged; nothing is sent twice blindly. What a server does not honour of all this is
//! known from its [`dialect`] and replaced.

mod address;
mod answering;
mod answers;
mod bundle;
mod delivery;
pub mod dialect;
mod dry_run;
pub mod known;
mod pins;
pub mod probe;
mod repair;
mod signing;
mod standing;
mod target;
mod trouble;
mod unreadable;
mod waiting;
mod withdraw;
mod worklist;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::client::{ClientError, FhirClient};
use super::clock::Clock;
use super::store::{
    IntendedEntry, Intent, PublishedCase, SourceVersion, Store, StoreError, WrittenVersion,
};
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::pipeline::announcement::Announcement;
use crate::pipeline::results::{
    Composer, Prior, Publishing, Resources, Written, fingerprint_of, observation_id,
};
use crate::pipeline::sign_off::Follows;
use crate::pipeline::{CaseResult, Rules};
use bundle::{Condition, Entry};
use pins::source_versions;
use standing::{Standing, WITHDRAWN};
use trouble::Trouble;

pub use answering::Refusal;
pub(in crate::service) use answering::{Answering, Reply};
pub(in crate::service) use answers::{ends_the_pass, given_up};
pub use target::Target;
pub(in crate::service) use waiting::Wait;

/// Nothing was written.
const NOTHING: (&[WrittenVersion], &[SourceVersion]) = (&[], &[]);

/// What stands in an intent beside resources: what is to be told when they have arrived.
const ANNOUNCEMENT: &str = "announcement";

/// How long a writer may be at one case. Longer than any write takes, waits included.
const LEASE: TimeDelta = TimeDelta::minutes(10);

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
    /// A person has signed the version that stood.
    Signed,
    /// A person has rejected the version that stood.
    Rejected,
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
            (Self::Signed, false) => "signed",
            (Self::Rejected, false) => "rejected",
            (Self::Signed, true) => "would be signed",
            (Self::Rejected, true) => "would be rejected",
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
    /// The server that inputs are read from.
    pub reader: &'p FhirClient,
    /// What is known of the server to write to.
    pub target: &'p Target,
    /// Our own memory.
    pub store: &'p Store,
    /// What decides.
    pub rules: &'p Rules,
    /// How results look.
    pub publishing: &'p Publishing,
    /// What tells the time, and how a busy server is waited for.
    pub clock: Clock,
    /// This writer, as leases name it: no two at work at one time have the same name.
    pub holder: String,
    /// Write nothing, say what would change.
    pub dry_run: bool,
}

/// How one judgement of a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) enum Attempt {
    /// It is settled.
    Done(Outcome),
    /// Its inputs have to be read and judged anew; why, as a code, and after which wait.
    Again(&'static str, Wait),
}

/// The result of a case as it stood before its inputs were read: what fences the write.
#[derive(Clone, Debug)]
pub(in crate::service) struct Sighting(Result<Option<Standing>, Outcome>);

impl Sighting {
    /// Whether a result stands that was derived from something else. If its inputs were read before it was sighted, they
    /// may be older than what it was derived from.
    pub(in crate::service) fn stands_otherwise(&self, fingerprint: Option<&str>) -> bool {
        let carries =
            |standing: &Standing| fingerprint.is_some_and(|print| standing.carries(print));
        matches!(&self.0, Ok(Some(standing)) if !carries(standing) && !standing.is_withdrawn())
    }
}

impl Publisher<'_> {
    /// What stands for a case. To be called before its inputs are read.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub(in crate::service) async fn sight(&self, case_id: &str) -> Result<Sighting, PublishError> {
        match self.result(case_id).await {
            Ok(standing) => Ok(Sighting(Ok(standing))),
            Err(Trouble::Case(outcome)) => Ok(Sighting(Err(outcome))),
            Err(Trouble::Pass(error)) => Err(error),
        }
    }

    /// Writes the resources of a case, or finds that the server has them.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub(in crate::service) async fn publish(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        sighting: &Sighting,
        now: DateTime<Utc>,
    ) -> Result<Attempt, PublishError> {
        if self.is_known_to_stand(case, sighting).await? {
            return Ok(Attempt::Done(Outcome::Unchanged));
        }
        self.alone(&case.id, now, async || {
            let standing = sighting.0.clone().map_err(Trouble::Case)?;
            self.judge_and_write(case, pool, standing, now).await
        })
        .await
    }

    /// Whether nothing is to be done, as most often: what stands is what this store has confirmed, from the same evidence.
    async fn is_known_to_stand(
        &self,
        case: &CaseResult,
        sighting: &Sighting,
    ) -> Result<bool, StoreError> {
        let Ok(Some(standing)) = &sighting.0 else {
            return Ok(false);
        };
        let known = self.store.published(&case.id).await?;
        let is_confirmed = known.is_some_and(|known| {
            standing.carries(&known.fingerprint)
                && known.judged == case.fingerprint
                && known.status == standing.status
                && known.etag == standing.version
        });
        let server = &self.target.server;
        Ok(is_confirmed
            && !standing.is_withdrawn()
            && self.store.intent(&case.id, server).await?.is_none())
    }

    /// Does something to a case that no other writer of this store is at.
    async fn alone<T: From<Attempt>>(
        &self,
        case_id: &str,
        now: DateTime<Utc>,
        act: impl AsyncFnOnce() -> Result<T, Trouble>,
    ) -> Result<T, PublishError> {
        if !self.dry_run {
            let (from, until) = (instant(now), instant(now + LEASE));
            let lease = self.store.lease(case_id, &self.holder, &from, &until);
            if !lease.await? {
                return Ok(Attempt::Again("leased", Wait::Backoff).into());
            }
        }
        let ended = act().await;
        if !self.dry_run {
            self.store.release_lease(case_id, &self.holder).await?;
        }
        match ended {
            Ok(ended) => Ok(ended),
            Err(Trouble::Case(outcome)) => Ok(Attempt::Done(outcome).into()),
            Err(Trouble::Pass(error)) => Err(error),
        }
    }

    async fn judge_and_write(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        standing: Option<Standing>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Trouble> {
        if let Some(attempt) = self.finish_intent(&case.id, standing.as_ref(), now).await? {
            return Ok(attempt);
        }
        let is_of_this_evidence =
            |standing: &&Standing| standing.is_withdrawn() && standing.carries(&case.fingerprint);
        if let Some(withdrawn) = standing.as_ref().filter(is_of_this_evidence)
            && !withdrawn.is_withdrawn_by_us()
            && !self.have_withdrawn(&case.id).await?
        {
            return Ok(Attempt::Done(Outcome::Failed("withdrawn-by-another")));
        }
        let carries = |standing: &Standing| standing.carries(&case.fingerprint);
        if !standing.as_ref().is_some_and(carries) && self.is_older_than_written(case, pool).await?
        {
            return Ok(Attempt::Again("older-input", Wait::Backoff));
        }
        let prior = (standing.as_ref())
            .map(|standing| self.prior(standing))
            .transpose()?;
        let resources = self.composed(case, pool, prior.as_ref(), now).await?;
        let judged = Judged {
            case,
            pool,
            resources: &resources,
            now,
        };
        let mut again = None;
        if let (Some(standing), Some(prior)) = (&standing, &prior) {
            match self.answered(&resources, prior).await? {
                Follows::Sign(signature) => {
                    return self.sign(&judged, standing, prior, &signature, None).await;
                }
                Follows::AskAgain(flaw) => again = Some(flaw),
                Follows::Wait | Follows::Nothing => {}
            }
        }
        let change = match (&resources.observation, &prior) {
            (None, _) => Change::Worklist,
            (Some(_), None) => Change::New,
            (Some(_), Some(_)) => Change::Revised,
        };
        let mut entries = Vec::new();
        if let Some(result) = &resources.observation {
            entries.push(Entry {
                written: result.clone(),
                condition: (standing.as_ref()).map_or(Ok(Condition::New), Standing::unchanged)?,
            });
        }
        if let Some(provenance) = &resources.provenance {
            let provenance = Entry {
                written: provenance.clone(),
                condition: Condition::Immutable,
            };
            if change != Change::Worklist || !self.stands_as_sent(&provenance).await? {
                entries.push(provenance);
            }
        }
        entries.extend(self.worklist(&case.id, &resources, again).await?);
        let kept =
            (standing.as_ref()).filter(|it| change == Change::Worklist && !it.is_withdrawn());
        if entries.is_empty() {
            self.confirm(&judged, kept, NOTHING, &[]).await?;
            return Ok(Attempt::Done(Outcome::Unchanged));
        }
        if self.dry_run {
            let lines = self.would_change(&entries, standing.as_ref()).await?;
            return Ok(Attempt::Done(Outcome::Would(change, lines)));
        }
        if let Some(why) = self.outrun(case, standing.as_ref(), change).await? {
            return Ok(Attempt::Again(why, Wait::Not));
        }
        self.send(&judged, &entries, kept, change).await
    }

    /// The resources of a case, with references that lead from the server they are written to.
    async fn composed(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        prior: Option<&Prior>,
        now: DateTime<Utc>,
    ) -> Result<Resources, Trouble> {
        for member in &case.summarises {
            // So that the addresses of the results it refers to are known.
            self.result(member).await?;
        }
        let now = instant(now);
        let composer = Composer::new(case, pool, self.rules, self.publishing, &now);
        let mut resources = (composer.compose(prior)).map_err(|_| Trouble::not_composable())?;
        let written = (resources.observation.iter_mut())
            .chain(resources.provenance.iter_mut())
            .chain(resources.tasks.iter_mut());
        for written in written {
            self.lead_to_inputs(written, None)?;
        }
        Ok(resources)
    }

    /// Has references to inputs lead to the server that they are read from, where that is another; one to `here` stays.
    fn lead_to_inputs(&self, written: &mut Written, here: Option<&str>) -> Result<(), Trouble> {
        if let Some(base) = &self.target.reads_from {
            written.text =
                address::absolute(&written.text, base, here).ok_or_else(Trouble::not_composable)?;
        }
        Ok(())
    }

    /// Sends the resources once, and notes what stands after it: a version of the result that was among them, or the one
    /// that is kept.
    async fn send(
        &self,
        judged: &Judged<'_>,
        entries: &[Entry],
        kept: Option<&Standing>,
        change: Change,
    ) -> Result<Attempt, Trouble> {
        let case = judged.case;
        let result = entries
            .iter()
            .find(|entry| entry.written.kind == "Observation");
        let json = result.and_then(|result| Json::parse(&result.written.text).ok());
        let fingerprint = json
            .as_ref()
            .and_then(|it| fingerprint_of(it, &self.rules.base));
        let fingerprint = fingerprint.unwrap_or(&case.fingerprint);
        let announced = match result {
            Some(_) => judged.resources.announcement.as_slice(),
            None => &[],
        };
        self.intend(&case.id, fingerprint, entries, announced, judged.now)
            .await?;
        let mut versions = match self.deliver(entries).await? {
            Ok(versions) => versions,
            Err(missed) => return self.after(&case.id, missed).await,
        };
        let written = match &json {
            None => None,
            Some(sent) => {
                let standing = self.result_after(&case.id, change).await?;
                let base = &self.rules.base;
                // Else somebody has been faster, or the server said yes and kept nothing.
                let Some(standing) = standing.filter(|it| it.is_what_was_sent(sent, base)) else {
                    return Ok(Attempt::Again("ambiguous", Wait::Not));
                };
                if let Some(result) = versions.iter_mut().find(|it| it.kind == "Observation") {
                    result.version.clone_from(&standing.version);
                }
                Some(standing)
            }
        };
        let sources = source_versions(case, judged.pool);
        let stands = written.as_ref().or(kept);
        self.confirm(judged, stands, (&versions, &sources), announced)
            .await?;
        if !self.pins_hold(case).await? {
            return Ok(Attempt::Again("inputs-changed", Wait::Not));
        }
        Ok(Attempt::Done(Outcome::Written(change)))
    }

    /// Notes in the store what is about to be written.
    async fn intend(
        &self,
        case_id: &str,
        fingerprint: &str,
        entries: &[Entry],
        announced: &[Announcement],
        now: DateTime<Utc>,
    ) -> Result<(), Trouble> {
        let announced = announced.iter().map(|announcement| IntendedEntry {
            kind: ANNOUNCEMENT.to_owned(),
            own_id: announcement.id.clone(),
            text: announcement.body.clone(),
        });
        let intent = Intent {
            case_id: case_id.to_owned(),
            server: self.target.server.clone(),
            fingerprint: fingerprint.to_owned(),
            entries: (entries.iter())
                .map(|entry| IntendedEntry {
                    kind: entry.written.kind.to_owned(),
                    own_id: entry.written.id.clone(),
                    text: entry.written.text.clone(),
                })
                .chain(announced)
                .collect(),
            recorded_at: instant(now),
        };
        Ok(self.store.record_intent(&intent).await?)
    }

    /// Whether the withdrawal that stands is ours, as far as we remember.
    async fn have_withdrawn(&self, case_id: &str) -> Result<bool, Trouble> {
        let known = self.store.published(case_id).await?;
        Ok(known.is_some_and(|known| known.status == WITHDRAWN))
    }

    /// Notes what stands on the server now, that it was held against this evidence, and which Tasks it has.
    async fn confirm(
        &self,
        judged: &Judged<'_>,
        standing: Option<&Standing>,
        (versions, sources): (&[WrittenVersion], &[SourceVersion]),
        announced: &[Announcement],
    ) -> Result<(), Trouble> {
        if self.dry_run {
            return Ok(());
        }
        let case = judged.case;
        let tasks = &judged.resources.tasks;
        let fingerprint = standing.and_then(|standing| standing.fingerprint.clone());
        let published = PublishedCase {
            case_id: case.id.clone(),
            observation_id: observation_id(&case.id),
            fingerprint: fingerprint.unwrap_or_else(|| case.fingerprint.clone()),
            judged: case.fingerprint.clone(),
            etag: standing.and_then(|standing| standing.version.clone()),
            status: standing.map_or_else(String::new, |standing| standing.status.clone()),
            task_ids: tasks.iter().map(|task| task.id.clone()).collect(),
            subject: case.subject.clone(),
        };
        let server = &self.target.server;
        let now = instant(judged.now);
        let confirmed = self
            .store
            .confirm(&published, server, versions, sources, announced, &now);
        Ok(confirmed.await?)
    }
}

/// A case, and what was composed of it for what stands.
struct Judged<'j> {
    case: &'j CaseResult,
    pool: &'j Pool<'j>,
    resources: &'j Resources,
    now: DateTime<Utc>,
}

/// A moment as FHIR writes an instant.
fn instant(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
