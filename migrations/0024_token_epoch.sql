-- A code that was used stays used, also when the database goes back in time: after a failover to a
-- standby that had not heard of it, after a restore, or in a copy. Each grant carries the epoch in
-- which it was given; what is of another epoch holds nothing. (THREATS KD-04, F-03, F-26)
--
-- Raised by the operator to end everything that applications hold.
alter table installation add column token_generation bigint not null default 0;
grant update (token_generation) on installation to vestibule_operator;

-- The epoch: which cluster, since which promotion or recovery, which table of which database, and
-- the operator's count. A promotion begins a timeline before it takes its first write; a dump
-- makes its tables anew wherever it is read back.
--
-- Managed services refuse some of it. What is refused counts as a question mark, so that an epoch
-- is told apart by what is left; the command `vestibule tokens revoke-all` does what is missing.
create function token_epoch() returns text
    language plpgsql stable
    set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_system text := '?';
    v_timeline text := '?';
begin
    -- A replica may not know yet what was used. (THREATS KD-04)
    if pg_is_in_recovery() then
        raise exception 'tokens are checked on the primary only'
            using errcode = 'read_only_sql_transaction';
    end if;
    begin
        -- At once the right one after a promotion, while pg_control waits for a checkpoint.
        v_timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    exception when others then
        null;
    end;
    begin
        v_system := (select system_identifier from pg_control_system());
    exception when others then
        null;
    end;
    return concat_ws('.', v_system, v_timeline,
        (select d.oid from pg_database d where d.datname = current_database()),
        'grants'::regclass::oid,
        coalesce((select i.token_generation from installation i), 0));
end
$$;

revoke all on function token_epoch() from public;
grant execute on function token_epoch() to vestibule_gateway, vestibule_operator;

-- What is there already is of this epoch. The previous release need not know: it is the default.
alter table grants add column epoch text collate "C" not null default token_epoch();
