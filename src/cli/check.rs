//! `check`: settings, connection and what the server can do; what is wrong and how to mend it.

use std::io;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::{UNREACHABLE, WRONG_INPUT, warn_of_placeholder};
use crate::app;
use crate::config::{Config, ConfigError, Mode, SignOffConfig};
use crate::pipeline::edition::Guidelines;
use crate::pipeline::results::Release;
use crate::pipeline::sign_off::Attested;
use crate::service::client::{Capabilities, FhirClient};
use crate::service::output::print;
use crate::service::publish::known::{Servers, TargetError};
use crate::service::shadow::Comparison;
use crate::service::store::Store;

/// Searches that a pass is better with; what happens without them, and whether that is a fault.
const SEARCHES: [Search; 4] = [
    Search {
        kind: "DiagnosticReport",
        parameter: "_lastUpdated",
        instead: "without it every pass reads everything",
        needed: true,
    },
    Search {
        kind: "Observation",
        parameter: "_lastUpdated",
        instead: "without it every pass reads everything",
        needed: true,
    },
    Search {
        kind: "Observation",
        parameter: "combo-code",
        instead: "`code` is searched instead, components are found through their reports",
        needed: false,
    },
    Search {
        kind: "ServiceRequest",
        parameter: "code",
        instead: "a cancelled order of a reflex test is not noticed",
        needed: false,
    },
];

/// The search of the server to write to by which answered Tasks are found at once.
const ANSWERS: Search = Search {
    kind: "Task",
    parameter: "code",
    instead: "answered Tasks are noticed within pull.recheck_hours",
    needed: false,
};

struct Search {
    kind: &'static str,
    parameter: &'static str,
    instead: &'static str,
    needed: bool,
}

/// `check`: one line for each thing that was looked at; the exit code tells whether any of them is a fault.
pub(super) async fn check(config: &Config, probe_write: bool) -> Result<ExitCode> {
    let mut findings = Findings::default();
    let rules = app::rules(config)?;
    let mapping = short(rules.mapping.hash());
    findings.say(
        true,
        &format!("settings and mappings are usable (mapping {mapping})"),
    )?;
    for overlap in rules.mapping.overlaps() {
        findings.say(true, &format!("mapping: {overlap}"))?;
    }
    findings.say(
        true,
        &format!(
            "{}, ruleset {}",
            editions(&rules.guidelines),
            short(&rules.ruleset_hash())
        ),
    )?;
    findings.say(true, &announcing(config)?)?;
    let (can_sign, who) = signing(&config.sign_off);
    findings.say(can_sign, who)?;
    warn_of_placeholder(config);

    let reader = capabilities_of("read", FhirClient::new(&config.read_server()?)?).await?;
    findings.say(
        true,
        &format!("server.read answers; FHIR {}", version_of(&reader)),
    )?;
    for search in &SEARCHES {
        findings.search("read", &reader, search)?;
    }
    if reader.subscriptions.is_empty() {
        findings.say(
            true,
            "server.read mentions no subscriptions; passes by schedule find everything",
        )?;
    }

    let client = FhirClient::new(&config.write_server()?)?;
    let writer = capabilities_of("write", client.clone()).await?;
    let version = version_of(&writer);
    findings.say(
        Release::for_version(version).is_some(),
        &format!("server.write answers; FHIR {version}"),
    )?;
    findings.search("write", &writer, &ANSWERS)?;

    let store = match Store::open_as_guest(&config.store.path).await {
        Ok(store) => store,
        Err(error) => {
            findings.say(false, &format!("the store cannot be used: {error}"))?;
            return Ok(ExitCode::from(UNREACHABLE));
        }
    };
    findings.say(true, "the store can be opened")?;
    if config.mode == Mode::Shadow {
        findings.say(
            true,
            "mode is shadow: passes write nothing to the server; `check --shadow` compares what they would write",
        )?;
    }
    let servers = Servers {
        client: &client,
        capabilities: &writer,
        settings: &config.server,
        base: &config.identifiers.base,
    };
    let said = findings.writing(&servers, &store, probe_write).await;
    store.close().await;
    said?;
    Ok(if findings.faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG_INPUT)
    })
}

