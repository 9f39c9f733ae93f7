-- By when the last of a grant ends, its refresh token included, for the removal of what has expired.
-- Not made concurrently: nodes that start meanwhile wait for the migration and would be waited for.
-- A grant of before lives an hour or two, so there is little to read.
create index grants_by_end on grants
    (tenant_id, greatest(code_expires_at, access_token_expires_at, refresh_until));
