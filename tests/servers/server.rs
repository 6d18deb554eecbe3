//! A FHIR server as any client meets it.

use std::env;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, LOCATION};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::time::sleep;

/// The server named by `HER2_TEST_SERVER`, with the token in `HER2_TEST_SERVER_TOKEN` if it wants one.
#[derive(Clone)]
pub struct Server {
    pub base: String,
    pub token: Option<String>,
    http: Client,
}

/// What it answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn header(&self, name: reqwest::header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Server {
    pub fn from_environment() -> Option<Self> {
        let base = env::var("HER2_TEST_SERVER").ok()?;
        // A connection that waits may be closed by the server just when the next request goes out.
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Some(Self {
            base: base.trim_end_matches('/').to_owned(),
            token: env::var("HER2_TEST_SERVER_TOKEN").ok(),
            http,
        })
    }

    /// Waits for a server that is still starting, a minute at most.
    pub async fn is_up(&self) {
        for _ in 0..120 {
            let request = self.http.get(format!("{}/metadata", self.base));
            if request
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
        panic!("{} does not answer", self.base);
    }

    /// One request, with headers beside the usual ones.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let address = match path.starts_with("http") {
            true => path.to_owned(),
            false => format!("{}/{path}", self.base)
                .trim_end_matches('/')
                .to_owned(),
        };
        let mut request = self.http.request(method, &address);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = (request.header(CONTENT_TYPE, "application/fhir+json")).body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = (request.header("Accept", "application/fhir+json"))
            .header("Cache-Control", "no-cache")
            .send()
            .await;
        let response = response.unwrap_or_else(|error| panic!("{address}: {error}"));
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], None).await
    }

    pub async fn put(&self, kind: &str, id: &str, text: String) -> Answer {
        let path = format!("{kind}/{id}");
        self.ask(Method::PUT, &path, &[], Some(text)).await
    }

    pub async fn post(&self, kind: &str, text: String) -> Answer {
        self.ask(Method::POST, kind, &[], Some(text)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, &[], None).await
    }

    /// The matches of a search, over all its pages.
    pub async fn search(&self, query: &str) -> Vec<Value> {
        let mut matches = Vec::new();
        let mut next = Some(query.to_owned());
        while let Some(page) = next {
            let answer = self.get(&page).await;
            assert!(
                answer.is_success(),
                "{page}: {} {}",
                answer.status,
                answer.text
            );
            let bundle = answer.json();
            let entries = bundle["entry"].as_array().into_iter().flatten();
            let found = entries.filter(|entry| entry["search"]["mode"] != "include");
            matches.extend(found.map(|entry| entry["resource"].clone()));
            let mut links = bundle["link"].as_array().into_iter().flatten();
            next = (links.find(|link| link["relation"] == "next"))
                .and_then(|link| link["url"].as_str().map(str::to_owned));
        }
        matches.retain(|resource| resource["resourceType"] != "OperationOutcome");
        matches
    }

    /// All versions of a resource, the oldest first; nothing where the server keeps none. By time, since not every server
    /// gives them in order.
    pub async fn history(&self, key: &str) -> Option<Vec<Value>> {
        let answer = self.get(&format!("{key}/_history?_count=200")).await;
        if !answer.is_success() {
            return None;
        }
        let bundle = answer.json();
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let mut versions: Vec<Value> = entries.map(|entry| entry["resource"].clone()).collect();
        versions.retain(Value::is_object);
        versions.sort_by_key(|version| {
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            let number = text(&version["meta"]["versionId"]).parse::<u64>().ok();
            (number, text(&version["meta"]["lastUpdated"]))
        });
        Some(versions)
    }

    /// The server's clock, as RFC 2822 has it.
    pub async fn clock(&self) -> Option<String> {
        let answer = self.get("metadata").await;
        answer.header(DATE).map(str::to_owned)
    }

    /// Where a resource was put: `Type/id`, from the body or, where there is none, the Location.
    pub fn place(answer: &Answer, kind: &str) -> Option<String> {
        if let Some(id) = answer.json()["id"].as_str() {
            return Some(format!("{kind}/{id}"));
        }
        let location = answer.header(LOCATION)?;
        let path = location.split("/_history").next()?;
        let id = path.rsplit('/').next()?;
        Some(format!("{kind}/{id}"))
    }
}
