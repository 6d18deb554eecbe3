//! The settings as written, and the check that turns each into the one used.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{
    AssumedSite, CodingOrder, Config, ConfigError, ConventionConfig, EditionChoice,
    GuidelineConfig, IdentifierConfig, InputConfig, LogConfig, PublishConfig, PullConfig,
    ServerConfig, StoreConfig, TokenSource, TransportLimits, invalid,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigWritten {
    server: ServerWritten,
    pull: PullWritten,
    identifiers: IdentifiersWritten,
    guideline: GuidelineWritten,
    input: InputWritten,
    publish: PublishWritten,
    convention: ConventionConfig,
    store: StoreWritten,
    log: LogConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerWritten {
    read: String,
    write: String,
    bearer_token_file: String,
    bearer_token: SecretString,
    allow_http: bool,
    connect_timeout_seconds: i64,
    request_timeout_seconds: i64,
    page_size: i64,
    max_body_mebibytes: i64,
    attempts: i64,
    max_retry_after_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullWritten {
    overlap_seconds: i64,
    transaction_timeout_seconds: i64,
    clock_drift_seconds: i64,
    initial_since: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifiersWritten {
    base: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuidelineWritten {
    edition: String,
    assume_site: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputWritten {
    accept_preliminary: bool,
    overall_status_alone: bool,
    mapping_files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishWritten {
    coding_order: String,
    low_and_ultralow: bool,
    claim_mcode_profile: bool,
    final_without_sign_off: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreWritten {
    path: String,
}

impl ConfigWritten {
    pub(super) fn checked(self) -> Result<Config, ConfigError> {
        let (guideline, input, publish) = (self.guideline, self.input, self.publish);
        Ok(Config {
            server: self.server.checked()?,
            pull: PullConfig {
                overlap: seconds(
                    "pull.overlap_seconds",
                    self.pull.overlap_seconds,
                    0..=86_400,
                )?,
                transaction_timeout: seconds(
                    "pull.transaction_timeout_seconds",
                    self.pull.transaction_timeout_seconds,
                    0..=86_400,
                )?,
                clock_drift: seconds(
                    "pull.clock_drift_seconds",
                    self.pull.clock_drift_seconds,
                    0..=3_600,
                )?,
                initial_since: initial_since(&self.pull.initial_since)?,
            },
            identifiers: IdentifierConfig {
                base: identifier_base(&self.identifiers.base)?,
            },
            guideline: GuidelineConfig {
                edition: match guideline.edition.as_str() {
                    "asco-cap-2018" => EditionChoice::AscoCap2018,
                    _ => return Err(invalid("guideline.edition", "asco-cap-2018")),
                },
                assume_site: match guideline.assume_site.as_str() {
                    "" => None,
                    "breast" => Some(AssumedSite::Breast),
                    _ => return Err(invalid("guideline.assume_site", "breast or empty")),
                },
            },
            input: InputConfig {
                accept_preliminary: input.accept_preliminary,
                overall_status_alone: input.overall_status_alone,
                mapping_files: mapping_files(input.mapping_files)?,
            },
            publish: PublishConfig {
                coding_order: match publish.coding_order.as_str() {
                    "snomed-first" => CodingOrder::SnomedFirst,
                    "loinc-first" => CodingOrder::LoincFirst,
                    _ => {
                        return Err(invalid(
                            "publish.coding_order",
                            "snomed-first or loinc-first",
                        ));
                    }
                },
                low_and_ultralow: publish.low_and_ultralow,
                claim_mcode_profile: publish.claim_mcode_profile,
                final_without_sign_off: publish.final_without_sign_off,
            },
            convention: self.convention,
            store: match self.store.path.as_str() {
                "" => return Err(ConfigError::Missing { key: "store.path" }),
                path => StoreConfig {
                    path: PathBuf::from(path),
                },
            },
            log: self.log,
        })
    }
}

impl ServerWritten {
    fn checked(self) -> Result<ServerConfig, ConfigError> {
        let token = match (
            self.bearer_token.expose_secret(),
            self.bearer_token_file.as_str(),
        ) {
            ("", "") => TokenSource::None,
            ("", path) => TokenSource::File(PathBuf::from(path)),
            (_, "") => TokenSource::Given(self.bearer_token),
            _ => {
                return Err(invalid(
                    "server.bearer_token_file",
                    "empty where server.bearer_token is set",
                ));
            }
        };
        let mebibytes = within(
            "server.max_body_mebibytes",
            self.max_body_mebibytes,
            1..=1_024,
        )?;
        Ok(ServerConfig {
            read: server_url("server.read", &self.read)?,
            write: server_url("server.write", &self.write)?,
            token,
            allow_http: self.allow_http,
            limits: TransportLimits {
                connect_timeout: seconds(
                    "server.connect_timeout_seconds",
                    self.connect_timeout_seconds,
                    1..=300,
                )?,
                request_timeout: seconds(
                    "server.request_timeout_seconds",
                    self.request_timeout_seconds,
                    1..=3_600,
                )?,
                page_size: within("server.page_size", self.page_size, 1..=500)?,
                max_body_bytes: mebibytes as usize * 1024 * 1024,
                attempts: within("server.attempts", self.attempts, 1..=20)?,
                max_retry_after: seconds(
                    "server.max_retry_after_seconds",
                    self.max_retry_after_seconds,
                    0..=3_600,
                )?,
            },
        })
    }
}

fn within(key: &str, value: i64, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
    let fitting = u32::try_from(value)
        .ok()
        .filter(|value| range.contains(value));
    let (least, most) = range.into_inner();
    fitting.ok_or_else(|| invalid(key, format!("from {least} to {most}")))
}

fn seconds(key: &str, value: i64, range: RangeInclusive<u32>) -> Result<Duration, ConfigError> {
    within(key, value, range).map(|seconds| Duration::from_secs(seconds.into()))
}

fn server_url(key: &str, text: &str) -> Result<Option<Url>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    match Url::parse(text) {
        Ok(url) if is_plain_web_address(&url) => Ok(Some(url)),
        _ => Err(invalid(key, WEB_ADDRESS)),
    }
}

fn identifier_base(text: &str) -> Result<String, ConfigError> {
    let base = text.trim_end_matches('/');
    match Url::parse(base) {
        // Identifiers keep the text as written, and "|" would end the system in a token search.
        Ok(url) if is_plain_web_address(&url) && !base.contains([' ', '\t', '\n', '\r', '|']) => {
            Ok(base.to_owned())
        }
        _ => Err(invalid("identifiers.base", WEB_ADDRESS)),
    }
}

const WEB_ADDRESS: &str = "an http or https URL without user name, query and fragment";

fn is_plain_web_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn initial_since(text: &str) -> Result<Option<DateTime<FixedOffset>>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let instant = DateTime::parse_from_rfc3339(text).ok();
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let midnight = || date().map(|date| date.and_time(NaiveTime::MIN).and_utc().fixed_offset());
    match instant.or_else(midnight) {
        Some(since) => Ok(Some(since)),
        None => Err(invalid(
            "pull.initial_since",
            "an instant with zone, a date, or empty",
        )),
    }
}

fn mapping_files(texts: Vec<String>) -> Result<Vec<PathBuf>, ConfigError> {
    if texts.iter().any(String::is_empty) {
        return Err(invalid(
            "input.mapping_files",
            "a list of file names, none of them empty",
        ));
    }
    Ok(texts.into_iter().map(PathBuf::from).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::super::layers::combine;
    use super::*;

    fn with(name: &str, value: &str) -> Result<Config, ConfigError> {
        combine(
            None,
            [(format!("HER2_ADAPTER__{name}"), value.to_owned())].into(),
        )?
        .checked()
    }

    #[test]
    fn values_out_of_range_or_unknown_choices_are_refused_by_name() {
        let refusals = [
            (
                "SERVER__PAGE_SIZE",
                "0",
                "server.page_size must be from 1 to 500",
            ),
            (
                "SERVER__PAGE_SIZE",
                "-1",
                "server.page_size must be from 1 to 500",
            ),
            (
                "SERVER__ATTEMPTS",
                "21",
                "server.attempts must be from 1 to 20",
            ),
            (
                "GUIDELINE__EDITION",
                "asco-cap-2019",
                "guideline.edition must be asco-cap-2018",
            ),
            (
                "GUIDELINE__ASSUME_SITE",
                "liver",
                "guideline.assume_site must be breast or empty",
            ),
            (
                "PUBLISH__CODING_ORDER",
                "icd",
                "publish.coding_order must be snomed-first or loinc-first",
            ),
            ("STORE__PATH", "", "store.path must be set"),
            (
                "PULL__INITIAL_SINCE",
                "2024-02-30",
                "pull.initial_since must be an instant with zone, a date, or empty",
            ),
        ];
        for (name, value, message) in refusals {
            assert_eq!(with(name, value).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn an_address_must_be_a_plain_web_address() {
        let refused = [
            "fhir.example/r4",
            "ftp://fhir.example/r4",
            "https://user:s3cret@fhir.example/r4",
            "https://fhir.example/r4?x=1",
            "https://fhir.example/r4#x",
        ];
        for key in ["SERVER__READ", "SERVER__WRITE", "IDENTIFIERS__BASE"] {
            for address in refused {
                let message = with(key, address).unwrap_err().to_string();
                assert!(
                    message.contains(WEB_ADDRESS) && !message.contains("s3cret"),
                    "{message}"
                );
            }
        }
    }

    #[test]
    fn the_first_pass_may_begin_at_an_instant_or_a_date() {
        let since = |text| {
            with("PULL__INITIAL_SINCE", text)
                .unwrap()
                .pull
                .initial_since
        };
        assert_eq!(since(""), None);
        assert_eq!(
            since("2024-01-31").unwrap().to_rfc3339(),
            "2024-01-31T00:00:00+00:00"
        );
        assert_eq!(
            since("2024-01-31T09:00:00+01:00").unwrap().to_rfc3339(),
            "2024-01-31T09:00:00+01:00"
        );
    }

    #[test]
    fn the_identifier_base_is_kept_without_a_slash_at_the_end() {
        let identifiers = with("IDENTIFIERS__BASE", "https://hospital.example/her2/")
            .unwrap()
            .identifiers;
        assert_eq!(identifiers.base, "https://hospital.example/her2");
        assert!(!identifiers.is_placeholder());
    }

    #[test]
    fn a_token_given_twice_is_refused() {
        let twice = [("BEARER_TOKEN", "t"), ("BEARER_TOKEN_FILE", "f")]
            .map(|(key, value)| (format!("HER2_ADAPTER__SERVER__{key}"), value.to_owned()));
        let error = combine(None, twice.into()).unwrap().checked().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("server.bearer_token_file must be empty")
        );
    }
}
