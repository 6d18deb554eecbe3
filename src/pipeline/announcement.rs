//! What is told to others when a HER2 result that was final has changed. It names case, result and statuses, and nothing of
//! the patient: whoever may know more reads the result on the server.

use serde::Serialize;

use super::results::{Answer, FinalChange, derived_id, observation_id};

/// The kind of event, as its receiver finds it in `type`.
const FINAL_CHANGED: &str = "her2.final_changed";

/// The longest text that is taken over. Ids and versions of FHIR have 64 characters at most; a server that prints more is not
/// to make an announcement larger than receivers take.
const MOST_CHARACTERS: usize = 256;

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
    /// The announcement of a change to the result of a case. `fingerprint` is that of what replaces the version, or of the
    /// version itself where it is withdrawn; `at` is when it changed, RFC 3339.
    pub fn of(case: &str, change: &FinalChange, fingerprint: &str, at: &str) -> Self {
        #[derive(Serialize)]
        struct Event<'c> {
            r#type: &'static str,
            timestamp: &'c str,
            data: Data<'c>,
        }
        #[derive(Serialize)]
        struct Data<'c> {
            case: &'c str,
            result: String,
            replaces: &'c str,
            from: Told<'c>,
            to: Option<Told<'c>>,
        }
        let event = Event {
            r#type: FINAL_CHANGED,
            timestamp: short(at),
            data: Data {
                case: short(case),
                result: format!("Observation/{}", observation_id(case)),
                replaces: short(&change.replaces),
                from: Told::of(&change.from),
                to: change.to.as_ref().map(Told::of),
            },
        };
        Self {
            id: derived_id("h2a", &[case, &change.replaces, fingerprint]),
            case: case.to_owned(),
            body: serde_json::to_string(&event).unwrap_or_default(),
        }
    }
}

/// An answer as it is told.
#[derive(Serialize)]
struct Told<'c> {
    status: &'c str,
    category: &'c str,
}

impl<'c> Told<'c> {
    fn of(answer: &'c Answer) -> Self {
        Self {
            status: short(&answer.status),
            category: short(&answer.category),
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

    const CASE: &str = "case-9d36e05f74c4120ec1a22ea714f23c68";
    const AT: &str = "2026-11-20T10:00:00.000Z";

    fn answer(status: &str, category: &str) -> Answer {
        Answer {
            status: status.to_owned(),
            category: category.to_owned(),
        }
    }

    fn change() -> FinalChange {
        FinalChange {
            replaces: "3".to_owned(),
            from: answer("negative", "low"),
            to: Some(answer("positive", "positive")),
        }
    }

    #[test]
    fn an_announcement_says_what_changed_and_nothing_of_the_patient() {
        let announcement = Announcement::of(CASE, &change(), "f1", AT);
        assert_eq!(announcement.case, CASE);
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
        let withdrawn = FinalChange {
            to: None,
            ..change()
        };
        let body = Announcement::of(CASE, &withdrawn, "f1", AT).body;
        assert!(body.ends_with(r#""to":null}}"#), "{body}");
    }

    #[test]
    fn the_id_follows_from_case_version_and_fingerprint_alone() {
        let id = Announcement::of(CASE, &change(), "f1", AT).id;
        assert_eq!(id, "h2a-b461f665a461be7ec6b2132c672d013862d0a136");
        let withdrawn = FinalChange {
            to: None,
            ..change()
        };
        let later = Announcement::of(CASE, &withdrawn, "f1", "2026-11-21T10:00:00.000Z");
        assert_eq!(later.id, id);
        let of_another_version = FinalChange {
            replaces: "4".to_owned(),
            ..change()
        };
        for other in [
            Announcement::of("c", &change(), "f1", AT),
            Announcement::of(CASE, &of_another_version, "f1", AT),
            Announcement::of(CASE, &change(), "f2", AT),
        ] {
            assert_ne!(other.id, id);
        }
    }

    #[test]
    fn no_text_makes_an_announcement_larger_than_receivers_take() {
        let endless = "\u{1}".repeat(100_000);
        let change = FinalChange {
            replaces: endless.clone(),
            from: answer(&endless, &endless),
            to: Some(answer(&endless, &endless)),
        };
        let body = Announcement::of(&endless, &change, &endless, &endless).body;
        assert!(body.len() < 20_000, "{}", body.len());
        assert_eq!(short("été"), "été");
    }
}
