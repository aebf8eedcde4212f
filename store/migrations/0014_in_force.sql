-- The readings of a span as they are in force, summed up: what continuous aggregates can't hold, since a correction is
-- no reading. A function in PL/pgSQL is planned when it is called, which for most queries is never; written into the
-- views, every query would plan a scan of every chunk.
DO $$
BEGIN
    IF to_regclass('reading_minute') IS NOT NULL THEN
        CREATE FUNCTION in_force(channel integer, first timestamptz, last timestamptz)
        RETURNS TABLE (count numeric, sum float8, min float8, max float8, beyond numeric)
        LANGUAGE plpgsql STABLE AS $body$
        BEGIN
            RETURN QUERY
            SELECT count(used.value)::numeric, sum(used.value), min(used.value), max(used.value),
                   (count(*) FILTER (WHERE used.judged))::numeric
            FROM (
                SELECT CASE WHEN correction.id IS NULL THEN reading.value ELSE correction.value END AS value,
                       flag.flag IS NOT NULL AND correction.id IS NULL AS judged
                FROM reading
                LEFT JOIN correction ON correction.channel_id = reading.channel_id AND correction.ts = reading.ts
                    AND correction.superseded_by IS NULL
                LEFT JOIN reading_flag AS flag ON flag.channel_id = reading.channel_id AND flag.ts = reading.ts
                    AND flag.test = 'limit'
                WHERE reading.channel_id = channel AND reading.ts >= first AND reading.ts < last
            ) AS used;
        END
        $body$;
    END IF;
END
$$;
