-- What a login is for: an application, a test of a directory, or the dashboard. Tests and sign-ins to
-- the dashboard commit nothing, so that the timeline itself says how they ended. What a release wrote
-- that knew nothing of it counts as an application's.
alter table logins
    add column purpose text collate "C" not null default 'application',
    -- Every row of before has the default, so there is nothing to look through.
    add constraint logins_purpose_is_known
        check (purpose in ('application', 'test', 'dashboard')) not valid;

grant update (purpose) on logins to vestibule_gateway;

-- Takes the place of record_logins, which the release before still calls. A login that has ended is
-- never changed; one that has not ends here, or goes further: its timeline grows. Only its commit ends
-- an application's login well. What is there already takes no room; of what is new as much is written
-- as the quota admits. Logins that ended well for a test or the dashboard count towards it where one
-- more is to be written, or they would be a way round it.
create function record_timelines(
    p_tenant uuid, p_logins uuid[], p_purposes text[], p_applications uuid[], p_directories uuid[],
    p_started_at timestamptz[], p_finished_at timestamptz[], p_failures text[], p_events jsonb[],
    p_quota integer)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_since timestamptz;
    v_room bigint;
    v_written bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    -- A diagnosis is not worth waiting for the disk; a lost batch is a missing timeline.
    perform set_config('synchronous_commit', 'off', true);
    v_since := (select min(s) from unnest(p_started_at) s) - interval '1 hour';
    v_room := p_quota - (
        select count(*) from logins l
         where l.tenant_id = p_tenant and l.outcome in ('pending', 'failed')
           and l.started_at > v_since);
    if exists (select from unnest(p_finished_at, p_failures) as r (finished_at, failure)
                where r.finished_at is not null and r.failure is null)
    then
        v_room := v_room - (
            select count(*) from logins l
             where l.tenant_id = p_tenant and l.outcome = 'completed'
               and l.purpose <> 'application' and l.started_at > v_since);
    end if;
    insert into logins as l
           (tenant_id, login_id, purpose, application_id, directory_id,
            started_at, finished_at, outcome, failure, events)
    select p_tenant, r.login_id, r.purpose, a.application_id, d.directory_id,
           r.started_at, r.finished_at,
           case when r.failure is not null then 'failed'
                when r.finished_at is not null then 'completed'
                else 'pending' end, r.failure, r.events
      from (select said.*, there.login_id is null as is_new,
                   row_number() over (partition by there.login_id is null
                                      order by said.login_id) as number
              from unnest(p_logins, p_purposes, p_applications, p_directories,
                          p_started_at, p_finished_at, p_failures, p_events)
                as said (login_id, purpose, application_id, directory_id,
                         started_at, finished_at, failure, events)
              left join logins there
                on there.tenant_id = p_tenant and there.login_id = said.login_id
             where said.failure is not null or said.finished_at is null
                or said.purpose <> 'application') r
      left join applications a
        on a.tenant_id = p_tenant and a.application_id = r.application_id
      left join directories d
        on d.tenant_id = p_tenant and d.directory_id = r.directory_id
     where not r.is_new or r.number <= v_room
     order by r.login_id
    on conflict (tenant_id, login_id) do update
       set purpose = excluded.purpose,
           application_id = coalesce(excluded.application_id, l.application_id),
           directory_id = coalesce(excluded.directory_id, l.directory_id),
           finished_at = excluded.finished_at, outcome = excluded.outcome,
           failure = excluded.failure, events = excluded.events
     where l.outcome = 'pending'
       and (excluded.outcome <> 'pending'
            or jsonb_array_length(excluded.events) > jsonb_array_length(l.events));
    get diagnostics v_written = row_count;
    return v_written;
end
$$;

revoke all on function record_timelines from public;
grant execute on function record_timelines to vestibule_gateway, vestibule_operator;
