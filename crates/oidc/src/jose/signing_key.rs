//! The keys we sign with, parsed once and kept: parsing an RSA key costs as much as using it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::alg::{Alg, Family};
use crate::encoding::base64url;
use crate::secret::sha256;

/// A private key with its algorithm and its public face.
pub struct SigningKey {
    alg: Alg,
    kid: String,
    public: Map<String, Value>,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key cannot be made, read, written or used. Nothing about it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The operating system gave no key.
    #[error("a key cannot be generated")]
    Generate,
    /// The octets are not a private key of this algorithm, or one too weak.
    #[error("not a private key for this algorithm")]
    Rejected,
    /// The key cannot be encoded.
    #[error("a key cannot be encoded")]
    Encode,
    /// The signature failed.
    #[error("a token cannot be signed")]
    Sign,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {})", self.alg, self.kid)
    }
}

impl SigningKey {
    /// Makes a key with the operating system's randomness; RSA keys have 2048 bits, which
    /// is what the oldest clients verify.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate(alg: Alg) -> Result<Self, KeyError> {
        let pair = match alg.family() {
            Family::Rsa => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Family::P256 | Family::P384 => EcdsaKeyPair::generate(curve(alg)).map(Pair::Ecdsa),
            Family::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::new(alg, pair.map_err(|_| KeyError::Generate)?)
    }

    /// Reads a key that [`SigningKey::to_pkcs8`] wrote.
    ///
    /// # Errors
    /// [`KeyError::Rejected`].
    pub fn from_pkcs8(alg: Alg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = match alg.family() {
            Family::Rsa => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rsa),
            Family::P256 | Family::P384 => {
                EcdsaKeyPair::from_pkcs8(curve(alg), pkcs8).map(Pair::Ecdsa)
            }
            Family::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::Ed25519),
        };
        Self::new(alg, pair.map_err(|_| KeyError::Rejected)?)
    }

    /// Writes the private key as PKCS#8; the caller seals it at once.
    ///
    /// # Errors
    /// [`KeyError::Encode`].
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let octets = match &self.pair {
            Pair::Rsa(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| der.as_ref().to_vec())
            }
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.to_pkcs8().map(|der| der.as_ref().to_vec()),
        };
        octets.map(Zeroizing::new).map_err(|_| KeyError::Encode)
    }

    /// The algorithm it signs with.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// Its identifier: the thumbprint of its public key. [RFC7638-3]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as it is published: `use`, `alg` and `kid` always. [RFC7517-4]
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk.insert("use".to_owned(), "sig".into());
        jwk.insert("alg".to_owned(), self.alg.as_str().into());
        jwk.insert("kid".to_owned(), self.kid.as_str().into());
        Value::Object(jwk)
    }

    /// Signs claims into a compact token whose header has `alg`, `kid` and `typ`.
    /// [RFC7515-7.1] [RFC7519-7.1]
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(&self, claims: &Map<String, Value>, typ: &str) -> Result<String, KeyError> {
        self.sign_under(Map::from_iter([("typ".to_owned(), typ.into())]), claims)
    }

    /// The same, with these members of the header besides `alg` and `kid`.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub(crate) fn sign_under(
        &self,
        mut header: Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<String, KeyError> {
        header.insert("alg".to_owned(), self.alg.as_str().into());
        header.insert("kid".to_owned(), self.kid.as_str().into());
        let header = Value::Object(header);
        let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Sign)?;
        let mut token = format!("{}.{}", base64url(header.to_string()), base64url(payload));
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&base64url(signature));
        Ok(token)
    }

    /// The public key of an RSA pair as an `RSAPublicKey`. [RFC8017-A.1.1]
    pub(super) fn rsa_public_key(&self) -> Option<&[u8]> {
        match &self.pair {
            Pair::Rsa(pair) => Some(pair.public_key().as_ref()),
            Pair::Ecdsa(_) | Pair::Ed25519(_) => None,
        }
    }

    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signed = match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(padding(self.alg), &SystemRandom::new(), message, &mut out).map(|()| out)
            }
            Pair::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|out| out.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => pair.try_sign(message).map(|out| out.as_ref().to_vec()),
        };
        signed.map_err(|_| KeyError::Sign)
    }

    fn new(alg: Alg, pair: Pair) -> Result<Self, KeyError> {
        let public = public_members(alg, &pair).ok_or(KeyError::Rejected)?;
        let kid = thumbprint(&public);
        Ok(Self { alg, kid, public, pair })
    }
}

