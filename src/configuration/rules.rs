//! What a configuration must keep beyond its types: ranges, and settings that need each other.

use std::time::Duration;

use super::{Configuration, Errors, IdentitySource};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) fn check(configuration: &Configuration, errors: &mut Errors) {
    let Configuration {
        identity,
        registration,
        discovery,
        serving,
        client,
        telemetry,
        gateway,
        consul,
        authorization,
        storage,
        ..
    } = configuration;

    super::storage::check(storage, errors);
    if let Err(problem) = consul.address.parse::<crate::consul::Address>() {
        errors.add("consul.address", problem.to_string());
    }
    if consul.token.is_some() && consul.token_file.is_some() {
        errors.add("consul.token_file", "give either token or token_file");
    }
    if consul.certificate.is_some() != consul.key.is_some() {
        errors.add("consul.certificate", "certificate and key go together");
    }

    if let Err(problem) = crate::identity::SpiffeId::service(&identity.trust_domain, &identity.datacenter, "x") {
        errors.add("identity.trust_domain", problem.to_string());
    }
    within(errors, "identity.lifetime", identity.lifetime, 2 * SECOND, 90 * DAY);
    within(errors, "identity.reload", identity.reload, 100 * MILLISECOND, HOUR);
    if identity.source == IdentitySource::Files {
        for (key, path) in [
            ("certificate", &identity.certificate),
            ("key", &identity.key),
            ("roots", &identity.roots),
        ] {
            if path.is_none() {
                errors.add(
                    format!("identity.{key}"),
                    "must name a PEM file when identity.source is \"files\"",
                );
            }
        }
    }
    for line in &authorization.allow {
        if let Err(problem) = crate::authorization::Rule::parse(line) {
            errors.add("authorization.allow", problem.to_string());
        }
    }
    if authorization.vouchers.len() > 16 {
        errors.add("authorization.vouchers", "names at most 16 services");
    }
    for service in &authorization.vouchers {
        if let Err(problem) = crate::identity::SpiffeId::service(&identity.trust_domain, &identity.datacenter, service)
        {
            errors.add("authorization.vouchers", problem.to_string());
        }
    }

    if let Some(host) = &registration.address
        && !is_host(host)
    {
        errors.add(
            "registration.address",
            "must be an IP address or a host's name, without a port",
        );
    }
    within(errors, "registration.ttl", registration.ttl, 3 * SECOND, 10 * MINUTE);
    within(
        errors,
        "registration.deregister_after",
        registration.deregister_after,
        MINUTE,
        7 * DAY,
    );
    if registration.zone.len() > 64 {
        errors.add("registration.zone", "must have at most 64 characters");
    }
    within(errors, "registration.repeat", registration.repeat, SECOND, HOUR);
    between(
        errors,
        "registration.weight_passing",
        registration.weight_passing.into(),
        1,
        65535,
    );
    between(
        errors,
        "registration.weight_warning",
        registration.weight_warning.into(),
        1,
        65535,
    );

    within(errors, "discovery.wait", discovery.wait, SECOND, 55 * SECOND);
    within(
        errors,
        "discovery.hold_empty",
        discovery.hold_empty,
        Duration::ZERO,
        MINUTE,
    );
    within(
        errors,
        "discovery.stale_limit",
        discovery.stale_limit,
        SECOND,
        10 * MINUTE,
    );

    between(errors, "serving.connections", serving.connections, 1, 100_000);
    between(errors, "serving.streams", serving.streams, 1, 10_000);
    within(
        errors,
        "serving.handshake",
        serving.handshake,
        100 * MILLISECOND,
        MINUTE,
    );
    within(errors, "serving.deadline_limit", serving.deadline_limit, SECOND, HOUR);
    within(
        errors,
        "serving.connection_age",
        serving.connection_age,
        SECOND,
        7 * DAY,
    );
    within(
        errors,
        "serving.connection_age_grace",
        serving.connection_age_grace,
        Duration::ZERO,
        DAY,
    );
    within(
        errors,
        "serving.drain_notice",
        serving.drain_notice,
        Duration::ZERO,
        MINUTE,
    );
    within(
        errors,
        "serving.drain_grace",
        serving.drain_grace,
        Duration::ZERO,
        10 * MINUTE,
    );

    within(errors, "client.connect", client.connect, 10 * MILLISECOND, MINUTE);
    within(errors, "client.keepalive", client.keepalive, 10 * SECOND, HOUR);
    within(
        errors,
        "client.keepalive_timeout",
        client.keepalive_timeout,
        SECOND,
        MINUTE,
    );

    if telemetry.log.parse::<tracing_subscriber::EnvFilter>().is_err() {
        errors.add(
            "telemetry.log",
            "must be a filter such as \"info\" or \"lyceum=debug,info\"",
        );
    }
    if !(0.0..=1.0).contains(&telemetry.sample) {
        errors.add("telemetry.sample", "must be between 0 and 1");
    }

    gateway.check(errors);
}

/// What a caller could connect to once a port is added.
fn is_host(text: &str) -> bool {
    match text.parse::<std::net::IpAddr>() {
        Ok(ip) => !ip.is_unspecified(),
        Err(_) => !text.contains([':', '@', '/', '?', '#', '[']) && text.parse::<http::uri::Authority>().is_ok(),
    }
}

pub(super) fn within(errors: &mut Errors, key: &str, value: Duration, least: Duration, most: Duration) {
    if value < least || value > most {
        errors.add(
            key,
            format!(
                "must be between {} and {}",
                humantime_serde::re::humantime::format_duration(least),
                humantime_serde::re::humantime::format_duration(most)
            ),
        );
    }
}

pub(super) fn between(errors: &mut Errors, key: &str, value: u32, least: u32, most: u32) {
    if value < least || value > most {
        errors.add(key, format!("must be between {least} and {most}"));
    }
}
