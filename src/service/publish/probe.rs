//! Finds out what a server honours, by trying it on a tagged `Basic` of our own that is deleted after.
//!
//! Whether something was honoured is judged by what stands afterwards, not by the status that was answered.

use super::bundle::{Call, Request, bundle};
use super::delivery::id_in;
use super::dialect::{Dialect, Ids};
use crate::fhir::json::Json;
use crate::service::client::{
    Capabilities, ClientError, FhirClient, PageEntry, Precondition, ReadAnswer,
};

/// An entity tag that no version has.
const NO_VERSION: &str = "W/\"her2-adapter-no-such-version\"";

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the server honours.
    pub dialect: Dialect,
    /// Whether it was tried; else it is what the server says of itself.
    pub was_tried: bool,
    /// What a person should know of the trial.
    pub remarks: Vec<String>,
}

/// Tries what a server honours. Where it takes no `Basic` from us, what it says of itself stands in. `base` is the prefix
/// of our identifiers, `name` is of this trial alone, `ids` is what the settings say about who gives ids.
///
/// # Errors
/// [`ClientError`] when the server cannot be reached or accepts nobody, or does not answer in the middle of the trial.
pub async fn probe(
    client: &FhirClient,
    capabilities: &Capabilities,
    base: &str,
    name: &str,
    ids: Option<Ids>,
) -> Result<Found, ClientError> {
    let mut trial = Trial {
        client,
        base,
        name,
        made: Vec::new(),
        remarks: Vec::new(),
    };
    let found = trial.run(ids).await;
    let tells_deleted = trial.clean_up().await;
    let Trial { remarks, .. } = trial;
    Ok(match found? {
        Some(dialect) => Found {
            dialect: Dialect {
                tells_deleted,
                ..dialect
            },
            was_tried: true,
            remarks,
        },
        None => {
            let stated = Dialect::stated(capabilities);
            Found {
                dialect: Dialect {
                    ids: ids.unwrap_or(stated.ids),
                    ..stated
                },
                was_tried: false,
                remarks: vec![
                    "the server takes no Basic from us, so what it honours could not be tried; its CapabilityStatement is believed".to_owned(),
                ],
            }
        }
    })
}

struct Trial<'t> {
    client: &'t FhirClient,
    base: &'t str,
    name: &'t str,
    /// Ids on the server of what was made.
    made: Vec<String>,
    remarks: Vec<String>,
}

