//! What a person answers at a terminal: the version that stands is signed or rejected together with the Task that asks
//! for it, and a question is answered.
//!
//! A signature by a Task that somebody completed on the server takes the same way from [`Publisher::sign`] on; here the
//! Task is written with it.

use std::fmt;

use chrono::{DateTime, Utc};

use super::bundle::{Condition, Entry};
use super::standing::{Found, Standing};
use super::trouble::Trouble;
use super::{
    Attempt, Change, Intent, Judged, Outcome, PublishError, Publisher, Sighting, Wait, instant,
};
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::pipeline::CaseResult;
use crate::pipeline::lifecycle::ResultState;
use crate::pipeline::results::{Prior, Resources, Signature, Verdict, Written};
use crate::pipeline::sign_off::{Said, answered_question, signed_task};
use crate::pipeline::worklist::{Asked, Looked};

/// Why nothing is done about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server has no such Task of ours.
    NoSuchTask(String),
    /// Nobody waits for an answer any more.
    Closed {
        /// The Task.
        task: String,
        /// Its status.
        status: String,
    },
    /// The result is not one that waits for a signature; how far it has come.
    NothingToSign(ResultState),
    /// A person has rejected it, and its evidence is the same since then.
    IsRejected,
    /// The Task is about earlier evidence; another asks now.
    AsksNoMore(String),
    /// Another version stands than the one that was looked at.
    OtherVersion {
        /// The one that stands.
        stands: String,
    },
    /// Nobody has said which version was looked at.
    NoVersion {
        /// The one that stands.
        stands: String,
    },
    /// Questions about the case are open: Tasks, each with its reason.
    OpenQuestions(Vec<String>),
    /// What stands is not what the evidence gives now.
    PassIsDue,
    /// Something of it was changed meanwhile, or cannot be written now; why, as a code.
    NotNow(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTask(task) => write!(formatter, "the server has no Task {task} of ours"),
            Self::Closed { task, status } => {
                write!(formatter, "{task} is {status}: nobody waits for an answer")
            }
            Self::NothingToSign(state) => write!(
                formatter,
                "the result is {}, so there is nothing to sign",
                state.name()
            ),
            Self::IsRejected => write!(
                formatter,
                "the result is rejected, and is asked about again when its evidence changes"
            ),
            Self::AsksNoMore(now) => write!(
                formatter,
                "that Task is about earlier evidence; {now} asks for the signature now"
            ),
            Self::OtherVersion { stands } => write!(
                formatter,
                "version {stands} of the result stands, and not the one that was looked at; look at it first"
            ),
            Self::NoVersion { stands } => write!(
                formatter,
                "name the version that was looked at, by --version: version {stands} stands"
            ),
            Self::OpenQuestions(tasks) => write!(
                formatter,
                "questions about the case are open, and are answered first: {}",
                tasks.join(", ")
            ),
            Self::PassIsDue => write!(
                formatter,
                "what stands is not what the evidence gives now; a pass is due, by `her2-adapter run` or `replay --case`"
            ),
            Self::NotNow(code) => write!(formatter, "nothing was written now ({code}); try again"),
        }
    }
}

/// What a person has said of a result at the terminal.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Reply<'r> {
    /// The Task that is answered; without one, the one that asks.
    pub(in crate::service) task: Option<&'r str>,
    /// The version of the result that was looked at.
    pub(in crate::service) version: Option<&'r str>,
    /// What was said, and by whom.
    pub(in crate::service) said: &'r Said,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) enum Answering {
    /// Nothing was written.
    Refused(Refusal),
    /// It was written, or that was tried.
    Tried(Attempt),
}

impl From<Attempt> for Answering {
    fn from(attempt: Attempt) -> Self {
        Self::Tried(attempt)
    }
}

impl From<Refusal> for Answering {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Publisher<'_> {
    /// The text of a Task of ours.
    ///
    /// # Errors
    /// [`PublishError`] when the server or the store cannot be used.
    pub(in crate::service) async fn task(
        &self,
        id: &str,
    ) -> Result<Result<String, Refusal>, PublishError> {
        settled(async {
            match self.find(&self.own("Task", id)).await? {
                Found::Standing(task) => Ok(Ok(task.text)),
                Found::Nothing | Found::Deleted => Ok(Err(Refusal::NoSuchTask(id.to_owned()))),
            }
        })
        .await
    }

