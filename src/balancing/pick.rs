//! The pick: whom the next call goes to. It takes no lock and allocates nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fastrand::Rng;

use super::ejection::Standing;
use super::score::Usual;
use super::snapshot::{Choice, Snapshot};
use super::{Endpoint, Member, Micros, Pool};

/// Draws before a pick looks at every endpoint for one that it has not tried, or takes a poor one.
const DRAWS: usize = 8;
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

impl<M: Member> Pool<M> {
    /// The endpoint for the next call. One that is not ready, was tried or is ejected is returned only when there is no
    /// other. `None`: nobody has a weight, or the instance asked for is not there.
    pub fn pick(&self, rng: &mut Rng, now: Micros, ask: &Ask<'_, M>) -> Option<Arc<Endpoint<M>>> {
        let snapshot = self.snapshot.load();
        if let Some(name) = ask.pinned {
            return snapshot.endpoints.iter().find(|one| one.is_called(name)).cloned();
        }
        if let (Some(key), Choice::HealthWeighted | Choice::RoundRobin | Choice::Random) =
            (ask.affinity, snapshot.policy)
            && let Some(endpoint) = self.by_key(&snapshot, key, ask)
        {
            return Some(Arc::clone(endpoint));
        }
        let found = match snapshot.policy {
            Choice::HealthWeighted => better_of_two(&snapshot, rng, now, self.pulse.read(), ask),
            Choice::RoundRobin => first_of(ask, || snapshot.turn(self.turn.0.fetch_add(1, Ordering::Relaxed))),
            Choice::Random => first_of(ask, || snapshot.draw(rng)),
            Choice::Pinned(index) => return index.map(|index| Arc::clone(&snapshot.endpoints[index])),
        };
        found.or_else(|| anybody(&snapshot, ask)).map(Arc::clone)
    }

    /// The first endpoint on the ring that has a place.
    fn by_key<'a>(&self, snapshot: &'a Snapshot<M>, key: u64, ask: &Ask<'_, M>) -> Option<&'a Arc<Endpoint<M>>> {
        let (ring, factor) = snapshot.ring.as_ref()?;
        ring.walk(key).take(PLACES).find_map(|index| {
            let endpoint = &snapshot.endpoints[index];
            let bound = self.pulse.traffic.bound(*factor, snapshot.share(index));
            // The canary is whoever's call comes first, not the one whose key asks for it.
            let fits = endpoint.hot.state.get() == Standing::In
                && endpoint.under_way() < bound
                && matches!(ask.suits(endpoint), Suits::Yes);
            fits.then_some(endpoint)
        })
    }
}

/// Two draws with replacement keep the weights; more only while they hit endpoints that are no choice, or poor ones.
fn better_of_two<'a, M: Member>(
    snapshot: &'a Snapshot<M>,
    rng: &mut Rng,
    now: Micros,
    usual: Usual,
    ask: &Ask<'_, M>,
) -> Option<&'a Arc<Endpoint<M>>> {
    let mut best: Option<(&Arc<Endpoint<M>>, f32, bool)> = None;
    let mut seen = 0;
    for _ in 0..DRAWS {
        let endpoint = snapshot.draw(rng)?;
        match ask.suits(endpoint) {
            Suits::Yes => {}
            Suits::No => continue,
            Suits::AsCanary => return Some(endpoint),
        }
        let score = endpoint.score(now, usual, ask.streaming);
        if best.is_none_or(|(_, lowest, _)| score.cost < lowest) {
            best = Some((endpoint, score.cost, score.poor));
        }
        seen += 1;
        if seen >= 2 && best.is_none_or(|(_, _, poor)| !poor) {
            break;
        }
    }
    best.map(|(endpoint, ..)| endpoint)
}

fn first_of<'a, M: Member>(
    ask: &Ask<'_, M>,
    mut next: impl FnMut() -> Option<&'a Arc<Endpoint<M>>>,
) -> Option<&'a Arc<Endpoint<M>>> {
    (0..DRAWS)
        .map_while(|_| next())
        .find(|endpoint| !matches!(ask.suits(endpoint), Suits::No))
}

/// Rare: looks at everybody, first for one that suits, then for one that is ready and new although it is ejected, then
/// for one that is ready, then for one that is new, then for any.
fn anybody<'a, M: Member>(snapshot: &'a Snapshot<M>, ask: &Ask<'_, M>) -> Option<&'a Arc<Endpoint<M>>> {
    let weighted = || snapshot.endpoints.iter().filter(|endpoint| endpoint.weight() > 0);
    weighted()
        .find(|endpoint| !matches!(ask.suits(endpoint), Suits::No))
        .or_else(|| weighted().find(|endpoint| endpoint.is_ready() && !ask.has_tried(endpoint)))
        .or_else(|| weighted().find(|endpoint| endpoint.is_ready()))
        .or_else(|| weighted().find(|endpoint| !ask.has_tried(endpoint)))
        .or_else(|| weighted().next())
}
