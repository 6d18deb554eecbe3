//! What stands on the server: one of our resources as it is read back before anything is judged.

use super::bundle::Condition;
use super::dialect::Ids;
use super::trouble::Trouble;
use super::{Change, Outcome, Publisher};
use crate::fhir::json::Json;
use crate::pipeline::results::{Prior, fingerprint_of};
use crate::pipeline::worklist::OPEN;
use crate::service::client::bare_version;

/// The status of a withdrawn result.
pub(super) const WITHDRAWN: &str = "entered-in-error";

/// One of our resources as it stands on the server.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) text: String,
    /// Its id on the server.
    pub(super) server_id: String,
    pub(super) version: Option<String>,
    pub(super) status: String,
    pub(super) fingerprint: Option<String>,
    /// The entity tag as the server printed it with the read.
    etag: Option<String>,
}

/// What reading one of our resources brings.
pub(super) enum Found {
    /// It was never there, as far as the server tells.
    Nothing,
    /// Somebody has deleted it.
    Deleted,
    /// It stands.
    Standing(Standing),
}

impl Standing {
    /// Whether it was written from evidence and rules with this fingerprint.
    pub(super) fn carries(&self, fingerprint: &str) -> bool {
        self.fingerprint.as_deref() == Some(fingerprint)
    }

    /// Whether it is a Task that still waits for somebody.
    pub(super) fn is_open(&self) -> bool {
        OPEN.contains(&self.status.as_str())
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.status == WITHDRAWN
    }

    /// Whether this program has withdrawn it, whichever deployment of it.
    pub(super) fn is_withdrawn_by_us(&self) -> bool {
        self.is_withdrawn()
            && Json::parse(&self.text).is_ok_and(|it| Prior::is_withdrawn_by_us(&it))
    }

    /// Whether it is what was sent: of the same status and evidence, and rejected by a person or not.
    pub(super) fn is_what_was_sent(&self, sent: &Json<'_>, base: &str) -> bool {
        Some(self.status.as_str()) == sent.text_at("status")
            && self.fingerprint.as_deref() == fingerprint_of(sent, base)
            && Json::parse(&self.text)
                .is_ok_and(|it| Prior::is_rejected(&it) == Prior::is_rejected(sent))
    }

    /// The condition that nobody has changed it since it was read.
    pub(super) fn unchanged(&self) -> Result<Condition, Trouble> {
        Ok(Condition::Version(self.tag()?))
    }

    /// The entity tag of the version that was read: as the server printed it, else made of the version.
    pub(super) fn tag(&self) -> Result<String, Trouble> {
        let version = self.stated_version()?;
        let tag = self.etag.clone();
        Ok(tag.unwrap_or_else(|| format!("W/\"{version}\"")))
    }

    fn stated_version(&self) -> Result<String, Trouble> {
        self.version
            .clone()
            .ok_or(Trouble::Case(Outcome::Failed("server-states-no-version")))
    }
}

impl Publisher<'_> {
    /// A result that stands as the earlier version of the one to come.
    pub(super) fn prior(&self, standing: &Standing) -> Result<Prior, Trouble> {
        let version = standing.stated_version()?;
        let json = Json::parse(&standing.text)
            .map_err(|_| Trouble::Case(Outcome::Retry("unreadable-on-server")))?;
        let codes = &self.publishing.codes;
        Ok(Prior::read(&json, &version, &self.rules.base, codes))
    }

    /// The result of a case; a person's deletion of it is not undone, and a person has to look.
    pub(super) async fn result(&self, case_id: &str) -> Result<Option<Standing>, Trouble> {
        match self.find(&self.own_result(case_id)).await? {
            Found::Nothing => Ok(None),
            Found::Deleted => Err(Trouble::deleted()),
            Found::Standing(standing) => Ok(Some(standing)),
        }
    }

    /// The result of a case after a write. What was created under an id that the server gave is searched for, since another
    /// writer may have created it too.
    pub(super) async fn result_after(
        &self,
        case_id: &str,
        change: Change,
    ) -> Result<Option<Standing>, Trouble> {
        if change == Change::New && self.target.dialect.ids == Ids::Server {
            self.keep_one_of_each(case_id).await?;
        }
        self.result(case_id).await
    }

    /// A resource of ours as it was read; `None` where the text is no resource with an id.
    pub(super) fn standing(&self, text: String, etag: Option<String>) -> Option<Standing> {
        let json = Json::parse(&text).ok()?;
        let stated = json.get("meta").and_then(|meta| meta.text_at("versionId"));
        Some(Standing {
            server_id: json.text_at("id")?.to_owned(),
            version: stated
                .map(str::to_owned)
                .or_else(|| etag.as_deref().map(|tag| bare_version(tag).to_owned())),
            status: json.text_at("status").unwrap_or("").to_owned(),
            fingerprint: fingerprint_of(&json, &self.rules.base).map(str::to_owned),
            etag: etag.filter(|tag| !tag.is_empty()),
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(status: &str, version: Option<&str>) -> Standing {
        Standing {
            text: String::new(),
            server_id: String::new(),
            version: version.map(str::to_owned),
            status: status.to_owned(),
            fingerprint: None,
            etag: None,
        }
    }

    fn tag_of(standing: &Standing) -> Option<String> {
        match standing.unchanged() {
            Ok(Condition::Version(tag)) => Some(tag),
            _ => None,
        }
    }

    #[test]
    fn a_version_is_named_as_the_server_printed_it_and_else_by_its_version_id() {
        let mut read = standing("preliminary", Some("7"));
        assert_eq!(tag_of(&read).as_deref(), Some("W/\"7\""));
        read.etag = Some("\"7-a\"".to_owned());
        assert_eq!(tag_of(&read).as_deref(), Some("\"7-a\""));
    }

    #[test]
    fn a_resource_whose_version_the_server_does_not_state_is_not_replaced() {
        let trouble = standing("preliminary", None).unchanged().err();
        assert!(matches!(
            trouble,
            Some(Trouble::Case(Outcome::Failed("server-states-no-version")))
        ));
    }

    #[test]
    fn the_version_is_read_from_weak_and_strong_tags() {
        for etag in ["W/\"3\"", "\"3\"", "3"] {
            assert_eq!(bare_version(etag), "3");
        }
    }

    #[test]
    fn a_resource_without_a_fingerprint_carries_none() {
        assert!(!standing("final", Some("1")).carries(""));
    }
}
