//! What a person has said of a result by the Task that asks for a signature, and what follows from it.
//!
//! A signature is a completed Task whose `output` has a decision (`accept` or `reject`) and the version of the result that
//! was looked at, and whose author the server attests. Who owns the Task says nothing of who has answered it.

use std::collections::BTreeSet;

use serde_json::json;

use super::lifecycle::ResultState;
use super::results::{Prior, Signature, Verdict, revised};
use crate::fhir::elements::Concept;
use crate::fhir::json::Json;

/// The outputs of an answer: what was decided, about which version, and why.
const DECISION: &str = "decision";
const VERSION: &str = "version";
const REASON: &str = "reason";

/// Whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// Where the server writes who has changed a resource.
    pub attested: Attested,
    /// Who may sign, as the server writes them: `Practitioner/id`.
    pub signers: BTreeSet<String>,
}

/// The element of a resource that the server itself fills in with its author, whatever a client sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attested {
    /// It fills in none, so that nobody can sign in FHIR.
    #[default]
    Nowhere,
    /// `meta.author`, as Medplum does.
    MetaAuthor,
    /// An extension of `meta` with this URL and a `valueReference`.
    MetaExtension(String),
}

/// What a sign-off Task says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Nothing yet, or it was closed without an answer.
    Not,
    /// Something about one version of the result.
    Said {
        /// Who has said what.
        signature: Signature,
        /// The version that was looked at.
        version: String,
    },
    /// Something that cannot count.
    Flawed(Flaw),
}

/// Why an answer cannot count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// There is no decision among its outputs.
    NoDecision,
    /// It does not say which version was looked at.
    NoVersion,
    /// The server does not tell who has answered.
    NobodyAttested,
    /// Who has answered may not sign.
    MayNotSign,
    /// The result has changed since that version.
    OtherVersion,
}

impl Flaw {
    /// What the person who is asked again is told.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoDecision => "the answer has no decision: accept or reject",
            Self::NoVersion => "the answer does not say which version of the result was looked at",
            Self::NobodyAttested => "the server does not tell who has answered",
            Self::MayNotSign => "who has answered is not among those who may sign",
            Self::OtherVersion => "the result has changed since the version that was looked at",
        }
    }
}

/// What follows for the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Nothing.
    Nothing,
    /// It is signed, or rejected.
    Sign(Signature),
    /// It is signed, and stays preliminary as long as a question about it is open.
    Wait,
    /// The person is asked again.
    AskAgain(Flaw),
}

/// Reads the answer of a sign-off Task. `id` is its id as it follows from the case.
pub fn answer(task: &Json<'_>, id: &str, signing: &Signing) -> Answered {
    if task.text_at("status") != Some("completed") {
        return Answered::Not;
    }
    let verdict = output(task, DECISION).and_then(|word| {
        [Verdict::Accept, Verdict::Reject]
            .into_iter()
            .find(|verdict| word.trim().eq_ignore_ascii_case(verdict.name()))
    });
    let Some(verdict) = verdict else {
        return Answered::Flawed(Flaw::NoDecision);
    };
    let Some(version) = output(task, VERSION).and_then(|text| version_in(&text)) else {
        return Answered::Flawed(Flaw::NoVersion);
    };
    let Some(signer) = attested(task, &signing.attested) else {
        return Answered::Flawed(Flaw::NobodyAttested);
    };
    if !signing.signers.contains(&signer) {
        return Answered::Flawed(Flaw::MayNotSign);
    }
    let stated = (task.get("meta")).and_then(|meta| meta.text_at("versionId"));
    Answered::Said {
        signature: Signature {
            verdict,
            reason: output(task, REASON),
            signer,
            task: match stated {
                Some(version) => format!("{id}/_history/{version}"),
                None => id.to_owned(),
            },
        },
        version,
    }
}

