-- Minutes are as many as readings: in chunks of a week, as theirs, so that they are compressed as soon.
DO $$
BEGIN
    IF to_regclass('reading_minute') IS NOT NULL THEN
        PERFORM set_chunk_time_interval(
            (quote_ident(materialization_hypertable_schema) || '.'
             || quote_ident(materialization_hypertable_name))::regclass,
            INTERVAL '7 days'
        )
        FROM timescaledb_information.continuous_aggregates WHERE view_name = 'reading_minute';
    END IF;
END
$$;
