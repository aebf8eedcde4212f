-- How the API asks whether any manual result was withdrawn since it last looked.
CREATE INDEX ON sample (withdrawn_at) WHERE withdrawn_at IS NOT NULL;
