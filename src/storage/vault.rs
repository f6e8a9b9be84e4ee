//! What must not lie in the open, in a database that others may read: columns sealed with keys that are sealed themselves.
//!
//! ```text
//! storage.key ─seals─▶ data keys (a table) ─seal─▶ columns
//! ```
//!
//! **What.** AES-256-GCM with a random nonce. A sealed value is bound to its [`Place`] (table, column, row), so that it is
//! good nowhere else. **Rotation**: a new line at the top of `storage.key` seals the data keys anew when a service starts;
//! [`Vault::rotate`] makes a new data key for what is written from then on, and what was sealed before stays readable.
//!
//! **Why two.** The secret outside changes without touching a row, and never seals more than a handful of keys.
//!
//! **When not.** A sealed column cannot be searched or sorted: keep a keyed pseudonym beside it for that.
//!
//! **Source.** NIST SP 800-38D (a random nonce of 96 bits: at most 2³² values a key), SP 800-57 (key hierarchies).

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sqlx::{Any, Pool, Row as _};

use super::Error;
use crate::configuration::Configuration;
use crate::secret::{self, Secret};

/// What the secret outside is used for.
const PURPOSE: &str = "storage data keys 1";
const FORM: u8 = 1;
/// Form and the number of the data key.
const HEAD: usize = 5;
const KEY: usize = 32;

/// Where a sealed value lies.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its table.
    pub table: &'a str,
    /// Its column.
    pub column: &'a str,
    /// Its row's key, as text.
    pub row: &'a str,
}

/// Seals and opens.
pub struct Vault {
    masters: Vec<LessSafeKey>,
    keys: ArcSwap<Keys>,
    database: Pool<Any>,
}

/// Data keys by number; the highest seals.
#[derive(Default)]
struct Keys(BTreeMap<u32, LessSafeKey>);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("keys", &self.keys.load().0.len())
            .finish()
    }
}

impl Vault {
    /// The keys of a database, the first made where there is none. Whoever calls has the database for themselves.
    pub(super) async fn open(configuration: &Configuration, database: &Pool<Any>) -> Result<Self, Error> {
        let masters = masters(configuration)?
            .iter()
            .map(|secret| secret.seal(PURPOSE))
            .collect::<Result<_, _>>()?;
        let vault = Self {
            masters,
            keys: ArcSwap::default(),
            database: database.clone(),
        };
        vault.reload().await?;
        if vault.keys.load().0.is_empty() {
            vault.rotate().await?;
        } else {
            vault.rewrap().await?;
        }
        Ok(vault)
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// [`Error::Key`] where the system gives no random bytes.
    pub fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Error> {
        let keys = self.keys.load();
        let (number, key) = keys.0.last_key_value().ok_or(Error::Sealed)?;
        let mut sealed = Vec::with_capacity(HEAD + NONCE_LEN + value.len() + AES_256_GCM.tag_len());
        sealed.push(FORM);
        sealed.extend_from_slice(&number.to_be_bytes());
        seal(key, &bound(place), value, &mut sealed)?;
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`Error::Sealed`] for anything else.
    pub async fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (head, rest) = sealed.split_first_chunk::<HEAD>().ok_or(Error::Sealed)?;
        let [FORM, number @ ..] = *head else {
            return Err(Error::Sealed);
        };
        let number = u32::from_be_bytes(number);
        if !self.keys.load().0.contains_key(&number) {
            // Another instance has made a new one.
            self.reload().await?;
        }
        let keys = self.keys.load();
        let key = keys.0.get(&number).ok_or(Error::Sealed)?;
        unseal(key, &bound(place), rest)
    }

    /// Makes a new data key, with which everything is sealed from now on; other instances learn of it when they meet it.
    ///
    /// # Errors
    /// The database's; no random bytes.
    pub async fn rotate(&self) -> Result<(), Error> {
        let number = self.keys.load().0.last_key_value().map_or(1, |(number, _)| number + 1);
        let key = secret::random::<KEY>()?;
        let wrapped = self.wrap(number, &key)?;
        sqlx::query("INSERT INTO lyceum_data_keys (id, wrapped, made) VALUES ($1, $2, $3)")
            .bind(i64::from(number))
            .bind(wrapped)
            .bind(super::micros(SystemTime::now()))
            .execute(&self.database)
            .await?;
        self.reload().await
    }

