//! Settings as used: checked, with their types.
//!
//! They come from three layers, the later winning: `config/default.toml`, which is compiled in; the site's file; and the
//! environment (`HER2_ADAPTER__SECTION__KEY`). `layers` combines them into the settings as written, plain texts and numbers,
//! and `written` checks those one by one. No message shows a value, for a value may be a secret.

mod layers;
mod webhook_secrets;
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

use crate::her2::conventions::Conventions;
use crate::her2::evidence::Site;
use crate::mapping::output::Profile;
use crate::pipeline::edition::Guidelines;
use crate::pipeline::reflex::Reflex;
use crate::pipeline::sign_off::Signing;

/// The text of `config/default.toml`: every setting with its meaning and default.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

const PLACEHOLDER_BASE: &str = "https://her2-adapter.example/fhir";

/// Why the settings cannot be used. Each is for a person to mend in the file or the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not TOML. The offending line stays out of the message, since it may hold a secret.
    #[error("{path} is not TOML: {position}")]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Line and column.
        position: String,
    },
    /// There is no such setting.
    #[error("unknown setting {key}")]
    UnknownKey {
        /// The key as `section.key`, or the name of the environment variable.
        key: String,
    },
    /// The value is not what the setting takes.
    #[error("{key} must be {expected}")]
    Invalid {
        /// The key as `section.key`, or the name of the environment variable.
        key: String,
        /// What it takes, in words.
        expected: String,
    },
    /// The command at hand needs a setting that is empty.
    #[error("{key} must be set")]
    Missing {
        /// The key as `section.key`.
        key: &'static str,
    },
    /// The layers do not combine, which the checks above should have excluded.
    #[error("the settings do not combine")]
    Layers,
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// What a pass does with its results.
    pub mode: Mode,
    /// The servers to read from and to write to.
    pub server: ServerConfig,
    /// How far a pass looks back.
    pub pull: PullConfig,
    /// When `serve` works.
    pub schedule: ScheduleConfig,
    /// The prefix of our own identifiers and codes.
    pub identifiers: IdentifierConfig,
    /// Editions and assumed site.
    pub guideline: GuidelineConfig,
    /// What counts as input.
    pub input: InputConfig,
    /// How results are published.
    pub publish: PublishConfig,
    /// Whose signatures count.
    pub sign_off: SignOffConfig,
    /// When in situ hybridisation is due after a score of 2+.
    pub reflex: Reflex,
    /// What new rules may change by themselves.
    pub brake: BrakeConfig,
    /// Where a change of a final result is announced.
    pub announce: AnnounceConfig,
    /// Choices where the guideline is silent.
    pub convention: Conventions,
    /// Whether exchanges with the servers are told.
    pub audit: AuditConfig,
    /// Where the program keeps its own state.
    pub store: StoreConfig,
    /// What is logged.
    pub log: LogConfig,
}

/// `[server]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Base URL to read from, if set.
    pub read: Option<Url>,
    /// Base URL to write to, if it is another.
    pub write: Option<Url>,
    /// Where the bearer token comes from.
    pub token: TokenSource,
    /// Where the token for `write` comes from, where that is another server with another token.
    pub write_token: TokenSource,
    /// Who gives new resources their ids; `None` finds out.
    pub ids: Option<AssignedIds>,
    /// Whether a server may be written to that lets a stale version replace a newer one.
    pub allow_unfenced: bool,
    /// Whether what the server to write to honours is tried before the first write.
    pub probe_write: bool,
    /// Longest time until a search finds what was written.
    pub index_lag: Duration,
    /// Whether plain http is allowed beyond loopback.
    pub allow_http: bool,
    /// Patience and size limits.
    pub limits: TransportLimits,
}

/// Who gives new resources their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignedIds {
    /// The adapter.
    Client,
    /// The server.
    Server,
}

/// Where a bearer token comes from.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// The servers ask for none.
    None,
    /// The settings hold it.
    Given(SecretString),
    /// A file holds it; read when a connection is set up, so that commands without a server do not need it.
    File(PathBuf),
}

/// How long and how often the transport tries, and how much it takes in.
#[derive(Debug, Clone, Copy)]
pub struct TransportLimits {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer.
    pub request_timeout: Duration,
    /// Resources asked for in one page of a search.
    pub page_size: u32,
    /// Largest answer in bytes, after decompression.
    pub max_body_bytes: usize,
    /// How often a read is tried in all, at least 1.
    pub attempts: u32,
    /// Longest wait a server may ask for by `Retry-After` and be given.
    pub max_retry_after: Duration,
    /// So many failed requests in a row, at least 1, and the server is left alone for a while.
    pub breaker_failures: u32,
    /// How long it is left alone.
    pub breaker_rest: Duration,
}

/// What the transport needs to talk to one server.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Base URL.
    pub base: Url,
    /// Bearer token, if the server asks for one.
    pub bearer_token: Option<SecretString>,
    /// Whether plain http is allowed beyond loopback.
    pub allow_http: bool,
    /// Patience and size limits.
    pub limits: TransportLimits,
}

