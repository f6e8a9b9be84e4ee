//! Where the agent is and how to speak with it.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderValue, Uri};

use super::Error;

/// What a [`Client`](super::Client) needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The agent.
    pub address: Address,
    /// Sent as `X-Consul-Token` when it is not empty.
    pub token: Token,
    /// Whom to trust and who we are, for an `https` address.
    pub tls: Option<Tls>,
    /// For a call from its start to the last byte; a blocking one has its wait on top.
    pub timeout: Duration,
    /// For a connection, TLS included.
    pub connect_timeout: Duration,
}

/// An agent's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `host:port`, in the clear: an agent on this machine.
    Http(String),
    /// `host:port`, over TLS.
    Https(String),
    /// The path of the agent's unix socket.
    Unix(PathBuf),
}

/// A secret of Consul's access control; `Debug` shows only whether there is one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token(String);

/// PEM files for an `https` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The authorities to trust.
    pub authorities: PathBuf,
    /// Our certificate chain and its key, when the agent wants to know who we are.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The name in the agent's certificate, when it is not the address's host (often `server.dc1.consul`).
    pub server_name: Option<String>,
}

// === impl Settings ===

impl Settings {
    /// An agent at an address, with the usual time-outs, no token and no TLS files.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            token: Token::default(),
            tls: None,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
        }
    }
}

// === impl Address ===

impl Address {
    /// The URI of a path at this address.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, String> {
        let text = match self {
            Self::Http(authority) => format!("http://{authority}{path}"),
            Self::Https(authority) => format!("https://{authority}{path}"),
            // The host only fills the Host header: the connector goes to the socket.
            Self::Unix(_) => format!("http://localhost{path}"),
        };
        text.parse().map_err(|e| format!("{text:?} is no address: {e}"))
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::Http("127.0.0.1:8500".to_owned())
    }
}

impl FromStr for Address {
    type Err = Error;

    /// `host:port`, `http://host:port`, `https://host:port` or `unix:///path`, as in `CONSUL_HTTP_ADDR`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.contains('@') {
            // Not repeated: what stands before the sign may be a password.
            return Err(Error::Settings {
                reason: "the address may not carry a user name".to_owned(),
            });
        }
        let wrong = |why: &str| Error::Settings {
            reason: format!("the address {text:?} {why}"),
        };
        if let Some(path) = text.strip_prefix("unix://") {
            if path.is_empty() {
                return Err(wrong("names no socket"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let (secure, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(wrong("must begin with http://, https:// or unix://")),
            None => (false, text),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let parsed: http::uri::Authority = authority.parse().map_err(|_| wrong("is not host:port"))?;
        if parsed.host().is_empty() {
            return Err(wrong("is not host:port"));
        }
        let authority = match parsed.port_u16() {
            Some(_) => authority.to_owned(),
            None if authority == parsed.host() => format!("{authority}:{}", if secure { 8501 } else { 8500 }),
            None => return Err(wrong("has a port that is no number up to 65535")),
        };
        Ok(if secure {
            Self::Https(authority)
        } else {
            Self::Http(authority)
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(authority) => write!(f, "http://{authority}"),
            Self::Https(authority) => write!(f, "https://{authority}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

// === impl Token ===

impl Token {
    /// A token; blanks around it (a file's last newline) are cut, and an empty one means none.
    #[must_use]
    pub fn new(secret: impl AsRef<str>) -> Self {
        Self(secret.as_ref().trim().to_owned())
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn header(&self) -> Result<Option<HeaderValue>, Error> {
        if !self.is_set() {
            return Ok(None);
        }
        let mut value = HeaderValue::from_str(&self.0).map_err(|_| Error::Settings {
            reason: "the token has characters that no header can carry".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Token(set)" } else { "Token(none)" })
    }
}

/// One path segment or query value, percent-encoded.
pub(super) fn escaped(text: &str) -> String {
    escape(text, false)
}

/// As [`escaped`], but slashes stay: they are part of keys.
pub(super) fn escaped_path(text: &str) -> String {
    escape(text, true)
}

fn escape(text: &str, keep_slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if keep_slashes => out.push('/'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
