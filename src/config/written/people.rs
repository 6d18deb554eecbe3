//! `[sign_off]` and `[reflex]`: who may sign, and who looks after a reflex test.

use serde::Deserialize;
use url::Url;

use super::super::{ConfigError, SignOffConfig, invalid};
use super::within;
use crate::pipeline::reflex::Reflex;
use crate::pipeline::sign_off::{Attested, Signing};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOffWritten {
    attested_author: String,
    signers: Vec<String>,
    logins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReflexWritten {
    due_days: i64,
    owner: String,
}

impl SignOffWritten {
    pub(super) fn checked(self) -> Result<SignOffConfig, ConfigError> {
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
    pub(super) fn checked(self) -> Result<Reflex, ConfigError> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::with;
    use super::*;

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
        ] {
            assert!(
                matches!(with(name, value), Err(ConfigError::Invalid { .. })),
                "{name} {value}"
            );
        }
        let reflex = with("REFLEX__DUE_DAYS", "14").unwrap().reflex;
        assert_eq!((reflex.due_days, reflex.owner), (Some(14), None));
    }
}