/// `[pull]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct PullConfig {
    /// How far a pass looks back behind the point the last one reached.
    pub overlap: Duration,
    /// Longest time until a stored resource is visible to a search.
    pub transaction_timeout: Duration,
    /// Most the clocks of the server's nodes differ.
    pub clock_drift: Duration,
    /// Where the first pass begins; `None` is everything.
    pub initial_since: Option<DateTime<FixedOffset>>,
    /// After how long each source of a published case is looked at again; `None` never.
    pub recheck_after: Option<Duration>,
    /// Most sources looked at again in one pass.
    pub recheck_at_most: u32,
}

/// `[schedule]`: see `config/default.toml`.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleConfig {
    /// From the beginning of a pass to that of the next.
    pub interval: Duration,
}

/// `[identifiers]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct IdentifierConfig {
    /// Prefix of our own systems, without a slash at the end.
    pub base: String,
}

impl IdentifierConfig {
    /// Whether the base is still the reserved name that a site must replace.
    pub fn is_placeholder(&self) -> bool {
        self.base == PLACEHOLDER_BASE
    }
}

/// `[guideline]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct GuidelineConfig {
    /// Which edition decides which case. No setting names one for all; that is the command line's.
    pub editions: Guidelines,
    /// Primary site to assume where the data name none.
    pub assume_site: Option<Site>,
}

/// `[input]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct InputConfig {
    /// Whether preliminary Observations are evidence.
    pub accept_preliminary: bool,
    /// Whether an overall status alone makes an insufficient case.
    pub overall_status_alone: bool,
    /// Shipped mapping profiles in force, in order.
    pub profiles: Vec<String>,
    /// Further mapping files of the site, in order.
    pub mapping_files: Vec<PathBuf>,
}

/// `[publish]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct PublishConfig {
    /// Which coding of the status comes first.
    pub coding_order: CodingOrder,
    /// Whether low and ultralow are published.
    pub low_and_ultralow: bool,
    /// Whether each tumour of a patient has a second result over its specimens.
    pub patient_summary: bool,
    /// Profiles that results claim where they fulfil them.
    pub profiles: Vec<Profile>,
    /// Whether a result may be final without sign-off.
    pub final_without_sign_off: bool,
}

/// `[sign_off]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct SignOffConfig {
    /// Whose signatures on the server count.
    pub signing: Signing,
    /// Who may sign at a terminal: the person of each login.
    pub logins: BTreeMap<String, String>,
}

/// What a pass does with its results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are written to the server.
    #[default]
    Write,
    /// They are kept in the store and compared with what the laboratory reports; the server is only read.
    Shadow,
}

/// `[brake]`: see `config/default.toml`.
#[derive(Debug, Clone, Copy)]
pub struct BrakeConfig {
    /// Most published results that a new ruleset or mapping may alter before a person is asked.
    pub max_changed: usize,
}

/// `[announce]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct AnnounceConfig {
    /// The address, if changes are announced to anybody.
    pub webhook_url: Option<Url>,
    /// Where the secrets come from; there are some wherever there is an address.
    pub secrets: SecretSource,
}

/// Where the secrets of the webhook come from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The settings hold them; none at all where nothing is announced.
    Given(Vec<SecretString>),
    /// A file holds them; read when the webhook is set up, so that commands that send nothing do not need it.
    File(PathBuf),
}

/// What is needed to announce a change.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The address.
    pub url: Url,
    /// Secrets as the Standard Webhooks scheme writes them, at least one, each of a bearable length.
    pub secrets: Vec<SecretString>,
}

/// The order of the two codings of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodingOrder {
    /// SNOMED CT, then the LOINC answer.
    SnomedFirst,
    /// The LOINC answer, then SNOMED CT.
    LoincFirst,
}

/// `[audit]`: see `config/default.toml`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Whether each exchange with the servers is told as an AuditEvent.
    pub events: bool,
}

/// `[store]`: see `config/default.toml`.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The SQLite file.
    pub path: PathBuf,
}

/// `[log]`: see `config/default.toml`. The filter's grammar is the logger's to check.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Directives such as `info,her2_adapter=debug`.
    pub filter: String,
}

impl Config {
    /// Reads the defaults, then `path` if given, then the environment of this process.
    pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
        layers::combine(path, layers::environment()?)?.checked()
    }

    /// The server to read from, its token read. `Missing` if no server is set.
    pub fn read_server(&self) -> Result<ServerSettings, ConfigError> {
        let base = self.server.read.clone();
        let base = base.ok_or(ConfigError::Missing { key: "server.read" })?;
        self.server_at(base, &self.server.token)
    }

    /// The server to write to: `server.write`, else the one to read from.
    pub fn write_server(&self) -> Result<ServerSettings, ConfigError> {
        match &self.server.write {
            Some(base) => {
                let token = match &self.server.write_token {
                    TokenSource::None => &self.server.token,
                    token => token,
                };
                self.server_at(base.clone(), token)
            }
            None => self.read_server(),
        }
    }

    /// Where changes of final results are announced, if anywhere, the secrets read.
    pub fn webhook(&self) -> Result<Option<WebhookSettings>, ConfigError> {
        let Some(url) = self.announce.webhook_url.clone() else {
            return Ok(None);
        };
        let secrets = match &self.announce.secrets {
            SecretSource::Given(secrets) => secrets.clone(),
            SecretSource::File(path) => webhook_secrets::read(path)?,
        };
        Ok(Some(WebhookSettings { url, secrets }))
    }

    fn server_at(&self, base: Url, token: &TokenSource) -> Result<ServerSettings, ConfigError> {
        Ok(ServerSettings {
            base,
            bearer_token: token.read()?,
            allow_http: self.server.allow_http,
            limits: self.server.limits,
        })
    }
}

