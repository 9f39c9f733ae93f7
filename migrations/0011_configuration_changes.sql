-- A change of configuration or keys raises the tenant's version and tells every node, at commit.
-- The payload is the tenant's id and nothing else: any session of the database may listen.
create function tenants_raise_version() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    if new.version = old.version then
        new.version := old.version + 1;
    end if;
    return new;
end
$$;

create function tenants_tell_nodes() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform pg_notify('vestibule_configuration', coalesce(new.tenant_id, old.tenant_id)::text);
    return null;
end
$$;

create function raise_tenant_version() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    -- Finds no row while the tenant itself is being deleted, which tells the nodes already.
    update tenants set version = version + 1
     where tenant_id = coalesce(new.tenant_id, old.tenant_id);
    return null;
end
$$;

create trigger tenants_raise_version before update on tenants
    for each row execute function tenants_raise_version();
create trigger tenants_tell_nodes after insert or update or delete on tenants
    for each row execute function tenants_tell_nodes();
create trigger applications_raise_version after insert or update or delete on applications
    for each row execute function raise_tenant_version();
create trigger directories_raise_version after insert or update or delete on directories
    for each row execute function raise_tenant_version();
create trigger signing_keys_raise_version after insert or update or delete on signing_keys
    for each row execute function raise_tenant_version();

revoke all on function tenants_raise_version(), tenants_tell_nodes(), raise_tenant_version()
    from public;
