//! The whole main job on shipped reports, with nothing to install: a FHIR server in this process, real-shaped reports on
//! it, a pass that writes results back, the corrections that arrive later, and a last pass that writes nothing.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};

use super::client::FhirClient;
use super::clock::Clock;
use super::fake_server::{FakeServer, FakeServerOptions};
use super::output::print;
use super::pass::{Pass, PassOptions, PassReport};
use super::publish::known::{Servers, holder};
use super::publish::{Outcome, Publisher};
use super::pull::Puller;
use super::store::Store;
use crate::app;
use crate::config::Config;
use crate::fhir::json::Json;
use crate::her2::reason::Reason;
use crate::pipeline::CaseResult;
use crate::pipeline::results::Release;
use crate::render;

/// `println!` that does not mind a closed pipe.
macro_rules! say {
    ($($line:tt)*) => { print(&format!("{}\n", format_args!($($line)*)))? };
}

static CASES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/cases");

/// Bundles that arrive after the first pass.
const LATER: [&str; 3] = [
    "bundle-addendum.json",
    "bundle-amended.json",
    "bundle-retracted.json",
];

/// Runs the demo, printing to standard output. With `serve` the FHIR server stays up until Ctrl-C.
///
/// # Errors
/// When a part of this program fails; the demo needs nothing from outside.
pub async fn run(mut config: Config, serve: bool) -> Result<()> {
    let server = FakeServer::start(FakeServerOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..FakeServerOptions::default()
    })
    .await
    .context("cannot start the FHIR server of the demo")?;
    let mut titles = seed(&server, "bundle.json")?;
    say!(
        "A FHIR server at {} holds {} resources of {} pathology cases.",
        server.base_url(),
        titles.len(),
        CASES.dirs().filter(|folder| is_case(folder)).count()
    );

    config.server.read = Some(server.base_url().parse()?);
    config.server.write = None;
    let rules = app::rules(&config)?;
    let publishing = app::publishing(&config, Release::R4)?;
    let client = FhirClient::new(&config.read_server()?)?;
    let store = Store::in_memory().await?;
    let capabilities = client.capabilities().await?;
    let servers = Servers {
        client: &client,
        capabilities: &capabilities,
        settings: &config.server,
        base: &config.identifiers.base,
    };
    let target = servers.target(&store, true).await?;
    let puller = Puller::new(client.clone(), &server.base_url(), capabilities);
    let pass = Pass {
        puller: &puller,
        publisher: Publisher {
            client: &client,
            reader: &client,
            target: &target,
            clock: Clock::System,
            holder: holder(),
            store: &store,
            rules: &rules,
            publishing: &publishing,
            dry_run: false,
        },
        store: &store,
        rules: &rules,
        settings: &config.pull,
    };

    let first = pass.run(&PassOptions::default()).await?;
    print_cases(first.cases.iter().map(|(case, _)| case), &titles)?;
    print_rejected(&first)?;
    say!("\nfirst pass: {}", first.ledger);

    for name in LATER {
        titles.extend(seed(&server, name)?);
    }
    let later = pass.run(&PassOptions::default()).await?;
    say!("\nA FISH addendum, an amended report and a retraction arrive:");
    let rewritten = later
        .cases
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Written(_)));
    print_cases(rewritten.map(|(case, _)| case), &titles)?;
    for case in &later.withdrawn {
        say!("{case}  withdrawn: its sources were entered in error");
    }
    say!("\ncorrections: {}", later.ledger);

    let last = pass.run(&PassOptions::default()).await?;
    say!("second pass: {}", last.ledger);
    if let Some((case, _)) = first
        .cases
        .iter()
        .find(|(case, _)| case.decision.ish_group.is_some())
    {
        say!("\nOne of them as a pathologist reads it:\n");
        say!("{}", render::explained(case, render::Format::Text));
    }
    if serve {
        say!(
            "\nThe FHIR server stays up at {}; end with Ctrl-C.",
            server.base_url()
        );
        tokio::signal::ctrl_c().await?;
    }
    server.stop().await;
    Ok(())
}

/// What happens in a case, by the keys of its resources.
type Titles = BTreeMap<String, String>;

/// Whether a folder is a case itself, and no folder of cases that only tests read.
fn is_case(folder: &Dir<'_>) -> bool {
    folder.get_file(folder.path().join("bundle.json")).is_some()
}

/// Puts the Bundles of one name from every case on the server.
fn seed(server: &FakeServer, name: &str) -> Result<Titles> {
    let mut titles = Titles::new();
    for folder in CASES.dirs() {
        let Some(file) = folder.get_file(folder.path().join(name)) else {
            continue;
        };
        let text = file.contents_utf8().context("a shipped case is not text")?;
        server
            .seed_bundle(text)
            .with_context(|| format!("shipped case {}", folder.path().display()))?;
        let title = folder.path().display().to_string().replace('-', " ");
        for entry in Json::parse(text)?.items_at("entry") {
            if let Some(resource) = entry.get("resource") {
                let kind = resource.text_at("resourceType").unwrap_or("entry");
                let id = resource.text_at("id").unwrap_or("without an id");
                titles.insert(format!("{kind}/{id}"), title.clone());
            }
        }
    }
    Ok(titles)
}

/// Each case with what arrived, what was decided, and the rule it rests on.
fn print_cases<'c>(cases: impl Iterator<Item = &'c CaseResult>, titles: &Titles) -> io::Result<()> {
    for case in cases {
        let title = case
            .inputs
            .iter()
            .find_map(|input| titles.get(&input.reference));
        say!("\n{}", title.map_or("", String::as_str));
        say!("  {}", render::one_line(case));
        for reason in &case.decision.reasons {
            if let Reason::Rule { .. }
            | Reason::Undecided { .. }
            | Reason::Contradictory
            | Reason::Unreadable = reason
            {
                say!("  {reason}");
            }
        }
    }
    Ok(())
}

fn print_rejected(report: &PassReport) -> io::Result<()> {
    for rejected in &report.rejected {
        say!("  not readable: {} ({})", rejected.why, rejected.place);
    }
    Ok(())
}
