//! The key-value store: values as they are, without Consul's base64 envelope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;

use super::settings::escaped_path;
use super::{Answer, Client, Error, Query, Result};

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The whole key.
    pub key: String,
    /// Its value.
    pub value: Bytes,
}

/// Consul's envelope.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    key: String,
    value: Option<String>,
}

impl Client {
    /// A key's value, or none when there is no such key. Blocks as the query says.
    ///
    /// # Errors
    /// When Consul cannot be asked or refuses.
    pub async fn kv_get(&self, key: &str, query: &Query) -> Result<Answer<Option<Bytes>>> {
        let call = self.read("read a key", &format!("/v1/kv/{}?raw", escaped_path(key)), query);
        let operation = call.operation;
        let reply = self.reply(call).await?;
        let value = match reply.status {
            StatusCode::NOT_FOUND => None,
            status if status.is_success() => Some(reply.body.clone()),
            _ => return Err(self.refused(operation, &reply)),
        };
        Ok(Answer::new(value, &reply.headers, reply.connections))
    }

    /// Every key that begins with `prefix`, with its value, by key. Blocks as the query says.
    ///
    /// # Errors
    /// When Consul cannot be asked or refuses, or answers with what is no base64.
    pub async fn kv_list(&self, prefix: &str, query: &Query) -> Result<Answer<Vec<Stored>>> {
        let call = self.read("list keys", &format!("/v1/kv/{}?recurse", escaped_path(prefix)), query);
        let operation = call.operation;
        let reply = self.reply(call).await?;
        let unreadable = |reason: String| Error::Unreadable { operation, reason };
        let pairs: Vec<Pair> = match reply.status {
            StatusCode::NOT_FOUND => Vec::new(),
            status if status.is_success() => {
                serde_json::from_slice(&reply.body).map_err(|error| unreadable(error.to_string()))?
            }
            _ => return Err(self.refused(operation, &reply)),
        };
        let stored = pairs
            .into_iter()
            .map(|Pair { key, value }| {
                let value = STANDARD
                    .decode(value.unwrap_or_default())
                    .map_err(|error| unreadable(error.to_string()))?;
                Ok(Stored {
                    key,
                    value: value.into(),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Answer::new(stored, &reply.headers, reply.connections))
    }

    /// Sets a key's value.
    ///
    /// # Errors
    /// When Consul cannot be asked or refuses.
    pub async fn kv_put(&self, key: &str, value: impl Into<Bytes>) -> Result<()> {
        let mut call = self.call("write a key", Method::PUT, format!("/v1/kv/{}", escaped_path(key)));
        call.body = value.into();
        self.send(call).await.map(drop)
    }

    /// Sets a key's value unless it changed since [`Client::kv_get`] answered with this index; 0 stands for a key that is
    /// not there. Says whether it was set.
    ///
    /// # Errors
    /// When Consul cannot be asked or refuses.
    pub async fn kv_put_unchanged(&self, key: &str, value: impl Into<Bytes>, index: u64) -> Result<bool> {
        let path = format!("/v1/kv/{}?cas={index}", escaped_path(key));
        let mut call = self.call("write a key", Method::PUT, path);
        call.body = value.into();
        self.fetch::<bool>(call).await.map(|answer| answer.value)
    }

    /// Removes a key; that there was none is fine.
    ///
    /// # Errors
    /// When Consul cannot be asked or refuses.
    pub async fn kv_delete(&self, key: &str) -> Result<()> {
        let call = self.call("delete a key", Method::DELETE, format!("/v1/kv/{}", escaped_path(key)));
        self.send(call).await.map(drop)
    }
}
