//! The brake: rules that are new here alter a few published results by themselves, and ask before they alter more.
//!
//! Rules alone alter a result where the server has no other evidence for it than when it was published, and its status,
//! category or next action would be another now. What has new evidence is not held, unless it rests on what belongs to a
//! result whose end is held: the same evidence never stands in two results.
//!
//! A result of which not even the wording would change is left as it stands, with the fingerprint of the rules it was
//! written under: the same evidence makes no second version, and nobody has to sign it again because a code of another
//! laboratory was mapped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};

use super::publish::Sighting;
use super::store::{PublishedAnswer, Store, StoreError};
use crate::fhir::dates::Date;
use crate::fhir::pool::{Pool, Resource};
use crate::her2::decision::Status;
use crate::pipeline::{CaseResult, Rules};

/// The reason for which a unit is parked whose result the brake holds.
pub const HELD: &str = "brake";

/// What rules alone make of a published result. Of several changes the one that matters most is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alteration {
    /// The status, from and to.
    Status(String, String),
    /// The category, from and to.
    Category(String, String),
    /// The next action, from and to.
    NextAction(String, String),
    /// Nothing is left of it; the status that it had.
    Withdrawn(String),
    /// It was published before answers were remembered, so nobody can tell.
    Unknown,
    /// Only the reasons or other details.
    Wording,
}

impl Alteration {
    /// Whether a reader would act otherwise than before, as far as is known.
    pub fn counts(&self) -> bool {
        *self != Self::Wording
    }
}

impl fmt::Display for Alteration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(from, to) => write!(formatter, "status {from} -> {to}"),
            Self::Category(from, to) => write!(formatter, "category {from} -> {to}"),
            Self::NextAction(from, to) => write!(formatter, "next action {from} -> {to}"),
            Self::Withdrawn(from) => write!(formatter, "status {from} -> withdrawn"),
            Self::Unknown => write!(formatter, "published before answers were remembered"),
            Self::Wording => write!(formatter, "only reasons or details; not counted"),
        }
    }
}

/// What a case is held against: its published answer, if that is known.
#[derive(Debug)]
pub(super) struct Against {
    known: Option<PublishedAnswer>,
    alteration: Option<Alteration>,
}

/// The brake during one pass.
#[derive(Debug)]
pub(super) struct Brake {
    /// Hash of the rules in force.
    rules: String,
    /// Whether a person has let them alter whatever they alter.
    is_confirmed: bool,
    /// Most results that they may alter without that; `None` only looks.
    limit: Option<usize>,
    /// Those that they have altered.
    altered: BTreeSet<String>,
    /// Those that they may not alter now.
    pub(super) held: BTreeSet<String>,
    /// What results rest on whose end is held.
    claimed: BTreeSet<String>,
    /// What they alter in this pass, by case.
    found: BTreeMap<String, Alteration>,
}

impl Brake {
    pub(super) async fn of(
        store: &Store,
        rules: &Rules,
        limit: Option<usize>,
    ) -> Result<Self, StoreError> {
        let rules = rules.hash();
        Ok(Self {
            is_confirmed: store.confirmed_rules().await?.as_ref() == Some(&rules),
            altered: store.altered_under(&rules).await?,
            rules,
            limit,
            held: BTreeSet::new(),
            claimed: BTreeSet::new(),
            found: BTreeMap::new(),
        })
    }

    /// Holds a case, or its end, against what is published of it. `sources` are what the case rests on now.
    pub(super) async fn look(
        &mut self,
        store: &Store,
        id: &str,
        case: Option<&CaseResult>,
        (read, sources): (&Read, &BTreeSet<String>),
        sighting: &Sighting,
    ) -> Result<Against, StoreError> {
        let known = store.published_answer(id).await?;
        let fingerprint = case.map(|case| case.fingerprint.as_str());
        let alteration = match sighting.stands_otherwise(fingerprint) {
            true => self.alteration(known.as_ref(), case, read, sources),
            false => None,
        };
        match &alteration {
            Some(alteration) => self.found.insert(id.to_owned(), alteration.clone()),
            None => self.found.remove(id),
        };
        Ok(Against { known, alteration })
    }