    /// The ids of all Tasks of a case.
    ///
    /// # Errors
    /// [`PublishError`] when the server or the store cannot be used.
    pub(in crate::service) async fn task_ids(
        &self,
        case_id: &str,
    ) -> Result<Result<Vec<String>, Refusal>, PublishError> {
        settled(async {
            let ids = self.earlier_tasks(case_id).await?;
            Ok(Ok(ids.into_iter().collect()))
        })
        .await
    }

    /// The result of a case as it stands, held against its evidence; nothing where none stands.
    ///
    /// # Errors
    /// [`PublishError`] when the server or the store cannot be used.
    pub(in crate::service) async fn look(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        sighting: &Sighting,
        now: DateTime<Utc>,
    ) -> Result<Result<Option<Looked>, Refusal>, PublishError> {
        settled(async {
            let Some(standing) = sighting.0.clone().map_err(Trouble::Case)? else {
                return Ok(Ok(None));
            };
            let prior = self.prior(&standing)?;
            let resources = self.composed(case, pool, Some(&prior), now).await?;
            Ok(Ok(Some(Looked {
                open_questions: self.open_questions(&resources).await?,
                version: prior.version,
                observation_status: standing.status,
                is_due: resources.observation.is_some(),
                reflex_due: self.publishing.reflex.due(case),
                sign_off: resources.sign_off,
            })))
        })
        .await
    }

    /// Signs or rejects the result of a case and completes the Task that asks for it, provided that everything is as the
    /// person saw it, the version of the result above all.
    ///
    /// # Errors
    /// [`PublishError`] when the server or the store cannot be used.
    pub(in crate::service) async fn answer_sign_off(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        sighting: &Sighting,
        reply: &Reply<'_>,
        now: DateTime<Utc>,
    ) -> Result<Answering, PublishError> {
        let Reply {
            task,
            version,
            said,
        } = *reply;
        self.alone(&case.id, now, async || {
            let Some(standing) = sighting.0.clone().map_err(Trouble::Case)? else {
                return Ok(Refusal::NothingToSign(ResultState::NeverWritten).into());
            };
            if let Some(attempt) = self.finish_intent(&case.id, Some(&standing), now).await? {
                return Ok(attempt.into());
            }
            if self.is_older_than_written(case, pool).await? {
                return Ok(Attempt::Again("older-input", Wait::Backoff).into());
            }
            let prior = self.prior(&standing)?;
            if version.is_some_and(|version| version != prior.version) {
                let stands = prior.version;
                return Ok(Refusal::OtherVersion { stands }.into());
            }
            let resources = self.composed(case, pool, Some(&prior), now).await?;
            let asked = match self.asked(&resources, &prior, task).await? {
                Ok(asked) => asked,
                Err(refusal) => return Ok(refusal.into()),
            };
            if said.verdict == Verdict::Accept {
                let open = self.open_questions(&resources).await?;
                if !open.is_empty() {
                    return Ok(Refusal::OpenQuestions(open).into());
                }
            }
            if version.is_none() {
                let stands = prior.version;
                return Ok(Refusal::NoVersion { stands }.into());
            }
            let (id, asked) = asked;
            let signature = Signature {
                verdict: said.verdict,
                reason: said.reason.clone(),
                signer: said.signer.clone(),
                task: id.clone(),
            };
            let text = signed_task(&asked.text, said, &prior.version, &instant(now));
            let answered = Entry {
                written: Written {
                    kind: "Task",
                    id,
                    text: text.ok_or_else(Trouble::not_composable)?,
                },
                condition: asked.unchanged()?,
            };
            let judged = Judged {
                case,
                pool,
                resources: &resources,
                now,
            };
            // An interruption leaves an intent, and no change of a source would lead to it.
            self.look_again(&case.id, now).await?;
            let signed = self.sign(&judged, &standing, &prior, &signature, Some(answered));
            Ok(signed.await?.into())
        })
        .await
    }

