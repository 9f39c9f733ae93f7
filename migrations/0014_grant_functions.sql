-- The token endpoint's steps. Redeeming is one conditional statement: of any number of callers at
-- the same moment one gets a row. (THREATS TK-02)
create function note_login_event(p_tenant uuid, p_login uuid, p_events jsonb) returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    -- Bounded: whoever replays a code does not grow the row.
    update logins set events = events || p_events
     where tenant_id = p_tenant and login_id = p_login and jsonb_array_length(events) < 60;
end
$$;

create function grant_by_code(p_tenant uuid, p_code_hash bytea) returns setof grants
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select g.* from grants g where g.tenant_id = p_tenant and g.code_hash = p_code_hash;
end
$$;

create function grant_by_access_token(p_tenant uuid, p_token_hash bytea, p_now timestamptz)
    returns setof grants
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select g.* from grants g
         where g.tenant_id = p_tenant and g.access_token_hash = p_token_hash
           and g.access_token_expires_at > p_now and g.revoked_at is null
           and exists (
               select from users u
                where u.tenant_id = g.tenant_id and u.user_id = g.user_id
                  and u.blocked_at is null);
end
$$;

create function redeem_code(
    p_tenant uuid, p_code_hash bytea, p_token_hash bytea, p_token_expires_at timestamptz,
    p_now timestamptz, p_events jsonb)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_login uuid;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update grants g
       set redeemed_at = p_now, access_token_hash = p_token_hash,
           access_token_expires_at = p_token_expires_at
     where g.tenant_id = p_tenant and g.code_hash = p_code_hash
       and g.redeemed_at is null and g.revoked_at is null and g.code_expires_at > p_now
    returning g.login_id into v_login;
    if not found then
        return false;
    end if;
    update logins set outcome = 'redeemed', events = events || p_events
     where tenant_id = p_tenant and login_id = v_login and outcome = 'completed';
    return true;
end
$$;

-- A code that failed its proof is used up without giving anything. (THREATS TK-05)
create function consume_code(
    p_tenant uuid, p_code_hash bytea, p_now timestamptz, p_because text, p_events jsonb)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_login uuid;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update grants g
       set revoked_at = p_now, revoked_because = p_because
     where g.tenant_id = p_tenant and g.code_hash = p_code_hash
       and g.redeemed_at is null and g.revoked_at is null
    returning g.login_id into v_login;
    if not found then
        return false;
    end if;
    perform note_login_event(p_tenant, v_login, p_events);
    return true;
end
$$;

create function revoke_grant(
    p_tenant uuid, p_grant uuid, p_now timestamptz, p_because text, p_events jsonb)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_login uuid;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update grants g
       set revoked_at = p_now, revoked_because = p_because
     where g.tenant_id = p_tenant and g.grant_id = p_grant and g.revoked_at is null
    returning g.login_id into v_login;
    if not found then
        return false;
    end if;
    perform note_login_event(p_tenant, v_login, p_events);
    return true;
end
$$;
