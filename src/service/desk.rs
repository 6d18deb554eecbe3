//! The worklist at a terminal: what is open, what would be signed, and the answers of a person whose login is known.
//!
//! A signature is given to exactly the version that was looked at. The result is sighted first and its evidence read after
//! that, as in a pass; where the evidence no longer gives what stands, nothing is signed.

use std::collections::BTreeMap;

use super::client::ClientError;
use super::evidence::{Known, pool_of};
use super::history::Histories;
use super::publish::{
    Answering, Attempt, Outcome, PublishError, Publisher, Refusal, Reply, ends_the_pass,
};
use super::pull::{Puller, Texts};
use super::store::StoreError;
use crate::fhir::json::Json;
use crate::mapping::terminology::{self, FINAL_CHANGED, REVIEW, SIGN_OFF, system};
use crate::pipeline::sign_off::{Said, version_in};
use crate::pipeline::worklist::{Asked, OPEN, Shown};
use crate::pipeline::{CaseResult, Derived, derive};

/// What a person names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A Task of ours.
    Task(String),
    /// A case: the Task that asks for its signature.
    Case(String),
}

impl About {
    /// Reads `h2t-…` or `case-…`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('-')? {
            ("h2t", _) => Some(Self::Task(text.to_owned())),
            ("case", _) => Some(Self::Case(text.to_owned())),
            _ => None,
        }
    }
}

/// Why the desk cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// A person has to do something else first.
    #[error("{0}")]
    Refused(Refusal),
    /// The server cannot be reached, or accepts nobody.
    #[error("the FHIR server: {0}")]
    Server(#[from] ClientError),
    /// The store cannot be used.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
}

impl From<PublishError> for DeskError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Server(error) => Self::Server(error),
            PublishError::Store(error) => Self::Store(error),
        }
    }
}

impl From<Refusal> for DeskError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// This version of the result of a case is signed or rejected.
    Result {
        /// The case.
        case: String,
        /// The version that was looked at.
        version: String,
        /// The evidence has changed meanwhile, so the next pass looks at it.
        is_due: bool,
    },
    /// This Task is answered.
    Question(String),
}

/// The worklist of one server.
#[derive(Debug)]
pub struct Desk<'d> {
    /// What evidence is read with.
    pub puller: &'d Puller,
    /// What is written with.
    pub publisher: Publisher<'d>,
}

