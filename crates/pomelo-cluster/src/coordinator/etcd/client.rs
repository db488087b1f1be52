//! etcd's requests, as far as a coordinator needs them: transactions, leases, watches. Numbers of 64 bits are text in its JSON,
//! keys and values are base64, and fields that are zero or empty are left out.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::http::{EtcdError, Http, Lines, foreign};

/// Most entries that one answer lists.
pub(super) const PAGE: usize = 64;

/// A connection for requests, one after the other. Each is such that making it twice does no harm.
#[derive(Debug)]
pub(super) struct Client {
    http: Mutex<Http>,
    /// One request is given up after this.
    limit: Duration,
}

impl Client {
    pub(super) fn new(endpoints: Arc<[String]>, limit: Duration) -> Self {
        Self { http: Mutex::new(Http::new(endpoints)), limit }
    }

    /// All of `then` in one step if all of `when` hold, all of `otherwise` if not. Reads are as fresh as writes.
    pub(super) async fn txn(
        &self,
        when: &[Value],
        then: &[Value],
        otherwise: &[Value],
    ) -> Result<Done, EtcdError> {
        let request = json!({ "compare": when, "success": then, "failure": otherwise });
        self.ask("/v3/kv/txn", &request, self.limit).await
    }

    pub(super) async fn grant(&self, ttl_seconds: u32) -> Result<Granted, EtcdError> {
        let request = json!({ "TTL": ttl_seconds.to_string() });
        self.ask("/v3/lease/grant", &request, self.limit).await
    }

    /// How many seconds the lease has now that it was asked for; 0 is a lease that is not there any more.
    pub(super) async fn keep_alive(&self, lease: i64, limit: Duration) -> Result<i64, EtcdError> {
        #[derive(Deserialize)]
        struct Kept {
            result: Granted,
        }
        let request = json!({ "ID": lease.to_string() });
        let kept: Kept = self.ask("/v3/lease/keepalive", &request, limit).await?;
        Ok(kept.result.ttl)
    }

    /// Ends a lease and deletes its keys. False: there was none.
    pub(super) async fn revoke(&self, lease: i64) -> Result<bool, EtcdError> {
        let request = json!({ "ID": lease.to_string() });
        match self.ask::<Value>("/v3/lease/revoke", &request, self.limit).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The endpoint that answers, after it has.
    pub(super) async fn status(&self) -> Result<String, EtcdError> {
        let mut http = self.http.lock().await;
        http.ask("/v3/maintenance/status", &json!({}), self.limit).await?;
        Ok(http.endpoint().to_owned())
    }

    /// Watches keys for what happens after `revision`. The first line says that the watch is set, all others that something
    /// happened, or that the watch has ended.
    pub(super) async fn watch<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
        revision: i64,
    ) -> Result<Lines, EtcdError> {
        let watch = |key: &str| {
            let from = (revision + 1).to_string();
            json!({ "create_request": { "key": base64(key), "start_revision": from } }).to_string()
        };
        let requests: Vec<String> = keys.into_iter().map(watch).collect();
        // A watch has its connection to itself, to the endpoint that answered last.
        let mut http = self.http.lock().await.another();
        http.listen("/v3/watch", &requests.join("\n")).await
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        request: &Value,
        limit: Duration,
    ) -> Result<T, EtcdError> {
        let mut http = self.http.lock().await;
        let answer = http.ask(path, request, limit).await?;
        T::deserialize(&answer).map_err(|_| foreign(http.endpoint(), answer.to_string().as_bytes()))
    }
}

/// Holds if the key was made at this revision, and is still there; 0 for a key that is not.
pub(super) fn made_at(key: &str, revision: i64) -> Value {
    json!({ "target": "CREATE", "result": "EQUAL", "key": base64(key), "create_revision": revision.to_string() })
}

/// Holds if the key was last written at this revision; 0 for a key that is not there.
pub(super) fn written_at(key: &str, revision: i64) -> Value {
    json!({ "target": "MOD", "result": "EQUAL", "key": base64(key), "mod_revision": revision.to_string() })
}

/// Holds if the key has this value.
pub(super) fn holds(key: &str, value: &str) -> Value {
    json!({ "target": "VALUE", "result": "EQUAL", "key": base64(key), "value": base64(value) })
}

