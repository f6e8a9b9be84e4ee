//! The servers that a modelled peer knows, with what it notes of each; notes survive changes of the list.

use std::sync::atomic::Ordering;

use fastrand::Rng;

use super::Listing;

/// One server and a peer's notes on it.
#[derive(Debug)]
pub(super) struct Node<N> {
    pub(super) listing: Listing,
    pub(super) note: N,
}

/// All servers of a peer.
#[derive(Debug)]
pub(super) struct Roster<N> {
    pub(super) nodes: Vec<Node<N>>,
    /// Indices of those whose connection lives.
    pub(super) ready: Vec<usize>,
    by_server: Vec<Option<usize>>,
}

impl<N> Default for Roster<N> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            ready: Vec::new(),
            by_server: Vec::new(),
        }
    }
}

// === impl Roster ===

impl<N> Roster<N> {
    /// Takes over a list; `new` makes the notes on those that were not in the last one.
    pub(super) fn list(&mut self, servers: &[Listing], mut new: impl FnMut() -> N) {
        let mut old: Vec<Option<Node<N>>> = std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        for listing in servers {
            let known = self.index(listing.server).and_then(|index| old[index].take());
            self.nodes.push(Node {
                listing: listing.clone(),
                note: known.map_or_else(&mut new, |node| node.note),
            });
        }
        self.by_server.clear();
        for (index, node) in self.nodes.iter().enumerate() {
            let server = node.listing.server as usize;
            if self.by_server.len() <= server {
                self.by_server.resize(server + 1, None);
            }
            self.by_server[server] = Some(index);
        }
        self.connections();
    }

    /// Looks at the connections again.
    pub(super) fn connections(&mut self) {
        self.ready.clear();
        self.ready
            .extend((0..self.nodes.len()).filter(|index| self.nodes[*index].listing.connected.load(Ordering::Relaxed)));
    }

    fn index(&self, server: u32) -> Option<usize> {
        self.by_server.get(server as usize).copied().flatten()
    }

    /// The notes on a server, unless it has left the list.
    pub(super) fn note(&mut self, server: u32) -> Option<&mut N> {
        let index = self.index(server)?;
        Some(&mut self.nodes[index].note)
    }

    pub(super) fn server(&self, index: usize) -> u32 {
        self.nodes[index].listing.server
    }
}

/// Two different ones of `from`; twice the same where there is one only.
pub(super) fn two(rng: &mut Rng, from: &[usize]) -> Option<(usize, usize)> {
    match from {
        [] => None,
        [one] => Some((*one, *one)),
        _ => {
            let first = rng.usize(..from.len());
            let mut second = rng.usize(..from.len() - 1);
            if second >= first {
                second += 1;
            }
            Some((from[first], from[second]))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// So many servers, all connected.
    pub(in super::super) fn everybody(count: u32) -> Vec<Listing> {
        (0..count)
            .map(|server| Listing {
                server,
                weight: 100,
                zone: 0,
                connected: Arc::new(AtomicBool::new(true)),
            })
            .collect()
    }

    #[test]
    fn notes_stay_with_their_server() {
        let mut roster = Roster::default();
        let mut next = 0;
        let mut new = || {
            next += 1;
            next
        };
        let servers = everybody(4);
        roster.list(&servers, &mut new);
        roster.list(&[servers[3].clone(), servers[1].clone()], &mut new);
        assert_eq!((roster.note(3).copied(), roster.note(1).copied()), (Some(4), Some(2)));
        assert_eq!(roster.note(0), None);
        roster.list(&servers, &mut new);
        assert_eq!((roster.note(1).copied(), roster.note(0).copied()), (Some(2), Some(5)));
    }

    #[test]
    fn only_the_connected_are_ready() {
        let mut roster = Roster::default();
        let servers = everybody(3);
        roster.list(&servers, || ());
        servers[1].connected.store(false, Ordering::Relaxed);
        roster.connections();
        assert_eq!(roster.ready, [0, 2]);
    }

    #[test]
    fn two_are_different_ones_where_there_are_two() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..1_000 {
            let (first, second) = two(&mut rng, &[3, 5, 7]).unwrap();
            assert!(first != second && [3, 5, 7].contains(&first) && [3, 5, 7].contains(&second));
        }
        assert_eq!(two(&mut rng, &[3]), Some((3, 3)));
        assert_eq!(two(&mut rng, &[]), None);
    }
}
