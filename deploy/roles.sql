-- One role per service; none owns anything. Migrations run as homevitals_owner.
do $$
declare role_name text;
begin
    foreach role_name in array array['homevitals_owner', 'homevitals_ingest', 'homevitals_alerts',
                                     'homevitals_console', 'homevitals_entrance', 'homevitals_scheduler',
                                     'homevitals_sealer', 'homevitals_guard', 'homevitals_notifier',
                                     'homevitals_link'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I login noinherit nosuperuser nocreatedb nocreaterole nobypassrls', role_name);
        end if;
        -- Instants are stored and read in UTC, whatever zone the server is set to.
        execute format('alter role %I set timezone = %L', role_name, 'UTC');
    end loop;
    -- The owner of a database has its schema “public” through pg_database_owner, on PostgreSQL 15 only where it inherits.
    alter role homevitals_owner inherit;
end $$;
