//! The probe service, and a fabric for one test: its own data folder, its own Consul.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::client::{Channel, Contract as _};
use crate::configuration::Configuration;
use crate::contracts::MESSAGE_LIMIT;
use crate::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use crate::contracts::testing::v1::probe_service_server::{ProbeService, ProbeServiceServer};
use crate::contracts::testing::v1::{
    ExchangeProbeRequest, ExchangeProbeResponse, GetProbeRequest, GetProbeResponse, RecordProbeRequest,
    RecordProbeResponse, WatchProbeRequest, WatchProbeResponse,
};
use crate::error::Error;
use crate::fabric::Fabric;
use crate::identity::SpiffeId;
use crate::resilience::pushback;
use crate::serving::{HealthHandle, LoadHandle, Server, admission};

/// The probe: answers with what reached it, or fails as it is told.
#[derive(Clone, Debug)]
pub struct Probe {
    fabric: Fabric,
    health: HealthHandle,
    recorded: Arc<AtomicU64>,
    manner: Arc<Manner>,
    /// Calls whose handler was dropped before it ended.
    abandoned: Arc<AtomicU64>,
}

/// No pushback.
const SILENT: i64 = i64::MIN;

/// How an instance takes unary calls, whatever they ask for; and how many it took.
#[derive(Debug)]
struct Manner {
    delay_milliseconds: AtomicU32,
    fail_with: AtomicU32,
    /// What a failure says of trying again, in milliseconds; [`SILENT`] says nothing.
    pushback: AtomicI64,
    received: AtomicU64,
    /// Those that were not the first attempt of their call.
    repeated: AtomicU64,
    /// Calls that are worked on at a time; without it, all are.
    hands: OnceLock<Semaphore>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            delay_milliseconds: AtomicU32::new(0),
            fail_with: AtomicU32::new(0),
            pushback: AtomicI64::new(SILENT),
            received: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            hands: OnceLock::new(),
        }
    }
}

impl Manner {
    async fn take(&self, metadata: &MetadataMap) -> Result<(), Status> {
        self.received.fetch_add(1, Ordering::SeqCst);
        if metadata.contains_key("grpc-previous-rpc-attempts") {
            self.repeated.fetch_add(1, Ordering::SeqCst);
        }
        let _hand = match self.hands.get() {
            Some(hands) => hands.acquire().await.ok(),
            None => None,
        };
        let delay = self.delay_milliseconds.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay.into())).await;
        }
        told(self.fail_with.load(Ordering::SeqCst)).map_err(|mut status| {
            let pushback = self.pushback.load(Ordering::SeqCst);
            if pushback != SILENT {
                status.metadata_mut().insert(pushback::HEADER, pushback.into());
            }
            status
        })
    }
}

struct Abandoned(Arc<AtomicU64>, bool);

