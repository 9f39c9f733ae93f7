-- Ends a session and what was given by it; whether it lived until now. A login that is being
-- answered by the session at this moment holds its row: it is waited for, and then its grant is seen.
-- A session that a fresh sign-in replaced has ended and still has its grants: they go as well.
create or replace function end_session(
    p_tenant uuid, p_session uuid, p_now timestamptz, p_events jsonb)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_lived boolean;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update sessions set ended_at = p_now
     where tenant_id = p_tenant and session_id = p_session and ended_at is null;
    v_lived := found;
    with revoked as (
        update grants g set revoked_at = p_now, revoked_because = 'session_ended',
               refresh_until = least(g.refresh_until, p_now)
         where g.tenant_id = p_tenant and g.session_id = p_session and g.revoked_at is null
        returning g.login_id)
    update logins l set events = l.events || p_events
      from revoked
     where l.tenant_id = p_tenant and l.login_id = revoked.login_id
       and jsonb_array_length(l.events) < 60;
    return v_lived;
end
$$;
