//! What a client has exchanged with its server, noted for an audit: which interaction, with what, for whose sake, how it
//! ended. Never a body, a header or a token.
//!
//! A request and its repetitions are one exchange, with one `X-Request-Id`. What reads or writes AuditEvents is not noted,
//! for that would never end. Nor is a look at the server's metadata, for which BALP has no pattern and which tells nothing
//! of anybody; the trial on a `Basic` is, as of no patient, since an auditor asks for every write.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::SecondsFormat;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::error::ClientError;
use super::paging::{EntryMode, PageEntry};
use super::transaction::EntryAnswer;
use super::{Answer, FhirClient, bare_version, body, is_id};
use crate::fhir::json::Json;

/// The type that exchanges are told in.
pub(in crate::service) const AUDIT_EVENT: &str = "AuditEvent";

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One interaction with a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// What was asked for.
    pub interaction: Interaction,
    /// When it had ended, RFC 3339 in UTC.
    pub at: String,
    /// Base URL of the server, without a slash at its end.
    pub server: String,
    /// `Type/id`, with the version where that is known; the type alone where there is no id.
    pub about: String,
    /// `Patient/id`, or an absolute address of one, where it is known whom it concerns.
    pub patient: Option<String>,
    /// Why it was not carried out.
    pub failure: Option<Failure>,
    /// The `X-Request-Id` that was sent.
    pub request_id: String,
}

/// What was asked of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interaction {
    /// A page of a search, with its address.
    Search(String),
    /// One resource.
    Read,
    /// A first version.
    Create,
    /// A further version, or one that is not known to be the first.
    Update,
    /// A deletion.
    Delete,
}

/// How an exchange has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The server failed, or it is open what it has done; else it has refused.
    pub is_serious: bool,
    /// In words, without anything of a patient.
    pub why: String,
}

impl Failure {
    fn of(error: &ClientError) -> Failure {
        let is_serious = match error {
            ClientError::NotSent { .. }
            | ClientError::Ambiguous { .. }
            | ClientError::Busy { .. }
            | ClientError::Resting { .. }
            | ClientError::NotAtomic { .. }
            | ClientError::Untrusted(_)
            | ClientError::Unreadable(_)
            | ClientError::TooLarge(_) => true,
            ClientError::Conflict { .. }
            | ClientError::Unauthorized
            | ClientError::Forbidden
            | ClientError::NotFound
            | ClientError::Gone
            | ClientError::Refused { .. }
            | ClientError::PageExpired => false,
        };
        Failure {
            is_serious,
            why: error.to_string(),
        }
    }
}

/// A request and its repetitions, as a server tells them from others.
#[derive(Debug)]
pub(super) struct Call {
    id: String,
    /// Whether anything has left for the server; a server that is left alone is told nothing.
    pub(super) was_sent: bool,
}

impl Call {
    pub(super) fn new() -> Call {
        Call {
            id: Uuid::new_v4().to_string(),
            was_sent: false,
        }
    }

    /// The id as a header; `None` cannot be, for it is of ASCII digits.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.id).ok()
    }
}

/// Notes that nobody has taken yet. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail(Arc<Mutex<Vec<Noted>>>);

impl Trail {
    fn locked(&self) -> MutexGuard<'_, Vec<Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FhirClient {
    /// The same client, which notes what it exchanges from now on; its clones note it in the same place.
    pub fn audited(self) -> FhirClient {
        FhirClient {
            trail: Some(Trail::default()),
            ..self
        }
    }

    /// Whether exchanges are noted.
    pub fn is_audited(&self) -> bool {
        self.trail.is_some()
    }

    /// What was noted since this was last asked, by this client and its clones.
    pub fn take_noted(&self) -> Vec<Noted> {
        let trail = self.trail.as_ref();
        trail.map_or_else(Vec::new, |trail| std::mem::take(&mut *trail.locked()))
    }

    /// Base URL of the server, without a slash at its end.
    pub fn base_url(&self) -> String {
        let root = self.base.root();
        root.as_str().trim_end_matches('/').to_owned()
    }

