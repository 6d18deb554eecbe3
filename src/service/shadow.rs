//! Shadow mode: everything but the write. The store stands in for the server, so that a second pass over the same evidence
//! finds nothing new, and what would have been written is held against what the laboratory reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::publish::{Change, Outcome};
use super::store::{Compared, PublishedCase, ShadowResult, Store, StoreError};
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::her2::decision::Status;
use crate::pipeline::lifecycle::{Move, ResultState};
use crate::pipeline::results::{Composer, Prior, Publishing, Resources};
use crate::pipeline::{CaseResult, Rules};

/// The status of a withdrawn result.
const WITHDRAWN: &str = "entered-in-error";

/// Keeps in the store what would have been written.
#[derive(Clone, Copy, Debug)]
pub struct Shadow<'s> {
    /// Our own memory.
    pub store: &'s Store,
    /// What decides.
    pub rules: &'s Rules,
    /// How results look.
    pub publishing: &'s Publishing,
}

/// What would stand for a case if the shadow had written.
enum Standing {
    Nothing,
    /// Written before shadow mode began.
    Published(PublishedCase),
    /// Kept in the store, with the number of its version.
    Kept(i64, ShadowResult),
}

impl Standing {
    fn has(&self, fingerprint: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Published(case) => case.fingerprint == fingerprint && case.status != WITHDRAWN,
            Self::Kept(_, result) => result.fingerprint == fingerprint && result.in_force,
        }
    }

    /// The version that stands. Of one that the server has, the store knows no more than its status and fingerprint.
    fn prior(&self, shadow: &Shadow<'_>) -> Option<Prior> {
        let read = |text: &str, version: &str| {
            let json = Json::parse(text).ok()?;
            let (base, codes) = (&shadow.rules.base, &shadow.publishing.codes);
            Some(Prior::read(&json, version, base, codes))
        };
        match self {
            Self::Nothing => None,
            Self::Published(case) if case.status.is_empty() => None,
            Self::Published(case) => {
                let status = format!(r#"{{"status":"{}"}}"#, case.status);
                let known = read(&status, case.etag.as_deref().unwrap_or_default())?;
                Some(Prior {
                    fingerprint: Some(case.fingerprint.clone()),
                    ..known
                })
            }
            Self::Kept(version, result) => {
                let kept = read(result.observation.as_deref()?, &version.to_string())?;
                Some(match result.in_force {
                    true => kept,
                    false => Prior {
                        state: ResultState::EnteredInError,
                        ..kept
                    },
                })
            }
        }
    }
}

impl Shadow<'_> {
    /// Keeps what would be written for a case, unless it is what stands.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn keep(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, StoreError> {
        let now = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let standing = self.standing(&case.id).await?;
        let stands = standing.has(&case.fingerprint);
        if stands && matches!(standing, Standing::Kept(..)) {
            return Ok(Outcome::Unchanged);
        }
        let prior = standing.prior(self);
        let composer = Composer::new(case, pool, self.rules, self.publishing, &now);
        let composed = |prior: Option<&Prior>| -> Result<Resources, Outcome> {
            (composer.compose(prior)).map_err(|_| Outcome::Failed("not-composable"))
        };
        let resources = match composed(prior.as_ref()) {
            Ok(resources) if resources.step == Move::Keep && prior.is_some() => {
                if matches!(standing, Standing::Kept(..)) {
                    return Ok(Outcome::Unchanged);
                }
                // What stands on the server says the same; its text is kept as it would be written now.
                composed(None)
            }
            composed => composed,
        };
        let resources = match resources {
            Ok(resources) => resources,
            Err(outcome) => return Ok(outcome),
        };
        let is_nothing = resources.observation.is_none()
            && resources.tasks.is_empty()
            && matches!(standing, Standing::Nothing);
        let reported: BTreeSet<&str> = (case.evidence.reported.iter())
            .map(|reported| reported.value.name())
            .collect();
        let result = ShadowResult {
            case_id: case.id.clone(),
            subject: case.subject.clone(),
            fingerprint: case.fingerprint.clone(),
            edition: case.edition.id().to_owned(),
            status: case.decision.status.name().to_owned(),
            category: case.decision.category.name().to_owned(),
            reported: reported.into_iter().collect::<Vec<_>>().join(" and "),
            in_force: true,
            is_view: case.is_patient_view(),
            observation: resources.observation.map(|observation| observation.text),
            judged_at: now,
        };
        let open = !stands && !is_nothing;
        // What stands on the server already is kept once too, so that it is compared.
        let last = self.store.last_shadow(&case.id).await?;
        if !last.is_some_and(|(_, last)| last.fingerprint == result.fingerprint && last.in_force) {
            self.store.add_shadow(&result, open).await?;
        }
        if !open {
            return Ok(Outcome::Unchanged);
        }
        let change = match (&result.observation, prior) {
            (None, _) => Change::Worklist,
            (Some(_), None) => Change::New,
            (Some(_), Some(_)) => Change::Revised,
        };
        Ok(Outcome::Would(change, Vec::new()))
    }

    /// Notes that the result of a case that has no evidence left would be withdrawn.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn withdraw(&self, case_id: &str, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
        let last = match self.standing(case_id).await? {
            Standing::Kept(_, result) if result.in_force => result,
            Standing::Published(case) if case.status != WITHDRAWN => ShadowResult {
                case_id: case.case_id,
                subject: case.subject,
                fingerprint: case.fingerprint,
                edition: String::new(),
                status: String::new(),
                category: String::new(),
                reported: String::new(),
                in_force: true,
                is_view: false,
                observation: None,
                judged_at: String::new(),
            },
            _ => return Ok(Outcome::Unchanged),
        };
        let ended = ShadowResult {
            in_force: false,
            judged_at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            ..last
        };
        self.store.add_shadow(&ended, true).await?;
        Ok(Outcome::Would(Change::Withdrawn, Vec::new()))
    }

    async fn standing(&self, case_id: &str) -> Result<Standing, StoreError> {
        if self.store.is_shadow_open(case_id).await?
            && let Some((count, result)) = self.store.last_shadow(case_id).await?
        {
            return Ok(Standing::Kept(count, result));
        }
        let published = self.store.published(case_id).await?;
        Ok(published.map_or(Standing::Nothing, Standing::Published))
    }
}

