-- What the gateway has observed of a tenant's applications and directories, so that setting one up
-- is checked by what happened and staff read what an application really sends. Strangers cause such
-- rows too, so there is a fixed number of them for each tenant, application and directory: the
-- primary key holds, however many requests come.

-- When something was seen first and last. `subject_id` is the application or the directory; of what
-- is the tenant's own it is nil, since a key has no nulls.
create table sightings (
    tenant_id uuid not null,
    kind text collate "C" not null,
    subject_id uuid not null,
    application_id uuid generated always as (case when kind in
        ('authorization', 'redirect_uri_refused', 'client_refused', 'redeemed')
        then subject_id end) stored,
    directory_id uuid generated always as (case when kind in
        ('directory_tested', 'directory_sign_in')
        then subject_id end) stored,
    first_at timestamptz not null,
    last_at timestamptz not null,
    detail text collate "C" not null,
    constraint sightings_pkey primary key (tenant_id, kind, subject_id),
    constraint sightings_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint sightings_application_fkey foreign key (tenant_id, application_id)
        references applications (tenant_id, application_id) on delete cascade,
    constraint sightings_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint sightings_kind_is_known check (kind in
        ('discovery', 'keys', 'authorization', 'redirect_uri_refused', 'unknown_client',
         'client_refused', 'redeemed', 'directory_tested', 'directory_sign_in')),
    constraint sightings_tenants_own_are_one check (
        application_id is not null or directory_id is not null
        or subject_id = '00000000-0000-0000-0000-000000000000'),
    constraint sightings_order check (first_at <= last_at),
    constraint sightings_detail_is_short check (octet_length(detail) <= 500),
    constraint sightings_detail_is_visible check (detail ~ '^[ -~]*$')
);

create index sightings_by_application on sightings (tenant_id, application_id)
    where application_id is not null;
create index sightings_by_directory on sightings (tenant_id, directory_id)
    where directory_id is not null;

-- The last requests of each application, without what is secret or personal. Twenty slots for what
-- anybody can send and twenty for what the application alone can, so that a stranger pushes none of
-- these out. Requests that name no application of the tenant share twenty under the nil identifier.
-- A row stays below the size at which Postgres moves parts of it elsewhere, and no index but the key
-- changes with it: what replaces a row takes its place in the same page.
create table protocol_traces (
    tenant_id uuid not null,
    subject_id uuid not null,
    is_proven boolean not null,
    slot smallint not null,
    application_id uuid generated always as
        (nullif(subject_id, '00000000-0000-0000-0000-000000000000'::uuid)) stored,
    at timestamptz not null,
    endpoint text collate "C" not null,
    method text collate "C" not null,
    parameters json not null,
    status smallint not null,
    error text collate "C" not null,
    constraint protocol_traces_pkey primary key (tenant_id, subject_id, is_proven, slot),
    constraint protocol_traces_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint protocol_traces_application_fkey foreign key (tenant_id, application_id)
        references applications (tenant_id, application_id) on delete cascade,
    constraint protocol_traces_are_few check (slot between 0 and 19),
    constraint protocol_traces_nobody_proves_nothing
        check (application_id is not null or not is_proven),
    constraint protocol_traces_endpoint_is_known
        check (endpoint in ('authorize', 'token', 'userinfo', 'logout')),
    constraint protocol_traces_method_is_known check (method in ('GET', 'POST')),
    constraint protocol_traces_parameters_is_array check (json_typeof(parameters) = 'array'),
    constraint protocol_traces_parameters_are_short
        check (octet_length(parameters::text) <= 1700),
    constraint protocol_traces_status_is_one check (status between 100 and 599),
    constraint protocol_traces_error_is_a_word check (error ~ '^[a-z0-9_]{0,60}$')
) with (fillfactor = 50);

create index protocol_traces_by_application on protocol_traces (tenant_id, application_id)
    where application_id is not null;

alter table sightings enable row level security;
alter table sightings force row level security;
alter table protocol_traces enable row level security;
alter table protocol_traces force row level security;

create policy sightings_gateway on sightings to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy sightings_operator on sightings to vestibule_operator
    using (true) with check (true);
