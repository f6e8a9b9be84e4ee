//! `lyceum key`: API keys, made and taken back while everything runs.
//!
//! A key's document is in Consul, and every gateway follows it; its secret is printed when it is made and is nowhere
//! after that. A document is written only over the one that was looked at, so that two operators do not undo each other.
//! When not: people have tokens and sessions; services inside the mesh have certificates.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use lyceum::configuration::Configuration;
use lyceum::consul::{Client, Query};
use lyceum::principal::Role;
use lyceum_gateway_grpcweb::keys::{self, FOLDER, Key, Moment, Shown};
use serde_json::{Value, json};

use crate::arguments::Layers;
use crate::table::{self, Paint};
use crate::{directory, output};

/// `lyceum key`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key for a program, and print it: this once
    Create(Create),
    /// List every key
    List(List),
    /// Show one key: whose it is, what it opens, until when
    Show(Show),
    /// Give a key a new secret, and print it; the old one works on for a while
    Rotate(Rotate),
    /// Take a key back: at once, and for good
    Revoke(Revoke),
}

/// `lyceum key create`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum key create grading-bot --scope 'lyceum.writing_analysis.v1.WritingAnalysisService/*'\n  \
    lyceum key create exporter --role administrator --scope '*' --expires 30d --json | jq -r .key\n\n\
    The key is printed once and kept nowhere. It is sent as `authorization: Bearer lyk_…` or `x-api-key: lyk_…`.")]
pub(crate) struct Create {
    /// The program that gets it: what services know the caller as
    #[arg(value_name = "OWNER")]
    owner: String,
    /// What it opens: package.Service/Method, package.Service/*, or *; may be repeated
    #[arg(long = "scope", value_name = "METHOD", required = true)]
    scopes: Vec<String>,
    /// What the caller is; may be repeated
    #[arg(long = "role", value_name = "ROLE", default_value = "service")]
    roles: Vec<Role>,
    /// A student whose data is the caller's; may be repeated
    #[arg(long = "student", value_name = "PSEUDONYM")]
    students: Vec<String>,
    /// A class of the caller's; may be repeated
    #[arg(long = "class", value_name = "CLASS")]
    classes: Vec<String>,
    /// How long it is valid, or `never`
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = ending)]
    expires: Ending,
    #[command(flatten)]
    common: Common,
}

/// `lyceum key list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum key list\n  \
    lyceum key list --json | jq -r '.keys[].id'")]
pub(crate) struct List {
    #[command(flatten)]
    common: Common,
}

/// `lyceum key show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum key show 7f3kq2m9xw4d")]
pub(crate) struct Show {
    /// The key's id: what stands between lyk_ and the next _
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

/// `lyceum key rotate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum key rotate 7f3kq2m9xw4d                      a day to change over\n  \
    lyceum key rotate 7f3kq2m9xw4d --overlap 0s         the old secret leaked: end it now")]
pub(crate) struct Rotate {
    /// The key's id
    #[arg(value_name = "ID")]
    id: String,
    /// How long the old secret works on
    #[arg(long, value_name = "TIME", default_value = "1d")]
    overlap: humantime::Duration,
    #[command(flatten)]
    common: Common,
}

/// `lyceum key revoke`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum key revoke 7f3kq2m9xw4d                      from this second on, at every gateway")]
pub(crate) struct Revoke {
    /// The key's id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

/// What all of them take.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    layers: Layers,
}

/// When a key ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    After(Duration),
    Never,
}

fn ending(text: &str) -> Result<Ending, humantime::DurationError> {
    match text {
        "never" => Ok(Ending::Never),
        _ => humantime::parse_duration(text).map(Ending::After),
    }
}

