-- Where a directory was when somebody first signed in through it: the hosts of its endpoints. A
-- discovery document that suddenly names others is not believed until the operator approves, so
-- that neither codes and secrets nor people are led elsewhere by whoever can change that document.
alter table directories add column endpoint_hosts text[] collate "C";
alter table directories add constraint directories_endpoint_hosts_are_few
    check (cardinality(endpoint_hosts) between 1 and 8
       and array_position(endpoint_hosts, null) is null
       and octet_length(array_to_string(endpoint_hosts, ' ')) <= 4096);

grant update (endpoint_hosts) on directories to vestibule_gateway;

-- Only the first sight is kept, and only of the settings that the login was made with: the tenant
-- is locked as by whoever changes its configuration.
create function note_endpoint_hosts(
    p_tenant uuid, p_directory uuid, p_hosts text[], p_version bigint)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    perform from tenants t where t.tenant_id = p_tenant and t.version = p_version for update;
    if not found then
        return false;
    end if;
    update directories d
       set endpoint_hosts = p_hosts
     where d.tenant_id = p_tenant and d.directory_id = p_directory
       and d.endpoint_hosts is null;
    return found;
end
$$;

revoke all on function note_endpoint_hosts from public;
grant execute on function note_endpoint_hosts to vestibule_gateway, vestibule_operator;
