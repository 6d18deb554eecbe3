//! The history of a case, from the server that is written to and the copies in the store.

use super::client::{ClientError, FhirClient, Pages};
use super::store::{Store, StoreError, WrittenVersion};
use crate::fhir::json::Json;
use crate::mapping::output::OutputCodes;
use crate::pipeline::history::{CaseHistory, Texts, history};
use crate::pipeline::results::observation_id;

/// Where the history of cases is found.
#[derive(Clone, Copy, Debug)]
pub struct Histories<'h> {
    /// The server that is written to.
    pub client: &'h FhirClient,
    /// Its base URL, as the store names it.
    pub server: &'h str,
    /// The store.
    pub store: &'h Store,
    /// Prefix of our identifiers.
    pub base: &'h str,
    /// The codes that are written.
    pub codes: &'h OutputCodes,
}

impl Histories<'_> {
    /// What became of a case. A server that keeps no history, or cannot be asked now, leaves it to the copies.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn of(&self, case: &str) -> Result<CaseHistory, StoreError> {
        let own_id = observation_id(case);
        let kept = self.store.written_versions(case).await?;
        let address = self.store.address(self.server, "Observation", &own_id);
        let id = address.await?.unwrap_or(own_id);
        let copies = |kind: &str| -> Vec<WrittenVersion> {
            let of_kind = kept.iter().filter(|it| it.kind == kind);
            of_kind.cloned().collect()
        };
        let of_copy = |copy: WrittenVersion| (copy.version, copy.text);
        let mut results: Vec<(Option<String>, String)> =
            copies("Observation").into_iter().map(of_copy).collect();
        match all(self.client.history("Observation", &id)).await {
            Ok(stood) if stood.len() >= results.len() => {
                results = in_order(stood)
                    .into_iter()
                    .map(|text| (None, text))
                    .collect();
            }
            Ok(_) | Err(ClientError::NotFound | ClientError::Gone) => {}
            Err(error) => {
                tracing::warn!(%error, "the server does not tell the history of the result; the copies of the store do");
            }
        }
        let mut provenances: Vec<String> = (copies("Provenance").into_iter())
            .map(|copy| copy.text)
            .collect();
        let about = ("target".to_owned(), format!("Observation/{id}"));
        match all(self.client.search("Provenance", &[about])).await {
            Ok(found) => provenances.extend(in_order(found)),
            Err(error) => {
                tracing::debug!(%error, "the server does not find Provenances by their target");
            }
        }
        let texts = Texts {
            results,
            provenances,
            tasks: (copies("Task").into_iter()).map(|copy| copy.text).collect(),
        };
        Ok(history(case, &texts, self.base, self.codes))
    }
}

async fn all(pages: Pages) -> Result<Vec<String>, ClientError> {
    let mut texts = Vec::new();
    pages.read_all(&mut texts).await?;
    Ok(texts)
}

/// Oldest first: by when the server stored them, and a history comes with the newest first.
fn in_order(mut texts: Vec<String>) -> Vec<String> {
    texts.reverse();
    texts.sort_by_cached_key(|text| {
        let json = Json::parse(text).ok();
        let meta = json.as_ref().and_then(|json| json.get("meta"));
        let stored = meta.and_then(|meta| meta.text_at("lastUpdated"));
        stored.and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok())
    });
    texts
}
