//! Asking a service for its descriptors, by gRPC's server reflection.
//!
//! Version 1 first, then v1alpha, which is the same protocol under an older name and all that many servers have. One
//! stream asks for everything; some servers end it at the first thing they do not have, so the rest is asked for on
//! another. When not: what the answers are worth is for [`files`](super::files) to tell.

use std::collections::{BTreeSet, VecDeque};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;

use super::files::{self, Files};

/// For everything that one service is asked.
const TIME: Duration = Duration::from_secs(20);
/// The largest single answer.
const ANSWER: usize = 4 * 1024 * 1024;

const ALPHA: PathAndQuery = PathAndQuery::from_static("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");

/// Why a service's types could not be learnt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the service does not reflect: {}", .0.code())]
    Status(#[from] Box<Status>),
    #[error("the service took longer than {TIME:?} to reflect")]
    Late,
    #[error("the service ended the stream without an answer")]
    Silent,
    #[error("the service answered with what it was not asked")]
    Unasked,
    #[error(transparent)]
    Files(#[from] files::Error),
}

/// What is asked for.
#[derive(Clone, Debug)]
enum Question {
    Service(String),
    File(String),
}

/// The files of these services that the instances behind `channel` have.
pub(crate) async fn ask<S: Instances>(channel: &S, services: &[String]) -> Result<Files, Error>
where
    S::Future: Send,
{
    timeout(TIME, async {
        match ask_as(Reflecting::new(channel, false), services).await {
            Err(Error::Status(status)) if status.code() == Code::Unimplemented => {
                ask_as(Reflecting::new(channel, true), services).await
            }
            answer => answer,
        }
    })
    .await
    .unwrap_or(Err(Error::Late))
}

/// The services that the instances behind `channel` say they serve.
pub(crate) async fn list<S: Instances>(channel: &S) -> Result<Vec<String>, Error>
where
    S::Future: Send,
{
    timeout(TIME, async {
        match list_as(Reflecting::new(channel, false)).await {
            Err(Error::Status(status)) if status.code() == Code::Unimplemented => {
                list_as(Reflecting::new(channel, true)).await
            }
            answer => answer,
        }
    })
    .await
    .unwrap_or(Err(Error::Late))
}

async fn list_as<S: Instances>(channel: Reflecting<S>) -> Result<Vec<String>, Error>
where
    S::Future: Send,
{
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(Asked::ListServices(String::new())),
    };
    let mut request = tonic::Request::new(tokio_stream::once(question));
    request.set_timeout(TIME);
    let mut client = ServerReflectionClient::new(channel).max_decoding_message_size(ANSWER);
    let answers = client.server_reflection_info(request).await.map_err(Box::new)?;
    let answer = answers.into_inner().message().await.map_err(Box::new)?;
    match answer.and_then(|answer| answer.message_response).ok_or(Error::Silent)? {
        Told::ListServicesResponse(listed) => Ok(listed.service.into_iter().map(|service| service.name).collect()),
        Told::ErrorResponse(error) => Err(Box::new(Status::new(Code::from_i32(error.error_code), "")).into()),
        _ => Err(Error::Unasked),
    }
}

async fn ask_as<S: Instances>(channel: Reflecting<S>, services: &[String]) -> Result<Files, Error>
where
    S::Future: Send,
{
    let mut inquiry = Inquiry {
        open: services.iter().cloned().map(Question::Service).collect(),
        asked: BTreeSet::new(),
        files: Files::default(),
    };
    while let Some(first) = inquiry.open.pop_front() {
        inquiry.converse(channel.clone(), first).await?;
    }
    Ok(inquiry.files)
}

/// What is still to be asked, and what is known.
struct Inquiry {
    open: VecDeque<Question>,
    /// Files that were asked for, or will be.
    asked: BTreeSet<String>,
    files: Files,
}

