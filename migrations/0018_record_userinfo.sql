-- Step 10 in the timeline: that an application asked for userinfo, once per login, in batches that
-- nobody waits for.
create function record_userinfo(p_tenant uuid, p_logins uuid[], p_events jsonb[]) returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    perform set_config('synchronous_commit', 'off', true);
    update logins l set events = l.events || noted.event
      from unnest(p_logins, p_events) as noted (login_id, event)
     where l.tenant_id = p_tenant and l.login_id = noted.login_id
       and not l.events @> '[{"step": "userinfo"}]';
end
$$;

revoke all on function record_userinfo from public;
grant execute on function record_userinfo to vestibule_gateway, vestibule_operator;
