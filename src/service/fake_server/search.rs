//! Searches: their parameters, their pages, and the links from one page to the next.
//!
//! A search is parsed once and run again for every page, so a page shows the server as it is when it is asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;

use super::bundle::{Bundle, Entry, Link};
use super::filters::Filter;
use super::includes::{Include, included};
use super::parameters::parameter;
use super::refusal::Refusal;
use super::resources::{Resources, Version};

/// How many searches can be continued at a time; older ones expire.
pub(super) const KEPT_SEARCHES: usize = 1000;

/// What a search needs to know of the request it came with.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchContext<'a> {
    /// The base URL as the client knows it, for links.
    pub base: &'a str,
    /// Refuse unknown parameters instead of ignoring them.
    pub strict: bool,
    /// How many writes the index is behind.
    pub stale_writes: u64,
    pub default_count: usize,
    pub max_count: usize,
}

/// What the link to a further page says.
#[derive(Debug)]
pub(super) struct Continuation {
    /// The token under which the search is kept.
    pub token: String,
    /// How many resources were on the pages before.
    pub offset: usize,
}

/// A search of one resource type as parsed.
#[derive(Debug)]
pub(super) struct Search {
    resource_type: String,
    filters: Vec<Filter>,
    sort: Sort,
    count: usize,
    includes: Vec<Include>,
    /// The parameters that were understood, for the `self` link.
    understood: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Sort {
    ById,
    OldestFirst,
    NewestFirst,
}

impl Search {
    /// Reads the parameters, which are already percent-decoded. An unusable value is refused with 400 in any case.
    pub fn parse(
        resource_type: &str,
        parameters: impl IntoIterator<Item = (String, String)>,
        context: &SearchContext<'_>,
    ) -> Result<Search, Refusal> {
        let mut search = Search {
            resource_type: resource_type.to_owned(),
            filters: Vec::new(),
            sort: Sort::ById,
            count: context.default_count,
            includes: Vec::new(),
            understood: Vec::new(),
        };
        for (name, value) in parameters {
            if search.take(&name, &value, context)? {
                search.understood.push((name, value));
            } else if context.strict {
                return Err(Refusal::bad_request(
                    "a search parameter, or a value of _sort or _include, is unknown",
                ));
            }
        }
        Ok(search)
    }

    /// One page of what the search finds now: the first, or the one that `continuation` asks for.
    pub fn page(
        self: &Arc<Search>,
        store: &Resources,
        searches: &mut KeptSearches,
        context: &SearchContext<'_>,
        continuation: Option<&Continuation>,
    ) -> Bundle {
        let mut found = self.run(store, context);
        found.extend(store.broken_entries(&self.resource_type).cloned());

        let offset = continuation.map_or(0, |continuation| continuation.offset);
        let next_offset = offset.saturating_add(self.count);
        let mut links = vec![Link {
            relation: "self",
            url: self.url(context.base, continuation),
        }];
        if self.count > 0 && next_offset < found.len() {
            let next = Continuation {
                token: match continuation {
                    Some(continuation) => continuation.token.clone(),
                    None => searches.keep(self),
                },
                offset: next_offset,
            };
            links.push(Link {
                relation: "next",
                url: self.url(context.base, Some(&next)),
            });
        }

        let shown: Vec<_> = found.into_iter().skip(offset).take(self.count).collect();
        let included = included(&self.includes, &shown, store, context.base);
        let mut entries = Vec::new();
        for version in &shown {
            entries.push(Entry::found(version, "match", context.base));
        }
        for version in &included {
            entries.push(Entry::found(version, "include", context.base));
        }
        let mut bundle = Bundle::new("searchset", entries);
        bundle.link = links;
        bundle
    }