/// What follows from an answer for the version that stands; `has_open_questions` tells whether somebody is still asked
/// about the case.
pub fn follows(answered: Answered, standing: &Prior, has_open_questions: bool) -> Follows {
    let waits = matches!(
        standing.state,
        ResultState::Preliminary | ResultState::Amended
    );
    if !waits || standing.rejection.is_some() {
        return Follows::Nothing;
    }
    match answered {
        Answered::Not => Follows::Nothing,
        Answered::Flawed(flaw) => Follows::AskAgain(flaw),
        Answered::Said { version, .. } if version != standing.version => {
            Follows::AskAgain(Flaw::OtherVersion)
        }
        Answered::Said { signature, .. } => match signature.verdict {
            Verdict::Accept if has_open_questions => Follows::Wait,
            Verdict::Accept | Verdict::Reject => Follows::Sign(signature),
        },
    }
}

/// What a person who is known has said of a Task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What.
    pub verdict: Verdict,
    /// Why, or what was found.
    pub reason: Option<String>,
    /// Who: a reference.
    pub signer: String,
}

impl Said {
    /// That a Task is answered so by this person.
    pub fn by(signer: &str, verdict: Verdict, reason: Option<&str>) -> Self {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        Self {
            verdict,
            reason: reason.map(str::to_owned),
            signer: signer.to_owned(),
        }
    }
}

/// A sign-off Task completed with an answer about a version of the result, as [`answer`] reads it. `now` is a FHIR instant.
pub fn signed_task(task: &str, said: &Said, version: &str, now: &str) -> Option<String> {
    let mut outputs = vec![
        output_of(DECISION, "valueCode", said.verdict.name()),
        output_of(VERSION, "valueString", version),
    ];
    let reason = said.reason.as_deref();
    outputs.extend(reason.map(|reason| output_of(REASON, "valueString", reason)));
    completed(task, &outputs, None, now)
}

/// The Task of a question, completed: whether it was justified, and as a note what was found and by whom.
pub fn answered_question(task: &str, said: &Said, now: &str) -> Option<String> {
    let text = said
        .reason
        .as_deref()
        .unwrap_or("Nothing further was said.");
    // An Annotation names no role as its author in R4.
    let note = match said.signer.starts_with("Practitioner/") {
        true => {
            json!({ "authorReference": { "reference": said.signer }, "time": now, "text": text })
        }
        false => json!({ "authorString": said.signer, "time": now, "text": text }),
    };
    let decision = output_of(DECISION, "valueCode", said.verdict.name());
    completed(task, &[decision], Some(note.to_string()), now)
}

/// A Task completed with these outputs in place of earlier ones of the same names, and perhaps a further note.
fn completed(task: &str, outputs: &[String], note: Option<String>, now: &str) -> Option<String> {
    let Json::Object(mut members) = Json::parse(task).ok()? else {
        return None;
    };
    // Why it was asked again no longer says why it is as it is.
    members.retain(|(key, _)| key != "statusReason");
    let json = Json::Object(members);
    let is_of_others = |output: &&Json<'_>| {
        !([DECISION, VERSION, REASON].iter()).any(|name| is_named(output, name))
    };
    let kept = (json.items_at("output").iter())
        .filter(is_of_others)
        .cloned();
    let outputs = listed(kept, outputs)?;
    let modified = format!("\"{now}\"");
    let mut changes = vec![
        ("status", "\"completed\""),
        ("lastModified", modified.as_str()),
        ("output", outputs.as_str()),
    ];
    let notes = match note {
        Some(note) => Some(listed(json.items_at("note").iter().cloned(), &[note])?),
        None => None,
    };
    changes.extend(notes.as_deref().map(|notes| ("note", notes)));
    revised(&serde_json::to_string(&json).ok()?, &changes)
}

/// A list of what is there and what is added.
fn listed<'j>(kept: impl Iterator<Item = Json<'j>>, added: &'j [String]) -> Option<String> {
    let mut all: Vec<Json<'_>> = kept.collect();
    for text in added {
        all.push(Json::parse(text).ok()?);
    }
    serde_json::to_string(&Json::List(all)).ok()
}

