//! Entries of the server's answers that are no resources, named on the worklist once.

use chrono::{DateTime, Utc};

use super::bundle::{Condition, Entry};
use super::standing::Found;
use super::trouble::Trouble;
use super::{Attempt, Change, Outcome, PublishError, Publisher, given_up, instant};
use crate::fhir::pool::Rejected;
use crate::pipeline::results::unreadable_entry;

const MOST_JUDGEMENTS: u32 = 4;

impl Publisher<'_> {
    /// Puts an entry that cannot be read on the worklist, once.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub async fn name_unreadable(
        &self,
        rejected: &Rejected,
        now: DateTime<Utc>,
    ) -> Result<Outcome, PublishError> {
        let mut last = "ambiguous";
        for judgement in 1..=MOST_JUDGEMENTS {
            match self.name_once(rejected, now).await {
                Ok(Attempt::Done(outcome)) | Err(Trouble::Case(outcome)) => return Ok(outcome),
                Err(Trouble::Pass(error)) => return Err(error),
                Ok(Attempt::Again(why, wait)) => {
                    last = why;
                    if judgement == MOST_JUDGEMENTS || !wait.keep(judgement, &self.clock).await {
                        break;
                    }
                }
            }
        }
        Ok(given_up(last))
    }

    async fn name_once(&self, rejected: &Rejected, now: DateTime<Utc>) -> Result<Attempt, Trouble> {
        let release = self.publishing.release;
        let task = unreadable_entry(rejected, &self.rules.base, release, &instant(now))
            .map_err(|_| Trouble::not_composable())?;
        match self.find(&self.own("Task", &task.id)).await? {
            Found::Nothing => {}
            Found::Deleted | Found::Standing(_) => return Ok(Attempt::Done(Outcome::Unchanged)),
        }
        let entries = [Entry {
            written: task,
            condition: Condition::New,
        }];
        if self.dry_run {
            let lines = self.would_change(&entries, None).await?;
            return Ok(Attempt::Done(Outcome::Would(Change::Worklist, lines)));
        }
        Ok(match self.deliver(&entries).await? {
            Ok(_) => Attempt::Done(Outcome::Written(Change::Worklist)),
            Err(missed) => missed.then,
        })
    }
}