    /// Takes one parameter; false if it is unknown.
    fn take(
        &mut self,
        name: &str,
        value: &str,
        context: &SearchContext<'_>,
    ) -> Result<bool, Refusal> {
        match name {
            "_id" => self.filters.push(Filter::ids(value)),
            "_lastUpdated" => self.filters.push(Filter::last_updated(value)?),
            "_count" => {
                let count: usize = value
                    .parse()
                    .map_err(|_| Refusal::bad_request("_count is not a number of resources"))?;
                self.count = count.min(context.max_count);
            }
            "_sort" => match value {
                "_lastUpdated" => self.sort = Sort::OldestFirst,
                "-_lastUpdated" => self.sort = Sort::NewestFirst,
                _ => return Ok(false),
            },
            "_include" | "_include:iterate" => {
                let Some(include) = Include::parse(value, name == "_include:iterate") else {
                    return Ok(false);
                };
                self.includes.push(include);
            }
            // A server may take these as a wish, as this one does.
            "_elements" | "_format" | "_pretty" => {}
            _ => {
                let Some(parameter) = parameter(&self.resource_type, name) else {
                    return Ok(false);
                };
                self.filters
                    .push(Filter::of(parameter, value, context.base)?);
            }
        }
        Ok(true)
    }

    /// All versions that the search finds, in its order.
    fn run(&self, store: &Resources, context: &SearchContext<'_>) -> Vec<Arc<Version>> {
        let indexed_writes = store.writes.saturating_sub(context.stale_writes);
        let matches = |version: &Version| {
            self.filters
                .iter()
                .all(|filter| filter.matches(version, context.base))
        };
        let mut found: Vec<Arc<Version>> = store
            .current(&self.resource_type)
            .filter(|version| version.write <= indexed_writes && matches(version))
            .cloned()
            .collect();
        match self.sort {
            Sort::ById => {}
            Sort::OldestFirst => found.sort_by_key(|version| (version.last_updated, version.write)),
            Sort::NewestFirst => {
                found.sort_by_key(|version| Reverse((version.last_updated, version.write)));
            }
        }
        found
    }

    /// The link to a page.
    fn url(&self, base: &str, continuation: Option<&Continuation>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        match continuation {
            Some(Continuation { token, offset }) => query
                .append_pair("_getpages", token)
                .append_pair("_offset", &offset.to_string()),
            None => query.extend_pairs(&self.understood),
        };
        format!("{base}/{}?{}", self.resource_type, query.finish())
    }
}

/// The one resource that fulfils the criteria of a conditional create, if there is one; 412 if there are more.
pub(super) fn find_existing(
    store: &Resources,
    resource_type: &str,
    criteria: &str,
    context: &SearchContext<'_>,
) -> Result<Option<Arc<Version>>, Refusal> {
    // Some clients write the whole search here. A later question mark belongs to a value.
    let query = criteria
        .strip_prefix(resource_type)
        .unwrap_or(criteria)
        .trim_start_matches('?');
    let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    // An ignored criterion would make any resource of the type the one that is meant.
    let context = SearchContext {
        strict: true,
        ..*context
    };
    let search = Search::parse(resource_type, parameters, &context)?;
    if search.filters.is_empty() {
        return Err(Refusal::bad_request("If-None-Exist has no criterion"));
    }
    let mut found = search.run(store, &context);
    if found.len() > 1 {
        return Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "multiple-matches",
            "several resources fulfil If-None-Exist",
        ));
    }
    Ok(found.pop())
}

/// The searches that a `next` link can continue. The token of a link is the number of the search in hexadecimal.
#[derive(Debug, Default)]
pub(super) struct KeptSearches {
    by_number: BTreeMap<u64, Arc<Search>>,
    last_number: u64,
}

impl KeptSearches {
    /// The search of a link; 410 if it has expired or never was.
    pub fn find(&self, token: &str) -> Result<Arc<Search>, Refusal> {
        let found = number_of(token).and_then(|number| self.by_number.get(&number));
        found.cloned().ok_or_else(|| {
            Refusal::new(
                StatusCode::GONE,
                "not-found",
                "the search this page belongs to has expired",
            )
        })
    }

    /// Lets the search of a link expire.
    pub fn forget(&mut self, token: &str) {
        if let Some(number) = number_of(token) {
            self.by_number.remove(&number);
        }
    }

    /// Keeps a search, and returns its token.
    fn keep(&mut self, search: &Arc<Search>) -> String {
        self.last_number += 1;
        self.by_number.insert(self.last_number, Arc::clone(search));
        if self.by_number.len() > KEPT_SEARCHES {
            self.by_number.pop_first();
        }
        format!("{:08x}", self.last_number)
    }
}

fn number_of(token: &str) -> Option<u64> {
    u64::from_str_radix(token, 16).ok()
}
