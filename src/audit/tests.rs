#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod notes;
mod oracle;
mod vectors;

use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// A log in memory, with every node that was ever completed.
#[derive(Default)]
pub(super) struct Log {
    pub(super) frontier: Frontier,
    pub(super) nodes: HashMap<Node, Hash>,
}

impl Log {
    pub(super) fn of(entries: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut log = Self::default();
        for entry in entries {
            log.append(entry.as_ref());
        }
        log
    }

    pub(super) fn append(&mut self, entry: &[u8]) {
        let nodes = &mut self.nodes;
        self.frontier
            .append(Hash::leaf(entry), |node, hash| {
                assert_eq!(nodes.insert(node, hash), None, "{node:?} is told once");
            })
            .unwrap();
    }

    pub(super) fn hashes(&self, plan: &Plan) -> Vec<Hash> {
        plan.hashes(|node| Ok::<_, Infallible>(self.nodes[&node])).unwrap()
    }

    pub(super) fn root(&self, size: u64) -> Hash {
        self.hashes(&Plan::root(size))[0]
    }

    pub(super) fn inclusion(&self, index: u64, size: u64) -> Inclusion {
        let hashes = self.hashes(&Plan::inclusion(index, size).unwrap());
        Inclusion { index, size, hashes }
    }

    pub(super) fn consistency(&self, old: u64, new: u64) -> Consistency {
        let hashes = self.hashes(&Plan::consistency(old, new).unwrap());
        Consistency { old, new, hashes }
    }
}

pub(super) fn entries(count: u64) -> impl Iterator<Item = [u8; 8]> {
    (0..count).map(u64::to_be_bytes)
}

fn differences(size: u64, most: usize, left: &Log, right: &Log) -> (Vec<u64>, usize) {
    let mut comparison = Comparison::try_new(size, most).unwrap();
    let mut compared = 0;
    while !comparison.asked().is_empty() {
        comparison.narrow(|node| {
            compared += 1;
            left.nodes.get(&node) == right.nodes.get(&node)
        });
    }
    (comparison.found(), compared)
}

#[test]
fn every_entry_of_every_small_tree_is_proved_and_no_other() {
    let log = Log::of(entries(40));
    for size in 1..=40 {
        let root = log.root(size);
        assert_eq!(root, Log::of(entries(size)).frontier.root(), "{size}");
        for index in 0..size {
            let proof = log.inclusion(index, size);
            let leaf = Hash::leaf(&index.to_be_bytes());
            assert_eq!(proof.verify(leaf, root), Ok(()), "{index} of {size}");
            let other = Hash::leaf(&(index + 1).to_be_bytes());
            assert_eq!(proof.verify(other, root), Err(Error::Root("tree's")));
            let moved = Inclusion {
                index: (index + 1) % size,
                ..proof
            };
            assert_eq!(moved.verify(leaf, root).is_ok(), size == 1, "{index} of {size}");
        }
    }
}

#[test]
fn every_small_tree_begins_every_larger_one_and_no_other_does() {
    let log = Log::of(entries(40));
    let forged = Log::of(entries(40).map(|entry| if entry == 0u64.to_be_bytes() { [9; 8] } else { entry }));
    for new in 0..=40 {
        for old in 0..=new {
            let proof = log.consistency(old, new);
            let (first, second) = (log.root(old), log.root(new));
            assert_eq!(proof.verify(first, second), Ok(()), "{old} to {new}");
            if old > 0 {
                assert!(proof.verify(forged.root(old), second).is_err(), "{old} to {new}");
                assert!(proof.verify(first, forged.root(new)).is_err(), "{old} to {new}");
            }
        }
    }
}

#[test]
fn a_log_goes_on_from_what_was_kept() {
    let whole = Log::of(entries(1000));
    for size in [0, 1, 2, 3, 511, 512, 777, 999] {
        let kept = Frontier::read(size, |node| Ok::<_, Error>(whole.nodes[&node])).unwrap();
        let from_row = Frontier::from_hashes(size, kept.hashes().to_vec()).unwrap();
        assert_eq!(kept, from_row);
        assert_eq!(kept.root(), whole.root(size));
        let mut log = Log {
            frontier: kept,
            nodes: HashMap::new(),
        };
        for entry in entries(1000).skip(size as usize) {
            log.append(&entry);
        }
        assert_eq!(log.frontier, whole.frontier, "from {size}");
    }
    assert_eq!(
        Frontier::from_hashes(3, vec![Hash::empty()]),
        Err(Error::Frontier(1, 3))
    );
}

#[test]
fn what_is_not_there_cannot_be_proved() {
    assert!(Plan::inclusion(0, 0).is_err());
    assert!(Plan::inclusion(7, 7).is_err());
    assert!(Plan::consistency(8, 7).is_err());
    assert!(Plan::inclusion(0, u64::MAX).is_err());
    assert!(Plan::consistency(1, u64::MAX).is_err());
    // The largest tree there can be still makes a proof of one hash a level.
    let plan = Plan::inclusion(MOST - 1, MOST).unwrap();
    assert!(plan.nodes().count() <= 126);
    assert_eq!(Comparison::try_new(u64::MAX, 1).unwrap_err(), Error::Full);
    let mut full = Frontier::from_hashes(MOST, vec![Hash::empty(); 63]).unwrap();
    assert_eq!(full.append(Hash::empty(), |_, _| {}), Err(Error::Full));
}

