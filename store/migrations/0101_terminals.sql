-- A terminal of a vehicle is known by its telephone number alone, so no two may have the same; leading zeros are padding.
CREATE UNIQUE INDEX device_terminal ON device (ltrim(identity, '0')) WHERE dialect = 'jt808';
