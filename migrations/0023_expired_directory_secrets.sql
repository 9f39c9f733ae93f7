-- What a directory itself said of our secrets: that one has expired. Kept as the SHA-256 of the
-- sealed secret, so that a secret which takes its place is not expired.
alter table directories add column expired_client_secret bytea;
alter table directories add column expired_next_client_secret bytea;
alter table directories add constraint directories_expired_secrets_are_hashes
    check (octet_length(expired_client_secret) = 32
       and octet_length(expired_next_client_secret) = 32);

grant update (expired_client_secret, expired_next_client_secret) on directories
    to vestibule_gateway;

-- Once per secret, however many logins learn it at once: the version is raised by the first. A
-- configuration that changed since the secret was used may hold another one, so nothing is noted
-- then. The tenant is locked first, as whoever changes the configuration does.
create function note_expired_secret(
    p_tenant uuid, p_directory uuid, p_is_next boolean, p_version bigint)
    returns boolean
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    perform from tenants t where t.tenant_id = p_tenant and t.version = p_version for update;
    if not found then
        return false;
    end if;
    if p_is_next then
        update directories d
           set expired_next_client_secret = sha256(d.sealed_next_client_secret)
         where d.tenant_id = p_tenant and d.directory_id = p_directory
           and d.expired_next_client_secret is distinct from sha256(d.sealed_next_client_secret);
    else
        update directories d
           set expired_client_secret = sha256(d.sealed_client_secret)
         where d.tenant_id = p_tenant and d.directory_id = p_directory
           and d.expired_client_secret is distinct from sha256(d.sealed_client_secret);
    end if;
    return found;
end
$$;

revoke all on function note_expired_secret from public;
grant execute on function note_expired_secret to vestibule_gateway, vestibule_operator;
