//! `[announce]`: who is told that a final result has changed.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::super::{
    AnnounceConfig, ConfigError, SecretSource, invalid, is_loopback, webhook_secrets,
};
use super::server_url;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnnounceWritten {
    webhook_url: String,
    webhook_secret: Vec<SecretString>,
    webhook_secret_file: String,
}

impl AnnounceWritten {
    /// `allow_http` is that of the servers: who lets whole reports travel in plain text need not hide that one has changed.
    pub(super) fn checked(self, allow_http: bool) -> Result<AnnounceConfig, ConfigError> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::Config;
    use super::super::super::layers::combine;
    use super::super::{WEB_ADDRESS, with};
    use super::*;

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
}
