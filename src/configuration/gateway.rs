//! `[gateway]`: what a gateway has to know before its first connection; what may change later is the policy's `[edge]`.
//!
//! Why the listening address is loopback: a gateway that strangers reach must be a decision, with TLS and with
//! authentication, or with `exposed` said aloud.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authentication;
use super::rules::{MILLISECOND, MINUTE, between, within};
use super::{Authentication, Errors};

/// The browser's side.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Where browsers connect.
    pub address: SocketAddr,
    /// Whether the next gateway may take the same port before this one has left it; both must say so, and run as the same
    /// user.
    pub reuse_port: bool,
    /// The names that browsers may know the gateway by, such as `school.example` or `*.school.example`; `*` takes any.
    /// Addresses and the names of this machine's loopback always count.
    pub hosts: Vec<String>,
    /// Whether an address that other machines reach is meant, although TLS or authentication is missing.
    pub exposed: bool,
    /// The built page; served at `/`.
    pub page: PathBuf,
    /// How long a body may send nothing, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub body_idle: Duration,
    /// How long a TLS handshake and the headers of a request may take, 100 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// Connections at a time, 1 to 100,000.
    pub connections: u32,
    /// Whether answers are compressed (zstd, br, gzip) for those who accept it.
    pub compress: bool,
    /// The smallest whole answer in bytes that is compressed, 64 B to 1 MiB.
    pub compress_least: u32,
    /// Streams at a time that are compressed, 0 to 100,000; further ones go as they are.
    pub compress_streams: u32,
    /// WebSockets at a time, 0 to 100,000.
    pub websockets: u32,
    /// How often a WebSocket is pinged, 1 s to 10 min; one that does not answer is closed.
    #[serde(with = "humantime_serde")]
    pub websocket_ping: Duration,
    /// Services outside the mesh that calls may go to, at most 64; none unless said.
    pub upstreams: Vec<Upstream>,
    /// HTTP/3 beside TCP, on the same port; needs TLS.
    pub http3: bool,
    /// TLS towards browsers.
    pub tls: Tls,
    /// Who callers are.
    pub authentication: Authentication,
}

/// A service outside the mesh. Who may call it stands in the policy's `[edge.access]`; by default nobody may.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// What metrics and reports call it, after `outside-`: lower-case letters, digits, hyphens; at most 32.
    pub name: String,
    /// `h2c://host:port`, or `https://host:port` with `roots`.
    pub address: String,
    /// Roots (PEM) that its certificate must chain to; for https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
    /// The gRPC services that go there, such as `package.Service`; all that it reflects where none is named. One that the
    /// mesh serves too stays the mesh's.
    pub services: Vec<String>,
}

/// TLS towards browsers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Where the certificate comes from.
    pub source: TlsSource,
    /// The certificate chain (PEM); with source "files".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key (PEM); with source "files".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Who vouches for clients that show a certificate: `fabric` for the fabric's own roots and trust domain, or a file
    /// of roots (PEM). Absent: none is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<PathBuf>,
}

/// Where the certificate that browsers see comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsSource {
    /// Nowhere: plain HTTP, for loopback or behind something that ends TLS.
    #[default]
    None,
    /// The development authority of the data folder, for `localhost`.
    Development,
    /// PEM files that somebody else keeps fresh; looked at as often as `identity.reload` says.
    Files,
}

impl Tls {
    /// What `clients` says for the fabric's own roots.
    pub const FABRIC: &'static str = "fabric";
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            reuse_port: false,
            hosts: Vec::new(),
            exposed: false,
            page: PathBuf::from("web/dist"),
            body_idle: Duration::from_secs(20),
            header_timeout: Duration::from_secs(10),
            connections: 4096,
            compress: true,
            compress_least: 1024,
            compress_streams: 256,
            websockets: 1024,
            websocket_ping: Duration::from_secs(30),
            upstreams: Vec::new(),
            http3: false,
            tls: Tls::default(),
            authentication: Authentication::default(),
        }
    }
}

