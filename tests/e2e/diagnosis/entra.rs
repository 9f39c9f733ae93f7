//! What goes wrong at Microsoft Entra alone, with a provider that has its habits.

use anyhow::Result;
use broker::failure::FailureCode;
use serde_json::json;
use tests::gateway::Options;
use tests::peers::vendor::{TENANT, Vendor, VendorPeer, client};

use super::stage::Stage;
use super::stand::{NEW_SECRET, Stand};
use super::{Fault, Peer, fault};
use crate::scene::SECRET;

/// Somebody else's tenant.
const ELSEWHERE: &str = "0c9d8e7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f";

const TENANTS: Fault = fault(
    "the person's Microsoft tenant is missing in the directory's list",
    FailureCode::TenantNotAllowed,
    &["tenant `2f7d0c6e-5b1a-4c3d-9e8f-0a1b2c3d4e5f`"],
    "add the tenant's ID to “Tenant IDs that may sign in”",
);
const GUEST: Fault = fault(
    "the person is a guest of the Microsoft tenant, and guests may not sign in",
    FailureCode::GuestNotAllowed,
    &["says that the person is a guest"],
    "set `allow_guests: true`",
);
const SECRET_ID: Fault = fault(
    "the secret's id is entered in place of its value (Microsoft Entra)",
    FailureCode::DirectoryCredentialsWrong,
    &["invalid_client (AADSTS7000215)"],
    "the secret's value (not its name or id)",
);

/// All of them.
pub(crate) const FAULTS: &[Fault] = &[TENANTS, GUEST, SECRET_ID];

#[tokio::test]
async fn diagnosis_of_microsoft_entra() -> Result<()> {
    let stage = Stage::alone(Options::default()).await?;
    let mut stand = Stand::right(stage.place("entra", Peer::Library)?, Peer::Library);
    let registered = client(&stand.place.callback, &json!({ "client_secret": SECRET }));
    let people = json!({ stand.name(): { "acct": 1 } });
    let peer = VendorPeer::start(Vendor::Entra, &registered, &people).await?;
    stand.directory("preset", json!("entra"));
    stand.directory("issuer", json!(peer.typed));

    let tenants: fn(&mut Stand) = |stand| stand.directory("tenants", json!([ELSEWHERE]));
    let guests: fn(&mut Stand) = |stand| stand.directory("allow_guests", json!(false));
    let secret: fn(&mut Stand) = |stand| stand.directory("client_secret", json!(NEW_SECRET));
    let listed: fn(&mut Stand) = |stand| stand.directory("tenants", json!([ELSEWHERE, TENANT]));
    let admitted: fn(&mut Stand) = |stand| stand.directory("allow_guests", json!(true));
    let copied: fn(&mut Stand) = |stand| stand.directory("client_secret", json!(SECRET));
    stand.directory("tenants", json!([TENANT]));
    for (fault, broken, mended) in
        [(TENANTS, tenants, listed), (GUEST, guests, admitted), (SECRET_ID, secret, copied)]
    {
        broken(&mut stand);
        stage.apply(std::slice::from_ref(&stand)).await?;
        stage.comes_to_be_told(&stand, &fault).await?;
        mended(&mut stand);
        stage.apply(std::slice::from_ref(&stand)).await?;
        stage.comes_to_tokens(&stand).await?;
    }
    Ok(())
}
