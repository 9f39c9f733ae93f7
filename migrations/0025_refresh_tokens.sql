-- Refresh tokens: one family for a grant, in one row, because a family has one live token. A token
-- is a name of its family and a secret; whoever knows the name has had one of its tokens, so that
-- any that is neither the live one nor the one before it is recognised as used, however old.
-- (docs/adr/0014-refresh-tokens.md, THREATS TK-09, TK-10)
create table refresh_tokens (
    tenant_id uuid not null,
    grant_id uuid not null,
    -- Of the family's name.
    family_hash bytea not null,
    -- Of the token that works, whole.
    token_hash bytea not null,
    -- Of the one whose use gave that one, and when it was first used.
    previous_hash bytea,
    previous_used_at timestamptz,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    family_expires_at timestamptz not null,
    epoch text collate "C" not null default token_epoch(),
    constraint refresh_tokens_pkey primary key (tenant_id, grant_id),
    constraint refresh_tokens_family_hash_key unique (tenant_id, family_hash),
    constraint refresh_tokens_grant_fkey foreign key (tenant_id, grant_id)
        references grants (tenant_id, grant_id) on delete cascade,
    constraint refresh_tokens_family_is_hash check (octet_length(family_hash) = 32),
    constraint refresh_tokens_token_is_hash check (octet_length(token_hash) = 32),
    constraint refresh_tokens_previous_is_hash check (octet_length(previous_hash) = 32),
    constraint refresh_tokens_previous_says_when
        check ((previous_hash is null) = (previous_used_at is null)),
    constraint refresh_tokens_in_order
        check (issued_at <= expires_at and expires_at <= family_expires_at)
);

alter table refresh_tokens enable row level security;
alter table refresh_tokens force row level security;

create policy refresh_tokens_gateway on refresh_tokens to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy refresh_tokens_operator on refresh_tokens to vestibule_operator
    using (true) with check (true);

grant select, insert,
    update (token_hash, previous_hash, previous_used_at, issued_at, expires_at)
    on refresh_tokens to vestibule_gateway;
grant select, insert, update, delete on refresh_tokens to vestibule_operator;

alter table grants
    -- Of an access token that was asked for with less than the grant has.
    add column access_token_scope text[],
    -- Until when a refresh token of it works; the grant is kept as long.
    add column refresh_until timestamptz,
    -- What the audit log has of it already: each act once.
    add column noted text[] not null default '{}';
grant update (access_token_scope, refresh_until, noted) on grants to vestibule_gateway;

alter table grants drop constraint grants_revoked_because_is_known;
alter table grants add constraint grants_revoked_because_is_known check (revoked_because in
    ('code_replayed', 'verifier_mismatch', 'session_ended', 'user_blocked', 'operator',
     'refresh_reused', 'application')) not valid;
