-- Hosts of a tenant's own (docs/adr/0032-a-host-of-its-own.md). Every host that leads to a tenant
-- has a row: the one that is its issuer, and those that were.
create table tenant_hosts (
    tenant_id uuid not null,
    -- As A-labels, in small letters, without a port.
    host text collate "C" not null,
    created_at timestamptz not null,
    constraint tenant_hosts_pkey primary key (tenant_id, host),
    constraint tenant_hosts_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint tenant_hosts_host_is_a_name
        check (host ~ '^[a-z0-9-]+(\.[a-z0-9-]+)+$' and octet_length(host) <= 253)
);

-- A host leads to one tenant. The index spans tenants on purpose, so only the operator's role, which
-- makes rows, may meet it.
create unique index tenant_hosts_one_holder on tenant_hosts (host);

-- The issuer; null: the path below the public URL. A release that knows nothing of it leaves it.
alter table tenants add column host text collate "C";
alter table tenants add column issuer_since timestamptz;
alter table tenants add constraint tenants_host_fkey foreign key (tenant_id, host)
    references tenant_hosts (tenant_id, host);

-- Which of the tenant's addresses the directory sends people back to: the redirect URI that is
-- registered there. It stays when the issuer changes, until somebody says that it was registered.
alter table directories add column callback_host text collate "C";
alter table directories add constraint directories_callback_host_fkey
    foreign key (tenant_id, callback_host) references tenant_hosts (tenant_id, host);
create index directories_by_callback_host on directories (tenant_id, callback_host)
    where callback_host is not null;

alter table tenant_hosts enable row level security;
alter table tenant_hosts force row level security;

create policy tenant_hosts_gateway on tenant_hosts for select to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
-- The look-up that comes before the tenant is known sees the one row it names.
create policy tenant_hosts_gateway_by_host on tenant_hosts for select to vestibule_gateway
    using (host = nullif(current_setting('vestibule.tenant_host', true), ''));
create policy tenant_hosts_operator on tenant_hosts to vestibule_operator
    using (true) with check (true);

grant select on tenant_hosts to vestibule_gateway;
grant select, insert, delete on tenant_hosts to vestibule_operator;

create trigger tenant_hosts_raise_version after insert or delete on tenant_hosts
    for each row execute function raise_tenant_version();

create function tenant_by_host(p_host text)
    returns table (slug text)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    v_tenant uuid;
begin
    perform set_config('vestibule.tenant_host', p_host, true);
    select h.tenant_id into v_tenant from tenant_hosts h where h.host = p_host;
    if not found then
        return;
    end if;
    perform set_config('vestibule.tenant_id', v_tenant::text, true);
    return query select t.slug from tenants t where t.tenant_id = v_tenant;
end
$$;

revoke all on function tenant_by_host from public;
grant execute on function tenant_by_host to vestibule_gateway, vestibule_operator;