    fn alteration(
        &self,
        known: Option<&PublishedAnswer>,
        case: Option<&CaseResult>,
        read: &Read,
        sources: &BTreeSet<String>,
    ) -> Option<Alteration> {
        let Some(known) = known else {
            return Some(Alteration::Unknown);
        };
        if known.rules == self.rules || !read.is_as_it_was(known, sources) {
            return None;
        }
        let Some(case) = case else {
            return Some(Alteration::Withdrawn(known.status.clone()));
        };
        let decision = &case.decision;
        let differs = |from: &String, to: &str| (from != to).then(|| (from.clone(), to.to_owned()));
        let status = differs(&known.status, decision.status.name());
        let category = differs(&known.category, decision.category.name());
        let action = differs(&known.next_action, decision.next_action.name());
        if let Some((from, to)) = status {
            Some(Alteration::Status(from, to))
        } else if let Some((from, to)) = category {
            Some(Alteration::Category(from, to))
        } else if let Some((from, to)) = action {
            Some(Alteration::NextAction(from, to))
        } else {
            (known.content != case.content).then_some(Alteration::Wording)
        }
    }

    /// Whether a case must stay as it stands until a person agrees.
    pub(super) fn holds(&mut self, id: &str, against: &Against) -> bool {
        let counts = against.alteration.as_ref().is_some_and(Alteration::counts);
        if !counts || self.altered.contains(id) {
            return false;
        }
        let is_full = self.limit.is_some_and(|most| self.altered.len() >= most);
        if is_full && !self.is_confirmed {
            self.held.insert(id.to_owned());
            if let (Some(Alteration::Withdrawn(_)), Some(known)) =
                (&against.alteration, &against.known)
            {
                self.claimed.extend(known.inputs.iter().cloned());
            }
            return true;
        }
        self.held.remove(id);
        self.altered.insert(id.to_owned());
        false
    }

    /// Whether a case would be written from what a result rests on whose end is held; then it is held too.
    pub(super) fn is_claimed(
        &mut self,
        case: &CaseResult,
        read: &Read,
        sighting: &Sighting,
    ) -> bool {
        let inputs = case.inputs.iter().map(|input| input.reference.clone());
        let is_claimed = !self.claimed.is_disjoint(&read.inputs(&inputs.collect()));
        let stands =
            sighting.stands_otherwise(None) && !sighting.stands_otherwise(Some(&case.fingerprint));
        if is_claimed && !stands {
            self.held.insert(case.id.clone());
        }
        is_claimed && !stands
    }

    /// The case with the fingerprint it was written with, where other rules have changed nothing of it and what stands is
    /// that version; else the case as it is.
    pub(super) fn as_it_stands(
        &self,
        case: &CaseResult,
        against: &Against,
        sighting: &Sighting,
    ) -> CaseResult {
        let mut case = case.clone();
        if let Some(known) = &against.known
            && known.content == case.content
            && known.rules != self.rules
        {
            let in_force = sighting.stands_otherwise(None);
            let is_that_version = in_force && !sighting.stands_otherwise(Some(&known.fingerprint));
            let has_none = !in_force && case.decision.status == Status::Insufficient;
            if is_that_version || has_none {
                case.fingerprint.clone_from(&known.fingerprint);
            }
        }
        case
    }

