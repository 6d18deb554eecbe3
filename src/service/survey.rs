//! Which codes stand on a server, as a pass would meet them; nothing is written and nothing decided.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::client::ClientError;
use super::pass::by_subject;
use super::pull::Puller;
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::mapping::coverage::Coverage;
use crate::pipeline::Rules;
use crate::pipeline::coverage::coverage;

/// The codes of HER2 results and pathology reports that changed since a moment, with everything that belongs to them.
/// What stands under unknown codes in no known report is found by no search.
///
/// # Errors
/// [`ClientError`] when the server cannot be read.
pub async fn survey(
    puller: &Puller,
    rules: &Rules,
    since: Option<DateTime<Utc>>,
) -> Result<Coverage, ClientError> {
    let mut window = puller.window(since, rules).await?;
    for rejected in &window.rejected {
        tracing::warn!("not readable: {} ({})", rejected.why, rejected.place);
    }
    let mut surveyed = Coverage::default();
    let mut counted = BTreeSet::new();
    for (subject, patient) in by_subject(&mut window, &BTreeMap::new(), puller.base()) {
        let texts = puller
            .neighbourhood(
                subject.as_deref(),
                &patient.texts,
                &BTreeSet::new(),
                false,
                rules,
            )
            .await?;
        let mut pool = Pool::new(Some(puller.base()));
        for text in texts.values() {
            if let Ok(json) = Json::parse(text) {
                // What is no resource holds no code.
                let _ = pool.add(json, None, "the server");
            }
        }
        surveyed.add(coverage(&pool, rules, &mut counted));
    }
    Ok(surveyed)
}
