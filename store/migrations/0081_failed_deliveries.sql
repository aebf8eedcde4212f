-- What failed is counted every few seconds, among years of what was delivered.
CREATE INDEX delivery_failed ON delivery (notification_id) WHERE state = 'failed';
