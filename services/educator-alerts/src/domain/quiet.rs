//! Quiet hours and quiet days, by the clock on the wall.
//!
//! What: a part of every day, and whole days of the week, in which somebody is left alone; and when the quiet that holds
//! now ends. Why with the time zone's rules and not with an offset: on the days when clocks change, quiet hours last an
//! hour more or less and still end when the wall says so. What the wall does not say that day (half past two in a
//! spring night) is the moment at which it jumps over it; what it says twice is the first time. Days that a zone left
//! out altogether (Samoa 2011) are no days.
//!
//! 1. Whatever is held back is told when the quiet ends, never later; and then it is not quiet.
//! 2. It is quiet all the time until then.
//!
//! When not: nothing is dropped by it, only told later. Source: RFC 9557 and the IANA time zone database, which is
//! compiled in.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// Minutes of a day on the wall.
pub const MINUTES: u32 = 24 * 60;
/// The longest name of a zone.
pub const ZONE_MOST: usize = 64;

/// A part of every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    start: Minute,
    end: Minute,
}

/// A minute of the day: 0 to 1439.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(u32);

/// Preferences that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No zone of that name.
    #[error("this is no IANA time zone, such as Europe/Berlin")]
    Zone,
    /// No minute of a day.
    #[error("a minute of the day is between 0 and 1439")]
    Minute,
    /// They would never end.
    #[error("quiet hours end at another minute than they begin")]
    Endless,
    /// Every day would be quiet.
    #[error("at least one day of the week is not quiet")]
    EveryDay,
}

impl Minute {
    /// Checks it.
    ///
    /// # Errors
    /// Not of a day.
    pub fn try_new(minute: u32) -> Result<Self, Error> {
        if minute < MINUTES {
            Ok(Self(minute))
        } else {
            Err(Error::Minute)
        }
    }

    /// As a number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    fn time(self) -> Time {
        // Below 24 and below 60, so it is one.
        Time::new((self.0 / 60) as i8, (self.0 % 60) as i8, 0, 0).unwrap_or(Time::midnight())
    }
}

impl Hours {
    /// Checks them. They end on the next day where the end is not after the start.
    ///
    /// # Errors
    /// An end that is the start.
    pub fn try_new(start: Minute, end: Minute) -> Result<Self, Error> {
        if start == end {
            Err(Error::Endless)
        } else {
            Ok(Self { start, end })
        }
    }

    /// When they begin and end.
    #[must_use]
    pub fn minutes(self) -> (Minute, Minute) {
        (self.start, self.end)
    }
}

/// When somebody is left alone, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    zone: TimeZone,
    hours: Option<Hours>,
    /// Monday first.
    days: [bool; 7],
}

impl Default for Quiet {
    /// Never.
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            hours: None,
            days: [false; 7],
        }
    }
}

/// Reads the name of a zone; nothing said is UTC.
///
/// # Errors
/// No zone of that name.
pub fn zone(name: &str) -> Result<TimeZone, Error> {
    match name {
        "" => Ok(TimeZone::UTC),
        name if name.len() > ZONE_MOST => Err(Error::Zone),
        name => TimeZone::get(name).map_err(|_| Error::Zone),
    }
}

impl Quiet {
    /// Checks it.
    ///
    /// # Errors
    /// All seven days.
    pub fn try_new(zone: TimeZone, hours: Option<Hours>, days: &[Weekday]) -> Result<Self, Error> {
        let mut quiet = [false; 7];
        for day in days {
            quiet[place(*day)] = true;
        }
        if quiet == [true; 7] {
            return Err(Error::EveryDay);
        }
        Ok(Self {
            zone,
            hours,
            days: quiet,
        })
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The hours of every day.
    #[must_use]
    pub fn hours(&self) -> Option<Hours> {
        self.hours
    }

    /// The days, Monday first.
    #[must_use]
    pub fn days(&self) -> [bool; 7] {
        self.days
    }

    /// When the quiet that holds at a moment ends; `None` where it is not quiet.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut end = now;
        // Nights and days touch each other: a free Monday's night, its day, the night after. Each round is past the end
        // of one of them, and a week has seven of each.
        for _ in 0..21 {
            match self.stretch_at(end) {
                Some(later) if later > end => end = later,
                _ => break,
            }
        }
        (end > now).then_some(end)
    }

    /// The latest end of the stretches that hold at a moment.
    fn stretch_at(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        // A night that began yesterday may last until today, and where clocks jump at midnight a day begins a bit off.
        let dates = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
        let mut latest: Option<Timestamp> = None;
        for date in dates.into_iter().flatten() {
            for (start, end) in self.stretches(date).into_iter().flatten() {
                if start <= now && now < end {
                    latest = latest.max(Some(end));
                }
            }
        }
        latest
    }

    /// The quiet that begins on a date: its hours, and the whole of it.
    fn stretches(&self, date: Date) -> [Option<(Timestamp, Timestamp)>; 2] {
        let hours = self.hours.and_then(|Hours { start, end }| {
            let last = if end > start { date } else { date.tomorrow().ok()? };
            Some((
                self.moment(date.to_datetime(start.time()))?,
                self.moment(last.to_datetime(end.time()))?,
            ))
        });
        let day = self.days[place(date.weekday())].then(|| {
            let next = date.tomorrow().ok()?;
            Some((
                self.moment(date.to_datetime(Time::midnight()))?,
                self.moment(next.to_datetime(Time::midnight()))?,
            ))
        });
        [hours, day.flatten()]
    }

    /// The next moment after `now` at which the wall says a minute, on any day or on one of the week. `None` only at the
    /// end of time.
    #[must_use]
    pub fn next(&self, minute: Minute, weekday: Option<Weekday>, now: Timestamp) -> Option<Timestamp> {
        let mut date = self.zone.to_datetime(now).date().yesterday().ok()?;
        // Today's may be over, and a zone may leave a day out.
        for _ in 0..17 {
            if weekday.is_none_or(|day| day == date.weekday()) {
                let moment = self.moment(date.to_datetime(minute.time()))?;
                if moment > now {
                    return Some(moment);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// When the wall says this: the first time where it says it twice, the jump where it jumps over it.
    fn moment(&self, wall: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => {
                // Read by the offset after the jump, it lies before the jump.
                let before = ambiguous.earlier().ok()?;
                let jump = self.zone.following(before).next()?.timestamp();
                // Some zones note changes of name alone in between; the jump is within a day.
                (jump <= before.checked_add(25.hours()).ok()?).then_some(jump)
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        }
    }
}

fn place(day: Weekday) -> usize {
    // 0 to 6.
    day.to_monday_zero_offset() as usize % 7
}

#[cfg(test)]
mod tests;
