//! What the server does, found out by asking it; some judgements need it, and it is printed for whoever reads the run.

use std::env;

use reqwest::Method;
use reqwest::header::ETAG;
use serde_json::{Value, json};

use crate::saying::say;
use crate::server::Server;

const SYSTEM: &str = "urn:her2-adapter:test";

/// What the scenes have to know of a server.
#[derive(Clone, Debug)]
pub struct Manners {
    /// A PUT on an unknown id creates.
    pub client_ids: bool,
    /// Of two that create a result at once, the server lets only one: by `If-None-Match: *` where the adapter gives ids,
    /// else by `If-None-Exist`.
    pub fences_creation: bool,
    /// 2.00 comes back as 2.00.
    pub keeps_digits: bool,
}

impl Manners {
    pub async fn of(server: &Server, run: &str) -> Self {
        server.is_up().await;
        let statement = server.get("metadata").await.json();
        let software = &statement["software"];
        say(&format!(
            "server: {} {}, FHIR {}",
            text(&software["name"]),
            text(&software["version"]),
            text(&statement["fhirVersion"])
        ));

        let id = format!("{run}-own");
        let own = server.put("Basic", &id, with_id(basic(&id), &id)).await;
        say(&format!("PUT on an unknown id: {}", own.status));
        let by_put = fences(server, run).await;
        whole(server, run).await;
        let by_post = once(server, run).await;
        let is_told =
            |ids: &str| env::var("HER2_ADAPTER__SERVER__IDS").is_ok_and(|told| told == ids);
        let fences_creation = match own.is_success() && !is_told("server") {
            true => by_put,
            false => by_post,
        };
        let digits = json!({"resourceType": "Observation", "status": "final",
            "code": {"text": "digits"}, "valueQuantity": {"value": "2.00"}});
        let digits = digits.to_string().replace("\"2.00\"", "2.00");
        let written = server.post("Observation", digits).await;
        let place = Server::place(&written, "Observation").unwrap_or_default();
        let keeps_digits = server.get(&place).await.text.contains("2.00");
        say(&format!("2.00 comes back as 2.00: {keeps_digits}"));
        server.delete(&place).await;
        server.delete(&format!("Basic/{id}")).await;
        Self {
            client_ids: own.is_success(),
            fences_creation,
            keeps_digits,
        }
    }
}

/// What becomes of a PUT that names an old version, or that the resource must not exist; whether the latter is refused.
async fn fences(server: &Server, run: &str) -> bool {
    let name = format!("{run}-fences");
    let created = server.post("Basic", basic(&name).to_string()).await;
    assert!(created.is_success(), "POST Basic: {}", created.text);
    let key = Server::place(&created, "Basic").unwrap();
    let id = key.trim_start_matches("Basic/");
    let read = server.get(&key).await;
    let first = read.header(ETAG).unwrap_or("").to_owned();
    say(&format!("entity tag of a first version: {first}"));
    let content = |what: &str| {
        let mut content = basic(&name);
        content["code"]["text"] = json!(what);
        Some(with_id(content, id))
    };
    let second = server.ask(Method::PUT, &key, &[], content("second")).await;
    assert!(second.is_success(), "PUT {key}: {}", second.text);
    let stale = [("If-Match", first.as_str())];
    let stale = server
        .ask(Method::PUT, &key, &stale, content("stale"))
        .await;
    say(&format!("PUT with a stale If-Match: {}", stale.status));
    let taken = [("If-None-Match", "*")];
    let taken = server
        .ask(Method::PUT, &key, &taken, content("taken"))
        .await;
    say(&format!(
        "PUT with If-None-Match: * on what exists: {}",
        taken.status
    ));
    let history = server.history(&key).await;
    let versions = history
        .as_ref()
        .map_or("none".to_owned(), |all| all.len().to_string());
    say(&format!("versions in its history: {versions}"));
    server.delete(&key).await;
    say(&format!(
        "read of what was deleted: {}",
        server.get(&key).await.status
    ));
    !taken.is_success()
}

/// What is left of a transaction of which one entry fails.
async fn whole(server: &Server, run: &str) {
    let (good, bad) = (format!("{run}-good"), format!("{run}-bad"));
    let created = server.post("Basic", basic(&bad).to_string()).await;
    let key = Server::place(&created, "Basic").unwrap();
    let mut update = basic(&bad);
    update["id"] = json!(key.trim_start_matches("Basic/"));
    let transaction = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:7b1f9ac4-2d41-4e9b-9d3c-0a8a6f0f6e11", "resource": basic(&good),
         "request": {"method": "POST", "url": "Basic"}},
        {"fullUrl": format!("{}/{key}", server.base), "resource": update,
         "request": {"method": "PUT", "url": key, "ifMatch": "W/\"no-such-version\""}}]});
    let answer = server.post("", transaction.to_string()).await;
    let left = server
        .search(&format!("Basic?identifier={SYSTEM}|{good}"))
        .await;
    say(&format!(
        "transaction with one stale ifMatch of two entries: {}, left of it: {}",
        answer.status,
        left.len()
    ));
    server.delete(&key).await;
    for basic in left {
        server
            .delete(&format!("Basic/{}", text(&basic["id"])))
            .await;
    }
}

/// Whether a second create of the same content finds the first.
async fn once(server: &Server, run: &str) -> bool {
    let name = format!("{run}-once");
    let condition = format!("identifier={SYSTEM}|{name}");
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let headers = [("If-None-Exist", condition.as_str())];
        let body = Some(basic(&name).to_string());
        statuses.push(
            server
                .ask(Method::POST, "Basic", &headers, body)
                .await
                .status,
        );
    }
    say(&format!("POST with If-None-Exist, twice: {statuses:?}"));
    let found = server.search(&format!("Basic?{condition}")).await;
    for basic in &found {
        server
            .delete(&format!("Basic/{}", text(&basic["id"])))
            .await;
    }
    found.len() == 1
}

fn basic(name: &str) -> Value {
    json!({"resourceType": "Basic", "code": {"text": "server test"},
           "identifier": [{"system": SYSTEM, "value": name}]})
}

fn with_id(mut resource: Value, id: &str) -> String {
    resource["id"] = json!(id);
    resource.to_string()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
