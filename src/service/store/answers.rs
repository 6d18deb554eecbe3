//! What published results say and under which rules they were written, so that new rules are held against it.

use std::collections::BTreeSet;

use sqlx::Row;

use super::{Store, StoreError, instant};

/// The answer of a published result, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedAnswer {
    /// The case.
    pub case_id: String,
    /// The fingerprint it was written with.
    pub fingerprint: String,
    /// Digest of inputs and decision, without the rules.
    pub content: String,
    /// Hash of the ruleset and mapping it was written under.
    pub rules: String,
    /// The resources it rests on, each with its version.
    pub inputs: BTreeSet<String>,
    /// When the server stored the newest resource that was read with them, RFC 3339; empty where it does not tell.
    pub read_until: String,
    /// The status; empty where the result was withdrawn.
    pub status: String,
    /// The category.
    pub category: String,
    /// The next action.
    pub next_action: String,
    /// Hash of the rules that last altered it by themselves, if any did.
    pub altered_under: Option<String>,
}

impl Store {
    /// The answer last published for a case; `None` also where an earlier release has published it.
    pub async fn published_answer(
        &self,
        case_id: &str,
    ) -> Result<Option<PublishedAnswer>, StoreError> {
        let row = sqlx::query("SELECT * FROM published_answer WHERE case_id = ?")
            .bind(case_id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let inputs: String = row.try_get("inputs")?;
        Ok(Some(PublishedAnswer {
            case_id: row.try_get("case_id")?,
            fingerprint: row.try_get("fingerprint")?,
            content: row.try_get("content")?,
            rules: row.try_get("rules")?,
            inputs: inputs.lines().map(str::to_owned).collect(),
            read_until: row.try_get("read_until")?,
            status: row.try_get("status")?,
            category: row.try_get("category")?,
            next_action: row.try_get("next_action")?,
            altered_under: row.try_get("altered_under")?,
        }))
    }

    /// Notes the answer that is published for a case now.
    pub async fn set_published_answer(&self, answer: &PublishedAnswer) -> Result<(), StoreError> {
        let inputs: Vec<&str> = answer.inputs.iter().map(String::as_str).collect();
        sqlx::query(
            "INSERT INTO published_answer
                 (case_id, fingerprint, content, rules, inputs, read_until, status, category, next_action, altered_under)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (case_id) DO UPDATE SET
                 fingerprint = excluded.fingerprint, content = excluded.content, rules = excluded.rules,
                 inputs = excluded.inputs, read_until = excluded.read_until, status = excluded.status, category = excluded.category,
                 next_action = excluded.next_action, altered_under = excluded.altered_under",
        )
        .bind(&answer.case_id)
        .bind(&answer.fingerprint)
        .bind(&answer.content)
        .bind(&answer.rules)
        .bind(inputs.join("\n"))
        .bind(&answer.read_until)
        .bind(&answer.status)
        .bind(&answer.category)
        .bind(&answer.next_action)
        .bind(&answer.altered_under)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The cases that these rules have altered by themselves.
    pub async fn altered_under(&self, rules: &str) -> Result<BTreeSet<String>, StoreError> {
        let cases =
            sqlx::query_scalar("SELECT case_id FROM published_answer WHERE altered_under = ?")
                .bind(rules)
                .fetch_all(&self.pool)
                .await?;
        Ok(cases.into_iter().collect())
    }

    /// The rules that were confirmed last.
    pub async fn confirmed_rules(&self) -> Result<Option<String>, StoreError> {
        let rules =
            sqlx::query_scalar("SELECT rules FROM confirmed_rules ORDER BY number DESC LIMIT 1");
        Ok(rules.fetch_optional(&self.pool).await?)
    }

    /// Notes that a person, or an empty store, has let these rules alter whatever they alter.
    pub async fn confirm_rules(&self, rules: &str, at: &str) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO confirmed_rules (rules, confirmed_at) VALUES (?, ?)")
            .bind(rules)
            .bind(instant(at)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether nothing was ever published from this store.
    pub async fn has_published_nothing(&self) -> Result<bool, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM published_case")
            .fetch_one(&self.pool)
            .await?;
        Ok(count == 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn answer(case_id: &str, altered_under: Option<&str>) -> PublishedAnswer {
        PublishedAnswer {
            case_id: case_id.into(),
            fingerprint: "f".into(),
            content: "c".into(),
            rules: "r1".into(),
            inputs: ["Observation/a 1".to_owned(), "Observation/b".to_owned()].into(),
            read_until: "2026-11-20T10:00:00Z".into(),
            status: "negative".into(),
            category: "low".into(),
            next_action: "none".into(),
            altered_under: altered_under.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn an_answer_is_kept_with_its_inputs_and_the_rules_that_altered_it() {
        let store = Store::in_memory().await.unwrap();
        assert_eq!(store.published_answer("c1").await.unwrap(), None);
        for answer in [
            answer("c1", None),
            answer("c1", Some("r2")),
            answer("c2", None),
        ] {
            store.set_published_answer(&answer).await.unwrap();
        }
        let kept = store.published_answer("c1").await.unwrap();
        assert_eq!(kept, Some(answer("c1", Some("r2"))));
        let altered = store.altered_under("r2").await.unwrap();
        assert_eq!(altered, BTreeSet::from(["c1".to_owned()]));
    }

    #[tokio::test]
    async fn the_rules_confirmed_last_count_also_where_they_were_confirmed_before() {
        let store = Store::in_memory().await.unwrap();
        assert_eq!(store.confirmed_rules().await.unwrap(), None);
        for rules in ["r1", "r2", "r1"] {
            let at = "2026-11-20T10:00:00Z";
            store.confirm_rules(rules, at).await.unwrap();
        }
        let confirmed = store.confirmed_rules().await.unwrap();
        assert_eq!(confirmed.as_deref(), Some("r1"));
    }
}
