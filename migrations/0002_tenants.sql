-- The organisations. `version` counts changes of a tenant's configuration, so that a node can tell
-- whether what it has cached is current.
create table tenants (
    tenant_id uuid not null,
    slug text collate "C" not null,
    name text not null,
    -- Wrapped by the master key, which the database never sees.
    data_key bytea not null,
    version bigint not null default 1,
    created_at timestamptz not null,
    constraint tenants_pkey primary key (tenant_id),
    constraint tenants_slug_key unique (slug),
    constraint tenants_slug_is_short check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    constraint tenants_name_is_short check (length(name) between 1 and 200)
);

alter table tenants enable row level security;
alter table tenants force row level security;

create policy tenants_gateway on tenants to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
-- The look-up that comes before the tenant is known sees the one row it names.
create policy tenants_gateway_by_slug on tenants for select to vestibule_gateway
    using (slug = nullif(current_setting('vestibule.tenant_slug', true), ''));
create policy tenants_operator on tenants to vestibule_operator
    using (true) with check (true);

grant select, update (version) on tenants to vestibule_gateway;
grant select, insert, update, delete on tenants to vestibule_operator;