/// `check --shadow`: how the results of shadow mode compare with what the laboratory reported, from the store alone.
pub(super) async fn shadow(config: &Config) -> Result<ExitCode> {
    let store = Store::open_as_guest(&config.store.path).await?;
    let comparison = Comparison::read(&store).await;
    store.close().await;
    print(&comparison?.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// What was found, said line by line as it is found.
#[derive(Default)]
struct Findings {
    faults: usize,
}

impl Findings {
    fn say(&mut self, good: bool, line: &str) -> io::Result<()> {
        self.faults += usize::from(!good);
        print(&format!(
            "{} {line}\n",
            if good { "ok   " } else { "fault" }
        ))
    }

    /// How results are written, and what stands in for what the server does not honour.
    async fn writing(
        &mut self,
        servers: &Servers<'_>,
        store: &Store,
        probe_write: bool,
    ) -> Result<()> {
        let tried = match probe_write {
            true => Some(servers.try_out().await.context("server.write: the trial")?),
            false => None,
        };
        if let Some(found) = &tried {
            for remark in &found.remarks {
                self.say(true, &format!("server.write: {remark}"))?;
            }
            servers.remember(store, found).await?;
        }
        let known = servers.known(store).await?;
        let how = match known.is_tried {
            true => "tried",
            false => "not tried yet, so its CapabilityStatement is believed; --probe-write tries",
        };
        for line in known.dialect.in_words() {
            self.say(true, &format!("server.write ({how}): {line}"))?;
        }
        let is_safe = known.dialect.stops_stale_updates() || servers.settings.allow_unfenced;
        if !is_safe {
            self.say(false, &format!("server.write: {}", TargetError::Unfenced))?;
        }
        Ok(())
    }

    fn search(&mut self, name: &str, server: &Capabilities, search: &Search) -> io::Result<()> {
        let Search {
            kind,
            parameter,
            instead,
            needed,
        } = search;
        if server.searches_by(kind, parameter) {
            self.say(
                true,
                &format!("server.{name} searches {kind} by {parameter}"),
            )
        } else {
            self.say(
                !needed,
                &format!(
                    "server.{name} does not say that it searches {kind} by {parameter}: {instead}"
                ),
            )
        }
    }
}

async fn capabilities_of(name: &str, client: FhirClient) -> Result<Capabilities> {
    client
        .capabilities()
        .await
        .with_context(|| format!("server.{name}: cannot read the CapabilityStatement"))
}

fn version_of(capabilities: &Capabilities) -> &str {
    capabilities.fhir_version.as_deref().unwrap_or("not stated")
}

/// `editions asco-cap-2018 (breast), …`, with the days from which others hold.
fn editions(guidelines: &Guidelines) -> String {
    let by_site: Vec<String> = (guidelines.by_site.iter())
        .map(|(site, edition)| format!("{} ({})", edition.id(), site.name()))
        .collect();
    let by_date: Vec<String> = (guidelines.by_date.iter())
        .map(|(from, edition)| format!("; {} for reports from {from}", edition.id()))
        .collect();
    format!("editions {}{}", by_site.join(", "), by_date.concat())
}

/// Where changes of final results are announced. The path of the address stays out, for some receivers tell their callers by it.
fn announcing(config: &Config) -> Result<String, ConfigError> {
    Ok(match config.webhook()? {
        None => "announcements: none are sent, for announce.webhook_url is empty".to_owned(),
        Some(webhook) => format!(
            "announcements: sent to {}, with a signature by each of {} secrets; not called now",
            webhook.url.origin().ascii_serialization(),
            webhook.secrets.len()
        ),
    })
}

/// Who can sign results, and whether the settings agree about that.
fn signing(settings: &SignOffConfig) -> (bool, &'static str) {
    let signing = &settings.signing;
    let on_server = signing.attested != Attested::Nowhere;
    match (
        on_server,
        signing.signers.is_empty(),
        settings.logins.is_empty(),
    ) {
        (false, false, _) => (
            false,
            "sign_off.signers are named, and sign_off.attested_author is empty: nobody can tell who has answered a Task",
        ),
        (true, true, _) => (
            false,
            "sign_off.attested_author is set, and sign_off.signers is empty: nobody may sign on the server",
        ),
        (false, true, true) => (
            true,
            "nobody can sign: results stay preliminary (sign_off.signers, sign_off.logins)",
        ),
        (true, false, true) => (true, "results are signed on the server"),
        (true, false, false) => (true, "results are signed on the server and at the terminal"),
        (false, true, false) => (true, "results are signed at the terminal"),
    }
}

/// The beginning of a hash, enough to compare two by eye.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
