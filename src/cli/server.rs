//! The commands that talk to a FHIR server, or are one: `run`, `explain --case`, `fake-server`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::explain::Explaining;
use super::offline::name_unmapped;
use super::{ExplainFormat, Uncovered, Usage, strict_code, warn_of_placeholder};
use crate::app;
use crate::config::Config;
use crate::mapping::output::{OUTPUT, OutputCodes};
use crate::pipeline::history::CaseHistory;
use crate::pipeline::{CaseResult, Rules, derive};
use crate::service::audit;
use crate::service::evidence::{Known, pool_of};
use crate::service::fake_server::{Dialect, FakeServer, FakeServerOptions, Fault};
use crate::service::history::Histories;
use crate::service::output::print;
use crate::service::pass::{PassOptions, PassReport};
use crate::service::pull::{Puller, Texts};
use crate::service::serve::{Runner, triggers};
use crate::service::store::Store;

/// `run`: one pass over what changed on the server.
pub(super) async fn run_pass(
    config: Config,
    options: PassOptions,
    strict: bool,
) -> Result<ExitCode> {
    warn_of_placeholder(&config);
    let runner = Runner::open(config).await?;
    let ended = pass_and_print(&runner, &options).await;
    runner.close().await;
    Ok(strict_code(strict, &ended?.ledger))
}

/// Runs a pass and prints its ledger, and in a dry run what would change.
pub(super) async fn pass_and_print(runner: &Runner, options: &PassOptions) -> Result<PassReport> {
    let report = runner.pass(options).await?;
    let comparison = runner.comparison().await?;
    for line in &report.would_change {
        print(&format!("{line}\n"))?;
    }
    for rejected in &report.rejected {
        tracing::error!("not readable: {} ({})", rejected.why, rejected.place);
    }
    for (change, count) in &report.changes {
        let would = options.dry_run || comparison.is_some();
        tracing::info!("{count} cases {}", change.name(would));
    }
    let mut uncovered = Uncovered::new(runner.rules.guidelines.chosen);
    uncovered.count(report.cases.iter().map(|(case, _)| case));
    uncovered.warn();
    match comparison {
        None => print(&format!("{}\n", report.ledger))?,
        Some(comparison) => {
            let ledger = report.ledger;
            print(&format!(
                "shadow, nothing was written to the server: {ledger}\nshadow, compared so far: {}\n",
                comparison.in_a_line()
            ))?;
        }
    }
    Ok(report)
}

/// `serve`: passes by the clock until the process is told to end.
pub(super) async fn serve(config: Config) -> Result<ExitCode> {
    warn_of_placeholder(&config);
    let interval = config.schedule.interval;
    let mut runner = Runner::open(config).await?;
    tracing::info!(
        mapping = runner.rules.mapping.hash(),
        "serving: a pass every {} seconds",
        interval.as_secs()
    );
    let ended = runner.serve(triggers(interval)?).await;
    runner.close().await;
    ended?;
    tracing::info!("ended between two passes, as told");
    Ok(ExitCode::SUCCESS)
}

/// `explain --case ID`: the decision record of a case that an earlier pass has seen, and its history.
pub(super) async fn explain_case(
    config: &Config,
    case: &str,
    format: ExplainFormat,
) -> Result<ExitCode> {
    let rules = app::rules(config)?;
    let store = Store::open_as_guest(&config.store.path).await?;
    let read = read_case(config, &rules, &store, case).await;
    store.close().await;
    let (texts, history) = read?;
    let base = config.read_server()?.base;
    let pool = pool_of(&texts, base.as_str());
    let derived = derive(&pool, &rules);
    let found: Vec<&CaseResult> = derived
        .cases
        .iter()
        .filter(|found| found.id == case)
        .collect();
    if found.is_empty() && history.versions.is_empty() {
        bail!(Usage(format!(
            "nothing on the server makes {case} any more"
        )));
    }
    let mut explaining = Explaining::new(&rules, format);
    explaining.print(&found, &pool)?;
    if !history.versions.is_empty() {
        explaining.print_history(&history)?;
    }
    explaining.finish()?;
    if found.is_empty() {
        tracing::warn!("nothing on the server makes {case} any more; its history is left");
    }
    name_unmapped(derived.coverage.unmapped().count());
    let mut uncovered = Uncovered::new(rules.guidelines.chosen);
    uncovered.count(found.into_iter());
    uncovered.warn();
    Ok(ExitCode::SUCCESS)
}

/// Everything that a case known to the store rests on, read from the server, and what became of it.
async fn read_case(
    config: &Config,
    rules: &Rules,
    store: &Store,
    case: &str,
) -> Result<(Texts, CaseHistory)> {
    let read = config.read_server()?;
    let client = audit::client(&read, config.audit)?;
    let (writer, written) = match &config.server.write {
        None => (client.clone(), read.base.clone()),
        Some(_) => {
            let write = config.write_server()?;
            (audit::client(&write, config.audit)?, write.base)
        }
    };
    let codes = OutputCodes::load(OUTPUT)?;
    let histories = Histories {
        client: &writer,
        server: written.as_str().trim_end_matches('/'),
        store,
        base: &rules.base,
        codes: &codes,
    };
    let known = Known::of(store, case).await?;
    if known == Known::default() {
        bail!(Usage(format!("{case} is not known here; run a pass first")));
    }
    let reading = async {
        let capabilities = client.capabilities().await?;
        let puller = Puller::new(client.clone(), read.base.as_str(), capabilities);
        let texts = known.read(&puller, rules).await?;
        anyhow::Ok((texts, histories.of(case).await?))
    };
    let read_now = reading.await;
    // The next pass tells of it.
    audit::keep(store, [&client, &writer]).await?;
    read_now
}

/// `fake-server`: the FHIR server of the demo and the tests alone.
pub(super) async fn fake_server(
    listen: SocketAddr,
    faults: Vec<Fault>,
    dialects: Vec<Dialect>,
    bundles: Vec<PathBuf>,
) -> Result<ExitCode> {
    let server = FakeServer::start(FakeServerOptions {
        listen,
        faults,
        dialects,
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
