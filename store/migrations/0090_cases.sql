-- Cases (线索): from a lead to its closure. The rows of case_record are the fold of their events through
-- monitor/supervision/machine.py; they are kept so that boards over tens of thousands of cases are index scans.
-- ("case" is a reserved word of SQL.)
CREATE TABLE case_record (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site            text NOT NULL,
    county          text NOT NULL,           -- whose case it is: the site's county when it was opened
    zone            text NOT NULL,           -- IANA zone of the site: deadlines end with its days
    simulated       boolean NOT NULL,        -- the demonstration's cases are a book of their own
    source          text NOT NULL CHECK (source IN ('alarm', 'inspection', 'sample', 'complaint', 'transfer')),
    source_ref      text NOT NULL DEFAULT '',-- number of the sample, complaint, letter; never shown to a venue
    subject         text NOT NULL,           -- what it is about, in one sentence; never shown to a venue
    priority        text NOT NULL CHECK (priority IN ('high', 'medium', 'low')),
    opened_at       timestamptz NOT NULL,
    opened_by       text NOT NULL,
    state           text NOT NULL CHECK (state IN ('lead', 'verifying', 'work_order', 'guidance', 'rectification',
                                                   'feedback', 'rectified', 'transferred', 'filed', 'closed')),
    since           timestamptz NOT NULL,    -- in this state since
    officer         text,                    -- usernames
    second_officer  text,
    -- The clock that runs now; an open case always has one.
    clock           text,
    clock_from      date,                    -- the local day it started on, which is not counted
    clock_days      integer,
    due_day         date,                    -- the last local day
    due_at          timestamptz,             -- its end
    due_unpublished integer,                 -- the first year counted Monday to Friday for want of a calendar
    measure         text CHECK (measure IN ('work_order', 'guidance', 'rectification')),
    requirement     text,                    -- what the venue was asked to do
    measure_due_at  timestamptz,             -- until when, extensions included: kept while other clocks run
    extended        integer NOT NULL DEFAULT 0,
    corrected_at    timestamptz,             -- the venue's first feedback after the newest measure or failed recheck
    confirmed_at    timestamptz,             -- a recheck found it corrected
    rechecks_failed integer NOT NULL DEFAULT 0,
    told_at         timestamptz,             -- since when it concerns the venue, which sees it from then on
    closed_at       timestamptz,
    closure         text,                    -- why it was closed
    merged_into     bigint REFERENCES case_record,
    CHECK ((state = 'closed') = (due_at IS NULL)),
    CHECK ((state = 'closed') = (closure IS NOT NULL))
);
-- Boards read open cases by deadline, for the whole city, a county, an officer; closed ones leave these indexes.
CREATE INDEX case_open_due ON case_record (simulated, due_at, id) WHERE state <> 'closed';
CREATE INDEX case_open_county ON case_record (simulated, county, due_at, id) WHERE state <> 'closed';
CREATE INDEX case_open_officer ON case_record (officer, due_at, id) WHERE state <> 'closed';
CREATE INDEX case_open_second ON case_record (second_officer, due_at, id) WHERE state <> 'closed';
CREATE INDEX case_site ON case_record (site, opened_at DESC);
CREATE INDEX case_closed ON case_record (simulated, closed_at DESC, id DESC) WHERE state = 'closed';
CREATE INDEX case_unpublished ON case_record (due_unpublished) WHERE due_unpublished IS NOT NULL;

-- Every step. `detail` holds what the person gave (machine.Act), so that folding the events gives the row again.
CREATE TABLE case_event (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES case_record ON DELETE CASCADE,
    at      timestamptz NOT NULL,
    action  text NOT NULL,
    state   text NOT NULL,                   -- after it
    actor   text NOT NULL,                   -- username; platform for the platform itself
    text    text NOT NULL DEFAULT '',
    detail  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON case_event (case_id, id);
CREATE INDEX ON case_event (action, at);

-- The warnings that a case is about: several of one site may be in one case, each is in one case only.
-- No reference to `alarm`: recomputing the alarms' history writes those rows anew, with the same ids.
CREATE TABLE case_alarm (
    alarm_id bigint PRIMARY KEY,
    case_id  bigint NOT NULL REFERENCES case_record ON DELETE CASCADE,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL
);
CREATE INDEX ON case_alarm (case_id);

-- Photos and papers, whole and unaltered. `for_venue`: given by the venue, or shown to it.
CREATE TABLE case_file (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id    bigint NOT NULL REFERENCES case_record ON DELETE CASCADE,
    event_id   bigint NOT NULL REFERENCES case_event ON DELETE CASCADE,
    name       text NOT NULL,
    media_type text NOT NULL,
    bytes      integer NOT NULL CHECK (bytes > 0),
    sha256     text NOT NULL CHECK (length(sha256) = 64),
    content    bytea NOT NULL,
    for_venue  boolean NOT NULL,
    added_at   timestamptz NOT NULL,
    added_by   text NOT NULL
);
CREATE INDEX ON case_file (case_id);
