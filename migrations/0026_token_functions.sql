-- The steps of the token, userinfo, introspection and revocation endpoints. Each is one call: one
-- round trip, and one durable commit where something changes. The functions of before stay as they
-- are for the previous release.
alter table grants validate constraint grants_revoked_because_is_known;

-- A grant as every endpoint judges it: with its session's directory, its user's state, its epoch and
-- the refresh token that works.
create type held_grant as (
    grant_id uuid, login_id uuid, application_id uuid, user_id uuid, session_id uuid,
    directory_id uuid, redirect_uri text, code_challenge text, nonce text, scope text[],
    claims json, sub text, auth_time timestamptz, acr text, amr text[], issued_at timestamptz,
    code_expires_at timestamptz, redeemed_at timestamptz, revoked_at timestamptz,
    access_token_hash bytea, access_token_expires_at timestamptz, access_token_scope text[],
    refresh_token_hash bytea, refresh_issued_at timestamptz, refresh_expires_at timestamptz,
    user_blocked boolean, other_epoch boolean);

create function hold_grant(p_tenant uuid, p_grant uuid) returns setof held_grant
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    return query
        select g.grant_id, g.login_id, g.application_id, g.user_id, g.session_id,
               s.directory_id, g.redirect_uri, g.code_challenge, g.nonce, g.scope,
               g.claims, g.sub, g.auth_time, g.acr, g.amr, g.issued_at,
               g.code_expires_at, g.redeemed_at, g.revoked_at,
               g.access_token_hash, g.access_token_expires_at, g.access_token_scope,
               r.token_hash, r.issued_at, r.expires_at,
               u.blocked_at is not null, g.epoch <> token_epoch()
          from grants g
          join sessions s on s.tenant_id = g.tenant_id and s.session_id = g.session_id
          join users u on u.tenant_id = g.tenant_id and u.user_id = g.user_id
          left join refresh_tokens r on r.tenant_id = g.tenant_id and r.grant_id = g.grant_id
         where g.tenant_id = p_tenant and g.grant_id = p_grant;
end
$$;

create function grant_of_code(p_tenant uuid, p_code_hash bytea) returns setof held_grant
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select * from hold_grant(p_tenant, (
            select g.grant_id from grants g
             where g.tenant_id = p_tenant and g.code_hash = p_code_hash));
end
$$;

create function grant_of_access_token(p_tenant uuid, p_token_hash bytea)
    returns setof held_grant
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select * from hold_grant(p_tenant, (
            select g.grant_id from grants g
             where g.tenant_id = p_tenant and g.access_token_hash = p_token_hash));
end
$$;

create function grant_of_refresh_token(p_tenant uuid, p_family_hash bytea)
    returns setof held_grant
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select * from hold_grant(p_tenant, (
            select r.grant_id from refresh_tokens r
             where r.tenant_id = p_tenant and r.family_hash = p_family_hash));
end
$$;

-- Writes an act about a grant into the audit log, each act once however often it happens, so that
-- nobody fills the log by repeating it.
create function audit_grant(
    p_tenant uuid, p_grant uuid, p_act text, p_client_id text, p_now timestamptz)
    returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_grant grants;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update grants g set noted = g.noted || p_act
     where g.tenant_id = p_tenant and g.grant_id = p_grant and p_act <> all (g.noted)
    returning g.* into v_grant;
    if not found then
        return;
    end if;
    insert into audit_events (tenant_id, at, actor, act, subject)
    values (p_tenant, p_now, 'application ' || left(p_client_id, 70), p_act,
            jsonb_build_object('grant', p_grant, 'login', v_grant.login_id,
                               'user', v_grant.user_id, 'application', v_grant.application_id));
end
$$;

-- Ends a grant with everything it gave, and writes down why: in the timeline, and as an act in the
-- audit log if there is one.
create function end_grant(
    p_tenant uuid, p_grant uuid, p_now timestamptz, p_because text, p_events jsonb,
    p_act text, p_client_id text)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_login uuid;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update grants g
       set revoked_at = p_now, revoked_because = p_because,
           refresh_until = least(g.refresh_until, p_now)
     where g.tenant_id = p_tenant and g.grant_id = p_grant and g.revoked_at is null
    returning g.login_id into v_login;
    if not found then
        return false;
    end if;
    perform note_login_event(p_tenant, v_login, p_events);
    if p_act is not null then
        perform audit_grant(p_tenant, p_grant, p_act, p_client_id, p_now);
    end if;
    return true;
