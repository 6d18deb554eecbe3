//! What is told to others when a HER2 result that was final has changed. It names case, result and statuses, and nothing of
//! the patient: whoever may know more reads the result on the server.

use serde::Serialize;

use super::results::derived_id;

/// The kind of event, as its receiver finds it in `type`.
const FINAL_CHANGED: &str = "her2.final_changed";

/// The longest text that is taken over. Ids and versions of FHIR have 64 characters at most; a server that prints more is not
/// to make an announcement larger than receivers take.
const MOST_CHARACTERS: usize = 256;

/// A result as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Told<'c> {
    /// Its status, such as `negative`.
    pub status: &'c str,
    /// Its category, such as `low`.
    pub category: &'c str,
}

/// A change of a result that was final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalChange<'c> {
    /// The case.
    pub case: &'c str,
    /// Reference of the result, `Observation/h2o-…`.
    pub result: &'c str,
    /// The version of it that is no longer in force.
    pub replaces: &'c str,
    /// What that version said.
    pub from: Told<'c>,
    /// What is said now; `None` where the result was withdrawn.
    pub to: Option<Told<'c>>,
    /// Fingerprint of what replaces it.
    pub fingerprint: &'c str,
    /// When it changed, RFC 3339.
    pub at: &'c str,
}

/// An announcement, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Follows from the change, so that one change is announced under one id however often somebody comes upon it.
    pub id: String,
    /// The case.
    pub case: String,
    /// JSON text, byte for byte as it is signed and sent.
    pub body: String,
}

impl Announcement {
    /// The announcement of a change.
    pub fn of(change: &FinalChange<'_>) -> Self {
        #[derive(Serialize)]
        struct Event<'c> {
            r#type: &'static str,
            timestamp: &'c str,
            data: Data<'c>,
        }
        #[derive(Serialize)]
        struct Data<'c> {
            case: &'c str,
            result: &'c str,
            replaces: &'c str,
            from: Told<'c>,
            to: Option<Told<'c>>,
        }
        let event = Event {
            r#type: FINAL_CHANGED,
            timestamp: short(change.at),
            data: Data {
                case: short(change.case),
                result: short(change.result),
                replaces: short(change.replaces),
                from: change.from.short(),
                to: change.to.map(Told::short),
            },
        };
        Self {
            id: derived_id("h2a", &[change.case, change.replaces, change.fingerprint]),
            case: change.case.to_owned(),
            body: serde_json::to_string(&event).unwrap_or_default(),
        }
    }
}

impl Told<'_> {
    fn short(self) -> Self {
        Self {
            status: short(self.status),
            category: short(self.category),
        }
    }
}

fn short(text: &str) -> &str {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    const CHANGE: FinalChange<'_> = FinalChange {
        case: "case-9d36e05f74c4120ec1a22ea714f23c68",
        result: "Observation/h2o-5a7d65db7c6dcfe9d33b73df9c5461459c55e7c9",
        replaces: "3",
        from: Told {
            status: "negative",
            category: "low",
        },
        to: Some(Told {
            status: "positive",
            category: "positive",
        }),
        fingerprint: "f1",
        at: "2026-11-20T10:00:00.000Z",
    };

    #[test]
    fn an_announcement_says_what_changed_and_nothing_of_the_patient() {
        let announcement = Announcement::of(&CHANGE);
        assert_eq!(announcement.case, CHANGE.case);
        assert_eq!(
            announcement.body,
            concat!(
                r#"{"type":"her2.final_changed","timestamp":"2026-11-20T10:00:00.000Z","data":{"#,
                r#""case":"case-9d36e05f74c4120ec1a22ea714f23c68","#,
                r#""result":"Observation/h2o-5a7d65db7c6dcfe9d33b73df9c5461459c55e7c9","replaces":"3","#,
                r#""from":{"status":"negative","category":"low"},"#,
                r#""to":{"status":"positive","category":"positive"}}}"#
            )
        );
    }

    #[test]
    fn of_a_result_that_was_withdrawn_nothing_is_told_any_more() {
        let withdrawn = FinalChange { to: None, ..CHANGE };
        let body = Announcement::of(&withdrawn).body;
        assert!(body.ends_with(r#""to":null}}"#), "{body}");
    }

    #[test]
    fn the_id_follows_from_case_version_and_fingerprint_alone() {
        let id = Announcement::of(&CHANGE).id;
        assert_eq!(id, "h2a-b461f665a461be7ec6b2132c672d013862d0a136");
        let later = FinalChange {
            at: "2026-11-21T10:00:00.000Z",
            to: None,
            ..CHANGE
        };
        assert_eq!(Announcement::of(&later).id, id);
        for other in [
            FinalChange {
                case: "c",
                ..CHANGE
            },
            FinalChange {
                replaces: "4",
                ..CHANGE
            },
            FinalChange {
                fingerprint: "f2",
                ..CHANGE
            },
        ] {
            assert_ne!(Announcement::of(&other).id, id);
        }
    }

    #[test]
    fn no_text_makes_an_announcement_larger_than_receivers_take() {
        let endless = "\u{1}".repeat(100_000);
        let told = Told {
            status: &endless,
            category: &endless,
        };
        let body = Announcement::of(&FinalChange {
            case: &endless,
            result: &endless,
            replaces: &endless,
            from: told,
            to: Some(told),
            fingerprint: &endless,
            at: &endless,
        })
        .body;
        assert!(body.len() < 20_000, "{}", body.len());
        assert_eq!(short("été"), "été");
    }
}
