//! A certificate for one of our keys: some directories take an uploaded certificate in place of a
//! published key set.
//!
//! It is self-signed and says nothing but the key. The same key always has the same certificate,
//! down to the last octet, because the signature has no randomness in it and the rest is constant
//! or made of the key: nothing has to be stored, and what was uploaded once is what signs later.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, Error, PKCS_RSA_SHA256, PublicKeyData,
    SerialNumber, SignatureAlgorithm, date_time_ymd,
};

use super::alg::Alg;
use super::signing_key::{KeyError, SigningKey};
use crate::encoding::base64url;
use crate::secret::sha256;

/// A self-signed certificate.
#[derive(Clone)]
pub struct Certificate(rcgen::Certificate);

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.thumbprint())
    }
}

impl Certificate {
    /// The certificate of a key, which has to be one for RS256: all that take certificates know
    /// it, and its signatures are the same each time. It is valid from 2020 to the end of 2049, for
    /// as long as the form of its dates lasts; the key's life is limited by its rotation.
    ///
    /// # Errors
    /// [`KeyError::Rejected`] for another key, [`KeyError::Encode`] if it cannot be made.
    pub fn of(key: &SigningKey) -> Result<Self, KeyError> {
        let public = key.rsa_public_key().filter(|_| key.alg() == Alg::RS256);
        let public = public.ok_or(KeyError::Rejected)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, format!("Vestibule {}", key.kid()));
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2049, 12, 31);
        params.serial_number = Some(serial(key.kid()));
        let signer = Signer { key, public };
        params.self_signed(&signer).map(Self).map_err(|_| KeyError::Encode)
    }

    /// Its text form, to be uploaded.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a token's header calls it: `x5t#S256`. [RFC7515-4.1.8]
    pub fn thumbprint(&self) -> String {
        base64url(sha256(self.0.der()))
    }
}

/// A number of fifteen octets made of the key's name; positive, and never zero in practice.
fn serial(kid: &str) -> SerialNumber {
    let digest = sha256(kid.as_bytes());
    let octets: Vec<u8> = std::iter::once(1).chain(digest.iter().copied().take(14)).collect();
    SerialNumber::from_slice(&octets)
}

/// One of our keys, as the library asks for it.
struct Signer<'a> {
    key: &'a SigningKey,
    public: &'a [u8],
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.signature(message).map_err(|_| Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls_pki_types::UnixTime;
    use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate(Alg::RS256).unwrap()
    }

    #[test]
    fn the_same_key_has_the_same_certificate_each_time() {
        let key = key();
        let again = SigningKey::from_pkcs8(Alg::RS256, &key.to_pkcs8().unwrap()).unwrap();
        let certificate = Certificate::of(&key).unwrap();
        assert_eq!(Certificate::of(&again).unwrap().pem(), certificate.pem());
        let other = Certificate::of(&self::key()).unwrap();
        assert_ne!(other.thumbprint(), certificate.thumbprint());
    }

    #[test]
    fn an_independent_library_finds_it_signed_by_its_own_key() {
        let key = key();
        let certificate = Certificate::of(&key).unwrap();
        let der = certificate.0.der();
        let algorithm = webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256;
        let end = EndEntityCert::try_from(der).unwrap();
        let message = b"an assertion";
        end.verify_signature(algorithm, message, &key.signature(message).unwrap()).unwrap();
        let anchors = [anchor_from_trusted_cert(der).unwrap()];
        for (seconds, valid) in [(1_760_000_000, true), (1_500_000_000, false)] {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            let usage = KeyUsage::client_auth();
            let verified =
                end.verify_for_usage(&[algorithm], &anchors, &[], time, usage, None, None);
            assert_eq!(verified.is_ok(), valid, "{seconds}");
        }
    }

    #[test]
    fn only_keys_whose_signatures_repeat_have_one() {
        for alg in [Alg::PS256, Alg::ES256, Alg::EdDSA] {
            let key = SigningKey::generate(alg).unwrap();
            assert_eq!(Certificate::of(&key).unwrap_err(), KeyError::Rejected, "{alg}");
        }
    }
}
