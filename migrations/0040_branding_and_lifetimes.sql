-- A tenant's logo, when a session was last used, and how long timelines are kept: what the tenant's
-- policy says about its own pages, its sessions and its logins needs these beside it.

-- One for each tenant, as it was written anew and is served. `hash` is of the file that it was made
-- of, by which the policy names it; a row that the policy does not name is not shown.
create table tenant_logos (
    tenant_id uuid not null,
    hash bytea not null,
    image bytea not null,
    width smallint not null,
    height smallint not null,
    -- What can be seen of it is light, and wants something dark behind it.
    is_light boolean not null,
    constraint tenant_logos_pkey primary key (tenant_id),
    constraint tenant_logos_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint tenant_logos_hash_is_one check (octet_length(hash) = 32),
    constraint tenant_logos_image_is_png
        check (octet_length(image) between 8 and 262144
               and substring(image for 8) = '\x89504e470d0a1a0a'),
    constraint tenant_logos_are_small check (width between 1 and 480 and height between 1 and 128)
);
-- A PNG is compressed already.
alter table tenant_logos alter column image set storage external;

alter table tenant_logos enable row level security;
alter table tenant_logos force row level security;

create policy tenant_logos_gateway on tenant_logos to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy tenant_logos_operator on tenant_logos to vestibule_operator
    using (true) with check (true);

grant select on tenant_logos to vestibule_gateway;
grant select, insert, delete, update (hash, image, width, height, is_light)
    on tenant_logos to vestibule_operator;

create function tenant_logo(p_tenant uuid, p_hash bytea) returns bytea
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return (select l.image from tenant_logos l
             where l.tenant_id = p_tenant and l.hash = p_hash);
end
$$;

-- When an application was last entered by the session; null: only when it began.
alter table sessions add column last_used_at timestamptz;
grant update (last_used_at) on sessions to vestibule_gateway;

-- As `live_session`, with that besides.
create function session_in_use(p_tenant uuid, p_token_hash bytea, p_now timestamptz)
    returns table (
        session_id uuid, user_id uuid, sub text, external_id text, directory_id uuid,
        profile json, auth_time timestamptz, acr text, amr text[],
        created_at timestamptz, expires_at timestamptz, last_used_at timestamptz)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select s.session_id, s.user_id, u.sub, u.external_id, s.directory_id,
               s.profile, s.auth_time, s.acr, s.amr, s.created_at, s.expires_at,
               coalesce(s.last_used_at, s.created_at)
          from sessions s
          join users u on u.tenant_id = s.tenant_id and u.user_id = s.user_id
         where s.tenant_id = p_tenant and s.token_hash = p_token_hash
           and s.ended_at is null and s.expires_at > p_now and u.blocked_at is null;
end
$$;

-- As before, save that it notes the use, and holds the session's row by that.
create or replace function commit_reuse(
    p_tenant uuid, p_login uuid, p_application uuid, p_session uuid,
    p_started_at timestamptz, p_now timestamptz, p_events jsonb,
    p_grant uuid, p_code_hash bytea, p_code_expires_at timestamptz, p_redirect_uri text,
    p_code_challenge text, p_nonce text, p_scope text[], p_claims json, p_sub text)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_session sessions;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    -- Held until the commit, so that a logout at the same moment waits and then sees the grant.
    update sessions s set last_used_at = greatest(s.last_used_at, p_now)
      from users u
     where u.tenant_id = s.tenant_id and u.user_id = s.user_id
       and s.tenant_id = p_tenant and s.session_id = p_session
       and s.ended_at is null and s.expires_at > p_now and u.blocked_at is null
    returning s.* into v_session;
    if not found then
        return 'session_ended';
    end if;
    if not use_login(p_tenant, p_login, p_application, v_session.directory_id, v_session.user_id,
                     p_started_at, p_now, p_events)
    then
        return 'already_used';
    end if;
    if p_grant is not null then
        perform give_grant(p_tenant, p_grant, p_login, p_application, v_session.user_id, p_session,
                           p_code_hash, p_code_expires_at, p_redirect_uri, p_code_challenge,
                           p_nonce, p_scope, p_claims, p_sub,
                           v_session.auth_time, v_session.acr, v_session.amr, p_now);
    end if;
    return 'committed';
end
$$;

-- The moment before which a tenant's timelines are not kept; `p_usual` unless it says. What its policy says is bounded where it
-- is written; what cannot be a number of days counts as nothing said.
create function logins_kept_since(p_tenant uuid, p_now timestamptz, p_usual timestamptz)
    returns timestamptz
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_days text;
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    select t.policy #>> '{retention,logins_days}' into v_days
      from tenants t where t.tenant_id = p_tenant;
    if v_days ~ '^[1-9][0-9]{0,2}$' then
        -- Days of 24 hours, wherever the server is.
        return p_now - make_interval(hours => 24 * v_days::integer);
    end if;
    return p_usual;
end
$$;

revoke all on function tenant_logo, session_in_use, logins_kept_since from public;
grant execute on function tenant_logo, session_in_use, logins_kept_since
    to vestibule_gateway, vestibule_operator;
