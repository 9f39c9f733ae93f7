-- What an application holds after a login: a code, then an access token, both kept as hashes.
-- The released claims are kept with the grant, so that userinfo answers what the ID token said.
create table grants (
    tenant_id uuid not null,
    grant_id uuid not null,
    login_id uuid not null,
    application_id uuid not null,
    user_id uuid not null,
    session_id uuid not null,
    code_hash bytea not null,
    code_expires_at timestamptz not null,
    redirect_uri text not null,
    code_challenge text,
    nonce text,
    scope text[] not null,
    claims json not null,
    sub text not null,
    auth_time timestamptz,
    acr text,
    amr text[] not null,
    issued_at timestamptz not null,
    redeemed_at timestamptz,
    access_token_hash bytea,
    access_token_expires_at timestamptz,
    revoked_at timestamptz,
    revoked_because text,
    constraint grants_pkey primary key (tenant_id, grant_id),
    constraint grants_login_key unique (tenant_id, login_id),
    constraint grants_code_hash_key unique (tenant_id, code_hash),
    constraint grants_access_token_hash_key unique (tenant_id, access_token_hash),
    constraint grants_login_fkey foreign key (tenant_id, login_id)
        references logins (tenant_id, login_id) on delete cascade,
    constraint grants_application_fkey foreign key (tenant_id, application_id)
        references applications (tenant_id, application_id) on delete cascade,
    constraint grants_session_fkey foreign key (tenant_id, session_id, user_id)
        references sessions (tenant_id, session_id, user_id) on delete cascade,
    constraint grants_code_is_hash check (octet_length(code_hash) = 32),
    constraint grants_access_token_is_hash check (octet_length(access_token_hash) = 32),
    constraint grants_claims_is_object check (json_typeof(claims) = 'object'),
    -- A code lives a minute at most. [RFC6749-4.1.2]
    constraint grants_code_is_short_lived
        check (code_expires_at <= issued_at + interval '60 seconds'),
    constraint grants_redeemed_has_token check (
        (redeemed_at is null) = (access_token_hash is null)
        and (redeemed_at is null) = (access_token_expires_at is null)),
    constraint grants_revoked_says_why check ((revoked_at is null) = (revoked_because is null)),
    constraint grants_revoked_because_is_known check (revoked_because in
        ('code_replayed', 'verifier_mismatch', 'session_ended', 'user_blocked', 'operator'))
);

create index grants_by_session on grants (tenant_id, session_id, user_id);
create index grants_by_application on grants (tenant_id, application_id);
create index grants_by_expiry on grants
    (tenant_id, greatest(code_expires_at, access_token_expires_at));

alter table grants enable row level security;
alter table grants force row level security;

create policy grants_gateway on grants to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy grants_operator on grants to vestibule_operator
    using (true) with check (true);

grant select, insert, delete,
    update (redeemed_at, access_token_hash, access_token_expires_at, revoked_at, revoked_because)
    on grants to vestibule_gateway;
grant select, insert, update, delete on grants to vestibule_operator;
