//! The public keys of an issuer: a JWK Set, and which of its keys a token may be verified with.
//!
//! An algorithm belongs to a kind of key (RSA: RS256, P-256: ES256, Ed25519: EdDSA), so a token cannot choose one that
//! fits badly, such as HS256 with the public key as its secret. Keys of other kinds, for encryption or with another
//! algorithm are passed over: a set may hold them for others. Source: RFC 7517; RFC 8725, 3.1 and 3.2.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of a set: a rotation needs two.
const KEYS: usize = 64;

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("it is no JWK Set: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("it has {0} keys; at most {KEYS} are read")]
    TooMany(usize),
    #[error("none of its {0} keys can verify RS256, ES256 or EdDSA")]
    Useless(usize),
}

/// The keys of one issuer that can be used here.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<PublicKey>,
}

/// A key with the one algorithm that it is for.
#[derive(Debug)]
pub(super) struct PublicKey {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

// === impl KeySet ===

impl KeySet {
    pub(super) fn parse(document: &[u8]) -> Result<Self, Error> {
        let Document { keys: listed } = serde_json::from_slice(document)?;
        let count = listed.len();
        if count > KEYS {
            return Err(Error::TooMany(count));
        }
        let keys: Vec<_> = listed
            .into_iter()
            .filter_map(|value| PublicKey::read(&serde_json::from_value(value).ok()?))
            .collect();
        if keys.is_empty() {
            return Err(Error::Useless(count));
        }
        Ok(Self { keys })
    }

    /// The key for a token: the one it names, or the only one of its algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&PublicKey> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then_some(first)
    }
}

impl PublicKey {
    fn read(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            _ => return None,
        };
        let common = &jwk.common;
        let for_signatures = common
            .public_key_use
            .as_ref()
            .is_none_or(|usage| *usage == PublicKeyUse::Signature);
        // RFC 9864 names EdDSA over this curve anew; a reader may not know the name yet.
        let for_this = common.key_algorithm.is_none_or(|named| {
            named == KeyAlgorithm::from(algorithm)
                || (named == KeyAlgorithm::UNKNOWN_ALGORITHM && algorithm == Algorithm::EdDSA)
        });
        (for_signatures && for_this).then_some(Self {
            id: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_jwk(jwk).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0";
    const Y: &str = "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps";

    fn set(keys: Value) -> Result<KeySet, Error> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn p256(id: &str) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": X, "y": Y })
    }

    fn ed(id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    #[test]
    fn a_key_is_chosen_by_its_id_and_its_kind() {
        let set = set(json!([p256("a"), p256("b"), ed("c")])).unwrap();
        let found = |id, algorithm| set.find(id, algorithm).and_then(|key| key.id.as_deref());
        assert_eq!(found(Some("b"), Algorithm::ES256), Some("b"));
        assert_eq!(found(Some("c"), Algorithm::EdDSA), Some("c"));
        assert_eq!(found(None, Algorithm::EdDSA), Some("c"));
        assert_eq!(found(None, Algorithm::ES256), None, "which of two?");
        for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES384, Algorithm::EdDSA] {
            assert_eq!(
                found(Some("a"), algorithm),
                None,
                "{algorithm:?} is no algorithm of P-256"
            );
        }
    }

    #[test]
    fn what_is_for_others_is_passed_over() {
        let mut encrypts = p256("e");
        encrypts["use"] = "enc".into();
        let mut other = p256("o");
        other["alg"] = "ES384".into();
        let secret = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256" });
        let curve = json!({ "kty": "EC", "crv": "secp256k1", "kid": "k", "x": X, "y": Y });
        let strange = json!({ "kty": "AKP", "kid": "q", "pub": "…" });
        let list = json!([encrypts, other, secret, curve, strange, 7]);
        assert!(matches!(set(list.clone()), Err(Error::Useless(6))));
        let mut list = list.as_array().unwrap().clone();
        list.push(p256("good"));
        assert_eq!(set(list.into()).unwrap().keys.len(), 1);
    }

    #[test]
    fn a_set_has_bounds_and_a_form() {
        assert!(matches!(set(vec![p256("a"); KEYS + 1].into()), Err(Error::TooMany(65))));
        assert!(matches!(KeySet::parse(b"{}"), Err(Error::Unreadable(_))));
        assert!(matches!(KeySet::parse(b"<html>"), Err(Error::Unreadable(_))));
    }
}