impl Trial<'_> {
    async fn run(&mut self, wanted: Option<Ids>) -> Result<Option<Dialect>, ClientError> {
        let Some((ids, id)) = self.first(wanted).await? else {
            return Ok(None);
        };
        let mut dialect = Dialect {
            ids,
            ..Dialect::FULL
        };
        dialect.fences_creates = !self.creates_twice(ids, &id).await?;
        let stale = self.tag(&id).await?;
        let current = Precondition::Version(stale.clone());
        if !self.put(&id, "the current version", current).await? {
            self.remarks.push(
                "a PUT with the current version in If-Match is refused, so no result can be updated".to_owned(),
            );
        }
        let before = Precondition::Version(stale.clone());
        dialect.fences_updates = !self.put(&id, "an earlier version", before).await?;
        let plain = self.one(&id, "in a transaction", Precondition::None);
        answered(self.client.transaction(&bundle(&[plain])).await)?;
        if !self.stands(&id, "in a transaction").await? {
            self.remarks
                .push("a transaction of one PUT is not carried out".to_owned());
            return Ok(Some(Dialect {
                atomic: false,
                fences_updates_within: false,
                fences_creates_within: false,
                ..dialect
            }));
        }
        let stale_entry = self.one(
            &id,
            "an earlier version in a transaction",
            Precondition::Version(stale),
        );
        answered(self.client.transaction(&bundle(&[stale_entry])).await)?;
        dialect.fences_updates_within = !self
            .stands(&id, "an earlier version in a transaction")
            .await?;
        dialect.fences_creates_within = !self.creates_twice_within(ids, &id).await?;
        dialect.atomic = self.is_atomic(ids, &id).await?;
        Ok(Some(dialect))
    }

    /// Makes the first `Basic`: who gives its id, and the id. `None` where the server takes none.
    async fn first(&mut self, wanted: Option<Ids>) -> Result<Option<(Ids, String)>, ClientError> {
        if wanted != Some(Ids::Server) {
            let id = self.own_id("a");
            let text = self.text(Some(&id), "a", "made");
            match self
                .client
                .put("Basic", &id, &text, Precondition::None)
                .await
            {
                Ok(_) => {
                    self.made.push(id.clone());
                    return Ok(Some((Ids::Client, id)));
                }
                Err(error) if is_about_us(&error) => return Ok(None),
                Err(error) if !is_refusal(&error) => return Err(error),
                Err(_) if wanted == Some(Ids::Client) => {
                    self.remarks.push(
                        "the server refuses ids of ours, and server.ids says that it takes them"
                            .to_owned(),
                    );
                    return Ok(None);
                }
                Err(_) => {}
            }
        }
        let text = self.text(None, "a", "made");
        match self.client.create("Basic", &text, None).await {
            Ok(answer) => {
                let id = match answer.location.as_deref().and_then(|at| id_in(at, "Basic")) {
                    Some(id) => Some(id.to_owned()),
                    None => self.search("a").await?.pop(),
                };
                self.made.extend(id.clone());
                Ok(id.map(|id| (Ids::Server, id)))
            }
            Err(error) if is_about_us(&error) || is_refusal(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether what exists is created once more by a request of its own.
    async fn creates_twice(&mut self, ids: Ids, id: &str) -> Result<bool, ClientError> {
        match ids {
            Ids::Client => self.put(id, "must not exist", Precondition::Absent).await,
            Ids::Server => {
                let text = self.text(None, "a", "must not exist");
                let criteria = self.criteria("a");
                answered(self.client.create("Basic", &text, Some(&criteria)).await)?;
                self.has_copies(id).await
            }
        }
    }

    /// Whether what exists is created once more by an entry of a transaction.
    async fn creates_twice_within(&mut self, ids: Ids, id: &str) -> Result<bool, ClientError> {
        const STEP: &str = "must not exist, in a transaction";
        let request = match ids {
            Ids::Client => self.one(id, STEP, Precondition::Absent),
            Ids::Server => self.post("a", STEP),
        };
        answered(self.client.transaction(&bundle(&[request])).await)?;
        match ids {
            Ids::Client => self.stands(id, STEP).await,
            Ids::Server => self.has_copies(id).await,
        }
    }

    /// Whether the first entry of a transaction is undone when the second cannot be carried out.
    async fn is_atomic(&mut self, ids: Ids, id: &str) -> Result<bool, ClientError> {
        let first = match ids {
            Ids::Client => {
                let id = self.own_id("b");
                Request {
                    kind: "Basic",
                    text: self.text(Some(&id), "b", "half a transaction"),
                    call: Call::Put(id, Precondition::None),
                }
            }
            Ids::Server => self.post("b", "half a transaction"),
        };
        // Its body and its address disagree, which no server can carry out; the precondition fails besides.
        let second = Request {
            kind: "Basic",
            text: self.text(Some(&self.own_id("c")), "c", "impossible"),
            call: Call::Put(id.to_owned(), Precondition::Version(NO_VERSION.to_owned())),
        };
        let is_accepted = answered(self.client.transaction(&bundle(&[first, second])).await)?;
        let left = match ids {
            Ids::Client => {
                let id = self.own_id("b");
                let read = self.client.read("Basic", &id).await?;
                let stands = matches!(read, ReadAnswer::Found { .. });
                Vec::from_iter(stands.then_some(id))
            }
            Ids::Server => self.search("b").await?,
        };
        let is_undone = left.is_empty() && !is_accepted;
        self.made.extend(left);
        Ok(is_undone)
    }

    /// Deletes what was made. Whether the server tells what is deleted from what never was.
    async fn clean_up(&mut self) -> bool {
        let mut tells = false;
        let mut is_left = false;
        for id in std::mem::take(&mut self.made) {
            let deleted = self.client.delete("Basic", &id).await.is_ok();
            is_left |= !deleted;
            tells |= matches!(self.client.read("Basic", &id).await, Ok(ReadAnswer::Gone));
        }
        if is_left {
            let tag = format!("{}/CodeSystem/her2-tag|write-probe", self.base);
            self.remarks.push(format!(
                "a Basic of the trial could not be deleted; its tag is {tag}"
            ));
        }
        tells
    }

    /// Sends a PUT; whether it was carried out.
    async fn put(
        &self,
        id: &str,
        step: &str,
        precondition: Precondition,
    ) -> Result<bool, ClientError> {
        let text = self.text(Some(id), "a", step);
        answered(self.client.put("Basic", id, &text, precondition).await)?;
        self.stands(id, step).await
    }

    /// Whether a `Basic` stands as this step wrote it.
    async fn stands(&self, id: &str, step: &str) -> Result<bool, ClientError> {
        Ok(match self.client.read("Basic", id).await? {
            ReadAnswer::Found { text, .. } => Json::parse(&text).is_ok_and(|json| {
                json.get("code").and_then(|code| code.text_at("text")) == Some(step)
            }),
            ReadAnswer::NotFound | ReadAnswer::Gone => false,
        })
    }

    /// The entity tag of what stands.
    async fn tag(&self, id: &str) -> Result<String, ClientError> {
        let ReadAnswer::Found { text, etag } = self.client.read("Basic", id).await? else {
            return Ok(NO_VERSION.to_owned());
        };
        let version = || {
            let json = Json::parse(&text).ok()?;
            Some(format!("W/\"{}\"", json.get("meta")?.text_at("versionId")?))
        };
        Ok(etag
            .or_else(version)
            .unwrap_or_else(|| NO_VERSION.to_owned()))
    }

    /// Whether a search finds more than the one that was made; the others are to be deleted too.
    async fn has_copies(&mut self, id: &str) -> Result<bool, ClientError> {
        let copies: Vec<String> = (self.search("a").await?.into_iter())
            .filter(|copy| copy != id && !self.made.contains(copy))
            .collect();
        let has_copies = !copies.is_empty();
        self.made.extend(copies);
        Ok(has_copies)
    }

    /// The ids of what a search finds of this trial.
    async fn search(&self, part: &str) -> Result<Vec<String>, ClientError> {
        let value = format!("{}-{part}", self.name);
        let token = format!("{}/identifier/her2-probe|{value}", self.base);
        let mut pages = self
            .client
            .search("Basic", &[("identifier".to_owned(), token)]);
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await? {
            for entry in page.entries {
                if let PageEntry::Resource { resource, .. } = entry
                    && let Ok(json) = Json::parse(&resource)
                    && resource.contains(&value)
                {
                    ids.extend(json.text_at("id").map(str::to_owned));
                }
            }
        }
        Ok(ids)
    }

    fn one(&self, id: &str, step: &str, precondition: Precondition) -> Request {
        Request {
            kind: "Basic",
            text: self.text(Some(id), "a", step),
            call: Call::Put(id.to_owned(), precondition),
        }
    }

    fn post(&self, part: &str, step: &str) -> Request {
        Request {
            kind: "Basic",
            text: self.text(None, part, step),
            call: Call::Post {
                full_url: super::address::urn(&self.own_id(part)),
                unless_exists: self.criteria(part),
            },
        }
    }

    fn criteria(&self, part: &str) -> String {
        let token = format!("{}/identifier/her2-probe|{}-{part}", self.base, self.name);
        let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        format!("identifier={encoded}")
    }

    fn own_id(&self, part: &str) -> String {
        format!("h2b-{}-{part}", self.name)
    }

    fn text(&self, id: Option<&str>, part: &str, step: &str) -> String {
        let mut basic = serde_json::json!({
            "resourceType": "Basic",
            "meta": {"tag": [{"system": format!("{}/CodeSystem/her2-tag", self.base), "code": "write-probe"}]},
            "identifier": [{
                "system": format!("{}/identifier/her2-probe", self.base),
                "value": format!("{}-{part}", self.name),
            }],
            "code": {"text": step},
        });
        if let Some(id) = id {
            basic["id"] = id.into();
        }
        basic.to_string()
    }
}

/// Whether a request was accepted. What tells nothing of what the server honours ends the trial: it is unreachable, busy,
/// or does not know us. An error of the server itself is an answer, for what stands tells the rest.
fn answered<T>(answer: Result<T, ClientError>) -> Result<bool, ClientError> {
    match answer {
        Ok(_) => Ok(true),
        Err(
            ClientError::Conflict { .. }
            | ClientError::Refused { .. }
            | ClientError::NotAtomic { .. }
            | ClientError::NotFound
            | ClientError::Gone
            | ClientError::Ambiguous {
                status: Some(200..=299 | 500 | 501),
            },
        ) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the server refuses this way of writing.
fn is_refusal(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused { .. } | ClientError::Conflict { .. }
    )
}

/// Whether our credentials do not cover a `Basic`.
fn is_about_us(error: &ClientError) -> bool {
    matches!(error, ClientError::Forbidden)
}
