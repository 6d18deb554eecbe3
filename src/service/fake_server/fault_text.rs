//! How faults are written: `kind:setting,setting`. The module doc of [`super`] lists kinds and settings.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::faults::{EntryError, Fault, FaultKind, FaultMoment, RetryAfter};

const MOMENTS: &str = "before-commit or after-commit";

/// Why a text is not a fault. The fault has to be written differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultParseError {
    /// The word before the settings is none of the kinds.
    #[error(
        "unknown fault {0:?}: expected latency, status, reset, hang, outcome-as-success, entry-error, expired-page or \
         stale-index, as in status:code=503,times=2"
    )]
    UnknownKind(String),
    /// A setting that this kind does not have.
    #[error("the fault {kind} has no setting {setting:?}")]
    UnknownSetting {
        /// The kind as written.
        kind: String,
        /// The setting as written.
        setting: String,
    },
    /// A setting that this kind cannot do without.
    #[error("the fault {kind} needs {setting}")]
    MissingSetting {
        /// The kind as written.
        kind: String,
        /// What is missing, with the form of its value.
        setting: &'static str,
    },
    /// A setting whose value cannot be used.
    #[error("in a fault, {setting} must be {expected}")]
    UnusableValue {
        /// The setting.
        setting: &'static str,
        /// What its value has to be.
        expected: &'static str,
    },
    /// A setting that is there twice.
    #[error("the setting {0:?} of a fault is given twice")]
    RepeatedSetting(String),
}

impl FromStr for Fault {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Fault, FaultParseError> {
        let (kind, settings) = text.split_once([':', ',']).unwrap_or((text, ""));
        let mut settings = Settings::parse(kind.trim(), settings)?;
        let fault = Fault {
            kind: settings.take_kind()?,
            method: settings.take_method()?,
            path: settings.take_path()?,
            times: settings.take_times()?,
        };
        settings.refuse_the_rest()?;
        Ok(fault)
    }
}

/// The settings of one written fault. Each is taken out once; what is left is unknown.
struct Settings {
    /// The word before the settings.
    kind: String,
    values: BTreeMap<String, String>,
}

impl Settings {
    fn parse(kind: &str, text: &str) -> Result<Settings, FaultParseError> {
        let mut values = BTreeMap::new();
        let settings = text.split(',').map(str::trim);
        for setting in settings.filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            if values.contains_key(&name) {
                return Err(FaultParseError::RepeatedSetting(name));
            }
            values.insert(name, value);
        }
        Ok(Settings {
            kind: kind.to_owned(),
            values,
        })
    }

    fn take_kind(&mut self) -> Result<FaultKind, FaultParseError> {
        match self.kind.as_str() {
            "latency" => {
                let milliseconds = self.take_required_number("ms", "ms=MILLISECONDS")?;
                Ok(FaultKind::Latency(Duration::from_millis(milliseconds)))
            }
            "status" => Ok(FaultKind::Status {
                code: self.take_code(true)?,
                retry_after: self.take_retry_after()?,
                moment: self.take_moment()?.unwrap_or(FaultMoment::BeforeCommit),
            }),
            "reset" => self.take_required_moment().map(FaultKind::Reset),
            "hang" => self.take_required_moment().map(FaultKind::Hang),
            "outcome-as-success" => self.take_required_moment().map(FaultKind::OutcomeAsSuccess),
            "entry-error" => Ok(FaultKind::EntryError(EntryError {
                code: self.take_code(false)?,
                entry: self.take_number("entry")?,
                moment: self.take_required_moment()?,
            })),
            "expired-page" => Ok(FaultKind::ExpiredPage),
            "stale-index" => Ok(FaultKind::StaleIndex {
                writes: self.take_required_number("writes", "writes=NUMBER")?,
            }),
            other => Err(FaultParseError::UnknownKind(other.to_owned())),
        }
    }

    fn take_code(&mut self, or_not_modified: bool) -> Result<u16, FaultParseError> {
        let code = self.take_required_number("code", "code=STATUS")?;
        match code {
            304 if or_not_modified => Ok(304),
            400..=599 => Ok(code),
            _ if or_not_modified => Err(unusable("code", "304, or a status from 400 to 599")),
            _ => Err(unusable("code", "a status from 400 to 599")),
        }
    }

    fn take_retry_after(&mut self) -> Result<Option<RetryAfter>, FaultParseError> {
        let seconds = self.take_number("retry-after")?.map(RetryAfter::Seconds);
        let date = self.take_number("retry-after-date")?.map(RetryAfter::Date);
        match (seconds, date) {
            (Some(_), Some(_)) => Err(FaultParseError::RepeatedSetting("retry-after".to_owned())),
            (seconds, date) => Ok(seconds.or(date)),
        }
    }

    fn take_moment(&mut self) -> Result<Option<FaultMoment>, FaultParseError> {
        let before = self.values.remove("before-commit").is_some();
        let after = self.values.remove("after-commit").is_some();
        match (before, after) {
            (true, false) => Ok(Some(FaultMoment::BeforeCommit)),
            (false, true) => Ok(Some(FaultMoment::AfterCommit)),
            (false, false) => Ok(None),
            (true, true) => Err(self.missing(MOMENTS)),
        }
    }

    fn take_required_moment(&mut self) -> Result<FaultMoment, FaultParseError> {
        let moment = self.take_moment()?;
        moment.ok_or_else(|| self.missing(MOMENTS))
    }

    fn take_method(&mut self) -> Result<Option<String>, FaultParseError> {
        let Some(method) = self.values.remove("method") else {
            return Ok(None);
        };
        if method.is_empty() || !method.chars().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(unusable("method", "an HTTP method"));
        }
        Ok(Some(method.to_ascii_uppercase()))
    }

    fn take_path(&mut self) -> Result<Option<String>, FaultParseError> {
        match self.values.remove("path") {
            Some(path) if !path.starts_with('/') => {
                Err(unusable("path", "a path below the base, beginning with /"))
            }
            path => Ok(path),
        }
    }

    fn take_times(&mut self) -> Result<Option<u32>, FaultParseError> {
        match self.values.remove("times").map(|times| times.parse()) {
            None => Ok(None),
            Some(Ok(times)) if times > 0 => Ok(Some(times)),
            Some(_) => Err(unusable("times", "a number of requests, at least 1")),
        }
    }

    fn take_number<N: FromStr>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<N>, FaultParseError> {
        let number = self.values.remove(name).map(|value| value.parse());
        number
            .transpose()
            .map_err(|_| unusable(name, "a whole number"))
    }

    fn take_required_number<N: FromStr>(
        &mut self,
        name: &'static str,
        form: &'static str,
    ) -> Result<N, FaultParseError> {
        let number = self.take_number(name)?;
        number.ok_or_else(|| self.missing(form))
    }

    fn missing(&self, setting: &'static str) -> FaultParseError {
        FaultParseError::MissingSetting {
            kind: self.kind.clone(),
            setting,
        }
    }

    fn refuse_the_rest(self) -> Result<(), FaultParseError> {
        match self.values.into_keys().next() {
            None => Ok(()),
            Some(setting) => Err(FaultParseError::UnknownSetting {
                kind: self.kind,
                setting,
            }),
        }
    }
}