    /// Reads the data keys.
    async fn reload(&self) -> Result<(), Error> {
        let mut keys = Keys::default();
        for (number, wrapped) in self.wrapped().await? {
            let (_, key) = self.unwrap(number, &wrapped)?;
            keys.0.insert(number, key_of(&key)?);
        }
        self.keys.store(keys.into());
        Ok(())
    }

    /// Seals the data keys with the first secret of the file, where another one did.
    async fn rewrap(&self) -> Result<(), Error> {
        for (number, wrapped) in self.wrapped().await? {
            let (master, key) = self.unwrap(number, &wrapped)?;
            if master > 0 {
                sqlx::query("UPDATE lyceum_data_keys SET wrapped = $2 WHERE id = $1")
                    .bind(i64::from(number))
                    .bind(self.wrap(number, &key)?)
                    .execute(&self.database)
                    .await?;
            }
        }
        Ok(())
    }

    async fn wrapped(&self) -> Result<Vec<(u32, Vec<u8>)>, Error> {
        let rows = sqlx::query("SELECT id, wrapped FROM lyceum_data_keys ORDER BY id")
            .fetch_all(&self.database)
            .await?;
        rows.iter()
            .map(|row| {
                let number = u32::try_from(row.try_get::<i64, _>(0)?).map_err(|_| Error::Sealed)?;
                Ok((number, row.try_get(1)?))
            })
            .collect()
    }

    fn wrap(&self, number: u32, key: &[u8]) -> Result<Vec<u8>, Error> {
        let master = self.masters.first().ok_or(Error::Sealed)?;
        let mut wrapped = Vec::new();
        seal(master, &number.to_be_bytes(), key, &mut wrapped)?;
        Ok(wrapped)
    }

    /// Which secret a data key is sealed with, and the key.
    fn unwrap(&self, number: u32, wrapped: &[u8]) -> Result<(usize, Vec<u8>), Error> {
        let masters = self.masters.iter().enumerate();
        let mut opened =
            masters.filter_map(|(at, master)| Some((at, unseal(master, &number.to_be_bytes(), wrapped).ok()?)));
        opened.next().ok_or(Error::Sealed)
    }
}

/// The secrets that seal data keys.
fn masters(configuration: &Configuration) -> Result<Vec<Secret>, Error> {
    let settings = &configuration.storage;
    if let Some(value) = &settings.key_value {
        return Secret::parse(value.expose()).ok_or(Error::Sealed);
    }
    if let Some(file) = &settings.key {
        return Ok(Secret::read(file)?);
    }
    let file = configuration.data.join("storage").join("storage.key");
    if !file.exists() {
        std::fs::create_dir_all(configuration.data.join("storage")).map_err(|source| Error::File {
            path: configuration.data.join("storage"),
            source,
        })?;
        Secret::make(&file)?;
    }
    Ok(Secret::read(&file)?)
}

fn key_of(bytes: &[u8]) -> Result<LessSafeKey, Error> {
    let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| Error::Sealed)?;
    Ok(LessSafeKey::new(key))
}

/// Table, column and row, none of which can be taken for a part of another.
fn bound(place: Place<'_>) -> Vec<u8> {
    let mut bound = Vec::new();
    for part in [place.table, place.column, place.row] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

fn seal(key: &LessSafeKey, bound: &[u8], value: &[u8], sealed: &mut Vec<u8>) -> Result<(), Error> {
    let nonce = secret::random::<NONCE_LEN>()?;
    sealed.extend_from_slice(&nonce);
    let from = sealed.len();
    sealed.extend_from_slice(value);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound),
            &mut sealed[from..],
        )
        .map_err(|_| Error::Sealed)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(())
}

fn unseal(key: &LessSafeKey, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Error::Sealed)?;
    let mut value = rest.to_vec();
    let opened = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), &mut value)
        .map_err(|_| Error::Sealed)?
        .len();
    value.truncate(opened);
    Ok(value)
}
