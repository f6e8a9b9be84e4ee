//! What a service outside the mesh serves, and its types: asked of itself, as nobody else knows either.
//!
//! **What.** Where the configuration lists no services, those that it reflects are announced to the routes; their types
//! are learnt like any other's. As nothing tells when it changes, it is asked again each minute. **Why not more.** It may
//! say what it is, and nothing of who may call it: that is for the operator's policy, so its word on access is dropped.
//! **When not.** A server without reflection: then its services must be listed, and JSON cannot be spoken with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tonic::Code;

use super::super::Schema;
use super::super::reflection;
use super::{Error, FIRST_PAUSE, Known, LONGEST_PAUSE, Learner, Reflected};
use crate::upstreams::Upstream;

/// Between two questions.
const AGAIN: Duration = Duration::from_secs(60);
/// The most services of one server.
const MOST: usize = 256;

/// Learns one service outside for as long as it runs.
pub(crate) async fn follow(upstream: Upstream, schema: Arc<Schema>) {
    let owner: Arc<str> = upstream.channel.service().into();
    schema.set_outside(&owner);
    schema.set_live(&owner, true);
    let mut learner = Learner {
        owner: Arc::clone(&owner),
        channel: upstream.channel.clone(),
        schema: Arc::clone(&schema),
        known: Known::default(),
        outside: true,
    };
    let (mut pause, mut said) = (FIRST_PAUSE, String::new());
    loop {
        let learnt = learn(&mut learner, &upstream).await;
        schema.set_asked(&owner);
        pause = match &learnt {
            Ok(()) => AGAIN,
            Err(_) if pause >= AGAIN => FIRST_PAUSE * 2,
            Err(_) => (pause * 2).min(LONGEST_PAUSE),
        };
        // What is the same as before was said already.
        let says = learnt.err().map(|error| tell(&error)).unwrap_or_default();
        if says != said {
            match says.as_str() {
                "" => tracing::info!(upstream = %owner, "its types are learnt"),
                error => tracing::warn!(upstream = %owner, error, "types not learnt; what was known is kept"),
            }
            said = says;
        }
        sleep(pause).await;
    }
}

async fn learn(learner: &mut Learner, upstream: &Upstream) -> Result<(), Error> {
    let methods: BTreeSet<String> = if upstream.listed.is_empty() {
        let mut listed = reflection::list(&learner.channel).await?;
        listed.retain(|name| is_service(name));
        if listed.len() > MOST {
            tracing::warn!(upstream = %learner.owner, MOST, "serves more services than are taken from one");
        }
        listed.into_iter().take(MOST).collect()
    } else {
        upstream.listed.iter().cloned().collect()
    };
    upstream.announce(&methods);
    let reflected = Reflected {
        methods,
        ..Reflected::default()
    };
    learner.learn(&reflected).await
}

/// Whether a reflected name is a service that may be called through the gateway, which has its own of these two.
fn is_service(name: &str) -> bool {
    let own = ["grpc.reflection.", "grpc.health."];
    name.contains('.') && !name.contains('/') && name.len() <= 256 && !own.iter().any(|own| name.starts_with(own))
}

/// Why, with what an operator can do about it.
fn tell(error: &Error) -> String {
    match error {
        Error::Reflection(reflection::Error::Status(status)) if status.code() == Code::Unimplemented => {
            "it does not reflect: list its services in gateway.upstreams; JSON cannot be spoken with it".to_owned()
        }
        // A status that the channel itself made: why nobody was reached.
        Error::Reflection(reflection::Error::Status(status)) if status.code() == Code::Unavailable => {
            format!("not reached: {}", status.message())
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_reflects_is_taken_if_it_can_be_a_service() {
        assert!(is_service("grpc.testing.TestService"));
        for name in [
            "grpc.reflection.v1.ServerReflection",
            "grpc.health.v1.Health",
            "Service",
            "a.B/C",
        ] {
            assert!(!is_service(name), "{name}");
        }
    }
}
