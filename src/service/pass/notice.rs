//! What a search for reports and results does not show: Tasks that a person has answered, sources that were deleted, merged
//! or re-assigned, orders that were cancelled, and days that have passed.
//!
//! Each of these only leads to cases, which are then read and judged as any other; nothing is concluded here.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{Pass, PassError, PassOptions, TakenUp, Window};
use crate::fhir::elements::Reference;
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::fhir::tissue::Specimens;
use crate::mapping::terminology::{self, REVIEW, SIGN_OFF, system};
use crate::pipeline::Derived;
use crate::pipeline::results::identifier_of;
use crate::service::client::{ClientError, Pages, ReadAnswer};
use crate::service::publish::ends_the_pass;
use crate::service::replay::units_of_cases;
use crate::service::store::Looked;

/// Statuses of a Task that a person has put an end to.
const ANSWERED: [&str; 4] = ["completed", "rejected", "failed", "cancelled"];

impl Pass<'_> {
    /// Takes up the units of the cases that such things lead to; each of those cases is then looked at anew.
    pub(super) async fn take_up_noticed(
        &self,
        options: &PassOptions,
        since: Option<DateTime<Utc>>,
        window: &mut Window,
        taken_up: &mut TakenUp,
    ) -> Result<(), PassError> {
        if options.is_shadow() {
            return Ok(());
        }
        let now = self.publisher.clock.now();
        let mut cases = self.due(now).await?;
        // A write that nobody has confirmed is looked after even where nothing of the case is left.
        cases.extend(
            self.store
                .intended_cases(&self.publisher.target.server)
                .await?,
        );
        cases.extend(self.answered(since).await?);
        cases.extend(self.cancelled_orders(since).await?);
        cases.extend(self.changed_unseen(options, now).await?);
        let cases: Vec<String> = cases.into_iter().collect();
        for (unit, subject) in units_of_cases(self.store, &cases).await? {
            match subject {
                Some(_) => {
                    taken_up.gone.entry(unit.clone()).or_insert(subject);
                    taken_up.units.push(unit);
                }
                None => self.take_up(unit, window, taken_up).await?,
            }
        }
        if !options.dry_run {
            for case in &cases {
                self.store.doubt(case).await?;
            }
        }
        Ok(())
    }

    /// Cases of which a day has passed that somebody waits for.
    async fn due(&self, now: DateTime<Utc>) -> Result<BTreeSet<String>, PassError> {
        Ok(self.store.due_cases(&now.to_rfc3339()).await?)
    }

    /// Cases whose Tasks a person has answered since then.
    async fn answered(&self, since: Option<DateTime<Utc>>) -> Result<BTreeSet<String>, PassError> {
        let Some(since) = since else {
            return Ok(BTreeSet::new());
        };
        let base = &self.rules.base;
        let asked = terminology::uri(base, system::REVIEW_REASON);
        let parameters = [
            ("code", format!("{asked}|{SIGN_OFF},{asked}|{REVIEW}")),
            ("_lastUpdated", after(since)),
        ];
        let client = &self.publisher.client;
        let mut cases = BTreeSet::new();
        for task in found(client.search("Task", &parameters.map(owned))).await? {
            let Ok(task) = Json::parse(&task) else {
                continue;
            };
            let is_answered = (task.text_at("status")).is_some_and(|it| ANSWERED.contains(&it));
            let case = identifier_of(&task, base, "her2-case").filter(|_| is_answered);
            cases.extend(case.map(str::to_owned));
        }
        Ok(cases)
    }

    /// Cases that wait for an ISH whose order has changed since then.
    async fn cancelled_orders(
        &self,
        since: Option<DateTime<Utc>>,
    ) -> Result<BTreeSet<String>, PassError> {
        let mut cases = BTreeSet::new();
        let (Some(since), true) = (since, self.puller.reads_orders()) else {
            return Ok(cases);
        };
        let parameters = [
            ("code", self.rules.mapping.order_tokens().join(",")),
            ("_lastUpdated", after(since)),
        ];
        let pool = Pool::new(Some(self.puller.base()));
        let client = &self.publisher.reader;
        for order in found(client.search("ServiceRequest", &parameters.map(owned))).await? {
            let subject = Json::parse(&order).ok().and_then(|order| {
                let subject = Reference::read(order.get("subject")?);
                pool.key_of(&subject, "Patient", "ServiceRequest")
            });
            if let Some(subject) = subject {
                cases.extend(self.store.cases_of_subject(&subject).await?);
                // A record that was merged into another is no subject of a case, and watched by those of the other.
                cases.extend(self.store.cases_of_watched(&subject).await?);
            }
        }
        Ok(cases)
    }

    /// Cases of which a source, or a Task, is not what it was when it was looked at last, as far as it is time to look.
    async fn changed_unseen(
        &self,
        options: &PassOptions,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, PassError> {
        let mut cases = BTreeSet::new();
        let Some(after) = self.settings.recheck_after else {
            return Ok(cases);
        };
        let before = now - TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        let most = self.settings.recheck_at_most;
        let sources = self
            .store
            .looked_at_before(&before.to_rfc3339(), most)
            .await?;
        for Looked { source, version } in sources {
            if let Some(task) = source.strip_prefix("Task/") {
                if self.publisher.is_answered(task).await? {
                    cases.extend(self.store.cases_of_watched(&source).await?);
                }
                self.note_look(options, &source, now).await?;
                continue;
            }
            match self.has_changed(&source, version.as_deref()).await {
                Ok(true) => cases.extend(self.store.cases_of_watched(&source).await?),
                Ok(false) => {}
                Err(error) if ends_the_pass(&error) => return Err(error.into()),
                // It is looked at again by the next pass.
                Err(error) => {
                    tracing::warn!(%error, "a source could not be looked at again");
                    continue;
                }
            }
            self.note_look(options, &source, now).await?;
        }
        Ok(cases)
    }

    async fn note_look(
        &self,
        options: &PassOptions,
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<(), PassError> {
        match options.dry_run {
            true => Ok(()),
            false => Ok(self.store.note_look(source, &now.to_rfc3339()).await?),
        }
    }

    async fn has_changed(&self, source: &str, version: Option<&str>) -> Result<bool, ClientError> {
        let Some((kind, id)) = source.split_once('/') else {
            return Ok(false);
        };
        let answer = match version {
            Some(version) => self.publisher.reader.read_unless(kind, id, version).await?,
            None => Some(self.publisher.reader.read(kind, id).await?),
        };
        Ok(match answer {
            None => false,
            Some(ReadAnswer::Found { .. }) => true,
            Some(ReadAnswer::NotFound | ReadAnswer::Gone) => version.is_some(),
        })
    }

    /// Notes what the cases that were judged rest on, as it was read now, so that it is looked at again in time.
    pub(super) async fn watch(
        &self,
        cases: &BTreeSet<String>,
        derived: &Derived,
        pool: &Pool<'_>,
    ) -> Result<(), PassError> {
        let now = self.publisher.clock.now().to_rfc3339();
        let is_patient = |key: &&str| key.starts_with("Patient/");
        let patients: Vec<&str> = pool
            .all()
            .map(|it| it.key.as_str())
            .filter(is_patient)
            .collect();
        let specimens = Specimens::read(pool);
        for id in cases {
            let case = derived.cases.iter().find(|case| case.id == *id);
            let mut watched: BTreeSet<String> = (self.store.sources_of_case(id).await?.into_iter())
                .map(|source| source.split('#').next().unwrap_or_default().to_owned())
                .collect();
            let tissue = case.and_then(|case| case.tissue.as_deref());
            watched.extend(
                tissue
                    .into_iter()
                    .flat_map(|it| specimens.lineage(it))
                    .map(str::to_owned),
            );
            watched.extend(patients.iter().map(|patient| (*patient).to_owned()));
            watched.extend(case.and_then(|case| case.subject.clone()));
            let tasks = self.store.published(id).await?.map(|it| it.task_ids);
            watched.extend(
                tasks
                    .into_iter()
                    .flatten()
                    .map(|task| format!("Task/{task}")),
            );
            let watched: Vec<Looked> = (watched.into_iter())
                .filter(|source| is_literal(source))
                .map(|source| Looked {
                    version: pool.get(&source).and_then(|it| it.version.clone()),
                    source,
                })
                .collect();
            self.store.watch(id, &watched, &now).await?;
        }
        Ok(())
    }
}

/// The resources of all pages. A server that cannot search so leaves the rest to the look at each source by its id.
async fn found(pages: Pages) -> Result<Vec<String>, PassError> {
    let mut texts = Vec::new();
    match pages.read_all(&mut texts).await {
        Ok(()) => {}
        Err(error) if ends_the_pass(&error) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "the server does not tell what has changed; each source is looked at in time");
        }
    }
    Ok(texts)
}

/// Whether a key is `Type/id`, by which it can be read.
fn is_literal(source: &str) -> bool {
    source.split_once('/').is_some_and(|(kind, id)| {
        kind.chars().all(|it| it.is_ascii_alphabetic()) && !id.contains(['/', '|', ':', '#'])
    })
}

fn after(since: DateTime<Utc>) -> String {
    format!("ge{}", since.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn owned((name, value): (&str, String)) -> (String, String) {
    (name.to_owned(), value)
}
