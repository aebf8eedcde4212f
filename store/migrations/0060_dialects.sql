-- How a device speaks: through which gateway, under which name, where it is asked, and what its numbers mean.

ALTER TABLE device
    ADD COLUMN gateway text REFERENCES device ON DELETE CASCADE,
    ADD COLUMN identity text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT '';

-- An instrument is known by its MN alone, so no two may have the same.
CREATE UNIQUE INDEX device_mn ON device (identity) WHERE dialect = 'hj212';

ALTER TABLE channel
    ADD COLUMN unit text NOT NULL DEFAULT '',
    ADD COLUMN factor double precision NOT NULL DEFAULT 1 CHECK (factor <> 0),
    ADD COLUMN "offset" double precision NOT NULL DEFAULT 0;
