//! A unary call through the fabric's client beside tonic's own channels, in one run.
//!
//! Four comparisons, each in alternating rounds, same message, same server processes for both:
//! - over mutual TLS to one instance, beside a raw `tonic::transport::Channel` with the same certificates;
//! - the same, with two threads and as many calls as go: calls a second;
//! - in plaintext to five instances, beside tonic's `balance_channel` (this bench alone can switch TLS off);
//! - on behalf of somebody, beside the service's own call: what the token costs on its way, at both ends.
//!
//! What counts is this process' CPU time per call: wall time on a shared machine says little. Run with
//! `make bench-call`; words after `--` choose: `cargo bench --features testing --bench call -- tls throughput plain principal`.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(
    clippy::disallowed_methods,
    reason = "the peer that is measured is the channel that the fabric replaces"
)]

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::DevelopmentAuthority;
use lyceum::principal::{Principal, Role, Signer, Token};
use lyceum::registration::{Announcement, Registration};
use lyceum::testing::consul::Consul;
use lyceum::testing::probe::{Folder, Serving, configuration};
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

#[path = "peer/plain.rs"]
#[allow(dead_code, reason = "each benchmark uses its part of it")]
mod plain;

const ROUNDS: usize = 9;
const CALLS: usize = 12_000;
const CONCURRENT: usize = 16;
const PAYLOAD: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let run = |threads, work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .unwrap()
            .block_on(work);
    };
    let chosen = |name: &str| {
        let named = |name: &str| arguments.iter().any(|argument| argument == name);
        named(name) || !["tls", "throughput", "plain", "principal"].into_iter().any(named)
    };
    match arguments.first().map(String::as_str) {
        Some("--serve") => {
            let (consul, data) = (arguments[1].clone(), arguments[2].clone());
            run(1, Box::pin(async move { serve(&consul, &data).await }));
        }
        Some("--plain") => run(1, Box::pin(plain::serve())),
        _ => {
            if chosen("tls") {
                run(1, Box::pin(tls()));
            }
            if chosen("throughput") {
                run(2, Box::pin(throughput()));
            }
            if chosen("plain") {
                run(1, Box::pin(plaintext()));
            }
            if chosen("principal") {
                run(1, Box::pin(on_behalf()));
            }
        }
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

/// One instance behind mutual TLS, and both clients of it.
struct Pair {
    own: ProbeServiceClient<Channel>,
    raw: ProbeServiceClient<tonic::transport::Channel>,
    server: Child,
    fabric: Fabric,
    _folder: Folder,
    _consul: Consul,
}

impl Pair {
    async fn start() -> Self {
        let consul = Consul::start().await;
        let folder = Folder::new();
        let fabric = Fabric::start(configuration(&folder, &consul.address()), "caller").unwrap();
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
        Self {
            own: fabric.client(),
            raw: ProbeServiceClient::new(raw_channel(&folder, port.trim()).await),
            server,
            fabric,
            _folder: folder,
            _consul: consul,
        }
    }

    fn end(mut self) {
        drop(self.server.stdin.take());
        self.server.wait().unwrap();
    }
}

async fn tls() {
    let pair = Pair::start().await;
    let (ours, theirs) = alternate(&pair.own, &pair.raw, CONCURRENT).await;
    println!(
        "unary call over mutual TLS, {PAYLOAD}-byte payload, {CONCURRENT} at a time, {ROUNDS} rounds of {CALLS} calls"
    );
    println!("CPU of the calling process, µs a call (median, minimum–maximum):");
    println!("  fabric client       {}", row(cpu(&ours)));
    println!("  raw tonic channel   {}", row(cpu(&theirs)));
    println!("  ratio               {}", row(ratios(&cpu(&ours), &cpu(&theirs))));
    pair.end();
}

async fn throughput() {
    let pair = Pair::start().await;
    let (ours, theirs) = alternate(&pair.own, &pair.raw, 64).await;
    println!("unary calls over mutual TLS, two threads, 64 at a time: calls a second (median, minimum–maximum):");
    println!("  fabric client       {}", row(rate(&ours)));
    println!("  raw tonic channel   {}", row(rate(&theirs)));
    println!("  ratio               {}", row(ratios(&rate(&ours), &rate(&theirs))));
    pair.end();
}

async fn plaintext() {
    let servers = plain::Servers::start(5).await;
    let consul = Consul::start().await;
    let folder = Folder::new();
    let mut settings = configuration(&folder, &consul.address());
    settings.client.plaintext = true;
    let fabric = Fabric::start(settings, "caller").unwrap();
    let _announced: Vec<_> = servers
        .ports()
        .map(|port| Registration::spawn(consul.client(), Announcement::new("testing", "127.0.0.1", port)))
        .collect();
    let channel = fabric.channel("testing").unwrap();
    wait_for("five instances to be connected", || async {
        channel.report().iter().filter(|one| one.connected).count() == 5
    })
    .await;
    let own: ProbeServiceClient<Channel> = fabric.client();
    let (ours, theirs) = alternate(&own, &servers.balanced(), CONCURRENT).await;
    println!("unary call in plaintext to five instances, {CONCURRENT} at a time:");
    println!("CPU of the calling process, µs a call; p99 in ms (median, minimum–maximum):");
    println!("  fabric client       {}   p99 {}", row(cpu(&ours)), row(p99(&ours)));
    println!(
        "  balance_channel     {}   p99 {}",
        row(cpu(&theirs)),
        row(p99(&theirs))
    );
    println!("  ratio               {}", row(ratios(&cpu(&ours), &cpu(&theirs))));
    println!("  ratio of p99        {}", row(ratios(&p99(&ours), &p99(&theirs))));
}

/// A client whose calls are made on behalf of one student after the other.
#[derive(Clone)]
struct OnBehalf {
    client: ProbeServiceClient<Channel>,
    tokens: Arc<Vec<Token>>,
    next: Arc<AtomicUsize>,
}

impl Client for OnBehalf {
    async fn get(&mut self, request: GetProbeRequest) -> Result<(), tonic::Status> {
        let mut request = tonic::Request::new(request);
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.tokens.len();
        self.tokens[next].write(request.metadata_mut().as_mut());
        self.client.get_probe(request).await.map(drop)
    }
}

async fn on_behalf() {
    let pair = Pair::start().await;
    let gateway = Fabric::start(pair.fabric.configuration().clone(), "gateway").unwrap();
    let signer = Signer::new(gateway.identity().clone());
    println!("unary call over mutual TLS, its own and on behalf of students, CPU µs a call (median, minimum–maximum):");
    for students in [1, 512] {
        let tokens = (0..students).map(|student| {
            let student = Principal::try_new(format!("student-{student:08}"), Role::Student).unwrap();
            signer.sign(&student).unwrap()
        });
        let client = OnBehalf {
            client: pair.own.clone(),
            tokens: Arc::new(tokens.collect()),
            next: Arc::default(),
        };
        let (mut own, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            for (rounds, on_behalf) in [(&mut own, false), (&mut theirs, true)] {
                let before = cpu_nanos_of(&pair.server.id().to_string());
                let caller = if on_behalf {
                    calls(&client, CONCURRENT).await.cpu
                } else {
                    calls(&pair.own, CONCURRENT).await.cpu
                };
                let callee = cpu_nanos_of(&pair.server.id().to_string()) - before;
                if round > 0 {
                    rounds.push([caller, callee as f64 / 1e3 / CALLS as f64]);
                }
            }
        }
        for (end, side) in ["caller", "callee"].into_iter().enumerate() {
            let of = |rounds: &[[f64; 2]]| rounds.iter().map(|round| round[end]).collect::<Vec<_>>();
            println!(
                "  {side}: its own {}   on behalf of {students} {}",
                row(of(&own)),
                row(of(&theirs))
            );
        }
    }
    pair.end();
}

/// What one round came to.
struct Round {
    /// µs of CPU a call.
    cpu: f64,
    /// Calls a second.
    rate: f64,
    /// Milliseconds.
    p99: f64,
}

fn cpu(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.cpu).collect()
}

