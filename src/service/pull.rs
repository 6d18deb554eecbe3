//! What changed on the server, and what belongs to it.
//!
//! Only the server's own clock counts, and never its last moments: a resource may become visible to a search after
//! one with a later `_lastUpdated`. A window of several pages is read again until a reading brings nothing new,
//! because an item updated while somebody pages shifts the others by one place.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use super::client::{Capabilities, ClientError, EntryMode, FhirClient, PageEntry, ReadAnswer};
use super::progress::Progress;
use crate::config::PullConfig;
use crate::fhir::candidates::RELATED_CONDITION;
use crate::fhir::elements::{Identifier, Reference};
use crate::fhir::groups::MOST_VALUES_TOGETHER;
use crate::fhir::json::Json;
use crate::fhir::pool::{Pool, Rejected};
use crate::fhir::tissue::DIAGNOSIS;
use crate::pipeline::Rules;

/// A window that keeps bringing new items is read this often in one pass; then the cursor stays where it is.
const MOST_READINGS: usize = 5;
/// Specimens, panels and their parents are followed this far from a result.
const FARTHEST: usize = 12;

/// The texts of resources by key.
pub type Texts = BTreeMap<String, String>;

/// What a search of the window brought.
#[derive(Debug, Default)]
pub struct Window {
    /// Reports and Observations that changed, and what was included with them.
    pub texts: Texts,
    /// The keys that changed.
    pub changed: BTreeSet<String>,
    /// Entries that are no resources.
    pub rejected: Vec<Rejected>,
    /// The server's clock at the first page.
    pub server_time: Option<DateTime<FixedOffset>>,
    /// Results of ours that changed: the case and the id on the server.
    pub own: BTreeSet<(String, String)>,
    /// The window was still bringing new items when it was left.
    pub unsettled: bool,
}

/// Reads from one server.
#[derive(Debug, Clone)]
pub struct Puller {
    client: FhirClient,
    base: String,
    capabilities: Capabilities,
}

