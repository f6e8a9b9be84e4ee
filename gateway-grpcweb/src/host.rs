//! Which names the gateway answers to.
//!
//! **Why.** A site that a visitor reads can make its own name lead to the visitor's machine (DNS rebinding): for the
//! browser the gateway is then that site itself, and neither CORS nor the same-origin policy keeps its scripts out. Only
//! the name gives it away. So a request must name an address, this machine's loopback, or a name in `gateway.hosts`.
//!
//! **When not.** It says nothing of who is asking. Source: RFC 9110, 7.4 (421 Misdirected Request); RFC 9112, 3.2.

use std::net::IpAddr;

use http::header::HOST;
use http::{Request, Version};

/// The names of one gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    any: bool,
    /// In lower case.
    names: Vec<String>,
    /// Names below which any other counts, with the dot that they begin with.
    below: Vec<String>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a request must name one host, and no two that differ")]
    Unclear,
    #[error(
        "this gateway does not answer to that name; if it should, add the name to gateway.hosts, as in --set \
         gateway.hosts=school.example"
    )]
    Strange,
}

impl Hosts {
    /// `*` among the names takes any.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hosts = Self::default();
        for name in names {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix('*') {
                Some("") => hosts.any = true,
                Some(below) => hosts.below.push(below.to_owned()),
                None => hosts.names.push(name),
            }
        }
        hosts
    }

    /// Whether the request is meant for this gateway.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Error> {
        let mut given = request.headers().get_all(HOST).iter();
        let header = given.next();
        if given.next().is_some() {
            return Err(Error::Unclear);
        }
        let header = header
            .map(|host| host.to_str().map_err(|_| Error::Unclear))
            .transpose()?;
        let target = request.uri().authority().map(http::uri::Authority::as_str);
        match (target, header) {
            (Some(target), Some(header)) if !target.eq_ignore_ascii_case(header) => Err(Error::Unclear),
            (Some(host), _) | (None, Some(host)) => self.knows(host),
            // Browsers always say where they want to go; HTTP/1.0 need not.
            (None, None) if request.version() < Version::HTTP_11 => Ok(()),
            (None, None) => Err(Error::Unclear),
        }
    }

    fn knows(&self, host: &str) -> Result<(), Error> {
        if self.any {
            return Ok(());
        }
        let name = without_port(host).ok_or(Error::Unclear)?;
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_address = name.parse::<IpAddr>().is_ok();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let ends = |below: &str| {
            name.len()
                .checked_sub(below.len())
                .and_then(|start| name.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(below) && name.len() > below.len())
        };
        let known = is_address
            || is("localhost")
            || ends(".localhost")
            || self.names.iter().any(|known| is(known))
            || self.below.iter().any(|below| ends(below));
        if known { Ok(()) } else { Err(Error::Strange) }
    }
}

/// The name or address in `name:port` or `[address]:port`.
fn without_port(host: &str) -> Option<&str> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let good = rest.is_empty()
        || rest
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= 5);
    (good && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(hosts: &Hosts, host: &str) -> Result<(), Error> {
        hosts.admit(&Request::builder().header(HOST, host).body(()).unwrap())
    }

    #[test]
    fn addresses_loopback_and_listed_names_are_ours() {
        let hosts = Hosts::new(["school.example", "*.College.example"]);
        for host in [
            "127.0.0.1:8080",
            "10.1.2.3",
            "[::1]:8080",
            "[2001:db8::1]",
            "localhost",
            "LocalHost:1",
            "localhost.",
            "lyceum.localhost:8080",
            "school.example",
            "School.Example:443",
            "north.college.example",
        ] {
            assert_eq!(admitted(&hosts, host), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "school.example.evil.example",
            "evilschool.example",
            "college.example",
            ".college.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "gateway",
        ] {
            assert_eq!(admitted(&hosts, host), Err(Error::Strange), "{host}");
        }
        for host in [
            "",
            ":80",
            "[::1",
            "a:b",
            "localhost:80:80",
            "user@localhost:x",
            "localhost:123456",
        ] {
            assert_eq!(admitted(&hosts, host), Err(Error::Unclear), "{host:?}");
        }
        assert_eq!(admitted(&Hosts::new(["*"]), "anything at all"), Ok(()));
    }

    #[test]
    fn there_is_one_host() {
        let hosts = Hosts::default();
        let two = Request::builder().header(HOST, "localhost").header(HOST, "localhost");
        assert_eq!(hosts.admit(&two.body(()).unwrap()), Err(Error::Unclear));
        let absolute = Request::builder().uri("http://localhost/").header(HOST, "evil.example");
        assert_eq!(hosts.admit(&absolute.body(()).unwrap()), Err(Error::Unclear));
        let absolute = Request::builder().uri("http://evil.example/");
        assert_eq!(hosts.admit(&absolute.body(()).unwrap()), Err(Error::Strange));
        assert_eq!(hosts.admit(&Request::new(())), Err(Error::Unclear));
        let old = Request::builder().version(Version::HTTP_10);
        assert_eq!(hosts.admit(&old.body(()).unwrap()), Ok(()));
    }
}
