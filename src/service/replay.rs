//! Cases that are put back to work, and the units by which a pass takes them up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::store::{Store, StoreError};

/// Which cases a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// One case.
    Case(String),
    /// What an earlier pass left open for this reason, and since then, if either is given.
    LeftOpen(Option<&'static str>, Option<DateTime<Utc>>),
    /// What was written or left open since then.
    Since(DateTime<Utc>),
    /// Every published case.
    Published,
}

impl Selection {
    /// The units of the selection, each with its patient where a case of it tells.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn units(
        &self,
        store: &Store,
    ) -> Result<BTreeMap<String, Option<String>>, StoreError> {
        match self {
            Self::Case(case) => units_of_cases(store, std::slice::from_ref(case)).await,
            Self::LeftOpen(reason, since) => left_open(store, *reason, *since).await,
            Self::Since(since) => {
                let written = store.written_since(&since.to_rfc3339()).await?;
                let mut units = units_of_cases(store, &written).await?;
                for (unit, subject) in left_open(store, None, Some(*since)).await? {
                    units.entry(unit).or_insert(subject);
                }
                Ok(units)
            }
            Self::Published => {
                let cases = store.all_published().await?;
                let cases: Vec<String> = cases.into_iter().map(|case| case.case_id).collect();
                units_of_cases(store, &cases).await
            }
        }
    }
}

async fn left_open(
    store: &Store,
    reason: Option<&str>,
    since: Option<DateTime<Utc>>,
) -> Result<BTreeMap<String, Option<String>>, StoreError> {
    let is_since = |at: &str| match (since, DateTime::parse_from_rfc3339(at)) {
        (Some(since), Ok(at)) => at >= since,
        _ => true,
    };
    let parked = store.parked().await?;
    Ok(parked
        .into_iter()
        .filter(|parked| reason.is_none_or(|reason| parked.why == reason))
        .filter(|parked| is_since(&parked.since))
        .map(|parked| (parked.unit, None))
        .collect())
}

/// The units through which a pass meets these cases: the reports they rest on or, where there is none, the Observations.
/// Each with the patient of the case, as far as one is known.
pub(super) async fn units_of_cases(
    store: &Store,
    cases: &[String],
) -> Result<BTreeMap<String, Option<String>>, StoreError> {
    let mut units = BTreeMap::new();
    for case in cases {
        let published = store.published(case).await?;
        let mut subject = published.and_then(|published| published.subject);
        if subject.is_none() {
            let shadow = store.last_shadow(case).await?;
            subject = shadow.and_then(|(_, result)| result.subject);
        }
        let sources = store.sources_of_case(case).await?;
        let of_kind = |kind: &str| -> Vec<String> {
            (sources.iter())
                .filter(|source| source.starts_with(kind) && !source.contains(['#', '|']))
                .cloned()
                .collect()
        };
        let mut found = of_kind("DiagnosticReport/");
        if found.is_empty() {
            found = of_kind("Observation/");
        }
        for unit in found {
            units.insert(unit, subject.clone());
        }
    }
    Ok(units)
}
