//! Dialects: lasting ways in which servers in the field differ from what FHIR describes.

use std::str::FromStr;

use axum::http::StatusCode;

/// One way in which the server differs, for as long as it runs.
///
/// Written `name`, or `name=STATUS` where a status may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `server-assigned-ids`: a PUT to an unknown id is refused, with 405 or the status given (from 400 to 499).
    ServerAssignedIds(u16),
    /// `opaque-versions`: version ids are neither numbers nor in any order.
    OpaqueVersions,
    /// `no-transactions`: a Bundle of type transaction is refused with 405.
    NoTransactions,
    /// `no-rollback`: what a transaction did before an entry failed stays done.
    NoRollback,
    /// `ignores-if-match`: a stale version is overwritten.
    IgnoresIfMatch,
    /// `ignores-if-none-match`: what exists is overwritten, and what is known is sent again.
    IgnoresIfNoneMatch,
    /// `ignores-preconditions-in-transactions`: as the two above, for the entries of a Bundle.
    IgnoresPreconditionsInTransactions,
    /// `ignores-if-none-exist`: a conditional create always creates.
    IgnoresIfNoneExist,
    /// `transaction-conflict`: the status of a transaction of which an entry's precondition failed, with 400 or the
    /// status given (from 400 to 499). Without this dialect it is 412.
    TransactionConflict(u16),
    /// `gone-is-not-found`: reading a deleted resource answers 404.
    GoneIsNotFound,
    /// `not-found-deletes`: deleting what is not there answers 404.
    NotFoundDeletes,
    /// `silent-matches`: a conditional create that finds a resource does not tell where that is.
    SilentMatches,
    /// `no-history`: there is no `_history`, of a resource or of a type.
    NoHistory,
}

/// Why a text is not a dialect. The text has to be written differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectParseError {
    /// No dialect has this name.
    #[error(
        "unknown dialect {0:?}: expected server-assigned-ids, opaque-versions, no-transactions, no-rollback, \
         ignores-if-match, ignores-if-none-match, ignores-preconditions-in-transactions, ignores-if-none-exist, \
         transaction-conflict, gone-is-not-found, not-found-deletes, silent-matches or no-history"
    )]
    Unknown(String),
    /// The dialect has no status, or none from 400 to 499.
    #[error(
        "the dialect {0} takes no status, or one from 400 to 499, as in server-assigned-ids=404"
    )]
    Status(String),
}

impl FromStr for Dialect {
    type Err = DialectParseError;

    fn from_str(text: &str) -> Result<Dialect, DialectParseError> {
        let (name, status) = match text.split_once('=') {
            None => (text, None),
            Some((name, status)) => (name, Some(status)),
        };
        let unusable = || DialectParseError::Status(name.to_owned());
        let status_or = |usual: u16| match status {
            None => Ok(usual),
            Some(status) => (status.parse().ok())
                .filter(|status| is_refusal(*status))
                .ok_or_else(unusable),
        };
        let dialect = match name {
            "server-assigned-ids" => return status_or(405).map(Dialect::ServerAssignedIds),
            "transaction-conflict" => return status_or(400).map(Dialect::TransactionConflict),
            "opaque-versions" => Dialect::OpaqueVersions,
            "no-transactions" => Dialect::NoTransactions,
            "no-rollback" => Dialect::NoRollback,
            "ignores-if-match" => Dialect::IgnoresIfMatch,
            "ignores-if-none-match" => Dialect::IgnoresIfNoneMatch,
            "ignores-preconditions-in-transactions" => Dialect::IgnoresPreconditionsInTransactions,
            "ignores-if-none-exist" => Dialect::IgnoresIfNoneExist,
            "gone-is-not-found" => Dialect::GoneIsNotFound,
            "not-found-deletes" => Dialect::NotFoundDeletes,
            "silent-matches" => Dialect::SilentMatches,
            "no-history" => Dialect::NoHistory,
            _ => return Err(DialectParseError::Unknown(name.to_owned())),
        };
        match status {
            None => Ok(dialect),
            Some(_) => Err(unusable()),
        }
    }
}

/// The dialects of one server, looked up by what they change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// The status of a PUT to an unknown id; `None` where it creates.
    pub unknown_id: Option<StatusCode>,
    /// The status of a transaction of which an entry's precondition failed.
    pub transaction_conflict: StatusCode,
    pub opaque_versions: bool,
    pub transactions: bool,
    pub rollback: bool,
    pub if_match: bool,
    pub if_none_match: bool,
    pub preconditions_in_transactions: bool,
    pub if_none_exist: bool,
    pub gone_is_not_found: bool,
    pub not_found_deletes: bool,
    pub silent_matches: bool,
    pub history: bool,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            unknown_id: None,
            transaction_conflict: StatusCode::PRECONDITION_FAILED,
            opaque_versions: false,
            transactions: true,
            rollback: true,
            if_match: true,
            if_none_match: true,
            preconditions_in_transactions: true,
            if_none_exist: true,
            gone_is_not_found: false,
            not_found_deletes: false,
            silent_matches: false,
            history: true,
        }
    }
}

impl Manners {
    /// The manners of a server that speaks all these dialects; `None` if a status is not from 400 to 499.
    pub fn of(dialects: &[Dialect]) -> Option<Manners> {
        let refusal = |status: u16| {
            StatusCode::from_u16(status)
                .ok()
                .filter(|_| is_refusal(status))
        };
        let mut manners = Manners::default();
        for dialect in dialects {
            match *dialect {
                Dialect::ServerAssignedIds(status) => manners.unknown_id = Some(refusal(status)?),
                Dialect::TransactionConflict(status) => {
                    manners.transaction_conflict = refusal(status)?;
                }
                Dialect::OpaqueVersions => manners.opaque_versions = true,
                Dialect::NoTransactions => manners.transactions = false,
                Dialect::NoRollback => manners.rollback = false,
                Dialect::IgnoresIfMatch => manners.if_match = false,
                Dialect::IgnoresIfNoneMatch => manners.if_none_match = false,
                Dialect::IgnoresPreconditionsInTransactions => {
                    manners.preconditions_in_transactions = false;
                }
                Dialect::IgnoresIfNoneExist => manners.if_none_exist = false,
                Dialect::GoneIsNotFound => manners.gone_is_not_found = true,
                Dialect::NotFoundDeletes => manners.not_found_deletes = true,
                Dialect::SilentMatches => manners.silent_matches = true,
                Dialect::NoHistory => manners.history = false,
            }
        }
        Some(manners)
    }
}

fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_read_with_its_status() {
        let read = |text: &str| text.parse::<Dialect>();
        assert_eq!(
            read("server-assigned-ids"),
            Ok(Dialect::ServerAssignedIds(405))
        );
        assert_eq!(
            read("server-assigned-ids=422"),
            Ok(Dialect::ServerAssignedIds(422))
        );
        assert_eq!(
            read("transaction-conflict"),
            Ok(Dialect::TransactionConflict(400))
        );
        assert_eq!(read("no-history"), Ok(Dialect::NoHistory));
        for unusable in [
            "server-assigned-ids=200",
            "server-assigned-ids=",
            "no-history=404",
        ] {
            assert!(
                matches!(read(unusable), Err(DialectParseError::Status(_))),
                "{unusable}"
            );
        }
        let unknown = read("polite").unwrap_err().to_string();
        assert!(
            unknown.contains("\"polite\"") && unknown.contains("no-rollback"),
            "{unknown}"
        );
    }
}