#[test]
fn the_nodes_of_a_plan_are_those_that_it_reads() {
    let log = Log::of(entries(300));
    for plan in [
        Plan::root(299),
        Plan::inclusion(123, 299).unwrap(),
        Plan::consistency(77, 299).unwrap(),
    ] {
        let mut read = Vec::new();
        plan.hashes(|node| {
            read.push(node);
            Ok::<_, Infallible>(log.nodes[&node])
        })
        .unwrap();
        assert_eq!(plan.nodes().collect::<Vec<_>>(), read);
        assert!(read.len() <= 2 * 9, "{} nodes", read.len());
    }
}

#[test]
fn an_entry_is_always_the_same_bytes() {
    let entry = notes::entry();
    let bytes = entry_bytes(&entry).unwrap();
    assert_eq!(read_entry(&bytes).unwrap(), entry);
    let shown = format!("{entry:?}");
    assert!(!shown.contains("s-77") && !shown.contains("e-5"), "{shown}");
    // A field that is not known, a field twice, a number in more bytes than it needs, a field out of order.
    let longer = [&bytes[..], &[0xfa, 0x01, 0x00]].concat();
    let twice = [&bytes[..], &[0x62, 0x00]].concat();
    let spelt = [&bytes[..], &[0x60, 0x81, 0x00]].concat();
    for wrong in [
        longer,
        twice,
        spelt,
        bytes[1..].to_vec(),
        Vec::new(),
        vec![0; ENTRY_LIMIT + 1],
    ] {
        assert!(matches!(read_entry(&wrong), Err(Error::Entry(_))), "{}", wrong.len());
    }
    for broken in notes::broken_entries() {
        assert!(entry_bytes(&broken).is_err(), "{broken:?}");
    }
}

proptest! {
    #[test]
    fn proofs_hold_at_any_size(size in 1u64..3000, index in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(), seed in any::<u64>()) {
        let log = Log::of((0..size).map(|n| (n ^ seed).to_be_bytes()));
        let (index, old) = (index.index(size as usize) as u64, old.index(size as usize) as u64);
        let leaf = Hash::leaf(&(index ^ seed).to_be_bytes());
        prop_assert_eq!(log.inclusion(index, size).verify(leaf, log.frontier.root()), Ok(()));
        prop_assert_eq!(log.consistency(old, size).verify(log.root(old), log.frontier.root()), Ok(()));
    }

    #[test]
    fn no_bit_of_a_proof_may_differ(size in 2u64..600, index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0usize..256) {
        let log = Log::of(entries(size));
        let index = index.index(size as usize) as u64;
        let mut proof = log.inclusion(index, size);
        let leaf = Hash::leaf(&index.to_be_bytes());
        let flip = |hashes: &mut Vec<Hash>| {
            let at = at.index(hashes.len());
            let mut bytes = *hashes[at].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            hashes[at] = Hash::from_bytes(bytes);
        };
        flip(&mut proof.hashes);
        prop_assert!(proof.verify(leaf, log.frontier.root()).is_err());
        let old = 1 + index % (size - 1);
        let mut proof = log.consistency(old, size);
        flip(&mut proof.hashes);
        prop_assert!(proof.verify(log.root(old), log.frontier.root()).is_err());
        for change in [true, false] {
            let mut proof = log.inclusion(index, size);
            if change { proof.hashes.push(leaf) } else { proof.hashes.pop().unwrap(); }
            let refused = matches!(proof.verify(leaf, log.frontier.root()), Err(Error::Length { .. }));
            prop_assert!(refused);
        }
    }

    #[test]
    fn changed_entries_are_named_and_the_rest_is_not_read(size in 1u64..2000, changed in prop::collection::vec(any::<prop::sample::Index>(), 0..6), most in 1usize..8) {
        let changed: std::collections::BTreeSet<u64> =
            changed.into_iter().map(|index| index.index(size as usize) as u64).collect();
        let kept = Log::of(entries(size));
        let now = Log::of(entries(size).map(|entry| {
            let mut entry = entry;
            if changed.contains(&u64::from_be_bytes(entry)) { entry[0] ^= 1; }
            entry
        }));
        prop_assert_eq!(kept.frontier.root() == now.frontier.root(), changed.is_empty());
        let (found, compared) = differences(size, most, &kept, &now);
        prop_assert_eq!(found, changed.iter().copied().take(most).collect::<Vec<_>>());
        let levels = size.ilog2() as usize + 1;
        prop_assert!(compared <= levels + changed.len() * 2 * levels, "{compared} of {size}");
    }

    #[test]
    fn no_bytes_make_a_panic_or_two_entries(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(entry) = read_entry(&bytes) {
            prop_assert_eq!(entry_bytes(&entry).unwrap(), bytes);
        }
    }
}

#[test]
fn a_row_that_is_missing_is_named_too() {
    let (whole, mut torn) = (Log::of(entries(100)), Log::of(entries(100)));
    torn.nodes.retain(|node, _| !node.leaves().contains(&63));
    assert_eq!(differences(100, 5, &whole, &torn).0, [63]);
}