/// Makes, lists, shows, rotates or revokes.
pub(crate) async fn run(command: Command, environment: &[(String, String)]) -> anyhow::Result<()> {
    let load = |common: &Common| common.layers.load(environment);
    match command {
        Command::Create(arguments) => create(&arguments, &load(&arguments.common)?).await,
        Command::List(arguments) => list(&arguments, &load(&arguments.common)?, Paint::new(environment)).await,
        Command::Show(arguments) => show(&arguments, &load(&arguments.common)?).await,
        Command::Rotate(arguments) => rotate(&arguments, &load(&arguments.common)?).await,
        Command::Revoke(arguments) => revoke(&arguments, &load(&arguments.common)?).await,
    }
}

async fn create(arguments: &Create, configuration: &Configuration) -> anyhow::Result<()> {
    let scopes: BTreeSet<String> = arguments.scopes.iter().cloned().collect();
    let now = Moment::now();
    let (mut key, shown) = Key::create(&arguments.owner, arguments.roles.iter().copied().collect(), scopes, now)?;
    key.students.clone_from(&arguments.students);
    key.classes.clone_from(&arguments.classes);
    key.expires = match arguments.expires {
        Ending::After(time) => Some(now.after(time)),
        Ending::Never => None,
    };
    key.principal()?;
    put(&client(configuration)?, &key, 0).await?;
    told(
        &key,
        &shown,
        arguments.common.json,
        "This is the key; it is shown this once:",
    )
}

async fn rotate(arguments: &Rotate, configuration: &Configuration) -> anyhow::Result<()> {
    let client = client(configuration)?;
    let (mut key, index) = stored(&client, &arguments.id).await?;
    let shown = key.rotate(arguments.overlap.into(), Moment::now())?;
    put(&client, &key, index).await?;
    let text = format!(
        "This is the key from now on; it is shown this once. The old one works for {}:",
        arguments.overlap
    );
    told(&key, &shown, arguments.common.json, &text)
}

async fn revoke(arguments: &Revoke, configuration: &Configuration) -> anyhow::Result<()> {
    let client = client(configuration)?;
    let (mut key, index) = stored(&client, &arguments.id).await?;
    key.revoke(Moment::now());
    put(&client, &key, index).await?;
    if arguments.common.json {
        return Ok(output::line(&described(&key).to_string())?);
    }
    Ok(output::line(&format!(
        "The key {} of {} is revoked; every gateway refuses it within a second or so.",
        key.id, key.owner
    ))?)
}

async fn show(arguments: &Show, configuration: &Configuration) -> anyhow::Result<()> {
    let (key, _) = stored(&client(configuration)?, &arguments.id).await?;
    if arguments.common.json {
        return Ok(output::line(&serde_json::to_string_pretty(&described(&key))?)?);
    }
    let list = |items: &[String]| match items {
        [] => "none".to_owned(),
        items => items.join(", "),
    };
    let mut table = Paint::plain().table(&[]);
    let scopes: Vec<_> = key.scopes.iter().cloned().collect();
    for (name, value) in [
        ("key", key.id.clone()),
        ("owner", key.owner.clone()),
        ("state", state(&key).to_owned()),
        ("roles", list(&key.roles)),
        ("scopes", list(&scopes)),
        ("students", list(&key.students)),
        ("classes", list(&key.classes)),
        ("created", key.created.to_string()),
        ("expires", ends(key.expires)),
    ] {
        table.add_row([Cell::new(name), Cell::new(value)]);
    }
    for secret in &key.secrets {
        let until = secret
            .not_after
            .map_or_else(String::new, |end| format!(", until {end}"));
        table.add_row([Cell::new("secret"), Cell::new(format!("of {}{until}", secret.created))]);
    }
    Ok(output::line(&table::lines(&table))?)
}

