//! Affinity: the same key goes to the same instance, as long as that one is there and not much busier than the others.
//!
//! Consistent hashing with bounded loads: each instance has points on a ring, as many as its weight asks for; a key goes
//! to the next point whose instance has a place. A change of the pool moves only the keys of the instances it changes.
//! The points are sorted into buckets by their high bits, so that the ring is built in O(n) and a key found in O(1).
//! When not: for calls without state. Affinity gives up most of what balancing knows.
//! Source: Karger et al. 1997; Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads" (2018).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::hashing::{mix, pair};

/// Points of an instance of mean weight.
const POINTS: f32 = 40.0;
/// Points of the heaviest.
const MOST: f32 = 1000.0;

/// The ring of one membership.
#[derive(Debug)]
pub(super) struct Ring {
    /// Where on the ring, and whose.
    points: Vec<(u64, u32)>,
    /// The first point at or after the beginning of each bucket.
    starts: Vec<u32>,
    shift: u32,
}

impl Ring {
    /// A ring of members by the hash of their key and their weight. Weight 0 has no place. O(n).
    pub(super) fn new(members: &[(u64, f32)]) -> Self {
        let weighted = members.iter().filter(|(_, weight)| *weight > 0.0).count();
        let total: f32 = members.iter().map(|(_, weight)| *weight).sum();
        let mut loose = Vec::new();
        for (index, (key, weight)) in members.iter().enumerate() {
            if *weight > 0.0 {
                let points = (POINTS * weight * weighted as f32 / total).round().clamp(1.0, MOST) as u64;
                loose.extend((0..points).map(|point| (pair(*key, point), index as u32)));
            }
        }
        let buckets = loose.len().next_power_of_two().max(2);
        let shift = 64 - buckets.trailing_zeros();
        let mut starts = vec![0_u32; buckets + 1];
        for (place, _) in &loose {
            starts[(place >> shift) as usize + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        let mut points = vec![(0, 0); loose.len()];
        for point in loose {
            let slot = &mut next[(point.0 >> shift) as usize];
            points[*slot as usize] = point;
            *slot += 1;
        }
        // A bucket holds one point on average.
        for bucket in 0..buckets {
            points[starts[bucket] as usize..starts[bucket + 1] as usize].sort_unstable();
        }
        Self { points, starts, shift }
    }

    /// The members in the order in which a key asks them; the same one may come more than once.
    pub(super) fn walk(&self, key: u64) -> impl Iterator<Item = usize> {
        let place = mix(key);
        let bucket = (place >> self.shift) as usize;
        let (first, end) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        let first = first
            + self.points[first..end]
                .iter()
                .take_while(|point| point.0 < place)
                .count();
        let (before, after) = self.points.split_at(first);
        after.iter().chain(before).map(|(_, index)| *index as usize)
    }
}

/// What all endpoints of a pool have under way together; counted only while keys matter.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Traffic {
    counted: AtomicBool,
    under_way: AtomicU32,
}

impl Traffic {
    pub(super) fn count(&self, counted: bool) {
        self.counted.store(counted, Ordering::Relaxed);
    }

    /// A call begins; whether it was counted, and so must be counted out.
    pub(super) fn enter(&self) -> bool {
        let counted = self.counted.load(Ordering::Relaxed);
        if counted {
            self.under_way.fetch_add(1, Ordering::Relaxed);
        }
        counted
    }

    pub(super) fn leave(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many calls an instance with this share of the weights may have, the next one included.
    pub(super) fn bound(&self, factor: f32, share: f32) -> u32 {
        let all = self.under_way.load(Ordering::Relaxed) as f32 + 1.0;
        (all * share * factor.max(1.0)).ceil().max(1.0) as u32
    }
}
