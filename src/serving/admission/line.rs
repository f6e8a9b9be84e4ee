//! The line in front of a full server: who waits, who is next, who waits no more.
//!
//! - **Next** is the caller with the fewest calls running, of those who wait with the highest priority: whoever has more
//!   than its share gets nothing while somebody with less waits.
//! - **Order** of one caller's calls is first come, first served, until the line has stood for a whole
//!   [`queue_interval`](Serving::queue_interval). From then on the newest goes first: the oldest have waited for so long that their
//!   callers are about to leave, and to serve them in order would make everybody late.
//! - **No more**: once the line has stood that long, whoever has waited longer than the target is refused as soon as the
//!   free places are filled; nobody is refused who could be served.
//! - **Full**, the line takes a call only in the place of a lesser one: one of lower priority, or of the caller who has
//!   most waiting.
//!
//! Pure: the time is told, the tickets are the caller's. Why not one queue a caller: with few callers, looking at each
//! costs less than keeping them sorted. Source: Nichols & Jacobson, CoDel (ACM Queue 2012; RFC 8289); Maurer, "Fail at
//! scale" (ACM Queue 2015: adaptive LIFO, CoDel on servers); max-min fairness (Demers, Keshav & Shenker 1989).

use std::collections::VecDeque;
use std::sync::Arc;

use super::caller::Caller;
use crate::balancing::Micros;
use crate::context::Priority;
use crate::policy::Serving;

/// Where in the line something stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    class: usize,
    caller: u64,
    number: u64,
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Waiter<T> {
    number: u64,
    pub(super) since: Micros,
    /// When its answer is worth nothing any more.
    pub(super) deadline: Option<Micros>,
    pub(super) ticket: T,
}

#[derive(Debug)]
struct Lane<T> {
    caller: Arc<Caller>,
    /// Oldest first.
    waiters: VecDeque<Waiter<T>>,
}

/// What happened to somebody who came.
#[derive(Debug)]
pub(super) enum Pushed<T> {
    /// It waits, perhaps in the place of another: of whom there were too many, or who mattered less.
    Waits(Key, Option<(T, Whose)>),
    /// The line is full: of calls of its own caller, or of others that matter as much.
    Full(T, Whose),
}

/// Who fills a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Everybody alike.
    Everybody,
    /// The one who came, while others wait too.
    Own,
}

/// The line.
#[derive(Debug)]
pub(super) struct Line<T> {
    length: usize,
    wait: u64,
    target: u64,
    /// By priority, the highest first.
    classes: [Vec<Lane<T>>; 2],
    waiting: usize,
    next: u64,
    /// Since when somebody has been waiting without a pause.
    standing: Option<Micros>,
}

impl<T> Line<T> {
    pub(super) fn new(settings: &Serving) -> Self {
        let mut line = Self {
            length: 0,
            wait: 0,
            target: 0,
            classes: [Vec::new(), Vec::new()],
            waiting: 0,
            next: 0,
            standing: None,
        };
        line.set(settings);
        line
    }

