-- What an instrument is told to do. Written by the API, sent by ingest, which holds the connection.

CREATE TABLE device_command (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device       text NOT NULL REFERENCES device ON DELETE CASCADE,
    command      text NOT NULL CHECK (command IN ('set_clock', 'set_interval')),
    parameters   jsonb NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    sent_at      timestamptz,
    answered_at  timestamptz,
    answer       text
);
CREATE INDEX ON device_command (device, id);
CREATE INDEX ON device_command (id) WHERE sent_at IS NULL;
