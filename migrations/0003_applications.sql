-- Downstream applications. Their settings are kept as they were written (`json` keeps the order of
-- members and every character); their secrets only as keyed hashes, several during a change.
create function are_hashes(p_values bytea[]) returns boolean
    language sql immutable parallel safe
    set search_path = pg_catalog, pg_temp
as $$
    select coalesce(bool_and(value is not null and octet_length(value) = 32), true)
      from unnest(p_values) as value
$$;

create table applications (
    tenant_id uuid not null,
    application_id uuid not null,
    client_id text collate "C" not null,
    settings json not null,
    secret_hashes bytea[] not null,
    constraint applications_pkey primary key (tenant_id, application_id),
    constraint applications_client_id_key unique (tenant_id, client_id),
    constraint applications_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint applications_client_id_is_short check (octet_length(client_id) between 1 and 256),
    constraint applications_settings_is_object check (json_typeof(settings) = 'object'),
    constraint applications_few_secrets check (cardinality(secret_hashes) <= 4),
    constraint applications_secrets_are_hashes check (are_hashes(secret_hashes))
);

alter table applications enable row level security;
alter table applications force row level security;

create policy applications_gateway on applications to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy applications_operator on applications to vestibule_operator
    using (true) with check (true);

revoke all on function are_hashes(bytea[]) from public;
grant execute on function are_hashes(bytea[]) to vestibule_operator;
grant select on applications to vestibule_gateway;
grant select, insert, update, delete on applications to vestibule_operator;
