//! What each scene begins with: the server for itself, names that no other scene has, and the sources it puts there.

use std::collections::{BTreeMap, BTreeSet};
use std::process;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex as OneAtATime, MutexGuard, OnceCell};
use tokio::time::sleep;

use crate::manners::Manners;
use crate::saying::say;
use crate::server::Server;

static SCENES: OneAtATime<u32> = OneAtATime::const_new(0);
static MANNERS: OnceCell<Manners> = OnceCell::const_new();
static RUN: OnceCell<String> = OnceCell::const_new();

/// One scene's place on the server.
pub struct Stage {
    pub server: Server,
    pub manners: Manners,
    /// `identifiers.base` of its adapters.
    pub base: String,
    /// When it began, by the server's clock.
    pub since: String,
    /// Where its stores are.
    pub directory: TempDir,
    prefix: String,
    /// Where the server put what the scene calls `Type/name`.
    places: Mutex<BTreeMap<String, String>>,
    /// What the scene had deleted.
    deleted: Mutex<BTreeSet<String>>,
    _alone: MutexGuard<'static, u32>,
}

impl Stage {
    /// Waits for the scenes before it; nothing, and a word about it, where there is no server.
    pub async fn enter(scene: &str) -> Option<Self> {
        let mut count = SCENES.lock().await;
        let Some(server) = Server::from_environment() else {
            say(&format!(
                "left out, since HER2_TEST_SERVER names no server: {scene}"
            ));
            return None;
        };
        *count += 1;
        let run = RUN.get_or_init(async || run_name()).await;
        let manners = MANNERS.get_or_init(|| Manners::of(&server, run)).await;
        say(&format!("-- {scene}"));
        // Searches go by the second: nothing of an earlier scene falls into this one's first.
        sleep(Duration::from_millis(1100)).await;
        let clock = server.clock().await.unwrap();
        let clock = DateTime::parse_from_rfc2822(&clock).unwrap().to_utc();
        Some(Self {
            server,
            manners: manners.clone(),
            base: format!("https://servers.example/{run}"),
            since: clock.to_rfc3339_opts(SecondsFormat::Secs, true),
            directory: TempDir::new().unwrap(),
            prefix: format!("{run}-{count}"),
            places: Mutex::default(),
            deleted: Mutex::default(),
            _alone: count,
        })
    }

    /// Puts sources on the server, as new ones or over what the scene has put there under the same name.
    pub async fn put(&self, sources: &[Value]) {
        for source in sources {
            let kind = source["resourceType"].as_str().unwrap();
            let name = source["id"].as_str().unwrap();
            let key = format!("{kind}/{name}");
            let known = self.places.lock().unwrap().get(&key).cloned();
            let id = match known {
                Some(place) => Some(place.trim_start_matches(&format!("{kind}/")).to_owned()),
                None if self.manners.client_ids => Some(format!("{}-{name}", self.prefix)),
                None => None,
            };
            let mut resource = self.with_places(source);
            let answer = match &id {
                Some(id) => {
                    resource["id"] = json!(id);
                    self.server.put(kind, id, exact(&resource)).await
                }
                None => {
                    resource.as_object_mut().unwrap().remove("id");
                    self.server.post(kind, exact(&resource)).await
                }
            };
            assert!(
                answer.is_success(),
                "{key}: {} {}",
                answer.status,
                answer.text
            );
            let place = match id {
                Some(id) => format!("{kind}/{id}"),
                None => Server::place(&answer, kind).unwrap(),
            };
            self.places.lock().unwrap().insert(key, place);
        }
    }

    /// A name that no other scene has.
    pub fn name(&self, of: &str) -> String {
        format!("{}-{of}", self.prefix)
    }

    /// Where the server has what the scene calls so.
    pub fn place(&self, key: &str) -> String {
        self.places
            .lock()
            .unwrap()
            .get(key)
            .cloned()
            .unwrap_or_else(|| panic!("{key}"))
    }

    /// Asks the server to delete a source; whether it did. A server may refuse while something refers to it.
    pub async fn delete(&self, key: &str) -> bool {
        let place = self.place(key);
        let answer = self.server.delete(&place).await;
        self.deleted.lock().unwrap().insert(place);
        if !answer.is_success() {
            say(&format!(
                "   not judged: the server keeps {key} ({})",
                answer.status
            ));
        }
        answer.is_success()
    }

    /// Whether the scene had a resource deleted.
    pub fn has_deleted(&self, place: &str) -> bool {
        self.deleted.lock().unwrap().contains(place)
    }

    /// References as the server needs them, and business identifiers that no other scene has.
    fn with_places(&self, source: &Value) -> Value {
        let mut source = source.clone();
        let places = self.places.lock().unwrap();
        visit(&mut source, &mut |members| {
            if let Some(Value::String(reference)) = members.get_mut("reference") {
                let place = places.get(reference.as_str());
                *reference = place.unwrap_or_else(|| panic!("{reference}")).clone();
            }
            if members.contains_key("system")
                && let Some(Value::String(value)) = members.get_mut("value")
            {
                *value = format!("{}-{value}", self.prefix);
            }
        });
        source
    }
}

fn visit(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            members.values_mut().for_each(|value| visit(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| visit(value, change)),
        _ => {}
    }
}

/// The text of a resource, in which `"exact 2.50"` is the number 2.50 with its digits.
fn exact(resource: &Value) -> String {
    let text = resource.to_string();
    let mut parts = text.split("\"exact ");
    let mut written = parts.next().unwrap_or("").to_owned();
    for part in parts {
        written.push_str(&part.replacen('"', "", 1));
    }
    written
}

fn run_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("t{:x}-{:x}", now.as_millis(), process::id())
}