end
$$;

-- Redeems a code. Of any number of callers one hears 'redeemed'; a second one finds it used and ends
-- the grant. Whatever could have changed since the code was given is proved again by the statement
-- that consumes it. (THREATS TK-01, TK-02, KD-04, KD-05)
create function redeem_grant(
    p_tenant uuid, p_code_hash bytea, p_client_id text,
    p_token_hash bytea, p_token_expires_at timestamptz,
    -- Null unless the grant is to be refreshed.
    p_family_hash bytea, p_refresh_hash bytea, p_refresh_expires_at timestamptz,
    p_family_expires_at timestamptz,
    p_now timestamptz, p_events jsonb, p_replayed jsonb)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_grant grants;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update grants g
       set redeemed_at = p_now, access_token_hash = p_token_hash,
           access_token_expires_at = p_token_expires_at, refresh_until = p_refresh_expires_at
     where g.tenant_id = p_tenant and g.code_hash = p_code_hash
       and g.redeemed_at is null and g.revoked_at is null and g.code_expires_at > p_now
       and g.epoch = token_epoch()
       and exists (
           select from users u
            where u.tenant_id = p_tenant and u.user_id = g.user_id and u.blocked_at is null)
    returning g.* into v_grant;
    if found then
        if p_family_hash is not null then
            insert into refresh_tokens
                   (tenant_id, grant_id, family_hash, token_hash,
                    issued_at, expires_at, family_expires_at)
            values (p_tenant, v_grant.grant_id, p_family_hash, p_refresh_hash,
                    p_now, p_refresh_expires_at, p_family_expires_at);
        end if;
        update logins set outcome = 'redeemed', events = events || p_events
         where tenant_id = p_tenant and login_id = v_grant.login_id and outcome = 'completed';
        return 'redeemed';
    end if;
    select g.* into v_grant
      from grants g where g.tenant_id = p_tenant and g.code_hash = p_code_hash;
    if not found then
        return 'refused';
    elsif v_grant.epoch <> token_epoch() then
        perform audit_grant(p_tenant, v_grant.grant_id, 'token.epoch_rejected', p_client_id, p_now);
        return 'other_epoch';
    elsif v_grant.redeemed_at is null then
        return 'refused';
    end if;
    perform end_grant(p_tenant, v_grant.grant_id, p_now, 'code_replayed', p_replayed,
                      'token.code_replayed', p_client_id);
    return 'replayed';
end
$$;

-- Exchanges a refresh token for the next one. Those of one family wait here for each other, on
-- whatever node they are: the first moves the family on, a retry within ten seconds takes the place
-- of a successor that nobody has used, and any other token ends the family. (THREATS TK-09, TK-10)
create function refresh_grant(
    p_tenant uuid, p_family_hash bytea, p_token_hash bytea, p_application uuid, p_client_id text,
    p_new_hash bytea, p_new_expires_at timestamptz,
    p_access_hash bytea, p_access_expires_at timestamptz, p_access_scope text[],
    p_now timestamptz, p_reused jsonb)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_grant grants;
    v_family refresh_tokens;
    v_is_retry boolean;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    select g.* into v_grant
      from refresh_tokens r
      join grants g on g.tenant_id = r.tenant_id and g.grant_id = r.grant_id
     where r.tenant_id = p_tenant and r.family_hash = p_family_hash
       for no key update of g;
    if not found or v_grant.application_id <> p_application or v_grant.revoked_at is not null then
        return 'refused';
    end if;
    -- A statement of its own: it sees what the one that was waited for has left.
    select r.* into v_family
      from refresh_tokens r
      join users u on u.tenant_id = r.tenant_id and u.user_id = v_grant.user_id
     where r.tenant_id = p_tenant and r.grant_id = v_grant.grant_id
       and u.blocked_at is null and r.expires_at > p_now;
    if not found then
        return 'refused';
    end if;
    if v_grant.epoch <> token_epoch() or v_family.epoch <> token_epoch() then
        perform audit_grant(p_tenant, v_grant.grant_id, 'token.epoch_rejected', p_client_id, p_now);
        return 'other_epoch';
    end if;
    v_is_retry := coalesce(v_family.previous_hash = p_token_hash
        and p_now <= v_family.previous_used_at + interval '10 seconds', false);
    if v_family.token_hash <> p_token_hash and not v_is_retry then
        perform end_grant(p_tenant, v_grant.grant_id, p_now, 'refresh_reused', p_reused,
                          'token.refresh_reused', p_client_id);
        return 'reused';
    end if;
    update refresh_tokens r
       set token_hash = p_new_hash, previous_hash = p_token_hash,
           previous_used_at = case when v_is_retry then r.previous_used_at else p_now end,
           issued_at = p_now, expires_at = least(p_new_expires_at, r.family_expires_at)
     where r.tenant_id = p_tenant and r.grant_id = v_grant.grant_id;
    update grants g
       set access_token_hash = p_access_hash, access_token_expires_at = p_access_expires_at,
           access_token_scope = p_access_scope,
           refresh_until = least(p_new_expires_at, v_family.family_expires_at)
     where g.tenant_id = p_tenant and g.grant_id = v_grant.grant_id;
    return case when v_is_retry then 'retried' else 'rotated' end;
