-- Disclosure (公示): venues that agree to show their values, sample results that are published, votes (你点我测).

-- A venue agrees that its current values are public; until it, or the agency for it, takes that back.
CREATE TABLE disclosure_consent (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site       text NOT NULL REFERENCES site ON DELETE CASCADE,
    given_by   text NOT NULL,
    given_at   timestamptz NOT NULL,
    revoked_by text,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX consent_once ON disclosure_consent (site) WHERE revoked_at IS NULL;

-- A sample result that was published. One that is withdrawn is shown to nobody any more, and the row says why.
CREATE TABLE sample_publication (
    sample_id       bigint PRIMARY KEY REFERENCES sample ON DELETE CASCADE,
    published_by    text NOT NULL,
    published_at    timestamptz NOT NULL,
    withdrawn_by    text,
    withdrawn_at    timestamptz,
    withdraw_reason text
);
CREATE INDEX ON sample_publication (published_at);

-- 你点我测: the public says where to test, the agency draws with a lot for each vote.
CREATE TABLE vote_round (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    sites      text[] NOT NULL,
    simulated  boolean NOT NULL,
    opens_at   timestamptz NOT NULL,
    closes_at  timestamptz NOT NULL CHECK (closes_at > opens_at),
    opened_by  text NOT NULL
);

-- One vote a voter and round; `voter` is a digest, from which nobody can be told.
CREATE TABLE vote (
    round_id bigint NOT NULL REFERENCES vote_round ON DELETE CASCADE,
    voter    text NOT NULL,
    site     text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (round_id, voter)
);
CREATE INDEX ON vote (round_id, site);
