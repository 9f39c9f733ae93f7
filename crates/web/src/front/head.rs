//! How long the head of a request may be (THREATS AZ-15).
//!
//! The `state` of an application has up to 8 KB, which escaping makes three times as long, so an
//! address has 32 KB at most. Cookies have their own bound, since ours are several; with them
//! and everything else a head has 64 KB, past which the connection reads nothing.

use axum::http::{HeaderMap, Uri, header};

use super::refuse::Refusal;

/// The longest head, cookies and all, that is read at all.
pub(crate) const LARGEST: usize = 64 * 1024;
/// The largest number of header fields.
pub(crate) const MOST_FIELDS: usize = 100;
/// The longest address.
const LONGEST_URI: usize = 32 * 1024;
/// The most that header fields other than cookies may come to.
const LARGEST_FIELDS: usize = 16 * 1024;

/// # Errors
/// 414 or 431.
pub(super) fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let query = uri.query().map_or(0, str::len);
    if uri.path().len() + query > LONGEST_URI {
        return Err(Refusal::UriTooLong);
    }
    let fields = headers.iter().filter(|(name, _)| *name != header::COOKIE);
    let octets: usize = fields.map(|(name, value)| name.as_str().len() + value.len()).sum();
    if octets > LARGEST_FIELDS || headers.len() > MOST_FIELDS {
        return Err(Refusal::FieldsTooLarge);
    }
    Ok(())
}
