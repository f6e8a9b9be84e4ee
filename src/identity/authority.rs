//! A certificate authority for one machine, kept in the data folder.
//!
//! It makes `lyceum up` and the tests secure by default: every process issues itself a short-lived certificate from
//! the shared key, so there is no plaintext mode that somebody could forget to turn off. When not: whoever reads the
//! key can be anybody, so production uses `identity.source = "files"`. Certificates carry DNS names and the loopback
//! address beside the SPIFFE URI, because grpcurl and buf verify names; the fabric itself looks at the URI alone.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::{Error, Holder, Material, SpiffeId, files};

/// How long the authority itself lives.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 3600);
/// Clocks may differ by this much.
const LEEWAY: Duration = Duration::from_secs(60);

/// The development authority.
#[derive(Debug)]
pub struct DevelopmentAuthority {
    folder: PathBuf,
    trust_domain: String,
}

/// A certificate with its key, as PEM.
pub struct Issued {
    /// The certificate chain, leaf first.
    pub certificate: String,
    /// The private key (PKCS #8). Write it where only its owner reads.
    pub key: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issued")
    }
}

impl DevelopmentAuthority {
    /// Opens the authority in `folder`, making it where there is none. Two processes may do so at once.
    ///
    /// # Errors
    /// A folder that cannot be written, files that hold something else, an authority of another trust domain.
    pub fn open(folder: &Path, trust_domain: &str) -> Result<Self, Error> {
        let authority = Self {
            folder: folder.to_path_buf(),
            trust_domain: trust_domain.to_owned(),
        };
        if !authority.key_path().exists() || !authority.roots_path().exists() {
            authority.create()?;
        }
        let roots = files::certificates(&authority.roots_path())?;
        let common_name = common_name(trust_domain);
        let same = roots.first().is_some_and(|root| {
            x509_parser::parse_x509_certificate(root).is_ok_and(|(_, certificate)| {
                certificate
                    .subject()
                    .iter_common_name()
                    .any(|name| name.as_str() == Ok(common_name.as_str()))
            })
        });
        if !same {
            return Err(Error::Content {
                path: authority.roots_path(),
                problem: format!("is not the authority of {trust_domain}: remove the folder to make a new one"),
            });
        }
        Ok(authority)
    }

    /// The authority's certificate (PEM), which peers and grpcurl's `-cacert` trust.
    #[must_use]
    pub fn roots_path(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("authority.key")
    }

    /// Issues a certificate for `id`.
    ///
    /// # Errors
    /// An authority whose key or certificate cannot be read.
    pub fn issue(&self, id: &SpiffeId, lifetime: Duration) -> Result<Issued, Error> {
        let damaged = |path: PathBuf| {
            move |error: rcgen::Error| Error::Content {
                path,
                problem: format!("is damaged: {error}; remove the folder to make a new authority"),
            }
        };
        let (key, roots) = (self.key_path(), self.roots_path());
        let authority_key = KeyPair::from_pem(&text(&key)?).map_err(damaged(key))?;
        let issuer = Issuer::from_ca_cert_pem(&text(&roots)?, authority_key).map_err(damaged(roots))?;
        let mut params = CertificateParams::new(Vec::new())?;
        let name = match id.holder() {
            Holder::Service(name) | Holder::Operator(name) => name.clone(),
            Holder::Other => "lyceum".to_owned(),
        };
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name.clone());
        params.subject_alt_names = vec![SanType::URI(id.as_str().try_into()?)];
        if let Holder::Service(_) = id.holder() {
            for dns in [format!("{name}.service.consul"), "localhost".to_owned()] {
                params.subject_alt_names.push(SanType::DnsName(dns.try_into()?));
            }
            params
                .subject_alt_names
                .push(SanType::IpAddress(std::net::IpAddr::from([127, 0, 0, 1])));
            params
                .subject_alt_names
                .push(SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()));
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = validity(lifetime);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// A fresh identity in the form that connections use.
    pub(super) fn material(&self, id: &SpiffeId, lifetime: Duration, version: u64) -> Result<Material, Error> {
        let issued = self.issue(id, lifetime)?;
        let unreadable = |error: rustls::pki_types::pem::Error| Error::Certificate(error.to_string());
        let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).map_err(unreadable)?;
        Material::try_new(id, version, chain, key, files::certificates(&self.roots_path())?)
    }

    fn create(&self) -> Result<(), Error> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::File { path, source }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        // The lock file makes one of several processes the maker; the others wait for what it writes.
        let lock_path = self.folder.join("authority.lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        lock.lock().map_err(failed(&lock_path))?;
        if self.key_path().exists() && self.roots_path().exists() {
            return Ok(());
        }
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name(&self.trust_domain));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.subject_alt_names = vec![SanType::URI(
            format!("spiffe://{}", self.trust_domain).as_str().try_into()?,
        )];
        (params.not_before, params.not_after) = validity(AUTHORITY_LIFETIME);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        write_private(&self.key_path(), &key.serialize_pem())?;
        write_private(&self.roots_path(), &certificate.pem())
    }
}

fn common_name(trust_domain: &str) -> String {
    format!("Lyceum development authority of {trust_domain}")
}

fn validity(lifetime: Duration) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    (now - LEEWAY, now + lifetime)
}

fn text(path: &Path) -> Result<String, Error> {
    String::from_utf8(files::read(path)?).map_err(|_| Error::Content {
        path: path.to_path_buf(),
        problem: "is not text".to_owned(),
    })
}

/// Writes a file that only its owner can read, all or nothing.
///
/// # Errors
/// Where the folder cannot be written.
pub fn write_private(path: &Path, content: &str) -> Result<(), Error> {
    let failed = |source| Error::File {
        path: path.to_path_buf(),
        source,
    };
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&partial, path).map_err(failed)
}
