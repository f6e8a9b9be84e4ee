//! `graphql-transport-ws`: GraphQL's operations on a socket, as the npm package `graphql-ws` and most clients speak it.
//!
//! **What.** The protocol itself is async-graphql's; here are the socket's limits, what its first message may say of who
//! is asking, and how it ends. **Why.** A page that has many subscriptions needs one connection for all of them, and
//! cannot set headers: what it would send as headers stands in the payload of `connection_init`. As on every socket,
//! cookies count from our own pages alone, and then only with the token that one of our scripts has read.
//! **When not.** One subscription is simpler as events. **Source.** "GraphQL over WebSocket Protocol", enisdenjo/graphql-ws.

use std::sync::OnceLock;

use async_graphql::Data;
use async_graphql::http::{ClientMessage, WebSocket, WebSocketProtocols, WsMessage};
use futures_util::stream::{self, SplitStream};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::line::{self, Ending, Heard};
use super::{Opening, Socket, lines};
use crate::graphql::Session;

/// Serves the operations of a socket.
pub(super) async fn serve(opening: Opening, socket: Socket) {
    let (sink, mut said) = socket.split();
    let (out, waiting) = mpsc::channel(line::WAITING);
    let (_grants, none) = mpsc::unbounded_channel();
    let heard = Heard::default();
    let settings = opening.settings;
    let mut writing = std::pin::pin!(line::write(sink, waiting, none, &heard, settings));
    let close = tokio::select! {
        close = operate(opening, &mut said, &out, &heard) => close,
        // Nobody is there to be told.
        _ = writing.as_mut() => return,
    };
    line::end(close, out, writing, &mut said, settings).await;
}

/// Runs operations until the socket ends; answers its close.
async fn operate(
    opening: Opening,
    said: &mut SplitStream<Socket>,
    out: &mpsc::Sender<Message>,
    heard: &Heard,
) -> Message {
    let leaving = opening.edge.leaving.clone();
    let first = opening.settings.first;
    let session = Session::new(opening.edge, opening.peer, opening.headers);
    let beginning = session.clone();
    let ended = OnceLock::new();
    let protocol = WebSocketProtocols::GraphQLWS;
    let spoken = WebSocket::from_message_stream(session.clone(), messages(said, heard, &ended), protocol)
        .on_connection_init(move |payload| async move {
            let said = lines::of_json(&payload).map_err(|error| async_graphql::Error::new(error.to_string()))?;
            beginning.say(lines::over(&beginning.headers(), said));
            Ok(Data::default())
        });
    let mut spoken = std::pin::pin!(spoken);
    let mut acknowledged = false;
    loop {
        if leaving.is_cancelled() && session.is_idle() {
            return Ending::Leaving.close();
        }
        let next = tokio::select! {
            next = spoken.next() => next,
            () = leaving.cancelled(), if !leaving.is_cancelled() => continue,
            () = tokio::time::sleep(first), if !acknowledged => {
                return closing(4408, "connection_init did not come in time");
            }
        };
        acknowledged = true;
        match next {
            Some(WsMessage::Text(text)) => {
                if heard.deaf(out.send(Message::text(text))).await.is_err() {
                    return Ending::Gone.close();
                }
            }
            // What stood in the message is not repeated.
            Some(WsMessage::Close(1002, _)) => {
                return closing(4400, "this is no message of graphql-transport-ws");
            }
            Some(WsMessage::Close(1011, _)) => return closing(4401, "connection_init comes first"),
            Some(WsMessage::Close(code, _)) => return closing(code, ""),
            None => return ended.get().copied().unwrap_or(Ending::Gone).close(),
        }
    }
}

/// What is said on a socket until it ends, and how that was.
fn messages(
    said: &mut SplitStream<Socket>,
    heard: &Heard,
    ended: &OnceLock<Ending>,
) -> impl Stream<Item = serde_json::Result<ClientMessage>> {
    stream::unfold(said, move |said| async move {
        loop {
            let message = said.next().await;
            heard.now();
            let ending = match message {
                Some(Ok(Message::Text(text))) => return Some((ClientMessage::from_bytes(text), said)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(_))) => Ending::Binary,
                Some(Ok(Message::Close(_))) | None => Ending::Gone,
                Some(Err(error)) => Ending::of(&error),
            };
            // The first is what counts.
            let _ = ended.set(ending);
            return None;
        }
    })
}

fn closing(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.into(),
        reason: reason.into(),
    }))
}