/// How the results of the shadow compare with what the laboratory reported.
#[derive(Clone, Debug, Default)]
pub struct Comparison(BTreeMap<String, OfEdition>);

/// The columns of one edition, which add up to its cases, and what met in them.
#[derive(Clone, Debug, Default)]
struct OfEdition {
    columns: BTreeMap<Column, u64>,
    pairs: BTreeMap<(Column, String, String), u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Agree,
    Differ,
    Silent,
    Undecided,
}

impl Column {
    const ALL: [Self; 4] = [Self::Agree, Self::Differ, Self::Silent, Self::Undecided];

    fn of(compared: &Compared) -> Self {
        if compared.status == Status::Insufficient.name() {
            Self::Undecided
        } else if compared.reported.is_empty() {
            Self::Silent
        } else if compared.reported == compared.status {
            Self::Agree
        } else {
            Self::Differ
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Differ => "differ",
            Self::Silent => "laboratory silent",
            Self::Undecided => "adapter undecided",
        }
    }
}

impl Comparison {
    /// Compares what the shadow has kept.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn read(store: &Store) -> Result<Self, StoreError> {
        let mut comparison = Self::default();
        for (compared, count) in store.compare_shadow().await? {
            let column = Column::of(&compared);
            let of_edition = comparison.0.entry(compared.edition).or_default();
            *of_edition.columns.entry(column).or_default() += count;
            let pair = (column, compared.reported, compared.status);
            *of_edition.pairs.entry(pair).or_default() += count;
        }
        Ok(comparison)
    }

    /// One line over all editions, such as `3 cases = 2 agree + 1 differ + 0 laboratory silent + 0 adapter undecided`.
    pub fn in_a_line(&self) -> String {
        let mut all: BTreeMap<Column, u64> = BTreeMap::new();
        for of_edition in self.0.values() {
            for (column, count) in &of_edition.columns {
                *all.entry(*column).or_default() += count;
            }
        }
        sum_line(&all)
    }
}

fn sum_line(columns: &BTreeMap<Column, u64>) -> String {
    let parts = Column::ALL.map(|column| {
        let count = columns.get(&column).copied().unwrap_or(0);
        format!("{count} {}", column.name())
    });
    format!(
        "{} cases = {}",
        columns.values().sum::<u64>(),
        parts.join(" + ")
    )
}

impl fmt::Display for Comparison {
    /// A paragraph for each edition: its columns, and below them each pair of report and result with how often it occurs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (edition, of_edition) in &self.0 {
            writeln!(formatter, "{edition}: {}", sum_line(&of_edition.columns))?;
            for ((column, reported, status), count) in &of_edition.pairs {
                let reported = match reported.as_str() {
                    "" => "nothing",
                    reported => reported,
                };
                writeln!(
                    formatter,
                    "{count:>8}  {:<17}  laboratory {reported}, adapter {status}",
                    column.name()
                )?;
            }
        }
        writeln!(formatter, "{}", self.in_a_line())
    }
}