create policy protocol_traces_gateway on protocol_traces to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy protocol_traces_operator on protocol_traces to vestibule_operator
    using (true) with check (true);

grant select, insert, update (last_at, detail) on sightings to vestibule_gateway;
grant select, insert, update (at, endpoint, method, parameters, status, error)
    on protocol_traces to vestibule_gateway;
grant select on sightings, protocol_traces to vestibule_operator;

-- One statement for a batch of a tenant, one row in it for each kind and subject. What is about an
-- application or a directory that is gone is left out. Nobody waits for the disk: what a crash loses
-- is seen again.
create function record_sightings(
    p_tenant uuid, p_kinds text[], p_subjects uuid[], p_at timestamptz[], p_details text[])
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_written bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    perform set_config('synchronous_commit', 'off', true);
    insert into sightings (tenant_id, kind, subject_id, first_at, last_at, detail)
    select p_tenant, seen.kind, seen.subject, seen.at, seen.at, seen.detail
      from unnest(p_kinds, p_subjects, p_at, p_details) as seen (kind, subject, at, detail)
     where seen.subject = '00000000-0000-0000-0000-000000000000'
        or exists (select from applications a
                    where a.tenant_id = p_tenant and a.application_id = seen.subject)
        or exists (select from directories d
                    where d.tenant_id = p_tenant and d.directory_id = seen.subject)
     -- In one order, so that two nodes do not wait for each other.
     order by seen.kind, seen.subject
        on conflict (tenant_id, kind, subject_id) do update
       set last_at = excluded.last_at, detail = excluded.detail
     where excluded.last_at > sightings.last_at;
    get diagnostics v_written = row_count;
    return v_written;
end
$$;

-- The same for requests, of each ring twenty at most. They take the free slots, then those of the
-- oldest; two nodes at once take turns, or they would choose the same.
create function record_traces(
    p_tenant uuid, p_subjects uuid[], p_proven boolean[], p_at timestamptz[], p_endpoints text[],
    p_methods text[], p_parameters text[], p_statuses smallint[], p_errors text[])
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_written bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    perform set_config('synchronous_commit', 'off', true);
    perform pg_advisory_xact_lock(hashtextextended('protocol_traces ' || p_tenant, 0));
    with seen as (
        select one.*, row_number() over (
                   partition by one.subject, one.proven order by one.at desc, one.place desc) as n
          from unnest(p_subjects, p_proven, p_at, p_endpoints, p_methods, p_parameters,
                      p_statuses, p_errors)
               with ordinality
               as one (subject, proven, at, endpoint, method, parameters, status, error, place)
         where one.subject = '00000000-0000-0000-0000-000000000000'
            or exists (select from applications a
                        where a.tenant_id = p_tenant and a.application_id = one.subject)),
    slots as (
        select ring.subject, ring.proven, number.slot::smallint as slot, row_number() over (
                   partition by ring.subject, ring.proven
                   order by t.at nulls first, number.slot) as n
          from (select distinct seen.subject, seen.proven from seen) ring
         cross join generate_series(0, 19) as number (slot)
          left join protocol_traces t
            on t.tenant_id = p_tenant and t.subject_id = ring.subject
           and t.is_proven = ring.proven and t.slot = number.slot)
    insert into protocol_traces (tenant_id, subject_id, is_proven, slot, at, endpoint, method,
                                 parameters, status, error)
    select p_tenant, seen.subject, seen.proven, slots.slot, seen.at, seen.endpoint, seen.method,
           seen.parameters::json, seen.status, seen.error
      from seen
      join slots on slots.subject = seen.subject and slots.proven = seen.proven
                and slots.n = seen.n
        on conflict (tenant_id, subject_id, is_proven, slot) do update
       set at = excluded.at, endpoint = excluded.endpoint, method = excluded.method,
           parameters = excluded.parameters, status = excluded.status, error = excluded.error;
    get diagnostics v_written = row_count;
    return v_written;
end
$$;

revoke all on function record_sightings, record_traces from public;
grant execute on function record_sightings, record_traces
    to vestibule_gateway, vestibule_operator;
