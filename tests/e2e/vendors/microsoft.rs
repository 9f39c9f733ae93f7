//! Microsoft Entra ID: one tenant or several behind a template, optional claims, guests, personal
//! accounts, too many groups, and addresses that anybody can write down.

mod attacks;

use serde_json::{Value, json};
use tests::vendor::Script;

use super::case::{Case, with};

pub(super) use attacks::negative;

/// A single tenant's endpoints; the ID token has what an administrator switched on.
const TENANT: Script = Script {
    discovery: "entra_single_tenant_discovery",
    keys: "entra_single_tenant_jwks",
    id_token: "entra_id_token_member_optional_claims",
    userinfo: "entra_userinfo",
    token_response: "entra_token_response",
    ..Script::PLAIN
};

/// The endpoints of all organisations.
const ORGANIZATIONS: Script = Script {
    discovery: "entra_organizations_discovery",
    discovered_at: "https://login.microsoftonline.com/organizations/v2.0",
    keys: "entra_common_jwks",
    ..TENANT
};

/// The endpoints of everybody, personal accounts included.
const COMMON: Script = Script {
    discovery: "entra_common_discovery",
    discovered_at: "https://login.microsoftonline.com/common/v2.0",
    ..ORGANIZATIONS
};

/// A personal account: its tokens are signed with the key of personal accounts.
const PERSONAL: Script =
    Script { id_token: "entra_id_token_consumer_msa", key: 2, userinfo: "", ..COMMON };
/// A guest, who says nothing more at userinfo.
const GUEST: Script = Script { id_token: "entra_id_token_guest", userinfo: "", ..TENANT };
/// Somebody in another tenant, whose administrator wrote the victim's address down.
const ATTACK: Script =
    Script { id_token: "entra_id_token_multitenant_noauth_attack", userinfo: "", ..ORGANIZATIONS };

const PRIYA: &str = "priya.raman@acme-assoc.example";
const OMAR: &str = "omar@partner.example";
const CEO: &str = "ceo@acme-assoc.example";
const PERSONAL_ADDRESS: &str = "someone@outlook.example";

/// The tenant whose people may sign in.
const OURS: &str = "tenants: [7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11]";
/// Where nobody but a test would let both in.
const BOTH: &str =
    "tenants: [7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11, c2b8e5d4-91aa-4f0d-8d55-6a3f1e7702bb]";
const TYPED_ORGANIZATIONS: &str = "https://login.microsoftonline.com/organizations/v2.0";
/// What an administrator finds under *Endpoints*.
const TYPED_ENDPOINT: &str = concat!(
    "https://login.microsoftonline.com/",
    "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/oauth2/v2.0/authorize",
);
const TYPED_COMMON: &str = "https://login.microsoftonline.com/common/v2.0";

/// Who belongs to the staff.
const STAFF: &str = "'AssociationStaff' in claims.roles";
/// Who belongs to the staff, by group.
const STAFF_BY_GROUP: &str = "'5f2b7c90-1d3e-4a8b-9c4d-6e7f80912a3b' in claims.groups";

/// Priya with these claims more.
fn priya(more: Value) -> Value {
    let claims = json!({
        "external_id":
            "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11.2e9a61c7-0f4b-4d83-b0a5-77c1d9e34f20",
        "given_name": "Priya",
        "family_name": "Raman",
        "name": "Priya Raman",
        "preferred_username": PRIYA,
    });
    with(claims, more)
}

fn mail() -> Value {
    json!({ "email": PRIYA, "email_verified": true })
}

pub(super) fn positive() -> Vec<Case> {
    [single_tenant(), several_tenants(), strangers()].concat()
}

fn single_tenant() -> Vec<Case> {
    let default = Script { id_token: "entra_id_token_member_default", ..TENANT };
    let bare = Script { userinfo: "", ..default };
    let first = Script {
        discovery: "entra_v1_discovery",
        // Keys of the first version name no issuer.
        keys: "entra_v1_jwks",
        id_token: "entra_v1_id_token",
        userinfo: "",
        ..TENANT
    };
    let by_domain = Script {
        discovered_at: "https://login.microsoftonline.com/acme-assoc.example/v2.0",
        ..TENANT
    };
    let staff = json!({ "staff": "1", "email": PRIYA, "email_verified": true });
    let groups = json!({
        "email": PRIYA,
        "email_verified": true,
        "groups": ["5f2b7c90-1d3e-4a8b-9c4d-6e7f80912a3b", "8c1d2e3f-4051-4263-8495-a6b7c8d9e0f1"],
    });
    let entra = |name, script| Case::of(name, "entra", script).person(PRIYA);
    vec![
        entra("entra_member_with_optional_claims_reaches_imis_as_staff", TENANT)
            .staff(STAFF)
            .imis(priya(staff.clone()))
            .app(priya(groups.clone())),
        // Names and address from userinfo; she is no guest, and the domain is the directory's.
        entra("entra_member_without_optional_claims_is_filled_from_userinfo", default)
            .staff(STAFF)
            .imis(priya(mail())),
        entra("entra_member_without_names_is_told_which_optional_claims_to_add", bare)
            .imis_fails("claim_contract_unmet", "optional claim"),
        entra("entra_tenant_is_found_by_its_domain", by_domain)
            .typed("https://login.microsoftonline.com/acme-assoc.example/v2.0")
            .app(priya(groups.clone())),
        entra("entra_tenant_is_found_by_its_authorization_endpoint", TENANT)
            .typed(TYPED_ENDPOINT)
            .app(priya(groups.clone())),
        // The first version writes no address, and another issuer.
        entra("entra_first_version_has_names_and_no_address", first).imis(priya(json!({}))),
    ]
}

