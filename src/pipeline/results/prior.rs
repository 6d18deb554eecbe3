//! The version of a result that stands, as its own text tells: how far it has come, what it says, and whether somebody has
//! rejected it.

use super::{CONTENT, fingerprint_of, identifier_of};
use crate::fhir::json::Json;
use crate::mapping::output::OutputCodes;
use crate::mapping::terminology::{self, component, system};
use crate::pipeline::lifecycle::ResultState;

/// How the note begins by which a person's rejection is known again.
pub(super) const REJECTED: &str = "Rejected at sign-off: ";

/// The note of a result that nothing is left of.
pub const NOTHING_LEFT: &str = "Withdrawn: nothing is left that it was derived from.";

/// The note of a result that became unresolved before anybody had signed it.
pub(super) const NEVER_FINAL: &str = "Nobody had signed this result before it became unresolved.";

/// The result that stands on the server for a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prior {
    /// Its version.
    pub version: String,
    /// How far it has come.
    pub state: ResultState,
    /// Of what evidence, in which versions and under which rules it was written.
    pub fingerprint: Option<String>,
    /// Of what it says; a release that did not write it yet has written none.
    pub content: Option<String>,
    /// The note of a person who has rejected it, as JSON text.
    pub rejection: Option<String>,
    /// Its status and category; `insufficient` where it has none.
    pub answer: Answer,
}

/// What a version of a result answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, as the decision record names it.
    pub status: String,
    /// The category, where it is published.
    pub category: String,
}

/// A status and its category in words, `negative (low)`; one that says nothing more is left out.
pub fn answer_in_words(status: &str, category: &str) -> String {
    match category {
        "" | "none" => status.to_owned(),
        category if category == status => status.to_owned(),
        category => format!("{status} ({category})"),
    }
}

/// That a person has rejected a version of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: String,
    /// Who, where the note can name them.
    pub author: Option<String>,
}

impl Rejection {
    /// The rejection that a result tells of, if it does.
    pub fn of(result: &Json<'_>) -> Option<Self> {
        let (reason, note) = rejection_in(result)?;
        let author = note.get("authorReference");
        Some(Self {
            reason: reason.to_owned(),
            author: author.and_then(|author| Some(author.text_at("reference")?.to_owned())),
        })
    }
}

impl Prior {
    /// Reads a result of ours; `version` is that of the server.
    pub fn read(result: &Json<'_>, version: &str, base: &str, codes: &OutputCodes) -> Self {
        let has_note = |text: &str| notes(result).any(|(said, _)| said == text);
        let state = match result.text_at("status") {
            Some("entered-in-error") => ResultState::EnteredInError,
            Some("amended") if has_note(NEVER_FINAL) => ResultState::Preliminary,
            Some("amended" | "corrected") => ResultState::Amended,
            Some("final") => ResultState::Final,
            _ => ResultState::Preliminary,
        };
        let rejection = rejection_in(result);
        Self {
            version: version.to_owned(),
            state,
            fingerprint: fingerprint_of(result, base).map(str::to_owned),
            content: identifier_of(result, base, CONTENT).map(str::to_owned),
            rejection: rejection.and_then(|(_, note)| serde_json::to_string(note).ok()),
            answer: answer_of(result, base, codes),
        }
    }

    /// The note of a rejection, where the evidence still is what was rejected. What is carried over beside the evidence may
    /// have changed.
    pub(super) fn rejection_of(&self, content: &str) -> Option<&str> {
        let rejection = self.rejection.as_deref()?;
        let is_same_evidence = essence_of(self.content.as_deref()?) == essence_of(content);
        (self.state != ResultState::EnteredInError && is_same_evidence).then_some(rejection)
    }

    /// Whether a person has rejected a version of a result.
    pub fn is_rejected(result: &Json<'_>) -> bool {
        rejection_in(result).is_some()
    }

    /// Whether this program has withdrawn it, as its note says; a person's withdrawal has none.
    pub fn is_withdrawn_by_us(result: &Json<'_>) -> bool {
        notes(result).any(|(text, _)| text == NOTHING_LEFT)
    }
}

/// The part of a content digest that is of the evidence alone.
fn essence_of(content: &str) -> &str {
    content.split('-').next().unwrap_or(content)
}