fn unusable(setting: &'static str, expected: &'static str) -> FaultParseError {
    FaultParseError::UnusableValue { setting, expected }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().unwrap()
    }

    fn refused(text: &str) -> String {
        text.parse::<Fault>().unwrap_err().to_string()
    }

    #[test]
    fn a_fault_is_read_with_all_its_settings() {
        assert_eq!(
            fault("status:code=429,retry-after=2,method=post,path=/Task,times=3"),
            Fault {
                kind: FaultKind::Status {
                    code: 429,
                    retry_after: Some(RetryAfter::Seconds(2)),
                    moment: FaultMoment::BeforeCommit,
                },
                method: Some("POST".to_owned()),
                path: Some("/Task".to_owned()),
                times: Some(3),
            }
        );
        assert_eq!(
            fault("latency:ms=250").kind,
            FaultKind::Latency(Duration::from_millis(250))
        );
        assert_eq!(
            fault("reset:after-commit").kind,
            FaultKind::Reset(FaultMoment::AfterCommit)
        );
        assert_eq!(
            fault("status:code=304,after-commit,retry-after-date=60").kind,
            FaultKind::Status {
                code: 304,
                retry_after: Some(RetryAfter::Date(60)),
                moment: FaultMoment::AfterCommit,
            }
        );
        assert_eq!(
            fault("hang:before-commit").kind,
            FaultKind::Hang(FaultMoment::BeforeCommit)
        );
        assert_eq!(
            fault("outcome-as-success:after-commit").kind,
            FaultKind::OutcomeAsSuccess(FaultMoment::AfterCommit)
        );
        assert_eq!(
            fault("entry-error:code=412,entry=1,before-commit").kind,
            FaultKind::EntryError(EntryError {
                code: 412,
                entry: Some(1),
                moment: FaultMoment::BeforeCommit,
            })
        );
        assert_eq!(fault("expired-page").kind, FaultKind::ExpiredPage);
        assert_eq!(fault("expired-page,times=1").times, Some(1));
        assert_eq!(
            fault("stale-index:writes=2").kind,
            FaultKind::StaleIndex { writes: 2 }
        );
    }

    #[test]
    fn a_fault_that_cannot_be_understood_says_what_is_wrong() {
        assert!(refused("fire").contains("expected latency, status, reset"));
        assert_eq!(
            refused("latency"),
            "the fault latency needs ms=MILLISECONDS"
        );
        assert_eq!(
            refused("status:code=200"),
            "in a fault, code must be 304, or a status from 400 to 599"
        );
        assert_eq!(
            refused("status:code=70000"),
            "in a fault, code must be a whole number"
        );
        assert_eq!(
            refused("reset"),
            "the fault reset needs before-commit or after-commit"
        );
        assert_eq!(
            refused("expired-page:ms=1"),
            "the fault expired-page has no setting \"ms\""
        );
        assert_eq!(
            refused("stale-index:writes=many"),
            "in a fault, writes must be a whole number"
        );
        assert_eq!(
            refused("status:code=503,times=0"),
            "in a fault, times must be a number of requests, at least 1"
        );
        assert_eq!(
            refused("status:code=503,code=504"),
            "the setting \"code\" of a fault is given twice"
        );
        assert_eq!(
            refused("status:code=503,path=Task"),
            "in a fault, path must be a path below the base, beginning with /"
        );
    }
}
