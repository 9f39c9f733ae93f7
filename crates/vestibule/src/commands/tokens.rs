//! `vestibule tokens`: ends what applications hold.

use anyhow::Context as _;

use super::Tool;
use crate::cli::TokensRevokeAllArgs;
use crate::output;

/// Runs `tokens revoke-all`.
pub(super) async fn revoke_all(args: TokensRevokeAllArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let ended = tool.store.revoke_all_tokens(super::now()).await;
    let ended = tool.finish(ended.context("nothing was ended")).await?;
    output::result(match ended {
        Some(_) => "Ended every code, access token and refresh token of every tenant.",
        None => "No gateway has run on this database yet, so there is nothing to end.",
    });
    Ok(())
}
