-- Links to a venue's public display (公示屏). Whoever has a link sees that venue's values and nothing else. The key in
-- the link follows from the row's number and the platform's secret, so it stands nowhere; a revoked row opens nothing.
CREATE TABLE display (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site       text NOT NULL REFERENCES site ON DELETE CASCADE,
    place      text NOT NULL DEFAULT '',
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL,
    revoked_by text,
    revoked_at timestamptz,
    shown_at   timestamptz
);
CREATE INDEX ON display (site);
