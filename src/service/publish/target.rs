//! The server that is written to, as far as writing depends on it, and finding our own resources there.

use std::time::Duration;

use super::dialect::{Dialect, Ids};
use super::standing::{Found, Standing};
use super::trouble::Trouble;
use super::{Outcome, Publisher};
use crate::fhir::elements::Identifier;
use crate::fhir::json::Json;
use crate::pipeline::results::observation_id;
use crate::service::client::{PageEntry, ReadAnswer};

/// The server that is written to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its base URL without a slash at the end: what the store remembers of addresses belongs to one server.
    pub server: String,
    /// What it honours.
    pub dialect: Dialect,
    /// Base URL of the server that inputs are read from, where that is another.
    pub reads_from: Option<String>,
    /// Longest time until a search finds what was written.
    pub index_lag: Duration,
}

/// How one of our resources can be found by a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The search parameter.
    pub(super) parameter: &'static str,
    /// The identifier's or tag's system.
    pub(super) system: String,
    /// Its value or code.
    pub(super) value: String,
}

impl Mark {
    /// As a search writes it, for `If-None-Exist` too.
    pub(super) fn criteria(&self) -> String {
        let token = format!("{}|{}", self.system, self.value);
        let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        format!("{}={encoded}", self.parameter)
    }

    fn is_on(&self, resource: &Json<'_>) -> bool {
        if self.parameter == "identifier" {
            return (Identifier::read_all(resource).iter()).any(|identifier| {
                identifier.system == Some(self.system.as_str()) && identifier.value == self.value
            });
        }
        let tags = resource
            .get("meta")
            .map_or(&[][..], |meta| meta.items_at("tag"));
        tags.iter().any(|tag| {
            tag.text_at("system") == Some(self.system.as_str())
                && tag.text_at("code") == Some(self.value.as_str())
        })
    }
}

/// One of our resources, by what it can be found by.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) mark: Mark,
}

impl Publisher<'_> {
    /// The result of a case.
    pub(super) fn own_result(&self, case_id: &str) -> Own {
        Own {
            kind: "Observation",
            id: observation_id(case_id),
            mark: Mark {
                parameter: "identifier",
                system: self.rules.own_identifier_system(),
                value: case_id.to_owned(),
            },
        }
    }

    /// A Task or a Provenance.
    pub(super) fn own(&self, kind: &'static str, id: &str) -> Own {
        let (parameter, system) = match kind {
            "Task" => ("identifier", "her2-task"),
            _ => ("_tag", "her2-provenance"),
        };
        Own {
            kind,
            id: id.to_owned(),
            mark: Mark {
                parameter,
                system: format!("{}/identifier/{system}", self.rules.base),
                value: id.to_owned(),
            },
        }
    }

    /// One of our resources as the server has it now.
    pub(super) async fn find(&self, own: &Own) -> Result<Found, Trouble> {
        let server = &self.target.server;
        let known = (self.store.address(server, own.kind, &own.id).await).map_err(Trouble::from)?;
        let by_id = match (self.target.dialect.ids, &known) {
            (Ids::Client, _) => Some(own.id.as_str()),
            (Ids::Server, known) => known.as_deref(),
        };
        if let Some(id) = by_id {
            match self.read(own.kind, id).await? {
                Found::Nothing => {}
                found => return Ok(found),
            }
        }
        if self.target.dialect.ids == Ids::Server
            && let Some(found) = self.search_for(own).await?
        {
            return Ok(Found::Standing(found));
        }
        // Where a deleted resource answers like one that never was, only our own memory tells.
        Ok(match known {
            Some(_) if !self.target.dialect.tells_deleted => Found::Deleted,
            _ => Found::Nothing,
        })
    }

    /// A resource of ours by the id it has on the server.
    pub(super) async fn read(&self, kind: &str, id: &str) -> Result<Found, Trouble> {
        match self.client.read(kind, id).await {
            Ok(ReadAnswer::NotFound) => Ok(Found::Nothing),
            Ok(ReadAnswer::Gone) => Ok(Found::Deleted),
            Ok(ReadAnswer::Found { text, etag }) => self
                .standing(text, etag)
                .map(Found::Standing)
                .ok_or(Trouble::Case(Outcome::Retry("unreadable-on-server"))),
            Err(error) => Err(Trouble::of_reading(&error)),
        }
    }

    /// All resources of one mark that a search finds, however it ranks them.
    pub(super) async fn search_all(
        &self,
        kind: &str,
        mark: &Mark,
    ) -> Result<Vec<Standing>, Trouble> {
        let by = (
            mark.parameter.to_owned(),
            format!("{}|{}", mark.system, mark.value),
        );
        let mut pages = self.client.search(kind, &[by]);
        let mut found = Vec::new();
        while let Some(page) = (pages.next().await).map_err(|error| Trouble::of_reading(&error))? {
            for entry in page.entries {
                // A server that ignores the parameter gives others too.
                if let PageEntry::Resource { resource, .. } = entry
                    && let Ok(json) = Json::parse(&resource)
                    && json.text_at("resourceType") == Some(kind)
                    && mark.is_on(&json)
                {
                    found.extend(self.standing(resource.clone(), None));
                }
            }
        }
        Ok(found)
    }

    /// The one resource of a mark that stands, its address noted. Of several, those that came later are put out of force.
    async fn search_for(&self, own: &Own) -> Result<Option<Standing>, Trouble> {
        let found = self.search_all(own.kind, &own.mark).await?;
        let Some(kept) = self.only_one(own, found).await? else {
            return Ok(None);
        };
        self.note_address(own.kind, &own.id, &kept.server_id)
            .await?;
        // The search may lag behind; a read by id does not, and tells the entity tag.
        match self.read(own.kind, &kept.server_id).await? {
            Found::Standing(standing) => Ok(Some(standing)),
            Found::Nothing | Found::Deleted => Ok(None),
        }
    }

    /// Remembers where a resource of ours is, on servers where that matters.
    pub(super) async fn note_address(
        &self,
        kind: &str,
        own_id: &str,
        server_id: &str,
    ) -> Result<(), Trouble> {
        let dialect = &self.target.dialect;
        if self.dry_run || (dialect.ids == Ids::Client && dialect.tells_deleted) {
            return Ok(());
        }
        let server = &self.target.server;
        Ok(self
            .store
            .set_address(server, kind, own_id, server_id)
            .await?)
    }
}
