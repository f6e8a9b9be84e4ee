//! The package of an export: every service's files, and an index that people can read.
//!
//! A [`Collector`] takes the pieces as services send them and refuses what no service may send: a name that leads out of
//! its folder, a piece without a file, more than there can be. The [`Index`] is made only when every service has finished,
//! and names those that held nothing: silence is not emptiness.
//!
//! When not: a piece's bytes are written by whoever has a store; here they are counted and hashed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lyceum::privacy::{Category, Purpose};
use ring::digest::{Context, SHA256};

use super::{SERVICES, is_service};
use crate::domain::Moment;

/// The most files of one service.
pub const FILES: usize = 64;
/// The largest file, in bytes.
pub const FILE_LIMIT: u64 = 1 << 30;
/// The largest piece, in bytes.
pub const PIECE_LIMIT: usize = 64 * 1024;

/// What a service may not send, or a package that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name that cannot be a file's in a package.
    #[error(
        "a file is named by 1 to 64 letters, digits, dots, hyphens or underscores, and begins with none of the latter"
    )]
    Name,
    /// A piece before any file was named.
    #[error("the first piece of a file names it and says what it holds")]
    NoFile,
    /// One name for two files.
    #[error("a file is sent once, in one go")]
    Twice,
    /// More than there can be.
    #[error("a service sends at most {FILES} files of {FILE_LIMIT} bytes in pieces of {PIECE_LIMIT}")]
    Large,
    /// A service that is not part of it, or has finished.
    #[error("this service was not asked")]
    NotAsked,
    /// Services that have not finished.
    #[error("the services {} have not finished", .0.join(", "))]
    Unfinished(Vec<String>),
    /// A service that sent nothing at all.
    #[error("a service that holds nothing says so, category by category")]
    Silent,
}

/// What the first piece of a file says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub file: String,
    /// Which data.
    pub category: Category,
    /// What it is used for.
    pub purposes: Vec<Purpose>,
    /// How long such records are kept, in days; 0: until they are erased.
    pub retention_days: u32,
}

/// A piece of a file.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'p> {
    /// How many records it completes.
    pub records: u64,
    /// Its bytes.
    pub bytes: &'p [u8],
    /// Its earliest and latest record.
    pub span: Option<(Moment, Moment)>,
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds.
    pub about: About,
    /// How many records.
    pub records: u64,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// Its earliest and latest record.
    pub span: Option<(Moment, Moment)>,
}

#[derive(Default)]
struct Sent {
    parts: Vec<Part>,
    open: Option<(Part, Context)>,
    finished: bool,
}

/// Takes a package together.
pub struct Collector {
    services: BTreeMap<String, Sent>,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.services.keys()).finish()
    }
}

impl Collector {
    /// From these services, each of which is to finish.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for names that no service has, or too many.
    pub fn try_new(services: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let services: BTreeMap<String, Sent> = services.into_iter().map(|service| (service, Sent::default())).collect();
        if services.len() > SERVICES || !services.keys().all(|name| is_service(name)) {
            return Err(Error::NotAsked);
        }
        Ok(Self { services })
    }

    /// Begins a service anew, because its stream broke: what it sent is forgotten.
    ///
    /// # Errors
    /// [`Error::NotAsked`].
    pub fn again(&mut self, service: &str) -> Result<(), Error> {
        *self.sent(service)? = Sent::default();
        Ok(())
    }