impl TokenSource {
    fn read(&self) -> Result<Option<SecretString>, ConfigError> {
        let path = match self {
            TokenSource::None => return Ok(None),
            TokenSource::Given(token) => return Ok(Some(token.clone())),
            TokenSource::File(path) => path,
        };
        let text = fs::read_to_string(path).map_err(|source| ConfigError::File {
            path: path.clone(),
            source,
        })?;
        match text.trim() {
            "" => Err(invalid(
                "server.bearer_token_file",
                "a file that holds a token",
            )),
            token => Ok(Some(SecretString::from(token))),
        }
    }
}

/// Whether what is sent to an address stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

fn invalid(key: &str, expected: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key: key.to_owned(),
        expected: expected.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn example(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("config")
            .join(name)
    }

    fn with(variables: &[(&str, &str)]) -> Config {
        let environment = variables
            .iter()
            .map(|(key, value)| (format!("HER2_ADAPTER__SERVER__{key}"), value.to_string()))
            .collect();
        layers::combine(None, environment)
            .unwrap()
            .checked()
            .unwrap()
    }

    #[test]
    fn the_defaults_load_and_ask_for_a_server() {
        let config = with(&[]);
        assert_eq!(config.server.limits.page_size, 100);
        assert_eq!(config.server.limits.max_body_bytes, 16 * 1024 * 1024);
        assert_eq!(config.pull.overlap, Duration::from_secs(120));
        assert!(config.identifiers.is_placeholder());
        assert_eq!(config.guideline.editions, Guidelines::default());
        assert_eq!(config.guideline.assume_site, None);
        assert_eq!(config.convention, Conventions::default());
        assert!(!config.audit.events);
        assert_eq!(
            config.read_server().unwrap_err().to_string(),
            "server.read must be set"
        );
        assert_eq!(
            config.write_server().unwrap_err().to_string(),
            "server.read must be set"
        );
    }

    #[test]
    fn the_example_site_loads() {
        let config = layers::combine(Some(&example("example-site.toml")), Default::default())
            .unwrap()
            .checked()
            .unwrap();
        assert_eq!(config.guideline.assume_site, Some(Site::Breast));
        assert_eq!(config.publish.coding_order, CodingOrder::LoincFirst);
        assert!(!config.identifiers.is_placeholder());
        assert!(config.server.write.is_some());
    }

    #[test]
    fn every_default_is_explained_by_the_line_above_it() {
        let lines: Vec<&str> = DEFAULTS.lines().collect();
        let mut keys = 0;
        for pair in lines.windows(2) {
            let [above, line] = pair else { continue };
            if line.contains(" = ") && !line.starts_with('#') {
                assert!(above.starts_with("# "), "{line}");
                keys += 1;
            }
        }
        assert_ne!(keys, 0);
    }

    #[test]
    fn results_go_to_the_server_they_are_read_from_unless_another_is_set() {
        let read = ("READ", "https://a.example/fhir");
        let one = with(&[read]);
        assert_eq!(
            one.write_server().unwrap().base.as_str(),
            "https://a.example/fhir"
        );
        let two = with(&[read, ("WRITE", "https://b.example/fhir")]);
        assert_eq!(
            two.write_server().unwrap().base.as_str(),
            "https://b.example/fhir"
        );
    }

    #[test]
    fn the_token_is_never_shown() {
        let config = with(&[
            ("READ", "https://a.example/fhir"),
            ("BEARER_TOKEN", "s3cret"),
        ]);
        let settings = config.read_server().unwrap();
        assert!(settings.bearer_token.is_some());
        assert!(!format!("{config:?} {settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_token_file_is_read_when_a_server_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let config = with(&[
            ("READ", "https://a.example/fhir"),
            ("BEARER_TOKEN_FILE", path.to_str().unwrap()),
        ]);
        assert!(matches!(
            config.read_server(),
            Err(ConfigError::File { .. })
        ));
        fs::write(&path, "\n").unwrap();
        assert!(matches!(
            config.read_server(),
            Err(ConfigError::Invalid { .. })
        ));
        fs::write(&path, "abc\n").unwrap();
        assert_eq!(
            config
                .read_server()
                .unwrap()
                .bearer_token
                .unwrap()
                .expose_secret(),
            "abc"
        );
    }
}
