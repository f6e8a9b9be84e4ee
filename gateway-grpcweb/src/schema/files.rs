//! Descriptor files from outside, checked and put in order before anything is built of them.
//!
//! **What.** [`Files`] collects the files that a service reflects and tells which are still missing; [`Files::build`]
//! makes a pool of types out of them. **Why.** A service may reflect anything: a file that it was not asked for, one that
//! imports itself, another idea of `google.protobuf.Timestamp`, a million types. Whatever it is, it ends here, as an error.
//! The well-known types are always our own, since JSON treats them by name.
//!
//! What is not told ([`source`]) is left out of the pool, and nothing of a file is kept beside it but a digest.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use ring::digest::{Context, Digest, SHA256};

/// The most that one service's files may be together.
const BYTES: usize = 8 * 1024 * 1024;
/// The most files of one service.
const FILES: usize = 512;
/// The most messages and enums of one service.
const TYPES: usize = 20_000;

/// `google/protobuf/*.proto`, the same for all.
static WELL_KNOWN: LazyLock<DescriptorPool> = LazyLock::new(DescriptorPool::global);

/// Why descriptors cannot be believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a file does not decode")]
    Undecodable,
    #[error("a file has no name")]
    Nameless,
    #[error("the files together exceed {BYTES} bytes")]
    TooLarge,
    #[error("more than {FILES} files")]
    TooMany,
    #[error("more than {TYPES} messages and enums")]
    TooManyTypes,
    #[error("{0} is in another syntax than proto2 and proto3: editions are not understood")]
    Syntax(String),
    #[error("{0} has an entry of a map that is not one key and one value")]
    Entry(String),
    #[error("{0} declares types of google.protobuf")]
    Usurped(String),
    #[error("{0} imports itself, directly or not")]
    Cycle(String),
    #[error("{0} is imported but not reflected")]
    Missing(String),
    #[error("the descriptors contradict themselves: {0}")]
    Contradiction(#[from] prost_reflect::DescriptorError),
}

/// Files by name.
#[derive(Debug, Default)]
pub(crate) struct Files {
    by_name: BTreeMap<String, File>,
    bytes: usize,
    types: usize,
}

#[derive(Debug)]
struct File {
    encoded: Bytes,
    imports: Vec<String>,
}

// === impl Files ===

impl Files {
    /// Takes in a file; answers its name.
    pub(crate) fn add(&mut self, encoded: &[u8]) -> Result<String, Error> {
        self.bytes = self.bytes.saturating_add(encoded.len());
        if self.bytes > BYTES {
            return Err(Error::TooLarge);
        }
        let encoded = source::slimmed(encoded).map_err(|_| Error::Undecodable)?;
        let file = FileDescriptorProto::decode(encoded.clone()).map_err(|_| Error::Undecodable)?;
        let name = file
            .name
            .clone()
            .filter(|name| !name.is_empty())
            .ok_or(Error::Nameless)?;
        if is_well_known(&name) || self.by_name.contains_key(&name) {
            return Ok(name);
        }
        if file.package() == "google.protobuf" {
            return Err(Error::Usurped(name));
        }
        if !matches!(file.syntax(), "" | "proto2" | "proto3") {
            return Err(Error::Syntax(name));
        }
        self.types += file.enum_type.len() + file.message_type.iter().map(types).sum::<usize>();
        if self.types > TYPES {
            return Err(Error::TooManyTypes);
        }
        if !file.message_type.iter().all(has_entries) {
            return Err(Error::Entry(name));
        }
        if self.by_name.len() >= FILES {
            return Err(Error::TooMany);
        }
        let imports = file.dependency;
        self.by_name.insert(name.clone(), File { encoded, imports });
        Ok(name)
    }

    /// The same for the same files, and for no others.
    pub(crate) fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        for file in self.by_name.values() {
            context.update(&(file.encoded.len() as u64).to_le_bytes());
            context.update(&file.encoded);
        }
        context.finish()
    }

    /// What is imported but not here.
    pub(crate) fn missing(&self) -> BTreeSet<&str> {
        self.by_name
            .values()
            .flat_map(|file| &file.imports)
            .map(String::as_str)
            .filter(|name| !is_well_known(name) && !self.by_name.contains_key(*name))
            .collect()
    }

    /// The types. Takes a while: not for a thread that answers calls.
    pub(crate) fn build(&self) -> Result<DescriptorPool, Error> {
        if let Some(missing) = self.missing().into_iter().next() {
            return Err(Error::Missing(missing.to_owned()));
        }
        let mut pool = WELL_KNOWN.clone();
        for name in self.ordered()? {
            pool.decode_file_descriptor_proto(self.by_name[name].encoded.clone())?;
        }
        Ok(pool)
    }

    /// Every file after those that it imports.
    fn ordered(&self) -> Result<Vec<&str>, Error> {
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        let mut importers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, file) in &self.by_name {
            let own: BTreeSet<&String> = file.imports.iter().filter(|import| !is_well_known(import)).collect();
            waiting.insert(name, own.len());
            for import in own {
                importers.entry(import).or_default().push(name);
            }
        }
        let mut ready: Vec<&str> = waiting
            .iter()
            .filter(|(_, left)| **left == 0)
            .map(|(name, _)| *name)
            .collect();
        let mut ordered = Vec::with_capacity(self.by_name.len());
        while let Some(name) = ready.pop() {
            ordered.push(name);
            waiting.remove(name);
            for importer in importers.get(name).into_iter().flatten() {
                if let Some(left) = waiting.get_mut(importer) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(importer);
                    }
                }
            }
        }
        match waiting.into_keys().next() {
            Some(name) => Err(Error::Cycle(name.to_owned())),
            None => Ok(ordered),
        }
    }
}

fn is_well_known(name: &str) -> bool {
    WELL_KNOWN.get_file_by_name(name).is_some()
}

/// A message and all that is declared inside it. What decodes is nested at most a hundred deep.
fn types(message: &DescriptorProto) -> usize {
    1 + message.enum_type.len() + message.nested_type.iter().map(types).sum::<usize>()
}

/// Whether every entry of a map, here or further inside, is one: who reads maps counts on it and looks no more.
fn has_entries(message: &DescriptorProto) -> bool {
    let is_entry = message.options.as_ref().is_some_and(|options| options.map_entry());
    let has = |number, fits: fn(&FieldDescriptorProto) -> bool| {
        let mut fields = message.field.iter().filter(|field| field.number() == number);
        let plain = |field: &FieldDescriptorProto| field.label() != Label::Repeated && field.oneof_index.is_none();
        fields.next().is_some_and(|field| plain(field) && fits(field)) && fields.next().is_none()
    };
    let good = !is_entry || (message.field.len() == 2 && has(1, is_key) && has(2, |_| true));
    good && message.nested_type.iter().all(has_entries)
}

/// Whether a field is of a type that a map's key may have. One of no type is a message or an enum.
fn is_key(field: &FieldDescriptorProto) -> bool {
    let other = matches!(
        field.r#type(),
        Type::Double | Type::Float | Type::Bytes | Type::Enum | Type::Group | Type::Message
    );
    field.r#type.is_some() && !other
}
