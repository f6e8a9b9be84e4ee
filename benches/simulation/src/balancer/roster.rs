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
