-- Tokens of the admin API: what a script or another program acts with
-- (docs/adr/0026-the-admin-api-in-the-gateway.md). A tenant's own, and the installation's, which
-- reach every tenant. Only hashes are kept; each has a role and an end.
create table api_tokens (
    tenant_id uuid not null,
    token_id uuid not null,
    name text not null,
    role text collate "C" not null,
    -- The one directory of a directory manager.
    directory_id uuid,
    token_hash bytea not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    last_used_at timestamptz,
    constraint api_tokens_pkey primary key (tenant_id, token_id),
    constraint api_tokens_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint api_tokens_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint api_tokens_name_is_short check (char_length(name) between 1 and 100),
    constraint api_tokens_role_is_known
        check (role in ('owner', 'editor', 'viewer', 'directory_manager')),
    constraint api_tokens_managers_have_a_directory
        check ((role = 'directory_manager') = (directory_id is not null)),
    constraint api_tokens_hash_is_hash check (octet_length(token_hash) = 32),
    constraint api_tokens_end check (expires_at > created_at
        and expires_at <= created_at + interval '400 days'),
    constraint api_tokens_creator_is_short check (octet_length(created_by) between 1 and 300)
);

create index api_tokens_by_hash on api_tokens (token_hash);
create index api_tokens_by_directory on api_tokens (tenant_id, directory_id)
    where directory_id is not null;

create table installation_tokens (
    token_id uuid not null,
    name text not null,
    role text collate "C" not null,
    token_hash bytea not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    last_used_at timestamptz,
    constraint installation_tokens_pkey primary key (token_id),
    constraint installation_tokens_name_is_short check (char_length(name) between 1 and 100),
    constraint installation_tokens_role_is_known check (role in ('owner', 'editor', 'viewer')),
    constraint installation_tokens_hash_is_hash check (octet_length(token_hash) = 32),
    constraint installation_tokens_end check (expires_at > created_at
        and expires_at <= created_at + interval '400 days'),
    constraint installation_tokens_creator_is_short check (octet_length(created_by) between 1 and 300)
);

create index installation_tokens_by_hash on installation_tokens (token_hash);

-- The gateway's role has no business with either.
alter table api_tokens enable row level security;
alter table api_tokens force row level security;
alter table installation_tokens enable row level security;
alter table installation_tokens force row level security;

create policy api_tokens_operator on api_tokens to vestibule_operator
    using (true) with check (true);
create policy installation_tokens_operator on installation_tokens to vestibule_operator
    using (true) with check (true);

grant select, insert, delete, update (last_used_at) on api_tokens, installation_tokens
    to vestibule_operator;
