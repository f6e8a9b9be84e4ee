//! The peer: plaintext probes that do nothing but answer, each a process, behind tonic's `balance_channel`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::pin::Pin;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_core::Stream;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::contracts::testing::v1::probe_service_server::{ProbeService, ProbeServiceServer};
use lyceum::contracts::testing::v1::{
    ExchangeProbeRequest, ExchangeProbeResponse, GetProbeRequest, GetProbeResponse, RecordProbeRequest,
    RecordProbeResponse, WatchProbeRequest, WatchProbeResponse,
};
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

/// The processes; dropping them kills them.
pub(crate) struct Servers(Vec<(Child, ChildStdin, u16)>);

impl Servers {
    pub(crate) async fn start(count: usize) -> Self {
        let servers = (0..count).map(|_| {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .arg("--plain")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut port = String::new();
            BufReader::new(child.stdout.take().unwrap())
                .read_line(&mut port)
                .unwrap();
            let commands = child.stdin.take().unwrap();
            (child, commands, port.trim().parse().unwrap())
        });
        Self(servers.collect())
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().map(|(_, _, port)| *port)
    }

    pub(crate) fn name(&self, server: usize) -> String {
        self.0[server].2.to_string()
    }

    pub(crate) fn slow_down(&mut self, server: usize, by: Duration) {
        writeln!(self.0[server].1, "{}", by.as_millis()).unwrap();
    }

    pub(crate) fn balanced(&self) -> ProbeServiceClient<Channel> {
        let endpoints = self.0.iter().map(|(_, _, port)| {
            Endpoint::from_shared(format!("http://127.0.0.1:{port}"))
                .unwrap()
                .tcp_nodelay(true)
        });
        ProbeServiceClient::new(Channel::balance_list(endpoints))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (child, ..) in &mut self.0 {
            let _ = (child.kill(), child.wait());
        }
    }
}

/// Answers with its port for a name, after the delay that its standard input last named.
struct Plain {
    name: String,
    delay: Arc<AtomicU64>,
}

#[tonic::async_trait]
impl ProbeService for Plain {
    async fn get_probe(&self, request: Request<GetProbeRequest>) -> Result<Response<GetProbeResponse>, Status> {
        let delay = self.delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        Ok(Response::new(GetProbeResponse {
            payload: request.into_inner().payload,
            instance: self.name.clone(),
            ..GetProbeResponse::default()
        }))
    }

    async fn record_probe(&self, _: Request<RecordProbeRequest>) -> Result<Response<RecordProbeResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    type WatchProbeStream = Pin<Box<dyn Stream<Item = Result<WatchProbeResponse, Status>> + Send>>;

    async fn watch_probe(&self, _: Request<WatchProbeRequest>) -> Result<Response<Self::WatchProbeStream>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    type ExchangeProbeStream = Pin<Box<dyn Stream<Item = Result<ExchangeProbeResponse, Status>> + Send>>;

    async fn exchange_probe(
        &self,
        _: Request<Streaming<ExchangeProbeRequest>>,
    ) -> Result<Response<Self::ExchangeProbeStream>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}

/// The process: says its port and serves until it is killed.
pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = listener.local_addr().unwrap().port().to_string();
    println!("{name}");
    let delay = Arc::<AtomicU64>::default();
    let told = Arc::clone(&delay);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            told.store(line.parse().unwrap_or_default(), Ordering::Relaxed);
        }
        // Nobody is left to serve.
        std::process::abort();
    });
    let service = TowerToHyperService::new(ProbeServiceServer::new(Plain { name, delay }));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service.clone();
        tokio::spawn(async move {
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
