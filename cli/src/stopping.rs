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
    hangup: Signal,
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
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
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
    fn reading_ends_with_the_input() {
        wait_for_end(&mut io::Cursor::new(vec![7; 1000]));
    }
}
