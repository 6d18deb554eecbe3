//! Two resources under one mark: the oldest stays, the others are entered in error, and a person is told.
//!
//! It happens where the server gives ids and two writers did not know of each other. Which is the oldest must not depend on
//! who asks, so it is read from the history, for a later update moves `lastUpdated`.

use super::dialect::Ids;
use super::standing::{Standing, WITHDRAWN};
use super::target::Own;
use super::trouble::{Trouble, code_of};
use super::{PublishError, Publisher};
use crate::fhir::json::Json;
use crate::pipeline::results::revised;
use crate::service::client::{PageEntry, Precondition};

impl Publisher<'_> {
    /// Looks for copies of a result that a search has shown under an id where it is not known to be.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub(in crate::service) async fn look_for_copies(
        &self,
        case_id: &str,
        server_id: &str,
    ) -> Result<(), PublishError> {
        if self.target.dialect.ids == Ids::Client || self.target.reads_from.is_some() {
            return Ok(());
        }
        let own = self.own_result(case_id);
        let address = self
            .store
            .address(&self.target.server, own.kind, &own.id)
            .await?;
        if address.as_deref() == Some(server_id) {
            return Ok(());
        }
        match self.keep_one_of_each(case_id).await {
            Err(Trouble::Pass(error)) => Err(error),
            Ok(()) | Err(Trouble::Case(_)) => Ok(()),
        }
    }

    /// Leaves one result and one of each Task of a case in force, and notes where they are.
    pub(super) async fn keep_one_of_each(&self, case_id: &str) -> Result<(), Trouble> {
        let own = self.own_result(case_id);
        let found = self.search_all(own.kind, &own.mark).await?;
        self.keep_one(&own, found).await?;
        for (id, found) in self.tasks_of(case_id).await? {
            self.keep_one(&self.own("Task", &id), found).await?;
        }
        Ok(())
    }

    pub(super) async fn keep_one(&self, own: &Own, found: Vec<Standing>) -> Result<(), Trouble> {
        match self.only_one(own, found).await? {
            Some(kept) => self.note_address(own.kind, &own.id, &kept.server_id).await,
            None => Ok(()),
        }
    }

    /// The one of several that stays: the oldest in force, else the oldest. The others in force are put out of it.
    pub(super) async fn only_one(
        &self,
        own: &Own,
        found: Vec<Standing>,
    ) -> Result<Option<Standing>, Trouble> {
        let (in_force, ended): (Vec<Standing>, Vec<Standing>) = found
            .into_iter()
            .partition(|standing| !standing.is_withdrawn());
        let candidates = if in_force.is_empty() { ended } else { in_force };
        let are_several = candidates.len() > 1;
        let mut by_age = Vec::new();
        for standing in candidates {
            let born = match are_several {
                true => self.born(own.kind, &standing.server_id).await,
                false => None,
            };
            let born = born.unwrap_or_default();
            // What a person has answered stays, whichever copy that is.
            let waits = own.kind == "Task" && standing.is_open();
            by_age.push(((waits, born, standing.server_id.clone()), standing));
        }
        by_age.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut by_age = by_age.into_iter().map(|(_, standing)| standing);
        let kept = by_age.next();
        let is_superfluous = |standing: &Standing| match own.kind {
            "Task" => standing.is_open(),
            _ => !standing.is_withdrawn(),
        };
        let later: Vec<Standing> = by_age.filter(is_superfluous).collect();
        if !later.is_empty() && matches!(own.kind, "Observation" | "Task") && !self.dry_run {
            tracing::error!(
                kind = own.kind,
                copies = later.len(),
                "a resource stands more than once on the server; the oldest stays, and the others are marked entered-in-error"
            );
            for copy in &later {
                self.put_out_of_force(own, copy).await?;
            }
        }
        Ok(kept)
    }

    /// When a resource was first written, as its history tells; `None` where the server keeps none.
    async fn born(&self, kind: &str, id: &str) -> Option<String> {
        let mut pages = self.client.history(kind, id);
        let mut earliest: Option<String> = None;
        while let Ok(Some(page)) = pages.next().await {
            for entry in page.entries {
                if let PageEntry::Resource { resource, .. } = entry
                    && let Ok(json) = Json::parse(&resource)
                    && let Some(at) = json
                        .get("meta")
                        .and_then(|meta| meta.text_at("lastUpdated"))
                    && earliest.as_deref().is_none_or(|earliest| at < earliest)
                {
                    earliest = Some(at.to_owned());
                }
            }
        }
        earliest
    }

    /// A copy that came later is entered in error, its value kept. Where somebody changes it just now, the next look finds
    /// it again.
    async fn put_out_of_force(&self, own: &Own, copy: &Standing) -> Result<(), Trouble> {
        let text = revised(&copy.text, &[("status", &format!("\"{WITHDRAWN}\""))])
            .ok_or_else(Trouble::not_composable)?;
        let precondition = Precondition::Version(copy.tag()?);
        let sent = self
            .client
            .put(own.kind, &copy.server_id, &text, precondition)
            .await;
        if let Err(error) = sent {
            tracing::warn!(
                code = code_of(&error),
                "a later copy could not be marked yet"
            );
        }
        Ok(())
    }
}
