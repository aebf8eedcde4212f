-- The whole of ISA-18.2. `state` is the occurrence itself; shelved, suppressed by design and out of service lie over it,
-- so that what is under them is never lost: an alarm is muted while any of the three is on.
ALTER TABLE alarm
    DROP CONSTRAINT alarm_state_check,
    ADD CONSTRAINT alarm_state_check CHECK (state IN
        ('unacknowledged', 'acknowledged', 'returned_unacknowledged', 'latched_unacknowledged', 'latched', 'normal')),
    ADD COLUMN rule          text NOT NULL DEFAULT '',  -- what raised it: limit:ph:high, detector:stuck, offline:site, …
    ADD COLUMN severity      text NOT NULL DEFAULT 'warning' CHECK (severity IN ('warning', 'alarm', 'serious')),
    ADD COLUMN legal_lead    boolean NOT NULL DEFAULT false, -- beyond a limit of a binding standard: 疑似
    ADD COLUMN historic      boolean NOT NULL DEFAULT false, -- found in late data: over when it is found, pages nobody
    ADD COLUMN latches       boolean NOT NULL DEFAULT false, -- stays after its return until a person resets it
    ADD COLUMN occurrence    integer NOT NULL DEFAULT 1,     -- the n-th in a row that nobody acknowledged between
    ADD COLUMN relapse_of    bigint,                         -- the one before, which this one took the place of
    ADD COLUMN reset_at      timestamptz,
    ADD COLUMN reset_by      text,
    ADD COLUMN shelved_until timestamptz,                    -- null: not shelved; so with the two below
    ADD COLUMN shelved_by    text,
    ADD COLUMN shelved_once  boolean,                        -- one-shot: ends with the condition
    ADD COLUMN shelve_reason text,
    ADD COLUMN suppressed_by text,                           -- announcement:12, site:P1:offline, gateway:G1:offline, …
    ADD COLUMN suppressed_since timestamptz,
    ADD COLUMN out_of_service_until timestamptz,
    ADD COLUMN out_of_service_by text,
    ADD COLUMN out_of_service_reason text,
    ADD COLUMN on_the_way_at timestamptz,
    ADD COLUMN on_the_way_by text,
    ADD COLUMN muted boolean NOT NULL GENERATED ALWAYS AS
        (shelved_until IS NOT NULL OR suppressed_by IS NOT NULL OR out_of_service_until IS NOT NULL) STORED;

UPDATE alarm SET rule = CASE kind
    WHEN 'limit' THEN 'limit:' || coalesce(indicator, '') || ':' || coalesce(side, '')
    WHEN 'circulation' THEN 'circulation:' || coalesce(side, '')
    WHEN 'offline' THEN CASE WHEN device IS NULL THEN 'offline:site' ELSE 'offline:device' END
    WHEN 'detector' THEN 'detector:' || coalesce(verdict, '')
    ELSE 'platform:' || kind END;
CREATE INDEX ON alarm (rule, raised_at);

-- found: a historic finding; relapsed: a later occurrence took its place; reset: a latched one was let go.
ALTER TABLE alarm_event DROP CONSTRAINT alarm_event_event_check;
ALTER TABLE alarm_event ADD CONSTRAINT alarm_event_event_check CHECK (event IN
    ('raised', 'acknowledged', 'returned', 'worsened', 'comment', 'verdict', 'feedback', 'feedback_undone',
     'found', 'relapsed', 'reset', 'shelved', 'unshelved', 'suppressed', 'unsuppressed',
     'out_of_service', 'in_service', 'on_the_way'));

-- What a venue or an inspector announced: while it lasts (and `hold_off` after it) it mutes by design what begins in
-- it. A row is never changed but to withdraw it. journal_id is the `config` row at which the monitor took it up.
CREATE TABLE announcement (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site           text NOT NULL REFERENCES site ON DELETE CASCADE,
    sampling_point text,                 -- null: all of the site
    kind           text NOT NULL CHECK (kind IN ('closed', 'circulation_off', 'calibration', 'maintenance')),
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL, -- as it was announced; withdrawn_at may have come before
    hold_off_s     integer NOT NULL,
    reason         text NOT NULL,
    announced_by   text NOT NULL,
    announced_at   timestamptz NOT NULL,
    journal_id     bigint,
    withdrawn_by   text,
    withdrawn_at   timestamptz,
    withdraw_reason text,
    withdrawn_journal_id bigint,
    CHECK (ends_at > starts_at)
);
CREATE INDEX ON announcement (site, starts_at);

-- Alarm parameters of a site's own, each with its rationalisation; null: the rule's own. Rows end as site_limit's do.
CREATE TABLE alarm_setting (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site             text NOT NULL REFERENCES site ON DELETE CASCADE,
    sampling_point   text,
    rule             text NOT NULL,
    priority         text CHECK (priority IN ('high', 'medium', 'low')),
    on_delay_s       float8,
    off_delay_s      float8,
    deadband         float8,
    latches          boolean,
    respond_within_s integer,
    cause            text,
    consequence      text,
    response         text,
    reason           text NOT NULL,      -- the basis
    set_by           text NOT NULL,
    set_at           timestamptz NOT NULL,
    journal_id       bigint,
    ended_by         text,
    ended_at         timestamptz,
    end_reason       text,
    ended_journal_id bigint
);
CREATE INDEX ON alarm_setting (site);
