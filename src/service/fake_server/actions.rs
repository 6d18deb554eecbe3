//! The entries of transactions and batches: what they ask for, and how that is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::bundle::Entry;
use super::dialects::Manners;
use super::incoming::Incoming;
use super::json_members::raw;
use super::refusal::Refusal;
use super::resources::{Preconditions, Resources, Version, Written};
use super::search::{KeptSearches, Search, find_existing};
use super::transaction::BundleContext;

/// An entry as it came in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncomingEntry {
    full_url: Option<String>,
    resource: Option<Box<RawValue>>,
    request: Option<IncomingRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncomingRequest {
    method: String,
    url: String,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_none_exist: Option<String>,
}

/// What an entry asks for.
pub(super) enum Asked {
    /// A create, of which is not known yet where it goes, nor whether it is needed.
    Create {
        resource_type: String,
        incoming: Incoming,
        if_none_exist: Option<String>,
    },
    /// Anything else, which can be done as it is.
    Step(Step),
}

/// What is to be done for an entry.
pub(super) enum Step {
    Delete {
        resource_type: String,
        id: String,
        preconditions: Preconditions,
    },
    Create {
        resource_type: String,
        id: String,
        incoming: Incoming,
    },
    /// Nothing: it was a conditional create, and this is there already.
    Keep(Arc<Version>),
    Update {
        resource_type: String,
        id: String,
        incoming: Incoming,
        preconditions: Preconditions,
    },
    /// A read or a search.
    Get { url: String },
}

impl IncomingEntry {
    /// The name by which other entries refer to this one before it has an address.
    pub fn placeholder(&self) -> Option<String> {
        self.full_url
            .clone()
            .filter(|full_url| full_url.starts_with("urn:"))
    }

    /// When the entry has its turn: FHIR prescribes an order of the methods of a transaction.
    pub fn turn(&self) -> u8 {
        let method = self.request.as_ref().map(|request| request.method.as_str());
        match method {
            Some("DELETE") => 0,
            Some("POST") => 1,
            Some("PUT") => 2,
            _ => 3,
        }
    }

    fn incoming(&self) -> Result<Incoming, Refusal> {
        match &self.resource {
            Some(resource) => Incoming::parse(resource.get().as_bytes()),
            None => Err(Refusal::bad_request("the entry has no resource")),
        }
    }
}

impl Asked {
    /// Reads an entry; refused with 400 if it asks for nothing that can be done.
    pub fn parse(entry: &IncomingEntry, base: &str, manners: &Manners) -> Result<Asked, Refusal> {
        let Some(request) = &entry.request else {
            return Err(Refusal::bad_request("the entry has no request"));
        };
        let url = request.url.strip_prefix(base).unwrap_or(&request.url);
        let url = url.trim_start_matches('/');
        if request.method == "GET" {
            return Ok(Asked::Step(Step::Get {
                url: url.to_owned(),
            }));
        }
        if url.contains('?') {
            return Err(Refusal::bad_request(
                "conditional updates and deletes are not supported",
            ));
        }
        let preconditions = match manners.preconditions_in_transactions {
            true => Preconditions {
                if_match: request.if_match.clone(),
                if_none_match: request.if_none_match.clone(),
            },
            false => Preconditions::default(),
        };
        let segments: Vec<&str> = url.split('/').collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", [resource_type]) => Ok(Asked::Create {
                resource_type: (*resource_type).to_owned(),
                incoming: entry.incoming()?,
                if_none_exist: request.if_none_exist.clone(),
            }),
            ("PUT", [resource_type, id]) => Ok(Asked::Step(Step::Update {
                resource_type: (*resource_type).to_owned(),
                id: (*id).to_owned(),
                incoming: entry.incoming()?,
                preconditions,
            })),
            ("DELETE", [resource_type, id]) => Ok(Asked::Step(Step::Delete {
                resource_type: (*resource_type).to_owned(),
                id: (*id).to_owned(),
                preconditions,
            })),
            _ => Err(unfitting_url()),
        }
    }

    /// Decides where a create goes, so that other entries can refer to it before it is written.
    pub fn settle(
        self,
        store: &mut Resources,
        context: &BundleContext<'_>,
    ) -> Result<Step, Refusal> {
        let (resource_type, incoming, if_none_exist) = match self {
            Asked::Step(step) => return Ok(step),
            Asked::Create {
                resource_type,
                incoming,
                if_none_exist,
            } => (resource_type, incoming, if_none_exist),
        };
        if store.manners.if_none_exist
            && let Some(criteria) = if_none_exist
            && let Some(version) = find_existing(store, &resource_type, &criteria, &context.search)?
        {
            return Ok(Step::Keep(version));
        }
        Ok(Step::Create {
            id: store.next_id(&resource_type),
            resource_type,
            incoming,
        })
    }
}

