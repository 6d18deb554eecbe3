//! Searches, page by page, each Bundle taken apart without understanding what is in it.
//!
//! One entry that cannot be read is a value beside the others, so it never costs a page. What would leave open whether more
//! pages follow is an error, so a search never ends early in silence.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::error::{ClientError, Distrust, Limit, Misread, issue_codes};
use super::trail::Call;
use super::{FhirClient, Prefer};
use crate::fhir::json::nested_too_deeply;

const MOST_PAGES: usize = 10_000;
const MOST_ENTRIES: usize = 1_000;

/// The pages of one search, read one at a time as they are asked for.
#[derive(Debug)]
pub struct Pages {
    client: FhirClient,
    /// The type that is searched for.
    kind: String,
    upcoming: Upcoming,
    read: BTreeSet<String>,
}

/// What follows the pages read so far.
#[derive(Debug)]
enum Upcoming {
    Page(Url),
    /// The last page's link is not followed. That page was handed out first, so its entries are not lost.
    Refused(ClientError),
    Nothing,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries in the server's order, includes and outcomes among them.
    pub entries: Vec<PageEntry>,
    /// The server's clock when it answered, from the `Date` header.
    pub server_date: Option<DateTime<FixedOffset>>,
    /// The issue codes of the outcome entries, such as `not-supported` for an ignored parameter.
    pub outcome_codes: Vec<String>,
}

/// One entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageEntry {
    /// An entry with a resource, which itself is not looked into.
    Resource {
        /// The entry's address, if stated.
        full_url: Option<String>,
        /// Why the entry is in the page.
        mode: EntryMode,
        /// The resource's JSON text, character for character.
        resource: String,
    },
    /// An entry whose envelope cannot be read.
    Unreadable {
        /// Its place in the page, from 0.
        index: usize,
        /// What is wrong with it.
        why: EntryFault,
    },
}

/// Why an entry is in a page (`search.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMode {
    /// It matches the search.
    Match,
    /// A matching resource refers to it.
    Include,
    /// It tells about the search.
    Outcome,
    /// The server does not say, or says something unknown; some servers never do.
    Unstated,
}

/// What is wrong with an entry's envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryFault {
    /// The entry is not a JSON object, or states an element twice.
    Malformed,
    /// The entry has no resource.
    NoResource,
    /// The resource is not a JSON object.
    ResourceMalformed,
    /// The resource nests deeper than is taken in.
    TooDeep,
}

impl fmt::Display for EntryFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            EntryFault::Malformed => "the entry is not a JSON object, or states an element twice",
            EntryFault::NoResource => "the entry has no resource",
            EntryFault::ResourceMalformed => "the resource is not a JSON object",
            EntryFault::TooDeep => "the resource nests deeper than is taken in",
        })
    }
}

impl Page {
    /// The texts of its resources; entries that cannot be read are left out.
    pub fn into_resources(self) -> impl Iterator<Item = String> {
        self.entries.into_iter().filter_map(|entry| match entry {
            PageEntry::Resource { resource, .. } => Some(resource),
            PageEntry::Unreadable { .. } => None,
        })
    }
}

impl Pages {
    pub(super) fn new(client: FhirClient, kind: &str, first: Url) -> Pages {
        Pages {
            client,
            kind: kind.to_owned(),
            upcoming: Upcoming::Page(first),
            read: BTreeSet::new(),
        }
    }

    /// The next page, or `None` after the last. After an error a further call tries the same page again.
    pub async fn next(&mut self) -> Result<Option<Page>, ClientError> {
        let url = match &self.upcoming {
            Upcoming::Page(url) => url.clone(),
            Upcoming::Refused(error) => return Err(error.clone()),
            Upcoming::Nothing => return Ok(None),
        };
        let mut call = Call::new();
        let answer = match (self.client)
            .get(&url, Prefer::StrictHandling, &mut call)
            .await
        {
            Err(ClientError::NotFound | ClientError::Gone) if !self.read.is_empty() => {
                Err(ClientError::PageExpired)
            }
            answer => answer,
        };
        let taken = answer.and_then(|answer| {
            let (mut page, link) = take_apart(&answer.text)?;
            page.server_date = answer.server_date;
            Ok((page, link))
        });
        let entries = taken.as_ref().map(|(page, _)| page.entries.as_slice());
        self.client.note_search(&call, &self.kind, &url, entries);
        let (page, link) = taken?;
        self.read.insert(url.to_string());
        self.upcoming = match link.map(|link| self.follow(&url, &link)) {
            None => Upcoming::Nothing,
            Some(Ok(next)) => Upcoming::Page(next),
            Some(Err(error)) => Upcoming::Refused(error),
        };
        Ok(Some(page))
    }