    /// Notes a read, where that is wanted. A version that was asked about and still stands has told nothing new.
    pub(super) fn note_read(
        &self,
        call: &Call,
        (kind, id): (&str, &str),
        known_version: Option<&str>,
        answer: &Result<Answer, ClientError>,
    ) {
        let Some(trail) = self.trail_for(call, kind) else {
            return;
        };
        let (version, patient, failure) = match answer {
            Ok(answer) => {
                let tag = answer
                    .etag
                    .as_deref()
                    .map(|tag| bare_version(tag).to_owned());
                let version = tag.or_else(|| body::version_id(&answer.text));
                let patient = Json::parse(&answer.text).ok();
                let patient = patient.and_then(|json| self.patient_of(&json));
                (version, patient, None)
            }
            Err(ClientError::Conflict { status: 304 }) => {
                let version = known_version.map(|version| bare_version(version).to_owned());
                (version, None, None)
            }
            Err(error) => (None, None, Some(Failure::of(error))),
        };
        trail.locked().push(Noted {
            about: address(kind, Some(id), version.as_deref()),
            patient,
            failure,
            ..self.noted(call, Interaction::Read)
        });
    }

    /// Notes a page of a search, where that is wanted: once for each patient that it was about or brought, as BALP asks,
    /// or once where there is none.
    pub(super) fn note_search(
        &self,
        call: &Call,
        kind: &str,
        url: &Url,
        entries: Result<&[PageEntry], &ClientError>,
    ) {
        let Some(trail) = self.trail_for(call, kind) else {
            return;
        };
        let mut patients: BTreeSet<String> = (url.query_pairs())
            .filter(|(key, _)| key == "subject" || key == "patient")
            .filter_map(|(_, value)| self.patient_named(&value))
            .collect();
        for entry in entries.into_iter().flatten() {
            if let PageEntry::Resource { mode, resource, .. } = entry
                && *mode != EntryMode::Outcome
                && let Ok(json) = Json::parse(resource)
            {
                patients.extend(self.patient_of(&json));
            }
        }
        let page = Noted {
            about: kind.to_owned(),
            failure: entries.err().map(Failure::of),
            ..self.noted(call, Interaction::Search(url.to_string()))
        };
        let mut noted = trail.locked();
        if patients.is_empty() {
            noted.push(page.clone());
        }
        noted.extend(patients.into_iter().map(|patient| Noted {
            patient: Some(patient),
            ..page.clone()
        }));
    }

    /// Notes a write of one resource, where that is wanted.
    pub(super) fn note_write(
        &self,
        call: &Call,
        interaction: Interaction,
        (kind, id): (&str, Option<&str>),
        text: Option<&str>,
        answer: Result<&EntryAnswer, &ClientError>,
    ) {
        let Some(trail) = self.trail_for(call, kind) else {
            return;
        };
        let json = text.and_then(|text| Json::parse(text).ok());
        let patient = json.and_then(|json| self.patient_of(&json));
        let written = self.written(call, interaction, (kind, id), patient, answer);
        trail.locked().push(written);
    }

    /// Notes each entry of a transaction, where that is wanted. An entry that names no patient, such as a Provenance,
    /// is of the one patient that the others name.
    pub(super) fn note_transaction(
        &self,
        call: &Call,
        sent: &str,
        answers: &Result<Vec<EntryAnswer>, ClientError>,
    ) {
        let Some(trail) = self.trail_for(call, "Bundle") else {
            return;
        };
        let Ok(bundle) = Json::parse(sent) else {
            return;
        };
        let of_entries: Vec<Option<String>> = (bundle.items_at("entry").iter())
            .map(|entry| self.patient_of(entry.get("resource")?))
            .collect();
        let patients: BTreeSet<&String> = of_entries.iter().flatten().collect();
        let only = (patients.first().copied()).filter(|_| patients.len() == 1);
        for (index, entry) in bundle.items_at("entry").iter().enumerate() {
            let Some(request) = entry.get("request") else {
                continue;
            };
            let interaction = match request.text_at("method") {
                Some("POST") => Interaction::Create,
                Some("PUT") => Interaction::Update,
                Some("DELETE") => Interaction::Delete,
                _ => continue,
            };
            let url = request.text_at("url").unwrap_or_default();
            let place = match url.split_once('/') {
                Some((kind, id)) => (kind, Some(id)),
                None => (url, None),
            };
            let answer = match answers {
                Ok(answers) => match answers.get(index) {
                    Some(answer) => Ok(answer),
                    None => Err(&ClientError::Ambiguous { status: None }),
                },
                Err(error) => Err(error),
            };
            let own = of_entries.get(index).cloned().flatten();
            let patient = own.or_else(|| only.cloned());
            if place.0 != AUDIT_EVENT {
                let written = self.written(call, interaction, place, patient, answer);
                trail.locked().push(written);
            }
        }
    }