impl Gateway {
    pub(super) fn check(&self, errors: &mut Errors) {
        within(
            errors,
            "gateway.body_idle",
            self.body_idle,
            100 * MILLISECOND,
            10 * MINUTE,
        );
        within(
            errors,
            "gateway.header_timeout",
            self.header_timeout,
            100 * MILLISECOND,
            MINUTE,
        );
        between(errors, "gateway.connections", self.connections, 1, 100_000);
        between(errors, "gateway.compress_least", self.compress_least, 64, 1024 * 1024);
        between(errors, "gateway.compress_streams", self.compress_streams, 0, 100_000);
        between(errors, "gateway.websockets", self.websockets, 0, 100_000);
        within(
            errors,
            "gateway.websocket_ping",
            self.websocket_ping,
            1000 * MILLISECOND,
            10 * MINUTE,
        );
        for host in &self.hosts {
            if !is_name(host) {
                errors.add(
                    "gateway.hosts",
                    format!("\"{host}\" is no name: write school.example, *.school.example or *, without a port"),
                );
            }
        }
        if self.reuse_port && self.http3 {
            errors.add(
                "gateway.reuse_port",
                "cannot be had together with gateway.http3: packets of one connection would reach two gateways",
            );
        }
        authentication::check(&self.authentication, self.address, errors);
        check_upstreams(&self.upstreams, errors);
        let tls = &self.tls;
        if tls.source == TlsSource::Files {
            for (key, path) in [("certificate", &tls.certificate), ("key", &tls.key)] {
                if path.is_none() {
                    errors.add(
                        format!("gateway.tls.{key}"),
                        "must name a PEM file when gateway.tls.source is \"files\"",
                    );
                }
            }
        }
        if tls.source != TlsSource::Files && (tls.certificate.is_some() || tls.key.is_some()) {
            errors.add(
                "gateway.tls.source",
                "must be \"files\" for a certificate and a key to count",
            );
        }
        if tls.source == TlsSource::None && tls.clients.is_some() {
            errors.add(
                "gateway.tls.clients",
                "needs gateway.tls.source, as certificates are shown over TLS",
            );
        }
        if tls.source == TlsSource::None && self.http3 {
            errors.add(
                "gateway.http3",
                "needs gateway.tls.source: there is no HTTP/3 without TLS",
            );
        }
        if tls.clients.as_deref().is_some_and(|path| path == Path::new("")) {
            errors.add("gateway.tls.clients", "must be \"fabric\" or name a PEM file");
        }
    }
}

/// What can be told without looking at a file.
fn check_upstreams(upstreams: &[Upstream], errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for Upstream {
        name,
        address,
        roots,
        services,
    } in upstreams
    {
        let mut broken = |problem: &str| errors.add("gateway.upstreams", format!("\"{name}\": {problem}"));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(plain) {
            broken("name must be 1 to 32 lower-case letters, digits and hyphens");
        }
        if !names.insert(name.as_str()) {
            broken("name must be its own");
        }
        match address.split_once("://") {
            Some(("h2c", _)) if roots.is_some() => broken("roots need an https address"),
            Some(("https", _)) if roots.is_none() => broken("https needs roots, a PEM file"),
            Some(("h2c" | "https", _)) => {}
            _ => broken("address must be h2c://host:port or https://host:port"),
        }
        let named = |service: &String| service.contains('.') && !service.contains('/');
        if services.len() > 256 || !services.iter().all(named) {
            broken("services must name at most 256 gRPC services, such as package.Service");
        }
    }
    if upstreams.len() > 64 {
        errors.add("gateway.upstreams", "must be at most 64");
    }
}

/// A host's name, perhaps with any name below it; an address needs no permission.
fn is_name(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    host == "*"
        || (name.parse::<IpAddr>().is_err()
            && name.len() <= 253
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            }))
}
