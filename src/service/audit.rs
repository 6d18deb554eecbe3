//! Exchanges with the servers, told as AuditEvents by IHE's Basic Audit Log Patterns.
//!
//! A client notes what it exchanges (`client/trail.rs`). The notes go to an outbox in the store while a pass is at work, and
//! from there, as AuditEvents, to the server to write to when it has ended: a server that takes none holds up no result, and
//! what was kept survives a crash. An event is forgotten when the server has answered that it has it, so one whose answer is
//! lost is sent again and may be there twice; the X-Request-Id in both is the same.

use her2_models::{AuditEventDraft, AuditOutcome, AuditedAction, Identifier, Invalid, Reference};
use tokio::net::UdpSocket;
use url::Url;

use super::client::{AUDIT_EVENT, ClientError, ClientSetupError, FhirClient, Interaction, Noted};
use super::store::{Store, StoreError, Untold};
use crate::config::{AuditConfig, ServerSettings};
use crate::pipeline::results::Release;

/// So many events are looked at in one go.
const AT_A_TIME: u32 = 100;

/// After so many refusals in a row it is AuditEvents that the server refuses, and the others are left to the next pass.
const MOST_REFUSED_IN_A_ROW: usize = 3;

/// A client that notes what it exchanges where the settings want that.
///
/// # Errors
/// As of [`FhirClient::new`].
pub fn client(server: &ServerSettings, audit: AuditConfig) -> Result<FhirClient, ClientSetupError> {
    let client = FhirClient::new(server)?;
    Ok(match audit.events {
        true => client.audited(),
        false => client,
    })
}

/// Moves what these clients have noted to the store.
///
/// # Errors
/// [`StoreError`] when the store cannot be used; what was noted is lost then.
pub async fn keep(store: &Store, clients: [&FhirClient; 2]) -> Result<(), StoreError> {
    let noted: Vec<String> = (clients.into_iter())
        .flat_map(FhirClient::take_noted)
        // Plain texts and numbers, which always can be written.
        .filter_map(|noted| serde_json::to_string(&noted).ok())
        .collect();
    store.add_untold(&noted).await
}

/// Writes what the store has kept to a server, as far as it takes it.
///
/// # Errors
/// [`StoreError`] when the store cannot be used.
pub(super) async fn tell(
    store: &Store,
    client: &FhirClient,
    release: Release,
) -> Result<(), StoreError> {
    if store.count_untold().await? == 0 {
        return Ok(());
    }
    let teller = Teller {
        client,
        release,
        server: client.base_url(),
        own_address: own_address(&client.base_url()).await,
    };
    let mut refused: Vec<Untold> = Vec::new();
    let mut why = None;
    let mut in_a_row = 0;
    let mut last: Option<Untold> = None;
    'all: loop {
        let untold = store.untold(last.as_ref(), AT_A_TIME).await?;
        if untold.is_empty() {
            break;
        }
        for one in untold {
            match teller.tell(&one.noted).await {
                Ok(()) => {
                    store.forget_told(&one).await?;
                    in_a_row = 0;
                }
                Err(Untellable::Refused(because)) => {
                    why = Some(because);
                    refused.push(one.clone());
                    in_a_row += 1;
                    if in_a_row >= MOST_REFUSED_IN_A_ROW {
                        break 'all;
                    }
                }
                Err(Untellable::NotNow(because)) => {
                    why = Some(because);
                    break 'all;
                }
            }
            last = Some(one);
        }
    }
    store.note_refusals(&refused).await?;
    if let Some(why) = why {
        let left = store.count_untold().await?;
        tracing::warn!(
            left,
            "AuditEvents could not be written, and the next pass tries again: {why}"
        );
    }
    Ok(())
}

/// Why an event is not on the server.
enum Untellable {
    /// This one is not taken.
    Refused(String),
    /// None would be taken now.
    NotNow(String),
}

/// Writes events to one server.
struct Teller<'t> {
    client: &'t FhirClient,
    release: Release,
    server: String,
    own_address: Option<String>,
}

