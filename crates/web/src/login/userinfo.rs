//! Step 10 of a login: the released claims again, for whoever holds the access token. [OIDCC-5.3]

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::{Extension, Json};
use broker::release;
use oidc::error::{ErrorCode, OAuthError};
use oidc::op::userinfo::{self, BearerRefusal};
use serde_json::{Map, Value};

use store::UserinfoRecord;

use super::answer::digest;
use super::client::{authorization, form};
use super::held;
use crate::arrival::Here;
use crate::gateway::App;
use crate::recorder::Record;
use crate::refusal::RefusedJson;
use crate::sightings::observe::AskedBy;

/// The userinfo endpoint, by GET and by POST. [OIDCC-5.3.1]
pub(crate) async fn userinfo(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(Extension<AskedBy>, Json<Map<String, Value>>), RefusedJson> {
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
    let invalid =
        || refused(OAuthError::new(ErrorCode::InvalidToken, "the access token is not valid"));
    let store = app.store.tenant(loaded.tenant.id);
    let grant = store.grant_by_access_token(digest(&token), now).await?.ok_or_else(invalid)?;
    held::pass(&loaded, &grant).map_err(|_| invalid())?;
    let application = loaded.tenant.application_by_id(grant.application).ok_or_else(invalid)?;
    if !grant.access_scope().iter().any(|word| word == "openid") {
        let BearerRefusal::Refused(error) = BearerRefusal::INSUFFICIENT_SCOPE else {
            return Err(RefusedJson::Internal);
        };
        return Err(refused(error));
    }
    app.recorder.record(Record::Userinfo(UserinfoRecord {
        tenant: loaded.tenant.id,
        login: grant.login,
        at: now,
    }));
    let mut claims = match &grant.access_token_scope {
        Some(scope) => release::within(application, scope, grant.claims),
        None => grant.claims,
    };
    claims.insert("sub".to_owned(), Value::String(grant.sub));
    let by = AskedBy { application: application.id, is_proven: true };
    Ok((Extension(by), Json(claims)))
}

fn refused(error: OAuthError) -> RefusedJson {
    RefusedJson::Bearer(Some(error))
}
