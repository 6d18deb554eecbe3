//! A version that a person has looked at: signed, or rejected with the reason; and texts that stay as they are but for what
//! is changed.

use her2_models::Invalid;
use serde_json::json;

use super::prior::REJECTED;
use super::{Composer, Prior, Written, observation_id};
use crate::fhir::json::Json;

/// What a person has said of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Accept,
    /// It is not.
    Reject,
}

impl Verdict {
    /// As a Task's output has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
        }
    }
}

/// Who has said what of the version that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What was said.
    pub verdict: Verdict,
    /// Why, where that was said.
    pub reason: Option<String>,
    /// By whom: a reference.
    pub signer: String,
    /// By which Task: its id, with its version where that is known.
    pub task: String,
}

impl Composer<'_> {
    /// The version that follows a signature or a rejection, and its Provenance. `standing` is the text that stands, which is
    /// `prior`.
    ///
    /// # Errors
    /// [`Invalid`] when what stands is no resource, or the Provenance cannot be composed.
    pub fn signed(
        &self,
        standing: &str,
        prior: &Prior,
        signature: &Signature,
    ) -> Result<[Written; 2], Invalid> {
        let issued = format!("\"{}\"", self.now);
        let text = match signature.verdict {
            Verdict::Accept => revised(standing, &[("status", "\"final\""), ("issued", &issued)]),
            Verdict::Reject => revised(standing, &[("issued", &issued)]),
        };
        let result = Written {
            kind: "Observation",
            id: observation_id(&self.case.id),
            text: text.ok_or(Invalid::Model)?,
        };
        let result = match signature.verdict {
            Verdict::Accept => result,
            Verdict::Reject => with_note(result, &rejection(signature, self.now))?,
        };
        Ok([result, self.signature(prior, signature)?])
    }
}

/// The note of a rejection, as JSON text.
fn rejection(signature: &Signature, now: &str) -> String {
    let reason = signature.reason.as_deref().map(str::trim);
    let reason = reason.filter(|reason| !reason.is_empty());
    let text = format!("{REJECTED}{}", reason.unwrap_or("no reason was given."));
    let mut note = json!({ "time": now, "text": text });
    // An Annotation names no role as its author in R4; the Provenance does.
    if signature.signer.starts_with("Practitioner/")
        && let Some(note) = note.as_object_mut()
    {
        note.insert(
            "authorReference".to_owned(),
            json!({ "reference": signature.signer }),
        );
    }
    note.to_string()
}

/// A result with one more note.
pub(super) fn with_note(result: Written, note: &str) -> Result<Written, Invalid> {
    let noted = || {
        let json = Json::parse(&result.text).ok()?;
        let mut notes: Vec<Json<'_>> = json.items_at("note").to_vec();
        notes.push(Json::parse(note).ok()?);
        let notes = serde_json::to_string(&Json::List(notes)).ok()?;
        revised(&result.text, &[("note", &notes)])
    };
    let text = noted().ok_or(Invalid::Model)?;
    Ok(Written { text, ..result })
}

/// A resource of ours with some top-level elements set anew and the server's own left out. The rest stays as it is.
pub fn revised(text: &str, changes: &[(&str, &str)]) -> Option<String> {
    let Json::Object(members) = Json::parse(text).ok()? else {
        return None;
    };
    let mut kept: Vec<_> = members
        .into_iter()
        .filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key))
        .map(|(key, value)| match (key.as_ref(), value) {
            ("meta", Json::Object(meta)) => {
                let ours = meta
                    .into_iter()
                    .filter(|(key, _)| !["versionId", "lastUpdated"].contains(&key.as_ref()))
                    .collect();
                (key, Json::Object(ours))
            }
            (_, value) => (key, value),
        })
        .filter(|(_, value)| !matches!(value, Json::Object(members) if members.is_empty()))
        .collect();
    for (key, value) in changes {
        kept.push(((*key).into(), Json::parse(value).ok()?));
    }
    serde_json::to_string(&Json::Object(kept)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_revised_resource_keeps_every_digit_and_loses_the_servers_own_elements() {
        let text = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2","lastUpdated":"2024-01-01T00:00:00Z","profile":["p"]},"status":"preliminary","value":2.00}"#;
        assert_eq!(
            revised(text, &[("status", "\"entered-in-error\"")]).unwrap(),
            r#"{"resourceType":"Observation","id":"o","meta":{"profile":["p"]},"value":2.00,"status":"entered-in-error"}"#
        );
    }

    #[test]
    fn a_revised_resource_has_no_empty_meta_and_what_is_no_object_is_none() {
        let text = r#"{"id":"t","meta":{"versionId":"1"}}"#;
        assert_eq!(
            revised(text, &[("status", "\"cancelled\"")]).unwrap(),
            r#"{"id":"t","status":"cancelled"}"#
        );
        assert_eq!(revised("[1]", &[]), None);
        assert_eq!(revised("{}", &[("status", "cancelled")]), None);
    }

    #[test]
    fn a_rejection_is_a_note_of_its_author_behind_the_others() {
        let result = Written {
            kind: "Observation",
            id: "o".to_owned(),
            text: r#"{"id":"o","note":[{"text":"IHC 1+."}],"value":2.00}"#.to_owned(),
        };
        let signature = Signature {
            verdict: Verdict::Reject,
            reason: Some("the block is another one".to_owned()),
            signer: "Practitioner/p".to_owned(),
            task: "t".to_owned(),
        };
        let note = rejection(&signature, "2026-01-02T03:04:05Z");
        assert_eq!(
            with_note(result, &note).unwrap().text,
            r#"{"id":"o","value":2.00,"note":[{"text":"IHC 1+."},{"authorReference":{"reference":"Practitioner/p"},"text":"Rejected at sign-off: the block is another one","time":"2026-01-02T03:04:05Z"}]}"#
        );
    }
}
