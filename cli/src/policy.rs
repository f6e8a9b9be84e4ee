//! `lyceum policy`: how a service is called and serves, looked at and changed while everything runs.
//!
//! A document is checked above this command's own configuration before it goes into Consul, so that no process has to
//! refuse it; and it is put only over the one that was there, so that two operators do not undo each other. When not:
//! what holds for every service belongs into `[policy]` of the configuration, which is the layer below.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use lyceum::configuration::{Configuration, Problem};
use lyceum::consul::{Client, Query};
use lyceum::identity::SpiffeId;
use lyceum::policy::{DOCUMENT_LIMIT, Error, Origin, Setting, key};
use serde_json::json;

use crate::arguments::{CheckPolicy, Policy, SetPolicy, ShowPolicy, UnsetPolicy};
use crate::directory;
use crate::output;

/// Shows, sets, checks or unsets.
pub(crate) async fn run(command: Policy, environment: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        Policy::Show(arguments) => show(&arguments, &arguments.layers.load(environment)?).await,
        Policy::Set(arguments) => set(&arguments, &arguments.layers.load(environment)?).await,
        Policy::Check(arguments) => check(&arguments, &arguments.layers.load(environment)?),
        Policy::Unset(arguments) => unset(&arguments, &arguments.layers.load(environment)?).await,
    }
}

async fn show(arguments: &ShowPolicy, configuration: &Configuration) -> anyhow::Result<()> {
    let service = &arguments.service;
    let (document, index) = stored(&client(configuration, service)?, service).await?;
    let text = document.as_deref().map(String::from_utf8_lossy);
    if arguments.document {
        return Ok(output::line(text.unwrap_or_default().trim_end())?);
    }
    let settings = configuration
        .policy
        .settings(document.as_deref().unwrap_or_default())
        .with_context(|| {
            format!("the document in Consul is not usable, and whoever calls {service} keeps the last good one")
        })?;
    if arguments.json {
        let told = json!({ "service": service, "index": index, "document": text, "settings": settings });
        output::line(&serde_json::to_string_pretty(&told)?)?;
    } else {
        output::line(written(service, document.is_some(), &settings).trim_end())?;
    }
    Ok(())
}

/// As a document, with the origin of each value behind it.
fn written(service: &str, stored: bool, settings: &[Setting]) -> String {
    let mut text = if stored {
        format!(
            "# {service}: {} above the configuration above the defaults\n",
            key(service)
        )
    } else {
        format!("# {service}: no document in Consul; the configuration above the defaults\n")
    };
    let mut section = "";
    for setting in settings {
        let (of, name) = (setting.table(), setting.name());
        if of != section {
            let _ = write!(text, "\n[{of}]\n");
            section = of;
        }
        let line = format!("{name} = {}", setting.value);
        let origin = match setting.origin {
            Origin::Default => "default",
            Origin::Configuration => "configuration",
            Origin::Consul => "consul",
        };
        let _ = writeln!(text, "{line:<34} # {origin}");
    }
    text
}

async fn set(arguments: &SetPolicy, configuration: &Configuration) -> anyhow::Result<()> {
    let service = &arguments.service;
    let client = client(configuration, service)?;
    let document = read(&arguments.file)?;
    checked(configuration, &document, Some(service))?;
    let index = match arguments.index {
        Some(index) => index,
        None => stored(&client, service).await?.1,
    };
    let put = client.kv_put_unchanged(&key(service), document, index).await;
    if !put.map_err(directory::explained)? {
        bail!(
            "the policy of {service} changed meanwhile: look at it with `lyceum policy show {service}`, and set yours \
             again"
        );
    }
    if arguments.json {
        let index = stored(&client, service).await?.1;
        output::line(&json!({ "service": service, "key": key(service), "index": index }).to_string())?;
    } else {
        output::line(&format!(
            "The policy of {service} is set; whoever calls it takes it over now."
        ))?;
    }
    Ok(())
}

fn check(arguments: &CheckPolicy, configuration: &Configuration) -> anyhow::Result<()> {
    let document = read(&arguments.file)?;
    let outcome = checked(configuration, &document, arguments.service.as_deref());
    if arguments.json {
        let problems: Vec<_> = match &outcome {
            Ok(()) => Vec::new(),
            Err(Error::Wrong(problems)) => problems
                .iter()
                .map(|problem| json!({ "key": problem.key, "problem": problem.problem }))
                .collect(),
            Err(error) => vec![json!({ "key": "", "problem": error.to_string() })],
        };
        output::line(&json!({ "valid": problems.is_empty(), "problems": problems }).to_string())?;
    } else if outcome.is_ok() {
        output::line("The policy is fine.")?;
    }
    Ok(outcome?)
}

async fn unset(arguments: &UnsetPolicy, configuration: &Configuration) -> anyhow::Result<()> {
    let service = &arguments.service;
    let client = client(configuration, service)?;
    if stored(&client, service).await?.0.is_none() {
        return Ok(output::line(&format!("{service} has no policy of its own."))?);
    }
    client.kv_delete(&key(service)).await.map_err(directory::explained)?;
    output::line(&format!(
        "The policy of {service} is gone; what the configuration says holds again."
    ))?;
    Ok(())
}

/// A document must be right here, and name methods that the service has as far as this binary knows it.
fn checked(configuration: &Configuration, document: &[u8], service: Option<&str>) -> Result<(), Error> {
    let policy = configuration.policy.with(document)?;
    let unknown = service
        .map(|service| policy.unknown_methods(service))
        .unwrap_or_default();
    if unknown.is_empty() {
        return Ok(());
    }
    let problem = |method: String| Problem {
        key: format!("methods.{method}"),
        problem: format!("{} has no such method", service.unwrap_or_default()),
    };
    Err(Error::Wrong(unknown.into_iter().map(problem).collect()))
}

/// A client for Consul, for a service whose name can be one.
fn client(configuration: &Configuration, service: &str) -> anyhow::Result<Client> {
    let identity = &configuration.identity;
    SpiffeId::service(&identity.trust_domain, &identity.datacenter, service)
        .with_context(|| format!("{service:?} is no name of a service"))?;
    Ok(Client::try_new(&directory::settings(configuration)?)?)
}

/// The document in Consul and its index; 0 where there is none.
async fn stored(client: &Client, service: &str) -> anyhow::Result<(Option<Vec<u8>>, u64)> {
    let answer = client
        .kv_get(&key(service), &Query::default())
        .await
        .map_err(directory::explained)?;
    Ok(match answer.value {
        Some(value) => (Some(value.to_vec()), answer.index),
        None => (None, 0),
    })
}

/// A file or standard input, up to just beyond what is read of a document.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut document = Vec::new();
    let limit = DOCUMENT_LIMIT as u64 + 1;
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut document)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut document))
    }
    .with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(document)
}
