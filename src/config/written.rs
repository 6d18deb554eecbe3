//! The settings as written, and the check that turns each into the one used.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{
    AnnounceConfig, AssignedIds, AuditConfig, BrakeConfig, CodingOrder, Config, ConfigError,
    GuidelineConfig, IdentifierConfig, InputConfig, LogConfig, Mode, PublishConfig, PullConfig,
    ScheduleConfig, SecretSource, ServerConfig, SignOffConfig, StoreConfig, TokenSource,
    TransportLimits, invalid, is_loopback, webhook_secrets,
};
use crate::her2::conventions::{
    Conventions, DerivedRatio, SingleProbeHigh, ThreePlusAtLowPercent, UnstatedCells,
    UnstatedMethod,
};
use crate::her2::evidence::Site;
use crate::her2::guideline::Edition;
use crate::mapping::output::Profile;
use crate::mapping::shipped;
use crate::pipeline::edition::Guidelines;
use crate::pipeline::reflex::Reflex;
use crate::pipeline::sign_off::{Attested, Signing};

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
struct GuidelineWritten {
    breast: String,
    gastroesophageal: String,
    by_date: Vec<String>,
    assume_site: String,
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
struct SignOffWritten {
    attested_author: String,
    signers: Vec<String>,
    logins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReflexWritten {
    due_days: i64,
    owner: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrakeWritten {
    max_changed: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnounceWritten {
    webhook_url: String,
    webhook_secret: Vec<SecretString>,
    webhook_secret_file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConventionWritten {
    group_2_or_4_with_2_plus_is_low: bool,
    three_plus_at_low_percent: String,
    single_probe_high_with_low_ihc: String,
    unstated_method: String,
    unstated_cells: String,
    ish_words_trusted_from: String,
    derived_ratio: String,
    gastric_copies_rule: bool,
    retest_advice: bool,
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

impl AnnounceWritten {
    /// `allow_http` is that of the servers: who lets whole reports travel in plain text need not hide that one has changed.
    fn checked(self, allow_http: bool) -> Result<AnnounceConfig, ConfigError> {
        const URL: &str = "announce.webhook_url";
        const SECRET: &str = "announce.webhook_secret";
        let webhook_url = server_url(URL, &self.webhook_url)?;
        if let Some(url) = &webhook_url
            && url.scheme() != "https"
            && !allow_http
            && !is_loopback(url)
        {
            let expected = "https, or http on loopback, unless server.allow_http is set";
            return Err(invalid(URL, expected));
        }
        let secrets = match (self.webhook_secret, self.webhook_secret_file.as_str()) {
            (secrets, "") => SecretSource::Given(webhook_secrets::checked(SECRET, secrets)?),
            (none, path) if none.is_empty() => SecretSource::File(PathBuf::from(path)),
            _ => {
                let expected = format!("empty where {SECRET} is set");
                return Err(invalid("announce.webhook_secret_file", expected));
            }
        };
        let has_none = matches!(&secrets, SecretSource::Given(secrets) if secrets.is_empty());
        if webhook_url.is_some() && has_none {
            return Err(ConfigError::Missing { key: SECRET });
        }
        Ok(AnnounceConfig {
            webhook_url,
            secrets,
        })
    }
}

impl GuidelineWritten {
    fn checked(self) -> Result<GuidelineConfig, ConfigError> {
        let of_site = |key: &str, text: &str, site: Site| {
            let covering: Vec<(&str, Edition)> = (Edition::ALL.into_iter())
                .filter(|edition| edition.covers(site))
                .map(|edition| (edition.id(), edition))
                .collect();
            choice(key, text, &covering).map(|edition| (site, edition))
        };
        let sites = Site::ALL.map(|site| (site.name(), Some(site)));
        let sites: Vec<(&str, Option<Site>)> = sites.into_iter().chain([("", None)]).collect();
        Ok(GuidelineConfig {
            editions: Guidelines {
                by_site: [
                    of_site("guideline.breast", &self.breast, Site::Breast)?,
                    of_site(
                        "guideline.gastroesophageal",
                        &self.gastroesophageal,
                        Site::Gastroesophageal,
                    )?,
                ]
                .into(),
                by_date: by_date(&self.by_date)?,
                chosen: None,
            },
            assume_site: choice("guideline.assume_site", &self.assume_site, &sites)?,
        })
    }
}

impl SignOffWritten {
    fn checked(self) -> Result<SignOffConfig, ConfigError> {
        let key = "sign_off.attested_author";
        let attested = match self.attested_author.split_once(' ') {
            None if self.attested_author.is_empty() => Attested::Nowhere,
            None if self.attested_author == "meta.author" => Attested::MetaAuthor,
            Some(("meta.extension", url)) if Url::parse(url).is_ok() => {
                Attested::MetaExtension(url.to_owned())
            }
            _ => {
                let expected = "empty, \"meta.author\" or \"meta.extension\" with a URL";
                return Err(invalid(key, expected));
            }
        };
        let signers = (self.signers.into_iter())
            .map(|signer| match person(&signer) {
                true => Ok(signer),
                false => Err(invalid("sign_off.signers", PERSON)),
            })
            .collect::<Result<_, _>>()?;
        let login = |entry: &String| {
            let (login, signer) = entry.trim().split_once(' ')?;
            let signer = signer.trim();
            person(signer).then(|| (login.to_owned(), signer.to_owned()))
        };
        let logins = (self.logins.iter())
            .map(|entry| {
                let expected = "a login and a person, such as \"jdoe Practitioner/23\"";
                login(entry).ok_or_else(|| invalid("sign_off.logins", expected))
            })
            .collect::<Result<_, _>>()?;
        Ok(SignOffConfig {
            signing: Signing { attested, signers },
            logins,
        })
    }
}

const PERSON: &str = "a Practitioner or PractitionerRole, such as \"Practitioner/23\"";

fn person(reference: &str) -> bool {
    reference_of(reference, &["Practitioner", "PractitionerRole"])
}

/// Whether it is a relative reference to a resource of one of these types.
fn reference_of(reference: &str, kinds: &[&str]) -> bool {
    reference.split_once('/').is_some_and(|(kind, id)| {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        kinds.contains(&kind) && (1..=64).contains(&id.len()) && id.bytes().all(is_id)
    })
}

impl ReflexWritten {
    fn checked(self) -> Result<Reflex, ConfigError> {
        let owners = [
            "Organization",
            "Practitioner",
            "PractitionerRole",
            "CareTeam",
        ];
        if !self.owner.is_empty() && !reference_of(&self.owner, &owners) {
            let expected = "empty, or an Organization, Practitioner, PractitionerRole or CareTeam";
            return Err(invalid("reflex.owner", expected));
        }
        Ok(Reflex {
            due_days: match within("reflex.due_days", self.due_days, 0..=365)? {
                0 => None,
                days => Some(days),
            },
            owner: Some(self.owner).filter(|owner| !owner.is_empty()),
        })
    }
}

impl ConventionWritten {
    fn checked(self) -> Result<Conventions, ConfigError> {
        Ok(Conventions {
            group_2_or_4_with_2_plus_is_low: self.group_2_or_4_with_2_plus_is_low,
            three_plus_at_low_percent: choice(
                "convention.three_plus_at_low_percent",
                &self.three_plus_at_low_percent,
                &[
                    ("contradictory", ThreePlusAtLowPercent::Contradictory),
                    ("score-stands", ThreePlusAtLowPercent::ScoreStands),
                ],
            )?,
            single_probe_high_with_low_ihc: choice(
                "convention.single_probe_high_with_low_ihc",
                &self.single_probe_high_with_low_ihc,
                &[
                    ("positive", SingleProbeHigh::Positive),
                    ("needs-dual-probe", SingleProbeHigh::NeedsDualProbe),
                ],
            )?,
            unstated_method: choice(
                "convention.unstated_method",
                &self.unstated_method,
                &[
                    ("either", UnstatedMethod::Either),
                    ("single", UnstatedMethod::Single),
                    ("dual", UnstatedMethod::Dual),
                ],
            )?,
            unstated_cells: choice(
                "convention.unstated_cells",
                &self.unstated_cells,
                &[
                    ("accept", UnstatedCells::Accept),
                    ("may-have-failed", UnstatedCells::MayHaveFailed),
                ],
            )?,
            ish_words_trusted_from: match self.ish_words_trusted_from.as_str() {
                "" => None,
                text => Some(day(text).ok_or_else(|| {
                    let expected = "a day such as 2018-05-30, or empty";
                    invalid("convention.ish_words_trusted_from", expected)
                })?),
            },
            derived_ratio: choice(
                "convention.derived_ratio",
                &self.derived_ratio,
                &[
                    ("printed-digits", DerivedRatio::PrintedDigits),
                    ("exact", DerivedRatio::Exact),
                ],
            )?,
            gastric_copies_rule: self.gastric_copies_rule,
            retest_advice: self.retest_advice,
        })
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

/// A day written out as `2018-05-30`.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|day| day.to_string() == text)
}

/// Days with the edition that holds from each on. They ascend, and no site has two editions from one day on.
fn by_date(texts: &[String]) -> Result<Vec<(NaiveDate, Edition)>, ConfigError> {
    const KEY: &str = "guideline.by_date";
    let mut dated: Vec<(NaiveDate, Edition)> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let number = index + 1;
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, edition) = match words.as_slice() {
            [from, edition] => (day(from), Edition::parse(edition)),
            _ => (None, None),
        };
        let Some((from, edition)) = from.zip(edition) else {
            return Err(invalid(
                KEY,
                format!(
                    "a list of a day and a known edition each, such as \"2013-10-07 asco-cap-2013\"; entry {number} is not"
                ),
            ));
        };
        let is_after = |(earlier, other): &(NaiveDate, Edition)| {
            let same_site =
                (Site::ALL.into_iter()).any(|site| other.covers(site) && edition.covers(site));
            *earlier < from || (*earlier == from && !same_site)
        };
        if !dated.iter().all(is_after) {
            return Err(invalid(
                KEY,
                format!(
                    "in the order of its days, with one edition for a site and day; entry {number} is not"
                ),
            ));
        }
        dated.push((from, edition));
    }
    Ok(dated)
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
    fn whose_signatures_count_is_read_from_references_and_logins() {
        let config = with("SIGN_OFF__ATTESTED_AUTHOR", "meta.author").unwrap();
        assert_eq!(config.sign_off.signing.attested, Attested::MetaAuthor);
        let url = "https://a.example/last-author";
        let config = with(
            "SIGN_OFF__ATTESTED_AUTHOR",
            &format!("meta.extension {url}"),
        )
        .unwrap();
        let attested = Attested::MetaExtension(url.to_owned());
        assert_eq!(config.sign_off.signing.attested, attested);
        let config = with("SIGN_OFF__SIGNERS", "Practitioner/1,PractitionerRole/b-2").unwrap();
        assert_eq!(config.sign_off.signing.signers.len(), 2);
        let config = with("SIGN_OFF__LOGINS", "jdoe Practitioner/1").unwrap();
        let signer = config.sign_off.logins.get("jdoe").map(String::as_str);
        assert_eq!(signer, Some("Practitioner/1"));
    }

    #[test]
    fn who_is_no_person_cannot_sign_and_who_is_nobody_owns_nothing() {
        for (name, value) in [
            ("SIGN_OFF__ATTESTED_AUTHOR", "meta.source"),
            ("SIGN_OFF__ATTESTED_AUTHOR", "meta.extension not-a-url"),
            ("SIGN_OFF__SIGNERS", "Patient/1"),
            ("SIGN_OFF__SIGNERS", "Practitioner/"),
            ("SIGN_OFF__LOGINS", "jdoe"),
            ("SIGN_OFF__LOGINS", "jdoe Device/1"),
            ("REFLEX__OWNER", "Patient/1"),
            ("REFLEX__DUE_DAYS", "366"),
            ("PULL__RECHECK_HOURS", "8761"),
            ("PULL__RECHECK_AT_MOST", "0"),
        ] {
            assert!(
                matches!(with(name, value), Err(ConfigError::Invalid { .. })),
                "{name} {value}"
            );
        }
        assert_eq!(
            with("PULL__RECHECK_HOURS", "0").unwrap().pull.recheck_after,
            None
        );
        let reflex = with("REFLEX__DUE_DAYS", "14").unwrap().reflex;
        assert_eq!((reflex.due_days, reflex.owner), (Some(14), None));
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
    fn every_site_may_be_assumed() {
        for site in Site::ALL {
            let guideline = with("GUIDELINE__ASSUME_SITE", site.name())
                .unwrap()
                .guideline;
            assert_eq!(guideline.assume_site, Some(site));
        }
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
    fn editions_by_date_are_days_in_their_order() {
        let by_date = |text| {
            let config = with("GUIDELINE__BY_DATE", text);
            config.map(|config| config.guideline.editions.by_date)
        };
        assert_eq!(by_date("").unwrap(), []);
        let days = "2007-01-01 asco-cap-2007, 2017-01-01 asco-cap-2013,2017-01-01 gastric-2016";
        assert_eq!(
            by_date(days).unwrap(),
            [
                ("2007-01-01".parse().unwrap(), Edition::AscoCap2007),
                ("2017-01-01".parse().unwrap(), Edition::AscoCap2013),
                ("2017-01-01".parse().unwrap(), Edition::Gastric2016),
            ]
        );
        for (text, entry) in [
            ("2013-10-07", "entry 1"),
            ("asco-cap-2013 2013-10-07", "entry 1"),
            ("2013-10-07 asco-cap-2013 2018", "entry 1"),
            (
                "2007-01-01 asco-cap-2007,2013-02-30 asco-cap-2013",
                "entry 2",
            ),
            ("2013-10-7 asco-cap-2013", "entry 1"),
            ("2013-10-07 asco-cap-2014", "entry 1"),
            (
                "2018-05-30 asco-cap-2018,2013-10-07 asco-cap-2013",
                "entry 2",
            ),
            (
                "2018-05-30 asco-cap-2018,2018-05-30 asco-cap-2013",
                "entry 2",
            ),
        ] {
            let message = by_date(text).unwrap_err().to_string();
            assert!(
                message.starts_with("guideline.by_date must be ") && message.contains(entry),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn every_convention_may_be_set_otherwise() {
        let changed = [
            ("GROUP_2_OR_4_WITH_2_PLUS_IS_LOW", "false"),
            ("THREE_PLUS_AT_LOW_PERCENT", "score-stands"),
            ("SINGLE_PROBE_HIGH_WITH_LOW_IHC", "needs-dual-probe"),
            ("UNSTATED_METHOD", "dual"),
            ("UNSTATED_CELLS", "may-have-failed"),
            ("ISH_WORDS_TRUSTED_FROM", "2018-05-30"),
            ("DERIVED_RATIO", "exact"),
            ("GASTRIC_COPIES_RULE", "false"),
            ("RETEST_ADVICE", "false"),
        ]
        .map(|(key, value)| (format!("HER2_ADAPTER__CONVENTION__{key}"), value.to_owned()));
        let conventions = combine(None, changed.into())
            .unwrap()
            .checked()
            .unwrap()
            .convention;
        assert_eq!(
            conventions,
            Conventions {
                group_2_or_4_with_2_plus_is_low: false,
                three_plus_at_low_percent: ThreePlusAtLowPercent::ScoreStands,
                single_probe_high_with_low_ihc: SingleProbeHigh::NeedsDualProbe,
                unstated_method: UnstatedMethod::Dual,
                unstated_cells: UnstatedCells::MayHaveFailed,
                ish_words_trusted_from: Some("2018-05-30".parse().unwrap()),
                derived_ratio: DerivedRatio::Exact,
                gastric_copies_rule: false,
                retest_advice: false,
            }
        );
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

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn announcing(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = (variables.iter())
            .map(|(key, value)| (format!("HER2_ADAPTER__{key}"), value.to_string()))
            .collect();
        combine(None, variables)?.checked()
    }

    #[test]
    fn changes_are_announced_by_https_or_on_this_machine_and_never_unsigned() {
        let secret = ("ANNOUNCE__WEBHOOK_SECRET", SECRET);
        let at = |url| ("ANNOUNCE__WEBHOOK_URL", url);
        let none = announcing(&[secret]).unwrap();
        assert!(none.webhook().unwrap().is_none());
        for url in ["https://a.example/hook", "http://127.0.0.1:8080/hook"] {
            let settings = announcing(&[secret, at(url)]).unwrap().webhook().unwrap();
            assert_eq!(settings.unwrap().url.as_str(), url);
        }
        let plain = at("http://a.example/hook");
        assert_eq!(
            announcing(&[secret, plain]).unwrap_err().to_string(),
            "announce.webhook_url must be https, or http on loopback, unless server.allow_http is set"
        );
        assert!(announcing(&[secret, plain, ("SERVER__ALLOW_HTTP", "true")]).is_ok());
        assert_eq!(
            announcing(&[at("https://a.example/")])
                .unwrap_err()
                .to_string(),
            "announce.webhook_secret must be set"
        );
        for url in ["ftp://a.example/hook", "https://u:p@a.example/hook", "hook"] {
            let message = announcing(&[secret, at(url)]).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("announce.webhook_url must be {WEB_ADDRESS}")
            );
        }
        let twice = [secret, ("ANNOUNCE__WEBHOOK_SECRET_FILE", "f")];
        assert_eq!(
            announcing(&twice).unwrap_err().to_string(),
            "announce.webhook_secret_file must be empty where announce.webhook_secret is set"
        );
    }

    #[test]
    fn several_secrets_are_taken_each_checked_and_none_shown() {
        let two = format!("{SECRET}, {SECRET}");
        let url = ("ANNOUNCE__WEBHOOK_URL", "https://a.example/hook");
        let config = announcing(&[url, ("ANNOUNCE__WEBHOOK_SECRET", &two)]).unwrap();
        let settings = config.webhook().unwrap().unwrap();
        assert_eq!(settings.secrets.len(), 2);
        assert!(!format!("{config:?} {settings:?}").contains("C2FVs"));
        for wrong in ["C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_C2FVs", ""] {
            let both = format!("{SECRET},{wrong}");
            let message = with("ANNOUNCE__WEBHOOK_SECRET", &both).unwrap_err();
            let message = message.to_string();
            assert!(
                message.starts_with("announce.webhook_secret must be")
                    && !message.contains("C2FVs"),
                "{message}"
            );
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
