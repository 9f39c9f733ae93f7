-- Signing keys of a tenant. A key signs from `active_from` until `retired_at`, is published from its
-- insertion until `expires_at`, and is then deleted. The unique index makes "the newest key of an
-- algorithm" one row, so of several nodes that create the first or the next key one wins.
create table signing_keys (
    tenant_id uuid not null,
    kid text collate "C" not null,
    alg text collate "C" not null,
    public_jwk jsonb not null,
    sealed_key bytea not null,
    created_at timestamptz not null,
    active_from timestamptz not null,
    retired_at timestamptz,
    expires_at timestamptz,
    constraint signing_keys_pkey primary key (tenant_id, kid),
    constraint signing_keys_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint signing_keys_kid_is_short check (octet_length(kid) between 1 and 128),
    constraint signing_keys_alg_is_asymmetric
        check (alg ~ '^((RS|PS|ES)(256|384|512)|EdDSA|Ed25519)$'),
    -- The published part is a column of its own and never holds a private member. (THREATS KD-01)
    constraint signing_keys_jwk_is_public check (
        jsonb_typeof(public_jwk) = 'object'
        and not public_jwk ?| array['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']),
    constraint signing_keys_key_is_sealed check (octet_length(sealed_key) > 29),
    constraint signing_keys_retired_expires check ((retired_at is null) = (expires_at is null)),
    constraint signing_keys_in_order check (active_from <= retired_at and retired_at <= expires_at)
);

create unique index signing_keys_one_newest on signing_keys (tenant_id, alg)
    where retired_at is null;

alter table signing_keys enable row level security;
alter table signing_keys force row level security;

create policy signing_keys_gateway on signing_keys to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
-- The gateway may destroy a key only when nothing that it signed is valid any more.
create policy signing_keys_gateway_delete on signing_keys as restrictive
    for delete to vestibule_gateway
    using (expires_at < now());
create policy signing_keys_operator on signing_keys to vestibule_operator
    using (true) with check (true);

grant select, insert, delete, update (retired_at, expires_at) on signing_keys to vestibule_gateway;
grant select, insert, update, delete on signing_keys to vestibule_operator;
