-- A dead letter that went through the decoder and the writer again and is dead no more: when, by whom, and how many
-- readings its message brought then.
ALTER TABLE dead_letter
    ADD COLUMN replayed_at       timestamptz,
    ADD COLUMN replayed_by       text,
    ADD COLUMN replayed_readings integer;
