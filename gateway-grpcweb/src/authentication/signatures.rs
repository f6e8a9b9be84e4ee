//! Signatures of tokens by ring: the one cryptography that this workspace has.
//!
//! **What.** A provider for the crate jsonwebtoken, which leaves signing and verifying to whoever it is given: ES256,
//! RS256 and EdDSA, and nothing else. **Why.** Its own choices are aws-lc, a second cryptography in C, and RustCrypto's
//! `rsa`, which has an advisory without a remedy (RUSTSEC-2023-0071). An algorithm that is not here cannot be asked for
//! by a token: `none` and the HS family end at the provider even if everything before it were wrong.
//!
//! **Source.** RFC 7518, 3.3 and 3.4; RFC 8037.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // Only for keys that are turned back into JWKs, which nobody here does.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring what jsonwebtoken works with, in this process. Later calls do nothing.
pub(super) fn install() {
    // Fails only when there is one already, and nobody else installs any.
    let _ = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let raw = |with: &'static dyn VerificationAlgorithm| -> Result<Key> {
        let bytes = key.try_get_as_bytes()?.to_vec();
        Ok(Key::Raw(UnparsedPublicKey::new(with, bytes)))
    };
    let public = match (algorithm, key.kind()) {
        (Algorithm::ES256, _) => raw(&ECDSA_P256_SHA256_FIXED)?,
        (Algorithm::EdDSA, _) => raw(&ED25519)?,
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => Key::Rsa(RsaPublicKeyComponents {
            n: n.clone(),
            e: e.clone(),
        }),
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    };
    Ok(Box::new(Public {
        algorithm: *algorithm,
        key: public,
    }))
}

/// Development tokens are signed with Ed25519 and nothing else.
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::EdDSA {
        return Err(new_error(ErrorKind::UnsupportedAlgorithm));
    }
    let pair = Ed25519KeyPair::from_pkcs8(key.as_bytes()).map_err(|_| new_error(ErrorKind::InvalidEddsaKey))?;
    Ok(Box::new(Private(pair)))
}

enum Key {
    Raw(UnparsedPublicKey<Vec<u8>>),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

struct Public {
    algorithm: Algorithm,
    key: Key,
}

impl Verifier<Vec<u8>> for Public {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        match &self.key {
            Key::Raw(key) => key.verify(message, signature),
            Key::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        }
        .map_err(|_| Error::new())
    }
}

impl JwtVerifier for Public {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct Private(Ed25519KeyPair);

impl Signer<Vec<u8>> for Private {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Private {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::verify;
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7515, A.2 and A.3, and RFC 8037, A.4: key, signed text, signature.
    fn examples() -> [(Algorithm, serde_json::Value, String, &'static str); 3] {
        const CLAIMS: &str =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        [
            (
                Algorithm::RS256,
                json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" }),
                format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}"),
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            ),
            (
                Algorithm::ES256,
                json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }),
                format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"),
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
            (
                Algorithm::EdDSA,
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ]
    }

    #[test]
    fn the_examples_of_the_standards_verify() {
        install();
        for (algorithm, key, message, signature) in examples() {
            let key = DecodingKey::from_jwk(&serde_json::from_value(key).unwrap()).unwrap();
            let good = |message: &str| verify(signature, message.as_bytes(), &key, algorithm).unwrap();
            assert!(good(&message), "{algorithm:?}");
            assert!(!good(&message.replace("ey", "eY")), "{algorithm:?}: another text");
        }
    }

    #[test]
    fn other_algorithms_do_not_exist_here() {
        install();
        let secret = DecodingKey::from_secret(b"public");
        for algorithm in [Algorithm::HS256, Algorithm::RS512, Algorithm::PS256, Algorithm::ES384] {
            assert!(verify("AAAA", b"x", &secret, algorithm).is_err(), "{algorithm:?}");
        }
    }
}
