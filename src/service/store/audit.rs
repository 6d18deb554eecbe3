//! Exchanges that are still to be told as AuditEvents.

use sqlx::Row;

use super::{Store, StoreError};

/// An exchange that nobody has been told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// Its place in the outbox.
    pub number: i64,
    /// How often the server has refused to take it.
    pub refused: i64,
    /// What was noted, as the caller wrote it.
    pub noted: String,
}

impl Store {
    /// Adds exchanges to the outbox, all of them or none.
    pub async fn add_untold(&self, noted: &[String]) -> Result<(), StoreError> {
        if noted.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        for text in noted {
            sqlx::query("INSERT INTO audit_outbox (noted) VALUES (?)")
                .bind(text)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The next exchanges to tell, at most so many, after this one. Those that were refused before come last, so that they
    /// hold up no other.
    pub async fn untold(
        &self,
        after: Option<&Untold>,
        most: u32,
    ) -> Result<Vec<Untold>, StoreError> {
        let (refused, number) = after.map_or((-1, 0), |after| (after.refused, after.number));
        let rows = sqlx::query(
            "SELECT number, refused, noted FROM audit_outbox
             WHERE refused > ? OR (refused = ? AND number > ?)
             ORDER BY refused, number LIMIT ?",
        )
        .bind(refused)
        .bind(refused)
        .bind(number)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Untold {
                    number: row.try_get("number")?,
                    refused: row.try_get("refused")?,
                    noted: row.try_get("noted")?,
                })
            })
            .collect()
    }

    /// How many exchanges are still to be told.
    pub async fn count_untold(&self) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM audit_outbox");
        Ok(count.fetch_one(&self.pool).await?)
    }

    /// Notes that an exchange has been told.
    pub async fn forget_told(&self, told: &Untold) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM audit_outbox WHERE number = ?")
            .bind(told.number)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that the server has refused to be told of exchanges.
    pub async fn note_refusals(&self, refused: &[Untold]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for untold in refused {
            sqlx::query("UPDATE audit_outbox SET refused = refused + 1 WHERE number = ?")
                .bind(untold.number)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_refused_comes_after_what_was_not_and_what_was_told_is_gone() {
        let store = Store::in_memory().await.unwrap();
        let texts = ["a", "b", "c"].map(str::to_owned);
        store.add_untold(&texts).await.unwrap();
        let first = store.untold(None, 1).await.unwrap();
        store.note_refusals(&first).await.unwrap();
        let names = |untold: &[Untold]| {
            let names: Vec<&str> = untold.iter().map(|it| it.noted.as_str()).collect();
            names.join(" ")
        };
        let all = store.untold(None, 10).await.unwrap();
        assert_eq!(names(&all), "b c a");
        assert_eq!(names(&store.untold(all.first(), 10).await.unwrap()), "c a");
        assert_eq!(names(&store.untold(all.get(1), 10).await.unwrap()), "a");
        store.forget_told(&all[0]).await.unwrap();
        assert_eq!(store.count_untold().await.unwrap(), 2);
    }
}
