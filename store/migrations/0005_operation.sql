-- How the parts are doing, what the simulators really did, and who did what.
CREATE TABLE heartbeat (
    service text PRIMARY KEY,
    at      timestamptz NOT NULL,
    detail  jsonb NOT NULL
);

CREATE TABLE simulator_truth (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fault_id       text NOT NULL UNIQUE,
    site           text NOT NULL,
    sampling_point text NOT NULL,
    fault          text NOT NULL,
    started_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    detail         jsonb NOT NULL
);

CREATE TABLE audit_log (
    id        bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    action    text NOT NULL,
    subject   text NOT NULL,
    detail    jsonb NOT NULL,
    prev_hash bytea NOT NULL,
    hash      bytea NOT NULL
);
