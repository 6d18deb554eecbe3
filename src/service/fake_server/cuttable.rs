//! Connections that can be reset from within a request handler.
//!
//! HTTP has no way to say "no answer", so a handler that is to leave its client without one marks the connection
//! as cut; the stream then refuses to write, and closing it sends a TCP reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be cut.
pub(super) struct CuttableListener(pub TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (
            CuttableStream {
                stream,
                line: Line::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The handle by which a request handler cuts the connection it answers on.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    is_cut: Arc<AtomicBool>,
    /// There is no connection: the client is in this process, and waits for nothing.
    pub in_process: bool,
}

impl Line {
    /// The line of a client in this process.
    pub fn in_process() -> Line {
        Line {
            in_process: true,
            ..Line::default()
        }
    }

    /// Lets no further byte through; whatever the handler returns is never seen.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    /// Whether no byte gets through.
    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    /// Leaves the client waiting until it gives up, which ends the request. One in this process gives up at once.
    pub async fn hang(&self) {
        if self.in_process {
            self.cut();
        } else {
            std::future::pending::<()>().await;
        }
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Line {
        stream.io().line.clone()
    }
}

/// A TCP stream that resets once its line is cut.
pub(super) struct CuttableStream {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.line.is_cut() {
            // Without lingering, closing the socket sends a reset instead of an orderly end.
            return Poll::Ready(
                self.stream
                    .set_zero_linger()
                    .and(Err(io::Error::from(io::ErrorKind::ConnectionReset))),
            );
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cut_line_is_a_tcp_reset() {
        let mut listener = CuttableListener(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut stream, _) = listener.accept().await;
        stream.line.cut();
        let written =
            std::future::poll_fn(|context| Pin::new(&mut stream).poll_write(context, b"answer"))
                .await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        drop(stream);
        client.readable().await.unwrap();
        assert_eq!(
            client.try_read(&mut [0; 8]).unwrap_err().kind(),
            io::ErrorKind::ConnectionReset
        );
    }
}
