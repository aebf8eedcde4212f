-- Readings are never updated. A TimescaleDB hypertable where the extension is there; else weekly range
-- partitions of the same name, made ahead and on demand (store/partitions.py), with a DEFAULT partition.
-- The key includes the value: neighbours in time of one channel lie on as many pages as there are minutes, but side by
-- side in the index, so that a week of a channel is read from some fifty pages instead of ten thousand.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb') THEN
        CREATE TABLE reading (
            channel_id integer NOT NULL,
            ts         timestamptz NOT NULL,
            value      float8 NOT NULL,
            batch      bigint NOT NULL,
            PRIMARY KEY (channel_id, ts) INCLUDE (value)
        );
        PERFORM create_hypertable('reading', 'ts', chunk_time_interval => INTERVAL '7 days',
                                  create_default_indexes => false);
    ELSE
        CREATE TABLE reading (
            channel_id integer NOT NULL,
            ts         timestamptz NOT NULL,
            value      float8 NOT NULL,
            batch      bigint NOT NULL,
            PRIMARY KEY (channel_id, ts) INCLUDE (value)
        ) PARTITION BY RANGE (ts);
        CREATE TABLE reading_default PARTITION OF reading DEFAULT;
    END IF;
END
$$;

-- Only what is not good, by QARTOD test: 3 suspect, 4 fail, 9 missing.
CREATE TABLE reading_flag (
    channel_id integer NOT NULL,
    ts         timestamptz NOT NULL,
    test       text NOT NULL,
    flag       smallint NOT NULL CHECK (flag IN (2, 3, 4, 9)),
    PRIMARY KEY (channel_id, ts, test)
);

-- Newest value and state of each channel; written by the monitor, merged about once a second.
-- state: normal, advice, pending (outside, on-delay running), breach, closed, stale, unjudged, bad
CREATE TABLE channel_latest (
    channel_id integer PRIMARY KEY,
    ts         timestamptz NOT NULL,
    value      float8 NOT NULL,
    state      text NOT NULL,
    since      timestamptz,
    batch      bigint NOT NULL,
    revision   bigint NOT NULL
);
CREATE INDEX ON channel_latest (revision);
