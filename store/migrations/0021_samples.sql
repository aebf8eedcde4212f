-- Manual results: laboratory samples and quick tests on site. A result is never changed; a wrong one is withdrawn, with
-- a reason, and entered anew. Whether it is within the limits is not stored: it follows from the limits valid at taken_at.
CREATE TABLE sample (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site            text NOT NULL,
    sampling_point  text NOT NULL,
    indicator       text NOT NULL,
    value           float8 NOT NULL,
    comparison      text NOT NULL CHECK (comparison IN ('=', '<', '>')),
    kind            text NOT NULL CHECK (kind IN ('laboratory', 'quick_test')),
    taken_at        timestamptz NOT NULL,
    taken_by        text NOT NULL DEFAULT '',
    laboratory      text NOT NULL DEFAULT '',
    report          text NOT NULL DEFAULT '',  -- number of the laboratory's report
    note            text NOT NULL DEFAULT '',
    entered_by      text NOT NULL,
    entered_at      timestamptz NOT NULL,
    source          text NOT NULL,             -- form, or the name of the file
    withdrawn_by    text,
    withdrawn_at    timestamptz,
    withdraw_reason text,
    FOREIGN KEY (site, sampling_point) REFERENCES sampling_point ON DELETE CASCADE
);
-- One result of a kind for each indicator, place and moment: the same file imported twice adds nothing.
CREATE UNIQUE INDEX sample_once ON sample (site, sampling_point, indicator, taken_at, kind) WHERE withdrawn_at IS NULL;
CREATE INDEX ON sample (taken_at, id);
