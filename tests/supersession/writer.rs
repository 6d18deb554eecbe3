//! The adapter: the program's own passes beside a server, by a clock that the scenes move.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use her2_adapter::app;
use her2_adapter::config::Config;
use her2_adapter::pipeline::Rules;
use her2_adapter::pipeline::results::{Publishing, Release};
use her2_adapter::pipeline::sign_off::{Attested, Signing};
use her2_adapter::service::client::{FhirClient, LocalWire};
use her2_adapter::service::clock::Clock;
use her2_adapter::service::pass::{Pass, PassOptions};
use her2_adapter::service::publish::known::Servers;
use her2_adapter::service::publish::{Publisher, Target};
use her2_adapter::service::pull::Puller;
use her2_adapter::service::store::Store;
use serde_json::{Value, json};

/// Where the server is taken to write who has changed a resource. Nothing keeps a client from writing it itself, so that
/// the scenes can.
const AUTHOR: &str = "https://hospital.example/author";
pub const SIGNER: &str = "Practitioner/p";

pub struct Writer {
    config: Config,
    client: FhirClient,
    store: Store,
    rules: Rules,
    publishing: Publishing,
    target: Target,
    clock: Clock,
    base: String,
}

impl Writer {
    /// One beside a server, which it reaches by a wire or over the network, with settings of its own.
    pub async fn beside(
        base: &str,
        wire: Option<Arc<dyn LocalWire>>,
        set: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::load(None).unwrap();
        config.server.read = Some(base.parse().unwrap());
        config.server.write = Some(base.parse().unwrap());
        set(&mut config);
        let clock = Clock::standing_at(Utc::now());
        let mut client = FhirClient::new(&config.write_server().unwrap()).unwrap();
        if let Some(wire) = wire {
            client = client.through(wire);
        }
        let client = client.with_clock(clock.clone());
        let store = Store::in_memory().await.unwrap();
        let capabilities = client.capabilities().await.unwrap();
        let servers = Servers {
            client: &client,
            capabilities: &capabilities,
            settings: &config.server,
            base: &config.identifiers.base,
        };
        let target = servers.target(&store, true).await.unwrap();
        let mut publishing = app::publishing(&config, Release::R4).unwrap();
        publishing.signing = Signing {
            attested: Attested::MetaExtension(AUTHOR.to_owned()),
            signers: BTreeSet::from([SIGNER.to_owned()]),
        };
        Self {
            rules: app::rules(&config).unwrap(),
            publishing,
            target,
            client,
            store,
            clock,
            base: base.to_owned(),
            config,
        }
    }

    /// A pass by the schedule.
    pub async fn pass(&self) {
        let capabilities = self.client.capabilities().await.unwrap();
        let puller = Puller::new(self.client.clone(), &self.base, capabilities);
        let pass = Pass {
            puller: &puller,
            publisher: Publisher {
                client: &self.client,
                reader: &self.client,
                target: &self.target,
                clock: self.clock.clone(),
                holder: "the only one".to_owned(),
                store: &self.store,
                rules: &self.rules,
                publishing: &self.publishing,
                dry_run: false,
            },
            store: &self.store,
            rules: &self.rules,
            settings: &self.config.pull,
        };
        let report = pass.run(&PassOptions::default()).await.unwrap();
        let unsettled = (report.ledger.retry, report.ledger.failed);
        assert_eq!(unsettled, (0, 0), "{}: {:?}", report.ledger, report.open);
    }

    /// So much time passes on the adapter's clock that it looks at every source again.
    pub fn sources_are_due(&self) {
        let after = self.config.pull.recheck_after.unwrap();
        self.clock.advance(after + Duration::from_secs(60));
    }

    pub fn an_hour_passes(&self) {
        self.clock.advance(Duration::from_secs(3600));
    }
}

/// A sign-off Task as the signer completes it for a version of the result.
pub fn signed(task: &Value, version: &str) -> Value {
    let mut signed = task.clone();
    signed["status"] = json!("completed");
    signed["meta"]["extension"] = json!([{"url": AUTHOR, "valueReference": {"reference": SIGNER}}]);
    signed["output"] = json!([
        {"type": {"text": "decision"}, "valueString": "accept"},
        {"type": {"text": "version"}, "valueString": version}]);
    for of_the_server in ["versionId", "lastUpdated"] {
        signed["meta"]
            .as_object_mut()
            .unwrap()
            .remove(of_the_server);
    }
    signed
}
