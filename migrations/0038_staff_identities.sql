-- Staff who sign in to the dashboard through a directory of their tenant. Whom a directory lets in is
-- decided by an identity that the person connected themselves, and never by an e-mail address.
--
-- A connection ends with the membership and with the directory; the sessions that were made by it end
-- with the connection.
create table staff_identities (
    tenant_id uuid not null,
    account_id uuid not null,
    directory_id uuid not null,
    issuer text collate "C" not null,
    subject text collate "C" not null,
    -- What the directory was when this was connected: another provider's word does not count.
    provider text collate "C" not null,
    created_at timestamptz not null,
    last_used_at timestamptz,
    constraint staff_identities_pkey primary key (tenant_id, account_id, directory_id),
    -- An identity is of one account.
    constraint staff_identities_one_account unique (tenant_id, directory_id, issuer, subject),
    constraint staff_identities_member_fkey foreign key (tenant_id, account_id)
        references members (tenant_id, account_id) on delete cascade,
    constraint staff_identities_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint staff_identities_issuer_is_short check (octet_length(issuer) between 1 and 2000),
    constraint staff_identities_subject_is_short check (octet_length(subject) between 1 and 1100),
    constraint staff_identities_provider_is_short check (octet_length(provider) between 1 and 50)
);

create index staff_identities_by_account on staff_identities (account_id);

-- Which connection a session was made by: it reaches that tenant and nothing else. The release before
-- this never made such a session, and does not read the cookie of one.
delete from account_sessions where method = 'directory';
alter table account_sessions
    add column tenant_id uuid,
    add column directory_id uuid,
    add constraint account_sessions_identity_fkey foreign key (tenant_id, account_id, directory_id)
        references staff_identities (tenant_id, account_id, directory_id) on delete cascade,
    add constraint account_sessions_directory_is_known
        check ((method = 'directory') = (tenant_id is not null)
           and (tenant_id is null) = (directory_id is null));

create index account_sessions_by_identity on account_sessions (tenant_id, account_id, directory_id)
    where tenant_id is not null;

-- When somebody was last at this tenant, which is all that its owners are told.
alter table members add column last_seen_at timestamptz;
grant update (last_seen_at) on members to vestibule_operator;

alter table staff_identities enable row level security;
alter table staff_identities force row level security;
create policy staff_identities_operator on staff_identities to vestibule_operator
    using (true) with check (true);
-- The gateway's role has no business with it.
grant select, insert, delete, update (last_used_at) on staff_identities to vestibule_operator;

-- Whoever sets an account up anew by a link ends what let somebody in before, also at a node of the
-- release before this, which knows of no connections: nothing else writes that column.
create function end_staff_identities() returns trigger
    language plpgsql
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    delete from staff_identities where account_id = new.account_id;
    return null;
end
$$;
revoke all on function end_staff_identities() from public;
create trigger accounts_set_up_anew after update of is_vouched on accounts
    for each row execute function end_staff_identities();
