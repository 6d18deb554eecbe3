//! The long-running service: passes by the clock, mappings read again when asked, an end between two passes.
//!
//! Everything that starts work is a [`Trigger`] in one queue, so the loop itself knows no clock and no signals.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::MissedTickBehavior;

use super::announce::Announcer;
use super::audit;
use super::client::{Capabilities, ClientError, FhirClient};
use super::clock::Clock;
use super::desk::Desk;
use super::pass::{Pass, PassOptions, PassReport};
use super::publish::Publisher;
use super::publish::known::{Servers, holder};
use super::pull::Puller;
use super::replay::Selection;
use super::shadow::Comparison;
use super::store::{Store, StoreError};
use crate::app;
use crate::config::{Config, Mode, ServerSettings};
use crate::pipeline::Rules;
use crate::pipeline::results::Release;

/// What starts work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// It is time for a pass.
    Pass,
    /// The mapping files are to be read again.
    Reload,
    /// The service is to end.
    Stop,
}

/// The server to write to speaks a FHIR release that this program cannot write.
#[derive(Debug, thiserror::Error)]
#[error(
    "the server to write to speaks FHIR {0}; this program writes R4 and R4B, and with the feature `r5` R5"
)]
pub struct UnknownRelease(String);

/// Everything that passes between the servers of the settings need, for as long as the process lives.
#[derive(Debug)]
pub struct Runner {
    config: Config,
    read: ServerSettings,
    reader: FhirClient,
    writer: FhirClient,
    store: Store,
    announcer: Announcer,
    /// What decides.
    pub rules: Rules,
}

impl Runner {
    /// Reads the mapping files and opens the store, for passes; the servers are first asked by a pass.
    ///
    /// # Errors
    /// When settings or mapping files cannot be used, or the store cannot be opened or is kept by another process.
    pub async fn open(config: Config) -> Result<Self> {
        Self::with(config, async |path| Store::open(path).await).await
    }

    /// The same for a person at a terminal, also beside a process that runs passes with the store.
    ///
    /// # Errors
    /// When settings or mapping files cannot be used, or the store cannot be opened.
    pub async fn open_as_guest(config: Config) -> Result<Self> {
        Self::with(config, async |path| Store::open_as_guest(path).await).await
    }

    async fn with(
        config: Config,
        open: impl AsyncFnOnce(&Path) -> Result<Store, StoreError>,
    ) -> Result<Self> {
        let rules = app::rules(&config)?;
        let read = config.read_server()?;
        let reader = audit::client(&read, config.audit)?;
        let writer = match &config.server.write {
            // What is known of the server's health is known to both.
            None => reader.clone(),
            Some(_) => audit::client(&config.write_server()?, config.audit)?,
        };
        Ok(Self {
            rules,
            announcer: Announcer::new(config.webhook()?)?,
            reader,
            writer,
            store: open(&config.store.path).await?,
            read,
            config,
        })
    }

    /// One pass, in the mode and with the brake of the settings. If it may write, what is due of announcements is sent then.
    ///
    /// # Errors
    /// When the servers or the store cannot be used, or the server to write to speaks another release.
    pub async fn pass(&self, options: &PassOptions) -> Result<PassReport> {
        let options = PassOptions {
            mode: self.config.mode,
            max_changed: Some(self.config.brake.max_changed),
            ..options.clone()
        };
        let ended = self.work(&options).await;
        if !options.may_write() {
            return ended;
        }
        // Also after a pass that has failed: what it wrote before that is to be known, and the receiver is another server.
        let announced = self.announcer.deliver(&self.store).await;
        let report = ended?;
        announced?;
        Ok(report)
    }

    /// What the rules in force would make of the published results; nothing is written, whatever they alter.
    ///
    /// # Errors
    /// As of [`Runner::pass`].
    pub async fn survey(&self) -> Result<PassReport> {
        let options = PassOptions {
            dry_run: true,
            only: Some(self.units(&Selection::Published).await?),
            ..PassOptions::default()
        };
        self.work(&options).await
    }

