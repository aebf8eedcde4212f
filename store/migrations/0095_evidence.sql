-- Evidence: anchors of the journal, packages, rows of the journal kept past its retention, reviews of devices.

-- An anchor fixes the journal up to a row: `content` is what is published, `digest` its SHA-256, which the next one
-- carries. A row is never changed.
CREATE TABLE anchor (
    number     bigint PRIMARY KEY,
    made_at    timestamptz NOT NULL,
    journal_id bigint NOT NULL,
    content    text NOT NULL,
    digest     bytea NOT NULL
);
CREATE INDEX ON anchor (journal_id);

-- A package for an alarm or a case. It is evidence only once a second person has audited it: until then a draft.
CREATE TABLE evidence_package (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject       text NOT NULL CHECK (subject IN ('alarm', 'case')),
    subject_id    bigint NOT NULL,
    site          text NOT NULL,
    simulated     boolean NOT NULL,
    purpose       text NOT NULL,
    made_at       timestamptz NOT NULL,
    made_by       text NOT NULL,
    audited_at    timestamptz,
    audited_by    text CHECK (audited_by <> made_by),
    audit_note    text,
    accepted      boolean,               -- what the audit came to; null: not audited
    sha256        text NOT NULL,         -- of content
    content       bytea NOT NULL,        -- the ZIP
    anchor        bigint                 -- the anchor that published sha256
);
ALTER TABLE evidence_package ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX ON evidence_package (subject, subject_id);
CREATE INDEX ON evidence_package (id) WHERE anchor IS NULL;

-- Rows of the journal that a case or a package relies on, which its retention does not drop. Where `body` is null the
-- row is only a link of the chain: what its hash is made of, without its content.
CREATE TABLE journal_kept (
    id          bigint PRIMARY KEY,
    kind        text NOT NULL,
    recorded_at timestamptz NOT NULL,
    rows        integer NOT NULL,
    batch       bigint,
    body        bytea,
    raw         bytea,
    body_sha256 bytea NOT NULL,
    raw_sha256  bytea,
    prev_hash   bytea NOT NULL,
    hash        bytea NOT NULL
);
ALTER TABLE journal_kept ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN raw SET STORAGE EXTERNAL;
CREATE INDEX ON journal_kept (batch) WHERE body IS NOT NULL;

-- Alarms whose rows are in journal_kept. `complete`: the alarm was over and an anchor covered it.
CREATE TABLE evidence_hold (
    alarm_id bigint PRIMARY KEY,
    held_at  timestamptz NOT NULL,
    rows     integer NOT NULL,
    complete boolean NOT NULL
);

-- What 行政处罚法 Art 41 asks of monitoring equipment, as it was found on a day. The newest one before a day counts then.
CREATE TABLE device_review (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device           text NOT NULL,
    reviewed_on      date NOT NULL,
    legal            boolean NOT NULL,   -- 法制审核
    technical        boolean NOT NULL,   -- 技术审核
    standard         text NOT NULL,      -- the standard or type approval it was found to meet; empty: none
    sited            boolean NOT NULL,   -- 设置合理
    marked           boolean NOT NULL,   -- 标志明显
    published        text NOT NULL,      -- where its place is published (地点公布); empty: nowhere
    reviewers        text[] NOT NULL,
    note             text NOT NULL DEFAULT '',
    entered_by       text NOT NULL,
    entered_at       timestamptz NOT NULL
);
CREATE INDEX ON device_review (device, reviewed_on);
