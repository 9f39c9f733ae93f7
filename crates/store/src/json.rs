//! Values for columns of the type `json`.

use serde::Serialize;

use crate::StoreError;

/// The text of a value, for a parameter that is written `$n::text::json`. The driver would send it
/// as `jsonb`, which loses the order of members and refuses U+0000.
pub(crate) fn json_text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|why| StoreError::Refused(why.to_string()))
}
