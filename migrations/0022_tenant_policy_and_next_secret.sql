-- What a tenant has decided for all of its parts, as it was written; and the secret that takes the
-- place of a directory's while both may be the right one.
alter table tenants add column policy json not null default '{}';
alter table tenants add constraint tenants_policy_is_object check (json_typeof(policy) = 'object');

alter table directories add column sealed_next_client_secret bytea;
alter table directories add constraint directories_next_secret_is_sealed
    check (octet_length(sealed_next_client_secret) > 29);
