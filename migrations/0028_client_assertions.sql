-- Assertions that applications have used to prove who they are: a name works once, whichever node
-- it comes to. They live five minutes at most, which bounds the table. (THREATS TK-08)
create table client_assertions (
    tenant_id uuid not null,
    application_id uuid not null,
    -- The name is the application's choice, so only its hash is kept.
    jti_hash bytea not null,
    used_at timestamptz not null,
    expires_at timestamptz not null,
    constraint client_assertions_pkey primary key (tenant_id, application_id, jti_hash),
    constraint client_assertions_application_fkey foreign key (tenant_id, application_id)
        references applications (tenant_id, application_id) on delete cascade,
    constraint client_assertions_jti_is_hash check (octet_length(jti_hash) = 32),
    constraint client_assertions_are_short_lived
        check (expires_at > used_at and expires_at <= used_at + interval '5 minutes')
);

create index client_assertions_by_expiry on client_assertions (tenant_id, expires_at);

alter table client_assertions enable row level security;
alter table client_assertions force row level security;

create policy client_assertions_gateway on client_assertions to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy client_assertions_operator on client_assertions to vestibule_operator
    using (true) with check (true);

grant select, insert, delete on client_assertions to vestibule_gateway, vestibule_operator;

-- Whether this is the first use. Of any number of callers at one moment one hears `true`: the others
-- wait for its commit.
create function use_client_assertion(
    p_tenant uuid, p_application uuid, p_jti_hash bytea, p_expires_at timestamptz,
    p_now timestamptz)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    insert into client_assertions (tenant_id, application_id, jti_hash, used_at, expires_at)
    values (p_tenant, p_application, p_jti_hash, p_now, p_expires_at)
    on conflict on constraint client_assertions_pkey do nothing;
    return found;
end
$$;

-- Removes names that no node takes any more. Ten minutes are more than clocks of nodes differ.
create function clean_client_assertions(p_tenant uuid, p_now timestamptz, p_limit integer)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_gone bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    delete from client_assertions a using (
        select e.application_id, e.jti_hash from client_assertions e
         where e.tenant_id = p_tenant and e.expires_at <= p_now - interval '10 minutes'
         limit p_limit) gone
     where a.tenant_id = p_tenant and a.application_id = gone.application_id
       and a.jti_hash = gone.jti_hash;
    get diagnostics v_gone = row_count;
    return v_gone;
end
$$;

revoke all on function use_client_assertion, clean_client_assertions from public;
grant execute on function use_client_assertion, clean_client_assertions
    to vestibule_gateway, vestibule_operator;
