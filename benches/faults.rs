//! Faults under load, in release: what callers see of a killed process, a rolling restart, a slow instance, a crowd.
//!
//! Every server is a process of its own (this binary with `--serve`), announced in a real Consul, called over mutual
//! TLS by one fabric client in this process; load is open-loop, every call is counted (`lyceum::testing::load`). The
//! peer is tonic's `balance_channel` over plaintext to servers that do nothing but answer (this binary with
//! `--plain`): the fabric's calls carry TLS, context, metrics and admission on top. Run with `make bench-faults`;
//! words after it choose cases: `cargo bench --features testing --bench faults -- kill slow`.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]

use std::collections::BTreeMap;
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::{Answered, Channel};
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest, WatchProbeRequest};
use lyceum::testing::consul::Consul;
use lyceum::testing::load::{Load, Report};
use lyceum::testing::probe::{Folder, configuration};
use lyceum::testing::process::{self, Process};
use lyceum::testing::wait_for;
use tokio::process::Command;
use tonic::Request;

#[path = "peer/plain.rs"]
#[allow(dead_code, reason = "each benchmark uses its part of it")]
mod plain;

const SERVICE: &str = "testing";
const DEADLINE: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_millis(100);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let chosen = |name: &str| {
        let cases = ["crowd", "kill", "restart", "slow"];
        let named: Vec<&str> = cases
            .into_iter()
            .filter(|case| arguments.iter().any(|a| a == case))
            .collect();
        named.is_empty() || named.contains(&name)
    };
    match arguments.first().map(String::as_str) {
        Some("--serve") => runtime.block_on(process::serve(SERVICE)),
        Some("--plain") => runtime.block_on(plain::serve()),
        _ => runtime.block_on(async {
            // First, because memory that others used would be in its figures.
            if chosen("crowd") {
                crowd().await;
            }
            if chosen("kill") {
                kill().await;
            }
            if chosen("restart") {
                restart().await;
            }
            if chosen("slow") {
                slow().await;
            }
        }),
    }
}

/// A Consul, servers, and a caller with a connection to each.
struct Stage {
    consul: Consul,
    folder: Folder,
    servers: Vec<Process>,
    channel: Channel,
    client: ProbeServiceClient<Channel>,
}

impl Stage {
    async fn of(servers: usize) -> Self {
        Self::with(servers, None).await
    }

    /// With a policy for the servers.
    async fn with(servers: usize, policy: Option<&'static str>) -> Self {
        let (consul, folder) = (Consul::start().await, Folder::new());
        if let Some(policy) = policy {
            let key = format!("lyceum/policies/{SERVICE}");
            consul.client().kv_put(&key, policy).await.unwrap();
        }
        let fabric = Fabric::start(configuration(&folder, &consul.address()), "caller").unwrap();
        let mut stage = Self {
            channel: fabric.channel(SERVICE).unwrap(),
            client: fabric.client(),
            servers: Vec::new(),
            consul,
            folder,
        };
        for _ in 0..servers {
            let server = stage.spawn().await;
            stage.servers.push(server);
        }
        stage
    }

    /// One more server, once it is connected.
    async fn spawn(&self) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--serve");
        let flags = [
            format!("data={}", self.folder.path().display()),
            format!("consul.address={}", self.consul.address()),
            "telemetry.log=warn".to_owned(),
        ];
        let server = Process::start(command, &flags).await;
        wait_for("a connection to it", || async {
            self.channel
                .report()
                .iter()
                .any(|one| one.id == server.id && one.connected)
        })
        .await;
        server
    }

    fn gets(&self, rate: u32) -> Load {
        let client = self.client.clone();
        Load::start(rate, move |_| {
            let mut client = client.clone();
            async move { Ok(client.get_probe(get()).await?.into_inner().instance) }
        })
    }

    fn records(&self, rate: u32) -> Load {
        let client = self.client.clone();
        Load::start(rate, move |_| {
            let mut client = client.clone();
            async move {
                let mut request = Request::new(RecordProbeRequest::default());
                request.set_timeout(DEADLINE);
                let response = client.record_probe(request).await?;
                let answered = response.extensions().get::<Answered>();
                Ok(answered
                    .map(|answered| answered.instance.to_string())
                    .unwrap_or_default())
            }
        })
    }
}

fn get() -> Request<GetProbeRequest> {
    let mut request = Request::new(GetProbeRequest {
        payload: vec![7; 100].into(),
        ..GetProbeRequest::default()
    });
    request.set_timeout(DEADLINE);
    request
}

