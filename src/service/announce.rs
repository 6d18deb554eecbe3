//! Sends what the outbox holds to the webhook of the settings, signed by the Standard Webhooks scheme.
//!
//! Passes are its clock: what is due is sent after each pass that may write, and what was not taken is due again later. So
//! nothing waits for a receiver but the end of a pass, and that not for long. An announcement may arrive twice, under the
//! same id, and after a later one.

use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use secrecy::ExposeSecret;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};

use super::client::{ClientSetupError, http_date, http_for, retry_after};
use super::clock::Clock;
use super::store::{AnnouncementState, KeptAnnouncement, Store, StoreError};
use crate::config::WebhookSettings;
use crate::pipeline::announcement::Announcement;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Seconds for which an announcement rests after each attempt that failed, as the scheme proposes: ten attempts in all, over
/// about 75 hours. Its proposal to vary them by chance is for senders that have no other clock.
const RESTS: [i64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The longest rest that a receiver may ask for.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Within the 15 to 30 seconds that the scheme proposes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A pass begins no further announcement after that: a receiver that is slow is not to put off the next pass.
const MOST_SECONDS_IN_A_PASS: i64 = 60;

/// Sends announcements, or notes that nobody wants them.
#[derive(Debug)]
pub struct Announcer {
    receiver: Option<Receiver>,
    clock: Clock,
}

#[derive(Debug)]
struct Receiver {
    http: Client,
    settings: WebhookSettings,
}

/// What became of sending an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The receiver has it.
    Taken,
    /// The receiver wants no more of any.
    Unwanted,
    /// The receiver does not have it, or does not say so.
    Failed(Failure),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    /// The HTTP status, if there was an answer.
    status: Option<u16>,
    /// How long the receiver asks to be left alone.
    rest: Option<Duration>,
}

impl Failure {
    const NO_ANSWER: Self = Self {
        status: None,
        rest: None,
    };

    /// Whether the next announcement would fare no better: the receiver is not there, or has too much to do.
    fn is_of_the_receiver(self) -> bool {
        matches!(self.status, None | Some(429 | 502 | 503 | 504))
    }
}

impl Announcer {
    /// Sets it up without touching the network. Without a webhook, announcements end as not sent.
    ///
    /// # Errors
    /// When the machine offers no usable TLS set-up.
    pub fn new(webhook: Option<WebhookSettings>) -> Result<Announcer, ClientSetupError> {
        let receiver = webhook.map(|settings| {
            let http = http_for(&settings.url)
                .gzip(false)
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TIMEOUT)
                .build();
            let http = http.map_err(|error| ClientSetupError::from_http(&error))?;
            Ok(Receiver { http, settings })
        });
        Ok(Announcer {
            receiver: receiver.transpose()?,
            clock: Clock::System,
        })
    }

    /// The same by another clock.
    pub fn with_clock(self, clock: Clock) -> Announcer {
        Announcer { clock, ..self }
    }

    /// Sends what is due. A receiver that fails is a matter of the log and of later passes.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn deliver(&self, store: &Store) -> Result<(), StoreError> {
        let Some(receiver) = &self.receiver else {
            // Whoever names a receiver later is told what changes from then on.
            let not_sent = AnnouncementState::NotSent;
            let ended = store.end_open_announcements(not_sent, &self.now()).await;
            return ended.map(drop);
        };
        let began = self.clock.now();
        for kept in store.due_announcements(&instant(began)).await? {
            let is_late = self.clock.now() - began > TimeDelta::seconds(MOST_SECONDS_IN_A_PASS);
            if is_late || self.send(&kept, receiver, store).await?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Sends an announcement and notes what became of it. A break leaves the others to a later pass.
    async fn send(
        &self,
        kept: &KeptAnnouncement,
        receiver: &Receiver,
        store: &Store,
    ) -> Result<ControlFlow<()>, StoreError> {
        let id = &kept.announcement.id;
        let now = self.clock.now();
        let rest = rest_after(kept.attempts);
        let due = now + rest.unwrap_or_default();
        store.note_attempt(id, &instant(due)).await?;
        let failure = match receiver.send(&kept.announcement, now).await {
            Answer::Taken => {
                let delivered = AnnouncementState::Delivered;
                store.end_announcement(id, delivered, &self.now()).await?;
                return Ok(ControlFlow::Continue(()));
            }
            Answer::Unwanted => {
                let given_up = AnnouncementState::GivenUp;
                let ended = store.end_open_announcements(given_up, &self.now()).await?;
                ended.iter().for_each(|id| say_given_up(id));
                return Ok(ControlFlow::Break(()));
            }
            Answer::Failed(failure) => failure,
        };
        if rest.is_some() {
            say_put_off(id, failure);
            let asked = (failure.rest).map(|rest| self.clock.now() + rest.min(LONGEST_REST));
            if let Some(asked) = asked.filter(|asked| *asked > due) {
                store.put_off_announcement(id, &instant(asked)).await?;
            }
        } else {
            let given_up = AnnouncementState::GivenUp;
            store.end_announcement(id, given_up, &self.now()).await?;
            say_given_up(id);
        }
        Ok(match failure.is_of_the_receiver() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }

    fn now(&self) -> String {
        instant(self.clock.now())
    }
}

impl Receiver {
    /// Sends an announcement, once.
    async fn send(&self, announcement: &Announcement, now: DateTime<Utc>) -> Answer {
        let timestamp = now.timestamp();
        let Ok(signatures) = self.signatures(announcement, timestamp) else {
            // The settings have been checked for that.
            return Answer::Failed(Failure::NO_ANSWER);
        };
        let request = (self.http.post(self.settings.url.clone()))
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, &announcement.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signatures)
            .body(announcement.body.clone());
        match request.send().await {
            // What the body says changes nothing, so it is left unread.
            Ok(response) => answer_of(response.status().as_u16(), response.headers(), now),
            Err(_) => Answer::Failed(Failure::NO_ANSWER),
        }
    }

    /// One signature for each secret, so that a receiver may know the old or the new one.
    fn signatures(&self, of: &Announcement, timestamp: i64) -> Result<String, WebhookError> {
        let secrets = self.settings.secrets.iter();
        let signatures: Vec<String> = secrets
            .map(|secret| {
                Webhook::new(secret.expose_secret())?.sign(&of.id, timestamp, of.body.as_bytes())
            })
            .collect::<Result<_, _>>()?;
        Ok(signatures.join(" "))
    }
}

