//! What a case that the store knows rests on, read anew.

use std::collections::BTreeSet;

use super::client::ClientError;
use super::pull::{Puller, Texts};
use super::store::{Store, StoreError};
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::pipeline::Rules;

/// What a case rests on, as far as the store knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The patient.
    pub subject: Option<String>,
    /// Its sources, and those of the patient's other results.
    pub sources: BTreeSet<String>,
}

impl Known {
    /// What the store knows of a case; nothing where no pass has seen it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn of(store: &Store, case: &str) -> Result<Self, StoreError> {
        let published = store.published(case).await?;
        let shadow = store.last_shadow(case).await?;
        let subject = published
            .and_then(|published| published.subject)
            .or_else(|| shadow.and_then(|(_, result)| result.subject));
        let mut sources = BTreeSet::from_iter(store.sources_of_case(case).await?);
        if let Some(subject) = &subject {
            for other in store.cases_of_subject(subject).await? {
                sources.extend(store.sources_of_case(&other).await?);
            }
        }
        Ok(Self { subject, sources })
    }

    /// All of that as it stands on the server, each read by its id.
    ///
    /// # Errors
    /// [`ClientError`] when the server cannot be read.
    pub async fn read(&self, puller: &Puller, rules: &Rules) -> Result<Texts, ClientError> {
        let subject = self.subject.as_deref();
        puller
            .neighbourhood(subject, &Texts::new(), &self.sources, true, rules)
            .await
    }
}

/// The resources of some texts together. What is no resource was rejected when it was pulled.
pub fn pool_of<'t>(texts: &'t Texts, base: &str) -> Pool<'t> {
    let mut pool = Pool::new(Some(base));
    for text in texts.values() {
        if let Ok(json) = Json::parse(text) {
            let _ = pool.add(json, None, "the server");
        }
    }
    pool
}