    fn written(
        &self,
        call: &Call,
        interaction: Interaction,
        (kind, id): (&str, Option<&str>),
        patient: Option<String>,
        answer: Result<&EntryAnswer, &ClientError>,
    ) -> Noted {
        let (version, given, status) = match answer {
            Ok(answer) => {
                let (given, version) = (answer.location.as_deref())
                    .map_or((None, None), |location| id_and_version(location, kind));
                let tag = answer.etag.as_deref().map(bare_version);
                (tag.or(version), given, Some(answer.status))
            }
            Err(_) => (None, None, None),
        };
        let exists_already = Failure {
            is_serious: false,
            why: "it exists already, and nothing was created".to_owned(),
        };
        let (interaction, failure) = match (interaction, status) {
            (Interaction::Update, Some(201)) => (Interaction::Create, None),
            (Interaction::Create, Some(200)) => (Interaction::Create, Some(exists_already)),
            (interaction, _) => (interaction, answer.err().map(Failure::of)),
        };
        // A deletion makes a version that nobody can read.
        let version = version.filter(|_| interaction != Interaction::Delete);
        Noted {
            about: address(kind, given.or(id), version),
            patient,
            failure,
            ..self.noted(call, interaction)
        }
    }

    /// Where to note an exchange about resources of this type; `None` where it is not to be noted.
    fn trail_for(&self, call: &Call, kind: &str) -> Option<&Trail> {
        let is_told = call.was_sent && kind != AUDIT_EVENT;
        self.trail.as_ref().filter(|_| is_told)
    }

    fn noted(&self, call: &Call, interaction: Interaction) -> Noted {
        let now = self.clock.now();
        Noted {
            interaction,
            at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            server: self.base_url(),
            about: String::new(),
            patient: None,
            failure: None,
            request_id: call.id.clone(),
        }
    }

    /// The patient that a resource is about, if it names one by address.
    fn patient_of(&self, resource: &Json<'_>) -> Option<String> {
        if resource.text_at("resourceType") == Some("Patient") {
            return Some(format!("Patient/{}", resource.text_at("id")?));
        }
        ["subject", "patient", "for"]
            .into_iter()
            .filter_map(|key| resource.get(key)?.text_at("reference"))
            .find_map(|reference| self.patient_named(reference))
    }

    /// The patient that a reference means, relative where it is on this server.
    fn patient_named(&self, reference: &str) -> Option<String> {
        let below = reference.strip_prefix(self.base_url().as_str());
        let address = below.map_or(reference, |below| below.trim_start_matches('/'));
        let unversioned = address.split("/_history/").next()?;
        let mut parts = unversioned.rsplit('/');
        let (id, kind) = (parts.next()?, parts.next()?);
        let is_address = kind == "Patient" && is_id(id) && unversioned.is_ascii();
        (is_address && !unversioned.contains(char::is_whitespace)).then(|| unversioned.to_owned())
    }
}

/// `Type/id/_history/version`, as far as it is known and could be an address.
fn address(kind: &str, id: Option<&str>, version: Option<&str>) -> String {
    match (id.filter(|id| is_id(id)), version.filter(|it| is_id(it))) {
        (Some(id), Some(version)) => format!("{kind}/{id}/_history/{version}"),
        (Some(id), None) => format!("{kind}/{id}"),
        (None, _) => kind.to_owned(),
    }
}

/// The id and version in a `Location`, such as `https://fhir.example/r4/Observation/o/_history/1`.
fn id_and_version<'l>(location: &'l str, kind: &str) -> (Option<&'l str>, Option<&'l str>) {
    let (address, version) = match location.split_once("/_history/") {
        Some((address, version)) => (address, Some(version)),
        None => (location, None),
    };
    let mut parts = address.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(id), Some(found)) if found == kind => (Some(id), version),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_version_that_a_location_tells() {
        let at = "https://fhir.example/r4/Observation/o/_history/3";
        assert_eq!(id_and_version(at, "Observation"), (Some("o"), Some("3")));
        assert_eq!(
            id_and_version("Observation/o", "Observation"),
            (Some("o"), None)
        );
        assert_eq!(id_and_version("Task/o", "Observation"), (None, None));
        assert_eq!(address("Task", Some("t"), Some("3")), "Task/t/_history/3");
        assert_eq!(address("Task", Some("t"), Some("a b")), "Task/t");
        assert_eq!(address("Task", None, Some("3")), "Task");
    }
}