    /// Takes a piece; `about` comes with the first of each file. Gives the path in the package that its bytes belong to.
    ///
    /// # Errors
    /// [`Error`]; the service is then to be begun anew.
    pub fn take(&mut self, service: &str, about: Option<About>, piece: Piece<'_>) -> Result<String, Error> {
        let sent = self.sent(service)?;
        if piece.bytes.len() > PIECE_LIMIT {
            return Err(Error::Large);
        }
        if let Some(about) = about {
            sent.close();
            if sent.parts.len() >= FILES {
                return Err(Error::Large);
            }
            if !is_file(&about.file) {
                return Err(Error::Name);
            }
            if sent
                .parts
                .iter()
                .any(|part| part.about.file.eq_ignore_ascii_case(&about.file))
            {
                return Err(Error::Twice);
            }
            let part = Part {
                about,
                records: 0,
                bytes: 0,
                digest: [0; 32],
                span: None,
            };
            sent.open = Some((part, Context::new(&SHA256)));
        }
        let (part, context) = sent.open.as_mut().ok_or(Error::NoFile)?;
        part.bytes += piece.bytes.len() as u64;
        part.records = part.records.saturating_add(piece.records);
        if part.bytes > FILE_LIMIT {
            return Err(Error::Large);
        }
        context.update(piece.bytes);
        part.span = match (part.span, piece.span) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (known, new) => known.or(new),
        };
        Ok(format!("{service}/{}", part.about.file))
    }

    /// The service has sent everything.
    ///
    /// # Errors
    /// [`Error::Silent`] where that was nothing, not even an empty file.
    pub fn finish(&mut self, service: &str) -> Result<(), Error> {
        let sent = self.sent(service)?;
        sent.close();
        if sent.parts.is_empty() {
            return Err(Error::Silent);
        }
        sent.parts.sort_by(|a, b| a.about.file.cmp(&b.about.file));
        sent.finished = true;
        Ok(())
    }

    fn sent(&mut self, service: &str) -> Result<&mut Sent, Error> {
        let sent = self.services.get_mut(service).filter(|sent| !sent.finished);
        sent.ok_or(Error::NotAsked)
    }

    /// The index, once every service has finished.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn index(self) -> Result<Index, Error> {
        let unfinished = self.services.iter().filter(|(_, sent)| !sent.finished);
        let unfinished: Vec<String> = unfinished.map(|(name, _)| name.clone()).collect();
        if !unfinished.is_empty() {
            return Err(Error::Unfinished(unfinished));
        }
        let services = self.services.into_iter().map(|(name, sent)| (name, sent.parts));
        Ok(Index {
            services: services.collect(),
        })
    }
}

impl Sent {
    fn close(&mut self) {
        if let Some((mut part, context)) = self.open.take() {
            part.digest.copy_from_slice(context.finish().as_ref());
            self.parts.push(part);
        }
    }
}

/// Nothing that leads out of a folder, hides in it, or is taken for another on a disk that knows no case.
fn is_file(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// What a complete package holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// By service, its files.
    pub services: BTreeMap<String, Vec<Part>>,
}

impl Index {
    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        let parts = self.services.values().flatten();
        parts.fold(0, |sum, part| sum.saturating_add(part.records))
    }

    /// The index for people, in Markdown: what is held, by whom, for what and for how long. `day` writes a moment as a
    /// day of the reader's calendar.
    #[must_use]
    pub fn readable(&self, day: impl Fn(Moment) -> String) -> String {
        let mut text = String::from("# Everything that is kept about you\n");
        let (holding, empty): (Vec<_>, Vec<_>) = self
            .services
            .iter()
            .partition(|(_, parts)| parts.iter().any(|part| part.records > 0));
        // Writing to a string does not fail.
        for (service, parts) in &holding {
            _ = writeln!(
                text,
                "\n## {service}\n\n| file | what | records | from, to | used for | kept |\n|---|---|---|---|---|---|"
            );
            for part in parts.iter().filter(|part| part.records > 0) {
                let span = part
                    .span
                    .map_or_else(String::new, |(from, to)| format!("{}, {}", day(from), day(to)));
                let purposes: Vec<&str> = part.about.purposes.iter().map(|purpose| purpose.name()).collect();
                let kept = match part.about.retention_days {
                    0 => "until it is erased".to_owned(),
                    days => format!("{days} days"),
                };
                _ = writeln!(
                    text,
                    "| {service}/{} | {} | {} | {span} | {} | {kept} |",
                    part.about.file,
                    part.about.category,
                    part.records,
                    purposes.join(", "),
                );
            }
        }
        if !empty.is_empty() {
            let names: Vec<&str> = empty.iter().map(|(name, _)| name.as_str()).collect();
            _ = writeln!(
                text,
                "\n## Nothing\n\nThese services were asked and hold nothing: {}.",
                names.join(", ")
            );
        }
        text
    }
}
