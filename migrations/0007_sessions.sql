-- Browsers that are signed in at a tenant's issuer. The cookie's value is kept as a hash only.
create table sessions (
    tenant_id uuid not null,
    session_id uuid not null,
    token_hash bytea not null,
    user_id uuid not null,
    directory_id uuid not null,
    -- `json`, because a directory's text may hold what `jsonb` refuses (U+0000).
    profile json not null,
    auth_time timestamptz,
    acr text,
    amr text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    constraint sessions_pkey primary key (tenant_id, session_id),
    constraint sessions_token_hash_key unique (tenant_id, token_hash),
    -- What a grant refers to, so that a grant's user is its session's.
    constraint sessions_user_key unique (tenant_id, session_id, user_id),
    constraint sessions_user_fkey foreign key (tenant_id, user_id)
        references users (tenant_id, user_id) on delete cascade,
    constraint sessions_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint sessions_token_is_hash check (octet_length(token_hash) = 32),
    constraint sessions_profile_is_object check (json_typeof(profile) = 'object'),
    constraint sessions_in_order check (created_at <= expires_at)
);

create index sessions_by_user on sessions (tenant_id, user_id);
create index sessions_by_directory on sessions (tenant_id, directory_id);
create index sessions_by_expiry on sessions (tenant_id, expires_at);

alter table sessions enable row level security;
alter table sessions force row level security;

create policy sessions_gateway on sessions to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy sessions_operator on sessions to vestibule_operator
    using (true) with check (true);

grant select, insert, delete, update (ended_at) on sessions to vestibule_gateway;
grant select, insert, update, delete on sessions to vestibule_operator;