impl Desk<'_> {
    /// The Tasks of ours that are open, or all of them; what is due first comes first, then the oldest.
    ///
    /// # Errors
    /// [`DeskError`] when the server or the store cannot be used.
    pub async fn list(&self, also_answered: bool) -> Result<Vec<Asked>, DeskError> {
        let mut tasks = BTreeMap::new();
        match self.search(also_answered).await {
            Ok(texts) => {
                for text in texts {
                    self.enter(&text, &mut tasks);
                }
            }
            Err(error) if ends_the_pass(&error) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the server does not find Tasks by their code; those of the store are read one by one");
                for case in self.publisher.store.all_published().await? {
                    for id in case.task_ids {
                        if let Ok(text) = self.publisher.task(&id).await? {
                            self.enter(&text, &mut tasks);
                        }
                    }
                }
            }
        }
        let mut tasks: Vec<Asked> = (tasks.into_values())
            .filter(|asked: &Asked| also_answered || asked.is_open())
            .collect();
        let last = |due: &Option<String>| (due.is_none(), due.clone());
        tasks.sort_by_cached_key(|asked| {
            (
                last(&asked.due),
                last(&asked.asked_at),
                asked.case.clone(),
                asked.task.clone(),
            )
        });
        Ok(tasks)
    }

    fn enter(&self, text: &str, tasks: &mut BTreeMap<String, Asked>) {
        let asked = Json::parse(text)
            .ok()
            .and_then(|task| Asked::read(&task, &self.publisher.rules.base));
        if let Some(asked) = asked {
            tasks.insert(asked.task.clone(), asked);
        }
    }

    async fn search(&self, also_answered: bool) -> Result<Vec<String>, ClientError> {
        let asked = terminology::uri(&self.publisher.rules.base, system::REVIEW_REASON);
        let codes = [SIGN_OFF, REVIEW, FINAL_CHANGED].map(|code| format!("{asked}|{code}"));
        let mut parameters = vec![("code".to_owned(), codes.join(","))];
        if !also_answered {
            parameters.push(("status".to_owned(), OPEN.join(",")));
        }
        let mut texts = Vec::new();
        let pages = self.publisher.client.search("Task", &parameters);
        pages.read_all(&mut texts).await?;
        Ok(texts)
    }

    /// What is asked, the case as its evidence gives it now, the version that would be signed, and what became of it so far.
    ///
    /// # Errors
    /// [`DeskError`] when there is no such Task, or the server or the store cannot be used.
    pub async fn show(&self, about: &About) -> Result<Shown, DeskError> {
        let (asked, case) = match about {
            About::Task(id) => {
                let asked = self.asked(id).await?;
                let case = asked.0.case.clone();
                (Some(asked), case)
            }
            About::Case(case) => (self.sign_off_of(case).await?, Some(case.clone())),
        };
        let mut shown = Shown {
            asked,
            case: None,
            result: None,
            history: None,
        };
        let Some(case) = case else {
            return Ok(shown);
        };
        let histories = Histories {
            client: self.publisher.client,
            server: &self.publisher.target.server,
            store: self.publisher.store,
            base: &self.publisher.rules.base,
            codes: &self.publisher.publishing.codes,
        };
        let history = histories.of(&case).await?;
        shown.history = Some(history).filter(|history| !history.versions.is_empty());
        let now = self.publisher.clock.now();
        let sighting = self.publisher.sight(&case).await?;
        let texts = self.evidence_of(&case).await?;
        let pool = pool_of(&texts, self.puller.base());
        if let Some(found) = case_of(derive(&pool, self.publisher.rules), &case) {
            let looked = self.publisher.look(&found, &pool, &sighting, now).await?;
            shown.result = looked?;
            shown.case = Some(found);
        }
        Ok(shown)
    }

    /// Answers a Task, for a person who is known. For a signature it has to be said which version was looked at.
    ///
    /// # Errors
    /// [`DeskError`] when that is refused, or the server or the store cannot be used.
    pub async fn answer(
        &self,
        about: &About,
        said: &Said,
        version: Option<&str>,
    ) -> Result<Done, DeskError> {
        let (task, case) = match about {
            About::Case(case) => (None, case.clone()),
            About::Task(id) => {
                let (asked, _) = self.asked(id).await?;
                match asked.case.filter(|_| asked.code == SIGN_OFF) {
                    Some(case) => (Some(id.as_str()), case),
                    None => return self.answer_question(id, said).await,
                }
            }
        };
        let version = version.map(|text| version_in(text).unwrap_or_else(|| text.to_owned()));
        let now = self.publisher.clock.now();
        let sighting = self.publisher.sight(&case).await?;
        let texts = self.evidence_of(&case).await?;
        let pool = pool_of(&texts, self.puller.base());
        let Some(found) = case_of(derive(&pool, self.publisher.rules), &case) else {
            return Err(Refusal::PassIsDue.into());
        };
        // Named before the write, for then another version stands.
        let looked = self.publisher.look(&found, &pool, &sighting, now).await??;
        let stood = looked.as_ref().map(|it| it.version.clone());
        let sign_off = looked.and_then(|looked| looked.sign_off);
        let reply = Reply {
            task,
            version: version.as_deref(),
            said,
        };
        let answered = self
            .publisher
            .answer_sign_off(&found, &pool, &sighting, &reply, now)
            .await?;
        let is_due = match answered {
            Answering::Refused(refusal) => return Err(refusal.into()),
            Answering::Tried(Attempt::Done(Outcome::Written(_))) => false,
            Answering::Tried(Attempt::Done(Outcome::Retry(code) | Outcome::Failed(code))) => {
                return Err(Refusal::NotNow(code).into());
            }
            Answering::Tried(Attempt::Done(_)) => return Err(Refusal::NotNow("unchanged").into()),
            // Something has changed before the write or just after it; the Task tells which.
            Answering::Tried(Attempt::Again(code, _)) => match sign_off {
                Some(task) if !self.asked(&task).await?.0.is_open() => true,
                _ => return Err(Refusal::NotNow(code).into()),
            },
        };
        Ok(Done::Result {
            case,
            version: stood.unwrap_or_default(),
            is_due,
        })
    }

    async fn answer_question(&self, task: &str, said: &Said) -> Result<Done, DeskError> {
        let now = self.publisher.clock.now();
        match self.publisher.answer_question(task, said, now).await? {
            Answering::Refused(refusal) => Err(refusal.into()),
            Answering::Tried(Attempt::Done(Outcome::Written(_))) => {
                Ok(Done::Question(task.to_owned()))
            }
            Answering::Tried(
                Attempt::Done(Outcome::Retry(code) | Outcome::Failed(code))
                | Attempt::Again(code, _),
            ) => Err(Refusal::NotNow(code).into()),
            Answering::Tried(Attempt::Done(_)) => Err(Refusal::NotNow("unchanged").into()),
        }
    }

    /// A Task of ours, and what it says in words.
    async fn asked(&self, id: &str) -> Result<(Asked, String), DeskError> {
        let text = self.publisher.task(id).await??;
        let task = Json::parse(&text).ok();
        let read = task.as_ref().and_then(|task| {
            let asked = Asked::read(task, &self.publisher.rules.base)?;
            Some((
                asked,
                task.text_at("description").unwrap_or_default().to_owned(),
            ))
        });
        Ok(read.ok_or_else(|| Refusal::NoSuchTask(id.to_owned()))?)
    }

    /// The Task that asks for the signature of a case, if one is open.
    async fn sign_off_of(&self, case: &str) -> Result<Option<(Asked, String)>, DeskError> {
        for id in self.publisher.task_ids(case).await?? {
            match self.asked(&id).await {
                Ok(asked) if asked.0.is_sign_off() && asked.0.is_open() => return Ok(Some(asked)),
                Ok(_) | Err(DeskError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn evidence_of(&self, case: &str) -> Result<Texts, DeskError> {
        let known = Known::of(self.publisher.store, case).await?;
        Ok(known.read(self.puller, self.publisher.rules).await?)
    }
}

fn case_of(derived: Derived, id: &str) -> Option<CaseResult> {
    derived.cases.into_iter().find(|case| case.id == id)
}
