//! `lyceum token`: a token for trying things on one machine.
//!
//! It is a JWT like any issuer's, signed with a key of the data folder that `lyceum up`'s gateway accepts; so what is
//! tried with it is what a deployment does with its own issuer. When not: a deployment never sets
//! `gateway.authentication.development`, and its gateway takes no such token.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use lyceum::principal::{Principal, Role};
use lyceum_gateway_grpcweb::development::{self, Keys};
use lyceum_gateway_grpcweb::keys::Moment;
use serde_json::json;

use crate::arguments::Layers;
use crate::output;

/// `lyceum token`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum token --role educator\n  \
    lyceum token --role parent --subject p-17 --student s-4 --student s-9 --expires 10m\n  \
    curl -H \"authorization: Bearer $(lyceum token --role student)\" http://127.0.0.1:8080/gateway/session\n\n\
    docs/gateway/authentication.md tells what the gateway makes of it.")]
pub(crate) struct Token {
    /// What the caller is: student, educator, administrator, service or parent; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// The caller's pseudonym (default: demo-ROLE)
    #[arg(long, value_name = "PSEUDONYM")]
    subject: Option<String>,
    /// A student whose data is the caller's, as a parent's child is; may be repeated
    #[arg(long = "student", value_name = "PSEUDONYM")]
    students: Vec<String>,
    /// A class of the caller's; may be repeated
    #[arg(long = "class", value_name = "CLASS")]
    classes: Vec<String>,
    /// How long it is valid
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: humantime::Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    layers: Layers,
}

/// Mints a token, and makes the keys where there are none.
pub(crate) fn run(arguments: Token, environment: &[(String, String)]) -> anyhow::Result<()> {
    let configuration = arguments.layers.load(environment)?;
    let limit = configuration.gateway.authentication.lifetime_limit;
    let lifetime: Duration = arguments.expires.into();
    if lifetime > limit {
        bail!(
            "--expires {} is longer than the gateway takes, {}: raise gateway.authentication.lifetime_limit for both",
            arguments.expires,
            humantime::format_duration(limit)
        );
    }
    let principal = arguments.principal()?;
    let now = Moment::now();
    let token = Keys::open(&configuration.data)?.mint(&principal, lifetime, now)?;
    if !arguments.json {
        return Ok(output::line(&token)?);
    }
    let told = json!({
        "token": token,
        "subject": principal.subject().expose(),
        "roles": principal.roles().iter().map(Role::name).collect::<Vec<_>>(),
        "students": principal.students().expose(),
        "classes": principal.classes().expose(),
        "expires": now.after(lifetime),
    });
    Ok(output::line(&serde_json::to_string_pretty(&told)?)?)
}

impl Token {
    /// Who it is for: somebody made up, unless it is said.
    fn principal(&self) -> anyhow::Result<Principal> {
        let first = *self.roles.first().context("--role is missing")?;
        let person = development::person(first);
        let subject = self
            .subject
            .clone()
            .unwrap_or_else(|| person.subject().expose().clone());
        let said = |said: &[String], made_up: &[String]| match (said, &self.subject) {
            ([], None) => made_up.to_vec(),
            _ => said.to_vec(),
        };
        Ok(Principal::try_new(
            subject,
            self.roles.iter().copied().collect::<lyceum::principal::Roles>(),
        )?
        .with_students(said(&self.students, person.students().expose()))?
        .with_classes(said(&self.classes, person.classes().expose()))?)
    }
}
