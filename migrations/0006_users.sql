-- People, and the identities that they arrive with. An identity belongs to exactly one user; a user
-- outlives a directory, so removing a directory removes its identities only.
create table users (
    tenant_id uuid not null,
    user_id uuid not null,
    sub text collate "C" not null,
    external_id text collate "C" not null,
    blocked_at timestamptz,
    created_at timestamptz not null,
    constraint users_pkey primary key (tenant_id, user_id),
    constraint users_sub_key unique (tenant_id, sub),
    constraint users_external_id_key unique (tenant_id, external_id),
    constraint users_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    -- At most 255 characters. [OIDCC-2]
    constraint users_sub_is_short check (octet_length(sub) between 1 and 255),
    constraint users_external_id_is_short check (octet_length(external_id) between 1 and 1024)
);

create table identities (
    tenant_id uuid not null,
    directory_id uuid not null,
    issuer text collate "C" not null,
    subject text collate "C" not null,
    user_id uuid not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    constraint identities_pkey primary key (tenant_id, directory_id, issuer, subject),
    constraint identities_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint identities_user_fkey foreign key (tenant_id, user_id)
        references users (tenant_id, user_id) on delete cascade,
    -- Together below what an index entry can hold.
    constraint identities_issuer_is_short check (octet_length(issuer) between 1 and 1024),
    constraint identities_subject_is_short check (octet_length(subject) between 1 and 1024)
);

create index identities_by_user on identities (tenant_id, user_id);

alter table users enable row level security;
alter table users force row level security;
alter table identities enable row level security;
alter table identities force row level security;

create policy users_gateway on users to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy users_operator on users to vestibule_operator
    using (true) with check (true);
create policy identities_gateway on identities to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy identities_operator on identities to vestibule_operator
    using (true) with check (true);

grant select, insert on users to vestibule_gateway;
grant select, insert, update (last_seen_at) on identities to vestibule_gateway;
grant select, insert, update, delete on users, identities to vestibule_operator;