async fn list(arguments: &List, configuration: &Configuration, paint: Paint) -> anyhow::Result<()> {
    let client = client(configuration)?;
    let answer = client.kv_list(FOLDER, &Query::default()).await;
    let stored = answer.map_err(directory::explained)?.value;
    let mut keys = Vec::new();
    for stored in &stored {
        match Key::read(&stored.value) {
            Ok(key) => keys.push(key),
            Err(error) => eprintln!("lyceum: {}: {error}; it opens nothing", stored.key),
        }
    }
    if arguments.common.json {
        let told: Vec<_> = keys.iter().map(described).collect();
        return Ok(output::line(&serde_json::to_string_pretty(&json!({ "keys": told }))?)?);
    }
    if keys.is_empty() {
        return Ok(output::line("There are no keys: `lyceum key create` makes one.")?);
    }
    let mut table = paint.table(&["KEY", "OWNER", "STATE", "ROLES", "SCOPES", "EXPIRES"]);
    for key in &keys {
        let scopes: Vec<_> = key.scopes.iter().map(String::as_str).collect();
        table.add_row([
            Cell::new(&key.id),
            Cell::new(&key.owner),
            Cell::new(state(key)),
            Cell::new(key.roles.join(" ")),
            Cell::new(scopes.join(" ")),
            Cell::new(ends(key.expires)),
        ]);
    }
    Ok(output::line(&table::lines(&table))?)
}

/// A key as it stands, and the secret that is shown with it.
fn told(key: &Key, shown: &Shown, json: bool, text: &str) -> anyhow::Result<()> {
    if json {
        let mut told = described(key);
        told["key"] = shown.expose().into();
        return Ok(output::line(&serde_json::to_string_pretty(&told)?)?);
    }
    Ok(output::line(&format!(
        "{text}\n\n  {}\n\nIt is {}'s, opens {}, and ends: {}.",
        shown.expose(),
        key.owner,
        key.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        ends(key.expires),
    ))?)
}

/// A key without its hashes: they help nobody who may see them.
fn described(key: &Key) -> Value {
    let secrets: Vec<_> = key
        .secrets
        .iter()
        .map(|secret| json!({ "created": secret.created, "not_after": secret.not_after }))
        .collect();
    json!({
        "id": key.id,
        "owner": key.owner,
        "state": state(key),
        "roles": key.roles,
        "scopes": key.scopes,
        "students": key.students,
        "classes": key.classes,
        "created": key.created,
        "expires": key.expires,
        "revoked": key.revoked,
        "secrets": secrets,
    })
}

fn state(key: &Key) -> &'static str {
    let now = Moment::now();
    match (key.revoked, key.expires) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        _ if key
            .secrets
            .iter()
            .any(|secret| secret.not_after.is_some_and(|end| end > now)) =>
        {
            "rotating"
        }
        _ => "active",
    }
}

fn ends(expires: Option<Moment>) -> String {
    expires.map_or_else(|| "never".to_owned(), |end| end.to_string())
}

fn client(configuration: &Configuration) -> anyhow::Result<Client> {
    Ok(Client::try_new(&directory::settings(configuration)?)?)
}

/// A key's document and its index.
async fn stored(client: &Client, id: &str) -> anyhow::Result<(Key, u64)> {
    if !keys::is_id(id) {
        // Not repeated: it may be a key.
        bail!(
            "that is no key's id: it has 12 letters and digits, as `lyceum key list` shows; never give the key itself"
        );
    }
    let answer = client.kv_get(&format!("{FOLDER}{id}"), &Query::default()).await;
    let answer = answer.map_err(directory::explained)?;
    let Some(document) = answer.value else {
        bail!("there is no key {id}: `lyceum key list` shows all");
    };
    let key = Key::read(&document).with_context(|| format!("the document of the key {id} cannot be used"))?;
    Ok((key, answer.index))
}

async fn put(client: &Client, key: &Key, index: u64) -> anyhow::Result<()> {
    let put = client.kv_put_unchanged(&key.place(), key.document(), index).await;
    if !put.map_err(directory::explained)? {
        bail!(
            "the key {} changed meanwhile: look at it with `lyceum key show`, and try again",
            key.id
        );
    }
    Ok(())
}
