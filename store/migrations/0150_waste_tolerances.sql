-- What the rules of custody tolerate, as people set it: each row the whole setting, of which the newest holds. Without a
-- row the defaults do (monitor/waste/rules.py). A row is never changed. journal_id is the `config` row at which the
-- monitor took it up.
CREATE TABLE waste_tolerances (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tolerances jsonb NOT NULL,       -- those that differ from the defaults: name → value
    reason     text NOT NULL,
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL,
    journal_id bigint
);