fn rate(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.rate).collect()
}

fn p99(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.p99).collect()
}

fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
}

/// Rounds of both, one after the other; the first of each warms up.
async fn alternate<A: Client, B: Client>(own: &A, peer: &B, concurrent: usize) -> (Vec<Round>, Vec<Round>) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (own, peer) = (calls(own, concurrent).await, calls(peer, concurrent).await);
        if round > 0 {
            ours.push(own);
            theirs.push(peer);
        }
    }
    (ours, theirs)
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

/// A probe's client over any channel.
trait Client: Clone + Send + 'static {
    fn get(&mut self, request: GetProbeRequest) -> impl Future<Output = Result<(), tonic::Status>> + Send;
}

impl<T> Client for ProbeServiceClient<T>
where
    T: tonic::client::GrpcService<tonic::body::Body> + Clone + Send + 'static,
    T::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    T::Future: Send,
{
    async fn get(&mut self, request: GetProbeRequest) -> Result<(), tonic::Status> {
        self.get_probe(request).await.map(drop)
    }
}

async fn calls(client: &impl Client, concurrent: usize) -> Round {
    let (before, begun) = (cpu_nanos(), Instant::now());
    let callers: Vec<_> = (0..concurrent)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(CALLS / concurrent);
                for _ in 0..CALLS / concurrent {
                    let request = GetProbeRequest {
                        payload: vec![7; PAYLOAD].into(),
                        ..Default::default()
                    };
                    let begun = Instant::now();
                    client.get(request).await.unwrap();
                    took.push(begun.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::with_capacity(CALLS);
    for caller in callers {
        took.extend(caller.await.unwrap());
    }
    let (cpu, elapsed) = (cpu_nanos() - before, begun.elapsed());
    took.sort_unstable();
    Round {
        cpu: cpu as f64 / 1e3 / took.len() as f64,
        rate: took.len() as f64 / elapsed.as_secs_f64(),
        p99: took[took.len() * 99 / 100].as_secs_f64() * 1e3,
    }
}

/// Time on a CPU of every thread of this process.
fn cpu_nanos() -> u64 {
    cpu_nanos_of("self")
}

fn cpu_nanos_of(process: &str) -> u64 {
    std::fs::read_dir(format!("/proc/{process}/task"))
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