end
$$;

-- Ends the grant of a token for the application that holds it; another's is left as it is.
-- [RFC7009-2.1] (THREATS TK-11)
create function revoke_token(
    p_tenant uuid, p_application uuid, p_client_id text,
    -- One of the two.
    p_access_hash bytea, p_family_hash bytea,
    p_now timestamptz, p_events jsonb)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_grant uuid;
    v_application uuid;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    select g.grant_id, g.application_id into v_grant, v_application
      from grants g
     where g.tenant_id = p_tenant
       and g.grant_id = coalesce(
           (select a.grant_id from grants a
             where a.tenant_id = p_tenant and a.access_token_hash = p_access_hash),
           (select r.grant_id from refresh_tokens r
             where r.tenant_id = p_tenant and r.family_hash = p_family_hash));
    if not found then
        return 'unknown';
    elsif v_application <> p_application then
        perform audit_grant(p_tenant, v_grant, 'token.wrong_client', p_client_id, p_now);
        return 'wrong_client';
    end if;
    perform end_grant(p_tenant, v_grant, p_now, 'application', p_events, null, null);
    return 'revoked';
end
$$;

-- As before, save that a grant stays as long as its refresh token works.
create or replace function clean_tenant(
    p_tenant uuid, p_now timestamptz, p_logins_before timestamptz, p_limit integer,
    out spilled bigint, out grants_gone bigint, out sessions_gone bigint,
    out logins_gone bigint, out keys_gone bigint)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    delete from spilled_requests s using (
        select e.id from spilled_requests e
         where e.tenant_id = p_tenant and e.expires_at <= p_now limit p_limit) gone
     where s.tenant_id = p_tenant and s.id = gone.id;
    get diagnostics spilled = row_count;
    -- A token that was used is recognised for an hour after nothing of its grant is valid any more.
    delete from grants g using (
        select e.grant_id from grants e
         where e.tenant_id = p_tenant
           and greatest(e.code_expires_at, e.access_token_expires_at, e.refresh_until)
               <= p_now - interval '1 hour'
         limit p_limit) gone
     where g.tenant_id = p_tenant and g.grant_id = gone.grant_id;
    get diagnostics grants_gone = row_count;
    delete from sessions s using (
        select e.session_id from sessions e
         where e.tenant_id = p_tenant and e.expires_at <= p_now
           and not exists (
               select from grants g
                where g.tenant_id = p_tenant and g.session_id = e.session_id)
         limit p_limit) gone
     where s.tenant_id = p_tenant and s.session_id = gone.session_id;
    get diagnostics sessions_gone = row_count;
    delete from logins l using (
        select e.login_id from logins e
         where e.tenant_id = p_tenant and e.started_at <= p_logins_before
           and not exists (
               select from grants g where g.tenant_id = p_tenant and g.login_id = e.login_id)
         limit p_limit) gone
     where l.tenant_id = p_tenant and l.login_id = gone.login_id;
    get diagnostics logins_gone = row_count;
    delete from signing_keys k where k.tenant_id = p_tenant and k.expires_at <= p_now;
    get diagnostics keys_gone = row_count;
end
$$;

revoke all on function
    hold_grant, grant_of_code, grant_of_access_token, grant_of_refresh_token, audit_grant, end_grant,
    redeem_grant, refresh_grant, revoke_token
    from public;
grant execute on function
    hold_grant, grant_of_code, grant_of_access_token, grant_of_refresh_token, audit_grant, end_grant,
    redeem_grant, refresh_grant, revoke_token
    to vestibule_gateway, vestibule_operator;