/// The members that make the key, in the order that its thumbprint wants. [RFC7638-3.2]
fn public_members(alg: Alg, pair: &Pair) -> Option<Map<String, Value>> {
    let members: Vec<(&str, String)> = match pair {
        Pair::Rsa(pair) => {
            // Weaker keys are refused by every verifier worth having. [RFC7518-3.3]
            if pair.public_modulus_len() < 256 {
                return None;
            }
            let (n, e) = rsa_public_key(pair.public_key().as_ref())?;
            vec![("e", base64url(e)), ("kty", "RSA".to_owned()), ("n", base64url(n))]
        }
        Pair::Ecdsa(pair) => {
            let (form, point) = pair.public_key().as_ref().split_first()?;
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            let crv = if alg == Alg::ES384 { "P-384" } else { "P-256" };
            (*form == 4).then_some(())?;
            vec![
                ("crv", crv.to_owned()),
                ("kty", "EC".to_owned()),
                ("x", base64url(x)),
                ("y", base64url(y)),
            ]
        }
        Pair::Ed25519(pair) => vec![
            ("crv", "Ed25519".to_owned()),
            ("kty", "OKP".to_owned()),
            ("x", base64url(pair.public_key().as_ref())),
        ],
    };
    Some(members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
}

/// SHA-256 over the required members, sorted and without spaces. [RFC7638-3]
fn thumbprint(public: &Map<String, Value>) -> String {
    let mut members: Vec<_> = public.iter().collect();
    members.sort_unstable_by_key(|(name, _)| name.as_str());
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    base64url(sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

/// Modulus and exponent out of an `RSAPublicKey`, without leading zeros. [RFC8017-A.1.1]
fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = der_value(der, 0x30)?;
    let (n, tail) = der_value(sequence, 0x02)?;
    let (e, end) = der_value(tail, 0x02)?;
    let magnitude = |integer: &'_ [u8]| integer.iter().position(|octet| *octet != 0);
    (rest.is_empty() && end.is_empty()).then_some(())?;
    Some((n.get(magnitude(n)?..)?, e.get(magnitude(e)?..)?))
}

/// The content of the first DER value, which must have this tag, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        let length = octets.iter().try_fold(0_usize, |sum, octet| {
            sum.checked_mul(256)?.checked_add(usize::from(*octet))
        })?;
        (length, rest)
    };
    if *found == tag { rest.split_at_checked(length) } else { None }
}

fn curve(alg: Alg) -> &'static EcdsaSigningAlgorithm {
    match alg {
        Alg::ES384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

fn padding(alg: Alg) -> &'static dyn RsaEncoding {
    match alg {
        Alg::RS384 => &signature::RSA_PKCS1_SHA384,
        Alg::RS512 => &signature::RSA_PKCS1_SHA512,
        Alg::PS256 => &signature::RSA_PSS_SHA256,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::Jwk};
    use serde_json::json;

    use super::*;

    fn claims() -> Map<String, Value> {
        let claims = json!({ "sub": "é", "exp": 4_102_444_800_i64, "aud": "app" });
        claims.as_object().unwrap().clone()
    }

    fn decodes(key: &SigningKey) -> bool {
        let jwk: Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        let mut validation = Validation::new(key.alg().jsonwebtoken());
        validation.set_audience(&["app"]);
        let token = key.sign(&claims(), "JWT").unwrap();
        let header = decode_header(&token).unwrap();
        assert_eq!(header.kid.as_deref(), Some(key.kid()));
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        let decoding = DecodingKey::from_jwk(&jwk).unwrap();
        decode::<Map<String, Value>>(&token, &decoding, &validation)
            .is_ok_and(|data| data.claims == claims())
    }

    #[test]
    fn every_algorithm_signs_what_an_independent_library_verifies() {
        for alg in Alg::ALL {
            assert!(decodes(&SigningKey::generate(alg).unwrap()), "{alg}");
        }
    }

    #[test]
    fn a_key_that_is_written_is_read_back_as_the_same_key() {
        for alg in Alg::ALL {
            let key = SigningKey::generate(alg).unwrap();
            let again = SigningKey::from_pkcs8(alg, &key.to_pkcs8().unwrap()).unwrap();
            assert_eq!(again.public_jwk(), key.public_jwk(), "{alg}");
            assert!(decodes(&again), "{alg}");
        }
    }

    #[test]
    fn a_key_is_not_read_as_one_of_another_family() {
        let pkcs8 = SigningKey::generate(Alg::ES256).unwrap().to_pkcs8().unwrap();
        for alg in [Alg::RS256, Alg::ES384, Alg::EdDSA] {
            assert_eq!(SigningKey::from_pkcs8(alg, &pkcs8).unwrap_err(), KeyError::Rejected);
        }
    }

    #[test]
    fn the_published_key_has_no_private_member() {
        for alg in Alg::ALL {
            let jwk = SigningKey::generate(alg).unwrap().public_jwk();
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(jwk.get(private).is_none(), "{alg} {private}");
            }
            assert_eq!(jwk["use"], "sig");
            assert_eq!(jwk["alg"], alg.as_str());
        }
    }

    /// [RFC8037-A.3]
    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        let public = json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        });
        let kid = thumbprint(public.as_object().unwrap());
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn debug_shows_the_public_side_only() {
        let key = SigningKey::generate(Alg::EdDSA).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey(EdDSA, {})", key.kid()));
    }
}
