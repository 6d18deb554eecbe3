//! What a server answers to a transaction.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ClientError;

/// What became of one entry of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryAnswer {
    /// The HTTP status of the entry alone, always a success.
    pub status: u16,
    /// The version written, as the server prints it; opaque.
    pub etag: Option<String>,
    /// Where the resource is, as the server prints it; never to be followed unchecked.
    pub location: Option<String>,
}

#[derive(Deserialize)]
struct AnswerWritten {
    #[serde(rename = "resourceType")]
    kind: String,
    #[serde(default)]
    entry: Vec<EntryWritten>,
}

#[derive(Deserialize)]
struct EntryWritten {
    response: ResponseWritten,
}

#[derive(Deserialize)]
struct ResponseWritten {
    status: String,
    etag: Option<String>,
    location: Option<String>,
}

#[derive(Deserialize)]
struct RequestWritten<'a> {
    #[serde(borrow, default)]
    entry: Vec<&'a RawValue>,
}

/// Reads the answer to a transaction that the server says has succeeded: one answer per entry sent, in the same order.
///
/// An answer that says anything else leaves open what was written, unless an entry says that it was refused.
pub(super) fn entry_answers(
    sent: &str,
    answer: &str,
    status: u16,
) -> Result<Vec<EntryAnswer>, ClientError> {
    let unclear = ClientError::Ambiguous {
        status: Some(status),
    };
    let Ok(answer) = serde_json::from_str::<AnswerWritten>(answer) else {
        return Err(unclear);
    };
    if answer.kind != "Bundle" || answer.entry.len() != count_entries(sent) {
        return Err(unclear);
    }
    let mut answers = Vec::with_capacity(answer.entry.len());
    for EntryWritten { response } in answer.entry {
        match leading_status(&response.status) {
            Some(status @ 200..=299) => {
                answers.push(EntryAnswer {
                    status,
                    etag: response.etag,
                    location: response.location,
                });
            }
            Some(status) => return Err(ClientError::NotAtomic { status }),
            None => return Err(unclear),
        }
    }
    Ok(answers)
}

fn count_entries(sent: &str) -> usize {
    serde_json::from_str::<RequestWritten>(sent).map_or(0, |bundle| bundle.entry.len())
}

/// The number in "201" or "201 Created".
fn leading_status(text: &str) -> Option<u16> {
    let number = text.split_whitespace().next()?;
    let status: u16 = number.parse().ok()?;
    (number.len() == 3 && (100..600).contains(&status)).then_some(status)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    const TWO_ENTRIES: &str =
        r#"{"resourceType":"Bundle","type":"transaction","entry":[{"a":1},{"b":2}]}"#;

    fn answers(text: &str) -> Result<Vec<EntryAnswer>, ClientError> {
        entry_answers(TWO_ENTRIES, text, 200)
    }

    fn with_statuses(first: &str, second: &str) -> String {
        format!(
            r#"{{"resourceType":"Bundle","type":"transaction-response","entry":[
                {{"response":{{"status":"{first}","etag":"W/\"1\"","location":"Observation/a/_history/1"}}}},
                {{"response":{{"status":"{second}"}},"resource":{{"resourceType":"Provenance"}}}}]}}"#
        )
    }

    #[test]
    fn each_entry_has_its_status_and_version() {
        let expected = [
            EntryAnswer {
                status: 201,
                etag: Some("W/\"1\"".into()),
                location: Some("Observation/a/_history/1".into()),
            },
            EntryAnswer {
                status: 200,
                etag: None,
                location: None,
            },
        ];
        assert_eq!(
            answers(&with_statuses("201 Created", "200")).unwrap(),
            expected
        );
    }

    #[test]
    fn a_refused_entry_shows_that_the_server_did_not_act_as_a_whole() {
        for (status, number) in [
            ("412 Precondition Failed", 412),
            ("500", 500),
            ("304 Not Modified", 304),
        ] {
            let error = answers(&with_statuses("201 Created", status)).unwrap_err();
            assert_eq!(error, ClientError::NotAtomic { status: number });
        }
    }

    #[test]
    fn a_success_that_does_not_tell_about_every_entry_is_ambiguous() {
        for text in [
            "",
            "<html>",
            "[]",
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing"}]}"#,
            r#"{"resourceType":"Bundle","type":"transaction-response"}"#,
            r#"{"resourceType":"Bundle","entry":[{"response":{"status":"201"}}]}"#,
            r#"{"resourceType":"Bundle","entry":[{"response":{"status":"201"}},{}]}"#,
            &with_statuses("201", "Created"),
            &with_statuses("201", "2010"),
            &with_statuses("201", ""),
        ] {
            assert_eq!(
                answers(text),
                Err(ClientError::Ambiguous { status: Some(200) }),
                "{text}"
            );
        }
    }
}
