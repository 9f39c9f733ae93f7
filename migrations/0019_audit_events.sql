-- What was done to a tenant's people and configuration, when and by whom. An event is written in the
-- transaction of the act and never changed or removed, by neither role; it goes with its tenant.
create table audit_events (
    tenant_id uuid not null,
    event_id uuid not null default gen_random_uuid(),
    at timestamptz not null,
    -- Who acted: `login ID`, `operator`.
    actor text not null,
    -- What happened, such as `user.joined`.
    act text not null,
    -- To whom or what; never a secret.
    subject jsonb not null,
    constraint audit_events_pkey primary key (tenant_id, event_id),
    constraint audit_events_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint audit_events_actor_is_short check (octet_length(actor) between 1 and 300),
    constraint audit_events_act_is_a_name check (act ~ '^[a-z_]+(\.[a-z_]+)+$' and octet_length(act) <= 100),
    constraint audit_events_subject_is_object
        check (jsonb_typeof(subject) = 'object' and octet_length(subject::text) <= 100000)
);

create index audit_events_by_time on audit_events (tenant_id, at);

alter table audit_events enable row level security;
alter table audit_events force row level security;

create policy audit_events_gateway on audit_events to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy audit_events_operator on audit_events to vestibule_operator
    using (true) with check (true);

grant select, insert on audit_events to vestibule_gateway, vestibule_operator;
