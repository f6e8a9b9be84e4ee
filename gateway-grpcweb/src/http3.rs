//! HTTP/3 beside TCP: the same port over UDP, the same edge, limits and drain.
//!
//! **What.** [`endpoint`] binds; connections share places, patience and the order of leaving with those over TCP. The
//! answers over TCP tell browsers of it (`alt-svc`). An answer's body goes out as it comes; one that nobody reads is given
//! up after `gateway.body_idle`; a browser that wants no more ends the call upstream.
//!
//! **Why behind a switch.** Its library is young (h3 calls itself experimental) and UDP is filtered on many networks:
//! browsers fall back to HTTP/2 by themselves. No data is taken before the handshake is done (0-RTT can be replayed), and
//! while places are scarce a newcomer has to prove its address first, as an address can be forged.
//!
//! **When not.** WebSocket needs HTTP/1.1. Source: RFC 9114, RFC 9000.

mod quic;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use h3::error::Code;
use h3::server::{RequestResolver, RequestStream};
use http::Response;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use lyceum::flow::STREAM_WINDOW;
use lyceum::identity;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arriving::{Arriving, Broken};
use crate::connection::{Connections, HEADER_BYTES, IDLE, KEEPALIVE, LAST_WORDS, STREAMS};
use crate::peer::Peer;
use crate::tls::Tls;
use quic::{Accepted, Meter, Quic, Receiving, Sending};

/// Control and compression, in both directions, with some to spare.
const CONTROL_STREAMS: u32 = 8;
/// What may be on its way to a browser.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;

/// What is sent at a time, so that a browser that reads slowly is told from one that does not read.
const PIECE: usize = 64 * 1024;

type Answering = RequestStream<Sending<Bytes>, Bytes>;

/// The body of a request.
pub(crate) struct Asked {
    stream: RequestStream<Receiving, Bytes>,
    meter: Meter,
    over: bool,
}

/// Listens for HTTP/3 on an address.
pub(crate) fn endpoint(address: SocketAddr, tls: &Tls) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(address)?;
    let server = settings(tls).map_err(io::Error::other)?;
    Endpoint::new(EndpointConfig::default(), Some(server), socket, Arc::new(TokioRuntime))
}

fn settings(tls: &Tls) -> Result<ServerConfig, quinn::crypto::rustls::NoInitialCipherSuite> {
    let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls.quic())?));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(CONTROL_STREAMS))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(STREAMS * STREAM_WINDOW))
        .send_window(SEND_WINDOW)
        .keep_alive_interval(Some(KEEPALIVE))
        .max_idle_timeout(quinn::IdleTimeout::try_from(IDLE).ok())
        .datagram_receive_buffer_size(None);
    server.transport_config(Arc::new(transport));
    Ok(server)
}

/// Takes over every new certificate for as long as it runs.
pub(crate) async fn follow(endpoint: Endpoint, tls: Arc<Tls>) {
    let mut changes = tls.changes();
    while changes.changed().await.is_ok() {
        match settings(&tls) {
            Ok(server) => endpoint.set_server_config(Some(server)),
            Err(error) => tracing::warn!(%error, "HTTP/3 keeps the certificate in hand"),
        }
    }
}

