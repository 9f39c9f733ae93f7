-- Logout: a session ends, with everything that applications got by it, and stays ended. Which
-- applications a session signed in is remembered as long as the session is, since their grants are
-- removed earlier; a logout that says nothing of its application leads back to one of these alone.
create table session_applications (
    tenant_id uuid not null,
    session_id uuid not null,
    application_id uuid not null,
    constraint session_applications_pkey primary key (tenant_id, session_id, application_id),
    constraint session_applications_session_fkey foreign key (tenant_id, session_id)
        references sessions (tenant_id, session_id) on delete cascade,
    constraint session_applications_application_fkey foreign key (tenant_id, application_id)
        references applications (tenant_id, application_id) on delete cascade
);

create index session_applications_by_application
    on session_applications (tenant_id, application_id);

alter table session_applications enable row level security;
alter table session_applications force row level security;

create policy session_applications_gateway on session_applications to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy session_applications_operator on session_applications to vestibule_operator
    using (true) with check (true);

grant select, insert on session_applications to vestibule_gateway, vestibule_operator;

-- By a trigger, so that it holds for every function that gives a grant, those of the previous
-- release among them.
create function grants_name_session_application() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into session_applications (tenant_id, session_id, application_id)
    values (new.tenant_id, new.session_id, new.application_id)
    on conflict do nothing;
    return null;
end
$$;

create trigger grants_name_session_application after insert on grants
    for each row execute function grants_name_session_application();

-- A session that ended never lives again, whatever writes to it. (THREATS BR-13)
create function sessions_stay_ended() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    if old.ended_at is not null and new.ended_at is distinct from old.ended_at then
        raise exception 'the session has ended' using errcode = 'check_violation',
            constraint = 'sessions_stay_ended';
    end if;
    return new;
end
$$;

create trigger sessions_stay_ended before update of ended_at on sessions
    for each row execute function sessions_stay_ended();

create function applications_of_session(p_tenant uuid, p_session uuid)
    returns table (application_id uuid)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select a.application_id from session_applications a
         where a.tenant_id = p_tenant and a.session_id = p_session
         order by a.application_id;
end
$$;

-- Ends a session and what was given by it; whether it lived until now. A login that is being
-- answered by the session at this moment holds its row: it is waited for, and then its grant is seen.
create function end_session(
    p_tenant uuid, p_session uuid, p_now timestamptz, p_events jsonb)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update sessions set ended_at = p_now
     where tenant_id = p_tenant and session_id = p_session and ended_at is null;
    if not found then
        return false;
    end if;
    with revoked as (
        update grants g set revoked_at = p_now, revoked_because = 'session_ended'
         where g.tenant_id = p_tenant and g.session_id = p_session and g.revoked_at is null
        returning g.login_id)
    update logins l set events = l.events || p_events
      from revoked
     where l.tenant_id = p_tenant and l.login_id = revoked.login_id
       and jsonb_array_length(l.events) < 60;
    return true;
end
$$;

revoke all on function
    grants_name_session_application, sessions_stay_ended, applications_of_session, end_session
    from public;
grant execute on function applications_of_session, end_session
    to vestibule_gateway, vestibule_operator;
