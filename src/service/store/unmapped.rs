//! The quarantine: codes of HER2 results that nobody has mapped yet, and the resources that hold them.
//!
//! How often a code occurs is the number of resources whose last version seen holds it, so that seeing one again adds
//! nothing. A code leaves when the mapping knows it, or when no resource holds it any more.

use std::collections::BTreeMap;

use sqlx::{Row, Sqlite, Transaction};

use super::{Store, StoreError, instant};
use crate::her2::evidence::Source;
use crate::mapping::coverage::{CodeKey, Coverage, PlaceKind, Quarantined};

impl Store {
    /// Notes the unmapped codes of some resources, in place of what was noted of the same resources before.
    pub async fn quarantine(
        &self,
        resources: &[&str],
        coverage: &Coverage,
        now: &str,
    ) -> Result<(), StoreError> {
        let now = instant(now)?;
        let mut found: BTreeMap<&str, BTreeMap<&CodeKey, (&Source, Option<&str>)>> = (resources
            .iter())
        .map(|resource| (*resource, BTreeMap::new()))
        .collect();
        for (key, row) in coverage.unmapped() {
            for source in &row.sources {
                (found.entry(owner_of(source)).or_default()).insert(key, (source, row.display()));
            }
        }
        let mut transaction = self.begin().await?;
        for (resource, mut codes) in found {
            for (key, version) in noted(&mut transaction, resource).await? {
                match codes.get(&key) {
                    Some((source, _)) if version == version_of(source) => {
                        codes.remove(&key);
                    }
                    Some(_) => {}
                    None => forget(&mut transaction, resource, &key).await?,
                }
            }
            for (key, (source, display)) in codes {
                note_code(&mut transaction, key, display, &now).await?;
                note_source(&mut transaction, key, resource, version_of(source)).await?;
            }
        }
        forget_empty(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The quarantine, by kind, system and code.
    pub async fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let rows = sqlx::query(
            "SELECT code.kind, code.system, code.code, display, first_seen, last_seen,
                    COUNT(*) AS count, MIN(source) AS example
             FROM unmapped AS code JOIN unmapped_source AS held
                 ON held.kind = code.kind AND held.system = code.system AND held.code = code.code
             GROUP BY code.kind, code.system, code.code
             ORDER BY code.kind, code.system, code.code",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut quarantined = Vec::new();
        for row in &rows {
            // A place that only a later release knows is not ours to show.
            let Some(kind) = PlaceKind::parse(row.try_get("kind")?) else {
                continue;
            };
            let count: i64 = row.try_get("count")?;
            quarantined.push(Quarantined {
                key: CodeKey {
                    kind,
                    system: row.try_get("system")?,
                    code: row.try_get("code")?,
                },
                display: row.try_get("display")?,
                count: u64::try_from(count).unwrap_or(0),
                first_seen: row.try_get("first_seen")?,
                last_seen: row.try_get("last_seen")?,
                example: row.try_get("example")?,
            });
        }
        Ok(quarantined)
    }

    /// Takes codes out of the quarantine.
    pub async fn release(&self, keys: &[CodeKey]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for key in keys {
            let sources = "DELETE FROM unmapped_source WHERE kind = ? AND system = ? AND code = ?";
            (sqlx::query(sources)
                .bind(key.kind.name())
                .bind(&key.system)
                .bind(&key.code))
            .execute(&mut *transaction)
            .await?;
        }
        forget_empty(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// The resource that stands on the server: of what is contained, the one that contains it.
fn owner_of(source: &Source) -> &str {
    let reference = source.reference.as_str();
    reference.split('#').next().unwrap_or(reference)
}

fn version_of(source: &Source) -> &str {
    source.version.as_deref().unwrap_or("")
}

type Writing<'t> = Transaction<'t, Sqlite>;

/// The codes noted of a resource, with the version that held them.
async fn noted(
    transaction: &mut Writing<'_>,
    resource: &str,
) -> Result<Vec<(CodeKey, String)>, StoreError> {
    let rows =
        sqlx::query("SELECT kind, system, code, version FROM unmapped_source WHERE source = ?")
            .bind(resource)
            .fetch_all(&mut **transaction)
            .await?;
    let mut noted = Vec::new();
    for row in &rows {
        if let Some(kind) = PlaceKind::parse(row.try_get("kind")?) {
            let key = CodeKey {
                kind,
                system: row.try_get("system")?,
                code: row.try_get("code")?,
            };
            noted.push((key, row.try_get("version")?));
        }
    }
    Ok(noted)
}

async fn forget(
    transaction: &mut Writing<'_>,
    resource: &str,
    key: &CodeKey,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM unmapped_source WHERE source = ? AND kind = ? AND system = ? AND code = ?",
    )
    .bind(resource)
    .bind(key.kind.name())
    .bind(&key.system)
    .bind(&key.code)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn note_code(
    transaction: &mut Writing<'_>,
    key: &CodeKey,
    display: Option<&str>,
    now: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO unmapped (kind, system, code, display, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (kind, system, code) DO UPDATE SET
             last_seen = excluded.last_seen, display = COALESCE(excluded.display, unmapped.display)",
    )
    .bind(key.kind.name())
    .bind(&key.system)
    .bind(&key.code)
    .bind(display)
    .bind(now)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn note_source(
    transaction: &mut Writing<'_>,
    key: &CodeKey,
    resource: &str,
    version: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO unmapped_source (kind, system, code, source, version) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (kind, system, code, source) DO UPDATE SET version = excluded.version",
    )
    .bind(key.kind.name())
    .bind(&key.system)
    .bind(&key.code)
    .bind(resource)
    .bind(version)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Codes that no resource holds any more.
async fn forget_empty(transaction: &mut Writing<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM unmapped WHERE NOT EXISTS (
             SELECT 1 FROM unmapped_source AS held
             WHERE held.kind = unmapped.kind AND held.system = unmapped.system AND held.code = unmapped.code)",
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fhir::elements::{Coding, Concept};
    use crate::mapping::coverage::{Circumstances, Met};
    use crate::mapping::normalise::Concern;
    use crate::mapping::table::{BASE, Mapping};

    const MONDAY: &str = "2026-11-16T08:00:00Z";
    const TUESDAY: &str = "2026-11-17T08:00:00Z";

    /// What a pass sees where each resource, in a version, holds one code.
    fn seen(held: &[(&str, &str, &str)]) -> Coverage {
        let mapping = Mapping::load(&[("base", BASE)], "b").unwrap();
        let mut coverage = Coverage::default();
        for (reference, version, code) in held {
            let source = Source {
                reference: (*reference).to_owned(),
                version: Some((*version).to_owned()),
            };
            let met = Met {
                kind: PlaceKind::Question,
                concern: Concern::Her2,
                source: &source,
                finding: None,
                circumstances: &Circumstances::default(),
            };
            let concept = Concept {
                codings: vec![Coding {
                    system: Some("urn:lis"),
                    code: Some(code),
                    display: Some("HER2"),
                }],
                text: None,
            };
            coverage.enter(&mapping, met, &concept);
        }
        coverage
    }

    async fn shown(store: &Store) -> Vec<(String, u64, String, String)> {
        let rows = store.quarantined().await.unwrap();
        rows.into_iter()
            .map(|row| {
                let days = [row.first_seen, row.last_seen].map(|seen| seen[..10].to_owned());
                (row.key.code, row.count, row.example, days.join(" to "))
            })
            .collect()
    }

    fn row(code: &str, count: u64, example: &str, days: &str) -> (String, u64, String, String) {
        (code.to_owned(), count, example.to_owned(), days.to_owned())
    }

    #[tokio::test]
    async fn seeing_the_same_versions_again_adds_nothing() {
        let store = Store::in_memory().await.unwrap();
        let both = seen(&[("Observation/a", "1", "X"), ("Observation/b", "1", "X")]);
        store.quarantine(&[], &both, MONDAY).await.unwrap();
        let expected = [row("X", 2, "Observation/a", "2026-11-16 to 2026-11-16")];
        assert_eq!(shown(&store).await, expected);
        store.quarantine(&[], &both, TUESDAY).await.unwrap();
        assert_eq!(shown(&store).await, expected);

        let again = seen(&[("Observation/a", "2", "X")]);
        store.quarantine(&[], &again, TUESDAY).await.unwrap();
        let later = row("X", 2, "Observation/a", "2026-11-16 to 2026-11-17");
        assert_eq!(shown(&store).await, [later]);
    }

    #[tokio::test]
    async fn a_code_that_no_resource_holds_any_more_leaves() {
        let store = Store::in_memory().await.unwrap();
        let first = seen(&[("Observation/a", "1", "X"), ("Observation/b", "1", "Y")]);
        store.quarantine(&[], &first, MONDAY).await.unwrap();
        let resources = ["Observation/a", "Observation/b"];
        let then = seen(&[("Observation/a", "2", "Y"), ("Observation/b", "1", "Y")]);
        store.quarantine(&resources, &then, TUESDAY).await.unwrap();
        let expected = row("Y", 2, "Observation/a", "2026-11-16 to 2026-11-17");
        assert_eq!(shown(&store).await, [expected]);
    }

    #[tokio::test]
    async fn what_is_contained_counts_as_the_resource_that_holds_it() {
        let store = Store::in_memory().await.unwrap();
        let contained = seen(&[("Observation/a#s", "1", "X"), ("Observation/a", "1", "X")]);
        store.quarantine(&[], &contained, MONDAY).await.unwrap();
        let expected = row("X", 1, "Observation/a", "2026-11-16 to 2026-11-16");
        assert_eq!(shown(&store).await, [expected]);
    }

    #[tokio::test]
    async fn a_code_that_is_released_leaves_alone() {
        let store = Store::in_memory().await.unwrap();
        let both = seen(&[("Observation/a", "1", "X"), ("Observation/b", "1", "Y")]);
        store.quarantine(&[], &both, MONDAY).await.unwrap();
        let key = store.quarantined().await.unwrap().remove(0).key;
        store.release(&[key]).await.unwrap();
        let left = row("Y", 1, "Observation/b", "2026-11-16 to 2026-11-16");
        assert_eq!(shown(&store).await, [left]);
    }
}