impl Teller<'_> {
    async fn tell(&self, noted: &str) -> Result<(), Untellable> {
        let refused = |why: String| Err(Untellable::Refused(why));
        let Ok(noted) = serde_json::from_str::<Noted>(noted) else {
            return refused("a note in the store cannot be read".to_owned());
        };
        let text = match event(
            &noted,
            &self.server,
            self.own_address.as_deref(),
            self.release,
        ) {
            Ok(text) => text,
            Err(invalid) => return refused(invalid.to_string()),
        };
        match self.client.create(AUDIT_EVENT, &text, None).await {
            Ok(_) => Ok(()),
            Err(error) if is_about_this_one(&error) => refused(error.to_string()),
            Err(error) => Err(Untellable::NotNow(error.to_string())),
        }
    }
}

/// A server that fails at one event may take the next.
fn is_about_this_one(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused { .. }
            | ClientError::Ambiguous { status: Some(_) }
            | ClientError::Conflict { .. }
            | ClientError::NotFound
            | ClientError::Gone
    )
}

/// The AuditEvent of an exchange, as it is written to this server.
///
/// # Errors
/// What FHIR would refuse of it.
fn event(
    noted: &Noted,
    written_to: &str,
    own_address: Option<&str>,
    release: Release,
) -> Result<String, Invalid> {
    // Relative references are to the server that holds them; what is on another one is named by its whole address.
    let there = |address: &str| match noted.server == written_to || address.contains("://") {
        true => address.to_owned(),
        false => format!("{}/{address}", noted.server),
    };
    let literal = |address: &str| Reference {
        reference: Some(there(address)),
        ..Reference::default()
    };
    let about = match noted.about.contains('/') {
        true => literal(&noted.about),
        false => Reference {
            kind: Some(noted.about.clone()),
            display: Some(format!("{} without a known id", noted.about)),
            ..Reference::default()
        },
    };
    let host = Url::parse(&noted.server).ok();
    let host = host.and_then(|url| url.host_str().map(str::to_owned));
    let draft = AuditEventDraft {
        action: match &noted.interaction {
            Interaction::Search(url) => AuditedAction::Search {
                request: format!("GET {url}"),
            },
            Interaction::Read => AuditedAction::Read(about),
            Interaction::Create => AuditedAction::Create(about),
            Interaction::Update => AuditedAction::Update(about),
            Interaction::Delete => AuditedAction::Delete(about),
        },
        recorded: noted.at.clone(),
        outcome: match &noted.failure {
            None => AuditOutcome::Success,
            Some(failure) if failure.is_serious => AuditOutcome::SeriousFailure,
            Some(_) => AuditOutcome::MinorFailure,
        },
        outcome_text: noted.failure.as_ref().map(|failure| failure.why.clone()),
        client: Reference {
            kind: Some("Device".to_owned()),
            display: Some(
                concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ..Reference::default()
        },
        client_address: own_address.map(str::to_owned),
        server: Reference {
            identifier: Some(Identifier {
                system: "urn:ietf:rfc:3986".to_owned(),
                value: noted.server.clone(),
            }),
            display: host,
            ..Reference::default()
        },
        server_base: noted.server.clone(),
        patient: noted.patient.as_deref().map(literal),
        request_id: noted.request_id.clone(),
    };
    match release {
        Release::R4 => her2_models::audit_event(&draft),
        #[cfg(feature = "r5")]
        Release::R5 => her2_models::r5::audit_event(&draft),
    }
}

/// The address by which this machine reaches a server, as BALP wants it: a datagram socket that is told its peer knows it, and
/// nothing is sent.
async fn own_address(server: &str) -> Option<String> {
    let url = Url::parse(server).ok()?;
    let peer = (
        url.host_str()?.trim_matches(['[', ']']),
        url.port_or_known_default()?,
    );
    let peers = tokio::net::lookup_host(peer).await.ok()?;
    for peer in peers {
        let any = if peer.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        if let Ok(socket) = UdpSocket::bind(any).await
            && socket.connect(peer).await.is_ok()
            && let Ok(own) = socket.local_addr()
        {
            return Some(own.ip().to_string());
        }
    }
    None
}
