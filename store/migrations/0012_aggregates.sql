-- Readings by minute, hour and day, in the zone of the channel's site: views `reading_1m`, `reading_1h` and
-- `reading_1d` with the same columns on every engine. Sums are kept and not means, so that buckets combine.
--
-- With TimescaleDB (its Community edition; the Apache one has none) they stand on continuous aggregates. A minute is
-- the same in every zone; hours and days are made for each zone in use (store/aggregates/continuous.py), because a
-- zone is data. They show only what is materialized: the monitor refreshes the buckets that were touched.
--
-- Elsewhere hours and days are tables that the monitor keeps (store/aggregates/tables.py), and a minute is computed
-- from the readings: at the usual one reading a minute, storing it would double what is stored and save nothing.

CREATE VIEW channel_zone AS
SELECT channel.id AS channel_id, site.zone
FROM channel JOIN device ON device.code = channel.device JOIN site ON site.code = device.site;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb')
       AND current_setting('timescaledb.license', true) = 'timescale' THEN
        CREATE MATERIALIZED VIEW reading_minute
        WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
        SELECT channel_id, time_bucket(INTERVAL '1 minute', ts) AS bucket,
               count(*) AS count, sum(value) AS sum, min(value) AS min, max(value) AS max
        FROM reading GROUP BY 1, 2 WITH NO DATA;

        CREATE MATERIALIZED VIEW limit_minute
        WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
        SELECT channel_id, time_bucket(INTERVAL '1 minute', ts) AS bucket, count(*) AS beyond
        FROM reading_flag WHERE test = 'limit' GROUP BY 1, 2 WITH NO DATA;
    ELSE
        -- The key includes the values, as that of `reading` does: a year of a channel lies in one place of the index.
        CREATE TABLE reading_hour (
            channel_id integer NOT NULL,
            bucket     timestamptz NOT NULL,
            count      integer NOT NULL,
            beyond     integer NOT NULL,
            sum        float8 NOT NULL,
            min        float8 NOT NULL,
            max        float8 NOT NULL,
            PRIMARY KEY (channel_id, bucket) INCLUDE (count, beyond, sum, min, max)
        );
        CREATE TABLE reading_day (LIKE reading_hour INCLUDING ALL);

        CREATE VIEW reading_1h AS
        SELECT channel_id, bucket, count::bigint AS count, sum, min, max, sum / count AS mean,
               beyond::bigint AS beyond, beyond::float8 / count AS share
        FROM reading_hour;

        CREATE VIEW reading_1d AS
        SELECT channel_id, bucket, count::bigint AS count, sum, min, max, sum / count AS mean,
               beyond::bigint AS beyond, beyond::float8 / count AS share
        FROM reading_day;

        CREATE VIEW reading_1m AS
        SELECT channel_id, bucket, count(value) AS count, sum(value) AS sum, min(value) AS min, max(value) AS max,
               sum(value) / count(value) AS mean, count(*) FILTER (WHERE beyond) AS beyond,
               (count(*) FILTER (WHERE beyond))::float8 / count(value) AS share
        FROM (
            SELECT reading.channel_id, date_bin('1 minute', reading.ts, TIMESTAMPTZ '2000-01-01 00:00+00') AS bucket,
                   CASE WHEN correction.id IS NULL THEN reading.value ELSE correction.value END AS value,
                   flag.flag IS NOT NULL AND correction.id IS NULL AS beyond
            FROM reading
            LEFT JOIN correction ON correction.channel_id = reading.channel_id AND correction.ts = reading.ts
                AND correction.superseded_by IS NULL
            LEFT JOIN reading_flag AS flag ON flag.channel_id = reading.channel_id AND flag.ts = reading.ts
                AND flag.test = 'limit'
        ) AS in_force
        GROUP BY 1, 2 HAVING count(value) > 0;
    END IF;
END
$$;
