-- What the last sign-ins of some people said of them, so that other rows can be tried on people before
-- they are saved (docs/adr/0029-claims-are-kept-to-try-rows-on.md). Sealed under the tenant's data key:
-- a dump shows no claim. One row for each person and directory, as many as the gateway says, and one
-- for the last test login of a directory, whose `subject_id` is nil since a key has no nulls.
create table claim_samples (
    tenant_id uuid not null,
    directory_id uuid not null,
    subject_id uuid not null,
    user_id uuid generated always as
        (nullif(subject_id, '00000000-0000-0000-0000-000000000000'::uuid)) stored,
    login_id uuid not null,
    at timestamptz not null,
    sealed_claims bytea not null,
    constraint claim_samples_pkey primary key (tenant_id, directory_id, subject_id),
    constraint claim_samples_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint claim_samples_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint claim_samples_user_fkey foreign key (tenant_id, user_id)
        references users (tenant_id, user_id) on delete cascade,
    constraint claim_samples_claims_are_sealed
        check (octet_length(sealed_claims) between 30 and 33000)
);

create index claim_samples_by_user on claim_samples (tenant_id, user_id)
    where user_id is not null;

alter table claim_samples enable row level security;
alter table claim_samples force row level security;

create policy claim_samples_gateway on claim_samples to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy claim_samples_operator on claim_samples to vestibule_operator
    using (true) with check (true);

grant select, insert, delete, update (login_id, at, sealed_claims) on claim_samples
    to vestibule_gateway;
grant select, delete on claim_samples to vestibule_operator;

-- One statement for a batch of a tenant, one row in it for each directory and person. What is of a
-- directory or a person that is gone is left out, and so is every person of a tenant that forgets
-- claims. Of each directory the newest `p_most` people stay. Nobody waits for the disk.
create function record_claim_samples(
    p_tenant uuid, p_directories uuid[], p_subjects uuid[], p_logins uuid[], p_at timestamptz[],
    p_sealed bytea[], p_most integer)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_written bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    perform set_config('synchronous_commit', 'off', true);
    -- Two nodes take turns, or each would leave `p_most` beside those of the other.
    perform pg_advisory_xact_lock(hashtextextended('claim_samples ' || p_tenant, 0));
    insert into claim_samples (tenant_id, directory_id, subject_id, login_id, at, sealed_claims)
    select p_tenant, seen.directory, seen.subject, seen.login, seen.at, seen.sealed
      from unnest(p_directories, p_subjects, p_logins, p_at, p_sealed)
               as seen (directory, subject, login, at, sealed)
     where exists (select from directories d
                    where d.tenant_id = p_tenant and d.directory_id = seen.directory)
       and (seen.subject = '00000000-0000-0000-0000-000000000000'
            or exists (select from users u
                        where u.tenant_id = p_tenant and u.user_id = seen.subject)
           and exists (select from tenants t
                        where t.tenant_id = p_tenant
                          and coalesce(t.policy ->> 'forget_claims', 'false') = 'false'))
        on conflict (tenant_id, directory_id, subject_id) do update
       set login_id = excluded.login_id, at = excluded.at, sealed_claims = excluded.sealed_claims
     where excluded.at >= claim_samples.at;
    get diagnostics v_written = row_count;
    delete from claim_samples s using (
        select one.directory_id, one.subject_id, row_number() over (
                   partition by one.directory_id order by one.at desc, one.subject_id) as n
          from claim_samples one
         where one.tenant_id = p_tenant and one.directory_id = any (p_directories)
           and one.user_id is not null) ranked
     where s.tenant_id = p_tenant and s.directory_id = ranked.directory_id
       and s.subject_id = ranked.subject_id and ranked.n > p_most;
    return v_written;
end
$$;

-- Removes what is as old as timelines become, and what a tenant that forgets claims had kept before.
create function clean_claim_samples(p_tenant uuid, p_before timestamptz, p_limit integer)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_gone bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    delete from claim_samples s using (
        select e.directory_id, e.subject_id
          from claim_samples e
          join tenants t on t.tenant_id = e.tenant_id
         where e.tenant_id = p_tenant
           and (e.at <= p_before
                or e.user_id is not null
                   and coalesce(t.policy ->> 'forget_claims', 'false') = 'true')
         limit p_limit) gone
     where s.tenant_id = p_tenant and s.directory_id = gone.directory_id
       and s.subject_id = gone.subject_id;
    get diagnostics v_gone = row_count;
    return v_gone;
end
$$;

-- Whoever says that claims are to be forgotten has them forgotten with the same commit.
create function forget_claims() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    delete from claim_samples s where s.tenant_id = new.tenant_id and s.user_id is not null;
    return null;
end
$$;

create trigger tenants_forget_claims after update of policy on tenants for each row
    when (new.policy ->> 'forget_claims' = 'true')
    execute function forget_claims();

revoke all on function record_claim_samples, clean_claim_samples, forget_claims from public;
grant execute on function record_claim_samples, clean_claim_samples
    to vestibule_gateway, vestibule_operator;
