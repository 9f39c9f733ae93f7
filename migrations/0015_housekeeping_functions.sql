-- What surrounds a login: requests that spilled out of a cookie, timelines written in batches,
-- signing keys, and the removal of what has expired.
create function spill_request(
    p_tenant uuid, p_id uuid, p_sealed bytea, p_expires_at timestamptz, p_now timestamptz,
    p_quota integer)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    insert into spilled_requests (tenant_id, id, sealed, expires_at)
    select p_tenant, p_id, p_sealed, p_expires_at
     where (select count(*) from spilled_requests s
             where s.tenant_id = p_tenant and s.expires_at > p_now) < p_quota;
    return found;
end
$$;

create function take_spilled_request(p_tenant uuid, p_id uuid, p_now timestamptz) returns bytea
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_sealed bytea;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    delete from spilled_requests s
     where s.tenant_id = p_tenant and s.id = p_id and s.expires_at > p_now
    returning s.sealed into v_sealed;
    return v_sealed;
end
$$;

-- Timelines of logins that have not finished well, as rows of one tenant. Returns how many were
-- written; what the quota does not admit, and what would change a finished login, is dropped.
create function record_logins(
    p_tenant uuid, p_logins uuid[], p_applications uuid[], p_directories uuid[],
    p_started_at timestamptz[], p_finished_at timestamptz[], p_failures text[], p_events jsonb[],
    p_quota integer)
    returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_room bigint;
    v_written bigint;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    -- A diagnosis is not worth waiting for the disk; a lost batch is a missing timeline.
    perform set_config('synchronous_commit', 'off', true);
    v_room := p_quota - (
        select count(*) from logins l
         where l.tenant_id = p_tenant and l.outcome in ('pending', 'failed')
           and l.started_at > (select min(s) from unnest(p_started_at) s) - interval '1 hour');
    insert into logins as l
           (tenant_id, login_id, application_id, directory_id,
            started_at, finished_at, outcome, failure, events)
    select p_tenant, r.login_id, a.application_id, d.directory_id,
           r.started_at, r.finished_at,
           case when r.failure is null then 'pending' else 'failed' end, r.failure, r.events
      from unnest(p_logins, p_applications, p_directories,
                  p_started_at, p_finished_at, p_failures, p_events)
        as r (login_id, application_id, directory_id, started_at, finished_at, failure, events)
      left join applications a
        on a.tenant_id = p_tenant and a.application_id = r.application_id
      left join directories d
        on d.tenant_id = p_tenant and d.directory_id = r.directory_id
     order by r.login_id
     limit greatest(v_room, 0)
    on conflict (tenant_id, login_id) do update
       set application_id = coalesce(excluded.application_id, l.application_id),
           directory_id = coalesce(excluded.directory_id, l.directory_id),
           finished_at = excluded.finished_at, outcome = excluded.outcome,
           failure = excluded.failure, events = excluded.events
     where l.outcome = 'pending' and excluded.outcome = 'failed';
    get diagnostics v_written = row_count;
    return v_written;
end
$$;

create function insert_signing_key(
    p_tenant uuid, p_kid text, p_alg text, p_public_jwk jsonb, p_sealed_key bytea,
    p_created_at timestamptz, p_active_from timestamptz)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    insert into signing_keys
           (tenant_id, kid, alg, public_jwk, sealed_key, created_at, active_from)
    values (p_tenant, p_kid, p_alg, p_public_jwk, p_sealed_key, p_created_at, p_active_from)
    on conflict (tenant_id, alg) where retired_at is null do nothing;
    return found;
end
$$;

-- Publishes a successor and says when the newest key of its algorithm stops signing and stops being
-- published. Nothing happens while that key itself still waits for its turn, so that several nodes
-- may ask at once and no published key is skipped. (THREATS KD-02)
create function rotate_signing_key(
    p_tenant uuid, p_kid text, p_alg text, p_public_jwk jsonb, p_sealed_key bytea,
    p_now timestamptz, p_active_from timestamptz, p_old_expires_at timestamptz)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    update signing_keys k set retired_at = p_active_from, expires_at = p_old_expires_at
     where k.tenant_id = p_tenant and k.alg = p_alg
       and k.retired_at is null and k.active_from <= p_now;
    if not found and exists (
        select from signing_keys k
         where k.tenant_id = p_tenant and k.alg = p_alg and k.retired_at is null)
    then
        return false;
    end if;
    insert into signing_keys
           (tenant_id, kid, alg, public_jwk, sealed_key, created_at, active_from)
    values (p_tenant, p_kid, p_alg, p_public_jwk, p_sealed_key, p_now, p_active_from);
    return true;
end
$$;

-- Removes what has expired, at most p_limit rows of each kind, children before parents.
create function clean_tenant(
    p_tenant uuid, p_now timestamptz, p_logins_before timestamptz, p_limit integer,
    out spilled bigint, out grants_gone bigint, out sessions_gone bigint,
    out logins_gone bigint, out keys_gone bigint)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    delete from spilled_requests s using (
        select e.id from spilled_requests e
         where e.tenant_id = p_tenant and e.expires_at <= p_now limit p_limit) gone
     where s.tenant_id = p_tenant and s.id = gone.id;
    get diagnostics spilled = row_count;
    -- A replayed code is recognised for an hour after nothing of its grant is valid any more.
    delete from grants g using (
        select e.grant_id from grants e
         where e.tenant_id = p_tenant
           and greatest(e.code_expires_at, e.access_token_expires_at) <= p_now - interval '1 hour'
         limit p_limit) gone
     where g.tenant_id = p_tenant and g.grant_id = gone.grant_id;
    get diagnostics grants_gone = row_count;
    delete from sessions s using (
        select e.session_id from sessions e
         where e.tenant_id = p_tenant and e.expires_at <= p_now
           and not exists (
               select from grants g
                where g.tenant_id = p_tenant and g.session_id = e.session_id)
         limit p_limit) gone
     where s.tenant_id = p_tenant and s.session_id = gone.session_id;
    get diagnostics sessions_gone = row_count;
    delete from logins l using (
        select e.login_id from logins e
         where e.tenant_id = p_tenant and e.started_at <= p_logins_before
           and not exists (
               select from grants g where g.tenant_id = p_tenant and g.login_id = e.login_id)
         limit p_limit) gone
     where l.tenant_id = p_tenant and l.login_id = gone.login_id;
    get diagnostics logins_gone = row_count;
    delete from signing_keys k where k.tenant_id = p_tenant and k.expires_at <= p_now;
    get diagnostics keys_gone = row_count;
end
$$;
