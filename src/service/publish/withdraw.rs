//! The end of a result whose evidence is gone: entered in error, its value kept, its Tasks closed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::bundle::{Condition, Entry, bundle, revised};
use super::standing::{Standing, WITHDRAWN};
use super::trouble::Trouble;
use super::{Attempt, Change, Outcome, PublishError, Publisher, instant};
use crate::her2::evidence::Source;
use crate::pipeline::results::{Written, observation_id, withdrawal};
use crate::service::client::Pause;
use crate::service::store::PublishedCase;

impl Publisher<'_> {
    /// Withdraws the result of a case that has no evidence left: entered in error, its value kept, its Tasks closed.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub async fn withdraw(
        &self,
        case_id: &str,
        sources: &BTreeSet<Source>,
        now: DateTime<Utc>,
        pause: &Pause,
    ) -> Result<Outcome, PublishError> {
        self.until_settled(pause, async || {
            self.withdraw_once(case_id, sources, now).await
        })
        .await
    }

    async fn withdraw_once(
        &self,
        case_id: &str,
        sources: &BTreeSet<Source>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Trouble> {
        let id = observation_id(case_id);
        let standing = self.result(&id).await?;
        let in_force = standing
            .as_ref()
            .filter(|standing| !standing.is_withdrawn());
        let mut entries = match in_force {
            Some(standing) => self.ending(case_id, &id, standing, sources, now)?,
            None => Vec::new(),
        };
        for task in self.earlier_tasks(case_id).await? {
            entries.extend(self.closed(&task).await?);
        }
        if entries.is_empty() {
            return Ok(Attempt::Done(Outcome::Unchanged));
        }
        if self.dry_run {
            let lines = self.would_change(&entries, standing.as_ref()).await?;
            return Ok(Attempt::Done(Outcome::Would(Change::Withdrawn, lines)));
        }
        if let Some(refusal) = self.deliver(&bundle(&entries), &entries).await? {
            return Ok(refusal);
        }
        self.note_the_end(case_id, in_force).await?;
        Ok(Attempt::Done(Outcome::Written(Change::Withdrawn)))
    }

    /// Notes that the Tasks are closed and, where a result was in force, that its withdrawal is ours.
    async fn note_the_end(
        &self,
        case_id: &str,
        in_force: Option<&Standing>,
    ) -> Result<(), Trouble> {
        let known = self.store.published(case_id).await?;
        let unknown = || {
            in_force.map(|standing| PublishedCase {
                case_id: case_id.to_owned(),
                observation_id: observation_id(case_id),
                fingerprint: standing.fingerprint.clone().unwrap_or_default(),
                etag: None,
                status: WITHDRAWN.to_owned(),
                task_ids: Vec::new(),
                subject: None,
            })
        };
        if let Some(mut published) = known.or_else(unknown) {
            if in_force.is_some() {
                published.status = WITHDRAWN.to_owned();
            }
            published.task_ids.clear();
            self.store.publish(&published).await?;
        }
        Ok(())
    }

    /// The last version of a result that is in force, and the Provenance that says why it ends.
    fn ending(
        &self,
        case_id: &str,
        id: &str,
        standing: &Standing,
        sources: &BTreeSet<Source>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Entry>, Trouble> {
        let issued = instant(now);
        let text = revised(
            &standing.text,
            &[
                ("status", &format!("\"{WITHDRAWN}\"")),
                ("issued", &format!("\"{issued}\"")),
            ],
        )
        .ok_or_else(Trouble::not_composable)?;
        let prior = standing.prior()?;
        let release = self.publishing.release;
        let provenance = withdrawal(case_id, sources, &prior, self.rules, release, &issued)
            .map_err(|_| Trouble::not_composable())?;
        Ok(vec![
            Entry {
                written: Written {
                    kind: "Observation",
                    id: id.to_owned(),
                    text,
                },
                condition: standing.unchanged()?,
            },
            Entry {
                written: provenance,
                condition: Condition::Immutable,
            },
        ])
    }
}