    /// The units of some cases, for a pass over them alone.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn units(
        &self,
        selection: &Selection,
    ) -> Result<BTreeMap<String, Option<String>>, StoreError> {
        selection.units(&self.store).await
    }

    /// Notes that a person lets the rules in force alter whatever they alter.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn confirm_rules(&self) -> Result<(), StoreError> {
        let now = Utc::now().to_rfc3339();
        self.store.confirm_rules(&self.rules.hash(), &now).await
    }

    /// In shadow mode, how its results compare with what the laboratory reported.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn comparison(&self) -> Result<Option<Comparison>, StoreError> {
        match self.config.mode {
            Mode::Write => Ok(None),
            Mode::Shadow => Comparison::read(&self.store).await.map(Some),
        }
    }

    async fn work(&self, options: &PassOptions) -> Result<PassReport> {
        let work = async |pass: Pass<'_>| Ok(pass.run(options).await?);
        let ended = self.with_servers(options.may_write(), work).await;
        if ended.is_err() && !options.dry_run {
            // A pass that never began, for the server must not be written to, may have tried the server.
            audit::keep(&self.store, [&self.reader, &self.writer]).await?;
        }
        ended
    }

    /// Lets a person look at the worklist, or answer it. If that may write, what is due of announcements is sent then.
    ///
    /// # Errors
    /// As of [`Runner::pass`], and what `act` finds.
    pub async fn desk<T>(
        &self,
        writes: bool,
        act: impl AsyncFnOnce(&Desk<'_>) -> Result<T>,
    ) -> Result<T> {
        let at_desk = async |pass: Pass<'_>| {
            let desk = Desk {
                puller: pass.puller,
                publisher: pass.publisher,
            };
            act(&desk).await
        };
        let ended = self.with_servers(writes, at_desk).await;
        // The next pass tells of it.
        audit::keep(&self.store, [&self.reader, &self.writer]).await?;
        let ended = ended?;
        if writes {
            self.announcer.deliver(&self.store).await?;
        }
        Ok(ended)
    }

    /// Does something with what a pass has: the servers as they are now, and the store.
    async fn with_servers<T>(
        &self,
        writes: bool,
        act: impl AsyncFnOnce(Pass<'_>) -> Result<T>,
    ) -> Result<T> {
        let capabilities = (self.reader.capabilities().await)
            .context("cannot read the server's CapabilityStatement")?;
        let writing = match &self.config.server.write {
            None => capabilities.clone(),
            Some(_) => (self.writer.capabilities().await)
                .context("cannot read server.write's CapabilityStatement")?,
        };
        let release = release_for(&writing)?;
        let servers = Servers {
            client: &self.writer,
            capabilities: &writing,
            settings: &self.config.server,
            base: &self.config.identifiers.base,
        };
        let target = servers.target(&self.store, writes).await?;
        let publishing = app::publishing(&self.config, release)?;
        let puller = Puller::new(self.reader.clone(), self.read.base.as_str(), capabilities);
        let pass = Pass {
            puller: &puller,
            publisher: Publisher {
                client: &self.writer,
                reader: &self.reader,
                target: &target,
                clock: Clock::System,
                holder: holder(),
                store: &self.store,
                rules: &self.rules,
                publishing: &publishing,
                dry_run: !writes,
            },
            store: &self.store,
            rules: &self.rules,
            settings: &self.config.pull,
        };
        act(pass).await
    }

    /// Works until it is told to stop, or nobody can tell it any more. What arrives during a pass waits for its end; a
    /// server that cannot be reached is tried again by the next pass.
    ///
    /// # Errors
    /// When the store cannot be used, or what a pass needs beside the servers.
    pub async fn serve(&mut self, mut triggers: Receiver<Trigger>) -> Result<()> {
        while let Some(first) = triggers.recv().await {
            let mut waiting = BTreeSet::from([first]);
            while let Ok(further) = triggers.try_recv() {
                waiting.insert(further);
            }
            if waiting.contains(&Trigger::Stop) {
                break;
            }
            if waiting.contains(&Trigger::Reload) {
                self.reload();
            }
            if waiting.contains(&Trigger::Pass) {
                match self.pass(&PassOptions::default()).await {
                    Ok(report) => match self.comparison().await? {
                        None => tracing::info!("pass: {}", report.ledger),
                        Some(comparison) => tracing::info!(
                            "shadow pass, nothing was written to the server: {}; compared so far: {}",
                            report.ledger,
                            comparison.in_a_line()
                        ),
                    },
                    Err(error) if error.chain().any(|cause| cause.is::<ClientError>()) => {
                        tracing::error!("the pass failed, and the next one tries again: {error:#}");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Reads the mapping files again. The new ones are used from the next pass on, or not at all.
    fn reload(&mut self) {
        let old = self.rules.mapping.hash().to_owned();
        match app::rules(&self.config) {
            Ok(rules) => {
                let new = rules.mapping.hash();
                tracing::info!(old, new, "the mapping files are read again");
                self.rules = rules;
            }
            Err(error) => {
                tracing::error!(
                    kept = old,
                    "the mapping files are not taken, and the old ones stay: {error:#}"
                );
            }
        }
    }

    /// Ends the work with the store.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// The triggers of a process: a pass at once and then after each interval, `SIGHUP` to reload, `SIGINT` and `SIGTERM` to
/// stop. A time that falls into a pass is left out.
///
/// # Errors
/// When the operating system does not let us listen to signals.
pub fn triggers(interval: Duration) -> io::Result<Receiver<Trigger>> {
    /// Enough for one of each; a further one says nothing new.
    const MOST_WAITING: usize = 4;
    let (sender, receiver) = channel(MOST_WAITING);
    listen_to_signals(&sender)?;
    let mut clock = tokio::time::interval(interval);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(async move {
        while !sender.is_closed() {
            clock.tick().await;
            if sender.capacity() == sender.max_capacity() {
                // It can only be full, or closed when the service has ended.
                let _ = sender.try_send(Trigger::Pass);
            }
        }
    });
    Ok(receiver)
}

#[cfg(unix)]
fn listen_to_signals(sender: &Sender<Trigger>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    for (kind, trigger) in [
        (SignalKind::hangup(), Trigger::Reload),
        (SignalKind::interrupt(), Trigger::Stop),
        (SignalKind::terminate(), Trigger::Stop),
    ] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if sender.send(trigger).await.is_err() {
                    break;
                }
            }
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn listen_to_signals(sender: &Sender<Trigger>) -> io::Result<()> {
    let sender = sender.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // Nobody to tell: the service has ended.
            let _ = sender.send(Trigger::Stop).await;
        }
    });
    Ok(())
}

/// The release to write. A server of another version would refuse or misread what this build composes.
fn release_for(capabilities: &Capabilities) -> Result<Release, UnknownRelease> {
    match capabilities.fhir_version.as_deref() {
        None => Ok(Release::R4),
        Some(version) => {
            Release::for_version(version).ok_or_else(|| UnknownRelease(version.to_owned()))
        }
    }
}
