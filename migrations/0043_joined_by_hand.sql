-- An owner may say that two users are one person. Whoever was joined into another stays as a row as
-- which nobody arrives, so that their `sub` and `external_id` are never given to somebody else.
alter table users
    add column joined_into uuid,
    -- Every row of before has none, so there is nothing to look through.
    add constraint users_joined_into_fkey foreign key (tenant_id, joined_into)
        references users (tenant_id, user_id) on delete cascade not valid,
    add constraint users_joined_is_out check (
        joined_into is null
        or (blocked_at is not null and email is null and not awaited
            and joined_into <> user_id)) not valid;

create index users_by_joined_into on users (tenant_id, joined_into)
    where joined_into is not null;
