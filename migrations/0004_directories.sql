-- Upstream directories. Our secret at a directory is sealed under the tenant's data key for this
-- very row.
create table directories (
    tenant_id uuid not null,
    directory_id uuid not null,
    slug text collate "C" not null,
    settings json not null,
    sealed_client_secret bytea,
    constraint directories_pkey primary key (tenant_id, directory_id),
    constraint directories_slug_key unique (tenant_id, slug),
    constraint directories_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint directories_slug_is_short check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    constraint directories_settings_is_object check (json_typeof(settings) = 'object'),
    constraint directories_secret_is_sealed check (octet_length(sealed_client_secret) > 29)
);

alter table directories enable row level security;
alter table directories force row level security;

create policy directories_gateway on directories to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy directories_operator on directories to vestibule_operator
    using (true) with check (true);

grant select on directories to vestibule_gateway;
grant select, insert, update, delete on directories to vestibule_operator;
