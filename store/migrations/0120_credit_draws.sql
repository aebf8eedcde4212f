-- Credit and double random (双随机): weights, promises, conflicts of interest, draws and the inspections they ask for.

-- What a site's record counts, by version: the newest row is in force, and nothing is ever changed.
CREATE TABLE credit_weights (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    weights jsonb NOT NULL,
    reason  text NOT NULL,
    set_by  text NOT NULL,
    set_at  timestamptz NOT NULL
);

-- 信用承诺: what a venue promised in writing.
CREATE TABLE commitment (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site         text NOT NULL REFERENCES site ON DELETE CASCADE,
    signed_on    date NOT NULL,
    valid_until  date CHECK (valid_until >= signed_on),
    signed_by    text NOT NULL,              -- the person of the venue
    text         text NOT NULL,
    entered_by   text NOT NULL,
    entered_at   timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz
);
CREATE INDEX ON commitment (site, signed_on);

-- Who must not inspect where, and why. Withdrawn, never deleted: old draws were made with it.
CREATE TABLE conflict_of_interest (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    officer      text NOT NULL REFERENCES person,
    site         text NOT NULL REFERENCES site ON DELETE CASCADE,
    reason       text NOT NULL,
    declared_by  text NOT NULL,
    declared_at  timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX conflict_once ON conflict_of_interest (officer, site) WHERE withdrawn_at IS NULL;

-- A draw is announced with its whole population and a commitment to `nonce`; then a word is given, and both make the
-- seed. `population` is what is published, byte by byte.
CREATE TABLE draw (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL,
    simulated        boolean NOT NULL,
    population       text NOT NULL,
    population_sha256 text NOT NULL,
    commitment       text NOT NULL,
    nonce            text NOT NULL,
    word_from        text NOT NULL,          -- announced before: where the word will come from
    announced_by     text NOT NULL,
    announced_at     timestamptz NOT NULL,
    word             text,
    seed             text,
    drawn_by         text,
    drawn_at         timestamptz,
    cancelled_by     text,
    cancelled_at     timestamptz,
    cancel_reason    text,
    CHECK ((word IS NULL) = (drawn_at IS NULL))
);

-- The inspections that a draw asks for, and what came of each.
CREATE TABLE draw_task (
    draw_id        bigint NOT NULL REFERENCES draw,
    place          integer NOT NULL,         -- in the order of the draw, from 1
    site           text NOT NULL,
    county         text NOT NULL,
    letter         text NOT NULL,            -- the class it was drawn with
    officer        text NOT NULL,
    second_officer text NOT NULL,
    outcome        text CHECK (outcome IN ('in_order', 'problem', 'not_found')),
    note           text NOT NULL DEFAULT '',
    inspected_on   date,
    reported_by    text,
    reported_at    timestamptz,
    case_id        bigint,                   -- the case that a problem opened
    PRIMARY KEY (draw_id, place),
    UNIQUE (draw_id, site)
);
CREATE INDEX ON draw_task (site);
CREATE INDEX ON draw_task (officer) WHERE outcome IS NULL;
