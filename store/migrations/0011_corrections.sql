-- A reading is never changed. A correction says what it should have been, or with value NULL that it is void; the
-- newest one of a reading is in force, those before it stay as its history (store/corrections.py).
CREATE TABLE correction (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id    integer NOT NULL,
    ts            timestamptz NOT NULL,
    value         float8,
    reason        text NOT NULL CHECK (reason <> ''),
    person        text NOT NULL CHECK (person <> ''),
    corrected_at  timestamptz NOT NULL,
    superseded_by bigint
);
CREATE UNIQUE INDEX correction_in_force ON correction (channel_id, ts) WHERE superseded_by IS NULL;
