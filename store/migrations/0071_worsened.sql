-- When an alarm last got worse (event time): it is new then to whoever looks at its new priority.
ALTER TABLE alarm ADD COLUMN worsened_at timestamptz;