    /// Takes other settings; who waits already goes on waiting.
    pub(super) fn set(&mut self, settings: &Serving) {
        self.length = settings.queue as usize;
        self.wait = settings.queue_interval.as_micros() as u64;
        self.target = settings.queue_target.as_micros() as u64;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Whether the line has stood for too long.
    pub(super) fn overloaded(&self, now: Micros) -> bool {
        self.standing
            .is_some_and(|since| now.0.saturating_sub(since.0) >= self.wait)
    }

    /// Somebody comes.
    pub(super) fn push(
        &mut self,
        now: Micros,
        priority: Priority,
        caller: &Arc<Caller>,
        deadline: Option<Micros>,
        ticket: T,
    ) -> Pushed<T> {
        let class = priority as usize;
        let mut instead = None;
        if self.waiting >= self.length {
            match self.make_room(class, caller) {
                Ok(evicted) => instead = Some(evicted),
                Err(whose) => return Pushed::Full(ticket, whose),
            }
        }
        let number = self.next;
        self.next += 1;
        let lanes = &mut self.classes[class];
        let index = lanes
            .iter()
            .position(|lane| lane.caller.id == caller.id)
            .unwrap_or_else(|| {
                lanes.push(Lane {
                    caller: Arc::clone(caller),
                    waiters: VecDeque::new(),
                });
                lanes.len() - 1
            });
        lanes[index].waiters.push_back(Waiter {
            number,
            since: now,
            deadline,
            ticket,
        });
        self.waiting += 1;
        self.standing.get_or_insert(now);
        let key = Key {
            class,
            caller: caller.id,
            number,
        };
        Pushed::Waits(key, instead)
    }

    /// Takes out one who matters less than a call of `caller` in `class`: the newest of whoever has most waiting.
    fn make_room(&mut self, class: usize, caller: &Caller) -> Result<(T, Whose), Whose> {
        let lowest = (0..self.classes.len())
            .rev()
            .find(|class| !self.classes[*class].is_empty());
        let Some(lowest) = lowest.filter(|lowest| *lowest >= class) else {
            return Err(Whose::Everybody);
        };
        let lanes = &self.classes[lowest];
        let longest = (0..lanes.len()).max_by_key(|index| lanes[*index].waiters.len());
        let Some(longest) = longest else {
            return Err(Whose::Everybody);
        };
        if lowest == class {
            let own = lanes
                .iter()
                .find(|lane| lane.caller.id == caller.id)
                .map_or(0, |lane| lane.waiters.len());
            let most = lanes[longest].waiters.len();
            if most <= own + 1 {
                let others = lanes.len() > usize::from(own > 0);
                let over = others && own * lanes.len() > lanes.iter().map(|lane| lane.waiters.len()).sum();
                return Err(if over { Whose::Own } else { Whose::Everybody });
            }
        }
        let whose = if lowest == class { Whose::Own } else { Whose::Everybody };
        self.take(lowest, longest, true)
            .map(|waiter| (waiter.ticket, whose))
            .ok_or(Whose::Everybody)
    }

    /// Who is next; not looking at deadlines.
    pub(super) fn pop(&mut self, now: Micros) -> Option<Waiter<T>> {
        let newest = self.overloaded(now);
        let class = self.classes.iter().position(|lanes| !lanes.is_empty())?;
        let lanes = &self.classes[class];
        let end = |lane: &Lane<T>| {
            let waiter = if newest {
                lane.waiters.back()
            } else {
                lane.waiters.front()
            };
            let number = waiter.map_or(0, |waiter| waiter.number);
            if newest { u64::MAX - number } else { number }
        };
        let index = (0..lanes.len()).min_by_key(|index| (lanes[*index].caller.running(), end(&lanes[*index])))?;
        self.take(class, index, newest)
    }

    /// Somebody who has waited for longer than this overload allows, the oldest of the lowest priority first.
    pub(super) fn shed(&mut self, now: Micros) -> Option<Waiter<T>> {
        if !self.overloaded(now) {
            return None;
        }
        let target = self.target;
        let late = |lane: &Lane<T>| {
            lane.waiters
                .front()
                .is_some_and(|oldest| now.0.saturating_sub(oldest.since.0) > target)
        };
        let (class, index) = (0..self.classes.len())
            .rev()
            .find_map(|class| self.classes[class].iter().position(late).map(|index| (class, index)))?;
        self.take(class, index, false)
    }

    /// Somebody leaves; whether it still stood in the line.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let index = self.classes[key.class]
            .iter()
            .position(|lane| lane.caller.id == key.caller)?;
        let waiters = &mut self.classes[key.class][index].waiters;
        let place = waiters.binary_search_by_key(&key.number, |waiter| waiter.number).ok()?;
        let waiter = waiters.remove(place)?;
        self.left(key.class, index);
        Some(waiter.ticket)
    }

    fn take(&mut self, class: usize, index: usize, newest: bool) -> Option<Waiter<T>> {
        let waiters = &mut self.classes[class][index].waiters;
        let waiter = if newest {
            waiters.pop_back()
        } else {
            waiters.pop_front()
        }?;
        self.left(class, index);
        Some(waiter)
    }

    fn left(&mut self, class: usize, index: usize) {
        if self.classes[class][index].waiters.is_empty() {
            self.classes[class].swap_remove(index);
        }
        self.waiting -= 1;
        if self.waiting == 0 {
            self.standing = None;
        }
    }
}

#[cfg(test)]
mod tests;