fn several_tenants() -> Vec<Case> {
    let as_text = Script { change: |claims| claims["xms_edov"] = json!("1"), ..ORGANIZATIONS };
    let unsaid = Script { change: |claims| claims["xms_edov"] = Value::Null, ..ORGANIZATIONS };
    let overage = Script { id_token: "entra_id_token_groups_overage", ..TENANT };
    let entra = |name, script| Case::of(name, "entra", script).person(PRIYA);
    let staff = json!({ "staff": "1", "email": PRIYA, "email_verified": true });
    vec![
        entra("entra_template_is_filled_in_with_an_allowed_tenant", ORGANIZATIONS)
            .typed(TYPED_ORGANIZATIONS)
            .with(&[OURS])
            .staff(STAFF)
            .imis(priya(staff.clone())),
        entra("entra_common_endpoint_lets_an_allowed_tenant_in", COMMON)
            .typed(TYPED_COMMON)
            .with(&[OURS])
            .staff(STAFF_BY_GROUP)
            .imis(priya(staff.clone())),
        entra("entra_address_is_verified_where_microsoft_says_so_as_a_text", as_text)
            .typed(TYPED_ORGANIZATIONS)
            .with(&[OURS])
            .imis(priya(mail())),
        // With several tenants, any of them can have written the address: its domain proves nothing.
        entra("id_02_entra_address_in_one_of_two_tenants_is_not_verified_by_its_domain", unsaid)
            .typed(TYPED_ORGANIZATIONS)
            .with(&[BOTH])
            .imis(priya(json!({}))),
        // Where the tenant says so, too many groups are none: never staff by mistake.
        entra("entra_groups_left_out_count_as_none_where_that_is_wanted", overage)
            .with(&["groups_overage: drop"])
            .staff(STAFF_BY_GROUP)
            .imis(priya(mail()))
            .app(priya(mail())),
    ]
}

/// People whose address nobody vouches for.
fn strangers() -> Vec<Case> {
    let omar = json!({
        "external_id":
            "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11.b4f0a1d2-6c3e-4f58-92a7-1e0d3c5b7a96",
        "email": OMAR,
        "email_verified": false,
        "name": "Omar Guest",
        "preferred_username": OMAR,
    });
    let attacker = json!({
        "external_id":
            "c2b8e5d4-91aa-4f0d-8d55-6a3f1e7702bb.f1e2d3c4-b5a6-4978-8a6b-5c4d3e2f1a0b",
        "given_name": "Some",
        "family_name": "One",
        "name": "Attacker",
        "preferred_username": "attacker@evil.onmicrosoft.com",
    });
    let with_address = with(attacker.clone(), json!({ "email": CEO, "email_verified": false }));
    vec![
        Case::of("id_07_entra_guest_has_an_address_that_nobody_verified", "entra", GUEST)
            .person(OMAR)
            .app(omar.clone())
            .imis_fails("claim_contract_unmet", "family_name"),
        Case::of("id_07_entra_guest_is_not_verified_by_a_domain_either", "entra", GUEST)
            .person(OMAR)
            .with(&["email_trust: domain"])
            .app(omar),
        Case::of(
            "id_02_entra_nooauth_address_is_unverified_even_of_an_allowed_tenant",
            "entra",
            ATTACK,
        )
        .person(CEO)
        .typed(TYPED_ORGANIZATIONS)
        .with(&[BOTH])
        .row("given_name", "value: Some")
        .row("family_name", "value: One")
        .imis(attacker)
        .app(with_address),
        Case::of("entra_personal_accounts_sign_in_where_they_are_allowed", "entra", PERSONAL)
            .person(PERSONAL_ADDRESS)
            .typed(TYPED_COMMON)
            .with(&["tenants: [9188040d-6c67-4c5b-b112-36a304b66dad]"])
            .app(json!({
                "external_id":
                    "9188040d-6c67-4c5b-b112-36a304b66dad.00000000-0000-0000-3f2a-1b4c5d6e7f80",
                "email": PERSONAL_ADDRESS,
                "email_verified": false,
                "name": "Priya Raman",
                "preferred_username": PERSONAL_ADDRESS,
            })),
    ]
}
