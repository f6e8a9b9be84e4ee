//! The wall clock jumps, as when a machine's is set: what depends on it, and what does not.
//!
//! Balancing, deadlines, heartbeats, budgets and backoff use the monotonic clock (`tokio::time::Instant`; clippy allows
//! no other), which no jump moves. Three things read the wall clock: whether a certificate is valid, when it is renewed
//! (by whichever clock is ahead, looked at twice a minute: `identity`'s own tests), and what reports say. The first is
//! shown here: TLS asks a time provider, and the test's jumps. Not covered: setting the clock of a whole machine, for
//! which a test has no right. After a jump past the end of a certificate new connections are refused until the next
//! look, and old ones serve on.

use std::sync::Arc;
use std::time::Duration;

use lyceum::Fabric;
use lyceum::identity::SpiffeId;
use lyceum::testing::probe::Folder;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::scene::{PROBE, start, unannounced};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// The wall clock, so many seconds off.
#[derive(Debug)]
struct Jumped(i64);

impl TimeProvider for Jumped {
    fn current_time(&self) -> Option<UnixTime> {
        let now = UnixTime::now().as_secs().checked_add_signed(self.0)?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now)))
    }
}

/// Whether the two still speak when the clocks of the caller's and the callee's machines are off by so much.
async fn speak(caller: &Fabric, callee: &Fabric, off: (i64, i64)) -> bool {
    let id = SpiffeId::service("lyceum.internal", "dc1", PROBE).unwrap();
    let mut client = caller.identity().material().client(&id).unwrap();
    client.time_provider = Arc::new(Jumped(off.0));
    let mut server = callee.identity().material().server().as_ref().clone();
    server.time_provider = Arc::new(Jumped(off.1));
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("callee").unwrap();
    let (near, far) = tokio::join!(
        TlsConnector::from(Arc::new(client)).connect(name, near),
        TlsAcceptor::from(Arc::new(server)).accept(far)
    );
    near.is_ok() && far.is_ok()
}

#[tokio::test]
async fn certificates_outlast_a_clock_that_is_a_little_off_and_no_more() {
    let folder = Folder::new();
    let (caller, callee) = (
        start(unannounced(&folder), "caller"),
        start(unannounced(&folder), PROBE),
    );
    for off in [0, -MINUTE, MINUTE, 12 * 60 * MINUTE] {
        assert!(
            speak(&caller, &callee, (off, 0)).await,
            "the caller's clock is {off} s off"
        );
        assert!(
            speak(&caller, &callee, (0, off)).await,
            "the callee's clock is {off} s off"
        );
        assert!(speak(&caller, &callee, (off, off)).await, "both are {off} s off");
    }
    // A day is a certificate's life. Before it and after it nobody is believed, whoever's clock it was.
    for off in [-DAY, 2 * DAY, -365 * DAY] {
        assert!(
            !speak(&caller, &callee, (off, 0)).await,
            "the caller's clock is {off} s off"
        );
        assert!(
            !speak(&caller, &callee, (0, off)).await,
            "the callee's clock is {off} s off"
        );
    }
}
