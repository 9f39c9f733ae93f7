-- Functions are executable by everybody unless that is taken back. All of ours run with the rights
-- of their caller, so this is a second net.
revoke all on function
    tenant_by_slug, tenant_version, known_user, live_session, use_login, meet_user, give_grant, commit_login,
    commit_reuse, note_login_event, grant_by_code, grant_by_access_token, redeem_code,
    consume_code, revoke_grant, spill_request, take_spilled_request, record_logins,
    insert_signing_key, rotate_signing_key, clean_tenant
    from public;
grant execute on function
    tenant_by_slug, tenant_version, known_user, live_session, use_login, meet_user, give_grant, commit_login,
    commit_reuse, note_login_event, grant_by_code, grant_by_access_token, redeem_code,
    consume_code, revoke_grant, spill_request, take_spilled_request, record_logins,
    insert_signing_key, rotate_signing_key, clean_tenant
    to vestibule_gateway, vestibule_operator;