    /// The open Task that asks for a signature of what stands, or why there is none to answer.
    async fn asked(
        &self,
        resources: &Resources,
        prior: &Prior,
        task: Option<&str>,
    ) -> Result<Result<(String, Standing), Refusal>, Trouble> {
        if resources.observation.is_some() {
            return Ok(Err(Refusal::PassIsDue));
        }
        let Some(sign_off) = &resources.sign_off else {
            let is_rejected = prior.rejection.is_some() && prior.state != ResultState::Final;
            return Ok(Err(match is_rejected {
                true => Refusal::IsRejected,
                false => Refusal::NothingToSign(prior.state),
            }));
        };
        if task.is_some_and(|task| task != sign_off) {
            return Ok(Err(Refusal::AsksNoMore(sign_off.clone())));
        }
        Ok(match self.find(&self.own("Task", sign_off)).await? {
            Found::Standing(asked) if asked.is_open() => Ok((sign_off.clone(), asked)),
            Found::Standing(asked) => Err(Refusal::Closed {
                task: sign_off.clone(),
                status: asked.status,
            }),
            Found::Deleted => Err(Refusal::NoSuchTask(sign_off.clone())),
            Found::Nothing => Err(Refusal::PassIsDue),
        })
    }

    /// Completes the Task of a question, provided that nobody has changed it.
    ///
    /// # Errors
    /// [`PublishError`] when the server or the store cannot be used.
    pub(in crate::service) async fn answer_question(
        &self,
        task: &str,
        said: &Said,
        now: DateTime<Utc>,
    ) -> Result<Answering, PublishError> {
        self.alone(task, now, async || {
            let asked = match self.find(&self.own("Task", task)).await? {
                Found::Standing(asked) if asked.is_open() => asked,
                Found::Standing(asked) => {
                    let (task, status) = (task.to_owned(), asked.status);
                    return Ok(Refusal::Closed { task, status }.into());
                }
                Found::Nothing | Found::Deleted => {
                    return Ok(Refusal::NoSuchTask(task.to_owned()).into());
                }
            };
            let read = Json::parse(&asked.text).ok();
            let case = read
                .and_then(|task| Asked::read(&task, &self.rules.base))
                .and_then(|asked| asked.case);
            let text = answered_question(&asked.text, said, &instant(now));
            let entry = Entry {
                written: Written {
                    kind: "Task",
                    id: task.to_owned(),
                    text: text.ok_or_else(Trouble::not_composable)?,
                },
                condition: asked.unchanged()?,
            };
            let versions = match self.deliver(std::slice::from_ref(&entry)).await? {
                Ok(versions) => versions,
                Err(missed) => return Ok(missed.then.into()),
            };
            if let Some(case) = case {
                let (server, print) = (&self.target.server, asked.fingerprint.as_deref());
                (self.store)
                    .keep(&case, server, print, &versions, &instant(now))
                    .await?;
                // A signature may have waited for it.
                self.look_again(&case, now).await?;
            }
            Ok(Attempt::Done(Outcome::Written(Change::Worklist)).into())
        })
        .await
    }

    /// Has the next pass look at a case, whatever has changed.
    async fn look_again(&self, case_id: &str, now: DateTime<Utc>) -> Result<(), Trouble> {
        Ok(self.store.set_due(case_id, Some(&instant(now))).await?)
    }

    /// The Tasks of an intent that were completed with its signature and are still open: what an interruption left out.
    pub(super) async fn left_unanswered(&self, intent: &Intent) -> Result<Vec<Entry>, Trouble> {
        let mut entries = Vec::new();
        for sent in intent.entries.iter().filter(|sent| sent.kind == "Task") {
            let is_answer = Json::parse(&sent.text)
                .is_ok_and(|task| task.text_at("status") == Some("completed"));
            if !is_answer {
                continue;
            }
            if let Found::Standing(task) = self.find(&self.own("Task", &sent.own_id)).await?
                && task.is_open()
            {
                let condition: Condition = task.unchanged()?;
                let written = Written {
                    kind: "Task",
                    id: sent.own_id.clone(),
                    text: sent.text.clone(),
                };
                entries.push(Entry { written, condition });
            }
        }
        Ok(entries)
    }
}

/// Trouble with one case is a reason to refuse; any other ends the work.
async fn settled<T>(
    act: impl Future<Output = Result<Result<T, Refusal>, Trouble>>,
) -> Result<Result<T, Refusal>, PublishError> {
    match act.await {
        Ok(settled) => Ok(settled),
        Err(Trouble::Case(Outcome::Retry(code) | Outcome::Failed(code))) => {
            Ok(Err(Refusal::NotNow(code)))
        }
        Err(Trouble::Case(_)) => Ok(Err(Refusal::NotNow("not-written"))),
        Err(Trouble::Pass(error)) => Err(error),
    }
}