/// `kill -9` of one of three at 2,000 calls a second, three times.
async fn kill() {
    const RATE: u32 = 2000;
    println!("\nkill -9 of one of three, {RATE} idempotent calls/s");
    println!(
        "| round | sent | failed | p99 before, ms | p99 in the second after, ms | slowest, ms | p99 normal again after, ms |"
    );
    println!("|---|---|---|---|---|---|---|");
    for round in 1..=3 {
        let mut stage = Stage::of(3).await;
        let load = stage.gets(RATE);
        load.sends(u64::from(RATE)).await;
        let calm = load.now();
        load.sends(2 * u64::from(RATE)).await;
        let killed = load.now();
        stage.servers[0].kill().await;
        load.sends(2 * u64::from(RATE)).await;
        let end = load.now();
        let report = load.end().await;
        let second = killed..killed + Duration::from_secs(1);
        let slowest = report.during(killed..end).quantile(1.0);
        println!(
            "| {round} | {} | {}{} | {} | {} | {} | {} |",
            report.sent,
            report.failed(),
            causes(&report),
            milliseconds(report.during(calm..killed).quantile(0.99)),
            milliseconds(report.during(second).quantile(0.99)),
            milliseconds(slowest),
            normal_again(&report, calm, killed, end).map_or("never".to_owned(), milliseconds),
        );
    }
}

/// From the fault to the first of three windows in a row whose p99 is no worse than the worst before the fault.
fn normal_again(report: &Report, calm: Duration, fault: Duration, end: Duration) -> Option<Duration> {
    let windows = |from: Duration, to: Duration| {
        (0..)
            .map(move |number| from + WINDOW * number)
            .take_while(move |start| *start + WINDOW <= to)
            .map(|start| report.during(start..start + WINDOW).quantile(0.99))
            .collect::<Vec<_>>()
    };
    let worst = windows(calm, fault).into_iter().max()?;
    let after = windows(fault, end);
    let first = after
        .windows(3)
        .position(|three| three.iter().all(|p99| *p99 <= worst))?;
    Some(WINDOW * u32::try_from(first).ok()?)
}

/// Each of five is replaced under load.
async fn restart() {
    let mut stage = Stage::of(5).await;
    let (gets, records) = (stage.gets(1000), stage.records(500));
    gets.answers(1000).await;
    let (begun, mut recorded) = (gets.now(), 0);
    for _ in 0..5 {
        let new = stage.spawn().await;
        let old = stage.servers.remove(0);
        recorded += old.stop().await.recorded;
        stage.servers.push(new);
    }
    let took = gets.now() - begun;
    let (gets, records) = (gets.end().await, records.end().await);
    for server in stage.servers.drain(..) {
        recorded += server.stop().await.recorded;
    }
    println!("\nrolling restart of five in {:.1} s", took.as_secs_f64());
    println!("| calls | sent | failed | p99, ms | slowest, ms | executed |");
    println!("|---|---|---|---|---|---|");
    for (name, report, executed) in [
        ("idempotent, 1,000/s", &gets, "–".to_owned()),
        ("not idempotent, 500/s", &records, recorded.to_string()),
    ] {
        println!(
            "| {name} | {} | {}{} | {} | {} | {executed} |",
            report.sent,
            report.failed(),
            causes(report),
            milliseconds(report.quantile(0.99)),
            milliseconds(report.quantile(1.0)),
        );
    }
}

/// One of five is slow: the fabric over mutual TLS beside tonic's `balance_channel` in plaintext.
async fn slow() {
    const RATE: u32 = 1000;
    const BY: Duration = Duration::from_millis(200);
    println!("\none of five slower by {} ms, {RATE} calls/s", BY.as_millis());
    println!("| client | state | sent | failed | p50, ms | p99, ms | p99.9, ms | share of the slow one |");
    println!("|---|---|---|---|---|---|---|---|");
    let row = |client: &str, state: &str, report: &Report, slow: &str| {
        println!(
            "| {client} | {state} | {} | {}{} | {} | {} | {} | {:.3} |",
            report.sent,
            report.failed(),
            causes(report),
            milliseconds(report.quantile(0.5)),
            milliseconds(report.quantile(0.99)),
            milliseconds(report.quantile(0.999)),
            report.share(slow),
        );
    };
    let mut stage = Stage::of(5).await;
    let load = stage.gets(RATE);
    load.answers(u64::from(RATE)).await;
    let calm = load.now();
    load.sends(3 * u64::from(RATE)).await;
    stage.servers[0].slow_down(BY).await;
    let slow = load.now();
    load.sends(5 * u64::from(RATE)).await;
    let end = load.now();
    let report = load.end().await;
    row(
        "fabric, mTLS",
        "healthy",
        &report.during(calm..slow),
        &stage.servers[0].id,
    );
    row(
        "fabric, mTLS",
        "one slow",
        &report.during(slow..end),
        &stage.servers[0].id,
    );
    drop(stage);

    let mut peers = plain::Servers::start(5).await;
    let client = peers.balanced();
    let load = Load::start(RATE, move |_| {
        let mut client = client.clone();
        async move { Ok(client.get_probe(get()).await?.into_inner().instance) }
    });
    load.answers(u64::from(RATE)).await;
    let calm = load.now();
    load.sends(3 * u64::from(RATE)).await;
    peers.slow_down(0, BY);
    let slow = load.now();
    load.sends(5 * u64::from(RATE)).await;
    let end = load.now();
    let report = load.end().await;
    row("balance_channel", "healthy", &report.during(calm..slow), &peers.name(0));
    row("balance_channel", "one slow", &report.during(slow..end), &peers.name(0));
}

