//! `lyceum.grpc.v1`: many calls a socket, each with a window of its own.
//!
//! **Why.** A socket for each call costs a handshake and a place each, and one slow reader behind a shared socket would
//! hold all calls up. So each call has an id and two windows: nobody sends more of a call than the other side has room
//! for, and so a call that nobody reads stops its service alone. Ids only grow, so that a late frame of a call that has
//! ended is told from a new call's.
//!
//! **Source.** `docs/gateway/websocket.md`; HTTP/2's streams and windows (RFC 9113), without what a browser's socket has
//! already.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use http::{HeaderMap, Method, Uri};
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tonic::{Code, Status};

use super::line::{self, Ending, Heard};
use super::queue::{Item, Queue, Window};
use super::wire::{self, Frame};
use super::{Opening, Socket, lines, single};
use crate::frames;
use crate::invoke::{Ask, Refused};
use crate::protocol::Form;
use crate::response::{Outbound, Piece, Torn};

/// Calls at a time on one socket.
const CALLS: usize = 128;

/// What the reader knows of a call.
#[derive(Debug)]
struct Running {
    inbox: mpsc::UnboundedSender<Item>,
    window: Window,
    /// What may be sent to the browser.
    credit: Arc<Semaphore>,
    abort: AbortHandle,
    over: bool,
}

/// One side of a socket, and its calls.
struct Calls {
    opening: Arc<Opening>,
    running: HashMap<u32, Running>,
    tasks: JoinSet<u32>,
    last: u32,
    out: mpsc::Sender<Message>,
    grants: mpsc::UnboundedSender<(u32, u32)>,
}

/// Serves the calls of a socket.
pub(super) async fn serve(opening: Opening, socket: Socket) {
    let (sink, mut stream) = socket.split();
    let (out, waiting) = mpsc::channel(line::WAITING);
    let (grants, granted) = mpsc::unbounded_channel();
    let heard = Heard::default();
    let settings = opening.settings;
    let mut writing = std::pin::pin!(line::write(sink, waiting, granted, &heard, settings));
    let mut calls = Calls {
        opening: Arc::new(opening),
        running: HashMap::new(),
        tasks: JoinSet::new(),
        last: 0,
        out: out.clone(),
        grants,
    };
    let ending = tokio::select! {
        ending = calls.read(&mut stream, &heard) => ending,
        _ = writing.as_mut() => return,
    };
    drop(calls);
    line::end(ending.close(), out, writing, &mut stream, settings).await;
}

// === impl Calls ===

impl Calls {
    async fn read(&mut self, stream: &mut SplitStream<Socket>, heard: &Heard) -> Ending {
        let leaving = self.opening.edge.leaving.clone();
        loop {
            if leaving.is_cancelled() && self.tasks.is_empty() {
                return Ending::Leaving;
            }
            let message = tokio::select! {
                message = stream.next() => message,
                Some(ended) = self.tasks.join_next() => {
                    // A call that was cancelled is forgotten already.
                    if let Ok(id) = ended {
                        self.running.remove(&id);
                    }
                    continue;
                }
                () = leaving.cancelled(), if !leaving.is_cancelled() => continue,
            };
            heard.now();
            let taken = match message {
                Some(Ok(Message::Binary(bytes))) => match wire::parse(&bytes) {
                    Ok((id, frame)) => self.take(id, frame, heard).await,
                    Err(wire::Error) => Err(Ending::Broken("this is no frame of lyceum.grpc.v1")),
                },
                Some(Ok(Message::Text(_))) => Err(Ending::Text),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
                Some(Ok(Message::Close(_))) | None => Err(Ending::Gone),
                Some(Err(error)) => Err(Ending::of(&error)),
            };
            if let Err(ending) = taken {
                return ending;
            }
        }
    }

    async fn take(&mut self, id: u32, frame: Frame, heard: &Heard) -> Result<(), Ending> {
        let running = match frame {
            Frame::Begin(content) => return self.begin(id, &content, heard).await,
            _ if id > self.last => return Err(Ending::Broken("a call begins with its headers")),
            // What was under way when its call ended.
            _ => match self.running.get_mut(&id) {
                Some(running) => running,
                None => return Ok(()),
            },
        };
        match frame {
            Frame::Data(_) | Frame::End if running.over => Err(Ending::Broken("a request goes on after its end")),
            Frame::Data(bytes) if running.window.take(bytes.len()) => {
                let _ = running.inbox.send(Item::Data(bytes));
                Ok(())
            }
            Frame::Data(_) => Err(Ending::Broken("more was sent than the window allows")),
            Frame::End => {
                running.over = true;
                let _ = running.inbox.send(Item::End);
                Ok(())
            }
            Frame::Window(bytes) => {
                let most = wire::WINDOW_LIMIT as usize;
                let (credit, bytes) = (&running.credit, bytes as usize);
                if bytes > most || credit.available_permits() > most - bytes {
                    return Err(Ending::Broken("the window is too large"));
                }
                credit.add_permits(bytes);
                Ok(())
            }
            Frame::Cancel => {
                running.abort.abort();
                self.running.remove(&id);
                Ok(())
            }
            Frame::Begin(_) => Ok(()),
        }
    }

