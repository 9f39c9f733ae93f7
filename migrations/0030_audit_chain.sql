-- The audit log becomes a chain for each tenant: every event has a number and a hash over itself and
-- the one before it, so that an edit, a gap or another order shows (docs/adr/0018-a-chained-audit-log.md).
--
-- There is no row with the head that somebody could write: the head is the newest event. A trigger
-- numbers and hashes, so that whoever writes events goes on as before, and no role of ours may name
-- a number or a hash. Writers of one tenant wait for each other, from their event to their commit.
alter table audit_events
    add column seq bigint,
    add column previous bytea,
    add column hash bytea;

-- The bytes that are hashed. Every part has its length in front, so that no two events are the same
-- bytes; `broker::audit` makes them once more, in another language, when the chain is verified.
create function audit_hash(
    p_tenant uuid, p_seq bigint, p_previous bytea, p_event uuid, p_at timestamptz,
    p_actor text, p_act text, p_subject jsonb)
    returns bytea
    language sql immutable parallel safe
    set search_path = pg_catalog, public, pg_temp
as $$
    select sha256('vestibule audit 1'::bytea
        || uuid_send(p_tenant) || int8send(p_seq) || p_previous || uuid_send(p_event)
        || int8send((extract(epoch from p_at) * 1000000)::bigint)
        || int8send(octet_length(convert_to(p_actor, 'UTF8'))::bigint) || convert_to(p_actor, 'UTF8')
        || int8send(octet_length(convert_to(p_act, 'UTF8'))::bigint) || convert_to(p_act, 'UTF8')
        || int8send(octet_length(convert_to(p_subject::text, 'UTF8'))::bigint)
        || convert_to(p_subject::text, 'UTF8'))
$$;

-- What there is already is chained in the order of its times. The owner is bound by the policies,
-- which are for the two roles, so they are lifted for the length of this transaction.
alter table audit_events no force row level security;

do $$
declare
    one audit_events;
    chain uuid;
    last bigint;
    head bytea;
begin
    for one in select * from audit_events order by tenant_id, at, event_id loop
        if chain is distinct from one.tenant_id then
            chain := one.tenant_id;
            last := 0;
            head := decode(repeat('00', 32), 'hex');
        end if;
        update audit_events e
           set seq = last + 1, previous = head,
               hash = audit_hash(e.tenant_id, last + 1, head, e.event_id, e.at, e.actor, e.act,
                                 e.subject)
         where e.tenant_id = one.tenant_id and e.event_id = one.event_id
     returning e.seq, e.hash into last, head;
    end loop;
end
$$;

alter table audit_events force row level security;

alter table audit_events
    alter column seq set not null,
    alter column previous set not null,
    alter column hash set not null,
    add constraint audit_events_seq_key unique (tenant_id, seq),
    add constraint audit_events_hashes_are_hashes
        check (seq > 0 and octet_length(previous) = 32 and octet_length(hash) = 32);

create function chain_audit_event() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    -- Held until the commit. The next statement sees what whoever held it before has committed.
    perform pg_advisory_xact_lock(hashtextextended('audit of ' || new.tenant_id::text, 0));
    select e.seq + 1, e.hash into new.seq, new.previous
      from audit_events e
     where e.tenant_id = new.tenant_id
     order by e.seq desc limit 1;
    if not found then
        new.seq := 1;
        new.previous := decode(repeat('00', 32), 'hex');
    end if;
    new.hash := audit_hash(new.tenant_id, new.seq, new.previous, new.event_id, new.at, new.actor,
                           new.act, new.subject);
    return new;
end
$$;

create trigger audit_events_chain before insert on audit_events
    for each row execute function chain_audit_event();

revoke insert on audit_events from vestibule_gateway, vestibule_operator;
grant insert (tenant_id, event_id, at, actor, act, subject) on audit_events
    to vestibule_gateway, vestibule_operator;

-- Where a tenant's chain ends, for the checkpoints of a running gateway; no row: it has no event.
create function audit_head(p_tenant uuid)
    returns table (seq bigint, hash bytea)
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('vestibule.tenant_id', p_tenant::text, true);
    return query
        select e.seq, e.hash from audit_events e
         where e.tenant_id = p_tenant order by e.seq desc limit 1;
end
$$;

revoke all on function audit_hash, chain_audit_event, audit_head from public;
-- A trigger runs with the rights of whoever writes the event.
grant execute on function audit_hash, audit_head to vestibule_gateway, vestibule_operator;
