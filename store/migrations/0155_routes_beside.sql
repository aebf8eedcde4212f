-- Routes that tell their people beside the route that takes an alarm, and take none themselves.
ALTER TABLE notify_route ADD COLUMN beside boolean NOT NULL DEFAULT false;

-- A venue finds in its inbox what concerns its water and what its instruments do: design defaults, to be changed on the
-- page of notifications. What is the venue's own work already has a route.
INSERT INTO notify_route (position, name_zh, name_en, priorities, audiences, kinds, steps, group_wait_s, group_interval_s, repeat_s, digest_s, tell_resolved, beside, changed_by, changed_at) VALUES
(60, '告知场所：高级预警', 'The venue is told: high priority', '{high}', '{inspector}', '{limit,circulation,waste}',
 '[{"role": "venue", "after_s": 0, "after_off_s": 0}]', 60, 900, 86400, NULL, true, true, 'landun', '2026-01-01 00:00Z'),
(70, '告知场所：设备离线', 'The venue is told: silent instruments', '{}', '{inspector}', '{offline}',
 '[{"role": "venue", "after_s": 0, "after_off_s": 0}]', 60, 900, 86400, NULL, true, true, 'landun', '2026-01-01 00:00Z');
