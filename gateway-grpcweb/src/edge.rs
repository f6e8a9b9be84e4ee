//! Where a request is told what it is: a preflight, a call, a document.
//!
//! Everything that requests share stands here, made once; nothing of it takes a lock on the way of a call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, EXPECT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use http_body::Body;
use lyceum::Fabric;
use lyceum::client::ResponseBody;
use lyceum::context::Trace;
use lyceum::context::headers::CORRELATION;
use lyceum::principal::Signer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::authentication::{Authentication, SESSION, Shown, refused};
use crate::batch;
use crate::compression::{Coded, Compression};
use crate::connect::Kind;
use crate::cors::Admission;
use crate::graphql::{self, Graphql};
use crate::host::Hosts;
use crate::hygiene;
use crate::json;
use crate::live::Live;
use crate::mcp::{self, Mcp};
use crate::metrics::{self, Metrics, OTHER};
use crate::own::Own;
use crate::page::Page;
use crate::peer::Peer;
use crate::protocol::{Form, Protocol};
use crate::quota::{Quota, Standing};
use crate::report::{self, Calls};
use crate::request::{Inbound, Limits};
use crate::response::Reply;
use crate::route::Routes;
use crate::schema::Schema;
use crate::schema::told::Told;
use crate::visit::{self, Visit};
use crate::websocket::{self, Sockets};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) routes: Arc<Routes>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) graphql: Graphql,
    /// Its document.
    pub(crate) told: Told,
    /// What may change meanwhile.
    pub(crate) live: Arc<Live>,
    /// Paths and names of methods, as REST has them.
    pub(crate) rest: Arc<ArcSwap<json::Table>>,
    pub(crate) metrics: Metrics,
    /// Cancelled: streams end, with a status.
    pub(crate) stopping: CancellationToken,
    /// Whatever outlives a request, to be waited for when the gateway ends.
    pub(crate) tasks: TaskTracker,
    /// Cancelled: connections end after the calls under way.
    pub(crate) leaving: CancellationToken,
    /// Cancelled: connections are cut off.
    pub(crate) cut: CancellationToken,
    pub(crate) sockets: Sockets,
    pub(crate) own: Own,
    /// Calls that lead nowhere.
    pub(crate) nowhere: Arc<metrics::Method>,
    /// How often it may be called.
    pub(crate) quota: Arc<Quota>,
    pub(crate) authentication: Authentication,
    /// Vouches for callers towards services.
    pub(crate) signer: Signer,
    fabric: Fabric,
    compression: Compression,
    hosts: Hosts,
    mcp: Mcp,
    page: Page,
    /// Cancelled: this gateway takes no more.
    pub(crate) draining: CancellationToken,
    /// The same, for who asks with each answer.
    is_draining: AtomicBool,
    /// How calls fare.
    pub(crate) calls: Arc<Calls>,
}

impl Edge {
    /// `own` is this edge itself, for fronts whose answers outlive a request.
    pub(crate) fn new(fabric: &Fabric, authentication: Authentication, own: Weak<Self>) -> Self {
        let configuration = fabric.configuration();
        let settings = &configuration.gateway;
        let names = settings.hosts.iter().map(String::as_str);
        let announced = configuration.registration.address.as_deref();
        let policy = fabric.policies().watch(fabric.service());
        let mut registered = None;
        fabric
            .metrics()
            .register(|registry| registered = Some(Metrics::register(registry)));
        let metrics = registered.unwrap_or_default();
        let routes = Arc::new(Routes::new(metrics.clone()));
        let schema = Arc::new(Schema::new());
        let draining = CancellationToken::new();
        Self {
            own: Own::new(&routes, &schema, &draining, &metrics),
            routes,
            schema,
            graphql: Graphql::default(),
            told: Told::default(),
            live: Arc::new(Live::new(policy, settings.body_idle)),
            rest: Arc::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            leaving: CancellationToken::new(),
            cut: CancellationToken::new(),
            sockets: Sockets::new(settings, own.clone()),
            nowhere: metrics.method(OTHER),
            quota: Arc::new(Quota::new(&fabric.configuration().policy.edge.limits)),
            calls: Arc::new(Calls::new(metrics.clone())),
            metrics,
            authentication,
            signer: Signer::new(fabric.identity().clone()),
            fabric: fabric.clone(),
            compression: Compression::new(settings.compress, settings.compress_least, settings.compress_streams),
            hosts: Hosts::new(names.chain(announced)),
            mcp: Mcp::new(own),
            page: Page::new(&settings.page),
            draining,
            is_draining: AtomicBool::new(false),
        }
    }

