-- What is known of every bag of medical waste: the monitor merges what changed about once a second, as of `revision`
-- (the journal row). One row a bag, kept with the scans for as long as the manifest must be.
-- Times of a step are the bag's own scan or that of the box it lay in; `own` tells which (bit 0 collected, 1 stored,
-- 2 handed over, 3 received, 4 treated). Grams are net, as the bag itself was weighed.
-- `found`: bit n is set where rule n was broken; `open`: where somebody should still act (monitor/waste/rules.py).
CREATE TABLE waste_bag (
    key          bigint   NOT NULL,      -- first 8 bytes of BLAKE2b of the tag
    simulated    boolean  NOT NULL,
    tag          text     NOT NULL,
    site         text,                   -- whose it is
    parent       bigint   NOT NULL,      -- key of the box or batch that it was put into last, 0: none
    ward         text,
    store        text,
    vehicle      text,
    named        text,                   -- receiver named at the hand-over
    receiver     text,                   -- who received it, else whom it was handed over for
    plant        text,
    category     smallint NOT NULL,      -- as first said, 0: not
    categories   smallint NOT NULL,      -- all that were said, bit n - 1
    collected_at timestamptz, stored_at timestamptz, handed_at timestamptz, received_at timestamptz,
    treated_at   timestamptz,
    collected_g  integer, stored_g integer, handed_g integer, received_g integer, treated_g integer,
    signs        smallint[] NOT NULL,
    own          smallint NOT NULL,
    late         smallint NOT NULL,
    manifest     boolean  NOT NULL,
    step         smallint,               -- last step known, 0 to 4
    again_at     timestamptz, again_g integer, again_ward text,   -- latest collection, where there was a second one
    opened_at    timestamptz,
    newest       timestamptz NOT NULL,
    arrived      timestamptz NOT NULL,
    found        bigint   NOT NULL,
    open         bigint   NOT NULL,
    revision     bigint   NOT NULL,
    PRIMARY KEY (key, simulated)
);
CREATE INDEX waste_bag_by_tag ON waste_bag (tag);
CREATE INDEX waste_bag_by_site ON waste_bag (site, collected_at);
CREATE INDEX waste_bag_waiting ON waste_bag (site, step) WHERE treated_at IS NULL;
CREATE INDEX waste_bag_open ON waste_bag (site) WHERE open <> 0;
