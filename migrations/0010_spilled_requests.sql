-- Requests whose state is too long for a cookie, sealed. Unlogged: they live for minutes, and
-- losing them with a crash costs a restarted login, while writing them twice costs every one.
create unlogged table spilled_requests (
    tenant_id uuid not null,
    id uuid not null,
    sealed bytea not null,
    expires_at timestamptz not null,
    constraint spilled_requests_pkey primary key (tenant_id, id),
    constraint spilled_requests_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint spilled_requests_sealed_is_bounded
        check (octet_length(sealed) between 30 and 65536)
);

create index spilled_requests_by_expiry on spilled_requests (tenant_id, expires_at);

alter table spilled_requests enable row level security;
alter table spilled_requests force row level security;

create policy spilled_requests_gateway on spilled_requests to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy spilled_requests_operator on spilled_requests to vestibule_operator
    using (true) with check (true);

grant select, insert, delete on spilled_requests to vestibule_gateway, vestibule_operator;
