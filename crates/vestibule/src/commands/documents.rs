//! `vestibule openapi` and `vestibule schema`: the documents that describe the admin API and the
//! configuration file, made from the code that reads both.

use crate::output;

/// Runs `openapi`.
pub(super) fn openapi() -> anyhow::Result<()> {
    output::json(serde_json::to_string_pretty(&web::api::document())?);
    Ok(())
}

/// Runs `schema`.
pub(super) fn schema() -> anyhow::Result<()> {
    output::json(serde_json::to_string_pretty(&broker::settings::json_schema()?)?);
    Ok(())
}
