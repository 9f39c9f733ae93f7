-- Requests of the admin API that carry an idempotency key, with the answer that each was given, so
-- that one that is sent again is not carried out again
-- (docs/adr/0031-every-act-on-each-face.md). Keys and requests are kept as hashes. Answers may hold a
-- secret that is shown once, so they are sealed under the installation's data key, and go after a
-- day. An answer that is null is not known yet.
create table api_token_requests (
    tenant_id uuid not null,
    token_id uuid not null,
    key_hash bytea not null,
    request_hash bytea not null,
    claimed_at timestamptz not null,
    expires_at timestamptz not null,
    sealed_answer bytea,
    constraint api_token_requests_pkey primary key (tenant_id, token_id, key_hash),
    constraint api_token_requests_token_fkey foreign key (tenant_id, token_id)
        references api_tokens (tenant_id, token_id) on delete cascade,
    constraint api_token_requests_hashes_are_hashes
        check (octet_length(key_hash) = 32 and octet_length(request_hash) = 32),
    constraint api_token_requests_answer_is_sealed
        check (octet_length(sealed_answer) between 30 and 300000),
    constraint api_token_requests_end check (expires_at > claimed_at
        and expires_at <= claimed_at + interval '24 hours')
);

create index api_token_requests_by_end on api_token_requests (expires_at);

create table installation_token_requests (
    token_id uuid not null,
    key_hash bytea not null,
    request_hash bytea not null,
    claimed_at timestamptz not null,
    expires_at timestamptz not null,
    sealed_answer bytea,
    constraint installation_token_requests_pkey primary key (token_id, key_hash),
    constraint installation_token_requests_token_fkey foreign key (token_id)
        references installation_tokens (token_id) on delete cascade,
    constraint installation_token_requests_hashes_are_hashes
        check (octet_length(key_hash) = 32 and octet_length(request_hash) = 32),
    constraint installation_token_requests_answer_is_sealed
        check (octet_length(sealed_answer) between 30 and 300000),
    constraint installation_token_requests_end check (expires_at > claimed_at
        and expires_at <= claimed_at + interval '24 hours')
);

create index installation_token_requests_by_end on installation_token_requests (expires_at);

-- The gateway's role has no business with either.
alter table api_token_requests enable row level security;
alter table api_token_requests force row level security;
alter table installation_token_requests enable row level security;
alter table installation_token_requests force row level security;

create policy api_token_requests_operator on api_token_requests to vestibule_operator
    using (true) with check (true);
create policy installation_token_requests_operator on installation_token_requests
    to vestibule_operator using (true) with check (true);

grant select, insert, delete,
      update (request_hash, claimed_at, expires_at, sealed_answer)
    on api_token_requests, installation_token_requests to vestibule_operator;

-- Where a directory's discovery document leads while that is not believed, since it is elsewhere than
-- it was: what somebody has to approve, and since when it waits for them. Not in `directories`: nodes
-- have nothing to load anew because of it.
create table proposed_hosts (
    tenant_id uuid not null,
    directory_id uuid not null,
    hosts text[] collate "C" not null,
    proposed_at timestamptz not null,
    constraint proposed_hosts_pkey primary key (tenant_id, directory_id),
    constraint proposed_hosts_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint proposed_hosts_are_few
        check (cardinality(hosts) between 1 and 8
           and array_position(hosts, null) is null
           and octet_length(array_to_string(hosts, ' ')) <= 4096)
);

alter table proposed_hosts enable row level security;
alter table proposed_hosts force row level security;

create policy proposed_hosts_gateway on proposed_hosts to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy proposed_hosts_operator on proposed_hosts to vestibule_operator
    using (true) with check (true);

grant select, insert, delete, update (hosts, proposed_at) on proposed_hosts to vestibule_gateway;
grant select, delete on proposed_hosts to vestibule_operator;

-- Null takes a proposal back: the document leads to where the directory was. What waits already keeps
-- its time.
create function propose_hosts(
    p_tenant uuid, p_directory uuid, p_hosts text[], p_at timestamptz)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    if p_hosts is null then
        delete from proposed_hosts h
         where h.tenant_id = p_tenant and h.directory_id = p_directory;
        return found;
    end if;
    insert into proposed_hosts as h (tenant_id, directory_id, hosts, proposed_at)
    select d.tenant_id, d.directory_id, p_hosts, p_at from directories d
     where d.tenant_id = p_tenant and d.directory_id = p_directory
       and d.endpoint_hosts is not null and not p_hosts <@ d.endpoint_hosts
        on conflict (tenant_id, directory_id) do update
       set hosts = excluded.hosts, proposed_at = excluded.proposed_at
     where h.hosts <> excluded.hosts;
    return found;
end
$$;

revoke all on function propose_hosts from public;
grant execute on function propose_hosts to vestibule_gateway;