    /// Notes what is published for a case now; without one, that its result was withdrawn.
    pub(super) async fn note(
        &self,
        store: &Store,
        id: &str,
        case: Option<&CaseResult>,
        (read, sources): (&Read, &BTreeSet<String>),
        against: Against,
    ) -> Result<(), StoreError> {
        let counts = against.alteration.as_ref().is_some_and(Alteration::counts);
        let known = against.known;
        let altered_under = match &known {
            _ if counts => Some(self.rules.clone()),
            Some(known) => known.altered_under.clone(),
            None => None,
        };
        let answer = match (case, &known) {
            (Some(case), known) => {
                let written_before = (known.as_ref())
                    .filter(|known| known.fingerprint == case.fingerprint)
                    .map(|known| known.rules.clone());
                PublishedAnswer {
                    case_id: id.to_owned(),
                    fingerprint: case.fingerprint.clone(),
                    content: case.content.clone(),
                    rules: written_before.unwrap_or_else(|| self.rules.clone()),
                    inputs: read.inputs(sources),
                    read_until: read.until(),
                    status: case.decision.status.name().to_owned(),
                    category: case.decision.category.name().to_owned(),
                    next_action: case.decision.next_action.name().to_owned(),
                    altered_under,
                }
            }
            // Nothing stands any more that other rules could leave as it is.
            (None, Some(known)) => PublishedAnswer {
                content: String::new(),
                rules: self.rules.clone(),
                status: String::new(),
                altered_under,
                ..known.clone()
            },
            (None, None) => return Ok(()),
        };
        if known.as_ref() != Some(&answer) {
            store.set_published_answer(&answer).await?;
        }
        Ok(())
    }

    /// What rules alone alter in this pass, and how often.
    pub(super) fn found(&self) -> BTreeMap<Alteration, u64> {
        let mut counts = BTreeMap::new();
        for alteration in self.found.values() {
            *counts.entry(alteration.clone()).or_default() += 1;
        }
        counts
    }

    /// How many results these rules have altered by themselves, in earlier passes too.
    pub(super) fn altered_in_all(&self) -> usize {
        self.altered.len()
    }

    /// Whether these rules have been confirmed.
    pub(super) fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }
}

/// The resources of a patient as they were read now, by key.
#[derive(Debug)]
pub(super) struct Read {
    /// Each with its version, and when the server stored that.
    by_key: BTreeMap<String, (String, Option<DateTime<Utc>>)>,
}

impl Read {
    pub(super) fn of(pool: &Pool<'_>) -> Self {
        let read = |resource: &Resource<'_>| {
            let versioned = match &resource.version {
                Some(version) => format!("{} {version}", resource.key),
                None => resource.key.clone(),
            };
            let at = resource.last_updated.as_ref().map(Date::earliest);
            (resource.key.clone(), (versioned, at))
        };
        Self {
            by_key: pool.all().map(read).collect(),
        }
    }

    /// The resources of a case, each with its version.
    fn inputs(&self, sources: &BTreeSet<String>) -> BTreeSet<String> {
        let versioned = |source: &String| {
            let container = source.split('#').next().unwrap_or_default();
            let read = self.by_key.get(container);
            read.map_or(container.to_owned(), |(versioned, _)| versioned.clone())
        };
        sources.iter().map(versioned).collect()
    }

    /// When the server stored the newest of them.
    fn until(&self) -> String {
        let newest = self.by_key.values().filter_map(|(_, at)| *at).max();
        newest.map_or(String::new(), |at| at.to_rfc3339())
    }

    /// Whether the server has nothing for a case that it did not have when its answer was published: what that rests on is
    /// as it was, and what it does not rest on is not newer. Rules that read more than before, or less, are told so from
    /// evidence that has come or gone.
    fn is_as_it_was(&self, known: &PublishedAnswer, sources: &BTreeSet<String>) -> bool {
        let now: BTreeSet<&String> = self.by_key.values().map(|(it, _)| it).collect();
        let until = instant(&known.read_until);
        let is_new = |source: &String| {
            let container = source.split('#').next().unwrap_or_default();
            (self.by_key.get(container)).is_some_and(|(versioned, at)| {
                !known.inputs.contains(versioned) && until.is_some() && *at > until
            })
        };
        known.inputs.iter().all(|input| now.contains(input)) && !sources.iter().any(is_new)
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some(instant.to_utc())
}
