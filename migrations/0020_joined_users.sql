-- A person may arrive from a second directory, or after an import, and still be who they were:
-- `users` knows the e-mail address that a directory vouched for, or an import stated, and a login
-- may add an identity to the one user who has it.
--
-- The functions of before stay as they are for the previous release.
alter table users
    -- Lower-cased. Not unique: two people of two directories may share a mailbox.
    add column email text collate "C",
    add column imported_at timestamptz,
    -- Imported without an identity and not seen since: the first login with this very address
    -- becomes them, whatever the tenant's rule for others is.
    add column awaited boolean not null default false,
    -- Every row of before has neither, so there is nothing to look through.
    add constraint users_email_is_short check (octet_length(email) between 3 and 320) not valid,
    add constraint users_awaited_by_email
        check (not awaited or (imported_at is not null and email is not null)) not valid;

-- Still empty: one pass over the table.
create index users_by_email on users (tenant_id, email) where email is not null;

grant update (email, awaited) on users to vestibule_gateway;

-- Step 6: the user of the identity; if there is none, who has the address that the directory
-- vouches for. Two of those are as many as a decision needs.
create function known_user(
    p_tenant uuid, p_directory uuid, p_issuer text, p_subject text, p_email text)
    returns table (
        user_id uuid, sub text, external_id text, blocked boolean,
        by_email boolean, awaited boolean, in_directory boolean)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select u.user_id, u.sub, u.external_id, u.blocked_at is not null, false, u.awaited, true
          from identities i
          join users u on u.tenant_id = i.tenant_id and u.user_id = i.user_id
         where i.tenant_id = p_tenant and i.directory_id = p_directory
           and i.issuer = p_issuer and i.subject = p_subject;
    if not found and p_email is not null then
        return query
            select u.user_id, u.sub, u.external_id, u.blocked_at is not null, true, u.awaited,
                   exists (
                       select from identities i
                        where i.tenant_id = p_tenant and i.user_id = u.user_id
                          and i.directory_id = p_directory and i.issuer = p_issuer)
              from users u
             where u.tenant_id = p_tenant and u.email = p_email
             limit 2;
    end if;
end
$$;

-- The sight of a known user. Their address follows what the directory vouches for now.
create function see_user(
    p_tenant uuid, p_login uuid, p_user uuid, p_email text,
    p_directory uuid, p_issuer text, p_subject text, p_now timestamptz)
    returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_email text;
begin
    select u.email into v_email
      from users u
     where u.tenant_id = p_tenant and u.user_id = p_user and u.blocked_at is null;
    if found then
        update identities i set last_seen_at = greatest(i.last_seen_at, p_now)
         where i.tenant_id = p_tenant and i.directory_id = p_directory
           and i.issuer = p_issuer and i.subject = p_subject and i.user_id = p_user;
    end if;
    if not found then
        raise exception 'the identity is not what it was' using errcode = 'VB001';
    end if;
    if coalesce(p_email, v_email) is distinct from v_email then
        update users set email = p_email where tenant_id = p_tenant and user_id = p_user;
        if v_email is not null then
            insert into audit_events (tenant_id, at, actor, act, subject)
            values (p_tenant, p_now, 'login ' || p_login, 'user.email_changed',
                    jsonb_build_object('user', p_user, 'directory', p_directory));
        end if;
    end if;
end
$$;

-- A new user and their identity.
create function make_user(
    p_tenant uuid, p_user uuid, p_sub text, p_external_id text, p_email text,
    p_directory uuid, p_issuer text, p_subject text, p_now timestamptz)
    returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into users (tenant_id, user_id, sub, external_id, email, created_at)
    values (p_tenant, p_user, p_sub, p_external_id, p_email, p_now)
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

