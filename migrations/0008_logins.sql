-- One row per attempt to sign in, with its timeline. The key is what makes a callback count once.
-- A login is history: it stays when its application, directory or user is removed.
create table logins (
    tenant_id uuid not null,
    login_id uuid not null,
    application_id uuid,
    directory_id uuid,
    user_id uuid,
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text not null,
    failure text,
    events jsonb not null,
    constraint logins_pkey primary key (tenant_id, login_id),
    constraint logins_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint logins_application_fkey foreign key (tenant_id, application_id)
        references applications (tenant_id, application_id) on delete set null (application_id),
    constraint logins_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete set null (directory_id),
    constraint logins_user_fkey foreign key (tenant_id, user_id)
        references users (tenant_id, user_id) on delete set null (user_id),
    constraint logins_outcome_is_known
        check (outcome in ('pending', 'completed', 'failed', 'redeemed')),
    constraint logins_failed_says_why check ((outcome = 'failed') = (failure is not null)),
    constraint logins_finished_says_when check ((outcome = 'pending') = (finished_at is null)),
    constraint logins_events_is_array check (jsonb_typeof(events) = 'array')
);

-- The number behind a support code: the last 50 bits of the login's id. The body is bound when it is
-- made, so it needs no search_path of its own: with one it could not be inlined, and every write of
-- a login would parse and plan it again for the index below.
create function support_number(p_login uuid) returns bigint
    language sql immutable strict parallel safe
    return ('x' || right(replace(p_login::text, '-', ''), 16))::bit(64)::bigint
        & ((1::bigint << 50) - 1);

create index logins_by_support_number on logins (support_number(login_id));
create index logins_by_start on logins (tenant_id, started_at);
create index logins_unfinished on logins (tenant_id, started_at)
    where outcome in ('pending', 'failed');
create index logins_by_application on logins (tenant_id, application_id);
create index logins_by_directory on logins (tenant_id, directory_id);
create index logins_by_user on logins (tenant_id, user_id);

alter table logins enable row level security;
alter table logins force row level security;

create policy logins_gateway on logins to vestibule_gateway
    using (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('vestibule.tenant_id', true), '')::uuid);
create policy logins_operator on logins to vestibule_operator
    using (true) with check (true);

revoke all on function support_number(uuid) from public;
grant execute on function support_number(uuid) to vestibule_gateway, vestibule_operator;
grant select, insert, delete,
    update (application_id, directory_id, user_id, finished_at, outcome, failure, events)
    on logins to vestibule_gateway;
grant select, insert, update, delete on logins to vestibule_operator;
