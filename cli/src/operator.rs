//! A certificate for a person, and the commands that use it.
//!
//! There is no plaintext port, health and reflection included, so an operator needs a client certificate as every
//! service does. `lyceum up` writes one by itself; `lyceum certificates operator` writes one beside a fabric that runs
//! already. Its identity is `spiffe://<trust-domain>/operator/<name>`, which `authorization.allow` can name.
//!
//! When not: with `identity.source = "files"` the certificates are somebody else's to issue, and so is this one.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lyceum::configuration::{Configuration, IdentitySource};
use lyceum::consul::{Client, Health};
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::{DevelopmentAuthority, write_private};

use crate::arguments;
use crate::directory;
use crate::output;
use crate::services::{self, Sample};

/// The three files of an operator.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    name: String,
    /// The certificate chain.
    pub(crate) certificate: PathBuf,
    /// Its key, readable by its owner alone.
    pub(crate) key: PathBuf,
    /// Whom to trust.
    pub(crate) roots: PathBuf,
}

/// `lyceum certificates operator`.
pub(crate) async fn run(arguments: arguments::Operator, environment: &[(String, String)]) -> anyhow::Result<()> {
    let configuration = arguments.layers.load(environment)?;
    if configuration.identity.source == IdentitySource::Files {
        let id = SpiffeId::operator(&configuration.identity.trust_domain, &arguments.name)?;
        bail!(
            "identity.source is \"files\", so certificates come from whoever issues those files: ask for a client \
             certificate with the URI name {id}, and use it with grpcurl's -cert and -key and with identity.roots as \
             -cacert"
        );
    }
    let folder = arguments.out.unwrap_or_else(|| configuration.data.join("operator"));
    let operator = Operator::issue(&configuration, &folder, &arguments.name)?;
    let calls = match live_instance(&configuration).await {
        Ok(Some((address, sample))) => operator.commands(&address, sample),
        Ok(None) => {
            "No instance is registered: start one with `lyceum up`, then run this again for the calls.".to_owned()
        }
        Err(error) => format!("Whom to call is not known: {error}"),
    };
    output::line(&format!(
        "{} (its key, readable by you alone: {})\nIt is {}'s for {}.\n\n{calls}",
        operator.certificate.display(),
        operator.key.display(),
        arguments.name,
        in_words(configuration.identity.lifetime),
    ))?;
    Ok(())
}

/// A service that can be called now.
async fn live_instance(configuration: &Configuration) -> anyhow::Result<Option<(String, &'static Sample)>> {
    let client = Client::try_new(&directory::settings(configuration)?)?;
    for service in services::SERVICES {
        let instances = directory::instances(&client, service.name).await?;
        if let Some(instance) = instances.iter().find(|instance| instance.health < Health::Critical) {
            return Ok(Some((instance.authority(), &service.sample)));
        }
    }
    Ok(None)
}

// === impl Operator ===

impl Operator {
    /// Writes an operator's files into a folder, which only its owner may enter.
    pub(crate) fn issue(configuration: &Configuration, folder: &Path, name: &str) -> anyhow::Result<Self> {
        make_private(folder).with_context(|| format!("{} cannot be made: choose another folder", folder.display()))?;
        let operator = Self {
            name: name.to_owned(),
            // Several operators can share a folder; the ending keeps one called "roots" apart.
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            roots: folder.join("roots.crt"),
        };
        operator.renew(configuration)?;
        Ok(operator)
    }

    /// Writes a fresh certificate and key over the old ones.
    pub(crate) fn renew(&self, configuration: &Configuration) -> anyhow::Result<()> {
        let identity = &configuration.identity;
        let authority = DevelopmentAuthority::open(&configuration.data.join("identity"), &identity.trust_domain)
            .context("the development authority in the data folder cannot be used")?;
        let id = SpiffeId::operator(&identity.trust_domain, &self.name).context("--name makes no identity")?;
        let issued = authority.issue(&id, identity.lifetime)?;
        let roots = std::fs::read_to_string(authority.roots_path())
            .with_context(|| format!("{} cannot be read", authority.roots_path().display()))?;
        write_private(&self.roots, &roots)?;
        write_private(&self.key, &issued.key)?;
        write_private(&self.certificate, &issued.certificate)?;
        Ok(())
    }

    /// The same files by paths that hold in every folder.
    pub(crate) fn absolute(&self) -> Self {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            name: self.name.clone(),
            certificate: absolute(&self.certificate),
            key: absolute(&self.key),
            roots: absolute(&self.roots),
        }
    }

    /// The same call by grpcurl and by buf, to be pasted into a shell.
    pub(crate) fn commands(&self, address: &str, sample: &Sample) -> String {
        let [certificate, key, roots] =
            [&self.certificate, &self.key, &self.roots].map(|path| quoted(&path.display().to_string()));
        let Sample { method, request } = sample;
        // Development certificates name the loopback address and localhost, whatever address is listened on.
        let name = match address.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => ["", ""],
            _ => [" -servername localhost", " --servername localhost"],
        };
        let grpcurl = brought(".tools/bin", "grpcurl");
        let buf = brought("web/node_modules/.bin", "buf");
        format!(
            "{grpcurl} -cacert {roots} -cert {certificate} -key {key}{} \\\n  \
               -d {request} \\\n  {address} {method}\n\
             {buf} curl --protocol grpc --cacert {roots} --cert {certificate} --key {key}{} \\\n  \
               -d {request} \\\n  https://{address}/{method}",
            name[0],
            name[1],
            request = quoted(request),
        )
    }
}

/// A program as a shell in this folder finds it: the one that `make setup` brought, or whatever the PATH has.
fn brought(folder: &str, program: &str) -> String {
    let here = Path::new(folder).join(program);
    if here.is_file() {
        here.display().to_string()
    } else {
        program.to_owned()
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// For a shell: as it is where that is safe, in single quotes otherwise.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn in_words(lifetime: std::time::Duration) -> String {
    match lifetime.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn configuration(data: &Path) -> Configuration {
        Configuration {
            data: data.to_owned(),
            ..Configuration::default()
        }
    }

    #[test]
    fn only_the_owner_reads_the_key() {
        let data = tempfile::tempdir().unwrap();
        let operator = Operator::issue(&configuration(data.path()), &data.path().join("operator"), "ada").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&operator.key), 0o600);
        assert_eq!(mode(&data.path().join("operator")), 0o700);
        assert!(
            std::fs::read_to_string(&operator.certificate)
                .unwrap()
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
    }

    #[test]
    fn renewal_replaces_the_certificate_and_keeps_the_roots() {
        let data = tempfile::tempdir().unwrap();
        let configuration = configuration(data.path());
        let operator = Operator::issue(&configuration, &data.path().join("operator"), "operator").unwrap();
        let before = [&operator.certificate, &operator.roots].map(|path| std::fs::read(path).unwrap());
        operator.renew(&configuration).unwrap();
        let after = [&operator.certificate, &operator.roots].map(|path| std::fs::read(path).unwrap());
        assert_ne!(before[0], after[0]);
        assert_eq!(before[1], after[1]);
    }

    #[test]
    fn a_name_that_is_no_identity_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let error = Operator::issue(&configuration(data.path()), &data.path().join("o"), "ada/../root").unwrap_err();
        assert!(
            format!("{error:#}").contains("cannot be part of an identity"),
            "{error:#}"
        );
    }

    #[test]
    fn commands_survive_a_shell() {
        assert_eq!(quoted("data/operator/key.pem"), "data/operator/key.pem");
        assert_eq!(quoted("my data/k"), "'my data/k'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
