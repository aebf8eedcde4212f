-- Chunks are compressed a week after their end: a gateway that kept its backlog for days still finds them open, and
-- what comes later than that is stored all the same, a little dearer (docs/operations.md). By channel and time, which
-- is how they are asked for. Only TimescaleDB's Community edition compresses. A policy for an aggregate would need a
-- refresh policy beside the monitor's refreshes, so the monitor compresses that one (store/aggregates/continuous.py).
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb')
       AND current_setting('timescaledb.license', true) = 'timescale' THEN
        ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'channel_id',
                                 timescaledb.compress_orderby = 'ts');
        ALTER TABLE reading_flag SET (timescaledb.compress, timescaledb.compress_segmentby = 'channel_id, test',
                                      timescaledb.compress_orderby = 'ts');
        ALTER MATERIALIZED VIEW reading_minute SET (timescaledb.compress,
                                                    timescaledb.compress_segmentby = 'channel_id',
                                                    timescaledb.compress_orderby = 'bucket');
        PERFORM add_compression_policy('reading', INTERVAL '7 days');
        PERFORM add_compression_policy('reading_flag', INTERVAL '7 days');
    END IF;
END
$$;
