-- Accounts of the dashboard: operators, who reach every tenant, and the staff of tenants; and links
-- with which somebody without an account connects one directory. An account belongs to no tenant,
-- because a person may work for several; what it may do in one is a row of `members`.
--
-- Tokens and links are kept as hashes only. The secret of a second factor is sealed under a data key
-- of the installation, since there is no tenant whose key it could be.
create table installation_data_key (
    only_row boolean not null default true
        constraint installation_data_key_pkey primary key
        constraint installation_data_key_has_one_row check (only_row),
    -- Wrapped by the master key, which the database never sees.
    data_key bytea not null,
    constraint installation_data_key_is_wrapped check (octet_length(data_key) > 37)
);

create table accounts (
    account_id uuid not null,
    email text collate "C" not null,
    -- Empty until somebody has set the account up.
    name text not null default '',
    is_operator boolean not null default false,
    -- Whether the link by which it was set up came from an operator. What a tenant's staff handed out
    -- themselves proves nothing to another tenant.
    is_vouched boolean not null default false,
    password_hash text,
    sealed_totp_secret bytea,
    -- The newest step that was used: none works twice.
    totp_step bigint,
    created_at timestamptz not null,
    created_by text not null,
    last_seen_at timestamptz,
    constraint accounts_pkey primary key (account_id),
    constraint accounts_email_key unique (email),
    constraint accounts_email_is_lower_case check (email = lower(email)),
    constraint accounts_email_is_short check (octet_length(email) between 3 and 254),
    constraint accounts_name_is_short check (char_length(name) <= 100),
    constraint accounts_password_is_hashed
        check (password_hash like '$%' and octet_length(password_hash) <= 300),
    constraint accounts_password_has_a_second_factor
        check ((password_hash is null) = (sealed_totp_secret is null)
           and (password_hash is null) = (totp_step is null)),
    constraint accounts_totp_secret_is_sealed
        check (octet_length(sealed_totp_secret) between 30 and 300),
    constraint accounts_creator_is_short check (octet_length(created_by) between 1 and 300)
);

create table account_passkeys (
    account_id uuid not null,
    credential_id bytea not null,
    name text not null,
    passkey jsonb not null,
    created_at timestamptz not null,
    last_used_at timestamptz,
    constraint account_passkeys_pkey primary key (account_id, credential_id),
    constraint account_passkeys_credential_key unique (credential_id),
    constraint account_passkeys_account_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint account_passkeys_credential_is_short
        check (octet_length(credential_id) between 1 and 1023),
    constraint account_passkeys_name_is_short check (char_length(name) between 1 and 100),
    constraint account_passkeys_passkey_is_object
        check (jsonb_typeof(passkey) = 'object' and octet_length(passkey::text) <= 20000)
);

create table account_links (
    account_id uuid not null,
    link_id uuid not null,
    token_hash bytea not null,
    by_operator boolean not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    constraint account_links_pkey primary key (account_id, link_id),
    constraint account_links_token_key unique (token_hash),
    constraint account_links_account_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint account_links_hash_is_hash check (octet_length(token_hash) = 32),
    constraint account_links_end check (expires_at > created_at
        and expires_at <= created_at + interval '7 days'),
    constraint account_links_creator_is_short check (octet_length(created_by) between 1 and 300)
);

create table account_sessions (
    account_id uuid not null,
    session_id uuid not null,
    token_hash bytea not null,
    method text collate "C" not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null,
    constraint account_sessions_pkey primary key (account_id, session_id),
    constraint account_sessions_token_key unique (token_hash),
    constraint account_sessions_account_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint account_sessions_hash_is_hash check (octet_length(token_hash) = 32),
    constraint account_sessions_method_is_known
        check (method in ('passkey', 'password', 'link', 'directory')),
    constraint account_sessions_end check (expires_at > created_at)
);