impl Drop for Abandoned {
    fn drop(&mut self) {
        if !self.1 {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Probe {
    fn instance(&self) -> String {
        self.health.instance().unwrap_or_default().to_owned()
    }
}

fn told(code: u32) -> Result<(), Status> {
    match i32::try_from(code) {
        Ok(0) | Err(_) => Ok(()),
        Ok(code) => {
            let error = Error::new(Code::from_i32(code), "PROBE_TOLD_TO_FAIL", "the probe was told to fail");
            let mut status = Status::from(error);
            // Metadata of a service's own, for a caller to see.
            status.metadata_mut().insert("probe-code", code.into());
            status
                .metadata_mut()
                .insert_bin("probe-code-bin", MetadataValue::from_bytes(&code.to_be_bytes()));
            Err(status)
        }
    }
}

#[tonic::async_trait]
impl ProbeService for Probe {
    async fn get_probe(&self, request: Request<GetProbeRequest>) -> Result<Response<GetProbeResponse>, Status> {
        let mut abandoned = Abandoned(Arc::clone(&self.abandoned), false);
        let caller = request
            .extensions()
            .get::<Arc<SpiffeId>>()
            .map(ToString::to_string)
            .unwrap_or_default();
        let context = crate::context::current().ok_or_else(|| Status::internal("no context"))?;
        let (metadata, _, message) = request.into_parts();
        let manner = self.manner.take(&metadata).await;
        // A sleep of no time still waits for the timer's next tick.
        if message.delay_milliseconds > 0 {
            tokio::time::sleep(Duration::from_millis(message.delay_milliseconds.into())).await;
        }
        abandoned.1 = true;
        manner?;
        told(message.fail_with)?;
        if !message.forward_to.is_empty() {
            let channel = self
                .fabric
                .channel(&message.forward_to)
                .map_err(|error| Status::invalid_argument(error.to_string()))?;
            let onward = GetProbeRequest {
                payload: message.payload,
                ..GetProbeRequest::default()
            };
            return ProbeServiceClient::<Channel>::over(channel).get_probe(onward).await;
        }
        let left = context.deadline.map_or(Duration::ZERO, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        Ok(Response::new(GetProbeResponse {
            payload: message.payload,
            instance: self.instance(),
            caller,
            deadline_remaining_milliseconds: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            trace_id: context.trace.trace_id_hex(),
            correlation_id: context.correlation.clone(),
            principal: context
                .principal
                .as_ref()
                .map(|principal| principal.subject().expose().clone())
                .unwrap_or_default(),
        }))
    }

    async fn record_probe(
        &self,
        request: Request<RecordProbeRequest>,
    ) -> Result<Response<RecordProbeResponse>, Status> {
        self.manner.take(request.metadata()).await?;
        Ok(Response::new(RecordProbeResponse {
            count: self.recorded.fetch_add(1, Ordering::SeqCst) + 1,
        }))
    }

    type WatchProbeStream = Pin<Box<dyn Stream<Item = Result<WatchProbeResponse, Status>> + Send>>;

    async fn watch_probe(
        &self,
        request: Request<WatchProbeRequest>,
    ) -> Result<Response<Self::WatchProbeStream>, Status> {
        let message = request.into_inner();
        let count = if message.count == 0 {
            u64::MAX
        } else {
            message.count.into()
        };
        let interval = Duration::from_millis(message.interval_milliseconds.into());
        let payload = Bytes::from(vec![b'p'; message.payload_bytes as usize]);
        let instance = self.instance();
        let abandoned = Abandoned(Arc::clone(&self.abandoned), false);
        let stream = futures_util::stream::unfold((0_u64, abandoned), move |(sequence, mut abandoned)| {
            let (payload, instance) = (payload.clone(), instance.clone());
            async move {
                if sequence >= count {
                    abandoned.1 = true;
                    let failed = sequence == count && message.fail_with != 0;
                    return failed.then(|| {
                        (
                            told(message.fail_with).map(|()| WatchProbeResponse::default()),
                            (sequence + 1, abandoned),
                        )
                    });
                }
                // A sleep of no time still waits for the timer's next tick.
                if interval > Duration::ZERO {
                    tokio::time::sleep(interval).await;
                }
                Some((
                    Ok(WatchProbeResponse {
                        sequence,
                        payload,
                        instance,
                    }),
                    (sequence + 1, abandoned),
                ))
            }
        });
        Ok(Response::new(Box::pin(stream)))
    }

    type ExchangeProbeStream = Pin<Box<dyn Stream<Item = Result<ExchangeProbeResponse, Status>> + Send>>;

    async fn exchange_probe(
        &self,
        request: Request<Streaming<ExchangeProbeRequest>>,
    ) -> Result<Response<Self::ExchangeProbeStream>, Status> {
        let answers = request.into_inner().map(|message| {
            message.map(|message| ExchangeProbeResponse {
                payload: message.payload,
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// What an instance had done when it stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Unary calls that reached its handlers.
    pub received: u64,
    /// Calls of `RecordProbe`.
    pub recorded: u64,
}

/// A probe that serves in this process.
#[derive(Debug)]
pub struct Serving {
    /// Its id in Consul.
    pub id: String,
    /// Where it listens.
    pub address: std::net::SocketAddr,
    /// Its health.
    pub health: HealthHandle,
    /// How much it takes on.
    pub admission: admission::Handle,
    /// What it says of its own resources.
    pub load: LoadHandle,
    abandoned: Arc<AtomicU64>,
    recorded: Arc<AtomicU64>,
    manner: Arc<Manner>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Serving {
    /// Serves the probe as the service that `fabric` was started as.
    ///
    /// # Panics
    /// When the port cannot be had: a test cannot go on.
    pub async fn start(fabric: &Fabric) -> Self {
        let server = Server::new(fabric);
        let health = server.health();
        let (admission, load) = (server.admission(), server.load());
        let probe = Probe {
            fabric: fabric.clone(),
            health: health.clone(),
            recorded: Arc::default(),
            manner: Arc::default(),
            abandoned: Arc::default(),
        };
        let (abandoned, recorded) = (Arc::clone(&probe.abandoned), Arc::clone(&probe.recorded));
        let manner = Arc::clone(&probe.manner);
        let service = ProbeServiceServer::new(probe).max_decoding_message_size(MESSAGE_LIMIT);
        let bound = match server.add(service).bind().await {
            Ok(bound) => bound,
            Err(error) => panic!("the probe cannot serve: {error}"),
        };
        let (id, address) = (bound.id().to_owned(), bound.address());
        let stop = CancellationToken::new();
        let task = tokio::spawn(bound.serve(stop.clone().cancelled_owned()));
        Self {
            id,
            address,
            health,
            admission,
            load,
            abandoned,
            recorded,
            manner,
            stop,
            task: Some(task),
        }
    }

    /// Calls whose handler was dropped before it ended: cancelled by the caller.
    pub fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// Calls of `RecordProbe`.
    pub fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::SeqCst)
    }

    /// Unary calls that reached its handlers: what the callers' retries and hedges make of what was asked for.
    pub fn received(&self) -> u64 {
        self.manner.received.load(Ordering::SeqCst)
    }

    /// Those of them that said that attempts went before (`grpc-previous-rpc-attempts`).
    pub fn repeated(&self) -> u64 {
        self.manner.repeated.load(Ordering::SeqCst)
    }

    /// From now on every unary call takes this much longer; no time makes it quick again.
    pub fn slow_down(&self, by: Duration) {
        let milliseconds = u32::try_from(by.as_millis()).unwrap_or(u32::MAX);
        self.manner.delay_milliseconds.store(milliseconds, Ordering::SeqCst);
    }

    /// From now on the time that [`Serving::slow_down`] sets is spent on so many calls at a time; others wait for it inside
    /// the handler, as for a core or a database. Once.
    pub fn work_with(&self, hands: usize) {
        let _ = self.manner.hands.set(Semaphore::new(hands));
    }

    /// From now on every unary call fails with this code; [`Code::Ok`] makes it answer again.
    pub fn fail(&self, code: Code) {
        self.manner.pushback.store(SILENT, Ordering::SeqCst);
        self.manner.fail_with.store(code as u32, Ordering::SeqCst);
    }

    /// The same, and says when to try again (`grpc-retry-pushback-ms`): a negative number says never.
    pub fn fail_and_push_back(&self, code: Code, milliseconds: i32) {
        self.fail(code);
        self.manner.pushback.store(milliseconds.into(), Ordering::SeqCst);
    }

    /// Drains and stops; returns how many calls of `RecordProbe` there were.
    pub async fn stop(self) -> u64 {
        self.finish().await.recorded
    }

    /// The same, and returns all that it did.
    pub async fn finish(mut self) -> Done {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
        Done {
            received: self.received(),
            recorded: self.recorded(),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// A data folder that is gone with the test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty folder.
    ///
    /// # Panics
    /// When the system's temporary folder cannot be written.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "lyceum-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        if let Err(error) = std::fs::create_dir_all(&path) {
            panic!("cannot make {}: {error}", path.display());
        }
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration for a test against the Consul at `consul`, with time-outs that suit tests.
#[must_use]
pub fn configuration(folder: &Folder, consul: &str) -> Configuration {
    let mut configuration = Configuration {
        data: folder.path().to_path_buf(),
        ..Configuration::default()
    };
    configuration.consul.address = consul.to_owned();
    configuration.serving.drain_notice = Duration::from_millis(100);
    configuration.serving.drain_grace = Duration::from_secs(5);
    configuration
}