/// The reason of a rejection, and the note that has it.
fn rejection_in<'j, 'a>(result: &'j Json<'a>) -> Option<(&'j str, &'j Json<'a>)> {
    notes(result).find_map(|(text, note)| Some((text.strip_prefix(REJECTED)?, note)))
}

fn notes<'j, 'a>(result: &'j Json<'a>) -> impl Iterator<Item = (&'j str, &'j Json<'a>)> {
    (result.items_at("note").iter()).filter_map(|note| Some((note.text_at("text")?, note)))
}

fn answer_of(result: &Json<'_>, base: &str, codes: &OutputCodes) -> Answer {
    let statuses = &codes.status;
    let known = [
        ("positive", &statuses.positive),
        ("negative", &statuses.negative),
        ("equivocal", &statuses.equivocal),
        ("indeterminate", &statuses.indeterminate),
    ];
    let value = result.get("valueCodeableConcept");
    let status = known.iter().find(|(_, code)| {
        value.is_some_and(|value| has_coding(value, &code.snomed.system, &code.snomed.code))
    });
    let question = terminology::uri(base, system::COMPONENT);
    let answers = terminology::uri(base, system::CATEGORY);
    let category = (result.items_at("component").iter())
        .find(|part| {
            (part.get("code")).is_some_and(|code| has_coding(code, &question, component::CATEGORY))
        })
        .and_then(|part| part.get("valueCodeableConcept"))
        .and_then(|value| {
            let codings = value.items_at("coding").iter();
            let of_ours = |coding: &&Json<'_>| coding.text_at("system") == Some(answers.as_str());
            codings.clone().find(of_ours)?.text_at("code")
        });
    Answer {
        status: status.map_or("insufficient", |(name, _)| name).to_owned(),
        category: category.unwrap_or_default().to_owned(),
    }
}

fn has_coding(concept: &Json<'_>, system: &str, code: &str) -> bool {
    (concept.items_at("coding").iter()).any(|coding| {
        coding.text_at("system") == Some(system) && coding.text_at("code") == Some(code)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::output::OUTPUT;

    fn prior(text: &str) -> Prior {
        let codes = OutputCodes::load(OUTPUT).unwrap();
        Prior::read(
            &Json::parse(text).unwrap(),
            "3",
            "https://a.example",
            &codes,
        )
    }

    #[test]
    fn how_far_a_result_has_come_is_its_status() {
        for (status, state) in [
            ("preliminary", ResultState::Preliminary),
            ("registered", ResultState::Preliminary),
            ("final", ResultState::Final),
            ("amended", ResultState::Amended),
            ("corrected", ResultState::Amended),
            ("entered-in-error", ResultState::EnteredInError),
        ] {
            let text = format!(r#"{{"status":"{status}"}}"#);
            assert_eq!(prior(&text).state, state, "{status}");
        }
    }

    #[test]
    fn what_became_unresolved_before_it_was_signed_was_never_final() {
        let text = format!(r#"{{"status":"amended","note":[{{"text":"{NEVER_FINAL}"}}]}}"#);
        assert_eq!(prior(&text).state, ResultState::Preliminary);
    }

    #[test]
    fn a_rejection_holds_for_its_evidence_whatever_else_is_carried_over() {
        let text = format!(
            r#"{{"status":"preliminary","identifier":[{{"system":"https://a.example/identifier/her2-content","value":"aa-bb"}}],"note":[{{"text":"{REJECTED}no"}}]}}"#
        );
        let rejected = prior(&text);
        assert!(rejected.rejection_of("aa-cc").is_some());
        assert!(rejected.rejection_of("ab-bb").is_none());
    }

    #[test]
    fn what_a_result_answers_is_read_from_its_codes() {
        let text = r#"{"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260385009"}]},
            "component":[{"code":{"coding":[{"system":"https://a.example/CodeSystem/her2-component","code":"category"}]},
            "valueCodeableConcept":{"coding":[{"system":"https://a.example/CodeSystem/her2-category","code":"low"}]}}]}"#;
        let answer = Answer {
            status: "negative".to_owned(),
            category: "low".to_owned(),
        };
        assert_eq!(prior(text).answer, answer);
        assert_eq!(prior("{}").answer.status, "insufficient");
    }
}
