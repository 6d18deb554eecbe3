//! The commands that talk to a FHIR server, or are one: `run`, `explain --case`, `fake-server`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::explain::Explaining;
use super::{ExplainFormat, Uncovered, Usage, strict_code, warn_of_placeholder};
use crate::app;
use crate::config::Config;
use crate::fhir::json::Json;
use crate::fhir::pool::Pool;
use crate::pipeline::results::Release;
use crate::pipeline::{CaseResult, Rules, derive};
use crate::service::client::{Capabilities, FhirClient};
use crate::service::fake_server::{FakeServer, FakeServerOptions, Fault};
use crate::service::output::print;
use crate::service::pass::{Pass, PassOptions};
use crate::service::publish::Publisher;
use crate::service::pull::Puller;
use crate::service::store::Store;

/// `run`: one pass over what changed on the server.
pub(super) async fn run_pass(
    config: Config,
    options: PassOptions,
    strict: bool,
) -> Result<ExitCode> {
    warn_of_placeholder(&config);
    let rules = app::rules(&config)?;
    let read = config.read_server()?;
    let reader = FhirClient::new(&read)?;
    let writer = FhirClient::new(&config.write_server()?)?;
    let store = Store::open(&config.store.path).await?;
    let capabilities = reader
        .capabilities()
        .await
        .context("cannot read the server's CapabilityStatement")?;
    let release = match &config.server.write {
        None => release_for(&capabilities)?,
        Some(_) => release_for(
            &writer
                .capabilities()
                .await
                .context("cannot read server.write's CapabilityStatement")?,
        )?,
    };
    let publishing = app::publishing(&config, release)?;
    let puller = Puller::new(reader, read.base.as_str(), capabilities);
    let pass = Pass {
        puller: &puller,
        publisher: Publisher {
            client: &writer,
            store: &store,
            rules: &rules,
            publishing: &publishing,
            dry_run: options.dry_run,
        },
        store: &store,
        rules: &rules,
        settings: &config.pull,
    };
    let report = match pass.run(&options).await {
        Ok(report) => report,
        Err(error) => {
            store.close().await;
            return Err(error.into());
        }
    };
    for line in &report.would_change {
        print(&format!("{line}\n"))?;
    }
    for rejected in &report.rejected {
        tracing::error!("not readable: {} ({})", rejected.why, rejected.place);
    }
    for (change, count) in &report.changes {
        tracing::info!("{count} cases {}", change.name(options.dry_run));
    }
    let mut uncovered = Uncovered::new(rules.guidelines.chosen);
    uncovered.count(report.cases.iter().map(|(case, _)| case));
    uncovered.warn();
    print(&format!("{}\n", report.ledger))?;
    store.close().await;
    Ok(strict_code(strict, &report.ledger))
}

/// `explain --case ID`: the decision record of a case that an earlier pass has seen.
pub(super) async fn explain_case(
    config: &Config,
    case: &str,
    format: ExplainFormat,
) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let texts = texts_of_case(config, &rules, case).await?;
    let mut pool = Pool::new(config.server.read.as_ref().map(url::Url::as_str));
    for text in &texts {
        if let Ok(json) = Json::parse(text) {
            // Only what the server gave as a resource is in the texts.
            let _ = pool.add(json, None, "the server");
        }
    }
    let derived = derive(&pool, &rules);
    let found: Vec<&CaseResult> = derived
        .cases
        .iter()
        .filter(|found| found.id == case)
        .collect();
    if found.is_empty() {
        bail!(Usage(format!(
            "nothing on the server makes {case} any more"
        )));
    }
    let mut explaining = Explaining::new(&rules, format);
    explaining.print(&found, &pool)?;
    explaining.finish()?;
    let mut uncovered = Uncovered::new(rules.guidelines.chosen);
    uncovered.count(found.into_iter());
    uncovered.warn();
    Ok(ExitCode::SUCCESS)
}

/// Everything that a case known to the store rests on, read from the server.
async fn texts_of_case(config: &Config, rules: &Rules, case: &str) -> Result<Vec<String>> {
    let read = config.read_server()?;
    let client = FhirClient::new(&read)?;
    let store = Store::open(&config.store.path).await?;
    let sources = store.sources_of_case(case).await?;
    let subject = store
        .published(case)
        .await?
        .and_then(|published| published.subject);
    store.close().await;
    if sources.is_empty() {
        bail!(Usage(format!("{case} is not known here; run a pass first")));
    }
    let capabilities = client.capabilities().await?;
    let puller = Puller::new(client, read.base.as_str(), capabilities);
    let texts = puller
        .neighbourhood(
            subject.as_deref(),
            BTreeMap::new(),
            sources.into_iter().collect(),
            rules,
        )
        .await?;
    Ok(texts.into_values().collect())
}

/// `fake-server`: the FHIR server of the demo and the tests alone.
pub(super) async fn fake_server(
    listen: SocketAddr,
    faults: Vec<Fault>,
    bundles: Vec<PathBuf>,
) -> Result<ExitCode> {
    let server = FakeServer::start(FakeServerOptions {
        listen,
        faults,
        ..FakeServerOptions::default()
    })
    .await
    .with_context(|| format!("cannot listen on {listen}"))?;
    for path in bundles {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Usage(format!("cannot read {}: {error}", path.display())))?;
        server
            .seed_bundle(&text)
            .map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    }
    print(&format!("{}\n", server.base_url()))?;
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The release to write. A server of another version would refuse or misread what this build composes.
fn release_for(capabilities: &Capabilities) -> Result<Release> {
    let Some(version) = capabilities.fhir_version.as_deref() else {
        return Ok(Release::R4);
    };
    Release::for_version(version).ok_or_else(|| {
        let hint = "R4 and R4B, and with the feature `r5` R5";
        Usage(format!(
            "the server to write to speaks FHIR {version}; this program writes {hint}"
        ))
        .into()
    })
}
