//! When a command is to stop: a signal, or its supervisor's end.
//!
//! SIGINT, SIGTERM and SIGHUP (the terminal was closed) ask for an orderly end; a second one means "at once". A supervised process also stops when its
//! standard input closes, because the pipe's other end is its parent: so nothing outlives a `lyceum up` that was killed.
//! When not: inside a server, draining is the fabric's; this only says when it begins.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The signals that ask for an end.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where whoever started us wants it ignored.
    hangup: Option<Signal>,
}

/// An end that was asked for, for any number of waiters.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

// === impl Signals ===

impl Signals {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if hangup_is_ignored() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = heard(self.hangup.as_mut()) => {}
        }
    }
}

async fn heard(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// `nohup` says so by ignoring the signal, which a handler would undo. Where the kernel does not tell, nobody said so.
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// `SigIgn` is a mask in hexadecimal, signal 1 its lowest bit.
fn ignores_hangup(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u128::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

// === impl Stop ===

impl Stop {
    /// By a signal, and for a supervised process by its supervisor's end.
    pub(crate) fn listen(supervised: bool) -> io::Result<Self> {
        let mut signals = Signals::listen()?;
        let (asked, stop) = watch::channel(false);
        if supervised {
            let asked = asked.clone();
            // A thread of its own: a read cannot be cancelled, and must not hold the runtime up at the end.
            std::thread::Builder::new()
                .name("supervisor".to_owned())
                .spawn(move || {
                    wait_for_end(&mut io::stdin().lock());
                    asked.send_replace(true);
                })?;
        }
        tokio::spawn(async move {
            signals.next().await;
            asked.send_replace(true);
        });
        Ok(Self(stop))
    }

    /// Waits until an end is asked for.
    pub(crate) async fn asked(mut self) {
        // An error means that nobody could ask any more.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

/// Reads to the end, whatever comes.
fn wait_for_end(input: &mut impl io::Read) {
    let mut rest = [0; 64];
    loop {
        match input.read(&mut rest) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_respected() {
        assert!(ignores_hangup("Name:\tlyceum\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"));
        assert!(!ignores_hangup("SigBlk:\t1\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }

    #[test]
    fn reading_ends_with_the_input() {
        wait_for_end(&mut io::Cursor::new(vec![7; 1000]));
    }
}