    /// Adds the resources of all pages to these texts; before an error, those of the pages that were read.
    pub async fn read_all(mut self, texts: &mut Vec<String>) -> Result<(), ClientError> {
        while let Some(page) = self.next().await? {
            texts.extend(page.into_resources());
        }
        Ok(())
    }

    /// Where a `next` link leads, if it may be followed.
    fn follow(&self, page: &Url, link: &str) -> Result<Url, ClientError> {
        let mut next = page
            .join(link)
            .map_err(|_| ClientError::Unreadable(Misread::Bundle))?;
        next.set_fragment(None);
        if !self.client.base.covers(&next) {
            return Err(ClientError::Untrusted(Distrust::ForeignLink));
        }
        if self.read.contains(next.as_str()) {
            return Err(ClientError::Untrusted(Distrust::LoopingLink));
        }
        if self.read.len() >= MOST_PAGES {
            return Err(ClientError::TooLarge(Limit::Pages(MOST_PAGES)));
        }
        Ok(next)
    }
}

#[derive(Deserialize)]
struct BundleWritten<'a> {
    #[serde(rename = "resourceType")]
    kind: Option<String>,
    link: Option<Vec<LinkWritten>>,
    #[serde(borrow)]
    entry: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct LinkWritten {
    relation: String,
    url: Option<String>,
}

#[derive(Deserialize)]
struct EntryWritten<'a> {
    #[serde(borrow, rename = "fullUrl")]
    full_url: Option<&'a RawValue>,
    #[serde(borrow)]
    search: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct SearchWritten {
    mode: Option<String>,
}

/// A search Bundle's entries and the text of its `next` link.
fn take_apart(text: &str) -> Result<(Page, Option<String>), ClientError> {
    let unreadable = |why| Err(ClientError::Unreadable(why));
    let bundle: BundleWritten = match serde_json::from_str(text) {
        Ok(bundle) => bundle,
        Err(error) if error.is_data() => return unreadable(Misread::Bundle),
        Err(_) => return unreadable(Misread::NotJson),
    };
    match bundle.kind.as_deref() {
        Some("Bundle") => {}
        Some("OperationOutcome") => return unreadable(Misread::OperationOutcome),
        _ => return unreadable(Misread::AnotherResource),
    }
    let written = bundle.entry.unwrap_or_default();
    if written.len() > MOST_ENTRIES {
        return Err(ClientError::TooLarge(Limit::Entries(MOST_ENTRIES)));
    }
    let entries: Vec<PageEntry> = written
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            page_entry(entry.get()).unwrap_or_else(|why| PageEntry::Unreadable { index, why })
        })
        .collect();
    let outcome_codes = entries.iter().flat_map(codes_of_outcome).collect();
    let next = next_link(bundle.link.unwrap_or_default())?;
    Ok((
        Page {
            entries,
            server_date: None,
            outcome_codes,
        },
        next,
    ))
}

fn next_link(links: Vec<LinkWritten>) -> Result<Option<String>, ClientError> {
    let mut next = links.into_iter().filter(|link| link.relation == "next");
    match (next.next(), next.next()) {
        (None, _) => Ok(None),
        (Some(LinkWritten { url: Some(url), .. }), None) if !url.is_empty() => Ok(Some(url)),
        _ => Err(ClientError::Unreadable(Misread::Bundle)),
    }
}

fn page_entry(text: &str) -> Result<PageEntry, EntryFault> {
    if !text.starts_with('{') {
        return Err(EntryFault::Malformed);
    }
    let entry: EntryWritten = serde_json::from_str(text).map_err(|_| EntryFault::Malformed)?;
    let resource = entry.resource.ok_or(EntryFault::NoResource)?.get();
    if !resource.starts_with('{') {
        return Err(EntryFault::ResourceMalformed);
    }
    if nested_too_deeply(resource).is_some() {
        return Err(EntryFault::TooDeep);
    }
    Ok(PageEntry::Resource {
        // An address or a mode of the wrong kind is as good as none: the resource is what counts.
        full_url: entry
            .full_url
            .and_then(|text| serde_json::from_str(text.get()).ok()),
        mode: entry
            .search
            .map_or(EntryMode::Unstated, |search| entry_mode(search.get())),
        resource: resource.to_owned(),
    })
}

fn entry_mode(search: &str) -> EntryMode {
    let mode = serde_json::from_str::<SearchWritten>(search)
        .ok()
        .and_then(|search| search.mode);
    match mode.as_deref() {
        Some("match") => EntryMode::Match,
        Some("include") => EntryMode::Include,
        Some("outcome") => EntryMode::Outcome,
        _ => EntryMode::Unstated,
    }
}

fn codes_of_outcome(entry: &PageEntry) -> Vec<String> {
    match entry {
        PageEntry::Resource {
            mode: EntryMode::Outcome,
            resource,
            ..
        } => issue_codes(resource),
        _ => Vec::new(),
    }
}
