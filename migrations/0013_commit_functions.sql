-- Steps 4 to 8 of a login commit once: the login is used up, the user met, the session opened and
-- the grant given, or nothing of it.
create function give_grant(
    p_tenant uuid, p_grant uuid, p_login uuid, p_application uuid, p_user uuid, p_session uuid,
    p_code_hash bytea, p_code_expires_at timestamptz, p_redirect_uri text, p_code_challenge text,
    p_nonce text, p_scope text[], p_claims json, p_sub text,
    p_auth_time timestamptz, p_acr text, p_amr text[], p_now timestamptz)
    returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into grants
           (tenant_id, grant_id, login_id, application_id, user_id, session_id,
            code_hash, code_expires_at, redirect_uri, code_challenge,
            nonce, scope, claims, sub, auth_time, acr, amr, issued_at)
    values (p_tenant, p_grant, p_login, p_application, p_user, p_session,
            p_code_hash, p_code_expires_at, p_redirect_uri, p_code_challenge,
            p_nonce, p_scope, p_claims, p_sub, p_auth_time, p_acr, p_amr, p_now);
end
$$;

create function commit_login(
    p_tenant uuid, p_login uuid, p_application uuid, p_directory uuid,
    p_started_at timestamptz, p_now timestamptz, p_events jsonb,
    -- The last two are null for a known user.
    p_issuer text, p_subject text, p_user uuid, p_new_sub text, p_new_external_id text,
    p_session uuid, p_token_hash bytea, p_replaced_token_hash bytea, p_profile json,
    p_auth_time timestamptz, p_acr text, p_amr text[], p_expires_at timestamptz,
    -- Null from here on when the answer carries no code.
    p_grant uuid, p_code_hash bytea, p_code_expires_at timestamptz, p_redirect_uri text,
    p_code_challenge text, p_nonce text, p_scope text[], p_claims json, p_sub text)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    -- Without its user, if they do not exist yet.
    if not use_login(p_tenant, p_login, p_application, p_directory,
                     case when p_new_sub is null then p_user end,
                     p_started_at, p_now, p_events)
    then
        return 'already_used';
    end if;
    perform meet_user(p_tenant, p_user, p_new_sub, p_new_external_id,
                      p_directory, p_issuer, p_subject, p_now);
    if p_new_sub is not null then
        update logins set user_id = p_user where tenant_id = p_tenant and login_id = p_login;
    end if;
    -- A browser has one session at an issuer: the one before it ends here.
    update sessions set ended_at = p_now
     where tenant_id = p_tenant and token_hash = p_replaced_token_hash and ended_at is null;
    insert into sessions
           (tenant_id, session_id, token_hash, user_id, directory_id, profile,
            auth_time, acr, amr, created_at, expires_at)
    values (p_tenant, p_session, p_token_hash, p_user, p_directory, p_profile,
            p_auth_time, p_acr, p_amr, p_now, p_expires_at);
    if p_grant is not null then
        perform give_grant(p_tenant, p_grant, p_login, p_application, p_user, p_session,
                           p_code_hash, p_code_expires_at, p_redirect_uri, p_code_challenge,
                           p_nonce, p_scope, p_claims, p_sub, p_auth_time, p_acr, p_amr, p_now);
    end if;
    return 'committed';
end
$$;

create function commit_reuse(
    p_tenant uuid, p_login uuid, p_application uuid, p_session uuid,
    p_started_at timestamptz, p_now timestamptz, p_events jsonb,
    p_grant uuid, p_code_hash bytea, p_code_expires_at timestamptz, p_redirect_uri text,
    p_code_challenge text, p_nonce text, p_scope text[], p_claims json, p_sub text)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_session sessions;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    -- Held until the commit, so that a logout at the same moment waits and then sees the grant.
    select s.* into v_session
      from sessions s
      join users u on u.tenant_id = s.tenant_id and u.user_id = s.user_id
     where s.tenant_id = p_tenant and s.session_id = p_session
       and s.ended_at is null and s.expires_at > p_now and u.blocked_at is null
       for share of s;
    if not found then
        return 'session_ended';
    end if;
    if not use_login(p_tenant, p_login, p_application, v_session.directory_id, v_session.user_id,
                     p_started_at, p_now, p_events)
    then
        return 'already_used';
    end if;
    if p_grant is not null then
        perform give_grant(p_tenant, p_grant, p_login, p_application, v_session.user_id, p_session,
                           p_code_hash, p_code_expires_at, p_redirect_uri, p_code_challenge,
                           p_nonce, p_scope, p_claims, p_sub,
                           v_session.auth_time, v_session.acr, v_session.amr, p_now);
    end if;
    return 'committed';
end
$$;
