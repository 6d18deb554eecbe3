//! Where `coverage` and `suggest` find codes: in files, on the server, or in the quarantine.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use super::CodeSource;
use crate::cli::Usage;
use crate::config::Config;
use crate::fhir::pool::Rejected;
use crate::mapping::coverage::{Coverage, Quarantined};
use crate::pipeline::Rules;
use crate::pipeline::coverage::coverage;
use crate::service::client::FhirClient;
use crate::service::files::{self, Entries};
use crate::service::pull::Puller;
use crate::service::store::Store;
use crate::service::survey::survey;

/// The codes of the files named, or of the server.
pub(super) async fn occurring(
    config: &Config,
    rules: &Rules,
    source: &CodeSource,
) -> Result<Coverage> {
    if source.files.is_empty() {
        let read = config.read_server()?;
        let client = FhirClient::new(&read)?;
        let capabilities = (client.capabilities().await)
            .context("cannot read the server's CapabilityStatement")?;
        let puller = Puller::new(client, read.base.as_str(), capabilities);
        return Ok(survey(&puller, rules, source.since).await?);
    }
    let input = files::read(&source.files);
    let mut rejected = input.rejected.len();
    let mut reject = |rejected_now: Rejected| {
        eprintln!("failed: {}: {}", rejected_now.place, rejected_now.why);
        rejected += 1;
    };
    let entries = Entries::look(&input, true, &mut reject);
    let mut occurring = Coverage::default();
    let mut counted = BTreeSet::new();
    let mut is_any_read = false;
    for group in entries.groups() {
        if let Some(together) = group.read(&mut reject) {
            is_any_read = true;
            occurring.add(coverage(&together.pool, rules, &mut counted));
        }
    }
    for rejected in &input.rejected {
        eprintln!("failed: {}: {}", rejected.place, rejected.why);
    }
    if rejected > 0 && !is_any_read {
        bail!(Usage("nothing in the input is readable".to_owned()));
    }
    Ok(occurring)
}

/// The codes that earlier passes have put aside.
pub(super) async fn quarantined(config: &Config) -> Result<Vec<Quarantined>> {
    let store = Store::open_as_guest(&config.store.path).await?;
    let quarantined = store.quarantined().await;
    store.close().await;
    Ok(quarantined?)
}
