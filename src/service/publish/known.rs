//! What is known of the server to write to: remembered from an earlier trial, else tried now.

use chrono::Utc;

use super::dialect::{Dialect, Ids};
use super::probe::{Found, probe};
use super::{Target, instant};
use crate::config::{AssignedIds, ServerConfig};
use crate::service::client::{Capabilities, ClientError, FhirClient, jitter};
use crate::service::store::{Store, StoreError};

/// Why a server is not written to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It lets a stale version replace a newer one, so a late writer could undo a correction.
    #[error(
        "the server to write to ignores a stale If-Match, so a correction could be undone by a late writer; set server.allow_unfenced if only one deployment of the adapter writes there"
    )]
    Unfenced,
    /// It cannot be reached, or accepts nobody.
    #[error("cannot find out what the server to write to honours: {0}")]
    Server(#[from] ClientError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The two servers, their settings and what the one to write to says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Servers<'s> {
    /// A connection to the one to write to.
    pub client: &'s FhirClient,
    /// What that one says of itself.
    pub capabilities: &'s Capabilities,
    /// The settings of both.
    pub settings: &'s ServerConfig,
    /// Prefix of our identifiers.
    pub base: &'s str,
}

/// What a server honours, as far as is known.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What it honours.
    pub dialect: Dialect,
    /// Whether that was tried; else it is what the server says of itself.
    pub is_tried: bool,
}

impl Servers<'_> {
    /// The server to write to. What it honours is tried once for a server and its software, and then remembered; with
    /// `may_write` false, or where the settings forbid a trial, what it says of itself is believed.
    ///
    /// # Errors
    /// [`TargetError`] when it must not be written to, or nothing can be found out now.
    pub async fn target(&self, store: &Store, may_write: bool) -> Result<Target, TargetError> {
        let mut known = self.known(store).await?;
        if !known.is_tried && may_write && self.settings.probe_write {
            let found = self.try_out().await?;
            for remark in &found.remarks {
                tracing::warn!("server.write: {remark}");
            }
            self.remember(store, &found).await?;
            known.dialect = found.dialect;
        }
        let dialect = known.dialect;
        if !dialect.stops_stale_updates() && !self.settings.allow_unfenced && may_write {
            return Err(TargetError::Unfenced);
        }
        Ok(self.of_dialect(dialect))
    }

    /// What is known without trying: what an earlier trial found, else what the server says of itself.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn known(&self, store: &Store) -> Result<Known, StoreError> {
        let remembered = store.tried_server(&self.server(), &self.software()).await?;
        let remembered = remembered.and_then(|text| serde_json::from_str::<Dialect>(&text).ok());
        let stated = Dialect::stated(self.capabilities);
        Ok(Known {
            is_tried: remembered.is_some(),
            dialect: remembered.unwrap_or(Dialect {
                ids: self.wanted_ids().unwrap_or(stated.ids),
                ..stated
            }),
        })
    }

    /// Tries what the server honours, whatever is remembered.
    ///
    /// # Errors
    /// [`ClientError`] when the server does not answer.
    pub async fn try_out(&self) -> Result<Found, ClientError> {
        // A name of its own, so that two who try at one time are not in each other's way.
        let name = format!(
            "{:x}-{:x}",
            Utc::now().timestamp_micros(),
            (jitter() * 65536.0) as u32
        );
        let ids = self.wanted_ids();
        probe(self.client, self.capabilities, self.base, &name, ids).await
    }

    /// Keeps what was found by trying. What was not tried is found out again next time.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be used.
    pub async fn remember(&self, store: &Store, found: &Found) -> Result<(), StoreError> {
        if !found.was_tried {
            return Ok(());
        }
        let dialect = serde_json::to_string(&found.dialect).unwrap_or_default();
        let (server, software) = (self.server(), self.software());
        (store.set_tried_server(&server, &software, &dialect, &instant(Utc::now()))).await
    }

    fn of_dialect(&self, dialect: Dialect) -> Target {
        let settings = self.settings;
        let plain = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        let read = settings.read.as_ref().map(plain);
        Target {
            reads_from: read.filter(|read| *read != self.server()),
            server: self.server(),
            dialect,
            index_lag: settings.index_lag,
        }
    }

    fn wanted_ids(&self) -> Option<Ids> {
        self.settings.ids.map(|ids| match ids {
            AssignedIds::Client => Ids::Client,
            AssignedIds::Server => Ids::Server,
        })
    }

    fn server(&self) -> String {
        let base = self.settings.write.as_ref().or(self.settings.read.as_ref());
        base.map(|url| url.as_str().trim_end_matches('/').to_owned())
            .unwrap_or_default()
    }

    /// What a trial holds for: the software, and who is to give ids.
    fn software(&self) -> String {
        let software = self
            .capabilities
            .software
            .as_deref()
            .unwrap_or("not stated");
        match self.wanted_ids() {
            None => software.to_owned(),
            Some(Ids::Client) => format!("{software}, ids of the client"),
            Some(Ids::Server) => format!("{software}, ids of the server"),
        }
    }
}

/// A name for a writer that no other one at work has.
pub fn holder() -> String {
    format!("{}-{:x}", std::process::id(), (jitter() * 1e15) as u64)
}
