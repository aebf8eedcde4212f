-- The commit log between ingest and monitor. id order is commit order, without gaps (store/journal.py).
CREATE TABLE journal (
    id          bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('readings', 'waste', 'position', 'dead', 'tick', 'config', 'action')),
    recorded_at timestamptz NOT NULL,
    rows        integer NOT NULL,
    batch       bigint,          -- what reading.batch and dead_letter.batch refer to
    body        bytea NOT NULL,
    raw         bytea,
    prev_hash   bytea NOT NULL,
    hash        bytea NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
-- Both are compressed before they come here.
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN raw SET STORAGE EXTERNAL;
CREATE INDEX ON journal (batch);
CREATE INDEX ON journal (id) WHERE kind = 'config';
CREATE TABLE journal_default PARTITION OF journal DEFAULT;

-- A batch is numbered when its transaction begins, because the journal id is known only at its end, under the
-- journal's lock. Numbers of transactions that rolled back are missing; journal ids never are.
CREATE SEQUENCE batch_number;

CREATE TABLE journal_cursor (
    consumer   text PRIMARY KEY,
    journal_id bigint NOT NULL,
    moved_at   timestamptz NOT NULL
);

-- A consumer's folded state as of a journal id, so that a restart folds only what came after.
CREATE TABLE journal_snapshot (
    consumer   text PRIMARY KEY,
    journal_id bigint NOT NULL,
    state      bytea NOT NULL,
    saved_at   timestamptz NOT NULL
);

CREATE TABLE dead_letter (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    site        text,
    device      text,
    field       text,
    batch       bigint NOT NULL
);
CREATE INDEX ON dead_letter (received_at) INCLUDE (reason);
CREATE INDEX ON dead_letter (device, id);