impl Step {
    /// `Type/id` of the one resource this is about, if it is about one.
    pub fn address(&self) -> Option<String> {
        match self {
            Step::Delete {
                resource_type, id, ..
            }
            | Step::Create {
                resource_type, id, ..
            }
            | Step::Update {
                resource_type, id, ..
            } => Some(format!("{resource_type}/{id}")),
            Step::Keep(version) => Some(version.address()),
            Step::Get { .. } => None,
        }
    }

    /// `Type/id` of the resource this changes, if it changes one.
    pub fn changes(&self) -> Option<String> {
        match self {
            Step::Keep(_) => None,
            _ => self.address(),
        }
    }

    /// Whether this writes a text with a placeholder in it.
    pub fn names(&self, placeholder: &str) -> bool {
        match self {
            Step::Create { incoming, .. } | Step::Update { incoming, .. } => {
                incoming.names(placeholder)
            }
            Step::Delete { .. } | Step::Keep(_) | Step::Get { .. } => false,
        }
    }

    /// Puts assigned addresses in the place of the placeholders of entries.
    pub fn resolve_references(&mut self, assigned: &BTreeMap<String, String>) {
        match self {
            Step::Create { incoming, .. } | Step::Update { incoming, .. } => {
                incoming.resolve_references(assigned);
            }
            Step::Delete { .. } | Step::Keep(_) | Step::Get { .. } => {}
        }
    }

    /// Does what is to be done, and answers the entry.
    pub fn run(
        self,
        store: &mut Resources,
        searches: &mut KeptSearches,
        context: &BundleContext<'_>,
    ) -> Result<Entry, Refusal> {
        let written = match self {
            Step::Get { url } => return get(store, searches, &url, context),
            Step::Delete {
                resource_type,
                id,
                preconditions,
            } => {
                store.delete(&resource_type, &id, &preconditions, context.now)?;
                return Ok(Entry::deleted());
            }
            Step::Keep(version) => Written {
                status: StatusCode::OK,
                version,
            },
            Step::Create {
                resource_type,
                id,
                incoming,
            } => store.create(&resource_type, &id, incoming, context.now)?,
            Step::Update {
                resource_type,
                id,
                incoming,
                preconditions,
            } => store.put(&resource_type, &id, incoming, &preconditions, context.now)?,
        };
        Ok(Entry::written(&written, context.return_representation))
    }
}

fn get(
    store: &Resources,
    searches: &mut KeptSearches,
    url: &str,
    context: &BundleContext<'_>,
) -> Result<Entry, Refusal> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        [resource_type] => {
            let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
            let search = Arc::new(Search::parse(resource_type, parameters, &context.search)?);
            let page = search.page(store, searches, &context.search, None);
            Ok(Entry::searched(raw(&page)))
        }
        [resource_type, id] => Ok(Entry::read(store.read(resource_type, id)?)),
        [resource_type, id, "_history", number] => Ok(Entry::read(store.read_version(
            resource_type,
            id,
            number,
        )?)),
        _ => Err(unfitting_url()),
    }
}

fn unfitting_url() -> Refusal {
    Refusal::bad_request("the method and the URL of the entry do not fit")
}
