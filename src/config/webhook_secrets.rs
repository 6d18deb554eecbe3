//! The secrets that announcements are signed with, as the Standard Webhooks scheme writes them.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::{ConfigError, invalid};

const PREFIX: &str = "whsec_";
const EXPECTED: &str =
    "\"whsec_\" and 24 to 64 bytes in base64, or several of that separated by commas";

/// Secrets that the scheme takes, in their order.
pub(super) fn checked(
    key: &str,
    secrets: Vec<SecretString>,
) -> Result<Vec<SecretString>, ConfigError> {
    match secrets.iter().all(is_secret) {
        true => Ok(secrets),
        false => Err(invalid(key, EXPECTED)),
    }
}

/// The secrets that stand in a file, at least one.
pub(super) fn read(path: &Path) -> Result<Vec<SecretString>, ConfigError> {
    const KEY: &str = "announce.webhook_secret_file";
    let text = fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })?;
    let text = Zeroizing::new(text);
    let secrets: Vec<SecretString> = text
        .split([',', '\n'])
        .map(str::trim)
        .filter(|secret| !secret.is_empty())
        .map(SecretString::from)
        .collect();
    if secrets.is_empty() {
        return Err(invalid(KEY, format!("a file that holds {EXPECTED}")));
    }
    checked(KEY, secrets)
}

fn is_secret(secret: &SecretString) -> bool {
    let bytes = (secret.expose_secret().strip_prefix(PREFIX))
        .and_then(|base64| STANDARD.decode(base64).ok())
        .map(Zeroizing::new);
    bytes.is_some_and(|bytes| (24..=64).contains(&bytes.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_its_prefix_and_24_to_64_bytes() {
        let secret = |length: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; length]));
        let is_taken = |text: String| is_secret(&text.into());
        for length in [24, 25, 64] {
            assert!(is_taken(secret(length)), "{length}");
        }
        for length in [0, 23, 65] {
            assert!(!is_taken(secret(length)), "{length}");
        }
        let good = secret(24);
        for wrong in [
            good.replace(PREFIX, ""),
            good.replace(PREFIX, "whsk_"),
            format!(" {good}"),
            format!("{good}="),
            good.replace('B', "_"),
        ] {
            assert!(!is_taken(wrong.clone()), "{wrong}");
        }
    }

    #[test]
    fn a_file_holds_one_on_a_line_or_between_commas() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        assert!(matches!(read(&path), Err(ConfigError::File { .. })));
        let (one, other) = (
            format!("{PREFIX}{}", STANDARD.encode([1; 24])),
            format!("{PREFIX}{}", STANDARD.encode([2; 24])),
        );
        for text in [format!("{one}\n{other}\n"), format!("{one}, {other}")] {
            fs::write(&path, text).unwrap();
            let secrets = read(&path).unwrap();
            let texts: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
            assert_eq!(texts, [&one, &other]);
        }
        for text in ["\n", "whsec_C2FVs"] {
            fs::write(&path, text).unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(message.starts_with("announce.webhook_secret_file must be"));
            assert!(!message.contains("C2FVs"), "{message}");
        }
    }
}
