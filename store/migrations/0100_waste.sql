-- Medical waste: who and what deals with it (registry/waste), what happened to each bag, where each vehicle was.

-- What a device is, by its scenario's kinds; empty where nobody said. It decides of what it may speak.
ALTER TABLE device ADD COLUMN kind text NOT NULL DEFAULT '';

CREATE TABLE waste_party (
    site         text PRIMARY KEY REFERENCES site ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('producer', 'collection_point', 'carrier', 'disposer')),
    beds         integer NOT NULL DEFAULT 0 CHECK (beds >= 0),
    visits_a_day float8 NOT NULL DEFAULT 0 CHECK (visits_a_day >= 0)
);

CREATE TABLE waste_ward (
    site    text NOT NULL REFERENCES site ON DELETE CASCADE,
    code    text NOT NULL CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    name_zh text NOT NULL,
    name_en text NOT NULL,
    beds    integer NOT NULL DEFAULT 0 CHECK (beds >= 0),
    PRIMARY KEY (site, code)
);

-- Persons who sign; not those who sign in.
CREATE TABLE waste_handler (
    code text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    site text NOT NULL REFERENCES site ON DELETE CASCADE,
    name text NOT NULL
);

CREATE TABLE waste_receiver (
    code        text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    licence     text NOT NULL,
    valid_from  date NOT NULL,
    valid_until date NOT NULL CHECK (valid_until >= valid_from),
    site        text REFERENCES site ON DELETE CASCADE,
    method      text NOT NULL DEFAULT ''
);

CREATE TABLE waste_vehicle (
    code     text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    plate    text NOT NULL,
    receiver text NOT NULL REFERENCES waste_receiver ON DELETE CASCADE,
    tracker  text UNIQUE REFERENCES device ON DELETE SET NULL
);

CREATE TABLE waste_container (
    tag    text PRIMARY KEY CHECK (tag ~ '^[A-Za-z0-9_-]{1,24}$'),
    site   text NOT NULL REFERENCES site ON DELETE CASCADE,
    tare_g integer NOT NULL CHECK (tare_g >= 0)
);

-- Lines are [[longitude, latitude], …] in WGS-84.
CREATE TABLE waste_route (
    code        text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    line        jsonb NOT NULL,
    tolerance_m float8 NOT NULL CHECK (tolerance_m > 0),
    vehicles    text[] NOT NULL DEFAULT '{}',
    site        text REFERENCES site ON DELETE CASCADE
);

CREATE TABLE waste_fence (
    code     text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_-]+$'),
    name_zh  text NOT NULL,
    name_en  text NOT NULL,
    line     jsonb NOT NULL,
    radius_m float8 NOT NULL CHECK (radius_m > 0),
    site     text REFERENCES site ON DELETE CASCADE
);

-- Every scan and weighing, never updated. Numbers of event, kind and category as in registry/waste/catalogue.toml.
-- `content` digests all that the device said, so that a repeat is told from another event with the same id.
-- A device's id is unique over all time, which a key that must hold `ts` can't say: store/waste_rows.py sees to it.
DO $$
BEGIN
    CREATE TABLE waste_event (
        device    text NOT NULL,
        event_id  text NOT NULL,
        ts        timestamptz NOT NULL,
        arrived   timestamptz NOT NULL,
        site      text NOT NULL,
        event     smallint NOT NULL CHECK (event BETWEEN 1 AND 8),
        tag       text NOT NULL,
        kind      smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
        parent    text,
        category  smallint CHECK (category BETWEEN 1 AND 5),
        ward      text,
        gross_g   integer CHECK (gross_g >= 0),
        tare_g    integer CHECK (tare_g >= 0),
        signed_by text[] NOT NULL,
        place     text,
        receiver  text,
        vehicle   text,
        manifest  text,
        sealed    boolean,
        content   bigint NOT NULL,
        batch     bigint NOT NULL,
        PRIMARY KEY (device, event_id, ts)
    ) PARTITION BY RANGE (ts);
    CREATE TABLE position (
        device    text NOT NULL,
        ts        timestamptz NOT NULL,
        arrived   timestamptz NOT NULL,
        lat       float8 NOT NULL CHECK (lat BETWEEN -90 AND 90),
        lon       float8 NOT NULL CHECK (lon BETWEEN -180 AND 180),
        speed_kmh real,
        heading   real,
        batch     bigint NOT NULL,
        PRIMARY KEY (device, ts)
    ) PARTITION BY RANGE (ts);
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb') THEN
        -- A hypertable can't be made of a partitioned table: the same columns without the partitions.
        CREATE TABLE waste_event_plain (LIKE waste_event INCLUDING ALL);
        CREATE TABLE position_plain (LIKE position INCLUDING ALL);
        DROP TABLE waste_event, position;
        ALTER TABLE waste_event_plain RENAME TO waste_event;
        ALTER TABLE position_plain RENAME TO position;
        PERFORM create_hypertable('waste_event', 'ts', chunk_time_interval => INTERVAL '28 days',
                                  create_default_indexes => false);
        PERFORM create_hypertable('position', 'ts', chunk_time_interval => INTERVAL '7 days',
                                  create_default_indexes => false);
    ELSE
        CREATE TABLE waste_event_default PARTITION OF waste_event DEFAULT;
        CREATE TABLE position_default PARTITION OF position DEFAULT;
    END IF;
END
$$;
CREATE INDEX waste_event_by_tag ON waste_event (tag, ts);
CREATE INDEX waste_event_by_parent ON waste_event (parent, ts) WHERE parent IS NOT NULL;
CREATE INDEX waste_event_by_site ON waste_event (site, ts);
CREATE INDEX waste_event_by_device ON waste_event (device, ts);
