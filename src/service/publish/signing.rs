//! Signatures: what a person has answered by the sign-off Task of a version is read, and the version signed or rejected,
//! provided that it still stands.

use super::bundle::{Condition, Entry};
use super::standing::{Found, Standing};
use super::trouble::Trouble;
use super::{Attempt, Change, Judged, Outcome, PublishError, Publisher, Wait, instant};
use crate::fhir::json::Json;
use crate::pipeline::results::{Composer, Prior, Resources, Signature, Verdict};
use crate::pipeline::sign_off::{Answered, Follows, answer, follows};

impl Publisher<'_> {
    /// What follows from the answer of the sign-off Task, if there is one.
    pub(super) async fn answered(
        &self,
        resources: &Resources,
        standing: &Prior,
    ) -> Result<Follows, Trouble> {
        // A version that is about to be replaced is not signed any more.
        let Some(sign_off) = resources
            .sign_off
            .as_ref()
            .filter(|_| resources.observation.is_none())
        else {
            return Ok(Follows::Nothing);
        };
        let Found::Standing(task) = self.find(&self.own("Task", sign_off)).await? else {
            return Ok(Follows::Nothing);
        };
        let answered = Json::parse(&task.text).map_or(Answered::Not, |task| {
            answer(&task, sign_off, &self.publishing.signing)
        });
        let has_open_questions = match &answered {
            Answered::Said { .. } => !self.open_questions(resources).await?.is_empty(),
            Answered::Not | Answered::Flawed(_) => false,
        };
        let follows = follows(answered, standing, has_open_questions);
        match &follows {
            Follows::AskAgain(flaw) => {
                tracing::warn!(
                    task = sign_off,
                    "a signature does not count: {}",
                    flaw.words()
                );
            }
            Follows::Wait => tracing::info!(
                task = sign_off,
                "a result is signed and waits for the answers to open questions"
            ),
            Follows::Sign(_) | Follows::Nothing => {}
        }
        Ok(follows)
    }

    /// Whether a Task of ours is no longer open.
    ///
    /// # Errors
    /// [`PublishError`] when the whole pass must end.
    pub(in crate::service) async fn is_answered(&self, task: &str) -> Result<bool, PublishError> {
        match self.find(&self.own("Task", task)).await {
            Ok(Found::Standing(task)) => Ok(!task.is_open()),
            Ok(Found::Nothing | Found::Deleted) | Err(Trouble::Case(_)) => Ok(false),
            Err(Trouble::Pass(error)) => Err(error),
        }
    }

    /// Signs or rejects the version that stands, on condition that it does and that its inputs are as they were read.
    /// `answered` is the Task that asked, where it is completed by us; it is written last, so that no Task is completed
    /// whose signature has not arrived.
    pub(super) async fn sign(
        &self,
        judged: &Judged<'_>,
        standing: &Standing,
        prior: &Prior,
        signature: &Signature,
        answered: Option<Entry>,
    ) -> Result<Attempt, Trouble> {
        let now = instant(judged.now);
        let (case, pool) = (judged.case, judged.pool);
        let composer = Composer::new(case, pool, self.rules, self.publishing, &now);
        let [result, mut provenance] = composer
            .signed(&standing.text, prior, signature)
            .map_err(|_| Trouble::not_composable())?;
        self.lead_to_inputs(&mut provenance, Some(&signature.signer))?;
        let mut entries = vec![
            Entry {
                written: result,
                condition: standing.unchanged()?,
            },
            Entry {
                written: provenance,
                condition: Condition::Immutable,
            },
        ];
        entries.extend(answered);
        let change = match signature.verdict {
            Verdict::Accept => Change::Signed,
            Verdict::Reject => Change::Rejected,
        };
        if self.dry_run {
            let lines = self.would_change(&entries, Some(standing)).await?;
            return Ok(Attempt::Done(Outcome::Would(change, lines)));
        }
        if let Some(why) = self.outrun(case, Some(standing), change).await? {
            return Ok(Attempt::Again(why, Wait::Not));
        }
        self.send(judged, &entries, None, change).await
    }
}
