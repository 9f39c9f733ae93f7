-- The two roles that Vestibule works as: neither owns a table nor escapes row-level security, so a
-- statement that forgets its tenant finds nothing. Whoever migrates becomes a member and switches
-- with `set role`.
--
-- Roles belong to the whole cluster. Several databases of one cluster may migrate at the same
-- moment, and no lock spans databases, so losing the race is answered by looking again.
do $$
declare
    wanted text;
    -- From Postgres 16 on, whoever makes a role is its member without being able to become it.
    becoming text := case
        when current_setting('server_version_num')::integer >= 160000 then 'set'
        else 'member' end;
begin
    foreach wanted in array array['vestibule_gateway', 'vestibule_operator'] loop
        for attempt in 1..20 loop
            begin
                if not exists (select from pg_roles where rolname = wanted) then
                    execute format(
                        'create role %I nologin nosuperuser nocreatedb nocreaterole nobypassrls',
                        wanted);
                end if;
                if not pg_has_role(current_user, wanted, becoming) then
                    execute format('grant %I to current_user', wanted);
                end if;
                exit;
            exception
                when insufficient_privilege then
                    raise exception 'the database user % may not create or join the role %',
                        current_user, wanted
                        using errcode = 'insufficient_privilege',
                              hint = format(
                                  'As a superuser: create role %1$I nologin; grant %1$I to %2$I; '
                                  'or let the user create roles: alter role %2$I createrole;',
                                  wanted, current_user);
                -- internal_error is "tuple concurrently updated".
                when duplicate_object or unique_violation or internal_error then
                    if attempt = 20 then
                        raise;
                    end if;
                    perform pg_sleep(random() * 0.1);
            end;
        end loop;
        if exists (
            select from pg_roles where rolname = wanted and (rolsuper or rolbypassrls))
        then
            raise exception 'the role % escapes row-level security', wanted
                using errcode = 'insufficient_privilege',
                      hint = format('alter role %I nosuperuser nobypassrls;', wanted);
        end if;
    end loop;
end
$$;

grant usage on schema public to vestibule_gateway, vestibule_operator;
