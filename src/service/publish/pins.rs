//! Whether what a case was decided from still is what stands: before the write, and after it.

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::ends_the_pass;
use super::bundle::{Condition, Entry};
use super::dialect::Ids;
use super::standing::Standing;
use super::trouble::Trouble;
use super::{ANNOUNCEMENT, Attempt, Change, Publisher, Wait, instant};
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::pipeline::CaseResult;
use crate::pipeline::announcement::Announcement;
use crate::pipeline::history::replaced;
use crate::pipeline::results::{Written, observation_id};
use crate::service::store::{IntendedEntry, Intent, PublishedCase, SourceVersion, WrittenVersion};

const PROVENANCE: &str = "Provenance";

impl Publisher<'_> {
    /// Whether every input still is the version that was read. One that cannot be read now counts as changed.
    pub(super) async fn pins_hold(&self, case: &CaseResult) -> Result<bool, Trouble> {
        let mut asked = std::collections::BTreeSet::new();
        for input in &case.inputs {
            let container = input.reference.split('#').next().unwrap_or_default();
            let (Some((kind, id)), Some(version)) = (container.split_once('/'), &input.version)
            else {
                continue;
            };
            if container.contains([':', '|']) || !asked.insert(container) {
                continue;
            }
            match self.reader.read_unless(kind, id, version).await {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(false),
                Err(error) if ends_the_pass(&error) => return Err(Trouble::ending(&error)),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// A last look before the write: why the case has to be judged anew, if it has.
    pub(super) async fn outrun(
        &self,
        case: &CaseResult,
        sighted: Option<&Standing>,
        change: Change,
    ) -> Result<Option<&'static str>, Trouble> {
        if !self.pins_hold(case).await? {
            return Ok(Some("inputs-changed"));
        }
        let dialect = &self.target.dialect;
        let is_fenced = match change {
            Change::New => dialect.stops_second_creates(),
            Change::Revised | Change::Withdrawn | Change::Signed | Change::Rejected => {
                dialect.stops_stale_updates()
            }
            Change::Worklist => true,
        };
        if is_fenced {
            return Ok(None);
        }
        self.moved_since(&case.id, sighted).await
    }

    /// Whether the result has moved since it was sighted: what a server that ignores preconditions leaves to us.
    pub(super) async fn moved_since(
        &self,
        case_id: &str,
        sighted: Option<&Standing>,
    ) -> Result<Option<&'static str>, Trouble> {
        let now = self.result(case_id).await?;
        let versions = [now.as_ref(), sighted].map(|it| it.map(|it| (&it.server_id, &it.version)));
        let [now, sighted] = versions;
        Ok((now != sighted).then_some("conflict"))
    }

    /// Whether an input is an older version than one that a written result rests on: a search or a replica that lags
    /// behind has given it.
    pub(super) async fn is_older_than_written(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
    ) -> Result<bool, Trouble> {
        for read in source_versions(case, pool) {
            let Some((version, last_updated)) = self.store.source_version(&read.source).await?
            else {
                continue;
            };
            let [read_at, written_at] = [&read.last_updated, &last_updated]
                .map(|text| DateTime::parse_from_rfc3339(text).ok());
            if version != read.version && read_at < written_at {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An earlier write of a case that nobody has confirmed: what arrived of it is completed and noted, also where another
    /// version has replaced it by now. What follows where that is not possible now.
    pub(super) async fn finish_intent(
        &self,
        case_id: &str,
        standing: Option<&Standing>,
        now: DateTime<Utc>,
    ) -> Result<Option<Attempt>, Trouble> {
        let server = &self.target.server;
        let Some(intent) = self.store.intent(case_id, server).await? else {
            return Ok(None);
        };
        if self.dry_run {
            return Ok(None);
        }
        let result = intent
            .entries
            .iter()
            .find(|entry| entry.kind == "Observation");
        let stood = match (result, standing) {
            (Some(sent), Some(standing)) if self.is_what_was_sent(standing, sent) => {
                Some(standing.clone())
            }
            (Some(sent), Some(standing)) => self.overtaken(&intent, sent, standing).await?,
            _ => None,
        };
        let Some(stood) = stood else {
            if result.is_some()
                && standing.is_none()
                && let Some(wait) = self.still_hidden(&intent, now)
            {
                return Ok(Some(Attempt::Again("index-lag", wait)));
            }
            // Tasks without a result are looked at one by one in any case.
            self.store.clear_intent(case_id, server).await?;
            return Ok(None);
        };
        let mut missing = self.left_unexplained(&intent).await?;
        missing.extend(self.left_unanswered(&intent).await?);
        if !missing.is_empty()
            && let Err(missed) = self.deliver(&missing).await?
        {
            // The result has stood, so the intent is kept until its Provenance does too.
            return Ok(Some(missed.then));
        }
        self.note_finished(&intent, &stood, now).await?;
        Ok(None)
    }

    /// The Provenance of an intent that is not on the server.
    async fn left_unexplained(&self, intent: &Intent) -> Result<Vec<Entry>, Trouble> {
        let mut missing = Vec::new();
        for sent in (intent.entries.iter()).filter(|sent| sent.kind == PROVENANCE) {
            let entry = Entry {
                written: Written {
                    kind: PROVENANCE,
                    id: sent.own_id.clone(),
                    text: sent.text.clone(),
                },
                condition: Condition::Immutable,
            };
            if !self.stands_as_sent(&entry).await? {
                missing.push(entry);
            }
        }
        Ok(missing)
    }

    /// The version that was sent, where the history tells that it has followed the one it was to replace and is replaced
    /// itself by now. A server that keeps no history leaves that open.
    async fn overtaken(
        &self,
        intent: &Intent,
        sent: &IntendedEntry,
        standing: &Standing,
    ) -> Result<Option<Standing>, Trouble> {
        let mut texts = Vec::new();
        let pages = self.client.history("Observation", &standing.server_id);
        match pages.read_all(&mut texts).await {
            Ok(()) => {}
            Err(error) if ends_the_pass(&error) => return Err(Trouble::ending(&error)),
            Err(_) => return Ok(None),
        }
        let provenance = intent.entries.iter().find(|sent| sent.kind == PROVENANCE);
        let provenance = provenance.and_then(|sent| Json::parse(&sent.text).ok());
        let replaces = provenance.as_ref().and_then(replaced);
        // Newest first.
        let mut versions: Vec<Standing> = (texts.into_iter())
            .filter_map(|text| self.standing(text, None))
            .collect();
        let at = versions.iter().enumerate().position(|(at, version)| {
            let before = versions.get(at + 1).and_then(|it| it.version.as_deref());
            self.is_what_was_sent(version, sent) && before == replaces
        });
        Ok(at.map(|at| versions.swap_remove(at)))
    }

    fn is_what_was_sent(&self, standing: &Standing, sent: &IntendedEntry) -> bool {
        Json::parse(&sent.text).is_ok_and(|sent| standing.is_what_was_sent(&sent, &self.rules.base))
    }

    /// How long a write may still be hidden from searches, where only a search could find it.
    fn still_hidden(&self, intent: &Intent, now: DateTime<Utc>) -> Option<Wait> {
        if self.target.dialect.ids == Ids::Client {
            return None;
        }
        let sent_at = DateTime::parse_from_rfc3339(&intent.recorded_at).ok()?;
        let seen_from = sent_at.to_utc() + TimeDelta::from_std(self.target.index_lag).ok()?;
        let wait = (seen_from - now).to_std().ok()?;
        (!wait.is_zero()).then_some(Wait::Asked(wait))
    }

    /// Notes a write as arrived, and not as judged, so that the Tasks are looked at before it counts as settled.
    async fn note_finished(
        &self,
        intent: &Intent,
        stood: &Standing,
        now: DateTime<Utc>,
    ) -> Result<(), Trouble> {
        let known = self.store.published(&intent.case_id).await?;
        let mut task_ids = known
            .as_ref()
            .map_or(Vec::new(), |known| known.task_ids.clone());
        for sent in intent.entries.iter().filter(|sent| sent.kind == "Task") {
            if !task_ids.contains(&sent.own_id) {
                task_ids.push(sent.own_id.clone());
            }
        }
        let versions: Vec<WrittenVersion> = (intent.entries.iter())
            .filter(|sent| !matches!(sent.kind.as_str(), "Task" | ANNOUNCEMENT))
            .map(|sent| WrittenVersion {
                kind: sent.kind.clone(),
                own_id: sent.own_id.clone(),
                version: (sent.kind == "Observation")
                    .then(|| stood.version.clone())
                    .flatten(),
                text: sent.text.clone(),
            })
            .collect();
        let announced: Vec<Announcement> = (intent.entries.iter())
            .filter(|sent| sent.kind == ANNOUNCEMENT)
            .map(|sent| Announcement {
                id: sent.own_id.clone(),
                case: intent.case_id.clone(),
                body: sent.text.clone(),
            })
            .collect();
        let published = PublishedCase {
            case_id: intent.case_id.clone(),
            observation_id: observation_id(&intent.case_id),
            fingerprint: stood.fingerprint.clone().unwrap_or_default(),
            judged: String::new(),
            etag: stood.version.clone(),
            status: stood.status.clone(),
            task_ids,
            subject: known.and_then(|known| known.subject),
        };
        let server = &self.target.server;
        Ok((self.store.confirm(
            &published,
            server,
            &versions,
            &[],
            &announced,
            &instant(now),
        ))
        .await?)
    }
}

/// The inputs of a case with their versions, as far as the server told when it stored them.
pub(super) fn source_versions(case: &CaseResult, pool: &Pool<'_>) -> Vec<SourceVersion> {
    (case.inputs.iter())
        .filter_map(|input| {
            let container = input.reference.split('#').next()?;
            let meta = pool.get(container)?.json.get("meta")?;
            Some(SourceVersion {
                source: container.to_owned(),
                version: input.version.clone()?,
                last_updated: meta.text_at("lastUpdated")?.to_owned(),
            })
        })
        .collect()
}
