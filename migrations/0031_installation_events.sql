-- What was done to the installation: tenants that were made or removed, master keys that were
-- replaced. A tenant's own events go with it, as its people may ask; that it was there, who removed
-- it, and how its chain ended stays here (docs/adr/0018-a-chained-audit-log.md).
create table installation_events (
    event_id uuid not null default gen_random_uuid(),
    seq bigint not null,
    at timestamptz not null,
    actor text not null,
    act text not null,
    subject jsonb not null,
    previous bytea not null,
    hash bytea not null,
    constraint installation_events_pkey primary key (event_id),
    constraint installation_events_seq_key unique (seq),
    constraint installation_events_actor_is_short check (octet_length(actor) between 1 and 300),
    constraint installation_events_act_is_a_name
        check (act ~ '^[a-z_]+(\.[a-z_]+)+$' and octet_length(act) <= 100),
    constraint installation_events_subject_is_object
        check (jsonb_typeof(subject) = 'object' and octet_length(subject::text) <= 100000),
    constraint installation_events_hashes_are_hashes
        check (seq > 0 and octet_length(previous) = 32 and octet_length(hash) = 32)
);

-- It names every tenant, so the gateway's role does not see it.
alter table installation_events enable row level security;
alter table installation_events force row level security;

create policy installation_events_operator on installation_events to vestibule_operator
    using (true) with check (true);

-- The same chain as a tenant's, under the nil UUID, which no tenant has.
create function chain_installation_event() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('audit of the installation', 0));
    select e.seq + 1, e.hash into new.seq, new.previous
      from installation_events e
     order by e.seq desc limit 1;
    if not found then
        new.seq := 1;
        new.previous := decode(repeat('00', 32), 'hex');
    end if;
    new.hash := audit_hash('00000000-0000-0000-0000-000000000000', new.seq, new.previous,
                           new.event_id, new.at, new.actor, new.act, new.subject);
    return new;
end
$$;

create trigger installation_events_chain before insert on installation_events
    for each row execute function chain_installation_event();

revoke all on function chain_installation_event from public;
grant select, insert (event_id, at, actor, act, subject) on installation_events
    to vestibule_operator;
