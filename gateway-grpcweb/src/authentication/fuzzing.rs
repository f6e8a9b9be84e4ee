//! What callers show to say who they are, as functions of bytes (feature `fuzzing`).
//!
//! Beside not panicking: nobody is known by anything that its maker did not sign, seal or hash. When not: the fabric's own
//! signed principals are fuzzed through their public face.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use lyceum::configuration;
use lyceum::secret::Secret;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::key_ring::opens;
use super::key_set::KeySet;
use super::keys::{self, Key};
use super::moment::Moment;
use super::pseudonyms::Pseudonyms;
use super::session::{self, Session, Sessions};
use super::tokens::{Tokens, now};
use super::{bearer_of, issuer, origin};

/// An issuer with one key, whose secret is known here.
struct Trusted {
    runtime: Runtime,
    tokens: Tokens,
    key: Ed25519KeyPair,
}

const ISSUER: &str = "https://issuer.example";
const HOUR: Duration = Duration::from_secs(3600);
/// What is kept in the repository must not become too old to be read: tokens may be good for a hundred years here.
const LIFETIME: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

static TRUSTED: LazyLock<Option<Trusted>> = LazyLock::new(Trusted::try_new);
static SESSIONS: LazyLock<Sessions> = LazyLock::new(|| {
    let key = Secret::of([1; 32]).seal("session");
    Sessions::of(key.into_iter().collect(), HOUR, 8 * HOUR)
});

impl Trusted {
    fn try_new() -> Option<Self> {
        let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).ok()?;
        let public = URL_SAFE_NO_PAD.encode(key.public_key());
        let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": public }] });
        let file = std::env::temp_dir().join(format!("lyceum-fuzz-{}.json", std::process::id()));
        std::fs::write(&file, set.to_string()).ok()?;
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let settings = configuration::Authentication {
            lifetime_limit: LIFETIME,
            ..Default::default()
        };
        let issuer = configuration::Issuer::new(ISSUER, "lyceum", file.display().to_string());
        let pseudonyms = Pseudonyms::open(None::<&Path>).ok()?.into();
        let tokens = runtime.block_on(async { Tokens::open(&[issuer], &settings, &pseudonyms) });
        let trusted = Self {
            runtime,
            tokens: tokens.ok()?,
            key,
        };
        // Its keys are read once, while a token waits for them.
        let good = json!({ "iss": ISSUER, "aud": "lyceum", "sub": "s", "exp": now() + 60 });
        let known = trusted.is_known(&trusted.signed("{\"alg\":\"EdDSA\",\"kid\":\"k\"}", &good.to_string()));
        let _ = std::fs::remove_file(file);
        known.then_some(trusted)
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(body.as_bytes());
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn is_known(&self, token: &str) -> bool {
        self.runtime.block_on(self.tokens.principal(token)).is_ok()
    }
}

/// Tokens of strangers, tokens that our issuer signed whatever they say, and documents of keys.
pub(crate) fn tokens(data: &[u8]) {
    let Some(trusted) = &*TRUSTED else {
        panic!("an issuer of our own can be made");
    };
    let Some((how, data)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(data);
    match how % 3 {
        0 => assert!(!trusted.is_known(&text), "nobody signed this"),
        1 => {
            let (header, claims) = text.split_once('\n').unwrap_or((&text, "{}"));
            if trusted.is_known(&trusted.signed(header, claims)) {
                let read = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
                let (header, claims) = (read(header), read(claims));
                assert_eq!(header["alg"], "EdDSA");
                assert_eq!(claims["iss"], ISSUER);
                let ends = claims["exp"].as_f64().unwrap_or(f64::MAX);
                assert!(ends < (now() + 2 * LIFETIME.as_secs()) as f64, "for ever");
            }
        }
        _ => {
            if let Ok(keys) = KeySet::parse(data) {
                for algorithm in issuer::ALGORITHMS {
                    for id in [None, Some("k"), Some("")] {
                        assert!(keys.find(id, algorithm).is_none_or(|key| key.algorithm == algorithm));
                    }
                }
            }
        }
    }
}

/// API keys as they are shown and as they are kept, and sessions as they come and as they are sealed.
pub(crate) fn credentials(data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    match how % 3 {
        0 => {
            let text = String::from_utf8_lossy(data);
            if let Some((id, _)) = keys::parts(&text) {
                assert!(keys::is_id(id));
            }
            assert!(SESSIONS.read(&text, Moment(0)).is_err(), "nobody sealed this");
            assert!(SESSIONS.read(&URL_SAFE_NO_PAD.encode(data), Moment(0)).is_err());
        }
        1 => {
            if let Ok(key) = Key::read(data) {
                let Ok(again) = Key::read(&key.document()) else {
                    panic!("what is written can be read");
                };
                assert_eq!(again, key);
                assert!(key.principal().is_ok());
                let secret = "A".repeat(43);
                let _ = opens(data, &secret, "/lyceum.testing.v1.ProbeService/GetProbe", Moment(1));
            }
        }
        _ => {
            let Ok(session) = serde_json::from_slice::<Session>(data) else {
                return;
            };
            let Ok(value) = SESSIONS.seal(&session) else { return };
            if let Ok(read) = SESSIONS.read(&value, Moment(1000)) {
                let _ = read.principal();
                if let Some(renewed) = SESSIONS.renewed(&read, Moment(1000)) {
                    assert!(renewed.expires() > read.expires());
                }
                let _ = session::set_cookie(&value, read.expires(), true, Moment(1000));
            }
        }
    }
}

/// What is looked for in headers.
pub(crate) fn shown(method: &Method, uri: &Uri, headers: &HeaderMap) {
    for value in headers.get_all(AUTHORIZATION) {
        let _ = bearer_of(value).and_then(keys::parts);
    }
    for secure in [false, true] {
        if let Some((value, _)) = session::cookie(headers, secure) {
            let _ = SESSIONS.read(value, Moment(0));
        }
    }
    let _ = origin::check(method, uri, headers, "token");
}
