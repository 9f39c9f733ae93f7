-- The hot steps of a login, one function call each: one round trip and one transaction, which a
-- cancelled caller cannot leave open (docs/adr/0006-one-statement-per-hot-step.md). Each begins by
-- naming its tenant for row-level security, for this transaction only.
--
-- Outcomes that follow a write are raised with a code of class VB, so that nothing of it remains.
create function tenant_by_slug(p_slug text)
    returns table (tenant_id uuid)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('vestibule.tenant_slug', p_slug, true);
    return query select t.tenant_id from tenants t where t.slug = p_slug;
end
$$;

create function tenant_version(p_tenant uuid) returns bigint
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return (select t.version from tenants t where t.tenant_id = p_tenant);
end
$$;

create function known_user(p_tenant uuid, p_directory uuid, p_issuer text, p_subject text)
    returns table (user_id uuid, sub text, external_id text, blocked boolean)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select u.user_id, u.sub, u.external_id, u.blocked_at is not null
          from identities i
          join users u on u.tenant_id = i.tenant_id and u.user_id = i.user_id
         where i.tenant_id = p_tenant and i.directory_id = p_directory
           and i.issuer = p_issuer and i.subject = p_subject;
end
$$;

create function live_session(p_tenant uuid, p_token_hash bytea, p_now timestamptz)
    returns table (
        session_id uuid, user_id uuid, sub text, external_id text, directory_id uuid,
        profile json, auth_time timestamptz, acr text, amr text[],
        created_at timestamptz, expires_at timestamptz)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select s.session_id, s.user_id, u.sub, u.external_id, s.directory_id,
               s.profile, s.auth_time, s.acr, s.amr, s.created_at, s.expires_at
          from sessions s
          join users u on u.tenant_id = s.tenant_id and u.user_id = s.user_id
         where s.tenant_id = p_tenant and s.token_hash = p_token_hash
           and s.ended_at is null and s.expires_at > p_now and u.blocked_at is null;
end
$$;

-- The login's row is what a second callback finds: no row back means "used already".
create function use_login(
    p_tenant uuid, p_login uuid, p_application uuid, p_directory uuid, p_user uuid,
    p_started_at timestamptz, p_now timestamptz, p_events jsonb)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into logins as l
           (tenant_id, login_id, application_id, directory_id, user_id,
            started_at, finished_at, outcome, events)
    values (p_tenant, p_login, p_application, p_directory, p_user,
            p_started_at, p_now, 'completed', p_events)
    on conflict (tenant_id, login_id) do update
       set application_id = excluded.application_id, directory_id = excluded.directory_id,
           user_id = excluded.user_id, finished_at = excluded.finished_at,
           outcome = excluded.outcome, events = excluded.events
     where l.outcome = 'pending';
    return found;
end
$$;

-- Step 6: the identity of a new user, or the sight of a known one.
create function meet_user(
    p_tenant uuid, p_user uuid, p_new_sub text, p_new_external_id text,
    p_directory uuid, p_issuer text, p_subject text, p_now timestamptz)
    returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    if p_new_sub is null then
        update identities i set last_seen_at = greatest(i.last_seen_at, p_now)
         where i.tenant_id = p_tenant and i.directory_id = p_directory
           and i.issuer = p_issuer and i.subject = p_subject and i.user_id = p_user
           and exists (
               select from users u
                where u.tenant_id = p_tenant and u.user_id = p_user and u.blocked_at is null);
        if not found then
            raise exception 'the identity is not what it was' using errcode = 'VB001';
        end if;
        return;
    end if;
    insert into users (tenant_id, user_id, sub, external_id, created_at)
    values (p_tenant, p_user, p_new_sub, p_new_external_id, p_now)
    on conflict (tenant_id, external_id) do nothing;
    if not found then
        -- Whoever holds the external_id has committed by now: this very person, or another one?
        if exists (
            select from identities i
             where i.tenant_id = p_tenant and i.directory_id = p_directory
               and i.issuer = p_issuer and i.subject = p_subject)
        then
            raise exception 'the identity appeared' using errcode = 'VB001';
        end if;
        raise exception 'the external_id is taken' using errcode = 'VB002';
    end if;
    insert into identities
           (tenant_id, directory_id, issuer, subject, user_id, first_seen_at, last_seen_at)
    values (p_tenant, p_directory, p_issuer, p_subject, p_user, p_now, p_now)
    on conflict on constraint identities_pkey do nothing;
    if not found then
        raise exception 'the identity appeared' using errcode = 'VB001';
    end if;
end
$$;