impl Puller {
    /// A puller for a server whose base URL is `base`.
    pub fn new(client: FhirClient, base: &str, capabilities: Capabilities) -> Self {
        Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            capabilities,
        }
    }

    /// The base URL, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reports and HER2 Observations that changed since a moment; everything without one.
    ///
    /// # Errors
    /// [`ClientError`] when a page cannot be read; nothing has been counted as seen then.
    pub async fn window(
        &self,
        since: Option<DateTime<Utc>>,
        rules: &Rules,
    ) -> Result<Window, ClientError> {
        let mut window = Window::default();
        let progress = Progress::new("pages", None);
        let since =
            since.map(|since| format!("ge{}", since.to_rfc3339_opts(SecondsFormat::Secs, true)));
        for (kind, mut parameters) in [
            ("DiagnosticReport", self.report_parameters(rules)),
            ("Observation", self.observation_parameters(rules)),
        ] {
            parameters.extend(
                since
                    .clone()
                    .map(|since| ("_lastUpdated".to_owned(), since)),
            );
            parameters.push(("_sort".to_owned(), "_lastUpdated".to_owned()));
            let mut settled = false;
            for _ in 0..MOST_READINGS {
                let read = self
                    .read_window(kind, &parameters, &mut window, rules, Some(&progress))
                    .await;
                let (pages, fresh) = match read {
                    // The window begins again; what was read of it is kept.
                    Err(ClientError::PageExpired) => continue,
                    read => read?,
                };
                if pages <= 1 || fresh == 0 {
                    settled = true;
                    break;
                }
            }
            window.unsettled |= !settled;
        }
        progress.finish();
        Ok(window)
    }

    /// Reads all pages of one search; how many there were, and how many changed items were new.
    async fn read_window(
        &self,
        kind: &str,
        parameters: &[(String, String)],
        window: &mut Window,
        rules: &Rules,
        progress: Option<&Progress>,
    ) -> Result<(usize, usize), ClientError> {
        let mut pages = self.client.search(kind, parameters);
        let (mut count, mut fresh) = (0, 0);
        while let Some(page) = pages.next().await? {
            window.server_time = window.server_time.or(page.server_date);
            for (index, entry) in page.entries.into_iter().enumerate() {
                let place = format!("page {} of {kind}, entry {index}", count + 1);
                match entry {
                    PageEntry::Resource {
                        mode: EntryMode::Outcome,
                        ..
                    } => {}
                    PageEntry::Resource { mode, resource, .. } => {
                        let is_change = mode != EntryMode::Include;
                        match key_of(&resource, rules) {
                            Ok(Keyed::Own { case, id }) => {
                                window.own.insert((case, id));
                            }
                            Ok(Keyed::Foreign {
                                key,
                                kind: kind_found,
                            }) => {
                                let is_change = is_change && kind_found == kind;
                                let is_new = window.texts.get(&key) != Some(&resource);
                                fresh += usize::from(is_change && is_new);
                                if is_change {
                                    window.changed.insert(key.clone());
                                }
                                if is_new {
                                    window.texts.insert(key, resource);
                                }
                            }
                            Err(why) => reject(window, Rejected::new(place, why, &resource)),
                        }
                    }
                    PageEntry::Unreadable { why, .. } => {
                        let why = why.to_string();
                        let content = format!("{kind} {why}");
                        reject(window, Rejected::new(place, why, &content));
                    }
                }
            }
            count += 1;
            if let Some(progress) = progress {
                progress.advance();
            }
        }
        Ok((count, fresh))
    }

    /// Everything that belongs to some resources of one patient, read now: the resources themselves (`known` texts of a
    /// search that was earlier, and `also`), the patient's other HER2 reports, results and orders, also those of a patient
    /// that was merged with this one, panel members, specimens with their parents, and tumour Conditions. `by_id` reads each by its id, where a search may lag behind.
    ///
    /// # Errors
    /// [`ClientError`] when the server cannot be read.
    pub async fn neighbourhood(
        &self,
        subject: Option<&str>,
        known: &Texts,
        also: &BTreeSet<String>,
        by_id: bool,
        rules: &Rules,
    ) -> Result<Texts, ClientError> {
        let mut texts = Texts::new();
        let mut wanted: BTreeSet<String> = also.iter().chain(known.keys()).cloned().collect();
        let mut asked: BTreeSet<String> = BTreeSet::new();
        let mut searched: BTreeSet<String> = BTreeSet::new();
        let mut patients: BTreeSet<String> = subject.into_iter().map(str::to_owned).collect();
        for _ in 0..FARTHEST {
            patients.retain(|it| it.starts_with("Patient/") && searched.insert(it.clone()));
            for patient in &patients {
                self.search_for_patient(patient, known, by_id, rules, &mut texts, &mut wanted)
                    .await?;
            }
            wanted.extend(missing(&texts, &self.base));
            wanted.extend(std::mem::take(&mut patients));
            wanted.retain(|key| !texts.contains_key(key) && asked.insert(key.clone()));
            if wanted.is_empty() {
                break;
            }
            for key in std::mem::take(&mut wanted) {
                let Some((kind, id)) = key.split_once('/') else {
                    continue;
                };
                match self.client.read(kind, id).await {
                    Ok(ReadAnswer::Found { text, .. }) => {
                        if kind == PATIENT {
                            let others = linked(&text, &key, &self.base);
                            // It may be met by a report of its own, and the other record need not name it.
                            patients.extend(others.first().map(|_| key.clone()));
                            patients.extend(others);
                        }
                        texts.insert(key, text);
                    }
                    Ok(ReadAnswer::NotFound | ReadAnswer::Gone) => {}
                    // What a report has attached may be closed to us, and the report is read without it.
                    Err(ClientError::Forbidden | ClientError::Refused { .. }) if kind == BINARY => {
                        tracing::warn!("an attachment of a report may not be read from the server");
                    }
                    Err(ClientError::Forbidden | ClientError::Refused { .. })
                        if kind == PATIENT =>
                    {
                        tracing::warn!(
                            "a patient may not be read from the server, so nobody can tell whether it was merged into another"
                        );
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(texts)
    }

    /// The reports, results and orders of one patient.
    async fn search_for_patient(
        &self,
        patient: &str,
        known: &Texts,
        by_id: bool,
        rules: &Rules,
        texts: &mut Texts,
        wanted: &mut BTreeSet<String>,
    ) -> Result<(), ClientError> {
        let mut searches = vec![
            ("DiagnosticReport", self.report_parameters(rules)),
            ("Observation", self.observation_parameters(rules)),
        ];
        if self.reads_orders() {
            let codes = rules.mapping.order_tokens().join(",");
            searches.push((ORDER, vec![("code".to_owned(), codes)]));
        }
        for (kind, mut parameters) in searches {
            parameters.push(("subject".to_owned(), patient.to_owned()));
            let mut found = Window::default();
            self.read_window(kind, &parameters, &mut found, rules, None)
                .await?;
            if by_id {
                wanted.extend(found.texts.into_keys());
                continue;
            }
            for (key, text) in found.texts {
                match known.get(&key).filter(|known| is_newer(known, &text)) {
                    Some(newer) => texts.insert(key, newer.clone()),
                    None => texts.insert(key, text),
                };
            }
        }
        Ok(())
    }

    /// Whether the server lets orders be searched by their code.
    pub fn reads_orders(&self) -> bool {
        self.capabilities.searches_by(ORDER, "code")
    }

    /// One resource by its key.
    ///
    /// # Errors
    /// [`ClientError`] when the server cannot be read.
    pub async fn read(&self, key: &str) -> Result<Option<String>, ClientError> {
        let Some((kind, id)) = key.split_once('/') else {
            return Ok(None);
        };
        Ok(match self.client.read(kind, id).await? {
            ReadAnswer::Found { text, .. } => Some(text),
            ReadAnswer::NotFound | ReadAnswer::Gone => None,
        })
    }

    fn report_parameters(&self, rules: &Rules) -> Vec<(String, String)> {
        let mut parameters = vec![("code".to_owned(), rules.mapping.report_tokens().join(","))];
        for include in ["DiagnosticReport:result", "DiagnosticReport:specimen"] {
            if self.capabilities.includes("DiagnosticReport", include) {
                parameters.push(("_include".to_owned(), include.to_owned()));
            }
        }
        parameters
    }

    fn observation_parameters(&self, rules: &Rules) -> Vec<(String, String)> {
        let by = if self.capabilities.searches_by("Observation", "combo-code") {
            "combo-code"
        } else {
            "code"
        };
        let mut parameters = vec![(by.to_owned(), rules.mapping.observation_tokens().join(","))];
        for include in ["Observation:has-member", "Observation:specimen"] {
            if self.capabilities.includes("Observation", include) {
                parameters.push(("_include".to_owned(), include.to_owned()));
            }
        }
        parameters
    }
}

/// How far the next pass may count everything as seen: the server's time less what it may still bring.
pub fn horizon(server_time: DateTime<FixedOffset>, settings: &PullConfig) -> DateTime<Utc> {
    server_time.with_timezone(&Utc) - settings.transaction_timeout - settings.clock_drift
}

/// What a resource is to us.
enum Keyed {
    /// A result of ours: never an input.
    Own {
        /// The case.
        case: String,
        /// Its id on the server.
        id: String,
    },
    /// Anybody else's.
    Foreign {
        /// `Type/id`.
        key: String,
        /// Its type.
        kind: String,
    },
}

fn key_of(text: &str, rules: &Rules) -> Result<Keyed, String> {
    let json = Json::parse(text).map_err(|error| error.why.to_owned())?;
    let own = rules.own_identifier_system();
    let identifiers = Identifier::read_all(&json);
    let of_case = (identifiers.iter()).find(|found| found.system == Some(own.as_str()));
    match (json.text_at("resourceType"), json.text_at("id"), of_case) {
        (_, id, Some(of_case)) => Ok(Keyed::Own {
            case: of_case.value.to_owned(),
            id: id.unwrap_or_default().to_owned(),
        }),
        (Some(kind), Some(id), None) => Ok(Keyed::Foreign {
            key: format!("{kind}/{id}"),
            kind: kind.to_owned(),
        }),
        (None, _, None) => Err("no resourceType, so no FHIR resource".to_owned()),
        (Some(_), None, None) => Err("a resource without an id".to_owned()),
    }
}

/// Whether the server stored the first text later than the second, as far as both tell.
fn is_newer(one: &str, other: &str) -> bool {
    let stored = |text: &str| {
        let json = Json::parse(text).ok()?;
        let at = json.get("meta")?.text_at("lastUpdated")?;
        DateTime::parse_from_rfc3339(at).ok()
    };
    match (stored(one), stored(other)) {
        (Some(one), Some(other)) => one > other,
        _ => false,
    }
}

/// Notes an entry that is no resource, once however often the window is read.
fn reject(window: &mut Window, rejected: Rejected) {
    let known = |earlier: &Rejected| earlier.content == rejected.content;
    if !window.rejected.iter().any(known) {
        window.rejected.push(rejected);
    }
}

/// The type of an attachment that stands on the server by itself.
const BINARY: &str = "Binary";
const PATIENT: &str = "Patient";
/// The type of an order of a test.
const ORDER: &str = "ServiceRequest";

/// The patients that a patient was merged into, or that were merged into it.
fn linked(patient: &str, key: &str, base: &str) -> Vec<String> {
    let pool = Pool::new(Some(base));
    let Ok(json) = Json::parse(patient) else {
        return Vec::new();
    };
    (json.items_at("link").iter())
        .filter(|link| matches!(link.text_at("type"), Some("replaced-by" | "replaces")))
        .filter_map(|link| pool.key_of(&Reference::read(link.get("other")?), PATIENT, key))
        .collect()
}

/// The attachments that a report only links to, of the types that are read.
fn links_of<'r>(report: &'r Json<'_>) -> impl Iterator<Item = Reference<'r>> {
    (report.items_at("presentedForm").iter())
        .filter(|form| form.text_at("data").is_none())
        .filter(|form| {
            form.text_at("contentType")
                .is_none_or(|of| !of.trim_start().starts_with("image/"))
        })
        .filter_map(|form| form.text_at("url").map(Reference::to))
}

/// References to results, panel members, specimens, Conditions and attachments that lead out of the texts. Tissue of a
/// metastasis is met where a report or result names it; a search for specimens of its own would cost every patient one more
/// request for a remark.
fn missing(texts: &Texts, base: &str) -> BTreeSet<String> {
    let mut pool = Pool::new(Some(base));
    let mut left = MOST_VALUES_TOGETHER;
    for text in texts.values() {
        if let Ok(json) = Json::parse_within(text, &mut left) {
            // What is no resource has been named when it was pulled.
            let _ = pool.add(json, None, "the server");
        }
    }
    let mut missing = BTreeSet::new();
    for resource in pool.all() {
        let followed: &[(&str, &str)] = match resource.kind.as_str() {
            "DiagnosticReport" => &[
                ("result", "Observation"),
                ("specimen", "Specimen"),
                ("subject", PATIENT),
            ],
            "Observation" => &[
                ("subject", PATIENT),
                ("hasMember", "Observation"),
                ("specimen", "Specimen"),
                ("focus", "Condition"),
            ],
            "Specimen" => &[("parent", "Specimen")],
            _ => &[],
        };
        let mut references: Vec<(Reference<'_>, &str)> = Vec::new();
        for (key, kind) in followed {
            let found = Reference::read_all(&resource.json, key);
            references.extend(found.into_iter().map(|reference| (reference, *kind)));
        }
        if resource.kind == "DiagnosticReport" {
            references.extend(links_of(&resource.json).map(|reference| (reference, BINARY)));
        }
        for extension in resource.json.items_at("extension") {
            if matches!(
                extension.text_at("url"),
                Some(RELATED_CONDITION | DIAGNOSIS)
            ) && let Some(reference) = extension.get("valueReference")
            {
                references.push((Reference::read(reference), "Condition"));
            }
        }
        for (reference, kind) in references {
            if let Some(key) = pool.key_of(&reference, kind, &resource.key)
                && pool.get(&key).is_none()
                && key.starts_with(&format!("{kind}/"))
            {
                missing.insert(key);
            }
        }
    }
    missing
}