    async fn begin(&mut self, id: u32, content: &Bytes, heard: &Heard) -> Result<(), Ending> {
        if id <= self.last {
            return Err(Ending::Broken("ids of calls only grow"));
        }
        self.last = id;
        let (uri, said) = beginning(content).ok_or(Ending::Broken("a call begins with its path and its headers"))?;
        let refusal = if self.opening.edge.leaving.is_cancelled() {
            Some(Refusal::unavailable(
                "GATEWAY_STOPPING",
                "the gateway is stopping; call again",
            ))
        } else if self.tasks.len() >= CALLS {
            let text = format!("a socket has at most {CALLS} calls at a time");
            Some(Refusal::new(Code::ResourceExhausted, "CALLS_MANY", text))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let told = told(&refusal.into(), HeaderMap::new());
            let sent = heard.deaf(self.out.send(wire::status(id, &written(&told)))).await;
            return sent.map_err(|_| Ending::Gone);
        }
        let (inbox, items) = mpsc::unbounded_channel();
        let window = Window {
            call: id,
            room: Arc::new(AtomicU32::new(wire::WINDOW)),
            header: wire::HEADER,
            grants: self.grants.clone(),
        };
        let credit = Arc::new(Semaphore::new(wire::WINDOW as usize));
        let call = Call {
            id,
            opening: Arc::clone(&self.opening),
            out: self.out.clone(),
            credit: Arc::clone(&credit),
        };
        let body = Queue::counted(items, window.clone());
        let abort = self.tasks.spawn(async move {
            let id = call.id;
            // A socket that is gone takes its calls with it.
            let _ = call.serve(uri, said, body).await;
            id
        });
        self.running.insert(
            id,
            Running {
                inbox,
                window,
                credit,
                abort,
                over: false,
            },
        );
        Ok(())
    }
}

/// The path and the headers that a call begins with.
fn beginning(content: &[u8]) -> Option<(Uri, HeaderMap)> {
    let end = content.iter().position(|byte| *byte == b'\n').unwrap_or(content.len());
    let (path, said) = content.split_at(end);
    let uri: Uri = std::str::from_utf8(path.trim_ascii()).ok()?.parse().ok()?;
    let plain = uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/');
    Some((uri, lines::parse(said).ok()?)).filter(|_| plain)
}

/// One call, on its own task.
struct Call {
    id: u32,
    opening: Arc<Opening>,
    out: mpsc::Sender<Message>,
    credit: Arc<Semaphore>,
}

type Answer = Outbound<ResponseBody>;

/// The socket is gone.
struct Gone;

impl Call {
    async fn serve(&self, uri: Uri, said: HeaderMap, body: Queue) -> Result<(), Gone> {
        let headers = lines::over(&self.opening.headers, said);
        let ask = Ask {
            front: super::FRONT,
            method: &Method::POST,
            uri: &uri,
            headers: &headers,
            peer: &self.opening.peer,
            timeout: None,
            began: Instant::now(),
            together: None,
        };
        let head = match single::call(&self.opening.edge, ask, body).await {
            Ok(head) => head,
            Err(Refused { status, headers }) => return self.end(&told(&status, headers)).await,
        };
        if head.ended.is_some() {
            return self.end(&head.headers).await;
        }
        self.send(wire::headers(self.id, &written(&head.headers))).await?;
        let mut answer = Outbound::new(head.body, Form::Native, head.watch);
        while let Some(mut piece) = std::future::poll_fn(|context| answer.poll(context)).await {
            if let Ok(Piece::Data(bytes)) = &piece {
                match self.data(bytes, &mut answer).await? {
                    None => continue,
                    Some(end) => piece = end,
                }
            }
            return match piece {
                Ok(Piece::Trailers(trailers)) => self.end(&trailers).await,
                Ok(Piece::Data(_)) | Err(Torn) => {
                    let status = Refusal::unavailable("ANSWER_BROKEN_OFF", Torn.to_string());
                    self.end(&told(&status.into(), HeaderMap::new())).await
                }
            };
        }
        Ok(())
    }

    /// Sends as the browser has room for it; answers the end, where that comes first.
    async fn data(&self, bytes: &[u8], answer: &mut Answer) -> Result<Option<Result<Piece, Torn>>, Gone> {
        for content in bytes.chunks(wire::CONTENT) {
            let cost = u32::try_from(content.len() + wire::HEADER).map_err(|_| Gone)?;
            tokio::select! {
                biased;
                room = self.credit.acquire_many(cost) => room.map_err(|_| Gone)?.forget(),
                end = std::future::poll_fn(|context| answer.poll_end(context)) => return Ok(Some(end)),
            }
            self.send(wire::data(self.id, content)).await?;
        }
        Ok(None)
    }

    async fn end(&self, trailers: &HeaderMap) -> Result<(), Gone> {
        self.send(wire::status(self.id, &written(trailers))).await
    }

    async fn send(&self, message: Message) -> Result<(), Gone> {
        self.out.send(message).await.map_err(|_| Gone)
    }
}

fn told(status: &Status, mut beside: HeaderMap) -> HeaderMap {
    // Fails only for metadata that is no header; the code is written before.
    let _ = status.add_header(&mut beside);
    beside
}

/// Headers as lines.
fn written(headers: &HeaderMap) -> Bytes {
    frames::trailers(headers.iter()).slice(frames::HEADER..)
}
