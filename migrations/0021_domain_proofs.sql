-- Domains that tenants prove by a TXT record (THREATS ID-05, ID-06). A proof is in force once the
-- record was seen, until two looks in a row found it gone.
create table domain_proofs (
    tenant_id uuid not null,
    -- As A-labels, in small letters.
    domain text collate "C" not null,
    -- What this tenant publishes for this domain. Not a secret: it stands in the DNS.
    token text collate "C" not null,
    created_at timestamptz not null,
    proven_at timestamptz,
    seen_at timestamptz,
    checked_at timestamptz,
    failures smallint not null default 0,
    constraint domain_proofs_pkey primary key (tenant_id, domain),
    constraint domain_proofs_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint domain_proofs_domain_is_a_name
        check (domain ~ '^[a-z0-9-]+(\.[a-z0-9-]+)+$' and octet_length(domain) <= 253),
    constraint domain_proofs_token_is_random check (token ~ '^[0-9a-f]{32}$'),
    constraint domain_proofs_few_failures check (failures between 0 and 2),
    constraint domain_proofs_seen_when_proven check ((proven_at is null) = (seen_at is null)),
    constraint domain_proofs_in_order check (proven_at <= seen_at and seen_at <= checked_at)
);

-- Of all tenants one holds a domain. The index spans tenants on purpose, so only the operator's role
-- may meet it: the gateway's neither makes a proof nor brings a lost one back (below).
create unique index domain_proofs_one_holder on domain_proofs (domain)
    where proven_at is not null and failures < 2;

alter table domain_proofs enable row level security;
alter table domain_proofs force row level security;

create policy domain_proofs_gateway on domain_proofs to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy domain_proofs_gateway_in_force on domain_proofs as restrictive
    for update to vestibule_gateway
    using (proven_at is not null and failures < 2)
    with check (true);
create policy domain_proofs_operator on domain_proofs to vestibule_operator
    using (true) with check (true);

grant select, update (seen_at, checked_at, failures) on domain_proofs to vestibule_gateway;
grant select, insert, update, delete on domain_proofs to vestibule_operator;

create trigger domain_proofs_raise_version after insert or update or delete on domain_proofs
    for each row execute function raise_tenant_version();

-- What a node found at a later look. Of several nodes that looked at once one is counted: the others
-- find that the last look was not the one that they knew.
create function note_domain_check(
    p_tenant uuid, p_domain text, p_checked_before timestamptz,
    p_seen_at timestamptz, p_checked_at timestamptz, p_failures smallint)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update domain_proofs p
       set seen_at = p_seen_at, checked_at = p_checked_at, failures = p_failures
     where p.tenant_id = p_tenant and p.domain = p_domain
       and p.proven_at is not null and p.failures < 2
       and p.checked_at is not distinct from p_checked_before;
    if not found then
        return false;
    end if;
    if p_failures >= 2 then
        insert into audit_events (tenant_id, at, actor, act, subject)
        values (p_tenant, p_checked_at, 'gateway', 'domain.proof_lost',
                jsonb_build_object('domain', p_domain));
    end if;
    return true;
end
$$;

revoke all on function note_domain_check from public;
grant execute on function note_domain_check to vestibule_gateway, vestibule_operator;
