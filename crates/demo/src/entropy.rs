//! Unguessable values from the operating system's generator.

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut drawn = [0; N];
    aws_lc_rs::rand::fill(&mut drawn)?;
    Ok(drawn)
}

/// 256 random bits in 43 characters that no encoding changes: codes, tokens, cookies.
pub(crate) fn token() -> Result<String, Unspecified> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}