create table members (
    tenant_id uuid not null,
    account_id uuid not null,
    role text collate "C" not null,
    -- The one directory of a directory manager.
    directory_id uuid,
    created_at timestamptz not null,
    created_by text not null,
    constraint members_pkey primary key (tenant_id, account_id),
    constraint members_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint members_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint members_account_fkey foreign key (account_id)
        references accounts (account_id) on delete cascade,
    constraint members_role_is_known
        check (role in ('owner', 'editor', 'viewer', 'directory_manager')),
    constraint members_managers_have_a_directory
        check ((role = 'directory_manager') = (directory_id is not null)),
    constraint members_creator_is_short check (octet_length(created_by) between 1 and 300)
);

create index members_by_account on members (account_id);
create index members_by_directory on members (tenant_id, directory_id)
    where directory_id is not null;

-- A link becomes the session of whoever opens it, in one statement; it then lasts as long as the link
-- would have.
create table setup_links (
    tenant_id uuid not null,
    link_id uuid not null,
    directory_id uuid not null,
    -- For whom.
    note text not null,
    token_hash bytea not null,
    session_hash bytea,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    opened_at timestamptz,
    constraint setup_links_pkey primary key (tenant_id, link_id),
    constraint setup_links_tenant_fkey foreign key (tenant_id)
        references tenants (tenant_id) on delete cascade,
    constraint setup_links_directory_fkey foreign key (tenant_id, directory_id)
        references directories (tenant_id, directory_id) on delete cascade,
    constraint setup_links_note_is_short check (char_length(note) <= 100),
    constraint setup_links_hashes_are_hashes
        check (octet_length(token_hash) = 32 and octet_length(session_hash) = 32),
    constraint setup_links_opened_is_a_session
        check ((opened_at is null) = (session_hash is null)),
    constraint setup_links_end check (expires_at > created_at
        and expires_at <= created_at + interval '30 days'),
    constraint setup_links_creator_is_short check (octet_length(created_by) between 1 and 300)
);

create index setup_links_by_directory on setup_links (tenant_id, directory_id);
-- Which tenant a link is of is not known before it is found. That two would be equal tells nobody
-- anything: they have 256 random bits.
create unique index setup_links_one_token on setup_links (token_hash);
create unique index setup_links_one_session on setup_links (session_hash);

-- The gateway's role has no business with any of them.
alter table installation_data_key enable row level security;
alter table installation_data_key force row level security;
alter table accounts enable row level security;
alter table accounts force row level security;
alter table account_passkeys enable row level security;
alter table account_passkeys force row level security;
alter table account_links enable row level security;
alter table account_links force row level security;
alter table account_sessions enable row level security;
alter table account_sessions force row level security;
alter table members enable row level security;
alter table members force row level security;
alter table setup_links enable row level security;
alter table setup_links force row level security;

create policy installation_data_key_operator on installation_data_key to vestibule_operator
    using (true) with check (true);
create policy accounts_operator on accounts to vestibule_operator
    using (true) with check (true);
create policy account_passkeys_operator on account_passkeys to vestibule_operator
    using (true) with check (true);
create policy account_links_operator on account_links to vestibule_operator
    using (true) with check (true);
create policy account_sessions_operator on account_sessions to vestibule_operator
    using (true) with check (true);
create policy members_operator on members to vestibule_operator
    using (true) with check (true);
create policy setup_links_operator on setup_links to vestibule_operator
    using (true) with check (true);

grant select, insert, update (data_key) on installation_data_key to vestibule_operator;
grant select, insert, delete,
      update (name, is_operator, is_vouched, password_hash, sealed_totp_secret, totp_step,
              last_seen_at)
    on accounts to vestibule_operator;
grant select, insert, delete, update (passkey, last_used_at) on account_passkeys
    to vestibule_operator;
grant select, insert, delete on account_links to vestibule_operator;
grant select, insert, delete, update (last_seen_at) on account_sessions to vestibule_operator;
grant select, insert, delete, update (role, directory_id) on members to vestibule_operator;
grant select, insert, delete, update (session_hash, opened_at) on setup_links
    to vestibule_operator;