    /// Health says from now on that this gateway takes no more.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.draining.cancel();
    }

    /// Whether it does.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Everything that this process counts.
    pub(crate) fn metrics_text(&self) -> String {
        self.fabric.metrics().encode()
    }

    /// Answers any request.
    pub(crate) async fn answer<B>(
        self: &Arc<Self>,
        request: Request<B>,
        peer: &Peer,
    ) -> Response<Coded<Reply<ResponseBody>>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let wanted = self.compression.wanted(request.headers());
        let response = self.plain(request, peer).await;
        self.compression.answer(wanted, response)
    }

    async fn plain<B>(self: &Arc<Self>, mut request: Request<B>, peer: &Peer) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let journal = &self.metrics.journal;
        if let Some(mut refused) = hygiene::check(&request, &self.hosts) {
            let visit = Visit::of(journal, visit::REFUSED, &request);
            hygiene::protect(refused.headers_mut(), peer.secure);
            self.unread(request);
            return visit.end(refused.map(Reply::from));
        }
        let (admission, preflight) = {
            let cors = &self.live.load().cors;
            let admission = cors.admit(&request);
            let preflight = cors.preflight(&request, &admission);
            (admission, preflight)
        };
        if let Some(preflight) = preflight {
            return Visit::of(journal, visit::PREFLIGHT, &request).end(preflight.map(Reply::from));
        }
        // Only the first is in the way of every connection: the others' futures are large, and made when they are wanted.
        let mut response = match Protocol::of(request.headers()) {
            Some(protocol) => {
                self.rename(&mut request);
                self.call(request, peer, protocol).await
            }
            None => Box::pin(self.beside(request, peer, &admission)).await,
        };
        correlate(response.headers_mut());
        self.live.load().response.apply(response.headers_mut());
        admission.expose(response.headers_mut());
        response
    }

    /// What is no gRPC.
    async fn beside<B>(
        self: &Arc<Self>,
        request: Request<B>,
        peer: &Peer,
        admission: &Admission,
    ) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let journal = &self.metrics.journal;
        match request.uri().path() {
            _ if websocket::is_wanted(&request) => {
                let visit = Visit::of(journal, visit::WEBSOCKET, &request);
                visit.end(self.websocket(request, peer, admission).map(Reply::from))
            }
            mcp::PATH => {
                let visit = Visit::begin(journal, &request);
                let foreign = *admission == Admission::Refused;
                let mut response = Box::pin(self.mcp.answer(self, request, peer, foreign)).await;
                hygiene::protect(response.headers_mut(), peer.secure);
                visit.end(response)
            }
            batch::PATH => {
                let visit = Visit::begin(journal, &request);
                visit.end(Box::pin(self.batch(request, peer)).await)
            }
            graphql::PATH => {
                let visit = Visit::begin(journal, &request);
                visit.end(Box::pin(self.graphql(request, peer)).await)
            }
            SESSION => {
                let visit = Visit::begin(journal, &request);
                visit.end(Box::pin(self.session(request, peer)).await.map(Reply::from))
            }
            _ => Box::pin(self.other(request, peer)).await,
        }
    }

    /// Gives a call its version, if it names none. One that cannot be had is refused when the call begins.
    fn rename<B>(&self, request: &mut Request<B>) {
        if let Some(Ok(meant)) = self.meant(request.uri(), request.headers()) {
            *request.uri_mut() = meant;
        }
    }

    /// How large a call of `/package.Service/Method` may be.
    pub(crate) fn limits(&self, path: &str) -> Limits {
        self.live.load().limits(path)
    }

    /// Reads a body to its end, if there is one: it is nothing that anybody wants.
    fn unread<B>(&self, request: Request<B>) -> request::Parts
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (parts, body) = request.into_parts();
        let waits = parts.headers.contains_key(EXPECT);
        drop(Inbound::new(body, Form::Binary, self.limits(""), waits));
        parts
    }

    /// What is a method's in another tongue, or a document.
    async fn other<B>(&self, request: Request<B>, peer: &Peer) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (mut parts, body) = request.into_parts();
        let kind = Kind::of(&parts).filter(|kind| kind.is_plain() || names_method(parts.uri.path()));
        let place = match kind {
            Some(_) => {
                if let Some(Ok(meant)) = self.meant(&parts.uri, &parts.headers) {
                    parts.uri = meant;
                }
                None
            }
            None => self
                .rest
                .load()
                .place(&parts, || self.is_settled(), &self.live.load().versions),
        };
        let request = Request::from_parts(parts, body);
        match (kind, place) {
            (Some(kind), _) => self.connect(request, peer, kind).await,
            (None, Some(place)) => self.rest(request, peer, place).await,
            (None, None) => {
                let visit = Visit::begin(&self.metrics.journal, &request);
                let mut response = self.document(request, peer).await;
                hygiene::protect(response.headers_mut(), peer.secure);
                visit.end(response)
            }
        }
    }

    /// Whether everybody is known who serves, and every service was asked for its types, which JSON is spoken with.
    pub(crate) fn is_settled(&self) -> bool {
        let services = self.routes.services();
        self.routes.is_ready()
            && self.has_newest_types()
            && services.iter().all(|service| {
                let serves = service.channel.report().iter().any(|endpoint| endpoint.weight > 0);
                self.schema.is_settled(&service.name, serves)
            })
    }

    /// Whether what was learnt last can be called with JSON already.
    pub(crate) fn has_newest_types(&self) -> bool {
        self.rest.load().is_of(&self.schema.services())
    }

    /// Signing in and out.
    async fn session<B>(&self, request: Request<B>, peer: &Peer) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Send + Unpin,
    {
        self.metrics.documents.inc();
        // Guessing is limited here as it is for calls.
        let standing = &mut Standing::default();
        if let Err(denied) = self
            .quota
            .rules()
            .arrive(peer.address.ip(), request.headers(), standing)
        {
            return refused(&denied.refusal);
        }
        let (parts, body) = request.into_parts();
        let shown = Shown::of(&parts, peer, SESSION);
        self.authentication.sign_in(body, shown).await
    }

    async fn document<B>(&self, request: Request<B>, peer: &Peer) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        self.metrics.documents.inc();
        let parts = self.unread(request);
        let path = parts.uri.path();
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return refuse_method();
        }
        if let Some(response) = self.openapi(&parts).await {
            return response;
        }
        match path.strip_prefix("/gateway/") {
            Some(name) => self.report(name, &parts, peer).await,
            None => self
                .page
                .serve(&parts.method, path, &parts.headers)
                .await
                .map(Reply::from),
        }
    }
}

/// Every answer has an id that ties it to log lines: what was answered without one gets its own.
fn correlate(headers: &mut HeaderMap) {
    if !headers.contains_key(CORRELATION) {
        headers.extend(
            HeaderValue::try_from(Trace::fresh().short())
                .ok()
                .map(|id| (CORRELATION, id)),
        );
    }
}

/// Whether a path is `/package.Service/Method`: other JSON is not Connect's.
fn names_method(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    parts.next().is_some_and(|service| service.contains('.')) && parts.next().is_some() && parts.next().is_none()
}

fn refuse_method() -> Response<Reply<ResponseBody>> {
    let mut response = report::refused(
        StatusCode::METHOD_NOT_ALLOWED,
        "documents are read with GET; calls are made with POST and the content type application/grpc-web+proto\n",
    );
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    response
}
