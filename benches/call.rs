//! A unary call over mutual TLS: the fabric's client beside a raw tonic channel, in one run.
//!
//! One server process (the probe, announced in a real Consul); this process calls it in alternating rounds, once
//! through `fabric.client()`, once through a `tonic::transport::Channel` with the same certificates. Both carry the
//! same message on one HTTP/2 connection. What counts is this process' CPU time per call: wall time on a shared
//! machine says little. Run with `cargo bench --features testing --bench call`.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(
    clippy::disallowed_methods,
    reason = "the peer that is measured is the channel that the fabric replaces"
)]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::DevelopmentAuthority;
use lyceum::testing::consul::Consul;
use lyceum::testing::probe::{Folder, Serving, configuration};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

const ROUNDS: usize = 9;
const CALLS: usize = 12_000;
const CONCURRENT: usize = 16;
const PAYLOAD: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    match arguments.iter().position(|argument| argument == "--serve") {
        Some(at) => runtime.block_on(serve(&arguments[at + 1], &arguments[at + 2])),
        None => runtime.block_on(measure()),
    }
}

/// The server process: serves until its standard input closes.
async fn serve(consul: &str, data: &str) {
    let mut settings = lyceum::configuration::Configuration {
        data: data.into(),
        ..Default::default()
    };
    settings.consul.address = consul.to_owned();
    let fabric = Fabric::start(settings, "testing").unwrap();
    let serving = Serving::start(&fabric).await;
    println!("{}", serving.address.port());
    std::io::stdout().flush().unwrap();
    tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]))
        .await
        .unwrap()
        .unwrap();
}

async fn measure() {
    let consul = Consul::start().await;
    let folder = Folder::new();
    let configuration = configuration(&folder, &consul.address());
    let fabric = Fabric::start(configuration, "caller").unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--serve", &consul.address(), folder.path().to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    let mut output = std::io::BufReader::new(server.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut port).unwrap();

    fabric.channel("testing").unwrap().ready().await;
    let own: ProbeServiceClient<Channel> = fabric.client();
    let raw = ProbeServiceClient::new(raw_channel(&folder, port.trim()).await);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let fabric_round = spent(rounds(own.clone())).await;
        let raw_round = spent(rounds(raw.clone())).await;
        // The first round warms up.
        if round > 0 {
            ours.push(fabric_round);
            theirs.push(raw_round);
        }
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    println!(
        "unary call over mutual TLS, {PAYLOAD}-byte payload, {CONCURRENT} at a time, {ROUNDS} rounds of {CALLS} calls"
    );
    println!("CPU of the calling process, µs a call (median, minimum–maximum):");
    println!("  fabric client       {}", row(ours));
    println!("  raw tonic channel   {}", row(theirs));
    println!("  ratio               {}", row(ratios));
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// tonic's own channel with the same certificates.
async fn raw_channel(folder: &Folder, port: &str) -> tonic::transport::Channel {
    let authority = DevelopmentAuthority::open(&folder.path().join("identity"), "lyceum.internal").unwrap();
    let id = SpiffeId::service("lyceum.internal", "dc1", "caller").unwrap();
    let issued = authority.issue(&id, Duration::from_secs(3600)).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(std::fs::read(authority.roots_path()).unwrap()))
        .identity(Identity::from_pem(issued.certificate, issued.key))
        .domain_name("localhost");
    Endpoint::from_shared(format!("https://127.0.0.1:{port}"))
        .unwrap()
        .tls_config(tls)
        .unwrap()
        .tcp_nodelay(true)
        .connect()
        .await
        .unwrap()
}

async fn rounds<T>(client: ProbeServiceClient<T>)
where
    T: tonic::client::GrpcService<tonic::body::Body> + Clone + Send + 'static,
    T::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    T::Future: Send,
{
    let callers: Vec<_> = (0..CONCURRENT)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for _ in 0..CALLS / CONCURRENT {
                    let request = GetProbeRequest {
                        payload: vec![7; PAYLOAD].into(),
                        ..Default::default()
                    };
                    client.get_probe(request).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// This process' CPU time for `work`, in microseconds a call.
async fn spent(work: impl Future<Output = ()>) -> f64 {
    let before = cpu_nanos();
    work.await;
    (cpu_nanos() - before) as f64 / 1e3 / CALLS as f64
}

/// Time on a CPU of every thread of this process.
fn cpu_nanos() -> u64 {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn row(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    format!(
        "{:6.2}   ({:.2}–{:.2})",
        values[values.len() / 2],
        values[0],
        values[values.len() - 1]
    )
}