impl Connections {
    /// Accepts connections over QUIC until `stop`, as [`Connections::accept`] does over TCP.
    pub(crate) async fn accept_quic(self: Arc<Self>, endpoint: Endpoint, stop: CancellationToken) {
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => return,
                place = Arc::clone(&self.places).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = endpoint.accept() => accepted,
            };
            let Some(incoming) = accepted else { return };
            if self.is_crowded() && !incoming.remote_address_validated() {
                // Validated means that it has just done this.
                let _ = incoming.retry();
                continue;
            }
            let connections = Arc::clone(&self);
            self.tasks.spawn(async move {
                let _place = place;
                connections.edge.metrics.connections.inc();
                let serving = Arc::clone(&connections).serve_quic(incoming);
                let _ = connections.cut.run_until_cancelled(serving).await;
                connections.edge.metrics.connections.dec();
            });
        }
    }

    async fn serve_quic(self: Arc<Self>, incoming: Incoming) {
        let Ok(connecting) = incoming.accept() else { return };
        let Ok(Ok(connection)) = timeout(self.header_timeout, connecting).await else {
            tracing::debug!("no handshake over quic");
            return;
        };
        let chain = connection
            .peer_identity()
            .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
        let peer = Arc::new(Peer {
            address: connection.remote_address(),
            secure: true,
            certificate: chain.and_then(|chain| identity::holder(chain.first()?)),
        });
        let streams = Quic::new(connection.clone());
        let newest = streams.newest();
        let mut builder = h3::server::builder();
        builder.max_field_section_size(HEADER_BYTES.into());
        let Ok(mut http) = builder.build::<_, Bytes>(streams).await else {
            return;
        };
        let calls = TaskTracker::new();
        calls.close();
        let (mut asked, mut leaving) = (false, false);
        let mut waited = std::pin::pin!(sleep(self.header_timeout));
        loop {
            tokio::select! {
                accepted = http.accept() => {
                    let (Ok(Some(request)), Some(accepted)) = (accepted, newest.take()) else { break };
                    asked = true;
                    let call = Arc::clone(&self).answer_quic(request, accepted, Arc::clone(&peer));
                    let connection = connection.clone();
                    calls.spawn(async move {
                        tokio::select! {
                            () = call => {}
                            _ = connection.closed() => {}
                        }
                    });
                }
                () = waited.as_mut(), if !asked => {
                    tracing::debug!("a connection took too long to ask");
                    break;
                }
                () = self.leave.cancelled(), if !leaving => {
                    (asked, leaving) = (true, true);
                    if http.shutdown(0).await.is_err() {
                        break;
                    }
                }
                () = calls.wait(), if leaving => {
                    // What the browser was told last may still be on its way.
                    let _ = timeout(LAST_WORDS, connection.closed()).await;
                    break;
                }
            }
        }
        drop(http);
        calls.wait().await;
    }

    async fn answer_quic(self: Arc<Self>, request: RequestResolver<Quic, Bytes>, accepted: Accepted, peer: Arc<Peer>) {
        let Accepted { meter, mut stopped } = accepted;
        let Ok(Ok((request, stream))) = timeout(self.header_timeout, request.resolve_request()).await else {
            tracing::debug!("no request on a stream");
            return;
        };
        meter.clear();
        let (mut sending, receiving) = stream.split();
        let request = request.map(|()| {
            Arriving::Quic(Box::new(Asked {
                stream: receiving,
                meter,
                over: false,
            }))
        });
        let answered = async {
            let response = Box::pin(self.edge.answer(request, &peer)).await;
            send(&mut sending, response, self.idle).await
        };
        // To drop an answer is what ends its call upstream.
        let sent = tokio::select! {
            sent = answered => sent,
            () = &mut stopped => None,
        };
        if sent.is_none() {
            sending.stop_stream(Code::H3_REQUEST_CANCELLED);
        }
    }
}

/// Sends an answer, each part of it within a time; none if it could not be.
async fn send<B>(stream: &mut Answering, response: Response<B>, patience: Duration) -> Option<()>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, mut body) = response.into_parts();
    let head = Response::from_parts(parts, ());
    timeout(patience, stream.send_response(head)).await.ok()?.ok()?;
    while let Some(frame) = body.frame().await {
        match frame.ok()?.into_data() {
            Ok(mut data) => {
                while data.has_remaining() {
                    let piece = data.split_to(data.len().min(PIECE));
                    timeout(patience, stream.send_data(piece)).await.ok()?.ok()?;
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    timeout(patience, stream.send_trailers(trailers)).await.ok()?.ok()?;
                }
            }
        }
    }
    stream.finish().await.ok()
}

// === impl Asked ===

impl Body for Asked {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let chunk = match ready!(self.stream.poll_recv_data(context)) {
            Ok(Some(mut chunk)) => Some(Ok(chunk.copy_to_bytes(chunk.remaining()))),
            // Trailers of a request mean nothing in gRPC.
            Ok(None) => None,
            Err(_) => Some(Err(Broken)),
        };
        match &chunk {
            Some(Ok(chunk)) => self.meter.taken(chunk.len()),
            _ => self.over = true,
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}
