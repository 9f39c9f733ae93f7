-- A value sealed under the master key, so that a gateway with another key says so when it starts
-- instead of failing at every login. It belongs to the installation, not to a tenant.
create table installation (
    only_row boolean not null default true
        constraint installation_pkey primary key
        constraint installation_has_one_row check (only_row),
    key_check bytea not null
);

grant select, insert on installation to vestibule_gateway, vestibule_operator;
