//! The pick: whom the next call goes to. It takes no lock and allocates nothing.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::Guard;
use fastrand::Rng;

use super::ejection::Standing;
use super::ring::Ring;
use super::score::{Score, Usual};
use super::snapshot::{Choice, Snapshot};
use super::{Endpoint, Member, Micros, Pool};

/// Draws before a pick takes the best that it has seen, or looks at every endpoint for one that it has not tried.
const DRAWS: usize = 12;
/// Places on the ring that are looked at before a key goes to anybody.
const PLACES: usize = 256;

/// What a call asks of its pick.
#[derive(Debug)]
pub struct Ask<'a, M> {
    /// Whom the call has tried: avoided where there is anybody else.
    pub tried: &'a [Arc<Endpoint<M>>],
    /// The [`super::hash`] of its affinity key; counts where the settings have an affinity.
    pub affinity: Option<u64>,
    /// The key or id of the one instance that will do.
    pub pinned: Option<&'a str>,
    /// Whether it will be a long stream, which wants the instance with the fewest open.
    pub streaming: bool,
}

impl<M> Default for Ask<'_, M> {
    fn default() -> Self {
        Self {
            tried: &[],
            affinity: None,
            pinned: None,
            streaming: false,
        }
    }
}

impl<M: Member> Ask<'_, M> {
    fn has_tried(&self, endpoint: &Arc<Endpoint<M>>) -> bool {
        self.tried.iter().any(|tried| Arc::ptr_eq(tried, endpoint))
    }

    /// Whether the call may go there. An endpoint on trial takes one call, and not one that has failed already.
    #[inline]
    fn suits(&self, endpoint: &Arc<Endpoint<M>>) -> Suits {
        let standing = endpoint.hot.state.get();
        if standing == Standing::In {
            if endpoint.is_ready() && !self.has_tried(endpoint) {
                return Suits::Yes;
            }
        } else if standing == Standing::Trial
            && self.tried.is_empty()
            && endpoint.is_ready()
            && endpoint.hot.state.claim()
        {
            return Suits::AsCanary;
        }
        Suits::No
    }
}

enum Suits {
    Yes,
    No,
    AsCanary,
}

/// The endpoint of one pick. It keeps the snapshot that it was picked from, and so costs no write to anything that other
/// threads read: begin the call, or clone the `Arc`, and let it go.
#[derive(Debug)]
pub struct Picked<M> {
    snapshot: Guard<Arc<Snapshot<M>>>,
    index: usize,
}

impl<M> Deref for Picked<M> {
    type Target = Arc<Endpoint<M>>;

    fn deref(&self) -> &Self::Target {
        &self.snapshot.endpoints[self.index]
    }
}

impl<M: Member> Pool<M> {
    /// The endpoint for the next call. One that is not ready, was tried or is ejected is returned only when there is no
    /// other. `None`: nobody has a weight, or the instance asked for is not there.
    pub fn pick(&self, rng: &mut Rng, now: Micros, ask: &Ask<'_, M>) -> Option<Picked<M>> {
        let snapshot = self.snapshot.load();
        let index = self.index(&snapshot, rng, now, ask)?;
        Some(Picked { snapshot, index })
    }

    fn index(&self, snapshot: &Snapshot<M>, rng: &mut Rng, now: Micros, ask: &Ask<'_, M>) -> Option<usize> {
        if let Some(name) = ask.pinned {
            return snapshot.endpoints.iter().position(|one| one.is_called(name));
        }
        if let (Some(ring), Some(key)) = (&snapshot.ring, ask.affinity)
            && let Some(index) = self.by_key(snapshot, ring, key, ask)
        {
            return Some(index);
        }
        let found = match snapshot.policy {
            Choice::HealthWeighted => better_of_two(snapshot, rng, now, self.pulse.read(), ask),
            Choice::RoundRobin => first_of(snapshot, ask, || {
                snapshot.turn(self.turn.0.fetch_add(1, Ordering::Relaxed))
            }),
            Choice::Random => first_of(snapshot, ask, || snapshot.draw(rng)),
            Choice::Pinned(index) => return index,
        };
        found.or_else(|| anybody(snapshot, ask))
    }

    /// The first endpoint on the ring that has a place.
    fn by_key(
        &self,
        snapshot: &Snapshot<M>,
        (ring, factor): &(Arc<Ring>, f32),
        key: u64,
        ask: &Ask<'_, M>,
    ) -> Option<usize> {
        ring.walk(key).take(PLACES).find(|index| {
            let endpoint = &snapshot.endpoints[*index];
            let bound = self.pulse.traffic.bound(*factor, snapshot.share(*index));
            // The canary is whoever's call comes first, not the one whose key asks for it.
            endpoint.hot.state.get() == Standing::In
                && endpoint.under_way() < bound
                && matches!(ask.suits(endpoint), Suits::Yes)
        })
    }
}

/// Two draws with replacement keep the weights; more only while they hit endpoints that are no choice, or that are worse
/// than usual: few have to draw more often, and they are the ones that would wait longest.
fn better_of_two<M: Member>(
    snapshot: &Snapshot<M>,
    rng: &mut Rng,
    now: Micros,
    usual: Usual,
    ask: &Ask<'_, M>,
) -> Option<usize> {
    let mut best = None;
    let mut lowest = Score::WORST;
    let mut seen = 0;
    for _ in 0..DRAWS {
        let index = snapshot.draw(rng)?;
        let endpoint = &snapshot.endpoints[index];
        match ask.suits(endpoint) {
            Suits::Yes => {}
            Suits::No => continue,
            Suits::AsCanary => return Some(index),
        }
        let score = endpoint.score(now, usual, ask.streaming);
        if best.is_none() || score.cost < lowest.cost {
            best = Some(index);
            lowest = score;
        }
        seen += 1;
        if seen >= 2 && !lowest.poor {
            break;
        }
    }
    best
}

fn first_of<M: Member>(
    snapshot: &Snapshot<M>,
    ask: &Ask<'_, M>,
    mut next: impl FnMut() -> Option<usize>,
) -> Option<usize> {
    (0..DRAWS)
        .map_while(|_| next())
        .find(|index| !matches!(ask.suits(&snapshot.endpoints[*index]), Suits::No))
}

/// Rare: looks at everybody, first for one that suits, then for one that is ready and new although it is ejected, then
/// for one that is ready, then for one that is new, then for any.
fn anybody<M: Member>(snapshot: &Snapshot<M>, ask: &Ask<'_, M>) -> Option<usize> {
    let first = |suits: &dyn Fn(&Arc<Endpoint<M>>) -> bool| {
        snapshot
            .endpoints
            .iter()
            .position(|endpoint| endpoint.weight() > 0 && suits(endpoint))
    };
    first(&|endpoint| !matches!(ask.suits(endpoint), Suits::No))
        .or_else(|| first(&|endpoint| endpoint.is_ready() && !ask.has_tried(endpoint)))
        .or_else(|| first(&|endpoint| endpoint.is_ready()))
        .or_else(|| first(&|endpoint| !ask.has_tried(endpoint)))
        .or_else(|| first(&|_| true))
}
