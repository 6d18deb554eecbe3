//! The settings as written, and the check that turns each into the one used.

mod announce;
mod guideline;
mod people;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{
    AssignedIds, AuditConfig, BrakeConfig, CodingOrder, Config, ConfigError, IdentifierConfig,
    InputConfig, LogConfig, Mode, PublishConfig, PullConfig, ScheduleConfig, ServerConfig,
    StoreConfig, TokenSource, TransportLimits, invalid,
};
use crate::mapping::output::Profile;
use crate::mapping::shipped;
use announce::AnnounceWritten;
use guideline::{ConventionWritten, GuidelineWritten};
use people::{ReflexWritten, SignOffWritten};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigWritten {
    mode: String,
    server: ServerWritten,
    pull: PullWritten,
    schedule: ScheduleWritten,
    identifiers: IdentifiersWritten,
    guideline: GuidelineWritten,
    input: InputWritten,
    publish: PublishWritten,
    sign_off: SignOffWritten,
    reflex: ReflexWritten,
    brake: BrakeWritten,
    announce: AnnounceWritten,
    convention: ConventionWritten,
    audit: AuditConfig,
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
    write_bearer_token_file: String,
    write_bearer_token: SecretString,
    allow_http: bool,
    ids: String,
    allow_unfenced: bool,
    probe_write: bool,
    index_lag_seconds: i64,
    connect_timeout_seconds: i64,
    request_timeout_seconds: i64,
    page_size: i64,
    max_body_mebibytes: i64,
    attempts: i64,
    max_retry_after_seconds: i64,
    breaker_failures: i64,
    breaker_rest_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullWritten {
    overlap_seconds: i64,
    transaction_timeout_seconds: i64,
    clock_drift_seconds: i64,
    initial_since: String,
    recheck_hours: i64,
    recheck_at_most: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleWritten {
    interval_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifiersWritten {
    base: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputWritten {
    accept_preliminary: bool,
    overall_status_alone: bool,
    profiles: Vec<String>,
    mapping_files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishWritten {
    coding_order: String,
    low_and_ultralow: bool,
    patient_summary: bool,
    profiles: Vec<String>,
    final_without_sign_off: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrakeWritten {
    max_changed: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreWritten {
    path: String,
}

impl ConfigWritten {
    pub(super) fn checked(self) -> Result<Config, ConfigError> {
        let (input, publish) = (self.input, self.publish);
        let allow_http = self.server.allow_http;
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
                recheck_after: match within(
                    "pull.recheck_hours",
                    self.pull.recheck_hours,
                    0..=8_760,
                )? {
                    0 => None,
                    hours => Some(Duration::from_secs(u64::from(hours) * 3_600)),
                },
                recheck_at_most: within(
                    "pull.recheck_at_most",
                    self.pull.recheck_at_most,
                    1..=100_000,
                )?,
            },
            schedule: ScheduleConfig {
                interval: seconds(
                    "schedule.interval_seconds",
                    self.schedule.interval_seconds,
                    5..=86_400,
                )?,
            },
            identifiers: IdentifierConfig {
                base: identifier_base(&self.identifiers.base)?,
            },
            guideline: self.guideline.checked()?,
            input: InputConfig {
                accept_preliminary: input.accept_preliminary,
                overall_status_alone: input.overall_status_alone,
                profiles: profiles(input.profiles)?,
                mapping_files: mapping_files(input.mapping_files)?,
            },
            mode: choice(
                "mode",
                &self.mode,
                &[("write", Mode::Write), ("shadow", Mode::Shadow)],
            )?,
            publish: PublishConfig {
                coding_order: choice(
                    "publish.coding_order",
                    &publish.coding_order,
                    &[
                        ("snomed-first", CodingOrder::SnomedFirst),
                        ("loinc-first", CodingOrder::LoincFirst),
                    ],
                )?,
                low_and_ultralow: publish.low_and_ultralow,
                patient_summary: publish.patient_summary,
                profiles: claimed_profiles(&publish.profiles)?,
                final_without_sign_off: publish.final_without_sign_off,
            },
            sign_off: self.sign_off.checked()?,
            reflex: self.reflex.checked()?,
            brake: BrakeConfig {
                max_changed: within("brake.max_changed", self.brake.max_changed, 0..=1_000_000)?
                    as usize,
            },
            announce: self.announce.checked(allow_http)?,
            convention: self.convention.checked()?,
            audit: self.audit,
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
        let token = token_source(
            "server.bearer_token_file",
            self.bearer_token,
            &self.bearer_token_file,
        )?;
        let write_token = token_source(
            "server.write_bearer_token_file",
            self.write_bearer_token,
            &self.write_bearer_token_file,
        )?;
        let mebibytes = within(
            "server.max_body_mebibytes",
            self.max_body_mebibytes,
            1..=1_024,
        )?;
        Ok(ServerConfig {
            read: server_url("server.read", &self.read)?,
            write: server_url("server.write", &self.write)?,
            token,
            write_token,
            allow_http: self.allow_http,
            ids: choice(
                "server.ids",
                &self.ids,
                &[
                    ("auto", None),
                    ("client", Some(AssignedIds::Client)),
                    ("server", Some(AssignedIds::Server)),
                ],
            )?,
            allow_unfenced: self.allow_unfenced,
            probe_write: self.probe_write,
            index_lag: seconds("server.index_lag_seconds", self.index_lag_seconds, 0..=600)?,
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
                breaker_failures: within(
                    "server.breaker_failures",
                    self.breaker_failures,
                    1..=1_000,
                )?,
                breaker_rest: seconds(
                    "server.breaker_rest_seconds",
                    self.breaker_rest_seconds,
                    1..=3_600,
                )?,
            },
        })
    }
}

/// A token that is given, or stands in a file, or neither; `key` names the file's setting.
fn token_source(key: &str, token: SecretString, file: &str) -> Result<TokenSource, ConfigError> {
    match (token.expose_secret(), file) {
        ("", "") => Ok(TokenSource::None),
        ("", path) => Ok(TokenSource::File(PathBuf::from(path))),
        (_, "") => Ok(TokenSource::Given(token)),
        _ => {
            let other = key.trim_end_matches("_file");
            Err(invalid(key, format!("empty where {other} is set")))
        }
    }
}

/// The meaning of a text that must be one of a few; the empty one is called so.
fn choice<T: Copy>(key: &str, text: &str, known: &[(&str, T)]) -> Result<T, ConfigError> {
    if let Some((_, meaning)) = known.iter().find(|(name, _)| *name == text) {
        return Ok(*meaning);
    }
    let names: Vec<&str> = (known.iter())
        .map(|(name, _)| if name.is_empty() { "empty" } else { name })
        .collect();
    Err(invalid(
        key,
        match names.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            names => names.concat(),
        },
    ))
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

/// Names of shipped profiles, each once.
fn profiles(names: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let known: Vec<&str> = shipped::profiles().iter().map(|(name, _)| *name).collect();
    let is_new = |(index, name): (usize, &String)| {
        known.contains(&name.as_str()) && !names.iter().take(index).any(|other| other == name)
    };
    if names.iter().enumerate().all(is_new) {
        return Ok(names);
    }
    Err(invalid(
        "input.profiles",
        format!("a list of {}, each once", known.join(", ")),
    ))
}

fn claimed_profiles(names: &[String]) -> Result<Vec<Profile>, ConfigError> {
    const KEY: &str = "publish.profiles";
    let known = [
        ("mcode", Profile::Mcode),
        ("ichom", Profile::Ichom),
        ("mii", Profile::Mii),
    ];
    let mut profiles = Vec::new();
    for name in names {
        let profile = choice(KEY, name, &known)?;
        if profiles.contains(&profile) {
            return Err(invalid(KEY, "a list that names each once"));
        }
        profiles.push(profile);
    }
    if profiles.contains(&Profile::Ichom) && profiles.contains(&Profile::Mii) {
        return Err(invalid(
            KEY,
            "a list without ichom or without mii, which no one result fulfils both",
        ));
    }
    Ok(profiles)
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

/// The settings with one of them set by a variable of the environment.
#[cfg(test)]
fn with(name: &str, value: &str) -> Result<Config, ConfigError> {
    super::layers::combine(
        None,
        [(format!("HER2_ADAPTER__{name}"), value.to_owned())].into(),
    )?
    .checked()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::super::layers::combine;
    use super::*;

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
                "GUIDELINE__BREAST",
                "gastric-2016",
                "guideline.breast must be asco-cap-2018, asco-cap-2013 or asco-cap-2007",
            ),
            (
                "GUIDELINE__GASTROESOPHAGEAL",
                "asco-cap-2018",
                "guideline.gastroesophageal must be gastric-2016",
            ),
            (
                "GUIDELINE__ASSUME_SITE",
                "liver",
                "guideline.assume_site must be breast, gastroesophageal, colorectal, endometrial, lung, ovarian, \
                 unknown-primary, other or empty",
            ),
            (
                "CONVENTION__UNSTATED_METHOD",
                "triple",
                "convention.unstated_method must be either, single or dual",
            ),
            (
                "CONVENTION__ISH_WORDS_TRUSTED_FROM",
                "2018",
                "convention.ish_words_trusted_from must be a day such as 2018-05-30, or empty",
            ),
            (
                "CONVENTION__RETEST_ADVICE",
                "yes",
                "HER2_ADAPTER__CONVENTION__RETEST_ADVICE must be true or false",
            ),
            (
                "PUBLISH__CODING_ORDER",
                "icd",
                "publish.coding_order must be snomed-first or loinc-first",
            ),
            (
                "AUDIT__EVENTS",
                "yes",
                "HER2_ADAPTER__AUDIT__EVENTS must be true or false",
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
    fn every_shipped_profile_but_the_example_is_in_force_by_default() {
        let names: Vec<&str> = (shipped::profiles().iter())
            .map(|(name, _)| *name)
            .filter(|name| *name != shipped::EXAMPLE)
            .collect();
        let config = combine(None, [].into()).unwrap().checked().unwrap();
        assert_eq!(config.input.profiles, names);
        for list in ["nowhere", "mcode,mcode"] {
            let message = with("INPUT__PROFILES", list).unwrap_err().to_string();
            assert!(message.starts_with("input.profiles must be a list of "));
        }
        assert!(
            with("INPUT__PROFILES", "")
                .unwrap()
                .input
                .profiles
                .is_empty()
        );
    }

    #[test]
    fn profiles_are_claimed_by_name_and_never_two_that_exclude_each_other() {
        let claimed = |text| with("PUBLISH__PROFILES", text).map(|config| config.publish.profiles);
        assert_eq!(claimed("").unwrap(), []);
        assert_eq!(
            claimed("mcode,mii").unwrap(),
            [Profile::Mcode, Profile::Mii]
        );
        for text in ["mcode,mcode", "ichom,mii", "us-core"] {
            let message = claimed(text).unwrap_err().to_string();
            assert!(
                message.starts_with("publish.profiles must be "),
                "{message}"
            );
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
    fn sources_are_looked_at_again_within_a_year_or_never() {
        for (name, value) in [
            ("PULL__RECHECK_HOURS", "8761"),
            ("PULL__RECHECK_AT_MOST", "0"),
        ] {
            assert!(
                matches!(with(name, value), Err(ConfigError::Invalid { .. })),
                "{name} {value}"
            );
        }
        let pull = with("PULL__RECHECK_HOURS", "0").unwrap().pull;
        assert_eq!(pull.recheck_after, None);
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
