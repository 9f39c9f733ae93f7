-- A master key can be replaced while gateways run (docs/adr/0019-replacing-the-master-key.md).
alter table installation
    -- The key of client secrets' hashes, wrapped by the master key in force. Null: it is derived
    -- from that one, which is the installation's first.
    add column client_key bytea,
    -- The ids of master keys that still have a tenant's data key wrapped; null: nothing is being
    -- replaced.
    add column retiring bytea[],
    add constraint installation_client_key_is_wrapped check (octet_length(client_key) > 37);

-- One statement at a time changes it, by whoever replaces the key; a gateway only reads.
grant update (key_check, client_key, retiring) on installation to vestibule_operator;
