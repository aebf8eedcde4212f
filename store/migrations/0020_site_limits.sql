-- Rules of a site's own: a limit tightened or relaxed there, or a further standard it is judged by. A row is never
-- changed but to end it. journal_id is the `config` row at which the monitor took the rule up, and later its end.
CREATE TABLE site_limit (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site             text NOT NULL REFERENCES site ON DELETE CASCADE,
    sampling_point   text,                 -- null: all of the site
    profile          text,                 -- the standard (family) that is adopted, or
    indicator        text,                 -- what gets bounds of its own
    lo               float8,
    hi               float8,
    reason           text NOT NULL,
    since            timestamptz NOT NULL,
    until            timestamptz,          -- as it was set; ended_at may have come before
    set_by           text NOT NULL,
    set_at           timestamptz NOT NULL,
    journal_id       bigint,
    ended_by         text,
    ended_at         timestamptz,
    end_reason       text,
    ended_journal_id bigint,
    CHECK ((profile IS NULL) <> (indicator IS NULL)),
    CHECK (until IS NULL OR until > since)
);
CREATE INDEX ON site_limit (site);
