//! Where a call comes from: the connection's address, or the one that a proxy of ours forwarded it for.
//!
//! Each proxy adds the address that it sees to the end of `x-forwarded-for`; what stands before the first one that is not
//! ours was written by a stranger. So the list is read from its end, past our own proxies, and no further. When not: logs
//! and services never learn an address.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use lyceum::policy::Network;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies of ours in a row.
const HOPS: usize = 16;

/// The address that counts.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_ours = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut origin = peer.to_canonical();
    if !is_ours(origin) {
        return origin;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let told = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for address in told.take(HOPS).map_while(read) {
        origin = address;
        if !is_ours(origin) {
            break;
        }
    }
    origin
}

/// An address, with or without a port.
fn read(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, forwarded: &[&'static str]) -> String {
        let proxies = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        of(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        assert_eq!(
            origin("203.0.113.7", &["198.51.100.1"]),
            "203.0.113.7",
            "a stranger's word"
        );
        assert_eq!(origin("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            origin("10.1.2.3", &["1.1.1.1, 198.51.100.1"]),
            "198.51.100.1",
            "what a stranger wrote before"
        );
        assert_eq!(
            origin("127.0.0.1", &["1.1.1.1", "198.51.100.1, 10.9.9.9"]),
            "198.51.100.1"
        );
        assert_eq!(origin("fd00::1", &["[2001:db8::5]:4711"]), "2001:db8::5");
        assert_eq!(origin("10.1.2.3", &["198.51.100.1:80"]), "198.51.100.1");
        assert_eq!(origin("::ffff:10.1.2.3", &["::ffff:198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn without_an_address_that_can_be_read_it_is_the_proxys_own() {
        assert_eq!(origin("10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(origin("10.1.2.3", &["unknown"]), "10.1.2.3");
        assert_eq!(origin("10.1.2.3", &["198.51.100.1, , 10.5.5.5"]), "10.5.5.5");
        assert_eq!(origin("10.1.2.3", &["10.5.5.5, 10.6.6.6"]), "10.5.5.5");
    }
}
