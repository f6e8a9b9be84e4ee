//! What may not be kept for ever is taken away when its time has come.
//!
//! A table that holds such things has a column that says until when; a service names both and sweeps now and then. A few
//! hundred rows at a time, so that nobody waits for a writer that deletes a year. When not: erasure, which a person asks
//! for and which has a receipt. Source: GDPR Art. 5(1)(e).

use std::time::SystemTime;

use super::{Error, Storage};

/// How many rows go at a time.
const BATCH: i64 = 500;

/// Which rows of a table have an end. All three are names of the service's own SQL.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The table.
    pub table: &'static str,
    /// Its key, one column.
    pub key: &'static str,
    /// The column that says until when a row is kept, in microseconds since 1970; NULL means for ever.
    pub until: &'static str,
}

impl Storage {
    /// Takes away what has ended before `now`; answers how many rows. Several instances may do so at once.
    ///
    /// # Errors
    /// The database's; what was taken away until then stays away.
    pub async fn sweep(&self, what: Retention, now: SystemTime) -> Result<u64, Error> {
        let Retention { table, key, until } = what;
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {until} <= $1 ORDER BY {until} LIMIT {BATCH})"
        );
        let mut gone = 0;
        loop {
            let mut transaction = self.begin().await?;
            let deleted = sqlx::query(sqlx::AssertSqlSafe(sql.clone()))
                .bind(super::micros(now))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            gone += deleted;
            if deleted < BATCH.unsigned_abs() {
                return Ok(gone);
            }
        }
    }
}