fn output_of(name: &str, key: &str, value: &str) -> String {
    json!({ "type": { "text": name }, key: value }).to_string()
}

fn is_named(output: &Json<'_>, name: &str) -> bool {
    output.get("type").map(Concept::read).is_some_and(|kind| {
        let mut codes = kind.codings.iter().filter_map(|coding| coding.code);
        kind.text == Some(name) || codes.any(|code| code == name)
    })
}

/// The text of an output, by the text or a code of its type.
fn output(task: &Json<'_>, name: &str) -> Option<String> {
    let output = (task.items_at("output").iter()).find(|output| is_named(output, name))?;
    for key in ["valueCode", "valueString", "valueId", "valueMarkdown"] {
        if let Some(text) = output.text_at(key) {
            return Some(text.to_owned());
        }
    }
    if let Some(Json::Number(number)) = output.get("valueInteger") {
        return Some((*number).to_owned());
    }
    if let Some(reference) = output.get("valueReference") {
        return Some(reference.text_at("reference")?.to_owned());
    }
    let concept = Concept::read(output.get("valueCodeableConcept")?);
    let code = concept.codings.iter().find_map(|coding| coding.code);
    code.or(concept.text).map(str::to_owned)
}

/// The version in `3`, `W/"3"` or `Observation/x/_history/3`.
pub fn version_in(text: &str) -> Option<String> {
    let text = text.trim();
    let version = text
        .rsplit_once("/_history/")
        .map_or(text, |(_, version)| version);
    let version = version.trim_start_matches("W/").trim_matches('"');
    let is_version = !version.is_empty() && !version.contains(['/', ' ']);
    is_version.then(|| version.to_owned())
}

