-- What an application asked for ends when the timelines of its day do, as a tenant's `retention`
-- says. Sightings stay: they are one row each, of what was seen first and last.

grant delete on protocol_traces to vestibule_gateway, vestibule_operator;

-- The oldest first. A ring fills the slots that become free.
create function clean_traces(p_tenant uuid, p_before timestamptz, p_limit integer)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_gone bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    delete from protocol_traces t using (
        select e.subject_id, e.is_proven, e.slot
          from protocol_traces e
         where e.tenant_id = p_tenant and e.at <= p_before
         order by e.at
         limit p_limit) gone
     where t.tenant_id = p_tenant and t.subject_id = gone.subject_id
       and t.is_proven = gone.is_proven and t.slot = gone.slot
       -- Another node may have written a new one there meanwhile.
       and t.at <= p_before;
    get diagnostics v_gone = row_count;
    return v_gone;
end
$$;

revoke all on function clean_traces from public;
grant execute on function clean_traces to vestibule_gateway, vestibule_operator;
