//! What signs nobody in with Entra.

use serde_json::json;
use tests::vendor::{Outcome, Script};

use super::{
    ATTACK, BOTH, CEO, COMMON, GUEST, OMAR, ORGANIZATIONS, OURS, PERSONAL, PERSONAL_ADDRESS, PRIYA,
    STAFF_BY_GROUP, TENANT, TYPED_COMMON, TYPED_ORGANIZATIONS,
};
use crate::vendors::case::Case;

pub(in crate::vendors) fn negative() -> Vec<Case> {
    [tenants(), groups_and_guests(), errors()].concat()
}

/// Tokens of a tenant that is not let in, or that only says so.
fn tenants() -> Vec<Case> {
    let mismatch = "entra_id_token_issuer_tid_mismatch";
    let organizations = |name, script, allowed| {
        Case::of(name, "entra", script).person(PRIYA).typed(TYPED_ORGANIZATIONS).with(&[allowed])
    };
    let consumers_key = Script { key: 2, ..COMMON };
    let no_guid =
        Script { change: |claims| claims["tid"] = json!("organizations"), ..ORGANIZATIONS };
    vec![
        organizations("id_02_entra_nooauth_tenant_is_not_allowed", ATTACK, OURS)
            .person(CEO)
            .fails("tenant_not_allowed", ""),
        organizations(
            "jw_10_entra_tenant_id_that_is_not_the_issuers_is_refused",
            Script { id_token: mismatch, ..ORGANIZATIONS },
            BOTH,
        )
        .fails("id_token_issuer", ""),
        Case::of(
            "jw_10_entra_tenant_id_that_is_not_the_single_tenants_is_refused",
            "entra",
            Script { id_token: mismatch, ..TENANT },
        )
        .person(PRIYA)
        .fails("id_token_issuer", ""),
        organizations("jw_10_entra_tenant_id_that_is_no_guid_is_refused", no_guid, OURS)
            .fails("id_token_issuer", ""),
        Case::of("jw_10_entra_personal_account_is_of_no_allowed_tenant", "entra", PERSONAL)
            .person(PERSONAL_ADDRESS)
            .typed(TYPED_COMMON)
            .with(&[OURS])
            .fails("tenant_not_allowed", ""),
        // The keys of personal accounts sign for no organisation.
        Case::of(
            "jw_10_entra_key_of_personal_accounts_signs_for_no_tenant",
            "entra",
            consumers_key,
        )
        .person(PRIYA)
        .typed(TYPED_COMMON)
        .with(&[OURS])
        .fails("id_token_issuer", ""),
    ]
}

fn groups_and_guests() -> Vec<Case> {
    let overage = |name, id_token| {
        Case::of(name, "entra", Script { id_token, ..TENANT })
            .person(PRIYA)
            .staff(STAFF_BY_GROUP)
            .fails("groups_incomplete", "")
    };
    vec![
        overage("entra_groups_that_are_elsewhere_stop_the_login", "entra_id_token_groups_overage"),
        overage("entra_groups_that_were_left_out_stop_the_login", "entra_id_token_hasgroups"),
        Case::of("entra_guest_stays_out_where_guests_are_not_allowed", "entra", GUEST)
            .person(OMAR)
            .with(&["allow_guests: false"])
            .fails("guest_not_allowed", ""),
    ]
}

/// What Microsoft answers in place of a code or of tokens.
fn errors() -> Vec<Case> {
    let refused = |name, document, failure| {
        let script = Script { outcome: Outcome::Refused(document), ..TENANT };
        Case::of(name, "entra", script).person(PRIYA).fails(failure, "")
    };
    let expired = Outcome::TokenError(401, "entra_error_expired_secret");
    let consent = "directory_consent_required";
    vec![
        refused(
            "entra_person_who_is_not_assigned_is_told_so",
            "entra_error_not_assigned",
            "directory_not_assigned",
        ),
        refused("entra_consent_that_nobody_gave_is_asked_for", "entra_error_consent", consent),
        refused(
            "entra_consent_that_an_administrator_has_to_give_is_asked_for",
            "entra_error_admin_consent",
            consent,
        ),
        Case::of(
            "entra_secret_that_expired_is_named",
            "entra",
            Script { outcome: expired, ..TENANT },
        )
        .person(PRIYA)
        .fails("directory_secret_expired", ""),
    ]
}
