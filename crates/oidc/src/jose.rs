//! JSON Object Signing and Encryption, the part we allow: signatures with asymmetric keys.
//!
//! [`Alg`] is the closed list of algorithms, [`SigningKey`] signs what we issue, [`Jwks`]
//! holds what a directory publishes, and `jws` takes a compact token apart and verifies it. A
//! [`Certificate`] wraps a public key for directories that want it that way.
//! There is no `none`, no symmetric key and no encryption. [RFC8725-3.1]

mod alg;
mod certificate;
mod jwk;
pub(crate) mod jws;
mod signing_key;

pub use alg::Alg;
pub use certificate::Certificate;
pub(crate) use jwk::Unselectable;
pub use jwk::{Jwks, JwksError, MAX_JWKS_BYTES, MAX_KEYS};
pub use signing_key::{KeyError, SigningKey};
