//! The key-value store: values as they are, without Consul's base64 envelope.

use bytes::Bytes;
use http::{Method, StatusCode};

use super::settings::escaped_path;
use super::{Answer, Client, Query, Result};

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
