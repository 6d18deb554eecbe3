//! What the server refuses, and how it says so.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Why a request is not done: an HTTP status and the one issue of an OperationOutcome.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    /// A code of the FHIR value set issue-type.
    pub code: &'static str,
    /// A sentence without content of resources.
    pub diagnostics: String,
    /// The element at fault, as in `Bundle.entry[1]`.
    pub expression: Option<String>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &'static str, diagnostics: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code,
            diagnostics: diagnostics.into(),
            expression: None,
        }
    }

    pub fn bad_request(diagnostics: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid", diagnostics)
    }

    /// A bad request whose JSON is not what it should be; says where, and nothing of what is there.
    pub fn unreadable(problem: &str, error: &serde_json::Error) -> Refusal {
        let (line, column) = (error.line(), error.column());
        Refusal::bad_request(format!("{problem} (line {line}, column {column})"))
    }

    pub fn not_found(diagnostics: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "not-found", diagnostics)
    }

    /// The refusal that a fault orders.
    pub fn ordered(code: u16) -> Refusal {
        let issue = match code {
            401 => "login",
            403 => "forbidden",
            404 => "not-found",
            409 | 412 => "conflict",
            410 => "deleted",
            413 => "too-long",
            429 => "throttled",
            502..=504 => "transient",
            400..=499 => "processing",
            _ => "exception",
        };
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refusal::new(status, issue, "this fault was ordered")
    }

    /// The refusal of a whole transaction on account of this one of an entry.
    pub fn of_transaction(self, entry: usize) -> Refusal {
        Refusal {
            diagnostics: format!("Transaction failed at entry {entry}: {}", self.diagnostics),
            expression: Some(format!("Bundle.entry[{entry}]")),
            ..self
        }
    }

    /// The OperationOutcome to answer with.
    pub fn outcome(&self) -> Value {
        let mut issue = json!({
            "severity": "error", "code": self.code, "diagnostics": self.diagnostics,
        });
        if let Some(expression) = &self.expression {
            issue["expression"] = json!([expression]);
        }
        json!({ "resourceType": "OperationOutcome", "issue": [issue] })
    }
}
