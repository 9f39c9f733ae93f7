//! Step 10 of a login: the released claims again, for whoever holds the access token. [OIDCC-5.3]

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use oidc::error::{ErrorCode, OAuthError};
use oidc::op::userinfo::{self, BearerRefusal};
use serde_json::{Map, Value};

use store::UserinfoRecord;

use super::answer::digest;
use super::token::{authorization, form};
use crate::gateway::App;
use crate::recorder::Record;
use crate::refusal::RefusedJson;

/// The userinfo endpoint, by GET and by POST. [OIDCC-5.3.1]
pub(crate) async fn userinfo(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Map<String, Value>>, RefusedJson> {
    let loaded = app.tenants.get(&tenant).await?.ok_or(RefusedJson::NotFound)?;
    let header = authorization(&headers)?;
    let params = match method {
        Method::POST if !body.is_empty() => Some(form(&headers, &body).map_err(refused)?),
        _ => None,
    };
    let token = userinfo::bearer(header, params.as_ref()).map_err(|refusal| match refusal {
        BearerRefusal::Missing => RefusedJson::Bearer(None),
        BearerRefusal::Refused(error) => refused(error),
    })?;
    let now = app.clock.now();
    let grant =
        app.store.tenant(loaded.tenant.id).grant_by_access_token(digest(&token), now).await?;
    // The application or the user may have been switched off since (THREATS TK-12).
    let grant = grant.filter(|one| loaded.tenant.application_by_id(one.application).is_some());
    let Some(grant) = grant else {
        let error = OAuthError::new(ErrorCode::InvalidToken, "the access token is not valid");
        return Err(refused(error));
    };
    app.recorder.record(Record::Userinfo(UserinfoRecord {
        tenant: loaded.tenant.id,
        login: grant.login,
        at: now,
    }));
    let mut claims = grant.claims;
    claims.insert("sub".to_owned(), Value::String(grant.sub));
    Ok(Json(claims))
}

fn refused(error: OAuthError) -> RefusedJson {
    RefusedJson::Bearer(Some(error))
}