/// What an answer means, by the scheme's rules: 2xx is success, 410 an end to all, and everything else a failure that is
/// tried again. So are a redirect, since it is for a person to change the address, and a 404 or 401, since a receiver that
/// is being set up gives them. The setting itself is not ours to take out: a change after a 410 is sent once.
fn answer_of(status: u16, headers: &HeaderMap, now: DateTime<Utc>) -> Answer {
    match status {
        200..=299 => Answer::Taken,
        410 => Answer::Unwanted,
        _ => {
            let text = |name| headers.get(name)?.to_str().ok();
            let date = text(DATE).and_then(http_date);
            let date = date.unwrap_or_else(|| now.fixed_offset());
            Answer::Failed(Failure {
                status: Some(status),
                rest: text(RETRY_AFTER).and_then(|wait| retry_after(wait, Some(date))),
            })
        }
    }
}

/// How long an announcement rests if it fails once more after so many attempts; `None` where it is then given up.
fn rest_after(attempts: u32) -> Option<TimeDelta> {
    let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
    RESTS.get(attempts).copied().map(TimeDelta::seconds)
}

fn say_put_off(id: &str, failure: Failure) {
    const NOT_TAKEN: &str = "an announcement was not taken, and is sent again after a later pass";
    match failure.status {
        Some(status) => tracing::warn!(id, status, "{NOT_TAKEN}"),
        None => tracing::warn!(id, "{NOT_TAKEN}: no answer"),
    }
}

fn say_given_up(id: &str) {
    tracing::error!(
        id,
        "an announcement could not be delivered, and is given up"
    );
}

fn instant(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_tried_ten_times_over_75_hours() {
        let rests: Vec<TimeDelta> = (0..).map_while(rest_after).collect();
        assert_eq!(rests.len(), 9);
        assert!(rests.is_sorted());
        let all: TimeDelta = rests.iter().sum();
        assert_eq!(all, TimeDelta::seconds(75 * HOUR + 35 * MINUTE + 5));
        assert_eq!(rest_after(u32::MAX), None);
    }

    #[test]
    fn every_answer_but_success_and_gone_is_tried_again() {
        let answer = |status| answer_of(status, &HeaderMap::new(), DateTime::UNIX_EPOCH);
        for status in [200, 202, 204, 299] {
            assert_eq!(answer(status), Answer::Taken);
        }
        assert_eq!(answer(410), Answer::Unwanted);
        for (status, of_the_receiver) in [
            (302, false),
            (400, false),
            (401, false),
            (404, false),
            (408, false),
            (425, false),
            (429, true),
            (500, false),
            (502, true),
            (503, true),
            (504, true),
        ] {
            let Answer::Failed(failure) = answer(status) else {
                panic!("{status}");
            };
            assert_eq!(failure.is_of_the_receiver(), of_the_receiver, "{status}");
        }
        assert!(Failure::NO_ANSWER.is_of_the_receiver());
    }

    #[test]
    fn a_rest_that_is_asked_for_is_counted_from_the_answers_own_date() {
        let rest = |headers: &[(_, &'static str)]| {
            let headers = headers.iter().cloned();
            let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
            match answer_of(429, &headers.collect(), DateTime::UNIX_EPOCH) {
                Answer::Failed(failure) => failure.rest,
                answer => panic!("{answer:?}"),
            }
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let date = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(rest(&[]), None);
        assert_eq!(rest(&[(RETRY_AFTER, "120")]), seconds(120));
        let until = (RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(rest(&[date, until]), seconds(30));
        let epoch = (RETRY_AFTER, "Thu, 01 Jan 1970 00:00:09 GMT");
        assert_eq!(rest(&[epoch]), seconds(9));
    }
}
