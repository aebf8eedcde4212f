-- What is missing in the numbering of each device: messages lost before they reached the broker. Ingest adds to it.
CREATE TABLE device_sequence (
    device   text PRIMARY KEY,
    missing  bigint NOT NULL,
    gaps     bigint NOT NULL,
    restarts bigint NOT NULL,
    at       timestamptz NOT NULL   -- of the last change
);