impl Inquiry {
    /// Asks on one stream until nothing is left to ask, or the service ends it for something that it does not have.
    async fn converse<S: Instances>(&mut self, channel: Reflecting<S>, first: Question) -> Result<(), Error>
    where
        S::Future: Send,
    {
        let (sender, receiver) = mpsc::channel(1);
        let mut request = tonic::Request::new(ReceiverStream::new(receiver));
        request.set_timeout(TIME);
        // Some services send no headers before the first question; there is room for it.
        let _ = sender.send(first.request()).await;
        let mut client = ServerReflectionClient::new(channel).max_decoding_message_size(ANSWER);
        let mut answers = client
            .server_reflection_info(request)
            .await
            .map_err(Box::new)?
            .into_inner();
        let mut question = first;
        loop {
            let told = match answers.message().await {
                Ok(answer) => answer.and_then(|answer| answer.message_response).ok_or(Error::Silent)?,
                Err(status) if status.code() == Code::NotFound => return Ok(()),
                Err(status) => return Err(Box::new(status).into()),
            };
            self.take(&question, told)?;
            question = match self.open.pop_front() {
                Some(next) => next,
                None => return Ok(()),
            };
            // Fails when the service has left, which its answer tells better.
            let _ = sender.send(question.request()).await;
        }
    }

    fn take(&mut self, question: &Question, told: Told) -> Result<(), Error> {
        match told {
            Told::FileDescriptorResponse(response) => {
                let mut named = Vec::new();
                for encoded in response.file_descriptor_proto {
                    named.push(self.files.add(&encoded)?);
                }
                if let Question::File(name) = question
                    && !named.contains(name)
                {
                    return Err(Error::Unasked);
                }
                for name in self.files.missing() {
                    if self.asked.insert(name.to_owned()) {
                        self.open.push_back(Question::File(name.to_owned()));
                    }
                }
                Ok(())
            }
            // It does not have it; what needs it will say so.
            Told::ErrorResponse(error) if error.error_code == Code::NotFound as i32 => Ok(()),
            Told::ErrorResponse(error) => Err(Box::new(Status::new(Code::from_i32(error.error_code), "")).into()),
            _ => Err(Error::Unasked),
        }
    }
}

impl Question {
    fn request(&self) -> ServerReflectionRequest {
        let asked = match self {
            Self::Service(name) => Asked::FileContainingSymbol(name.clone()),
            Self::File(name) => Asked::FileByFilename(name.clone()),
        };
        ServerReflectionRequest {
            host: String::new(),
            message_request: Some(asked),
        }
    }
}

/// What answers a call: the fabric's channel, or a server itself in tests.
pub(crate) trait Instances:
    tower::Service<Request<Body>, Response = Response<Self::Answer>, Error: Into<Broken>> + Clone + Send + 'static
{
    /// The answer's body.
    type Answer: http_body::Body<Data = Bytes, Error: Into<Broken> + Send> + Send + 'static;
}

/// Any error at all, as tonic takes it.
type Broken = Box<dyn std::error::Error + Send + Sync>;

impl<S, B> Instances for S
where
    S: tower::Service<Request<Body>, Response = Response<B>, Error: Into<Broken>> + Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<Broken> + Send> + Send + 'static,
{
    type Answer = B;
}

/// The same, under either name of the protocol.
#[derive(Clone, Debug)]
struct Reflecting<S> {
    channel: S,
    alpha: bool,
}

impl<S: Clone> Reflecting<S> {
    fn new(channel: &S, alpha: bool) -> Self {
        Self {
            channel: channel.clone(),
            alpha,
        }
    }
}

impl<S: tower::Service<Request<Body>>> tower::Service<Request<Body>> for Reflecting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        if self.alpha {
            let mut uri = std::mem::take(request.uri_mut()).into_parts();
            uri.path_and_query = Some(ALPHA);
            // Scheme and authority stay as tonic made them.
            *request.uri_mut() = uri.try_into().unwrap_or_default();
        }
        self.channel.call(request)
    }
}

#[cfg(test)]
mod tests;
