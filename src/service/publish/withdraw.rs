//! The end of a result whose evidence is gone: entered in error, its value kept, its Tasks closed. If it was final, those
//! who relied on it are to be told.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::bundle::{Condition, Entry};
use super::standing::{Standing, WITHDRAWN};
use super::trouble::Trouble;
use super::{Attempt, Change, Outcome, PublishError, Publisher, Sighting, Wait, instant};
use crate::fhir::json::Json;
use crate::her2::evidence::Source;
use crate::pipeline::announcement::Announcement;
use crate::pipeline::results::{
    FinalChange, NOTHING_LEFT, Written, final_change_task, observation_id, revised, withdrawal,
};
use crate::service::store::{PublishedCase, WrittenVersion};

impl Publisher<'_> {
    /// Withdraws the result of a case that has no evidence left: entered in error, its value kept, its Tasks closed.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub(in crate::service) async fn withdraw(
        &self,
        case_id: &str,
        sources: &BTreeSet<Source>,
        sighting: &Sighting,
        now: DateTime<Utc>,
    ) -> Result<Attempt, PublishError> {
        self.alone(case_id, now, async || {
            let standing = sighting.0.clone().map_err(Trouble::Case)?;
            self.withdraw_once(case_id, sources, standing, now).await
        })
        .await
    }

    async fn withdraw_once(
        &self,
        case_id: &str,
        sources: &BTreeSet<Source>,
        standing: Option<Standing>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Trouble> {
        if let Some(attempt) = self.finish_intent(case_id, standing.as_ref(), now).await? {
            return Ok(attempt);
        }
        let in_force = standing
            .as_ref()
            .filter(|standing| !standing.is_withdrawn());
        let (mut entries, announced) = match in_force {
            Some(standing) => self.ending(case_id, standing, sources, now)?,
            None => (Vec::new(), None),
        };
        let announced = announced.as_slice();
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
        if !self.target.dialect.stops_stale_updates()
            && let Some(why) = self.moved_since(case_id, standing.as_ref()).await?
        {
            return Ok(Attempt::Again(why, Wait::Not));
        }
        let fingerprint = in_force.and_then(|standing| standing.fingerprint.clone());
        let fingerprint = fingerprint.as_deref().unwrap_or("");
        self.intend(case_id, fingerprint, &entries, announced, now)
            .await?;
        match self.deliver(&entries).await? {
            Err(missed) => self.after(case_id, missed).await,
            Ok(versions) => {
                self.note_the_end(case_id, in_force, &versions, announced, now)
                    .await?;
                Ok(Attempt::Done(Outcome::Written(Change::Withdrawn)))
            }
        }
    }

    /// Notes that the Tasks are closed and, where a result was in force, that its withdrawal is ours.
    async fn note_the_end(
        &self,
        case_id: &str,
        in_force: Option<&Standing>,
        versions: &[WrittenVersion],
        announced: &[Announcement],
        now: DateTime<Utc>,
    ) -> Result<(), Trouble> {
        let known = self.store.published(case_id).await?;
        let mut published = known.unwrap_or_else(|| PublishedCase {
            case_id: case_id.to_owned(),
            observation_id: observation_id(case_id),
            fingerprint: in_force
                .and_then(|it| it.fingerprint.clone())
                .unwrap_or_default(),
            judged: String::new(),
            etag: None,
            status: String::new(),
            task_ids: Vec::new(),
            subject: None,
        });
        if in_force.is_some() {
            published.status = WITHDRAWN.to_owned();
        }
        published.task_ids.clear();
        let server = &self.target.server;
        Ok((self
            .store
            .confirm(&published, server, versions, &[], announced, &instant(now)))
        .await?)
    }

    /// The last version of a result that is in force, and the Provenance that says why it ends. If it was final, a Task
    /// tells of it.
    fn ending(
        &self,
        case_id: &str,
        standing: &Standing,
        sources: &BTreeSet<Source>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Entry>, Option<Announcement>), Trouble> {
        let issued = instant(now);
        let prior = self.prior(standing)?;
        let release = self.publishing.release;
        let json = Json::parse(&standing.text).map_err(|_| Trouble::not_composable())?;
        let text = ended(&standing.text, &json, &issued).ok_or_else(Trouble::not_composable)?;
        let mut provenance = withdrawal(case_id, sources, &prior, self.rules, release, &issued)
            .map_err(|_| Trouble::not_composable())?;
        self.lead_to_inputs(&mut provenance, None)?;
        let mut entries = vec![
            Entry {
                written: Written {
                    kind: "Observation",
                    id: observation_id(case_id),
                    text,
                },
                condition: standing.unchanged()?,
            },
            Entry {
                written: provenance,
                condition: Condition::Immutable,
            },
        ];
        let mut announcement = None;
        if prior.state.was_final() {
            let change = FinalChange {
                replaces: prior.version,
                from: prior.answer,
                to: None,
            };
            let fingerprint = prior.fingerprint.as_deref().unwrap_or_default();
            announcement = Some(Announcement::of(case_id, &change, fingerprint, &issued));
            let subject = json.get("subject").and_then(|it| it.text_at("reference"));
            let base = &self.rules.base;
            let task = final_change_task(case_id, subject, &change, base, release, &issued);
            entries.push(Entry {
                written: task.map_err(|_| Trouble::not_composable())?,
                condition: Condition::New,
            });
        }
        Ok((entries, announcement))
    }
}

/// A result as it ends: its value kept, and why it ends in a note.
fn ended(text: &str, json: &Json<'_>, issued: &str) -> Option<String> {
    let mut notes: Vec<Json<'_>> = json.items_at("note").to_vec();
    notes.push(Json::Object(vec![(
        "text".into(),
        Json::Text(NOTHING_LEFT.into()),
    )]));
    revised(
        text,
        &[
            ("status", &format!("\"{WITHDRAWN}\"")),
            ("issued", &format!("\"{issued}\"")),
            ("note", &serde_json::to_string(&Json::List(notes)).ok()?),
        ],
    )
}