/// 1,000 streams held open and 10,000 calls at once, three servers: with their usual limits, and with limits that let
/// all of them in.
async fn crowd() {
    let stage = Stage::of(3).await;
    println!("\n1,000 streams held open; 10,000 calls at once of 100 ms each; three servers");
    println!(
        "| what | answered | failed | took, s | caller's RSS, MB | a piece, KB | servers' RSS, MB | a piece, KB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    streams(&stage).await;
    calls(stage, "calls, usual limits").await;

    let lifted = "[serving]\nlimit_min = 10000\nlimit_initial = 10000\nlimit_max = 10000\n";
    let stage = Stage::with(3, Some(lifted)).await;
    calls(stage, "calls, limits lifted").await;
}

async fn streams(stage: &Stage) {
    const STREAMS: usize = 1000;
    let warm = stage.gets(500);
    warm.answers(500).await;
    let _ = warm.end().await;
    let before = memory(stage);
    let begun = tokio::time::Instant::now();
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..STREAMS {
        let mut client = stage.client.clone();
        opening.spawn(async move {
            let request = WatchProbeRequest {
                interval_milliseconds: 500,
                ..WatchProbeRequest::default()
            };
            let mut stream = client.watch_probe(request).await?.into_inner();
            // Held open from its first message on.
            stream.message().await.map(|_| stream)
        });
    }
    let mut open = Vec::new();
    let mut failed = BTreeMap::new();
    for opened in opening.join_all().await {
        match opened {
            Ok(stream) => open.push(stream),
            Err(status) => *failed.entry(format!("{:?}", status.code())).or_default() += 1,
        }
    }
    crowded("streams", open.len(), &failed, begun.elapsed(), (before, memory(stage)));
}

async fn calls(mut stage: Stage, what: &str) {
    const CALLS: usize = 10_000;
    for server in &mut stage.servers {
        server.slow_down(Duration::from_millis(100)).await;
    }
    let warm = stage.gets(100);
    warm.answers(100).await;
    let _ = warm.end().await;
    let before = memory(&stage);
    let begun = tokio::time::Instant::now();
    let mut calling = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let mut client = stage.client.clone();
        calling.spawn(async move {
            let mut request = get();
            request.set_timeout(Duration::from_secs(30));
            client.get_probe(request).await.map(drop)
        });
    }
    let mut peak = memory(&stage);
    let (mut answered, mut failed) = (0, BTreeMap::new());
    while let Some(ended) = calling.join_next().await {
        match ended.unwrap() {
            Ok(()) => answered += 1,
            Err(status) => *failed.entry(format!("{:?}", status.code())).or_default() += 1,
        }
        if calling.len().is_multiple_of(500) {
            let now = memory(&stage);
            peak = (peak.0.max(now.0), peak.1.max(now.1));
        }
    }
    crowded(what, answered, &failed, begun.elapsed(), (before, peak));
}

fn crowded(
    what: &str,
    answered: usize,
    failed: &BTreeMap<String, usize>,
    took: Duration,
    ((caller_before, servers_before), (caller, servers)): (Memory, Memory),
) {
    let pieces = answered + failed.values().sum::<usize>();
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / pieces as f64;
    let causes: String = failed
        .iter()
        .map(|(code, count)| format!(" ({code}: {count})"))
        .collect();
    println!(
        "| {what} | {answered} | {}{causes} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} |",
        pieces - answered,
        took.as_secs_f64(),
        caller as f64 / 1024.0,
        each(caller_before, caller),
        servers as f64 / 1024.0,
        each(servers_before, servers),
    );
}

/// Resident memory in KB: this process', and the servers' together.
type Memory = (u64, u64);

fn memory(stage: &Stage) -> Memory {
    let of = |process: &str| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or_default()
    };
    let servers = stage.servers.iter().filter_map(Process::pid);
    (of("self"), servers.map(|pid| of(&pid.to_string())).sum())
}

fn causes(report: &Report) -> String {
    report
        .causes()
        .iter()
        .map(|(cause, count)| format!(" ({cause}: {count})"))
        .collect()
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}
