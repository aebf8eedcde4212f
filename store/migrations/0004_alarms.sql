-- ISA-18.2 state of each alarm and every transition. One open alarm a condition.
-- id = journal id × 65536 + ordinal: derived from the journal row that caused it, so a recomputed history compares equal.
CREATE TABLE alarm (
    id              bigint PRIMARY KEY,
    kind            text NOT NULL,          -- limit, circulation, offline
    condition       text NOT NULL,          -- what makes it one condition, e.g. channel:12:low
    site            text NOT NULL,
    device          text,
    sampling_point  text,
    channel_id      integer,
    indicator       text,
    simulated       boolean NOT NULL,
    priority        text NOT NULL CHECK (priority IN ('high', 'medium', 'low')),
    state           text NOT NULL CHECK (state IN ('unacknowledged', 'acknowledged', 'returned_unacknowledged', 'normal')),
    since           timestamptz NOT NULL,   -- the condition began (event time)
    raised_at       timestamptz NOT NULL,   -- the reading or tick that completed the on-delay (event time)
    returned_at     timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    value           float8,                 -- the value at raised_at
    extreme         float8,                 -- furthest beyond the limit while active
    unit            text,
    side            text,                   -- low, high
    limit_lo        float8,
    limit_hi        float8,
    limit_profile   text,
    clause          text,
    return_reason   text                    -- within_limit, closed, circulation_off, online
);
CREATE UNIQUE INDEX ON alarm (condition) WHERE state IN ('unacknowledged', 'acknowledged');
CREATE INDEX ON alarm (state) WHERE state <> 'normal';
CREATE INDEX ON alarm (site, raised_at);
CREATE INDEX ON alarm (raised_at);

CREATE TABLE alarm_event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id   bigint NOT NULL REFERENCES alarm,
    journal_id bigint NOT NULL,
    at         timestamptz NOT NULL,
    event      text NOT NULL CHECK (event IN ('raised', 'acknowledged', 'returned', 'worsened', 'comment')),
    state      text NOT NULL,
    actor      text,
    text       text
);
CREATE INDEX ON alarm_event (alarm_id);
