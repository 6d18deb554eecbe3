//! What a server says of itself in its CapabilityStatement.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What of a CapabilityStatement matters to us. A statement promises nothing: servers do less and more than they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The FHIR version, such as `4.0.1`.
    pub fhir_version: Option<String>,
    /// The server's product, with its version where stated.
    pub software: Option<String>,
    /// Whether it takes transactions.
    pub transaction: bool,
    /// The search parameters by resource type, those for all types under `*`.
    pub search_params: BTreeMap<String, BTreeSet<String>>,
    /// The `_include` values by resource type.
    pub includes: BTreeMap<String, BTreeSet<String>>,
    /// Whether a PUT of an unknown id creates the resource, by type; types of which it says nothing are left out.
    pub update_creates: BTreeMap<String, bool>,
    /// The kinds of subscription it mentions.
    pub subscriptions: BTreeSet<SubscriptionMention>,
}

/// A kind of subscription that a CapabilityStatement mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubscriptionMention {
    /// The resource type Subscription, which in R4 may mean the classic kind or the backport.
    Subscription,
    /// The resource type SubscriptionTopic, as in R4B and R5.
    Topic,
    /// The subscriptions backport guide.
    Backport,
}

impl Capabilities {
    /// Whether the server says that resources of this type can be searched by this parameter.
    pub fn searches_by(&self, kind: &str, parameter: &str) -> bool {
        [kind, "*"].iter().any(|key| {
            self.search_params
                .get(*key)
                .is_some_and(|names| names.contains(parameter))
        })
    }

    /// Whether the server says that a search of this type can include this, such as `DiagnosticReport:result`.
    pub fn includes(&self, kind: &str, include: &str) -> bool {
        self.includes
            .get(kind)
            .is_some_and(|names| names.contains(include) || names.contains("*"))
    }

    /// Whether the server says that a PUT of an unknown id creates a resource of this type.
    pub fn creates_by_update(&self, kind: &str) -> Option<bool> {
        self.update_creates.get(kind).copied()
    }

    /// Gathers what a CapabilityStatement says; what it leaves out is taken as not offered.
    pub(super) fn from_statement(statement: &Value) -> Capabilities {
        let mut found = Capabilities {
            fhir_version: text(&statement["fhirVersion"]),
            software: text(&statement["software"]["name"]).map(|name| {
                match text(&statement["software"]["version"]) {
                    Some(version) => format!("{name} {version}"),
                    None => name,
                }
            }),
            ..Capabilities::default()
        };
        let guides = ["instantiates", "implementationGuide"]
            .into_iter()
            .flat_map(|key| items(&statement[key]));
        if guides
            .filter_map(Value::as_str)
            .any(|guide| guide.contains("subscriptions-backport"))
        {
            found.subscriptions.insert(SubscriptionMention::Backport);
        }
        for rest in items(&statement["rest"]).filter(|rest| rest["mode"] != "client") {
            found.transaction |=
                items(&rest["interaction"]).any(|interaction| interaction["code"] == "transaction");
            found.add_params("*", &rest["searchParam"]);
            for resource in items(&rest["resource"]) {
                found.add_resource(resource);
            }
        }
        found
    }

    fn add_resource(&mut self, resource: &Value) {
        let Some(kind) = resource["type"].as_str() else {
            return;
        };
        self.add_params(kind, &resource["searchParam"]);
        if let Some(creates) = resource["updateCreate"].as_bool() {
            self.update_creates.insert(kind.to_owned(), creates);
        }
        let includes: BTreeSet<String> =
            items(&resource["searchInclude"]).filter_map(text).collect();
        if !includes.is_empty() {
            self.includes.insert(kind.to_owned(), includes);
        }
        match kind {
            "Subscription" => {
                self.subscriptions.insert(SubscriptionMention::Subscription);
                let mut claims = items(&resource["supportedProfile"]).chain([&resource["profile"]]);
                let extends = |extension: &Value| is_backport(&extension["url"]);
                if claims.any(is_backport) || items(&resource["extension"]).any(extends) {
                    self.subscriptions.insert(SubscriptionMention::Backport);
                }
            }
            "SubscriptionTopic" => {
                self.subscriptions.insert(SubscriptionMention::Topic);
            }
            _ => {}
        }
    }

    fn add_params(&mut self, kind: &str, params: &Value) {
        let names: BTreeSet<String> = items(params)
            .filter_map(|param| text(&param["name"]))
            .collect();
        if !names.is_empty() {
            self.search_params
                .entry(kind.to_owned())
                .or_default()
                .extend(names);
        }
    }
}

fn is_backport(canonical: &Value) -> bool {
    canonical
        .as_str()
        .is_some_and(|text| text.contains("subscriptions-backport"))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_tells_versions_parameters_and_subscriptions() {
        let found = Capabilities::from_statement(&json!({
            "resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "software": {"name": "Some Server"},
            "instantiates": ["http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4"],
            "rest": [
                {"mode": "client", "interaction": [{"code": "batch"}]},
                {"mode": "server", "interaction": [{"code": "batch"}, {"code": "transaction"}],
                 "searchParam": [{"name": "_lastUpdated"}],
                 "resource": [
                    {"type": "Observation", "searchParam": [{"name": "combo-code"}, {"name": "code"}, {}]},
                    {"type": "Subscription"}, {"type": "SubscriptionTopic"}, {}]}]
        }));
        assert_eq!(found.fhir_version.as_deref(), Some("4.0.1"));
        assert_eq!(found.software.as_deref(), Some("Some Server"));
        assert!(found.transaction);
        assert!(found.searches_by("Observation", "combo-code"));
        assert!(found.searches_by("DiagnosticReport", "_lastUpdated"));
        assert!(!found.searches_by("DiagnosticReport", "code"));
        let mentions: Vec<_> = found.subscriptions.into_iter().collect();
        use SubscriptionMention::{Backport, Subscription, Topic};
        assert_eq!(mentions, [Subscription, Topic, Backport]);
    }

    #[test]
    fn the_backport_is_found_at_the_subscription_too() {
        let found = Capabilities::from_statement(
            &json!({"rest": [{"resource": [{"type": "Subscription", "supportedProfile":
            ["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription"]}]}]}),
        );
        assert!(found.subscriptions.contains(&SubscriptionMention::Backport));
    }

    #[test]
    fn a_bare_or_odd_statement_offers_nothing() {
        for statement in [
            json!({}),
            json!({"rest": 7}),
            json!({"rest": [{"resource": "x", "interaction": {}}]}),
        ] {
            assert_eq!(
                Capabilities::from_statement(&statement),
                Capabilities::default()
            );
        }
    }
}
