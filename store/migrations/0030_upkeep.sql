-- What people keep up: credentials and calibrations of devices, accounts of people, the demonstration.

-- Further names by which a device's payload calls an indicator.
ALTER TABLE channel ADD COLUMN names text[] NOT NULL DEFAULT '{}';

-- A channel's number is never given twice: readings of one that is gone must not become another's.
CREATE SEQUENCE channel_number AS integer;

-- A device's password is known to the device alone; here is what the broker compares with (bcrypt). A device without
-- a row has the password that derives from the master secret and its code; simulated devices use that.
CREATE TABLE device_credential (
    device        text PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    generation    integer NOT NULL,
    password_hash text NOT NULL,
    issued_at     timestamptz NOT NULL,
    issued_by     text NOT NULL,
    revoked_at    timestamptz,
    revoked_by    text
);

-- What a device last said of itself on its topic `status`. Written by ingest, which must not fail when a device has
-- just been removed: so no reference.
CREATE TABLE device_status (
    device      text PRIMARY KEY,
    online      boolean NOT NULL,
    firmware    text,
    received_at timestamptz NOT NULL
);

CREATE TABLE calibration (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device        text NOT NULL REFERENCES device ON DELETE CASCADE,
    calibrated_on date NOT NULL,
    due_on        date CHECK (due_on > calibrated_on),
    note          text NOT NULL DEFAULT '',
    entered_by    text NOT NULL,
    entered_at    timestamptz NOT NULL
);
CREATE INDEX ON calibration (device, calibrated_on);

-- A password that an administrator gave out serves once, to choose one's own.
ALTER TABLE person ADD COLUMN one_time boolean NOT NULL DEFAULT false, ADD COLUMN disabled_at timestamptz;

-- The sites of the demonstration, those without devices among them, and when it was removed. One row at most.
CREATE TABLE demonstration (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sites      text[] NOT NULL,
    removed_at timestamptz,
    removed_by text
);
