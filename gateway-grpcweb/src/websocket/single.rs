//! `grpc-websockets`: one call a socket, as grpcwebproxy's client speaks it.
//!
//! The first message is the request's headers as text. Each further one begins with a byte: 0 and a framed message, or 1
//! for the end of the request. What comes back is a grpc-web answer with a frame of headers before it. The socket closes
//! when the call has ended; a socket that closes first cancels the call. When not: a page that makes many calls speaks
//! `lyceum.grpc.v1`, where a slow call holds nobody up. Source: improbable-eng/grpc-web, whose client is the only
//! specification.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::line::{self, Ending, Heard};
use super::queue::{Item, Queue};
use super::{Opening, Socket, lines};
use crate::edge::Edge;
use crate::frames;
use crate::invoke::{Ask, Head, Refused};
use crate::protocol::Form;
use crate::request::Inbound;
use crate::response::{Outbound, Piece};

const DATA: u8 = 0;
const END: u8 = 1;

/// Messages of the request that wait for the service.
const WAITING: usize = 4;

/// Serves the one call of a socket.
pub(super) async fn serve(opening: Opening, socket: Socket) {
    let (sink, mut stream) = socket.split();
    let (out, waiting) = mpsc::channel(line::WAITING);
    let (_grants, none) = mpsc::unbounded_channel();
    let heard = Heard::default();
    let settings = opening.settings;
    let mut writing = std::pin::pin!(line::write(sink, waiting, none, &heard, settings));
    let calling = async {
        let first = timeout(settings.first, first(&mut stream)).await;
        let said = match first.unwrap_or(Err(Ending::Broken("the headers did not come in time"))) {
            Ok(said) => said,
            Err(ending) => return ending,
        };
        let (inbox, items) = mpsc::channel(WAITING);
        tokio::select! {
            ending = answer(&opening, said, Queue::few(items), &out) => ending,
            ending = read(&mut stream, inbox, &heard) => ending,
        }
    };
    let ending = tokio::select! {
        ending = calling => ending,
        // Nobody is there to be told.
        _ = writing.as_mut() => return,
    };
    line::end(ending.close(), out, writing, &mut stream, settings).await;
}

async fn first(stream: &mut SplitStream<Socket>) -> Result<HeaderMap, Ending> {
    loop {
        return match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                lines::parse(&bytes).map_err(|_| Ending::Broken("the first message is the headers"))
            }
            Some(Ok(Message::Text(_))) => Err(Ending::Text),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_))) | None => Err(Ending::Gone),
            Some(Err(error)) => Err(Ending::of(&error)),
        };
    }
}

/// Passes the request on until the socket ends.
async fn read(stream: &mut SplitStream<Socket>, inbox: mpsc::Sender<Item>, heard: &Heard) -> Ending {
    let mut over = false;
    while let Some(message) = stream.next().await {
        heard.now();
        let item = match message {
            Ok(Message::Binary(bytes)) => match bytes.first() {
                Some(&DATA) if !over => Item::Data(bytes.slice(1..)),
                Some(&END) if bytes.len() == 1 && !over => {
                    over = true;
                    Item::End
                }
                _ => return Ending::Broken("a message begins with 0, or is 1 at the end of the request"),
            },
            Ok(Message::Text(_)) => return Ending::Text,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            Ok(Message::Close(_)) => return Ending::Gone,
            Err(error) => return Ending::of(&error),
        };
        // A service that has answered already reads no further, and what it says is on its way.
        let _ = heard.deaf(inbox.send(item)).await;
    }
    Ending::Gone
}

/// Makes the call and passes its answer on.
async fn answer(opening: &Opening, said: HeaderMap, body: Queue, out: &mpsc::Sender<Message>) -> Ending {
    let headers = lines::over(&opening.headers, said);
    let ask = Ask {
        front: super::FRONT,
        method: &Method::POST,
        uri: &opening.uri,
        headers: &headers,
        peer: &opening.peer,
        timeout: None,
        began: Instant::now(),
        together: None,
    };
    let send = async |bytes: Bytes| out.send(Message::Binary(bytes)).await.is_ok();
    match call(&opening.edge, ask, body).await {
        Ok(head) => {
            if !send(frames::trailers(head.headers.iter())).await {
                return Ending::Gone;
            }
            if head.ended.is_none() {
                let mut answer = Outbound::new(head.body, Form::Binary, head.watch);
                while let Some(piece) = std::future::poll_fn(|context| answer.poll(context)).await {
                    let Ok(Piece::Data(bytes)) = piece else {
                        return Ending::Broken("the answer broke off within a message");
                    };
                    if !send(bytes).await {
                        return Ending::Gone;
                    }
                }
            }
        }
        Err(Refused { status, headers }) => {
            let mut told = headers;
            // Fails only for metadata that is no header; the code is written before.
            let _ = status.add_header(&mut told);
            if !send(frames::trailers(told.iter())).await {
                return Ending::Gone;
            }
        }
    }
    Ending::Done
}

/// Makes a call whose request comes over a socket, up to the headers of its answer.
pub(super) async fn call(edge: &Edge, ask: Ask<'_>, body: Queue) -> Result<Head, Refused> {
    let meant = edge.meant(ask.uri, ask.headers).and_then(Result::ok);
    let ask = Ask {
        uri: meant.as_ref().unwrap_or(ask.uri),
        ..ask
    };
    let call = edge.begin(ask).await?;
    let inbound = Inbound::new(body, Form::Native, edge.limits(ask.uri.path()), false);
    let (stream, fault) = inbound.streamed();
    let mut outcome = call.send(tonic::body::Body::new(stream), Some(fault)).await;
    // Here a script reads the headers, and a session's cookie is nothing that it may see.
    let headers = match &mut outcome {
        Ok(head) => &mut head.headers,
        Err(refused) => &mut refused.headers,
    };
    headers.remove(SET_COOKIE);
    outcome
}