pub(super) fn put(key: &str, value: impl AsRef<[u8]>) -> Value {
    json!({ "request_put": { "key": base64(key), "value": base64(value) } })
}

pub(super) fn put_leased(key: &str, value: impl AsRef<[u8]>, lease: i64) -> Value {
    json!({ "request_put": { "key": base64(key), "value": base64(value), "lease": lease.to_string() } })
}

pub(super) fn delete(key: &str) -> Value {
    json!({ "request_delete_range": { "key": base64(key) } })
}

pub(super) fn all(ops: &[Value]) -> Value {
    json!({ "request_txn": { "success": ops } })
}

pub(super) fn get(key: &str) -> Value {
    json!({ "request_range": { "key": base64(key) } })
}

/// The first [`PAGE`] keys that begin with `prefix` and come after `after`, as they were at `revision` (0: now). `prefix` ends
/// with a slash.
pub(super) fn page(prefix: &str, after: Option<&str>, revision: i64) -> Value {
    let from = after.map_or_else(|| prefix.to_owned(), |after| format!("{after}\0"));
    // The byte after a slash: whatever begins with the prefix is before it.
    let end = format!("{}0", prefix.trim_end_matches('/'));
    json!({ "request_range": {
        "key": base64(from), "range_end": base64(end), "limit": PAGE.to_string(), "revision": revision.to_string(),
    } })
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A lease as it is granted and kept.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    #[serde(rename = "ID", deserialize_with = "number")]
    pub(super) id: i64,
    /// In seconds.
    #[serde(rename = "TTL", default, deserialize_with = "number")]
    pub(super) ttl: i64,
}

/// What a transaction came to.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    header: Header,
    /// Which branch was taken.
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    responses: Vec<Response>,
}

impl Done {
    /// When it happened.
    pub(super) fn revision(&self) -> i64 {
        self.header.revision
    }

    /// What the `n`th operation of the branch found; nothing if that was no read.
    pub(super) fn found(&self, n: usize) -> &[Entry] {
        self.responses.get(n).map_or(&[], |response| &response.range.kvs)
    }

    /// What the first operation of the branch found.
    pub(super) fn into_found(self) -> Vec<Entry> {
        self.responses.into_iter().next().map_or_else(Vec::new, |response| response.range.kvs)
    }
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default, deserialize_with = "number")]
    revision: i64,
}

#[derive(Debug, Deserialize)]
struct Response {
    #[serde(default, rename = "response_range")]
    range: Range,
}

#[derive(Debug, Default, Deserialize)]
struct Range {
    #[serde(default)]
    kvs: Vec<Entry>,
}

/// A key and what is known of it.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(deserialize_with = "text")]
    pub(super) key: String,
    #[serde(default, deserialize_with = "bytes")]
    pub(super) value: Vec<u8>,
    #[serde(deserialize_with = "number")]
    pub(super) create_revision: i64,
    #[serde(deserialize_with = "number")]
    pub(super) mod_revision: i64,
}

fn number<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(d)?;
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| D::Error::custom("not a number"))
}

fn bytes<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
    BASE64_STANDARD.decode(String::deserialize(d)?).map_err(D::Error::custom)
}

fn text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    // A key of somebody else's among ours may be anything; it is none of ours then.
    Ok(String::from_utf8_lossy(&bytes(d)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcd_leaves_out_is_zero_or_empty() {
        let done = json!({
            "header": { "cluster_id": "11605249171607781595", "revision": "4" },
            "responses": [
                { "response_range": { "header": {}, "kvs": [
                    { "key": "L2E=", "create_revision": "2", "mod_revision": "3", "version": "1" },
                ] } },
                { "response_put": { "header": {} } },
            ],
        });
        let done: Done = serde_json::from_value(done).unwrap();
        assert_eq!((done.revision(), done.succeeded), (4, false));
        let [entry] = done.found(0) else { panic!("{done:?}") };
        assert_eq!((entry.key.as_str(), entry.value.len()), ("/a", 0));
        assert_eq!((entry.create_revision, entry.mod_revision), (2, 3));
        assert!(done.found(1).is_empty() && done.found(2).is_empty());
        let ended: Granted = serde_json::from_value(json!({ "ID": "123" })).unwrap();
        assert_eq!((ended.id, ended.ttl), (123, 0));
    }
}