/// Who has changed a resource last, as the server attests it.
fn attested(resource: &Json<'_>, by: &Attested) -> Option<String> {
    let meta = resource.get("meta")?;
    let author = match by {
        Attested::Nowhere => None,
        Attested::MetaAuthor => meta.get("author"),
        Attested::MetaExtension(url) => (meta.items_at("extension").iter())
            .find(|extension| extension.text_at("url") == Some(url.as_str()))?
            .get("valueReference"),
    };
    author?.text_at("reference").map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pipeline::results::Answer;

    fn signing() -> Signing {
        Signing {
            attested: Attested::MetaAuthor,
            signers: BTreeSet::from(["Practitioner/p".to_owned()]),
        }
    }

    fn task(status: &str, author: &str, outputs: &str) -> String {
        format!(
            r#"{{"resourceType":"Task","status":"{status}","owner":{{"reference":"Practitioner/p"}},"meta":{{"versionId":"4","author":{{"reference":"{author}"}}}},"output":[{outputs}]}}"#
        )
    }

    fn said(decision: &str, version: &str) -> String {
        format!(
            r#"{{"type":{{"text":"decision"}},"valueCode":"{decision}"}},{{"type":{{"coding":[{{"code":"version"}}]}},"valueString":"{version}"}}"#
        )
    }

    fn answered(text: &str, signing: &Signing) -> Answered {
        answer(&Json::parse(text).unwrap(), "h2t-1", signing)
    }

    fn prior(state: ResultState) -> Prior {
        Prior {
            version: "2".to_owned(),
            state,
            fingerprint: None,
            content: None,
            rejection: None,
            answer: Answer {
                status: "negative".to_owned(),
                category: "low".to_owned(),
            },
        }
    }

    #[test]
    fn a_completed_task_of_an_attested_signer_signs_the_version_it_names() {
        for version in ["2", "W/\\\"2\\\"", "Observation/h2o-1/_history/2"] {
            let text = task("completed", "Practitioner/p", &said("accept", version));
            let Answered::Said { signature, version } = answered(&text, &signing()) else {
                panic!("{text}");
            };
            assert_eq!(version, "2");
            assert_eq!(signature.verdict, Verdict::Accept);
            assert_eq!(signature.signer, "Practitioner/p");
            assert_eq!(signature.task, "h2t-1/_history/4");
        }
    }

    #[test]
    fn who_owns_a_task_has_not_signed_it() {
        let text = task("completed", "Practitioner/other", &said("accept", "2"));
        assert_eq!(
            answered(&text, &signing()),
            Answered::Flawed(Flaw::MayNotSign)
        );
        let nowhere = Signing {
            attested: Attested::Nowhere,
            ..signing()
        };
        let text = task("completed", "Practitioner/p", &said("accept", "2"));
        assert_eq!(
            answered(&text, &nowhere),
            Answered::Flawed(Flaw::NobodyAttested)
        );
    }

    #[test]
    fn an_answer_without_decision_or_version_is_asked_for_again() {
        for (outputs, flaw) in [
            (String::new(), Flaw::NoDecision),
            (said("perhaps", "2"), Flaw::NoDecision),
            (said("accept", " "), Flaw::NoVersion),
            (
                r#"{"type":{"text":"decision"},"valueString":"Reject"}"#.to_owned(),
                Flaw::NoVersion,
            ),
        ] {
            let text = task("completed", "Practitioner/p", &outputs);
            assert_eq!(
                answered(&text, &signing()),
                Answered::Flawed(flaw),
                "{text}"
            );
        }
        for status in ["requested", "in-progress", "cancelled", "rejected"] {
            let text = task(status, "Practitioner/p", &said("accept", "2"));
            assert_eq!(answered(&text, &signing()), Answered::Not);
        }
    }

    #[test]
    fn only_the_version_that_stands_is_signed_and_no_open_question_is_passed_over() {
        let text = task("completed", "Practitioner/p", &said("accept", "2"));
        let said = |prior: &Prior, open| follows(answered(&text, &signing()), prior, open);
        for state in [ResultState::Preliminary, ResultState::Amended] {
            assert!(matches!(said(&prior(state), false), Follows::Sign(_)));
            assert_eq!(said(&prior(state), true), Follows::Wait);
        }
        let later = Prior {
            version: "3".to_owned(),
            ..prior(ResultState::Preliminary)
        };
        assert_eq!(said(&later, false), Follows::AskAgain(Flaw::OtherVersion));
        for state in [ResultState::Final, ResultState::EnteredInError] {
            assert_eq!(said(&prior(state), false), Follows::Nothing);
        }
        let rejected = Prior {
            rejection: Some("{}".to_owned()),
            ..prior(ResultState::Preliminary)
        };
        assert_eq!(said(&rejected, false), Follows::Nothing);
    }
    #[test]
    fn what_is_written_into_a_task_is_read_as_the_same_answer() {
        let asked = r#"{"resourceType":"Task","status":"requested","statusReason":{"text":"asked again"},"meta":{"versionId":"4","author":{"reference":"Practitioner/p"}},"output":[{"type":{"text":"decision"},"valueCode":"perhaps"},{"type":{"text":"slide"},"valueString":"A1"}]}"#;
        let said = Said {
            verdict: Verdict::Reject,
            reason: Some("another \"block\"".to_owned()),
            signer: "Practitioner/p".to_owned(),
        };
        let now = "2026-01-02T03:04:05Z";
        let text = signed_task(asked, &said, "2", now).unwrap();
        assert!(
            text.contains("A1") && !text.contains("asked again"),
            "{text}"
        );
        let Answered::Said { signature, version } = answered(&text, &signing()) else {
            panic!("{text}");
        };
        assert_eq!((version.as_str(), signature.verdict), ("2", said.verdict));
        assert_eq!(signature.reason, said.reason);
        let text = answered_question(asked, &said, now).unwrap();
        let task = Json::parse(&text).unwrap();
        assert_eq!(task.text_at("status"), Some("completed"));
        assert_eq!(task.items_at("output").len(), 2);
        assert_eq!(
            task.items_at("note")[0].text_at("text"),
            said.reason.as_deref()
        );
    }
}