-- One more identity of a user who has this address. What was decided outside is proved again here,
-- where nobody can change it any more. `p_because` is `join_by_email` or `import`.
-- (THREATS ID-01, ID-04, ID-12)
create function join_user(
    p_tenant uuid, p_login uuid, p_user uuid, p_email text, p_because text,
    p_directory uuid, p_issuer text, p_subject text, p_now timestamptz)
    returns void
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    -- Held until the commit, so that of two joins at one moment the later sees the earlier.
    perform 1 from users u
      where u.tenant_id = p_tenant and u.user_id = p_user and u.email = p_email
        and u.blocked_at is null and (u.awaited or p_because <> 'import')
        for no key update;
    if not found
        -- An address of two people tells of neither.
        or exists (
            select from users u
             where u.tenant_id = p_tenant and u.email = p_email and u.user_id <> p_user)
        -- Who has an identity of this directory and issuer is not who comes with another one.
        or exists (
            select from identities i
             where i.tenant_id = p_tenant and i.user_id = p_user
               and i.directory_id = p_directory and i.issuer = p_issuer)
    then
        raise exception 'the user is not who they were' using errcode = 'VB001';
    end if;
    insert into identities
           (tenant_id, directory_id, issuer, subject, user_id, first_seen_at, last_seen_at)
    values (p_tenant, p_directory, p_issuer, p_subject, p_user, p_now, p_now)
    on conflict on constraint identities_pkey do nothing;
    if not found then
        raise exception 'the identity appeared' using errcode = 'VB001';
    end if;
    update users set awaited = false
     where tenant_id = p_tenant and user_id = p_user and awaited;
    insert into audit_events (tenant_id, at, actor, act, subject)
    values (p_tenant, p_now, 'login ' || p_login, 'user.joined',
            jsonb_build_object('user', p_user, 'directory', p_directory, 'because', p_because));
end
$$;

create function commit_login(
    p_tenant uuid, p_login uuid, p_application uuid, p_directory uuid,
    p_started_at timestamptz, p_now timestamptz, p_events jsonb,
    -- The address is null if nobody vouches for it; the next two are null unless the user is new;
    -- the last is null unless the identity joins a user.
    p_issuer text, p_subject text, p_email text,
    p_user uuid, p_new_sub text, p_new_external_id text, p_joined_because text,
    p_session uuid, p_token_hash bytea, p_replaced_token_hash bytea, p_profile json,
    p_auth_time timestamptz, p_acr text, p_amr text[], p_expires_at timestamptz,
    -- Null from here on when the answer carries no code.
    p_grant uuid, p_code_hash bytea, p_code_expires_at timestamptz, p_redirect_uri text,
    p_code_challenge text, p_nonce text, p_scope text[], p_claims json, p_sub text)
    returns text
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    -- Without its user, if they do not exist yet.
    if not use_login(p_tenant, p_login, p_application, p_directory,
                     case when p_new_sub is null then p_user end,
                     p_started_at, p_now, p_events)
    then
        return 'already_used';
    end if;
    if p_new_sub is not null then
        perform make_user(p_tenant, p_user, p_new_sub, p_new_external_id, p_email,
                          p_directory, p_issuer, p_subject, p_now);
        update logins set user_id = p_user where tenant_id = p_tenant and login_id = p_login;
    elsif p_joined_because is not null then
        perform join_user(p_tenant, p_login, p_user, p_email, p_joined_because,
                          p_directory, p_issuer, p_subject, p_now);
    else
        perform see_user(p_tenant, p_login, p_user, p_email,
                         p_directory, p_issuer, p_subject, p_now);
    end if;
    -- A browser has one session at an issuer: the one before it ends here.
    update sessions set ended_at = p_now
     where tenant_id = p_tenant and token_hash = p_replaced_token_hash and ended_at is null;
    insert into sessions
           (tenant_id, session_id, token_hash, user_id, directory_id, profile,
            auth_time, acr, amr, created_at, expires_at)
    values (p_tenant, p_session, p_token_hash, p_user, p_directory, p_profile,
            p_auth_time, p_acr, p_amr, p_now, p_expires_at);
    if p_grant is not null then
        perform give_grant(p_tenant, p_grant, p_login, p_application, p_user, p_session,
                           p_code_hash, p_code_expires_at, p_redirect_uri, p_code_challenge,
                           p_nonce, p_scope, p_claims, p_sub, p_auth_time, p_acr, p_amr, p_now);
    end if;
    return 'committed';
end
$$;

-- By their parameters, since some share a name with what the previous release calls.
do $$
declare
    signature text;
begin
    foreach signature in array array[
        'known_user(uuid, uuid, text, text, text)',
        'see_user(uuid, uuid, uuid, text, uuid, text, text, timestamptz)',
        'make_user(uuid, uuid, text, text, text, uuid, text, text, timestamptz)',
        'join_user(uuid, uuid, uuid, text, text, uuid, text, text, timestamptz)',
        'commit_login(uuid, uuid, uuid, uuid, timestamptz, timestamptz, jsonb, text, text, text, uuid,'
        ' text, text, text, uuid, bytea, bytea, json, timestamptz, text, text[], timestamptz, uuid,'
        ' bytea, timestamptz, text, text, text, text[], json, text)'
    ] loop
        execute format('revoke all on function %s from public', signature);
        execute format(
            'grant execute on function %s to vestibule_gateway, vestibule_operator', signature);
    end loop;
end
$$;
