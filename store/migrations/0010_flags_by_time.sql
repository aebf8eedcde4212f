-- Flags are kept as long as the readings they are about, and dropped with them: the same weeks (store/partitions.py).
-- What is there becomes the DEFAULT partition, without a copy; rows move out of it as their weeks are made.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('reading_flag', 'ts', chunk_time_interval => INTERVAL '7 days',
                                  create_default_indexes => false, migrate_data => true);
    ELSE
        ALTER TABLE reading_flag RENAME TO reading_flag_default;
        ALTER INDEX reading_flag_pkey RENAME TO reading_flag_default_pkey;
        CREATE TABLE reading_flag (
            channel_id integer NOT NULL,
            ts         timestamptz NOT NULL,
            test       text NOT NULL,
            -- Named as in the table that becomes a partition.
            flag       smallint NOT NULL CONSTRAINT reading_flag_flag_check CHECK (flag IN (2, 3, 4, 9)),
            PRIMARY KEY (channel_id, ts, test)
        ) PARTITION BY RANGE (ts);
        ALTER TABLE reading_flag ATTACH PARTITION reading_flag_default DEFAULT;
    END IF;
END
$$;
