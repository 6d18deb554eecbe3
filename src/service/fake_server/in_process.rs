//! The way to the server for a client in the same process: no connection, no thread, no waiting.

use std::fmt;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::State;
use axum::extract::connect_info::ConnectInfo;
use axum::http::{Response, Uri};
use reqwest::Request;

use super::Shared;
use super::cuttable::Line;
use super::http::respond;
use crate::service::client::{Exchange, LocalWire, NoAnswer};

/// A wire to one server, which lives as long as its wires do.
pub(super) struct InProcess(Arc<Shared>);

impl InProcess {
    pub(super) fn of(shared: &Arc<Shared>) -> InProcess {
        InProcess(Arc::clone(shared))
    }

    async fn carry(&self, request: Request) -> Result<Response<Bytes>, NoAnswer> {
        let uri: Uri = (request.url().as_str().parse()).map_err(|_| NoAnswer::NotSent)?;
        let body = request.body().and_then(|body| body.as_bytes());
        let line = Line::in_process();
        let response = respond(
            State(Arc::clone(&self.0)),
            ConnectInfo(line.clone()),
            request.method().clone(),
            uri,
            request.headers().clone(),
            Bytes::copy_from_slice(body.unwrap_or_default()),
        )
        .await;
        if line.is_cut() {
            return Err(NoAnswer::Lost);
        }
        let (head, body) = response.into_parts();
        let body = (to_bytes(body, usize::MAX).await).map_err(|_| NoAnswer::Lost)?;
        Ok(Response::from_parts(head, body))
    }
}

impl LocalWire for InProcess {
    fn exchange(&self, request: Request) -> Exchange<'_> {
        Box::pin(self.carry(request))
    }
}

/// Shows nothing of what the server holds.
impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}
