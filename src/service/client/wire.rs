//! How a request gets to the server: over the network, or to a server in this process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use reqwest::{Client, Request, Response};

use super::error::ClientError;

/// An answer on its way from a server in this process.
pub type Exchange<'w> =
    Pin<Box<dyn Future<Output = Result<axum::http::Response<Bytes>, NoAnswer>> + Send + 'w>>;

/// A way to a server in this process, which a test may put something in between.
pub trait LocalWire: fmt::Debug + Send + Sync {
    /// Hands a request over, and brings the answer, or says that none will come.
    fn exchange(&self, request: Request) -> Exchange<'_>;
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nothing reached the server.
    NotSent,
    /// The request was handed over, and nobody knows what became of it.
    Lost,
}

/// The way that a client's requests take.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    Network(Client),
    Local(Arc<dyn LocalWire>),
}

impl Wire {
    /// Sends a request, once, and brings the head of the answer; the body follows as it is read.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ClientError> {
        match self {
            Wire::Network(client) => client
                .execute(request)
                .await
                .map_err(|error| ClientError::from_transport(&error)),
            Wire::Local(wire) => match wire.exchange(request).await {
                Ok(answer) => Ok(Response::from(answer)),
                Err(NoAnswer::NotSent) => Err(ClientError::NotSent {
                    why: "the server in this process is not there".to_owned(),
                }),
                Err(NoAnswer::Lost) => Err(ClientError::Ambiguous { status: None }),
            },
        }
    }
}
